//! The conversion functions: `CAST`, `toX`, `toXOrNull`, `toXOrZero`, `parseDateTimeBestEffort`.

use chrono_tz::Tz;
use engine_types::{Column, DataType, IntervalUnit, Value};

use crate::cast::{cast_column, parse_or_null, time_to_time, to_string, try_parse};
use crate::date_text::parse_best_effort;
use crate::definition::{ANY, Definition};
use crate::error::{BAD_ARGUMENTS, CANNOT_PARSE_DATETIME};
use crate::operand::{Strings, nullable, repeat};
use crate::text::{clamp_seconds, parse_uuid, to_ticks};
use crate::{Argument, FunctionError, TypedColumn};

/// The constant string of an argument.
pub(crate) fn constant_string(
    args: &[Argument<'_>],
    at: usize,
    function: &str,
) -> Result<String, FunctionError> {
    match args.get(at).and_then(|a| a.constant) {
        Some(Value::String(s)) => Ok(String::from_utf8_lossy(s).into_owned()),
        _ => Err(FunctionError::new(
            BAD_ARGUMENTS,
            format!(
                "Argument {} of function {function} must be a constant string",
                at + 1
            ),
        )),
    }
}

pub(crate) fn parse_zone(name: &str) -> Result<Tz, FunctionError> {
    name.parse()
        .map_err(|_| FunctionError::new(BAD_ARGUMENTS, format!("Cannot load time zone {name}")))
}

/// The zone in argument `at`, when it is there.
pub(crate) fn zone_argument(
    args: &[Argument<'_>],
    at: usize,
    function: &str,
) -> Result<Option<Tz>, FunctionError> {
    if args.len() <= at {
        return Ok(None);
    }
    parse_zone(&constant_string(args, at, function)?).map(Some)
}

/// The zone in the constant column of argument `at`, when it is there.
pub(crate) fn zone_column(args: &[TypedColumn], at: usize) -> Result<Option<Tz>, FunctionError> {
    let Some(arg) = args.get(at) else {
        return Ok(None);
    };
    let names = Strings::of(&arg.column)?;
    parse_zone(&String::from_utf8_lossy(names.get(0))).map(Some)
}

fn or_null(args: &[TypedColumn], result: &DataType, _: usize) -> Result<Column, FunctionError> {
    parse_or_null(&args[0].column, result.bare())
}

fn or_zero(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    Ok(try_parse(&Strings::of(&args[0].column)?, rows, result).0)
}

fn only_string(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    if args[0].ty.is_string() {
        Ok(ty)
    } else {
        Err(FunctionError::illegal_type(
            "conversion OrNull or OrZero",
            args[0].ty,
        ))
    }
}

fn cast_to_result(args: &[TypedColumn], result: &DataType, _: usize) -> Result<Column, FunctionError> {
    cast_column(&args[0].column, &args[0].ty, result)
}

macro_rules! to_type {
    ($($name:literal, $null:literal, $zero:literal => $ty:expr;)*) => {
        static TO_TYPE: &[Definition] = &[$(
            Definition::new($name, (1, 1), |_| Ok($ty), cast_to_result),
            Definition::new($null, (1, 1), |a| only_string(a, $ty.nullable()), or_null),
            Definition::new($zero, (1, 1), |a| only_string(a, $ty), or_zero),
        )*];
    };
}
to_type!(
    "toInt8", "toInt8OrNull", "toInt8OrZero" => DataType::Int8;
    "toInt16", "toInt16OrNull", "toInt16OrZero" => DataType::Int16;
    "toInt32", "toInt32OrNull", "toInt32OrZero" => DataType::Int32;
    "toInt64", "toInt64OrNull", "toInt64OrZero" => DataType::Int64;
    "toUInt8", "toUInt8OrNull", "toUInt8OrZero" => DataType::UInt8;
    "toUInt16", "toUInt16OrNull", "toUInt16OrZero" => DataType::UInt16;
    "toUInt32", "toUInt32OrNull", "toUInt32OrZero" => DataType::UInt32;
    "toUInt64", "toUInt64OrNull", "toUInt64OrZero" => DataType::UInt64;
    "toFloat32", "toFloat32OrNull", "toFloat32OrZero" => DataType::Float32;
    "toFloat64", "toFloat64OrNull", "toFloat64OrZero" => DataType::Float64;
    "toUUID", "toUUIDOrNull", "toUUIDOrZero" => DataType::Uuid;
    "toBool", "toBoolOrNull", "toBoolOrZero" => DataType::Bool;
);

fn precision(args: &[Argument<'_>]) -> Result<u8, FunctionError> {
    let value = match args.get(1).and_then(|a| a.constant) {
        Some(Value::UInt(v)) => u8::try_from(*v).ok(),
        Some(Value::Int(v)) => u8::try_from(*v).ok(),
        None if args.len() == 1 => Some(3),
        _ => None,
    };
    value.filter(|p| *p <= 9).ok_or_else(|| {
        FunctionError::new(
            BAD_ARGUMENTS,
            "the scale of toDateTime64 must be a constant from 0 to 9",
        )
    })
}

fn date_time(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let own = match args[0].ty {
        DataType::DateTime(tz) | DataType::DateTime64(_, tz) => *tz,
        _ => None,
    };
    Ok(DataType::DateTime(zone_argument(args, 1, "toDateTime")?.or(own)))
}

fn date_time64(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let own = match args[0].ty {
        DataType::DateTime(tz) | DataType::DateTime64(_, tz) => *tz,
        _ => None,
    };
    Ok(DataType::DateTime64(
        precision(args)?,
        zone_argument(args, 2, "toDateTime64")?.or(own),
    ))
}

fn to_date(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    match (&args[0].ty, zone_column(args, 1)?) {
        (from @ (DataType::DateTime(_) | DataType::DateTime64(..)), Some(tz)) => {
            let column = args[0].column.flatten();
            time_to_time(&column, from, &DataType::Date, Some(tz))
        }
        _ => cast_to_result(args, result, rows),
    }
}

fn string_of(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let tz = zone_column(args, 1)?;
    match &args[0].column {
        Column::Const(c) => Ok(repeat(to_string(&c.value, &args[0].ty, tz)?, c.len)),
        column => to_string(column, &args[0].ty, tz),
    }
}

fn cast_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let name = constant_string(args, 1, "CAST")?;
    DataType::parse(&name).map_err(|e| FunctionError::new(50, e.to_string()))
}

fn interval(args: &[Argument<'_>], unit: IntervalUnit) -> Result<DataType, FunctionError> {
    if args[0].ty.is_number() || args[0].ty.is_string() {
        Ok(DataType::Interval(unit))
    } else {
        Err(FunctionError::illegal_type("toInterval", args[0].ty))
    }
}

/// How `parseDateTimeBestEffort…` treats text it cannot read.
#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    Error,
    Null,
    Zero,
}

fn best_effort(
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
    refusal: Refusal,
) -> Result<Column, FunctionError> {
    let strings = Strings::of(&args[0].column)?;
    let (precision, tz) = match result.bare() {
        DataType::DateTime64(precision, tz) => (Some(*precision), *tz),
        DataType::DateTime(tz) => (None, *tz),
        _ => (None, None),
    };
    let mut nulls = vec![0u8; rows];
    let mut times = Vec::with_capacity(rows);
    for (i, null) in nulls.iter_mut().enumerate() {
        match parse_best_effort(strings.get(i), tz) {
            Some(time) => times.push(time),
            None if refusal == Refusal::Error => {
                return Err(FunctionError::new(
                    CANNOT_PARSE_DATETIME,
                    format!(
                        "Cannot read DateTime from '{}'",
                        String::from_utf8_lossy(strings.get(i))
                    ),
                ));
            }
            None => {
                times.push((0, 0));
                *null = 1;
            }
        }
    }
    let values = match precision {
        Some(precision) => Column::Int64(times.iter().map(|t| to_ticks(*t, precision)).collect()),
        None => Column::UInt32(times.iter().map(|t| clamp_seconds(t.0)).collect()),
    };
    Ok(if refusal == Refusal::Null {
        nullable(values, nulls)
    } else {
        values
    })
}

fn best_effort_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    only_string(
        args,
        DataType::DateTime(zone_argument(args, 1, "parseDateTimeBestEffort")?),
    )
}

fn best_effort64_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    only_string(
        args,
        DataType::DateTime64(
            precision(args)?,
            zone_argument(args, 2, "parseDateTime64BestEffort")?,
        ),
    )
}

fn uuid_or_default(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (text, default) = (
        Strings::of(&args[0].column)?,
        crate::operand::uuids(&args[1].column)?,
    );
    Ok(Column::Uuid(
        (0..rows)
            .map(|i| parse_uuid(text.get(i)).unwrap_or_else(|| default.at(i)))
            .collect(),
    ))
}

fn first_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    Ok(args[0].ty.clone())
}

fn first_column(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    Ok(args[0].column.clone())
}

static OTHERS: &[Definition] = &[
    Definition::new("CAST", (2, 2), cast_type, cast_to_result).sees_null(),
    Definition::new("toString", (1, 2), |_| Ok(DataType::String), string_of),
    Definition::new("toDate", (1, 2), |_| Ok(DataType::Date), to_date),
    Definition::new(
        "toDateOrNull",
        (1, 1),
        |a| only_string(a, DataType::Date.nullable()),
        or_null,
    ),
    Definition::new(
        "toDateOrZero",
        (1, 1),
        |a| only_string(a, DataType::Date),
        or_zero,
    ),
    Definition::new("toDateTime", (1, 2), date_time, cast_to_result),
    Definition::new(
        "toDateTimeOrNull",
        (1, 2),
        |a| only_string(a, date_time(a)?.nullable()),
        or_null,
    ),
    Definition::new(
        "toDateTimeOrZero",
        (1, 2),
        |a| only_string(a, date_time(a)?),
        or_zero,
    ),
    Definition::new("toDateTime64", (1, 3), date_time64, cast_to_result),
    Definition::new(
        "toDateTime64OrNull",
        (1, 3),
        |a| only_string(a, date_time64(a)?.nullable()),
        or_null,
    ),
    Definition::new(
        "toDateTime64OrZero",
        (1, 3),
        |a| only_string(a, date_time64(a)?),
        or_zero,
    ),
    Definition::new(
        "toUUIDOrDefault",
        (2, 2),
        |a| only_string(a, DataType::Uuid),
        uuid_or_default,
    ),
    Definition::new(
        "toFixedString",
        (2, 2),
        |args| match args[1].constant {
            Some(Value::UInt(n)) => Ok(DataType::FixedString(*n as usize)),
            _ => Err(FunctionError::new(
                BAD_ARGUMENTS,
                "the length of toFixedString must be a constant",
            )),
        },
        cast_to_result,
    ),
    Definition::new("parseDateTimeBestEffort", (1, 2), best_effort_type, |a, t, n| {
        best_effort(a, t, n, Refusal::Error)
    }),
    Definition::new(
        "parseDateTimeBestEffortOrNull",
        (1, 2),
        |a| Ok(best_effort_type(a)?.nullable()),
        |a, t, n| best_effort(a, t, n, Refusal::Null),
    ),
    Definition::new(
        "parseDateTimeBestEffortOrZero",
        (1, 2),
        best_effort_type,
        |a, t, n| best_effort(a, t, n, Refusal::Zero),
    ),
    Definition::new(
        "parseDateTime64BestEffort",
        (1, 3),
        best_effort64_type,
        |a, t, n| best_effort(a, t, n, Refusal::Error),
    ),
    Definition::new(
        "parseDateTime64BestEffortOrNull",
        (1, 3),
        |a| Ok(best_effort64_type(a)?.nullable()),
        |a, t, n| best_effort(a, t, n, Refusal::Null),
    ),
    Definition::new(
        "parseDateTime64BestEffortOrZero",
        (1, 3),
        best_effort64_type,
        |a, t, n| best_effort(a, t, n, Refusal::Zero),
    ),
    Definition::new(
        "toIntervalSecond",
        (1, 1),
        |a| interval(a, IntervalUnit::Second),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalMinute",
        (1, 1),
        |a| interval(a, IntervalUnit::Minute),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalHour",
        (1, 1),
        |a| interval(a, IntervalUnit::Hour),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalDay",
        (1, 1),
        |a| interval(a, IntervalUnit::Day),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalWeek",
        (1, 1),
        |a| interval(a, IntervalUnit::Week),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalMonth",
        (1, 1),
        |a| interval(a, IntervalUnit::Month),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalQuarter",
        (1, 1),
        |a| interval(a, IntervalUnit::Quarter),
        cast_to_result,
    ),
    Definition::new(
        "toIntervalYear",
        (1, 1),
        |a| interval(a, IntervalUnit::Year),
        cast_to_result,
    ),
    Definition::new(
        "toTypeName",
        (1, 1),
        |_| Ok(DataType::String),
        |args, _, rows| {
            Ok(Column::constant(
                &DataType::String,
                &Value::string(args[0].ty.to_string()),
                rows,
            ))
        },
    )
    .sees_null(),
    Definition::new(
        "toNullable",
        (1, 1),
        |args| Ok(args[0].ty.clone().nullable()),
        cast_to_result,
    )
    .sees_null(),
    Definition::new(
        "toLowCardinality",
        (1, 1),
        |args| Ok(DataType::LowCardinality(Box::new(args[0].ty.clone()))),
        first_column,
    )
    .sees_null(),
    // Not deterministic, so that it is neither folded nor kept constant.
    Definition::new("materialize", (1, 1), first_type, |args, _, _| {
        Ok(args[0].column.flatten())
    })
    .sees_null()
    .volatile(),
    Definition::new("identity", (1, 1), first_type, first_column).sees_null(),
    Definition::new(
        "ignore",
        (0, ANY),
        |_| Ok(DataType::UInt8),
        |_, _, rows| Ok(Column::constant(&DataType::UInt8, &Value::UInt(0), rows)),
    )
    .sees_null(),
];

pub(crate) fn functions() -> impl Iterator<Item = &'static Definition> {
    TO_TYPE.iter().chain(OTHERS)
}
