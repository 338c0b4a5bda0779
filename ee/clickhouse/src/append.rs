//! One step of ingestion as rows for the tables.

use chrono::{DateTime, Utc};
use event_store::{Append, LedgerOutcome, Result, StoreError};
use model::{CohortId, ProjectId};
use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

use crate::executor::{ColumnType, Insert};
use crate::row::Cell;

/// Identity comes before events, so that on a server no event is visible before its person.
pub fn inserts(append: &Append) -> Result<Vec<Insert>> {
    let at = step_time(append);
    let persons = append
        .persons
        .iter()
        .map(|person| {
            Ok(vec![
                person.id.into(),
                person.created_at.into(),
                person.project.0.into(),
                json(&person.properties)?.into(),
                person.is_identified.into(),
                person.is_deleted.into(),
                person.version.into(),
                at.clone(),
            ])
        })
        .collect::<Result<_>>()?;
    let distinct_ids = append
        .distinct_ids
        .iter()
        .map(|mapping| {
            vec![
                mapping.project.0.into(),
                mapping.distinct_id.as_str().into(),
                mapping.person_id.into(),
                i64::from(mapping.is_deleted).into(),
                mapping.version.into(),
                at.clone(),
            ]
        })
        .collect();
    let groups = append
        .groups
        .iter()
        .map(|group| {
            Ok(vec![
                group.group_type.get().into(),
                group.key.as_str().into(),
                group.created_at.into(),
                group.project.0.into(),
                json(&group.properties)?.into(),
                group.version.into(),
                at.clone(),
            ])
        })
        .collect::<Result<_>>()?;
    let events = append
        .events
        .iter()
        .map(|event| {
            vec![
                event.uuid.into(),
                event.event.as_str().into(),
                event.properties.as_str().into(),
                event.timestamp.into(),
                event.project.0.into(),
                event.distinct_id.as_str().into(),
                event.elements_chain.as_str().into(),
                event.created_at.into(),
                seconds(event.created_at),
            ]
        })
        .collect();
    let ledger = append
        .ledger
        .iter()
        .map(|row| {
            let (outcome, reason) = outcome_texts(&row.outcome);
            vec![
                row.project.0.into(),
                row.at.into(),
                outcome.into(),
                reason.into(),
                row.count.into(),
            ]
        })
        .collect();

    let tables = [
        Insert {
            table: "person",
            columns: &[
                ("id", ColumnType::Uuid),
                ("created_at", ColumnType::Time),
                ("team_id", ColumnType::Int64),
                ("properties", ColumnType::Text),
                ("is_identified", ColumnType::Bool),
                ("is_deleted", ColumnType::Bool),
                ("version", ColumnType::UInt64),
                ("_timestamp", ColumnType::Seconds),
            ],
            rows: persons,
        },
        Insert {
            table: "person_distinct_id2",
            columns: &[
                ("team_id", ColumnType::Int64),
                ("distinct_id", ColumnType::Text),
                ("person_id", ColumnType::Uuid),
                ("is_deleted", ColumnType::Int8),
                ("version", ColumnType::UInt64),
                ("_timestamp", ColumnType::Seconds),
            ],
            rows: distinct_ids,
        },
        Insert {
            table: "groups",
            columns: &[
                ("group_type_index", ColumnType::UInt8),
                ("group_key", ColumnType::Text),
                ("created_at", ColumnType::Time),
                ("team_id", ColumnType::Int64),
                ("group_properties", ColumnType::Text),
                ("version", ColumnType::UInt64),
                ("_timestamp", ColumnType::Seconds),
            ],
            rows: groups,
        },
        Insert {
            table: "events",
            columns: &[
                ("uuid", ColumnType::Uuid),
                ("event", ColumnType::Text),
                ("properties", ColumnType::Text),
                ("timestamp", ColumnType::Time),
                ("team_id", ColumnType::Int64),
                ("distinct_id", ColumnType::Text),
                ("elements_chain", ColumnType::Text),
                ("created_at", ColumnType::Time),
                ("_timestamp", ColumnType::Seconds),
            ],
            rows: events,
        },
        Insert {
            table: "ingest_ledger",
            columns: &[
                ("team_id", ColumnType::Int64),
                ("at", ColumnType::Time),
                ("outcome", ColumnType::Text),
                ("reason", ColumnType::Text),
                ("count", ColumnType::UInt64),
            ],
            rows: ledger,
        },
    ];
    Ok(tables
        .into_iter()
        .filter(|insert| !insert.rows.is_empty())
        .collect())
}

const MEMBERSHIPS: Uuid = uuid!("5b0fd6ff-3dc9-4ed8-8b5e-8d2c3f5a1b0a");

/// A membership has the same id every time it is written, so that writing it again adds nothing.
pub fn memberships(project: ProjectId, cohort: CohortId, persons: &[Uuid]) -> Insert {
    let rows = persons
        .iter()
        .map(|person| {
            let id = Uuid::new_v5(
                &MEMBERSHIPS,
                format!("{project}:{}:{person}", cohort.0).as_bytes(),
            );
            vec![id.into(), (*person).into(), cohort.0.into(), project.0.into()]
        })
        .collect();
    Insert {
        table: "person_static_cohort",
        columns: &[
            ("id", ColumnType::Uuid),
            ("person_id", ColumnType::Uuid),
            ("cohort_id", ColumnType::Int64),
            ("team_id", ColumnType::Int64),
        ],
        rows,
    }
}

pub fn outcome_texts(outcome: &LedgerOutcome) -> (&'static str, &str) {
    match outcome {
        LedgerOutcome::Stored => ("stored", ""),
        LedgerOutcome::Repeated => ("repeated", ""),
        LedgerOutcome::Refused(reason) => ("refused", reason),
    }
}

pub fn outcome(outcome: &str, reason: String) -> Result<LedgerOutcome> {
    match outcome {
        "stored" => Ok(LedgerOutcome::Stored),
        "repeated" => Ok(LedgerOutcome::Repeated),
        "refused" => Ok(LedgerOutcome::Refused(reason)),
        other => Err(StoreError::Failed(format!(
            "the ledger has the outcome `{other}`"
        ))),
    }
}

/// The time of the step, for `_timestamp`: the latest that any of its rows knows.
fn step_time(append: &Append) -> Cell {
    let events = append.events.iter().map(|event| event.created_at);
    let ledger = append.ledger.iter().map(|row| row.at);
    let persons = append.persons.iter().map(|person| person.created_at);
    let groups = append.groups.iter().map(|group| group.created_at);
    events
        .chain(ledger)
        .max()
        .or_else(|| persons.chain(groups).max())
        .map_or(Cell::UInt(0), seconds)
}

/// A DateTime holds seconds of 1970 to 2106.
fn seconds(time: DateTime<Utc>) -> Cell {
    Cell::UInt(u32::try_from(time.timestamp().max(0)).unwrap_or(u32::MAX).into())
}

fn json(properties: &Map<String, Value>) -> Result<String> {
    serde_json::to_string(properties)
        .map_err(|error| StoreError::Failed(format!("properties cannot be written: {error}")))
}
