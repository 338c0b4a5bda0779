//! Table functions: `numbers`, `values`, `view`, `null`.

use std::sync::Arc;

use engine_types::{DataType, Field, Schema, Value};

use super::{
    Binder,
    from::{Relation, of_plan},
    literal,
    scope::{Scope, With},
};
use crate::{
    ast,
    error::{SqlError, code},
    plan::Plan,
};

impl Binder<'_> {
    pub(super) fn table_function(
        &mut self,
        env: &With,
        name: &str,
        args: &[ast::Expr],
    ) -> Result<Relation, SqlError> {
        let plan = match name.to_ascii_lowercase().as_str() {
            "numbers" | "numbers_mt" => self.numbers(args)?,
            "values" => self.values_function(args)?,
            "view" => match args {
                [ast::Expr::Subquery(query)] => self.query(query, env)?,
                _ => {
                    return Err(SqlError::new(
                        code::BAD_ARGUMENTS,
                        "Table function view wants a SELECT",
                    ));
                }
            },
            "null" => Plan::Values {
                schema: self.structure(args.first())?,
                rows: Arc::default(),
            },
            _ => {
                return Err(SqlError::new(
                    code::UNKNOWN_TABLE_FUNCTION,
                    format!("Unknown table function {name}"),
                ));
            }
        };
        Ok(of_plan(plan, Vec::new()))
    }

    fn constant_of(&mut self, expr: &ast::Expr) -> Result<(Value, DataType), SqlError> {
        let bound = self.expr(&mut Scope::new(None), expr)?;
        match literal::constant(&bound) {
            Some(value) => Ok((value.clone(), bound.ty)),
            None => Err(SqlError::new(
                code::BAD_ARGUMENTS,
                format!("`{expr}` must be a constant"),
            )),
        }
    }

    /// `numbers(n)`, `numbers(offset, n)`; without arguments endless.
    fn numbers(&mut self, args: &[ast::Expr]) -> Result<Plan, SqlError> {
        let mut values = Vec::new();
        for arg in args {
            match self.constant_of(arg)?.0 {
                Value::UInt(v) => values.push(v),
                Value::Float(v) if v >= 0.0 && v < u64::MAX as f64 => values.push(v as u64),
                _ => {
                    return Err(SqlError::new(
                        code::BAD_ARGUMENTS,
                        "Arguments of numbers must be integers, not negative",
                    ));
                }
            }
        }
        let (offset, count) = match values.as_slice() {
            [] => (0, u64::MAX),
            [count] => (0, *count),
            [offset, count] => (*offset, *count),
            _ => return Err(SqlError::not_implemented("numbers with a step")),
        };
        Ok(Plan::Numbers { offset, count })
    }

    /// `'a UInt8, b String'`.
    fn structure(&mut self, arg: Option<&ast::Expr>) -> Result<Schema, SqlError> {
        let Some(arg) = arg else {
            return Err(SqlError::new(
                code::NUMBER_OF_ARGUMENTS,
                "The table's structure is missing",
            ));
        };
        let Value::String(text) = self.constant_of(arg)?.0 else {
            return Err(SqlError::new(
                code::BAD_ARGUMENTS,
                "The table's structure must be a string",
            ));
        };
        // A structure reads like a named tuple's elements.
        let tuple = [b"Tuple(".as_slice(), &text, b")"].concat();
        let parsed = crate::parse_type_name(&tuple)?;
        parsed
            .args
            .unwrap_or_default()
            .into_iter()
            .map(|arg| match arg {
                ast::TypeArg::Named(name, ty) => Ok(Field::new(name, super::data_type(&ty)?)),
                _ => Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    "Each column of a structure needs a name and a type",
                )),
            })
            .collect()
    }

    /// `values('structure', row, …)`.
    fn values_function(&mut self, args: &[ast::Expr]) -> Result<Plan, SqlError> {
        let schema = self.structure(args.first())?;
        let mut rows = Vec::new();
        for arg in &args[1..] {
            let (value, ty) = self.constant_of(arg)?;
            let (values, types) = match (value, ty) {
                (Value::Tuple(values), DataType::Tuple(types)) => {
                    (values, types.into_iter().map(|(_, ty)| ty).collect::<Vec<_>>())
                }
                (value, ty) => (vec![value], vec![ty]),
            };
            if values.len() != schema.len() {
                return Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!(
                        "A row of values has {} elements, the structure {}",
                        values.len(),
                        schema.len()
                    ),
                ));
            }
            let row = values
                .iter()
                .zip(&types)
                .zip(&schema)
                .map(|((value, from), field)| literal::cast_value(value, from, &field.ty))
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(row);
        }
        Ok(Plan::Values {
            schema,
            rows: Arc::new(rows),
        })
    }
}
