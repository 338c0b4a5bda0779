//! The write-ahead log of the whole storage: segments of group records. Format: docs/format/wal.md.

mod entry;

use std::sync::Arc;

pub(crate) use entry::{WalEntry, decode_group, encode_entry, encode_group};

use crate::directory::{Directory, create_folder_durably};
use crate::error::{Result, StorageError, io_at};
use crate::log_file::{LogContents, LogFile, LogKind, encode_record, load_log};

pub(crate) const WAL_FOLDER: &str = "wal";

/// The segment that is written, and those before it that are still needed.
pub(crate) struct Wal {
    directory: Arc<dyn Directory>,
    segment_bytes: u64,
    closed: Vec<Segment>,
    current: LogFile,
    next_lsn: u64,
}

struct Segment {
    path: String,
    last_lsn: u64,
    bytes: u64,
}

fn segment_path(first_lsn: u64) -> String {
    format!("{WAL_FOLDER}/{first_lsn:016x}.wal")
}

impl Wal {
    /// Reads all segments, hands every group behind `floor` to `replay`, and opens the last one for writing.
    pub fn open(
        directory: &Arc<dyn Directory>,
        segment_bytes: u64,
        floor: u64,
        mut replay: impl FnMut(u64, Vec<WalEntry>) -> Result<()>,
    ) -> Result<Self> {
        create_folder_durably(directory.as_ref(), WAL_FOLDER).map_err(io_at("create folder", WAL_FOLDER))?;
        let mut paths: Vec<String> = directory
            .list(WAL_FOLDER)
            .map_err(io_at("list", WAL_FOLDER))?
            .into_iter()
            .filter(|e| !e.is_folder && e.name.ends_with(".wal"))
            .map(|e| format!("{WAL_FOLDER}/{}", e.name))
            .collect();
        paths.sort();
        let mut next_lsn = floor + 1;
        let mut segments: Vec<Segment> = Vec::new();
        let mut torn: Vec<(String, u64)> = Vec::new();
        let mut last: Option<LogContents> = None;
        for path in paths {
            let contents = load_log(directory.as_ref(), &path, LogKind::Wal)?;
            if let (Some((file, offset)), false) = (torn.first(), contents.records.is_empty()) {
                return Err(StorageError::DamagedLog {
                    file: file.clone(),
                    offset: *offset,
                    problem: format!("a record is damaged, and `{path}` has later ones"),
                });
            }
            for record in &contents.records {
                let damaged = |problem: String| StorageError::DamagedLog {
                    file: path.clone(),
                    offset: record.offset,
                    problem,
                };
                if record.sequence > next_lsn {
                    return Err(damaged(format!(
                        "entries {next_lsn} to {} are missing before it",
                        record.sequence - 1
                    )));
                }
                let entries = decode_group(&record.payload).map_err(|e| damaged(e.to_string()))?;
                let end = record.sequence.saturating_add(entries.len() as u64);
                // A group may lie across the floor; tables know what they have.
                if end > floor + 1 {
                    replay(record.sequence, entries)?;
                }
                next_lsn = next_lsn.max(end);
            }
            if contents.is_torn() {
                tracing::warn!(
                    file = path,
                    offset = contents.good_bytes,
                    bytes = contents.file_bytes - contents.good_bytes,
                    "cut a torn tail"
                );
                torn.push((path.clone(), contents.good_bytes));
            }
            segments.push(Segment {
                path,
                last_lsn: next_lsn - 1,
                bytes: contents.good_bytes,
            });
            last = Some(contents);
        }
        for (path, good_bytes) in &torn {
            directory
                .truncate(path, *good_bytes)
                .map_err(io_at("cut the torn tail of", path))?;
        }
        let current = match (segments.pop(), last) {
            // A segment without a header was never used.
            (Some(segment), Some(contents)) if contents.good_bytes > 0 => {
                LogFile::append_to(directory.clone(), &segment.path, &contents)?
            }
            (segment, _) => {
                let path = segment.map_or_else(|| segment_path(next_lsn), |s| s.path);
                LogFile::create(directory.clone(), &path, LogKind::Wal, &[])?
            }
        };
        Ok(Self {
            directory: directory.clone(),
            segment_bytes,
            closed: segments,
            current,
            next_lsn,
        })
    }

    pub fn next_lsn(&self) -> u64 {
        self.next_lsn
    }

    pub fn bytes(&self) -> u64 {
        self.closed.iter().map(|s| s.bytes).sum::<u64>() + self.current.bytes()
    }

    /// Writes a group of `entries` entries (from [`encode_group`]) with one sync; answers the number of its first.
    pub fn append(&mut self, group: &[u8], entries: u64) -> Result<u64> {
        if self.current.bytes() >= self.segment_bytes {
            self.rotate()?;
        }
        let first_lsn = self.next_lsn;
        self.current.append(&encode_record(first_lsn, group)?)?;
        self.next_lsn += entries;
        Ok(first_lsn)
    }

    fn rotate(&mut self) -> Result<()> {
        let path = segment_path(self.next_lsn);
        if path == self.current.path() {
            return Ok(());
        }
        let next = LogFile::create(self.directory.clone(), &path, LogKind::Wal, &[])?;
        let full = std::mem::replace(&mut self.current, next);
        self.closed.push(Segment {
            path: full.path().to_owned(),
            last_lsn: self.next_lsn - 1,
            bytes: full.bytes(),
        });
        Ok(())
    }

    /// Removes segments whose entries are all in parts. What cannot be removed now is tried again next time.
    pub fn remove_through(&mut self, lsn: u64) {
        /// A current segment smaller than this is not worth a new file.
        const ROTATE_BYTES: u64 = 64 << 10;
        if lsn + 1 >= self.next_lsn
            && self.current.bytes() > ROTATE_BYTES.min(self.segment_bytes)
            && let Err(error) = self.rotate()
        {
            tracing::warn!(%error, "cannot start a log segment");
        }
        while let Some(oldest) = self.closed.first()
            && oldest.last_lsn <= lsn
        {
            if let Err(error) = self.directory.remove_file(&oldest.path) {
                tracing::warn!(file = oldest.path, %error, "cannot remove a log segment");
                return;
            }
            self.closed.remove(0);
        }
    }
}

#[cfg(test)]
mod tests;
