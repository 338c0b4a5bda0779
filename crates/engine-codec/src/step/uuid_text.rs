//! Strings that are UUIDs in their usual text form (or empty) as 16 bytes each. Input as of a text dictionary.

use super::Coded;
use crate::bits::{read_len, write_varint};

const TEXT_BYTES: usize = 36;

/// Parameters: number of rows, of UUIDs. Output: the UUIDs as little-endian numbers (the body), and unless all rows are
/// UUIDs, one bit a row, lowest first: 1 = a UUID, 0 = empty.
pub(super) fn encode(input: &Coded, params: &mut Vec<u8>) -> Option<Coded> {
    if !input.body.is_multiple_of(4) {
        return None;
    }
    let (lengths, mut text) = input.bytes.split_at_checked(input.body)?;
    let rows = input.body / 4;
    let mut present = vec![0u8; rows.div_ceil(8)];
    let mut bytes = Vec::with_capacity(rows * 16);
    for (row, length) in lengths.as_chunks::<4>().0.iter().enumerate() {
        match u32::from_le_bytes(*length) as usize {
            0 => {}
            TEXT_BYTES => {
                let (value, rest) = text.split_first_chunk::<TEXT_BYTES>()?;
                text = rest;
                bytes.extend_from_slice(&parse(value)?.to_le_bytes());
                present[row / 8] |= 1 << (row % 8);
            }
            _ => return None,
        }
    }
    let body = bytes.len();
    if !text.is_empty() || body == 0 {
        return None;
    }
    write_varint(rows as u64, params);
    write_varint(body as u64 / 16, params);
    if body < rows * 16 {
        bytes.extend_from_slice(&present);
    }
    Some(Coded { bytes, body })
}

/// Only the one form that [`print`] makes.
fn parse(text: &[u8; TEXT_BYTES]) -> Option<u128> {
    let mut value = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = match (at, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u128::from(digit);
    }
    Some(value)
}

fn print(value: u128, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    /// Where the two digits of each byte stand.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; TEXT_BYTES];
    for (byte, place) in value.to_be_bytes().into_iter().zip(PLACES) {
        text[place] = DIGITS[usize::from(byte >> 4)];
        text[place + 1] = DIGITS[usize::from(byte & 15)];
    }
    out.extend_from_slice(&text);
}

pub(super) fn decode(mut params: &[u8], input: &[u8], len: usize) -> Option<Vec<u8>> {
    let rows = read_len(&mut params)?;
    let count = read_len(&mut params)?;
    if rows.checked_mul(4)?.checked_add(count.checked_mul(TEXT_BYTES)?)? != len {
        return None;
    }
    let (values, present) = input.split_at_checked(count.checked_mul(16)?)?;
    let mut out = Vec::with_capacity(len);
    let some = (TEXT_BYTES as u32).to_le_bytes();
    if count == rows {
        if !present.is_empty() {
            return None;
        }
        for _ in 0..rows {
            out.extend_from_slice(&some);
        }
    } else {
        if present.len() != rows.div_ceil(8) {
            return None;
        }
        for row in 0..rows {
            let is = present[row / 8] >> (row % 8) & 1 == 1;
            out.extend_from_slice(if is { &some } else { &[0; 4] });
        }
    }
    for value in values.as_chunks::<16>().0 {
        print(u128::from_le_bytes(*value), &mut out);
    }
    Some(out)
}
