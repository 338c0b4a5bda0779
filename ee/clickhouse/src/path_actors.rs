//! The actors behind an edge or a node of paths.

use event_store::Result;
use insights::PathActorsQuery;
use sql_builder::{Expr, Select, col, func, lambda, literal, param, subquery};

use crate::paths::visits;

/// Column `name`, ascending.
pub fn path_actors(query: &PathActorsQuery) -> Result<Select> {
    let node = func(
        "concat",
        [
            func("toString", [col("position")]),
            literal("_"),
            func("tupleElement", [col("step"), literal(2)]),
        ],
    );
    let nodes = func(
        "arrayMap",
        [
            lambda(["step", "position"], node),
            col("visit"),
            func("arrayEnumerate", [col("visit")]),
        ],
    );
    let nodes = Select::from(subquery(visits(&query.paths)?, "visits"))
        .expr(col("actor"))
        .column(nodes, "nodes");
    let position = |node: &str| func("indexOf", [col("nodes"), param(node)]);
    let length = || func("length", [col("nodes")]);
    let found = |node: &str| position(node).gt(literal(0));

    let mut select =
        Select::from(subquery(nodes, "visits_of_nodes")).column(func("toString", [col("actor")]), "name");
    if let Some(from) = &query.from {
        select = select.filter(found(from)).filter(position(from).lt(length()));
    }
    if let Some(to) = &query.to {
        select = select.filter(position(to).gt(literal(1)));
    }
    if let (Some(from), Some(to)) = (&query.from, &query.to) {
        let next: Expr = position(from) + literal(1);
        select = select.filter(position(to).eq(next));
    }
    if let Some(node) = &query.dropoff {
        select = select.filter(found(node)).filter(position(node).eq(length()));
    }
    Ok(select
        .group_by([col("name")])
        .order_by([col("name").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
