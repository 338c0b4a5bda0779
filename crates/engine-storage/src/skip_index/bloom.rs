//! Bloom filters over 64-bit hashes.

use engine_codec::{ByteReader, CodecError};

/// More would cost more than they save.
const HASHES_MAX: u8 = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bloom {
    hashes: u8,
    bits: Vec<u8>,
}

impl Bloom {
    /// Of at least this many bytes.
    pub fn new(bytes: usize, hashes: usize) -> Self {
        Self {
            hashes: u8::try_from(hashes).unwrap_or(HASHES_MAX).clamp(1, HASHES_MAX),
            bits: vec![0; bytes.max(1)],
        }
    }

    /// Sized for `values` values, each of another that passes with this probability.
    pub fn sized(values: usize, false_positive: f64) -> Self {
        let p = false_positive.clamp(0.000_001, 0.999);
        let ln2 = std::f64::consts::LN_2;
        let bits = (-(values as f64) * p.ln() / (ln2 * ln2)).ceil();
        let hashes = (-p.ln() / ln2).round().max(1.0);
        Self::new(((bits / 8.0).ceil() as usize).max(8), hashes as usize)
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        let bits = self.bits.len() as u64 * 8;
        let step = hash.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..u64::from(self.hashes)).map(move |i| {
            // The high half of the product spreads over any number of bits.
            let mixed = hash.wrapping_add(step.wrapping_mul(i));
            ((u128::from(mixed) * u128::from(bits)) >> 64) as usize
        })
    }

    pub fn add(&mut self, hash: u64) {
        let places: Vec<usize> = self.places(hash).collect();
        for at in places {
            self.bits[at / 8] |= 1 << (at % 8);
        }
    }

    pub fn may_have(&self, hash: u64) -> bool {
        self.places(hash).all(|at| {
            self.bits
                .get(at / 8)
                .is_none_or(|byte| byte & (1 << (at % 8)) != 0)
        })
    }

    pub fn byte_size(&self) -> usize {
        self.bits.len()
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.hashes);
        out.extend_from_slice(&(self.bits.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.bits);
    }

    pub fn decode(reader: &mut ByteReader<'_>) -> Result<Self, CodecError> {
        let what = "bloom filter";
        let hashes = reader.u8(what)?;
        let bits = reader.bytes(what)?.to_vec();
        if hashes == 0 || hashes > HASHES_MAX || bits.is_empty() {
            return Err(reader.damaged(what, "no bits, or a number of hashes that is never used"));
        }
        Ok(Self { hashes, bits })
    }
}
