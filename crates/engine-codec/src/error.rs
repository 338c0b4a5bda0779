//! What is wrong with bytes that do not decode, and where.

/// Offsets count from the start of the byte slice given to the decoder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("{what} is cut off at offset {offset}: {needed} bytes needed, {left} left")]
    CutOff {
        what: &'static str,
        offset: usize,
        needed: usize,
        left: usize,
    },
    #[error("{what} at offset {offset} is damaged: {problem}")]
    Damaged {
        what: &'static str,
        offset: usize,
        problem: String,
    },
    #[error("checksum of the block at offset {offset} is {found:#034x}, its header says {expected:#034x}")]
    Checksum {
        offset: usize,
        expected: u128,
        found: u128,
    },
    #[error("a column in memory does not have the form of type {ty}")]
    Form { ty: String },
    #[error("cannot compress: {0}")]
    Compress(String),
}
