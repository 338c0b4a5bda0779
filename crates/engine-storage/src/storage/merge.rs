//! Merging parts: chosen by size in the background, or all of a partition on demand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_codec::Dictionary;
use engine_types::{Column, DataType};

use super::Storage;
use super::auto_dictionary;
use super::expire::with_codec;
use super::hidden_part::HiddenPart;
use super::vertical_merge::VerticalPlan;
use super::write_part::dictionary;
use crate::catalog::Table;
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::json_shred;
use crate::manifest::ManifestRecord;
use crate::merge_rule::RuleMode;
use crate::merge_selector::select_merge;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::options::StorageOptions;
use crate::part::{Part, PartName, used_values};
use crate::part_scan::read_part;
use crate::sorted_run::{CacheUse, PartRun};
use crate::table_def::{MergeRule, TableDef, TableId};

pub(super) struct Job {
    pub(super) table: TableId,
    pub(super) def: Arc<TableDef>,
    pub(super) folder: String,
    /// Neighbours in one partition, in insertion order.
    pub(super) parts: Vec<Arc<Part>>,
}

/// What a merge does with rows.
enum Rows {
    /// What the table says about rows of equal keys, and at this time about those whose time is over.
    Join(Option<i64>),
    /// Nothing.
    Stay,
}

impl Job {
    pub(super) fn of(id: TableId, table: &Table, parts: Vec<Arc<Part>>) -> Self {
        Self {
            table: id,
            def: table.def.clone(),
            folder: table.folder.clone(),
            parts,
        }
    }
}

impl Storage {
    /// Does one merge when one is worth doing; answers whether it did. Many threads may call it.
    pub fn merge_once(&self) -> Result<bool> {
        if self.look_at_old_part()? || self.move_once()? {
            return Ok(true);
        }
        let (job, outcome) = if let Some((job, is_gone)) = self.take_expired() {
            let outcome = if is_gone {
                self.replace_parts(job.table, &job.parts, None, || true)
            } else {
                self.run(&job)
            };
            (job, outcome)
        } else if let Some(job) = self.take_job() {
            let outcome = self.run_in_any_case(&job);
            (job, outcome)
        } else {
            return Ok(false);
        };
        self.release(&job);
        outcome
    }

    /// Merges, for tables that ask for it ([`TableDef::merge_after_ms`]), parts that have all been there for long enough,
    /// also one alone when rows in it are deleted; answers whether there were any. `now_ms` is any clock that does not go
    /// back. Other merges go by the ages that it tells.
    pub fn merge_old(&self, now_ms: u64) -> Result<bool> {
        self.latest_ms.fetch_max(now_ms, Ordering::Relaxed);
        let due: Vec<(TableId, String, u64)> = {
            let catalog = self.catalog.read();
            let tables = catalog.tables.iter();
            tables
                .filter_map(|(id, table)| Some((id, table, table.def.merge_after_ms?)))
                .flat_map(|(id, table, age)| {
                    let is_old = move |part: &Arc<Part>| part.age_ms(now_ms) >= age;
                    mergeable_runs(table).filter_map(move |run| {
                        // All of them are asked: ages are counted from the first time.
                        let old = run.iter().filter(|part| is_old(part)).count() == run.len();
                        let useful = run.len() > 1 || run.iter().any(|part| part.has_deleted_rows());
                        let first = run.first().filter(|_| old && useful)?;
                        Some((*id, first.name.partition.clone(), first.name.min_block))
                    })
                })
                .collect()
        };
        for (table, partition, block) in &due {
            if let Some(job) = self.take_run(*table, partition, *block, true)? {
                let outcome = self.run_in_any_case(&job);
                self.release(&job);
                outcome?;
            }
        }
        Ok(!due.is_empty())
    }

    /// Flushes the table and merges each partition into one part. With `everything` also partitions that have one part
    /// already are rewritten (columns added since are then stored).
    pub fn optimize(&self, table: TableId, everything: bool) -> Result<()> {
        self.flush_tables(&[table])?;
        self.run_mutations(table)?;
        let runs: Vec<(String, u64)> = {
            let catalog = self.catalog.read();
            let table = catalog.table(table)?;
            mergeable_runs(table)
                .filter_map(|run| run.first())
                .map(|part| (part.name.partition.clone(), part.name.min_block))
                .collect()
        };
        for (partition, block) in runs {
            let Some(job) = self.take_run(table, &partition, block, everything)? else {
                continue;
            };
            let outcome = self.run(&job);
            self.release(&job);
            outcome?;
        }
        Ok(())
    }

    /// The part, once no merge works on it; `None` when it is gone by then.
    pub(super) fn take_part(&self, id: TableId, part: &Arc<Part>) -> Result<Option<Job>> {
        let mut merging = self.merging.lock();
        while merging.contains(&part.uid) {
            self.merge_done.wait(&mut merging);
        }
        let catalog = self.catalog.read();
        let table = catalog.table(id)?;
        if !table.parts.iter().any(|p| p.uid == part.uid) {
            return Ok(None);
        }
        merging.insert(part.uid);
        Ok(Some(Job {
            table: id,
            def: table.def.clone(),
            folder: table.folder.clone(),
            parts: vec![part.clone()],
        }))
    }

    /// The most useful merge of any table, its parts reserved.
    fn take_job(&self) -> Option<Job> {
        let now_ms = self.latest_ms.load(Ordering::Relaxed);
        let mut merging = self.merging.lock();
        let catalog = self.catalog.read();
        let job = catalog.tables.iter().find_map(|(id, table)| {
            let parts = select_merge(
                &table.parts,
                |part| merging.contains(&part.uid),
                |part| table.pending(part).count(),
                |part| if now_ms == 0 { 0 } else { part.age_ms(now_ms) },
                self.options.merge_parts_max,
                self.options.merge_bytes_max,
            )?;
            Some(Job {
                table: *id,
                def: table.def.clone(),
                folder: table.folder.clone(),
                parts,
            })
        })?;
        merging.extend(job.parts.iter().map(|p| p.uid));
        Some(job)
    }

    /// The parts of a partition that may be merged with that of `block`, once no other merge works on one.
    fn take_run(&self, id: TableId, partition: &str, block: u64, everything: bool) -> Result<Option<Job>> {
        let mut merging = self.merging.lock();
        loop {
            let (def, folder, parts) = {
                let catalog = self.catalog.read();
                let table = catalog.table(id)?;
                let holds = |part: &Arc<Part>| {
                    let name = &part.name;
                    name.partition == partition && (name.min_block..=name.max_block).contains(&block)
                };
                let run = mergeable_runs(table).find(|run| run.iter().any(holds));
                let parts: Vec<Arc<Part>> = run.unwrap_or_default().to_vec();
                (table.def.clone(), table.folder.clone(), parts)
            };
            if parts.iter().any(|p| merging.contains(&p.uid)) {
                self.merge_done.wait(&mut merging);
                continue;
            }
            if parts.len() < if everything { 1 } else { 2 } {
                return Ok(None);
            }
            merging.extend(parts.iter().map(|p| p.uid));
            return Ok(Some(Job {
                table: id,
                def,
                folder,
                parts,
            }));
        }
    }

    pub(super) fn release(&self, job: &Job) {
        let mut merging = self.merging.lock();
        for part in &job.parts {
            merging.remove(&part.uid);
        }
        self.merge_done.notify_all();
    }

    /// Merges without doing anything about rows whose time is over where that fails: parts would pile up.
    fn run_in_any_case(&self, job: &Job) -> Result<bool> {
        match self.run(job) {
            Err(StorageError::Expiry(problem)) => {
                let table = job.def.full_name();
                tracing::warn!(table, problem, "rows whose time is over stay as they are");
                self.run_at(job, None)
            }
            outcome => outcome,
        }
    }

    pub(super) fn run(&self, job: &Job) -> Result<bool> {
        self.run_at(job, self.told_time())
    }

    /// `false` when the parts were gone before the merge was done.
    fn run_at(&self, job: &Job, now: Option<i64>) -> Result<bool> {
        let Some(name) = PartName::merged(job.parts.iter().map(|p| p.name())) else {
            return Ok(false);
        };
        let counters = Arc::new(ReadCounters::default());
        let moments = self.moments(&job.def, &job.parts, &counters)?;
        let table_def = with_codec(&job.def, moments.as_ref());
        let job = &Job {
            table: job.table,
            folder: self.result_folder(&job.def, &job.folder, &job.parts, moments.as_ref()),
            def: table_def,
            parts: job.parts.clone(),
        };
        let def = json_shred::merged_def(&job.def, &job.parts, &self.options, &counters)?;
        let expires = now
            .zip(job.def.expiry.as_ref())
            .is_some_and(|(now, expiry)| job.parts.iter().any(|part| part.may_join(expiry.as_ref(), now)));
        let rows_change = expires || job.def.merge_rule != MergeRule::Plain;
        let hidden = HiddenPart::of_merge(&job.def, &job.parts, rows_change, &counters)?;
        let merged = match VerticalPlan::of(&def, &job.parts, &hidden) {
            Some(plan) => self.merge_vertically(job, &def, &plan, name, hidden, &counters)?,
            None => self.merge_rows(job, &def, name, hidden, Rows::Join(now), &counters)?,
        };
        self.replace_parts(job.table, &job.parts, merged, || true)
    }

    /// Writes the rows of one part that are not deleted as part `name`. They are not joined, nor do they expire.
    pub(super) fn write_live_rows(
        &self,
        table: TableId,
        def: &Arc<TableDef>,
        folder: &str,
        part: &Arc<Part>,
        name: PartName,
    ) -> Result<Option<Arc<Part>>> {
        let job = Job {
            table,
            def: def.clone(),
            folder: folder.to_owned(),
            parts: vec![part.clone()],
        };
        let counters = Arc::new(ReadCounters::default());
        let written = json_shred::merged_def(def, &job.parts, &self.options, &counters)?;
        let hidden: Vec<HiddenPart> = def.projections.iter().map(HiddenPart::collecting).collect();
        let plan = VerticalPlan::of(&written, &job.parts, &hidden);
        match plan.filter(|_| def.merge_rule == MergeRule::Plain) {
            Some(plan) => self.merge_vertically(&job, &written, &plan, name, hidden, &counters),
            None => self.merge_rows(&job, &written, name, hidden, Rows::Stay, &counters),
        }
    }

    /// Writes the merge of the job's parts with all columns at once.
    fn merge_rows(
        &self,
        job: &Job,
        def: &Arc<TableDef>,
        name: PartName,
        hidden: Vec<HiddenPart>,
        kept: Rows,
        counters: &Arc<ReadCounters>,
    ) -> Result<Option<Arc<Part>>> {
        let mut dictionaries = (0..job.def.columns.len())
            .map(|column| match def.is_taken_apart(column) {
                true => Ok(None),
                false => merged_dictionary(job, column, counters, &self.options),
            })
            .collect::<Result<Vec<_>>>()?;
        dictionaries.extend(json_shred::merged_dictionaries(def, &job.parts, counters)?);
        let all: Vec<usize> = (0..def.columns.len()).collect();
        let unread = json_shred::unread_texts(def);
        let runs = job
            .parts
            .iter()
            .map(|part| {
                let granules = 0..part.granules();
                let run = PartRun::new(part.clone(), def, &all, &[granules], CacheUse::Bypass, counters);
                let run = run.translated(dictionaries.clone()).without(unread.clone());
                Box::new(run.sized()) as Box<dyn SortedRun>
            })
            .collect();
        let stream = match kept {
            Rows::Join(now) => MergeStream::new(runs, job.def.merge_rule, RuleMode::Merge)
                .folding(job.def.fold.as_ref(), &all)
                .expiring(job.def.expiry.as_ref(), now),
            Rows::Stay => MergeStream::new(runs, MergeRule::Plain, RuleMode::Merge),
        };
        self.write_part(def, &job.folder, name, stream, dictionaries, hidden)
    }

    /// Puts `new`, or nothing, in the place of `old` in one step. `false` when one of those is gone, or `is_wanted` says
    /// no: `new` goes then.
    pub(super) fn replace_parts(
        &self,
        id: TableId,
        old: &[Arc<Part>],
        new: Option<Arc<Part>>,
        is_wanted: impl FnOnce() -> bool,
    ) -> Result<bool> {
        let mut manifest = self.manifest.lock();
        let still_there = {
            let catalog = self.catalog.read();
            catalog.tables.get(&id).is_some_and(|table| {
                old.iter()
                    .all(|part| table.parts.iter().any(|p| p.uid == part.uid))
            })
        };
        if !still_there || !is_wanted() {
            if let Some(part) = new {
                part.set_obsolete();
            }
            return Ok(false);
        }
        manifest.commit(&ManifestRecord::Edit {
            add: new.iter().map(|p| (id, p.name.clone(), p.summary)).collect(),
            remove: old.iter().map(|p| (id, p.name.clone())).collect(),
            flushed: Vec::new(),
            wal_floor: 0,
            tokens: None,
        })?;
        self.catalog.write().table_mut(id)?.replace_parts(old, new);
        for part in old {
            part.set_obsolete();
        }
        Ok(true)
    }
}

/// Parts by what may be merged: those of one partition, in one row, that wait for the same mutations.
fn mergeable_runs(table: &Table) -> impl Iterator<Item = &[Arc<Part>]> {
    table.parts.chunk_by(|a, b| {
        a.name.partition == b.name.partition && table.pending(a).count() == table.pending(b).count()
    })
}

/// The dictionary of a column proper of the merged part: those of the sources joined, or one that pays though nobody asked
/// for it. None where a part found its own not worth having.
pub(super) fn merged_dictionary(
    job: &Job,
    index: usize,
    counters: &ReadCounters,
    options: &StorageOptions,
) -> Result<Option<Arc<Dictionary>>> {
    // What values are reset to may not be in the dictionary.
    let expiry = job.def.expiry.iter();
    if expiry
        .flat_map(|expiry| expiry.reset_columns())
        .any(|column| *column == index)
    {
        return Ok(None);
    }
    let rows: u64 = job.parts.iter().map(|p| p.rows()).sum();
    let joined = dictionary(&job.def, rows as usize, index, &mut |index| {
        values_of_sources(job, index, counters)
    })?;
    match joined {
        Some(joined) => Ok(Some(joined)),
        None => auto_dictionary::of_merged(job, index, counters, options),
    }
}

fn values_of_sources(job: &Job, index: usize, counters: &ReadCounters) -> Result<Option<Vec<Column>>> {
    let mut values: Vec<Column> = Vec::new();
    for part in &job.parts {
        match part.column_position(&job.def.columns[index].name) {
            // Values of deleted rows alone must not live on.
            Some(_) if part.has_deleted_rows() => {
                let column = whole_column(job, part, index, counters)?;
                let live = part.live_in(&(0..part.granules()));
                values.push(used_values(
                    &live.map_or(column.clone(), |live| column.gather(&live)),
                ));
            }
            Some(position) => match part.dictionary_of(position)? {
                Some(dictionary) => values.push(dictionary.as_ref().clone()),
                None if matches!(part.column_type(position), DataType::LowCardinality(_)) => {
                    return Ok(None);
                }
                // The column became LowCardinality after the part was written.
                None => values.push(whole_column(job, part, index, counters)?),
            },
            None => values.push(whole_column(job, part, index, counters)?),
        }
    }
    Ok(Some(values))
}

fn whole_column(job: &Job, part: &Arc<Part>, index: usize, counters: &ReadCounters) -> Result<Column> {
    let granules = 0..part.granules();
    let block = read_part(&job.def, part, granules, &[index], CacheUse::Bypass, counters)?;
    Ok(block.column(0).clone())
}
