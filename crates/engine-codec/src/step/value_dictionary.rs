//! Distinct numbers, sorted, and for each row which one, in as few bits as that takes.

use std::collections::HashMap;

use super::Width;
use crate::bits::{BitReader, BitWriter, read_len, width_of, write_varint};

/// More distinct numbers than this are no dictionary.
const VALUES_MAX: usize = 1 << 16;

/// Parameters: number of values. Output: the values, then the codes.
pub(super) fn encode(width: Width, body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<usize> {
    let rows = body.chunks_exact(width.bytes());
    let wide = |bytes: &[u8]| {
        let mut wide = [0; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        u128::from_le_bytes(wide)
    };
    // Half as many values as rows save nothing.
    let values_max = VALUES_MAX.min(rows.len() / 2 + 1);
    let mut codes: HashMap<u128, u64> = HashMap::new();
    for row in rows.clone() {
        codes.entry(wide(row)).or_insert(0);
        if codes.len() > values_max {
            return None;
        }
    }
    let mut values: Vec<u128> = codes.keys().copied().collect();
    values.sort_unstable();
    for (code, value) in values.iter().enumerate() {
        codes.insert(*value, code as u64);
        out.extend_from_slice(&value.to_le_bytes()[..width.bytes()]);
    }
    write_varint(values.len() as u64, params);
    let body = out.len();
    let bits = code_bits(values.len());
    let mut writer = BitWriter::new(out);
    for row in rows {
        writer.write(codes.get(&wide(row)).copied().unwrap_or(0), bits);
    }
    writer.finish();
    Some(body)
}

fn code_bits(values: usize) -> u32 {
    width_of(values.saturating_sub(1) as u64)
}

pub(super) fn decode(
    width: Width,
    mut params: &[u8],
    coded: &[u8],
    body: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let count = read_len(&mut params)?;
    let (values, codes) = coded.split_at_checked(count.checked_mul(width.bytes())?)?;
    let rows = body / width.bytes();
    let bits = code_bits(count);
    if codes.len() != (rows.checked_mul(bits as usize)?).div_ceil(8) {
        return None;
    }
    let mut reader = BitReader::new(codes);
    for _ in 0..rows {
        let at = reader.read(bits)? as usize * width.bytes();
        out.extend_from_slice(values.get(at..at + width.bytes())?);
    }
    Some(())
}
