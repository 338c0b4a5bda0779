//! Blocks of a column file that were read one after the other: their bytes, or their numbers in runs.

use engine_codec::{CodecError, FrameNumbers, NumberRuns, decode_frame, decode_frame_of_numbers};

/// More than any writer puts into a segment.
const RAW_LEN_MAX: usize = 2 << 30;

/// Content of some neighbouring blocks, in order.
#[derive(Debug)]
pub(super) struct DecodedBlocks {
    content: Content,
    /// Where each block starts in the file, and in the bytes of all.
    starts: Vec<(u64, usize)>,
    raw_len: usize,
}

#[derive(Debug)]
pub(super) enum Content {
    Raw(Vec<u8>),
    /// Of numbers of so many bytes.
    Runs(NumberRuns, usize),
}

impl DecodedBlocks {
    /// Decodes all of `frames`, the bytes of a file from `base` on; of a column that is one number of `number_width` bytes a
    /// row, if that is given. Shows the raw length of each block.
    pub fn read(
        frames: &[u8],
        base: u64,
        number_width: Option<usize>,
        mut show: impl FnMut(usize),
    ) -> Result<Self, CodecError> {
        let mut blocks = Self {
            content: match number_width {
                Some(width) => Content::Runs(NumberRuns::default(), width),
                None => Content::Raw(Vec::new()),
            },
            starts: Vec::new(),
            raw_len: 0,
        };
        let mut at = 0;
        while at < frames.len() {
            blocks.starts.push((base + at as u64, blocks.raw_len));
            let before = blocks.raw_len;
            at = blocks.add(frames, at)?;
            // Runs say much in few bytes: rows are counted in 32 bits.
            if blocks.raw_len > RAW_LEN_MAX {
                return Err(CodecError::Damaged {
                    what: "blocks",
                    offset: at,
                    problem: format!("more than {RAW_LEN_MAX} raw bytes"),
                });
            }
            show(blocks.raw_len - before);
        }
        Ok(blocks)
    }

    /// Where the next block starts.
    fn add(&mut self, frames: &[u8], at: usize) -> Result<usize, CodecError> {
        match &mut self.content {
            Content::Raw(raw) => {
                let (block, end) = decode_frame(frames, at)?;
                self.raw_len += block.len();
                if raw.is_empty() {
                    *raw = block;
                } else {
                    raw.extend_from_slice(&block);
                }
                Ok(end)
            }
            Content::Runs(runs, width) => {
                let (block, end) = decode_frame_of_numbers(frames, at, *width)?;
                match block {
                    FrameNumbers::Runs(more) => {
                        self.raw_len += more.rows() * *width;
                        runs.append(&more, *width);
                    }
                    // One block that is not in runs, and all are written out.
                    FrameNumbers::Raw(block) => {
                        self.raw_len += block.len();
                        let mut raw = runs.expand(*width);
                        raw.extend_from_slice(&block);
                        self.content = Content::Raw(raw);
                    }
                }
                Ok(end)
            }
        }
    }

    /// Where the block at `offset` of the file starts in the bytes of all; 0 for offsets at which none starts.
    pub fn start_of(&self, offset: u64) -> usize {
        let at = self.starts.binary_search_by_key(&offset, |(file, _)| *file).ok();
        at.and_then(|at| self.starts.get(at)).map_or(0, |(_, raw)| *raw)
    }

    pub fn content(&self) -> &Content {
        &self.content
    }
}
