//! Statements and their clauses.

use std::borrow::Cow;

use crate::{Dialect, Expr, Order, Statement, Unsupported, and};

#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Select(Box<Select>),
    UnionAll(Vec<Query>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub with: Vec<Cte>,
    pub distinct: bool,
    /// Postgres only.
    pub distinct_on: Vec<Expr>,
    pub columns: Vec<Column>,
    pub from: Option<From>,
    /// `ARRAY JOIN expr AS alias, …`; ClickHouse only.
    pub array_join: Vec<Column>,
    /// All of these.
    pub filters: Vec<Expr>,
    pub group_by: Vec<Expr>,
    /// All of these.
    pub having: Vec<Expr>,
    pub order_by: Vec<Order>,
    /// ClickHouse only.
    pub limit_by: Option<LimitBy>,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

/// `name AS (query)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    pub name: Cow<'static, str>,
    pub query: Query,
    /// Computed once and kept; Postgres only, elsewhere not said.
    pub materialized: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub expr: Expr,
    pub alias: Option<Cow<'static, str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LimitBy {
    pub limit: u64,
    pub by: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum From {
    Table(Table),
    Query {
        query: Box<Query>,
        alias: Cow<'static, str>,
        /// Postgres only: may name columns of what stands before it.
        lateral: bool,
    },
    /// `f(…) [WITH ORDINALITY] AS alias(columns)`.
    Function {
        call: Expr,
        alias: Cow<'static, str>,
        columns: Vec<Cow<'static, str>>,
        /// Postgres only.
        ordinality: bool,
        /// Postgres only.
        lateral: bool,
    },
    Join {
        left: Box<From>,
        right: Box<From>,
        kind: JoinKind,
        /// Empty for a cross join.
        on: Vec<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub name: Cow<'static, str>,
    pub alias: Option<Cow<'static, str>>,
    /// ClickHouse only.
    pub final_: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    /// ClickHouse only: left rows with a match, once.
    Semi,
    /// ClickHouse only: left rows without a match.
    Anti,
}

pub fn table(name: impl Into<Cow<'static, str>>) -> From {
    From::Table(Table {
        name: name.into(),
        alias: None,
        final_: false,
    })
}

pub fn subquery(query: impl Into<Query>, alias: impl Into<Cow<'static, str>>) -> From {
    From::Query {
        query: Box::new(query.into()),
        alias: alias.into(),
        lateral: false,
    }
}

pub fn from_function<C: Into<Cow<'static, str>>>(
    call: Expr,
    alias: impl Into<Cow<'static, str>>,
    columns: impl IntoIterator<Item = C>,
) -> From {
    From::Function {
        call,
        alias: alias.into(),
        columns: columns.into_iter().map(Into::into).collect(),
        ordinality: false,
        lateral: false,
    }
}

impl From {
    /// Names the table or sub-query; a join stays as it is.
    pub fn alias(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        match &mut self {
            Self::Table(table) => table.alias = Some(name.into()),
            Self::Query { alias, .. } | Self::Function { alias, .. } => *alias = name.into(),
            Self::Join { .. } => debug_assert!(false, "a join has no name"),
        }
        self
    }

    pub fn lateral(mut self) -> Self {
        match &mut self {
            Self::Query { lateral, .. } | Self::Function { lateral, .. } => *lateral = true,
            Self::Table(_) | Self::Join { .. } => {
                debug_assert!(false, "only a sub-query or function is lateral")
            }
        }
        self
    }

    pub fn with_ordinality(mut self) -> Self {
        match &mut self {
            Self::Function { ordinality, .. } => *ordinality = true,
            Self::Table(_) | Self::Query { .. } | Self::Join { .. } => {
                debug_assert!(false, "only a function has an ordinality");
            }
        }
        self
    }

    /// ClickHouse's `FINAL`.
    pub fn finally(mut self) -> Self {
        match &mut self {
            Self::Table(table) => table.final_ = true,
            Self::Query { .. } | Self::Function { .. } | Self::Join { .. } => {
                debug_assert!(false, "only a table is read FINAL");
            }
        }
        self
    }

    pub fn join(self, kind: JoinKind, right: From, on: impl IntoIterator<Item = Expr>) -> Self {
        Self::Join {
            left: Box::new(self),
            right: Box::new(right),
            kind,
            on: on.into_iter().collect(),
        }
    }

    pub fn inner_join(self, right: From, on: Expr) -> Self {
        self.join(JoinKind::Inner, right, [on])
    }

    pub fn left_join(self, right: From, on: Expr) -> Self {
        self.join(JoinKind::Left, right, [on])
    }

    pub fn cross_join(self, right: From) -> Self {
        self.join(JoinKind::Cross, right, [])
    }
}

impl Select {
    pub fn from(from: From) -> Self {
        Self {
            from: Some(from),
            ..Self::default()
        }
    }

    pub fn with(mut self, name: impl Into<Cow<'static, str>>, query: impl Into<Query>) -> Self {
        self.with.push(Cte {
            name: name.into(),
            query: query.into(),
            materialized: false,
        });
        self
    }

    pub fn with_materialized(mut self, name: impl Into<Cow<'static, str>>, query: impl Into<Query>) -> Self {
        self.with.push(Cte {
            name: name.into(),
            query: query.into(),
            materialized: true,
        });
        self
    }

    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    pub fn distinct_on(mut self, by: impl IntoIterator<Item = Expr>) -> Self {
        self.distinct_on.extend(by);
        self
    }

    /// `expr AS alias`.
    pub fn column(mut self, expr: Expr, alias: impl Into<Cow<'static, str>>) -> Self {
        self.columns.push(Column {
            expr,
            alias: Some(alias.into()),
        });
        self
    }

    /// Without an alias.
    pub fn expr(mut self, expr: Expr) -> Self {
        self.columns.push(Column { expr, alias: None });
        self
    }

    /// Adds a condition; all must hold.
    pub fn filter(mut self, condition: Expr) -> Self {
        match condition {
            Expr::And(all) => self.filters.extend(all),
            one => self.filters.push(one),
        }
        self
    }

    pub fn array_join(mut self, array: Expr, alias: impl Into<Cow<'static, str>>) -> Self {
        self.array_join.push(Column {
            expr: array,
            alias: Some(alias.into()),
        });
        self
    }

    pub fn group_by(mut self, keys: impl IntoIterator<Item = Expr>) -> Self {
        self.group_by.extend(keys);
        self
    }

    pub fn having(mut self, condition: Expr) -> Self {
        match condition {
            Expr::And(all) => self.having.extend(all),
            one => self.having.push(one),
        }
        self
    }

    pub fn order_by(mut self, keys: impl IntoIterator<Item = Order>) -> Self {
        self.order_by.extend(keys);
        self
    }

    pub fn limit_by(mut self, limit: u64, by: impl IntoIterator<Item = Expr>) -> Self {
        self.limit_by = Some(LimitBy {
            limit,
            by: by.into_iter().collect(),
        });
        self
    }

    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    pub fn offset(mut self, rows: u64) -> Self {
        self.offset = Some(rows);
        self
    }

    /// All conditions as one.
    pub fn condition(&self) -> Expr {
        and(self.filters.iter().cloned())
    }

    pub fn print(&self, dialect: Dialect) -> Result<Statement, Unsupported> {
        crate::print::select_statement(self, dialect)
    }
}

impl Query {
    pub fn print(&self, dialect: Dialect) -> Result<Statement, Unsupported> {
        crate::print::query_statement(self, dialect)
    }

    pub fn union_all(queries: impl IntoIterator<Item = Select>) -> Self {
        Self::UnionAll(queries.into_iter().map(Self::from).collect())
    }
}

impl std::convert::From<Select> for Query {
    fn from(select: Select) -> Self {
        Self::Select(Box::new(select))
    }
}
