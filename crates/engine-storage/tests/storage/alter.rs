//! Creating, dropping, renaming, altering, truncating tables.

use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{
    ColumnDef, ColumnSource, KeyExprs, Partitions, Storage, StorageError, StorageOptions, TableDef,
};
use engine_types::{Block, Column, DataType, Value};

use crate::append::mapping_row;
use crate::support::*;

/// `mapping` with a column `length`, which old rows compute from `id`.
struct WithLength;

impl KeyExprs for WithLength {
    fn sorting_key(&self, block: &Block) -> Result<Vec<Column>, String> {
        Ok(block.columns()[..2].to_vec())
    }

    fn partition(&self, block: &Block) -> Result<Partitions, String> {
        Ok(Partitions::unpartitioned(block.rows()))
    }

    fn missing_column(
        &self,
        index: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
    ) -> Result<Column, String> {
        assert_eq!(index, 5);
        let ids = source.column(1)?;
        let lengths: Vec<Value> = (0..source.rows())
            .map(|row| match ids.value(row) {
                Value::String(s) => Value::UInt(s.len() as u64),
                _ => Value::Null,
            })
            .collect();
        Ok(Column::from_values(ty, &lengths))
    }
}

fn with_length() -> TableDef {
    let mut def = mapping();
    def.columns.push(ColumnDef::new("length", DataType::UInt64));
    def.keys = Arc::new(WithLength);
    def.definition = b"with length".to_vec();
    def
}

#[test]
fn an_added_column_is_computed_for_old_parts_and_stored_by_merges() {
    let directory = SimulatedDirectory::new();
    let loader = |d: &[u8]| {
        if d == b"with length" {
            Ok(with_length())
        } else {
            load(d, 4)
        }
    };
    let open = || Storage::open(Arc::new(directory.clone()), StorageOptions::default(), &loader).unwrap();
    let storage = open();
    let table = storage.create_table(mapping()).unwrap();
    storage
        .append(vec![(table, block(&mapping(), &[mapping_row("abc", 1, 0, 1)]))])
        .unwrap();
    storage.replace_definition(table, with_length()).unwrap();
    let mut new = mapping_row("de", 1, 0, 2);
    new.push(Value::UInt(99));
    storage
        .append(vec![(table, block(&with_length(), &[new.clone()]))])
        .unwrap();
    let mut old = mapping_row("abc", 1, 0, 1);
    old.push(Value::UInt(3));
    let expected = vec![old, new];
    assert_eq!(stored(&storage, table), expected);
    drop(storage);
    let storage = open();
    assert_eq!(stored(&storage, table), expected);
    assert!(
        storage.snapshot(table).unwrap().parts()[0]
            .columns_on_disk()
            .len()
            == 5
    );
    storage.optimize(table, true).unwrap();
    assert_eq!(stored(&storage, table), expected);
    let snapshot = storage.snapshot(table).unwrap();
    assert_eq!(snapshot.parts().len(), 1);
    assert_eq!(snapshot.parts()[0].columns_on_disk().len(), 6);
}

#[test]
fn a_dropped_table_stays_readable_through_its_snapshot_and_leaves_no_files() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    storage
        .append(vec![(table, block(&events(), &event_rows(0..10)))])
        .unwrap();
    storage.flush_all().unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    storage.drop_table(table).unwrap();
    assert!(matches!(
        storage.snapshot(table),
        Err(StorageError::UnknownTable(_))
    ));
    assert_eq!(
        scan(&snapshot, &engine_storage::KeyCondition::all(), 100).len(),
        10
    );
    drop(snapshot);
    assert!(!directory.files().iter().any(|f| f.starts_with("data/")));

    let again = storage.create_table(events()).unwrap();
    assert_ne!(again, table);
    storage
        .append(vec![(again, block(&events(), &event_rows(5..6)))])
        .unwrap();
    storage.flush_all().unwrap();
    drop(storage);
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(stored(&storage, again), event_rows(5..6));
}

#[test]
fn names_are_taken_renamed_and_found_again() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(mapping()).unwrap();
    assert!(matches!(
        storage.create_table(mapping()),
        Err(StorageError::TableExists { .. })
    ));
    storage
        .append(vec![(table, block(&mapping(), &[mapping_row("a", 1, 0, 1)]))])
        .unwrap();
    storage.flush_all().unwrap();
    storage.rename_table(table, "db", "renamed").unwrap();
    let other = storage.create_table(mapping()).unwrap();
    storage
        .append(vec![(other, block(&mapping(), &[mapping_row("b", 1, 0, 1)]))])
        .unwrap();
    drop(storage);
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(storage.table_id("db", "renamed").unwrap(), table);
    assert_eq!(stored(&storage, table), [mapping_row("a", 1, 0, 1)]);
    assert_eq!(stored(&storage, other), [mapping_row("b", 1, 0, 1)]);
    assert_eq!(storage.tables().len(), 2);
    assert!(storage.table_id("db", "nothing").is_err());
}

#[test]
fn truncate_and_drop_partition_remove_rows_for_good() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    storage
        .append(vec![(table, block(&events(), &event_rows(0..40)))])
        .unwrap();
    storage.drop_partition(table, "1").unwrap();
    let kept: Vec<Row> = event_rows(0..40)
        .into_iter()
        .filter(|r| !(Value::UInt(1000)..Value::UInt(2000)).contains(&r[2]))
        .collect();
    assert_eq!(stored(&storage, table), sorted(kept));
    storage.truncate_table(table).unwrap();
    storage
        .append(vec![(table, block(&events(), &event_rows(1..2)))])
        .unwrap();
    drop(storage);
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(stored(&storage, table), event_rows(1..2));
}

#[test]
fn definitions_that_make_no_sense_are_refused() {
    let (storage, _) = with_table(events(), 4);
    let mut def = mapping();
    def.lookup_columns = vec![9];
    let error = storage.create_table(def).unwrap_err().to_string();
    assert!(error.contains("no column number 9"), "{error}");
    let mut def = mapping();
    def.columns[1].name = "team".to_owned();
    let error = storage.create_table(def).unwrap_err().to_string();
    assert!(error.contains("`team` is there twice"), "{error}");
}

/// `balance` with a dictionary-coded column that old rows lack.
struct WithColour;

impl KeyExprs for WithColour {
    fn sorting_key(&self, block: &Block) -> Result<Vec<Column>, String> {
        Ok(vec![block.column(0).clone()])
    }

    fn missing_column(
        &self,
        _index: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
    ) -> Result<Column, String> {
        Ok(Column::constant(ty, &Value::string("none"), source.rows()))
    }
}

#[test]
fn dictionaries_are_joined_by_merges_also_with_rows_that_lack_the_column() {
    let (storage, table) = with_table(balance(), 4);
    let old: Vec<Row> = (0..10)
        .map(|n| vec![Value::UInt(n), Value::Int(1), Value::Int(0)])
        .collect();
    storage.append(vec![(table, block(&balance(), &old))]).unwrap();
    let mut def = balance();
    def.merge_rule = engine_storage::MergeRule::Plain;
    def.granule_rows = 4;
    def.columns.push(ColumnDef::new(
        "colour",
        DataType::parse("LowCardinality(Nullable(String))").unwrap(),
    ));
    def.keys = Arc::new(WithColour);
    storage.replace_definition(table, def.clone()).unwrap();
    let mut expected: Vec<Row> = old
        .into_iter()
        .map(|mut row| {
            row.push(Value::string("none"));
            row
        })
        .collect();
    for colours in [["red", "green"], ["blue", "green"]] {
        let rows: Vec<Row> = (0..9)
            .map(|n| {
                let colour = if n == 5 {
                    Value::Null
                } else {
                    Value::string(colours[n % 2])
                };
                vec![Value::UInt(n as u64), Value::Int(1), Value::Int(1), colour]
            })
            .collect();
        storage.append(vec![(table, block(&def, &rows))]).unwrap();
        storage.flush_all().unwrap();
        expected.extend(rows);
    }
    storage.optimize(table, false).unwrap();
    assert_eq!(stored(&storage, table), sorted(expected));
    let snapshot = storage.snapshot(table).unwrap();
    let morsel = &snapshot.morsels(&engine_storage::KeyCondition::all(), 1000)[0];
    let column = snapshot.read(morsel, &[3]).unwrap().column(0).clone();
    let Column::Dict(d) = column else {
        panic!("{column:?}")
    };
    let listed: Vec<Value> = (0..d.values.len()).map(|i| d.values.value(i)).collect();
    let words = ["blue", "green", "none", "red"].map(Value::string);
    assert_eq!(listed, [words.as_slice(), &[Value::Null]].concat());
}

#[test]
fn a_column_of_nearly_distinct_values_is_stored_without_a_dictionary() {
    let (storage, table) = with_table(events(), 8192);
    let rows: Vec<Row> = (0..70_000u64)
        .map(|n| {
            vec![
                Value::Int(1),
                Value::Uuid(u128::from(n)),
                Value::UInt(1),
                Value::string(format!("event {n}")),
                Value::string(""),
                Value::Null,
                Value::Array(vec![]),
            ]
        })
        .collect();
    storage
        .append(vec![(table, block(&events(), &rows[..69_000]))])
        .unwrap();
    storage.flush_all().unwrap();
    storage
        .append(vec![(table, block(&events(), &rows[69_000..]))])
        .unwrap();
    storage.optimize(table, false).unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    assert_eq!(snapshot.parts().len(), 1);
    let morsel = &snapshot.morsels(&engine_storage::KeyCondition::all(), 8192)[0];
    let column = snapshot.read(morsel, &[3]).unwrap().column(0).clone();
    assert!(matches!(column, Column::String(_)));
    assert_eq!(column.value(17), Value::string("event 17"));
    assert_eq!(stored(&storage, table).len(), 70_000);
}
