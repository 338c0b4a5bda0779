//! Whether those active were new, came back, or stayed.
//!
//! Each actor is one state: the sorted set of its intervals. Its statuses are read off that short array.

use event_store::{Result, StoreError};
use insights::{ActorKind, LifecyclePoint, LifecycleQuery, LifecycleStatus};
use sql_builder::{Expr, Select, and, col, func, lambda, literal, of, param, subquery};

use crate::buckets::bucket;
use crate::conditions::events_of_actors;
use crate::groups_join::latest_groups_since;
use crate::person_query::living_since;
use crate::row::Rows;

const STATUSES: [LifecycleStatus; 4] = LifecycleStatus::ALL;

/// Columns `place` (see [`place`]), `actors`.
pub fn lifecycle(query: &LifecycleQuery) -> Result<Select> {
    let places =
        Select::from(subquery(actors(query)?, "actors")).column(func("arrayJoin", [col("places")]), "place");
    let last = i64::try_from(query.ticks.len()).unwrap_or(i64::MAX / 4);
    Ok(Select::from(subquery(places, "places"))
        .expr(col("place"))
        .column(func("count", []), "actors")
        // Not the interval before the first tick, nor the one behind the last.
        .filter(col("place").ge(literal(0)))
        .filter(col("place").lt(param(last * 4)))
        .group_by([col("place")])
        .order_by([col("place").asc()]))
}

pub fn points(answer: &Rows) -> Result<Vec<LifecyclePoint>> {
    let mut points = Vec::with_capacity(answer.rows.len());
    for row in answer.iter() {
        let place = usize::try_from(row.uint("place")?)
            .map_err(|_| StoreError::Failed("a lifecycle has no such interval".to_owned()))?;
        points.push(LifecyclePoint {
            status: STATUSES[place % STATUSES.len()],
            tick: place / STATUSES.len(),
            count: row.uint("actors")?,
        });
    }
    points.sort_unstable_by_key(|point| (point.status, point.tick));
    Ok(points)
}

/// Interval and status as one number: four to an interval.
pub fn place(tick: usize, status: LifecycleStatus) -> i64 {
    let status = STATUSES.iter().position(|known| *known == status).unwrap_or(0);
    i64::try_from(tick * STATUSES.len() + status).unwrap_or(i64::MAX)
}

/// Columns `actor`, `places`: a row for each actor that exists.
pub fn actors(query: &LifecycleQuery) -> Result<Select> {
    let (existing, id) = match query.actor {
        ActorKind::Person => (living_since(query.project), "id"),
        ActorKind::Group(group_type) => (latest_groups_since(query.project, group_type), "group_key"),
    };
    let created = || of("x", "created");
    // Outside of the range nobody is active, so that it does not matter when there one was created.
    let in_range = and([
        created().ge(param(query.range.from)),
        created().lt(param(query.range.to)),
    ]);
    let born = func("if", [in_range, tick(query, created()), literal(NEVER)]);
    let with_birth = Select::from(
        subquery(active(query)?, "a").inner_join(subquery(existing, "x"), of("a", "actor").eq(of("x", id))),
    )
    .column(of("a", "actor"), "actor")
    .column(of("a", "ticks"), "ticks")
    .column(func("arrayDifference", [of("a", "ticks")]), "gaps")
    .column(born, "born");

    let status = func(
        "multiIf",
        [
            col("t").eq(col("born")),
            literal(place(0, LifecycleStatus::New)),
            col("gap").eq(literal(1)),
            literal(place(0, LifecycleStatus::Returning)),
            literal(place(0, LifecycleStatus::Resurrecting)),
        ],
    );
    let present = func(
        "arrayMap",
        [
            lambda(["t", "gap"], col("t") * literal(4) + status),
            col("ticks"),
            col("gaps"),
        ],
    );
    // The gap to the next interval; 0 behind the last one.
    let next_gaps = func(
        "arrayPushBack",
        [func("arrayPopFront", [col("gaps")]), literal(0)],
    );
    let last_of_runs = func(
        "arrayFilter",
        [
            lambda(["t", "gap"], col("gap").ne(literal(1))),
            col("ticks"),
            next_gaps,
        ],
    );
    let dormant = func(
        "arrayMap",
        [
            lambda(
                ["t"],
                col("t") * literal(4) + literal(place(1, LifecycleStatus::Dormant)),
            ),
            last_of_runs,
        ],
    );
    Ok(Select::from(subquery(with_birth, "births"))
        .expr(col("actor"))
        .column(func("arrayConcat", [present, dormant]), "places"))
}

/// No interval has this number.
const NEVER: i64 = -9;

/// Columns `actor`, `ticks` (ascending; -1 is the interval before the first tick).
fn active(query: &LifecycleQuery) -> Result<Select> {
    let rows = events_of_actors(
        (query.project, query.timezone),
        query.range,
        query.actor,
        &query.condition,
    )?
    .column(tick(query, of("e", "timestamp")), "tick");
    Ok(Select::from(subquery(rows, "rows"))
        .expr(col("actor"))
        .column(
            func("arraySort", [func("groupUniqArray", [col("tick")])]),
            "ticks",
        )
        .group_by([col("actor")]))
}

/// Index of the interval of an instant of the range; -1 before the first tick.
fn tick(query: &LifecycleQuery, instant: Expr) -> Expr {
    let first = query.ticks.first().copied().unwrap_or(query.range.from);
    let before = instant.clone().lt(param(first));
    func(
        "if",
        [
            before,
            literal(-1),
            bucket(query.interval, query.timezone, first, instant),
        ],
    )
}
