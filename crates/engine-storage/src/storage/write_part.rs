//! Writing and publishing a part folder: aside, synced, renamed. The manifest record that makes it count is the
//! caller's.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Column, DataType};

use super::Storage;
use super::hidden_part::HiddenPart;
use crate::error::{Result, io_at};
use crate::merge_stream::MergeStream;
use crate::part::{Part, PartName, PartSummary, PartWriter};
use crate::sorted_run::sorting_key;
use crate::table_def::TableDef;

/// A dictionary with more entries than this, and than half the rows, is larger than what it saves.
const DICTIONARY_MAX: usize = 65_536;

/// Whether `dictionary` is worth having for `rows` rows.
pub(super) fn is_worth_it(dictionary: &Dictionary, rows: usize) -> bool {
    dictionary.len() <= DICTIONARY_MAX || dictionary.len() * 2 <= rows
}

/// Dictionaries of the `LowCardinality` columns over `columns_of(column)`.
pub(super) fn dictionaries(
    def: &TableDef,
    rows: usize,
    mut columns_of: impl FnMut(usize) -> Result<Option<Vec<Column>>>,
) -> Result<Vec<Option<Arc<Dictionary>>>> {
    (0..def.columns.len())
        .map(|index| dictionary(def, rows, index, &mut columns_of))
        .collect()
}

/// The dictionary of one column, when it is `LowCardinality` and worth it.
pub(super) fn dictionary(
    def: &TableDef,
    rows: usize,
    index: usize,
    columns_of: &mut dyn FnMut(usize) -> Result<Option<Vec<Column>>>,
) -> Result<Option<Arc<Dictionary>>> {
    let ty = &def.columns[index].ty;
    if def.derived_at(index).is_some() {
        // It comes as codes when that is worth it.
        let columns = columns_of(index)?.filter(|c| c.iter().all(|c| matches!(c, Column::Dict(_))));
        return Ok(columns.map(|columns| Arc::new(Dictionary::of(&columns.iter().collect::<Vec<_>>(), ty))));
    }
    if !matches!(ty, DataType::LowCardinality(_)) {
        return Ok(None);
    }
    Ok(columns_of(index)?.and_then(|columns| {
        let dictionary = Dictionary::of(&columns.iter().collect::<Vec<_>>(), ty);
        is_worth_it(&dictionary, rows).then(|| Arc::new(dictionary))
    }))
}

impl Storage {
    /// Writes the stream as part `name` in the folder of the table on some disk, with hidden parts inside; `None` when the
    /// stream has no rows.
    pub(super) fn write_part(
        &self,
        def: &Arc<TableDef>,
        table_folder: &str,
        name: PartName,
        mut stream: MergeStream,
        dictionaries: Vec<Option<Arc<Dictionary>>>,
        mut hidden: Vec<HiddenPart>,
    ) -> Result<Option<Arc<Part>>> {
        let Some(first) = stream.next()? else {
            return Ok(None);
        };
        let flushed_as = name.clone();
        let write = |aside: &str| -> Result<_> {
            let mut writer = PartWriter::create(
                &self.directory,
                aside,
                def,
                dictionaries,
                self.options.forced_codec.as_ref(),
            )?
            .wide_from(self.options.forced_wide_from)
            .expired_at(stream.expired_at())
            .of_log(stream.log_rows(), &flushed_as);
            let mut next = Some(first);
            while let Some(block) = next {
                let keys = sorting_key(def, &block)?;
                match stream.taken_bytes() {
                    Some(bytes) => writer.append_sized(&block, &keys, bytes)?,
                    None => writer.append(&block, &keys)?,
                }
                hidden.iter_mut().for_each(|h| h.collect(&block));
                next = stream.next()?;
            }
            self.write_all_hidden(aside, &mut writer, std::mem::take(&mut hidden))?;
            writer.finish()
        };
        self.publish_part(def, table_folder, name, write).map(Some)
    }

    /// Writes hidden parts into the folder of the part that is being written.
    pub(super) fn write_all_hidden(
        &self,
        aside: &str,
        writer: &mut PartWriter,
        hidden: Vec<HiddenPart>,
    ) -> Result<()> {
        for part in hidden {
            if let Some(written) = self.write_hidden(aside, part)? {
                writer.hide(written);
            }
        }
        Ok(())
    }

    /// Lets `write` make the folder aside, and gives it its name.
    pub(super) fn publish_part(
        &self,
        def: &TableDef,
        table_folder: &str,
        name: PartName,
        write: impl FnOnce(&str) -> Result<PartSummary>,
    ) -> Result<Arc<Part>> {
        self.make_place(table_folder)?;
        let aside = format!("{table_folder}/tmp_{name}");
        let folder = format!("{table_folder}/{name}");
        let written = write(&aside).and_then(|summary| {
            self.directory
                .rename(&aside, &folder)
                .map_err(io_at("rename", &aside))?;
            self.directory
                .sync_folder(table_folder)
                .map_err(io_at("sync folder", table_folder))?;
            Ok(summary)
        });
        let summary = match written {
            Ok(summary) => summary,
            Err(error) => {
                // Best effort; the next start removes what is left.
                let _ = self.directory.remove_folder(&aside);
                return Err(error);
            }
        };
        let part = Part::open(
            &self.directory,
            &self.cache,
            self.part_uid(),
            &def.full_name(),
            &folder,
            name,
            Some(summary),
        )?;
        Ok(Arc::new(part))
    }
}
