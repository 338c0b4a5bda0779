//! Creating, dropping, renaming and altering tables: manifest records, with appends held off.

use std::sync::Arc;

use super::Storage;
use super::partition_verbs::{PartSelection, retire};
use crate::catalog::Table;
use crate::directory::{create_folder_durably, on_disk};
use crate::error::{Result, StorageError, io_at};
use crate::manifest::ManifestRecord;
use crate::part::{Part, escape};
use crate::table_def::{MergeRule, TableDef, TableId};

pub(super) const DATA_FOLDER: &str = "data";

impl Storage {
    /// All tables, by id.
    pub fn tables(&self) -> Vec<(TableId, Arc<TableDef>)> {
        let catalog = self.catalog.read();
        catalog
            .tables
            .iter()
            .map(|(id, t)| (*id, t.def.clone()))
            .collect()
    }

    pub fn table_id(&self, database: &str, name: &str) -> Result<TableId> {
        self.catalog
            .read()
            .find(database, name)
            .ok_or_else(|| StorageError::UnknownTableName {
                database: database.to_owned(),
                name: name.to_owned(),
            })
    }

    pub fn table_def(&self, table: TableId) -> Result<Arc<TableDef>> {
        Ok(self.catalog.read().table(table)?.def.clone())
    }

    pub fn create_table(&self, def: TableDef) -> Result<TableId> {
        check_def(&def)?;
        self.check_policy(&def)?;
        let _no_appends = self.ddl.write();
        let mut manifest = self.manifest.lock();
        let lsn = {
            let catalog = self.catalog.read();
            check_free(&catalog, &def.database, &def.name)?;
            catalog.lsn
        };
        let id = TableId(manifest.state.next_table);
        let mut folder = format!("{DATA_FOLDER}/{}/{}", escape(&def.database), escape(&def.name));
        // The folder of a renamed or dropped table of that name may still be there.
        let disks = self.disks.disks().iter();
        let places: Vec<String> = disks.map(|disk| on_disk(&disk.name, &folder)).collect();
        let exists = |place: &String| self.directory.exists(place).map_err(io_at("open", place));
        if places
            .iter()
            .map(exists)
            .collect::<Result<Vec<_>>>()?
            .contains(&true)
        {
            folder = format!("{folder}.{}", id.0);
        }
        create_folder_durably(self.directory.as_ref(), &folder).map_err(io_at("create folder", &folder))?;
        manifest.commit(&ManifestRecord::CreateTable {
            id,
            database: def.database.clone(),
            name: def.name.clone(),
            folder: folder.clone(),
            definition: def.definition.clone(),
            flushed_lsn: lsn,
        })?;
        let table = Table::new(Arc::new(def), folder, Vec::new());
        self.catalog.write().tables.insert(id, table);
        Ok(id)
    }

    /// The files go when the last snapshot does, the folder at the next start.
    pub fn drop_table(&self, table: TableId) -> Result<()> {
        let _no_appends = self.ddl.write();
        let _no_flush = self.flushing.lock();
        let mut manifest = self.manifest.lock();
        self.catalog.read().table(table)?;
        manifest.commit(&ManifestRecord::DropTable { id: table })?;
        // The files go after the lock is free again.
        let dropped = self.catalog.write().tables.remove(&table);
        self.tokens.lock().forget(table);
        for part in dropped.iter().flat_map(|t| t.parts.iter()) {
            part.set_obsolete();
        }
        Ok(())
    }

    pub fn rename_table(&self, table: TableId, database: &str, name: &str) -> Result<()> {
        let _no_appends = self.ddl.write();
        let mut manifest = self.manifest.lock();
        {
            let catalog = self.catalog.read();
            catalog.table(table)?;
            check_free(&catalog, database, name)?;
        }
        manifest.commit(&ManifestRecord::RenameTable {
            id: table,
            database: database.to_owned(),
            name: name.to_owned(),
        })?;
        let mut catalog = self.catalog.write();
        let renamed = catalog.table_mut(table)?;
        let mut def = renamed.def.as_ref().clone();
        def.database = database.to_owned();
        def.name = name.to_owned();
        renamed.def = Arc::new(def);
        Ok(())
    }

    /// Gives a table another definition: other columns, codecs, keys. Parts stay as they are: columns they lack are
    /// computed by `KeyExprs::missing_column`, columns that are gone are ignored. The sorting key must order old parts
    /// as they are sorted, and a column that stays must keep its physical form. Name and database stay.
    pub fn replace_definition(&self, table: TableId, def: TableDef) -> Result<()> {
        check_def(&def)?;
        let _no_appends = self.ddl.write();
        // Rows in the log have the old columns; after this no log entry of the table is ever replayed.
        self.flush_tables(&[table])?;
        let mut manifest = self.manifest.lock();
        self.catalog.read().table(table)?;
        manifest.commit(&ManifestRecord::ReplaceDefinition {
            id: table,
            definition: def.definition.clone(),
        })?;
        let mut catalog = self.catalog.write();
        let changed = catalog.table_mut(table)?;
        changed.def = Arc::new(TableDef {
            database: changed.def.database.clone(),
            name: changed.def.name.clone(),
            ..def
        });
        changed.version += 1;
        Ok(())
    }

    /// Removes all rows.
    pub fn truncate_table(&self, table: TableId) -> Result<()> {
        self.remove_everything(table)
    }

    /// Removes all rows of a partition.
    pub fn drop_partition(&self, table: TableId, partition: &str) -> Result<()> {
        self.drop_parts(table, &PartSelection::Partition(partition.to_owned()))
    }

    /// Also the tokens of the table's inserts go.
    fn remove_everything(&self, table: TableId) -> Result<()> {
        let _no_appends = self.ddl.write();
        self.flush_tables(&[table])?;
        let mut manifest = self.manifest.lock();
        let parts: Vec<Arc<Part>> = {
            let catalog = self.catalog.read();
            catalog.table(table)?.parts.to_vec()
        };
        let names = parts.iter().map(|p| (table, p.name.clone())).collect();
        let mut record = ManifestRecord::removal(names);
        if let ManifestRecord::Edit { flushed, tokens, .. } = &mut record {
            // No append is under way: entries up to here brought tokens that the manifest now has, or that went.
            let lsn = self.catalog.read().lsn;
            flushed.push((table, lsn));
            *tokens = Some(self.tokens.lock().to_vec_without(table));
        }
        manifest.commit(&record)?;
        self.tokens.lock().forget(table);
        self.catalog
            .write()
            .table_mut(table)?
            .replace_parts(&parts, std::iter::empty());
        retire(&mut manifest, &parts)
    }
}

fn check_free(catalog: &crate::catalog::Catalog, database: &str, name: &str) -> Result<()> {
    if catalog.find(database, name).is_some() {
        return Err(StorageError::TableExists {
            database: database.to_owned(),
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Refuses definitions whose column numbers or names make no sense.
pub(super) fn check_def(def: &TableDef) -> Result<()> {
    let bad = |problem: String| StorageError::Definition {
        database: def.database.clone(),
        name: def.name.clone(),
        problem,
    };
    let mut named = def.lookup_columns.clone();
    match def.merge_rule {
        MergeRule::Plain => {}
        MergeRule::Replacing { version, is_deleted } => named.extend(version.into_iter().chain(is_deleted)),
        MergeRule::Collapsing { sign } | MergeRule::VersionedCollapsing { sign } => named.push(sign),
        MergeRule::Folding if def.fold.is_none() => {
            return Err(bad("nothing says how its rows are joined".to_owned()));
        }
        MergeRule::Folding => {}
    }
    if let Some(column) = named.into_iter().find(|c| *c >= def.columns.len()) {
        return Err(bad(format!("there is no column number {column}")));
    }
    if def.columns.is_empty() {
        return Err(bad("it has no columns".to_owned()));
    }
    for (at, column) in def.columns.iter().enumerate() {
        if def.columns[..at].iter().any(|c| c.name == column.name) {
            return Err(bad(format!("column `{}` is there twice", column.name)));
        }
    }
    Ok(())
}
