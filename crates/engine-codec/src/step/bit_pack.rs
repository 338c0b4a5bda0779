//! Frame of reference: per piece the least number, and each number's distance from it in as many bits as the greatest
//! takes, after division by what divides all of them (milliseconds kept as microseconds).

use super::{Width, by_width, number, numbers, push_number};
use crate::bits::{BitReader, BitWriter, low_mask, read_varint, width_of, write_varint};

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

/// Each piece: bits 1, least number W, divisor as a varint, distances.
fn encode_wide<const W: usize>(signed: bool, body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let flip = sign_bit::<W>(signed);
    for piece in body.chunks(PIECE * W) {
        let (mut least, mut greatest) = (u64::MAX, 0);
        for value in numbers::<W>(piece) {
            least = least.min(value ^ flip);
            greatest = greatest.max(value ^ flip);
        }
        let mut divisor = 0;
        for value in numbers::<W>(piece) {
            divisor = common_divisor((value ^ flip) - least, divisor);
            if divisor == 1 {
                break;
            }
        }
        let divisor = divisor.max(1);
        let bits = width_of((greatest - least) / divisor);
        out.push(bits as u8);
        push_number::<W>(least, out);
        write_varint(divisor, out);
        let mut writer = BitWriter::new(out);
        if divisor == 1 {
            for value in numbers::<W>(piece) {
                writer.write((value ^ flip) - least, bits);
            }
        } else {
            for value in numbers::<W>(piece) {
                writer.write(((value ^ flip) - least) / divisor, bits);
            }
        }
        writer.finish();
    }
    Some(0)
}

/// The greatest number that divides both; of 0 and a number that number.
fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
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
        let (least, mut rest) = rest.split_first_chunk::<W>()?;
        let divisor = read_varint(&mut rest)?;
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
        let start = out.len();
        out.resize(start + count * W, 0);
        let room = &mut out[start..].as_chunks_mut::<W>().0[..];
        let undo = |distance: u64| least.wrapping_add(distance.wrapping_mul(divisor)) ^ flip;
        if bits <= 56 {
            let mask = low_mask(bits);
            for (at, slot) in room.iter_mut().enumerate() {
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
                slot.copy_from_slice(&undo((word >> (bit % 8)) & mask).to_le_bytes()[..W]);
            }
        } else {
            let mut reader = BitReader::new(rest);
            for slot in room {
                slot.copy_from_slice(&undo(reader.read(bits)?).to_le_bytes()[..W]);
            }
        }
        coded = &rest[packed..];
    }
    coded.is_empty().then_some(())
}
