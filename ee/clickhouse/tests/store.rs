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
    funnel_orders,
    funnel_ties_and_windows,
    funnel_exclusions,
    funnel_strict_neighbours,
    funnel_attributions,
    funnel_of_groups_and_persons,
    funnel_views,
    funnel_of_fifty_steps,
    funnels_are_those_of_the_model,
    correlations,
    path_items_and_visits,
    path_cuts,
    path_rewrites,
    paths_around_funnels,
    paths_are_those_of_the_model,
    lifecycles,
    lifecycles_of_groups_by_week_and_hour,
    stickiness_by_every_interval,
    session_lengths_split_at_half_an_hour,
    related_actors_share_events,
    cohorts_follow_their_condition,
    surplus_signs_are_made_good,
    sequences_of_events,
    property_names_are_ranked,
    data_versions_change_with_the_data,
);
