//! The persons list, and persons by id.

use event_store::{PersonRow, Result, StoreError};
use insights::PersonsQuery;
use model::ProjectId;
use sql_builder::{Operator, Select, and, col, func, lambda, literal, of, or, param, subquery};
use uuid::Uuid;

use crate::conditions::{Scope, Subject};
use crate::person_query::latest_rows;
use crate::persons_join::live_mappings;
use crate::properties::{Property, contains_pattern};
use crate::row::Row;
use crate::sessions::SessionRange;

/// By (created_at descending, id descending); ids compare as texts.
pub fn persons(query: &PersonsQuery) -> Result<Select> {
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: SessionRange::default(),
        subject: Subject::Person,
    };
    let mut latest = latest_rows(query.project);
    if let Some(ids) = &query.ids {
        latest = latest.filter(if ids.is_empty() {
            literal(false)
        } else {
            col("id").in_array(param(ids.as_slice()))
        });
    }
    if let Some(distinct_id) = &query.distinct_id {
        let mappings =
            live_mappings(query.project).filter(col("distinct_id").eq(param(distinct_id.as_str())));
        latest = latest
            .filter(col("id").in_query(Select::from(subquery(mappings, "d")).expr(of("d", "person_id"))));
    }
    let mut select = Select::from(subquery(latest, "p"))
        .expr(col("id"))
        .expr(col("latest"))
        .expr(col("created"))
        .expr(col("identified"))
        .expr(col("deleted"))
        .expr(col("latest_version"))
        .filter(col("deleted").eq(literal(0)))
        .filter(scope.compile(&query.condition)?);
    if let Some(email) = &query.email {
        select = select.filter(
            Property::of_json(col("latest"), "email")
                .text()
                .eq(param(email.as_str())),
        );
    }
    if let Some(search) = &query.search {
        let pattern = || param(contains_pattern(search));
        let in_properties = func(
            "arrayExists",
            [
                lambda(
                    ["pair"],
                    func("tupleElement", [col("pair"), literal(2)]).binary(Operator::ILike, pattern()),
                ),
                func("JSONExtractKeysAndValues", [col("latest"), literal("String")]),
            ],
        );
        let by_distinct_id = Select::from(subquery(
            live_mappings(query.project).filter(col("distinct_id").binary(Operator::ILike, pattern())),
            "d",
        ))
        .expr(of("d", "person_id"));
        select = select.filter(or([in_properties, col("id").in_query(by_distinct_id)]));
    }
    Ok(select
        .order_by([col("created").desc(), func("toString", [col("id")]).desc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}

/// These persons, deleted ones included.
pub fn persons_by_id(project: ProjectId, ids: &[Uuid]) -> Select {
    latest_rows(project).filter(and([col("id").in_array(param(ids))]))
}

pub fn person_row(project: ProjectId, row: Row<'_>) -> Result<PersonRow> {
    let id = row.uuid("id")?;
    let properties = serde_json::from_str(&row.text("latest")?).map_err(|error| {
        StoreError::Failed(format!("properties of person {id} are no JSON object: {error}"))
    })?;
    Ok(PersonRow {
        project,
        id,
        created_at: row.time("created")?,
        properties,
        is_identified: row.bool("identified")?,
        is_deleted: row.bool("deleted")?,
        version: row.uint("latest_version")?,
    })
}
