//! Function calls by name: forms the binder answers itself, then scalar, higher-order, aggregate and window functions.

use engine_functions::{function_names, higher_order, scalar};
use engine_types::{DataType, Value};

use super::{
    Binder, aggregate_call,
    expr::{adapt, compare, logical},
    literal,
    scope::Scope,
    suggestion::closest,
};
use crate::{
    ast,
    error::{SqlError, code},
    fold,
    plan::Expr,
};

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

impl Binder<'_> {
    pub(super) fn function(&mut self, scope: &mut Scope, function: &ast::Function) -> Result<Expr, SqlError> {
        if function.over.is_some() {
            return self.window_call(scope, function);
        }
        let plain = function.params.is_none() && !function.distinct && function.filter.is_none();
        if plain {
            if let Some(expr) = self.own_function(scope, function)? {
                return Ok(expr);
            }
            let lambda = matches!(function.args.first(), Some(ast::Expr::Lambda { .. }));
            if lambda && let Some(found) = higher_order(&function.name) {
                return self.higher_order(scope, found, &function.args);
            }
            if !lambda && let Some(found) = scalar(&function.name) {
                let args = self.exprs(scope, &function.args)?;
                return scalar_call(found.name(), args);
            }
            if let Some(found) = higher_order(&function.name) {
                return self.higher_order(scope, found, &function.args);
            }
        }
        if aggregate_call::is_aggregate(&function.name) {
            return self.aggregate_call(scope, function);
        }
        if aggregate_call::is_window_only(&function.name) {
            return Err(SqlError::new(
                code::BAD_ARGUMENTS,
                format!("Window function {} needs OVER", function.name),
            ));
        }
        let names = function_names();
        let hint = closest(&function.name, names.into_iter())
            .map_or(String::new(), |near| format!(". Maybe you meant: ['{near}']"));
        Err(SqlError::new(
            code::UNKNOWN_FUNCTION,
            format!("Unknown function {}{hint}", function.name),
        ))
    }

    /// What needs the context, the scope or types rather than values.
    fn own_function(
        &mut self,
        scope: &mut Scope,
        function: &ast::Function,
    ) -> Result<Option<Expr>, SqlError> {
        let name = function.name.to_ascii_lowercase();
        let count = function.args.len();
        let seconds = self.context.now_micros.div_euclid(MICROS);
        let days = seconds.div_euclid(DAY_SECONDS);
        let date = |days: i64| {
            Expr::literal(
                Value::UInt(u64::try_from(days.clamp(0, i64::from(u16::MAX))).unwrap_or(0)),
                DataType::Date,
            )
        };
        Ok(Some(match (name.as_str(), count) {
            ("now" | "current_timestamp", 0 | 1) => {
                let value = Value::UInt(u64::try_from(seconds.clamp(0, i64::from(u32::MAX))).unwrap_or(0));
                let mut zone = None;
                if let Some(arg) = function.args.first() {
                    let arg = self.expr(scope, arg)?;
                    let Some(Value::String(text)) = literal::constant(&arg) else {
                        return Err(SqlError::new(
                            code::ILLEGAL_TYPE_OF_ARGUMENT,
                            "The time zone of now() must be a constant string",
                        ));
                    };
                    let text = String::from_utf8_lossy(text).into_owned();
                    zone = Some(text.parse().map_err(|_| {
                        SqlError::new(code::BAD_ARGUMENTS, format!("Unknown time zone `{text}`"))
                    })?);
                }
                Expr::literal(value, DataType::DateTime(zone))
            }
            ("now64", 0 | 1) => {
                let mut precision = 3u32;
                if let Some(arg) = function.args.first() {
                    let arg = self.expr(scope, arg)?;
                    let Some(Value::UInt(p @ 0..=9)) = literal::constant(&arg) else {
                        return Err(SqlError::new(
                            code::BAD_ARGUMENTS,
                            "The precision of now64() must be 0 to 9",
                        ));
                    };
                    precision = u32::try_from(*p).unwrap_or(3);
                }
                let ticks = if precision <= 6 {
                    self.context.now_micros.div_euclid(10i64.pow(6 - precision))
                } else {
                    self.context.now_micros.saturating_mul(10i64.pow(precision - 6))
                };
                Expr::literal(
                    Value::Int(ticks),
                    DataType::DateTime64(u8::try_from(precision).unwrap_or(3), None),
                )
            }
            ("today" | "current_date" | "curdate", 0) => date(days),
            ("yesterday", 0) => date(days - 1),
            ("currentdatabase" | "database" | "schema" | "current_database", 0) => {
                literal::string(&self.context.database)
            }
            ("timezone" | "servertimezone", 0) => literal::string("UTC"),
            ("arrayjoin", 1) => {
                let arg = self.expr(scope, &function.args[0])?;
                return Self::array_join_call(scope, arg).map(Some);
            }
            ("neighbor", 2 | 3) => {
                let args = self.exprs(scope, &function.args)?;
                self.neighbor(scope, args)?
            }
            ("runningdifference", 1) => {
                let value = self.expr(scope, &function.args[0])?;
                if value.ty.is_nullable() {
                    return Err(SqlError::not_implemented("runningDifference of a Nullable"));
                }
                let back = Expr::literal(Value::Int(-1), DataType::Int8);
                let before = self.neighbor(scope, vec![value.clone(), back, value.clone()])?;
                fold::call_named("minus", vec![value, before])?
            }
            ("totypename", 1) => {
                let arg = self.expr(scope, &function.args[0])?;
                literal::string(arg.ty.to_string())
            }
            ("and" | "or", 2..) => {
                let args = self.exprs(scope, &function.args)?;
                logical(args, name == "and")?
            }
            ("in" | "notin" | "globalin" | "globalnotin", 2) => {
                let right = match &function.args[1] {
                    ast::Expr::Subquery(query) => ast::InRight::Query(query.clone()),
                    ast::Expr::Tuple(list) => ast::InRight::List(list.clone()),
                    ast::Expr::Identifier(path) => ast::InRight::Name(path.clone()),
                    other => ast::InRight::Expr(Box::new(other.clone())),
                };
                self.in_set(scope, &function.args[0], &right, name.contains("not"))?
            }
            _ => return Ok(None),
        }))
    }
}

/// A scalar call with the conversions that comparisons and membership make for literal strings.
pub(super) fn scalar_call(name: &str, mut args: Vec<Expr>) -> Result<Expr, SqlError> {
    match (name, args.len()) {
        ("equals" | "notEquals" | "less" | "greater" | "lessOrEquals" | "greaterOrEquals", 2) => {
            let (Some(right), Some(left)) = (args.pop(), args.pop()) else {
                return Err(SqlError::new(
                    code::NUMBER_OF_ARGUMENTS,
                    format!("Function {name} wants two arguments"),
                ));
            };
            compare(name, left, right)
        }
        ("has" | "indexOf" | "countEqual", 2) => {
            if let DataType::Array(element) = args[0].ty.bare().clone()
                && let Some(needle) = args.pop()
            {
                args.push(adapt(needle, &element)?);
            }
            fold::call_named(name, args)
        }
        _ => fold::call_named(name, args),
    }
}
