//! Strings as a dictionary and codes. The input is the lengths of all strings (4 bytes each, the body), then their bytes.

use std::collections::HashMap;

use super::Coded;
use crate::bits::{read_len, write_varint};

/// More distinct strings than this are no dictionary.
const VALUES_MAX: usize = 1 << 16;

/// Parameters: number of rows, of distinct strings. Output: for each row the number of its string (4 bytes each, the
/// body), in the order in which they first come; lengths of the strings as varints; their bytes.
pub(super) fn encode(input: &Coded, params: &mut Vec<u8>) -> Option<Coded> {
    if !input.body.is_multiple_of(4) {
        return None;
    }
    let (lengths, mut text) = input.bytes.split_at_checked(input.body)?;
    let rows = input.body / 4;
    let values_max = VALUES_MAX.min(rows * 3 / 4 + 1);
    let mut codes: HashMap<&[u8], u32> = HashMap::new();
    let mut bytes = Vec::with_capacity(input.body);
    let (mut value_lengths, mut value_bytes) = (Vec::new(), Vec::new());
    for length in lengths.as_chunks::<4>().0 {
        let (value, rest) = text.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        text = rest;
        let next = codes.len() as u32;
        let code = *codes.entry(value).or_insert_with(|| {
            write_varint(value.len() as u64, &mut value_lengths);
            value_bytes.extend_from_slice(value);
            next
        });
        if codes.len() > values_max {
            return None;
        }
        bytes.extend_from_slice(&code.to_le_bytes());
    }
    if !text.is_empty() {
        return None;
    }
    write_varint(rows as u64, params);
    write_varint(codes.len() as u64, params);
    bytes.extend_from_slice(&value_lengths);
    bytes.extend_from_slice(&value_bytes);
    Some(Coded {
        bytes,
        body: rows * 4,
    })
}

pub(super) fn decode(mut params: &[u8], input: &[u8], len: usize) -> Option<Vec<u8>> {
    let rows = read_len(&mut params)?;
    let count = read_len(&mut params)?;
    let (codes, mut rest) = input.split_at_checked(rows.checked_mul(4)?)?;
    let codes = codes.as_chunks::<4>().0;
    if count > rest.len() {
        return None;
    }
    let mut values: Vec<&[u8]> = Vec::with_capacity(count);
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push(read_len(&mut rest)?);
    }
    for length in lengths {
        let (value, behind) = rest.split_at_checked(length)?;
        values.push(value);
        rest = behind;
    }
    if !rest.is_empty() {
        return None;
    }
    let value_of = |code: &[u8; 4]| values.get(u32::from_le_bytes(*code) as usize).copied();
    let mut out = Vec::with_capacity(len);
    let mut total = rows.checked_mul(4)?;
    for code in codes {
        let length = value_of(code)?.len();
        total = total.checked_add(length)?;
        out.extend_from_slice(&(length as u32).to_le_bytes());
    }
    // Codes of long strings would make more bytes than there is room for.
    if total != len {
        return None;
    }
    for code in codes {
        out.extend_from_slice(value_of(code)?);
    }
    Some(out)
}
