//! Whether those active were new, came back, or stayed.

use event_store::{Result, StoreError};
use insights::{LifecyclePoint, LifecycleQuery, LifecycleStatus};
use sql_builder::{
    Expr, From, Literal, Query, Select, Window, and, case, cast, count, func, literal, of, or, param,
    subquery, table,
};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Existing, Scope, within};
use crate::postgres::execute::{get, get_count, get_index, rows};
use crate::sessions::SessionRange;

pub(crate) async fn lifecycle(pool: &PgPool, query: &LifecycleQuery) -> Result<Vec<LifecyclePoint>> {
    let mut points = Vec::new();
    for row in rows(pool, &select(query)?).await? {
        points.push(LifecyclePoint {
            status: status(&get::<String>(&row, "status")?)?,
            tick: get_index(&row, "tick")?,
            count: get_count(&row, "actors")?,
        });
    }
    points.sort_by_key(|point| (point.status, point.tick));
    Ok(points)
}

pub(crate) fn select(query: &LifecycleQuery) -> Result<Select> {
    Ok(Select::from(statuses())
        .with("active", active(query)?)
        .column(of("s", "status"), "status")
        .column(of("s", "tick"), "tick")
        .column(count(), "actors")
        .filter(answered(query))
        .group_by([of("s", "status"), of("s", "tick")]))
}

fn status(name: &str) -> Result<LifecycleStatus> {
    LifecycleStatus::ALL
        .into_iter()
        .find(|status| status.name() == name)
        .ok_or_else(|| StoreError::Failed(format!("a lifecycle has a status {name:?}")))
}

/// Not the interval before the first tick, nor the one behind the last.
pub(crate) fn answered(query: &LifecycleQuery) -> Expr {
    let tick = || of("s", "tick");
    and([
        tick().ge(literal(0)),
        tick().lt(func("cardinality", [param(query.ticks.as_slice())])),
    ])
}

/// Rows of (actor, tick, created): the intervals with a matching event, and the one that the actor was created in.
pub(crate) fn active(query: &LifecycleQuery) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let Existing {
        actor: Actor { id, present },
        created_at,
    } = scope.existing(query.actor);
    Ok(scope
        .select()
        .distinct()
        .filter(within(query.range))
        .filter(and([condition].into_iter().chain(present)))
        .column(id, "actor")
        .column(tick_of(of("e", "timestamp"), query), "tick")
        .column(
            // Who was created behind the end is new nowhere.
            case(
                [(
                    created_at.clone().lt(param(query.range.to)),
                    tick_of(created_at, query),
                )],
                None,
            ),
            "created",
        ))
}

/// Rows `s` of (actor, tick, status), made of `active`.
pub(crate) fn statuses() -> From {
    let neighbour = |function: &'static str| {
        func(function, [of("a", "tick")]).over(Window {
            partition_by: vec![of("a", "actor")],
            order_by: vec![of("a", "tick").asc()],
            frame: None,
        })
    };
    let rows = Select::from(table("active").alias("a"))
        .column(of("a", "actor"), "actor")
        .column(of("a", "tick"), "tick")
        .column(of("a", "created"), "created")
        .column(neighbour("lag"), "before")
        .column(neighbour("lead"), "after");
    let text = |status: LifecycleStatus| literal(Literal::Text(status.name()));
    let present = Select::from(subquery(rows.clone(), "a"))
        .column(of("a", "actor"), "actor")
        .column(of("a", "tick"), "tick")
        .column(
            case(
                [
                    (of("a", "created").eq(of("a", "tick")), text(LifecycleStatus::New)),
                    (
                        of("a", "before").eq(of("a", "tick") - literal(1)),
                        text(LifecycleStatus::Returning),
                    ),
                ],
                Some(text(LifecycleStatus::Resurrecting)),
            ),
            "status",
        );
    let next = || of("a", "tick") + literal(1);
    let gone = Select::from(subquery(rows, "a"))
        .column(of("a", "actor"), "actor")
        .column(next(), "tick")
        .column(text(LifecycleStatus::Dormant), "status")
        .filter(or([of("a", "after").is_null(), of("a", "after").gt(next())]));
    subquery(Query::union_all([present, gone]), "s")
}

/// Index of the interval of an instant; -1 before the first tick.
fn tick_of(instant: Expr, query: &LifecycleQuery) -> Expr {
    let bucket = func("width_bucket", [instant, param(query.ticks.as_slice())]);
    cast(bucket - literal(1), "bigint")
}
