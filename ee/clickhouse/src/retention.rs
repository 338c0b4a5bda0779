//! Retention: of the actors that did the target in an interval, how many returned so many intervals later.
//!
//! One pass over the events gathers, per actor, the intervals of its targets and of its returns; the table is counted
//! from these short arrays, without a join.

use std::iter;

use chrono::{DateTime, Utc};
use event_store::{Result, StoreError};
use insights::{ActorKind, PropertySource, RetentionBreakdown, RetentionCell, RetentionKind, RetentionQuery};
use model::TimeRange;
use sql_builder::{Expr, Select, and, array, col, func, lambda, literal, of, or, param, subquery, tuple};

use crate::buckets::bucket;
use crate::conditions::{Scope, Subject, person_join};
use crate::groups_join::{group_key, group_properties, with_group_properties};
use crate::persons_join::{PersonJoin, events_with_persons, with_person_properties};
use crate::properties::Property;
use crate::row::Rows;
use crate::sessions::with_sessions;

/// Columns `base`, `distance`, `actors`, and `b0`, `b1`, … for the parts of the breakdown.
pub fn retention(query: &RetentionQuery) -> Result<Select> {
    let parts = part_names(query.breakdown.as_ref());
    let mut select = Select::default()
        .column(
            if query.breakdown.is_some() {
                literal(0)
            } else {
                col("base")
            },
            "base_interval",
        )
        .column(func("arrayJoin", [distances(col("base"))]), "distance");
    for part in &parts {
        select = select.expr(col(part.clone()));
    }
    select.from = Some(subquery(bases(query)?, "bases"));
    if query.first_interval_only && query.breakdown.is_none() {
        select = select.filter(col("base").eq(literal(0)));
    }
    let mut cells = Select::from(subquery(select, "distances"))
        .expr(col("base_interval"))
        .expr(col("distance"))
        .column(func("count", []), "actors")
        .group_by([col("base_interval"), col("distance")]);
    for part in parts {
        cells = cells.expr(col(part.clone())).group_by([col(part)]);
    }
    Ok(cells)
}

pub fn cells(query: &RetentionQuery, answer: &Rows) -> Result<Vec<RetentionCell>> {
    let parts = part_names(query.breakdown.as_ref());
    let position = |value: i64| {
        usize::try_from(value)
            .ok()
            .filter(|&i| i < query.intervals.len())
            .ok_or_else(|| StoreError::Failed(format!("retention has no interval {value}")))
    };
    answer
        .iter()
        .map(|row| {
            let values: Result<Vec<_>> = parts.iter().map(|part| row.text(part)).collect();
            Ok(RetentionCell {
                breakdown: query.breakdown.is_some().then_some(values?),
                base: position(row.int("base_interval")?)?,
                offset: position(row.int("distance")?)?,
                count: row.uint("actors")?,
            })
        })
        .collect()
}

/// A row for each base interval of each actor: `actor`, `base`, `returns`, `b0`, ….
pub fn bases(query: &RetentionQuery) -> Result<Select> {
    let mut select = Select::from(subquery(actors(query)?, "actors"))
        .expr(col("actor"))
        .column(func("arrayJoin", [col("bases")]), "base")
        .expr(col("returns"));
    for part in part_names(query.breakdown.as_ref()) {
        select = select.expr(col(part));
    }
    Ok(select)
}

/// 0 and the distances from `base` to each later return.
pub fn distances(base: Expr) -> Expr {
    let later = func(
        "arrayFilter",
        [lambda(["r"], col("r").gt(base.clone())), col("returns")],
    );
    func(
        "arrayConcat",
        [
            array([func("toInt64", [literal(0)])]),
            func("arrayMap", [lambda(["r"], col("r") - base), later]),
        ],
    )
}

pub fn part_names(breakdown: Option<&RetentionBreakdown>) -> Vec<String> {
    let parts = breakdown.map_or(0, |breakdown| breakdown.keys.len());
    (0..parts).map(|i| format!("b{i}")).collect()
}

/// A row for each actor with a base: `actor`, `bases`, `returns`, `b0`, ….
fn actors(query: &RetentionQuery) -> Result<Select> {
    let Some(range) = whole_range(query) else {
        return Err(StoreError::Failed(
            "retention was asked for no interval".to_owned(),
        ));
    };
    let targets = col("is_target");
    let rows = rows(query, range)?;
    let one_base = query.breakdown.is_some() || query.kind == RetentionKind::FirstTime;

    let mut select = Select::from(subquery(rows, "rows")).expr(col("actor"));
    if one_base {
        select = select
            .column(func("minIf", [col("at"), targets.clone()]), "first")
            .having(func("countIf", [targets.clone()]).gt(literal(0)));
        // Of simultaneous events the one with the smallest values.
        let parts = part_names(query.breakdown.as_ref());
        let value = |part: &String| col(format!("value_{part}"));
        let order = tuple(iter::once(col("at")).chain(parts.iter().map(value)));
        for part in &parts {
            let first = func("argMinIf", [value(part), order.clone(), targets.clone()]);
            select = select.column(first, part.clone());
        }
    } else {
        select = select.column(func("groupUniqArrayIf", [col("tick"), targets]), "bases");
    }
    select = select
        .column(
            func("groupUniqArrayIf", [col("tick"), col("is_return")]),
            "returns",
        )
        .group_by([col("actor")]);
    if !one_base {
        return Ok(select);
    }

    let base = bucket(query.interval, query.timezone, range.from, col("first"));
    let mut with_base = Select::from(subquery(select, "firsts"))
        .expr(col("actor"))
        .column(array([base]), "bases")
        .expr(col("returns"))
        .filter(col("first").ge(param(range.from)));
    for part in part_names(query.breakdown.as_ref()) {
        with_base = with_base.expr(col(part));
    }
    Ok(with_base)
}

/// A row for each event that matters: `actor`, `tick`, `at`, `is_target`, `is_return`, `value_b0`, ….
fn rows(query: &RetentionQuery, range: TimeRange) -> Result<Select> {
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: range.into(),
        subject: Subject::Event,
    };
    let breakdown_source = query.breakdown.as_ref().map(|breakdown| breakdown.source);
    let join = match (query.actor, breakdown_source) {
        (ActorKind::Person, _) | (_, Some(PropertySource::Person)) => PersonJoin::Inner,
        (ActorKind::Group(_), _) => match (person_join(&query.target), person_join(&query.returning)) {
            (PersonJoin::Inner, PersonJoin::Inner) => PersonJoin::Inner,
            (PersonJoin::None, PersonJoin::None) => PersonJoin::None,
            _ => PersonJoin::Left,
        },
    };
    let mut from = events_with_persons(query.project, join);
    match breakdown_source {
        Some(PropertySource::Person) => from = with_person_properties(from, query.project),
        Some(PropertySource::Group(group_type)) => {
            from = with_group_properties(from, query.project, group_type);
        }
        Some(PropertySource::Session) => from = with_sessions(from, query.project, range),
        Some(PropertySource::Event) | None => {}
    }

    let at = || of("e", "timestamp");
    let since = |from: DateTime<Utc>| at().ge(param(from));
    let target = scope.compile(&query.target)?;
    let returning = scope.compile(&query.returning)?;
    let mut select = Select::from(from)
        .filter(of("e", "team_id").eq(param(query.project.0)))
        .filter(at().lt(param(range.to)));
    let (actor, actor_filter) = match query.actor {
        ActorKind::Person => (of("d", "person_id"), None),
        ActorKind::Group(group_type) => (group_key(group_type), Some(group_key(group_type).ne(literal("")))),
    };
    select = select
        .column(actor, "actor")
        .column(bucket(query.interval, query.timezone, range.from, at()), "tick")
        .column(at(), "at");
    let same = query.target == query.returning;
    select = match query.kind {
        RetentionKind::Recurring => {
            let select = select.filter(since(range.from));
            if same {
                select
                    .column(literal(true), "is_target")
                    .column(literal(true), "is_return")
                    .filter(target)
            } else {
                select
                    .column(target.clone(), "is_target")
                    .column(returning.clone(), "is_return")
                    .filter(or([target, returning]))
            }
        }
        // The first target ever may lie before the range; returns are only looked for within.
        RetentionKind::FirstTime if same => select
            .column(literal(true), "is_target")
            .column(since(range.from), "is_return")
            .filter(target),
        RetentionKind::FirstTime => {
            let returned = and([since(range.from), returning]);
            select
                .column(target.clone(), "is_target")
                .column(returned.clone(), "is_return")
                .filter(or([target, returned]))
        }
    };
    if let Some(condition) = actor_filter {
        select = select.filter(condition);
    }
    if let Some(breakdown) = &query.breakdown {
        for (part, key) in part_names(query.breakdown.as_ref())
            .into_iter()
            .zip(&breakdown.keys)
        {
            let value = match breakdown.source {
                PropertySource::Event => Property::of_json(of("e", "properties"), key).text(),
                PropertySource::Person => Property::of_json(of("p", "latest"), key).text(),
                PropertySource::Group(group_type) => {
                    Property::of_json(group_properties(group_type), key).text()
                }
                PropertySource::Session => Property::of_number(of("s", "duration")).text(),
            };
            select = select.column(value, format!("value_{part}"));
        }
    }
    Ok(select)
}

fn whole_range(query: &RetentionQuery) -> Option<TimeRange> {
    Some(TimeRange {
        from: query.intervals.first()?.from,
        to: query.intervals.last()?.to,
    })
}
