//! Expressions: each form of the tree to a typed expression over the columns of the scope.

use std::rc::Rc;

use engine_types::{DataType, Value};

use super::{
    Binder,
    context::ParameterValue,
    from::ROW_EXISTS,
    literal,
    scope::{AGGREGATE, Scope, find_with},
    suggestion::closest,
};
use crate::{
    ast::{self, BinaryOp, UnaryOp},
    error::{SqlError, code},
    fold,
    plan::{Expr, ExprKind},
};

impl Binder<'_> {
    pub(super) fn expr(&mut self, scope: &mut Scope, expr: &ast::Expr) -> Result<Expr, SqlError> {
        self.count_node()?;
        match expr {
            ast::Expr::Literal(literal) => Self::literal(literal),
            ast::Expr::Identifier(path) => self.identifier(scope, path),
            ast::Expr::Alias { expr, name } => {
                scope.expanding.push(name.clone());
                let bound = self.expr(scope, expr);
                scope.expanding.pop();
                bound
            }
            ast::Expr::Star(_) => Err(SqlError::new(
                code::BAD_ARGUMENTS,
                "`*` may stand in the SELECT list and in count(*) only",
            )),
            ast::Expr::Parameter { name, ty } => self.parameter(scope, name, ty),
            ast::Expr::Function(function) => self.function(scope, function),
            ast::Expr::Unary {
                op: UnaryOp::Negate,
                expr,
            } => {
                let operand = self.expr(scope, expr)?;
                match literal::negated(&operand) {
                    Some(negated) => Ok(negated),
                    None => fold::call_named("negate", vec![operand]),
                }
            }
            ast::Expr::Unary {
                op: UnaryOp::Not,
                expr,
            } => {
                let operand = self.expr(scope, expr)?;
                fold::call_named("not", vec![operand])
            }
            ast::Expr::Binary { op, left, right } => {
                let left = self.expr(scope, left)?;
                let right = self.expr(scope, right)?;
                self.binary(*op, left, right)
            }
            ast::Expr::And(list) => self.logical(scope, list, true),
            ast::Expr::Or(list) => self.logical(scope, list, false),
            ast::Expr::IsNull { expr, negated } => {
                let operand = self.expr(scope, expr)?;
                fold::call_named(if *negated { "isNotNull" } else { "isNull" }, vec![operand])
            }
            ast::Expr::Between {
                expr,
                low,
                high,
                negated,
            } => {
                let operand = self.expr(scope, expr)?;
                let low = self.expr(scope, low)?;
                let high = self.expr(scope, high)?;
                let (from, to) = if *negated {
                    ("less", "greater")
                } else {
                    ("greaterOrEquals", "lessOrEquals")
                };
                let from = compare(from, operand.clone(), low)?;
                let to = compare(to, operand, high)?;
                Ok(combine(vec![from, to], !*negated))
            }
            ast::Expr::In {
                expr, right, negated, ..
            } => self.in_set(scope, expr, right, *negated),
            ast::Expr::Ternary {
                condition,
                then,
                otherwise,
            } => {
                let args = vec![
                    self.expr(scope, condition)?,
                    self.expr(scope, then)?,
                    self.expr(scope, otherwise)?,
                ];
                fold::call_named("if", args)
            }
            ast::Expr::Case {
                operand,
                whens,
                otherwise,
            } => self.case(scope, operand.as_deref(), whens, otherwise.as_deref()),
            ast::Expr::Cast { expr, ty } => {
                let operand = self.expr(scope, expr)?;
                fold::call_named("CAST", vec![operand, literal::string(ty.to_string())])
            }
            ast::Expr::Interval { value, unit } => {
                let value = self.expr(scope, value)?;
                let mut name = "toInterval".to_owned();
                name.push_str(&unit[..1].to_ascii_uppercase());
                name.push_str(&unit[1..]);
                fold::call_named(&name, vec![value])
            }
            ast::Expr::Tuple(list) => {
                let items = self.exprs(scope, list)?;
                fold::call_named("tuple", items)
            }
            ast::Expr::Array(list) => {
                let items = self.exprs(scope, list)?;
                fold::call_named("array", items)
            }
            ast::Expr::Subscript { expr, index } => {
                let args = vec![self.expr(scope, expr)?, self.expr(scope, index)?];
                fold::call_named("arrayElement", args)
            }
            ast::Expr::TupleIndex { expr, index } => {
                let args = vec![self.expr(scope, expr)?, literal::unsigned(*index)];
                fold::call_named("tupleElement", args)
            }
            ast::Expr::Member { expr, name } => {
                let args = vec![self.expr(scope, expr)?, literal::string(name)];
                fold::call_named("tupleElement", args)
            }
            ast::Expr::Lambda { .. } => Err(SqlError::new(
                code::BAD_ARGUMENTS,
                format!("Lambda `{expr}` may only be the first argument of a higher-order function"),
            )),
            ast::Expr::Subquery(query) => self.scalar_subquery(scope, query),
            ast::Expr::Exists(query) => self.exists(scope, query),
        }
    }

    pub(super) fn exprs(&mut self, scope: &mut Scope, list: &[ast::Expr]) -> Result<Vec<Expr>, SqlError> {
        list.iter().map(|e| self.expr(scope, e)).collect()
    }

    /// An expression of a clause in which aggregates have no place.
    pub(super) fn expr_without_aggregates(
        &mut self,
        scope: &mut Scope,
        expr: &ast::Expr,
        clause: &'static str,
    ) -> Result<Expr, SqlError> {
        let outer = scope.no_aggregates.replace(clause);
        let bound = self.expr(scope, expr);
        scope.no_aggregates = outer;
        bound
    }

    fn literal(literal: &ast::Literal) -> Result<Expr, SqlError> {
        match literal {
            ast::Literal::Null => Ok(literal::null()),
            ast::Literal::Bool(value) => Ok(Expr::literal(Value::UInt(u64::from(*value)), DataType::Bool)),
            ast::Literal::Number(text) => literal::number(text),
            ast::Literal::String(text) => Ok(literal::string(text)),
        }
    }

    /// Lambda parameters, then aliases, then columns, then WITH expressions of enclosing queries.
    fn identifier(&mut self, scope: &mut Scope, path: &[String]) -> Result<Expr, SqlError> {
        let Some((first, rest)) = path.split_first() else {
            return Err(SqlError::new(code::UNKNOWN_IDENTIFIER, "Empty identifier"));
        };
        for frame in scope.lambdas.iter().rev() {
            if let Some(param) = frame.iter().find(|p| p.name == *first) {
                return members(Expr::column(param.column, param.ty.clone()), rest);
            }
        }
        let prefer_columns = scope.columns_first || self.setting_on("prefer_column_name_to_alias");
        if prefer_columns && let Some(column) = self.column(scope, path)? {
            return Ok(column);
        }
        if !scope.expanding.contains(first)
            && let Some(alias) = scope.aliases.get(first).cloned()
            // `t.x` is the column even where an alias `t` exists, unless that alias has elements.
            && (rest.is_empty() || self.column(scope, path)?.is_none())
        {
            let bound = self.alias(scope, first, &alias)?;
            return members(bound, rest);
        }
        if let Some(column) = self.column(scope, path)? {
            return Ok(column);
        }
        if let Some(node) = find_with(&scope.with, first)
            && let ast::WithBody::Expr(expr) = &node.body
        {
            let bound = self.expanding(|b| {
                let outer = std::mem::replace(&mut scope.with, node.parent.clone());
                let bound = b.expr(scope, expr);
                scope.with = outer;
                bound
            })?;
            return members(bound, rest);
        }
        Err(self.unknown_identifier(scope, path))
    }

    fn alias(&mut self, scope: &mut Scope, name: &str, expr: &Rc<ast::Expr>) -> Result<Expr, SqlError> {
        self.expanding(|b| {
            scope.expanding.push(name.to_owned());
            // A lambda's parameters do not reach into an alias defined outside of it.
            let lambdas = std::mem::take(&mut scope.lambdas);
            let bound = b.expr(scope, expr);
            scope.lambdas = lambdas;
            scope.expanding.pop();
            bound
        })
    }

    /// The column a path names: the longest qualifier that fits, then a name (perhaps with dots), then tuple elements.
    fn column(&self, scope: &Scope, path: &[String]) -> Result<Option<Expr>, SqlError> {
        for qualifier_len in (0..path.len().min(3)).rev() {
            let qualifier = (qualifier_len > 0).then(|| path[..qualifier_len].join("."));
            if qualifier.as_ref().is_some_and(|q| !scope.has_qualifier(q)) {
                continue;
            }
            for name_end in (qualifier_len + 1..=path.len()).rev() {
                let name = path[qualifier_len..name_end].join(".");
                if let Some(index) = scope.find(qualifier.as_deref(), &name) {
                    let column = Expr::column(index, scope.columns[index].ty.clone());
                    return members(column, &path[name_end..]).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn unknown_identifier(&self, scope: &Scope, path: &[String]) -> SqlError {
        let name = path.join(".");
        let last = path.last().map_or("", String::as_str);
        if last == ROW_EXISTS {
            self.missed_row_exists.set(true);
        }
        let candidates = scope
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .chain(scope.aliases.keys().map(String::as_str))
            .filter(|name| *name != last || path.len() > 1);
        let hint =
            closest(last, candidates).map_or(String::new(), |near| format!(". Maybe you meant: ['{near}']"));
        SqlError::new(
            code::UNKNOWN_IDENTIFIER,
            format!("Unknown expression identifier `{name}`{hint}"),
        )
    }

    fn parameter(&mut self, scope: &mut Scope, name: &str, ty: &ast::TypeName) -> Result<Expr, SqlError> {
        let Some(value) = self.context.parameters.get(name).cloned() else {
            return Err(SqlError::new(
                code::UNKNOWN_QUERY_PARAMETER,
                format!("Substitution `{name}` is not set"),
            ));
        };
        if ty.name == "Identifier" {
            return match value {
                ParameterValue::Text(text) => {
                    self.identifier(scope, &text.split('.').map(str::to_owned).collect::<Vec<_>>())
                }
                ParameterValue::Value(..) => Err(bad_parameter(name, "Identifier")),
            };
        }
        let wanted = super::data_type(ty)?;
        match value {
            ParameterValue::Text(text) if wanted.bare().is_string() && !wanted.is_nullable() => {
                Ok(Expr::literal(Value::string(text), wanted))
            }
            ParameterValue::Text(text) => {
                let value = literal::text_as(text.as_bytes(), &wanted)
                    .map_err(|_| bad_parameter(name, &wanted.to_string()))?;
                Ok(Expr::literal(value, wanted))
            }
            ParameterValue::Value(value, from) => {
                let value = literal::cast_value(&value, &from, &wanted)?;
                Ok(Expr::literal(value, wanted))
            }
        }
    }

    fn logical(
        &mut self,
        scope: &mut Scope,
        list: &[ast::Expr],
        conjunction: bool,
    ) -> Result<Expr, SqlError> {
        let operands = self.exprs(scope, list)?;
        logical(operands, conjunction)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: Expr, right: Expr) -> Result<Expr, SqlError> {
        match op {
            BinaryOp::Equals
            | BinaryOp::NotEquals
            | BinaryOp::Less
            | BinaryOp::LessOrEquals
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEquals => compare(op.function(), left, right),
            BinaryOp::NullSafeEquals | BinaryOp::NullSafeNotEquals => {
                let equal = null_safe_equals(left, right)?;
                if op == BinaryOp::NullSafeEquals {
                    Ok(equal)
                } else {
                    fold::call_named("not", vec![equal])
                }
            }
            BinaryOp::NotRegexp => {
                let matches = fold::call_named("match", vec![left, right])?;
                fold::call_named("not", vec![matches])
            }
            BinaryOp::Plus
            | BinaryOp::Minus
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
            | BinaryOp::IntDiv
            | BinaryOp::Concat
            | BinaryOp::Like
            | BinaryOp::NotLike
            | BinaryOp::ILike
            | BinaryOp::NotILike
            | BinaryOp::Regexp => fold::call_named(op.function(), vec![left, right]),
        }
    }

    fn case(
        &mut self,
        scope: &mut Scope,
        operand: Option<&ast::Expr>,
        whens: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Expr, SqlError> {
        let operand = operand.map(|e| self.expr(scope, e)).transpose()?;
        let mut args = Vec::with_capacity(2 * whens.len() + 1);
        for when in whens {
            let condition = self.expr(scope, &when.when)?;
            args.push(match &operand {
                Some(operand) => compare("equals", operand.clone(), condition)?,
                None => condition,
            });
            args.push(self.expr(scope, &when.then)?);
        }
        args.push(match otherwise {
            Some(otherwise) => self.expr(scope, otherwise)?,
            None => literal::null(),
        });
        fold::call_named(if whens.len() == 1 { "if" } else { "multiIf" }, args)
    }
}

fn bad_parameter(name: &str, ty: &str) -> SqlError {
    SqlError::new(
        code::BAD_QUERY_PARAMETER,
        format!("Value of parameter `{name}` cannot be parsed as {ty}"),
    )
}

/// Elements of a tuple by name or number.
fn members(expr: Expr, path: &[String]) -> Result<Expr, SqlError> {
    path.iter().try_fold(expr, |expr, name| {
        if !matches!(expr.ty.bare(), DataType::Tuple(_)) {
            return Err(SqlError::new(
                code::UNKNOWN_IDENTIFIER,
                format!(
                    "Unknown element `{name}`: the value is of type {}, not a tuple",
                    expr.ty
                ),
            ));
        }
        fold::call_named("tupleElement", vec![expr, literal::string(name)])
    })
}

/// AND or OR of bound operands: constants decide where they can.
pub(super) fn logical(operands: Vec<Expr>, conjunction: bool) -> Result<Expr, SqlError> {
    let mut list = Vec::with_capacity(operands.len());
    for operand in operands {
        list.push(fold::predicate(operand)?);
    }
    Ok(combine(list, conjunction))
}

fn combine(list: Vec<Expr>, conjunction: bool) -> Expr {
    let truth = |value: bool| Expr::literal(Value::UInt(u64::from(value)), DataType::UInt8);
    let is =
        |e: &Expr, wanted: bool| matches!(literal::constant(e), Some(Value::UInt(v)) if (*v != 0) == wanted);
    // `x AND 0` is 0 even where x is NULL.
    if list.iter().any(|e| is(e, !conjunction)) {
        return truth(!conjunction);
    }
    let ty = fold::logical_type(&list);
    let mut rest: Vec<Expr> = list.into_iter().filter(|e| !is(e, conjunction)).collect();
    match rest.len() {
        0 => truth(conjunction),
        // One operand alone must still be 0 or 1.
        1 if is_truth(&rest[0]) => rest.remove(0),
        1 => {
            rest.push(truth(conjunction));
            nary(rest, conjunction, ty)
        }
        _ => nary(rest, conjunction, ty),
    }
}

/// The expression can only be 0, 1 or NULL.
fn is_truth(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::InSet { .. } => true,
        ExprKind::Call { function, .. } => matches!(
            function.name(),
            "equals"
                | "notEquals"
                | "less"
                | "greater"
                | "lessOrEquals"
                | "greaterOrEquals"
                | "not"
                | "like"
                | "notLike"
                | "ilike"
                | "notILike"
                | "match"
                | "isNull"
                | "isNotNull"
                | "has"
                | "startsWith"
                | "endsWith"
                | "empty"
                | "notEmpty"
        ),
        _ => *expr.ty.bare() == DataType::Bool,
    }
}

fn nary(list: Vec<Expr>, conjunction: bool, ty: DataType) -> Expr {
    Expr {
        kind: if conjunction {
            ExprKind::And(list)
        } else {
            ExprKind::Or(list)
        },
        ty,
    }
}

/// A comparison. A literal string beside a date, number or UUID is read as one (error 53 when it is none).
pub(super) fn compare(function: &str, left: Expr, right: Expr) -> Result<Expr, SqlError> {
    let (left, right) = (adapt(left, &right.ty.clone())?, right);
    let right = adapt(right, &left.ty)?;
    fold::call_named(function, vec![left, right])
}

/// `expr` as a value of the other side's type, when it is a literal string and the other side is none.
pub(super) fn adapt(expr: Expr, other: &DataType) -> Result<Expr, SqlError> {
    let other = other.bare();
    let convertible = other.is_time() || other.is_number() || *other == DataType::Uuid;
    let Some(Value::String(text)) = literal::constant(&expr) else {
        return match (literal::constant(&expr), other) {
            (Some(Value::Tuple(_)), DataType::Tuple(types)) => adapt_tuple(expr, types),
            _ => Ok(expr),
        };
    };
    if !convertible || !expr.ty.bare().is_string() {
        return Ok(expr);
    }
    Ok(Expr::literal(literal::text_as(text, other)?, other.clone()))
}

fn adapt_tuple(expr: Expr, types: &[(Option<String>, DataType)]) -> Result<Expr, SqlError> {
    let (Some(Value::Tuple(items)), DataType::Tuple(own)) = (literal::constant(&expr), expr.ty.bare()) else {
        return Ok(expr);
    };
    if items.len() != types.len() {
        return Ok(expr);
    }
    let (mut values, mut value_types) = (Vec::new(), Vec::new());
    for ((item, (_, ty)), (_, other)) in items.iter().zip(own).zip(types) {
        let adapted = adapt(Expr::literal(item.clone(), ty.clone()), other)?;
        values.push(literal::constant(&adapted).cloned().unwrap_or(Value::Null));
        value_types.push((None, adapted.ty));
    }
    Ok(Expr::literal(Value::Tuple(values), DataType::Tuple(value_types)))
}

/// Equal, or both NULL; never NULL itself.
fn null_safe_equals(left: Expr, right: Expr) -> Result<Expr, SqlError> {
    if !left.ty.is_nullable() && !right.ty.is_nullable() {
        return compare("equals", left, right);
    }
    let null = |e: &Expr| fold::call_named("isNull", vec![e.clone()]);
    let both = combine(vec![null(&left)?, null(&right)?], true);
    let either = combine(vec![null(&left)?, null(&right)?], false);
    let equal = compare("equals", left, right)?;
    let equal = fold::call_named(
        "ifNull",
        vec![equal, Expr::literal(Value::UInt(0), DataType::UInt8)],
    )?;
    fold::call_named("if", vec![either, both, equal])
}

/// The expression contains an aggregate's result.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    let mut found = false;
    expr.each_column(&mut |c| found |= (AGGREGATE..super::scope::ARRAY_JOIN).contains(&c));
    found
}
