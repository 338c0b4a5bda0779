//! Writes one column of a part: granules to blocks, blocks to `<column>.bin`, marks to `<column>.mrk2`.

use std::sync::Arc;

use engine_codec::{
    BlockEncoder, CodecError, ColumnCodec, Compression, Dictionary, encode_codes, encode_column,
    encode_frame, encode_streams,
};
use engine_types::Column;
use xxhash_rust::xxh3::Xxh3;

use super::checksums::FileChecksum;
use super::columns_file::PartColumn;
use super::marks::{Mark, Marks, SEGMENT_GRANULES};
use crate::directory::{Directory, WriteFile};
use crate::error::{Result, StorageError, io_at};

/// A block closes at a mark once it has this many raw bytes …
const BLOCK_BYTES_MIN: usize = 64 << 10;
/// … and in the middle of a granule at this many.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// One file, hashed while it is written.
pub(crate) struct HashingFile {
    path: String,
    file: Box<dyn WriteFile>,
    hash: Xxh3,
    bytes: u64,
}

impl HashingFile {
    pub fn create(directory: &dyn Directory, path: String) -> Result<Self> {
        let file = directory.create(&path).map_err(io_at("create", &path))?;
        Ok(Self {
            path,
            file,
            hash: Xxh3::new(),
            bytes: 0,
        })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(io_at("write", &self.path))
    }

    pub fn finish(mut self) -> Result<FileChecksum> {
        self.file.sync().map_err(io_at("sync", &self.path))?;
        Ok(FileChecksum {
            bytes: self.bytes,
            hash: self.hash.digest128(),
        })
    }
}

pub(crate) struct ColumnWriter {
    pub column: PartColumn,
    table: String,
    dictionary: Option<Arc<Dictionary>>,
    file: HashingFile,
    marks: Vec<Mark>,
    encoder: BlockEncoder,
    /// Raw bytes of the open block, and where in them streams end.
    raw: Vec<u8>,
    ends: Vec<usize>,
    /// Of the dictionary.
    compression: Compression,
}

impl ColumnWriter {
    pub fn create(
        directory: &dyn Directory,
        folder: &str,
        table: &str,
        column: PartColumn,
        codec: &ColumnCodec,
        dictionary: Option<Arc<Dictionary>>,
    ) -> Result<Self> {
        let file = HashingFile::create(directory, format!("{folder}/{}", column.data_file()))?;
        let encoder = match &dictionary {
            None => BlockEncoder::new(&column.ty, codec.clone()),
            Some(dictionary) => BlockEncoder::for_codes(dictionary.width(), codec),
        };
        Ok(Self {
            column,
            encoder,
            compression: codec.compression(),
            table: table.to_owned(),
            dictionary,
            file,
            marks: Vec::new(),
            raw: Vec::new(),
            ends: Vec::new(),
        })
    }

    fn encode_error(&self) -> impl FnOnce(CodecError) -> StorageError {
        let table = self.table.clone();
        move |source| StorageError::Encode { table, source }
    }

    /// Writes the rows of one granule.
    pub fn granule(&mut self, rows: &Column) -> Result<()> {
        let inner = self.raw.len();
        let streams_before = self.ends.len();
        match &self.dictionary {
            None => {
                let mut raw = std::mem::take(&mut self.raw);
                let outcome = encode_streams(rows, &self.column.ty, &mut raw, &mut self.ends);
                self.raw = raw;
                outcome.map_err(self.encode_error())?;
            }
            Some(dictionary) => {
                let codes = dictionary.codes(rows).ok_or_else(|| StorageError::BadBlock {
                    table: self.table.clone(),
                    problem: format!(
                        "a value of column `{}` is not in its dictionary",
                        self.column.name
                    ),
                })?;
                encode_codes(&codes, dictionary.width(), &mut self.raw);
                self.ends.push(self.raw.len());
            }
        }
        if inner > 0 && self.raw.len() > BLOCK_BYTES_MAX {
            let granule = self.raw.split_off(inner);
            let ends = self.ends.split_off(streams_before);
            self.close_block()?;
            self.raw = granule;
            self.ends = ends.into_iter().map(|end| end - inner).collect();
            self.mark(0, rows.len());
        } else {
            self.mark(inner, rows.len());
        }
        // A granule that fills blocks of its own also ends its last one, so that blocks and granules stay aligned.
        if self.raw.len() >= BLOCK_BYTES_MIN || self.marks.len().is_multiple_of(SEGMENT_GRANULES) {
            self.close_block()?;
        }
        Ok(())
    }

    fn mark(&mut self, inner: usize, rows: usize) {
        self.marks.push(Mark {
            block: self.file.bytes,
            inner: inner as u32,
            rows: rows as u32,
        });
    }

    fn close_block(&mut self) -> Result<()> {
        let raw = std::mem::take(&mut self.raw);
        let ends = std::mem::take(&mut self.ends);
        let mut frame = Vec::new();
        let mut start = 0;
        for piece in raw.chunks(BLOCK_BYTES_MAX) {
            frame.clear();
            let before = ends.partition_point(|end| *end <= start);
            let until = ends.partition_point(|end| *end <= start + piece.len());
            let piece_ends: Vec<usize> = ends[before..until].iter().map(|end| end - start).collect();
            let outcome = self.encoder.encode(piece, before, &piece_ends, &mut frame);
            outcome.map_err(self.encode_error())?;
            self.file.write(&frame)?;
            start += piece.len();
        }
        (self.raw, self.ends) = (raw, ends);
        self.raw.clear();
        self.ends.clear();
        Ok(())
    }

    /// Closes the files; answers the column as it was written, and names and checksums of the files.
    pub fn finish(
        mut self,
        directory: &dyn Directory,
        folder: &str,
    ) -> Result<(PartColumn, Vec<(String, FileChecksum)>)> {
        self.close_block()?;
        self.column.codec = self.encoder.description();
        self.column.raw_bytes = self.encoder.raw_bytes();
        self.mark(0, 0);
        let mut out = Vec::new();
        let marks = Marks::new(std::mem::take(&mut self.marks)).encode();
        out.push(write_file(directory, folder, &self.column.marks_file(), &marks)?);
        if let Some(dictionary) = &self.dictionary {
            let (bytes, raw_bytes) =
                encode_dictionary(dictionary, &self.column, self.compression).map_err(self.encode_error())?;
            self.column.raw_bytes += raw_bytes;
            out.push(write_file(
                directory,
                folder,
                &self.column.dictionary_file(),
                &bytes,
            )?);
        }
        out.push((self.column.data_file(), self.file.finish()?));
        Ok((self.column, out))
    }
}

/// Writes and syncs a small file.
pub(crate) fn write_file(
    directory: &dyn Directory,
    folder: &str,
    name: &str,
    bytes: &[u8],
) -> Result<(String, FileChecksum)> {
    let mut file = HashingFile::create(directory, format!("{folder}/{name}"))?;
    file.write(bytes)?;
    Ok((name.to_owned(), file.finish()?))
}

/// Number of values, then frames with their streams; and how many bytes these have raw.
fn encode_dictionary(
    dictionary: &Dictionary,
    column: &PartColumn,
    compression: Compression,
) -> std::result::Result<(Vec<u8>, u64), CodecError> {
    let mut raw = Vec::new();
    encode_column(dictionary.values(), &column.ty, &mut raw)?;
    let mut out = (dictionary.len() as u32).to_le_bytes().to_vec();
    for piece in raw.chunks(BLOCK_BYTES_MAX) {
        encode_frame(piece, compression, &mut out)?;
    }
    Ok((out, raw.len() as u64))
}
