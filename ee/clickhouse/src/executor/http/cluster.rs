//! The schema on a cluster: each statement of a migration as what it takes there.
//!
//! Events are spread over the shards: `events` is a Distributed table above `sharded_events`. All other tables are small and
//! lie on every node, so that each joins its own events with its own copy of them.

use engine_sql::ast::{
    AlterAction, CreateTable, DropKind, DropStatement, DropVerb, EngineSpec, Expr, Literal, ObjectKind,
    ObjectName, PartitionVerb, Setting, Statement, Storage,
};
use engine_sql::{parse_expr, parse_statement};
use event_store::{Result, StoreError};

/// Tables whose rows are spread, and by what. One distinct id's events lie together.
const SHARDED: [(&str, &str); 1] = [("events", "cityHash64(distinct_id)")];

/// In front of the names of the tables that hold the rows.
const LOCAL: &str = "sharded_";

/// A cluster of the servers' configuration; each has the macros `{shard}` and `{replica}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    name: String,
    database: String,
}

/// Where a part of an ALTER must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Replication carries it; a Distributed table has the columns too.
    Columns,
    /// Replication carries it.
    Replicas,
    /// Each node on its own.
    Nodes,
}

impl Cluster {
    /// `name` may be a macro (`{cluster}`).
    pub fn new(name: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            database: database.into(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the table is a Distributed one.
    pub fn is_sharded(table: &str) -> bool {
        SHARDED.iter().any(|(name, _)| *name == table)
    }

    /// What to run instead of `sql`, in order. All of it bears being run twice if `sql` does.
    pub fn statements(&self, sql: &str) -> Result<Vec<String>> {
        let statement =
            parse_statement(sql).map_err(|error| StoreError::Failed(format!("{error} in: {sql}")))?;
        let statements = self.translate(statement).map_err(|problem| {
            StoreError::Failed(format!("{problem}, so on a cluster this cannot be run: {sql}"))
        })?;
        Ok(statements.iter().map(Statement::to_string).collect())
    }

    fn translate(&self, statement: Statement) -> Result<Vec<Statement>, &'static str> {
        let cluster = Some(self.name.clone());
        match statement {
            Statement::CreateTable(create) => self.create(*create),
            Statement::Alter {
                table,
                actions,
                settings,
                ..
            } => self.alter(&table, actions, &settings),
            Statement::Drop(drop) => self.drop(drop),
            Statement::CreateDatabase(mut create) => {
                create.cluster = cluster;
                Ok(vec![Statement::CreateDatabase(create)])
            }
            Statement::CreateView(mut create) => {
                if create.materialized {
                    return Err("a materialized view sees the inserts of one node only");
                }
                create.cluster = cluster;
                Ok(vec![Statement::CreateView(create)])
            }
            Statement::Delete(mut delete) => {
                if let Some(local) = local_of(&delete.table)? {
                    delete.table = local;
                    delete.cluster = cluster;
                }
                Ok(vec![Statement::Delete(delete)])
            }
            Statement::Optimize(mut optimize) => {
                if let Some(local) = local_of(&optimize.table)? {
                    optimize.table = local;
                    optimize.cluster = cluster;
                }
                Ok(vec![Statement::Optimize(optimize)])
            }
            Statement::System(mut command) => {
                command.cluster = cluster;
                Ok(vec![Statement::System(command)])
            }
            Statement::Kill(mut kill) => {
                kill.cluster = cluster;
                Ok(vec![Statement::Kill(kill)])
            }
            Statement::Attach { .. } | Statement::Rename { .. } | Statement::Exchange { .. } => {
                Err("the path of a replicated table holds its name")
            }
            // Rows go through the Distributed table to their shards, and by replication everywhere else.
            Statement::Insert(_)
            | Statement::Query(_)
            | Statement::Show(_)
            | Statement::Describe { .. }
            | Statement::Exists { .. }
            | Statement::Explain(_)
            | Statement::Use(_)
            | Statement::Set(_)
            | Statement::Check { .. } => Ok(vec![statement]),
        }
    }

    fn create(&self, mut create: CreateTable) -> Result<Vec<Statement>, &'static str> {
        if create.as_query.is_some() {
            return Err("CREATE … AS SELECT would copy the rows once a node");
        }
        let name = table_name(&create.name)?.to_owned();
        let key = SHARDED
            .iter()
            .find(|(table, _)| *table == name)
            .map(|(_, key)| *key);
        let distributed = key.map(|key| self.distributed(&create, &name, key)).transpose()?;
        let (place, replica) = if key.is_some() {
            create.name = renamed(&create.name, &local_name(&name));
            ("{shard}", "{replica}")
        } else {
            // One set of replicas over all shards.
            ("all", "{shard}-{replica}")
        };
        let path = format!(
            "/clickhouse/tables/{place}/{}/{}",
            self.database,
            table_name(&create.name)?
        );
        let Some(engine) = &mut create.storage.engine else {
            return Err("the table has no engine");
        };
        if !engine.name.ends_with("MergeTree") || engine.name.starts_with("Replicated") {
            return Err("the engine has no replicated form");
        }
        engine.name = format!("Replicated{}", engine.name);
        engine.args = Some(
            [text(&path), text(replica)]
                .into_iter()
                .chain(engine.args.take().unwrap_or_default())
                .collect(),
        );
        create.storage.settings = replicated(create.storage.settings);
        create.cluster = Some(self.name.clone());
        let local = Statement::CreateTable(Box::new(create));
        Ok(std::iter::once(local).chain(distributed).collect())
    }

    /// The table above the shards: the same columns, without what concerns how they are kept.
    fn distributed(&self, create: &CreateTable, name: &str, key: &str) -> Result<Statement, &'static str> {
        let mut above = create.clone();
        above.cluster = Some(self.name.clone());
        for column in &mut above.columns {
            column.codec = None;
            column.ttl = None;
        }
        above.indexes.clear();
        above.projections.clear();
        above.constraints.clear();
        above.storage = Storage {
            engine: Some(EngineSpec {
                name: "Distributed".to_owned(),
                args: Some(vec![
                    text(&self.name),
                    text(&self.database),
                    text(&local_name(name)),
                    parse_expr(key).map_err(|_| "the sharding key is no expression")?,
                ]),
            }),
            ..Storage::default()
        };
        Ok(Statement::CreateTable(Box::new(above)))
    }

    fn alter(
        &self,
        table: &ObjectName,
        actions: Vec<AlterAction>,
        settings: &[Setting],
    ) -> Result<Vec<Statement>, &'static str> {
        let local = local_of(table)?;
        let alter = |table: &ObjectName, everywhere: bool, actions: Vec<AlterAction>| {
            (!actions.is_empty()).then(|| Statement::Alter {
                table: table.clone(),
                cluster: everywhere.then(|| self.name.clone()),
                actions,
                settings: settings.to_vec(),
            })
        };
        let mut statements = Vec::new();
        let mut rest = actions.into_iter().map(in_cluster).peekable();
        while let Some(action) = rest.next() {
            let nodes = reach(&action) == Reach::Nodes;
            let mut group = vec![action];
            while let Some(next) = rest.next_if(|next| (reach(next) == Reach::Nodes) == nodes) {
                group.push(next);
            }
            let Some(local) = &local else {
                statements.extend(alter(table, nodes, group));
                continue;
            };
            // The table above never has a column that the one below lacks.
            let (goes, comes): (Vec<_>, Vec<_>) = group
                .iter()
                .filter(|action| reach(action) == Reach::Columns)
                .cloned()
                .map(bare)
                .partition(|action| matches!(action, AlterAction::DropColumn { .. }));
            statements.extend(alter(table, true, goes));
            statements.extend(alter(local, true, group));
            statements.extend(alter(table, true, comes));
        }
        Ok(statements)
    }

    fn drop(&self, drop: DropStatement) -> Result<Vec<Statement>, &'static str> {
        let one = |name: ObjectName, everywhere: bool| {
            Statement::Drop(DropStatement {
                names: vec![name],
                cluster: everywhere.then(|| self.name.clone()),
                // At once: the path of a replicated table is free for the next one of its name.
                sync: drop.sync || drop.verb == DropVerb::Drop,
                ..drop.clone()
            })
        };
        let is_table = drop.kind == DropKind::Object(ObjectKind::Table);
        let mut statements = Vec::new();
        for name in &drop.names {
            let local = if is_table { local_of(name)? } else { None };
            match (drop.verb, local) {
                (DropVerb::Truncate, Some(local)) => statements.push(one(local, true)),
                (DropVerb::Drop | DropVerb::Detach, Some(local)) => {
                    statements.push(one(name.clone(), true));
                    statements.push(one(local, true));
                }
                // Replication carries it.
                (DropVerb::Truncate, None) if is_table => statements.push(one(name.clone(), false)),
                (DropVerb::Drop | DropVerb::Detach | DropVerb::Truncate, None) => {
                    statements.push(one(name.clone(), true));
                }
            }
        }
        Ok(statements)
    }
}

fn reach(action: &AlterAction) -> Reach {
    match action {
        AlterAction::AddColumn { .. }
        | AlterAction::DropColumn { .. }
        | AlterAction::ModifyColumn { .. }
        | AlterAction::RenameColumn { .. }
        | AlterAction::CommentColumn { .. } => Reach::Columns,
        AlterAction::RemoveProperty { property, .. } => match property.to_ascii_uppercase().as_str() {
            "CODEC" | "TTL" => Reach::Replicas,
            _ => Reach::Columns,
        },
        AlterAction::ClearColumn { .. }
        | AlterAction::MaterializeColumn { .. }
        | AlterAction::AddIndex { .. }
        | AlterAction::DropIndex { .. }
        | AlterAction::MaterializeIndex { .. }
        | AlterAction::ClearIndex { .. }
        | AlterAction::AddProjection { .. }
        | AlterAction::DropProjection { .. }
        | AlterAction::MaterializeProjection { .. }
        | AlterAction::ClearProjection { .. }
        | AlterAction::AddConstraint { .. }
        | AlterAction::DropConstraint { .. }
        | AlterAction::Update { .. }
        | AlterAction::Delete { .. }
        | AlterAction::ModifyTtl(_)
        | AlterAction::RemoveTtl
        | AlterAction::MaterializeTtl(_)
        | AlterAction::ModifyOrderBy(_)
        | AlterAction::ModifySampleBy(_)
        | AlterAction::RemoveSampleBy
        | AlterAction::ModifyQuery(_) => Reach::Replicas,
        AlterAction::FreezeAll(_)
        | AlterAction::ModifySetting(_)
        | AlterAction::ResetSetting(_)
        | AlterAction::ModifyComment(_) => Reach::Nodes,
        AlterAction::Partition { verb, .. } => match verb {
            PartitionVerb::Drop
            | PartitionVerb::Detach
            | PartitionVerb::Attach
            | PartitionVerb::AttachFrom(_)
            | PartitionVerb::ReplaceFrom(_)
            | PartitionVerb::MoveToTable(_)
            | PartitionVerb::ClearColumn(_)
            | PartitionVerb::ClearIndex(_) => Reach::Replicas,
            PartitionVerb::DropDetached
            | PartitionVerb::MoveToDisk(_)
            | PartitionVerb::MoveToVolume(_)
            | PartitionVerb::Freeze(_)
            | PartitionVerb::Unfreeze(_)
            | PartitionVerb::Fetch(_) => Reach::Nodes,
        },
    }
}

/// The action on a replicated table.
fn in_cluster(action: AlterAction) -> AlterAction {
    match action {
        AlterAction::ModifySetting(settings) => AlterAction::ModifySetting(replicated(settings)),
        other => other,
    }
}

/// The action on the table above the shards.
fn bare(action: AlterAction) -> AlterAction {
    match action {
        AlterAction::AddColumn {
            if_not_exists,
            mut column,
            place,
        } => {
            column.codec = None;
            column.ttl = None;
            AlterAction::AddColumn {
                if_not_exists,
                column,
                place,
            }
        }
        AlterAction::ModifyColumn {
            if_exists,
            mut column,
            place,
        } => {
            column.codec = None;
            column.ttl = None;
            AlterAction::ModifyColumn {
                if_exists,
                column,
                place,
            }
        }
        other => other,
    }
}

/// How many inserts are remembered is a setting of its own for replicated tables, and another for their asynchronous inserts.
fn replicated(settings: Vec<Setting>) -> Vec<Setting> {
    settings
        .into_iter()
        .flat_map(|setting| {
            let names: &[&str] = if setting.name == "non_replicated_deduplication_window" {
                &[
                    "replicated_deduplication_window",
                    "replicated_deduplication_window_for_async_inserts",
                ]
            } else {
                &[setting.name.as_str()]
            };
            names
                .iter()
                .map(|name| Setting {
                    name: (*name).to_owned(),
                    value: setting.value.clone(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The table that holds the rows, when the table is sharded.
fn local_of(table: &ObjectName) -> Result<Option<ObjectName>, &'static str> {
    let name = table_name(table)?;
    Ok(Cluster::is_sharded(name).then(|| renamed(table, &local_name(name))))
}

fn local_name(table: &str) -> String {
    format!("{LOCAL}{table}")
}

fn renamed(table: &ObjectName, name: &str) -> ObjectName {
    ObjectName {
        database: table.database.clone(),
        ..ObjectName::new(None, name)
    }
}

fn table_name(table: &ObjectName) -> Result<&str, &'static str> {
    match table.plain() {
        Some((_, name)) => Ok(name),
        None => Err("the name is a parameter"),
    }
}

fn text(text: &str) -> Expr {
    Expr::Literal(Literal::String(text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests;
