//! The format language of `formatDateTime`.

use crate::FunctionError;
use crate::calendar::{civil, day_number, iso_week, weekday};
use crate::date_text::digits;
use crate::error::BAD_ARGUMENTS;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Appends `format` filled in for the local second `local`, `offset` seconds east of UTC.
pub(crate) fn format_time(
    out: &mut Vec<u8>,
    format: &[u8],
    local: i64,
    offset: i64,
    micros: i64,
) -> Result<(), FunctionError> {
    let day = local.div_euclid(86_400);
    let date = civil(day);
    let second = local.rem_euclid(86_400) as u64;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let hour12 = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    let month_name = MONTHS[date.month as usize - 1];
    let day_name = DAYS[weekday(day) as usize - 1];
    let mut bytes = format.iter();
    while let Some(&c) = bytes.next() {
        if c != b'%' {
            out.push(c);
            continue;
        }
        let Some(&directive) = bytes.next() else {
            return Err(FunctionError::new(
                BAD_ARGUMENTS,
                "Trailing '%' in the format of formatDateTime",
            ));
        };
        let nested: Option<&[u8]> = match directive {
            b'T' => Some(b"%H:%i:%S"),
            b'R' => Some(b"%H:%i"),
            b'F' => Some(b"%Y-%m-%d"),
            b'D' => Some(b"%m/%d/%y"),
            b'r' => Some(b"%I:%i %p"),
            _ => None,
        };
        if let Some(nested) = nested {
            format_time(out, nested, local, offset, micros)?;
            continue;
        }
        match directive {
            b'Y' => digits(out, date.year.max(0) as u64, 4),
            b'y' => digits(out, date.year.rem_euclid(100) as u64, 2),
            b'C' => digits(out, (date.year / 100).max(0) as u64, 2),
            b'm' | b'c' => digits(out, u64::from(date.month), 2),
            b'd' => digits(out, u64::from(date.day), 2),
            b'e' => out.extend_from_slice(date.day.to_string().as_bytes()),
            b'H' | b'k' => digits(out, hour, 2),
            b'I' | b'h' | b'l' => digits(out, hour12, 2),
            b'i' => digits(out, minute, 2),
            b'M' => out.extend_from_slice(month_name.as_bytes()),
            b'b' => out.extend_from_slice(&month_name.as_bytes()[..3]),
            b'W' => out.extend_from_slice(day_name.as_bytes()),
            b'a' => out.extend_from_slice(&day_name.as_bytes()[..3]),
            b'p' => out.extend_from_slice(if hour < 12 { b"AM" } else { b"PM" }),
            b'S' | b's' => digits(out, second % 60, 2),
            b'f' => digits(out, micros as u64, 6),
            b'j' => digits(out, (day - day_number(date.year, 1, 1) + 1) as u64, 3),
            b'u' => out.extend_from_slice(weekday(day).to_string().as_bytes()),
            b'w' => out.extend_from_slice((weekday(day) % 7).to_string().as_bytes()),
            b'V' => digits(out, u64::from(iso_week(day).1), 2),
            b'G' => digits(out, iso_week(day).0.max(0) as u64, 4),
            b'g' => digits(out, iso_week(day).0.rem_euclid(100) as u64, 2),
            b'Q' => out.extend_from_slice(((date.month - 1) / 3 + 1).to_string().as_bytes()),
            b'z' => {
                out.push(if offset < 0 { b'-' } else { b'+' });
                digits(out, offset.unsigned_abs() / 3600, 2);
                digits(out, offset.unsigned_abs() / 60 % 60, 2);
            }
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'%' => out.push(b'%'),
            other => {
                return Err(FunctionError::new(
                    BAD_ARGUMENTS,
                    format!("formatDateTime does not know %{}", char::from(other)),
                ));
            }
        }
    }
    Ok(())
}
