//! Conditions on events (or persons) as SQL.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use event_store::{Result, StoreError};
use insights::{ActorKind, Condition, PersonSet, PropertySource, PropertyTest};
use model::{ProjectId, TimeRange};
use sql_builder::{
    Expr, Select, and, array, col, func, lambda, literal, not, of, or, param, subquery, table,
};

use crate::elements::element_test;
use crate::groups_join::{group_key, groups_with};
use crate::person_query::persons_with;
use crate::persons_join::{PersonJoin, events_with_persons};
use crate::properties::{Property, absent_passes, comparison};
use crate::sessions::{SessionRange, session_id, sessions_with};

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `events AS e`, with mappings as `d` where [`person_join`] asks for them.
    Event,
    /// A sub-query `p` with columns `id` and `latest`.
    Person,
}

#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub project: ProjectId,
    pub timezone: Tz,
    /// Around the query's own range.
    pub sessions: SessionRange,
    pub subject: Subject,
}

impl Scope {
    pub fn compile(&self, condition: &Condition) -> Result<Expr> {
        match condition {
            Condition::All(conditions) => Ok(and(self.operands(conditions, and)?)),
            Condition::Any(conditions) => Ok(or(self.operands(conditions, or)?)),
            Condition::Not(inner) => Ok(not(self.compile(inner)?)),
            Condition::EventName(name) => self.on_event(of("e", "event").eq(param(name.as_str()))),
            Condition::CustomEvent => {
                self.on_event(not(func("startsWith", [of("e", "event"), literal("$")])))
            }
            Condition::Property { source, key, test } => self.property(*source, key, test),
            Condition::Elements(test) => self.on_event(element_test(test)),
            Condition::InGroup(group_type) => self.on_event(group_key(*group_type).ne(literal(""))),
            Condition::GroupIs(group_type, key) => {
                self.on_event(group_key(*group_type).eq(param(key.as_str())))
            }
            Condition::Person(set) => self.person_set(set),
            Condition::DistinctId(id) => self.on_event(of("e", "distinct_id").eq(param(id.as_str()))),
        }
    }

    /// The operands of an AND or OR; all those on person properties become one look-up among the persons.
    fn operands(&self, conditions: &[Condition], connect: fn(Vec<Expr>) -> Expr) -> Result<Vec<Expr>> {
        let mut operands = Vec::with_capacity(conditions.len());
        let mut of_person = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Property {
                    source: PropertySource::Person,
                    key,
                    test,
                } if self.subject == Subject::Event => {
                    of_person.push(Property::of_json(col("latest"), key).test(test, self.timezone));
                }
                other => operands.push(self.compile(other)?),
            }
        }
        if !of_person.is_empty() {
            let persons = persons_with(self.project, connect(of_person));
            operands.push(of("d", "person_id").in_query(persons));
        }
        Ok(operands)
    }

    fn on_event(&self, condition: Expr) -> Result<Expr> {
        match self.subject {
            Subject::Event => Ok(condition),
            Subject::Person => Err(StoreError::Failed(
                "persons were asked for by a condition on events".to_owned(),
            )),
        }
    }

    fn property(&self, source: PropertySource, key: &str, test: &PropertyTest) -> Result<Expr> {
        let otherwise = |passing: Expr| not(passing);
        match source {
            PropertySource::Event => {
                self.on_event(Property::of_json(of("e", "properties"), key).test(test, self.timezone))
            }
            PropertySource::Person => {
                let passing = Property::of_json(col("latest"), key).test(test, self.timezone);
                Ok(match self.subject {
                    Subject::Event => of("d", "person_id").in_query(persons_with(self.project, passing)),
                    Subject::Person => passing,
                })
            }
            // Events without the group have no row among the groups: where they pass, look for those that do not.
            PropertySource::Group(group_type) => {
                let passing = Property::of_json(col("latest"), key).test(test, self.timezone);
                let key = group_key(group_type);
                self.on_event(if absent_passes(test) {
                    key.not_in_query(groups_with(self.project, group_type, otherwise(passing)))
                } else {
                    key.in_query(groups_with(self.project, group_type, passing))
                })
            }
            PropertySource::Session => {
                let passing = Property::of_number(col("duration")).test(test, self.timezone);
                self.on_event(if absent_passes(test) {
                    session_id().not_in_query(sessions_with(self.project, self.sessions, otherwise(passing)))
                } else {
                    session_id().in_query(sessions_with(self.project, self.sessions, passing))
                })
            }
        }
    }

    fn person_set(&self, set: &PersonSet) -> Result<Expr> {
        let person = match self.subject {
            Subject::Event => of("d", "person_id"),
            Subject::Person => of("p", "id"),
        };
        Ok(match set {
            PersonSet::StaticCohort(cohort) => person.in_query(
                Select::from(table("person_static_cohort"))
                    .expr(col("person_id"))
                    .filter(col("team_id").eq(param(self.project.0)))
                    .filter(col("cohort_id").eq(param(cohort.0))),
            ),
            PersonSet::Ids(ids) if ids.is_empty() => literal(false),
            PersonSet::Ids(ids) => person.in_array(param(ids.as_slice())),
            PersonSet::Performed {
                events,
                range,
                count,
                times,
            } => {
                let times = i64::try_from(*times).unwrap_or(i64::MAX);
                let times = func("count", []).binary(comparison(*count), param(times));
                person.in_query(self.performers(events, Some(*range))?.having(times))
            }
            PersonSet::PerformedRegularly {
                events,
                periods,
                count,
                times,
                at_least,
            } => {
                let Some(range) = TimeRange::spanning(periods) else {
                    return Ok(literal(false));
                };
                let times = i64::try_from(*times).unwrap_or(i64::MAX);
                let kept = periods.iter().map(|period| {
                    let at = || of("e", "timestamp");
                    let during = and([at().ge(param(period.from)), at().lt(param(period.to))]);
                    let often = || func("countIf", [during.clone()]);
                    let enough = and([
                        often().gt(literal(0)),
                        often().binary(comparison(*count), param(times)),
                    ]);
                    func("if", [enough, literal(1), literal(0)])
                });
                let kept = func("arraySum", [array(kept)]);
                let at_least = i64::try_from(*at_least).unwrap_or(i64::MAX);
                person.in_query(
                    self.performers(events, Some(range))?
                        .having(kept.ge(param(at_least))),
                )
            }
            PersonSet::PerformedFirst { events, range } => {
                let first = || func("min", [of("e", "timestamp")]);
                person.in_query(
                    self.performers(events, None)?
                        .having(first().ge(param(range.from)))
                        .having(first().lt(param(range.to))),
                )
            }
            PersonSet::PerformedSequence {
                first,
                second,
                range,
                within,
            } => person.in_query(self.performers_in_sequence(first, second, *range, *within)?),
        })
    }

    /// Persons with an event of `second` strictly behind, but at most `span` behind, an event of `first` in the range.
    ///
    /// Of each second event only the latest first one before it matters, which one pass over a person's sorted marks finds:
    /// at one instant second events (even) stand before first ones (odd), so that none precedes itself.
    fn performers_in_sequence(
        &self,
        first: &Condition,
        second: &Condition,
        range: TimeRange,
        span: TimeDelta,
    ) -> Result<Select> {
        let searched = TimeRange {
            from: range.from,
            to: range
                .to
                .checked_add_signed(span)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        // Each part is asked as if it stood alone: sessions are looked for around its own range.
        let of_part = |events: &Condition, range: TimeRange| {
            let inner = Self {
                sessions: range.into(),
                subject: Subject::Event,
                ..*self
            };
            inner.compile(events)
        };
        let at = || of("e", "timestamp");
        let is_first = and([at().lt(param(range.to)), of_part(first, range)?]);
        let is_second = of_part(second, searched)?;
        let micros = func("toUnixTimestamp64Micro", [at()]) - param(range.from.timestamp_micros());
        let rows = within(
            Select::from(events_with_persons(self.project, PersonJoin::Inner))
                .column(of("d", "person_id"), "person")
                .column(micros, "at")
                .column(is_first.clone(), "is_first")
                .column(is_second.clone(), "is_second")
                .filter(of("e", "team_id").eq(param(self.project.0))),
            searched,
        )
        .filter(or([is_first, is_second]));
        let marks = func(
            "arrayConcat",
            [
                func(
                    "groupArrayIf",
                    [col("at") * literal(2) + literal(1), col("is_first")],
                ),
                func("groupArrayIf", [col("at") * literal(2), col("is_second")]),
            ],
        );
        let persons = Select::from(subquery(rows, "rows"))
            .expr(col("person"))
            .column(func("arraySort", [marks]), "marks")
            .group_by([col("person")]);
        let odd = |mark: &'static str| func("bitAnd", [col(mark), literal(1)]).eq(literal(1));
        let micros = |mark: &'static str| func("intDiv", [col(mark), literal(2)]);
        let follows = and([
            not(odd("m")),
            odd("f"),
            (micros("m") - micros("f")).le(param(span.num_microseconds().unwrap_or(i64::MAX))),
        ]);
        let last_first = func("arrayFill", [lambda(["m"], odd("m")), col("marks")]);
        Ok(Select::from(subquery(persons, "persons"))
            .expr(col("person"))
            .filter(func(
                "arrayExists",
                [lambda(["m", "f"], follows), col("marks"), last_first],
            )))
    }

    /// Persons with matching events, one row each.
    fn performers(&self, events: &Condition, range: Option<TimeRange>) -> Result<Select> {
        let inner = Self {
            sessions: range.map_or_else(SessionRange::default, SessionRange::from),
            subject: Subject::Event,
            ..*self
        };
        let mut select = Select::from(events_with_persons(self.project, PersonJoin::Inner))
            .expr(of("d", "person_id"))
            .filter(of("e", "team_id").eq(param(self.project.0)));
        if let Some(range) = range {
            select = within(select, range);
        }
        Ok(select
            .filter(inner.compile(events)?)
            .group_by([of("d", "person_id")]))
    }
}

/// The events of the range for which the condition holds, with their `actor`; those without one are not there.
pub fn events_of_actors(
    (project, timezone): (ProjectId, Tz),
    range: TimeRange,
    kind: ActorKind,
    condition: &Condition,
) -> Result<Select> {
    let scope = Scope {
        project,
        timezone,
        sessions: range.into(),
        subject: Subject::Event,
    };
    let (join, actor) = match kind {
        ActorKind::Person => (PersonJoin::Inner, of("d", "person_id")),
        ActorKind::Group(group_type) => (person_join(condition), group_key(group_type)),
    };
    let events = Select::from(events_with_persons(project, join))
        .column(actor, "actor")
        .filter(of("e", "team_id").eq(param(project.0)));
    let events = within(events, range).filter(scope.compile(condition)?);
    Ok(match kind {
        ActorKind::Person => events,
        ActorKind::Group(group_type) => events.filter(group_key(group_type).ne(literal(""))),
    })
}

/// Only events of the range.
pub fn within(select: Select, range: TimeRange) -> Select {
    select
        .filter(of("e", "timestamp").ge(param(range.from)))
        .filter(of("e", "timestamp").lt(param(range.to)))
}

/// The join that a condition on events needs: inner where no event without a person can pass.
pub fn person_join(condition: &Condition) -> PersonJoin {
    if only_with_person(condition) {
        PersonJoin::Inner
    } else if about_person(condition) {
        PersonJoin::Left
    } else {
        PersonJoin::None
    }
}

fn about_person(condition: &Condition) -> bool {
    match condition {
        Condition::All(all) | Condition::Any(all) => all.iter().any(about_person),
        Condition::Not(inner) => about_person(inner),
        Condition::Property { source, .. } => *source == PropertySource::Person,
        Condition::Person(_) => true,
        Condition::EventName(_)
        | Condition::CustomEvent
        | Condition::Elements(_)
        | Condition::InGroup(_)
        | Condition::GroupIs(..)
        | Condition::DistinctId(_) => false,
    }
}

fn only_with_person(condition: &Condition) -> bool {
    match condition {
        Condition::All(all) => all.iter().any(only_with_person),
        Condition::Any(any) => !any.is_empty() && any.iter().all(only_with_person),
        Condition::Not(_) => false,
        Condition::Property { source, .. } => *source == PropertySource::Person,
        Condition::Person(_) => true,
        Condition::EventName(_)
        | Condition::CustomEvent
        | Condition::Elements(_)
        | Condition::InGroup(_)
        | Condition::GroupIs(..)
        | Condition::DistinctId(_) => false,
    }
}
