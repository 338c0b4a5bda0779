//! Block frame: checksum, method, sizes, payload. The unit that is compressed, read and verified.

use crate::compression::decompress;
use crate::number_runs::FrameNumbers;
use crate::pipeline::{METHOD_PIPELINE, decode_pipeline, decode_runs};
use crate::{CodecError, Compression, hash128};

/// Checksum 16, method 1, compressed size 4, raw size 4.
pub const FRAME_HEADER_BYTES: usize = 25;

/// No frame holds more raw bytes: writers cut at 1 MiB, and a larger size in a header is damage.
pub const RAW_BYTES_MAX: usize = 16 << 20;

/// Bytes of the header that the compressed size counts: method and both sizes, as in ClickHouse.
const SIZED_HEADER_BYTES: usize = 9;

/// A header whose sizes are plausible; the payload is not looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub checksum: u128,
    pub method: u8,
    pub payload_bytes: usize,
    pub raw_bytes: usize,
}

impl FrameHeader {
    /// Header and payload together.
    pub fn frame_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload_bytes
    }
}

/// Appends `raw` as one frame; falls back to "stored" when compression does not make it smaller.
/// At most [`RAW_BYTES_MAX`] raw bytes.
pub fn encode_frame(raw: &[u8], compression: Compression, out: &mut Vec<u8>) -> Result<(), CodecError> {
    write_frame(raw, compression.method(), &compression.compress(raw)?, out)
}

/// As [`encode_frame`], with a payload that the method decodes to `raw`.
pub(crate) fn write_frame(
    raw: &[u8],
    method: u8,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    if raw.len() > RAW_BYTES_MAX {
        return Err(CodecError::Compress(format!(
            "{} raw bytes in one block, at most {RAW_BYTES_MAX}",
            raw.len()
        )));
    }
    let (method, payload) = if payload.len() >= raw.len() {
        (Compression::None.method(), raw)
    } else {
        (method, payload)
    };
    let start = out.len();
    out.extend_from_slice(&[0; 16]);
    out.push(method);
    for size in [payload.len() + SIZED_HEADER_BYTES, raw.len()] {
        let size = u32::try_from(size).expect("bounded by RAW_BYTES_MAX above");
        out.extend_from_slice(&size.to_le_bytes());
    }
    out.extend_from_slice(payload);
    let checksum = hash128(&out[start + 16..]);
    out[start..start + 16].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Reads the header at `offset` of `bytes` and checks that the whole frame lies inside.
pub fn parse_frame_header(bytes: &[u8], offset: usize) -> Result<FrameHeader, CodecError> {
    let what = "block header";
    let cut = |needed: usize| CodecError::CutOff {
        what,
        offset,
        needed,
        left: bytes.len().saturating_sub(offset),
    };
    let rest = bytes.get(offset..).ok_or_else(|| cut(FRAME_HEADER_BYTES))?;
    let mut reader = crate::ByteReader::new(rest);
    if rest.len() < FRAME_HEADER_BYTES {
        return Err(cut(FRAME_HEADER_BYTES));
    }
    let checksum = reader.u128(what)?;
    let method = reader.u8(what)?;
    let compressed = reader.u32(what)? as usize;
    let raw_bytes = reader.u32(what)? as usize;
    let damaged = |problem| CodecError::Damaged {
        what,
        offset,
        problem,
    };
    let payload_bytes = compressed
        .checked_sub(SIZED_HEADER_BYTES)
        .ok_or_else(|| damaged(format!("compressed size {compressed} is less than the header")))?;
    if raw_bytes > RAW_BYTES_MAX {
        return Err(damaged(format!("raw size {raw_bytes} is over {RAW_BYTES_MAX}")));
    }
    if payload_bytes > rest.len() - FRAME_HEADER_BYTES {
        return Err(cut(FRAME_HEADER_BYTES + payload_bytes));
    }
    Ok(FrameHeader {
        checksum,
        method,
        payload_bytes,
        raw_bytes,
    })
}

/// The raw bytes of the frame at `offset`, and the offset behind it. The checksum is verified first.
pub fn decode_frame(bytes: &[u8], offset: usize) -> Result<(Vec<u8>, usize), CodecError> {
    let (header, payload) = verified(bytes, offset)?;
    let raw = raw_bytes(&header, payload);
    let raw = raw.map_err(|problem| damaged_block(offset, problem))?;
    Ok((raw, offset + header.frame_bytes()))
}

/// As [`decode_frame`] for a frame of numbers of `width` bytes; in runs if they are stored so and it is worth it.
pub fn decode_frame_of_numbers(
    bytes: &[u8],
    offset: usize,
    width: usize,
) -> Result<(FrameNumbers, usize), CodecError> {
    let (header, payload) = verified(bytes, offset)?;
    let runs = match header.method {
        METHOD_PIPELINE => decode_runs(payload, header.raw_bytes, width),
        _ => Ok(None),
    };
    let numbers = runs.and_then(|runs| match runs {
        Some(runs) => Ok(FrameNumbers::Runs(runs)),
        None => raw_bytes(&header, payload).map(FrameNumbers::Raw),
    });
    let numbers = numbers.map_err(|problem| damaged_block(offset, problem))?;
    Ok((numbers, offset + header.frame_bytes()))
}

fn raw_bytes(header: &FrameHeader, payload: &[u8]) -> Result<Vec<u8>, String> {
    match header.method {
        METHOD_PIPELINE => decode_pipeline(payload, header.raw_bytes),
        method => decompress(method, payload, header.raw_bytes),
    }
}

fn damaged_block(offset: usize, problem: String) -> CodecError {
    CodecError::Damaged {
        what: "block",
        offset,
        problem,
    }
}

/// Header and payload of the frame at `offset`, once its checksum agrees.
fn verified(bytes: &[u8], offset: usize) -> Result<(FrameHeader, &[u8]), CodecError> {
    let header = parse_frame_header(bytes, offset)?;
    let end = offset + header.frame_bytes();
    let found = hash128(&bytes[offset + 16..end]);
    if found != header.checksum {
        return Err(CodecError::Checksum {
            offset,
            expected: header.checksum,
            found,
        });
    }
    Ok((header, &bytes[offset + FRAME_HEADER_BYTES..end]))
}
