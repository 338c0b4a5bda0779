//! GROUP BY and DISTINCT over every key shape.

use std::collections::BTreeMap;

use engine_sql::plan::{Aggregate, Plan};
use engine_types::{DataType, Field, Value};
use proptest::prelude::*;

use super::functions::{count, sum};
use super::harness::{Row, Table, run, sorted, table_of};

fn group_by(table: &Table, keys: &[usize]) -> Plan {
    let mut schema: Vec<Field> = keys
        .iter()
        .map(|&k| Field::new("k", table.types[k].clone()))
        .collect();
    schema.push(Field::new("count", DataType::UInt64));
    schema.push(Field::new("sum", DataType::UInt64));
    Plan::Aggregate {
        input: Box::new(table.scan("t")),
        keys: keys.iter().map(|&k| table.column(k)).collect(),
        aggregates: vec![
            Aggregate {
                function: count(),
                params: Vec::new(),
                args: Vec::new(),
            },
            Aggregate {
                function: sum(),
                params: Vec::new(),
                args: vec![table.column(0)],
            },
        ],
        schema,
    }
}

fn naive(table: &Table, keys: &[usize]) -> Vec<Row> {
    let mut groups: BTreeMap<Row, (u64, u64)> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(Vec::new(), (0, 0));
    }
    for row in &table.rows {
        let key: Row = keys.iter().map(|&k| row[k].clone()).collect();
        let state = groups.entry(key).or_default();
        state.0 += 1;
        if let Value::UInt(v) = row[0] {
            state.1 += v;
        }
    }
    groups
        .into_iter()
        .map(|(mut key, (count, sum))| {
            key.extend([Value::UInt(count), Value::UInt(sum)]);
            key
        })
        .collect()
}

/// Column 0 is summed; the keys cover: none, 8 bits, 64, 65 (nullable), string, nullable string, uuid, packed, wide, nested.
const TYPES: [&str; 11] = [
    "UInt64",
    "UInt8",
    "Int64",
    "Nullable(Int64)",
    "String",
    "Nullable(String)",
    "UUID",
    "LowCardinality(String)",
    "Array(Tuple(String, Nullable(Int64)))",
    "Int64",
    "Nullable(UUID)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn e_vec_groups_equal_the_model(
        table in table_of(TYPES.to_vec(), 30),
        keys in prop::sample::select(vec![
            vec![], vec![1], vec![0], vec![3], vec![4], vec![5], vec![6], vec![7], vec![8],
            vec![1, 1], vec![2, 4], vec![3, 5, 7], vec![6, 4], vec![6, 3, 0, 8], vec![10], vec![1, 6], vec![10, 6, 9],
        ]),
    ) {
        let rows = run(&group_by(&table, &keys), &[("t", &table)], false).unwrap();
        prop_assert_eq!(rows, sorted(naive(&table, &keys)));
    }

    #[test]
    fn distinct_equals_the_model(table in table_of(vec!["UInt8", "Nullable(String)", "Float64"], 30)) {
        let plan = Plan::Distinct { input: Box::new(table.scan("t")) };
        let mut want = sorted(table.rows.clone());
        want.dedup();
        prop_assert_eq!(run(&plan, &[("t", &table)], false).unwrap(), want);
    }
}

#[test]
fn an_aggregate_over_nothing_is_one_row_and_groups_of_nothing_are_none() {
    let table = Table::new(&["UInt64", "String"], Vec::new());
    let none = run(&group_by(&table, &[]), &[("t", &table)], false).unwrap();
    assert_eq!(none, vec![vec![Value::UInt(0), Value::UInt(0)]]);
    assert!(
        run(&group_by(&table, &[1]), &[("t", &table)], false)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn many_groups_from_numbers() {
    let plan = Plan::Aggregate {
        input: Box::new(Plan::Numbers {
            offset: 5,
            count: 150_000,
        }),
        keys: vec![engine_sql::plan::Expr::column(0, DataType::UInt64)],
        aggregates: vec![Aggregate {
            function: count(),
            params: Vec::new(),
            args: Vec::new(),
        }],
        schema: vec![
            Field::new("n", DataType::UInt64),
            Field::new("count", DataType::UInt64),
        ],
    };
    let result = crate::execute(&plan, &crate::EmptySource, &super::harness::context(2, 8192)).unwrap();
    let rows = sorted(result.to_rows());
    assert_eq!(rows.len(), 150_000);
    assert_eq!(rows[149_999], vec![Value::UInt(150_004), Value::UInt(1)]);
    assert!(rows.iter().all(|r| r[1] == Value::UInt(1)));
}
