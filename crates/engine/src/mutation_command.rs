//! What a mutation is to do, as it is kept on disk: expressions as text, with everything in them that must not change
//! later (the time, parameters, results of sub-queries) beside them.

use engine_sql::plan::TableName;
use engine_sql::{BindContext, Catalog, ColumnInfo, ColumnKind, ParameterValue, TableInfo, ast};
use engine_storage::{ByteReader, decode_value, encode_value};
use engine_types::{DataType, Value};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::error::{EngineError, Result};

const VERSION: u64 = 1;
/// Sub-queries are replaced by tables of this name and a number.
const SUBQUERY: &str = "_subquery_";

#[derive(Clone, Debug)]
pub(crate) struct MutationCommand {
    pub(crate) steps: Vec<MutationStep>,
    /// `now()` in it.
    pub(crate) now_micros: i64,
    pub(crate) parameters: Vec<(String, ParameterValue)>,
    pub(crate) subqueries: Vec<SubqueryResult>,
}

/// As it was given, and what it means.
#[derive(Clone, Debug)]
pub(crate) struct MutationStep {
    pub(crate) text: String,
    pub(crate) kind: StepKind,
}

#[derive(Clone, Debug)]
pub(crate) enum StepKind {
    Delete(ast::Expr),
    /// `DELETE FROM`: by the row mask.
    Hide(ast::Expr),
    Update {
        set: Vec<(String, ast::Expr)>,
        filter: ast::Expr,
    },
    /// Writes a column's default out.
    Materialize(String),
    /// Resets a column to its default.
    Clear(String),
}

#[derive(Clone, Debug)]
pub(crate) struct SubqueryResult {
    pub(crate) types: Vec<DataType>,
    pub(crate) rows: Arc<Vec<Vec<Value>>>,
}

impl MutationCommand {
    /// The query that stands for the next sub-query.
    pub(crate) fn stand_in(&self) -> ast::Query {
        ast::Query::all_of(&[format!("{SUBQUERY}{}", self.subqueries.len())])
    }

    pub(crate) fn bind_context(&self) -> BindContext {
        BindContext {
            now_micros: self.now_micros,
            parameters: self.parameters.iter().cloned().collect(),
            ..BindContext::default()
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let steps: Vec<Json> = self.steps.iter().map(encode_step).collect();
        let parameters: Vec<Json> = self
            .parameters
            .iter()
            .map(|(name, value)| match value {
                ParameterValue::Text(text) => json!({"name": name, "text": text}),
                ParameterValue::Value(value, ty) => {
                    json!({"name": name, "type": ty.to_string(), "value": hex(std::slice::from_ref(value))})
                }
            })
            .collect();
        let subqueries: Vec<Json> = self
            .subqueries
            .iter()
            .map(|result| {
                let types: Vec<String> = result.types.iter().map(ToString::to_string).collect();
                let values: Vec<Value> = result.rows.iter().flatten().cloned().collect();
                json!({"types": types, "rows": result.rows.len(), "values": hex(&values)})
            })
            .collect();
        let mut text = json!({
            "version": VERSION,
            "commands": steps,
            "now_micros": self.now_micros,
            "parameters": parameters,
            "subqueries": subqueries,
        })
        .to_string();
        text.push('\n');
        text.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let json: Json = serde_json::from_slice(bytes).map_err(|e| bad(&e.to_string()))?;
        if json["version"].as_u64() != Some(VERSION) {
            return Err(bad("unknown version"));
        }
        let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
        Ok(Self {
            steps: list(&json["commands"])
                .iter()
                .map(decode_step)
                .collect::<Result<_>>()?,
            now_micros: json["now_micros"].as_i64().ok_or_else(|| bad("no time"))?,
            parameters: list(&json["parameters"])
                .iter()
                .map(decode_parameter)
                .collect::<Result<_>>()?,
            subqueries: list(&json["subqueries"])
                .iter()
                .map(decode_subquery)
                .collect::<Result<_>>()?,
        })
    }

    /// The steps as they were given.
    pub(crate) fn texts(bytes: &[u8]) -> Vec<String> {
        match Self::decode(bytes) {
            Ok(command) => command.steps.into_iter().map(|step| step.text).collect(),
            Err(error) => vec![error.to_string()],
        }
    }
}

/// Results of sub-queries as tables.
impl Catalog for MutationCommand {
    fn table(
        &self,
        _: Option<&str>,
        name: &str,
    ) -> std::result::Result<Option<TableInfo>, engine_sql::SqlError> {
        let number = name.strip_prefix(SUBQUERY).and_then(|n| n.parse::<usize>().ok());
        let result = number.and_then(|number| self.subqueries.get(number));
        Ok(result.map(|result| TableInfo {
            name: TableName {
                database: String::new(),
                table: name.to_owned(),
            },
            columns: result
                .types
                .iter()
                .enumerate()
                .map(|(at, ty)| ColumnInfo {
                    name: format!("c{at}"),
                    ty: ty.clone(),
                    kind: ColumnKind::Ordinary,
                    json: false,
                })
                .collect(),
            sorting_key: Vec::new(),
            sampling_key: None,
            total_rows: 0,
            view: None,
            rows: Some(result.rows.clone()),
            has_row_mask: false,
        }))
    }
}

fn bad(what: &str) -> EngineError {
    EngineError::refused(62, format!("stored mutation: {what}"))
}

fn encode_step(step: &MutationStep) -> Json {
    let text = &step.text;
    match &step.kind {
        StepKind::Delete(filter) => json!({"text": text, "kind": "delete", "filter": filter.to_string()}),
        StepKind::Hide(filter) => json!({"text": text, "kind": "hide", "filter": filter.to_string()}),
        StepKind::Update { set, filter } => {
            let set: Vec<Json> = set
                .iter()
                .map(|(column, expr)| json!({"column": column, "value": expr.to_string()}))
                .collect();
            json!({"text": text, "kind": "update", "filter": filter.to_string(), "set": set})
        }
        StepKind::Materialize(column) => json!({"text": text, "kind": "materialize", "column": column}),
        StepKind::Clear(column) => json!({"text": text, "kind": "clear", "column": column}),
    }
}

fn decode_step(json: &Json) -> Result<MutationStep> {
    let text = |json: &Json, what: &str| json.as_str().map(str::to_owned).ok_or_else(|| bad(what));
    let expr = |json: &Json, what: &str| Ok::<_, EngineError>(engine_sql::parse_expr(text(json, what)?)?);
    let filter = || expr(&json["filter"], "a command without a filter");
    let column = || text(&json["column"], "a command without a column");
    let kind = match json["kind"].as_str() {
        Some("delete") => StepKind::Delete(filter()?),
        Some("hide") => StepKind::Hide(filter()?),
        Some("update") => StepKind::Update {
            set: json["set"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|set| {
                    let column = text(&set["column"], "an assignment without a column")?;
                    Ok((column, expr(&set["value"], "an assignment without a value")?))
                })
                .collect::<Result<_>>()?,
            filter: filter()?,
        },
        Some("materialize") => StepKind::Materialize(column()?),
        Some("clear") => StepKind::Clear(column()?),
        _ => return Err(bad("an unknown command")),
    };
    Ok(MutationStep {
        text: text(&json["text"], "a command without its text")?,
        kind,
    })
}

fn decode_type(json: &Json) -> Result<DataType> {
    let text = json.as_str().ok_or_else(|| bad("a value without a type"))?;
    DataType::parse(text).map_err(|e| bad(&e.to_string()))
}

fn decode_parameter(json: &Json) -> Result<(String, ParameterValue)> {
    let name = json["name"]
        .as_str()
        .ok_or_else(|| bad("a parameter without a name"))?;
    let value = match json["text"].as_str() {
        Some(text) => ParameterValue::Text(text.to_owned()),
        None => {
            let mut values = unhex(&json["value"])?;
            let value = values.pop().ok_or_else(|| bad("a parameter without a value"))?;
            ParameterValue::Value(value, decode_type(&json["type"])?)
        }
    };
    Ok((name.to_owned(), value))
}

fn decode_subquery(json: &Json) -> Result<SubqueryResult> {
    let types = json["types"].as_array().into_iter().flatten();
    let types = types.map(decode_type).collect::<Result<Vec<_>>>()?;
    let values = unhex(&json["values"])?;
    let rows = json["rows"].as_u64().and_then(|n| usize::try_from(n).ok());
    if types.is_empty() || rows.and_then(|n| n.checked_mul(types.len())) != Some(values.len()) {
        return Err(bad("a sub-query with other values than rows"));
    }
    Ok(SubqueryResult {
        rows: Arc::new(values.chunks(types.len()).map(<[Value]>::to_vec).collect()),
        types,
    })
}

fn hex(values: &[Value]) -> String {
    let mut bytes = Vec::new();
    for value in values {
        encode_value(value, &mut bytes);
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn unhex(json: &Json) -> Result<Vec<Value>> {
    let text = json.as_str().ok_or_else(|| bad("no values"))?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect();
    let bytes = bytes.ok_or_else(|| bad("values that are no hexadecimal digits"))?;
    let mut reader = ByteReader::new(&bytes);
    let mut values = Vec::new();
    while !reader.is_at_end() {
        values.push(decode_value(&mut reader).map_err(|e| bad(&e.to_string()))?);
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
