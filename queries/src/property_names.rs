//! The keys of persons' or groups' latest properties.

use event_store::{Result, StoreError};
use insights::PropertySource;
use model::ProjectId;
use sql_builder::{Select, col, count, from_function, func, literal, not, of, param, table};
use sqlx::PgPool;

use crate::postgres::execute::{get_count, get_text, rows};

pub(crate) async fn property_names(
    pool: &PgPool,
    project: ProjectId,
    source: PropertySource,
) -> Result<Vec<(String, u64)>> {
    let found = rows(pool, &select(project, source)?).await?;
    found
        .iter()
        .map(|row| Ok((get_text(row, "name")?, get_count(row, "owners")?)))
        .collect()
}

pub(crate) fn select(project: ProjectId, source: PropertySource) -> Result<Select> {
    let (name, counts) = match source {
        PropertySource::Person => ("person", not(of("o", "is_deleted"))),
        PropertySource::Group(group_type) => (
            "groups",
            of("o", "group_type_index").eq(literal(i64::from(group_type.get()))),
        ),
        PropertySource::Event | PropertySource::Session => {
            return Err(StoreError::Failed(
                "the names of properties are asked of persons and groups only".to_owned(),
            ));
        }
    };
    let keys = from_function(
        func("jsonb_object_keys", [of("o", "property_texts")]),
        "k",
        ["name"],
    )
    .lateral();
    Ok(Select::from(table(name).alias("o").cross_join(keys))
        .column(of("k", "name"), "name")
        .column(count(), "owners")
        .filter(of("o", "team_id").eq(param(project.0)))
        .filter(counts)
        .group_by([of("k", "name")])
        .order_by([count().desc(), of("k", "name").op("COLLATE", col("C")).asc()]))
}
