//! SELECT and its clauses.

use super::{Expr, Literal, ObjectName, WindowSpec};

/// A query with what only the outermost may carry.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub body: SetExpr,
    /// `SETTINGS` after `FORMAT`; those before it are the last SELECT's.
    pub settings: Vec<Setting>,
    pub format: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetExpr {
    Select(Box<Select>),
    /// Two or more inputs of one operator, left to right.
    Operation {
        op: SetOp,
        inputs: Vec<SetExpr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOp {
    UnionAll,
    UnionDistinct,
    /// Plain `UNION`: an error unless `union_default_mode` is set.
    Union,
    Intersect,
    IntersectDistinct,
    Except,
    ExceptDistinct,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Select {
    pub with: Vec<With>,
    pub recursive: bool,
    pub distinct: Option<Distinct>,
    pub projection: Vec<Expr>,
    /// The first is a table (or there is only ARRAY JOIN); the rest are joins in order.
    pub from: Vec<FromItem>,
    pub prewhere: Option<Expr>,
    pub filter: Option<Expr>,
    pub group_by: Option<GroupBy>,
    pub with_totals: bool,
    pub having: Option<Expr>,
    pub windows: Vec<NamedWindow>,
    pub qualify: Option<Expr>,
    pub order_by: Vec<OrderBy>,
    pub order_by_all: bool,
    pub interpolate: Option<Vec<Interpolate>>,
    pub limit_by: Option<LimitBy>,
    pub limit: Option<Limit>,
    pub settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct With {
    pub name: String,
    pub body: WithBody,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WithBody {
    /// `name AS (SELECT …)`.
    Query(Box<Query>),
    /// `expr AS name`, `(SELECT …) AS name`.
    Expr(Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Distinct {
    All,
    On(Vec<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum FromItem {
    Table(TableRef),
    Join(Join),
    ArrayJoin(ArrayJoin),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableRef {
    pub source: TableSource,
    pub alias: Option<String>,
    pub column_aliases: Vec<String>,
    pub final_: bool,
    pub sample: Option<Expr>,
    pub sample_offset: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TableSource {
    Table(ObjectName),
    Function { name: String, args: Vec<Expr> },
    Query(Box<Query>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub side: JoinSide,
    pub strictness: Option<JoinStrictness>,
    pub global: bool,
    pub table: TableRef,
    pub constraint: JoinConstraint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinSide {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    /// `FROM a, b`.
    Comma,
    Paste,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinStrictness {
    All,
    Any,
    Semi,
    Anti,
    Asof,
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinConstraint {
    None,
    On(Expr),
    Using(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArrayJoin {
    pub left: bool,
    pub arrays: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GroupBy {
    All,
    Exprs(Vec<Expr>),
    Rollup(Vec<Expr>),
    Cube(Vec<Expr>),
    Sets(Vec<Vec<Expr>>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct NamedWindow {
    pub name: String,
    pub spec: WindowSpec,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: Option<bool>,
    pub collate: Option<String>,
    pub fill: Option<Fill>,
}

/// `WITH FILL`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Fill {
    pub from: Option<Expr>,
    pub to: Option<Expr>,
    pub step: Option<Expr>,
    pub staleness: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Interpolate {
    pub column: String,
    pub expr: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LimitBy {
    pub limit: Expr,
    pub offset: Option<Expr>,
    pub by: Vec<Expr>,
}

/// At least one of `limit` and `offset` is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub with_ties: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: String,
    pub value: Literal,
}
