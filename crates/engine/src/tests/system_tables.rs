//! System tables: what cannot be read is an error, and never a table without rows.

use std::sync::Arc;

use engine_storage::Directory;
use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::{config, options, text};
use crate::system_tables::{NAMES, table};
use crate::{Engine, EngineConfig};

/// A table with something to show in each system table: a key of JSON with values of its own, a detached part, a
/// mutation that is done.
fn filled() -> SimulatedDirectory {
    let directory = SimulatedDirectory::new();
    let engine = open(&directory);
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(
        "CREATE TABLE t (p UInt8, n UInt64, j String COMMENT 'json', INDEX i n TYPE minmax) ENGINE = MergeTree \
         PARTITION BY p ORDER BY n",
    );
    for p in [1, 2, 3] {
        run(&format!(
            "INSERT INTO t SELECT {p}, number, concat('{{\"k\": \"', toString(number % 3), '\"}}') FROM numbers(100)"
        ));
    }
    engine.flush().unwrap();
    run("ALTER TABLE t DETACH PARTITION 2");
    run("ALTER TABLE t DELETE WHERE p = 3 AND n = 7 SETTINGS mutations_sync = 1");
    engine.close().unwrap();
    directory
}

fn open(directory: &SimulatedDirectory) -> Engine {
    let config = EngineConfig {
        json_rows_min: 1,
        ..config()
    };
    Engine::open_in(Arc::new(directory.clone()), config).unwrap()
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error() {
    let whole = filled();
    let (dead, whole) = (whole.after_crash(CrashMode::Keep), open(&whole));
    let engine = open(&dead);
    dead.fail_at(dead.operations(), true);
    dead.create("the write from which on nothing works")
        .map(|_| ())
        .unwrap_err();
    let mut failed = Vec::new();
    for name in NAMES {
        // Of metrics and parts some figures are those of the process.
        let columns = match name {
            "asynchronous_metrics" => "metric",
            "parts" => "* EXCEPT refcount",
            _ => "*",
        };
        if name == "query_log" {
            // It has this test.
            continue;
        }
        let sql = format!("SELECT {columns} FROM system.{name}");
        let expected = text(&whole, &sql);
        match engine.query(&sql, &options()) {
            Ok(answer) => assert_eq!(answer.to_tab_separated(), expected, "{name}"),
            Err(error) => {
                assert_eq!(error.code(), 1000, "{name}: {error}");
                failed.push(name);
            }
        }
        let shown = ["detached_parts", "json_columns", "mutations", "parts"].contains(&name);
        assert!(!shown || !expected.is_empty(), "{name} shows nothing");
    }
    assert_eq!(failed, ["detached_parts", "json_columns"]);
}

#[test]
fn tables_that_were_dropped_meanwhile_are_left_out() {
    let engine = open(&filled());
    let before = engine.catalogue();
    engine.query("DROP TABLE t", &options()).unwrap();
    for name in NAMES {
        let state = engine.system_state(&before);
        let found = table(name, &state).unwrap_or_else(|e| panic!("{name}: {e}"));
        let rows = found
            .and_then(|found| found.rows)
            .unwrap_or_else(|| panic!("{name}"));
        let of_table = rows
            .iter()
            .filter(|row| row.contains(&engine_types::Value::string("t")));
        // Columns are part of the catalogue itself.
        let expected = if name == "columns" { 3 } else { 0 };
        assert_eq!(of_table.count(), expected, "{name}");
    }
}
