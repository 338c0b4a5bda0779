//! RE2 patterns as PostgreSQL's advanced regular expressions, for a match test.
//!
//! The two differ in what `.` and `$` mean, in flags inside a pattern, in `\b`, in named groups, and in which classes are
//! ASCII only. So a pattern is parsed and printed again in the few constructs that mean the same to both.

use event_store::{Result, StoreError};
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

use super::stored_text::NUL;

/// Postgres refuses greater counts in braces.
const REPEAT_MAX: u32 = 255;

const WORD: &str = "[0-9A-Za-z_]";

pub(crate) fn from_re2(pattern: &str) -> Result<String> {
    let hir = ParserBuilder::new()
        .octal(true)
        // `\B` between two bytes of a character is of no concern to a test on characters.
        .utf8(false)
        .build()
        .parse(&with_ascii_classes(pattern))
        .map_err(|error| refused(pattern, &error.to_string()))?;
    let mut out = String::new();
    print(&hir, &mut out).map_err(|construct| refused(pattern, construct))?;
    // Postgres takes `***` at the start for an option; a pattern printed here never begins with a bare star.
    Ok(out)
}

/// The same for texts that are here: which of several matches is the right one, Postgres cannot be told. It takes the
/// longest of several alternatives where RE2 takes the first.
///
/// Only `\B` differs: it knows letters of all languages, as one of bytes could part a character.
pub(crate) fn regex(pattern: &str) -> Result<Regex> {
    let whole_characters = with_ascii_classes(pattern).replace(r"(?-u:\B)", r"\B");
    RegexBuilder::new(&whole_characters)
        .octal(true)
        .build()
        .map_err(|error| refused(pattern, &error.to_string()))
}

fn refused(pattern: &str, why: &str) -> StoreError {
    StoreError::Failed(format!(
        "the pattern {pattern:?} cannot be said to Postgres: {why}"
    ))
}

/// Writes out what RE2 reads as ASCII or as a plain character, and the parser does not.
fn with_ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let Some(escaped) = rest[1..].chars().next() else {
                out.push(c);
                break;
            };
            rest = &rest[1 + escaped.len_utf8()..];
            if escaped == 'Q' {
                let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
                out.push_str(&regex_syntax::escape(quoted));
                rest = after;
                continue;
            }
            let replaced = if in_class {
                inside_class(escaped)
            } else {
                outside_class(escaped)
            };
            match replaced {
                Some(text) => {
                    out.push_str(text);
                    // Behind a shorthand a hyphen is itself, never a range.
                    if in_class && rest.starts_with('-') {
                        out.push_str("\\-");
                        rest = &rest[1..];
                    }
                }
                None => out.extend(['\\', escaped]),
            }
            continue;
        }
        if in_class {
            if rest.starts_with("[:")
                && let Some(end) = rest.find(":]")
            {
                out.push_str(&rest[..end + 2]);
                rest = &rest[end + 2..];
                continue;
            }
            // These are set operators to the parser, and plain characters to RE2.
            if matches!(c, '[' | '&' | '~') {
                out.push('\\');
            }
            in_class = c != ']';
        } else if c == '[' {
            in_class = true;
            let negated = rest[1..].starts_with('^');
            let opening = if negated { "[^" } else { "[" };
            out.push_str(opening);
            rest = &rest[opening.len()..];
            if rest.starts_with(']') {
                out.push_str("\\]");
                rest = &rest[1..];
            }
            continue;
        } else if c == '{' && !is_repetition(rest) {
            // A brace that counts nothing is a brace.
            out.push('\\');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Does `{n}`, `{n,}` or `{n,m}` begin here?
fn is_repetition(text: &str) -> bool {
    let Some((counts, _)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) else {
        return false;
    };
    let (min, max) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !min.is_empty() && digits(min) && digits(max)
}

fn outside_class(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\x0C\r ]",
        'S' => r"[^\t\n\x0C\r ]",
        'b' => r"(?-u:\b)",
        'B' => r"(?-u:\B)",
        'C' => "(?s:.)",
        // Edges of words to the parser.
        '<' => "<",
        '>' => ">",
        _ => return None,
    })
}

fn inside_class(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'd' => "0-9",
        'D' => r"\x00-/:-\x{10FFFF}",
        'w' => "0-9A-Za-z_",
        'W' => r"\x00-/:-@\[-\^`\{-\x{10FFFF}",
        's' => r"\t\n\x0C\r ",
        'S' => r"\x00-\x08\x0B\x0E-\x1F!-\x{10FFFF}",
        '<' => "<",
        '>' => ">",
        _ => return None,
    })
}

fn print(hir: &Hir, out: &mut String) -> Result<(), &'static str> {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).map_err(|_| "a byte that is no character")?;
            text.chars().for_each(|c| character(c, out));
        }
        HirKind::Class(Class::Unicode(class)) => self::class(class, out),
        HirKind::Class(Class::Bytes(bytes)) => {
            let ranges = bytes
                .ranges()
                .iter()
                .map(|range| ClassUnicodeRange::new(char::from(range.start()), char::from(range.end())));
            if bytes.ranges().last().is_some_and(|range| range.end() > 0x7F) {
                return Err("a class of bytes");
            }
            self::class(&ClassUnicode::new(ranges), out);
        }
        HirKind::Look(look) => out.push_str(&self::look(*look)?),
        HirKind::Repetition(repetition) => repeat(repetition, out)?,
        HirKind::Capture(capture) => group(&capture.sub, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                match part.kind() {
                    HirKind::Alternation(_) => group(part, out)?,
                    HirKind::Empty
                    | HirKind::Literal(_)
                    | HirKind::Class(_)
                    | HirKind::Look(_)
                    | HirKind::Repetition(_)
                    | HirKind::Capture(_)
                    | HirKind::Concat(_) => print(part, out)?,
                }
            }
        }
        HirKind::Alternation(branches) => {
            for (i, branch) in branches.iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                print(branch, out)?;
            }
        }
    }
    Ok(())
}

fn group(hir: &Hir, out: &mut String) -> Result<(), &'static str> {
    out.push_str("(?:");
    print(hir, out)?;
    out.push(')');
    Ok(())
}

fn repeat(repetition: &Repetition, out: &mut String) -> Result<(), &'static str> {
    // No quantifier may follow a constraint, and none is needed: once or never is all that matters.
    if matches!(repetition.sub.kind(), HirKind::Look(_) | HirKind::Empty) {
        return if repetition.min == 0 {
            Ok(())
        } else {
            print(&repetition.sub, out)
        };
    }
    let mut atom = String::new();
    group(&repetition.sub, &mut atom)?;
    let mut times = |min: u32, max: Option<u32>| {
        out.push_str(&atom);
        out.push_str(&match (min, max) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) if min == max => format!("{{{min}}}"),
            (min, Some(max)) => format!("{{{min},{max}}}"),
        });
    };
    let (mut min, mut max) = (repetition.min, repetition.max);
    while min > REPEAT_MAX {
        times(REPEAT_MAX, Some(REPEAT_MAX));
        min -= REPEAT_MAX;
        max = max.map(|max| max - REPEAT_MAX);
    }
    while let Some(most) = max.filter(|&most| most > REPEAT_MAX) {
        times(min, Some(REPEAT_MAX));
        max = Some(most - REPEAT_MAX);
        min = 0;
    }
    if max != Some(0) {
        times(min, max);
    }
    Ok(())
}

fn look(look: Look) -> Result<String, &'static str> {
    Ok(match look {
        Look::Start => r"\A".to_owned(),
        Look::End => r"\Z".to_owned(),
        Look::StartLF => r"(?:\A|(?<=\n))".to_owned(),
        Look::EndLF => r"(?:\Z|(?=\n))".to_owned(),
        Look::WordAscii | Look::WordUnicode => {
            format!("(?:(?<={WORD})(?!{WORD})|(?<!{WORD})(?={WORD}))")
        }
        Look::WordAsciiNegate | Look::WordUnicodeNegate => {
            format!("(?:(?<={WORD})(?={WORD})|(?<!{WORD})(?!{WORD}))")
        }
        Look::StartCRLF
        | Look::EndCRLF
        | Look::WordStartAscii
        | Look::WordEndAscii
        | Look::WordStartUnicode
        | Look::WordEndUnicode
        | Look::WordStartHalfAscii
        | Look::WordEndHalfAscii
        | Look::WordStartHalfUnicode
        | Look::WordEndHalfUnicode => return Err("an assertion that RE2 does not have"),
    })
}

fn class(class: &ClassUnicode, out: &mut String) {
    if class.ranges().is_empty() {
        // Matches nowhere.
        out.push_str("(?!)");
        return;
    }
    let mut class = class.clone();
    if class.ranges().first().is_some_and(|range| range.start() == '\0') {
        class.push(ClassUnicodeRange::new(NUL, NUL));
    }
    out.push('[');
    for range in class.ranges() {
        code_point(range.start().max('\u{1}'), out);
        if range.end() > range.start() {
            out.push('-');
            code_point(range.end().max('\u{1}'), out);
        }
    }
    out.push(']');
}

fn character(c: char, out: &mut String) {
    match c {
        '\0' => out.push(NUL),
        _ if c.is_ascii_alphanumeric() || !c.is_ascii() => out.push(c),
        _ if c.is_ascii_graphic() => out.extend(['\\', c]),
        _ => code_point(c, out),
    }
}

fn code_point(c: char, out: &mut String) {
    use std::fmt::Write as _;
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = if c.is_ascii_alphanumeric() {
        write!(out, "{c}")
    } else if code > 0xFFFF {
        write!(out, "\\U{code:08X}")
    } else {
        write!(out, "\\u{code:04X}")
    };
}

#[cfg(test)]
mod tests {
    use super::{from_re2, regex};

    #[test]
    fn patterns_are_said_in_what_both_know() {
        for (re2, postgres) in [
            ("abc", "abc"),
            ("a.c$", r"a[\u0001-\u0009\u000B-\U0010FFFF]c\Z"),
            (r"^\d+\.", r"\A(?:[0-9])+\."),
            (r"(?P<x>a|b)c", "(?:[a-b])c"),
            ("(?i)k", r"[Kk\u212A]"),
            (r"[\w-x]", r"[\u002D0-9A-Z\u005Fa-z]"),
            (r"[]a[&]", r"[\u0026\u005B\u005Da]"),
            (r"\Qa.b\E+", r"a\.(?:b)+"),
            ("a{300}", "(?:a){255}(?:a){45}"),
            ("a{2,300}", "(?:a){2,255}(?:a){0,45}"),
            ("a|", "a|(?:)"),
            (r"\<a\>[\<]", r"\<a\>\<"),
            (r#"{"a":1}{,2}"#, r#"\{\"a\"\:1\}\{\,2\}"#),
        ] {
            assert_eq!(from_re2(re2).expect(re2), postgres, "{re2}");
        }
    }

    #[test]
    fn the_first_alternative_is_replaced() {
        for (pattern, text, expected) in [
            ("a|ab", "abab", "-b-b"),
            ("ab|a", "aba", "--"),
            (r"/\d+?", "/12", "-2"),
            (r"\w", "é_", "é-"),
            ("", "éb", "-é-b-"),
        ] {
            let regex = regex(pattern).expect("a pattern");
            assert_eq!(regex.replace_all(text, "-"), expected, "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        for re2 in ["(", "***", r"\xFF(?-u:\xFF)"] {
            assert!(from_re2(re2).is_err(), "{re2}");
        }
    }
}
