//! Queries to plans as text, and the errors of queries that mean nothing.

use std::collections::HashMap;

use engine_types::{DataType, Value};

use super::{
    BindContext, Catalog, ColumnInfo, ColumnKind, ParameterValue, TableInfo, bind, bind_insert_rows,
    bind_unoptimized,
};
use crate::{
    SqlError,
    ast::Statement,
    parse_expr, parse_query, parse_statement,
    plan::{TableName, explain},
};

/// Two tables as the analytics queries have them, and a view.
pub(crate) struct Tables;

const EVENTS: &[(&str, &str)] = &[
    ("uuid", "UUID"),
    ("event", "String"),
    ("properties", "String"),
    ("timestamp", "DateTime64(6, 'UTC')"),
    ("team_id", "Int64"),
    ("distinct_id", "String"),
    ("day", "Date"),
    ("tags", "Array(String)"),
    ("amount", "Nullable(Float64)"),
    ("code", "UInt8"),
];

const PERSON: &[(&str, &str)] = &[
    ("id", "UUID"),
    ("team_id", "Int64"),
    ("properties", "String"),
    ("is_deleted", "UInt8"),
    ("_timestamp", "DateTime"),
    ("distinct_id", "String"),
];

impl Catalog for Tables {
    fn table(&self, database: Option<&str>, name: &str) -> Result<Option<TableInfo>, SqlError> {
        if database.is_some_and(|d| d != "default") {
            return Ok(None);
        }
        let (columns, sorting_key): (&[(&str, &str)], &[&str]) = match name {
            "events" => (EVENTS, &["team_id", "toDate(timestamp)"]),
            "person" => (PERSON, &["team_id", "id"]),
            "purchases" => (&[], &[]),
            _ => return Ok(None),
        };
        let mut columns: Vec<ColumnInfo> = columns
            .iter()
            .map(|(name, ty)| ColumnInfo {
                name: (*name).to_owned(),
                ty: DataType::parse(ty).expect("a type"),
                kind: ColumnKind::Ordinary,
                json: false,
            })
            .collect();
        if name == "events" {
            columns.push(ColumnInfo {
                name: "mat_browser".to_owned(),
                ty: DataType::String,
                kind: ColumnKind::Materialized,
                json: false,
            });
            columns.push(ColumnInfo {
                name: "next_code".to_owned(),
                ty: DataType::UInt16,
                kind: ColumnKind::Alias(parse_expr("code + 1").expect("an expression")),
                json: false,
            });
        }
        let view = (name == "purchases").then(|| {
            std::sync::Arc::new(
                parse_query("SELECT distinct_id, amount FROM events WHERE event = 'purchase'")
                    .expect("a query"),
            )
        });
        Ok(Some(TableInfo {
            name: TableName {
                database: "default".to_owned(),
                table: name.to_owned(),
            },
            columns,
            sorting_key: sorting_key
                .iter()
                .map(|k| parse_expr(k).expect("a key"))
                .collect(),
            sampling_key: Some(parse_expr("code").expect("a key")),
            total_rows: 0,
            view,
            rows: None,
            has_row_mask: true,
        }))
    }

    fn table_names(&self, _database: Option<&str>) -> Vec<String> {
        vec!["events".to_owned(), "person".to_owned()]
    }
}

pub(crate) fn context() -> BindContext {
    BindContext {
        now_micros: 1_636_113_600_123_456,
        database: "default".to_owned(),
        parameters: HashMap::from([
            ("team".to_owned(), ParameterValue::Text("2".to_owned())),
            ("event".to_owned(), ParameterValue::Text("$pageview".to_owned())),
            ("codes".to_owned(), ParameterValue::Text("[1, 2]".to_owned())),
            ("table".to_owned(), ParameterValue::Text("events".to_owned())),
        ]),
        settings: Default::default(),
    }
}

fn written(sql: &str) -> String {
    let query = parse_query(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    match bind_unoptimized(&query, &Tables, &context()) {
        Ok(bound) => explain(&bound.plan),
        Err(e) => format!("error {}: {e}\n", e.code),
    }
}

fn optimized(sql: &str) -> String {
    let query = parse_query(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    match bind(&query, &Tables, &context()) {
        Ok(bound) => explain(&bound.plan),
        Err(e) => format!("error {}: {e}\n", e.code),
    }
}

/// Each line of the fixture with its plan, for one snapshot a file.
fn battery(text: &str, plan: fn(&str) -> String) -> String {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n{}\n", plan(line)))
        .collect()
}

#[test]
fn expressions() {
    insta::assert_snapshot!(battery(include_str!("fixtures/expressions.sql"), written));
}

#[test]
fn selects() {
    insta::assert_snapshot!(battery(include_str!("fixtures/selects.sql"), optimized));
}

#[test]
fn errors() {
    let out = battery(include_str!("fixtures/errors.sql"), written);
    insta::assert_snapshot!(out);
    for answer in out.split("\n\n").filter(|a| !a.trim().is_empty()) {
        assert!(answer.contains("\nerror "), "{answer}");
    }
}

#[test]
fn alias_chains_do_not_explode() {
    let chain: Vec<String> = (1..60)
        .map(|i| format!("a{} + a{} AS a{i}", i - 1, i - 1))
        .collect();
    let query = parse_query(format!("SELECT code AS a0, {} FROM events", chain.join(", "))).expect("parses");
    let error = bind(&query, &Tables, &context()).expect_err("2^60 nodes");
    assert_eq!(error.code, 168);
}

#[test]
fn insert_rows_are_cast_to_the_columns() {
    let Statement::Insert(insert) = parse_statement(
        "INSERT INTO t VALUES (1, 'a', '2021-11-05', [1], NULL), (DEFAULT, 'b', today(), [], 2 + 3)",
    )
    .expect("parses") else {
        panic!("an INSERT")
    };
    let crate::ast::InsertSource::Values(rows) = &insert.source else {
        panic!("VALUES")
    };
    let types: Vec<DataType> = ["UInt64", "String", "Date", "Array(Int64)", "Nullable(Float64)"]
        .iter()
        .map(|t| DataType::parse(t).expect("a type"))
        .collect();
    let values = bind_insert_rows(rows, &types, &Tables, &context()).expect("binds");
    assert_eq!(values[0][2], Some(Value::UInt(18936)));
    assert_eq!(values[0][3], Some(Value::Array(vec![Value::Int(1)])));
    assert_eq!(values[0][4], Some(Value::Null));
    assert_eq!(values[1][0], None);
    assert_eq!(values[1][2], Some(Value::UInt(18936)));
    assert_eq!(values[1][4], Some(Value::Float(5.0)));
}
