//! Writes the blocks of one column of one part, by the codec that was given or by one that is chosen on the way.

use engine_types::DataType;

use crate::choice::{SectionPlan, choose};
use crate::codec::ColumnCodec;
use crate::frame::{encode_frame, write_frame};
use crate::pipeline::{METHOD_PIPELINE, Piece, Section, encode_pipeline, regroup};
use crate::step::{Step, Width};
use crate::stream::{StreamKind, stream_kinds};
use crate::{CodeWidth, CodecError, Compression};

/// Blocks after which an automatic choice is made anew.
const BLOCKS_PER_CHOICE: usize = 16;

/// Streams that a piece can name; types of more are compressed as a whole.
const STREAMS_MAX: usize = 255;

/// Encodes the blocks of a column one after the other.
#[derive(Debug)]
pub struct BlockEncoder {
    kinds: Vec<StreamKind>,
    codec: ColumnCodec,
    plan: Vec<SectionPlan>,
    blocks: usize,
    /// Plans that were used, and raw bytes written by each.
    used: Vec<(Vec<SectionPlan>, u64)>,
    raw_bytes: u64,
}

impl BlockEncoder {
    /// For streams as [`crate::encode_streams`] writes them.
    pub fn new(ty: &DataType, codec: ColumnCodec) -> Self {
        let mut kinds = Vec::new();
        stream_kinds(ty, &mut kinds);
        Self::of(kinds, codec)
    }

    /// For dictionary codes. Transformations in the codec are about values, not about these.
    pub fn for_codes(width: CodeWidth, codec: &ColumnCodec) -> Self {
        let width = match width {
            CodeWidth::One => Width::W1,
            CodeWidth::Two => Width::W2,
            CodeWidth::Four => Width::W4,
        };
        let codec = match codec {
            ColumnCodec::Auto => ColumnCodec::Auto,
            ColumnCodec::Chain(_) => ColumnCodec::of(codec.compression()),
        };
        Self::of(vec![StreamKind::unsigned(width)], codec)
    }

    fn of(kinds: Vec<StreamKind>, codec: ColumnCodec) -> Self {
        // One compression for everything needs to know nothing of streams.
        let whole = kinds.len() > STREAMS_MAX || kinds.is_empty();
        let codec = if whole {
            ColumnCodec::of(codec.compression())
        } else {
            codec
        };
        let plan = match &codec {
            ColumnCodec::Auto => Vec::new(),
            ColumnCodec::Chain(_) => kinds
                .iter()
                .enumerate()
                .map(|(stream, kind)| {
                    let mut steps = codec.steps(*kind).unwrap_or_default();
                    if steps.is_empty() {
                        steps.push(Step::Compress(Compression::default()));
                    }
                    SectionPlan {
                        streams: stream..stream + 1,
                        steps,
                    }
                })
                .collect(),
        };
        Self {
            kinds,
            codec,
            plan,
            blocks: 0,
            used: Vec::new(),
            raw_bytes: 0,
        }
    }

    /// Appends `raw` as one frame. `ends` says where in it the streams of each granule end, one granule after the
    /// other, the first stream in it being number `first_stream`; the last one may be cut off.
    pub fn encode(
        &mut self,
        raw: &[u8],
        first_stream: usize,
        ends: &[usize],
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        self.raw_bytes += raw.len() as u64;
        if let Some(compression) = self.codec.only_compression() {
            return encode_frame(raw, compression, out);
        }
        let pieces = self.pieces(raw.len(), first_stream, ends);
        let (grouped, starts) = match pieces.as_slice() {
            [] => (raw.to_vec(), vec![0, raw.len()]),
            pieces => regroup(raw, pieces, self.kinds.len()),
        };
        let is_auto = self.codec == ColumnCodec::Auto;
        if is_auto && self.blocks.is_multiple_of(BLOCKS_PER_CHOICE) {
            self.plan = choose(&self.kinds, &grouped, &starts)?;
        }
        self.blocks += 1;
        let sections = match self.sections(&grouped, &starts)? {
            Some(sections) => sections,
            // What was chosen for another block does not suit this one.
            None if is_auto => {
                self.plan = choose(&self.kinds, &grouped, &starts)?;
                match self.sections(&grouped, &starts)? {
                    Some(sections) => sections,
                    None => return encode_frame(raw, Compression::default(), out),
                }
            }
            None => return encode_frame(raw, self.codec.compression(), out),
        };
        self.count_use(raw.len());
        if let ([], [section]) = (pieces.as_slice(), sections.as_slice())
            && let Some((method, payload)) = section.only_compressed()
        {
            return write_frame(raw, method, payload, out);
        }
        write_frame(raw, METHOD_PIPELINE, &encode_pipeline(&pieces, &sections), out)
    }

    /// None when there is one stream.
    fn pieces(&self, raw_len: usize, first_stream: usize, ends: &[usize]) -> Vec<Piece> {
        if self.kinds.len() == 1 {
            return Vec::new();
        }
        let mut start = 0;
        let mut pieces = Vec::with_capacity(ends.len() + 1);
        let last = ends.last().is_none_or(|end| *end < raw_len).then_some(raw_len);
        for (at, end) in ends.iter().copied().chain(last).enumerate() {
            pieces.push(Piece {
                stream: ((first_stream + at) % self.kinds.len()) as u8,
                len: end - start,
            });
            start = end;
        }
        pieces
    }

    fn sections(&self, grouped: &[u8], starts: &[usize]) -> Result<Option<Vec<Section>>, CodecError> {
        let mut out = Vec::with_capacity(self.plan.len());
        for plan in &self.plan {
            let bytes = &grouped[starts[plan.streams.start]..starts[plan.streams.end]];
            // Of lengths and text together, the lengths are numbers.
            let body = starts[plan.streams.start + 1] - starts[plan.streams.start];
            match Section::encode(bytes, body, &plan.steps)? {
                Some(section) => out.push(section),
                None => return Ok(None),
            }
        }
        Ok(Some(out))
    }

    fn count_use(&mut self, raw_bytes: usize) {
        match self.used.iter_mut().find(|(plan, _)| *plan == self.plan) {
            Some((_, bytes)) => *bytes += raw_bytes as u64,
            None => self.used.push((self.plan.clone(), raw_bytes as u64)),
        }
    }

    /// Bytes before all steps, so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// The codec as `CODEC(…)` would name it; of an automatic choice, the one that most bytes were written with.
    pub fn description(&self) -> String {
        if self.codec != ColumnCodec::Auto {
            return self.codec.to_string();
        }
        let Some((plan, _)) = self.used.iter().max_by_key(|(_, bytes)| *bytes) else {
            return Compression::None.to_string();
        };
        let sections: Vec<String> = plan
            .iter()
            .map(|section| {
                let steps: Vec<String> = section.steps.iter().map(ToString::to_string).collect();
                let steps = if steps.is_empty() {
                    Compression::None.to_string()
                } else {
                    steps.join(", ")
                };
                match (plan.len(), section.streams.len()) {
                    (1, _) => steps,
                    (_, 1) => format!("{}: {steps}", self.kinds[section.streams.start].name()),
                    _ => format!("strings: {steps}"),
                }
            })
            .collect();
        sections.join("; ")
    }
}

#[cfg(test)]
mod tests;
