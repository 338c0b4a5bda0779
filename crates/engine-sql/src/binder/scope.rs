//! What names mean inside one SELECT.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use engine_types::DataType;

use super::aggregate_call::RawAggregate;
use crate::{
    ast,
    plan::{Expr, Plan, WindowCall},
};

/// Columns at and above these numbers are not of the FROM clause; they are given their place when the SELECT's
/// operators are put together (see `lowering`).
pub(super) const AGGREGATE: usize = 1 << 40;
pub(super) const ARRAY_JOIN: usize = 1 << 41;
pub(super) const WINDOW: usize = 1 << 42;
pub(super) const LAMBDA_PARAM: usize = 1 << 43;

/// One WITH item; the list leads to the items before it and to those of the enclosing queries.
#[derive(Debug)]
pub(super) struct WithNode {
    pub name: String,
    pub body: ast::WithBody,
    pub parent: With,
}

pub(super) type With = Option<Rc<WithNode>>;

pub(super) fn find_with(mut env: &With, name: &str) -> Option<Rc<WithNode>> {
    while let Some(node) = env {
        if node.name == name {
            return Some(node.clone());
        }
        env = &node.parent;
    }
    None
}

/// A column of the FROM clause; its number is its place in [`Scope::columns`].
#[derive(Clone, Debug)]
pub(super) struct ScopeColumn {
    pub name: String,
    pub ty: DataType,
    /// What may stand before the name: alias, table, database and table.
    pub qualifiers: Rc<Vec<String>>,
    pub kind: Visibility,
    /// Only found with a qualifier: the right side of USING.
    pub shadowed: bool,
}

/// Whether `*` has the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    Visible,
    Materialized,
    Alias,
    /// `_sample_factor`, `_row_exists`: only by its name.
    Virtual,
}

pub(super) struct Scope {
    pub columns: Vec<ScopeColumn>,
    pub aliases: HashMap<String, Rc<ast::Expr>>,
    /// Aliases being put in now: inside its own definition an alias is the column.
    pub expanding: Vec<String>,
    pub lambdas: Vec<Vec<LambdaParam>>,
    pub aggregates: Vec<RawAggregate>,
    /// Arguments of `arrayJoin(…)`, and the element types.
    pub array_joins: Vec<(Expr, DataType)>,
    pub windows: Vec<WindowCall>,
    pub named_windows: HashMap<String, Rc<ast::WindowSpec>>,
    pub with: With,
    /// Sub-queries bound already: the same text in the same WITH environment is the same plan, evaluated once.
    pub subqueries: Vec<BoundSubquery>,
    /// The calls of `windows` as written.
    pub window_texts: Vec<ast::Function>,
    /// The clause in which aggregates are not allowed, while it is bound.
    pub no_aggregates: Option<&'static str>,
    /// Columns win over aliases: in ON, or by `prefer_column_name_to_alias`.
    pub columns_first: bool,
}

pub(super) struct BoundSubquery {
    pub query: ast::Query,
    pub with: With,
    pub plan: Arc<Plan>,
}

/// The same list of WITH items, not just equal ones.
pub(super) fn same_with(a: &With, b: &With) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

#[derive(Clone, Debug)]
pub(super) struct LambdaParam {
    pub name: String,
    pub column: usize,
    pub ty: DataType,
}

impl Scope {
    pub fn new(with: With) -> Self {
        Self {
            columns: Vec::new(),
            aliases: HashMap::new(),
            expanding: Vec::new(),
            lambdas: Vec::new(),
            aggregates: Vec::new(),
            array_joins: Vec::new(),
            windows: Vec::new(),
            named_windows: HashMap::new(),
            with,
            subqueries: Vec::new(),
            window_texts: Vec::new(),
            no_aggregates: None,
            columns_first: false,
        }
    }

    /// The first column of that name; a qualified one when `qualifier` is given.
    pub fn find(&self, qualifier: Option<&str>, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| {
            c.name == name
                && match qualifier {
                    None => !c.shadowed,
                    Some(q) => c.qualifiers.iter().any(|have| have == q),
                }
        })
    }

    pub fn has_qualifier(&self, qualifier: &str) -> bool {
        self.columns
            .iter()
            .any(|c| c.qualifiers.iter().any(|q| q == qualifier))
    }
}
