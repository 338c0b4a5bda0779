//! Appending: visible at once, atomic over tables, group commit, tokens, many small appends, limits.

use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{Storage, StorageError, StorageOptions};
use engine_types::{Block, Value};

use crate::support::*;

#[test]
fn rows_are_seen_when_append_returns_and_after_flush_and_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let expected = sorted(event_rows(0..50));
    {
        let storage = open_local(folder.path(), 4);
        let table = storage.create_table(TableDefWith::granules(events(), 4)).unwrap();
        storage
            .append(vec![(table, block(&events(), &event_rows(0..30)))])
            .unwrap();
        storage.flush_all().unwrap();
        storage
            .append(vec![(table, block(&events(), &event_rows(30..50)))])
            .unwrap();
        assert_eq!(stored(&storage, table), expected);
    }
    let storage = open_local(folder.path(), 4);
    let table = storage.table_id("db", "events").unwrap();
    assert_eq!(stored(&storage, table), expected);
    assert_eq!(storage.memtable_size(table).unwrap().0, 20);
    storage.flush_all().unwrap();
    assert_eq!(stored(&storage, table), expected);
}

/// `TableDef` with other granules.
struct TableDefWith;

impl TableDefWith {
    fn granules(def: engine_storage::TableDef, granule_rows: usize) -> engine_storage::TableDef {
        engine_storage::TableDef { granule_rows, ..def }
    }
}

#[test]
fn ten_thousand_single_rows_leave_few_blocks_and_parts() {
    let (storage, table) = with_table(mapping(), 8192);
    let def = mapping();
    for i in 0..10_000u64 {
        let row = vec![
            Value::Int(1),
            Value::string(format!("{i:05}")),
            Value::UInt(1),
            Value::UInt(0),
            Value::Uuid(u128::from(i)),
        ];
        storage.append(vec![(table, block(&def, &[row]))]).unwrap();
        if i % 1000 == 999 {
            storage.flush_all().unwrap();
            while storage.merge_once().unwrap() {}
        } else if i % 97 == 0 {
            let blocks = storage.snapshot(table).unwrap().memory_blocks().len();
            assert!(blocks < 20, "{blocks} blocks in memory");
        }
    }
    let snapshot = storage.snapshot(table).unwrap();
    assert!(snapshot.parts().len() < 20, "{} parts", snapshot.parts().len());
    assert_eq!(snapshot.rows(), 10_000);
}

#[test]
fn many_threads_commit_in_groups_and_nothing_is_lost_or_doubled() {
    let directory = SimulatedDirectory::new();
    let storage = Arc::new(open_simulated(&directory).unwrap());
    let events_table = storage.create_table(events()).unwrap();
    let mapping_table = storage.create_table(mapping()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let storage = storage.clone();
            scope.spawn(move || {
                for i in 0..25 {
                    let n = thread * 1000 + i;
                    let row = mapping_row(&n.to_string(), 1, 0, n);
                    let writes = vec![
                        (events_table, block(&events(), &[event_row(n)])),
                        (mapping_table, block(&mapping(), &[row])),
                    ];
                    storage.append(writes).unwrap();
                    let both = storage.snapshots(&[events_table, mapping_table]).unwrap();
                    assert_eq!(
                        both[0].rows(),
                        both[1].rows(),
                        "an append is in both tables or in none"
                    );
                }
            });
        }
        let storage = storage.clone();
        scope.spawn(move || {
            for _ in 0..10 {
                storage.flush_all().unwrap();
                while storage.merge_once().unwrap() {}
            }
        });
    });
    let expected: Vec<Row> = (0..4u64)
        .flat_map(|t| (0..25).map(move |i| event_row(t * 1000 + i)))
        .collect();
    assert_eq!(stored(&storage, events_table), sorted(expected.clone()));
    drop(storage);
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(stored(&storage, events_table), sorted(expected));
    assert_eq!(stored(&storage, mapping_table).len(), 100);
}

pub fn mapping_row(id: &str, version: u64, is_deleted: u64, person: u64) -> Row {
    vec![
        Value::Int(1),
        Value::string(id),
        Value::UInt(version),
        Value::UInt(is_deleted),
        Value::Uuid(u128::from(person)),
    ]
}

#[test]
fn a_repeated_token_adds_nothing_even_after_flush_and_reopen() {
    let directory = SimulatedDirectory::new();
    let rows = || block(&mapping(), &[mapping_row("a", 1, 0, 1)]);
    let table = {
        let storage = open_simulated(&directory).unwrap();
        let table = storage.create_table(mapping()).unwrap();
        let first = storage
            .append_with_token(Some("t1"), vec![(table, rows())])
            .unwrap();
        assert!(!first.deduplicated);
        assert!(
            storage
                .append_with_token(Some("t1"), vec![(table, rows())])
                .unwrap()
                .deduplicated
        );
        table
    };
    {
        let storage = open_simulated(&directory).unwrap();
        assert!(
            storage
                .append_with_token(Some("t1"), vec![(table, rows())])
                .unwrap()
                .deduplicated
        );
        storage
            .append_with_token(Some("t2"), vec![(table, rows())])
            .unwrap();
        storage.flush_all().unwrap();
    }
    let storage = open_simulated(&directory).unwrap();
    for token in ["t1", "t2"] {
        assert!(
            storage
                .append_with_token(Some(token), vec![(table, rows())])
                .unwrap()
                .deduplicated
        );
    }
    // The flush already kept one row of equal keys.
    assert_eq!(stored(&storage, table).len(), 1);
}

#[test]
fn tokens_are_forgotten_after_the_window() {
    let options = StorageOptions {
        tokens_max: 3,
        ..StorageOptions::default()
    };
    let storage = Storage::open(Arc::new(SimulatedDirectory::new()), options, &|d: &[u8]| {
        load(d, 4)
    })
    .unwrap();
    let table = storage.create_table(events()).unwrap();
    let mut insert = |token: &str| {
        let rows = block(&events(), &[event_row(1)]);
        storage
            .append_with_token(Some(token), vec![(table, rows)])
            .unwrap()
            .deduplicated
    };
    assert_eq!(
        ["a", "b", "c", "a", "d", "a"].map(&mut insert),
        [false, false, false, true, false, false]
    );
}

#[test]
fn rows_that_do_not_fit_are_refused_with_the_column() {
    let (storage, table) = with_table(events(), 4);
    let wrong = block(&mapping(), &[mapping_row("a", 1, 0, 1)]);
    let error = storage.append(vec![(table, wrong)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows for table `db`.`events` do not fit: 5 columns, the table has 7"
    );
    let mut columns = block(&events(), &[event_row(1)]).into_columns();
    columns.swap(0, 1);
    let error = storage.append(vec![(table, Block::new(columns, 1))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows for table `db`.`events` do not fit: column `team` is not of type Int64"
    );
    assert!(!error.retryable());
    assert_eq!(storage.snapshot(table).unwrap().rows(), 0);
}

#[test]
fn maintain_flushes_by_rows_and_by_age() {
    let options = StorageOptions {
        memtable_rows: 10,
        memtable_age_ms: 1000,
        ..StorageOptions::default()
    };
    let storage = Storage::open(Arc::new(SimulatedDirectory::new()), options, &|d: &[u8]| {
        load(d, 4)
    })
    .unwrap();
    let table = storage.create_table(mapping()).unwrap();
    let append = |n: u64| {
        let rows: Vec<Row> = (0..n).map(|i| mapping_row(&i.to_string(), 1, 0, i)).collect();
        storage.append(vec![(table, block(&mapping(), &rows))]).unwrap();
    };
    append(3);
    assert_eq!(storage.maintain(5000).unwrap().tables_flushed, 0);
    assert_eq!(storage.maintain(5999).unwrap().tables_flushed, 0);
    assert_eq!(storage.maintain(6000).unwrap().tables_flushed, 1);
    append(10);
    assert_eq!(storage.maintain(6001).unwrap().tables_flushed, 1);
    assert_eq!(storage.maintain(99_999).unwrap().tables_flushed, 0);
    append(21);
    append(1);
    assert_eq!(
        storage.memtable_size(table).unwrap().0,
        1,
        "append flushed what nobody maintained"
    );
}

#[test]
fn the_log_shrinks_after_a_flush() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    for n in 0..40 {
        storage
            .append(vec![(table, block(&events(), &[event_row(n)]))])
            .unwrap();
    }
    let before = storage.wal_bytes();
    assert!(directory.files().iter().filter(|f| f.ends_with(".wal")).count() > 2);
    storage.flush_all().unwrap();
    assert!(
        storage.wal_bytes() < before / 4,
        "{} of {before}",
        storage.wal_bytes()
    );
    assert_eq!(
        directory.files().iter().filter(|f| f.ends_with(".wal")).count(),
        1
    );
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = SimulatedDirectory::new();
    let _first = open_simulated(&directory).unwrap();
    assert!(matches!(
        open_simulated(&directory),
        Err(StorageError::Locked { .. })
    ));
    let folder = tempfile::tempdir().unwrap();
    let _first = open_local(folder.path(), 4);
    let again = engine_storage::LocalDirectory::new(folder.path()).unwrap();
    let second = Storage::open(Arc::new(again), StorageOptions::default(), &|d: &[u8]| load(d, 4));
    assert!(matches!(second, Err(StorageError::Locked { .. })));
}
