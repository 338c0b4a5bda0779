//! Walks over the columns of an expression and over its children.

use std::sync::Arc;

use engine_types::DataType;

use super::{Expr, ExprKind, Lambda};

impl Expr {
    /// The direct operands. A lambda's captures count, its body does not: that has columns of its own.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => Vec::new(),
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::And(list) | ExprKind::Or(list) => list.iter().collect(),
            ExprKind::HigherOrder { lambda, arrays, .. } => lambda.captures.iter().chain(arrays).collect(),
            ExprKind::InSet { arg, .. } => vec![arg],
        }
    }

    /// Calls `visit` with every column of the input schema that the expression reads (repeats included).
    pub fn each_column(&self, visit: &mut dyn FnMut(usize)) {
        self.each_column_typed(&mut |column, _| visit(column));
    }

    pub fn each_column_typed(&self, visit: &mut dyn FnMut(usize, &DataType)) {
        if let ExprKind::Column(column) = self.kind {
            visit(column, &self.ty);
        }
        for child in self.children() {
            child.each_column_typed(visit);
        }
    }

    /// Renumbers the columns of the input schema.
    pub fn map_columns(&mut self, place: &dyn Fn(usize) -> usize) {
        self.substitute(&|column, ty| Expr::column(place(column), ty.clone()));
    }

    /// Puts another expression in place of each column.
    pub fn substitute(&mut self, replacement: &dyn Fn(usize, &DataType) -> Expr) {
        match &mut self.kind {
            ExprKind::Column(column) => *self = replacement(*column, &self.ty),
            ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => {}
            ExprKind::Call { args, .. } => args.iter_mut().for_each(|a| a.substitute(replacement)),
            ExprKind::And(list) | ExprKind::Or(list) => {
                list.iter_mut().for_each(|a| a.substitute(replacement))
            }
            ExprKind::HigherOrder { lambda, arrays, .. } => {
                if !lambda.captures.is_empty() {
                    Arc::make_mut(lambda)
                        .captures
                        .iter_mut()
                        .for_each(|a| a.substitute(replacement));
                }
                arrays.iter_mut().for_each(|a| a.substitute(replacement));
            }
            ExprKind::InSet { arg, .. } => arg.substitute(replacement),
        }
    }

    /// The same over other children: `change` answers each of [`Expr::children`].
    pub fn try_map_children<E>(&self, change: &mut dyn FnMut(&Self) -> Result<Self, E>) -> Result<Self, E> {
        let mut list = |list: &[Self]| list.iter().map(&mut *change).collect::<Result<Vec<_>, E>>();
        let kind = match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => self.kind.clone(),
            ExprKind::Call { function, args } => ExprKind::Call {
                function: *function,
                args: list(args)?,
            },
            ExprKind::And(operands) => ExprKind::And(list(operands)?),
            ExprKind::Or(operands) => ExprKind::Or(list(operands)?),
            ExprKind::HigherOrder {
                function,
                lambda,
                arrays,
            } => ExprKind::HigherOrder {
                function: *function,
                lambda: Arc::new(Lambda {
                    captures: list(&lambda.captures)?,
                    ..Lambda::clone(lambda)
                }),
                arrays: list(arrays)?,
            },
            ExprKind::InSet { arg, set, negated } => ExprKind::InSet {
                arg: Box::new(change(arg)?),
                set: set.clone(),
                negated: *negated,
            },
        };
        Ok(Self {
            kind,
            ty: self.ty.clone(),
        })
    }

    /// Nodes of the tree, bodies of lambdas included.
    pub fn size(&self) -> usize {
        let body = match &self.kind {
            ExprKind::HigherOrder { lambda, .. } => lambda.body.size(),
            _ => 0,
        };
        let children = self.children().into_iter().map(Self::size);
        1 + body + children.sum::<usize>()
    }

    /// The [`Expr::size`] this would have with each column replaced by what computes it.
    pub fn size_with(&self, by: &[Expr]) -> usize {
        let mut size = self.size();
        self.each_column(&mut |column| size = size.saturating_add(by.get(column).map_or(0, Self::size)));
        size
    }

    /// Whether some function in it calls a lambda.
    pub fn has_lambda(&self) -> bool {
        matches!(self.kind, ExprKind::HigherOrder { .. }) || self.children().into_iter().any(Self::has_lambda)
    }

    /// All functions in it give equal results for equal arguments.
    pub fn deterministic(&self) -> bool {
        let own = match &self.kind {
            ExprKind::Call { function, .. } => function.deterministic(),
            ExprKind::HigherOrder { lambda, .. } => lambda.body.deterministic(),
            _ => true,
        };
        own && self.children().into_iter().all(Self::deterministic)
    }
}
