//! What the actors have in common who went through a funnel, and those who did not.

use event_store::{Result, StoreError};
use insights::{
    ActorKind, Condition, Correlation, CorrelationItem, CorrelationOf, CorrelationQuery, FunnelQuery,
};
use sql_builder::{
    Expr, From, Select, and, array, col, func, lambda, literal, not, of, or, param, subquery, tuple,
};

use crate::conditions::{person_join, within};
use crate::funnel_chain::{actor, deadline, element, event_time, int, scope};
use crate::funnel_walk::firsts;
use crate::groups_join::latest_groups;
use crate::person_query::latest_properties;
use crate::persons_join::{PersonJoin, events_with_persons};
use crate::properties::{Property, texts};
use crate::row::Rows;

/// Clicks and the like: what they were on is not among their properties.
const AUTOCAPTURE: &str = "$autocapture";

/// One row: `total` and `converted_total` actors.
pub fn totals(query: &CorrelationQuery) -> Result<Select> {
    Ok(Select::from(subquery(spans(&query.funnel)?, "s"))
        .column(func("count", []), "total")
        .column(func("countIf", [col("converted")]), "converted_total"))
}

/// (converted, lost)
pub fn total(answer: &Rows) -> Result<(u64, u64)> {
    let row = answer
        .iter()
        .next()
        .ok_or_else(|| StoreError::Failed("the totals of a correlation have no row".to_owned()))?;
    let converted = row.uint("converted_total")?;
    Ok((converted, row.uint("total")?.saturating_sub(converted)))
}

/// Columns `name`, `key`, `value`, `converted_actors`, `lost_actors`, of what enough of `total` actors did or have.
pub fn correlation(query: &CorrelationQuery, total: u64) -> Result<Select> {
    let funnel = &query.funnel;
    let (rows, keys, occurrences) = match &query.of {
        CorrelationOf::Events { excluded } => {
            let mut select = events_in_time(funnel)?.column(of("e", "event"), "name");
            if !excluded.is_empty() {
                select = select.filter(not(of("e", "event").in_array(param(excluded.as_slice()))));
            }
            (select, false, None)
        }
        CorrelationOf::Properties { names, excluded } => {
            (properties(funnel, names.as_deref(), excluded)?, true, None)
        }
        CorrelationOf::EventProperties {
            events,
            excluded_keys,
        } => (
            event_properties(funnel, events, excluded_keys)?,
            true,
            Some(CorrelationQuery::OCCURRENCES_MIN),
        ),
    };
    let distinct = |condition: Expr| func("uniqExactIf", [col("actor"), condition]);
    let mut items = Select::from(subquery(rows, "rows"))
        .expr(col("name"))
        .group_by([col("name")]);
    if keys {
        for key in ["key", "value"] {
            items = items.expr(col(key)).group_by([col(key)]);
        }
    }
    items = items
        .column(distinct(col("converted")), "converted_actors")
        .column(distinct(not(col("converted"))), "lost_actors");
    let enough = i64::try_from(CorrelationQuery::actors_min(total)).unwrap_or(i64::MAX);
    items = items.having((col("converted_actors") + col("lost_actors")).ge(param(enough)));
    if let Some(occurrences) = occurrences {
        items = items.having(func("count", []).ge(literal(i64::from(occurrences))));
    }
    items = items.order_by([col("name").asc()]);
    if keys {
        items = items.order_by([col("key").asc(), col("value").asc()]);
    }
    Ok(items)
}

pub fn items(query: &CorrelationQuery, (converted, lost): (u64, u64), answer: &Rows) -> Result<Correlation> {
    let keys = match query.of {
        CorrelationOf::Events { .. } => false,
        CorrelationOf::Properties { .. } | CorrelationOf::EventProperties { .. } => true,
    };
    let items: Result<Vec<_>> = answer
        .iter()
        .map(|row| {
            let text = |column: &str| if keys { row.text(column) } else { Ok(String::new()) };
            Ok(CorrelationItem {
                event: row.text("name")?,
                key: text("key")?,
                value: text("value")?,
                converted: row.uint("converted_actors")?,
                lost: row.uint("lost_actors")?,
            })
        })
        .collect();
    Ok(Correlation {
        converted,
        lost,
        items: items?,
    })
}

/// A row for each actor: `actor`, `converted`, and its time, from `low` to `high`, without both ends.
pub fn spans(funnel: &FunnelQuery) -> Result<Select> {
    let last = funnel.steps.len();
    let converted = || col("steps").eq(literal(int(last)));
    let high = func(
        "if",
        [
            converted(),
            element(col("chain"), last),
            deadline(funnel, element(col("chain"), 1)),
        ],
    );
    Ok(Select::from(subquery(firsts(funnel)?, "chains"))
        .expr(col("actor"))
        .column(converted(), "converted")
        .column(element(col("chain"), 1), "low")
        .column(high, "high"))
}

/// The events in their actor's time that are no steps: `actor` and `converted`, and `e` and `d` to go on with.
fn events_in_time(funnel: &FunnelQuery) -> Result<Select> {
    let (select, actor) = in_time(funnel, &[])?;
    Ok(select
        .column(actor, "actor")
        .column(of("s", "converted"), "converted"))
}

/// The same without columns, and the actor; `also` are conditions that the caller will add.
pub fn in_time(funnel: &FunnelQuery, also: &[&Condition]) -> Result<(Select, Expr)> {
    let (actor, has_actor) = actor(funnel.actor);
    let conditions = also.iter().copied().chain(&funnel.steps);
    let join = match funnel.actor {
        ActorKind::Person => PersonJoin::Inner,
        ActorKind::Group(_) => person_join_of_any(conditions),
    };
    let from = events_with_persons(funnel.project, join)
        .inner_join(subquery(spans(funnel)?, "s"), actor.clone().eq(of("s", "actor")));
    let scope = scope(funnel);
    let steps: Result<Vec<_>> = funnel.steps.iter().map(|step| scope.compile(step)).collect();
    let mut select = within(
        Select::from(from).filter(of("e", "team_id").eq(param(funnel.project.0))),
        funnel.range,
    )
    .filter(event_time(funnel).gt(of("s", "low")))
    .filter(event_time(funnel).lt(of("s", "high")))
    .filter(not(or(steps?)));
    if let Some(has_actor) = has_actor {
        select = select.filter(has_actor);
    }
    Ok((select, actor))
}

/// Events without a person may be no steps: they stay.
fn person_join_of_any<'a>(conditions: impl Iterator<Item = &'a Condition>) -> PersonJoin {
    match person_join(&Condition::Any(conditions.cloned().collect())) {
        PersonJoin::None => PersonJoin::None,
        PersonJoin::Left | PersonJoin::Inner => PersonJoin::Left,
    }
}

/// `rows` with their array of (key, value) `pairs` spread out as `key` and `value`.
fn spread(rows: Select) -> Select {
    let columns = ["actor", "converted", "name"].map(col);
    columns
        .into_iter()
        .fold(Select::from(subquery(rows, "with_pairs")), Select::expr)
        .column(func("tupleElement", [col("pair"), literal(1)]), "key")
        .column(func("tupleElement", [col("pair"), literal(2)]), "value")
        .array_join(col("pairs"), "pair")
}

/// The (key, text form) pairs of a JSON object whose keys pass.
fn pairs(properties: Expr, names: Option<&[String]>, excluded: &[String]) -> Expr {
    let key = || func("tupleElement", [col("pair"), literal(1)]);
    let raw = || func("tupleElement", [col("pair"), literal(2)]);
    let among = |names: &[String]| func("has", [texts(names.iter().cloned()), key()]);
    let mut all = func("JSONExtractKeysAndValuesRaw", [properties]);
    let mut passes = Vec::new();
    if let Some(names) = names {
        passes.push(among(names));
    }
    if !excluded.is_empty() {
        passes.push(not(among(excluded)));
    }
    if !passes.is_empty() {
        all = func("arrayFilter", [lambda(["pair"], and(passes)), all]);
    }
    let text = func(
        "if",
        [
            func("startsWith", [raw(), literal("\"")]),
            func("JSONExtractString", [raw()]),
            raw(),
        ],
    );
    func("arrayMap", [lambda(["pair"], tuple([key(), text])), all])
}

fn properties(funnel: &FunnelQuery, names: Option<&[String]>, excluded: &[String]) -> Result<Select> {
    let spans = subquery(spans(funnel)?, "s");
    let with_properties = with_latest(funnel, spans);
    let rows = Select::from(with_properties)
        .column(of("s", "actor"), "actor")
        .column(of("s", "converted"), "converted")
        .column(literal(""), "name")
        .column(pairs(of("l", "latest"), names, excluded), "pairs");
    Ok(spread(rows))
}

/// Adds the latest properties of the actors of `s` as `l.latest`; those that have none go.
pub fn with_latest(funnel: &FunnelQuery, spans: From) -> From {
    let (latest, key) = match funnel.actor {
        ActorKind::Person => (latest_properties(funnel.project), "id"),
        ActorKind::Group(group_type) => (latest_groups(funnel.project, group_type), "group_key"),
    };
    spans.inner_join(subquery(latest, "l"), of("s", "actor").eq(of("l", key)))
}

fn event_properties(funnel: &FunnelQuery, events: &[String], excluded_keys: &[String]) -> Result<Select> {
    let properties = || of("e", "properties");
    let element = func(
        "concat",
        [
            Property::of_json(properties(), "$event_type").text(),
            literal("__~~__"),
            of("e", "elements_chain"),
        ],
    );
    let pairs = func(
        "if",
        [
            of("e", "event").eq(literal(AUTOCAPTURE)),
            array([tuple([literal("elements_chain"), element])]),
            pairs(properties(), None, excluded_keys),
        ],
    );
    let rows = events_in_time(funnel)?
        .column(of("e", "event"), "name")
        .column(pairs, "pairs")
        .filter(of("e", "event").in_array(param(events)));
    Ok(spread(rows))
}
