//! Automatic choice of steps: tries what suits the kind of bytes on a sample, and takes what makes it smallest.
//!
//! Sizes are compared with a small surcharge for what is slower to read, so that a few bytes do not buy a slow scan.

use std::ops::Range;

use crate::pipeline::Section;
use crate::step::{Step, Width};
use crate::stream::StreamKind;
use crate::{CodecError, Compression};

/// Bytes that are tried: numbers, strings. Larger blocks are sampled in four places.
const NUMBERS_SAMPLE: usize = 64 << 10;
const TEXT_SAMPLE: usize = 256 << 10;
const SAMPLE_PLACES: usize = 4;

/// A stream, or lengths and text together, and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SectionPlan {
    pub streams: Range<usize>,
    pub steps: Vec<Step>,
}

/// Plans for streams of these kinds. `starts[s]..starts[s + 1]` of `grouped` are the bytes of stream `s`.
pub(crate) fn choose(
    kinds: &[StreamKind],
    grouped: &[u8],
    starts: &[usize],
) -> Result<Vec<SectionPlan>, CodecError> {
    let mut plans = Vec::new();
    let mut at = 0;
    while at < kinds.len() {
        let bytes = &grouped[starts[at]..starts[at + 1]];
        match (kinds[at], kinds.get(at + 1)) {
            (StreamKind::Lengths, Some(StreamKind::Text)) => {
                let text = &grouped[starts[at + 1]..starts[at + 2]];
                plans.extend(strings(bytes, text, at)?);
                at += 2;
                continue;
            }
            (kind, _) => {
                let (steps, _) = cheapest_for(kind, bytes)?;
                plans.push(SectionPlan {
                    streams: at..at + 1,
                    steps,
                });
            }
        }
        at += 1;
    }
    Ok(plans)
}

fn cheapest_for(kind: StreamKind, bytes: &[u8]) -> Result<(Vec<Step>, usize), CodecError> {
    let (transformations, width) = match kind {
        StreamKind::Numbers {
            width: Width::W16, ..
        } => (of_uuids(), Width::W16),
        StreamKind::Numbers {
            width,
            signed,
            is_float,
            ..
        } => (of_numbers(width, signed, is_float), width),
        StreamKind::Lengths => (of_numbers(Width::W4, false, false), Width::W4),
        StreamKind::Nulls => (of_numbers(Width::W1, false, false), Width::W1),
        StreamKind::Text => (vec![Vec::new()], Width::W1),
    };
    let budget = match kind {
        StreamKind::Text => TEXT_SAMPLE,
        _ => NUMBERS_SAMPLE,
    };
    let sample = sampled(bytes, width.bytes(), budget);
    let body = sample.len();
    cheapest(&sample, body, transformations, level_for(kind))
}

fn level_for(kind: StreamKind) -> i32 {
    match kind {
        StreamKind::Text => 3,
        StreamKind::Numbers { .. } | StreamKind::Lengths | StreamKind::Nulls => 1,
    }
}

/// Lengths and text apart, or as one.
fn strings(lengths: &[u8], text: &[u8], stream: usize) -> Result<Vec<SectionPlan>, CodecError> {
    let (length_steps, length_cost) = cheapest_for(StreamKind::Lengths, lengths)?;
    let (text_steps, text_cost) = cheapest_for(StreamKind::Text, text)?;
    // Costs are of samples of different sizes: both are compared as parts of the whole.
    let share = |cost: usize, sample: usize, whole: usize| (cost * whole).div_ceil(sample.max(1));
    let apart = share(length_cost, lengths.len().min(NUMBERS_SAMPLE), lengths.len())
        + share(text_cost, text.len().min(TEXT_SAMPLE), text.len());
    if let Some((sample, body)) = sampled_strings(lengths, text) {
        let (steps, cost) = cheapest(&sample, body, of_strings(), 3)?;
        let together = share(cost, sample.len(), lengths.len() + text.len());
        if together < apart {
            return Ok(vec![SectionPlan {
                streams: stream..stream + 2,
                steps,
            }]);
        }
    }
    Ok(vec![
        SectionPlan {
            streams: stream..stream + 1,
            steps: length_steps,
        },
        SectionPlan {
            streams: stream + 1..stream + 2,
            steps: text_steps,
        },
    ])
}

fn of_numbers(width: Width, signed: bool, is_float: bool) -> Vec<Vec<Step>> {
    let pack = Step::BitPack { width, signed };
    let mut out = vec![
        vec![],
        vec![Step::RunLength(width)],
        vec![Step::RunLength(width), pack],
        vec![Step::ValueDictionary(width)],
        vec![Step::T64(width)],
    ];
    if is_float {
        out.push(vec![Step::Gorilla(width)]);
    } else {
        let differences = Step::BitPack { width, signed: true };
        out.push(vec![pack]);
        out.push(vec![Step::Delta(width)]);
        out.push(vec![Step::Delta(width), differences]);
        out.push(vec![Step::DoubleDelta(width)]);
        out.push(vec![Step::RunLength(width), Step::Delta(width), differences]);
    }
    out
}

fn of_uuids() -> Vec<Vec<Step>> {
    let width = Width::W16;
    vec![
        vec![],
        vec![Step::VaryingBits],
        vec![Step::RunLength(width), Step::VaryingBits],
        vec![Step::ValueDictionary(width), Step::VaryingBits],
    ]
}

fn of_strings() -> Vec<Vec<Step>> {
    let codes = Width::W4;
    let pack = Step::BitPack {
        width: codes,
        signed: false,
    };
    let mut out = vec![
        vec![Step::TextDictionary, pack],
        vec![Step::TextDictionary, Step::RunLength(codes)],
        vec![Step::TextDictionary, Step::RunLength(codes), pack],
    ];
    for mut steps in of_uuids().into_iter().skip(1) {
        steps.insert(0, Step::UuidText);
        out.push(steps);
    }
    out
}

/// The cheapest of the transformations, each with and without a compression behind it.
fn cheapest(
    sample: &[u8],
    body: usize,
    transformations: Vec<Vec<Step>>,
    level: i32,
) -> Result<(Vec<Step>, usize), CodecError> {
    let mut best = (Vec::new(), sample.len() + 4);
    for transformation in transformations {
        for (compression, surcharge) in [
            (Compression::None, 100),
            (Compression::Lz4, 102),
            (Compression::Zstd(level), 108),
        ] {
            let mut steps = transformation.clone();
            if compression != Compression::None {
                steps.push(Step::Compress(compression));
            }
            let Some(section) = Section::encode(sample, body, &steps)? else {
                break;
            };
            let cost = section.size() * surcharge / 100;
            if cost < best.1 {
                best = (steps, cost);
            }
        }
    }
    Ok(best)
}

/// At most `budget` bytes from a few places, whole numbers of `width` bytes.
fn sampled(bytes: &[u8], width: usize, budget: usize) -> Vec<u8> {
    if bytes.len() <= budget {
        return bytes.to_vec();
    }
    let place = budget / SAMPLE_PLACES;
    let stride = bytes.len() / SAMPLE_PLACES;
    let mut out = Vec::with_capacity(budget);
    for at in 0..SAMPLE_PLACES {
        let start = at * stride - (at * stride) % width;
        out.extend_from_slice(&bytes[start..start + place - place % width]);
    }
    out
}

/// Lengths, then text, of rows from a few places, and how many bytes are lengths. `None` when the text is not as long as
/// the lengths say: a piece of a granule that did not fit into one block.
fn sampled_strings(lengths: &[u8], text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let lengths: Vec<usize> = lengths
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_le_bytes(*b) as usize)
        .collect();
    if lengths.iter().sum::<usize>() != text.len() || lengths.is_empty() {
        return None;
    }
    let whole = lengths.len() * 4 + text.len() <= TEXT_SAMPLE;
    let (mut sample_lengths, mut sample_text) = (Vec::new(), Vec::new());
    let stride = lengths.len().div_ceil(SAMPLE_PLACES);
    let (mut start, mut used) = (0, 0);
    for (row, length) in lengths.iter().enumerate() {
        if row % stride == 0 {
            used = 0;
        }
        if whole || used + length + 4 <= TEXT_SAMPLE / SAMPLE_PLACES {
            sample_lengths.extend_from_slice(&(*length as u32).to_le_bytes());
            sample_text.extend_from_slice(&text[start..start + length]);
        }
        used += length + 4;
        start += length;
    }
    let body = sample_lengths.len();
    sample_lengths.extend_from_slice(&sample_text);
    Some((sample_lengths, body))
}
