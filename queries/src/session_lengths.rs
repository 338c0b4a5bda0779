//! How long the runs of a distinct id's events are.

use event_store::Result;
use insights::{SessionLengths, SessionLengthsQuery};
use sql_builder::{
    Expr, Select, Unit, Window, cast, col, count, func, interval, literal, of, or, param, subquery,
};
use sqlx::PgPool;

use crate::conditions::{self, Scope, within};
use crate::postgres::execute::{get, get_count, get_index, rows};
use crate::sessions::SessionRange;

/// A longer silence ends a run.
const GAP_SECONDS: i64 = 30 * 60;

pub(crate) async fn session_lengths(
    pool: &PgPool,
    query: &SessionLengthsQuery,
) -> Result<Vec<SessionLengths>> {
    if query.ticks.is_empty() {
        return Ok(Vec::new());
    }
    let found = rows(pool, &select(query)?).await?;
    found
        .iter()
        .map(|row| {
            Ok(SessionLengths {
                tick: get_index(row, "tick")?,
                seconds: get_count(row, "seconds")?,
                sessions: get_count(row, "sessions")?,
                sum: get(row, "sum")?,
            })
        })
        .collect()
}

pub(crate) fn select(query: &SessionLengthsQuery) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let per_distinct_id = |order_by| Window {
        partition_by: vec![col("distinct_id")],
        order_by,
        frame: None,
    };
    let events = scope
        .select()
        .filter(within(query.range))
        .filter(condition)
        .column(of("e", "distinct_id"), "distinct_id")
        .column(of("e", "timestamp"), "at");
    let told = Select::from(subquery(events, "e"))
        .column(col("distinct_id"), "distinct_id")
        .column(col("at"), "at")
        .column(
            func("lag", [col("at")]).over(per_distinct_id(vec![col("at").asc()])),
            "before",
        );
    let begins = or([
        col("before").is_null(),
        (col("at") - col("before")).gt(interval(GAP_SECONDS, Unit::Second)),
    ]);
    let numbered = Select::from(subquery(told, "t"))
        .column(col("distinct_id"), "distinct_id")
        .column(col("at"), "at")
        .column(
            // Events of one instant are of one run: at most one of them begins it.
            count()
                .filter(begins)
                .over(per_distinct_id(vec![col("at").asc()])),
            "run",
        );
    let first = || func("min", [col("at")]);
    let length = func("max", [col("at")]) - first();
    let runs = Select::from(subquery(numbered, "n"))
        .column(tick_of(first(), query), "tick")
        .column(length, "length")
        .group_by([col("distinct_id"), col("run")]);
    // Lengths are exact until they are a number.
    let in_seconds = |length: Expr| func("date_part", [literal("epoch"), length]);
    let seconds = cast(func("ceil", [in_seconds(col("length"))]), "bigint");
    Ok(Select::from(subquery(runs, "r"))
        .column(col("tick"), "tick")
        .column(seconds.clone(), "seconds")
        .column(count(), "sessions")
        .column(in_seconds(func("sum", [col("length")])), "sum")
        .group_by([col("tick"), seconds.clone()])
        .order_by([col("tick").asc(), seconds.asc()]))
}

fn tick_of(instant: Expr, query: &SessionLengthsQuery) -> Expr {
    let bucket = func("width_bucket", [instant, param(query.ticks.as_slice())]);
    // A range may begin within its first tick.
    cast(func("greatest", [bucket, literal(1)]) - literal(1), "bigint")
}
