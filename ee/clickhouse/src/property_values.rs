//! The most frequent values of a property.

use event_store::Result;
use insights::{PropertySource, ValuesQuery};
use sql_builder::{Operator, Select, col, func, of, param, subquery, table};

use crate::groups_join::latest_groups;
use crate::person_query::latest_properties;
use crate::properties::{Property, contains_pattern};
use crate::sessions::{SessionRange, durations};

/// Columns `text`, `times`.
pub fn property_values(query: &ValuesQuery) -> Result<Select> {
    let key = query.key.as_str();
    let (from, property) = match query.source {
        PropertySource::Event => {
            let mut events = Select::from(table("events").alias("e"))
                .filter(of("e", "team_id").eq(param(query.project.0)));
            if let Some(since) = query.since {
                events = events.filter(of("e", "timestamp").ge(param(since)));
            }
            (events, Property::of_json(of("e", "properties"), key))
        }
        PropertySource::Person => (
            Select::from(subquery(latest_properties(query.project), "p")),
            Property::of_json(col("latest"), key),
        ),
        PropertySource::Group(group_type) => (
            Select::from(subquery(latest_groups(query.project, group_type), "g")),
            Property::of_json(col("latest"), key),
        ),
        PropertySource::Session => (
            Select::from(subquery(durations(query.project, SessionRange::default()), "s")),
            Property::of_number(col("duration")),
        ),
    };
    let texts = from.column(property.nullable_text(), "text");
    let mut select = Select::from(subquery(texts, "texts"))
        .column(func("assumeNotNull", [col("text")]), "value")
        .column(func("count", []), "times")
        .filter(col("text").is_not_null())
        .group_by([col("value")]);
    if let Some(search) = &query.search {
        select = select.filter(col("text").binary(Operator::ILike, param(contains_pattern(search))));
    }
    Ok(select
        .order_by([col("times").desc(), col("value").asc()])
        .limit(query.limit.into()))
}
