//! The events list.

use event_store::{EventRow, Result};
use insights::EventsQuery;
use model::ProjectId;
use sql_builder::{Expr, Select, and, func, of, or, param};
use uuid::Uuid;

use crate::conditions::{Scope, Subject, person_join};
use crate::persons_join::{PersonJoin, events_with_persons};
use crate::row::Row;
use crate::sessions::SessionRange;

/// By (timestamp, uuid). Uuids are compared as texts: ClickHouse orders the type itself by its second half.
pub fn events(query: &EventsQuery) -> Result<Select> {
    let timestamp = || of("e", "timestamp");
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: SessionRange::around(query.after, query.before),
        subject: Subject::Event,
    };
    let mut select = columns(query.project, person_join(&query.condition));
    if let Some(after) = query.after {
        select = select.filter(timestamp().gt(param(after)));
    }
    if let Some(before) = query.before {
        select = select.filter(timestamp().lt(param(before)));
    }
    if let Some((at, uuid)) = query.cursor {
        let behind = |left: Expr, right: Expr| {
            if query.ascending {
                left.gt(right)
            } else {
                left.lt(right)
            }
        };
        // The first condition says nothing new, but it is one that the index understands.
        let bound = if query.ascending {
            timestamp().ge(param(at))
        } else {
            timestamp().le(param(at))
        };
        select = select.filter(bound).filter(or([
            behind(timestamp(), param(at)),
            and([
                timestamp().eq(param(at)),
                behind(uuid_text(), param(uuid.to_string())),
            ]),
        ]));
    }
    let order = |expr: Expr| if query.ascending { expr.asc() } else { expr.desc() };
    Ok(select
        .filter(scope.compile(&query.condition)?)
        .order_by([order(timestamp()), order(uuid_text())])
        .limit(query.limit.into()))
}

pub fn event(project: ProjectId, uuid: Uuid) -> Select {
    columns(project, PersonJoin::None)
        .filter(of("e", "uuid").eq(param(uuid)))
        .limit(1)
}

pub fn event_row(project: ProjectId, row: Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        project,
        uuid: row.uuid("uuid")?,
        event: row.text("event")?,
        distinct_id: row.text("distinct_id")?,
        properties: row.text("properties")?,
        elements_chain: row.text("elements_chain")?,
        timestamp: row.time("timestamp")?,
        created_at: row.time("created_at")?,
    })
}

fn columns(project: ProjectId, join: PersonJoin) -> Select {
    let mut select = Select::from(events_with_persons(project, join));
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
    select.filter(of("e", "team_id").eq(param(project.0)))
}

fn uuid_text() -> Expr {
    func("toString", [of("e", "uuid")])
}
