//! The actors behind one number of a correlation.

use event_store::Result;
use insights::{Condition, CorrelationActorsQuery};
use sql_builder::{Select, and, cast, not, of, param, table};
use sqlx::PgPool;

use crate::conditions;
use crate::correlation::{events_of_people, people, scope, with_own_properties};
use crate::postgres::execute::{get_text, rows};

pub(crate) async fn correlation_actors(pool: &PgPool, query: &CorrelationActorsQuery) -> Result<Vec<String>> {
    let found = rows(pool, &select(query)?).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

pub(crate) fn select(query: &CorrelationActorsQuery) -> Result<Select> {
    let actor = || of("c", "actor");
    let mut from = table("people").alias("c");
    if !query.has.is_empty() {
        from = with_own_properties(&query.funnel, from);
    }
    let mut select = Select::from(from)
        .with_materialized("people", people(&query.funnel)?)
        .column(cast(actor(), "text"), "actor");
    match query.converted {
        Some(true) => select = select.filter(of("c", "converted")),
        Some(false) => select = select.filter(not(of("c", "converted"))),
        None => {}
    }
    match &query.did {
        None => {}
        Some(Condition::All(all)) if all.is_empty() => {}
        Some(condition) => {
            let mut scope = scope(&query.funnel);
            let condition = conditions::condition(condition, &mut scope)?;
            let did = events_of_people(&query.funnel, scope)?
                .column(actor(), "actor")
                .filter(condition);
            select = select.filter(actor().in_query(did));
        }
    }
    let has = query.has.iter().map(|(key, text)| {
        let own = of("own", "property_texts").op("->>", param(key));
        own.eq(param(text))
    });
    if !query.has.is_empty() {
        select = select.filter(and(has));
    }
    Ok(select
        .order_by([actor().asc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}
