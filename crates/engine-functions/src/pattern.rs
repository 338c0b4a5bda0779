//! Regular expressions and LIKE patterns, compiled once per distinct pattern of a block.

use std::collections::HashMap;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use crate::FunctionError;
use crate::error::CANNOT_COMPILE_REGEXP;

/// Patterns larger than this when compiled are refused.
const COMPILED_BYTES_MAX: usize = 32 << 20;

/// `pattern` as RE2 reads it: unanchored, `.` matches newlines too, case by case.
pub(crate) fn compile(pattern: &[u8], case_free: bool) -> Result<Regex, FunctionError> {
    let refuse = |reason: String| {
        FunctionError::new(
            CANNOT_COMPILE_REGEXP,
            format!(
                "OptimizedRegularExpression: cannot compile re2: {}, error: {reason}",
                String::from_utf8_lossy(pattern)
            ),
        )
    };
    let text = std::str::from_utf8(pattern).map_err(|e| refuse(e.to_string()))?;
    RegexBuilder::new(text)
        .dot_matches_new_line(true)
        .case_insensitive(case_free)
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|e| refuse(e.to_string()))
}

/// The regular expression of a LIKE pattern: `%` any run, `_` one character, `\` takes the next of these literally.
pub(crate) fn like_to_regex(pattern: &[u8]) -> Result<Vec<u8>, FunctionError> {
    let mut out = b"^".to_vec();
    let mut i = 0;
    while i < pattern.len() {
        match pattern[i] {
            b'%' => out.extend_from_slice(b".*"),
            b'_' => out.push(b'.'),
            b'\\' => {
                let Some(&next) = pattern.get(i + 1) else {
                    return Err(FunctionError::new(
                        25,
                        format!(
                            "Invalid escape sequence at the end of LIKE pattern '{}'",
                            String::from_utf8_lossy(pattern)
                        ),
                    ));
                };
                if matches!(next, b'%' | b'_' | b'\\') {
                    push_literal(&mut out, next);
                    i += 1;
                } else {
                    push_literal(&mut out, b'\\');
                }
            }
            c => push_literal(&mut out, c),
        }
        i += 1;
    }
    out.push(b'$');
    Ok(out)
}

fn push_literal(out: &mut Vec<u8>, c: u8) {
    if c.is_ascii_punctuation() {
        out.push(b'\\');
    }
    out.push(c);
}

/// A LIKE pattern; the simple shapes need no regular expression.
pub(crate) enum Like {
    Equal(Vec<u8>),
    StartsWith(Vec<u8>),
    EndsWith(Vec<u8>),
    Contains(Box<memchr::memmem::Finder<'static>>),
    Any,
    Regex(Regex),
}

impl Like {
    pub(crate) fn new(pattern: &[u8], case_free: bool) -> Result<Self, FunctionError> {
        let regex = like_to_regex(pattern)?;
        let plain = |part: &[u8]| !part.iter().any(|c| matches!(c, b'%' | b'_' | b'\\'));
        if case_free || std::str::from_utf8(pattern).is_err() {
            return compile(&regex, case_free).map(Self::Regex);
        }
        let (lead, rest) = match pattern.strip_prefix(b"%") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (tail, body) = match rest.strip_suffix(b"%") {
            Some(body) => (true, body),
            None => (false, rest),
        };
        if !plain(body) {
            return compile(&regex, false).map(Self::Regex);
        }
        Ok(match (lead, tail) {
            (false, false) => Self::Equal(body.to_vec()),
            (false, true) => Self::StartsWith(body.to_vec()),
            (true, false) if body.is_empty() => Self::Any,
            (true, false) => Self::EndsWith(body.to_vec()),
            (true, true) if body.is_empty() => Self::Any,
            (true, true) => Self::Contains(Box::new(memchr::memmem::Finder::new(body).into_owned())),
        })
    }

    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Equal(s) => text == s,
            Self::StartsWith(s) => text.starts_with(s),
            Self::EndsWith(s) => text.ends_with(s),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Any => true,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Compiled patterns of one call.
pub(crate) struct Compiled<T> {
    known: HashMap<Vec<u8>, Arc<T>>,
    make: fn(&[u8]) -> Result<T, FunctionError>,
}

impl<T> Compiled<T> {
    pub(crate) fn new(make: fn(&[u8]) -> Result<T, FunctionError>) -> Self {
        Self {
            known: HashMap::new(),
            make,
        }
    }

    pub(crate) fn get(&mut self, pattern: &[u8]) -> Result<Arc<T>, FunctionError> {
        if let Some(known) = self.known.get(pattern) {
            return Ok(known.clone());
        }
        let made = Arc::new((self.make)(pattern)?);
        self.known.insert(pattern.to_vec(), made.clone());
        Ok(made)
    }
}
