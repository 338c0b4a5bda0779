//! What one statement is run with: parameters, settings, the current database, the time, a way to stop it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use engine_exec::{ExecContext, Memory};
use engine_types::{DataType, Value};

use crate::catalogue::DEFAULT_DATABASE;
use crate::config::EngineConfig;
use crate::error::{EngineError, Result};

/// A query parameter `{name:Type}`.
#[derive(Clone, Debug)]
pub enum Parameter {
    /// In the text form of the type that the query names, as `param_name` of the HTTP interface gives it.
    Text(String),
    Value(Value, DataType),
}

#[derive(Clone, Debug)]
pub struct QueryOptions {
    pub parameters: Vec<(String, Parameter)>,
    /// Settings by name, as text. Known ones without a meaning here are ignored; unknown ones are error 115.
    pub settings: BTreeMap<String, String>,
    /// The database of names without one.
    pub database: String,
    /// What `now()` answers.
    pub now: DateTime<Utc>,
    /// Set it to stop the statement (error 394).
    pub cancel: Arc<AtomicBool>,
}

impl QueryOptions {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            parameters: Vec::new(),
            settings: BTreeMap::new(),
            database: DEFAULT_DATABASE.to_owned(),
            now,
            cancel: Arc::default(),
        }
    }

    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: Parameter) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.settings.insert(name.into(), value.to_string());
        self
    }
}

/// Limits of one statement from its settings; `start` is when it began.
pub(crate) fn context(
    config: &EngineConfig,
    budget: &Memory,
    settings: &BTreeMap<String, String>,
    cancel: &Arc<AtomicBool>,
    start: Instant,
) -> Result<ExecContext> {
    let number = |name: &str| -> Result<Option<u64>> {
        match settings.get(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(0) => Ok(None),
                Ok(n) => Ok(Some(n)),
                Err(_) => Err(EngineError::BadSetting {
                    name: name.to_owned(),
                    value: text.clone(),
                    expected: "a whole number",
                }),
            },
        }
    };
    let to_usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let seconds = match settings.get("max_execution_time") {
        None => 0.0,
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|s| s.is_finite() && *s >= 0.0)
            .ok_or_else(|| EngineError::BadSetting {
                name: "max_execution_time".to_owned(),
                value: text.clone(),
                expected: "a number of seconds",
            })?,
    };
    let memory = number("max_memory_usage")?.map_or(config.query_memory_bytes, |n| {
        to_usize(n).min(config.query_memory_bytes)
    });
    let mut context = ExecContext {
        // Asking for more threads than the engine was given is not an error, in ClickHouse either.
        max_threads: number("max_threads")?
            .map_or(config.max_threads, |n| to_usize(n).min(config.max_threads))
            .max(1),
        block_size: number("max_block_size")?
            .map_or(config.block_size, |n| to_usize(n).min(config.block_size)),
        cancel: cancel.clone(),
        deadline: (seconds > 0.0).then(|| (start, Duration::from_secs_f64(seconds))),
        memory: budget.child(memory),
        ..ExecContext::default()
    };
    context.max_rows_to_read = number("max_rows_to_read")?;
    context.max_result_rows = number("max_result_rows")?;
    Ok(context)
}

/// A setting that is on or off.
pub(crate) fn flag(settings: &BTreeMap<String, String>, name: &str, otherwise: bool) -> Result<bool> {
    match settings.get(name).map(String::as_str) {
        None => Ok(otherwise),
        Some("1" | "true") => Ok(true),
        Some("0" | "false") => Ok(false),
        Some(other) => Err(EngineError::BadSetting {
            name: name.to_owned(),
            value: other.to_owned(),
            expected: "0 or 1",
        }),
    }
}
