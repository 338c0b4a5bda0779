//! What actors did or are who went through a funnel, beside those who did not.

use event_store::{Result, StoreError};
use insights::{
    ActorKind, Correlation, CorrelationItem, CorrelationOf, CorrelationQuery, FunnelQuery, PropertySource,
};
use sql_builder::{
    Expr, From, Query, Select, and, case, cast, col, count, from_function, func, literal, not, of, or, param,
    scalar, star, subquery, table,
};
use sqlx::PgPool;

use crate::conditions::{Actor, Scope, within};
use crate::funnel_chain::{any_step, chains, deadline, micros, number, time_of};
use crate::postgres::execute::{get, get_count, get_text, rows};
use crate::sessions::SessionRange;

pub(crate) async fn correlation(pool: &PgPool, query: &CorrelationQuery) -> Result<Correlation> {
    let mut totals = None;
    let mut items = Vec::new();
    for row in rows(pool, &select(query)?).await? {
        let converted = get_count(&row, "converted")?;
        let lost = get_count(&row, "lost")?;
        if get::<bool>(&row, "all_actors")? {
            totals = Some((converted, lost));
        } else {
            items.push(CorrelationItem {
                event: get_text(&row, "event")?,
                key: get_text(&row, "key")?,
                value: get_text(&row, "value")?,
                converted,
                lost,
            });
        }
    }
    items.sort_by(|a, b| (&a.event, &a.key, &a.value).cmp(&(&b.event, &b.key, &b.value)));
    let (converted, lost) =
        totals.ok_or_else(|| StoreError::Failed("a correlation has no totals".to_owned()))?;
    Ok(Correlation {
        converted,
        lost,
        items,
    })
}

/// Rows of (event, key, value, converted, lost), and one of all actors.
pub(crate) fn select(query: &CorrelationQuery) -> Result<Select> {
    let all = Select::from(table("people"))
        .column(literal(true), "all_actors")
        .column(cast(literal(""), "text"), "event")
        .column(cast(literal(""), "text"), "key")
        .column(cast(literal(""), "text"), "value")
        .column(count().filter(col("converted")), "converted")
        .column(count().filter(not(col("converted"))), "lost");
    let (facts, occurrences) = match &query.of {
        CorrelationOf::Events { excluded } => (events(&query.funnel, excluded)?, None),
        CorrelationOf::Properties { names, excluded } => {
            (properties(&query.funnel, names.as_deref(), excluded), None)
        }
        CorrelationOf::EventProperties {
            events,
            excluded_keys,
        } => (
            event_properties(&query.funnel, events, excluded_keys)?,
            Some(CorrelationQuery::OCCURRENCES_MIN),
        ),
    };
    let actors = || func("count", [col("actor")]).distinct();
    let everybody = Select::from(table("people")).expr(count());
    // As `CorrelationQuery::actors_min`, without a question of its own: at least the share of all, or enough anyway.
    let share = (actors() * literal(100))
        .ge(scalar(everybody) * literal(i64::from(CorrelationQuery::PERCENT_ENOUGH)));
    let enough = actors().ge(literal(i64::from(CorrelationQuery::ACTORS_ENOUGH)));
    let mut items = Select::from(subquery(facts, "f"))
        .column(literal(false), "all_actors")
        .expr(col("event"))
        .expr(col("key"))
        .expr(col("value"))
        .column(actors().filter(col("converted")), "converted")
        .column(actors().filter(not(col("converted"))), "lost")
        .group_by([col("event"), col("key"), col("value")])
        .having(or([enough, share]));
    if let Some(occurrences) = occurrences {
        items = items.having(count().ge(literal(i64::from(occurrences))));
    }
    Ok(Select::from(subquery(Query::union_all([all, items]), "c"))
        .with_materialized("people", people(&query.funnel)?)
        .expr(star()))
}

/// A row for each actor in the funnel: `converted`, and the time in which what it does counts, between `since` and `until`,
/// both exclusive.
pub(crate) fn people(funnel: &FunnelQuery) -> Result<Select> {
    let converted = col("reached").eq(literal(number(funnel.steps.len())?));
    let since = time_of(col("times"), 0)?;
    let last = time_of(col("times"), funnel.steps.len().saturating_sub(1))?;
    let until = case([(converted.clone(), last)], Some(deadline(since.clone(), funnel)));
    Ok(Select::from(subquery(chains(funnel)?, "c"))
        .expr(col("actor"))
        .column(converted, "converted")
        .column(since, "since")
        .column(until, "until"))
}

/// The events in the time of `people AS c` that are no step; all tables that `scope` was asked for until now are joined.
pub(crate) fn events_of_people(funnel: &FunnelQuery, mut scope: Scope) -> Result<Select> {
    let Actor { id, present } = scope.actor(funnel.actor);
    let step = any_step(funnel, &mut scope)?;
    let time = || micros(of("e", "timestamp"), funnel.range.from);
    let mut select = scope.select();
    select.from = select
        .from
        .map(|events| events.inner_join(table("people").alias("c"), of("c", "actor").eq(id)));
    Ok(select
        .filter(within(funnel.range))
        .filter(and(present))
        .filter(time().gt(of("c", "since")))
        .filter(time().lt(of("c", "until")))
        .filter(not(step)))
}

pub(crate) fn scope(funnel: &FunnelQuery) -> Scope {
    Scope::events(
        funnel.project,
        funnel.timezone,
        SessionRange::around(funnel.range),
    )
}

/// `c` with the latest properties of each actor, as `texts.property_texts`.
pub(crate) fn with_own_properties(funnel: &FunnelQuery, people: From) -> From {
    let team = param(funnel.project.0);
    let actor = || of("c", "actor");
    match funnel.actor {
        ActorKind::Person => people.inner_join(
            table("person").alias("own"),
            and([
                of("own", "team_id").eq(team),
                of("own", "id").eq(actor()),
                not(of("own", "is_deleted")),
            ]),
        ),
        ActorKind::Group(group_type) => people.inner_join(
            table("groups").alias("own"),
            and([
                of("own", "team_id").eq(team),
                of("own", "group_type_index").eq(literal(i64::from(group_type.get()))),
                of("own", "group_key").eq(actor()),
            ]),
        ),
    }
}

/// Columns of a fact about an actor.
fn fact(select: Select, event: Expr, key: Expr, value: Expr) -> Select {
    select
        .column(of("c", "actor"), "actor")
        .column(of("c", "converted"), "converted")
        .column(event, "event")
        .column(key, "key")
        .column(value, "value")
}

fn events(funnel: &FunnelQuery, excluded: &[String]) -> Result<Select> {
    let empty = || cast(literal(""), "text");
    let select =
        events_of_people(funnel, scope(funnel))?.filter(not(of("e", "event").in_array(param(excluded))));
    Ok(fact(select, of("e", "event"), empty(), empty()))
}

fn properties(funnel: &FunnelQuery, names: Option<&[String]>, excluded: &[String]) -> Select {
    let texts = from_function(
        func("jsonb_each_text", [of("own", "property_texts")]),
        "t",
        ["name", "form"],
    )
    .lateral();
    let owners = with_own_properties(funnel, table("people").alias("c"));
    let mut select =
        Select::from(owners.cross_join(texts)).filter(not(of("t", "name").in_array(param(excluded))));
    if let Some(names) = names {
        select = select.filter(of("t", "name").in_array(param(names)));
    }
    fact(
        select,
        cast(literal(""), "text"),
        of("t", "name"),
        of("t", "form"),
    )
}

fn event_properties(funnel: &FunnelQuery, events: &[String], excluded_keys: &[String]) -> Result<Select> {
    let mut scope = scope(funnel);
    let kind = func(
        "coalesce",
        [scope.text(PropertySource::Event, "$event_type")?, literal("")],
    );
    let mut select = events_of_people(funnel, scope)?.filter(of("e", "event").in_array(param(events)));
    let autocapture = || of("e", "event").eq(literal("$autocapture"));
    // An event that was captured by itself has the chain of its elements for its only property.
    let chain = func(
        "jsonb_build_object",
        [
            literal("elements_chain"),
            kind.op("||", literal("__~~__"))
                .op("||", of("e", "elements_chain")),
        ],
    );
    let texts = case([(autocapture(), chain)], Some(of("e", "property_texts")));
    let texts = from_function(func("jsonb_each_text", [texts]), "t", ["name", "form"]).lateral();
    select.from = select.from.map(|events| events.cross_join(texts));
    select = select.filter(or([
        autocapture(),
        not(of("t", "name").in_array(param(excluded_keys))),
    ]));
    Ok(fact(select, of("e", "event"), of("t", "name"), of("t", "form")))
}
