//! Funnels by step: how many actors came so far, and how long it took them.

use std::collections::BTreeMap;

use event_store::{Result, StoreError};
use insights::{FunnelQuery, FunnelStep, FunnelSteps};
use sql_builder::{
    Expr, Literal, Query, Select, cast, col, count, from_function, func, literal, of, star, subquery, table,
};
use sqlx::PgPool;

use crate::funnel_chain::{Values, best_entrances, values};
use crate::postgres::execute::{get, get_count, get_index, rows};

pub(crate) async fn funnel(pool: &PgPool, query: &FunnelQuery) -> Result<Vec<FunnelSteps>> {
    let values = values(pool, query).await?;
    let nobody = || vec![FunnelStep::default(); query.steps.len()];
    // `Other` has the number 0, and is the last.
    let mut parts: BTreeMap<(bool, i64), Vec<FunnelStep>> = BTreeMap::new();
    if values.is_none() {
        parts.insert((true, 0), nobody());
    }
    for row in rows(pool, &select(query, values.as_ref())?).await? {
        let part: i64 = get(&row, "part")?;
        let step = get_index(&row, "step")?;
        let steps = parts.entry((part == 0, part)).or_insert_with(nobody);
        let beyond = || StoreError::Failed(format!("a funnel has no step {step}"));
        if get::<Option<i64>>(&row, "actors")?.is_some() {
            let actors = get_count(&row, "actors")?;
            for reached in steps.get_mut(..=step).ok_or_else(beyond)? {
                reached.count += actors;
            }
        } else {
            let step = steps.get_mut(step).ok_or_else(beyond)?;
            step.average = get(&row, "average")?;
            step.median = get(&row, "median")?;
        }
    }
    parts
        .into_iter()
        .map(|((_, part), steps)| {
            Ok(FunnelSteps {
                group: values.as_ref().map(|values| values.group(part)).transpose()?,
                steps,
            })
        })
        .collect()
}

/// Rows of (part, step, actors) for the actors whose last step it is, and of (part, step, average, median) for how long it
/// took to come to it. Steps from 0.
pub(crate) fn select(query: &FunnelQuery, values: Option<&Values>) -> Result<Select> {
    let actors = Select::from(table("best"))
        .distinct()
        .expr(col("actor"))
        .expr(col("part"))
        .column(col("reached") - literal(1), "step");
    let counts = Select::from(subquery(actors, "a"))
        .expr(col("part"))
        .expr(col("step"))
        .column(count(), "actors")
        .column(nothing(), "average")
        .column(nothing(), "median")
        .group_by([col("part"), col("step")]);

    let seconds = from_function(func("unnest", [of("best", "seconds")]), "g", ["seconds", "step"])
        .with_ordinality()
        .lateral();
    let per_actor = Select::from(table("best").cross_join(seconds))
        .column(of("best", "part"), "part")
        .column(of("g", "step"), "step")
        .column(func("avg", [of("g", "seconds")]), "average")
        .column(median(of("g", "seconds")), "median")
        .group_by([of("best", "actor"), of("best", "part"), of("g", "step")]);
    let times = Select::from(subquery(per_actor, "a"))
        .expr(col("part"))
        .expr(col("step"))
        .column(cast(literal(Literal::Null), "bigint"), "actors")
        .column(func("avg", [of("a", "average")]), "average")
        .column(median(of("a", "median")), "median")
        .group_by([col("part"), col("step")]);

    Ok(Select::from(subquery(Query::union_all([counts, times]), "c"))
        .with("best", best_entrances(query, values)?)
        .expr(star()))
}

fn median(number: Expr) -> Expr {
    func("percentile_cont", [literal(0.5)]).within_group([number.asc()])
}

fn nothing() -> Expr {
    cast(literal(Literal::Null), "double precision")
}
