//! Sets of persons: by a list, or by what they did.

use event_store::Result;
use insights::{Condition, PersonSet};
use model::TimeRange;
use sql_builder::{Expr, Select, count, func, of, param, table};

use crate::conditions::{self, Scope, or_false, within};
use crate::properties;
use crate::sessions::SessionRange;

/// The row's person is in the set; a row without person is in none.
pub(crate) fn member(set: &PersonSet, scope: &mut Scope) -> Result<Expr> {
    let person = scope.person_id();
    let member = match set {
        PersonSet::StaticCohort(cohort) => person.in_query(
            Select::from(table("person_static_cohort").alias("c"))
                .column(of("c", "person_id"), "person_id")
                .filter(of("c", "team_id").eq(scope.team()))
                .filter(of("c", "cohort_id").eq(param(cohort.0))),
        ),
        PersonSet::Ids(ids) => person.in_array(param(ids.as_slice())),
        PersonSet::Performed {
            events,
            range,
            count: op,
            times,
        } => {
            let sessions = SessionRange::around(*range);
            let performed = performers(events, sessions, scope)?
                .filter(within(*range))
                .having(count().binary(
                    properties::operator(*op),
                    // More than a bigint of events cannot be.
                    param(i64::try_from(*times).unwrap_or(i64::MAX)),
                ));
            person.in_query(performed)
        }
        PersonSet::PerformedFirst { events, range } => {
            let TimeRange { from, to } = *range;
            let first = || func("min", [of("e", "timestamp")]);
            let performed = performers(events, SessionRange::between(None, Some(to)), scope)?
                // What comes later cannot be the first within the range.
                .filter(of("e", "timestamp").lt(param(to)))
                .having(first().ge(param(from)));
            person.in_query(performed)
        }
    };
    Ok(or_false(member))
}

/// Persons with matching events, one row each.
fn performers(events: &Condition, sessions: SessionRange, scope: &Scope) -> Result<Select> {
    let mut inner = Scope::events(scope.project, scope.timezone, sessions);
    let person = inner.actor(insights::ActorKind::Person).id;
    let condition = conditions::condition(events, &mut inner)?;
    Ok(inner
        .select()
        .column(person.clone(), "person_id")
        .filter(condition)
        .group_by([person]))
}
