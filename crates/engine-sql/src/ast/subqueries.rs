//! Sub-queries of an expression, to be looked at or replaced.

use super::{
    CaseWhen, Expr, FromItem, Function, InRight, ObjectName, Query, Select, SetExpr, StarTransform, TableRef,
    TableSource, WindowRef,
};

impl Expr {
    /// Calls `visit` with every sub-query directly in the expression (not with those inside of it), in the order of the
    /// text. `x IN name` counts, as `SELECT * FROM name`, when `is_column` says that the name is none of a column.
    pub fn visit_subqueries<E>(
        &mut self,
        is_column: &dyn Fn(&[String]) -> bool,
        visit: &mut dyn FnMut(&mut Query) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Literal(_) | Self::Identifier(_) | Self::Parameter { .. } => Ok(()),
            Self::Star(star) => star
                .transforms
                .iter_mut()
                .try_for_each(|transform| match transform {
                    StarTransform::Except(_) => Ok(()),
                    StarTransform::Replace(list) => list
                        .iter_mut()
                        .try_for_each(|(expr, _)| expr.visit_subqueries(is_column, visit)),
                    StarTransform::Apply(expr) => expr.visit_subqueries(is_column, visit),
                }),
            Self::Function(function) => in_function(function, is_column, visit),
            Self::Unary { expr, .. }
            | Self::IsNull { expr, .. }
            | Self::Cast { expr, .. }
            | Self::Interval { value: expr, .. }
            | Self::TupleIndex { expr, .. }
            | Self::Member { expr, .. }
            | Self::Lambda { body: expr, .. }
            | Self::Alias { expr, .. } => expr.visit_subqueries(is_column, visit),
            Self::Binary { left, right, .. } => all([left, right], is_column, visit),
            Self::And(list) | Self::Or(list) | Self::Tuple(list) | Self::Array(list) => {
                all(list, is_column, visit)
            }
            Self::Between { expr, low, high, .. } => all([expr, low, high], is_column, visit),
            Self::In { expr, right, .. } => {
                expr.visit_subqueries(is_column, visit)?;
                match right {
                    InRight::Expr(expr) => expr.visit_subqueries(is_column, visit),
                    InRight::List(list) => all(list, is_column, visit),
                    InRight::Query(query) => visit(query),
                    InRight::Name(path) if is_column(path) => Ok(()),
                    InRight::Name(path) => {
                        let mut query = Box::new(Query::all_of(path));
                        visit(&mut query)?;
                        *right = InRight::Query(query);
                        Ok(())
                    }
                }
            }
            Self::Ternary {
                condition,
                then,
                otherwise,
            } => all([condition, then, otherwise], is_column, visit),
            Self::Case {
                operand,
                whens,
                otherwise,
            } => {
                all(operand, is_column, visit)?;
                for CaseWhen { when, then } in whens {
                    all([when, then], is_column, visit)?;
                }
                all(otherwise, is_column, visit)
            }
            Self::Subscript { expr, index } => all([expr, index], is_column, visit),
            Self::Subquery(query) | Self::Exists(query) => visit(query),
        }
    }
}

fn all<'e, E, I, X>(
    exprs: I,
    is_column: &dyn Fn(&[String]) -> bool,
    visit: &mut dyn FnMut(&mut Query) -> Result<(), E>,
) -> Result<(), E>
where
    I: IntoIterator<Item = &'e mut X>,
    X: std::borrow::BorrowMut<Expr> + 'e,
{
    exprs
        .into_iter()
        .try_for_each(|expr| expr.borrow_mut().visit_subqueries(is_column, visit))
}

fn in_function<E>(
    function: &mut Function,
    is_column: &dyn Fn(&[String]) -> bool,
    visit: &mut dyn FnMut(&mut Query) -> Result<(), E>,
) -> Result<(), E> {
    all(function.params.iter_mut().flatten(), is_column, visit)?;
    all(&mut function.args, is_column, visit)?;
    all(&mut function.filter, is_column, visit)?;
    if let Some(WindowRef::Spec(spec)) = &mut function.over {
        all(&mut spec.partition_by, is_column, visit)?;
        all(spec.order_by.iter_mut().map(|o| &mut o.expr), is_column, visit)?;
    }
    Ok(())
}

impl Expr {
    /// The column `from` by its new name, wherever the expression names it; parameters of lambdas hide it.
    pub fn rename_column(&mut self, from: &str, to: &str) {
        match self {
            Self::Identifier(path) => {
                if let Some(last) = path.last_mut()
                    && last == from
                {
                    to.clone_into(last);
                }
            }
            Self::In {
                expr,
                right: InRight::Name(path),
                ..
            } => {
                expr.rename_column(from, to);
                if let [name] = path.as_mut_slice()
                    && name == from
                {
                    to.clone_into(name);
                }
            }
            Self::Lambda { params, .. } if params.iter().any(|p| p == from) => {}
            other => {
                for child in other.children_mut() {
                    child.rename_column(from, to);
                }
            }
        }
    }

    /// The expressions directly below; not those in sub-queries.
    fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Literal(_)
            | Self::Identifier(_)
            | Self::Parameter { .. }
            | Self::Subquery(_)
            | Self::Exists(_)
            | Self::Star(_) => Vec::new(),
            Self::Function(function) => {
                let window = match &mut function.over {
                    Some(WindowRef::Spec(spec)) => {
                        let order = spec.order_by.iter_mut().map(|o| &mut o.expr);
                        spec.partition_by.iter_mut().chain(order).collect()
                    }
                    Some(WindowRef::Name(_)) | None => Vec::new(),
                };
                let params = function.params.iter_mut().flatten();
                params
                    .chain(&mut function.args)
                    .chain(&mut function.filter)
                    .chain(window)
                    .collect()
            }
            Self::Unary { expr, .. }
            | Self::IsNull { expr, .. }
            | Self::Cast { expr, .. }
            | Self::Interval { value: expr, .. }
            | Self::TupleIndex { expr, .. }
            | Self::Member { expr, .. }
            | Self::Lambda { body: expr, .. }
            | Self::Alias { expr, .. } => vec![expr],
            Self::Binary { left, right, .. } => vec![left, right],
            Self::And(list) | Self::Or(list) | Self::Tuple(list) | Self::Array(list) => {
                list.iter_mut().collect()
            }
            Self::Between { expr, low, high, .. } => vec![expr, low, high],
            Self::In { expr, right, .. } => {
                let mut out: Vec<&mut Self> = vec![expr];
                match right {
                    InRight::Expr(right) => out.push(right),
                    InRight::List(list) => out.extend(list),
                    InRight::Query(_) | InRight::Name(_) => {}
                }
                out
            }
            Self::Ternary {
                condition,
                then,
                otherwise,
            } => vec![condition, then, otherwise],
            Self::Case {
                operand,
                whens,
                otherwise,
            } => {
                let whens = whens.iter_mut().flat_map(|w| [&mut w.when, &mut w.then]);
                let operand = operand.iter_mut().map(AsMut::as_mut);
                operand
                    .chain(whens)
                    .chain(otherwise.iter_mut().map(AsMut::as_mut))
                    .collect()
            }
            Self::Subscript { expr, index } => vec![expr, index],
        }
    }
}

impl Query {
    /// `SELECT * FROM path`, of a table or of a database and a table.
    pub fn all_of(path: &[String]) -> Self {
        let name = match path {
            [database, table] => ObjectName::new(Some(database), table),
            other => ObjectName::new(None, &other.join(".")),
        };
        let table = TableRef {
            source: TableSource::Table(name),
            alias: None,
            column_aliases: Vec::new(),
            final_: false,
            sample: None,
            sample_offset: None,
        };
        Self {
            body: SetExpr::Select(Box::new(Select {
                projection: vec![Expr::Star(Box::default())],
                from: vec![FromItem::Table(table)],
                ..Select::default()
            })),
            settings: Vec::new(),
            format: None,
        }
    }
}
