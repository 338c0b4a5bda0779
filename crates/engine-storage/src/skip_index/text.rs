//! Texts cut into words and into runs of bytes.

use engine_codec::hash64;

/// Whether a byte belongs to a word: ASCII letters and digits, and everything beyond ASCII.
fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The words of a text.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !in_word(*byte)).filter(|word| !word.is_empty())
}

/// All runs of `n` bytes.
pub fn ngrams(text: &[u8], n: usize) -> impl Iterator<Item = &[u8]> {
    text.windows(n.max(1))
}

/// Hash of a word or run as filters with this seed keep it.
pub fn token_hash(token: &[u8], seed: u64) -> u64 {
    hash64(token) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
