//! Regular expressions of requests, in the form that every store reads alike.
//!
//! RE2 is the dialect that counts. Rust's takes more and, in a few places, less: what only RE2 takes is rewritten, what only
//! Rust takes is refused.

use regex::Regex;

/// RE2 refuses more repetitions than this.
const REPETITIONS_MAX: u32 = 1_000;

/// `None`: not a valid RE2 expression.
pub(crate) fn portable(pattern: &str) -> Option<String> {
    let pattern = rewritten(pattern)?;
    Regex::new(&pattern).is_ok().then_some(pattern)
}

fn rewritten(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let behind = &rest[character.len_utf8()..];
        match character {
            '\\' => {
                let escaped = behind.chars().next()?;
                if matches!(escaped, '<' | '>' | 'u' | 'U') || (escaped == 'b' && behind.starts_with("b{")) {
                    return None;
                }
                out.push('\\');
                out.push(escaped);
                rest = &behind[escaped.len_utf8()..];
            }
            '[' => rest = class(behind, &mut out)?,
            '{' => match repetition(behind) {
                Some((counts, max)) => {
                    if max > REPETITIONS_MAX {
                        return None;
                    }
                    out.push('{');
                    out.push_str(counts);
                    rest = &behind[counts.len()..];
                }
                // A brace that repeats nothing stands for itself.
                None => {
                    out.push_str("\\{");
                    rest = behind;
                }
            },
            '(' => {
                if let Some(flags) = behind.strip_prefix('?')
                    && !flags.starts_with(['P', '<'])
                    && !flags
                        .chars()
                        .take_while(|flag| *flag != ':' && *flag != ')')
                        .all(|flag| "imsU-".contains(flag))
                {
                    return None;
                }
                out.push('(');
                rest = behind;
            }
            other => {
                out.push(other);
                rest = behind;
            }
        }
    }
    Some(out)
}

/// A bracket expression behind its `[`; answers what is behind its `]`. In Rust brackets nest and have operators, in RE2
/// both are plain characters.
fn class<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    out.push('[');
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix('^') {
        out.push('^');
        rest = behind;
    }
    let mut first = true;
    while let Some(character) = rest.chars().next() {
        let behind = &rest[character.len_utf8()..];
        match character {
            ']' if !first => {
                out.push(']');
                return Some(behind);
            }
            '[' if behind.starts_with(':') && behind.contains(":]") => {
                let end = behind.find(":]")? + 2;
                out.push('[');
                out.push_str(&behind[..end]);
                rest = &behind[end..];
            }
            '\\' => {
                let escaped = behind.chars().next()?;
                out.push('\\');
                out.push(escaped);
                rest = &behind[escaped.len_utf8()..];
            }
            '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(character);
                rest = behind;
            }
            other => {
                out.push(other);
                rest = behind;
            }
        }
        first = false;
    }
    None
}

/// `2}`, `2,}` or `2,5}` behind a `{`, and the highest number in it.
fn repetition(text: &str) -> Option<(&str, u32)> {
    let end = text.find('}')?;
    let (low, high) = match text[..end].split_once(',') {
        Some((low, high)) => (low, high),
        None => (&text[..end], ""),
    };
    let number = |digits: &str| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let low = number(low).filter(|_| !low.is_empty())?;
    let high = if high.is_empty() { low } else { number(high)? };
    Some((&text[..=end], low.max(high)))
}
