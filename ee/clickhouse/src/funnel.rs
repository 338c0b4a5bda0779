//! Funnels: how many actors reached each step, and how long they took.

use event_store::{Result, StoreError};
use insights::{FunnelQuery, FunnelStep, FunnelSteps};
use sql_builder::{Expr, Select, array, col, func, lambda, literal, subquery};

use crate::funnel_chain::{Listed, group_at};
use crate::funnel_walk::best;
use crate::row::Rows;

/// Columns `step` (from 1 on), `actors`, `average`, `median` (seconds; nothing for step 1), and `place` with a breakdown.
pub fn funnel(query: &FunnelQuery, listed: &Listed) -> Result<Select> {
    let by_place = query.breakdown.is_some();
    let time = lambda(["before", "after"], col("after") - col("before"));
    let times = func("arrayMap", [time, col("all_before"), col("all_after")]);
    let times = func(
        "arrayMap",
        [
            lambda(["all_before", "all_after"], func("arraySort", [times])),
            func("arrayPopBack", [col("chains")]),
            func("arrayPopFront", [col("chains")]),
        ],
    );
    let mut select = Select::from(subquery(best(query, listed)?, "best")).column(times, "times_of_steps");
    if by_place {
        select = select.expr(col("place"));
    }
    let first = || array([literal(0.0)]);
    let with_first = |times: Expr| func("arrayConcat", [first(), times]);
    let means = func(
        "arrayMap",
        [
            lambda(["times"], func("arrayAvg", [col("times")])),
            col("times_of_steps"),
        ],
    );
    let medians = func(
        "arrayMap",
        [lambda(["times"], middle(&col("times"))), col("times_of_steps")],
    );
    let mut select = Select::from(subquery(select, "timed"))
        .column(with_first(means), "means")
        .column(with_first(medians), "medians");
    if by_place {
        select = select.expr(col("place"));
    }
    let mut actors = Select::from(subquery(select, "actors_of_steps"))
        .expr(col("step"))
        .expr(col("mean"))
        .expr(col("middle"))
        .array_join(col("means"), "mean")
        .array_join(col("medians"), "middle")
        .array_join(func("arrayEnumerate", [col("means")]), "step");
    if by_place {
        actors = actors.expr(col("place"));
    }
    let median = func("quantileExactInclusive", [col("middle")]).params([literal(0.5)]);
    let mut steps = Select::from(subquery(actors, "steps_of_actors"))
        .expr(col("step"))
        .column(func("count", []), "actors")
        .column(func("avg", [col("mean")]) / literal(1e6), "average")
        .column(median / literal(1e6), "median")
        .group_by([col("step")]);
    if by_place {
        steps = steps.expr(col("place")).group_by([col("place")]);
    }
    Ok(steps)
}

/// The mean of the one or two in the middle.
fn middle(sorted: &Expr) -> Expr {
    let length = || func("length", [sorted.clone()]);
    let at = |index: Expr| func("arrayElement", [sorted.clone(), index]);
    let lower = at(func("intDiv", [length() + literal(1), literal(2)]));
    let upper = at(func("intDiv", [length(), literal(2)]) + literal(1));
    (lower + upper) / literal(2)
}

/// Listed values first, in order, then all others.
pub fn steps(query: &FunnelQuery, listed: &Listed, answer: &Rows) -> Result<Vec<FunnelSteps>> {
    let mut by_place: Vec<Option<Vec<FunnelStep>>> = vec![None; listed.len() + 1];
    let empty = || vec![FunnelStep::default(); query.steps.len()];
    for row in answer.iter() {
        let place = if query.breakdown.is_some() {
            row.uint("place")?
        } else {
            0
        };
        let index = row.uint("step")?;
        let step = usize::try_from(place)
            .ok()
            .and_then(|place| by_place.get_mut(place))
            .zip(usize::try_from(index).ok().and_then(|index| index.checked_sub(1)))
            .and_then(|(steps, index)| steps.get_or_insert_with(empty).get_mut(index))
            .ok_or_else(|| {
                StoreError::Failed(format!("a funnel has no step {index} of breakdown value {place}"))
            })?;
        *step = FunnelStep {
            count: row.uint("actors")?,
            average: row.float("average")?.filter(|_| index > 1),
            median: row.float("median")?.filter(|_| index > 1),
        };
    }
    if query.breakdown.is_none() {
        let steps = by_place.pop().flatten().unwrap_or_else(empty);
        return Ok(vec![FunnelSteps { group: None, steps }]);
    }
    by_place.rotate_left(1);
    let places = (1..=listed.len() as u64).chain([0]);
    places
        .zip(by_place)
        .filter_map(|(place, steps)| Some((place, steps?)))
        .map(|(place, steps)| {
            Ok(FunnelSteps {
                group: group_at(query, listed, place)?,
                steps,
            })
        })
        .collect()
}
