//! Every column form against rows taken one by one.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{ArrayColumn, Column, DataType, DictColumn, Value};

fn value_of(ty: &DataType) -> BoxedStrategy<Value> {
    match ty {
        DataType::UInt64 => any::<u64>().prop_map(Value::UInt).boxed(),
        DataType::Int16 => any::<i16>().prop_map(|v| Value::Int(v.into())).boxed(),
        DataType::Float64 => (-1e9..1e9f64).prop_map(Value::Float).boxed(),
        DataType::Uuid => any::<u128>().prop_map(Value::Uuid).boxed(),
        DataType::String => prop::collection::vec(any::<u8>(), 0..5)
            .prop_map(Value::String)
            .boxed(),
        DataType::Nullable(inner) => prop_oneof![Just(Value::Null), value_of(inner)].boxed(),
        DataType::Array(inner) => prop::collection::vec(value_of(inner), 0..4)
            .prop_map(Value::Array)
            .boxed(),
        DataType::Tuple(elements) => elements
            .iter()
            .map(|(_, ty)| value_of(ty))
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        other => panic!("no values for {other}"),
    }
}

fn typed_rows() -> impl Strategy<Value = (DataType, Vec<Value>)> {
    let types = [
        "UInt64",
        "Int16",
        "Float64",
        "UUID",
        "String",
        "Nullable(String)",
        "Array(Nullable(Int16))",
        "Tuple(String, Array(UInt64))",
        "Array(Array(String))",
    ];
    prop::sample::select(types.to_vec()).prop_flat_map(|name| {
        let ty = DataType::parse(name).unwrap();
        let rows = prop::collection::vec(value_of(&ty), 0..20);
        (Just(ty), rows)
    })
}

fn rows_of(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

proptest! {
    #[test]
    fn columns_hold_their_values((ty, rows) in typed_rows(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
        let column = Column::from_values(&ty, &rows);
        prop_assert_eq!(rows_of(&column), rows.clone());
        let half = rows.len() / 2;
        let (left, right) = (column.slice(0, half), column.slice(half, rows.len() - half));
        prop_assert_eq!(rows_of(&left), &rows[..half]);
        prop_assert_eq!(rows_of(&Column::concat(&[&right, &left])), [&rows[half..], &rows[..half]].concat());
        if !rows.is_empty() {
            let picks: Vec<u32> = picks.iter().map(|p| p.index(rows.len()) as u32).collect();
            let want: Vec<Value> = picks.iter().map(|&p| rows[p as usize].clone()).collect();
            prop_assert_eq!(rows_of(&column.gather(&picks)), want.clone());
            prop_assert_eq!(rows_of(&right.gather(&[])), Vec::<Value>::new());
            let dict = Column::Dict(DictColumn { codes: picks.into(), values: column.into() });
            prop_assert_eq!(rows_of(&dict), want.clone());
            prop_assert_eq!(rows_of(&dict.flatten()), want.clone());
            prop_assert_eq!(rows_of(&Column::concat(&[&dict, &dict])), [want.clone(), want].concat());
        }
    }

    #[test]
    fn ranges_are_their_rows(
        (ty, rows) in typed_rows(),
        ends in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..6),
    ) {
        let column = Column::from_values(&ty, &rows);
        let half = rows.len() / 2;
        for column in [column.slice(half, rows.len() - half), column] {
            let ranges: Vec<(u32, u32)> = ends
                .iter()
                .map(|(a, b)| (a.index(column.len() + 1) as u32, b.index(column.len() + 1) as u32))
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect();
            let picks: Vec<u32> = ranges.iter().flat_map(|&(from, to)| from..to).collect();
            prop_assert_eq!(rows_of(&column.gather_ranges(&ranges)), rows_of(&column.gather(&picks)));
            let dict = Column::Dict(DictColumn { codes: (0..column.len() as u32).collect(), values: column.into() });
            prop_assert_eq!(rows_of(&dict.gather_ranges(&ranges)), rows_of(&dict.gather(&picks)));
        }
    }

    #[test]
    fn filter_keeps_marked_rows(keep in prop::collection::vec(0u8..2, 0..30)) {
        let column = Column::UInt32((0..keep.len() as u32).collect());
        let want: Vec<Value> = keep.iter().enumerate().filter(|(_, k)| **k != 0).map(|(i, _)| Value::UInt(i as u64)).collect();
        prop_assert_eq!(rows_of(&column.filter(&keep)), want);
    }
}

#[test]
fn types_print_and_parse() {
    for text in [
        "UInt8",
        "DateTime64(6, 'UTC')",
        "DateTime('America/New_York')",
        "LowCardinality(Nullable(String))",
        "Array(Tuple(a String, b Array(Float64)))",
        "Map(String, Array(UInt64))",
        "FixedString(16)",
        "IntervalDay",
        "Nullable(Nothing)",
        "Tuple(DateTime('UTC'), UUID)",
    ] {
        assert_eq!(DataType::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(DataType::parse("VARCHAR").unwrap(), DataType::String);
    assert!(DataType::parse("DateTime('Mars/Olympus')").is_err());
    assert!(DataType::parse("Nullable(").is_err());
    assert!(DataType::parse("Frob(3)").is_err());
}

#[test]
fn allocations_are_shared_by_slices_and_clones() {
    let shown = |column: &Column| {
        let mut all: Vec<(usize, usize)> = Vec::new();
        column.allocations(&mut |address, bytes| all.push((address, bytes)));
        all
    };
    let numbers = Column::UInt64((0..100).collect());
    assert_eq!(shown(&numbers), shown(&numbers.slice(10, 5)));
    assert_eq!(shown(&numbers.clone())[0].1, 800);
    assert_ne!(shown(&numbers), shown(&numbers.gather(&[1, 2])));
    let strings = Column::strings(["a", "bc"]);
    assert_eq!(shown(&strings).len(), 2);
    let array = Column::Array(ArrayColumn {
        offsets: vec![0, 40, 100].into(),
        values: Box::new(numbers.clone()),
    });
    assert_eq!(shown(&array)[1..], shown(&numbers));
    let dict = Column::Dict(DictColumn {
        codes: vec![0, 0, 1].into(),
        values: Arc::new(numbers.clone()),
    });
    assert_eq!(shown(&dict.slice(1, 1)), shown(&dict));
    assert!(shown(&dict).ends_with(&shown(&numbers)));
}
