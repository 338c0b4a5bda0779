//! `CONSTRAINT … CHECK`: conditions that every inserted row must meet.

use engine_exec::CompiledExprs;
use engine_sql::ast::{self, CreateTable};
use engine_types::{Block, Column, DataType, Schema, Value};

use crate::binding;
use crate::error::{EngineError, Result};

/// A CHECK over the table's columns, by their position.
pub(crate) struct Check {
    name: String,
    text: ast::Expr,
    ty: DataType,
    /// Positions of the columns it reads, in the order of the text.
    pub(crate) inputs: Vec<usize>,
    compiled: CompiledExprs,
}

const VIOLATED: u32 = 469;
const NOT_A_CONDITION: u32 = 1;

/// The CHECKs of a definition. An ASSUME is a promise that nobody verifies; only its columns must exist.
pub(crate) fn checks(create: &CreateTable, schema: &Schema) -> Result<Vec<Check>> {
    let mut out = Vec::new();
    for constraint in &create.constraints {
        let expr = binding::bind_over(&constraint.expr, schema)?;
        if constraint.assume {
            continue;
        }
        let mut inputs = Vec::new();
        binding::visit_columns(&expr, &mut |c| {
            if !inputs.contains(&c) {
                inputs.push(c);
            }
        });
        out.push(Check {
            name: constraint.name.clone(),
            text: constraint.expr.clone(),
            ty: expr.ty.clone(),
            inputs,
            compiled: CompiledExprs::new(std::slice::from_ref(&expr))?,
        });
    }
    Ok(out)
}

impl Check {
    /// Refuses the rows when one does not meet the condition. `columns` are all columns of the table, of which those at
    /// `inputs` count; `table` and `schema` are for the message.
    pub(crate) fn verify(&self, columns: &[Column], rows: usize, table: &str, schema: &Schema) -> Result<()> {
        if !matches!(self.ty.bare(), DataType::UInt8 | DataType::Bool) {
            return Err(EngineError::refused(
                NOT_A_CONDITION,
                format!("Constraint `{}` does not return a value of type UInt8", self.name),
            ));
        }
        let values = self.compiled.eval(&Block::new(columns.to_vec(), rows))?;
        let values = values
            .first()
            .ok_or_else(|| EngineError::Internal("a constraint without a value".to_owned()))?;
        let found = (0..rows).find_map(|row| match values.value(row) {
            Value::UInt(0) => Some((row, false)),
            Value::Null => Some((row, true)),
            _ => None,
        });
        let Some((row, null)) = found else {
            return Ok(());
        };
        let told: Vec<String> = self
            .inputs
            .iter()
            .map(|&c| format!("{} = {}", schema[c].name, shown(&columns[c].value(row))))
            .collect();
        let what = if null {
            "Constraint expression returns nullable column that contains null value. "
        } else {
            ""
        };
        Err(EngineError::refused(
            VIOLATED,
            format!(
                "Constraint `{}` for table {table} is violated at row {}. Expression: ({}). {what}Column values: {}",
                self.name,
                row + 1,
                self.text,
                told.join(", ")
            ),
        ))
    }
}

/// A value as messages show it: numbers and times as they are stored, texts in quotes.
fn shown(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(shown).collect::<Vec<_>>().join(", ");
    match value {
        Value::Null => "NULL".to_owned(),
        Value::UInt(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::String(bytes) => format!("'{}'", String::from_utf8_lossy(bytes).replace('\'', "\\'")),
        Value::Uuid(_) => format!("'{}'", engine_functions::format_value(value, &DataType::Uuid)),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Tuple(values) => format!("({})", list(values)),
    }
}
