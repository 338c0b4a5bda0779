//! Columns, indexes, constraints and storage clauses of CREATE TABLE and ALTER.

use super::{Expr, Literal, Select, Setting, TypeName};

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: String,
    /// May be left out where a default expression gives it.
    pub ty: Option<TypeName>,
    /// `NULL` / `NOT NULL` after the type.
    pub null: Option<bool>,
    pub default: Option<ColumnDefault>,
    pub comment: Option<Vec<u8>>,
    /// Codecs as calls or names.
    pub codec: Option<Vec<Expr>>,
    pub ttl: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefault {
    pub kind: DefaultKind,
    /// Only `EPHEMERAL` may be without.
    pub expr: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultKind {
    Default,
    Materialized,
    Alias,
    Ephemeral,
}

impl DefaultKind {
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Materialized => "MATERIALIZED",
            Self::Alias => "ALIAS",
            Self::Ephemeral => "EPHEMERAL",
        }
    }
}

/// `INDEX name expr TYPE kind GRANULARITY n`.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDef {
    pub name: String,
    pub expr: Expr,
    /// `minmax`, `set(100)`, `bloom_filter(0.01)`.
    pub kind: Expr,
    pub granularity: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionDef {
    pub name: String,
    pub select: Box<Select>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub name: String,
    /// `ASSUME` rather than `CHECK`.
    pub assume: bool,
    pub expr: Expr,
}

/// The clauses after the column list.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Storage {
    pub engine: Option<EngineSpec>,
    pub partition_by: Option<Expr>,
    pub primary_key: Option<Expr>,
    /// `tuple()` for none; a tuple for several.
    pub order_by: Option<Expr>,
    pub sample_by: Option<Expr>,
    pub ttl: Vec<TtlItem>,
    pub settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EngineSpec {
    pub name: String,
    /// `None`: no parentheses.
    pub args: Option<Vec<Expr>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TtlItem {
    pub expr: Expr,
    pub action: TtlAction,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TtlAction {
    Delete,
    ToDisk(Literal),
    ToVolume(Literal),
    Recompress(Vec<Expr>),
    GroupBy {
        keys: Vec<Expr>,
        set: Vec<(String, Expr)>,
    },
}
