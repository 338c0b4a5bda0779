//! Reading and writing dates and times as text.

use chrono_tz::Tz;

use crate::calendar::{civil, day_number, days_in_month};
use crate::zone::Zone;

pub(crate) fn write_date(out: &mut Vec<u8>, day: i64) {
    let c = civil(day);
    digits(out, c.year.clamp(0, 9999) as u64, 4);
    out.push(b'-');
    digits(out, u64::from(c.month), 2);
    out.push(b'-');
    digits(out, u64::from(c.day), 2);
}

pub(crate) fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let at = out.len();
    out.resize(at + width, b'0');
    for slot in out[at..].iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// `YYYY-MM-DD hh:mm:ss` of a local second count.
pub(crate) fn write_local(out: &mut Vec<u8>, local: i64) {
    write_date(out, local.div_euclid(86_400));
    let second = local.rem_euclid(86_400) as u64;
    out.push(b' ');
    digits(out, second / 3600, 2);
    out.push(b':');
    digits(out, second / 60 % 60, 2);
    out.push(b':');
    digits(out, second % 60, 2);
}

pub(crate) fn write_ticks(out: &mut Vec<u8>, ticks: i64, precision: u8, zone: &mut Zone) {
    let scale = 10i64.pow(u32::from(precision));
    write_local(out, zone.local_of(ticks.div_euclid(scale)));
    if precision > 0 {
        out.push(b'.');
        digits(out, ticks.rem_euclid(scale) as u64, usize::from(precision));
    }
}

fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0i64, |n, c| {
        c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0'))
    })
}

/// Length of the run of digits at the front.
fn digit_run(text: &[u8]) -> usize {
    text.iter().take_while(|c| c.is_ascii_digit()).count()
}

/// Reads `YYYY-M-D` or `YYYYMMDD` at the front; answers the day (0 for an impossible one, as ClickHouse) and the rest.
pub(crate) fn read_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let run = digit_run(text);
    if run >= 8 && !matches!(text.get(4), Some(b'-')) {
        let day = checked_day(number(&text[..4])?, number(&text[4..6])?, number(&text[6..8])?);
        return Some((day, &text[8..]));
    }
    if run != 4 || text.len() < 8 {
        return None;
    }
    let year = number(&text[..4])?;
    let separator = |c: u8| !c.is_ascii_digit() && !c.is_ascii_alphabetic();
    if !separator(text[4]) {
        return None;
    }
    let rest = &text[5..];
    let month_len = digit_run(rest).min(2);
    let month = number(&rest[..month_len])?;
    let rest = &rest[month_len..];
    if !rest.first().is_some_and(|&c| separator(c)) {
        return None;
    }
    let rest = &rest[1..];
    let day_len = digit_run(rest).min(2);
    let day = number(&rest[..day_len])?;
    Some((checked_day(year, month, day), &rest[day_len..]))
}

fn checked_day(year: i64, month: i64, day: i64) -> i64 {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1900 {
        return 0;
    }
    day_number(year, month as u32, day as u32)
}

/// The whole text as a day number for Date: a time after the day is cut off. Days before the epoch become the epoch.
pub(crate) fn parse_date(text: &[u8]) -> Option<u16> {
    let (day, rest) = read_date(text)?;
    if !rest.is_empty() && !matches!(rest[0], b' ' | b'T') {
        return None;
    }
    Some(u16::try_from(day.max(0)).unwrap_or(0))
}

/// A point in time as text: seconds of UTC and nanoseconds.
///
/// Accepts `YYYY-MM-DD`, `YYYY-MM-DD hh:mm[:ss[.f]]`, `T` for the blank, a `Z` or `±hh:mm` at the end, and a bare number of
/// seconds. Without an offset the time is of `zone`.
pub(crate) fn parse_time(text: &[u8], zone: &mut Zone) -> Option<(i64, u32)> {
    let (unsigned, negative) = match text.split_first() {
        Some((b'-', rest)) => (rest, true),
        _ => (text, false),
    };
    let run = digit_run(unsigned);
    if run > 0 && (negative || (run != 4 && run != 8)) {
        let seconds = number(&unsigned[..run])?;
        let (nanos, rest) = read_fraction(&unsigned[run..])?;
        if !rest.is_empty() {
            return None;
        }
        return Some(if negative && nanos > 0 {
            (-seconds - 1, 1_000_000_000 - nanos)
        } else if negative {
            (-seconds, 0)
        } else {
            (seconds, nanos)
        });
    }
    if text == b"0000-00-00 00:00:00" || text == b"0000-00-00" {
        return Some((0, 0));
    }
    let (day, rest) = read_date(text)?;
    if rest.is_empty() {
        return Some((zone.utc_of(day * 86_400), 0));
    }
    if !matches!(rest[0], b' ' | b'T') {
        return None;
    }
    let (second, nanos, rest) = read_clock(&rest[1..])?;
    let local = day * 86_400 + second;
    match read_offset(rest)? {
        Some(offset) => Some((local - offset, nanos)),
        None => Some((zone.utc_of(local), nanos)),
    }
}

/// `h[h]:mm[:ss[.fraction]]`: second of the day, nanoseconds, the rest.
fn read_clock(text: &[u8]) -> Option<(i64, u32, &[u8])> {
    let hour_len = digit_run(text).min(2);
    let hour = number(&text[..hour_len])?;
    let rest = text[hour_len..].strip_prefix(b":")?;
    let minute = number(rest.get(..2)?)?;
    let mut rest = &rest[2..];
    let (mut second, mut nanos) = (0, 0);
    if let Some(after) = rest.strip_prefix(b":") {
        second = number(after.get(..2)?)?;
        (nanos, rest) = read_fraction(&after[2..])?;
    }
    if hour > 29 || minute > 59 || second > 60 {
        return None;
    }
    Some((hour * 3600 + minute * 60 + second, nanos, rest))
}

fn read_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let run = digit_run(rest);
    let mut nanos = 0u32;
    for i in 0..9 {
        let digit = rest[..run].get(i).map_or(0, |c| u32::from(c - b'0'));
        nanos = nanos * 10 + digit;
    }
    Some((nanos, &rest[run..]))
}

/// `Z`, `±hh`, `±hhmm`, `±hh:mm`, or nothing; `None` for anything else.
fn read_offset(text: &[u8]) -> Option<Option<i64>> {
    let text = text.trim_ascii();
    match text.split_first() {
        None => Some(None),
        Some((b'Z' | b'z', [])) => Some(Some(0)),
        Some((sign @ (b'+' | b'-'), rest)) => {
            let digits: Vec<u8> = rest.iter().copied().filter(|c| *c != b':').collect();
            let (hours, minutes) = match digits.len() {
                1 | 2 => (number(&digits)?, 0),
                4 => (number(&digits[..2])?, number(&digits[2..])?),
                _ => return None,
            };
            let offset = hours * 3600 + minutes * 60;
            Some(Some(if *sign == b'-' { -offset } else { offset }))
        }
        _ if text.eq_ignore_ascii_case(b"UTC") || text.eq_ignore_ascii_case(b"GMT") => Some(Some(0)),
        _ => None,
    }
}

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// What `parseDateTimeBestEffort` has found so far.
#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    clock: Option<(i64, u32)>,
    offset: Option<i64>,
    afternoon: Option<bool>,
}

/// The many forms of `parseDateTimeBestEffort`: ISO, RFC 2822, `D/M/Y`, month names, unix seconds or milliseconds.
///
/// A date without a year is refused: which year is meant depends on the clock, and functions here do not read one.
pub(crate) fn parse_best_effort(text: &[u8], tz: Option<Tz>) -> Option<(i64, u32)> {
    let text = text.trim_ascii();
    let mut zone = Zone::new(tz);
    let mut found = Found::default();
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while let Some(&c) = rest.first() {
        let run = digit_run(rest);
        if run > 0 {
            if let Some(stamp) = unix_stamp(text, rest, run) {
                return stamp;
            }
            rest = found.digits(rest, run)?;
        } else if c.is_ascii_alphabetic() {
            rest = found.word(rest)?;
        } else if matches!(c, b'+' | b'-') && found.clock.is_some() && found.offset.is_none() {
            let len = rest[1..]
                .iter()
                .take_while(|c| c.is_ascii_digit() || **c == b':')
                .count()
                + 1;
            found.offset = Some(read_offset(&rest[..len])??);
            rest = &rest[len..];
        } else if matches!(c, b' ' | b',' | b'/' | b'-' | b'.' | b'\t' | b'(' | b')') {
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    found.instant(&mut zone)
}

/// Digits alone: 9 or 10 are seconds, 13 milliseconds. Outer `None`: not a unix time.
fn unix_stamp(text: &[u8], rest: &[u8], run: usize) -> Option<Option<(i64, u32)>> {
    if text.len() != rest.len() {
        return None;
    }
    let (nanos, tail) = read_fraction(&rest[run..])?;
    if !tail.is_empty() {
        return None;
    }
    let value = number(&rest[..run])?;
    match run {
        9 | 10 => Some(Some((value, nanos))),
        12 | 13 => Some(Some((value / 1000, (value % 1000) as u32 * 1_000_000))),
        15 | 16 => Some(Some((value / 1_000_000, (value % 1_000_000) as u32 * 1000))),
        _ => None,
    }
}

impl Found {
    fn digits<'a>(&mut self, text: &'a [u8], run: usize) -> Option<&'a [u8]> {
        let value = number(&text[..run])?;
        let rest = &text[run..];
        let next = rest.first().copied();
        match run {
            14 if self.is_empty() => {
                self.date(&text[..8])?;
                self.clock(&text[8..14])?;
            }
            8 if self.is_empty() => {
                self.date(&text[..8])?;
            }
            6 if self.day.is_some() && self.clock.is_none() => self.clock(&text[..6])?,
            4 if self.day.is_some() && self.year.is_some() && self.clock.is_none() => {
                self.clock(&text[..4])?
            }
            4 if self.year.is_none() => {
                self.year = Some(value);
                if matches!(next, Some(b'-' | b'/' | b'.')) && self.month.is_none() {
                    return self.after_year(&rest[1..], next?);
                }
            }
            1 | 2 if next == Some(b':') && self.clock.is_none() => {
                let (second, nanos, rest) = read_clock(text)?;
                self.clock = Some((second, nanos));
                return Some(rest);
            }
            1 | 2
                if matches!(next, Some(b'/' | b'-' | b'.')) && self.day.is_none() && self.month.is_none() =>
            {
                return self.day_first(value, &rest[1..], next?);
            }
            1 | 2 if self.day.is_none() => self.day = Some(value),
            1 | 2 if self.clock.is_none() && self.day.is_some() => {
                self.clock = Some((value * 3600, 0));
            }
            _ => return None,
        }
        Some(rest)
    }

    fn is_empty(&self) -> bool {
        self.year.is_none() && self.month.is_none() && self.day.is_none()
    }

    fn date(&mut self, eight: &[u8]) -> Option<()> {
        self.year = Some(number(&eight[..4])?);
        self.month = Some(number(&eight[4..6])?);
        self.day = Some(number(&eight[6..8])?);
        Some(())
    }

    fn clock(&mut self, digits: &[u8]) -> Option<()> {
        let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), number);
        self.clock = Some((part(0)? * 3600 + part(2)? * 60 + part(4)?, 0));
        Some(())
    }

    /// `MM[-DD]` after a year.
    fn after_year<'a>(&mut self, text: &'a [u8], separator: u8) -> Option<&'a [u8]> {
        let run = digit_run(text);
        if run == 0 {
            return Some(text);
        }
        self.month = Some(number(&text[..run.min(2)])?);
        let rest = &text[run.min(2)..];
        let Some(after) = rest.strip_prefix(&[separator]) else {
            return Some(rest);
        };
        let run = digit_run(after).min(2);
        self.day = Some(number(&after[..run])?);
        Some(&after[run..])
    }

    /// `MM/YYYY`, `MM/YY` or a month name after a day.
    fn day_first<'a>(&mut self, day: i64, text: &'a [u8], separator: u8) -> Option<&'a [u8]> {
        self.day = Some(day);
        let run = digit_run(text);
        if run == 0 {
            return Some(text);
        }
        if run > 2 {
            return None;
        }
        self.month = Some(number(&text[..run])?);
        let rest = &text[run..];
        let Some(after) = rest.strip_prefix(&[separator]) else {
            return Some(rest);
        };
        match digit_run(after) {
            4 => self.year = Some(number(&after[..4])?),
            2 => {
                let short = number(&after[..2])?;
                self.year = Some(if short < 70 { 2000 + short } else { 1900 + short });
            }
            _ => return None,
        }
        Some(&after[digit_run(after)..])
    }

    fn word<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let len = text.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let word = text[..len].to_ascii_lowercase();
        let rest = &text[len..];
        if word == b"t" && self.day.is_some() {
            return Some(rest);
        }
        if matches!(word.as_slice(), b"z" | b"utc" | b"gmt") && !self.is_empty() {
            self.offset = Some(0);
            return Some(rest);
        }
        if matches!(word.as_slice(), b"am" | b"pm") && self.clock.is_some() {
            self.afternoon = Some(word == b"pm");
            return Some(rest);
        }
        if len >= 3 {
            if let Some(month) = MONTHS.iter().position(|m| word.starts_with(m)) {
                self.month = Some(month as i64 + 1);
                return Some(rest);
            }
            if DAYS.iter().any(|d| word.starts_with(d)) {
                return Some(rest);
            }
        }
        None
    }

    fn instant(self, zone: &mut Zone) -> Option<(i64, u32)> {
        let year = self.year?;
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if !(1..=12).contains(&month) || day < 1 || day > i64::from(days_in_month(year, month as u32)) {
            return None;
        }
        let (mut second, nanos) = self.clock.unwrap_or((0, 0));
        if let Some(afternoon) = self.afternoon {
            let hour = second / 3600;
            match (afternoon, hour) {
                (true, 1..12) => second += 12 * 3600,
                (false, 12) => second -= 12 * 3600,
                _ => {}
            }
        }
        let local = day_number(year, month as u32, day as u32) * 86_400 + second;
        Some(match self.offset {
            Some(offset) => (local - offset, nanos),
            None => (zone.utc_of(local), nanos),
        })
    }
}
