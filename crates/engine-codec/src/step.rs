//! Steps of a codec pipeline: each turns bytes into other bytes, and back.
//!
//! Transformations of numbers work on the *body*, the leading bytes that are little-endian numbers of one width; what
//! stands behind it (bookkeeping of the step before, a last piece of a number) passes unchanged. So they can follow one
//! another. Format of each: docs/format/block-frame.md, "Steps".

mod bit_pack;
mod delta;
mod double_delta;
mod gorilla;
mod run_length;
mod t64;
mod text_dictionary;
mod uuid_text;
mod value_dictionary;
mod varying_bits;

use crate::bits::{read_len, write_varint};
use crate::compression::{METHOD_LZ4, METHOD_NONE, METHOD_ZSTD, decompress};
use crate::number_runs::NumberRuns;
use crate::{CodecError, Compression};

/// Bytes of a number: 1, 2, 4, 8, or 16 (UUID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Width {
    W1,
    W2,
    W4,
    W8,
    W16,
}

impl Width {
    pub fn from_bytes(bytes: usize) -> Option<Self> {
        Some(match bytes {
            1 => Self::W1,
            2 => Self::W2,
            4 => Self::W4,
            8 => Self::W8,
            16 => Self::W16,
            _ => return None,
        })
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::W1 => 1,
            Self::W2 => 2,
            Self::W4 => 4,
            Self::W8 => 8,
            Self::W16 => 16,
        }
    }
}

/// One step. Numbers are of the given width; `signed` only says which order makes small differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Compress(Compression),
    Delta(Width),
    DoubleDelta(Width),
    Gorilla(Width),
    T64(Width),
    BitPack { width: Width, signed: bool },
    RunLength(Width),
    ValueDictionary(Width),
    VaryingBits,
    TextDictionary,
    UuidText,
}

/// Runs of fewer rows on average are written out: looking at each costs more than at its rows.
const RUN_ROWS_MIN: usize = 4;

const METHOD_DELTA: u8 = 0x92;
const METHOD_T64: u8 = 0x93;
const METHOD_DOUBLE_DELTA: u8 = 0x94;
const METHOD_GORILLA: u8 = 0x95;
const METHOD_BIT_PACK: u8 = 0xA0;
const METHOD_RUN_LENGTH: u8 = 0xA1;
const METHOD_VALUE_DICTIONARY: u8 = 0xA2;
const METHOD_VARYING_BITS: u8 = 0xA3;
const METHOD_TEXT_DICTIONARY: u8 = 0xA4;
const METHOD_UUID_TEXT: u8 = 0xA5;

/// Bytes between two steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coded {
    pub bytes: Vec<u8>,
    /// How many of them are numbers of the width that the next step knows.
    pub body: usize,
}

impl Step {
    pub fn method(self) -> u8 {
        match self {
            Self::Compress(compression) => compression.method(),
            Self::Delta(_) => METHOD_DELTA,
            Self::DoubleDelta(_) => METHOD_DOUBLE_DELTA,
            Self::Gorilla(_) => METHOD_GORILLA,
            Self::T64(_) => METHOD_T64,
            Self::BitPack { .. } => METHOD_BIT_PACK,
            Self::RunLength(_) => METHOD_RUN_LENGTH,
            Self::ValueDictionary(_) => METHOD_VALUE_DICTIONARY,
            Self::VaryingBits => METHOD_VARYING_BITS,
            Self::TextDictionary => METHOD_TEXT_DICTIONARY,
            Self::UuidText => METHOD_UUID_TEXT,
        }
    }

    fn width(self) -> Option<Width> {
        match self {
            Self::Delta(w)
            | Self::DoubleDelta(w)
            | Self::Gorilla(w)
            | Self::T64(w)
            | Self::BitPack { width: w, .. }
            | Self::RunLength(w)
            | Self::ValueDictionary(w) => Some(w),
            Self::VaryingBits => Some(Width::W16),
            Self::Compress(_) | Self::TextDictionary | Self::UuidText => None,
        }
    }

    /// The step's output, its parameters appended to `params`; `None` when it does not suit these bytes.
    pub fn encode(self, input: &Coded, params: &mut Vec<u8>) -> Result<Option<Coded>, CodecError> {
        let Some(width) = self.width() else {
            return match self {
                Self::Compress(compression) => {
                    let bytes = compression.compress(&input.bytes)?;
                    Ok(Some(Coded { bytes, body: 0 }))
                }
                Self::TextDictionary => Ok(text_dictionary::encode(input, params)),
                _ => Ok(uuid_text::encode(input, params)),
            };
        };
        let body = input.body - input.body % width.bytes();
        let (numbers, rest) = input.bytes.split_at(body);
        params.push(width.bytes() as u8);
        write_varint(body as u64, params);
        let mut bytes = Vec::with_capacity(input.bytes.len() / 2);
        let body = match self {
            Self::Delta(_) => delta::encode(width, numbers, params, &mut bytes),
            Self::DoubleDelta(_) => double_delta::encode(width, numbers, params, &mut bytes),
            Self::Gorilla(_) => gorilla::encode(width, numbers, &mut bytes),
            Self::T64(_) => t64::encode(width, numbers, &mut bytes),
            Self::BitPack { signed, .. } => bit_pack::encode(width, signed, numbers, params, &mut bytes),
            Self::RunLength(_) => Some(run_length::encode(width, numbers, params, &mut bytes)),
            Self::ValueDictionary(_) => value_dictionary::encode(width, numbers, params, &mut bytes),
            _ => Some(varying_bits::encode(numbers, &mut bytes)),
        };
        let Some(body) = body else {
            return Ok(None);
        };
        bytes.extend_from_slice(rest);
        Ok(Some(Coded { bytes, body }))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Compress(compression) => return compression.fmt(f),
            Self::Delta(_) => "Delta",
            Self::DoubleDelta(_) => "DoubleDelta",
            Self::Gorilla(_) => "Gorilla",
            Self::T64(_) => "T64",
            Self::BitPack { .. } => "BitPack",
            Self::RunLength(_) => "RunLength",
            Self::ValueDictionary(_) | Self::TextDictionary => "Dictionary",
            Self::VaryingBits => "VaryingBits",
            Self::UuidText => "UUID",
        };
        f.write_str(name)
    }
}

/// A step whose output tells runs of numbers without writing them out.
pub(crate) struct StoredRuns {
    width: Width,
    rows: usize,
    runs: usize,
    method: u8,
}

impl StoredRuns {
    /// `None` for other steps, other widths, runs that are short, and numbers that are not all there is.
    pub fn of(method: u8, params: &[u8], raw_len: usize, width: usize) -> Option<Self> {
        if !matches!(method, METHOD_RUN_LENGTH | METHOD_VALUE_DICTIONARY) {
            return None;
        }
        let (stored_width, mut params) = params.split_first()?;
        let body = read_len(&mut params)?;
        let count = read_len(&mut params)?;
        let (rows, runs) = (raw_len / width, count);
        let is_runs = method == METHOD_RUN_LENGTH || count == 1;
        let suits = usize::from(*stored_width) == width && body == raw_len && raw_len.is_multiple_of(width);
        let pays = runs > 0 && runs.checked_mul(RUN_ROWS_MIN)? <= rows;
        (is_runs && suits && pays && params.is_empty()).then_some(Self {
            width: Width::from_bytes(width)?,
            rows,
            runs,
            method,
        })
    }

    /// The runs of the step's output, or the reason why they are none.
    pub fn decode(&self, coded: &[u8]) -> Result<NumberRuns, String> {
        let runs = match self.method {
            METHOD_RUN_LENGTH => run_length::decode_runs(self.width, self.runs, coded, self.rows),
            _ => (coded.len() == self.width.bytes()).then(|| NumberRuns {
                values: coded.to_vec(),
                lengths: vec![self.rows as u32],
            }),
        };
        runs.ok_or_else(|| format!("the bytes of method {:#04x} are inconsistent", self.method))
    }
}

/// Undoes the step of method `method`: exactly `len` bytes, or the reason why not. The caller has bounded `len`.
pub(crate) fn decode(method: u8, params: &[u8], input: &[u8], len: usize) -> Result<Vec<u8>, String> {
    match method {
        METHOD_NONE | METHOD_LZ4 | METHOD_ZSTD => return decompress(method, input, len),
        METHOD_TEXT_DICTIONARY => return exactly(text_dictionary::decode(params, input, len), len, method),
        METHOD_UUID_TEXT => return exactly(uuid_text::decode(params, input, len), len, method),
        METHOD_DELTA
        | METHOD_T64
        | METHOD_DOUBLE_DELTA
        | METHOD_GORILLA
        | METHOD_BIT_PACK
        | METHOD_RUN_LENGTH
        | METHOD_VALUE_DICTIONARY
        | METHOD_VARYING_BITS => {}
        other => return Err(format!("unknown compression method {other:#04x}")),
    }
    let numbers = || -> Option<Vec<u8>> {
        let (width, mut params) = params.split_first()?;
        let width = Width::from_bytes(usize::from(*width))?;
        let body = read_len(&mut params)?;
        let rest = len.checked_sub(body)?;
        if body % width.bytes() != 0 {
            return None;
        }
        let (coded, rest) = input.split_at(input.len().checked_sub(rest)?);
        let mut out = Vec::with_capacity(len);
        match method {
            METHOD_DELTA => delta::decode(width, params, coded, body, &mut out),
            METHOD_DOUBLE_DELTA => double_delta::decode(width, params, coded, body, &mut out),
            METHOD_GORILLA => gorilla::decode(width, coded, body, &mut out),
            METHOD_T64 => t64::decode(width, coded, body, &mut out),
            METHOD_BIT_PACK => bit_pack::decode(width, params, coded, body, &mut out),
            METHOD_RUN_LENGTH => run_length::decode(width, params, coded, body, &mut out),
            METHOD_VALUE_DICTIONARY => value_dictionary::decode(width, params, coded, body, &mut out),
            _ => varying_bits::decode(width, coded, body, &mut out),
        }?;
        out.extend_from_slice(rest);
        Some(out)
    };
    exactly(numbers(), len, method)
}

fn exactly(decoded: Option<Vec<u8>>, len: usize, method: u8) -> Result<Vec<u8>, String> {
    match decoded {
        Some(bytes) if bytes.len() == len => Ok(bytes),
        Some(bytes) => Err(format!(
            "method {method:#04x} gives {} bytes where {len} belong",
            bytes.len()
        )),
        None => Err(format!("the bytes of method {method:#04x} are inconsistent")),
    }
}

/// The numbers of `W` bytes as `u64`; `W` is at most 8.
fn numbers<const W: usize>(bytes: &[u8]) -> impl ExactSizeIterator<Item = u64> + '_ {
    bytes.as_chunks::<W>().0.iter().map(number)
}

fn number<const W: usize>(chunk: &[u8; W]) -> u64 {
    let mut wide = [0; 8];
    wide[..W].copy_from_slice(chunk);
    u64::from_le_bytes(wide)
}

/// Appends the low `W` bytes.
fn push_number<const W: usize>(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_le_bytes()[..W]);
}

/// Calls a function that is generic over the bytes of a number of at most 8 bytes; `None` for UUIDs.
macro_rules! by_width {
    ($width:expr, $function:ident($($arg:expr),*)) => {
        match $width {
            $crate::step::Width::W1 => $function::<1>($($arg),*),
            $crate::step::Width::W2 => $function::<2>($($arg),*),
            $crate::step::Width::W4 => $function::<4>($($arg),*),
            $crate::step::Width::W8 => $function::<8>($($arg),*),
            $crate::step::Width::W16 => None,
        }
    };
}
use by_width;
