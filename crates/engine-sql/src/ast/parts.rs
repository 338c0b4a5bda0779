//! What an expression is directly made of, for all that looks at expressions or changes them in place.

use super::{CaseWhen, Expr, FrameBoundSpec, Function, InRight, Query, StarTransform, WindowRef, WindowSpec};

/// One piece of an expression.
pub enum ExprPart<'e> {
    Expr(&'e mut Expr),
    Query(&'e mut Query),
    /// A name there, which may be that of a column or of a table.
    RightOfIn(&'e mut InRight),
}

impl Expr {
    /// The pieces in the order of the text.
    pub fn parts_mut(&mut self) -> Vec<ExprPart<'_>> {
        match self {
            Self::Literal(_) | Self::Identifier(_) | Self::Parameter { .. } => Vec::new(),
            Self::Star(star) => star.transforms.iter_mut().flat_map(of_transform).collect(),
            Self::Function(function) => of_function(function),
            Self::Unary { expr, .. }
            | Self::IsNull { expr, .. }
            | Self::Cast { expr, .. }
            | Self::Interval { value: expr, .. }
            | Self::TupleIndex { expr, .. }
            | Self::Member { expr, .. }
            | Self::Lambda { body: expr, .. }
            | Self::Alias { expr, .. } => vec![ExprPart::Expr(expr)],
            Self::Binary { left, right, .. } => exprs([&mut **left, right]),
            Self::And(list) | Self::Or(list) | Self::Tuple(list) | Self::Array(list) => exprs(list),
            Self::Between { expr, low, high, .. } => exprs([&mut **expr, low, high]),
            Self::In { expr, right, .. } => {
                let mut out = vec![ExprPart::Expr(expr)];
                match right {
                    InRight::Expr(right) => out.push(ExprPart::Expr(right)),
                    InRight::List(list) => out.extend(exprs(list)),
                    InRight::Query(query) => out.push(ExprPart::Query(query)),
                    InRight::Name(_) => out.push(ExprPart::RightOfIn(right)),
                }
                out
            }
            Self::Ternary {
                condition,
                then,
                otherwise,
            } => exprs([&mut **condition, then, otherwise]),
            Self::Case {
                operand,
                whens,
                otherwise,
            } => {
                let whens = whens.iter_mut().flat_map(|CaseWhen { when, then }| [when, then]);
                exprs(
                    operand
                        .as_deref_mut()
                        .into_iter()
                        .chain(whens)
                        .chain(otherwise.as_deref_mut()),
                )
            }
            Self::Subscript { expr, index } => exprs([&mut **expr, index]),
            Self::Subquery(query) | Self::Exists(query) => vec![ExprPart::Query(query)],
        }
    }
}

fn exprs<'e>(list: impl IntoIterator<Item = &'e mut Expr>) -> Vec<ExprPart<'e>> {
    list.into_iter().map(ExprPart::Expr).collect()
}

fn of_transform(transform: &mut StarTransform) -> Vec<ExprPart<'_>> {
    match transform {
        StarTransform::Except(_) => Vec::new(),
        StarTransform::Replace(list) => exprs(list.iter_mut().map(|(expr, _)| expr)),
        StarTransform::Apply(expr) => exprs([&mut **expr]),
    }
}

fn of_function(function: &mut Function) -> Vec<ExprPart<'_>> {
    let window = match &mut function.over {
        Some(WindowRef::Spec(spec)) => spec.exprs_mut(),
        Some(WindowRef::Name(_)) | None => Vec::new(),
    };
    exprs(
        function
            .params
            .iter_mut()
            .flatten()
            .chain(&mut function.args)
            .chain(&mut function.filter)
            .chain(window),
    )
}

impl WindowSpec {
    /// All expressions, in the order of the text.
    pub fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        let bounds = self
            .frame
            .iter_mut()
            .flat_map(|frame| [&mut frame.start, &mut frame.end])
            .filter_map(|bound| match bound {
                FrameBoundSpec::Preceding(expr) | FrameBoundSpec::Following(expr) => Some(&mut **expr),
                FrameBoundSpec::UnboundedPreceding
                | FrameBoundSpec::CurrentRow
                | FrameBoundSpec::UnboundedFollowing => None,
            });
        self.partition_by
            .iter_mut()
            .chain(self.order_by.iter_mut().map(|o| &mut o.expr))
            .chain(bounds)
            .collect()
    }
}
