//! Members of JSON objects, for whoever keeps them apart from their text. What is found here is what the `JSONExtract…`
//! functions find.

use std::borrow::Cow;

use memchr::memchr;

use crate::json_scan::{Step, find, object, unescape};

/// A member as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonMember<'a> {
    /// The key with its quotes and escapes.
    quoted: &'a [u8],
    /// The bytes of the value, no blanks around them.
    pub value: &'a [u8],
}

impl<'a> JsonMember<'a> {
    /// The key as paths name it.
    pub fn key(&self) -> Cow<'a, [u8]> {
        let body = &self.quoted[1..self.quoted.len() - 1];
        if memchr(b'\\', body).is_none() {
            return Cow::Borrowed(body);
        }
        let mut plain = Vec::with_capacity(body.len());
        unescape(body, &mut plain);
        Cow::Owned(plain)
    }
}

/// Puts the members of the object that `text` is into `out`, in order, equal keys and all; answers false, with `out`
/// empty, when `text` is anything else than one valid object.
///
/// Of members with equal keys the first is the one that functions find.
pub fn json_members<'a>(text: &'a [u8], out: &mut Vec<JsonMember<'a>>) -> bool {
    out.clear();
    let is_object = object(text, |quoted, value| out.push(JsonMember { quoted, value }));
    if !is_object {
        out.clear();
    }
    is_object
}

/// The value of a member of the object that `text` is; `None` also when `text` is no valid JSON.
pub fn json_member<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    find(text, &[Step::Key(key)])
}

/// Functions of a JSON text and a path. Where the path begins with a key, `f(text, key, …)` equals `f(value, …)` for
/// the value of that member, and for '' when there is none.
pub const JSON_PATH_FUNCTIONS: [&str; 14] = [
    "JSONExtract",
    "JSONExtractArrayRaw",
    "JSONExtractBool",
    "JSONExtractFloat",
    "JSONExtractInt",
    "JSONExtractKeys",
    "JSONExtractKeysAndValues",
    "JSONExtractKeysAndValuesRaw",
    "JSONExtractRaw",
    "JSONExtractString",
    "JSONExtractUInt",
    "JSONHas",
    "JSONLength",
    "JSONType",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_that_functions_find() {
        let text = br#" {"a": 1, "b\u0061":[ 2 ], "a":"second", "":null} "#;
        let mut members = Vec::new();
        assert!(json_members(text, &mut members));
        let found: Vec<(Vec<u8>, &[u8])> = members.iter().map(|m| (m.key().into_owned(), m.value)).collect();
        let expected: Vec<(Vec<u8>, &[u8])> = vec![
            (b"a".to_vec(), b"1"),
            (b"ba".to_vec(), b"[ 2 ]"),
            (b"a".to_vec(), b"\"second\""),
            (Vec::new(), b"null"),
        ];
        assert_eq!(found, expected);
        assert_eq!(json_member(text, b"a"), Some(&b"1"[..]));
        assert_eq!(json_member(text, b"ba"), Some(&b"[ 2 ]"[..]));
        assert_eq!(json_member(text, b""), Some(&b"null"[..]));
        assert_eq!(json_member(text, b"c"), None);
    }

    #[test]
    fn other_texts_have_no_members() {
        let mut members = Vec::new();
        for text in [
            &b""[..],
            b"[]",
            b"1",
            b"{\"a\":1",
            b"{\"a\":1}x",
            b"{\"a\":1e999}",
            b"{\"a\":\"\xff\"}",
        ] {
            assert!(!json_members(text, &mut members));
            assert!(members.is_empty());
            assert_eq!(json_member(text, b"a"), None);
        }
    }
}
