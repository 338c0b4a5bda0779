//! `LZString.decompressFromBase64`, with a limit on what comes out.
//!
//! Every entry of the dictionary is a slice of the output: an entry is what was written last and the character after
//! it, which lie side by side there. So memory stays in proportion to the output, and the output is bounded.

use crate::error::CaptureError;

const UNDECODABLE: CaptureError = CaptureError::Undecodable { encoding: "lz64" };

/// Codes with a meaning of their own.
const NEW_BYTE: usize = 0;
const NEW_UNIT: usize = 1;
const END: usize = 2;

/// Bits, lowest first, of six-bit characters that are read highest first.
struct Bits<'a> {
    characters: std::slice::Iter<'a, u8>,
    current: u8,
    left: u8,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Option<usize> {
        let mut value = 0;
        for position in 0..count {
            if self.left == 0 {
                self.current = loop {
                    match six_bits(*self.characters.next()?) {
                        Character::Bits(bits) => break bits,
                        Character::Skipped => {}
                        Character::Foreign => return None,
                    }
                };
                self.left = 6;
            }
            self.left -= 1;
            value |= usize::from(self.current >> self.left & 1) << position;
        }
        Some(value)
    }
}

enum Character {
    Bits(u8),
    Skipped,
    Foreign,
}

fn six_bits(character: u8) -> Character {
    match character {
        b'A'..=b'Z' => Character::Bits(character - b'A'),
        b'a'..=b'z' => Character::Bits(character - b'a' + 26),
        b'0'..=b'9' => Character::Bits(character - b'0' + 52),
        // A space was a `+` before the form was decoded.
        b'+' | b' ' | b'-' => Character::Bits(62),
        b'/' | b'_' => Character::Bits(63),
        b'=' => Character::Bits(0),
        b'\r' | b'\n' | b'\t' => Character::Skipped,
        _ => Character::Foreign,
    }
}

pub(super) fn decompress(base64: &[u8], bytes_max: usize) -> Result<String, CaptureError> {
    let units = decompress_units(base64, bytes_max)?;
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if text.len() > bytes_max {
        Err(CaptureError::TooLarge { bytes_max })
    } else {
        Ok(text)
    }
}

fn decompress_units(base64: &[u8], units_max: usize) -> Result<Vec<u16>, CaptureError> {
    let mut bits = Bits {
        characters: base64.iter(),
        current: 0,
        left: 0,
    };
    let mut output: Vec<u16> = Vec::new();
    // (start, length) in the output; the first three codes stand for no entry.
    let mut entries: Vec<(usize, usize)> = vec![(0, 0); 3];
    let mut width = 2;
    let mut codes_until_wider = 1usize;
    // The entry written last.
    let mut last: Option<(usize, usize)> = None;
    loop {
        let mut code = bits.read(width).ok_or(UNDECODABLE)?;
        let start = output.len();
        if code == END {
            return Ok(output);
        }
        let mut unit = None;
        if code == NEW_BYTE || code == NEW_UNIT {
            let read = bits
                .read(if code == NEW_BYTE { 8 } else { 16 })
                .ok_or(UNDECODABLE)?;
            unit = Some(u16::try_from(read).map_err(|_| UNDECODABLE)?);
            code = entries.len();
            entries.push((start, 1));
            widen(&mut width, &mut codes_until_wider);
        }
        let length = match (unit, entries.get(code), last) {
            (Some(_), _, _) => 1,
            (None, Some(&(_, length)), _) => length,
            (None, None, Some((_, length))) if code == entries.len() => length + 1,
            (None, None, _) => return Err(UNDECODABLE),
        };
        if start + length > units_max {
            return Err(CaptureError::TooLarge { bytes_max: units_max });
        }
        match (unit, entries.get(code), last) {
            (Some(unit), _, _) => output.push(unit),
            (None, Some(&(from, length)), _) => output.extend_from_within(from..from + length),
            (None, None, Some((from, length))) => {
                output.extend_from_within(from..from + length);
                output.extend_from_within(from..=from);
            }
            (None, None, None) => return Err(UNDECODABLE),
        }
        if let Some((from, length)) = last {
            entries.push((from, length + 1));
            widen(&mut width, &mut codes_until_wider);
        } else {
            // The first character is alone: the codes are three bits wide from here on.
            width = 3;
            codes_until_wider = 4;
        }
        last = Some((start, length));
    }
}

/// Another code has been given away; when all of this width are, the next are one bit wider.
fn widen(width: &mut u32, codes_until_wider: &mut usize) {
    *codes_until_wider = codes_until_wider.saturating_sub(1);
    if *codes_until_wider == 0 {
        *codes_until_wider = 1 << *width;
        *width += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLENTY: usize = 1 << 20;

    #[test]
    fn stops_at_the_limit() {
        let packed = lz_str::compress_to_base64(&"a".repeat(100_000));
        assert!(packed.len() < 2000);
        assert_eq!(decompress(packed.as_bytes(), PLENTY).unwrap().len(), 100_000);
        assert_eq!(
            decompress(packed.as_bytes(), 99_999),
            Err(CaptureError::TooLarge { bytes_max: 99_999 })
        );
    }

    proptest! {
        #[test]
        fn reads_what_lz_string_writes(text in "\\PC{0,300}", repeat in 1usize..4) {
            let text = text.repeat(repeat);
            let packed = lz_str::compress_to_base64(&text);
            prop_assert_eq!(decompress(packed.as_bytes(), PLENTY).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decompress(&bytes, 10_000);
        }

        #[test]
        fn any_base64_is_read_or_refused(text in "[A-Za-z0-9+/]{0,400}") {
            let _ = decompress(text.as_bytes(), 10_000);
        }
    }
}
