//! The schema, by numbered files: what is to be done, doing it, and remembering it in the store itself.
//!
//! The history only grows: a row for every statement that ran and one for every file that ended, so that a run that
//! was killed goes on behind the last statement it knows of. Statements bear being run twice, because a kill may fall
//! between a statement and its row.

mod files;
mod script;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_store::{Result, StoreError};
use sql_builder::{Dialect, Select, col, table};

pub use files::{FINAL_SHAPE, MIGRATIONS};
pub use script::{Cost, Migration, checksum, cost, statements};

use crate::executor::{ColumnType, Executor, Insert};
use crate::row::Cell;

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Ran, or was created in its final shape.
    Applied,
    /// Expensive, and the store was fresh: its outcome was created directly.
    Skipped,
    /// Recorded by hand without running.
    Fake,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Skipped => "skipped",
            Self::Fake => "fake",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Applied, Self::Skipped, Self::Fake]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// What a run would do, or has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub cost: Cost,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it is done already.
    Done(State),
    Run,
    /// Record as part of the final shape.
    Shape(State),
    Fake,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Up to and including this number.
    pub upto: Option<u32>,
    /// Record, do not run.
    pub fake: bool,
    /// `CLICKHOUSE_INITIAL_MIGRATIONS=1`: on a fresh store create the final shape at once. Without effect elsewhere.
    pub initial: bool,
}

const HISTORY: &str = "granary_migrations";
const CREATE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS granary_migrations
(
    name String,
    checksum String,
    state String,
    step UInt64,
    applied_at DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (name, step)
SETTINGS non_replicated_deduplication_window = 1000";

/// What a run with these options would do, in order.
pub async fn plan<E: Executor>(executor: &E, options: RunOptions) -> Result<Vec<Step>> {
    plan_of(executor, MIGRATIONS, options).await
}

/// Brings the store to the newest shape (or to `upto`). Returns what was done; `now` is for the history.
pub async fn run<E: Executor>(executor: &E, options: RunOptions, now: DateTime<Utc>) -> Result<Vec<Step>> {
    run_files(executor, MIGRATIONS, FINAL_SHAPE, options, now).await
}

async fn plan_of<E: Executor>(
    executor: &E,
    files: &'static [Migration],
    options: RunOptions,
) -> Result<Vec<Step>> {
    executor.command(CREATE_HISTORY).await?;
    let history = History::read(executor).await?;
    steps(&history, files, options)
}

fn steps(history: &History, files: &'static [Migration], options: RunOptions) -> Result<Vec<Step>> {
    let direct = options.initial && !options.fake && options.upto.is_none() && history.fresh();
    // A run that was killed while it created the final shape goes on so, whatever it is asked now.
    let direct = direct || history.shaping();
    let mut steps = Vec::new();
    for file in files {
        if options.upto.is_some_and(|upto| file.number() > upto) {
            break;
        }
        let cost = cost(file)?;
        let action = match history.done.get(file.name) {
            Some(done) => {
                let expected = checksum(file.sql);
                if done.checksum != expected {
                    return Err(StoreError::Failed(format!(
                        "migration `{}` was changed after it was applied: its checksum is {expected}, the history says {}",
                        file.name, done.checksum
                    )));
                }
                Action::Done(done.state)
            }
            None if options.fake => Action::Fake,
            None if direct => Action::Shape(match cost {
                Cost::Plain => State::Applied,
                Cost::Expensive => State::Skipped,
            }),
            None => Action::Run,
        };
        steps.push(Step {
            name: file.name,
            cost,
            action,
        });
    }
    Ok(steps)
}

async fn run_files<E: Executor>(
    executor: &E,
    files: &'static [Migration],
    shape: Migration,
    options: RunOptions,
    now: DateTime<Utc>,
) -> Result<Vec<Step>> {
    executor.command(CREATE_HISTORY).await?;
    let history = History::read(executor).await?;
    let steps = steps(&history, files, options)?;
    let shaping = history.shaping() || steps.iter().any(|step| matches!(step.action, Action::Shape(_)));
    if shaping {
        run_statements(executor, &history, &shape, now).await?;
    }
    for (step, file) in steps.iter().zip(files) {
        let state = match step.action {
            Action::Done(_) => continue,
            Action::Run => {
                tracing::info!(migration.name = file.name, "Running migration `{}`", file.name);
                run_statements(executor, &history, file, now).await?;
                State::Applied
            }
            Action::Shape(state) => {
                if state == State::Skipped {
                    tracing::info!(
                        migration.name = file.name,
                        "Skipped expensive migration `{}`: the store is fresh and has its outcome already",
                        file.name
                    );
                }
                state
            }
            Action::Fake => State::Fake,
        };
        record(executor, file, state.name(), 0, now).await?;
    }
    if shaping {
        record(executor, &shape, State::Applied.name(), 0, now).await?;
    }
    Ok(steps)
}

/// Runs the statements that the history does not know of, recording each.
async fn run_statements<E: Executor>(
    executor: &E,
    history: &History,
    file: &Migration,
    now: DateTime<Utc>,
) -> Result<()> {
    let done = history.steps.get(file.name).copied().unwrap_or(0);
    let mut number = 0u64;
    // The row of step 0 says "begun": a fresh store that was interrupted is still known as one.
    if done == 0 {
        record(executor, file, BEGUN, 0, now).await?;
    }
    for statement in statements(file.sql) {
        number += 1;
        if number <= done {
            continue;
        }
        executor.command(&statement).await.map_err(|error| {
            let place = format!("statement {number} of migration `{}`", file.name);
            match error {
                StoreError::Unavailable(message) => StoreError::Unavailable(format!("{place}: {message}")),
                StoreError::Limit(message) => StoreError::Limit(format!("{place}: {message}")),
                StoreError::Failed(message) => StoreError::Failed(format!("{place}: {message}")),
            }
        })?;
        record(executor, file, STATEMENT, number, now).await?;
    }
    Ok(())
}

const BEGUN: &str = "begun";
const STATEMENT: &str = "statement";

async fn record<E: Executor>(
    executor: &E,
    file: &Migration,
    state: &'static str,
    step: u64,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = vec![
        file.name.into(),
        checksum(file.sql).into(),
        state.into(),
        Cell::UInt(step),
        now.into(),
    ];
    let insert = Insert {
        table: HISTORY,
        columns: &[
            ("name", ColumnType::Text),
            ("checksum", ColumnType::Text),
            ("state", ColumnType::Text),
            ("step", ColumnType::UInt64),
            ("applied_at", ColumnType::Time),
        ],
        rows: vec![row],
    };
    let token = format!("migration:{}:{state}:{step}", file.name);
    executor.insert(vec![insert], &token).await
}

#[derive(Debug, Default)]
struct History {
    /// Files that ended.
    done: BTreeMap<String, Done>,
    /// Statements that ran, by file.
    steps: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Done {
    state: State,
    checksum: String,
}

impl History {
    async fn read<E: Executor>(executor: &E) -> Result<Self> {
        let select = Select::from(table(HISTORY))
            .expr(col("name"))
            .expr(col("checksum"))
            .expr(col("state"))
            .expr(col("step"))
            .order_by([col("applied_at").asc(), col("name").asc(), col("step").asc()]);
        let statement = select
            .print(Dialect::ClickHouse)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let mut history = Self::default();
        for row in executor.query(statement).await?.iter() {
            let name = row.text("name")?;
            let state = row.text("state")?;
            match State::parse(&state) {
                Some(state) => {
                    let checksum = row.text("checksum")?;
                    history.done.insert(name, Done { state, checksum });
                }
                None if state == BEGUN || state == STATEMENT => {
                    let step = history.steps.entry(name).or_default();
                    *step = (*step).max(row.uint("step")?);
                }
                None => {
                    return Err(StoreError::Failed(format!(
                        "the history of migrations has the state `{state}` for `{name}`"
                    )));
                }
            }
        }
        Ok(history)
    }

    /// Nothing ever ran.
    fn fresh(&self) -> bool {
        self.done.is_empty() && self.steps.is_empty()
    }

    /// The final shape was begun and not ended.
    fn shaping(&self) -> bool {
        self.steps.contains_key(FINAL_SHAPE.name) && !self.done.contains_key(FINAL_SHAPE.name)
    }
}

#[cfg(test)]
mod tests;
