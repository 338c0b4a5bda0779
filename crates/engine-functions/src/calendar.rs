//! Proleptic Gregorian arithmetic on day numbers since 1970-01-01.

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

/// Day number of a date; a day past the month's end runs into the next month.
pub(crate) fn day_number(year: i64, month: u32, day: u32) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let shifted = i64::from((month + 9) % 12);
    let doy = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

pub(crate) fn civil(day: i64) -> Civil {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    Civil {
        year: yoe + era * 400 + i64::from(month <= 2),
        month,
        day,
    }
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The same day `months` later, cut to the last day of a shorter month.
pub(crate) fn add_months(day: i64, months: i64) -> i64 {
    let c = civil(day);
    let index = c.year * 12 + i64::from(c.month) - 1 + months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) as u32 + 1);
    day_number(year, month, c.day.min(days_in_month(year, month)))
}

/// Months since year 0: differences count month boundaries.
pub(crate) fn month_index(day: i64) -> i64 {
    let c = civil(day);
    c.year * 12 + i64::from(c.month) - 1
}

/// First day of the month with this [`month_index`].
pub(crate) fn month_start(index: i64) -> i64 {
    day_number(index.div_euclid(12), index.rem_euclid(12) as u32 + 1, 1)
}

/// 1 = Monday … 7 = Sunday.
pub(crate) fn weekday(day: i64) -> u32 {
    ((day + 3).rem_euclid(7) + 1) as u32
}

pub(crate) fn monday(day: i64) -> i64 {
    day - (i64::from(weekday(day)) - 1)
}

/// The Sunday on or before.
pub(crate) fn sunday(day: i64) -> i64 {
    day - i64::from(weekday(day) % 7)
}

/// Year and week of ISO 8601.
pub(crate) fn iso_week(day: i64) -> (i64, u32) {
    let thursday = monday(day) + 3;
    let year = civil(thursday).year;
    (year, ((thursday - day_number(year, 1, 1)) / 7 + 1) as u32)
}
