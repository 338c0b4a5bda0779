//! Differences of differences, in codes of growing width as in Facebook's Gorilla paper. A run of zeros is one code,
//! so that a regular clock costs next to nothing.

use super::{Width, by_width, number, numbers, push_number};
use crate::bits::{BitReader, BitWriter, low_mask};

/// Bits of a difference behind 1, 2, 3, 4 leading ones and a zero; behind five ones stands the whole number.
const WIDTHS: [u32; 4] = [7, 9, 12, 32];

pub(super) fn encode(width: Width, body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<usize> {
    by_width!(width, encode_wide(body, params, out))
}

fn encode_wide<const W: usize>(body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<usize> {
    let bits = W as u32 * 8;
    let mut before = body.first_chunk::<W>().map_or(0, number);
    let second = body.get(W..).and_then(|b| b.first_chunk::<W>()).map_or(0, number);
    let mut step = second.wrapping_sub(before) & low_mask(bits);
    push_number::<W>(before, params);
    push_number::<W>(step, params);
    let mut writer = BitWriter::new(out);
    let mut zeros = 0u64;
    for value in numbers::<W>(body).skip(1) {
        let next = value.wrapping_sub(before) & low_mask(bits);
        let change = next.wrapping_sub(step) & low_mask(bits);
        (before, step) = (value, next);
        if change == 0 {
            zeros += 1;
            continue;
        }
        write_zeros(&mut writer, &mut zeros);
        let signed = sign_extended(change, bits);
        match WIDTHS.iter().position(|w| *w < bits && fits(signed, *w)) {
            Some(class) => {
                write_class(&mut writer, class as u32);
                writer.write(change & low_mask(WIDTHS[class]), WIDTHS[class]);
            }
            None => {
                writer.write(0b1_1111, 5);
                writer.write(change, bits);
            }
        }
    }
    write_zeros(&mut writer, &mut zeros);
    writer.finish();
    Some(0)
}

/// `class + 1` ones and a zero.
fn write_class(writer: &mut BitWriter<'_>, class: u32) {
    writer.write(low_mask(class + 1), class + 2);
}

fn write_zeros(writer: &mut BitWriter<'_>, zeros: &mut u64) {
    if *zeros > 0 {
        writer.write(0, 1);
        writer.write_gamma(*zeros);
        *zeros = 0;
    }
}

fn sign_extended(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}

fn fits(value: i64, bits: u32) -> bool {
    (-(1i64 << (bits - 1))..1i64 << (bits - 1)).contains(&value)
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
    let bits = W as u32 * 8;
    let count = body / W;
    if count == 0 {
        return Some(());
    }
    let mut value = number(params.first_chunk::<W>()?);
    let mut step = number(params.get(W..)?.first_chunk::<W>()?);
    push_number::<W>(value, out);
    let mut reader = BitReader::new(coded);
    let mut left = count - 1;
    while left > 0 {
        let mut ones = 0;
        while ones < 5 && reader.read(1)? == 1 {
            ones += 1;
        }
        let (times, change) = match ones {
            0 => (usize::try_from(reader.read_gamma()?).ok()?, 0),
            5 => (1, reader.read(bits)?),
            class => {
                let width = WIDTHS[class - 1];
                (1, sign_extended(reader.read(width)?, width) as u64)
            }
        };
        left = left.checked_sub(times)?;
        for _ in 0..times {
            step = step.wrapping_add(change);
            value = value.wrapping_add(step);
            push_number::<W>(value, out);
        }
    }
    Some(())
}
