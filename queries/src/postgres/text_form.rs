//! From a JSON object to the text form of each of its values.
//!
//! Works on the JSON text, not on a parsed tree, so that integers of any size keep their digits.

use serde::de::IgnoredAny;

use super::stored_text::to_stored;

/// The properties of something to be stored are no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("the properties are no JSON object")]
pub(crate) struct NoObject(#[source] Option<serde_json::Error>);

/// Key and text form of every member of the object; of equal keys the first counts.
pub(crate) fn text_forms(object: &str) -> Result<Vec<(String, String)>, NoObject> {
    serde_json::from_str::<IgnoredAny>(object).map_err(|error| NoObject(Some(error)))?;
    let mut scanner = Scanner { rest: object };
    let mut forms: Vec<(String, String)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    if scanner.next() != Some(b'{') {
        return Err(NoObject(None));
    }
    loop {
        match scanner.peek() {
            Some(b'"') => {
                let key = decoded(scanner.string()).map_err(|error| NoObject(Some(error)))?;
                scanner.next(); // The colon.
                let form = scanner.value().map_err(|error| NoObject(Some(error)))?;
                if seen.insert(key.clone()) {
                    forms.push((key, form));
                }
            }
            Some(b',') => {
                scanner.next();
            }
            Some(_) | None => return Ok(forms),
        }
    }
}

/// The object that is stored: keys and text forms as JSON strings, with the stand-in for U+0000.
pub(crate) fn stored_object(forms: &[(String, String)]) -> String {
    let object: serde_json::Map<String, serde_json::Value> = forms
        .iter()
        .map(|(key, form)| (to_stored(key).into_owned(), to_stored(form).into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}

/// A walk over JSON text that is known to be valid.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest.bytes().next()
    }

    /// Takes one structural character.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Some(byte)
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (token, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    /// A string with its quotes.
    fn string(&mut self) -> &'a str {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        self.take(end.map_or(self.rest.len(), |end| end + 2))
    }

    /// A number, boolean or null.
    fn scalar(&mut self) -> &'a str {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']);
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn value(&mut self) -> Result<String, serde_json::Error> {
        match self.peek() {
            Some(b'"') => decoded(self.string()),
            Some(b'{' | b'[') => self.compact(),
            Some(_) | None => Ok(canonical(self.scalar())),
        }
    }

    /// An array or object without spaces, its strings and numbers spelled in one way.
    fn compact(&mut self) -> Result<String, serde_json::Error> {
        let mut out = String::new();
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => out.push_str(&serde_json::to_string(&decoded(self.string())?)?),
                b'{' | b'[' | b'}' | b']' | b',' | b':' => {
                    self.next();
                    out.push(char::from(byte));
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
                _ => out.push_str(&canonical(self.scalar())),
            }
        }
        Ok(out)
    }
}

fn decoded(token: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str(token)
}

/// A scalar token in its one spelling: integers keep their digits, other numbers are the shortest that read back the same.
fn canonical(token: &str) -> String {
    if token == "-0" {
        return "0".to_owned();
    }
    if !token.starts_with(|c: char| c == '-' || c.is_ascii_digit()) || !token.contains(['.', 'e', 'E']) {
        return token.to_owned();
    }
    match token.parse::<f64>() {
        Ok(number) if number.is_finite() => shortest(number),
        // Too large for a double: as sent.
        Ok(_) | Err(_) => token.to_owned(),
    }
}

/// As JavaScript and ClickHouse print it: plain digits from 1e-6 to below 1e21, otherwise with an exponent.
fn shortest(number: f64) -> String {
    let scientific = format!("{:e}", number.abs());
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let plain = if number == 0.0 {
        "0".to_owned()
    } else if !(-6..21).contains(&exponent) {
        format!("{mantissa}e{exponent}")
    } else if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        format!("0.{}{digits}", "0".repeat(zeros))
    } else {
        let whole = usize::try_from(exponent).unwrap_or(0) + 1;
        match digits.split_at_checked(whole) {
            Some((all, "")) => all.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{digits}{}", "0".repeat(whole - digits.len())),
        }
    };
    format!("{sign}{plain}")
}

#[cfg(test)]
mod tests {
    use super::{stored_object, text_forms};

    #[test]
    fn every_kind_of_value_has_one_text() {
        for (json, text) in [
            (r#""a""#, "a"),
            (r#""a\"\\\u00e9\ud83d\ude00\u0000""#, "a\"\\é😀\0"),
            (r#""""#, ""),
            ("1", "1"),
            ("1.0", "1"),
            ("-1.50", "-1.5"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e21"),
            ("1.5e300", "1.5e300"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("123.456", "123.456"),
            ("0.1", "0.1"),
            ("1234.5e1", "12345"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("9007199254740993", "9007199254740993"),
            ("1e400", "1e400"),
            ("-0", "0"),
            ("true", "true"),
            ("null", "null"),
            ("[ 1.0, \"x\\/\\\"\" , [] ]", r#"[1,"x/\"",[]]"#),
            (
                "{ \"b\" : {\"c\": 1e1}, \"a\": null }",
                r#"{"b":{"c":10},"a":null}"#,
            ),
            ("{}", "{}"),
        ] {
            let object = format!(" {{ \"other\": 1,\n \"key\" : {json} , \"last\":[{{}}]}} ");
            let forms = text_forms(&object).expect(json);
            assert_eq!(forms[1], ("key".to_owned(), text.to_owned()), "{json}");
            assert_eq!(forms[2], ("last".to_owned(), "[{}]".to_owned()), "{json}");
        }
    }

    #[test]
    fn the_first_of_equal_keys_counts() {
        let forms = text_forms(r#"{"a": 1, "\u0061": 2}"#).expect("valid");
        assert_eq!(forms, [("a".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn nul_has_a_stand_in() {
        let forms = text_forms(r#"{"k\u0000": "v\u0000"}"#).expect("valid");
        assert_eq!(stored_object(&forms), "{\"k\u{10FFFF}\":\"v\u{10FFFF}\"}");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "[]",
            "1",
            "null",
            "{",
            "{\"a\":}",
            "{} {}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(text_forms(text).is_err(), "{text}");
        }
    }
}
