//! When an event happened: the client's timestamp, corrected by the skew of its clock.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc};
use serde_json::Value;

/// An event further ahead of the server's clock than this happened now.
const AHEAD_MAX: Duration = Duration::hours(23);

/// Numbers from here on are milliseconds, below it seconds: 10^11 s is the year 5138, 10^11 ms is March 1973.
const MILLISECONDS_FROM: f64 = 1e11;

/// What an event says about its time.
pub(crate) struct Claims<'a> {
    pub timestamp: Option<&'a Value>,
    pub offset_ms: Option<i64>,
    pub sent_at: Option<DateTime<Utc>>,
    pub ignore_sent_at: bool,
}

/// Never fails: what cannot be read counts as `received_at`. Whole microseconds.
pub(crate) fn event_time(claims: &Claims<'_>, received_at: DateTime<Utc>) -> DateTime<Utc> {
    let time = claimed_time(claims, received_at).unwrap_or(received_at);
    if time.signed_duration_since(received_at) > AHEAD_MAX {
        return whole_micros(received_at);
    }
    if !(0..=9999).contains(&time.year()) {
        return DateTime::UNIX_EPOCH;
    }
    whole_micros(time)
}

fn claimed_time(claims: &Claims<'_>, received_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Some(offset_ms) = claims.offset_ms {
        return received_at.checked_sub_signed(Duration::try_milliseconds(offset_ms)?);
    }
    let time = parse_value(claims.timestamp?)?;
    match claims.sent_at {
        Some(sent_at) if !claims.ignore_sent_at => {
            time.checked_sub_signed(sent_at.signed_duration_since(received_at))
        }
        Some(_) | None => Some(time),
    }
}

fn whole_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

fn parse_value(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => from_unix(number.as_f64()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// RFC 3339 and its relatives (date only, space or slash separated, offsets `+03`, no zone = UTC), RFC 2822, and unix
/// seconds or milliseconds as text.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    parse_iso(text.as_bytes())
        .or_else(|| parse_number(text))
        .or_else(|| {
            DateTime::parse_from_rfc2822(text)
                .ok()
                .map(|time| time.with_timezone(&Utc))
        })
}

fn parse_number(text: &str) -> Option<DateTime<Utc>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `parse::<f64>` alone would also take `inf`, `nan` and `1e9`.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    from_unix(text.parse().ok()?)
}

fn from_unix(number: f64) -> Option<DateTime<Utc>> {
    let micros = if number.abs() >= MILLISECONDS_FROM {
        number * 1e3
    } else {
        number * 1e6
    };
    // The range of i64, which a cast would silently clamp to.
    (micros.abs() < 9.2e18)
        .then(|| DateTime::from_timestamp_micros(micros.round() as i64))
        .flatten()
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn eat(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        wanted(first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(count)?;
        let number = head.iter().try_fold(0u32, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + u32::from(byte - b'0'))
        })?;
        self.0 = rest;
        Some(number)
    }

    fn at_end(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_iso(text: &[u8]) -> Option<DateTime<Utc>> {
    let mut cursor = Cursor(text);
    // JavaScript writes years beyond four digits as `+012345`.
    let year = match cursor.eat(|byte| byte == b'+' || byte == b'-') {
        Some(sign) => {
            let year = i32::try_from(cursor.digits(6)?).ok()?;
            if sign == b'-' { -year } else { year }
        }
        None => i32::try_from(cursor.digits(4)?).ok()?,
    };
    let separator = cursor.eat(|byte| byte == b'-' || byte == b'/')?;
    let month = cursor.digits(2)?;
    cursor.eat(|byte| byte == separator)?;
    let day = cursor.digits(2)?;
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    if cursor.at_end() {
        return Some(Utc.from_utc_datetime(&date.and_hms_opt(0, 0, 0)?));
    }
    cursor.eat(|byte| matches!(byte, b'T' | b't' | b' '))?;
    let hour = cursor.digits(2)?;
    cursor.eat(|byte| byte == b':')?;
    let minute = cursor.digits(2)?;
    let mut second = 0;
    let mut nanos = 0;
    if cursor.eat(|byte| byte == b':').is_some() {
        second = cursor.digits(2)?;
        if cursor.eat(|byte| byte == b'.' || byte == b',').is_some() {
            nanos = fraction(&mut cursor)?;
        }
    }
    // A leap second is counted as the first one of the next minute.
    let (second, leap) = if second == 60 { (59, 1) } else { (second, 0) };
    let local: NaiveDateTime = date.and_hms_nano_opt(hour, minute, second, nanos)?;
    let offset_minutes = zone(&mut cursor)?;
    let time = local
        .checked_add_signed(Duration::seconds(leap))?
        .checked_sub_signed(Duration::minutes(offset_minutes))?;
    Some(Utc.from_utc_datetime(&time))
}

/// Nanoseconds of the digits after the point; digits beyond the ninth are cut.
fn fraction(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut nanos = 0;
    let mut scale = 100_000_000;
    let mut any = false;
    while let Some(digit) = cursor.eat(|byte| byte.is_ascii_digit()) {
        nanos += u32::from(digit - b'0') * scale;
        scale /= 10;
        any = true;
    }
    any.then_some(nanos)
}

/// Minutes east of UTC; nothing means UTC.
fn zone(cursor: &mut Cursor<'_>) -> Option<i64> {
    while cursor.eat(|byte| byte == b' ').is_some() {}
    if cursor.at_end() || matches!(cursor.0, b"Z" | b"z" | b"UTC" | b"GMT") {
        return Some(0);
    }
    let sign = cursor.eat(|byte| byte == b'+' || byte == b'-')?;
    let hours = i64::from(cursor.digits(2)?);
    let minutes = if cursor.at_end() {
        0
    } else {
        cursor.eat(|byte| byte == b':');
        i64::from(cursor.digits(2)?)
    };
    if !cursor.at_end() || hours > 23 || minutes > 59 {
        return None;
    }
    let offset = hours * 60 + minutes;
    Some(if sign == b'-' { -offset } else { offset })
}

#[cfg(test)]
mod tests;
