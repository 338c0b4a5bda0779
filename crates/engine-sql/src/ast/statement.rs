//! Statements other than SELECT.

use super::{
    ColumnDef, Constraint, Expr, IndexDef, Literal, ObjectName, ProjectionDef, Query, Setting, Storage,
    TableRef, TtlItem,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    CreateTable(Box<CreateTable>),
    CreateDatabase(CreateDatabase),
    CreateView(Box<CreateView>),
    Drop(DropStatement),
    /// `ATTACH TABLE t`, without a definition.
    Attach {
        kind: ObjectKind,
        if_not_exists: bool,
        name: ObjectName,
        cluster: Option<String>,
    },
    Rename {
        kind: ObjectKind,
        pairs: Vec<(ObjectName, ObjectName)>,
        cluster: Option<String>,
    },
    /// `EXCHANGE TABLES a AND b`.
    Exchange {
        left: ObjectName,
        right: ObjectName,
        cluster: Option<String>,
    },
    Alter {
        table: ObjectName,
        cluster: Option<String>,
        actions: Vec<AlterAction>,
        settings: Vec<Setting>,
    },
    Delete(Delete),
    Optimize(Optimize),
    Show(Show),
    Describe {
        table: Box<TableRef>,
    },
    Exists {
        kind: ObjectKind,
        name: ObjectName,
    },
    Explain(Explain),
    Use(String),
    Set(Vec<Setting>),
    System(SystemCommand),
    Kill(Kill),
    Check {
        table: ObjectName,
        partition: Option<PartitionRef>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
    Database,
    Dictionary,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub target: InsertTarget,
    /// Empty: all insertable columns, in order.
    pub columns: Vec<String>,
    /// `(* EXCEPT(…))`.
    pub except: Vec<String>,
    pub settings: Vec<Setting>,
    pub source: InsertSource,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InsertTarget {
    Table(ObjectName),
    Function { name: String, args: Vec<Expr> },
}

#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// Rows of expressions.
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
    /// The rest of the text, behind the format's name and one line end.
    Format {
        name: String,
        data: Vec<u8>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// `ATTACH TABLE …` with a definition.
    pub attach: bool,
    pub or_replace: bool,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub name: ObjectName,
    pub uuid: Option<Vec<u8>>,
    pub cluster: Option<String>,
    pub columns: Vec<ColumnDef>,
    pub indexes: Vec<IndexDef>,
    pub projections: Vec<ProjectionDef>,
    pub constraints: Vec<Constraint>,
    pub storage: Storage,
    /// `AS other_table`.
    pub as_table: Option<ObjectName>,
    /// `AS SELECT …`.
    pub as_query: Option<Box<Query>>,
    pub empty: bool,
    pub comment: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateDatabase {
    pub if_not_exists: bool,
    pub name: String,
    pub cluster: Option<String>,
    pub engine: Option<super::EngineSpec>,
    pub comment: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub attach: bool,
    pub or_replace: bool,
    pub materialized: bool,
    pub if_not_exists: bool,
    pub name: ObjectName,
    pub cluster: Option<String>,
    /// `REFRESH EVERY n UNIT` or `AFTER`.
    pub refresh: Option<(bool, u64, String)>,
    pub append: bool,
    pub to: Option<ObjectName>,
    pub columns: Vec<ColumnDef>,
    pub storage: Storage,
    pub populate: bool,
    pub query: Box<Query>,
    pub comment: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropVerb {
    Drop,
    Detach,
    Truncate,
}

/// What a DROP, DETACH or TRUNCATE names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropKind {
    Object(ObjectKind),
    Function,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DropStatement {
    pub verb: DropVerb,
    pub kind: DropKind,
    pub temporary: bool,
    pub if_exists: bool,
    pub if_empty: bool,
    pub names: Vec<ObjectName>,
    pub cluster: Option<String>,
    pub permanently: bool,
    pub sync: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnPlace {
    First,
    After(String),
}

/// `PARTITION expr`, `PARTITION ID 'x'`, `PARTITION ALL`, `PART 'name'`.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionRef {
    Expr(Expr),
    Id(Vec<u8>),
    All,
    Part(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartitionVerb {
    Drop,
    DropDetached,
    Detach,
    Attach,
    AttachFrom(ObjectName),
    ReplaceFrom(ObjectName),
    MoveToTable(ObjectName),
    MoveToDisk(Literal),
    MoveToVolume(Literal),
    Freeze(Option<Literal>),
    Unfreeze(Option<Literal>),
    ClearColumn(String),
    ClearIndex(String),
    Fetch(Literal),
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterAction {
    AddColumn {
        if_not_exists: bool,
        column: ColumnDef,
        place: Option<ColumnPlace>,
    },
    DropColumn {
        if_exists: bool,
        name: String,
    },
    ModifyColumn {
        if_exists: bool,
        column: ColumnDef,
        place: Option<ColumnPlace>,
    },
    /// `MODIFY COLUMN c REMOVE TTL`.
    RemoveProperty {
        if_exists: bool,
        name: String,
        property: String,
    },
    RenameColumn {
        if_exists: bool,
        from: String,
        to: String,
    },
    CommentColumn {
        if_exists: bool,
        name: String,
        comment: Vec<u8>,
    },
    ClearColumn {
        if_exists: bool,
        name: String,
    },
    MaterializeColumn {
        name: String,
        partition: Option<PartitionRef>,
    },
    AddIndex {
        if_not_exists: bool,
        index: IndexDef,
        place: Option<ColumnPlace>,
    },
    DropIndex {
        if_exists: bool,
        name: String,
    },
    MaterializeIndex {
        if_exists: bool,
        name: String,
        partition: Option<PartitionRef>,
    },
    ClearIndex {
        if_exists: bool,
        name: String,
    },
    AddProjection {
        if_not_exists: bool,
        projection: ProjectionDef,
    },
    DropProjection {
        if_exists: bool,
        name: String,
    },
    MaterializeProjection {
        if_exists: bool,
        name: String,
        partition: Option<PartitionRef>,
    },
    AddConstraint {
        if_not_exists: bool,
        constraint: Constraint,
    },
    DropConstraint {
        if_exists: bool,
        name: String,
    },
    Update {
        set: Vec<(String, Expr)>,
        partition: Option<PartitionRef>,
        filter: Expr,
    },
    Delete {
        partition: Option<PartitionRef>,
        filter: Expr,
    },
    Partition {
        verb: PartitionVerb,
        partition: PartitionRef,
    },
    /// `FREEZE` without a partition.
    FreezeAll(Option<Literal>),
    ModifySetting(Vec<Setting>),
    ResetSetting(Vec<String>),
    ModifyTtl(Vec<TtlItem>),
    RemoveTtl,
    MaterializeTtl(Option<PartitionRef>),
    ModifyOrderBy(Expr),
    ModifySampleBy(Expr),
    RemoveSampleBy,
    ModifyQuery(Box<Query>),
    ModifyComment(Vec<u8>),
    ClearProjection {
        if_exists: bool,
        name: String,
        partition: Option<PartitionRef>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    pub table: ObjectName,
    pub cluster: Option<String>,
    pub partition: Option<PartitionRef>,
    pub filter: Expr,
    pub settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Optimize {
    pub table: ObjectName,
    pub cluster: Option<String>,
    pub partition: Option<PartitionRef>,
    pub final_: bool,
    pub deduplicate: bool,
    pub deduplicate_by: Vec<Expr>,
    pub settings: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    Databases {
        like: Option<(bool, bool, Vec<u8>)>,
        limit: Option<Expr>,
    },
    /// `like`: negated, case-free, pattern.
    Tables {
        full: bool,
        from: Option<String>,
        like: Option<(bool, bool, Vec<u8>)>,
        filter: Option<Expr>,
        limit: Option<Expr>,
    },
    Create {
        kind: ObjectKind,
        name: ObjectName,
    },
    Columns {
        full: bool,
        table: ObjectName,
        like: Option<(bool, bool, Vec<u8>)>,
    },
    Processlist,
    Functions {
        like: Option<(bool, bool, Vec<u8>)>,
    },
    Settings {
        changed: bool,
        like: Option<(bool, bool, Vec<u8>)>,
    },
    Engines,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// `PLAN`, `PIPELINE`, `AST`, `SYNTAX`, `QUERY TREE`, `ESTIMATE`; `None`: as written without a kind.
    pub kind: Option<String>,
    pub options: Vec<Setting>,
    pub statement: Box<Statement>,
}

/// `SYSTEM <words> [name]`: the words in upper case.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemCommand {
    pub words: Vec<String>,
    pub name: Option<ObjectName>,
    pub cluster: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Kill {
    /// A mutation rather than a query.
    pub mutation: bool,
    pub cluster: Option<String>,
    pub filter: Expr,
    /// `SYNC`, `ASYNC` or `TEST`.
    pub mode: Option<String>,
}
