//! The schema by every way there is: fresh, fresh with the final shape, upgraded, interrupted.
//!
//! Runs on the embedded engine, and on the ClickHouse server that `GRANARY_TEST_CLICKHOUSE_URL` names (a fresh database per case).

mod cluster;
mod executors;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ee_clickhouse::migrations::{Action, Cost, MIGRATIONS, RunOptions, State, plan, run};
use ee_clickhouse::{Cell, Executor, Insert, Rows};
use event_store::{Result, StoreError};
use model::ProjectId;
use sql_builder::Statement;
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    "2024-01-01T00:00:00Z".parse().expect("a time")
}

const STEPS: RunOptions = RunOptions {
    upto: None,
    fake: false,
    initial: false,
};
const INITIAL: RunOptions = RunOptions {
    initial: true,
    ..STEPS
};

fn upto(number: u32) -> RunOptions {
    RunOptions {
        upto: Some(number),
        ..STEPS
    }
}

async fn ask<E: Executor>(executor: &E, sql: &str) -> Result<Rows> {
    executor
        .query(Statement {
            sql: sql.to_owned(),
            params: Vec::new(),
        })
        .await
}

/// Tables with their engines and keys, columns with their types and defaults.
async fn schema<E: Executor>(executor: &E) -> Result<Vec<Vec<Cell>>> {
    let mut rows = ask(
        executor,
        "SELECT name, engine, partition_key, sorting_key, '' FROM system.tables
         WHERE database = currentDatabase() ORDER BY name",
    )
    .await?
    .rows;
    let columns = ask(
        executor,
        "SELECT table, name, type, default_kind, default_expression FROM system.columns
         WHERE database = currentDatabase() ORDER BY table, position",
    )
    .await?;
    assert!(rows.len() > 5 && columns.rows.len() > 40);
    rows.extend(columns.rows);
    Ok(rows)
}

async fn states<E: Executor>(executor: &E) -> Result<Vec<Action>> {
    Ok(plan(executor, STEPS)
        .await?
        .into_iter()
        .map(|step| step.action)
        .collect())
}

pub async fn every_way_ends_in_the_same_shape<E: Executor>(fresh: impl AsyncFn() -> E) -> Result<()> {
    let steps = fresh().await;
    run(&steps, STEPS, now()).await?;
    let expected = schema(&steps).await?;
    assert!(
        states(&steps)
            .await?
            .iter()
            .all(|action| *action == Action::Done(State::Applied))
    );

    let direct = fresh().await;
    let done = run(&direct, INITIAL, now()).await?;
    assert_eq!(schema(&direct).await?, expected);
    for (step, state) in done.iter().zip(states(&direct).await?) {
        let wanted = match step.cost {
            Cost::Plain => State::Applied,
            Cost::Expensive => State::Skipped,
        };
        assert_eq!(step.action, Action::Shape(wanted), "{}", step.name);
        assert_eq!(state, Action::Done(wanted), "{}", step.name);
    }

    let upgraded = fresh().await;
    run(&upgraded, upto(3), now()).await?;
    // An existing store: the variable changes nothing.
    let done = run(&upgraded, INITIAL, now()).await?;
    assert!(done[3..].iter().all(|step| step.action == Action::Run));
    assert_eq!(schema(&upgraded).await?, expected);
    Ok(())
}

pub async fn an_upgrade_carries_the_mappings<E: Executor>(fresh: impl AsyncFn() -> E) -> Result<()> {
    let store = fresh().await;
    run(&store, upto(7), now()).await?;
    store
        .command(
            "INSERT INTO person_distinct_id (distinct_id, person_id, team_id, _sign, _timestamp, _offset) VALUES
             ('a', '00000000-0000-0000-0000-000000000001', 7, 1, '2020-01-01 00:00:00', 0),
             ('a', '00000000-0000-0000-0000-000000000001', 7, -1, '2020-01-02 00:00:00', 0),
             ('a', '00000000-0000-0000-0000-000000000002', 7, 1, '2020-01-02 00:00:00', 0),
             ('b', '00000000-0000-0000-0000-000000000003', 7, 1, '2020-01-01 00:00:00', 0),
             ('b', '00000000-0000-0000-0000-000000000003', 7, -1, '2020-01-03 00:00:00', 0)",
        )
        .await?;
    run(&store, STEPS, now()).await?;
    let rows = ask(
        &store,
        "SELECT distinct_id, person_id, version FROM person_distinct_id2 ORDER BY distinct_id",
    )
    .await?;
    assert_eq!(
        rows.rows,
        [[
            Cell::Text("a".to_owned()),
            Cell::Uuid(Uuid::from_u128(2)),
            Cell::UInt(1)
        ]]
    );
    Ok(())
}

pub async fn a_killed_run_goes_on<E: Executor>(fresh: impl AsyncFn() -> E) -> Result<()> {
    let reference = fresh().await;
    run(&reference, STEPS, now()).await?;
    let expected = schema(&reference).await?;
    for options in [STEPS, INITIAL] {
        let store = Arc::new(fresh().await);
        let mut kills = 0;
        // Each round gets a few operations further than the one before, some of them none.
        loop {
            let killed = Killed::after(&store, 3 + kills % 3);
            match run(&killed, options, now()).await {
                Ok(_) => break,
                Err(StoreError::Unavailable(_)) => kills += 1,
                Err(other) => return Err(other),
            }
            assert!(kills < 200);
        }
        assert!(kills > 5, "{kills}");
        assert_eq!(schema(&*store).await?, expected);
        let skipped = states(&*store).await?.contains(&Action::Done(State::Skipped));
        assert_eq!(skipped, options.initial);
    }
    Ok(())
}

pub async fn fakes_and_plans_change_no_table<E: Executor>(fresh: impl AsyncFn() -> E) -> Result<()> {
    let store = fresh().await;
    let planned = plan(&store, STEPS).await?;
    assert_eq!(planned.len(), MIGRATIONS.len());
    assert!(planned.iter().all(|step| step.action == Action::Run));
    let fake = RunOptions {
        fake: true,
        ..upto(2)
    };
    run(&store, fake, now()).await?;
    let tables = ask(
        &store,
        "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name",
    )
    .await?;
    assert_eq!(tables.rows, [[Cell::Text("granary_migrations".to_owned())]]);
    assert_eq!(
        states(&store).await?[..3],
        [Action::Done(State::Fake), Action::Done(State::Fake), Action::Run]
    );
    Ok(())
}

/// An executor that stops answering after so many operations, as a killed process would.
struct Killed<E> {
    inner: Arc<E>,
    left: AtomicU32,
}

impl<E> Killed<E> {
    fn after(inner: &Arc<E>, operations: u32) -> Self {
        Self {
            inner: inner.clone(),
            left: AtomicU32::new(operations),
        }
    }

    fn one_more(&self) -> Result<()> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map(|_| ())
            .map_err(|_| StoreError::Unavailable("killed".to_owned()))
    }
}

#[async_trait]
impl<E: Executor> Executor for Killed<E> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn query(&self, statement: Statement) -> Result<Rows> {
        self.one_more()?;
        self.inner.query(statement).await
    }

    async fn command(&self, sql: &str) -> Result<()> {
        self.one_more()?;
        self.inner.command(sql).await
    }

    async fn execute(&self, statement: Statement) -> Result<()> {
        self.one_more()?;
        self.inner.execute(statement).await
    }

    async fn insert(&self, inserts: Vec<Insert>, token: &str) -> Result<()> {
        self.one_more()?;
        self.inner.insert(inserts, token).await
    }

    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Option<Vec<Uuid>>> {
        self.inner.known_events(project, uuids).await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

macro_rules! on_every_executor {
    ($($case:ident),* $(,)?) => {
        mod columnar {
            $(#[tokio::test]
            async fn $case() -> event_store::Result<()> {
                super::$case(async || super::executors::engine()).await?;
                super::$case(async || super::executors::engine_of_small_parts()).await
            })*
        }

        mod clickhouse {
            $(#[tokio::test]
            async fn $case() -> event_store::Result<()> {
                super::$case(async || super::executors::server().await).await
            })*
        }
    };
}

on_every_executor!(
    every_way_ends_in_the_same_shape,
    an_upgrade_carries_the_mappings,
    a_killed_run_goes_on,
    fakes_and_plans_change_no_table,
);
