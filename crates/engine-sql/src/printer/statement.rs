//! Statements other than SELECT.

use std::fmt::{self, Display, Formatter};

use super::{
    ColumnName, Name, Quoted,
    definition::{assignments, bare_list},
    expr::{items, operand},
    separated, settings, settings_clause,
};
use crate::ast::{
    AlterAction, ColumnPlace, CreateDatabase, CreateTable, CreateView, Delete, DropKind, DropStatement,
    DropVerb, Explain, Expr, Insert, InsertSource, InsertTarget, Kill, Literal, ObjectKind, Optimize,
    PartitionRef, PartitionVerb, Show, Statement, SystemCommand,
};

/// ` ON CLUSTER c` when there is one.
struct Cluster<'a>(&'a Option<String>);

impl Display for Cluster<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " ON CLUSTER {}", Name(name)),
            None => Ok(()),
        }
    }
}

impl ObjectKind {
    fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Database => "DATABASE",
            Self::Dictionary => "DICTIONARY",
        }
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(query) => write!(f, "{query}"),
            Self::Insert(insert) => write!(f, "{insert}"),
            Self::CreateTable(create) => write!(f, "{create}"),
            Self::CreateDatabase(create) => write!(f, "{create}"),
            Self::CreateView(create) => write!(f, "{create}"),
            Self::Drop(drop) => write!(f, "{drop}"),
            Self::Attach {
                kind,
                if_not_exists,
                name,
                cluster,
            } => {
                let guard = if *if_not_exists { "IF NOT EXISTS " } else { "" };
                write!(f, "ATTACH {} {guard}{name}{}", kind.keyword(), Cluster(cluster))
            }
            Self::Rename { kind, pairs, cluster } => {
                write!(f, "RENAME {} ", kind.keyword())?;
                separated(f, pairs, ", ", |f, (from, to)| write!(f, "{from} TO {to}"))?;
                write!(f, "{}", Cluster(cluster))
            }
            Self::Exchange { left, right, cluster } => {
                write!(f, "EXCHANGE TABLES {left} AND {right}{}", Cluster(cluster))
            }
            Self::Alter {
                table,
                cluster,
                actions,
                settings,
            } => {
                write!(f, "ALTER TABLE {table}{} ", Cluster(cluster))?;
                separated(f, actions, ", ", |f, action| write!(f, "({action})"))?;
                settings_clause(f, settings)
            }
            Self::Delete(delete) => write!(f, "{delete}"),
            Self::Optimize(optimize) => write!(f, "{optimize}"),
            Self::Show(show) => write!(f, "{show}"),
            Self::Describe { table } => write!(f, "DESCRIBE TABLE {table}"),
            Self::Exists { kind, name } => write!(f, "EXISTS {} {name}", kind.keyword()),
            Self::Explain(explain) => write!(f, "{explain}"),
            Self::Use(database) => write!(f, "USE {}", Name(database)),
            Self::Set(list) => {
                f.write_str("SET ")?;
                settings(f, list)
            }
            Self::System(command) => write!(f, "{command}"),
            Self::Kill(kill) => write!(f, "{kill}"),
            Self::Check { table, partition } => {
                write!(f, "CHECK TABLE {table}")?;
                match partition {
                    Some(partition) => write!(f, " {partition}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Display for Insert {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("INSERT INTO ")?;
        match &self.target {
            InsertTarget::Table(name) => write!(f, "{name}")?,
            InsertTarget::Function { name, args } => {
                write!(f, "FUNCTION {}(", Name(name))?;
                items(f, args)?;
                f.write_str(")")?;
            }
        }
        if !self.except.is_empty() {
            f.write_str(" (* EXCEPT(")?;
            separated(f, &self.except, ", ", |f, n| write!(f, "{}", ColumnName(n)))?;
            f.write_str("))")?;
        } else if !self.columns.is_empty() {
            f.write_str(" (")?;
            separated(f, &self.columns, ", ", |f, n| write!(f, "{}", ColumnName(n)))?;
            f.write_str(")")?;
        }
        settings_clause(f, &self.settings)?;
        match &self.source {
            InsertSource::Values(rows) => {
                f.write_str(" VALUES ")?;
                separated(f, rows, ", ", |f, row| {
                    f.write_str("(")?;
                    bare_list(f, row)?;
                    f.write_str(")")
                })
            }
            InsertSource::Query(query) => write!(f, " {query}"),
            InsertSource::Format { name, data } => {
                write!(f, " FORMAT {}\n{}", Name(name), String::from_utf8_lossy(data))
            }
        }
    }
}

impl Display for CreateTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.attach { "ATTACH " } else { "CREATE " })?;
        if self.or_replace {
            f.write_str("OR REPLACE ")?;
        }
        if self.temporary {
            f.write_str("TEMPORARY ")?;
        }
        f.write_str("TABLE ")?;
        if self.if_not_exists {
            f.write_str("IF NOT EXISTS ")?;
        }
        write!(f, "{}", self.name)?;
        if let Some(uuid) = &self.uuid {
            write!(f, " UUID {}", Quoted(uuid))?;
        }
        write!(f, "{}", Cluster(&self.cluster))?;
        let mut gap = " (";
        for column in &self.columns {
            write!(f, "{gap}{column}")?;
            gap = ", ";
        }
        for index in &self.indexes {
            write!(f, "{gap}INDEX {index}")?;
            gap = ", ";
        }
        for projection in &self.projections {
            write!(f, "{gap}PROJECTION {projection}")?;
            gap = ", ";
        }
        for constraint in &self.constraints {
            write!(f, "{gap}CONSTRAINT {constraint}")?;
            gap = ", ";
        }
        if gap == ", " {
            f.write_str(")")?;
        }
        if let Some(table) = &self.as_table {
            write!(f, " AS {table}")?;
        }
        write!(f, "{}", self.storage)?;
        if let Some(comment) = &self.comment {
            write!(f, " COMMENT {}", Quoted(comment))?;
        }
        if self.empty {
            f.write_str(" EMPTY")?;
        }
        match &self.as_query {
            Some(query) => write!(f, " AS {query}"),
            None => Ok(()),
        }
    }
}

impl Display for CreateDatabase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let guard = if self.if_not_exists { "IF NOT EXISTS " } else { "" };
        write!(
            f,
            "CREATE DATABASE {guard}{}{}",
            Name(&self.name),
            Cluster(&self.cluster)
        )?;
        if let Some(engine) = &self.engine {
            write!(f, " ENGINE = {engine}")?;
        }
        match &self.comment {
            Some(comment) => write!(f, " COMMENT {}", Quoted(comment)),
            None => Ok(()),
        }
    }
}

impl Display for CreateView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.attach { "ATTACH " } else { "CREATE " })?;
        if self.or_replace {
            f.write_str("OR REPLACE ")?;
        }
        f.write_str(if self.materialized {
            "MATERIALIZED VIEW "
        } else {
            "VIEW "
        })?;
        if self.if_not_exists {
            f.write_str("IF NOT EXISTS ")?;
        }
        write!(f, "{}{}", self.name, Cluster(&self.cluster))?;
        if let Some((every, count, unit)) = &self.refresh {
            let verb = if *every { "EVERY" } else { "AFTER" };
            write!(f, " REFRESH {verb} {count} {unit}")?;
        }
        if self.append {
            f.write_str(" APPEND")?;
        }
        if let Some(to) = &self.to {
            write!(f, " TO {to}")?;
        }
        if !self.columns.is_empty() {
            f.write_str(" (")?;
            separated(f, &self.columns, ", ", |f, c| write!(f, "{c}"))?;
            f.write_str(")")?;
        }
        write!(f, "{}", self.storage)?;
        if self.populate {
            f.write_str(" POPULATE")?;
        }
        if let Some(comment) = &self.comment {
            write!(f, " COMMENT {}", Quoted(comment))?;
        }
        write!(f, " AS {}", self.query)
    }
}

impl Display for DropStatement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verb {
            DropVerb::Drop => "DROP ",
            DropVerb::Detach => "DETACH ",
            DropVerb::Truncate => "TRUNCATE ",
        })?;
        if self.temporary {
            f.write_str("TEMPORARY ")?;
        }
        f.write_str(match self.kind {
            DropKind::Object(kind) => kind.keyword(),
            DropKind::Function => "FUNCTION",
        })?;
        if self.if_exists {
            f.write_str(" IF EXISTS")?;
        }
        if self.if_empty {
            f.write_str(" IF EMPTY")?;
        }
        f.write_str(" ")?;
        separated(f, &self.names, ", ", |f, n| write!(f, "{n}"))?;
        write!(f, "{}", Cluster(&self.cluster))?;
        if self.permanently {
            f.write_str(" PERMANENTLY")?;
        }
        if self.sync {
            f.write_str(" SYNC")?;
        }
        Ok(())
    }
}

impl Display for PartitionRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expr(expr) => {
                f.write_str("PARTITION ")?;
                operand(f, expr, 0)
            }
            Self::Id(id) => write!(f, "PARTITION ID {}", Quoted(id)),
            Self::All => f.write_str("PARTITION ALL"),
            Self::Part(name) => write!(f, "PART {}", Quoted(name)),
        }
    }
}

/// ` FIRST` or ` AFTER c`, ` IN PARTITION …`.
struct Behind<'a, T>(&'a Option<T>);

impl Display for Behind<'_, ColumnPlace> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(ColumnPlace::First) => f.write_str(" FIRST"),
            Some(ColumnPlace::After(name)) => write!(f, " AFTER {}", ColumnName(name)),
        }
    }
}

impl Display for Behind<'_, PartitionRef> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(partition) => write!(f, " IN {partition}"),
        }
    }
}

fn guard(if_exists: bool) -> &'static str {
    if if_exists { "IF EXISTS " } else { "" }
}

fn guard_not(if_not_exists: bool) -> &'static str {
    if if_not_exists { "IF NOT EXISTS " } else { "" }
}

fn with_name(f: &mut Formatter<'_>, name: &Option<Literal>) -> fmt::Result {
    match name {
        Some(name) => write!(f, " WITH NAME {name}"),
        None => Ok(()),
    }
}

fn filter(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    f.write_str(" WHERE ")?;
    operand(f, expr, 0)
}

impl Display for AlterAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddColumn {
                if_not_exists,
                column,
                place,
            } => write!(
                f,
                "ADD COLUMN {}{column}{}",
                guard_not(*if_not_exists),
                Behind(place)
            ),
            Self::DropColumn { if_exists, name } => {
                write!(f, "DROP COLUMN {}{}", guard(*if_exists), ColumnName(name))
            }
            Self::ModifyColumn {
                if_exists,
                column,
                place,
            } => write!(f, "MODIFY COLUMN {}{column}{}", guard(*if_exists), Behind(place)),
            Self::RemoveProperty {
                if_exists,
                name,
                property,
            } => write!(
                f,
                "MODIFY COLUMN {}{} REMOVE {}",
                guard(*if_exists),
                ColumnName(name),
                property
            ),
            Self::RenameColumn { if_exists, from, to } => write!(
                f,
                "RENAME COLUMN {}{} TO {}",
                guard(*if_exists),
                ColumnName(from),
                ColumnName(to)
            ),
            Self::CommentColumn {
                if_exists,
                name,
                comment,
            } => write!(
                f,
                "COMMENT COLUMN {}{} {}",
                guard(*if_exists),
                ColumnName(name),
                Quoted(comment)
            ),
            Self::ClearColumn { if_exists, name } => {
                write!(f, "CLEAR COLUMN {}{}", guard(*if_exists), ColumnName(name))
            }
            Self::MaterializeColumn { name, partition } => {
                write!(f, "MATERIALIZE COLUMN {}{}", ColumnName(name), Behind(partition))
            }
            Self::AddIndex {
                if_not_exists,
                index,
                place,
            } => write!(
                f,
                "ADD INDEX {}{index}{}",
                guard_not(*if_not_exists),
                Behind(place)
            ),
            Self::DropIndex { if_exists, name } => {
                write!(f, "DROP INDEX {}{}", guard(*if_exists), Name(name))
            }
            Self::MaterializeIndex {
                if_exists,
                name,
                partition,
            } => write!(
                f,
                "MATERIALIZE INDEX {}{}{}",
                guard(*if_exists),
                Name(name),
                Behind(partition)
            ),
            Self::ClearIndex { if_exists, name } => {
                write!(f, "CLEAR INDEX {}{}", guard(*if_exists), Name(name))
            }
            Self::AddProjection {
                if_not_exists,
                projection,
            } => write!(f, "ADD PROJECTION {}{projection}", guard_not(*if_not_exists)),
            Self::DropProjection { if_exists, name } => {
                write!(f, "DROP PROJECTION {}{}", guard(*if_exists), Name(name))
            }
            Self::MaterializeProjection {
                if_exists,
                name,
                partition,
            } => write!(
                f,
                "MATERIALIZE PROJECTION {}{}{}",
                guard(*if_exists),
                Name(name),
                Behind(partition)
            ),
            Self::AddConstraint {
                if_not_exists,
                constraint,
            } => write!(f, "ADD CONSTRAINT {}{constraint}", guard_not(*if_not_exists)),
            Self::DropConstraint { if_exists, name } => {
                write!(f, "DROP CONSTRAINT {}{}", guard(*if_exists), Name(name))
            }
            Self::Update {
                set,
                partition,
                filter: expr,
            } => {
                f.write_str("UPDATE ")?;
                assignments(f, set)?;
                write!(f, "{}", Behind(partition))?;
                filter(f, expr)
            }
            Self::Delete {
                partition,
                filter: expr,
            } => {
                write!(f, "DELETE{}", Behind(partition))?;
                filter(f, expr)
            }
            Self::Partition { verb, partition } => match verb {
                PartitionVerb::Drop => write!(f, "DROP {partition}"),
                PartitionVerb::DropDetached => write!(f, "DROP DETACHED {partition}"),
                PartitionVerb::Detach => write!(f, "DETACH {partition}"),
                PartitionVerb::Attach => write!(f, "ATTACH {partition}"),
                PartitionVerb::AttachFrom(table) => write!(f, "ATTACH {partition} FROM {table}"),
                PartitionVerb::ReplaceFrom(table) => write!(f, "REPLACE {partition} FROM {table}"),
                PartitionVerb::MoveToTable(table) => write!(f, "MOVE {partition} TO TABLE {table}"),
                PartitionVerb::MoveToDisk(name) => write!(f, "MOVE {partition} TO DISK {name}"),
                PartitionVerb::MoveToVolume(name) => write!(f, "MOVE {partition} TO VOLUME {name}"),
                PartitionVerb::Freeze(name) => {
                    write!(f, "FREEZE {partition}")?;
                    with_name(f, name)
                }
                PartitionVerb::Unfreeze(name) => {
                    write!(f, "UNFREEZE {partition}")?;
                    with_name(f, name)
                }
                PartitionVerb::ClearColumn(name) => {
                    write!(f, "CLEAR COLUMN {} IN {partition}", ColumnName(name))
                }
                PartitionVerb::ClearIndex(name) => {
                    write!(f, "CLEAR INDEX {} IN {partition}", ColumnName(name))
                }
                PartitionVerb::Fetch(path) => write!(f, "FETCH {partition} FROM {path}"),
            },
            Self::FreezeAll(name) => {
                f.write_str("FREEZE")?;
                with_name(f, name)
            }
            Self::ModifySetting(list) => {
                f.write_str("MODIFY SETTING ")?;
                settings(f, list)
            }
            Self::ResetSetting(names) => {
                f.write_str("RESET SETTING ")?;
                separated(f, names, ", ", |f, n| write!(f, "{}", Name(n)))
            }
            Self::ModifyTtl(list) => {
                f.write_str("MODIFY TTL ")?;
                separated(f, list, ", ", |f, item| write!(f, "{item}"))
            }
            Self::RemoveTtl => f.write_str("REMOVE TTL"),
            Self::MaterializeTtl(partition) => write!(f, "MATERIALIZE TTL{}", Behind(partition)),
            Self::ModifyOrderBy(expr) => {
                f.write_str("MODIFY ORDER BY ")?;
                operand(f, expr, 0)
            }
            Self::ModifySampleBy(expr) => {
                f.write_str("MODIFY SAMPLE BY ")?;
                operand(f, expr, 0)
            }
            Self::RemoveSampleBy => f.write_str("REMOVE SAMPLE BY"),
            Self::ModifyQuery(query) => write!(f, "MODIFY QUERY {query}"),
            Self::ModifyComment(comment) => write!(f, "MODIFY COMMENT {}", Quoted(comment)),
            Self::ClearProjection {
                if_exists,
                name,
                partition,
            } => write!(
                f,
                "CLEAR PROJECTION {}{}{}",
                guard(*if_exists),
                Name(name),
                Behind(partition)
            ),
        }
    }
}

impl Display for Delete {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "DELETE FROM {}{}{}",
            self.table,
            Cluster(&self.cluster),
            Behind(&self.partition)
        )?;
        filter(f, &self.filter)?;
        settings_clause(f, &self.settings)
    }
}

impl Display for Optimize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "OPTIMIZE TABLE {}{}", self.table, Cluster(&self.cluster))?;
        if let Some(partition) = &self.partition {
            write!(f, " {partition}")?;
        }
        if self.final_ {
            f.write_str(" FINAL")?;
        }
        if self.deduplicate {
            f.write_str(" DEDUPLICATE")?;
            if !self.deduplicate_by.is_empty() {
                f.write_str(" BY ")?;
                bare_list(f, &self.deduplicate_by)?;
            }
        }
        settings_clause(f, &self.settings)
    }
}

/// ` [NOT] [I]LIKE 'p'`.
struct Like<'a>(&'a Option<(bool, bool, Vec<u8>)>);

impl Display for Like<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some((negated, case_free, pattern)) => {
                let not = if *negated { " NOT" } else { "" };
                let like = if *case_free { "ILIKE" } else { "LIKE" };
                write!(f, "{not} {like} {}", Quoted(pattern))
            }
        }
    }
}

fn limit(f: &mut Formatter<'_>, limit: &Option<Expr>) -> fmt::Result {
    match limit {
        Some(limit) => {
            f.write_str(" LIMIT ")?;
            operand(f, limit, 0)
        }
        None => Ok(()),
    }
}

impl Display for Show {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let full_word = |full: bool| if full { "FULL " } else { "" };
        match self {
            Self::Databases { like, limit: count } => {
                write!(f, "SHOW DATABASES{}", Like(like))?;
                limit(f, count)
            }
            Self::Tables {
                full,
                from,
                like,
                filter: expr,
                limit: count,
            } => {
                write!(f, "SHOW {}TABLES", full_word(*full))?;
                if let Some(from) = from {
                    write!(f, " FROM {}", Name(from))?;
                }
                write!(f, "{}", Like(like))?;
                if let Some(expr) = expr {
                    filter(f, expr)?;
                }
                limit(f, count)
            }
            Self::Create { kind, name } => write!(f, "SHOW CREATE {} {name}", kind.keyword()),
            Self::Columns { full, table, like } => {
                write!(f, "SHOW {}COLUMNS FROM {table}{}", full_word(*full), Like(like))
            }
            Self::Processlist => f.write_str("SHOW PROCESSLIST"),
            Self::Functions { like } => write!(f, "SHOW FUNCTIONS{}", Like(like)),
            Self::Settings { changed, like } => {
                let changed = if *changed { "CHANGED " } else { "" };
                write!(f, "SHOW {changed}SETTINGS{}", Like(like))
            }
            Self::Engines => f.write_str("SHOW ENGINES"),
        }
    }
}

impl Display for Explain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("EXPLAIN ")?;
        if let Some(kind) = &self.kind {
            write!(f, "{kind} ")?;
        }
        if !self.options.is_empty() {
            settings(f, &self.options)?;
            f.write_str(" ")?;
        }
        write!(f, "{}", self.statement)
    }
}

impl Display for SystemCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SYSTEM {}", self.words.join(" "))?;
        if let Some(name) = &self.name {
            // In quotes when the name could be one more word of the command.
            write!(f, " {name}")?;
        }
        write!(f, "{}", Cluster(&self.cluster))
    }
}

impl Display for Kill {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let object = if self.mutation { "MUTATION" } else { "QUERY" };
        write!(f, "KILL {object}{}", Cluster(&self.cluster))?;
        filter(f, &self.filter)?;
        match &self.mode {
            Some(mode) => write!(f, " {mode}"),
            None => Ok(()),
        }
    }
}
