//! Texts with U+0000, which no Postgres text can hold, are stored with a stand-in.

use std::borrow::Cow;

/// A noncharacter: never part of text that is meant to be exchanged, but valid UTF-8.
pub(crate) const NUL: char = '\u{10FFFF}';

pub(crate) fn to_stored(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', NUL.encode_utf8(&mut [0; 4])))
    } else {
        Cow::Borrowed(text)
    }
}

pub(crate) fn from_stored(text: String) -> String {
    if text.contains(NUL) {
        text.replace(NUL, "\0")
    } else {
        text
    }
}
