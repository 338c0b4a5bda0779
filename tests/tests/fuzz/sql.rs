//! SQL: what parses prints and parses back to the same tree; what binds does so without harm.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use engine_sql::ast::{InsertSource, Statement};
use engine_sql::plan::{TableName, explain};
use engine_sql::{
    BindContext, Catalog, ColumnInfo, ColumnKind, ParameterValue, SqlError, TableInfo, bind, bind_expression,
    bind_insert_rows, bind_unoptimized, data_type, parse_expr, parse_query, parse_statement,
    parse_statements, parse_type_name,
};
use engine_types::{DataType, Field};

use crate::harness::{Input, Target};
use crate::mutate::words;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// One statement a line.
const LINES: &[&str] = &[
    "crates/engine-sql/src/parser/fixtures/statements.sql",
    "crates/engine-sql/src/parser/fixtures/errors.sql",
    "crates/engine-sql/src/binder/fixtures/expressions.sql",
    "crates/engine-sql/src/binder/fixtures/selects.sql",
    "crates/engine-sql/src/binder/fixtures/errors.sql",
];

const EVENTS: &[(&str, &str)] = &[
    ("uuid", "UUID"),
    ("event", "LowCardinality(String)"),
    ("properties", "String"),
    ("timestamp", "DateTime64(6, 'UTC')"),
    ("team_id", "Int64"),
    ("distinct_id", "String"),
    ("day", "Date"),
    ("tags", "Array(String)"),
    ("amount", "Nullable(Float64)"),
    ("code", "UInt8"),
    ("id", "UInt64"),
    ("name", "String"),
    ("pairs", "Array(Tuple(UInt8, Nullable(String)))"),
];

/// Any table but those called `no…` is there, with the columns above.
struct Tables;

impl Catalog for Tables {
    fn table(&self, database: Option<&str>, name: &str) -> Result<Option<TableInfo>, SqlError> {
        if database.is_some_and(|d| d != "default") || name.starts_with("no") {
            return Ok(None);
        }
        let columns = EVENTS.iter().map(|(name, ty)| ColumnInfo {
            name: (*name).to_owned(),
            ty: DataType::parse(ty).expect("a type"),
            kind: ColumnKind::Ordinary,
            json: *name == "properties",
        });
        let alias = ColumnInfo {
            name: "next_code".to_owned(),
            ty: DataType::UInt16,
            kind: ColumnKind::Alias(parse_expr("code + 1").expect("an expression")),
            json: false,
        };
        Ok(Some(TableInfo {
            name: TableName {
                database: "default".to_owned(),
                table: name.to_owned(),
            },
            columns: columns.chain([alias]).collect(),
            sorting_key: vec![parse_expr("team_id").expect("a key")],
            sampling_key: Some(parse_expr("code").expect("a key")),
            total_rows: 1000,
            view: None,
            rows: None,
            has_row_mask: true,
        }))
    }
}

fn context() -> BindContext {
    let parameter = |name: &str, text: &str| (name.to_owned(), ParameterValue::Text(text.to_owned()));
    BindContext {
        now_micros: 1_636_113_600_123_456,
        database: "default".to_owned(),
        parameters: HashMap::from([
            parameter("team", "2"),
            parameter("event", "$pageview"),
            parameter("codes", "[1, 2]"),
            parameter("table", "events"),
        ]),
        settings: Default::default(),
    }
}

pub fn target() -> Target {
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for file in LINES {
        let text = fs::read_to_string(Path::new(REPOSITORY).join(file)).expect(file);
        texts.extend(text.lines().map(str::to_owned));
    }
    let folder = Path::new(REPOSITORY).join("tests/slt");
    for entry in fs::read_dir(folder).expect("the folder tests/slt") {
        let path = entry.expect("a folder entry").path();
        if path.extension().is_some_and(|e| e == "slt") {
            let text = fs::read_to_string(path).expect("the file is readable");
            texts.extend(text.split("\n\n").filter_map(|record| {
                let sql = record.trim().split_once('\n')?.1;
                Some(sql.split("\n----").next().unwrap_or(sql).to_owned())
            }));
        }
    }
    let mut seeds: Vec<Input> = texts
        .iter()
        .map(|text| Input::new("statement", text.as_bytes()))
        .collect();
    for head in ["statements", "query"] {
        seeds.extend(
            texts
                .iter()
                .step_by(7)
                .map(|text| Input::new(head, text.as_bytes())),
        );
    }
    let exprs = texts
        .iter()
        .filter_map(|text| text.strip_prefix("SELECT "))
        .step_by(2);
    seeds.extend(exprs.map(|text| Input::new("expr", text.split(" FROM ").next().unwrap_or(text))));
    for ty in [
        "Array(Nullable(LowCardinality(String)))",
        "Map(String, Array(UInt8))",
        "Tuple(a UInt8, b DateTime64(6, 'UTC'))",
        "Enum8('a' = 1, 'b' = -2)",
        "FixedString(16)",
        "Decimal(18, 4)",
        "AggregateFunction(sum, UInt64)",
    ] {
        seeds.push(Input::new("type", ty));
    }
    let mut dictionary: BTreeSet<Vec<u8>> = BTreeSet::new();
    for text in &texts {
        dictionary.extend(
            words(text.as_bytes())
                .into_iter()
                .map(|word| [b" ", &text.as_bytes()[word]].concat()),
        );
    }
    for token in [
        "/*",
        "--",
        "'",
        "`",
        "\"",
        "$$",
        "\\",
        "{x:UInt8}",
        "::",
        "->",
        "<=>",
        "0x",
        "1e",
        "\u{a0}",
        "É",
        "\0",
    ] {
        dictionary.insert(token.as_bytes().to_vec());
    }
    dictionary.insert(vec![0xff]);
    Target {
        name: "sql",
        seeds,
        dictionary: dictionary.into_iter().collect(),
        bytes_max: 4000,
        inputs: 30_000,
        memory_max: 256 << 20,
        check: Box::new(check),
    }
}

fn check(input: &Input) -> Result<String, String> {
    match input.head.as_str() {
        "statements" => match parse_statements(&input.body) {
            Err(error) => refused(&input.body, &error),
            Ok(list) => {
                for statement in &list {
                    same(&statement.to_string(), statement, parse_statement)?;
                }
                Ok(format!("ok {}", list.len().min(3)))
            }
        },
        "query" => match parse_query(&input.body) {
            Err(error) => refused(&input.body, &error),
            Ok(query) => {
                same(&query.to_string(), &query, parse_query)?;
                Ok(bound_query(&query))
            }
        },
        "expr" => match parse_expr(&input.body) {
            Err(error) => refused(&input.body, &error),
            Ok(expr) => {
                same(&expr.to_string(), &expr, parse_expr)?;
                let schema: Vec<Field> = EVENTS
                    .iter()
                    .map(|(name, ty)| Field::new(*name, DataType::parse(ty).expect("a type")))
                    .collect();
                Ok(match bind_expression(&expr, &schema, &Tables, &context()) {
                    Ok(bound) => format!("ok {bound:?}").chars().take(30).collect(),
                    Err(error) => format!("not bound: {error}"),
                })
            }
        },
        "type" => match parse_type_name(&input.body) {
            Err(error) => refused(&input.body, &error),
            Ok(name) => {
                same(&name.to_string(), &name, parse_type_name)?;
                match data_type(&name) {
                    Err(error) => Ok(format!("no type: {error}")),
                    Ok(ty) => match DataType::parse(&ty.to_string()) {
                        Ok(again) if again == ty => Ok(format!("ok {ty}")),
                        again => Err(format!("type {ty} is read as {again:?}")),
                    },
                }
            }
        },
        _ => match parse_statement(&input.body) {
            Err(error) => refused(&input.body, &error),
            Ok(statement) => {
                same(&statement.to_string(), &statement, parse_statement)?;
                Ok(bound_statement(&statement))
            }
        },
    }
}

/// A refusal of the parser has a number and a place in the text.
fn refused(body: &[u8], error: &SqlError) -> Result<String, String> {
    let lines = body.iter().filter(|&&b| b == b'\n').count() + 1;
    match error.position {
        _ if error.code == 0 || error.message.is_empty() => {
            Err(format!("an error that says nothing: {error:?}"))
        }
        Some(at) if at.line == 0 || at.line > lines || at.column == 0 || at.column > body.len() + 1 => {
            Err(format!("the error is outside of the text: {error:?}"))
        }
        _ => Ok(format!(
            "refused {}: {}",
            error.code,
            error.message.chars().take(40).collect::<String>()
        )),
    }
}

/// Printed and parsed it is the same, and prints the same.
fn same<T: PartialEq + std::fmt::Debug + std::fmt::Display>(
    text: &str,
    tree: &T,
    parse: impl Fn(String) -> Result<T, SqlError>,
) -> Result<(), String> {
    match parse(text.to_owned()) {
        Err(error) => Err(format!("printed `{text}`, which does not parse: {error}")),
        Ok(again) if again != *tree => Err(format!(
            "printed `{text}`, which parses to another tree, `{again}`"
        )),
        Ok(_) => Ok(()),
    }
}

fn bound_statement(statement: &Statement) -> String {
    match statement {
        Statement::Query(query) => bound_query(query),
        Statement::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => bound_query(query),
            InsertSource::Values(rows) => {
                let types: Vec<DataType> = EVENTS
                    .iter()
                    .cycle()
                    .take(rows.first().map_or(0, Vec::len))
                    .map(|(_, ty)| DataType::parse(ty).expect("a type"))
                    .collect();
                match bind_insert_rows(rows, &types, &Tables, &context()) {
                    Ok(rows) => format!("ok rows {}", rows.len().min(3)),
                    Err(error) => format!("not bound: {error}"),
                }
            }
            InsertSource::Format { .. } => "ok data".to_owned(),
        },
        other => format!("ok {other:?}").chars().take(30).collect(),
    }
}

fn bound_query(query: &engine_sql::ast::Query) -> String {
    let written = bind_unoptimized(query, &Tables, &context());
    match (bind(query, &Tables, &context()), written) {
        (Ok(bound), _) => format!("ok {}", explain(&bound.plan)).lines().take(2).collect(),
        (Err(error), _) => format!("not bound {}: {}", error.code, error.message),
    }
}
