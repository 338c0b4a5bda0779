//! Encoded columns have the rows of the plain ones, and their dictionary is that of `Dictionary::of`.

use engine_types::{Column, DataType, Value};
use proptest::prelude::*;

use super::DistinctValues;
use crate::Dictionary;

fn encode(columns: &[Column], ty: &DataType) -> (Dictionary, Vec<Column>, usize) {
    let mut distinct = DistinctValues::new(ty);
    let numbers: Vec<Vec<u32>> = columns
        .iter()
        .map(|column| {
            let mut numbers = Vec::new();
            distinct.add(column, &mut numbers);
            numbers
        })
        .collect();
    let rows = distinct.rows();
    let (dictionary, codes) = distinct.into_dictionary();
    let encoded = numbers.iter().map(|n| dictionary.encoded(n, &codes)).collect();
    (dictionary, encoded, rows)
}

fn values_of(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

fn cell(ty: &DataType) -> BoxedStrategy<Value> {
    let bare = match ty.bare() {
        DataType::Uuid => (0u128..4).prop_map(|v| Value::Uuid(v << 100 | v)).boxed(),
        _ => "[\\x00ab]{0,3}".prop_map(|s| Value::string(s.as_bytes())).boxed(),
    };
    if ty.is_nullable() {
        prop_oneof![Just(Value::Null), bare].boxed()
    } else {
        bare
    }
}

fn columns() -> impl Strategy<Value = (DataType, Vec<Vec<Value>>)> {
    let types = vec![
        DataType::String,
        DataType::Uuid,
        DataType::String.nullable(),
        DataType::Uuid.nullable(),
    ];
    proptest::sample::select(types).prop_flat_map(|ty| {
        let rows = proptest::collection::vec(cell(&ty), 0..20);
        (Just(ty), proptest::collection::vec(rows, 1..4))
    })
}

proptest! {
    #[test]
    fn encoded_columns_have_the_rows_of_plain_ones((ty, rows) in columns()) {
        let plain: Vec<Column> = rows.iter().map(|rows| Column::from_values(&ty, rows)).collect();
        let (dictionary, encoded, seen) = encode(&plain, &ty);
        prop_assert_eq!(seen, rows.iter().map(Vec::len).sum::<usize>());
        for (rows, encoded) in rows.iter().zip(&encoded) {
            prop_assert_eq!(rows, &values_of(encoded));
        }
        let expected = Dictionary::of(&plain.iter().collect::<Vec<_>>(), &ty);
        prop_assert_eq!(values_of(dictionary.values()), values_of(expected.values()));
        for column in &plain {
            prop_assert_eq!(dictionary.codes(column), expected.codes(column));
        }
        // Columns that are encoded already, by any dictionary.
        let (again, twice, _) = encode(&encoded, &ty);
        prop_assert_eq!(values_of(again.values()), values_of(expected.values()));
        for (rows, encoded) in rows.iter().zip(&twice) {
            prop_assert_eq!(rows, &values_of(encoded));
        }
    }
}

#[test]
fn constants_are_one_value() {
    let column = Column::constant(&DataType::String, &Value::string(b"a"), 5);
    let (dictionary, encoded, rows) = encode(
        &[
            column,
            Column::constant(&DataType::String, &Value::string(b"b"), 0),
        ],
        &DataType::String,
    );
    assert_eq!((dictionary.len(), rows), (1, 5));
    assert_eq!(values_of(&encoded[0]), vec![Value::string(b"a"); 5]);
}
