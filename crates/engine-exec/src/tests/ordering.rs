//! ORDER BY, LIMIT, LIMIT BY, ARRAY JOIN, UNION ALL.

use std::cmp::Ordering;

use engine_sql::plan::{Plan, SortKey};
use engine_types::{DataType, Field, Value};
use proptest::prelude::*;

use super::harness::{Row, Table, run, table_of};

fn key(table: &Table, column: usize, descending: bool, nulls_first: bool) -> SortKey {
    SortKey {
        expr: table.column(column),
        descending,
        nulls_first,
    }
}

/// 0 value, 1 NaN, 2 NULL.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 2,
        Value::Float(f) if f.is_nan() => 1,
        _ => 0,
    }
}

fn compare(a: &Value, b: &Value, descending: bool, nulls_first: bool) -> Ordering {
    let ranks = rank(a).cmp(&rank(b));
    let ranks = if nulls_first { ranks.reverse() } else { ranks };
    ranks.then_with(|| match (rank(a), descending) {
        (0, false) => a.cmp(b),
        (0, true) => b.cmp(a),
        _ => Ordering::Equal,
    })
}

const TYPES: [&str; 5] = [
    "Nullable(Int64)",
    "Float64",
    "String",
    "Nullable(Float64)",
    "Array(String)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sort_is_stable_and_equals_the_model(
        table in table_of(TYPES.to_vec(), 30),
        keys in prop::collection::vec((0usize..5, any::<bool>(), any::<bool>()), 1..4),
        limit in prop::option::of(0u64..20),
    ) {
        let plan = Plan::Sort {
            input: Box::new(table.scan("t")),
            keys: keys.iter().map(|&(c, d, n)| key(&table, c, d, n)).collect(),
            limit,
        };
        let mut want = table.rows.clone();
        want.sort_by(|a, b| {
            keys.iter().map(|&(c, d, n)| compare(&a[c], &b[c], d, n)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
        want.truncate(limit.unwrap_or(u64::MAX) as usize);
        prop_assert_eq!(run(&plan, &[("t", &table)], true).unwrap(), want);
    }

    #[test]
    fn late_reading_gives_what_sorting_everything_gives(
        table in table_of(vec!["UInt64", "String", "Int64", "Array(Int64)"], 30),
        descending in any::<bool>(),
        limit in 0u64..8,
    ) {
        // Sorts by an expression that the projection computes; the strings and arrays are read last.
        let schema = vec![
            Field::new("a", table.types[3].clone()),
            Field::new("k", DataType::UInt8),
            Field::new("s", DataType::String),
            Field::new("i", DataType::Int64),
        ];
        let one = super::harness::literal(Value::UInt(1), "UInt64");
        let exprs = vec![
            table.column(3),
            super::functions::greater(table.column(0), one.clone()),
            table.column(1),
            table.column(2),
        ];
        let input = Plan::Project {
            input: Box::new(table.scan_where("t", vec![super::functions::greater(table.column(0), super::harness::literal(Value::UInt(0), "UInt64"))])),
            exprs,
            schema: schema.clone(),
        };
        let sort = |limit| Plan::Sort {
            input: Box::new(input.clone()),
            keys: [(1, descending), (3, false)].map(|(c, descending)| SortKey {
                expr: engine_sql::plan::Expr::column(c, schema[c].ty.clone()),
                descending,
                nulls_first: false,
            }).to_vec(),
            limit,
        };
        let late = run(&sort(Some(limit)), &[("t", &table)], true).unwrap();
        let mut all = run(&sort(None), &[("t", &table)], true).unwrap();
        all.truncate(limit as usize);
        prop_assert_eq!(late, all);
    }

    #[test]
    fn limit_and_limit_by_follow_the_order(
        table in table_of(vec!["UInt64", "Nullable(String)"], 30),
        limit in 0u64..5,
        offset in 0u64..4,
    ) {
        let by = Plan::LimitBy { input: Box::new(table.scan("t")), keys: vec![table.column(1)], limit, offset };
        let mut seen: Vec<(Value, u64)> = Vec::new();
        let want: Vec<Row> = table.rows.iter().filter(|row| {
            let at = seen.iter().position(|(k, _)| *k == row[1]).unwrap_or_else(|| {
                seen.push((row[1].clone(), 0));
                seen.len() - 1
            });
            seen[at].1 += 1;
            (offset + 1..=offset + limit).contains(&seen[at].1)
        }).cloned().collect();
        prop_assert_eq!(run(&by, &[("t", &table)], true).unwrap(), want);

        let plain = Plan::Limit { input: Box::new(table.scan("t")), limit: Some(limit), offset };
        let want: Vec<Row> = table.rows.iter().skip(offset as usize).take(limit as usize).cloned().collect();
        prop_assert_eq!(run(&plain, &[("t", &table)], true).unwrap(), want);
    }

    #[test]
    fn array_join_equals_the_model(table in table_of(vec!["UInt64", "Array(Int64)", "String"], 12), left in any::<bool>()) {
        let mut schema = table.schema();
        schema[1].ty = DataType::Int64;
        let plan = Plan::ArrayJoin { input: Box::new(table.scan("t")), columns: vec![1], left, schema };
        let mut want: Vec<Row> = Vec::new();
        for row in &table.rows {
            let Value::Array(items) = &row[1] else { unreachable!() };
            for item in items {
                want.push(vec![row[0].clone(), item.clone(), row[2].clone()]);
            }
            if left && items.is_empty() {
                want.push(vec![row[0].clone(), Value::Int(0), row[2].clone()]);
            }
        }
        prop_assert_eq!(run(&plan, &[("t", &table)], true).unwrap(), want);
    }

    #[test]
    fn union_keeps_the_order_of_its_inputs(a in table_of(vec!["UInt64"], 12), b in table_of(vec!["UInt64"], 12)) {
        let plan = Plan::UnionAll { inputs: vec![a.scan("a"), b.scan("b")], schema: a.schema() };
        prop_assert_eq!(run(&plan, &[("a", &a), ("b", &b)], true).unwrap(), [a.rows.clone(), b.rows.clone()].concat());
    }
}

#[test]
fn arrays_of_different_length_cannot_be_joined_together() {
    let array = |n: u64| Value::Array(vec![Value::UInt(1); n as usize]);
    let table = Table::new(
        &["Array(UInt64)", "Array(UInt64)"],
        vec![vec![array(2), array(1)]],
    );
    let plan = Plan::ArrayJoin {
        input: Box::new(table.scan("t")),
        columns: vec![0, 1],
        left: false,
        schema: vec![
            Field::new("a", DataType::UInt64),
            Field::new("b", DataType::UInt64),
        ],
    };
    assert_eq!(run(&plan, &[("t", &table)], true).unwrap_err().code(), 190);
}

#[test]
fn a_limit_does_not_read_the_rest() {
    let context = super::harness::context(1, 8192);
    let plan = Plan::Limit {
        input: Box::new(Plan::Numbers {
            offset: 0,
            count: u64::MAX,
        }),
        limit: Some(3),
        offset: 2,
    };
    let rows = crate::execute(&plan, &crate::EmptySource, &context)
        .unwrap()
        .to_rows();
    assert_eq!(rows, [[2], [3], [4]].map(|r| r.map(Value::UInt).to_vec()));
}

#[test]
fn ties_at_the_limit_keep_their_order() {
    let number = engine_sql::plan::Expr::column(0, DataType::UInt64);
    let bound = super::harness::literal(Value::UInt(100_000), "UInt64");
    for (descending, first) in [(false, 0), (true, 100_001)] {
        let plan = Plan::Sort {
            input: Box::new(Plan::Numbers {
                offset: 0,
                count: 300_000,
            }),
            keys: vec![SortKey {
                expr: super::functions::greater(number.clone(), bound.clone()),
                descending,
                nulls_first: false,
            }],
            limit: Some(3),
        };
        for threads in [1, 2] {
            let context = super::harness::context(threads, 8192);
            let rows = crate::execute(&plan, &crate::EmptySource, &context)
                .unwrap()
                .to_rows();
            let want: Vec<Row> = (first..first + 3).map(|n| vec![Value::UInt(n)]).collect();
            assert_eq!(rows, want, "descending {descending}, {threads} threads");
        }
    }
}

#[test]
fn top_n_over_many_rows_keeps_memory_small() {
    let plan = Plan::Sort {
        input: Box::new(Plan::Numbers {
            offset: 0,
            count: 2_000_000,
        }),
        keys: vec![SortKey {
            expr: engine_sql::plan::Expr::column(0, DataType::UInt64),
            descending: true,
            nulls_first: false,
        }],
        limit: Some(2),
    };
    let context = super::harness::context(2, 8192).with_memory_limit(8 << 20);
    let rows = crate::execute(&plan, &crate::EmptySource, &context)
        .unwrap()
        .to_rows();
    assert_eq!(
        rows,
        [[1_999_999], [1_999_998]].map(|r| r.map(Value::UInt).to_vec())
    );
    assert!(context.peak_memory() > 0);
}
