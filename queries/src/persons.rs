//! The persons list, and persons by what is known of them.

use std::collections::{BTreeSet, HashMap};

use event_store::{PersonRecord, Result};
use insights::PersonsQuery;
use model::ProjectId;
use sql_builder::{Expr, Select, and, exists, from_function, func, literal, not, of, or, param, table};
use sqlx::PgPool;
use uuid::Uuid;

use crate::conditions::{self, Scope};
use crate::identities;
use crate::postgres::execute::rows;
use crate::properties::contains;

pub(crate) async fn persons(pool: &PgPool, query: &PersonsQuery) -> Result<Vec<PersonRecord>> {
    let found = rows(pool, &select(query)?).await?;
    let mut persons = Vec::with_capacity(found.len());
    for row in &found {
        persons.push(identities::person(row, query.project)?);
    }
    let ids: Vec<Uuid> = persons.iter().map(|person| person.id).collect();
    let mut distinct_ids = distinct_ids(pool, query.project, &ids).await?;
    Ok(persons
        .into_iter()
        .map(|row| PersonRecord {
            distinct_ids: distinct_ids.remove(&row.id).unwrap_or_default(),
            row,
        })
        .collect())
}

pub(crate) fn select(query: &PersonsQuery) -> Result<Select> {
    let mut scope = Scope::persons(query.project, query.timezone);
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let mut select = scope.select();
    for name in [
        "id",
        "created_at",
        "properties",
        "is_identified",
        "is_deleted",
        "version",
    ] {
        select = select.column(of("p", name), name);
    }
    select = select.filter(not(of("p", "is_deleted"))).filter(condition);
    if let Some(distinct_id) = &query.distinct_id {
        select = select.filter(exists(
            mappings().filter(of("d", "distinct_id").eq(param(distinct_id))),
        ));
    }
    if let Some(email) = &query.email {
        let text = of("p", "property_texts").op("->>", literal("email"));
        select = select.filter(text.eq(param(email)));
    }
    if let Some(ids) = &query.ids {
        select = select.filter(of("p", "id").in_array(param(ids.as_slice())));
    }
    if let Some(search) = &query.search {
        select = select.filter(found(search));
    }
    Ok(select
        .order_by([of("p", "created_at").desc(), of("p", "id").desc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}

/// Live mappings of the person `p`.
fn mappings() -> Select {
    Select::from(table("person_distinct_id2").alias("d"))
        .expr(literal(1))
        .filter(and([
            of("d", "team_id").eq(of("p", "team_id")),
            of("d", "person_id").eq(of("p", "id")),
            not(of("d", "is_deleted")),
        ]))
}

/// Any property's text or distinct id contains this.
fn found(search: &str) -> Expr {
    let texts = from_function(
        func("jsonb_each_text", [of("p", "property_texts")]),
        "t",
        ["name", "form"],
    );
    or([
        exists(
            Select::from(texts)
                .expr(literal(1))
                .filter(contains(of("t", "form"), search)),
        ),
        exists(mappings().filter(contains(of("d", "distinct_id"), search))),
    ])
}

/// The live person of each of these distinct ids.
pub(crate) async fn of_distinct_ids<'a>(
    pool: &PgPool,
    project: ProjectId,
    distinct_ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, PersonRecord>> {
    let wanted: BTreeSet<&str> = distinct_ids.collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
    let known = identities::identities(pool, project, &wanted).await?;
    let ids: BTreeSet<Uuid> = known
        .iter()
        .filter_map(|identity| Some(identity.person.as_ref()?.id))
        .collect();
    let all = self::distinct_ids(pool, project, &ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(known
        .into_iter()
        .filter_map(|identity| {
            let row = identity.person?;
            let distinct_ids = all.get(&row.id).cloned().unwrap_or_default();
            Some((identity.distinct_id, PersonRecord { row, distinct_ids }))
        })
        .collect())
}

/// The distinct ids of each person, ascending.
async fn distinct_ids(
    pool: &PgPool,
    project: ProjectId,
    persons: &[Uuid],
) -> Result<HashMap<Uuid, Vec<String>>> {
    let mut all: HashMap<Uuid, Vec<String>> = HashMap::new();
    if persons.is_empty() {
        return Ok(all);
    }
    for mapping in identities::distinct_ids(pool, project, persons).await? {
        all.entry(mapping.person_id)
            .or_default()
            .push(mapping.distinct_id);
    }
    Ok(all)
}
