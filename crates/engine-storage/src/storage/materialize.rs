//! Skip indexes and projections for parts that are older than they: a new version whose other files are links.

use std::collections::HashSet;
use std::sync::Arc;

use engine_types::{Block, Column};

use super::Storage;
use super::hidden_part::HiddenPart;
use super::merge::Job;
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::part::{NewVersion, Part, PartName, SEGMENT_GRANULES};
use crate::part_scan::read_part;
use crate::skip_index::{SkipIndexDef, SkipIndexWriter};
use crate::sorted_run::{CacheUse, widen};
use crate::table_def::{Projection, TableDef, TableId};

/// What is to be made where it is missing, by name.
struct Wanted<'a> {
    projections: &'a [&'a str],
    indexes: &'a [&'a str],
}

impl Wanted<'_> {
    fn projections<'d>(&self, def: &'d TableDef, part: &Part) -> Vec<&'d Projection> {
        let named = def.projections.iter();
        let named = named.filter(|p| self.projections.contains(&p.name.as_str()));
        named.filter(|p| part.hidden(p).is_none()).collect()
    }

    /// With their numbers in the table.
    fn indexes<'d>(&self, def: &'d TableDef, part: &Part) -> Vec<(usize, &'d SkipIndexDef)> {
        let counters = ReadCounters::default();
        let named = def.skip_indexes.iter().enumerate();
        named
            .filter(|(_, i)| self.indexes.contains(&i.name.as_str()))
            .filter(|(_, i)| part.skip_index(i, &counters).is_none())
            .collect()
    }
}

impl Storage {
    /// Makes these projections and skip indexes, as they are declared now, for every part that lacks one.
    pub fn materialize(&self, table: TableId, projections: &[&str], indexes: &[&str]) -> Result<()> {
        self.flush_tables(&[table])?;
        self.run_mutations(table)?;
        let wanted = Wanted { projections, indexes };
        // What cannot be made is not tried again.
        let mut tried: HashSet<PartName> = HashSet::new();
        loop {
            let snapshot = self.snapshot(table)?;
            let lacks = |part: &Part| {
                let def = snapshot.def();
                !wanted.projections(def, part).is_empty() || !wanted.indexes(def, part).is_empty()
            };
            let mut parts = snapshot.parts().iter();
            let Some(part) = parts.find(|part| !tried.contains(part.name()) && lacks(part)) else {
                return Ok(());
            };
            tried.insert(part.name().clone());
            if let Some(job) = self.take_part(table, part)? {
                let outcome = self.complete(&job, part, &wanted);
                self.release(&job);
                outcome?;
                tried.extend(PartName::merged([part.name()]));
            }
        }
    }

    fn complete(&self, job: &Job, part: &Arc<Part>, wanted: &Wanted<'_>) -> Result<bool> {
        let def = &job.def;
        let (projections, indexes) = (wanted.projections(def, part), wanted.indexes(def, part));
        // Hidden rows would have to leave out what is deleted.
        let Some(name) =
            PartName::merged([part.name()]).filter(|_| projections.is_empty() || !part.has_deleted_rows())
        else {
            return self.run(job);
        };
        let mut hidden: Vec<HiddenPart> = projections.into_iter().map(HiddenPart::collecting).collect();
        let mut writers: Vec<(usize, SkipIndexWriter)> = indexes
            .iter()
            .map(|(at, index)| (*at, SkipIndexWriter::new(index)))
            .collect();
        self.read_for(def, part, &mut hidden, &mut writers)?;
        let failed = |source| StorageError::Encode {
            table: def.full_name(),
            source,
        };
        let write = |aside: &str| {
            let mut version = NewVersion::create(part, aside.to_owned())?.of_same_rows();
            for ((_, writer), (_, index)) in writers.into_iter().zip(&indexes) {
                version.skip_index(&index.file(), &writer.finish().map_err(failed)?)?;
            }
            for part in hidden {
                if let Some(written) = self.write_hidden(aside, part)? {
                    version.hide(written);
                }
            }
            version.finish()
        };
        let new = self.publish_part(def, part.table_folder(), name, write)?;
        self.replace_parts(job.table, &job.parts, Some(new), || true)
    }

    /// Gives all rows of the part, and only the columns that are needed, to what is made of them.
    fn read_for(
        &self,
        def: &TableDef,
        part: &Arc<Part>,
        hidden: &mut [HiddenPart],
        writers: &mut [(usize, SkipIndexWriter)],
    ) -> Result<()> {
        let mut inputs: Vec<usize> = hidden
            .iter()
            .flat_map(|h| h.collected_columns().to_vec())
            .collect();
        if !writers.is_empty() {
            let all = || (0..def.columns.len()).collect();
            inputs.extend(def.keys.skip_index_inputs().unwrap_or_else(all));
        }
        inputs.sort_unstable();
        inputs.dedup();
        let counters = ReadCounters::default();
        for start in (0..part.granules()).step_by(SEGMENT_GRANULES) {
            let granules = start..(start + SEGMENT_GRANULES).min(part.granules());
            let read = read_part(def, part, granules.clone(), &inputs, CacheUse::Bypass, &counters)?;
            let full: Block = widen(def, &read, &inputs);
            hidden.iter_mut().for_each(|h| h.collect(&full));
            for (index, writer) in &mut *writers {
                let columns = def.keys.skip_index(*index, &full);
                let columns = columns.map_err(|problem| StorageError::Expression {
                    table: def.full_name(),
                    problem,
                })?;
                let mut at = 0;
                for granule in granules.clone() {
                    let rows = part.index.granule_rows(granule);
                    let piece: Vec<Column> = columns.iter().map(|c| c.slice(at, rows)).collect();
                    writer.granule(&piece);
                    at += rows;
                }
            }
        }
        Ok(())
    }
}
