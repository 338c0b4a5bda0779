//! Records of the manifest and their bytes.

use engine_codec::{ByteReader, CodecError};

use crate::part::{PartName, PartSummary};
use crate::table_def::TableId;

/// One atomic change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ManifestRecord {
    CreateTable {
        id: TableId,
        database: String,
        name: String,
        folder: String,
        definition: Vec<u8>,
        flushed_lsn: u64,
    },
    DropTable {
        id: TableId,
    },
    RenameTable {
        id: TableId,
        database: String,
        name: String,
    },
    ReplaceDefinition {
        id: TableId,
        definition: Vec<u8>,
    },
    /// A flush or a merge: parts in and out at once, over any number of tables.
    Edit {
        add: Vec<(TableId, PartName, PartSummary)>,
        remove: Vec<(TableId, PartName)>,
        flushed: Vec<(TableId, u64)>,
        wal_floor: u64,
        /// All remembered insert tokens, when they changed.
        tokens: Option<Vec<String>>,
    },
    Counters {
        next_table: u32,
    },
    FolderGone {
        folder: String,
    },
    DroppedFolder {
        folder: String,
    },
    /// Of parts that are in no table any more.
    DroppedFolders {
        folders: Vec<String>,
    },
    /// Parts of the table that are older than `number` are to be changed; how is in `mutation_<number>.txt`.
    AddMutation {
        id: TableId,
        number: u64,
        mutation: MutationRecord,
    },
    /// All parts are, or none will be any more.
    EndMutation {
        id: TableId,
        number: u64,
        end: MutationEnd,
    },
}

/// What the manifest remembers of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MutationRecord {
    /// Milliseconds since the Unix epoch, by the clock of who asked for it.
    pub created_ms: u64,
    /// The only partition that it concerns.
    pub partition: Option<String>,
    /// Of `mutation_<number>.txt`.
    pub command_hash: u128,
    pub is_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MutationEnd {
    Done,
    Killed,
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_name(out: &mut Vec<u8>, id: TableId, name: &PartName) {
    out.extend_from_slice(&id.0.to_le_bytes());
    put_bytes(out, name.to_string().as_bytes());
}

impl ManifestRecord {
    /// Parts come, nothing else changes.
    pub fn addition(add: Vec<(TableId, PartName, PartSummary)>) -> Self {
        Self::Edit {
            add,
            remove: Vec::new(),
            flushed: Vec::new(),
            wal_floor: 0,
            tokens: None,
        }
    }

    /// Parts go, nothing else changes.
    pub fn removal(remove: Vec<(TableId, PartName)>) -> Self {
        Self::Edit {
            add: Vec::new(),
            remove,
            flushed: Vec::new(),
            wal_floor: 0,
            tokens: None,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::CreateTable {
                id,
                database,
                name,
                folder,
                definition,
                flushed_lsn,
            } => {
                out.push(1);
                out.extend_from_slice(&id.0.to_le_bytes());
                for text in [database, name, folder] {
                    put_bytes(&mut out, text.as_bytes());
                }
                put_bytes(&mut out, definition);
                out.extend_from_slice(&flushed_lsn.to_le_bytes());
            }
            Self::DropTable { id } => {
                out.push(2);
                out.extend_from_slice(&id.0.to_le_bytes());
            }
            Self::RenameTable { id, database, name } => {
                out.push(3);
                out.extend_from_slice(&id.0.to_le_bytes());
                put_bytes(&mut out, database.as_bytes());
                put_bytes(&mut out, name.as_bytes());
            }
            Self::ReplaceDefinition { id, definition } => {
                out.push(4);
                out.extend_from_slice(&id.0.to_le_bytes());
                put_bytes(&mut out, definition);
            }
            Self::Edit {
                add,
                remove,
                flushed,
                wal_floor,
                tokens,
            } => {
                out.push(5);
                out.extend_from_slice(&(add.len() as u32).to_le_bytes());
                for (id, name, summary) in add {
                    put_name(&mut out, *id, name);
                    out.extend_from_slice(&summary.rows.to_le_bytes());
                    out.extend_from_slice(&summary.bytes.to_le_bytes());
                    out.extend_from_slice(&summary.checksums_hash.to_le_bytes());
                }
                out.extend_from_slice(&(remove.len() as u32).to_le_bytes());
                for (id, name) in remove {
                    put_name(&mut out, *id, name);
                }
                out.extend_from_slice(&(flushed.len() as u32).to_le_bytes());
                for (id, lsn) in flushed {
                    out.extend_from_slice(&id.0.to_le_bytes());
                    out.extend_from_slice(&lsn.to_le_bytes());
                }
                out.extend_from_slice(&wal_floor.to_le_bytes());
                out.push(u8::from(tokens.is_some()));
                if let Some(tokens) = tokens {
                    out.extend_from_slice(&(tokens.len() as u32).to_le_bytes());
                    for token in tokens {
                        put_bytes(&mut out, token.as_bytes());
                    }
                }
            }
            Self::Counters { next_table } => {
                out.push(6);
                out.extend_from_slice(&next_table.to_le_bytes());
            }
            Self::FolderGone { folder } => {
                out.push(7);
                put_bytes(&mut out, folder.as_bytes());
            }
            Self::DroppedFolder { folder } => {
                out.push(8);
                put_bytes(&mut out, folder.as_bytes());
            }
            Self::DroppedFolders { folders } => {
                out.push(30);
                out.extend_from_slice(&(folders.len() as u32).to_le_bytes());
                for folder in folders {
                    put_bytes(&mut out, folder.as_bytes());
                }
            }
            Self::AddMutation { id, number, mutation } => {
                out.push(20);
                out.extend_from_slice(&id.0.to_le_bytes());
                out.extend_from_slice(&number.to_le_bytes());
                out.extend_from_slice(&mutation.created_ms.to_le_bytes());
                out.extend_from_slice(&mutation.command_hash.to_le_bytes());
                out.push(u8::from(mutation.is_done));
                out.push(u8::from(mutation.partition.is_some()));
                if let Some(partition) = &mutation.partition {
                    put_bytes(&mut out, partition.as_bytes());
                }
            }
            Self::EndMutation { id, number, end } => {
                out.push(21);
                out.extend_from_slice(&id.0.to_le_bytes());
                out.extend_from_slice(&number.to_le_bytes());
                out.push(match end {
                    MutationEnd::Done => 0,
                    MutationEnd::Killed => 1,
                });
            }
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let what = "manifest record";
        let mut reader = ByteReader::new(bytes);
        let record = match reader.u8(what)? {
            1 => Self::CreateTable {
                id: TableId(reader.u32(what)?),
                database: reader.text(what)?,
                name: reader.text(what)?,
                folder: reader.text(what)?,
                definition: reader.bytes(what)?.to_vec(),
                flushed_lsn: reader.u64(what)?,
            },
            2 => Self::DropTable {
                id: TableId(reader.u32(what)?),
            },
            3 => Self::RenameTable {
                id: TableId(reader.u32(what)?),
                database: reader.text(what)?,
                name: reader.text(what)?,
            },
            4 => Self::ReplaceDefinition {
                id: TableId(reader.u32(what)?),
                definition: reader.bytes(what)?.to_vec(),
            },
            5 => decode_edit(&mut reader)?,
            6 => Self::Counters {
                next_table: reader.u32(what)?,
            },
            7 => Self::FolderGone {
                folder: reader.text(what)?,
            },
            8 => Self::DroppedFolder {
                folder: reader.text(what)?,
            },
            30 => {
                let mut folders = Vec::new();
                for _ in 0..reader.u32(what)? {
                    folders.push(reader.text(what)?);
                }
                Self::DroppedFolders { folders }
            }
            20 => decode_mutation(&mut reader)?,
            21 => Self::EndMutation {
                id: TableId(reader.u32(what)?),
                number: reader.u64(what)?,
                end: match reader.u8(what)? {
                    0 => MutationEnd::Done,
                    1 => MutationEnd::Killed,
                    tag => return Err(reader.damaged(what, format!("unknown end {tag}"))),
                },
            },
            tag => return Err(reader.damaged(what, format!("unknown kind {tag}"))),
        };
        if reader.is_at_end() {
            Ok(record)
        } else {
            Err(reader.damaged(what, "bytes left over"))
        }
    }
}

fn decode_mutation(reader: &mut ByteReader<'_>) -> Result<ManifestRecord, CodecError> {
    let what = "manifest mutation";
    let flag = |reader: &mut ByteReader<'_>| match reader.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        tag => Err(reader.damaged(what, format!("unknown flag {tag}"))),
    };
    Ok(ManifestRecord::AddMutation {
        id: TableId(reader.u32(what)?),
        number: reader.u64(what)?,
        mutation: MutationRecord {
            created_ms: reader.u64(what)?,
            command_hash: reader.u128(what)?,
            is_done: flag(reader)?,
            partition: if flag(reader)? {
                Some(reader.text(what)?)
            } else {
                None
            },
        },
    })
}

fn decode_edit(reader: &mut ByteReader<'_>) -> Result<ManifestRecord, CodecError> {
    let what = "manifest edit";
    let name = |reader: &mut ByteReader<'_>| {
        let id = TableId(reader.u32(what)?);
        let text = reader.text(what)?;
        let name = PartName::parse(&text)
            .ok_or_else(|| reader.damaged(what, format!("`{text}` is not the name of a part")))?;
        Ok::<_, CodecError>((id, name))
    };
    // Counts are not trusted with an allocation: every entry takes bytes.
    let mut add = Vec::new();
    for _ in 0..reader.u32(what)? {
        let (id, name) = name(reader)?;
        let summary = PartSummary {
            rows: reader.u64(what)?,
            bytes: reader.u64(what)?,
            checksums_hash: reader.u128(what)?,
        };
        add.push((id, name, summary));
    }
    let mut remove = Vec::new();
    for _ in 0..reader.u32(what)? {
        remove.push(name(reader)?);
    }
    let mut flushed = Vec::new();
    for _ in 0..reader.u32(what)? {
        flushed.push((TableId(reader.u32(what)?), reader.u64(what)?));
    }
    let wal_floor = reader.u64(what)?;
    let tokens = match reader.u8(what)? {
        0 => None,
        1 => {
            let mut tokens = Vec::new();
            for _ in 0..reader.u32(what)? {
                tokens.push(reader.text(what)?);
            }
            Some(tokens)
        }
        tag => return Err(reader.damaged(what, format!("unknown flag {tag}"))),
    };
    Ok(ManifestRecord::Edit {
        add,
        remove,
        flushed,
        wal_floor,
        tokens,
    })
}
