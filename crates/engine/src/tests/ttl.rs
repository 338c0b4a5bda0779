//! TTL with a fixed clock.

use std::path::Path;
use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::config;
use crate::{Engine, QueryOptions};

fn at(engine: &Engine, now: &str, sql: &str) -> String {
    let options = QueryOptions::new(now.parse().unwrap());
    engine
        .query(sql, &options)
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .to_tab_separated()
}

fn engine(folder: &Path) -> Engine {
    Engine::open(folder, config()).unwrap()
}

fn table(engine: &Engine) {
    at(
        engine,
        "2021-01-01T00:00:00Z",
        "CREATE TABLE t (d DateTime, x UInt8, c String TTL d + INTERVAL 2 DAY) ENGINE = MergeTree \
         PARTITION BY toYYYYMMDD(d) ORDER BY x TTL d + INTERVAL 5 DAY, d + INTERVAL 1 DAY DELETE WHERE x = 9",
    );
    at(
        engine,
        "2021-01-01T00:00:00Z",
        "INSERT INTO t VALUES ('2021-01-01 00:00:00', 1, 'a'), ('2021-01-01 12:00:00', 9, 'b'), \
         ('2021-01-03 00:00:00', 2, 'c')",
    );
    engine.flush().unwrap();
}

const ROWS: &str = "SELECT x, c FROM t ORDER BY x";

#[test]
fn e_ttl_rows_and_values_go_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    table(&engine);
    for (now, want) in [
        ("2021-01-02T11:59:59Z", "1\ta\n2\tc\n9\tb\n"),
        ("2021-01-02T12:00:00Z", "1\ta\n2\tc\n"),
        ("2021-01-02T23:59:59Z", "1\ta\n2\tc\n"),
        ("2021-01-03T00:00:00Z", "1\t\n2\tc\n"),
        ("2021-01-05T23:59:59Z", "1\t\n2\t\n"),
        ("2021-01-06T00:00:00Z", "2\t\n"),
        ("2021-01-08T00:00:00Z", ""),
    ] {
        at(&engine, now, "OPTIMIZE TABLE t FINAL");
        assert_eq!(at(&engine, now, ROWS), want, "{now}");
    }
}

#[test]
fn e_ttl_merges_in_the_background_drop_whole_parts_and_rest_between() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path());
    table(&first);
    drop(first);
    // What a part knows of its rows is read back.
    let engine = engine(folder.path());
    at(&engine, "2021-01-02T00:00:00Z", "SELECT 1");
    assert!(!engine.maintain().unwrap(), "nothing has expired yet");
    at(&engine, "2021-01-02T13:00:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap(), "one row has");
    assert_eq!(at(&engine, "2021-01-02T13:00:00Z", ROWS), "1\ta\n2\tc\n");
    at(&engine, "2021-01-03T01:00:00Z", "SELECT 1");
    assert!(!engine.maintain().unwrap(), "one rewriting merge a day");
    at(&engine, "2021-01-03T13:00:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap());
    assert_eq!(at(&engine, "2021-01-03T13:00:00Z", ROWS), "1\t\n2\tc\n");
    assert!(
        !engine.maintain().unwrap(),
        "what is reset already is not reset again"
    );
    at(&engine, "2021-01-06T00:00:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap(), "a part without rows that stay");
    assert_eq!(at(&engine, "2021-01-06T00:00:00Z", ROWS), "2\tc\n");
    let parts = "SELECT count() FROM system.parts WHERE table = 't'";
    assert_eq!(at(&engine, "2021-01-06T00:00:00Z", parts), "1\n");
}

#[test]
fn e_ttl_changed_rules_hold_for_parts_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    table(&engine);
    at(
        &engine,
        "2021-01-01T00:00:00Z",
        "ALTER TABLE t MODIFY TTL d + INTERVAL 1 HOUR",
    );
    while engine.maintain().unwrap() {}
    at(
        &engine,
        "2021-01-02T00:00:00Z",
        "ALTER TABLE t MODIFY SETTING merge_with_ttl_timeout = 0",
    );
    for _ in 0..10 {
        engine.maintain().unwrap();
    }
    assert_eq!(at(&engine, "2021-01-02T00:00:00Z", ROWS), "2\tc\n");
    at(&engine, "2021-01-02T00:00:00Z", "ALTER TABLE t REMOVE TTL");
    at(
        &engine,
        "2030-01-01T00:00:00Z",
        "ALTER TABLE t MODIFY COLUMN c REMOVE TTL",
    );
    at(&engine, "2030-01-01T00:00:00Z", "OPTIMIZE TABLE t FINAL");
    assert_eq!(at(&engine, "2030-01-01T00:00:00Z", ROWS), "2\tc\n");
}

/// A table with rows, and what is done in the background a day later, until the first error. Answers whether the rows were
/// acknowledged.
fn script(directory: &SimulatedDirectory, table: &str, rows: &str) -> (bool, crate::Result<()>) {
    let mut is_inserted = false;
    let mut script = || -> crate::Result<()> {
        let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
        let run = |now: &str, sql: &str| engine.query(sql, &QueryOptions::new(now.parse().unwrap()));
        run("2021-01-01T00:00:00Z", table)?;
        run("2021-01-01T00:00:00Z", rows)?;
        is_inserted = true;
        engine.flush()?;
        run("2021-01-02T00:00:00Z", "SELECT 1")?;
        while engine.maintain()? {}
        engine.close()
    };
    let outcome = script();
    (is_inserted, outcome)
}

/// Cuts the power at every operation of the script. `check` is given the engine that opens then.
pub(super) fn cut_power(table: &str, rows: &str, check: &dyn Fn(&Engine, u64)) {
    let whole = SimulatedDirectory::new();
    let (_, outcome) = script(&whole, table, rows);
    outcome.unwrap();
    for cut in 0..whole.operations() {
        for mode in [CrashMode::Lose, CrashMode::Keep, CrashMode::Mixed(cut)] {
            let directory = SimulatedDirectory::new();
            directory.fail_at(cut, true);
            let (is_inserted, _) = script(&directory, table, rows);
            let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), config()).unwrap();
            if is_inserted {
                check(&engine, cut);
            }
        }
    }
}

/// A part is dropped, another one rewritten.
#[test]
fn e_ttl_rows_that_stay_survive_power_cuts() {
    cut_power(
        "CREATE TABLE t (d DateTime, x UInt8) ENGINE = MergeTree PARTITION BY x % 2 ORDER BY x TTL d + INTERVAL 1 DAY",
        "INSERT INTO t VALUES ('2021-01-01 00:00:00', 1), ('2021-01-01 00:00:00', 2), ('2021-02-01 00:00:00', 4)",
        &|engine, cut| {
            let text = |sql: &str| at(engine, "2021-01-02T00:00:00Z", sql);
            assert_eq!(
                text("SELECT x FROM t WHERE d > '2021-01-15 00:00:00'"),
                "4\n",
                "cut {cut}"
            );
            text("OPTIMIZE TABLE t FINAL");
            assert_eq!(text("SELECT x FROM t"), "4\n", "cut {cut}");
            assert_eq!(text("CHECK TABLE t"), "1\n", "cut {cut}");
        },
    );
}
