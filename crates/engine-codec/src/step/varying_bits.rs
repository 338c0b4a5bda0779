//! Numbers of 16 bytes without the bits that are the same in all of a piece. A UUID has a fixed version and variant, and
//! one that starts with a time shares its high bits with its neighbours.

use super::Width;
use crate::bits::{BitReader, BitWriter};

/// Numbers that share their constant bits.
const PIECE: usize = 1024;

/// Each piece: bits that vary 16, a number with the others 16, then the varying bits of each number, lowest first.
pub(super) fn encode(body: &[u8], out: &mut Vec<u8>) -> usize {
    for piece in body.chunks(PIECE * 16) {
        let numbers = || piece.as_chunks::<16>().0.iter().map(|c| u128::from_le_bytes(*c));
        let first = numbers().next().unwrap_or(0);
        let varying = numbers().fold(0, |all, v| all | (v ^ first));
        out.extend_from_slice(&varying.to_le_bytes());
        out.extend_from_slice(&(first & !varying).to_le_bytes());
        let fields = fields(varying);
        let mut writer = BitWriter::new(out);
        for value in numbers() {
            for (from, bits) in &fields {
                writer.write((value >> from) as u64 & crate::bits::low_mask(*bits), *bits);
            }
        }
        writer.finish();
    }
    0
}

/// Runs of ones: first bit and number of bits, at most 64.
fn fields(mask: u128) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for bit in 0..128 {
        if mask >> bit & 1 == 0 {
            continue;
        }
        match out.last_mut() {
            Some((from, bits)) if *from + *bits == bit && *bits < 64 => *bits += 1,
            _ => out.push((bit, 1)),
        }
    }
    out
}

pub(super) fn decode(width: Width, mut coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    if width != Width::W16 {
        return None;
    }
    let mut left = body / 16;
    while left > 0 {
        let (varying, rest) = coded.split_first_chunk::<16>()?;
        let (constant, rest) = rest.split_first_chunk::<16>()?;
        let varying = u128::from_le_bytes(*varying);
        let constant = u128::from_le_bytes(*constant);
        let fields = fields(varying);
        let count = left.min(PIECE);
        left -= count;
        let packed = (count * varying.count_ones() as usize).div_ceil(8);
        let (packed, rest) = rest.split_at_checked(packed)?;
        coded = rest;
        let mut reader = BitReader::new(packed);
        for _ in 0..count {
            let mut value = constant;
            for (from, bits) in &fields {
                value |= u128::from(reader.read(*bits)?) << from;
            }
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    coded.is_empty().then_some(())
}
