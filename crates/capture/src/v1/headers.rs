//! The headers that v1 requires.

use std::borrow::Cow;

use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::V1Error;
use crate::decode::inflate;
use crate::error::CaptureError;
use crate::token;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Headers {
    pub token: String,
    pub lib: String,
    pub lib_version: String,
    /// When the client sent the request, by its own clock.
    pub sent_at: DateTime<Utc>,
    pub encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    pub fn decode(self, bytes: &[u8], bytes_max: usize) -> Result<Cow<'_, [u8]>, CaptureError> {
        match self {
            Self::Plain if bytes.len() > bytes_max => Err(CaptureError::TooLarge { bytes_max }),
            Self::Plain => Ok(Cow::Borrowed(bytes)),
            Self::Gzip => inflate::gzip(bytes, bytes_max).map(Cow::Owned),
            Self::Deflate => inflate::zlib(bytes, bytes_max).map(Cow::Owned),
            Self::Brotli => inflate::brotli(bytes, bytes_max).map(Cow::Owned),
            Self::Zstd => inflate::zstd(bytes, bytes_max).map(Cow::Owned),
        }
    }

    fn of(name: Option<&str>) -> Option<Self> {
        match name.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Some(Self::Plain),
            Some("gzip") => Some(Self::Gzip),
            Some("deflate") => Some(Self::Deflate),
            Some("br") => Some(Self::Brotli),
            Some("zstd") => Some(Self::Zstd),
            Some(_) => None,
        }
    }
}

/// Names as the documentation writes them, for the error.
const REQUIRED: [&str; 6] = [
    "PostHog-Sdk-Info",
    "PostHog-Attempt",
    "PostHog-Request-Id",
    "PostHog-Request-Timestamp",
    "Content-Type",
    "User-Agent",
];

impl Headers {
    pub fn read(headers: &HeaderMap) -> Result<Self, V1Error> {
        let get = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let token = bearer(get("authorization").unwrap_or_default())?;
        let missing: Vec<&str> = REQUIRED
            .into_iter()
            .filter(|name| get(name).is_none_or(str::is_empty))
            .collect();
        if !missing.is_empty() {
            let description = format!("Missing headers: {}.", missing.join(", "));
            return Err(V1Error::bad_request("missing_required_headers", description));
        }
        let kind = get("content-type").unwrap_or_default();
        if !kind
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        {
            let description = "`Content-Type` must be application/json.".to_owned();
            return Err(V1Error {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                tag: "unsupported_content_type",
                description,
            });
        }
        let encoding = Encoding::of(get("content-encoding")).ok_or_else(|| V1Error {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            tag: "unsupported_content_encoding",
            description: "`Content-Encoding` must be gzip, deflate, br or zstd.".to_owned(),
        })?;
        let invalid = |name: &str, want: &str| {
            V1Error::bad_request("invalid_header", format!("`{name}` must be {want}."))
        };
        let (lib, lib_version) = get("posthog-sdk-info")
            .and_then(|info| info.rsplit_once('/'))
            .filter(|(lib, version)| !lib.is_empty() && !version.is_empty())
            .ok_or_else(|| invalid("PostHog-Sdk-Info", "name/version"))?;
        get("posthog-attempt")
            .and_then(|attempt| attempt.parse::<u32>().ok())
            .filter(|attempt| *attempt >= 1)
            .ok_or_else(|| invalid("PostHog-Attempt", "a number from 1 on"))?;
        get("posthog-request-id")
            .and_then(|id| Uuid::parse_str(id).ok())
            .ok_or_else(|| invalid("PostHog-Request-Id", "a uuid"))?;
        let sent_at = get("posthog-request-timestamp")
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .ok_or_else(|| invalid("PostHog-Request-Timestamp", "an RFC 3339 time"))?
            .with_timezone(&Utc);
        Ok(Self {
            token,
            lib: lib.to_owned(),
            lib_version: lib_version.to_owned(),
            sent_at,
            encoding,
        })
    }
}

fn bearer(authorization: &str) -> Result<String, CaptureError> {
    let (scheme, token) = authorization.split_once(' ').ok_or(CaptureError::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(CaptureError::NoToken);
    }
    token::check(token).map(str::to_owned)
}
