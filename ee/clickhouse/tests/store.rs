//! The store's answers against expectations worked out by hand.
//!
//! Every case runs on the embedded engine, and on the ClickHouse server that `GRANARY_TEST_CLICKHOUSE_URL` names (a fresh database per case).

mod cases;
mod executors;

use ee_clickhouse::{ClickHouseStore, Executor, migrations};
use event_store::StoreError;

pub type Case = Result<(), StoreError>;

async fn migrated<E: Executor>(executor: E) -> ClickHouseStore<E> {
    let options = migrations::RunOptions {
        initial: true,
        ..migrations::RunOptions::default()
    };
    migrations::run(&executor, options, cases::time("2024-01-01T00:00:00Z"))
        .await
        .expect("migrates");
    ClickHouseStore::new(executor)
}

macro_rules! on_every_executor {
    ($($case:ident),* $(,)?) => {
        mod columnar {
            $(#[tokio::test]
            async fn $case() -> super::Case {
                super::cases::$case(&super::migrated(super::executors::engine()).await).await
            })*
        }

        mod columnar_small_parts {
            $(#[tokio::test]
            async fn $case() -> super::Case {
                super::cases::$case(&super::migrated(super::executors::engine_of_small_parts()).await).await
            })*
        }

        mod clickhouse {
            $(#[tokio::test]
            async fn $case() -> super::Case {
                super::cases::$case(&super::migrated(super::executors::server().await).await).await
            })*
        }
    };
}

on_every_executor!(
    appends_are_found_once,
    identities_follow_versions,
    groups_follow_versions,
    counts_per_day_in_a_zone,
    uniques_follow_merges,
    property_math,
    breakdowns_rank_and_rest,
    breakdowns_by_person_and_group,
    histograms,
    rolling_actives,
    cumulative_uniques,
    sessions,
    conditions_on_everything,
    weeks_and_months,
    retention_recurring,
    retention_first_time_and_breakdown,
    events_page,
    persons_are_listed,
    values_are_ranked,
);
