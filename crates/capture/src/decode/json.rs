//! JSON, with what Python and old browsers write in it: `NaN`, `Infinity`, halves of surrogate pairs.

use serde_json::Value;

use crate::error::CaptureError;

/// Nesting is limited by the parser (128 levels), the number of values here.
pub(crate) fn parse(text: &[u8], values_max: usize) -> Result<Value, CaptureError> {
    // Every value but the first of a list or object is preceded by a comma, every list or object has a bracket.
    let separators = text
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
        .count();
    if separators > values_max {
        return Err(CaptureError::TooManyValues { values_max });
    }
    let text = std::str::from_utf8(text).map_err(|_| CaptureError::NotUtf8)?;
    serde_json::from_str(text).or_else(|error| {
        repaired(text)
            .and_then(|repaired| serde_json::from_str(&repaired).ok())
            .ok_or_else(|| CaptureError::NotJson(error.to_string()))
    })
}

/// `NaN`, `Infinity`, `-Infinity` as null, lone surrogate escapes as U+FFFD. `None` when there is nothing to repair.
fn repaired(text: &str) -> Option<String> {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    let mut in_text = false;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        if in_text {
            match character {
                '"' => in_text = false,
                '\\' => match (unit_escape(rest), rest.get(6..).and_then(unit_escape)) {
                    (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => length = 12,
                    (Some(0xD800..=0xDFFF), _) => {
                        repaired.push_str("\\ufffd");
                        rest = &rest[6..];
                        changed = true;
                        continue;
                    }
                    (_, _) => length += rest[1..].chars().next().map_or(0, char::len_utf8),
                },
                _ => {}
            }
        } else if character == '"' {
            in_text = true;
        } else if let Some(word) = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| rest.starts_with(word))
        {
            repaired.push_str("null");
            rest = &rest[word.len()..];
            changed = true;
            continue;
        }
        repaired.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    changed.then_some(repaired)
}

/// The UTF-16 unit of a `\uXXXX` at the start.
fn unit_escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` alone would take a sign.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn repairs() {
        for (text, want) in [
            (
                r#"{"a": NaN, "b": [-Infinity, Infinity]}"#,
                json!({"a": null, "b": [null, null]}),
            ),
            (
                r#"["NaN and \" Infinity", NaN]"#,
                json!(["NaN and \" Infinity", null]),
            ),
            (
                r#"["\ud83d", "\ude00", "\ud83d\ude00", "\ud83dx"]"#,
                json!(["\u{FFFD}", "\u{FFFD}", "😀", "\u{FFFD}x"]),
            ),
            (r#"["\\ud83d"]"#, json!(["\\ud83d"])),
            (r#"["é\ud800é"]"#, json!(["é\u{FFFD}é"])),
            (r#"["a\u0000b"]"#, json!(["a\0b"])),
        ] {
            assert_eq!(parse(text.as_bytes(), 100), Ok(want), "{text}");
        }
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "{",
            "nan",
            "[1,]",
            r#"["\ud8"]"#,
            r#"["\u+123"]"#,
            r#"["\ud800"#,
            "{'a': 1}",
            "[NaN",
            "\"\\",
        ] {
            assert!(
                matches!(parse(text.as_bytes(), 100), Err(CaptureError::NotJson(_))),
                "{text}"
            );
        }
        assert_eq!(parse(b"[\"\xff\"]", 100), Err(CaptureError::NotUtf8));
        assert_eq!(
            parse(b"[1,2,3]", 2),
            Err(CaptureError::TooManyValues { values_max: 2 })
        );
        let deep = "[".repeat(100_000);
        assert!(matches!(
            parse(deep.as_bytes(), 1_000_000),
            Err(CaptureError::NotJson(_))
        ));
    }
}
