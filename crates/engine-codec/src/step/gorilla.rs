//! Each number XORed with the one before; of what remains, only the bits between its leading and trailing zeros. For
//! floats that change little.

use super::{Width, by_width, numbers, push_number};
use crate::bits::{BitReader, BitWriter};

pub(super) fn encode(width: Width, body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    by_width!(width, encode_wide(body, out))
}

/// Codes: 0 = the same; 1 0 = changed bits lie where those before lay; 1 1 = 6 bits trailing zeros, 6 bits count - 1.
fn encode_wide<const W: usize>(body: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut writer = BitWriter::new(out);
    let mut before = 0;
    // Where changed bits lay last: trailing zeros, count.
    let mut window: Option<(u32, u32)> = None;
    for value in numbers::<W>(body) {
        let changed = value ^ before;
        before = value;
        if changed == 0 {
            writer.write(0, 1);
            continue;
        }
        let trailing = changed.trailing_zeros();
        let count = 64 - changed.leading_zeros() - trailing;
        match window {
            // A new window costs 12 bits; an old one that is much too wide costs more.
            Some((from, bits))
                if from <= trailing && trailing + count <= from + bits && bits < count + 12 =>
            {
                writer.write(0b01, 2);
                writer.write(changed >> from, bits);
            }
            _ => {
                writer.write(0b11, 2);
                writer.write(u64::from(trailing), 6);
                writer.write(u64::from(count - 1), 6);
                writer.write(changed >> trailing, count);
                window = Some((trailing, count));
            }
        }
    }
    writer.finish();
    Some(0)
}

pub(super) fn decode(width: Width, coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    by_width!(width, decode_wide(coded, body, out))
}

fn decode_wide<const W: usize>(coded: &[u8], body: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut reader = BitReader::new(coded);
    let mut value = 0u64;
    let mut window = None;
    for _ in 0..body / W {
        if reader.read(1)? == 1 {
            if reader.read(1)? == 1 {
                window = Some((reader.read(6)? as u32, reader.read(6)? as u32 + 1));
            }
            let (from, bits) = window?;
            if from + bits > 64 {
                return None;
            }
            value ^= reader.read(bits)? << from;
        }
        push_number::<W>(value, out);
    }
    Some(())
}
