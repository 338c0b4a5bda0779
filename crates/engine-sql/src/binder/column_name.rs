//! Names of result columns without alias, as ClickHouse gives them: operators by their functions' names.

use crate::ast::{Expr, InRight, Literal, UnaryOp};

pub(super) fn column_name(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(column_name).collect::<Vec<_>>().join(", ");
    let call = |name: &str, args: &[&Expr]| {
        format!(
            "{name}({})",
            args.iter().map(|e| column_name(e)).collect::<Vec<_>>().join(", ")
        )
    };
    match expr {
        Expr::Alias { name, .. } => name.clone(),
        Expr::Identifier(path) => path.last().cloned().unwrap_or_default(),
        Expr::Literal(Literal::Number(text)) => text.clone(),
        Expr::Function(function) => {
            let mut name = function.name.clone();
            if let Some(params) = &function.params {
                name.push_str(&format!("({})", list(params)));
            }
            let distinct = if function.distinct { "DISTINCT " } else { "" };
            let star = matches!(function.args.as_slice(), [Expr::Star(_)]);
            let mut out = if star && name.eq_ignore_ascii_case("count") {
                "count()".to_owned()
            } else {
                format!("{name}({distinct}{})", list(&function.args))
            };
            if function.over.is_some() || function.filter.is_some() {
                out = Expr::Function(function.clone()).to_string();
            }
            out
        }
        Expr::Unary {
            op: UnaryOp::Negate,
            expr,
        } => match &**expr {
            Expr::Literal(Literal::Number(text)) => format!("-{text}"),
            other => call("negate", &[other]),
        },
        Expr::Unary {
            op: UnaryOp::Not,
            expr,
        } => call("not", &[expr]),
        Expr::Binary { op, left, right } => call(op.function(), &[left, right]),
        Expr::And(items) => format!("and({})", list(items)),
        Expr::Or(items) => format!("or({})", list(items)),
        Expr::IsNull { expr, negated } => call(if *negated { "isNotNull" } else { "isNull" }, &[expr]),
        Expr::Ternary {
            condition,
            then,
            otherwise,
        } => call("if", &[condition, then, otherwise]),
        Expr::Cast { expr, ty } => format!("CAST({}, '{ty}')", column_name(expr)),
        Expr::Interval { value, unit } => {
            format!(
                "toInterval{}{}({})",
                unit[..1].to_ascii_uppercase(),
                &unit[1..],
                column_name(value)
            )
        }
        Expr::Tuple(items) => format!("tuple({})", list(items)),
        Expr::Array(items) => format!("array({})", list(items)),
        Expr::Subscript { expr, index } => call("arrayElement", &[expr, index]),
        Expr::TupleIndex { expr, index } => format!("tupleElement({}, {index})", column_name(expr)),
        Expr::Member { expr, name } => format!("tupleElement({}, '{name}')", column_name(expr)),
        Expr::In {
            expr,
            right: InRight::List(items),
            negated,
            ..
        } => format!(
            "{}({}, tuple({}))",
            if *negated { "notIn" } else { "in" },
            column_name(expr),
            list(items)
        ),
        Expr::Literal(_)
        | Expr::Star(_)
        | Expr::Parameter { .. }
        | Expr::Between { .. }
        | Expr::In { .. }
        | Expr::Case { .. }
        | Expr::Lambda { .. }
        | Expr::Subquery(_)
        | Expr::Exists(_) => expr.to_string(),
    }
}
