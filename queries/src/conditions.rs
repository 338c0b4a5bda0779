//! Conditions as SQL, and the joins that they turn out to need.
//!
//! Every condition is true or false, never NULL: what is absent fails or passes as its test says, so that `NOT` means not.

use chrono_tz::Tz;
use event_store::{Result, StoreError};
use insights::{ActorKind, Condition, PropertySource};
use model::{GroupTypeIndex, ProjectId, TimeRange};
use sql_builder::{Expr, From, Select, and, func, literal, not, of, or, param, table};

use crate::sessions::SessionRange;
use crate::{elements, groups_join, person_query, persons_join, properties, sessions};

/// The rows that conditions are put to (`events AS e`, or `person AS p`), and the tables that must be joined to them.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) project: ProjectId,
    pub(crate) timezone: Tz,
    rows: Rows,
    mapping: Need,
    person: Need,
    groups: [bool; model::GROUP_TYPES_MAX as usize],
    sessions: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rows {
    Events(SessionRange),
    Persons,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    No,
    /// Rows without it stay.
    Left,
    /// Rows without it go.
    Inner,
}

/// What is counted: its column, and which rows have one.
pub(crate) struct Actor {
    pub(crate) id: Expr,
    /// `None`: the joins see to it.
    pub(crate) present: Option<Expr>,
}

/// An actor that must exist.
pub(crate) struct Existing {
    pub(crate) actor: Actor,
    pub(crate) created_at: Expr,
}

impl Scope {
    pub(crate) fn events(project: ProjectId, timezone: Tz, sessions: SessionRange) -> Self {
        Self {
            project,
            timezone,
            rows: Rows::Events(sessions),
            mapping: Need::No,
            person: Need::No,
            groups: [false; model::GROUP_TYPES_MAX as usize],
            sessions: false,
        }
    }

    pub(crate) fn persons(project: ProjectId, timezone: Tz) -> Self {
        Self {
            rows: Rows::Persons,
            ..Self::events(project, timezone, SessionRange::everything())
        }
    }

    pub(crate) fn team(&self) -> Expr {
        param(self.project.0)
    }

    /// The rows of the project, with all tables that were asked for until now.
    pub(crate) fn select(&self) -> Select {
        let (from, alias) = self.from();
        Select::from(from).filter(of(alias, "team_id").eq(self.team()))
    }

    fn from(&self) -> (From, &'static str) {
        let range = match self.rows {
            Rows::Persons => return (table("person").alias("p"), "p"),
            Rows::Events(range) => range,
        };
        let mut from = table("events").alias("e");
        match self.mapping {
            Need::No => {}
            Need::Left => from = persons_join::join_mapping(from, sql_builder::JoinKind::Left),
            Need::Inner => from = persons_join::join_mapping(from, sql_builder::JoinKind::Inner),
        }
        match self.person {
            Need::No => {}
            Need::Left => from = persons_join::join_person(from, sql_builder::JoinKind::Left),
            Need::Inner => from = persons_join::join_person(from, sql_builder::JoinKind::Inner),
        }
        for group_type in (0..model::GROUP_TYPES_MAX).filter_map(GroupTypeIndex::new) {
            if self.groups[usize::from(group_type.get())] {
                from = groups_join::join(from, group_type);
            }
        }
        if self.sessions {
            from = sessions::join(from, self.team(), range);
        }
        (from, "e")
    }

    /// The person of a row: NULL for an event without a live mapping.
    pub(crate) fn person_id(&mut self) -> Expr {
        match self.rows {
            Rows::Persons => of("p", "id"),
            Rows::Events(_) => {
                self.mapping = self.mapping.max(Need::Left);
                of("d", "person_id")
            }
        }
    }

    /// The text form of a property: NULL when absent.
    pub(crate) fn text(&mut self, source: PropertySource, key: &str) -> Result<Expr> {
        let texts = match (source, self.rows) {
            (PropertySource::Person, Rows::Persons) => of("p", "property_texts"),
            (_, Rows::Persons) => return Err(not_of_persons("a property that is not the person's")),
            (PropertySource::Event, Rows::Events(_)) => of("e", "property_texts"),
            (PropertySource::Person, Rows::Events(_)) => {
                self.mapping = self.mapping.max(Need::Left);
                self.person = self.person.max(Need::Left);
                of("p", "property_texts")
            }
            (PropertySource::Group(group_type), Rows::Events(_)) => {
                self.groups[usize::from(group_type.get())] = true;
                of(groups_join::alias(group_type), "property_texts")
            }
            (PropertySource::Session, Rows::Events(_)) => {
                self.sessions = true;
                return Ok(sql_builder::cast(of("s", "duration"), "text"));
            }
        };
        Ok(texts.op("->>", param(key)))
    }

    /// The property read as a number: NULL when it is none.
    pub(crate) fn number(&mut self, source: PropertySource, key: &str) -> Result<Expr> {
        let text = self.text(source, key)?;
        Ok(match source {
            PropertySource::Session => sql_builder::cast(of("s", "duration"), "double precision"),
            PropertySource::Event | PropertySource::Person | PropertySource::Group(_) => {
                func("granary_number", [text])
            }
        })
    }

    /// True where a property of this source can be asked at all, when that is in question.
    pub(crate) fn answers(&self, source: PropertySource) -> Option<Expr> {
        match (source, self.rows) {
            (PropertySource::Person, Rows::Events(_)) if self.person != Need::Inner => {
                Some(of("p", "id").is_not_null())
            }
            (
                PropertySource::Event
                | PropertySource::Person
                | PropertySource::Group(_)
                | PropertySource::Session,
                _,
            ) => None,
        }
    }

    /// Drops the rows that cannot have a property of this source: what a breakdown by it needs.
    pub(crate) fn require(&mut self, source: PropertySource) {
        match source {
            PropertySource::Person => {
                self.mapping = Need::Inner;
                self.person = Need::Inner;
            }
            PropertySource::Event | PropertySource::Group(_) | PropertySource::Session => {}
        }
    }

    pub(crate) fn actor(&mut self, kind: ActorKind) -> Actor {
        match kind {
            ActorKind::Person => {
                self.mapping = Need::Inner;
                Actor {
                    id: of("d", "person_id"),
                    present: None,
                }
            }
            ActorKind::Group(group_type) => Actor {
                id: groups_join::key(group_type),
                present: Some(groups_join::key(group_type).ne(literal(""))),
            },
        }
    }

    /// As [`Scope::actor`], but only live persons and known groups.
    pub(crate) fn existing(&mut self, kind: ActorKind) -> Existing {
        let actor = self.actor(kind);
        match kind {
            ActorKind::Person => {
                self.require(PropertySource::Person);
                Existing {
                    actor,
                    created_at: of("p", "created_at"),
                }
            }
            ActorKind::Group(group_type) => {
                self.groups[usize::from(group_type.get())] = true;
                let group = groups_join::alias(group_type);
                Existing {
                    actor: Actor {
                        id: actor.id,
                        // Without a key there is no group either.
                        present: Some(of(group.clone(), "group_key").is_not_null()),
                    },
                    created_at: of(group, "created_at"),
                }
            }
        }
    }
}

fn not_of_persons(what: &str) -> StoreError {
    StoreError::Failed(format!("{what} was asked of a list of persons"))
}

/// `from <= timestamp < to`.
pub(crate) fn within(range: TimeRange) -> Expr {
    and([
        of("e", "timestamp").ge(param(range.from)),
        of("e", "timestamp").lt(param(range.to)),
    ])
}

/// `expr`, or false where it is NULL.
pub(crate) fn or_false(expr: Expr) -> Expr {
    func("coalesce", [expr, literal(false)])
}

pub(crate) fn condition(condition: &Condition, scope: &mut Scope) -> Result<Expr> {
    let of_events = |what: &str| match scope.rows {
        Rows::Events(_) => Ok(()),
        Rows::Persons => Err(not_of_persons(what)),
    };
    Ok(match condition {
        Condition::All(all) => and(each(all, scope)?),
        Condition::Any(any) => or(each(any, scope)?),
        Condition::Not(negated) => not(self::condition(negated, scope)?),
        Condition::EventName(name) => {
            of_events("an event's name")?;
            of("e", "event").eq(param(name))
        }
        Condition::CustomEvent => {
            of_events("an event's name")?;
            not(func("starts_with", [of("e", "event"), literal("$")]))
        }
        Condition::Property { source, key, test } => properties::test(*source, key, test, scope)?,
        Condition::Elements(test) => {
            of_events("an elements chain")?;
            elements::test(test)?
        }
        Condition::InGroup(group_type) => {
            of_events("a group")?;
            groups_join::key(*group_type).ne(literal(""))
        }
        Condition::GroupIs(group_type, key) => {
            of_events("a group")?;
            groups_join::key(*group_type).eq(param(key))
        }
        Condition::Person(set) => person_query::member(set, scope)?,
        Condition::DistinctId(distinct_id) => {
            of_events("a distinct id")?;
            of("e", "distinct_id").eq(param(distinct_id))
        }
    })
}

fn each(conditions: &[Condition], scope: &mut Scope) -> Result<Vec<Expr>> {
    conditions.iter().map(|one| condition(one, scope)).collect()
}
