//! How long the runs of a distinct id's events are.
//!
//! Each distinct id is one state: the sorted times of its events, which is then cut where a gap is too long.

use event_store::{Result, StoreError};
use insights::{SessionLengths, SessionLengthsQuery};
use sql_builder::{Select, col, func, lambda, literal, of, param, subquery};

use crate::buckets::bucket;
use crate::conditions::{Scope, Subject, person_join, within};
use crate::persons_join::events_with_persons;
use crate::row::Rows;

/// A longer silence ends a run: thirty minutes in microseconds.
const GAP: i64 = 1_800_000_000;

/// Columns `tick`, `seconds`, `sessions`, `total` (microseconds).
pub fn session_lengths(query: &SessionLengthsQuery) -> Result<Select> {
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    };
    let events = within(
        Select::from(events_with_persons(query.project, person_join(&query.condition)))
            .column(of("e", "distinct_id"), "distinct_id")
            .column(func("toUnixTimestamp64Micro", [of("e", "timestamp")]), "at")
            .filter(of("e", "team_id").eq(param(query.project.0))),
        query.range,
    )
    .filter(scope.compile(&query.condition)?);
    let times = Select::from(subquery(events, "events"))
        .column(func("arraySort", [func("groupArray", [col("at")])]), "times")
        .group_by([col("distinct_id")]);
    let runs = func(
        "arraySplit",
        [
            lambda(["t", "gap"], col("gap").gt(literal(GAP))),
            col("times"),
            func("arrayDifference", [col("times")]),
        ],
    );
    let runs = Select::from(subquery(times, "times")).column(func("arrayJoin", [runs]), "run");
    let element = |i: i64| func("arrayElement", [col("run"), literal(i)]);
    let lengths = Select::from(subquery(runs, "runs"))
        .column(element(1), "first")
        .column(element(-1) - element(1), "length");
    let first_tick = query.ticks.first().copied().unwrap_or(query.range.from);
    let tick = bucket(
        query.interval,
        query.timezone,
        first_tick,
        func("fromUnixTimestamp64Micro", [col("first"), literal("UTC")]),
    );
    let numbered = Select::from(subquery(lengths, "lengths"))
        // A range may begin within its first tick, or a little before it.
        .column(func("greatest", [tick, func("toInt64", [literal(0)])]), "tick")
        .column(
            func("intDiv", [col("length") + literal(999_999), literal(1_000_000)]),
            "seconds",
        )
        .expr(col("length"));
    Ok(Select::from(subquery(numbered, "sessions"))
        .expr(col("tick"))
        .expr(col("seconds"))
        .column(func("count", []), "sessions")
        .column(func("sum", [col("length")]), "total")
        .group_by([col("tick"), col("seconds")])
        .order_by([col("tick").asc(), col("seconds").asc()]))
}

pub fn lengths(query: &SessionLengthsQuery, answer: &Rows) -> Result<Vec<SessionLengths>> {
    answer
        .iter()
        .map(|row| {
            let tick = usize::try_from(row.int("tick")?)
                .ok()
                .filter(|&tick| tick < query.ticks.len())
                .ok_or_else(|| StoreError::Failed("a session begins outside of the ticks".to_owned()))?;
            Ok(SessionLengths {
                tick,
                seconds: row.uint("seconds")?,
                sessions: row.uint("sessions")?,
                sum: row.int("total")? as f64 / 1e6,
            })
        })
        .collect()
}
