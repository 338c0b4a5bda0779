//! Sets of persons: by a list, or by what they did.

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{Result, StoreError};
use insights::{Condition, PersonSet};
use model::TimeRange;
use sql_builder::{
    Expr, Query, Select, Unit, Window, and, case, count, func, interval, literal, of, param, subquery, table,
};

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
        PersonSet::PerformedRegularly {
            events,
            periods,
            count: op,
            times,
            at_least,
        } => {
            let Some(range) = TimeRange::spanning(periods) else {
                return Ok(literal(false));
            };
            let times = i64::try_from(*times).unwrap_or(i64::MAX);
            let kept = periods.iter().map(|period| {
                let often = || count().filter(within(*period));
                let enough = and([
                    often().gt(literal(0)),
                    often().binary(properties::operator(*op), param(times)),
                ]);
                case([(enough, literal(1))], Some(literal(0)))
            });
            let kept = kept.reduce(|sum, one| sum + one).unwrap_or(literal(0));
            let performed = performers(events, SessionRange::around(range), scope)?
                .filter(within(range))
                .having(kept.ge(param(i64::try_from(*at_least).unwrap_or(i64::MAX))));
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
        PersonSet::PerformedSequence {
            first,
            second,
            range,
            within,
        } => person.in_query(sequence(first, second, *range, *within, scope)?),
    };
    Ok(or_false(member))
}

/// Persons with an event of `second` strictly behind, but at most `span` behind, an event of `first` in the range.
///
/// Of each second event only the latest first one before it matters, which a window finds in one pass over the person's
/// events: at one instant second events come before first ones, so that none precedes itself.
fn sequence(
    first: &Condition,
    second: &Condition,
    range: TimeRange,
    span: TimeDelta,
    scope: &Scope,
) -> Result<Select> {
    const SECOND: i64 = 0;
    const FIRST: i64 = 1;
    // More than there is time, and no more than an interval of Postgres can hold.
    let span = span.min(TimeDelta::days(1_000_000));
    let behind = TimeRange {
        from: range.from,
        to: range
            .to
            .checked_add_signed(span)
            .unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    let marked = |events: &Condition, searched: TimeRange, mark: i64| {
        let mut inner = Scope::events(scope.project, scope.timezone, SessionRange::around(searched));
        let person = inner.actor(insights::ActorKind::Person).id;
        let condition = conditions::condition(events, &mut inner)?;
        Ok::<_, StoreError>(
            inner
                .select()
                .column(person, "person_id")
                .column(of("e", "timestamp"), "at")
                .column(literal(mark), "mark")
                .filter(within(searched))
                .filter(condition),
        )
    };
    let marks = Query::union_all([marked(first, range, FIRST)?, marked(second, behind, SECOND)?]);
    let last_first = func("max", [of("m", "at")])
        .filter(of("m", "mark").eq(literal(FIRST)))
        .over(Window {
            partition_by: vec![of("m", "person_id")],
            order_by: vec![of("m", "at").asc(), of("m", "mark").asc()],
            frame: None,
        });
    let pairs = Select::from(subquery(marks, "m"))
        .column(of("m", "person_id"), "person_id")
        .column(of("m", "at"), "at")
        .column(of("m", "mark"), "mark")
        .column(last_first, "before");
    let seconds = span.as_seconds_f64();
    Ok(Select::from(subquery(pairs, "s"))
        .column(of("s", "person_id"), "person_id")
        .filter(of("s", "mark").eq(literal(SECOND)))
        .filter(of("s", "at").le(of("s", "before") + interval(1, Unit::Second) * param(seconds))))
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
