//! The actors behind one number of a correlation.

use event_store::Result;
use insights::{Condition, CorrelationActorsQuery};
use sql_builder::{Select, col, func, of, param, subquery};

use crate::correlation::{in_time, spans, with_latest};
use crate::funnel_chain::scope;
use crate::properties::Property;

/// Column `name`, ascending.
pub fn correlation_actors(query: &CorrelationActorsQuery) -> Result<Select> {
    let funnel = &query.funnel;
    let spans = subquery(spans(funnel)?, "s");
    let from = if query.has.is_empty() {
        spans
    } else {
        with_latest(funnel, spans)
    };
    let mut select = Select::from(from).column(func("toString", [of("s", "actor")]), "name");
    if let Some(converted) = query.converted {
        select = select.filter(of("s", "converted").eq(param(i64::from(converted))));
    }
    for (key, text) in &query.has {
        let property = || Property::of_json(of("l", "latest"), key);
        // An absent key has no text, not even ''.
        select = select
            .filter(property().text().eq(param(text.as_str())))
            .filter(property().nullable_text().is_not_null());
    }
    match &query.did {
        None => {}
        Some(Condition::All(all)) if all.is_empty() => {}
        Some(did) => {
            let (events, actor) = in_time(funnel, &[did])?;
            let did = events.expr(actor).filter(scope(funnel).compile(did)?);
            select = select.filter(of("s", "actor").in_query(did));
        }
    }
    Ok(select
        .order_by([col("name").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
