//! Blocks of 64 numbers as a matrix of bits, turned over; high bits that all numbers of a piece share are written once.

use super::{Width, by_width, number, numbers, push_number};

/// Numbers that share their high bits.
const PIECE: usize = 1024;

pub(super) fn encode(width: Width, body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    by_width!(width, encode_wide(body, out))
}

/// Each piece: number of low bits that differ 1, its first number W, then for each 64 numbers that many words.
fn encode_wide<const W: usize>(body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    for piece in body.chunks(PIECE * W) {
        let first = number(piece.first_chunk::<W>()?);
        let differing = numbers::<W>(piece).fold(0, |all, v| all | (v ^ first));
        let bits = 64 - differing.leading_zeros();
        out.push(bits as u8);
        push_number::<W>(first, out);
        for block in piece.chunks(64 * W) {
            let mut matrix = [0u64; 64];
            for (row, value) in matrix.iter_mut().zip(numbers::<W>(block)) {
                *row = value;
            }
            transpose(&mut matrix);
            let bytes = (block.len() / W).div_ceil(8);
            for word in &matrix[..bits as usize] {
                out.extend_from_slice(&word.to_le_bytes()[..bytes]);
            }
        }
    }
    Some(0)
}

pub(super) fn decode(width: Width, coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    by_width!(width, decode_wide(coded, body, out))
}

fn decode_wide<const W: usize>(mut coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut left = body / W;
    while left > 0 {
        let (bits, rest) = coded.split_first()?;
        let bits = usize::from(*bits);
        let (first, rest) = rest.split_first_chunk::<W>()?;
        coded = rest;
        if bits > W * 8 {
            return None;
        }
        let high = number(first) & !crate::bits::low_mask(bits as u32);
        let mut piece = left.min(PIECE);
        left -= piece;
        while piece > 0 {
            let count = piece.min(64);
            piece -= count;
            let mut matrix = [0u64; 64];
            for word in &mut matrix[..bits] {
                let (bytes, rest) = coded.split_at_checked(count.div_ceil(8))?;
                coded = rest;
                let mut wide = [0; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_le_bytes(wide);
            }
            transpose(&mut matrix);
            for value in &matrix[..count] {
                push_number::<W>(value | high, out);
            }
        }
    }
    coded.is_empty().then_some(())
}

/// Bit `b` of row `r` becomes bit `r` of row `b`.
fn transpose(matrix: &mut [u64; 64]) {
    let mut half = 32;
    let mut mask = 0xFFFF_FFFFu64;
    while half > 0 {
        let mut row = 0;
        while row < 64 {
            let swapped = ((matrix[row] >> half) ^ matrix[row + half]) & mask;
            matrix[row] ^= swapped << half;
            matrix[row + half] ^= swapped;
            row = (row + half + 1) & !half;
        }
        half /= 2;
        mask ^= mask << half;
    }
}
