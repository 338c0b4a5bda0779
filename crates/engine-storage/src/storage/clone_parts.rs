//! Parts of one table for another of equal structure: the files are shared, each table has names of its own for them.

use std::sync::Arc;

use super::Storage;
use super::partition_verbs::{PartSelection, retire};
use crate::directory::on_disk;
use crate::error::{Result, StorageError, io_at};
use crate::manifest::ManifestRecord;
use crate::part::{Part, PartName};
use crate::table_def::{TableDef, TableId};

/// What becomes of the parts that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloneMode {
    /// `ATTACH PARTITION … FROM`: they stay.
    Add,
    /// `REPLACE PARTITION … FROM`: those of the same partitions in the target go.
    Replace,
    /// `MOVE PARTITION … TO TABLE`: those of the source go.
    Move,
}

impl Storage {
    /// Gives `target` the parts of `source` in `selection`, in one step for both tables. The caller knows that keys and
    /// partitions are computed alike.
    pub fn clone_parts(
        &self,
        source: TableId,
        target: TableId,
        selection: &PartSelection,
        mode: CloneMode,
    ) -> Result<()> {
        let _no_appends = self.ddl.write();
        if source == target {
            return Err(StorageError::PartMisfit {
                table: self.table_def(target)?.full_name(),
                part: String::new(),
                problem: "source and target are one table".to_owned(),
            });
        }
        let parts = self.selected(source, selection)?;
        let replaced = match mode {
            CloneMode::Replace => self.selected(target, selection)?,
            CloneMode::Add | CloneMode::Move => Vec::new(),
        };
        same_structure(self.table_def(source)?.as_ref(), self.table_def(target)?.as_ref())?;
        let _no_flush = self.flushing.lock();
        let clones = self.clones(&parts, target)?;
        let mut manifest = self.manifest.lock();
        let mut remove: Vec<(TableId, PartName)> =
            replaced.iter().map(|p| (target, p.name.clone())).collect();
        if mode == CloneMode::Move {
            remove.extend(parts.iter().map(|p| (source, p.name.clone())));
        }
        if remove.is_empty() && clones.is_empty() {
            return Ok(());
        }
        let record = ManifestRecord::Edit {
            add: clones
                .iter()
                .map(|p| (target, p.name.clone(), p.summary))
                .collect(),
            remove,
            flushed: Vec::new(),
            wal_floor: 0,
            tokens: None,
        };
        if let Err(error) = manifest.commit(&record) {
            for part in &clones {
                part.set_obsolete();
            }
            return Err(error);
        }
        let gone = match mode {
            CloneMode::Move => &parts,
            CloneMode::Add | CloneMode::Replace => &replaced,
        };
        {
            let mut catalog = self.catalog.write();
            catalog.table_mut(target)?.replace_parts(&replaced, clones);
            if mode == CloneMode::Move {
                catalog
                    .table_mut(source)?
                    .replace_parts(&parts, std::iter::empty());
            }
        }
        retire(&mut manifest, gone)
    }

    fn clones(&self, parts: &[Arc<Part>], target: TableId) -> Result<Vec<Arc<Part>>> {
        let mut clones: Vec<Arc<Part>> = Vec::new();
        for part in parts {
            match self.clone_one(part, target) {
                Ok(clone) => clones.push(clone),
                Err(error) => {
                    for part in &clones {
                        part.set_obsolete();
                    }
                    return Err(error);
                }
            }
        }
        Ok(clones)
    }

    fn clone_one(&self, part: &Part, target: TableId) -> Result<Arc<Part>> {
        let (folder, table, name) = {
            let mut catalog = self.catalog.write();
            let table = catalog.table_mut(target)?;
            let number = table.take_block_number(&part.name.partition);
            let name = PartName::inserted(part.name.partition.clone(), number);
            // On the same disk: files get second names.
            let policy = self.policy(&table.def);
            if policy.volume_of(part.disk()).is_none() {
                return Err(StorageError::Disk {
                    disk: part.disk().to_owned(),
                    problem: format!(
                        "storage policy `{}` of table {} has no such disk",
                        policy.name,
                        table.def.full_name()
                    ),
                });
            }
            (on_disk(part.disk(), &table.folder), table.def.full_name(), name)
        };
        self.make_place(&folder)?;
        let (aside, to) = (format!("{folder}/tmp_clone_{name}"), format!("{folder}/{name}"));
        self.link_folder(&part.folder, &aside)?;
        self.directory
            .rename(&aside, &to)
            .map_err(io_at("rename", &aside))?;
        self.sync_folders(&[&folder])?;
        Ok(Arc::new(Part::open(
            &self.directory,
            &self.cache,
            self.part_uid(),
            &table,
            &to,
            name,
            Some(part.summary),
        )?))
    }
}

fn same_structure(source: &TableDef, target: &TableDef) -> Result<()> {
    let shape = |def: &TableDef| -> Vec<_> {
        let columns = def.columns.iter();
        columns.map(|c| (c.name.clone(), c.ty.clone())).collect()
    };
    let same = shape(source) == shape(target)
        && source.sorting_key_types == target.sorting_key_types
        && source.merge_rule == target.merge_rule
        && source.lookup_columns == target.lookup_columns;
    if same {
        return Ok(());
    }
    Err(StorageError::OtherStructure {
        table: target.full_name(),
        other: source.full_name(),
    })
}
