//! Bits to bytes and back, least significant first.

/// Appends bits to a vector of bytes.
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u128,
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            count: 0,
        }
    }

    /// The low `bits` of `value`, at most 64; those above must be 0.
    pub fn write(&mut self, value: u64, bits: u32) {
        self.pending |= u128::from(value) << self.count;
        self.count += bits;
        if self.count >= 64 {
            self.out.extend_from_slice(&(self.pending as u64).to_le_bytes());
            self.pending >>= 64;
            self.count -= 64;
        }
    }

    /// Elias gamma: as many zeros as the number has bits after its first, then the number; at least 1.
    pub fn write_gamma(&mut self, value: u64) {
        let after = 63 - value.leading_zeros();
        self.write(0, after);
        self.write(1, 1);
        self.write(value & low_mask(after), after);
    }

    /// Fills the last byte with zeros.
    pub fn finish(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.pending.to_le_bytes()[..bytes]);
    }
}

/// Reads what [`BitWriter`] wrote; `None` past the end.
#[derive(Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Goes to a bit.
    pub fn at(bytes: &'a [u8], bit: usize) -> Self {
        Self { bytes, at: bit }
    }

    /// At most 64 bits.
    pub fn read(&mut self, bits: u32) -> Option<u64> {
        let end = self.at + bits as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let (byte, shift) = (self.at / 8, self.at % 8);
        self.at = end;
        let rest = &self.bytes[byte..];
        let word = match rest.first_chunk::<16>() {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => {
                let mut chunk = [0; 16];
                chunk[..rest.len()].copy_from_slice(rest);
                u128::from_le_bytes(chunk)
            }
        };
        Some((word >> shift) as u64 & low_mask(bits))
    }

    /// Undoes [`BitWriter::write_gamma`].
    pub fn read_gamma(&mut self) -> Option<u64> {
        let mut after = 0;
        while self.read(1)? == 0 {
            after += 1;
            if after > 63 {
                return None;
            }
        }
        Some(1 << after | self.read(after)?)
    }
}

/// `bits` ones, at most 64.
pub(crate) fn low_mask(bits: u32) -> u64 {
    u64::MAX.checked_shr(64 - bits).unwrap_or(0)
}

/// Bits that the number needs; 0 for 0.
pub fn width_of(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Seven bits a byte, the low ones first; the top bit says that more follow.
pub(crate) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Undoes [`write_varint`], moving `bytes` behind it.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A varint that is a size in memory.
pub(crate) fn read_len(bytes: &mut &[u8]) -> Option<usize> {
    read_varint(bytes).and_then(|v| usize::try_from(v).ok())
}
