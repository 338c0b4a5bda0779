//! `ALTER TABLE` on a definition: the CREATE statement as it is afterwards.

use engine_sql::ast::{
    AlterAction, ColumnDef, ColumnDefault, ColumnPlace, CreateTable, DefaultKind, Statement,
};

use crate::definition::{Definition, StoredColumn};
use crate::error::{EngineError, Result};

/// Whether the action takes a column away from expressions that are still to run.
pub(crate) fn changes_columns(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::DropColumn { .. }
            | AlterAction::RenameColumn { .. }
            | AlterAction::ModifyColumn { .. }
            | AlterAction::RemoveProperty { .. }
            | AlterAction::ClearColumn { .. }
    )
}

/// Applies one action. Actions that only concern how data are kept (indexes, projections, TTL) are recorded where the
/// CREATE statement has a place for them and otherwise have no effect.
pub(crate) fn apply(definition: &mut Definition, action: &AlterAction) -> Result<()> {
    let Statement::CreateTable(create) = &mut definition.create else {
        return Err(EngineError::refused(48, "only tables can be altered"));
    };
    match action {
        AlterAction::AddColumn {
            if_not_exists,
            column,
            place,
        } => {
            if create.columns.iter().any(|c| c.name == column.name) {
                return if *if_not_exists {
                    Ok(())
                } else {
                    Err(EngineError::refused(
                        15,
                        format!("column `{}` exists already", column.name),
                    ))
                };
            }
            let at = place_of(create, place.as_ref(), create.columns.len())?;
            create.columns.insert(at, column.clone());
        }
        AlterAction::DropColumn { if_exists, name } => {
            if let Some(at) = find(create, name, *if_exists)? {
                check_independent(create, name)?;
                check_unused(create, name)?;
                create.columns.remove(at);
            }
        }
        AlterAction::ModifyColumn {
            if_exists,
            column,
            place,
        } => {
            if let Some(at) = find(create, &column.name, *if_exists)? {
                modify(definition, at, column, place.as_ref())?;
            }
        }
        AlterAction::RemoveProperty {
            if_exists,
            name,
            property,
        } => {
            if let Some(at) = find(create, name, *if_exists)? {
                let column = &mut create.columns[at];
                match property.to_ascii_uppercase().as_str() {
                    "COMMENT" => column.comment = None,
                    "CODEC" => column.codec = None,
                    "TTL" => column.ttl = None,
                    _ => column.default = None,
                }
            }
        }
        AlterAction::RenameColumn { if_exists, from, to } => {
            if let Some(at) = find(create, from, *if_exists)? {
                if create.columns.iter().any(|c| c.name == *to) {
                    return Err(EngineError::refused(15, format!("column `{to}` exists already")));
                }
                check_unused(create, from)?;
                create.columns[at].name.clone_from(to);
                for column in &mut create.columns {
                    if let Some(expr) = column.default.as_mut().and_then(|d| d.expr.as_mut()) {
                        expr.rename_column(from, to);
                    }
                }
                for stored in &mut definition.stored {
                    if stored.column.as_ref() == Some(from) {
                        stored.column = Some(to.clone());
                    }
                }
            }
        }
        AlterAction::CommentColumn {
            if_exists,
            name,
            comment,
        } => {
            if let Some(at) = find(create, name, *if_exists)? {
                create.columns[at].comment = Some(comment.clone());
            }
        }
        AlterAction::ClearColumn { if_exists, name } => {
            if find(create, name, *if_exists)?.is_some() {
                check_unused(create, name)?;
                // A new stored column that old parts do not have.
                if let Some(at) = definition
                    .stored
                    .iter()
                    .position(|s| s.column.as_ref() == Some(name))
                {
                    let gone = definition.stored.remove(at);
                    definition.dropped.push(gone.name);
                }
            }
        }
        AlterAction::AddIndex {
            if_not_exists, index, ..
        } => {
            if !create.indexes.iter().any(|i| i.name == index.name) {
                create.indexes.push(index.clone());
            } else if !if_not_exists {
                return Err(EngineError::refused(
                    36,
                    format!("index `{}` exists already", index.name),
                ));
            }
        }
        AlterAction::DropIndex { if_exists, name } => {
            let before = create.indexes.len();
            create.indexes.retain(|i| i.name != *name);
            if create.indexes.len() == before && !if_exists {
                return Err(EngineError::refused(36, format!("there is no index `{name}`")));
            }
        }
        AlterAction::MaterializeIndex { if_exists, name, .. } => {
            find_index(create, name, *if_exists).map(|_| ())?
        }
        AlterAction::ClearIndex { if_exists, name } => {
            if find_index(create, name, *if_exists)? {
                *definition.index_epochs.entry(name.clone()).or_default() += 1;
            }
        }
        AlterAction::AddProjection {
            if_not_exists,
            projection,
        } => {
            if !create.projections.iter().any(|p| p.name == projection.name) {
                create.projections.push(projection.clone());
            } else if !if_not_exists {
                return Err(EngineError::refused(
                    583,
                    format!("projection `{}` exists already", projection.name),
                ));
            }
        }
        AlterAction::ClearProjection {
            if_exists,
            name,
            partition,
        } => {
            if partition.is_some() {
                return Err(EngineError::refused(
                    48,
                    "CLEAR PROJECTION of one partition is not supported",
                ));
            }
            if create.projections.iter().any(|p| p.name == *name) {
                *definition.projection_epochs.entry(name.clone()).or_default() += 1;
            } else if !if_exists {
                return Err(no_projection(name));
            }
        }
        AlterAction::DropProjection { if_exists, name } => {
            let before = create.projections.len();
            create.projections.retain(|p| p.name != *name);
            if create.projections.len() == before && !if_exists {
                return Err(no_projection(name));
            }
        }
        AlterAction::AddConstraint {
            if_not_exists,
            constraint,
        } => {
            if !create.constraints.iter().any(|c| c.name == constraint.name) {
                create.constraints.push(constraint.clone());
            } else if !if_not_exists {
                return Err(EngineError::refused(
                    44,
                    format!("constraint `{}` exists already", constraint.name),
                ));
            }
        }
        AlterAction::DropConstraint { if_exists, name } => {
            let before = create.constraints.len();
            create.constraints.retain(|c| c.name != *name);
            if create.constraints.len() == before && !if_exists {
                return Err(EngineError::refused(
                    36,
                    format!("there is no constraint `{name}`"),
                ));
            }
        }
        AlterAction::ModifySetting(settings) => {
            for setting in settings {
                create.storage.settings.retain(|s| s.name != setting.name);
                create.storage.settings.push(setting.clone());
            }
        }
        AlterAction::ResetSetting(names) => create.storage.settings.retain(|s| !names.contains(&s.name)),
        AlterAction::ModifyTtl(items) => create.storage.ttl.clone_from(items),
        AlterAction::RemoveTtl => create.storage.ttl.clear(),
        AlterAction::ModifySampleBy(expr) => create.storage.sample_by = Some(expr.clone()),
        AlterAction::RemoveSampleBy => create.storage.sample_by = None,
        AlterAction::ModifyComment(comment) => create.comment = Some(comment.clone()),
        AlterAction::MaterializeColumn { .. }
        | AlterAction::MaterializeProjection { .. }
        | AlterAction::MaterializeTtl(_) => {}
        AlterAction::Update { .. }
        | AlterAction::Delete { .. }
        | AlterAction::Partition { .. }
        | AlterAction::FreezeAll(_)
        | AlterAction::ModifyOrderBy(_)
        | AlterAction::ModifyQuery(_) => {
            return Err(EngineError::refused(48, format!("`{action}` is not supported")));
        }
    }
    Ok(())
}

fn no_projection(name: &str) -> EngineError {
    EngineError::refused(582, format!("there is no projection `{name}`"))
}

/// Refuses a projection that the table does not have.
pub(crate) fn check_projection(definition: &Definition, name: &str, if_exists: bool) -> Result<()> {
    let found = match &definition.create {
        Statement::CreateTable(create) => create.projections.iter().any(|p| p.name == name),
        _ => false,
    };
    if found || if_exists {
        Ok(())
    } else {
        Err(no_projection(name))
    }
}

fn find(create: &CreateTable, name: &str, if_exists: bool) -> Result<Option<usize>> {
    match create.columns.iter().position(|c| c.name == name) {
        None if !if_exists => Err(EngineError::refused(
            10,
            format!("there is no column `{name}` in table {}", create.name),
        )),
        found => Ok(found),
    }
}

fn find_index(create: &CreateTable, name: &str, if_exists: bool) -> Result<bool> {
    let found = create.indexes.iter().any(|i| i.name == name);
    if found || if_exists {
        Ok(found)
    } else {
        Err(EngineError::refused(36, format!("there is no index `{name}`")))
    }
}

fn place_of(create: &CreateTable, place: Option<&ColumnPlace>, otherwise: usize) -> Result<usize> {
    match place {
        None => Ok(otherwise),
        Some(ColumnPlace::First) => Ok(0),
        Some(ColumnPlace::After(name)) => {
            let before = create.columns.iter().position(|c| c.name == *name);
            before.map(|at| at + 1).ok_or_else(|| {
                EngineError::refused(16, format!("there is no column `{name}` to insert after"))
            })
        }
    }
}

/// Columns of keys and of the engine's arguments hold the order of old parts: they stay as they are.
fn check_unused(create: &CreateTable, name: &str) -> Result<()> {
    let storage = &create.storage;
    let keys = [&storage.order_by, &storage.primary_key, &storage.partition_by];
    let in_engine = storage.engine.iter().flat_map(|e| e.args.iter().flatten());
    let named = |expr: &engine_sql::ast::Expr| mentions(expr, name);
    if keys.into_iter().flatten().any(named) || in_engine.into_iter().any(named) {
        return Err(EngineError::refused(
            524,
            format!("column `{name}` is part of a key of table {}", create.name),
        ));
    }
    Ok(())
}

/// A column that others are computed from stays.
fn check_independent(create: &CreateTable, name: &str) -> Result<()> {
    let reads = |column: &&ColumnDef| {
        let default = column.default.as_ref().and_then(|d| d.expr.as_ref());
        column.name != name && default.is_some_and(|expr| mentions(expr, name))
    };
    match create.columns.iter().find(reads) {
        None => Ok(()),
        Some(column) => Err(EngineError::refused(
            44,
            format!("column `{}` is computed from column `{name}`", column.name),
        )),
    }
}

/// Whether the expression's text has the identifier in it.
fn mentions(expr: &engine_sql::ast::Expr, name: &str) -> bool {
    let text = expr.to_string();
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .any(|word| word == name)
}

fn modify(
    definition: &mut Definition,
    at: usize,
    new: &ColumnDef,
    place: Option<&ColumnPlace>,
) -> Result<()> {
    let Statement::CreateTable(create) = &mut definition.create else {
        return Err(EngineError::refused(48, "only tables can be altered"));
    };
    let mut column = create.columns[at].clone();
    let old_type = column.ty.clone();
    let old_null = column.null;
    if let Some(ty) = &new.ty {
        column.ty = Some(ty.clone());
        column.null = new.null;
    }
    if let Some(default) = &new.default {
        column.default = Some(default.clone());
    }
    if new.comment.is_some() {
        column.comment.clone_from(&new.comment);
    }
    if new.codec.is_some() {
        column.codec.clone_from(&new.codec);
    }
    if new.ttl.is_some() {
        column.ttl.clone_from(&new.ttl);
    }
    let other_type = column.ty != old_type;
    if other_type {
        check_unused(create, &column.name)?;
    }
    if other_type {
        let is_nullable = |ty: &Option<engine_sql::ast::TypeName>, null| -> Result<bool> {
            let resolved = ty
                .as_ref()
                .map(|ty| crate::shape::resolve_type(ty, null))
                .transpose()?;
            Ok(resolved.is_some_and(|ty| ty.is_nullable()))
        };
        if is_nullable(&old_type, old_null)?
            && !is_nullable(&column.ty, column.null)?
            && new.default.is_none()
        {
            return Err(EngineError::refused(
                36,
                format!(
                    "column `{}` may have NULLs: a type without them needs a DEFAULT to take their place",
                    column.name
                ),
            ));
        }
    }
    let is_stored = !matches!(
        column.default,
        Some(ColumnDefault {
            kind: DefaultKind::Alias | DefaultKind::Ephemeral,
            ..
        })
    );
    let name = column.name.clone();
    let ty = column
        .ty
        .as_ref()
        .map(|ty| crate::shape::resolve_type(ty, column.null))
        .transpose()?;
    create.columns[at] = column;
    if place.is_some() {
        let column = create.columns.remove(at);
        let to = place_of(create, place, at)?;
        create.columns.insert(to, column);
    }
    if let (true, true, Some(ty)) = (other_type, is_stored, ty) {
        // Old parts keep the old column; the new one is computed from it until merges have written it.
        let fresh = definition.fresh_name(&name);
        let old = definition
            .stored
            .iter_mut()
            .find(|s| s.column.as_deref() == Some(name.as_str()));
        let converted_from = old.map(|old| {
            old.column = None;
            old.name.clone()
        });
        definition.stored.push(StoredColumn {
            name: fresh,
            ty: ty.to_string(),
            column: Some(name),
            converted_from,
        });
    }
    Ok(())
}
