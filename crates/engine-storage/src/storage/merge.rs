//! Merging parts: chosen by size in the background, or all of a partition on demand.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Column, DataType};

use super::Storage;
use super::auto_dictionary;
use super::write_part::dictionaries;
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::manifest::ManifestRecord;
use crate::merge_rule::RuleMode;
use crate::merge_selector::select_merge;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::part::{Part, PartName};
use crate::part_scan::read_part;
use crate::sorted_run::{CacheUse, PartRun};
use crate::table_def::{TableDef, TableId};

pub(super) struct Job {
    table: TableId,
    pub(super) def: Arc<TableDef>,
    folder: String,
    /// Neighbours in one partition, in insertion order.
    pub(super) parts: Vec<Arc<Part>>,
}

impl Storage {
    /// Does one merge when one is worth doing; answers whether it did. Many threads may call it.
    pub fn merge_once(&self) -> Result<bool> {
        let Some(job) = self.take_job() else {
            return Ok(false);
        };
        let outcome = self.run(&job);
        self.release(&job);
        outcome
    }

    /// Flushes the table and merges each partition into one part. With `everything` also partitions that have one part
    /// already are rewritten (columns added since are then stored).
    pub fn optimize(&self, table: TableId, everything: bool) -> Result<()> {
        self.flush_tables(&[table])?;
        let mut partitions: Vec<String> = self
            .snapshot(table)?
            .parts()
            .iter()
            .map(|p| p.name.partition.clone())
            .collect();
        partitions.sort();
        partitions.dedup();
        for partition in partitions {
            let Some(job) = self.take_partition(table, &partition, everything)? else {
                continue;
            };
            let outcome = self.run(&job);
            self.release(&job);
            outcome?;
        }
        Ok(())
    }

    /// The most useful merge of any table, its parts reserved.
    fn take_job(&self) -> Option<Job> {
        let mut merging = self.merging.lock();
        let catalog = self.catalog.read();
        let job = catalog.tables.iter().find_map(|(id, table)| {
            let parts = select_merge(
                &table.parts,
                |part| merging.contains(&part.uid),
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

    /// All parts of a partition, once no other merge works on one.
    fn take_partition(&self, id: TableId, partition: &str, everything: bool) -> Result<Option<Job>> {
        let mut merging = self.merging.lock();
        loop {
            let (def, folder, parts) = {
                let catalog = self.catalog.read();
                let table = catalog.table(id)?;
                let parts: Vec<Arc<Part>> = table
                    .parts
                    .iter()
                    .filter(|p| p.name.partition == partition)
                    .cloned()
                    .collect();
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

    fn release(&self, job: &Job) {
        let mut merging = self.merging.lock();
        for part in &job.parts {
            merging.remove(&part.uid);
        }
        self.merge_done.notify_all();
    }

    /// `false` when the parts were gone before the merge was done.
    fn run(&self, job: &Job) -> Result<bool> {
        let name = merged_name(&job.parts);
        let counters = Arc::new(ReadCounters::default());
        let mut dictionaries = merged_dictionaries(job, &counters)?;
        auto_dictionary::of_merged(job, &counters, &mut dictionaries, &self.options)?;
        let all: Vec<usize> = (0..job.def.columns.len()).collect();
        let runs = job
            .parts
            .iter()
            .map(|part| {
                let granules = 0..part.granules();
                let run = PartRun::new(
                    part.clone(),
                    &job.def,
                    &all,
                    &[granules],
                    CacheUse::Bypass,
                    &counters,
                );
                Box::new(run.translated(dictionaries.clone())) as Box<dyn SortedRun>
            })
            .collect();
        let stream = MergeStream::new(runs, job.def.merge_rule, RuleMode::Merge);
        let merged = self.write_part(&job.def, &job.folder, name, stream, dictionaries)?;
        self.publish_merged(job, merged)
    }

    fn publish_merged(&self, job: &Job, merged: Option<Arc<Part>>) -> Result<bool> {
        let mut manifest = self.manifest.lock();
        let still_there = {
            let catalog = self.catalog.read();
            catalog.tables.get(&job.table).is_some_and(|table| {
                job.parts
                    .iter()
                    .all(|part| table.parts.iter().any(|p| p.uid == part.uid))
            })
        };
        if !still_there {
            if let Some(part) = merged {
                part.set_obsolete();
            }
            return Ok(false);
        }
        manifest.commit(&ManifestRecord::Edit {
            add: merged
                .iter()
                .map(|p| (job.table, p.name.clone(), p.summary))
                .collect(),
            remove: job.parts.iter().map(|p| (job.table, p.name.clone())).collect(),
            flushed: Vec::new(),
            wal_floor: 0,
            tokens: None,
        })?;
        self.catalog
            .write()
            .table_mut(job.table)?
            .replace_parts(&job.parts, merged);
        for part in &job.parts {
            part.set_obsolete();
        }
        Ok(true)
    }
}

fn merged_name(parts: &[Arc<Part>]) -> PartName {
    let names = || parts.iter().map(|p| &p.name);
    PartName {
        partition: names().next().map_or_else(String::new, |n| n.partition.clone()),
        min_block: names().map(|n| n.min_block).min().unwrap_or(0),
        max_block: names().map(|n| n.max_block).max().unwrap_or(0),
        level: names().map(|n| n.level).max().unwrap_or(0) + 1,
    }
}

/// Joined dictionaries; none where a part found its own not worth having.
fn merged_dictionaries(job: &Job, counters: &ReadCounters) -> Result<Vec<Option<Arc<Dictionary>>>> {
    let rows: u64 = job.parts.iter().map(|p| p.rows()).sum();
    dictionaries(&job.def, rows as usize, |index| {
        let mut values: Vec<Column> = Vec::new();
        for part in &job.parts {
            match part.column_position(&job.def.columns[index].name) {
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
    })
}

fn whole_column(job: &Job, part: &Arc<Part>, index: usize, counters: &ReadCounters) -> Result<Column> {
    let granules = 0..part.granules();
    let block = read_part(&job.def, part, granules, &[index], CacheUse::Bypass, counters)?;
    Ok(block.column(0).clone())
}
