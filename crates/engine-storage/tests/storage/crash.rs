//! A crash at every file operation of a script: what was acknowledged is there exactly once, and nothing is half there.

use std::collections::BTreeMap;

use engine_storage::Storage;
use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_types::Value;

use crate::append::mapping_row;
use crate::support::*;

/// What the caller of the storage knows when it dies.
#[derive(Default)]
struct Known {
    tables: bool,
    /// Appends by number: acknowledged or not.
    appends: BTreeMap<u64, bool>,
    dropped: Option<bool>,
}

/// Creates tables, appends to both at once, flushes, merges, drops. Stops at the first error.
fn script(directory: &SimulatedDirectory, known: &mut Known) -> engine_storage::Result<()> {
    let storage = open_simulated(directory)?;
    let events_table = storage.create_table(events())?;
    let mapping_table = storage.create_table(mapping())?;
    let balance_table = storage.create_table(balance())?;
    known.tables = true;
    let mut append = |storage: &Storage, n: u64| {
        known.appends.insert(n, false);
        let events_rows = [event_row(3 * n), event_row(3 * n + 1)];
        let writes = vec![
            (events_table, block(&events(), &events_rows)),
            (
                mapping_table,
                block(&mapping(), &[mapping_row(&n.to_string(), 1, 0, n)]),
            ),
        ];
        storage.append(writes)?;
        known.appends.insert(n, true);
        Ok::<_, engine_storage::StorageError>(())
    };
    for n in 0..3 {
        append(&storage, n)?;
    }
    storage.flush_all()?;
    append(&storage, 3)?;
    storage.flush_all()?;
    append(&storage, 4)?;
    storage.optimize(mapping_table, false)?;
    append(&storage, 5)?;
    known.dropped = Some(false);
    storage.drop_table(balance_table)?;
    known.dropped = Some(true);
    Ok(())
}

fn check(storage: &Storage, known: &Known, context: &str) {
    assert_no_leftovers(storage, context);
    if !known.tables {
        return;
    }
    let balance_gone = storage.table_id("db", "balance").is_err();
    match known.dropped {
        None => assert!(!balance_gone, "{context}: dropped by nobody"),
        Some(false) => {}
        Some(true) => assert!(balance_gone, "{context}: the dropped table is back"),
    }
    let events_table = storage.table_id("db", "events").expect(context);
    let mapping_table = storage.table_id("db", "mapping").expect(context);
    let events_stored = stored(storage, events_table);
    let mapping_stored = stored(storage, mapping_table);
    let mut rows = 0;
    for (n, acknowledged) in &known.appends {
        let count = |row: &Row| events_stored.iter().filter(|r| *r == row).count();
        let counts = [
            count(&event_row(3 * n)),
            count(&event_row(3 * n + 1)),
            mapping_stored
                .iter()
                .filter(|r| r[1] == Value::string(n.to_string()))
                .count(),
        ];
        let expected = if *acknowledged {
            vec![[1, 1, 1]]
        } else {
            vec![[1, 1, 1], [0, 0, 0]]
        };
        assert!(
            expected.contains(&counts),
            "{context}: append {n} ({acknowledged}) is there {counts:?} times"
        );
        rows += counts[0] + counts[1];
    }
    assert_eq!(events_stored.len(), rows, "{context}: rows that nobody wrote");
}

#[test]
fn a_crash_at_any_file_operation_loses_and_doubles_nothing() {
    let whole = SimulatedDirectory::new();
    script(&whole, &mut Known::default()).unwrap();
    let operations = whole.operations();
    assert!(operations > 100, "{operations} operations");
    for at in 0..operations {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut known = Known::default();
        script(&directory, &mut known).expect_err("the fault is inside the script");
        let modes = [
            CrashMode::Lose,
            CrashMode::Keep,
            CrashMode::Mixed(at),
            CrashMode::Mixed(at + 10_000),
        ];
        for mode in modes {
            let context = format!("operation {at}, {mode:?}");
            let survived = directory.after_crash(mode);
            let storage = open_simulated(&survived).unwrap_or_else(|e| panic!("{context}: {e}"));
            check(&storage, &known, &context);
            if known.tables {
                // Life goes on, and another crash right after changes nothing.
                let table = storage.table_id("db", "events").unwrap();
                storage
                    .append(vec![(table, block(&events(), &[event_row(1_000_000)]))])
                    .expect(&context);
                known.appends.retain(|n, _| *n < 100);
                let before = stored(&storage, table);
                storage.flush_all().unwrap_or_else(|e| panic!("{context}: {e}"));
                drop(storage);
                let storage = open_simulated(&survived.after_crash(CrashMode::Lose)).expect(&context);
                assert_eq!(stored(&storage, table), before, "{context}");
            }
        }
    }
}

#[test]
fn a_failing_operation_is_an_error_and_the_storage_lives_on() {
    let whole = SimulatedDirectory::new();
    script(&whole, &mut Known::default()).unwrap();
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, false);
        let mut known = Known::default();
        // Errors of background removals are logged, not returned.
        let _ = script(&directory, &mut known);
        let context = format!("operation {at}");
        let storage = open_simulated(&directory).unwrap_or_else(|e| panic!("{context}: {e}"));
        check(&storage, &known, &context);
    }
}

#[test]
fn a_crash_while_recovering_is_recovered_too() {
    let directory = SimulatedDirectory::new();
    let mut known = Known::default();
    script(&directory, &mut known).unwrap();
    let crashed = directory.after_crash(CrashMode::Mixed(7));
    let fresh = || crashed.after_crash(CrashMode::Keep);
    let probe = fresh();
    drop(open_simulated(&probe).unwrap());
    for at in 0..probe.operations() {
        let failing = fresh();
        failing.fail_at(at, true);
        assert!(open_simulated(&failing).is_err(), "operation {at}");
        let context = format!("operation {at} of recovery");
        let storage = open_simulated(&failing.after_crash(CrashMode::Mixed(at))).expect(&context);
        check(&storage, &known, &context);
    }
}

#[test]
fn a_failed_append_can_be_repeated_in_the_same_process() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    let rows = |n| block(&events(), &[event_row(n)]);
    storage.append(vec![(table, rows(1))]).unwrap();
    // The write, then the sync.
    for fault in 0..2 {
        directory.fail_at(directory.operations() + fault, false);
        let error = storage.append(vec![(table, rows(2 + fault))]).unwrap_err();
        assert!(error.retryable(), "{error}");
        storage.append(vec![(table, rows(2 + fault))]).unwrap();
    }
    let expected = sorted(vec![event_row(1), event_row(2), event_row(3)]);
    assert_eq!(stored(&storage, table), expected);
    drop(storage);
    let storage = open_simulated(&directory.after_crash(CrashMode::Lose)).unwrap();
    assert_eq!(stored(&storage, table), expected);
}
