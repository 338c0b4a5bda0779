//! Conditions in three-valued logic, IN, sub-queries, errors in rows that are not needed.

use std::sync::Arc;

use engine_sql::plan::{Expr, ExprKind, Plan, SetSource};
use engine_types::{DataType, Field, Value};
use proptest::prelude::*;

use super::functions::{greater, length, ten_divided_by};
use super::harness::{Row, Table, literal, run, sorted, table_of};

fn logic(kind: fn(Vec<Expr>) -> ExprKind, operands: Vec<Expr>) -> Expr {
    let nullable = operands.iter().any(|o| o.ty.is_nullable());
    Expr {
        kind: kind(operands),
        ty: if nullable {
            DataType::UInt8.nullable()
        } else {
            DataType::UInt8
        },
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => None,
        Value::UInt(0) => Some(false),
        _ => Some(true),
    }
}

fn state(value: Option<bool>) -> Value {
    value.map_or(Value::Null, |b| Value::UInt(u64::from(b)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn and_or_have_three_values(table in table_of(vec!["Nullable(UInt8)", "UInt8", "Nullable(UInt8)"], 30)) {
        let all: Vec<Expr> = (0..3).map(|i| table.column(i)).collect();
        let exprs = vec![logic(ExprKind::And, all.clone()), logic(ExprKind::Or, all)];
        let schema = exprs.iter().map(|e| Field::new("x", e.ty.clone())).collect();
        let plan = Plan::Project { input: Box::new(table.scan("t")), exprs, schema };
        let want: Vec<Row> = table.rows.iter().map(|row| {
            let truths: Vec<_> = row.iter().map(truth).collect();
            let and = if truths.contains(&Some(false)) { Some(false) } else if truths.contains(&None) { None } else { Some(true) };
            let or = if truths.contains(&Some(true)) { Some(true) } else if truths.contains(&None) { None } else { Some(false) };
            vec![state(and), state(or)]
        }).collect();
        prop_assert_eq!(run(&plan, &[("t", &table)], true).unwrap(), want);
    }

    #[test]
    fn filters_in_the_scan_and_above_keep_the_same_rows(table in table_of(vec!["Nullable(UInt64)", "UInt64", "String"], 30)) {
        let conditions = || vec![
            greater(table.column(0), literal(Value::UInt(1), "UInt64")),
            greater(length(table.column(2)), literal(Value::UInt(0), "UInt64")),
        ];
        let want: Vec<Row> = table.rows.iter().filter(|r| {
            !r[0].is_null() && r[0] > Value::UInt(1) && r[2] != Value::string("")
        }).cloned().collect();
        let scan = table.scan_where("t", conditions());
        prop_assert_eq!(&run(&scan, &[("t", &table)], true).unwrap(), &want);
        let filter = Plan::Filter { input: Box::new(table.scan("t")), predicate: logic(ExprKind::And, conditions()) };
        prop_assert_eq!(&run(&filter, &[("t", &table)], true).unwrap(), &want);
    }

    #[test]
    fn in_follows_the_null_rules(
        table in table_of(vec!["Nullable(Int64)", "String", "Nullable(String)"], 30),
        ints in prop::collection::vec(super::harness::value_of(&DataType::Int64.nullable()), 0..4),
        strings in prop::collection::vec(super::harness::value_of(&DataType::String.nullable()), 0..4),
    ) {
        let test = |column: usize, values: &[Value], negated: bool| Expr {
            kind: ExprKind::InSet { arg: Box::new(table.column(column)), set: SetSource::Values(Arc::new(values.to_vec())), negated },
            ty: if table.types[column].is_nullable() { DataType::UInt8.nullable() } else { DataType::UInt8 },
        };
        let exprs = vec![test(0, &ints, false), test(1, &strings, true), test(2, &strings, false)];
        let schema = exprs.iter().map(|e| Field::new("x", e.ty.clone())).collect();
        let plan = Plan::Project { input: Box::new(table.scan("t")), exprs, schema };
        let is_in = |v: &Value, set: &[Value]| if v.is_null() { None } else { Some(set.contains(v)) };
        let want: Vec<Row> = table.rows.iter().map(|r| vec![
            state(is_in(&r[0], &ints)),
            state(is_in(&r[1], &strings).map(|b| !b)),
            state(is_in(&r[2], &strings)),
        ]).collect();
        prop_assert_eq!(run(&plan, &[("t", &table)], true).unwrap(), want);
    }

    #[test]
    fn in_a_subquery_of_tuples_is_a_semi_join(
        left in table_of(vec!["UInt64", "String"], 20),
        right in table_of(vec!["Tuple(UInt64, String)"], 6),
    ) {
        let tuple = engine_functions::scalar("tuple").expect("the tuple function");
        let arg = Expr {
            kind: ExprKind::Call { function: tuple, args: vec![left.column(0), left.column(1)] },
            ty: right.types[0].clone(),
        };
        let predicate = Expr {
            kind: ExprKind::InSet { arg: Box::new(arg), set: SetSource::Subquery(Arc::new(right.scan("r"))), negated: false },
            ty: DataType::UInt8,
        };
        let plan = left.scan_where("l", vec![predicate]);
        let want: Vec<Row> = left.rows.iter().filter(|row| right.rows.iter().any(|r| r[0] == Value::Tuple(row.to_vec()))).cloned().collect();
        prop_assert_eq!(run(&plan, &[("l", &left), ("r", &right)], true).unwrap(), want);
    }
}

#[test]
fn a_later_operand_sees_only_rows_that_need_it() {
    let table = Table::new(&["UInt64"], (0..5).map(|v| vec![Value::UInt(v)]).collect());
    let guard = greater(table.column(0), literal(Value::UInt(0), "UInt64"));
    let divided = greater(ten_divided_by(table.column(0)), literal(Value::UInt(4), "UInt64"));
    let plan = Plan::Filter {
        input: Box::new(table.scan("t")),
        predicate: logic(ExprKind::And, vec![guard, divided.clone()]),
    };
    let rows = run(&plan, &[("t", &table)], true).unwrap();
    assert_eq!(rows, [[1], [2]].map(|r| r.map(Value::UInt).to_vec()));
    let unguarded = Plan::Filter {
        input: Box::new(table.scan("t")),
        predicate: divided,
    };
    assert_eq!(run(&unguarded, &[("t", &table)], true).unwrap_err().code(), 153);
}

#[test]
fn scalar_subqueries_run_once_and_have_one_row() {
    let table = Table::new(&["UInt64"], (0..5).map(|v| vec![Value::UInt(v)]).collect());
    let subquery = |limit: u64| Expr {
        kind: ExprKind::ScalarSubquery(Arc::new(Plan::Limit {
            input: Box::new(table.scan("t")),
            limit: Some(limit),
            offset: 2,
        })),
        ty: DataType::UInt64.nullable(),
    };
    let plan = |limit| Plan::Filter {
        input: Box::new(table.scan("t")),
        predicate: greater(table.column(0), subquery(limit)),
    };
    let rows = run(&plan(1), &[("t", &table)], true).unwrap();
    assert_eq!(rows, [[3], [4]].map(|r| r.map(Value::UInt).to_vec()));
    assert!(run(&plan(0), &[("t", &table)], true).unwrap().is_empty());
    assert_eq!(run(&plan(2), &[("t", &table)], true).unwrap_err().code(), 125);
}

#[test]
fn literal_rows_and_the_one_row() {
    let values = Plan::Values {
        schema: vec![
            Field::new("a", DataType::UInt8),
            Field::new("b", DataType::String.nullable()),
        ],
        rows: Arc::new(vec![
            vec![Value::UInt(1), Value::Null],
            vec![Value::UInt(2), Value::string("x")],
        ]),
    };
    assert_eq!(
        sorted(run(&values, &[], true).unwrap()),
        vec![
            vec![Value::UInt(1), Value::Null],
            vec![Value::UInt(2), Value::string("x")]
        ]
    );
    let one = Plan::Project {
        input: Box::new(Plan::OneRow),
        exprs: vec![literal(Value::UInt(7), "UInt8")],
        schema: vec![Field::new("7", DataType::UInt8)],
    };
    assert_eq!(run(&one, &[], true).unwrap(), vec![vec![Value::UInt(7)]]);
}
