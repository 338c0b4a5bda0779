//! Expressions.

use std::borrow::Cow;

use crate::{Query, Select, Value};

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Column {
        table: Option<Cow<'static, str>>,
        name: Cow<'static, str>,
    },
    Param(Value),
    /// A constant of the program, never of a user.
    Literal(Literal),
    Call(Box<Call>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// The empty conjunction is true.
    And(Vec<Expr>),
    /// The empty disjunction is false.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    In {
        expr: Box<Expr>,
        set: Set,
        negated: bool,
    },
    Exists(Box<Query>),
    Case(Box<Case>),
    /// `ty` is written as it is: a type of the caller's dialect.
    Cast {
        expr: Box<Expr>,
        ty: Cow<'static, str>,
    },
    Interval {
        count: i64,
        unit: Unit,
    },
    /// One row, one column.
    Scalar(Box<Query>),
    Tuple(Vec<Expr>),
    Array(Vec<Expr>),
    /// ClickHouse only.
    Lambda {
        params: Vec<Cow<'static, str>>,
        body: Box<Expr>,
    },
    /// `*`, or `t.*`.
    Star(Option<Cow<'static, str>>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text of the program's own: a zone name in a formula, a unit, a separator.
    Text(&'static str),
}

/// `name(params)(DISTINCT args ORDER BY …) WITHIN GROUP (…) FILTER (WHERE …) OVER (…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: Cow<'static, str>,
    /// Of a parametric aggregate; ClickHouse only.
    pub params: Vec<Expr>,
    pub args: Vec<Expr>,
    pub distinct: bool,
    /// Postgres only.
    pub order_by: Vec<Order>,
    /// Postgres only.
    pub within_group: Vec<Order>,
    pub filter: Option<Expr>,
    pub over: Option<Window>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<Order>,
    pub frame: Option<Frame>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// ROWS when true, RANGE otherwise.
    pub rows: bool,
    pub start: Bound,
    pub end: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    UnboundedPreceding,
    Preceding(u32),
    CurrentRow,
    Following(u32),
    UnboundedFollowing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Like,
    ILike,
    /// Written as it is (`->>`, `~`, `||`, `@>`, `?`); binds tighter than a comparison, looser than `+`.
    Named(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    List(Vec<Expr>),
    /// An array, usually a parameter: `IN {p0:Array(String)}`, `= ANY($1)`.
    Array(Box<Expr>),
    Query(Box<Query>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub whens: Vec<(Expr, Expr)>,
    /// NULL when absent.
    pub otherwise: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub expr: Expr,
    pub descending: bool,
    /// `None`: the dialect's default (NULLs last in ClickHouse; last ascending, first descending in Postgres).
    pub nulls_first: Option<bool>,
}

/// A column by its name alone.
pub fn col(name: impl Into<Cow<'static, str>>) -> Expr {
    Expr::Column {
        table: None,
        name: name.into(),
    }
}

/// Column `name` of `table` (or its alias).
pub fn of(table: impl Into<Cow<'static, str>>, name: impl Into<Cow<'static, str>>) -> Expr {
    Expr::Column {
        table: Some(table.into()),
        name: name.into(),
    }
}

pub fn param(value: impl Into<Value>) -> Expr {
    Expr::Param(value.into())
}

pub fn literal(value: impl Into<Literal>) -> Expr {
    Expr::Literal(value.into())
}

pub fn func(name: impl Into<Cow<'static, str>>, args: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Call(Box::new(Call {
        name: name.into(),
        params: Vec::new(),
        args: args.into_iter().collect(),
        distinct: false,
        order_by: Vec::new(),
        within_group: Vec::new(),
        filter: None,
        over: None,
    }))
}

/// `count(*)`, which is `count()` in ClickHouse's own words.
pub fn count() -> Expr {
    func("count", [star()])
}

pub fn star() -> Expr {
    Expr::Star(None)
}

/// All hold. One operand is itself; nested conjunctions are flattened.
pub fn and(operands: impl IntoIterator<Item = Expr>) -> Expr {
    let mut flat = Vec::new();
    for operand in operands {
        match operand {
            Expr::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match <[Expr; 1]>::try_from(flat) {
        Ok([only]) => only,
        Err(flat) => Expr::And(flat),
    }
}

/// Any holds. One operand is itself; nested disjunctions are flattened.
pub fn or(operands: impl IntoIterator<Item = Expr>) -> Expr {
    let mut flat = Vec::new();
    for operand in operands {
        match operand {
            Expr::Or(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match <[Expr; 1]>::try_from(flat) {
        Ok([only]) => only,
        Err(flat) => Expr::Or(flat),
    }
}

pub fn not(operand: Expr) -> Expr {
    Expr::Not(Box::new(operand))
}

/// `CASE WHEN … THEN … [ELSE …] END`.
pub fn case(whens: impl IntoIterator<Item = (Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case(Box::new(Case {
        whens: whens.into_iter().collect(),
        otherwise,
    }))
}

pub fn cast(expr: Expr, ty: impl Into<Cow<'static, str>>) -> Expr {
    Expr::Cast {
        expr: Box::new(expr),
        ty: ty.into(),
    }
}

pub fn interval(count: i64, unit: Unit) -> Expr {
    Expr::Interval { count, unit }
}

pub fn tuple(items: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Tuple(items.into_iter().collect())
}

pub fn array(items: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Array(items.into_iter().collect())
}

pub fn scalar(query: impl Into<Query>) -> Expr {
    Expr::Scalar(Box::new(query.into()))
}

pub fn exists(query: impl Into<Query>) -> Expr {
    Expr::Exists(Box::new(query.into()))
}

pub fn lambda<P: Into<Cow<'static, str>>>(params: impl IntoIterator<Item = P>, body: Expr) -> Expr {
    Expr::Lambda {
        params: params.into_iter().map(Into::into).collect(),
        body: Box::new(body),
    }
}

impl Expr {
    pub fn binary(self, operator: Operator, right: impl Into<Expr>) -> Expr {
        Expr::Binary {
            operator,
            left: Box::new(self),
            right: Box::new(right.into()),
        }
    }

    pub fn eq(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::Equal, right)
    }

    pub fn ne(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::NotEqual, right)
    }

    pub fn lt(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::Less, right)
    }

    pub fn le(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::LessOrEqual, right)
    }

    pub fn gt(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::Greater, right)
    }

    pub fn ge(self, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::GreaterOrEqual, right)
    }

    /// A binary operator by its text (`->>`, `~`, `||`).
    pub fn op(self, operator: &'static str, right: impl Into<Expr>) -> Expr {
        self.binary(Operator::Named(operator), right)
    }

    pub fn is_null(self) -> Expr {
        Expr::IsNull {
            expr: Box::new(self),
            negated: false,
        }
    }

    pub fn is_not_null(self) -> Expr {
        Expr::IsNull {
            expr: Box::new(self),
            negated: true,
        }
    }

    pub fn in_list(self, items: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::In {
            expr: Box::new(self),
            set: Set::List(items.into_iter().collect()),
            negated: false,
        }
    }

    /// In an array value.
    pub fn in_array(self, array: impl Into<Expr>) -> Expr {
        Expr::In {
            expr: Box::new(self),
            set: Set::Array(Box::new(array.into())),
            negated: false,
        }
    }

    pub fn in_query(self, query: impl Into<Query>) -> Expr {
        Expr::In {
            expr: Box::new(self),
            set: Set::Query(Box::new(query.into())),
            negated: false,
        }
    }

    pub fn not_in_query(self, query: impl Into<Query>) -> Expr {
        Expr::In {
            expr: Box::new(self),
            set: Set::Query(Box::new(query.into())),
            negated: true,
        }
    }

    pub fn asc(self) -> Order {
        Order {
            expr: self,
            descending: false,
            nulls_first: None,
        }
    }

    pub fn desc(self) -> Order {
        Order {
            expr: self,
            descending: true,
            nulls_first: None,
        }
    }

    /// Changes the call; other expressions stay as they are.
    fn with_call(mut self, change: impl FnOnce(&mut Call)) -> Expr {
        if let Expr::Call(call) = &mut self {
            change(call);
        } else {
            debug_assert!(false, "not a call: {self:?}");
        }
        self
    }

    /// `f(DISTINCT …)`.
    pub fn distinct(self) -> Expr {
        self.with_call(|call| call.distinct = true)
    }

    /// `f(…) FILTER (WHERE …)`.
    pub fn filter(self, condition: Expr) -> Expr {
        self.with_call(|call| call.filter = Some(condition))
    }

    /// `f(p)(…)`.
    pub fn params(self, params: impl IntoIterator<Item = Expr>) -> Expr {
        self.with_call(|call| call.params = params.into_iter().collect())
    }

    pub fn within_group(self, order: impl IntoIterator<Item = Order>) -> Expr {
        self.with_call(|call| call.within_group = order.into_iter().collect())
    }

    /// `f(… ORDER BY …)`.
    pub fn ordered(self, order: impl IntoIterator<Item = Order>) -> Expr {
        self.with_call(|call| call.order_by = order.into_iter().collect())
    }

    pub fn over(self, window: Window) -> Expr {
        self.with_call(|call| call.over = Some(window))
    }
}

impl Order {
    pub fn nulls_last(mut self) -> Self {
        self.nulls_first = Some(false);
        self
    }

    pub fn nulls_first(mut self) -> Self {
        self.nulls_first = Some(true);
        self
    }
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $operator:ident),*) => {$(
        impl std::ops::$trait for Expr {
            type Output = Expr;
            fn $method(self, right: Expr) -> Expr {
                self.binary(Operator::$operator, right)
            }
        }
    )*};
}

arithmetic!(Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide);

impl From<Value> for Expr {
    fn from(value: Value) -> Self {
        Expr::Param(value)
    }
}

impl From<Literal> for Expr {
    fn from(literal: Literal) -> Self {
        Expr::Literal(literal)
    }
}

impl From<Select> for Box<Query> {
    fn from(select: Select) -> Self {
        Box::new(select.into())
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Literal {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Literal {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&'static str> for Literal {
    fn from(value: &'static str) -> Self {
        Self::Text(value)
    }
}
