//! The syntax tree: what the text says, before any name is resolved. `Display` prints it back.

mod expr;
mod parts;
mod query;
mod statement;
mod subqueries;
mod table_definition;
mod type_name;

pub use expr::{
    BinaryOp, CaseWhen, Expr, FrameBoundSpec, FrameSpec, Function, InRight, Literal, Star, StarTransform,
    UnaryOp, WindowRef, WindowSpec,
};
pub use parts::ExprPart;
pub use query::{
    ArrayJoin, Distinct, Fill, FromItem, GroupBy, Interpolate, Join, JoinConstraint, JoinSide,
    JoinStrictness, Limit, LimitBy, NamedWindow, OrderBy, Query, Select, SetExpr, SetOp, Setting, TableRef,
    TableSource, With, WithBody,
};
pub use statement::{
    AlterAction, ColumnPlace, CreateDatabase, CreateTable, CreateView, Delete, DropKind, DropStatement,
    DropVerb, Explain, Insert, InsertSource, InsertTarget, Kill, ObjectKind, Optimize, PartitionRef,
    PartitionVerb, Show, Statement, SystemCommand,
};
pub use table_definition::{
    ColumnDef, ColumnDefault, Constraint, DefaultKind, EngineSpec, IndexDef, ProjectionDef, Storage,
    TtlAction, TtlItem,
};
pub use type_name::{TypeArg, TypeName};

/// A part of an object's name: text, or a parameter `{p:Identifier}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePart {
    Name(String),
    Parameter(String),
}

/// `table` or `database.table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    pub database: Option<NamePart>,
    pub name: NamePart,
}

impl ObjectName {
    pub fn new(database: Option<&str>, name: &str) -> Self {
        Self {
            database: database.map(|d| NamePart::Name(d.to_owned())),
            name: NamePart::Name(name.to_owned()),
        }
    }

    /// Database and table, when no part is a parameter.
    pub fn plain(&self) -> Option<(Option<&str>, &str)> {
        let NamePart::Name(name) = &self.name else {
            return None;
        };
        match &self.database {
            None => Some((None, name)),
            Some(NamePart::Name(database)) => Some((Some(database), name)),
            Some(NamePart::Parameter(_)) => None,
        }
    }
}
