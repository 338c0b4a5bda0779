//! Payload of a block that went through a pipeline: its streams regrouped, in sections, each with its list of steps.
//! Layout: docs/format/block-frame.md, "Pipelines".

use crate::CodecError;
use crate::bits::{read_len, write_varint};
use crate::frame::RAW_BYTES_MAX;
use crate::number_runs::NumberRuns;
use crate::step::{self, Coded, Step, StoredRuns};

/// Method byte of a frame with such a payload.
pub(crate) const METHOD_PIPELINE: u8 = 0x91;

/// What a step makes of bytes may be larger than they are, but not by much.
const BETWEEN_BYTES_MAX: usize = 2 * RAW_BYTES_MAX;

/// Bytes of one stream in one granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub stream: u8,
    pub len: usize,
}

/// The bytes of stream 0 of all granules, then those of stream 1, …; and where each stream starts.
pub(crate) fn regroup(raw: &[u8], pieces: &[Piece], streams: usize) -> (Vec<u8>, Vec<usize>) {
    let mut by_stream: Vec<Vec<&[u8]>> = vec![Vec::new(); streams];
    let mut at = 0;
    for piece in pieces {
        by_stream[usize::from(piece.stream)].push(&raw[at..at + piece.len]);
        at += piece.len;
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut starts = Vec::with_capacity(streams + 1);
    for stream in by_stream {
        starts.push(out.len());
        for piece in stream {
            out.extend_from_slice(piece);
        }
    }
    starts.push(out.len());
    (out, starts)
}

/// A section that went through its steps.
pub(crate) struct Section {
    raw_len: usize,
    /// Method, parameters, length before it of each step.
    steps: Vec<(u8, Vec<u8>, usize)>,
    bytes: Vec<u8>,
}

impl Section {
    /// `body` bytes of `raw` are numbers. `None` when a step does not suit; bytes that do not become fewer are stored.
    pub fn encode(raw: &[u8], body: usize, steps: &[Step]) -> Result<Option<Self>, CodecError> {
        let mut coded = Coded {
            bytes: raw.to_vec(),
            body,
        };
        let mut done = Vec::with_capacity(steps.len());
        for step in steps {
            let before = coded.bytes.len();
            let mut params = Vec::new();
            let Some(next) = step.encode(&coded, &mut params)? else {
                return Ok(None);
            };
            // A compression that gains nothing is left out.
            if matches!(step, Step::Compress(_)) && next.bytes.len() >= before {
                continue;
            }
            done.push((step.method(), params, before));
            coded = next;
        }
        if coded.bytes.len() >= raw.len() {
            return Ok(Some(Self::stored(raw)));
        }
        Ok(Some(Self {
            raw_len: raw.len(),
            steps: done,
            bytes: coded.bytes,
        }))
    }

    pub fn stored(raw: &[u8]) -> Self {
        Self {
            raw_len: raw.len(),
            steps: Vec::new(),
            bytes: raw.to_vec(),
        }
    }

    /// Bytes on disk, about.
    pub fn size(&self) -> usize {
        let steps: usize = self.steps.iter().map(|(_, params, _)| params.len() + 4).sum();
        self.bytes.len() + steps + 4
    }

    /// Method and bytes when the section is compressed and nothing else.
    pub fn only_compressed(&self) -> Option<(u8, &[u8])> {
        match self.steps.as_slice() {
            [] => Some((crate::compression::METHOD_NONE, &self.bytes)),
            [(method, params, _)] if params.is_empty() => Some((*method, &self.bytes)),
            _ => None,
        }
    }
}

/// `pieces` are empty when the block has one stream, which is not regrouped.
pub(crate) fn encode_pipeline(pieces: &[Piece], sections: &[Section]) -> Vec<u8> {
    let mut out = Vec::new();
    write_varint(pieces.len() as u64, &mut out);
    for piece in pieces {
        out.push(piece.stream);
        write_varint(piece.len as u64, &mut out);
    }
    write_varint(sections.len() as u64, &mut out);
    for section in sections {
        write_varint(section.raw_len as u64, &mut out);
        out.push(section.steps.len() as u8);
        for (method, params, before) in &section.steps {
            out.push(*method);
            out.push(params.len() as u8);
            out.extend_from_slice(params);
            write_varint(*before as u64, &mut out);
        }
        write_varint(section.bytes.len() as u64, &mut out);
    }
    for section in sections {
        out.extend_from_slice(&section.bytes);
    }
    out
}

/// Exactly `raw_len` bytes, or the reason why not. The caller has bounded `raw_len`.
pub(crate) fn decode_pipeline(payload: &[u8], raw_len: usize) -> Result<Vec<u8>, String> {
    let mut rest = payload;
    let headers = read_headers(&mut rest).ok_or("the header of a pipeline is cut off")?;
    let total: usize = headers.sections.iter().map(|s| s.raw_len).sum();
    if total != raw_len {
        return Err(format!("sections of {total} bytes, header says {raw_len}"));
    }
    let mut out = Vec::with_capacity(raw_len);
    for section in &headers.sections {
        let (coded, behind) = rest
            .split_at_checked(section.coded_len)
            .ok_or("a section is cut off")?;
        rest = behind;
        let raw = section.decode(coded)?;
        if out.is_empty() {
            out = raw;
        } else {
            out.extend_from_slice(&raw);
        }
    }
    if !rest.is_empty() {
        return Err(format!("{} bytes left over", rest.len()));
    }
    if headers.pieces.is_empty() {
        Ok(out)
    } else {
        ungroup(&out, &headers.pieces)
    }
}

/// The numbers of a payload that [`decode_pipeline`] would write out, as runs; `None` unless they are stored so and the
/// runs are long.
pub(crate) fn decode_runs(
    payload: &[u8],
    raw_len: usize,
    width: usize,
) -> Result<Option<NumberRuns>, String> {
    let mut rest = payload;
    let headers = read_headers(&mut rest).ok_or("the header of a pipeline is cut off")?;
    let ([section], []) = (headers.sections.as_slice(), headers.pieces.as_slice()) else {
        return Ok(None);
    };
    let Some(((method, params, _), after)) = section.steps.split_first() else {
        return Ok(None);
    };
    if section.raw_len != raw_len || section.coded_len != rest.len() {
        // Whoever writes the bytes out says what is wrong.
        return Ok(None);
    }
    let Some(stored) = StoredRuns::of(*method, params, raw_len, width) else {
        return Ok(None);
    };
    let coded = undo(after, rest)?;
    stored.decode(&coded).map(Some)
}

/// Undoes the steps, the last first.
fn undo(steps: &[(u8, Vec<u8>, usize)], coded: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes: Option<Vec<u8>> = None;
    for (method, params, before) in steps.iter().rev() {
        let input = bytes.as_deref().unwrap_or(coded);
        bytes = Some(step::decode(*method, params, input, *before)?);
    }
    Ok(bytes.unwrap_or_else(|| coded.to_vec()))
}

struct Headers {
    pieces: Vec<Piece>,
    sections: Vec<SectionHeader>,
}

struct SectionHeader {
    raw_len: usize,
    steps: Vec<(u8, Vec<u8>, usize)>,
    coded_len: usize,
}

/// `None` when bytes are missing, or lengths are larger than any block.
fn read_headers(rest: &mut &[u8]) -> Option<Headers> {
    let bounded = |rest: &mut &[u8]| read_len(rest).filter(|len| *len <= BETWEEN_BYTES_MAX);
    let byte = |rest: &mut &[u8]| {
        let (first, behind) = rest.split_first()?;
        *rest = behind;
        Some(*first)
    };
    let count = read_len(rest).filter(|count| *count <= rest.len())?;
    let mut pieces = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = byte(rest)?;
        let len = bounded(rest)?;
        pieces.push(Piece { stream, len });
    }
    let count = read_len(rest).filter(|count| *count <= rest.len().min(256))?;
    let mut sections = Vec::with_capacity(count);
    for _ in 0..count {
        let raw_len = bounded(rest)?;
        let mut steps = Vec::new();
        for _ in 0..byte(rest)? {
            let method = byte(rest)?;
            let len = byte(rest)?;
            let (params, behind) = rest.split_at_checked(usize::from(len))?;
            *rest = behind;
            steps.push((method, params.to_vec(), bounded(rest)?));
        }
        let coded_len = bounded(rest)?;
        sections.push(SectionHeader {
            raw_len,
            steps,
            coded_len,
        });
    }
    Some(Headers { pieces, sections })
}

impl SectionHeader {
    fn decode(&self, coded: &[u8]) -> Result<Vec<u8>, String> {
        let bytes = undo(&self.steps, coded)?;
        if bytes.len() == self.raw_len {
            Ok(bytes)
        } else {
            Err(format!(
                "a section gives {} bytes where {} belong",
                bytes.len(),
                self.raw_len
            ))
        }
    }
}

/// Undoes [`regroup`].
fn ungroup(grouped: &[u8], pieces: &[Piece]) -> Result<Vec<u8>, String> {
    let mut at = [0usize; 256];
    for piece in pieces {
        at[usize::from(piece.stream)] += piece.len;
    }
    let mut start = 0;
    for stream in &mut at {
        start += std::mem::replace(stream, start);
    }
    if start != grouped.len() {
        return Err(format!("pieces of {start} bytes, streams of {}", grouped.len()));
    }
    let mut out = Vec::with_capacity(grouped.len());
    for piece in pieces {
        let from = &mut at[usize::from(piece.stream)];
        // In bounds: the lengths of all pieces together are those of the bytes.
        out.extend_from_slice(&grouped[*from..*from + piece.len]);
        *from += piece.len;
    }
    Ok(out)
}
