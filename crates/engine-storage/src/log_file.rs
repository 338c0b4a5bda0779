//! Checksummed append-only log: what the WAL and the manifest have in common. Format: docs/format/wal.md, "Records".

use std::sync::Arc;

use engine_codec::ByteReader;

use crate::directory::{Directory, WriteFile, parent, read_all};
use crate::error::{Result, StorageError, io_at};

/// Magic 8, version 4, reserved 4.
pub(crate) const LOG_HEADER_BYTES: u64 = 16;
const LOG_VERSION: u32 = 1;

const RECORD_MAGIC: u32 = u32::from_le_bytes(*b"GRec");

/// Magic 4, payload length 4, sequence 8, hash 8.
const RECORD_HEADER_BYTES: usize = 24;

/// No log counts further: numbers behind it are damage, and sums with it do not overflow.
pub(crate) const SEQUENCE_MAX: u64 = 1 << 62;

/// Kinds of log, told apart by the magic at the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogKind {
    Wal,
    Manifest,
}

impl LogKind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Wal => b"GRNWAL\0\0",
            Self::Manifest => b"GRNMANIF",
        }
    }
}

/// A record as found in a log.
#[derive(Debug)]
pub(crate) struct LogRecord {
    pub offset: u64,
    pub sequence: u64,
    pub payload: Vec<u8>,
}

/// The good records of a log, and where they end.
#[derive(Debug)]
pub(crate) struct LogContents {
    pub records: Vec<LogRecord>,
    /// Less than the file's length when the tail is torn.
    pub good_bytes: u64,
    pub file_bytes: u64,
}

impl LogContents {
    pub fn is_torn(&self) -> bool {
        self.good_bytes < self.file_bytes
    }
}

fn record_hash(sequence: u64, payload: &[u8]) -> u64 {
    let mut seeded = xxhash_rust::xxh3::Xxh3::new();
    seeded.update(&sequence.to_le_bytes());
    seeded.update(&(payload.len() as u64).to_le_bytes());
    seeded.update(payload);
    seeded.digest()
}

/// The bytes of one record.
pub(crate) fn encode_record(sequence: u64, payload: &[u8]) -> Result<Vec<u8>> {
    let len = u32::try_from(payload.len())
        .map_err(|_| StorageError::Commit(format!("{} bytes in one log record", payload.len())))?;
    let mut out = Vec::with_capacity(RECORD_HEADER_BYTES + payload.len());
    out.extend_from_slice(&RECORD_MAGIC.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&record_hash(sequence, payload).to_le_bytes());
    out.extend_from_slice(payload);
    Ok(out)
}

/// The record at `offset`, or what is wrong with it.
fn parse_record(bytes: &[u8], offset: usize) -> std::result::Result<(LogRecord, usize), String> {
    let rest = bytes.get(offset..).ok_or("it starts past the end")?;
    let mut reader = ByteReader::new(rest);
    let mut read = || -> std::result::Result<_, engine_codec::CodecError> {
        let magic = reader.u32("record magic")?;
        let len = reader.u32("record length")? as usize;
        let sequence = reader.u64("record sequence")?;
        let hash = reader.u64("record hash")?;
        Ok((magic, sequence, hash, reader.take("record payload", len)?))
    };
    let (magic, sequence, hash, payload) = read().map_err(|e| e.to_string())?;
    if magic != RECORD_MAGIC {
        return Err("no record starts here".to_owned());
    }
    if record_hash(sequence, payload) != hash {
        return Err("the checksum does not match".to_owned());
    }
    let end = offset + RECORD_HEADER_BYTES + payload.len();
    let record = LogRecord {
        offset: offset as u64,
        sequence,
        payload: payload.to_vec(),
    };
    Ok((record, end))
}

/// Reads a log. A bad record with nothing good behind it is a torn tail; with a good one behind it is damage, because
/// every record was synced before the next one was written.
pub(crate) fn read_log(bytes: &[u8], kind: LogKind, file: &str) -> Result<LogContents> {
    let damaged = |offset: usize, problem: String| StorageError::DamagedLog {
        file: file.to_owned(),
        offset: offset as u64,
        problem,
    };
    let header = LOG_HEADER_BYTES as usize;
    let file_bytes = bytes.len() as u64;
    if bytes.len() < header || bytes[..header] != header_bytes(kind) {
        if has_record_from(bytes, 0) {
            return Err(damaged(0, "the file header is not that of this log".to_owned()));
        }
        // Anything else in place of a version is a header that was torn.
        if bytes.len() >= header && &bytes[..8] == kind.magic() && is_version(&bytes[8..header]) {
            return Err(damaged(8, "unknown version of the log format".to_owned()));
        }
        return Ok(LogContents {
            records: Vec::new(),
            good_bytes: 0,
            file_bytes,
        });
    }
    let mut records: Vec<LogRecord> = Vec::new();
    let mut at = header;
    while at < bytes.len() {
        match parse_record(bytes, at) {
            Ok((record, end)) => {
                if record.sequence > SEQUENCE_MAX {
                    return Err(damaged(
                        at,
                        format!("record {} is numbered out of range", record.sequence),
                    ));
                }
                if let Some(last) = records.last()
                    && record.sequence <= last.sequence
                {
                    return Err(damaged(
                        at,
                        format!("record {} follows record {}", record.sequence, last.sequence),
                    ));
                }
                records.push(record);
                at = end;
            }
            Err(problem) => {
                if has_record_from(bytes, at + 1) {
                    return Err(damaged(at, problem));
                }
                break;
            }
        }
    }
    Ok(LogContents {
        records,
        good_bytes: at as u64,
        file_bytes,
    })
}

/// Whether a later program may have written this behind the magic: a small number, and nothing.
fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [version, 0, 0, 0, 0, 0, 0, 0] if *version > 0)
}

fn has_record_from(bytes: &[u8], from: usize) -> bool {
    let magic = RECORD_MAGIC.to_le_bytes();
    (from..bytes.len().saturating_sub(RECORD_HEADER_BYTES - 1))
        .any(|at| bytes[at] == magic[0] && bytes[at..at + 4] == magic && parse_record(bytes, at).is_ok())
}

fn header_bytes(kind: LogKind) -> [u8; LOG_HEADER_BYTES as usize] {
    let mut out = [0; LOG_HEADER_BYTES as usize];
    out[..8].copy_from_slice(kind.magic());
    out[8..12].copy_from_slice(&LOG_VERSION.to_le_bytes());
    out
}

/// A log open for writing. One writer.
pub(crate) struct LogFile {
    directory: Arc<dyn Directory>,
    path: String,
    file: Box<dyn WriteFile>,
    bytes: u64,
    /// Set when a failed write could not be undone: the end of the file is unknown.
    poisoned: Option<String>,
}

impl LogFile {
    /// A new log with `records` (from [`encode_record`]) as its first ones, durable under its name.
    pub fn create(
        directory: Arc<dyn Directory>,
        path: &str,
        kind: LogKind,
        records: &[Vec<u8>],
    ) -> Result<Self> {
        let mut file = directory.create(path).map_err(io_at("create", path))?;
        let mut bytes = header_bytes(kind).to_vec();
        for record in records {
            bytes.extend_from_slice(record);
        }
        file.write_all(&bytes).map_err(io_at("write", path))?;
        file.sync().map_err(io_at("sync", path))?;
        let folder = parent(path);
        directory
            .sync_folder(folder)
            .map_err(io_at("sync folder", folder))?;
        Ok(Self {
            directory,
            path: path.to_owned(),
            file,
            bytes: bytes.len() as u64,
            poisoned: None,
        })
    }

    /// Gives the log another name in the same folder, in place of what has that name.
    pub fn rename_to(&mut self, path: &str) -> Result<()> {
        self.directory
            .rename(&self.path, path)
            .map_err(io_at("rename", &self.path))?;
        self.path = path.to_owned();
        let folder = parent(path);
        self.directory
            .sync_folder(folder)
            .map_err(io_at("sync folder", folder))
    }

    /// Takes no more writes.
    pub fn poison(&mut self, problem: String) {
        self.poisoned = Some(problem);
    }

    /// An existing log, cut to `good_bytes`.
    pub fn append_to(directory: Arc<dyn Directory>, path: &str, contents: &LogContents) -> Result<Self> {
        if contents.is_torn() {
            directory
                .truncate(path, contents.good_bytes)
                .map_err(io_at("cut the torn tail of", path))?;
        }
        let file = directory.append(path).map_err(io_at("open", path))?;
        Ok(Self {
            directory,
            path: path.to_owned(),
            file,
            bytes: contents.good_bytes,
            poisoned: None,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// Appends one record (from [`encode_record`]) and makes it durable. After a failure the record is cut off again;
    /// when even that fails, the log takes no more writes.
    pub fn append(&mut self, record: &[u8]) -> Result<()> {
        if let Some(problem) = &self.poisoned {
            return Err(StorageError::Poisoned {
                file: self.path.clone(),
                problem: problem.clone(),
            });
        }
        let outcome = self
            .file
            .write_all(record)
            .map_err(io_at("write", &self.path))
            .and_then(|()| self.file.sync().map_err(io_at("sync", &self.path)));
        match outcome {
            Ok(()) => {
                self.bytes += record.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.repair();
                Err(error)
            }
        }
    }

    fn repair(&mut self) {
        let repaired = self
            .directory
            .truncate(&self.path, self.bytes)
            .and_then(|()| self.directory.append(&self.path));
        match repaired {
            Ok(file) => self.file = file,
            Err(error) => self.poisoned = Some(error.to_string()),
        }
    }
}

/// The bytes and records of a log file.
pub(crate) fn load_log(directory: &dyn Directory, path: &str, kind: LogKind) -> Result<LogContents> {
    let bytes = read_all(directory, path).map_err(io_at("read", path))?;
    read_log(&bytes, kind, path)
}

#[cfg(test)]
mod tests;
