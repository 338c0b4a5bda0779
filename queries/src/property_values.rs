//! The most frequent values of a property.

use event_store::Result;
use insights::{PropertySource, ValuesQuery};
use sql_builder::{Select, cast, col, count, literal, not, of, param, subquery, table};
use sqlx::PgPool;

use crate::postgres::execute::{get_count, get_text, rows};
use crate::properties::contains;
use crate::sessions::{self, SessionRange};

pub(crate) async fn property_values(pool: &PgPool, query: &ValuesQuery) -> Result<Vec<(String, u64)>> {
    let found = rows(pool, &select(query)?).await?;
    found
        .iter()
        .map(|row| Ok((get_text(row, "form")?, get_count(row, "times")?)))
        .collect()
}

pub(crate) fn select(query: &ValuesQuery) -> Result<Select> {
    let team = || param(query.project.0);
    let mut owners = match query.source {
        PropertySource::Event => {
            let events = owners("events", query);
            match query.since {
                Some(since) => events.filter(of("o", "timestamp").ge(param(since))),
                None => events,
            }
        }
        PropertySource::Person => owners("person", query).filter(not(of("o", "is_deleted"))),
        PropertySource::Group(group_type) => owners("groups", query)
            .filter(of("o", "group_type_index").eq(literal(i64::from(group_type.get())))),
        PropertySource::Session => {
            let durations = sessions::durations(team(), SessionRange::everything());
            Select::from(subquery(durations, "o"))
        }
    };
    let form = match query.source {
        PropertySource::Session => cast(of("o", "duration"), "text"),
        PropertySource::Event | PropertySource::Person | PropertySource::Group(_) => {
            of("o", "property_texts").op("->>", param(&query.key))
        }
    };
    owners = owners
        .filter(form.clone().is_not_null())
        .column(form.clone(), "form");
    if let Some(search) = &query.search {
        owners = owners.filter(contains(form, search));
    }
    let counted = Select::from(subquery(owners, "f"))
        .expr(col("form"))
        .column(count(), "times")
        .group_by([col("form")]);
    Ok(Select::from(subquery(counted, "v"))
        .expr(col("form"))
        .expr(col("times"))
        .order_by([col("times").desc(), col("form").op("COLLATE", col("C")).asc()])
        .limit(u64::from(query.limit)))
}

/// Rows `o` of the project.
fn owners(name: &'static str, query: &ValuesQuery) -> Select {
    Select::from(table(name).alias("o")).filter(of("o", "team_id").eq(param(query.project.0)))
}
