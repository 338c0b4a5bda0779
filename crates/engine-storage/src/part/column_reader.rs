//! Reads granules of a column: whole segments for scans, single blocks for look-ups, both through the cache.

use std::ops::Range;
use std::sync::Arc;

use engine_codec::{
    ByteReader, CodecError, ColumnDecoder, decode_codes, decode_column, decode_frame, number_width,
};
use engine_types::{Column, DictColumn, RunsColumn};

use super::Part;
use super::columns_file::Encoding;
use super::decoded_blocks::{Content, DecodedBlocks};
use super::marks::{Marks, SEGMENT_GRANULES};
use crate::block_cache::CacheKey;
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError, io_at};

/// A segment of more compressed bytes is read block by block.
const SEGMENT_BYTES_MAX: u64 = 1 << 20;

impl Part {
    /// Rows of `granules` of the column at `position`, through the cache, in runs if they are stored so. Shares memory when
    /// they lie in one segment.
    pub(crate) fn read_granules(
        &self,
        position: usize,
        granules: Range<usize>,
        counters: &ReadCounters,
    ) -> Result<Column> {
        let marks = self.marks(position)?;
        let mut pieces = Vec::new();
        let mut at = granules.start;
        while at < granules.end {
            let segment_start = at - at % SEGMENT_GRANULES;
            let segment = segment_start..(segment_start + SEGMENT_GRANULES).min(marks.granules());
            let wanted = at..granules.end.min(segment.end);
            pieces.push(self.read_in_segment(position, &marks, segment, wanted.clone(), counters)?);
            at = wanted.end;
        }
        Ok(match pieces.len() {
            0 => Column::empty(self.column_type(position)),
            _ => Column::concat_runs(&pieces.iter().collect::<Vec<_>>()),
        })
    }

    fn read_in_segment(
        &self,
        position: usize,
        marks: &Marks,
        segment: Range<usize>,
        wanted: Range<usize>,
        counters: &ReadCounters,
    ) -> Result<Column> {
        if let Some(column) = self.cached(position, &segment) {
            counters.add_cache_hit();
            return Ok(self.slice_granules(&column, &segment, &wanted));
        }
        let bytes = marks.file_range(&marks.aligned(segment.clone()));
        let whole = wanted.len() * 2 > segment.len() && bytes.end - bytes.start <= SEGMENT_BYTES_MAX;
        let unit = |at: usize| {
            if whole {
                segment.clone()
            } else {
                marks.aligned(at..at + 1)
            }
        };
        let mut pieces = Vec::new();
        let mut at = wanted.start;
        while at < wanted.end {
            let unit = unit(at);
            let column = match self.cached(position, &unit) {
                Some(column) => {
                    counters.add_cache_hit();
                    column
                }
                None => {
                    let column = self.decode_in_runs(position, unit.clone(), counters)?;
                    self.cache.insert(self.cache_key(position, &unit), &column);
                    column
                }
            };
            let part_wanted = at..wanted.end.min(unit.end);
            pieces.push(self.slice_granules(&column, &unit, &part_wanted));
            at = part_wanted.end;
        }
        Ok(Column::concat_runs(&pieces.iter().collect::<Vec<_>>()))
    }

    fn cache_key(&self, position: usize, granules: &Range<usize>) -> CacheKey {
        CacheKey {
            part: self.uid,
            column: position as u32,
            first: granules.start as u32,
            count: granules.len() as u32,
        }
    }

    fn cached(&self, position: usize, granules: &Range<usize>) -> Option<Column> {
        self.cache.get(&self.cache_key(position, granules))
    }

    fn slice_granules(&self, column: &Column, held: &Range<usize>, wanted: &Range<usize>) -> Column {
        let base = self.index.start(held.start);
        let start = (self.index.start(wanted.start) - base) as usize;
        let end = (self.index.start(wanted.end) - base) as usize;
        if start == 0 && end == column.len() {
            column.clone()
        } else {
            column.slice(start, end - start)
        }
    }

    /// Reads, verifies and decodes, past the cache.
    pub(crate) fn decode_granules(
        &self,
        position: usize,
        granules: Range<usize>,
        counters: &ReadCounters,
    ) -> Result<Column> {
        Ok(self.decode_in_runs(position, granules, counters)?.without_runs())
    }

    fn decode_in_runs(
        &self,
        position: usize,
        granules: Range<usize>,
        counters: &ReadCounters,
    ) -> Result<Column> {
        let marks = self.marks(position)?;
        let aligned = marks.aligned(granules.clone());
        let column = self.decode_aligned(position, &marks, aligned.clone(), counters)?;
        Ok(self.slice_granules(&column, &aligned, &granules))
    }

    fn decode_aligned(
        &self,
        position: usize,
        marks: &Marks,
        granules: Range<usize>,
        counters: &ReadCounters,
    ) -> Result<Column> {
        let column = &self.columns[position];
        let file = column.data_file();
        let range = marks.file_range(&granules);
        let damaged = |offset: u64, problem: String| self.loading().damaged(&file, offset, problem);
        let codec_at = |base: u64| {
            let damaged = &damaged;
            move |error: CodecError| damaged(base, error.to_string())
        };
        let frames = self.read_range(&file, range.clone())?;
        counters.add_file_bytes(frames.len());

        let width = match column.encoding {
            Encoding::Plain => number_width(&column.ty),
            Encoding::Dictionary(width) => Some(width.bytes()),
        };
        let blocks = DecodedBlocks::read(&frames, range.start, width, |len| counters.add_block(len))
            .map_err(|e| frame_error(&damaged, range.start, e))?;
        let expect_at = |granule: usize, offset: usize| {
            let mark = marks.get(granule);
            if offset == blocks.start_of(mark.block) + mark.inner as usize {
                Ok(())
            } else {
                Err(damaged(
                    mark.block,
                    format!("granule {granule} does not start where its mark says"),
                ))
            }
        };
        // Values are appended granule by granule, or all runs at once.
        let (bytes, ends, steps) = match blocks.content() {
            Content::Raw(raw) => {
                let steps = granules.map(|granule| (Some(granule), marks.get(granule).rows as usize));
                (raw, None, steps.collect::<Vec<_>>())
            }
            Content::Runs(runs, width) => {
                let ends = runs.ends();
                let mut rows = 0;
                for granule in granules {
                    expect_at(granule, rows * width)?;
                    rows += marks.get(granule).rows as usize;
                }
                if ends.last().map_or(0, |end| *end as usize) != rows {
                    return Err(damaged(range.start, format!("runs that are not {rows} rows")));
                }
                (&runs.values, Some(ends), vec![(None, runs.lengths.len())])
            }
        };
        let mut reader = ByteReader::new(bytes);
        let decoded = match column.encoding {
            Encoding::Plain => {
                let mut decoder = ColumnDecoder::new(&column.ty);
                for (granule, values) in steps {
                    granule.map_or(Ok(()), |granule| expect_at(granule, reader.offset()))?;
                    decoder
                        .append(values, &mut reader)
                        .map_err(codec_at(range.start))?;
                }
                decoder.finish()
            }
            Encoding::Dictionary(width) => {
                let dictionary = self.dictionary(position)?;
                let mut codes = Vec::new();
                for (granule, values) in steps {
                    granule.map_or(Ok(()), |granule| expect_at(granule, reader.offset()))?;
                    decode_codes(values, width, dictionary.len(), &mut reader, &mut codes)
                        .map_err(codec_at(range.start))?;
                }
                Column::Dict(DictColumn {
                    codes: codes.into(),
                    values: dictionary,
                })
            }
        };
        if !reader.is_at_end() {
            return Err(damaged(
                range.start,
                format!("{} bytes left over", reader.remaining()),
            ));
        }
        Ok(match ends {
            Some(ends) if !ends.is_empty() => Column::Runs(RunsColumn::new(ends.into(), Arc::new(decoded))),
            _ => decoded,
        })
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let path = format!("{}/{file}", self.folder);
        let loading = self.loading();
        let open = self.directory.open(&path);
        let open = open.map_err(|error| loading.unreadable(file, &path, error))?;
        let len = open.size().map_err(io_at("read", &path))?;
        if range.end > len {
            return Err(self.loading().damaged(
                file,
                len,
                format!("a mark points to byte {} of {len}", range.end),
            ));
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        open.read_at(range.start, &mut bytes)
            .map_err(io_at("read", &path))?;
        Ok(bytes)
    }

    pub(crate) fn marks(&self, position: usize) -> Result<Arc<Marks>> {
        self.cache.marks.get_or_load((self.uid, position as u32), || {
            let marks = self.load_marks(position)?;
            let size = marks.byte_size();
            Ok((marks, size))
        })
    }

    fn load_marks(&self, position: usize) -> Result<Marks> {
        let loading = self.loading();
        let file = self.columns[position].marks_file();
        let bytes = loading.file(&file, Some(&self.checksums))?;
        let marks = Marks::decode(&bytes).map_err(|e| loading.damaged(&file, 0, e.to_string()))?;
        let same_rows = marks.granules() == self.granules()
            && marks
                .rows()
                .enumerate()
                .all(|(granule, rows)| rows as usize == self.index.granule_rows(granule));
        if !same_rows {
            return Err(loading.damaged(&file, 0, "other granules than primary.idx"));
        }
        Ok(marks)
    }

    /// The values that codes of a dictionary column stand for; sorted. `None` for other columns.
    pub(crate) fn dictionary_of(&self, position: usize) -> Result<Option<Arc<Column>>> {
        match self.columns[position].encoding {
            Encoding::Plain => Ok(None),
            Encoding::Dictionary(_) => self.dictionary(position).map(Some),
        }
    }

    fn dictionary(&self, position: usize) -> Result<Arc<Column>> {
        self.cache
            .dictionaries
            .get_or_load((self.uid, position as u32), || {
                let loading = self.loading();
                let column = &self.columns[position];
                let file = column.dictionary_file();
                let bytes = loading.file(&file, Some(&self.checksums))?;
                let values = decode_dictionary(&bytes, column.ty.without_low_cardinality())
                    .map_err(|e| loading.damaged(&file, 0, e.to_string()))?;
                let size = values.byte_size();
                Ok((values, size))
            })
    }
}

fn frame_error(damaged: &impl Fn(u64, String) -> StorageError, base: u64, error: CodecError) -> StorageError {
    let offset = match &error {
        CodecError::CutOff { offset, .. }
        | CodecError::Damaged { offset, .. }
        | CodecError::Checksum { offset, .. } => *offset as u64,
        CodecError::Form { .. } | CodecError::Compress(_) => 0,
    };
    damaged(base + offset, error.to_string())
}

fn decode_dictionary(bytes: &[u8], ty: &engine_types::DataType) -> std::result::Result<Column, CodecError> {
    let mut reader = ByteReader::new(bytes);
    let len = reader.u32("dictionary length")? as usize;
    let (mut raw, mut at) = (Vec::new(), reader.offset());
    while at < bytes.len() {
        let (block, end) = decode_frame(bytes, at)?;
        raw.extend_from_slice(&block);
        at = end;
    }
    decode_column(ty, len, &raw)
}
