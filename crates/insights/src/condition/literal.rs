//! Literal text inside a regular expression.

/// Matches exactly `text`, in RE2 and in PostgreSQL.
///
/// Only what is special outside of brackets is escaped: RE2 takes other escapes for mistakes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(
            character,
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
        ) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
