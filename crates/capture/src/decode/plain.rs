//! Base64 as clients write it, and what surrounds a text.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Without spaces around it and without a byte order mark.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii()
}

/// `None` when a character is not of the alphabet. Both alphabets, with or without padding; a space was a `+` before a
/// form was decoded.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut clean = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => clean.push(byte),
            b' ' => clean.push(b'+'),
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            b'\r' | b'\n' | b'\t' => {}
            _ => return None,
        }
    }
    LENIENT.decode(&clean).ok()
}
