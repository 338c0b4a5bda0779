//! `ALTER TABLE … DROP | DETACH | ATTACH | FREEZE | REPLACE | MOVE PARTITION`: which parts are meant, and the storage does it.

use std::collections::BTreeMap;

use engine_sql::ast::{AlterAction, Literal, ObjectName, PartitionRef, PartitionVerb};
use engine_storage::{CloneMode, DetachedSelection, PartName, PartSelection, Place};
use engine_types::Column;

use crate::binding::setting_text;
use crate::catalogue::{Catalogue, Table};
use crate::ddl::resolve_name;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;
use crate::shape::key_list;
use crate::table_keys::partition_id;

/// Whether the action is about parts and leaves the definition alone.
pub(crate) fn is_about_parts(action: &AlterAction) -> bool {
    match action {
        AlterAction::FreezeAll(_) => true,
        AlterAction::Partition { verb, .. } => match verb {
            PartitionVerb::Drop
            | PartitionVerb::DropDetached
            | PartitionVerb::Detach
            | PartitionVerb::Attach
            | PartitionVerb::AttachFrom(_)
            | PartitionVerb::ReplaceFrom(_)
            | PartitionVerb::MoveToTable(_)
            | PartitionVerb::MoveToDisk(_)
            | PartitionVerb::MoveToVolume(_)
            | PartitionVerb::Freeze(_)
            | PartitionVerb::Unfreeze(_) => true,
            PartitionVerb::ClearColumn(_) | PartitionVerb::ClearIndex(_) | PartitionVerb::Fetch(_) => false,
        },
        _ => false,
    }
}

impl Engine {
    /// Runs one action of those above.
    pub(crate) fn alter_parts(
        &self,
        catalogue: &Catalogue,
        table: &Table,
        action: &AlterAction,
        settings: &BTreeMap<String, String>,
        options: &QueryOptions,
    ) -> Result<()> {
        let storage = &self.storage;
        let name_of = |name: &Option<Literal>| name.as_ref().map(setting_text);
        let (verb, partition) = match action {
            AlterAction::Partition { verb, partition } => (verb, partition),
            AlterAction::FreezeAll(name) => {
                storage.freeze(table.id, &PartSelection::All, name_of(name).as_deref())?;
                return Ok(());
            }
            other => return Err(EngineError::Internal(format!("not about parts: {other}"))),
        };
        let selection = || selection(table, partition);
        match verb {
            PartitionVerb::Drop => storage.drop_parts(table.id, &selection()?)?,
            PartitionVerb::Detach => storage.detach_parts(table.id, &selection()?)?,
            PartitionVerb::Attach => {
                storage.attach(table.id, &detached(table, partition)?)?;
            }
            PartitionVerb::DropDetached => {
                let allowed = settings
                    .get("allow_drop_detached")
                    .is_some_and(|on| on == "1" || on.eq_ignore_ascii_case("true"));
                if !allowed {
                    return Err(EngineError::refused(
                        344,
                        "DROP DETACHED is disabled; set `allow_drop_detached` to allow it",
                    ));
                }
                storage.drop_detached(table.id, &detached(table, partition)?)?;
            }
            PartitionVerb::Freeze(name) => {
                storage.freeze(table.id, &selection()?, name_of(name).as_deref())?;
            }
            PartitionVerb::Unfreeze(name) => {
                let name = name_of(name)
                    .ok_or_else(|| EngineError::refused(36, "UNFREEZE needs the name of the copy"))?;
                storage.unfreeze(table.id, &selection()?, &name)?;
            }
            PartitionVerb::AttachFrom(other) => {
                let other = other_table(catalogue, table, other, options)?;
                storage.clone_parts(other.id, table.id, &selection()?, CloneMode::Add)?;
            }
            PartitionVerb::ReplaceFrom(other) => {
                let other = other_table(catalogue, table, other, options)?;
                storage.clone_parts(other.id, table.id, &selection()?, CloneMode::Replace)?;
            }
            PartitionVerb::MoveToTable(other) => {
                let other = other_table(catalogue, table, other, options)?;
                storage.clone_parts(table.id, other.id, &selection()?, CloneMode::Move)?;
            }
            PartitionVerb::MoveToDisk(name) => {
                self.move_parts(table, &selection()?, &Place::Disk(setting_text(name)))?;
            }
            PartitionVerb::MoveToVolume(name) => {
                self.move_parts(table, &selection()?, &Place::Volume(setting_text(name)))?;
            }
            PartitionVerb::ClearColumn(_) | PartitionVerb::ClearIndex(_) | PartitionVerb::Fetch(_) => {
                return Err(EngineError::refused(48, format!("{action} is not supported")));
            }
        }
        Ok(())
    }
}

fn selection(table: &Table, partition: &PartitionRef) -> Result<PartSelection> {
    Ok(match partition {
        PartitionRef::All => PartSelection::All,
        PartitionRef::Id(id) => PartSelection::Partition(String::from_utf8_lossy(id).into_owned()),
        PartitionRef::Expr(expr) => PartSelection::Partition(id_of(table, expr)?),
        PartitionRef::Part(name) => {
            let name = String::from_utf8_lossy(name);
            let name = PartName::parse(&name)
                .ok_or_else(|| EngineError::refused(233, format!("`{name}` is not the name of a part")))?;
            PartSelection::Part(name)
        }
    })
}

fn detached(table: &Table, partition: &PartitionRef) -> Result<DetachedSelection> {
    if let PartitionRef::Part(name) = partition {
        return Ok(DetachedSelection::Folder(
            String::from_utf8_lossy(name).into_owned(),
        ));
    }
    Ok(match selection(table, partition)? {
        PartSelection::All => DetachedSelection::All,
        PartSelection::Partition(id) => DetachedSelection::Partition(id),
        PartSelection::Part(name) => DetachedSelection::Folder(name.to_string()),
    })
}

/// The id of the partition whose value the expression is.
fn id_of(table: &Table, expr: &engine_sql::ast::Expr) -> Result<String> {
    let Some(key) = &table.shape.partition_key else {
        if key_list(Some(expr)).is_empty() {
            return Ok("all".to_owned());
        }
        return Err(EngineError::refused(248, "the table has no partition key"));
    };
    let bound = crate::binding::bind_over(expr, &Vec::new())?;
    let value = engine_exec::evaluate_constant(&bound)?;
    let column = Column::from_values(&bound.ty, &[value]);
    let cast = engine_functions::cast_column(&column, &bound.ty, &key.ty)?;
    Ok(partition_id(&cast.value(0), &key.ty))
}

/// The other table of a statement; refused unless both compute keys and partitions alike.
fn other_table(
    catalogue: &Catalogue,
    table: &Table,
    other: &ObjectName,
    options: &QueryOptions,
) -> Result<std::sync::Arc<Table>> {
    let (database, name) = resolve_name(other, options)?;
    let other = catalogue.table(&database, &name)?.clone();
    let (ours, theirs) = (&table.shape.create()?.storage, &other.shape.create()?.storage);
    let keys = |storage: &engine_sql::ast::Storage| {
        let order_by = storage.order_by.as_ref().or(storage.primary_key.as_ref());
        [
            order_by,
            storage.partition_by.as_ref(),
            storage.primary_key.as_ref(),
        ]
        .map(key_list)
    };
    if keys(ours) != keys(theirs) {
        return Err(EngineError::refused(
            36,
            format!("tables `{}` and `{name}` have different keys", table.name),
        ));
    }
    Ok(other)
}
