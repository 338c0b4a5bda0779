//! Hidden parts: a folder `<projection>.proj` in the folder of a part, itself a part. Format: docs/format/part.md.

use std::sync::Arc;

use super::checksums::{CHECKSUMS_FILE, Checksums, FileChecksum};
use super::{Loading, Part, PartName, PartSummary, escape};
use crate::block_cache::BlockCache;
use crate::directory::Directory;
use crate::error::{Result, StorageError, io_at};

/// What the hidden part was made by; only there.
pub(crate) const PROJECTION_FILE: &str = "projection.txt";

const FOLDER_END: &str = ".proj";

/// Numbers of hidden parts in the cache lie far above those of parts.
const UID_STEP: u64 = 1 << 40;

/// The folder of a projection in that of a part.
pub(crate) fn hidden_folder(projection: &str) -> String {
    format!("{}{FOLDER_END}", escape(projection))
}

/// How the checksums of a part name those of a hidden one.
pub(crate) fn hidden_checksums(projection: &str) -> String {
    format!("{}/{CHECKSUMS_FILE}", hidden_folder(projection))
}

/// An open hidden part.
pub(crate) struct Hidden {
    folder: String,
    definition: Vec<u8>,
    pub part: Arc<Part>,
}

/// Folders of hidden parts that the checksums list, each with the checksum of its own.
fn listed(checksums: &Checksums) -> impl Iterator<Item = (&str, &FileChecksum)> {
    checksums.files.iter().filter_map(|(file, checksum)| {
        let folder = file.strip_suffix(CHECKSUMS_FILE)?.strip_suffix('/')?;
        folder.ends_with(FOLDER_END).then_some((folder, checksum))
    })
}

/// The files in `checksums` that are those of hidden parts.
pub(super) fn hidden_files(checksums: &Checksums) -> impl Iterator<Item = String> {
    listed(checksums).map(|(folder, _)| format!("{folder}/{CHECKSUMS_FILE}"))
}

impl Hidden {
    /// How the part around it lists its checksums.
    pub(super) fn checksums_file(&self) -> String {
        format!("{}/{CHECKSUMS_FILE}", self.folder)
    }

    /// Links all its files into a folder of the same name in `part_folder`.
    pub(super) fn link_into(&self, directory: &dyn Directory, part_folder: &str) -> Result<()> {
        let folder = format!("{part_folder}/{}", self.folder);
        directory
            .create_folder(&folder)
            .map_err(io_at("create folder", &folder))?;
        let files = self.part.checksums.on_disk().map(|(file, _)| file);
        for file in files.chain([CHECKSUMS_FILE]) {
            let from = format!("{}/{file}", self.part.folder);
            directory
                .hard_link(&from, &format!("{folder}/{file}"))
                .map_err(io_at("link", &from))?;
        }
        directory
            .sync_folder(&folder)
            .map_err(io_at("sync folder", &folder))
    }
}

/// Whether a file of a part lies in a hidden one.
pub(super) fn is_hidden(file: &str) -> bool {
    file.contains('/')
}

/// What hidden parts are opened with: that of the part around them.
pub(super) struct Around<'a> {
    pub directory: &'a Arc<dyn Directory>,
    pub cache: &'a Arc<BlockCache>,
    pub uid: u64,
    pub table: &'a str,
    pub folder: &'a str,
    pub name: &'a PartName,
}

impl Around<'_> {
    fn open(&self, at: usize, inner: &str, checksum: &FileChecksum) -> Result<Hidden> {
        let folder = format!("{}/{inner}", self.folder);
        let part = Part::open(
            self.directory,
            self.cache,
            self.uid + UID_STEP * (at as u64 + 1),
            self.table,
            &folder,
            self.name.clone(),
            Some(PartSummary {
                rows: 0,
                bytes: 0,
                checksums_hash: checksum.hash,
            }),
        )?;
        let definition = part.loading().file(PROJECTION_FILE, Some(&part.checksums))?;
        Ok(Hidden {
            folder: inner.to_owned(),
            definition,
            part: Arc::new(part),
        })
    }

    /// The hidden parts. A damaged one is left out: the rows are in the part itself.
    pub fn open_all(&self, checksums: &Checksums) -> Result<Vec<Hidden>> {
        let mut out = Vec::new();
        for (at, (inner, checksum)) in listed(checksums).enumerate() {
            match self.open(at, inner, checksum) {
                Ok(hidden) => out.push(hidden),
                Err(error @ StorageError::DamagedPart { .. }) => {
                    tracing::error!(
                        part = %self.name,
                        table = self.table,
                        folder = inner,
                        error = &error as &dyn std::error::Error,
                        "a projection is damaged and will not be used"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    /// Reads and verifies all of them.
    pub fn check_all(&self, checksums: &Checksums) -> Result<()> {
        for (at, (inner, checksum)) in listed(checksums).enumerate() {
            self.open(at, inner, checksum)?.part.check()?;
        }
        Ok(())
    }
}

impl Part {
    /// The hidden part of a projection with exactly this definition, unless a reader found it damaged.
    pub(crate) fn hidden(&self, projection: &crate::table_def::Projection) -> Option<&Arc<Part>> {
        let folder = hidden_folder(&projection.name);
        self.hidden
            .iter()
            .find(|h| h.folder == folder && h.definition == projection.def.definition && !h.part.is_suspect())
            .map(|h| &h.part)
    }

    /// Folders, rows and bytes of the hidden parts, for people.
    pub fn projections(&self) -> impl Iterator<Item = (&str, &Arc<Part>)> {
        self.hidden.iter().map(|h| {
            let name = h.folder.strip_suffix(FOLDER_END).unwrap_or(&h.folder);
            (name, &h.part)
        })
    }

    pub(super) fn around(&self) -> Around<'_> {
        Around {
            directory: &self.below,
            cache: &self.cache,
            uid: self.uid,
            table: &self.table,
            folder: &self.folder,
            name: &self.name,
        }
    }
}

/// A hidden part that was written: how its part lists it.
pub(crate) struct HiddenWritten {
    pub name: String,
    pub checksum: FileChecksum,
    pub bytes: u64,
}

/// The checksum of the checksums of a hidden part that was just written.
pub(crate) fn written(
    directory: &dyn Directory,
    part_folder: &str,
    projection: &str,
    summary: &PartSummary,
) -> Result<HiddenWritten> {
    let name = hidden_checksums(projection);
    let loading = Loading {
        directory,
        table: "",
        part: String::new(),
        folder: part_folder,
        checksums: None,
        suspect: None,
    };
    let text = loading.file(&name, None)?;
    Ok(HiddenWritten {
        name,
        checksum: FileChecksum::of(&text),
        bytes: summary.bytes - text.len() as u64,
    })
}
