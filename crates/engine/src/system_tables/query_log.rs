//! `system.query_log`: the last statements of this process, in memory only.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use engine_types::{DataType, Value};
use parking_lot::Mutex;

use super::{Rows, text};
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;
use crate::result::QueryResult;

/// Statements that are kept.
const ENTRIES: usize = 1000;

/// Bytes of a statement, and of an error, that are kept.
pub(crate) const TEXT_BYTES: usize = 64 << 10;

#[derive(Default)]
pub(crate) struct QueryLog {
    /// The last is the newest.
    entries: Mutex<VecDeque<Arc<Entry>>>,
}

struct Entry {
    ending: Ending,
    /// Seconds since the epoch: the statement's `now()`.
    time: i64,
    duration_ms: u64,
    query: String,
    exception: Option<(u32, String)>,
    read_rows: u64,
    read_bytes: u64,
    result_rows: u64,
    memory_usage: u64,
    /// `database.table.projection`.
    projections: BTreeSet<String>,
}

#[derive(Clone, Copy)]
enum Ending {
    Finish,
    ErrorBeforeStart,
    ErrorWhileProcessing,
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Self::Finish => "QueryFinish",
            Self::ErrorBeforeStart => "ExceptionBeforeStart",
            Self::ErrorWhileProcessing => "ExceptionWhileProcessing",
        }
    }

    fn of(error: &EngineError) -> Self {
        match error {
            EngineError::Sql(_)
            | EngineError::UnknownTable { .. }
            | EngineError::TableExists { .. }
            | EngineError::UnknownDatabase(_)
            | EngineError::DatabaseExists(_)
            | EngineError::UnknownColumn { .. }
            | EngineError::UnknownEngine(_)
            | EngineError::UnknownSetting(_)
            | EngineError::BadSetting { .. }
            | EngineError::Refused { .. } => Self::ErrorBeforeStart,
            EngineError::Exec(_)
            | EngineError::Function(_)
            | EngineError::Storage(_)
            | EngineError::View { .. }
            | EngineError::Internal(_) => Self::ErrorWhileProcessing,
        }
    }
}

impl QueryLog {
    /// Runs a statement and notes how it ended, unless the setting `log_queries` is off.
    pub(crate) fn noting(
        &self,
        query: impl FnOnce() -> String,
        options: &QueryOptions,
        run: impl FnOnce() -> Result<QueryResult>,
    ) -> Result<QueryResult> {
        let is_off = |value: &String| matches!(value.as_str(), "0" | "false");
        if options.settings.get("log_queries").is_some_and(is_off) {
            return run();
        }
        let start = Instant::now();
        let outcome = run();
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Arc::new(Entry::new(query(), options, duration_ms, &outcome));
        let mut entries = self.entries.lock();
        entries.push_back(entry);
        let oldest = if entries.len() > ENTRIES {
            entries.pop_front()
        } else {
            None
        };
        // Its texts are freed when nobody waits for the lock any more.
        drop(entries);
        drop(oldest);
        outcome
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.lock().iter().cloned().collect()
    }
}

impl Entry {
    fn new(query: String, options: &QueryOptions, duration_ms: u64, outcome: &Result<QueryResult>) -> Self {
        let mut entry = Self {
            ending: Ending::Finish,
            time: options.now.timestamp(),
            duration_ms,
            query,
            exception: None,
            read_rows: 0,
            read_bytes: 0,
            result_rows: 0,
            memory_usage: 0,
            projections: BTreeSet::new(),
        };
        match outcome {
            Ok(result) => {
                let summary = &result.summary;
                entry.read_rows = summary.rows_read;
                entry.result_rows = result.row_count() as u64;
                entry.memory_usage = summary.peak_memory_bytes as u64;
                let mut counted = BTreeSet::new();
                for scan in &summary.scans {
                    // All scans of a table have the same counts.
                    if counted.insert(&scan.table) {
                        entry.read_bytes += scan.read.raw_bytes;
                    }
                    let name = scan.projection.as_ref();
                    entry
                        .projections
                        .extend(name.map(|(name, _)| format!("{}.{name}", scan.table)));
                }
            }
            Err(error) => {
                entry.ending = Ending::of(error);
                let mut message = error.with_sources();
                cut(&mut message);
                entry.exception = Some((error.code(), message));
            }
        }
        entry
    }
}

/// A copy of the start of a text.
pub(crate) fn start_of(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES)].to_owned()
}

/// The start of a statement as it prints; no more of it is printed.
pub(crate) fn start_of_printed(statement: &impl fmt::Display) -> String {
    struct Start(String);

    impl Write for Start {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let left = TEXT_BYTES - self.0.len();
            self.0.push_str(&more[..more.floor_char_boundary(left)]);
            if more.len() > left {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }

    let mut start = Start(String::new());
    // The only error is that it is long.
    let _ = write!(start, "{statement}");
    start.0
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
}

pub(super) fn query_log(log: &QueryLog) -> Rows {
    let schema = vec![
        ("type", DataType::String),
        ("event_date", DataType::Date),
        ("event_time", DataType::DateTime(None)),
        ("query_duration_ms", DataType::UInt64),
        ("query", DataType::String),
        ("read_rows", DataType::UInt64),
        ("read_bytes", DataType::UInt64),
        ("result_rows", DataType::UInt64),
        ("memory_usage", DataType::UInt64),
        ("exception_code", DataType::Int32),
        ("exception", DataType::String),
        ("projections", DataType::String.array()),
    ];
    let rows = log
        .entries()
        .iter()
        .map(|entry| {
            // Times outside of the type's are its first and last.
            let seconds = entry.time.clamp(0, i64::from(u32::MAX)) as u64;
            let (code, exception) = match &entry.exception {
                Some((code, message)) => (i64::from(*code), message.as_str()),
                None => (0, ""),
            };
            vec![
                text(entry.ending.name()),
                Value::UInt(seconds / 86_400),
                Value::UInt(seconds),
                Value::UInt(entry.duration_ms),
                text(&entry.query),
                Value::UInt(entry.read_rows),
                Value::UInt(entry.read_bytes),
                Value::UInt(entry.result_rows),
                Value::UInt(entry.memory_usage),
                Value::Int(code),
                text(exception),
                Value::Array(entry.projections.iter().map(text).collect()),
            ]
        })
        .collect();
    (schema, rows)
}
