//! One series of a trend: rows of (breakdown, tick, value).

pub(crate) mod active;
pub(crate) mod breakdown;
pub(crate) mod count_per_actor;
pub(crate) mod first_seen;

use event_store::{Result, StoreError};
use insights::{Aggregate, Math, PropertySource, TrendsPoint, TrendsQuery, TrendsShape};
use model::TimeRange;
use sql_builder::{Expr, Select, cast, col, count, func, literal, of, param, subquery};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::postgres::execute::{get, get_index, rows};
use crate::sessions::{self, SessionRange};

pub(crate) async fn trends(pool: &PgPool, query: &TrendsQuery) -> Result<Vec<TrendsPoint>> {
    if query.ticks.is_empty() && query.shape != TrendsShape::Single {
        return Ok(Vec::new());
    }
    let groups = match &query.breakdown {
        Some(by) => Some(breakdown::groups(pool, query, by).await?),
        None => None,
    };
    let part = query.breakdown.as_ref().zip(groups.as_ref());
    let select = select(query, part.map(|(by, groups)| breakdown::Part::Group(by, groups)))?;
    let mut points = Vec::new();
    for row in rows(pool, &select).await? {
        points.push(TrendsPoint {
            group: match &groups {
                Some(groups) => Some(groups.key(get(&row, "part")?)?),
                None => None,
            },
            tick: get_index(&row, "tick")?,
            value: get(&row, "value")?,
        });
    }
    points.sort_by(|a, b| (&a.group, a.tick).cmp(&(&b.group, b.tick)));
    Ok(points)
}

/// Rows of `tick` and `value`, and of `part` with a breakdown.
pub(crate) fn select(query: &TrendsQuery, part: Option<breakdown::Part<'_>>) -> Result<Select> {
    if let Math::Active { actor, days } = query.math
        && query.shape == TrendsShape::Series
    {
        return active::per_tick(query, actor, days, part);
    }
    let range = match (&query.math, &query.shape) {
        (Math::Active { days, .. }, TrendsShape::Single) => active::last_days(query, *days),
        _ => query.range,
    };
    let mut events = Events::new(query, range, part)?;
    let tick = match query.shape {
        TrendsShape::Single => cast(literal(0), "bigint"),
        TrendsShape::Series | TrendsShape::FirstSeen => tick_of(of("e", "timestamp"), query),
    };
    if query.shape == TrendsShape::FirstSeen {
        let Math::UniqueActors(kind) = query.math else {
            return Err(StoreError::Failed(
                "only actors can be counted where first seen".to_owned(),
            ));
        };
        return Ok(first_seen::select(query, events, kind));
    }
    Ok(match &query.math {
        Math::Total => events.grouped(tick, cast(count(), "double precision")),
        Math::UniqueActors(kind) | Math::Active { actor: kind, .. } => {
            let Actor { id, present } = events.scope.actor(*kind);
            events.filters.extend(present);
            events.grouped(tick, distinct_count(id))
        }
        Math::UniqueSessions => events.grouped(tick, distinct_count(sessions::id())),
        Math::Property {
            source: PropertySource::Session,
            key,
            aggregate,
        } => {
            let duration = events.scope.number(PropertySource::Session, key)?;
            events.filters.push(finite(duration.clone()));
            // Once per session.
            let once = events
                .select([(tick, "tick"), (sessions::id(), "session"), (duration, "x")])
                .distinct();
            regrouped(once, query, aggregated(*aggregate, col("x")))
        }
        Math::Property {
            source,
            key,
            aggregate,
        } => {
            let number = events.scope.number(*source, key)?;
            events.filters.push(finite(number.clone()));
            events.grouped(tick, aggregated(*aggregate, number))
        }
        Math::CountPerActor { actor, aggregate } => {
            count_per_actor::select(query, events, tick, *actor, *aggregate)
        }
    })
}

/// The matching events of a series, with `part` as their first column when there is a breakdown.
pub(crate) struct Events {
    pub(crate) scope: Scope,
    pub(crate) filters: Vec<Expr>,
    part: Option<Expr>,
}

impl Events {
    pub(crate) fn new(
        query: &TrendsQuery,
        range: TimeRange,
        part: Option<breakdown::Part<'_>>,
    ) -> Result<Self> {
        let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(range));
        let condition = conditions::condition(&query.condition, &mut scope)?;
        let part = part.map(|part| part.expr(&mut scope)).transpose()?;
        Ok(Self {
            scope,
            filters: vec![within(range), condition],
            part,
        })
    }

    /// One row an event.
    pub(crate) fn select(self, columns: impl IntoIterator<Item = (Expr, &'static str)>) -> Select {
        let mut select = self.scope.select();
        for filter in self.filters {
            select = select.filter(filter);
        }
        let part = self.part.map(|part| (part, "part"));
        for (expr, alias) in part.into_iter().chain(columns) {
            select = select.column(expr, alias);
        }
        select
    }

    /// One row a part and tick.
    fn grouped(self, tick: Expr, value: Expr) -> Select {
        let keys = keys(self.part.is_some(), &["tick"]);
        self.select([(tick, "tick"), (value, "value")]).group_by(keys)
    }
}

/// `part`, when there is one, and the others.
pub(crate) fn keys(part: bool, others: &[&'static str]) -> Vec<Expr> {
    let part = part.then_some("part");
    part.into_iter().chain(others.iter().copied()).map(col).collect()
}

/// Groups rows that have `part` (with a breakdown) and `tick` once more.
pub(crate) fn regrouped(inner: Select, query: &TrendsQuery, value: Expr) -> Select {
    let keys = keys(query.breakdown.is_some(), &["tick"]);
    let mut select = Select::from(subquery(inner, "r"));
    for key in &keys {
        select = select.expr(key.clone());
    }
    select.column(value, "value").group_by(keys)
}

/// Index of the tick that an instant falls into. Ticks are instants, so days of 23 and 25 hours need no care here.
pub(crate) fn tick_of(instant: Expr, query: &TrendsQuery) -> Expr {
    let bucket = func("width_bucket", [instant, param(query.ticks.as_slice())]);
    // A range may begin within its first tick, never before it; widening is not ours to check.
    cast(func("greatest", [bucket, literal(1)]) - literal(1), "bigint")
}

/// False for what is no number, or beyond a double.
pub(crate) fn finite(number: Expr) -> Expr {
    func("abs", [number]).lt(literal(f64::INFINITY))
}

pub(crate) fn distinct_count(expr: Expr) -> Expr {
    cast(func("count", [expr]).distinct(), "double precision")
}

pub(crate) fn aggregated(aggregate: Aggregate, number: Expr) -> Expr {
    let quantile = |fraction: f64, number: Expr| {
        func("percentile_cont", [literal(fraction)]).within_group([number.asc()])
    };
    match aggregate {
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
