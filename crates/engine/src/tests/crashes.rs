//! Power cuts at every file operation: what was acknowledged is there once, what was not is there whole or not at all.

use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_types::Column;

use crate::{Engine, EngineConfig, TableInsert};

/// How far the script came.
#[derive(Default)]
struct Acknowledged {
    created: bool,
    /// Numbers inserted into both tables.
    inserts: Vec<u64>,
    added: bool,
    renamed: bool,
}

fn config() -> EngineConfig {
    EngineConfig {
        granule_rows: Some(3),
        ..super::config()
    }
}

fn insert(engine: &Engine, number: u64) -> crate::Result<()> {
    let rows = |table: &str| {
        TableInsert::new(
            table,
            vec![("n".to_owned(), Column::UInt64(vec![number, number + 1000].into()))],
        )
    };
    engine
        .insert(vec![rows("a"), rows("b")], Some(&format!("token {number}")))
        .map(|_| ())
}

/// Runs until the first error.
fn script(directory: &SimulatedDirectory, done: &mut Acknowledged) -> crate::Result<()> {
    let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
    let options = super::options();
    for table in ["a", "b"] {
        let sql = format!("CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY n");
        engine.query(&sql, &options)?;
    }
    done.created = true;
    for number in 0..3 {
        insert(&engine, number)?;
        done.inserts.push(number);
    }
    engine.query("ALTER TABLE b ADD COLUMN m UInt64 DEFAULT n + 1", &options)?;
    done.added = true;
    insert(&engine, 3)?;
    done.inserts.push(3);
    engine.flush()?;
    engine.query("OPTIMIZE TABLE b FINAL", &options)?;
    insert(&engine, 4)?;
    done.inserts.push(4);
    engine.query("RENAME TABLE b TO c", &options)?;
    done.renamed = true;
    engine.close()
}

fn numbers(engine: &Engine, table: &str) -> Vec<String> {
    let text = super::text(
        engine,
        &format!("SELECT n FROM {table} WHERE n < 1000 ORDER BY n"),
    );
    text.lines().map(str::to_owned).collect()
}

#[test]
fn acknowledged_rows_survive_once() {
    let whole = SimulatedDirectory::new();
    script(&whole, &mut Acknowledged::default()).unwrap();
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut done = Acknowledged::default();
        let outcome = script(&directory, &mut done);
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), config())
            .unwrap_or_else(|e| panic!("operation {at}, {mode:?}: {e}"));
        if !done.created {
            assert!(outcome.is_err());
            continue;
        }
        let tables = super::text(&engine, "SHOW TABLES");
        let b = if tables.contains('c') { "c" } else { "b" };
        assert!(b == "c" || !done.renamed, "operation {at}: the rename is gone");
        let (left, right) = (numbers(&engine, "a"), numbers(&engine, b));
        assert_eq!(left, right, "operation {at}, {mode:?}: the tables differ");
        let acknowledged = done.inserts.len();
        assert!(
            left.len() == acknowledged || left.len() == acknowledged + 1,
            "operation {at}, {mode:?}: {left:?} after {acknowledged} acknowledged inserts"
        );
        for (row, number) in left.iter().enumerate() {
            assert_eq!(*number, row.to_string(), "operation {at}, {mode:?}");
        }
        // Sending the last one again changes nothing.
        if let Some(last) = done.inserts.last()
            && b == "b"
        {
            insert(&engine, *last).unwrap();
            assert_eq!(numbers(&engine, "a"), left, "operation {at}, {mode:?}");
        }
        if done.added {
            let wrong = super::text(&engine, &format!("SELECT count() FROM {b} WHERE m != n + 1"));
            assert_eq!(wrong, "0\n", "operation {at}, {mode:?}");
        }
    }
}
