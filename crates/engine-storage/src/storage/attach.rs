//! Taking folders from `detached/` into the table: read from end to end first, then linked, then recorded.

use std::sync::Arc;

use engine_codec::has_form;
use engine_types::Value;

use super::Storage;
use super::partition_verbs::{DetachedPart, DetachedSelection};
use super::set_aside::DETACHED_FOLDER;
use crate::counters::ReadCounters;
use crate::error::io_at;
use crate::error::{Result, StorageError};
use crate::lookup_index::{lookup_hash, lookup_keys};
use crate::manifest::ManifestRecord;
use crate::part::{Part, PartName, SEGMENT_GRANULES};
use crate::part_scan::read_part;
use crate::sorted_run::{CacheUse, keys_in_order, sorting_key};
use crate::table_def::{MergeRule, TableDef, TableId};

/// A folder whose every byte and row was found good.
struct Candidate {
    detached: DetachedPart,
    partition: String,
    part: Part,
}

impl Storage {
    /// Makes parts of folders in `detached/`, all or none, each under a new block number. A folder may come from
    /// another table, or another storage: its columns, keys, order and partition must be those of this table.
    pub fn attach(&self, table: TableId, selection: &DetachedSelection) -> Result<Vec<PartName>> {
        let def = self.table_def(table)?;
        let candidates = self
            .selected_detached(table, selection)?
            .into_iter()
            .map(|detached| self.candidate(&def, detached))
            .collect::<Result<Vec<_>>>()?;
        let _definitions_stay = self.ddl.read();
        let now = self.catalog.read().table(table)?.def.clone();
        if !Arc::ptr_eq(&def, &now) {
            return Err(StorageError::Commit(
                "the table was altered while parts were being read".to_owned(),
            ));
        }
        // No flush between taking a number and the record, so that merges never span a number that is not there yet.
        let _no_flush = self.flushing.lock();
        let mut moved: Vec<(String, String)> = Vec::new();
        let outcome = self.attach_read(table, &candidates, &mut moved);
        if outcome.is_err() {
            for (from, to) in moved {
                let is_in_both = self.directory.exists(&from).unwrap_or(false);
                let back = if is_in_both {
                    self.directory.remove_folder(&to)
                } else {
                    self.directory.rename(&to, &from)
                };
                if let Err(error) = back {
                    tracing::error!(from, to, %error, "cannot move a part back to `{DETACHED_FOLDER}/`; the next start will");
                }
            }
        }
        outcome
    }

    fn attach_read(
        &self,
        table: TableId,
        candidates: &[Candidate],
        moved: &mut Vec<(String, String)>,
    ) -> Result<Vec<PartName>> {
        let mut parts = Vec::new();
        for candidate in candidates {
            let number = self
                .catalog
                .write()
                .table_mut(table)?
                .take_block_number(&candidate.partition);
            let name = PartName::inserted(candidate.partition.clone(), number);
            let folder = candidate.detached.table_folder();
            let (from, to) = (candidate.detached.path.clone(), format!("{folder}/{name}"));
            // A folder that is renamed into another one may be in neither after a power cut: it is in both for a moment.
            let aside = format!("{folder}/tmp_attach_{name}");
            self.link_folder(&from, &aside)?;
            moved.push((from.clone(), to.clone()));
            self.directory
                .rename(&aside, &to)
                .map_err(io_at("rename", &aside))?;
            self.sync_folders(&[folder])?;
            self.directory
                .remove_folder(&from)
                .map_err(io_at("remove folder", &from))?;
            parts.push(Arc::new(Part::open(
                &self.directory,
                &self.cache,
                self.part_uid(),
                &candidate.part.table,
                &to,
                name,
                Some(candidate.part.summary),
            )?));
        }
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        for candidate in candidates {
            let folder = candidate.detached.table_folder();
            self.sync_folders(&[folder, &format!("{folder}/{DETACHED_FOLDER}")])?;
        }
        let mut manifest = self.manifest.lock();
        manifest.commit(&ManifestRecord::addition(
            parts.iter().map(|p| (table, p.name.clone(), p.summary)).collect(),
        ))?;
        let names = parts.iter().map(|p| p.name.clone()).collect();
        self.catalog.write().table_mut(table)?.replace_parts(&[], parts);
        Ok(names)
    }

    fn candidate(&self, def: &Arc<TableDef>, detached: DetachedPart) -> Result<Candidate> {
        let name = detached
            .name
            .clone()
            .unwrap_or_else(|| PartName::inserted(DETACHED_FOLDER, 0));
        let uid = self.part_uid();
        let table = def.full_name();
        let part = Part::open(
            &self.directory,
            &self.cache,
            uid,
            &table,
            &detached.path,
            name.clone(),
            None,
        )?;
        part.check()?;
        let part = Arc::new(part);
        let partition = check_rows(def, &part).map_err(|problem| match problem {
            Misfit::Error(error) => error,
            Misfit::Problem(problem) => StorageError::PartMisfit {
                table,
                part: detached.folder_name.clone(),
                problem,
            },
        })?;
        let part = Arc::into_inner(part)
            .ok_or_else(|| StorageError::Commit("a part being attached has readers".to_owned()))?;
        Ok(Candidate {
            detached,
            partition,
            part,
        })
    }
}

enum Misfit {
    Problem(String),
    Error(StorageError),
}

impl From<StorageError> for Misfit {
    fn from(error: StorageError) -> Self {
        Self::Error(error)
    }
}

/// Whether the part could have been written by this table; answers its partition.
fn check_rows(def: &Arc<TableDef>, part: &Arc<Part>) -> std::result::Result<String, Misfit> {
    let no = |problem: String| Err(Misfit::Problem(problem));
    if part.rows() == 0 {
        return no("it has no rows".to_owned());
    }
    for column in &def.columns {
        if let Some(at) = part.column_position(&column.name)
            && *part.column_type(at) != column.ty
        {
            return no(format!(
                "column `{}` is of type {}, the table's of type {}",
                column.name,
                part.column_type(at),
                column.ty
            ));
        }
    }
    let needed = def
        .keys
        .sorting_key_inputs()
        .unwrap_or_default()
        .into_iter()
        .chain(def.lookup_columns.iter().copied());
    for column in needed.filter_map(|c| def.columns.get(c)) {
        if part.column_position(&column.name).is_none() {
            return no(format!("column `{}` is missing", column.name));
        }
    }
    let index = part.index.keys();
    let same_keys = index.len() == def.sorting_key_types.len()
        && index
            .iter()
            .zip(&def.sorting_key_types)
            .all(|(key, ty)| has_form(key, ty));
    if !same_keys {
        return no("its primary index is of other keys".to_owned());
    }
    let entries = keys_in_order(index, part.granules() + 1);
    let all: Vec<usize> = (0..def.columns.len()).collect();
    let counters = ReadCounters::default();
    let mut partition: Option<String> = None;
    let mut last: Option<Vec<u8>> = None;
    let mut last_sign: Option<Value> = None;
    for start in (0..part.granules()).step_by(SEGMENT_GRANULES) {
        let granules = start..(start + SEGMENT_GRANULES).min(part.granules());
        let block = read_part(def, part, granules.clone(), &all, CacheUse::Bypass, &counters)?;
        let partitions = def.keys.partition(&block).map_err(Misfit::Problem)?;
        for id in &partitions.ids {
            if partition.get_or_insert_with(|| id.clone()) != id {
                return no("its rows are of several partitions".to_owned());
            }
        }
        let keys = keys_in_order(&sorting_key(def, &block)?, block.rows());
        let base = part.index.start(granules.start);
        for granule in granules {
            let row = (part.index.start(granule) - base) as usize;
            if keys.get(row) != entries.get(granule) {
                return no(format!("its primary index does not fit granule {granule}"));
            }
            if !def.lookup_columns.is_empty() && part.has_lookup() {
                let columns: Vec<_> = def
                    .lookup_columns
                    .iter()
                    .map(|c| block.column(*c).slice(row, 1))
                    .collect();
                let hash = lookup_hash(lookup_keys(&columns).get(0));
                let found = part.lookup_candidates(std::iter::once((0, hash)))?;
                if !found.iter().any(|(at, _)| *at == granule) {
                    return no("its look-up index is of other columns".to_owned());
                }
            }
        }
        for (row, key) in keys.iter().enumerate() {
            match last.as_deref() {
                Some(before) if before > key => return no("its rows are not in the table's order".to_owned()),
                Some(before) if before == key => match def.merge_rule {
                    MergeRule::Plain | MergeRule::Collapsing { .. } => {}
                    MergeRule::Replacing { .. } | MergeRule::Folding => {
                        return no("it has several rows of one key, the table keeps one".to_owned());
                    }
                    MergeRule::VersionedCollapsing { sign } => {
                        if last_sign.as_ref() != Some(&block.column(sign).value(row)) {
                            return no("it has rows that cancel each other".to_owned());
                        }
                    }
                },
                _ => {
                    last = Some(key.to_vec());
                    last_sign = match def.merge_rule {
                        MergeRule::VersionedCollapsing { sign } => Some(block.column(sign).value(row)),
                        MergeRule::Plain
                        | MergeRule::Replacing { .. }
                        | MergeRule::Collapsing { .. }
                        | MergeRule::Folding => None,
                    };
                }
            }
        }
    }
    if last.as_deref() != Some(entries.get(part.granules())) {
        return no("its primary index does not end with its last row".to_owned());
    }
    partition.map_or_else(|| no("it has no partition".to_owned()), Ok)
}
