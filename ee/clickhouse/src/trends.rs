//! Trends: one number a tick (or one in all), by breakdown value.
//!
//! Every query is built in two layers. The inner one picks the events and computes what the outer one groups by and
//! aggregates: `tick`, `breakdown`, `actor`, `session`, `number`, `at`, `day`.

mod active;
mod breakdown;
mod count_per_actor;
mod first_seen;

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{Result, StoreError};
use insights::{ActorKind, Aggregate, GroupKey, Math, PropertySource, TrendsPoint, TrendsQuery, TrendsShape};
use model::TimeRange;
use sql_builder::{Expr, Select, col, func, literal, of, param, subquery};

pub use breakdown::{Labels, edges, labels_from_edges, labels_from_top, top_values};

use crate::buckets::{bucket, day_start, local_day};
use crate::conditions::{Scope, Subject, person_join, within};
use crate::groups_join::{group_key, group_properties, with_group_properties};
use crate::persons_join::{PersonJoin, events_with_persons, with_person_properties};
use crate::properties::Property;
use crate::row::Rows;
use crate::sessions::{session_id, with_sessions};

/// A grouping of the outer layer: the expression over the inner layer's columns, and its name in the answer.
type Key = (Expr, &'static str);

/// The query for the points, once the labels of its breakdown are known.
pub fn trends(query: &TrendsQuery, labels: &Labels) -> Result<Select> {
    let mut keys = labels.keys();
    if let (TrendsShape::Series | TrendsShape::FirstSeen, Math::Active { days, .. }) =
        (&query.shape, &query.math)
    {
        return Ok(active::rolling(query, rows(query, true)?, keys, *days));
    }
    match query.shape {
        TrendsShape::FirstSeen if matches!(query.math, Math::UniqueActors(_)) => {
            Ok(first_seen::first_seen(query, rows(query, false)?, keys))
        }
        TrendsShape::Series | TrendsShape::FirstSeen => {
            keys.insert(0, (col("tick"), "tick"));
            Ok(measured(&query.math, rows(query, true)?, keys))
        }
        TrendsShape::Single => Ok(measured(&query.math, rows(query, false)?, keys)),
    }
}

/// The answer as points.
pub fn points(query: &TrendsQuery, labels: &Labels, answer: &Rows) -> Result<Vec<TrendsPoint>> {
    let rolling = !matches!(query.shape, TrendsShape::Single) && matches!(query.math, Math::Active { .. });
    let days = active::tick_days(query);
    let mut points = Vec::with_capacity(answer.rows.len());
    for row in answer.iter() {
        let tick = match query.shape {
            TrendsShape::Single => Some(0),
            TrendsShape::Series | TrendsShape::FirstSeen if rolling => {
                days.binary_search(&row.int("tick")?).ok()
            }
            TrendsShape::Series | TrendsShape::FirstSeen => usize::try_from(row.int("tick")?)
                .ok()
                .filter(|&tick| tick < query.ticks.len()),
        };
        let tick =
            tick.ok_or_else(|| StoreError::Failed("a trend has an event outside of its ticks".to_owned()))?;
        let group = match labels {
            Labels::None => None,
            Labels::All | Labels::Top(_) | Labels::Bins(_) => Some(match row.int("kind")? {
                0 => GroupKey::Value(row.text("label")?),
                1 => GroupKey::Other,
                _ => GroupKey::Null,
            }),
        };
        // An average of nothing is no value.
        if let Some(value) = row.float("value")?.filter(|value| value.is_finite()) {
            points.push(TrendsPoint { group, tick, value });
        }
    }
    Ok(points)
}

/// The inner layer.
fn rows(query: &TrendsQuery, ticks: bool) -> Result<Select> {
    let breakdown = query.breakdown.as_ref();
    let number = match &query.math {
        Math::Property { source, key, .. } => Some((*source, key.as_str())),
        Math::Total
        | Math::UniqueActors(_)
        | Math::Active { .. }
        | Math::UniqueSessions
        | Math::CountPerActor { .. } => None,
    };
    let actor = actor(&query.math);
    let sources: Vec<PropertySource> = breakdown
        .map(|b| b.source)
        .into_iter()
        .chain(number.map(|(source, _)| source))
        .collect();

    let of_person = sources.contains(&PropertySource::Person);
    let join = if of_person || actor == Some(ActorKind::Person) {
        PersonJoin::Inner
    } else {
        person_join(&query.condition)
    };
    let mut from = events_with_persons(query.project, join);
    if of_person {
        from = with_person_properties(from, query.project);
    }
    let mut groups: Vec<_> = sources
        .iter()
        .filter_map(|source| match source {
            PropertySource::Group(group_type) => Some(*group_type),
            PropertySource::Event | PropertySource::Person | PropertySource::Session => None,
        })
        .collect();
    groups.dedup();
    for group_type in groups {
        from = with_group_properties(from, query.project, group_type);
    }
    if sources.contains(&PropertySource::Session) {
        from = with_sessions(from, query.project, query.range);
    }

    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    };
    let timestamp = || of("e", "timestamp");
    let mut select = within(
        Select::from(from).filter(of("e", "team_id").eq(param(query.project.0))),
        event_range(query, ticks),
    )
    .filter(scope.compile(&query.condition)?);

    if ticks {
        select = match query.math {
            Math::Active { .. } => select.column(local_day(query.timezone, timestamp()), "day"),
            Math::Total
            | Math::UniqueActors(_)
            | Math::UniqueSessions
            | Math::Property { .. }
            | Math::CountPerActor { .. } => {
                let start = query.ticks.first().copied().unwrap_or(query.range.from);
                select.column(bucket(query.interval, query.timezone, start, timestamp()), "tick")
            }
        };
    }
    if let Some(breakdown) = breakdown {
        select = select.column(breakdown::value(breakdown), "breakdown");
    }
    select = match actor {
        Some(ActorKind::Person) => select.column(of("d", "person_id"), "actor"),
        Some(ActorKind::Group(group_type)) => select
            .column(group_key(group_type), "actor")
            .filter(group_key(group_type).ne(literal(""))),
        None => select,
    };
    if matches!(query.shape, TrendsShape::FirstSeen) {
        select = select.column(timestamp(), "at");
    }
    if matches!(query.math, Math::UniqueSessions) {
        select = select.column(session_id(), "session");
    }
    select = match number {
        Some((PropertySource::Session, _)) => select
            .column(session_id(), "session")
            .column(func("toFloat64", [of("s", "duration")]), "number")
            .filter(session_id().ne(literal(""))),
        Some((source, key)) => select.column(property(source, key).number(), "number"),
        None => select,
    };
    if select.columns.is_empty() {
        select = select.column(literal(1), "one");
    }
    Ok(select)
}

/// A property of the inner layer's row; not for sessions, whose only property is a number.
fn property(source: PropertySource, key: &str) -> Property {
    match source {
        PropertySource::Event => Property::of_json(of("e", "properties"), key),
        PropertySource::Person => Property::of_json(of("p", "latest"), key),
        PropertySource::Group(group_type) => Property::of_json(group_properties(group_type), key),
        PropertySource::Session => Property::of_number(of("s", "duration")),
    }
}

/// The outer layer: `keys` and `value`.
fn measured(math: &Math, rows: Select, keys: Vec<Key>) -> Select {
    match math {
        Math::Total => grouped(rows, keys, func("count", [])),
        Math::UniqueActors(_) | Math::Active { .. } => grouped(rows, keys, func("uniqExact", [col("actor")])),
        Math::UniqueSessions => grouped(rows, keys, func("uniqExact", [col("session")])),
        Math::Property {
            source: PropertySource::Session,
            aggregate: how,
            ..
        } => {
            let names: Vec<_> = keys.iter().map(|(_, name)| *name).collect();
            let sessions = by(
                Select::from(subquery(rows, "rows")),
                keys.into_iter().chain([(col("session"), "session")]),
            )
            .column(func("max", [col("number")]), "number");
            grouped(sessions, same(&names), aggregate(*how, col("number")))
        }
        Math::Property { aggregate: how, .. } => {
            grouped(rows, keys, aggregate(*how, col("number"))).filter(func("isFinite", [col("number")]))
        }
        Math::CountPerActor { aggregate: how, .. } => count_per_actor::count_per_actor(rows, keys, *how),
    }
}

fn grouped(rows: Select, keys: Vec<Key>, value: Expr) -> Select {
    by(Select::from(subquery(rows, "rows")), keys).column(value, "value")
}

/// Selects and groups by the keys.
fn by(mut select: Select, keys: impl IntoIterator<Item = Key>) -> Select {
    for (expr, name) in keys {
        select = select.column(expr, name).group_by([col(name)]);
    }
    select
}

/// Keys that the layer below has computed.
fn same(names: &[&'static str]) -> Vec<Key> {
    names.iter().map(|name| (col(*name), *name)).collect()
}

fn aggregate(how: Aggregate, number: Expr) -> Expr {
    let quantile =
        |level: f64, number: Expr| func("quantileExactInclusive", [number]).params([literal(level)]);
    match how {
        Aggregate::Sum => func("sum", [number]),
        Aggregate::Avg => func("avg", [number]),
        Aggregate::Min => func("min", [number]),
        Aggregate::Max => func("max", [number]),
        Aggregate::Median => quantile(0.5, number),
        Aggregate::P90 => quantile(0.9, number),
        Aggregate::P95 => quantile(0.95, number),
        Aggregate::P99 => quantile(0.99, number),
    }
}

fn actor(math: &Math) -> Option<ActorKind> {
    match math {
        Math::UniqueActors(actor) | Math::Active { actor, .. } | Math::CountPerActor { actor, .. } => {
            Some(*actor)
        }
        Math::Total | Math::UniqueSessions | Math::Property { .. } => None,
    }
}

/// The events that can matter: a rolling window looks back behind the range.
fn event_range(query: &TrendsQuery, ticks: bool) -> TimeRange {
    let Math::Active { days, .. } = query.math else {
        return query.range;
    };
    let local_day = |instant: DateTime<Utc>| instant.with_timezone(&query.timezone).date_naive();
    let last_of_first_window = if ticks {
        local_day(query.ticks.first().copied().unwrap_or(query.range.from))
    } else {
        local_day(query.range.to - TimeDelta::microseconds(1))
    };
    let first = last_of_first_window - TimeDelta::days(i64::from(days) - 1);
    TimeRange {
        from: day_start(query.timezone, first),
        to: query.range.to,
    }
}
