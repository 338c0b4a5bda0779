//! Shape of bytes: the general-purpose compressors and their method bytes.

use crate::{CodecError, lz4_high};

/// How bytes are compressed whatever they mean. The method byte on disk is ClickHouse's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    None,
    #[default]
    Lz4,
    /// LZ4 by a thorough search, level 1 to 12; read as LZ4.
    Lz4High(u8),
    /// Level 0 (the library's own choice) to 22.
    Zstd(i32),
}

pub(crate) const METHOD_NONE: u8 = 0x02;
pub(crate) const METHOD_LZ4: u8 = 0x82;
pub(crate) const METHOD_ZSTD: u8 = 0x90;

impl Compression {
    pub fn method(self) -> u8 {
        match self {
            Self::None => METHOD_NONE,
            Self::Lz4 | Self::Lz4High(_) => METHOD_LZ4,
            Self::Zstd(_) => METHOD_ZSTD,
        }
    }

    pub(crate) fn compress(self, raw: &[u8]) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::None => Ok(raw.to_vec()),
            Self::Lz4 => Ok(lz4_compress(raw)),
            Self::Lz4High(level) => Ok(lz4_high::compress(raw, level)),
            Self::Zstd(level) => {
                zstd::bulk::compress(raw, level).map_err(|e| CodecError::Compress(e.to_string()))
            }
        }
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("NONE"),
            Self::Lz4 => f.write_str("LZ4"),
            Self::Lz4High(level) => write!(f, "LZ4HC({level})"),
            Self::Zstd(level) => write!(f, "ZSTD({level})"),
        }
    }
}

/// Exactly `raw_len` bytes, or the reason why not. The caller has bounded `raw_len`.
pub(crate) fn decompress(method: u8, payload: &[u8], raw_len: usize) -> Result<Vec<u8>, String> {
    if method == METHOD_NONE && payload.len() != raw_len {
        return Err(format!("stored {} bytes, header says {raw_len}", payload.len()));
    }
    let mut raw = vec![0; raw_len];
    let written = match method {
        METHOD_NONE => {
            raw.copy_from_slice(payload);
            raw_len
        }
        METHOD_LZ4 => lz4_flex::block::decompress_into(payload, &mut raw).map_err(|e| e.to_string())?,
        METHOD_ZSTD => zstd::bulk::decompress_to_buffer(payload, &mut raw[..]).map_err(|e| e.to_string())?,
        other => return Err(format!("unknown compression method {other:#04x}")),
    };
    if written != raw_len {
        return Err(format!("holds {written} bytes, header says {raw_len}"));
    }
    Ok(raw)
}

/// A bare LZ4 block, without a frame.
pub fn lz4_compress(raw: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(raw)
}

/// Undoes [`lz4_compress`]. Refuses a `raw_len` that LZ4 cannot reach from so few bytes (255 to 1).
pub fn lz4_decompress(payload: &[u8], raw_len: usize) -> Result<Vec<u8>, CodecError> {
    let damaged = |problem| CodecError::Damaged {
        what: "LZ4 block",
        offset: 0,
        problem,
    };
    if raw_len > payload.len().saturating_mul(255).saturating_add(64) {
        return Err(damaged(format!("{} bytes cannot hold {raw_len}", payload.len())));
    }
    decompress(METHOD_LZ4, payload, raw_len).map_err(damaged)
}
