//! Log entries survive their bytes; random bytes are refused.

use engine_types::{Block, Column, DataType, Value};
use proptest::prelude::*;

use super::*;
use crate::table_def::{ColumnDef, KeyExprs, TableDef, TableId};

struct NoKeys;

impl KeyExprs for NoKeys {
    fn sorting_key(&self, _block: &Block) -> std::result::Result<Vec<Column>, String> {
        Ok(Vec::new())
    }
}

fn def() -> TableDef {
    let columns = vec![
        ColumnDef::new("a", DataType::UInt32),
        ColumnDef::new("b", DataType::LowCardinality(Box::new(DataType::String))),
    ];
    TableDef::new("d", "t", columns, Vec::new(), Arc::new(NoKeys))
}

fn block() -> Block {
    let def = def();
    let values = [
        vec![Value::UInt(1), Value::UInt(2)],
        vec![Value::string("x"), Value::string("")],
    ];
    let columns = def.columns.iter().zip(&values);
    Block::new(columns.map(|(c, v)| Column::from_values(&c.ty, v)).collect(), 2)
}

#[test]
fn groups_survive_their_bytes() {
    let def = def();
    let first = encode_entry(
        Some("token"),
        &[(TableId(7), &def, &block()), (TableId(8), &def, &block())],
    )
    .unwrap();
    let second = encode_entry(None, &[]).unwrap();
    let entries = decode_group(&encode_group(&[&first, &second])).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].token.as_deref(), Some("token"));
    assert_eq!(entries[1].token, None);
    let read = entries[0].writes[1].block(&def).unwrap();
    assert_eq!(entries[0].writes[1].table, TableId(8));
    for column in 0..2 {
        for row in 0..2 {
            assert_eq!(read.column(column).value(row), block().column(column).value(row));
        }
    }
}

#[test]
fn rows_of_other_columns_are_refused() {
    let entry = encode_entry(None, &[(TableId(7), &def(), &block())]).unwrap();
    let entries = decode_group(&encode_group(&[&entry])).unwrap();
    let mut other = def();
    other.columns[0].ty = DataType::Int32;
    let error = entries[0].writes[0].block(&other).unwrap_err().to_string();
    assert!(error.contains("other columns"), "{error}");
}

proptest! {
    #[test]
    fn mutated_groups_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let entry = encode_entry(Some("token"), &[(TableId(7), &def(), &block())]).unwrap();
        let mut bytes = encode_group(&[&entry]);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.extend(tail);
        if let Ok(entries) = decode_group(&bytes) {
            for write in entries.iter().flat_map(|e| &e.writes) {
                let _ = write.block(&def());
            }
        }
    }
}
