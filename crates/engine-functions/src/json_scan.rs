//! Walking JSON text without building a tree: finding members, skipping values, checking and reprinting them.

use memchr::{memchr, memchr2};

use crate::text::write_f64;

/// Nesting deeper than this is refused, so that no text can exhaust the stack.
const DEPTH_MAX: usize = 1024;

/// What a value is, from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

pub(crate) fn kind(value: &[u8]) -> Option<Kind> {
    Some(match value.first()? {
        b'n' => Kind::Null,
        b't' | b'f' => Kind::Bool,
        b'"' => Kind::String,
        b'[' => Kind::Array,
        b'{' => Kind::Object,
        b'-' | b'0'..=b'9' => Kind::Number,
        _ => return None,
    })
}

#[inline]
fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Index after the closing quote of the string that opens at `at`; does not look inside.
#[inline]
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let found = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        from = found + 2;
    }
}

/// Index after the string at `at`, when it is valid: escapes, no control characters. UTF-8 is checked once a document.
fn check_string(text: &[u8], at: usize) -> Option<usize> {
    let end = string_end(text, at)?;
    let body = &text[at + 1..end - 1];
    // One pass without branches finds what needs a closer look.
    let suspicious = body
        .iter()
        .fold(0u8, |acc, &c| acc | u8::from(c < 0x20) | u8::from(c == b'\\'));
    if suspicious == 0 {
        return Some(end);
    }
    let mut i = 0;
    while i < body.len() {
        match body[i] {
            0..0x20 => return None,
            b'\\' => {
                i += match body.get(i + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => {
                        let unit = hex4(body, i + 2)?;
                        match unit {
                            0xD800..0xDC00 => {
                                if body.get(i + 6..i + 8)? != b"\\u"
                                    || !(0xDC00..0xE000).contains(&hex4(body, i + 8)?)
                                {
                                    return None;
                                }
                                12
                            }
                            0xDC00..0xE000 => return None,
                            _ => 6,
                        }
                    }
                    _ => return None,
                }
            }
            _ => i += 1,
        }
    }
    Some(end)
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?
        .iter()
        .try_fold(0, |n, c| Some(n << 4 | char::from(*c).to_digit(16)?))
}

/// Index after the number at `at`, by JSON's grammar.
fn check_number(text: &[u8], at: usize) -> Option<usize> {
    let digits = |mut i: usize| {
        while text.get(i).is_some_and(u8::is_ascii_digit) {
            i += 1;
        }
        i
    };
    let start = if text.get(at) == Some(&b'-') { at + 1 } else { at };
    let mut end = digits(start);
    if end == start || (text[start] == b'0' && end > start + 1) {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return None;
        }
        end = fraction;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return None;
        }
        end = exponent;
    }
    Some(end)
}

fn literal(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// Index after the value at `at`, the whole of it checked.
fn check_value(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    if depth > DEPTH_MAX {
        return None;
    }
    match text.get(at)? {
        b'"' => check_string(text, at),
        b'{' => members(text, at, depth, |_, _| true),
        b'[' => elements(text, at, depth, |_| true),
        b't' => literal(text, at, b"true"),
        b'f' => literal(text, at, b"false"),
        b'n' => literal(text, at, b"null"),
        _ => {
            let end = check_number(text, at)?;
            // A number that is too large for a double makes the document invalid, as in simdjson.
            let integer = !text[at..end].iter().any(|c| matches!(c, b'.' | b'e' | b'E'));
            if integer || float(&text[at..end]).is_finite() {
                Some(end)
            } else {
                None
            }
        }
    }
}

/// Walks the object at `at`, calling `each(key with quotes, value)`; stops early on `false` (then the end is unchecked).
fn members<'a>(
    text: &'a [u8],
    at: usize,
    depth: usize,
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> bool,
) -> Option<usize> {
    let mut i = skip_space(text, at + 1);
    if text.get(i) == Some(&b'}') {
        return Some(i + 1);
    }
    loop {
        if text.get(i) != Some(&b'"') {
            return None;
        }
        let key_end = check_string(text, i)?;
        let key = &text[i..key_end];
        i = skip_space(text, key_end);
        if text.get(i) != Some(&b':') {
            return None;
        }
        i = skip_space(text, i + 1);
        let value_end = check_value(text, i, depth + 1)?;
        let go_on = each(key, &text[i..value_end]);
        i = skip_space(text, value_end);
        match text.get(i)? {
            _ if !go_on => return Some(i),
            b',' => i = skip_space(text, i + 1),
            b'}' => return Some(i + 1),
            _ => return None,
        }
    }
}

fn elements<'a>(
    text: &'a [u8],
    at: usize,
    depth: usize,
    mut each: impl FnMut(&'a [u8]) -> bool,
) -> Option<usize> {
    let mut i = skip_space(text, at + 1);
    if text.get(i) == Some(&b']') {
        return Some(i + 1);
    }
    loop {
        let end = check_value(text, i, depth + 1)?;
        let go_on = each(&text[i..end]);
        i = skip_space(text, end);
        match text.get(i)? {
            _ if !go_on => return Some(i),
            b',' => i = skip_space(text, i + 1),
            b']' => return Some(i + 1),
            _ => return None,
        }
    }
}

/// The one value of a document, without the blanks around it; `None` when the text is no JSON document.
pub(crate) fn document(text: &[u8]) -> Option<&[u8]> {
    let start = skip_space(text, 0);
    let end = check_value(text, start, 0)?;
    if skip_space(text, end) != text.len() || std::str::from_utf8(text).is_err() {
        return None;
    }
    Some(&text[start..end])
}

/// Calls `each(key with quotes, value)` for the members of the object that the document is; answers whether it is one.
/// When it is not, some calls may have been made.
pub(crate) fn object<'a>(text: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) -> bool {
    let start = skip_space(text, 0);
    if text.get(start) != Some(&b'{') {
        return false;
    }
    let end = members(text, start, 0, |key, value| {
        each(key, value);
        true
    });
    end.is_some_and(|end| skip_space(text, end) == text.len()) && std::str::from_utf8(text).is_ok()
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a [u8]),
    /// From 1; negative from the end; 0 is nothing.
    Index(i64),
}

/// True when the quoted `key` of a document is `wanted`.
fn key_is(key: &[u8], wanted: &[u8]) -> bool {
    let body = &key[1..key.len() - 1];
    if memchr(b'\\', body).is_none() {
        return body == wanted;
    }
    let mut plain = Vec::with_capacity(body.len());
    unescape(body, &mut plain);
    plain == wanted
}

/// The member of an object that is known to be valid, found by skipping: nothing is checked again.
fn member<'a>(object: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut i = skip_space(object, 1);
    while object.get(i) == Some(&b'"') {
        let key_end = string_end(object, i)?;
        let found = key_is(&object[i..key_end], wanted);
        i = skip_space(object, key_end);
        i = skip_space(object, i + 1);
        let end = value_end(object, i)?;
        if found {
            return Some(&object[i..end]);
        }
        i = skip_space(object, end);
        i = skip_space(object, i + 1);
    }
    None
}

/// Index after the value at `at` of valid JSON.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut i = at;
            loop {
                match text.get(i)? {
                    b'"' => {
                        i = string_end(text, i)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    _ => {}
                }
                i += 1;
            }
        }
        _ => {
            let rest = &text[at..];
            let len = rest
                .iter()
                .position(|c| matches!(c, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            Some(at + len)
        }
    }
}

/// The members of a valid object, keys with their quotes, or the elements of a valid array with empty keys.
pub(crate) fn children(value: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut out = Vec::new();
    match kind(value) {
        Some(Kind::Object) => {
            members(value, 0, 0, |k, v| {
                out.push((k, v));
                true
            });
        }
        Some(Kind::Array) => {
            elements(value, 0, 0, |v| {
                out.push((&value[..0], v));
                true
            });
        }
        _ => {}
    }
    out
}

/// The value at the end of a path from a valid value.
pub(crate) fn descend<'a>(mut value: &'a [u8], path: &[Step<'_>]) -> Option<&'a [u8]> {
    for step in path {
        value = match step {
            Step::Key(key) if kind(value) == Some(Kind::Object) => member(value, key)?,
            Step::Key(_) => return None,
            Step::Index(index) => {
                let children = children(value);
                let at = match *index {
                    0 => return None,
                    i if i > 0 => usize::try_from(i - 1).ok()?,
                    i => children
                        .len()
                        .checked_sub(usize::try_from(i.unsigned_abs()).ok()?)?,
                };
                children.get(at)?.1
            }
        };
    }
    Some(value)
}

/// Finds a path in a document, checking the document on the way.
///
/// The hot case (one key of the top object) is a single pass: each member is checked once and remembered when it is the
/// one.
pub(crate) fn find<'a>(text: &'a [u8], path: &[Step<'_>]) -> Option<&'a [u8]> {
    let [Step::Key(wanted), rest @ ..] = path else {
        return descend(document(text)?, path);
    };
    // Most documents lack most keys. Without escapes a key is there only if its bytes are, and searching for them costs a
    // fiftieth of walking the document; whether the rest of it is valid makes no difference to what is absent.
    if memchr::memmem::find(text, wanted).is_none() && memchr(b'\\', text).is_none() {
        return None;
    }
    let start = skip_space(text, 0);
    if text.get(start) != Some(&b'{') {
        return None;
    }
    let mut found = None;
    let end = members(text, start, 0, |key, value| {
        if found.is_none() && key_is(key, wanted) {
            found = Some(value);
        }
        true
    })?;
    let found = found?;
    if skip_space(text, end) != text.len() || std::str::from_utf8(text).is_err() {
        return None;
    }
    descend(found, rest)
}

/// Appends the text of a string body (without quotes) whose escapes are valid.
pub(crate) fn unescape(body: &[u8], out: &mut Vec<u8>) {
    let mut rest = body;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (len, c) = match rest.get(at + 1) {
            Some(b'b') => (2, '\u{8}'),
            Some(b'f') => (2, '\u{c}'),
            Some(b'n') => (2, '\n'),
            Some(b'r') => (2, '\r'),
            Some(b't') => (2, '\t'),
            Some(b'u') => unicode(rest, at),
            Some(&other) => (2, char::from(other)),
            None => (1, '\\'),
        };
        let mut buffer = [0; 4];
        out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        rest = rest.get(at + len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn unicode(text: &[u8], at: usize) -> (usize, char) {
    let Some(unit) = hex4(text, at + 2) else {
        return (2, 'u');
    };
    if (0xD800..0xDC00).contains(&unit)
        && text.get(at + 6..at + 8) == Some(b"\\u")
        && let Some(low @ 0xDC00..0xE000) = hex4(text, at + 8)
    {
        let c = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return (12, char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    (6, char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Appends a string body as ClickHouse prints JSON: control characters and U+2028/9 escaped, the solidus not.
fn write_escaped(plain: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut i = 0;
    while i < plain.len() {
        match plain[i] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            c @ 0..0x20 => out.extend_from_slice(format!("\\u{c:04X}").as_bytes()),
            0xE2 if plain[i..].starts_with("\u{2028}".as_bytes()) => {
                out.extend_from_slice(b"\\u2028");
                i += 2;
            }
            0xE2 if plain[i..].starts_with("\u{2029}".as_bytes()) => {
                out.extend_from_slice(b"\\u2029");
                i += 2;
            }
            c => out.push(c),
        }
        i += 1;
    }
    out.push(b'"');
}

pub(crate) fn float(text: &[u8]) -> f64 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(f64::NAN)
}

/// A number by how JSON wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    UInt(u64),
    /// An integer beyond 64 bits.
    Big,
    Float(f64),
}

pub(crate) fn number(text: &[u8]) -> Number {
    if text.iter().any(|c| matches!(c, b'.' | b'e' | b'E')) {
        return Number::Float(float(text));
    }
    let parsed = std::str::from_utf8(text).unwrap_or_default();
    if let Ok(v) = parsed.parse() {
        return Number::Int(v);
    }
    parsed.parse().map_or(Number::Big, Number::UInt)
}

/// Appends a valid value printed again: compact, numbers in shortest form, strings re-escaped.
///
/// Integers beyond 64 bits keep their digits, in quotes.
pub(crate) fn reprint(value: &[u8], out: &mut Vec<u8>) {
    match kind(value) {
        Some(Kind::String) => {
            let body = &value[1..value.len() - 1];
            let verbatim = memchr(b'\\', body).is_none() && memchr(0xE2, body).is_none();
            if verbatim {
                out.extend_from_slice(value);
            } else {
                let mut plain = Vec::with_capacity(body.len());
                unescape(body, &mut plain);
                write_escaped(&plain, out);
            }
        }
        Some(Kind::Number) => match number(value) {
            Number::Int(0) => out.push(b'0'),
            Number::Int(_) | Number::UInt(_) => out.extend_from_slice(value),
            Number::Big => {
                out.push(b'"');
                out.extend_from_slice(value);
                out.push(b'"');
            }
            Number::Float(v) => write_f64(out, v),
        },
        Some(Kind::Array) => {
            out.push(b'[');
            for (i, (_, item)) in children(value).into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                reprint(item, out);
            }
            out.push(b']');
        }
        Some(Kind::Object) => {
            out.push(b'{');
            for (i, (key, item)) in children(value).into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                reprint(key, out);
                out.push(b':');
                reprint(item, out);
            }
            out.push(b'}');
        }
        Some(Kind::Null | Kind::Bool) | None => out.extend_from_slice(value),
    }
}

/// The slice of a member's value as `visitParamExtractRaw` gives it: found by its quoted name at any depth, the text
/// as it stands, nothing checked.
pub(crate) fn visit<'a>(text: &'a [u8], quoted_key: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(text, quoted_key)? + quoted_key.len();
    text.get(at..)
}

/// From the start of a value to its end, as `visitParamExtractRaw` finds it.
pub(crate) fn visit_raw(rest: &[u8]) -> &[u8] {
    let mut open: Vec<u8> = Vec::new();
    let mut i = 0;
    while i < rest.len() {
        match rest[i] {
            b'"' => {
                let Some(end) = string_end(rest, i) else {
                    return &[];
                };
                i = end;
                if open.is_empty() {
                    return &rest[..i];
                }
                continue;
            }
            c @ (b'{' | b'[') => open.push(if c == b'{' { b'}' } else { b']' }),
            b',' if open.is_empty() => return &rest[..i],
            c @ (b'}' | b']') => match open.pop() {
                None => return &rest[..i],
                Some(expected) if expected == c => {
                    if open.is_empty() {
                        return &rest[..=i];
                    }
                }
                Some(_) => return &[],
            },
            _ => {}
        }
        i += 1;
    }
    &[]
}
