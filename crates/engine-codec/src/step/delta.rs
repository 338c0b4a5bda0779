//! Differences of neighbours. The first value is a parameter, so that it does not stand out among them.

use super::{Width, by_width, number, numbers, push_number};

pub(super) fn encode(width: Width, body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<usize> {
    by_width!(width, encode_wide(body, params, out))
}

fn encode_wide<const W: usize>(body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<usize> {
    let mut before = body.first_chunk::<W>().map_or(0, number);
    push_number::<W>(before, params);
    for value in numbers::<W>(body) {
        push_number::<W>(value.wrapping_sub(before), out);
        before = value;
    }
    Some(out.len())
}

pub(super) fn decode(
    width: Width,
    params: &[u8],
    coded: &[u8],
    body: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    by_width!(width, decode_wide(params, coded, body, out))
}

fn decode_wide<const W: usize>(params: &[u8], coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    if coded.len() != body {
        return None;
    }
    let mut value = number(params.first_chunk::<W>()?);
    for difference in numbers::<W>(coded) {
        value = value.wrapping_add(difference);
        push_number::<W>(value, out);
    }
    Some(())
}
