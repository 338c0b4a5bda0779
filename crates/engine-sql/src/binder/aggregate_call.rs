//! Aggregates: taken out of the expressions they stand in, equal ones once.

use std::sync::Arc;

use engine_functions::{AggregateFunction, aggregate};
use engine_types::{DataType, Value};

use super::{
    Binder,
    expr::has_aggregate,
    literal,
    scope::{AGGREGATE, Scope},
};
use crate::{
    ast,
    error::{SqlError, code},
    fold,
    plan::Expr,
};

/// An aggregate over the columns of the FROM clause.
pub(super) struct RawAggregate {
    pub name: String,
    pub params: Vec<Value>,
    pub function: Arc<dyn AggregateFunction>,
    pub args: Vec<Expr>,
}

/// Whether `name` is an aggregate's, whatever its arguments.
pub(super) fn is_aggregate(name: &str) -> bool {
    aggregate(name, &[], &[]).is_some()
        || aggregate(name, &[], &[DataType::UInt8]).is_some()
        || aggregate(name, &[], &[DataType::UInt8, DataType::UInt8]).is_some()
}

/// Functions that only mean something with OVER.
pub(super) fn is_window_only(name: &str) -> bool {
    [
        "row_number",
        "rank",
        "dense_rank",
        "nth_value",
        "laginframe",
        "leadinframe",
        "lag",
        "lead",
        "ntile",
    ]
    .iter()
    .any(|n| n.eq_ignore_ascii_case(name))
}

/// The function, its parameters and bound arguments: what both a plain aggregate and one with OVER need.
pub(super) struct Resolved {
    pub name: String,
    pub params: Vec<Value>,
    pub function: Arc<dyn AggregateFunction>,
    pub args: Vec<Expr>,
}

impl Binder<'_> {
    pub(super) fn aggregate_call(
        &mut self,
        scope: &mut Scope,
        function: &ast::Function,
    ) -> Result<Expr, SqlError> {
        if let Some(clause) = scope.no_aggregates {
            return Err(SqlError::new(
                code::ILLEGAL_AGGREGATION,
                format!(
                    "Aggregate function {} is found in {clause} in query",
                    ast::Expr::Function(Box::new(function.clone()))
                ),
            ));
        }
        if !scope.lambdas.is_empty() {
            return Err(SqlError::new(
                code::ILLEGAL_AGGREGATION,
                format!("Aggregate function {} is found inside a lambda", function.name),
            ));
        }
        let outer = scope.no_aggregates.replace("another aggregate function");
        let resolved = self.resolve_aggregate(scope, function);
        scope.no_aggregates = outer;
        let resolved = resolved?;
        let ty = resolved.function.return_type().clone();
        let found = scope
            .aggregates
            .iter()
            .position(|a| a.name == resolved.name && a.params == resolved.params && a.args == resolved.args);
        let index = found.unwrap_or_else(|| {
            scope.aggregates.push(RawAggregate {
                name: resolved.name,
                params: resolved.params,
                function: resolved.function,
                args: resolved.args,
            });
            scope.aggregates.len() - 1
        });
        Ok(Expr::column(AGGREGATE + index, ty))
    }

    pub(super) fn resolve_aggregate(
        &mut self,
        scope: &mut Scope,
        function: &ast::Function,
    ) -> Result<Resolved, SqlError> {
        let mut params = Vec::new();
        for param in function.params.iter().flatten() {
            let bound = self.expr(scope, param)?;
            let Some(value) = literal::constant(&bound) else {
                return Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!(
                        "Parameter `{param}` of aggregate function {} must be a constant",
                        function.name
                    ),
                ));
            };
            params.push(value.clone());
        }
        let mut args = Vec::with_capacity(function.args.len());
        for arg in &function.args {
            if matches!(arg, ast::Expr::Star(star) if star.transforms.is_empty() && star.regexp.is_none()) {
                continue;
            }
            let bound = self.expr(scope, arg)?;
            debug_assert!(!has_aggregate(&bound) || scope.no_aggregates.is_none());
            args.push(bound);
        }
        let mut name = function.name.clone();
        if function.distinct {
            name = self.distinct_name(&name);
        }
        if let Some(filter) = &function.filter {
            let condition = self.expr(scope, filter)?;
            args.push(fold::predicate(condition)?);
            name.push_str("If");
        }
        let types: Vec<DataType> = args.iter().map(|a| a.ty.clone()).collect();
        match aggregate(&name, &params, &types) {
            Some(found) => {
                let found = found?;
                Ok(Resolved {
                    name: found.name(),
                    params,
                    function: Arc::from(found),
                    args,
                })
            }
            None => Err(SqlError::new(
                code::UNKNOWN_FUNCTION,
                format!("Unknown aggregate function {name}"),
            )),
        }
    }

    /// `count(DISTINCT x)` is `uniqExact(x)`; others take the combinator, in front of a closing -If.
    fn distinct_name(&self, name: &str) -> String {
        let chosen = match self.setting("count_distinct_implementation") {
            "" => "uniqExact",
            other => other,
        };
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "count" => chosen.to_owned(),
            "countif" => format!("{chosen}If"),
            // Seeing a value again changes nothing for these.
            "min" | "max" | "any" | "uniq" | "uniqexact" | "groupuniqarray" | "uniqcombined"
            | "uniqhll12" => name.to_owned(),
            _ => match name.strip_suffix("If") {
                Some(base) => format!("{base}DistinctIf"),
                None => format!("{name}Distinct"),
            },
        }
    }
}
