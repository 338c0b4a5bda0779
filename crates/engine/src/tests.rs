//! The engine through its door: inserts, look-ups, restarts, limits.

mod changes;
mod constraints;
mod crashes;
mod defaults;
mod derived_crashes;
mod insert_blocks;
mod inserts;
mod json;
mod left_behind;
mod limits;
mod materialize;
mod materialized_views;
mod merge_family;
mod mutations;
mod parts;
mod projections;
mod pruning;
mod query_log;
mod random_predicates;
mod random_projections;
mod reading_less;
mod summed_maps;
mod system_tables;
mod ttl;
mod ttl_group_by;
mod ttl_move;
mod ttl_recompress;
mod vertical_merges;

use std::path::Path;

use crate::{Engine, EngineConfig, EngineError, QueryOptions};

fn config() -> EngineConfig {
    EngineConfig {
        fsync: false,
        background: false,
        max_threads: 2,
        ..EngineConfig::default()
    }
}

fn open(folder: &Path) -> Engine {
    Engine::open(folder, config()).unwrap()
}

fn options() -> QueryOptions {
    QueryOptions::new("2021-11-05T12:00:00Z".parse().unwrap())
}

fn text(engine: &Engine, sql: &str) -> String {
    engine.query(sql, &options()).unwrap().to_tab_separated()
}

fn error(engine: &Engine, sql: &str) -> EngineError {
    engine.query(sql, &options()).unwrap_err()
}
