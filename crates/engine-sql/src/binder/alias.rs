//! Collects the aliases of a SELECT: `expr AS name` anywhere in it counts for all of it.

use std::{collections::HashMap, rc::Rc};

use super::Binder;
use crate::{
    ast::{self, Expr, GroupBy, InRight, WindowRef},
    error::{SqlError, code},
};

type Aliases = HashMap<String, Rc<Expr>>;

impl Binder<'_> {
    pub(super) fn collect_aliases(&self, select: &ast::Select) -> Result<Aliases, SqlError> {
        let mut out = Aliases::new();
        for expr in &select.projection {
            visit(expr, &mut out)?;
        }
        for expr in [&select.prewhere, &select.filter, &select.having, &select.qualify]
            .into_iter()
            .flatten()
        {
            visit(expr, &mut out)?;
        }
        match &select.group_by {
            Some(GroupBy::Exprs(list) | GroupBy::Rollup(list) | GroupBy::Cube(list)) => {
                list.iter().try_for_each(|e| visit(e, &mut out))?;
            }
            Some(GroupBy::Sets(sets)) => sets.iter().flatten().try_for_each(|e| visit(e, &mut out))?,
            Some(GroupBy::All) | None => {}
        }
        for order in &select.order_by {
            visit(&order.expr, &mut out)?;
        }
        if let Some(limit) = &select.limit_by {
            limit.by.iter().try_for_each(|e| visit(e, &mut out))?;
        }
        // WITH expressions are aliases that the SELECT's own win over.
        for with in &select.with {
            if let ast::WithBody::Expr(expr) = &with.body {
                visit(expr, &mut out)?;
                out.entry(with.name.clone())
                    .or_insert_with(|| Rc::new((**expr).clone()));
            }
        }
        Ok(out)
    }
}

fn visit(expr: &Expr, out: &mut Aliases) -> Result<(), SqlError> {
    let all = |list: &[Expr], out: &mut Aliases| list.iter().try_for_each(|e| visit(e, out));
    match expr {
        Expr::Alias { expr, name } => {
            visit(expr, out)?;
            match out.get(name) {
                None => {
                    out.insert(name.clone(), Rc::new((**expr).clone()));
                    Ok(())
                }
                Some(earlier) if **earlier == **expr => Ok(()),
                Some(_) => Err(SqlError::new(
                    code::MULTIPLE_EXPRESSIONS_FOR_ALIAS,
                    format!("Different expressions with the same alias {name}"),
                )),
            }
        }
        Expr::Literal(_)
        | Expr::Identifier(_)
        | Expr::Star(_)
        | Expr::Parameter { .. }
        | Expr::Subquery(_)
        | Expr::Exists(_)
        | Expr::Lambda { .. } => Ok(()),
        Expr::Function(function) => {
            all(&function.args, out)?;
            if let Some(filter) = &function.filter {
                visit(filter, out)?;
            }
            if let Some(WindowRef::Spec(spec)) = &function.over {
                all(&spec.partition_by, out)?;
                for order in &spec.order_by {
                    visit(&order.expr, out)?;
                }
            }
            Ok(())
        }
        Expr::Unary { expr, .. }
        | Expr::IsNull { expr, .. }
        | Expr::Cast { expr, .. }
        | Expr::Interval { value: expr, .. }
        | Expr::TupleIndex { expr, .. }
        | Expr::Member { expr, .. } => visit(expr, out),
        Expr::Binary { left, right, .. } => {
            visit(left, out)?;
            visit(right, out)
        }
        Expr::Subscript { expr, index } => {
            visit(expr, out)?;
            visit(index, out)
        }
        Expr::And(list) | Expr::Or(list) | Expr::Tuple(list) | Expr::Array(list) => all(list, out),
        Expr::Between { expr, low, high, .. } => {
            visit(expr, out)?;
            visit(low, out)?;
            visit(high, out)
        }
        Expr::In { expr, right, .. } => {
            visit(expr, out)?;
            match right {
                InRight::Expr(right) => visit(right, out),
                InRight::List(list) => all(list, out),
                InRight::Query(_) | InRight::Name(_) => Ok(()),
            }
        }
        Expr::Ternary {
            condition,
            then,
            otherwise,
        } => {
            visit(condition, out)?;
            visit(then, out)?;
            visit(otherwise, out)
        }
        Expr::Case {
            operand,
            whens,
            otherwise,
        } => {
            if let Some(operand) = operand {
                visit(operand, out)?;
            }
            for when in whens {
                visit(&when.when, out)?;
                visit(&when.then, out)?;
            }
            otherwise.as_ref().map_or(Ok(()), |e| visit(e, out))
        }
    }
}
