//! Writing hidden parts: made anew from the rows of their part, or merged from the hidden parts of its sources.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Block, DataType};

use super::Storage;
use super::write_part::dictionaries;
use crate::block_cache::weight;
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::merge_rule::RuleMode;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::part::{HiddenWritten, Part, PartWriter, hidden_folder, hidden_written};
use crate::part_scan::read_part;
use crate::sorted_run::{CacheUse, MemoryRun, PartRun, sorting_key};
use crate::table_def::{Projection, TableDef};

/// Rows of a hidden part that are sorted in memory.
const SORTED_BYTES_MAX: usize = 1 << 30;

/// A hidden part on its way.
pub(super) struct HiddenPart {
    projection: Projection,
    rows: Rows,
}

enum Rows {
    /// Those of the part itself, collected while it is written.
    Collected { blocks: Vec<Block>, bytes: usize },
    /// Those of hidden parts, in order.
    Merged(Box<MergeStream>, Vec<Option<Arc<Dictionary>>>),
}

impl HiddenPart {
    /// For a part whose rows come from elsewhere than parts.
    pub fn collecting(projection: &Projection) -> Self {
        Self {
            projection: projection.clone(),
            rows: Rows::Collected {
                blocks: Vec::new(),
                bytes: 0,
            },
        }
    }

    /// The hidden parts of a merge of `parts`. Where a source has none they are made anew, unless so many rows would have to
    /// be sorted that the merge goes without; also where the merge changes rows for which the sources' hidden parts stand.
    pub fn of_merge(
        def: &TableDef,
        parts: &[Arc<Part>],
        rows_change: bool,
        counters: &Arc<ReadCounters>,
    ) -> Result<Vec<Self>> {
        let bytes: u64 = parts.iter().map(|p| p.bytes()).sum();
        let mut out = Vec::new();
        for projection in &def.projections {
            let sources: Option<Vec<&Arc<Part>>> = parts.iter().map(|p| p.hidden(projection)).collect();
            match sources.filter(|_| !rows_change) {
                Some(sources) => out.push(Self {
                    projection: projection.clone(),
                    rows: merged(&projection.def, &sources, counters)?,
                }),
                // Of groups there are fewer than of rows.
                None if projection.rows.is_some() || bytes <= (SORTED_BYTES_MAX / 4) as u64 => {
                    out.push(Self::collecting(projection));
                }
                None => {}
            }
        }
        Ok(out)
    }

    /// The columns of the part that it has to be given.
    pub fn collected_columns(&self) -> &[usize] {
        match self.rows {
            Rows::Collected { .. } => &self.projection.columns,
            Rows::Merged(..) => &[],
        }
    }

    /// Takes the rows of a block of the part.
    pub fn collect(&mut self, block: &Block) {
        if let Rows::Collected { blocks, bytes } = &mut self.rows
            && *bytes <= SORTED_BYTES_MAX
        {
            let columns = self.projection.columns.iter();
            let picked = Block::new(columns.map(|c| block.column(*c).clone()).collect(), block.rows());
            let rows = match &self.projection.rows {
                None => picked,
                Some(made) => match made.rows(&picked) {
                    Ok(rows) => rows,
                    Err(error) => {
                        let projection = &self.projection.name;
                        tracing::warn!(projection, error, "a part goes without its projection");
                        *bytes = usize::MAX;
                        blocks.clear();
                        return;
                    }
                },
            };
            *bytes += rows.columns().iter().map(weight).sum::<usize>();
            blocks.push(rows);
            if *bytes > SORTED_BYTES_MAX {
                blocks.clear();
            }
        }
    }
}

fn merged(def: &Arc<TableDef>, sources: &[&Arc<Part>], counters: &Arc<ReadCounters>) -> Result<Rows> {
    let rows: u64 = sources.iter().map(|p| p.rows()).sum();
    let dictionaries = dictionaries(def, rows as usize, |index| {
        let mut values = Vec::new();
        for part in sources {
            let position = part.column_position(&def.columns[index].name);
            let dictionary = match position {
                Some(position) => part.dictionary_of(position)?,
                None => None,
            };
            match dictionary {
                Some(dictionary) => values.push(dictionary.as_ref().clone()),
                None if position
                    .is_some_and(|p| matches!(part.column_type(p), DataType::LowCardinality(_))) =>
                {
                    return Ok(None);
                }
                None => {
                    let all = 0..part.granules();
                    let block = read_part(def, part, all, &[index], CacheUse::Bypass, counters)?;
                    values.push(block.column(0).clone());
                }
            }
        }
        Ok(Some(values))
    })?;
    let all: Vec<usize> = (0..def.columns.len()).collect();
    let runs = sources
        .iter()
        .map(|part| {
            let granules = 0..part.granules();
            let run = PartRun::new(
                (*part).clone(),
                def,
                &all,
                &[granules],
                CacheUse::Bypass,
                counters,
            );
            Box::new(run.translated(dictionaries.clone())) as Box<dyn SortedRun>
        })
        .collect();
    let stream = MergeStream::new(runs, def.merge_rule, RuleMode::Merge).folding(def.fold.as_ref(), &all);
    Ok(Rows::Merged(Box::new(stream), dictionaries))
}

impl Storage {
    /// Writes the hidden part into the folder of its part.
    pub(super) fn write_hidden(
        &self,
        part_folder: &str,
        hidden: HiddenPart,
    ) -> Result<Option<HiddenWritten>> {
        let def = &hidden.projection.def;
        let (mut stream, dictionaries) = match hidden.rows {
            Rows::Merged(stream, dictionaries) => (*stream, dictionaries),
            Rows::Collected { blocks, .. } if blocks.is_empty() => return Ok(None),
            Rows::Collected { blocks, .. } => {
                let block = Block::concat(&blocks);
                drop(blocks);
                let all: Vec<usize> = (0..def.columns.len()).collect();
                let dictionaries =
                    dictionaries(def, block.rows(), |c| Ok(Some(vec![block.column(c).clone()])))?;
                let run = MemoryRun::new(def, &block, &all)?;
                let stream = MergeStream::new(vec![Box::new(run)], def.merge_rule, RuleMode::Merge)
                    .folding(def.fold.as_ref(), &all);
                (stream, dictionaries)
            }
        };
        let folder = format!("{part_folder}/{}", hidden_folder(&hidden.projection.name));
        let mut writer = PartWriter::create(
            &self.directory,
            &folder,
            def,
            dictionaries,
            self.options.forced_codec.as_ref(),
        )?
        .wide_from(self.options.forced_wide_from)
        .hidden_by(def.definition.clone());
        while let Some(block) = stream.next()? {
            writer.append(&block, &sorting_key(def, &block)?)?;
        }
        let summary = writer.finish()?;
        hidden_written(
            self.directory.as_ref(),
            part_folder,
            &hidden.projection.name,
            &summary,
        )
        .map(Some)
    }
}
