//! The typed logical plan: what the binder produces, the optimiser rewrites and `engine-exec` runs.
//!
//! Columns are addressed by position in the schema of the input; names are kept only for results and EXPLAIN.

mod equality;
mod explain;
mod inputs;
mod walk;

pub use explain::{explain, expr as explain_expr};

use std::sync::Arc;

use engine_functions::{AggregateFunction, HigherOrderFunction, ScalarFunction};
use engine_types::{DataType, Schema, Value};

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: DataType,
}

#[derive(Clone)]
pub enum ExprKind {
    /// Column of the input schema.
    Column(usize),
    Literal(Value),
    Call {
        function: &'static dyn ScalarFunction,
        args: Vec<Expr>,
    },
    /// `AND`/`OR` over two or more operands: short-circuit by selection. Operands are UInt8/Bool or Nullable of it.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// The body's columns are: captures first, then the lambda's parameters.
    HigherOrder {
        function: &'static dyn HigherOrderFunction,
        lambda: Arc<Lambda>,
        arrays: Vec<Expr>,
    },
    /// `arg IN (set)`, `arg NOT IN (set)`; tuples compare elementwise.
    InSet {
        arg: Box<Expr>,
        set: SetSource,
        negated: bool,
    },
    /// First column of the single row of an uncorrelated sub-query; evaluated once, NULL when it has no row.
    ScalarSubquery(Arc<Plan>),
}

#[derive(Clone, Debug)]
pub struct Lambda {
    pub captures: Vec<Expr>,
    pub params: Vec<DataType>,
    pub body: Expr,
}

/// Right side of IN, evaluated once before the plan runs. Values are already cast to the left type.
#[derive(Clone, Debug)]
pub enum SetSource {
    Values(Arc<Vec<Value>>),
    /// One column; a tuple column when the left side is a tuple.
    Subquery(Arc<Plan>),
}

/// One aggregate of an [`Plan::Aggregate`].
#[derive(Clone)]
pub struct Aggregate {
    pub function: Arc<dyn AggregateFunction>,
    /// What `function` was made with.
    pub params: Vec<Value>,
    pub args: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinStrictness {
    All,
    Any,
    Semi,
    Anti,
}

#[derive(Clone, Debug)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    /// NULL and NaN first; the default is last for ASC and DESC.
    pub nulls_first: bool,
}

/// One window function; frame bounds as in SQL.
#[derive(Clone)]
pub struct WindowCall {
    pub function: WindowFunction,
    pub args: Vec<Expr>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
    pub frame: Frame,
    pub ty: DataType,
}

#[derive(Clone)]
pub enum WindowFunction {
    Aggregate(Arc<dyn AggregateFunction>),
    RowNumber,
    Rank,
    DenseRank,
    FirstValue,
    LastValue,
    NthValue,
    LagInFrame,
    LeadInFrame,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// ROWS when true, RANGE (peers of the ORDER BY key) when false.
    pub rows: bool,
    pub start: FrameBound,
    pub end: FrameBound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(u64),
    CurrentRow,
    Following(u64),
    UnboundedFollowing,
}

/// A table as bound: the catalogue resolves the name once, execution scans exactly this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    pub database: String,
    pub table: String,
}

/// The value of a key in a column of JSON objects as it stands in the text, '' where there is none: a String column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonCell {
    /// Position of the table's column.
    pub column: usize,
    pub key: Vec<u8>,
}

/// Every node's output schema is [`Plan::schema`].
#[derive(Clone)]
pub enum Plan {
    /// One row, no columns: `SELECT 1`.
    OneRow,
    Scan {
        table: TableName,
        /// Positions of the table's columns to read; the output schema begins with them in this order.
        columns: Vec<usize>,
        schema: Schema,
        /// Conjuncts over the output schema, all of which a row must pass. The scan may use them for pruning and must apply them.
        filters: Vec<Expr>,
        /// `FINAL`: rows as if all merges had run.
        final_: bool,
        /// The last columns of the output: values of keys in JSON columns.
        cells: Vec<JsonCell>,
    },
    /// `numbers(n)`, `numbers(offset, n)`: one UInt64 column `number`.
    Numbers {
        offset: u64,
        count: u64,
    },
    /// Literal rows: `VALUES`, system tables.
    Values {
        schema: Schema,
        rows: Arc<Vec<Vec<Value>>>,
    },
    Filter {
        input: Box<Plan>,
        predicate: Expr,
    },
    Project {
        input: Box<Plan>,
        exprs: Vec<Expr>,
        schema: Schema,
    },
    /// Output: the keys, then the aggregates. Without keys: exactly one row.
    Aggregate {
        input: Box<Plan>,
        keys: Vec<Expr>,
        aggregates: Vec<Aggregate>,
        schema: Schema,
    },
    /// Output: all left columns, then all right columns (for Semi/Anti: left only). Unmatched sides are filled with type
    /// defaults, or NULL where the schema says Nullable. `on` are equal pairs (left over the left schema, right over the
    /// right schema); `residual` is over left ++ right and part of the ON condition.
    Join {
        left: Box<Plan>,
        right: Box<Plan>,
        kind: JoinKind,
        strictness: JoinStrictness,
        on: Vec<(Expr, Expr)>,
        residual: Option<Expr>,
        schema: Schema,
    },
    /// Replaces each `(column, …)` of arrays by its elements, one output row an element; `left` keeps empty arrays as one
    /// row of defaults. Output schema: the input's, with the element types at `columns`.
    ArrayJoin {
        input: Box<Plan>,
        columns: Vec<usize>,
        left: bool,
        schema: Schema,
    },
    /// Output: the input's columns, then one column a call.
    Window {
        input: Box<Plan>,
        calls: Vec<WindowCall>,
        schema: Schema,
    },
    /// `limit`: keep only the first so many rows (top-N).
    Sort {
        input: Box<Plan>,
        keys: Vec<SortKey>,
        limit: Option<u64>,
    },
    LimitBy {
        input: Box<Plan>,
        keys: Vec<Expr>,
        limit: u64,
        offset: u64,
    },
    Limit {
        input: Box<Plan>,
        limit: Option<u64>,
        offset: u64,
    },
    Distinct {
        input: Box<Plan>,
    },
    /// All inputs have the same types.
    UnionAll {
        inputs: Vec<Plan>,
        schema: Schema,
    },
}

impl Plan {
    /// Names and types of the output columns.
    pub fn schema(&self) -> Schema {
        match self {
            Self::OneRow => Vec::new(),
            Self::Numbers { .. } => vec![engine_types::Field::new("number", DataType::UInt64)],
            Self::Scan { schema, .. }
            | Self::Values { schema, .. }
            | Self::Project { schema, .. }
            | Self::Aggregate { schema, .. }
            | Self::Join { schema, .. }
            | Self::ArrayJoin { schema, .. }
            | Self::Window { schema, .. }
            | Self::UnionAll { schema, .. } => schema.clone(),
            Self::Filter { input, .. }
            | Self::Sort { input, .. }
            | Self::LimitBy { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input } => input.schema(),
        }
    }
}

impl Expr {
    pub fn column(index: usize, ty: DataType) -> Self {
        Self {
            kind: ExprKind::Column(index),
            ty,
        }
    }

    pub fn literal(value: Value, ty: DataType) -> Self {
        Self {
            kind: ExprKind::Literal(value),
            ty,
        }
    }
}

impl std::fmt::Debug for ExprKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Column(i) => write!(f, "#{i}"),
            Self::Literal(v) => write!(f, "{v:?}"),
            Self::Call { function, args } => {
                f.write_str(function.name())?;
                f.debug_list().entries(args.iter().map(|a| &a.kind)).finish()
            }
            Self::And(list) => f.debug_tuple("And").field(list).finish(),
            Self::Or(list) => f.debug_tuple("Or").field(list).finish(),
            Self::HigherOrder {
                function,
                lambda,
                arrays,
            } => f
                .debug_tuple(function.name())
                .field(lambda)
                .field(arrays)
                .finish(),
            Self::InSet { arg, negated, .. } => f
                .debug_tuple(if *negated { "NotIn" } else { "In" })
                .field(arg)
                .finish(),
            Self::ScalarSubquery(_) => f.write_str("ScalarSubquery"),
        }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("schema", &self.schema())
            .finish_non_exhaustive()
    }
}
