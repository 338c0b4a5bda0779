//! Frame of reference: per piece the least number, and each number's distance from it in as many bits as the greatest.

use super::{Width, by_width, number, numbers, push_number};
use crate::bits::{BitReader, BitWriter, low_mask, width_of};

/// Numbers that share a reference.
const PIECE: usize = 1024;

pub(super) fn encode(
    width: Width,
    signed: bool,
    body: &[u8],
    params: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Option<usize> {
    params.push(u8::from(signed));
    by_width!(width, encode_wide(signed, body, out))
}

/// What makes the order of signed numbers that of unsigned ones.
fn sign_bit<const W: usize>(signed: bool) -> u64 {
    if signed { 1 << (W * 8 - 1) } else { 0 }
}

/// Each piece: bits 1, least number W, distances.
fn encode_wide<const W: usize>(signed: bool, body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let flip = sign_bit::<W>(signed);
    for piece in body.chunks(PIECE * W) {
        let (mut least, mut greatest) = (u64::MAX, 0);
        for value in numbers::<W>(piece) {
            least = least.min(value ^ flip);
            greatest = greatest.max(value ^ flip);
        }
        let bits = width_of(greatest.wrapping_sub(least));
        out.push(bits as u8);
        push_number::<W>(least, out);
        let mut writer = BitWriter::new(out);
        for value in numbers::<W>(piece) {
            writer.write((value ^ flip) - least, bits);
        }
        writer.finish();
    }
    Some(0)
}

pub(super) fn decode(
    width: Width,
    params: &[u8],
    coded: &[u8],
    body: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let signed = match params {
        [0] => false,
        [1] => true,
        _ => return None,
    };
    by_width!(width, decode_wide(signed, coded, body, out))
}

fn decode_wide<const W: usize>(signed: bool, mut coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    let flip = sign_bit::<W>(signed);
    let mut left = body / W;
    while left > 0 {
        let (bits, rest) = coded.split_first()?;
        let bits = u32::from(*bits);
        let (least, rest) = rest.split_first_chunk::<W>()?;
        if bits > W as u32 * 8 {
            return None;
        }
        let least = number(least);
        let count = left.min(PIECE);
        left -= count;
        let packed = (count * bits as usize).div_ceil(8);
        if rest.len() < packed {
            return None;
        }
        // What stands behind the piece lets the fast way read whole words.
        let mut push = |distance: u64| push_number::<W>(least.wrapping_add(distance) ^ flip, out);
        if bits <= 56 {
            let mask = low_mask(bits);
            for at in 0..count {
                let bit = at * bits as usize;
                let tail = &rest[bit / 8..];
                let word = match tail.first_chunk::<8>() {
                    Some(chunk) => u64::from_le_bytes(*chunk),
                    None => {
                        let mut chunk = [0; 8];
                        chunk[..tail.len()].copy_from_slice(tail);
                        u64::from_le_bytes(chunk)
                    }
                };
                push((word >> (bit % 8)) & mask);
            }
        } else {
            let mut reader = BitReader::new(rest);
            for _ in 0..count {
                push(reader.read(bits)?);
            }
        }
        coded = &rest[packed..];
    }
    coded.is_empty().then_some(())
}
