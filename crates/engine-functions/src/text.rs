//! Values as text and back: what `toString`, TSV and JSON print, and what literals, inserts and parameters are read from.

use engine_types::{DataType, Value};

use crate::FunctionError;
use crate::date_text::{parse_date, parse_time, write_date, write_ticks};
use crate::error::{
    CANNOT_PARSE_BOOL, CANNOT_PARSE_DATE, CANNOT_PARSE_DATETIME, CANNOT_PARSE_NUMBER, CANNOT_PARSE_TEXT,
    CANNOT_PARSE_UUID, TOO_LARGE_STRING,
};
use crate::zone::Zone;

/// The text of a value, unescaped, as `toString` gives it; strings inside arrays and tuples are quoted.
pub fn format_value(value: &Value, ty: &DataType) -> String {
    let mut out = Vec::new();
    write_value(&mut out, value, ty, false);
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Appends the bytes of [`format_value`]; `quoted` as inside an array.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value, ty: &DataType, quoted: bool) {
    let ty = ty.bare();
    match (ty, value) {
        (_, Value::Null) => out.extend_from_slice(if quoted { b"NULL" } else { b"\\N" }),
        (DataType::Bool, Value::UInt(v)) => out.extend_from_slice(if *v != 0 { b"true" } else { b"false" }),
        (DataType::Date, Value::UInt(day)) => quote(out, quoted, |out| write_date(out, *day as i64)),
        (DataType::DateTime(tz), Value::UInt(seconds)) => {
            quote(out, quoted, |out| {
                write_ticks(out, *seconds as i64, 0, &mut Zone::new(*tz))
            });
        }
        (DataType::DateTime64(precision, tz), Value::Int(ticks)) => {
            quote(out, quoted, |out| {
                write_ticks(out, *ticks, *precision, &mut Zone::new(*tz))
            });
        }
        (DataType::Float32, Value::Float(v)) => write_f32(out, *v as f32),
        (_, Value::UInt(v)) => out.extend_from_slice(v.to_string().as_bytes()),
        (_, Value::Int(v)) => out.extend_from_slice(v.to_string().as_bytes()),
        (_, Value::Float(v)) => write_f64(out, *v),
        (_, Value::String(s)) if quoted => write_quoted(out, s),
        (_, Value::String(s)) => out.extend_from_slice(s),
        (_, Value::Uuid(v)) => quote(out, quoted, |out| write_uuid(out, *v)),
        (DataType::Map(key, of), Value::Array(pairs)) => {
            out.push(b'{');
            for (i, pair) in pairs.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if let Value::Tuple(kv) = pair {
                    write_value(out, kv.first().unwrap_or(&Value::Null), key, true);
                    out.push(b':');
                    write_value(out, kv.get(1).unwrap_or(&Value::Null), of, true);
                }
            }
            out.push(b'}');
        }
        (_, Value::Array(items)) => {
            let element = match ty {
                DataType::Array(element) => element,
                _ => &DataType::String,
            };
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, item, element, true);
            }
            out.push(b']');
        }
        (_, Value::Tuple(items)) => {
            out.push(b'(');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                let element = match ty {
                    DataType::Tuple(elements) => elements.get(i).map_or(&DataType::String, |(_, ty)| ty),
                    _ => &DataType::String,
                };
                write_value(out, item, element, true);
            }
            out.push(b')');
        }
    }
}

fn quote(out: &mut Vec<u8>, quoted: bool, write: impl FnOnce(&mut Vec<u8>)) {
    if quoted {
        out.push(b'\'');
    }
    write(out);
    if quoted {
        out.push(b'\'');
    }
}

fn write_quoted(out: &mut Vec<u8>, s: &[u8]) {
    out.push(b'\'');
    for &c in s {
        match c {
            b'\'' => out.extend_from_slice(b"\\'"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0 => out.extend_from_slice(b"\\0"),
            _ => out.push(c),
        }
    }
    out.push(b'\'');
}

pub(crate) fn write_uuid(out: &mut Vec<u8>, v: u128) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for nibble in 0..32 {
        if matches!(nibble, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(HEX[(v >> (124 - 4 * nibble)) as usize & 15]);
    }
}

pub(crate) fn write_f64(out: &mut Vec<u8>, v: f64) {
    if v.is_finite() {
        if v == v.trunc() && v.abs() < 1e15 {
            // The common case: a whole number, which prints like an integer (and -0 keeps its sign).
            if v == 0.0 && v.is_sign_negative() {
                out.push(b'-');
            }
            out.extend_from_slice((v as i64).to_string().as_bytes());
            return;
        }
        write_shortest(out, &format!("{v:e}"));
    } else {
        write_not_finite(out, v);
    }
}

fn write_f32(out: &mut Vec<u8>, v: f32) {
    if v.is_finite() {
        write_shortest(out, &format!("{v:e}"));
    } else {
        write_not_finite(out, f64::from(v));
    }
}

fn write_not_finite(out: &mut Vec<u8>, v: f64) {
    out.extend_from_slice(if v.is_nan() {
        b"nan"
    } else if v > 0.0 {
        b"inf"
    } else {
        b"-inf"
    });
}

/// Rewrites Rust's shortest `d.ddde±x`: plain digits for exponents -6..21, as ClickHouse prints doubles.
fn write_shortest(out: &mut Vec<u8>, text: &str) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: Vec<u8> = mantissa.bytes().filter(|c| *c != b'.').collect();
    out.extend_from_slice(sign.as_bytes());
    if !(-6..21).contains(&exponent) {
        out.extend_from_slice(mantissa.as_bytes());
        out.extend_from_slice(format!("e{exponent}").as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-exponent - 1) as usize, b'0');
        out.extend_from_slice(&digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            out.extend_from_slice(&digits);
            out.resize(out.len() + whole - digits.len(), b'0');
        } else {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

/// A complete float, as `toFloat64OrNull` takes it: no blanks, digits on at least one side of the point.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let body = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    if body.first().is_some_and(u8::is_ascii_alphabetic) {
        let value = if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            f64::INFINITY
        } else if body.eq_ignore_ascii_case(b"nan") {
            f64::NAN
        } else {
            return None;
        };
        return Some(if text[0] == b'-' { -value } else { value });
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Why a text is not an integer of the type.
pub(crate) enum IntegerError {
    Empty,
    Sign,
    Syntax,
    Range,
}

/// `[+-]digits`. `Range` errors carry on to a wrapped value through [`parse_integer_wrapping`].
pub(crate) fn parse_integer(text: &[u8], signed: bool, bytes: usize) -> Result<i128, IntegerError> {
    let (negative, body) = match text.split_first() {
        None => return Err(IntegerError::Empty),
        Some((b'-', _)) if !signed => return Err(IntegerError::Sign),
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if body.is_empty() {
        return Err(IntegerError::Syntax);
    }
    let mut value: i128 = 0;
    let mut over = false;
    for c in body {
        if !c.is_ascii_digit() {
            return Err(IntegerError::Syntax);
        }
        value = value * 10 + i128::from(c - b'0');
        if value > 1 << 64 {
            over = true;
            value &= (1 << 64) - 1;
        }
    }
    let value = if negative { -value } else { value };
    let bits = 8 * bytes as u32;
    let (low, high) = if signed {
        (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
    } else {
        (0, (1i128 << bits) - 1)
    };
    if over || value < low || value > high {
        return Err(IntegerError::Range);
    }
    Ok(value)
}

/// The digits modulo 2^64, as ClickHouse's unchecked conversions read them.
pub(crate) fn parse_integer_wrapping(text: &[u8]) -> i128 {
    let negative = text.first() == Some(&b'-');
    let mut value: u64 = 0;
    for c in text.iter().filter(|c| c.is_ascii_digit()) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(c - b'0'));
    }
    if negative {
        -i128::from(value)
    } else {
        i128::from(value)
    }
}

/// 32 hexadecimal digits, with or without the four dashes, any case.
pub(crate) fn parse_uuid(text: &[u8]) -> Option<u128> {
    let dashed = match text.len() {
        36 => true,
        32 => false,
        _ => return None,
    };
    let mut value = 0u128;
    for (at, c) in text.iter().enumerate() {
        if dashed && matches!(at, 8 | 13 | 18 | 23) {
            if *c != b'-' {
                return None;
            }
            continue;
        }
        value = value << 4 | u128::from(char::from(*c).to_digit(16)?);
    }
    Some(value)
}

pub(crate) fn parse_bool(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"true" | b"t" | b"yes" | b"y" | b"on" | b"1" | b"enable" | b"enabled" => Some(true),
        b"false" | b"f" | b"no" | b"n" | b"off" | b"0" | b"disable" | b"disabled" => Some(false),
        _ => None,
    }
}

pub(crate) fn to_ticks((seconds, nanos): (i64, u32), precision: u8) -> i64 {
    let scale = 10i64.pow(u32::from(precision));
    seconds.saturating_mul(scale) + i64::from(nanos) / 10i64.pow(9 - u32::from(precision))
}

/// Reads a value of `ty` from the text that [`format_value`] gives (for Nullable: `NULL` and `\N` are NULL).
pub fn parse_value(text: &str, ty: &DataType) -> Result<Value, FunctionError> {
    parse_bytes(text.as_bytes(), ty)
}

pub(crate) fn parse_bytes(text: &[u8], ty: &DataType) -> Result<Value, FunctionError> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    Ok(match ty {
        DataType::LowCardinality(inner) => parse_bytes(text, inner)?,
        DataType::Nullable(_) if text == b"NULL" || text == b"\\N" => Value::Null,
        DataType::Nullable(inner) => parse_bytes(text, inner)?,
        DataType::Nothing => Value::Null,
        DataType::Bool => match parse_bool(text) {
            Some(v) => Value::UInt(u64::from(v)),
            None => {
                return Err(FunctionError::new(
                    CANNOT_PARSE_BOOL,
                    format!("Cannot parse boolean value here: '{}'", shown()),
                ));
            }
        },
        DataType::Float32 | DataType::Float64 => match parse_float(text) {
            Some(v) => Value::Float(if *ty == DataType::Float32 {
                f64::from(v as f32)
            } else {
                v
            }),
            None if text.first().is_none_or(|c| !c.is_ascii_digit()) => {
                return Err(FunctionError::new(
                    CANNOT_PARSE_NUMBER,
                    format!(
                        "Cannot read floating point value here: '{}': Cannot parse {ty} from String",
                        shown()
                    ),
                ));
            }
            None => return Err(syntax(&shown(), ty)),
        },
        DataType::String => Value::String(text.to_vec()),
        DataType::FixedString(n) if text.len() > *n => {
            return Err(FunctionError::new(
                TOO_LARGE_STRING,
                format!("String too long for type FixedString({n})"),
            ));
        }
        DataType::FixedString(n) => {
            let mut bytes = text.to_vec();
            bytes.resize(*n, 0);
            Value::String(bytes)
        }
        DataType::Uuid => match parse_uuid(text) {
            Some(v) => Value::Uuid(v),
            None => {
                return Err(FunctionError::new(
                    CANNOT_PARSE_UUID,
                    format!("Cannot parse uuid {}: Cannot parse UUID from String", shown()),
                ));
            }
        },
        DataType::Date => match parse_date(text) {
            Some(v) => Value::UInt(u64::from(v)),
            None => {
                return Err(FunctionError::new(
                    CANNOT_PARSE_DATE,
                    format!(
                        "Cannot parse date '{}': expected a date in the YYYY-MM-DD or YYYYMMDD format",
                        shown()
                    ),
                ));
            }
        },
        DataType::DateTime(tz) => match parse_time(text, &mut Zone::new(*tz)) {
            Some((seconds, _)) => Value::UInt(u64::from(clamp_seconds(seconds))),
            None => return Err(bad_time(&shown(), ty)),
        },
        DataType::DateTime64(precision, tz) => match parse_time(text, &mut Zone::new(*tz)) {
            Some(time) => Value::Int(to_ticks(time, *precision)),
            None => return Err(bad_time(&shown(), ty)),
        },
        DataType::Array(element) => {
            let items = split_items(text, b'[', b']').ok_or_else(|| syntax(&shown(), ty))?;
            Value::Array(
                items
                    .iter()
                    .map(|i| parse_item(i, element))
                    .collect::<Result<_, _>>()?,
            )
        }
        DataType::Tuple(elements) => {
            let items = split_items(text, b'(', b')').ok_or_else(|| syntax(&shown(), ty))?;
            if items.len() != elements.len() {
                return Err(syntax(&shown(), ty));
            }
            Value::Tuple(
                items
                    .iter()
                    .zip(elements)
                    .map(|(i, (_, ty))| parse_item(i, ty))
                    .collect::<Result<_, _>>()?,
            )
        }
        DataType::Map(key, value) => {
            let items = split_items(text, b'{', b'}').ok_or_else(|| syntax(&shown(), ty))?;
            let pairs = items.iter().map(|item| {
                let at = colon(item).ok_or_else(|| syntax(&shown(), ty))?;
                Ok(Value::Tuple(vec![
                    parse_item(item[..at].trim_ascii(), key)?,
                    parse_item(item[at + 1..].trim_ascii(), value)?,
                ]))
            });
            Value::Array(pairs.collect::<Result<_, FunctionError>>()?)
        }
        DataType::Interval(_) => integer(text, true, 8, ty)?,
        number => integer(text, number.is_signed(), crate::supertype::width(number), ty)?,
    })
}

fn integer(text: &[u8], signed: bool, bytes: usize, ty: &DataType) -> Result<Value, FunctionError> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    let value = match parse_integer(text, signed, bytes) {
        Ok(value) => value,
        Err(IntegerError::Range) => parse_integer_wrapping(text),
        Err(IntegerError::Empty) => {
            return Err(FunctionError::new(
                32,
                format!(
                    "Attempt to read after eof: Cannot parse {ty} from String, because value is too short"
                ),
            ));
        }
        Err(IntegerError::Sign) => {
            return Err(FunctionError::new(
                CANNOT_PARSE_NUMBER,
                format!("Unsigned type must not contain '-' symbol: Cannot parse {ty} from String"),
            ));
        }
        Err(IntegerError::Syntax) => return Err(syntax(&shown(), ty)),
    };
    let bits = 8 * bytes as u32;
    let wrapped = value & ((1i128 << bits) - 1);
    Ok(if signed {
        let sign = 1i128 << (bits - 1);
        Value::Int(
            (if wrapped >= sign {
                wrapped - (1i128 << bits)
            } else {
                wrapped
            }) as i64,
        )
    } else {
        Value::UInt(wrapped as u64)
    })
}

pub(crate) fn clamp_seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

fn syntax(shown: &str, ty: &DataType) -> FunctionError {
    FunctionError::new(
        CANNOT_PARSE_TEXT,
        format!("Cannot parse string '{shown}' as {ty}: syntax error"),
    )
}

fn bad_time(shown: &str, ty: &DataType) -> FunctionError {
    FunctionError::new(
        CANNOT_PARSE_DATETIME,
        format!("Cannot read DateTime: '{shown}' is not a date with time: Cannot parse {ty} from String"),
    )
}

fn parse_item(text: &[u8], ty: &DataType) -> Result<Value, FunctionError> {
    if text.len() >= 2 && text[0] == b'\'' && text[text.len() - 1] == b'\'' {
        return parse_bytes(&unescape(&text[1..text.len() - 1]), ty);
    }
    if ty.bare().is_string() && !(ty.is_nullable() && text == b"NULL") {
        return Err(syntax(&String::from_utf8_lossy(text), ty));
    }
    parse_bytes(text, ty)
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&c) = bytes.next() {
        match c {
            b'\\' => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b't') => out.push(b'\t'),
                Some(b'r') => out.push(b'\r'),
                Some(b'b') => out.push(8),
                Some(b'f') => out.push(12),
                Some(b'0') => out.push(0),
                Some(&other) => out.push(other),
                None => out.push(b'\\'),
            },
            b'\'' => {
                out.push(b'\'');
                bytes.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// The comma-separated items between `open` and `close`, nested brackets and quotes respected.
fn split_items(text: &[u8], open: u8, close: u8) -> Option<Vec<&[u8]>> {
    let text = text.trim_ascii();
    let inner = text.strip_prefix(&[open])?.strip_suffix(&[close])?;
    let mut items = Vec::new();
    if inner.trim_ascii().is_empty() {
        return Some(items);
    }
    let (mut depth, mut start, mut at) = (0i32, 0, 0);
    while at < inner.len() {
        match inner[at] {
            b'\'' => at = quoted_end(inner, at)?,
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                items.push(inner[start..at].trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    items.push(inner[start..].trim_ascii());
    (depth == 0).then_some(items)
}

/// Index of the quote that closes the one at `open`.
fn quoted_end(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'\'' => return Some(at),
            _ => at += 1,
        }
    }
}

fn colon(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\'' => at = quoted_end(text, at)? + 1,
            b':' => return Some(at),
            _ => at += 1,
        }
    }
}
