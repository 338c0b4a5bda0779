//! The events list.

use event_store::{EventRecord, EventRow, Result};
use insights::EventsQuery;
use model::ProjectId;
use sql_builder::{Select, of, param, tuple};
use sqlx::PgPool;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::conditions::{self, Scope};
use crate::persons;
use crate::postgres::execute::{get, get_text, rows};
use crate::sessions::SessionRange;

pub(crate) async fn events(pool: &PgPool, query: &EventsQuery) -> Result<Vec<EventRecord>> {
    let found = rows(pool, &select(query)?).await?;
    records(pool, query.project, &found).await
}

pub(crate) async fn event(pool: &PgPool, project: ProjectId, uuid: Uuid) -> Result<Option<EventRecord>> {
    let scope = Scope::events(project, chrono_tz::UTC, SessionRange::everything());
    let select = columns(scope.select()).filter(of("e", "uuid").eq(param(uuid)));
    let found = rows(pool, &select).await?;
    Ok(records(pool, project, &found).await?.pop())
}

pub(crate) fn select(query: &EventsQuery) -> Result<Select> {
    let sessions = SessionRange::between(query.after, query.before);
    let mut scope = Scope::events(query.project, query.timezone, sessions);
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let mut select = columns(scope.select());
    if let Some(after) = query.after {
        select = select.filter(of("e", "timestamp").gt(param(after)));
    }
    if let Some(before) = query.before {
        select = select.filter(of("e", "timestamp").lt(param(before)));
    }
    let place = || tuple([of("e", "timestamp"), of("e", "uuid")]);
    if let Some((timestamp, uuid)) = query.cursor {
        let cursor = tuple([param(timestamp), param(uuid)]);
        select = select.filter(if query.ascending {
            place().gt(cursor)
        } else {
            place().lt(cursor)
        });
    }
    let keys = [of("e", "timestamp"), of("e", "uuid")];
    Ok(select
        .filter(condition)
        .order_by(keys.map(|key| if query.ascending { key.asc() } else { key.desc() }))
        .limit(u64::from(query.limit)))
}

fn columns(mut select: Select) -> Select {
    for name in [
        "uuid",
        "event",
        "distinct_id",
        "properties",
        "elements_chain",
        "timestamp",
        "created_at",
    ] {
        select = select.column(of("e", name), name);
    }
    select
}

/// With the person that each event has now.
async fn records(pool: &PgPool, project: ProjectId, found: &[PgRow]) -> Result<Vec<EventRecord>> {
    let events: Vec<EventRow> = found
        .iter()
        .map(|row| event_row(row, project))
        .collect::<Result<_>>()?;
    let distinct_ids = events.iter().map(|event| event.distinct_id.as_str());
    let persons = persons::of_distinct_ids(pool, project, distinct_ids).await?;
    Ok(events
        .into_iter()
        .map(|row| EventRecord {
            person: persons.get(&row.distinct_id).cloned(),
            row,
        })
        .collect())
}

fn event_row(row: &PgRow, project: ProjectId) -> Result<EventRow> {
    Ok(EventRow {
        project,
        uuid: get(row, "uuid")?,
        event: get_text(row, "event")?,
        distinct_id: get_text(row, "distinct_id")?,
        // As received: what Postgres cannot hold is an escape in JSON.
        properties: get(row, "properties")?,
        elements_chain: get_text(row, "elements_chain")?,
        timestamp: get(row, "timestamp")?,
        created_at: get(row, "created_at")?,
    })
}
