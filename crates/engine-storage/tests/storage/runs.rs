//! Columns that are stored in runs reach readers in runs, and their rows are those that were written.

use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{
    AutoDictionaries, CacheKind, ColumnCodec, ColumnDef, KeyCondition, Storage, StorageOptions, TableDef,
    TableId,
};
use engine_types::{Column, DataType, Value};
use proptest::prelude::*;

use crate::support::*;

fn repeats() -> TableDef {
    let columns = [
        ("n", "UInt32"),
        ("project", "Int64"),
        ("word", "String"),
        ("number", "UInt64"),
    ];
    let columns: Vec<ColumnDef> = columns
        .iter()
        .map(|(name, ty)| ColumnDef {
            name: (*name).to_owned(),
            ty: DataType::parse(ty).unwrap(),
            codec: ColumnCodec::Auto,
            json: false,
        })
        .collect();
    let keys = ColumnKeys {
        sort_by: vec![0],
        partition_by: None,
    };
    let types = vec![columns[0].ty.clone()];
    let mut def = TableDef::new("db", "repeats", columns, types, Arc::new(keys));
    def.definition = b"repeats".to_vec();
    def.granule_rows = 1000;
    def
}

/// One part of these rows.
fn part_of(rows: &[Row]) -> (Storage, TableId) {
    let options = StorageOptions {
        auto_dictionaries: AutoDictionaries::Everywhere,
        ..StorageOptions::default()
    };
    let directory = Arc::new(SimulatedDirectory::new());
    let storage = Storage::open(directory, options, &|_: &[u8]| Ok(repeats())).unwrap();
    let table = storage.create_table(repeats()).unwrap();
    storage.append(vec![(table, block(&repeats(), rows))]).unwrap();
    storage.flush_all().unwrap();
    (storage, table)
}

fn row(n: usize, project: i64, word: u64, number: u64) -> Row {
    vec![
        Value::UInt(n as u64),
        Value::Int(project),
        Value::string(format!("word {word}")),
        Value::UInt(number),
    ]
}

fn noise(n: usize) -> u64 {
    (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The columns of the only morsel.
fn columns(storage: &Storage, table: TableId) -> Vec<Column> {
    let snapshot = storage.snapshot(table).unwrap();
    let morsels = snapshot.morsels(&KeyCondition::all(), 1 << 20);
    assert_eq!(morsels.len(), 1);
    let block = snapshot.read(&morsels[0], &all_columns(&snapshot)).unwrap();
    block.into_columns()
}

#[test]
fn e_vec_runs_are_read_as_runs_and_cost_the_cache_next_to_nothing() {
    let rows: Vec<Row> = (0..50_000)
        .map(|n| row(n, 7, n as u64 / 1000 % 5, noise(n)))
        .collect();
    let (storage, table) = part_of(&rows);
    let columns = columns(&storage, table);
    let [_, Column::Runs(projects), Column::Runs(words), _] = &columns[..] else {
        panic!("projects and words come in runs");
    };
    assert!(projects.ends().len() <= 10, "{} runs", projects.ends().len());
    assert!(matches!(words.values(), Column::Dict(_)), "runs of codes");
    assert!(words.ends().len() <= 60, "{} runs", words.ends().len());
    assert!(matches!(&columns[3], Column::UInt64(_)), "numbers do not repeat");
    assert_eq!(columns[1].value(49_999), Value::Int(7));
    assert_eq!(stored(&storage, table), rows);

    let snapshot = storage.snapshot(table).unwrap();
    let read = |columns: &[usize]| {
        storage.drop_cache(CacheKind::Blocks);
        for morsel in snapshot.morsels(&KeyCondition::all(), 1 << 20) {
            snapshot.read(&morsel, columns).unwrap();
        }
        storage.cache_bytes()
    };
    assert!(read(&[1, 2]) < 10_000, "{} bytes for two columns", read(&[1, 2]));
    assert!(read(&[3]) >= 400_000);
}

#[test]
fn blocks_of_a_column_may_differ() {
    // Blocks are of 64 KiB, 8192 numbers: the first are in runs, the last are not.
    let rows: Vec<Row> = (0..30_000)
        .map(|n| row(n, 1, 1, if n < 18_000 { n as u64 / 3000 } else { noise(n) }))
        .collect();
    let (storage, table) = part_of(&rows);
    assert!(matches!(&columns(&storage, table)[3], Column::UInt64(_)));
    assert_eq!(stored(&storage, table), rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Runs of any length, cut by granules and blocks, read whole, in part and by rows.
    #[test]
    fn e_vec_runs_have_the_rows_that_were_written(
        runs in prop::collection::vec((0u64..4, prop_oneof![1usize..4, 1usize..3000]), 1..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let values = runs.iter().flat_map(|(value, len)| std::iter::repeat_n(*value, *len));
        let rows: Vec<Row> = values.enumerate().map(|(n, v)| row(n, v as i64 / 2, v, v)).collect();
        let (storage, table) = part_of(&rows);
        prop_assert_eq!(stored(&storage, table), rows.clone());
        let snapshot = storage.snapshot(table).unwrap();
        let columns = all_columns(&snapshot);
        let mut picks: Vec<u32> = picks.iter().map(|pick| pick.index(rows.len()) as u32).collect();
        picks.sort_unstable();
        picks.dedup();
        let [morsel] = &snapshot.morsels(&KeyCondition::all(), 1 << 20)[..] else {
            panic!("one morsel");
        };
        let some = rows_of(&snapshot.read_rows(morsel, &columns, &picks).unwrap());
        let expected: Vec<Row> = picks.iter().map(|row| rows[*row as usize].clone()).collect();
        prop_assert_eq!(some, expected);
        for part in snapshot.parts() {
            part.check().unwrap();
        }
    }
}
