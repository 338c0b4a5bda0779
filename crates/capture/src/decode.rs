//! From the bytes of a request to JSON: forms, base64, gzip, lz-string, in whatever order they were wrapped.

pub(crate) mod inflate;
mod json;
mod lz_string;
mod plain;

use std::borrow::Cow;

use serde_json::Value;

pub(crate) use json::parse;

use crate::error::CaptureError;
use crate::query::Pairs;
use crate::state::CaptureLimits;

/// What the decoding of a body depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    pub query: &'a Pairs,
    pub content_type: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
    pub body: &'a [u8],
}

#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    pub json: Value,
    /// Fields of the form, when there was one.
    pub form: Pairs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    Gzip,
    LzString,
    Base64,
    None,
}

impl Hint {
    /// Unknown names are no hint, not an error.
    fn of(name: Option<&str>) -> Self {
        match name.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Some("gzip" | "gzip-js" | "x-gzip") => Self::Gzip,
            Some("lz64" | "lz-string") => Self::LzString,
            Some("base64" | "b64") => Self::Base64,
            Some(_) | None => Self::None,
        }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }
}

/// Form, base64, gzip, and a second base64 or gzip inside: no client wraps deeper.
const LAYERS_MAX: usize = 5;

const FORM_FIELDS: [&[u8]; 4] = [b"data=", b"_=", b"ip=", b"compression="];

/// How far into a body the first of its form fields must be.
const FORM_SNIFF_BYTES: usize = 256;

pub(crate) fn decode(wire: &Wire<'_>, limits: &CaptureLimits) -> Result<Decoded, CaptureError> {
    let bytes_max = limits.decoded_bytes_max;
    let mut hint = Hint::of(wire.query.get("compression")).or(Hint::of(wire.content_encoding));
    let mut bytes: Cow<'_, [u8]> = match wire.query.non_empty("data") {
        Some(data) => Cow::Borrowed(data.as_bytes()),
        None => Cow::Borrowed(wire.body),
    };
    if plain::trimmed(&bytes).is_empty() {
        return Err(CaptureError::Empty);
    }
    let is_form_type = wire
        .content_type
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("x-www-form-urlencoded"));
    let mut form = None;
    for _ in 0..LAYERS_MAX {
        if inflate::is_gzip(&bytes) {
            bytes = Cow::Owned(inflate::gzip(&bytes, bytes_max)?);
            continue;
        }
        let text = plain::trimmed(&bytes);
        if matches!(text.first(), None | Some(b'{' | b'[')) {
            break;
        }
        if form.is_none() && looks_like_form(text, is_form_type) {
            let mut fields = Pairs::parse(text);
            hint = Hint::of(wire.query.get("compression"))
                .or(Hint::of(fields.get("compression")))
                .or(hint);
            let data = fields.take("data").ok_or(CaptureError::FormWithoutData)?;
            form = Some(fields);
            bytes = Cow::Owned(data.into_bytes());
            continue;
        }
        if hint == Hint::LzString {
            bytes = Cow::Owned(lz_string::decompress(text, bytes_max)?.into_bytes());
            hint = Hint::None;
            continue;
        }
        match plain::base64(text) {
            Some(decoded) => bytes = Cow::Owned(decoded),
            None => break,
        }
    }
    if plain::trimmed(&bytes).is_empty() {
        return Err(CaptureError::Empty);
    }
    if bytes.len() > bytes_max {
        return Err(CaptureError::TooLarge { bytes_max });
    }
    let json =
        json::parse(plain::trimmed(&bytes), limits.values_max).map_err(|error| match (&error, hint) {
            // What was announced to be packed and is no JSON was damaged on its way.
            (CaptureError::NotJson(_) | CaptureError::NotUtf8, Hint::Gzip) => {
                CaptureError::Undecodable { encoding: "gzip" }
            }
            (CaptureError::NotJson(_) | CaptureError::NotUtf8, Hint::Base64) => {
                CaptureError::Undecodable { encoding: "base64" }
            }
            (_, _) => error,
        })?;
    Ok(Decoded {
        json,
        form: form.unwrap_or_default(),
    })
}

fn looks_like_form(text: &[u8], is_form_type: bool) -> bool {
    let front = &text[..text.len().min(FORM_SNIFF_BYTES)];
    let starts_a_field = |field: &[u8]| {
        front
            .windows(field.len())
            .enumerate()
            .any(|(at, window)| window == field && (at == 0 || front.get(at - 1) == Some(&b'&')))
    };
    // A form by type may hold other fields; its `data` is then found or missed when it is read.
    FORM_FIELDS.iter().any(|field| starts_a_field(field))
        || is_form_type && front.contains(&b'=') && {
            // Padding of base64 is no field.
            let first = front.iter().position(|&byte| byte == b'=').unwrap_or(front.len());
            text.len() - first > 2
        }
}

#[cfg(test)]
mod tests;
