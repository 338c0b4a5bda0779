//! Hashes of keys inside one query. Not stable between versions; never stored.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const PRIME: u64 = 0xff51_afd7_ed55_8ccd;

/// Folded multiply: both halves of the 128-bit product take part, so that low and high bits are both usable.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
pub(crate) fn hash_u64(key: u64) -> u64 {
    fold(key ^ SEED, PRIME)
}

#[inline]
pub(crate) fn hash_u128(key: u128) -> u64 {
    fold((key as u64) ^ SEED, ((key >> 64) as u64) ^ PRIME).wrapping_mul(PRIME)
}

#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ (bytes.len() as u64);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), PRIME);
    }
    let mut last = [0u8; 8];
    last[..tail.len()].copy_from_slice(tail);
    fold(state ^ u64::from_le_bytes(last), PRIME ^ SEED)
}
