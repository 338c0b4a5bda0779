//! Texts that name a date or an instant: `2020-01-04`, ISO times, `-7d`, `mStart`.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use model::Interval;

use super::calendar::{Calendar, days_later, first_of_month, months_later};

/// What a date's text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateText {
    /// `all`: no bound.
    All,
    At {
        instant: DateTime<Utc>,
        precision: Precision,
    },
}

/// Whether a text names a whole day (the instant is its start) or a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Day,
    Instant,
}

/// Offsets further away than this are no dates of events.
const OFFSET_MAX: i64 = 100_000;

/// `None`: not a date.
pub(crate) fn read_date(text: &str, calendar: Calendar, now: DateTime<Utc>) -> Option<DateText> {
    let text = text.trim();
    if text == "all" {
        return Some(DateText::All);
    }
    let day = |date: NaiveDate| DateText::At {
        instant: calendar.midnight(date),
        precision: Precision::Day,
    };
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day(date));
    }
    if let Some(instant) = read_instant(text, calendar) {
        return Some(DateText::At {
            instant,
            precision: Precision::Instant,
        });
    }
    let today = calendar.date(now);
    match read_offset(text)? {
        Offset {
            count,
            unit: Unit::Hour,
            position: Position::None,
        } => {
            let instant = calendar.truncate(now - TimeDelta::hours(count), Interval::Hour);
            Some(DateText::At {
                instant,
                precision: Precision::Instant,
            })
        }
        // Nothing names the start or the end of an hour.
        Offset { unit: Unit::Hour, .. } => None,
        Offset {
            count,
            unit: Unit::Day,
            ..
        } => Some(day(days_later(today, -count))),
        Offset {
            count,
            unit: Unit::Week,
            position: Position::None,
        } => Some(day(days_later(today, -7 * count))),
        Offset { unit: Unit::Week, .. } => None,
        Offset {
            count,
            unit: Unit::Month,
            position,
        } => {
            let date = months_later(today, -count);
            Some(day(match position {
                Position::None => date,
                Position::Start => first_of_month(date),
                Position::End => days_later(first_of_month(months_later(date, 1)), -1),
            }))
        }
        Offset {
            count,
            unit: Unit::Year,
            position,
        } => {
            let date = months_later(today, -12 * count);
            Some(day(match position {
                Position::None => date,
                Position::Start => NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap_or(date),
                Position::End => NaiveDate::from_ymd_opt(date.year(), 12, 31).unwrap_or(date),
            }))
        }
    }
}

/// An ISO time: with an offset an instant, without one the project's clock.
fn read_instant(text: &str, calendar: Calendar) -> Option<DateTime<Utc>> {
    // In a query string `+` stands for a space, so that an offset may arrive as ` 02:00`.
    let iso = if text.contains('T') {
        text.to_owned()
    } else {
        text.replacen(' ', "T", 1)
    };
    for candidate in [iso.clone(), iso.replace(' ', "+")] {
        if let Ok(instant) = DateTime::<FixedOffset>::parse_from_rfc3339(&candidate) {
            return Some(instant.with_timezone(&Utc));
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
            if let Ok(instant) = DateTime::<FixedOffset>::parse_from_str(&candidate, format) {
                return Some(instant.with_timezone(&Utc));
            }
        }
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&iso, format).ok())
        .map(|local| calendar.instant(local))
}

struct Offset {
    count: i64,
    unit: Unit,
    position: Position,
}

enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

enum Position {
    None,
    Start,
    End,
}

/// `-7d`, `7d`, `-1mStart`, `dStart`: the sign says nothing, offsets always reach back.
fn read_offset(text: &str) -> Option<Offset> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = unsigned.find(|character: char| !character.is_ascii_digit())?;
    let (count, rest) = unsigned.split_at(digits);
    let mut characters = rest.chars();
    let unit = match characters.next()? {
        'h' => Unit::Hour,
        'd' => Unit::Day,
        'w' => Unit::Week,
        'm' => Unit::Month,
        'y' => Unit::Year,
        _ => return None,
    };
    let position = match characters.as_str() {
        "" => Position::None,
        "Start" => Position::Start,
        "End" => Position::End,
        _ => return None,
    };
    let count = match (count.is_empty(), &position) {
        (true, Position::None) => return None,
        (true, Position::Start | Position::End) => 0,
        (false, _) => count.parse().ok().filter(|count| *count <= OFFSET_MAX)?,
    };
    Some(Offset {
        count,
        unit,
        position,
    })
}
