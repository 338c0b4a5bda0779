//! Wide and compact parts: which is which, the same rows from both, and what a compact one is made of.

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{KeyCondition, Layout, Storage, StorageOptions, TableDef, TableId, WideFrom};
use engine_types::Value;
use std::sync::Arc;

use crate::support::*;

fn with(wide_from: WideFrom) -> (SimulatedDirectory, Storage, TableId) {
    let directory = SimulatedDirectory::new();
    let options = StorageOptions::default();
    let opened = Storage::open(Arc::new(directory.clone()), options, &|d: &[u8]| load(d, 4));
    let storage = opened.unwrap();
    let def = TableDef {
        wide_from,
        granule_rows: 4,
        ..events()
    };
    let table = storage.create_table(def).unwrap();
    (directory, storage, table)
}

fn layouts(storage: &Storage, table: TableId) -> Vec<Layout> {
    let snapshot = storage.snapshot(table).unwrap();
    snapshot.parts().iter().map(|p| p.layout()).collect()
}

fn insert(storage: &Storage, table: TableId, rows: &[Row]) {
    storage.append(vec![(table, block(&events(), rows))]).unwrap();
    storage.flush_all().unwrap();
}

/// Events of one partition.
fn near_rows(seeds: std::ops::Range<u64>) -> Vec<Row> {
    let mut rows = event_rows(seeds);
    for row in &mut rows {
        row[2] = Value::UInt(7);
    }
    rows
}

#[test]
fn e_wide_a_merge_of_compact_parts_is_wide_once_it_is_large() {
    let limits = WideFrom { bytes: 3000, rows: 0 };
    let (_, storage, table) = with(limits);
    for n in 0..3 {
        insert(&storage, table, &near_rows(n * 15..n * 15 + 15));
    }
    assert_eq!(layouts(&storage, table), [Layout::Compact; 3]);
    let before = stored(&storage, table);
    storage.optimize(table, false).unwrap();
    assert_eq!(layouts(&storage, table), [Layout::Wide]);
    assert_eq!(stored(&storage, table), before);
}

#[test]
fn e_wide_rows_and_bytes_must_both_be_reached() {
    for (bytes, rows, layout) in [
        (0, 0, Layout::Wide),
        (0, 20, Layout::Wide),
        (0, 21, Layout::Compact),
        (1 << 30, 0, Layout::Compact),
        (1, 1, Layout::Wide),
    ] {
        let (_, storage, table) = with(WideFrom { bytes, rows });
        insert(&storage, table, &near_rows(0..20));
        assert_eq!(layouts(&storage, table), [layout], "{bytes} bytes, {rows} rows");
    }
}

#[test]
fn e_wide_both_layouts_have_the_same_rows_and_columns() {
    let seen: Vec<_> = [ALWAYS_WIDE, NEVER_WIDE]
        .into_iter()
        .map(|limits| {
            let (directory, storage, table) = with(limits);
            insert(&storage, table, &event_rows(0..200));
            let snapshot = storage.snapshot(table).unwrap();
            let on_disk: Vec<_> = snapshot.parts().iter().map(|p| p.columns_on_disk()).collect();
            for part in snapshot.parts() {
                part.check().unwrap();
            }
            let first = snapshot.parts()[0].folder().to_owned();
            drop(snapshot);
            drop(storage);
            let storage = Storage::open(Arc::new(directory.clone()), small_options(), &|d: &[u8]| {
                load(d, 4)
            })
            .unwrap();
            let keys = block(&events(), &event_rows(195..205)).into_columns();
            let found = storage.contains(table, &keys[..2]).unwrap();
            let files: Vec<String> = directory
                .files()
                .into_iter()
                .filter_map(|f| f.strip_prefix(&format!("{first}/")).map(str::to_owned))
                .collect();
            (stored(&storage, table), found, on_disk, files)
        })
        .collect();
    let [wide, compact] = seen.as_slice() else {
        panic!("two layouts")
    };
    assert_eq!(wide.0, compact.0);
    assert_eq!(wide.1, compact.1);
    assert_eq!(wide.2, compact.2);
    assert_eq!(compact.3, ["checksums.txt", "data.bin"]);
    assert!(wide.3.contains(&"event.dict".to_owned()), "{:?}", wide.3);
}

/// A column may have the name of the file that holds all.
#[test]
fn e_wide_a_column_named_data_is_no_other_file() {
    for limits in [ALWAYS_WIDE, NEVER_WIDE] {
        let directory = SimulatedDirectory::new();
        let mut def = balance();
        def.columns[2].name = "data".to_owned();
        def.wide_from = limits;
        let loaded = def.clone();
        let loader = move |_: &[u8]| Ok(loaded.clone());
        let open = || Storage::open(Arc::new(directory.clone()), small_options(), &loader).unwrap();
        let storage = open();
        let table = storage.create_table(def.clone()).unwrap();
        let rows: Vec<Row> = (0..9)
            .map(|n| vec![Value::UInt(n), Value::Int(1), Value::Int(n as i64 * 3)])
            .collect();
        storage.append(vec![(table, block(&def, &rows))]).unwrap();
        storage.flush_all().unwrap();
        drop(storage);
        let storage = open();
        let snapshot = storage.snapshot(table).unwrap();
        assert_eq!(scan(&snapshot, &KeyCondition::all(), 100), rows);
        snapshot.parts()[0].check().unwrap();
    }
}
