//! Truncating, taking apart, moving and comparing points in time, in the zone of the value or of an argument.

use chrono_tz::Tz;
use engine_types::{Buffer, Column, DataType, IntervalUnit, StringColumnBuilder, Value};

use crate::calendar::{civil, day_number, iso_week, monday, month_index, month_start, sunday, weekday};
use crate::cast::{seconds, zone_of};
use crate::conversion::{constant_string, parse_zone, zone_argument, zone_column};
use crate::date_format::format_time;
use crate::definition::Definition;
use crate::error::{BAD_ARGUMENTS, ILLEGAL_TYPE};
use crate::interval::{bounded, move_times, moved_type};
use crate::operand::{Native, Operand, Strings, i64s};
use crate::text::clamp_seconds;
use crate::zone::Zone;
use crate::{Argument, FunctionError, TypedColumn};

const DAY: i64 = 86_400;

fn time_argument(function: &str, arg: &Argument<'_>) -> Result<(), FunctionError> {
    if arg.ty.is_time() {
        Ok(())
    } else {
        Err(FunctionError::illegal_type(function, arg.ty))
    }
}

/// A DateTime in the zone of argument `tz_at`, else of the value.
fn start_type(function: &str, args: &[Argument<'_>], tz_at: usize) -> Result<DataType, FunctionError> {
    time_argument(function, &args[0])?;
    let tz = zone_argument(args, tz_at, function)?.or(zone_of(args[0].ty));
    Ok(DataType::DateTime(tz))
}

fn date_type(function: &str, args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    time_argument(function, &args[0])?;
    Ok(DataType::Date)
}

/// Local day numbers of a time argument.
fn local_days(arg: &TypedColumn, tz: Option<Tz>) -> Result<Operand<i64>, FunctionError> {
    if arg.ty == DataType::Date {
        return i64::operand(&arg.column);
    }
    local_seconds(arg, tz).map(|local| match local {
        Operand::Const(v) => Operand::Const(v.div_euclid(DAY)),
        Operand::Slice(s) => Operand::Slice(s.iter().map(|v| v.div_euclid(DAY)).collect()),
    })
}

fn local_seconds(arg: &TypedColumn, tz: Option<Tz>) -> Result<Operand<i64>, FunctionError> {
    let utc = seconds(arg)?;
    let tz = if arg.ty == DataType::Date {
        None
    } else {
        tz.or(zone_of(&arg.ty))
    };
    if tz.is_none_or(|tz| tz == Tz::UTC) {
        return Ok(utc);
    }
    let mut zone = Zone::new(tz);
    Ok(match utc {
        Operand::Const(v) => Operand::Const(zone.local_of(v)),
        Operand::Slice(s) => Operand::Slice(s.iter().map(|&v| zone.local_of(v)).collect()),
    })
}

/// UTC seconds; a Date is the first instant of its day in the zone.
fn zoned_seconds(arg: &TypedColumn, zone: &mut Zone) -> Result<Operand<i64>, FunctionError> {
    if arg.ty != DataType::Date {
        return seconds(arg);
    }
    Ok(match i64::operand(&arg.column)? {
        Operand::Const(v) => Operand::Const(zone.day_start(v)),
        Operand::Slice(s) => Operand::Slice(s.iter().map(|&v| zone.day_start(v)).collect()),
    })
}

/// `f` of every value; a constant is computed once.
fn each<R: Copy>(values: &Operand<i64>, rows: usize, mut f: impl FnMut(i64) -> R) -> Buffer<R> {
    match values {
        Operand::Const(v) => vec![f(*v); rows].into(),
        Operand::Slice(s) => s.iter().map(|&v| f(v)).collect(),
    }
}

/// Seconds floored to `step` seconds of the wall clock (`step` at most an hour).
fn start_of_clock(
    arg: &TypedColumn,
    tz: Option<Tz>,
    step: i64,
    rows: usize,
) -> Result<Column, FunctionError> {
    let mut zone = Zone::new(tz);
    let utc = zoned_seconds(arg, &mut zone)?;
    Ok(Column::UInt32(each(&utc, rows, |t| {
        let offset = zone.offset_at(t);
        // Whole-hour offsets change nothing for steps that divide the hour.
        let shift = if offset % 3600 == 0 { 0 } else { offset };
        clamp_seconds((t + shift).div_euclid(step) * step - shift)
    })))
}

/// First instants of local days, `days` at a time counted from the epoch.
fn start_of_day(arg: &TypedColumn, tz: Option<Tz>, days: i64, rows: usize) -> Result<Column, FunctionError> {
    let mut zone = Zone::new(tz);
    if arg.ty == DataType::Date {
        let values = i64::operand(&arg.column)?;
        return Ok(Column::UInt32(each(&values, rows, |d| {
            clamp_seconds(zone.day_start(d.div_euclid(days) * days))
        })));
    }
    let utc = seconds(arg)?;
    // Runs of the same day are the rule: keep its bounds.
    let (mut from, mut until, mut start) = (1i64, 0i64, 0u32);
    Ok(Column::UInt32(each(&utc, rows, |t| {
        if t < from || t >= until {
            let day = zone.local_of(t).div_euclid(DAY).div_euclid(days) * days;
            from = zone.day_start(day);
            until = zone.day_start(day + days);
            start = clamp_seconds(from);
        }
        start
    })))
}

fn start_of_hours(
    arg: &TypedColumn,
    tz: Option<Tz>,
    hours: i64,
    rows: usize,
) -> Result<Column, FunctionError> {
    if hours == 1 {
        return start_of_clock(arg, tz, 3600, rows);
    }
    let mut zone = Zone::new(tz);
    let utc = zoned_seconds(arg, &mut zone)?;
    Ok(Column::UInt32(each(&utc, rows, |t| {
        let local = zone.local_of(t);
        let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        clamp_seconds(zone.utc_of(day * DAY + second / (hours * 3600) * (hours * 3600)))
    })))
}

/// Local days mapped to the first day of their period; `period` gives `first..next`.
fn start_of_period(
    arg: &TypedColumn,
    tz: Option<Tz>,
    rows: usize,
    period: impl Fn(i64) -> (i64, i64),
) -> Result<Column, FunctionError> {
    let days = local_days(arg, tz)?;
    let (mut first, mut next, mut start) = (1i64, 0i64, 0u16);
    Ok(Column::UInt16(each(&days, rows, |day| {
        if day < first || day >= next {
            (first, next) = period(day);
            start = u16::try_from(first.max(0)).unwrap_or(u16::MAX);
        }
        start
    })))
}

fn week(day: i64, monday_first: bool) -> (i64, i64) {
    let first = if monday_first { monday(day) } else { sunday(day) };
    (first, first + 7)
}

fn months(day: i64, count: i64) -> (i64, i64) {
    // ClickHouse counts months from 1900.
    let index = month_index(day) - 22_800;
    let first = index.div_euclid(count) * count + 22_800;
    (month_start(first), month_start(first + count))
}

fn years(day: i64, count: i64) -> (i64, i64) {
    let year = civil(day).year.div_euclid(count) * count;
    (day_number(year, 1, 1), day_number(year + count, 1, 1))
}

/// Truncation to `count` units, of `toStartOfInterval` and `dateTrunc`.
fn start_of(
    arg: &TypedColumn,
    tz: Option<Tz>,
    count: i64,
    unit: IntervalUnit,
    rows: usize,
) -> Result<Column, FunctionError> {
    if count < 1 {
        return Err(FunctionError::new(
            BAD_ARGUMENTS,
            "the interval of toStartOfInterval must be positive",
        ));
    }
    let zone = tz.or(zone_of(&arg.ty));
    let count = bounded(count);
    match unit {
        IntervalUnit::Second => start_of_clock(arg, zone, count, rows),
        IntervalUnit::Minute => start_of_clock(arg, zone, 60 * count, rows),
        IntervalUnit::Hour => start_of_hours(arg, zone, count, rows),
        IntervalUnit::Day => start_of_day(arg, zone, count, rows),
        IntervalUnit::Week if count == 1 => start_of_period(arg, tz, rows, |d| week(d, true)),
        // 1970-01-05 was the first Monday.
        IntervalUnit::Week => start_of_period(arg, tz, rows, |d| {
            let first = (d - 4).div_euclid(7 * count) * 7 * count + 4;
            (first, first + 7 * count)
        }),
        IntervalUnit::Month => start_of_period(arg, tz, rows, |d| months(d, count)),
        IntervalUnit::Quarter => start_of_period(arg, tz, rows, |d| months(d, 3 * count)),
        IntervalUnit::Year => start_of_period(arg, tz, rows, |d| years(d, count)),
    }
}

fn start_of_type(
    function: &str,
    args: &[Argument<'_>],
    value: usize,
    tz_at: usize,
    unit: IntervalUnit,
) -> Result<DataType, FunctionError> {
    time_argument(function, &args[value])?;
    let tz = zone_argument(args, tz_at, function)?.or(zone_of(args[value].ty));
    Ok(match unit {
        IntervalUnit::Second | IntervalUnit::Minute | IntervalUnit::Hour | IntervalUnit::Day => {
            DataType::DateTime(tz)
        }
        IntervalUnit::Week | IntervalUnit::Month | IntervalUnit::Quarter | IntervalUnit::Year => {
            DataType::Date
        }
    })
}

/// Units by name, `dd`-style abbreviations included.
fn unit_named(name: &str) -> Result<IntervalUnit, FunctionError> {
    let short = match name.to_ascii_lowercase().as_str() {
        "ss" | "s" => Some(IntervalUnit::Second),
        "mi" | "n" => Some(IntervalUnit::Minute),
        "hh" | "h" => Some(IntervalUnit::Hour),
        "dd" | "d" => Some(IntervalUnit::Day),
        "wk" | "ww" => Some(IntervalUnit::Week),
        "mm" | "m" => Some(IntervalUnit::Month),
        "qq" | "q" => Some(IntervalUnit::Quarter),
        "yyyy" | "yy" => Some(IntervalUnit::Year),
        _ => IntervalUnit::parse(name),
    };
    short.ok_or_else(|| FunctionError::new(BAD_ARGUMENTS, format!("'{name}' is not a unit of time")))
}

fn constant_text(arg: &TypedColumn) -> Result<String, FunctionError> {
    Ok(String::from_utf8_lossy(Strings::of(&arg.column)?.get(0)).into_owned())
}

/// What `dateDiff` counts.
#[derive(Clone, Copy)]
enum DiffUnit {
    /// Ticks of 10^-digits seconds.
    Fraction(u8),
    Unit(IntervalUnit),
}

fn diff_unit(name: &str) -> Result<DiffUnit, FunctionError> {
    Ok(match name.to_ascii_lowercase().trim_end_matches('s') {
        "millisecond" | "m" => DiffUnit::Fraction(3),
        "microsecond" | "u" => DiffUnit::Fraction(6),
        "nanosecond" => DiffUnit::Fraction(9),
        _ => DiffUnit::Unit(unit_named(name)?),
    })
}

fn date_diff(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let name = constant_text(&args[0])?;
    let tz = zone_column(args, 3)?;
    let unit = if name.eq_ignore_ascii_case("ms") {
        DiffUnit::Fraction(3)
    } else {
        diff_unit(&name)?
    };
    let (from, to) = (
        ordinal(&args[1], tz, unit, rows)?,
        ordinal(&args[2], tz, unit, rows)?,
    );
    Ok(Column::Int64(crate::operand::zip(
        &to,
        &from,
        rows,
        i64::wrapping_sub,
    )))
}

/// Number of the unit that holds each value: differences count the boundaries between.
fn ordinal(
    arg: &TypedColumn,
    tz: Option<Tz>,
    unit: DiffUnit,
    rows: usize,
) -> Result<Operand<i64>, FunctionError> {
    let mut zone = Zone::new(tz.or(zone_of(&arg.ty)));
    let unit = match unit {
        DiffUnit::Fraction(digits) => {
            if let DataType::DateTime64(precision, _) = &arg.ty {
                let ticks = i64::operand(&arg.column)?;
                let (up, down) = if *precision <= digits {
                    (10i64.pow(u32::from(digits - precision)), 1)
                } else {
                    (1, 10i64.pow(u32::from(precision - digits)))
                };
                return Ok(Operand::Slice(each(&ticks, rows, |t| {
                    t.saturating_mul(up).div_euclid(down)
                })));
            }
            let scale = 10i64.pow(u32::from(digits));
            let utc = zoned_seconds(arg, &mut zone)?;
            return Ok(Operand::Slice(each(&utc, rows, |t| t.saturating_mul(scale))));
        }
        DiffUnit::Unit(unit) => unit,
    };
    let values = match unit {
        IntervalUnit::Second => each(&zoned_seconds(arg, &mut zone)?, rows, |t| t),
        IntervalUnit::Minute => each(&zoned_seconds(arg, &mut zone)?, rows, |t| t.div_euclid(60)),
        IntervalUnit::Hour => {
            // Elapsed hours, cut where the zone's clock stood at the epoch.
            let shift = zone.offset_at(0);
            each(&zoned_seconds(arg, &mut zone)?, rows, |t| {
                (t + shift).div_euclid(3600)
            })
        }
        IntervalUnit::Day => each(&local_days(arg, tz)?, rows, |d| d),
        IntervalUnit::Week => each(&local_days(arg, tz)?, rows, |d| monday(d).div_euclid(7)),
        IntervalUnit::Month => each(&local_days(arg, tz)?, rows, month_index),
        IntervalUnit::Quarter => each(&local_days(arg, tz)?, rows, |d| month_index(d).div_euclid(3)),
        IntervalUnit::Year => each(&local_days(arg, tz)?, rows, |d| civil(d).year),
    };
    Ok(Operand::Slice(values))
}

fn date_diff_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let name = constant_string(args, 0, "dateDiff")?;
    diff_unit(&name)?;
    time_argument("dateDiff", &args[1])?;
    time_argument("dateDiff", &args[2])?;
    zone_argument(args, 3, "dateDiff")?;
    Ok(DataType::Int64)
}

fn add_type(args: &[Argument<'_>], unit: IntervalUnit) -> Result<DataType, FunctionError> {
    if !args[1].ty.is_number() {
        return Err(FunctionError::illegal_type("addition of time", args[1].ty));
    }
    moved_type("addition of time", args[0].ty, unit)
}

fn add(args: &[TypedColumn], unit: IntervalUnit, sign: i64, rows: usize) -> Result<Column, FunctionError> {
    move_times(&args[0], &i64s(&args[1])?, unit, sign, rows)
}

/// `dateAdd('unit', n, x)`, `dateAdd(x, INTERVAL …)` and `dateAdd(INTERVAL …, x)`.
fn date_add_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args {
        [a, b] => match (a.ty, b.ty) {
            (time, DataType::Interval(unit)) | (DataType::Interval(unit), time) => {
                moved_type("dateAdd", time, *unit)
            }
            (_, other) => Err(FunctionError::illegal_type("dateAdd", other)),
        },
        [_, amount, time] if amount.ty.is_number() => moved_type(
            "dateAdd",
            time.ty,
            unit_named(&constant_string(args, 0, "dateAdd")?)?,
        ),
        _ => Err(FunctionError::new(
            ILLEGAL_TYPE,
            "dateAdd takes a unit, a number and a time",
        )),
    }
}

fn date_add(args: &[TypedColumn], sign: i64, rows: usize) -> Result<Column, FunctionError> {
    match args {
        [a, b] => match (&a.ty, &b.ty) {
            (DataType::Interval(unit), _) => move_times(b, &i64s(a)?, *unit, sign, rows),
            (_, DataType::Interval(unit)) => move_times(a, &i64s(b)?, *unit, sign, rows),
            (_, other) => Err(FunctionError::illegal_type("dateAdd", other)),
        },
        [unit, amount, time] => move_times(
            time,
            &i64s(amount)?,
            unit_named(&constant_text(unit)?)?,
            sign,
            rows,
        ),
        _ => Err(FunctionError::new(
            ILLEGAL_TYPE,
            "dateAdd takes a unit, a number and a time",
        )),
    }
}

fn part_type(
    function: &str,
    args: &[Argument<'_>],
    tz_at: usize,
    ty: DataType,
) -> Result<DataType, FunctionError> {
    time_argument(function, &args[0])?;
    zone_argument(args, tz_at, function)?;
    Ok(ty)
}

/// A number of the local day; equal neighbours are computed once.
fn day_part<R: Native + Default>(
    args: &[TypedColumn],
    tz_at: usize,
    rows: usize,
    f: impl Fn(i64) -> R,
) -> Result<Column, FunctionError> {
    let days = local_days(&args[0], zone_column(args, tz_at)?)?;
    let (mut last, mut value) = (i64::MIN, R::default());
    Ok(R::column(each(&days, rows, |day| {
        if day != last {
            last = day;
            value = f(day);
        }
        value
    })))
}

fn clock_part(args: &[TypedColumn], rows: usize, f: impl Fn(i64) -> u8) -> Result<Column, FunctionError> {
    let local = local_seconds(&args[0], zone_column(args, 1)?)?;
    Ok(Column::UInt8(each(&local, rows, |t| f(t.rem_euclid(DAY)))))
}

/// Constant small integer of a mode argument; 0 when absent.
fn mode_argument(args: &[TypedColumn], at: usize) -> u64 {
    match args.get(at).map(|a| a.column.value(0)) {
        Some(Value::UInt(v)) => v,
        Some(Value::Int(v)) => v as u64,
        _ => 0,
    }
}

fn day_of_week(day: i64, mode: u64) -> u8 {
    let monday_one = weekday(day);
    (match mode & 3 {
        0 => monday_one,
        1 => monday_one - 1,
        2 => monday_one % 7,
        _ => monday_one % 7 + 1,
    }) as u8
}

/// Year and week of MySQL's modes 0 to 7.
fn mysql_week(day: i64, mode: u64, with_year: bool) -> (i64, u32) {
    let monday_first = mode & 1 != 0;
    let week_year = with_year || mode & 2 != 0;
    let mut first_weekday = mode & 4 != 0;
    if !monday_first {
        first_weekday = !first_weekday;
    }
    let year = civil(day).year;
    // Day of the week of 1 January, counted from the first day of the week.
    let start_offset = |year: i64| {
        let jan = day_number(year, 1, 1);
        let dow = if monday_first {
            i64::from(weekday(jan)) - 1
        } else {
            i64::from(weekday(jan) % 7)
        };
        // Start of week 1: the first week with its first weekday in the year, or with at least four days.
        let back = jan - dow;
        if first_weekday {
            if dow == 0 { jan } else { back + 7 }
        } else if dow > 3 {
            back + 7
        } else {
            back
        }
    };
    let start = start_offset(year);
    if day < start {
        if !week_year {
            return (year, 0);
        }
        let before = start_offset(year - 1);
        return (year - 1, ((day - before) / 7 + 1) as u32);
    }
    if week_year && day >= start_offset(year + 1) {
        return (year + 1, 1);
    }
    (year, ((day - start) / 7 + 1) as u32)
}

fn unix_timestamp(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let tz = zone_column(args, 1)?;
    if args[0].ty.is_string() {
        let parsed = crate::cast::cast_column(&args[0].column, &args[0].ty, &DataType::DateTime(tz))?;
        return Ok(parsed);
    }
    let mut zone = Zone::new(tz);
    let utc = zoned_seconds(&args[0], &mut zone)?;
    Ok(Column::UInt32(each(&utc, rows, |t| t as u32)))
}

fn to_ticks(args: &[TypedColumn], digits: u8, rows: usize) -> Result<Column, FunctionError> {
    match ordinal(&args[0], None, DiffUnit::Fraction(digits), rows)? {
        Operand::Slice(s) => Ok(Column::Int64(s)),
        Operand::Const(v) => Ok(Column::Int64(vec![v; rows].into())),
    }
}

fn ticks_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args[0].ty {
        DataType::DateTime64(..) => Ok(DataType::Int64),
        other => Err(FunctionError::illegal_type("toUnixTimestamp64", other)),
    }
}

fn from_ticks_type(args: &[Argument<'_>], precision: u8) -> Result<DataType, FunctionError> {
    if !args[0].ty.is_integer() {
        return Err(FunctionError::illegal_type("fromUnixTimestamp64", args[0].ty));
    }
    let tz = zone_argument(args, 1, "fromUnixTimestamp64")?;
    Ok(DataType::DateTime64(precision, tz))
}

fn from_ticks(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    Ok(Column::Int64(each(&i64s(&args[0])?, rows, |t| t)))
}

fn to_zone_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let tz = Some(parse_zone(&constant_string(args, 1, "toTimeZone")?)?);
    match args[0].ty {
        DataType::DateTime(_) => Ok(DataType::DateTime(tz)),
        DataType::DateTime64(precision, _) => Ok(DataType::DateTime64(*precision, tz)),
        other => Err(FunctionError::illegal_type("toTimeZone", other)),
    }
}

fn format_date_time(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let formats = Strings::of(&args[1].column)?;
    let tz = zone_column(args, 2)?.or(zone_of(&args[0].ty));
    let mut zone = Zone::new(tz);
    let utc = if args[0].ty == DataType::Date {
        None
    } else {
        Some(seconds(&args[0])?)
    };
    let values = i64::operand(&args[0].column)?;
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 16);
    for i in 0..rows {
        let (local, offset, micros) = match (&utc, &args[0].ty) {
            (None, _) => (values.at(i) * DAY, 0, 0),
            (Some(utc), DataType::DateTime64(precision, _)) => {
                let scale = 10i64.pow(u32::from(*precision));
                let micros = values.at(i).rem_euclid(scale) * 1_000_000 / scale;
                (zone.local_of(utc.at(i)), zone.offset_at(utc.at(i)), micros)
            }
            (Some(utc), _) => (zone.local_of(utc.at(i)), zone.offset_at(utc.at(i)), 0),
        };
        format_time(out.arena(), formats.get(i), local, offset, micros)?;
        out.end_row();
    }
    Ok(Column::String(out.finish()))
}

/// `toStartOfX(t[, tz])` of a clock unit.
macro_rules! clock_start {
    ($name:literal, $step:expr) => {
        Definition::new(
            $name,
            (1, 2),
            |a| start_type($name, a, 1),
            |a, t, n| start_of_clock(&a[0], zone_of(t), $step, n),
        )
    };
}

macro_rules! period_start {
    ($name:literal, $period:expr) => {
        Definition::new(
            $name,
            (1, 2),
            |a| date_type($name, a),
            |a, _, n| start_of_period(&a[0], zone_column(a, 1)?, n, $period),
        )
    };
}

macro_rules! day_number_part {
    ($name:literal, $ty:expr, $f:expr) => {
        Definition::new(
            $name,
            (1, 2),
            |a| part_type($name, a, 1, $ty),
            |a, _, n| day_part(a, 1, n, $f),
        )
    };
}

macro_rules! adders {
    ($($add:literal, $subtract:literal => $unit:expr;)*) => {
        static ADDERS: &[Definition] = &[$(
            Definition::new($add, (2, 2), |a| add_type(a, $unit), |a, _, n| add(a, $unit, 1, n)),
            Definition::new($subtract, (2, 2), |a| add_type(a, $unit), |a, _, n| add(a, $unit, -1, n)),
        )*];
    };
}
adders!(
    "addSeconds", "subtractSeconds" => IntervalUnit::Second;
    "addMinutes", "subtractMinutes" => IntervalUnit::Minute;
    "addHours", "subtractHours" => IntervalUnit::Hour;
    "addDays", "subtractDays" => IntervalUnit::Day;
    "addWeeks", "subtractWeeks" => IntervalUnit::Week;
    "addMonths", "subtractMonths" => IntervalUnit::Month;
    "addQuarters", "subtractQuarters" => IntervalUnit::Quarter;
    "addYears", "subtractYears" => IntervalUnit::Year;
);

static OTHERS: &[Definition] = &[
    clock_start!("toStartOfMinute", 60),
    clock_start!("toStartOfFiveMinutes", 300),
    clock_start!("toStartOfTenMinutes", 600),
    clock_start!("toStartOfFifteenMinutes", 900),
    clock_start!("timeSlot", 1800),
    clock_start!("toStartOfHour", 3600),
    Definition::new(
        "toStartOfDay",
        (1, 2),
        |a| start_type("toStartOfDay", a, 1),
        |a, t, n| start_of_day(&a[0], zone_of(t), 1, n),
    ),
    Definition::new(
        "toStartOfWeek",
        (1, 3),
        |a| date_type("toStartOfWeek", a),
        |a, _, n| {
            let mode = mode_argument(a, 1);
            start_of_period(&a[0], zone_column(a, 2)?, n, |d| week(d, mode & 1 != 0))
        },
    ),
    Definition::new(
        "toLastDayOfWeek",
        (1, 3),
        |a| date_type("toLastDayOfWeek", a),
        |a, _, n| {
            let mode = mode_argument(a, 1);
            day_part(a, 2, n, |d| {
                (week(d, mode & 1 != 0).0 + 6).clamp(0, 65_535) as u16
            })
        },
    ),
    period_start!("toMonday", |d| week(d, true)),
    period_start!("toStartOfMonth", |d| months(d, 1)),
    period_start!("toStartOfQuarter", |d| months(d, 3)),
    period_start!("toStartOfYear", |d| years(d, 1)),
    period_start!("toStartOfISOYear", |d| {
        let year = iso_week(d).0;
        (monday(day_number(year, 1, 4)), monday(day_number(year + 1, 1, 4)))
    }),
    day_number_part!(
        "toLastDayOfMonth",
        DataType::Date,
        |d| (months(d, 1).1 - 1).clamp(0, 65_535) as u16
    ),
    Definition::new(
        "toStartOfInterval",
        (2, 3),
        |a| match a[1].ty {
            DataType::Interval(unit) => start_of_type("toStartOfInterval", a, 0, 2, *unit),
            other => Err(FunctionError::illegal_type("toStartOfInterval", other)),
        },
        |a, _, n| match (&a[1].ty, a[1].column.value(0)) {
            (DataType::Interval(unit), Value::Int(count)) => {
                start_of(&a[0], zone_column(a, 2)?, count, *unit, n)
            }
            (other, _) => Err(FunctionError::illegal_type("toStartOfInterval", other)),
        },
    ),
    Definition::new(
        "dateTrunc",
        (2, 3),
        |a| {
            start_of_type(
                "dateTrunc",
                a,
                1,
                2,
                unit_named(&constant_string(a, 0, "dateTrunc")?)?,
            )
        },
        |a, _, n| {
            start_of(
                &a[1],
                zone_column(a, 2)?,
                1,
                unit_named(&constant_text(&a[0])?)?,
                n,
            )
        },
    ),
    Definition::new("dateDiff", (3, 4), date_diff_type, date_diff),
    Definition::new("dateAdd", (2, 3), date_add_type, |a, _, n| date_add(a, 1, n)),
    Definition::new("dateSub", (2, 3), date_add_type, |a, _, n| date_add(a, -1, n)),
    day_number_part!("toYear", DataType::UInt16, |d| civil(d).year as u16),
    day_number_part!("toQuarter", DataType::UInt8, |d| ((civil(d).month - 1) / 3 + 1)
        as u8),
    day_number_part!("toMonth", DataType::UInt8, |d| civil(d).month as u8),
    day_number_part!("toDayOfMonth", DataType::UInt8, |d| civil(d).day as u8),
    day_number_part!(
        "toDayOfYear",
        DataType::UInt16,
        |d| (d - day_number(civil(d).year, 1, 1) + 1) as u16
    ),
    Definition::new(
        "toDayOfWeek",
        (1, 3),
        |a| part_type("toDayOfWeek", a, 2, DataType::UInt8),
        |a, _, n| {
            let mode = mode_argument(a, 1);
            day_part(a, 2, n, |d| day_of_week(d, mode))
        },
    ),
    day_number_part!("toISOWeek", DataType::UInt8, |d| iso_week(d).1 as u8),
    day_number_part!("toISOYear", DataType::UInt16, |d| iso_week(d).0 as u16),
    Definition::new(
        "toWeek",
        (1, 3),
        |a| part_type("toWeek", a, 2, DataType::UInt8),
        |a, _, n| {
            let mode = mode_argument(a, 1);
            day_part(a, 2, n, |d| mysql_week(d, mode, false).1 as u8)
        },
    ),
    Definition::new(
        "toYearWeek",
        (1, 3),
        |a| part_type("toYearWeek", a, 2, DataType::UInt32),
        |a, _, n| {
            let mode = mode_argument(a, 1);
            day_part(a, 2, n, |d| {
                let (year, week) = mysql_week(d, mode, true);
                year as u32 * 100 + week
            })
        },
    ),
    day_number_part!("toYYYYMM", DataType::UInt32, |d| {
        let c = civil(d);
        c.year as u32 * 100 + c.month
    }),
    day_number_part!("toYYYYMMDD", DataType::UInt32, |d| {
        let c = civil(d);
        (c.year as u32 * 100 + c.month) * 100 + c.day
    }),
    day_number_part!("toRelativeDayNum", DataType::UInt32, |d| d as u32),
    Definition::new(
        "toYYYYMMDDhhmmss",
        (1, 2),
        |a| part_type("toYYYYMMDDhhmmss", a, 1, DataType::UInt64),
        |a, _, n| {
            let local = local_seconds(&a[0], zone_column(a, 1)?)?;
            Ok(Column::UInt64(each(&local, n, |t| {
                let (c, s) = (civil(t.div_euclid(DAY)), t.rem_euclid(DAY) as u64);
                let date = (c.year as u64 * 100 + u64::from(c.month)) * 100 + u64::from(c.day);
                date * 1_000_000 + s / 3600 * 10_000 + s / 60 % 60 * 100 + s % 60
            })))
        },
    ),
    Definition::new(
        "toHour",
        (1, 2),
        |a| part_type("toHour", a, 1, DataType::UInt8),
        |a, _, n| clock_part(a, n, |s| (s / 3600) as u8),
    ),
    Definition::new(
        "toMinute",
        (1, 2),
        |a| part_type("toMinute", a, 1, DataType::UInt8),
        |a, _, n| clock_part(a, n, |s| (s / 60 % 60) as u8),
    ),
    Definition::new(
        "toSecond",
        (1, 2),
        |a| part_type("toSecond", a, 1, DataType::UInt8),
        |a, _, n| clock_part(a, n, |s| (s % 60) as u8),
    ),
    Definition::new(
        "toMillisecond",
        (1, 2),
        |a| part_type("toMillisecond", a, 1, DataType::UInt16),
        |a, _, n| {
            let Column::Int64(ticks) = to_ticks(a, 3, n)? else {
                return Err(FunctionError::form("Int64"));
            };
            Ok(Column::UInt16(
                ticks.iter().map(|t| t.rem_euclid(1000) as u16).collect(),
            ))
        },
    ),
    Definition::new(
        "toUnixTimestamp",
        (1, 2),
        |a| {
            zone_argument(a, 1, "toUnixTimestamp")?;
            if a[0].ty.is_string() || a[0].ty.is_time() {
                Ok(DataType::UInt32)
            } else {
                Err(FunctionError::illegal_type("toUnixTimestamp", a[0].ty))
            }
        },
        unix_timestamp,
    ),
    Definition::new("toUnixTimestamp64Second", (1, 1), ticks_type, |a, _, n| {
        to_ticks(a, 0, n)
    }),
    Definition::new("toUnixTimestamp64Milli", (1, 1), ticks_type, |a, _, n| {
        to_ticks(a, 3, n)
    }),
    Definition::new("toUnixTimestamp64Micro", (1, 1), ticks_type, |a, _, n| {
        to_ticks(a, 6, n)
    }),
    Definition::new("toUnixTimestamp64Nano", (1, 1), ticks_type, |a, _, n| {
        to_ticks(a, 9, n)
    }),
    Definition::new(
        "fromUnixTimestamp64Second",
        (1, 2),
        |a| from_ticks_type(a, 0),
        from_ticks,
    ),
    Definition::new(
        "fromUnixTimestamp64Milli",
        (1, 2),
        |a| from_ticks_type(a, 3),
        from_ticks,
    ),
    Definition::new(
        "fromUnixTimestamp64Micro",
        (1, 2),
        |a| from_ticks_type(a, 6),
        from_ticks,
    ),
    Definition::new(
        "fromUnixTimestamp64Nano",
        (1, 2),
        |a| from_ticks_type(a, 9),
        from_ticks,
    ),
    Definition::new(
        "fromUnixTimestamp",
        (1, 1),
        |a| {
            if a[0].ty.is_integer() {
                Ok(DataType::DateTime(None))
            } else {
                Err(FunctionError::illegal_type("fromUnixTimestamp", a[0].ty))
            }
        },
        |a, _, n| Ok(Column::UInt32(each(&i64s(&a[0])?, n, clamp_seconds))),
    ),
    Definition::new("toTimeZone", (2, 2), to_zone_type, |a, _, _| {
        Ok(a[0].column.clone())
    }),
    Definition::new(
        "timeZoneOf",
        (1, 1),
        |a| time_argument("timeZoneOf", &a[0]).map(|()| DataType::String),
        |a, _, n| {
            let name = zone_of(&a[0].ty).map_or("UTC", |tz| tz.name());
            Ok(Column::constant(&DataType::String, &Value::string(name), n))
        },
    ),
    Definition::new(
        "timeZoneOffset",
        (1, 1),
        |a| time_argument("timeZoneOffset", &a[0]).map(|()| DataType::Int32),
        |a, _, n| {
            let mut zone = Zone::new(zone_of(&a[0].ty));
            Ok(Column::Int32(each(&seconds(&a[0])?, n, |t| {
                zone.offset_at(t) as i32
            })))
        },
    ),
    Definition::new(
        "formatDateTime",
        (2, 3),
        |a| {
            time_argument("formatDateTime", &a[0])?;
            zone_argument(a, 2, "formatDateTime")?;
            Ok(DataType::String)
        },
        format_date_time,
    ),
    Definition::new(
        "makeDate",
        (3, 3),
        |_| Ok(DataType::Date),
        |a, _, n| {
            let (y, m, d) = (i64s(&a[0])?, i64s(&a[1])?, i64s(&a[2])?);
            Ok(Column::UInt16(
                (0..n)
                    .map(|i| match (y.at(i), m.at(i), d.at(i)) {
                        (y @ 1970..=2149, m @ 1..=12, d @ 1..=31) => {
                            u16::try_from(day_number(y, m as u32, d as u32)).unwrap_or(0)
                        }
                        _ => 0,
                    })
                    .collect(),
            ))
        },
    ),
];

pub(crate) fn functions() -> impl Iterator<Item = &'static Definition> {
    ADDERS.iter().chain(OTHERS)
}
