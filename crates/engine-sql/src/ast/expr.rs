//! Expressions.

use super::{OrderBy, Query, TypeName};

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Literal(Literal),
    /// `a`, `t.a`, `db.t.a`.
    Identifier(Vec<String>),
    /// `*`, `t.*`, `COLUMNS('re')`, with their transformers.
    Star(Box<Star>),
    /// `{name:Type}`.
    Parameter {
        name: String,
        ty: TypeName,
    },
    Function(Box<Function>),
    Unary {
        op: UnaryOp,
        expr: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Two or more operands.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    In {
        expr: Box<Expr>,
        right: InRight,
        negated: bool,
        global: bool,
    },
    /// `c ? a : b`.
    Ternary {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<CaseWhen>,
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(x AS T)` and `x::T`.
    Cast {
        expr: Box<Expr>,
        ty: TypeName,
    },
    /// `INTERVAL n UNIT`; the unit in lower case, singular.
    Interval {
        value: Box<Expr>,
        unit: String,
    },
    /// `(a, b)`, `(a,)`, `()`.
    Tuple(Vec<Expr>),
    Array(Vec<Expr>),
    /// `a[i]`.
    Subscript {
        expr: Box<Expr>,
        index: Box<Expr>,
    },
    /// `t.1`.
    TupleIndex {
        expr: Box<Expr>,
        index: u64,
    },
    /// `(…).name`.
    Member {
        expr: Box<Expr>,
        name: String,
    },
    Lambda {
        params: Vec<String>,
        body: Box<Expr>,
    },
    Subquery(Box<Query>),
    Exists(Box<Query>),
    /// `expr AS name`, anywhere.
    Alias {
        expr: Box<Expr>,
        name: String,
    },
}

/// Numbers keep their text (lower case, without `_`): how wide they are is the binder's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Null,
    Bool(bool),
    Number(String),
    String(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Negate,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Plus,
    Minus,
    Multiply,
    Divide,
    Modulo,
    IntDiv,
    Concat,
    Equals,
    NotEquals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    /// `<=>`, `IS NOT DISTINCT FROM`.
    NullSafeEquals,
    /// `IS DISTINCT FROM`.
    NullSafeNotEquals,
    Like,
    NotLike,
    ILike,
    NotILike,
    Regexp,
    NotRegexp,
}

impl BinaryOp {
    /// As printed between the operands.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::IntDiv => "DIV",
            Self::Concat => "||",
            Self::Equals => "=",
            Self::NotEquals => "!=",
            Self::Less => "<",
            Self::LessOrEquals => "<=",
            Self::Greater => ">",
            Self::GreaterOrEquals => ">=",
            Self::NullSafeEquals => "<=>",
            Self::NullSafeNotEquals => "IS DISTINCT FROM",
            Self::Like => "LIKE",
            Self::NotLike => "NOT LIKE",
            Self::ILike => "ILIKE",
            Self::NotILike => "NOT ILIKE",
            Self::Regexp => "REGEXP",
            Self::NotRegexp => "NOT REGEXP",
        }
    }

    /// The function the operator stands for; `NOT REGEXP` is `not(match(…))`.
    pub fn function(self) -> &'static str {
        match self {
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
            Self::IntDiv => "intDiv",
            Self::Concat => "concat",
            Self::Equals => "equals",
            Self::NotEquals => "notEquals",
            Self::Less => "less",
            Self::LessOrEquals => "lessOrEquals",
            Self::Greater => "greater",
            Self::GreaterOrEquals => "greaterOrEquals",
            Self::NullSafeEquals => "isNotDistinctFrom",
            Self::NullSafeNotEquals => "isDistinctFrom",
            Self::Like => "like",
            Self::NotLike => "notLike",
            Self::ILike => "ilike",
            Self::NotILike => "notILike",
            Self::Regexp | Self::NotRegexp => "match",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseWhen {
    pub when: Expr,
    pub then: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InRight {
    /// Any expression: a tuple, an array, a literal, a parameter.
    Expr(Box<Expr>),
    /// A parenthesised list, also of one element.
    List(Vec<Expr>),
    Query(Box<Query>),
    /// A name alone: a table, a WITH query or an alias.
    Name(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Function {
    pub name: String,
    /// `f(params)(args)`.
    pub params: Option<Vec<Expr>>,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub filter: Option<Expr>,
    pub over: Option<WindowRef>,
    /// `lag(x) IGNORE NULLS` (true) or `RESPECT NULLS` (false).
    pub ignore_nulls: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WindowRef {
    Name(String),
    Spec(WindowSpec),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct WindowSpec {
    /// A named window this one starts from.
    pub base: Option<String>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderBy>,
    pub frame: Option<FrameSpec>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FrameSpec {
    pub rows: bool,
    pub start: FrameBoundSpec,
    pub end: FrameBoundSpec,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FrameBoundSpec {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Star {
    /// `t.*`; empty for a bare star.
    pub qualifier: Vec<String>,
    /// `COLUMNS('re')`: only the columns that match.
    pub regexp: Option<String>,
    pub transforms: Vec<StarTransform>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StarTransform {
    Except(Vec<String>),
    /// `expr AS column`.
    Replace(Vec<(Expr, String)>),
    /// A function's name, or a lambda.
    Apply(Box<Expr>),
}
