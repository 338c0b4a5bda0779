//! Columns that are stored as codes although nobody asked: which, and that their rows are those of plain columns.

use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{AutoDictionaries, ColumnCodec, ColumnDef, Storage, StorageOptions, TableDef, TableId};
use engine_types::{Column, DataType, Value};
use proptest::prelude::*;

use crate::support::*;

/// A number to sort by, and columns that may become codes.
fn texts() -> TableDef {
    let columns = [
        ("n", "UInt32"),
        ("name", "String"),
        ("actor", "UUID"),
        ("maybe", "Nullable(String)"),
        ("own", "String"),
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
        sort_by: vec![0, 1],
        partition_by: None,
    };
    let types = vec![columns[0].ty.clone(), columns[1].ty.clone()];
    let mut def = TableDef::new("db", "texts", columns, types, Arc::new(keys));
    def.definition = b"texts".to_vec();
    def
}

fn open(directory: &SimulatedDirectory, auto_dictionaries: AutoDictionaries) -> Storage {
    let options = StorageOptions {
        auto_dictionaries,
        ..StorageOptions::default()
    };
    let load = |_: &[u8]| {
        Ok(TableDef {
            granule_rows: 100,
            ..texts()
        })
    };
    Storage::open(Arc::new(directory.clone()), options, &load).unwrap()
}

fn create(storage: &Storage) -> TableId {
    let def = TableDef {
        granule_rows: 100,
        ..texts()
    };
    storage.create_table(def).unwrap()
}

/// Values of `own` are all distinct.
fn row(n: u64, distinct: u64) -> Row {
    let value = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    vec![
        Value::UInt(value % 1000),
        Value::string(format!("name {}", value % distinct)),
        Value::Uuid(u128::from(value % distinct) << 90),
        match value % 3 {
            0 => Value::Null,
            _ => Value::string(format!("{}", value % distinct)),
        },
        Value::string(format!("own {n}")),
    ]
}

fn is_codes(storage: &Storage, table: TableId) -> Vec<Vec<bool>> {
    let snapshot = storage.snapshot(table).unwrap();
    let columns = all_columns(&snapshot);
    let parts = snapshot.morsels(&engine_storage::KeyCondition::all(), 1 << 20);
    parts
        .iter()
        .map(|morsel| {
            let block = snapshot.read(morsel, &columns).unwrap();
            block
                .columns()
                .iter()
                .map(|c| matches!(c.without_runs(), Column::Dict(_)))
                .collect()
        })
        .collect()
}

#[test]
fn e_vec_columns_that_repeat_become_codes_flushed_and_merged() {
    let storage = open(&SimulatedDirectory::new(), AutoDictionaries::default());
    let table = create(&storage);
    let mut expected = Vec::new();
    // A small part stays plain, and a merge with it makes codes of it.
    for rows in [0..5000u64, 5000..10_000, 10_000..10_100] {
        let rows: Vec<Row> = rows.map(|n| row(n, 500)).collect();
        storage.append(vec![(table, block(&texts(), &rows))]).unwrap();
        storage.flush_all().unwrap();
        expected.extend(rows);
    }
    let codes = vec![false, true, true, true, false];
    assert_eq!(
        is_codes(&storage, table),
        [codes.clone(), codes.clone(), vec![false; 5]]
    );
    assert_eq!(stored(&storage, table), sorted(expected.clone()));
    storage.optimize(table, true).unwrap();
    assert_eq!(is_codes(&storage, table), [codes]);
    assert_eq!(stored(&storage, table), sorted(expected));
    for part in storage.snapshot(table).unwrap().parts() {
        part.check().unwrap();
    }
}

#[test]
fn what_hardly_repeats_stays_as_it_is_and_a_merge_may_find_that_it_does() {
    let storage = open(&SimulatedDirectory::new(), AutoDictionaries::default());
    let table = create(&storage);
    for n in 0..4u64 {
        let rows: Vec<Row> = (n * 5000..n * 5000 + 5000).map(|n| row(n, 3000)).collect();
        storage.append(vec![(table, block(&texts(), &rows))]).unwrap();
        storage.flush_all().unwrap();
    }
    assert!(is_codes(&storage, table).iter().all(|part| !part[1]));
    storage.optimize(table, true).unwrap();
    // 3000 values in 20,000 rows.
    assert_eq!(is_codes(&storage, table), [[false, true, true, true, false]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Rows of parts written with codes, without, and merged from both.
    #[test]
    fn e_vec_any_mixture_of_parts_has_the_rows_of_plain_ones(
        parts in prop::collection::vec((1u64..300, 1u64..40, any::<bool>()), 1..5),
        merge_everywhere in any::<bool>(),
    ) {
        let directory = SimulatedDirectory::new();
        let mut table = None;
        let (mut expected, mut from) = (Vec::new(), 0);
        let mode = |codes: bool| match codes {
            true => AutoDictionaries::Everywhere,
            false => AutoDictionaries::Nowhere,
        };
        for (rows, distinct, codes) in parts {
            let storage = open(&directory, mode(codes));
            let id = *table.get_or_insert_with(|| create(&storage));
            let rows: Vec<Row> = (from..from + rows).map(|n| row(n, distinct)).collect();
            from += rows.len() as u64;
            storage.append(vec![(id, block(&texts(), &rows))]).unwrap();
            storage.flush_all().unwrap();
            let seen = is_codes(&storage, id);
            prop_assert_eq!(&seen[seen.len() - 1], &vec![false, codes, codes, codes, codes]);
            expected.extend(rows);
        }
        let storage = open(&directory, mode(merge_everywhere));
        let id = table.unwrap();
        prop_assert_eq!(stored(&storage, id), sorted(expected.clone()));
        storage.optimize(id, true).unwrap();
        prop_assert_eq!(
            is_codes(&storage, id),
            [[false, merge_everywhere, merge_everywhere, merge_everywhere, merge_everywhere]]
        );
        prop_assert_eq!(stored(&storage, id), sorted(expected));
    }
}
