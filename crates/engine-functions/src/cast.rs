//! Conversions between types: the kernel of CAST and of every `toX` function.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use chrono_tz::Tz;
use engine_types::{
    ArrayColumn, Column, DataType, DictColumn, NullableColumn, StringColumnBuilder, TupleColumn, Value,
};

use crate::FunctionError;
use crate::date_text::{parse_date, parse_time, write_date, write_ticks};
use crate::error::{CANNOT_CONVERT_TYPE, ILLEGAL_TYPE};
use crate::operand::{Native, Operand, Strings, array, i64s, nullable, plain, repeat, row, split_nulls};
use crate::supertype::width;
use crate::text::{
    clamp_seconds, parse_bytes, parse_float, parse_integer, parse_uuid, to_ticks, write_f64, write_uuid,
    write_value,
};
use crate::zone::Zone;

const CANNOT_INSERT_NULL: u32 = 349;

/// `column` of type `from` as a column of type `to`, as `CAST(x AS to)` converts it. Keeps `Const` and `Dict`.
pub fn cast_column(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    let (from, to) = (from.without_low_cardinality(), to.without_low_cardinality());
    if from == to || same_form(from, to) {
        return Ok(column.clone());
    }
    match column {
        Column::Const(c) => return Ok(repeat(cast_column(&c.value, from, to)?, c.len)),
        Column::Runs(r) => return Ok(r.with_values(cast_column(r.values(), from, to)?)),
        Column::Dict(d) if !d.values.is_empty() => {
            // A value no row has may be refused; then only the rows' values are converted.
            if let Ok(values) = cast_column(&d.values, from, to) {
                return Ok(Column::Dict(DictColumn {
                    codes: d.codes.clone(),
                    values: std::sync::Arc::new(values.flatten()),
                }));
            }
            return cast_column(&column.flatten(), from, to);
        }
        _ => {}
    }
    if column.is_empty() {
        return Ok(Column::empty(to));
    }
    match (from, to) {
        (DataType::Nullable(inner), _) => cast_nullable(column, inner, to),
        (DataType::Nothing, _) => Ok(Column::defaults(to, column.len()).flatten()),
        (_, DataType::Nullable(inner)) => {
            let values = cast_column(column, from, inner)?;
            Ok(nullable(values, vec![0; column.len()]))
        }
        _ => cast_bare(column, from, to),
    }
}

/// Types that differ in name only.
fn same_form(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::DateTime(_), DataType::DateTime(_)) => true,
        (DataType::DateTime64(p, _), DataType::DateTime64(q, _)) => p == q,
        (DataType::Bool, DataType::UInt8) => true,
        (DataType::Nullable(a), DataType::Nullable(b)) | (DataType::Array(a), DataType::Array(b)) => {
            a == b || same_form(a, b)
        }
        _ => false,
    }
}

fn cast_nullable(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    let (nulls, values) = split_nulls(column);
    let any = nulls.as_ref().is_some_and(|n| n.iter().any(|&n| n != 0));
    let DataType::Nullable(inner) = to else {
        if any {
            return Err(FunctionError::new(
                if *from == DataType::Nothing {
                    CANNOT_CONVERT_TYPE
                } else {
                    CANNOT_INSERT_NULL
                },
                format!("Cannot convert NULL value to non-Nullable type {to}"),
            ));
        }
        return cast_column(&values, from, to);
    };
    let nulls = nulls.unwrap_or_else(|| vec![0; column.len()].into());
    if !any {
        return Ok(nullable(cast_column(&values, from, inner)?, nulls));
    }
    let kept: Vec<u32> = (0..values.len()).filter(|&i| nulls[i] == 0).map(row).collect();
    if kept.is_empty() {
        return Ok(Column::defaults(to, column.len()).flatten());
    }
    match cast_column(&values, from, inner) {
        Ok(values) => Ok(nullable(values, nulls)),
        Err(_) => {
            // A default below a NULL may be no valid text.
            let cast = plain(&cast_column(&values.gather(&kept), from, inner)?);
            let mut back = vec![0u32; values.len()];
            for (at, &k) in kept.iter().enumerate() {
                back[k as usize] = row(at);
            }
            Ok(nullable(cast.gather(&back), nulls))
        }
    }
}

fn cast_bare(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    use DataType as T;
    match (from, to) {
        (T::AggregateFunction(_), T::String) | (T::String, T::AggregateFunction(_)) => Ok(plain(column)),
        (_, T::AggregateFunction(_)) | (T::AggregateFunction(_), _) => Err(FunctionError::new(
            CANNOT_CONVERT_TYPE,
            format!("Conversion from {from} to {to} is not supported"),
        )),
        (_, T::String) => to_string(column, from, None),
        (from, to) if from.is_string() => from_string(column, from, to),
        (_, T::FixedString(_)) => from_string(&to_string(column, from, None)?, &T::String, to),
        (from, T::Bool) if from.is_number() => to_bool(column),
        (from, to) if from.is_number() && to.is_number() => to_number(column, from, to),
        (T::Interval(_), to) if to.is_number() => to_number(column, &T::Int64, to),
        (from, T::Interval(_)) if from.is_number() => to_number(column, from, &T::Int64),
        (T::Interval(a), T::Interval(b)) if a == b => Ok(column.clone()),
        (T::DateTime64(precision, _), to) if to.is_number() => {
            let scale = 10i64.pow(u32::from(*precision));
            if to.is_float() {
                let Operand::Slice(ticks) = i64::operand(column)? else {
                    return Err(FunctionError::form("DateTime64"));
                };
                let seconds: Vec<f64> = ticks.iter().map(|&t| t as f64 / scale as f64).collect();
                return to_number(&Column::Float64(seconds.into()), &T::Float64, to);
            }
            to_number(&seconds_column(column, from)?, &T::Int64, to)
        }
        (from, to) if from.is_time() && to.is_number() => to_number(column, &physical(from), to),
        (from, to) if from.is_number() && to.is_time() => number_to_time(column, from, to),
        (from, to) if from.is_time() && to.is_time() => time_to_time(column, from, to, None),
        (T::Array(a), T::Array(b)) => {
            let a_column = array(column)?;
            Ok(Column::Array(ArrayColumn {
                values: Box::new(plain(&cast_column(&a_column.values, a, b)?)),
                offsets: a_column.offsets,
            }))
        }
        (T::Map(k, v), T::Map(l, w)) => {
            let pair = |k: &T, v: &T| T::Tuple(vec![(None, k.clone()), (None, v.clone())]).array();
            cast_bare(column, &pair(k, v), &pair(l, w))
        }
        (T::Array(element), T::Map(l, w)) => {
            let pair = T::Tuple(vec![(None, (**l).clone()), (None, (**w).clone())]).array();
            cast_bare(column, &(**element).clone().array(), &pair)
        }
        (T::Tuple(a), T::Tuple(b)) if a.len() == b.len() => {
            let Column::Tuple(tuple) = plain(column) else {
                return Err(FunctionError::form("tuples"));
            };
            let elements = tuple.elements.iter().zip(a.iter().zip(b));
            Ok(Column::Tuple(TupleColumn {
                elements: elements
                    .map(|(c, ((_, from), (_, to)))| cast_column(c, from, to))
                    .collect::<Result<_, _>>()?,
                len: tuple.len,
            }))
        }
        _ => Err(FunctionError::new(
            ILLEGAL_TYPE,
            format!("Conversion from {from} to {to} is not supported"),
        )),
    }
}

/// The number type of a time's physical form.
fn physical(ty: &DataType) -> DataType {
    match ty {
        DataType::Date => DataType::UInt16,
        DataType::DateTime(_) => DataType::UInt32,
        _ => DataType::Int64,
    }
}

fn to_bool(column: &Column) -> Result<Column, FunctionError> {
    Ok(Column::UInt8(engine_types::with_buffer!(
        column,
        b => b.iter().map(|&v| u8::from(v as f64 != 0.0)).collect(),
        _ => return Err(FunctionError::form("numbers"))
    )))
}

pub(crate) fn to_number(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    macro_rules! to {
        ($t:ty, $c:expr) => {
            match <$t>::operand($c)? {
                Operand::Slice(s) => <$t>::column(s),
                Operand::Const(v) => <$t>::column(vec![v; column.len()].into()),
            }
        };
    }
    if from.is_float() && to.is_integer() {
        let bad = engine_types::with_buffer!(
            column,
            b => b.iter().any(|&v| !(v as f64).is_finite()),
            _ => false
        );
        if bad {
            return Err(FunctionError::new(
                CANNOT_CONVERT_TYPE,
                "Unexpected inf or nan to integer conversion",
            ));
        }
        if width(to) < 8 {
            let wide = to!(i64, column);
            return to_number(&wide, &DataType::Int64, to);
        }
    }
    Ok(match to {
        DataType::UInt8 | DataType::Bool => to!(u8, column),
        DataType::UInt16 => to!(u16, column),
        DataType::UInt32 => to!(u32, column),
        DataType::UInt64 => to!(u64, column),
        DataType::Int8 => to!(i8, column),
        DataType::Int16 => to!(i16, column),
        DataType::Int32 => to!(i32, column),
        DataType::Float32 => to!(f32, column),
        DataType::Float64 => to!(f64, column),
        _ => to!(i64, column),
    })
}

fn number_to_time(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    if let DataType::DateTime64(precision, _) = to {
        let scale = 10i64.pow(u32::from(*precision));
        let ticks: Vec<i64> = if from.is_float() {
            let seconds = f64::operand(column)?;
            (0..column.len())
                .map(|i| (seconds.at(i) * scale as f64) as i64)
                .collect()
        } else {
            let seconds = i64::operand(column)?;
            (0..column.len())
                .map(|i| seconds.at(i).saturating_mul(scale))
                .collect()
        };
        return Ok(Column::Int64(ticks.into()));
    }
    let wide = to_number(column, from, &DataType::Int64)?;
    let seconds = i64::operand(&wide)?;
    let len = column.len();
    Ok(match to {
        // Small numbers are days, larger ones seconds.
        DataType::Date => Column::UInt16(
            (0..len)
                .map(|i| match seconds.at(i) {
                    v @ 0..=65_535 => v as u16,
                    v if v < 0 => 0,
                    v => u16::try_from(v / 86_400).unwrap_or(u16::MAX),
                })
                .collect(),
        ),
        _ => Column::UInt32((0..len).map(|i| clamp_seconds(seconds.at(i))).collect()),
    })
}

/// Seconds of UTC of a time column (Date: midnight of UTC), as a plain Int64.
fn seconds_column(column: &Column, from: &DataType) -> Result<Column, FunctionError> {
    let values = i64::operand(column)?;
    let len = column.len();
    Ok(Column::Int64(match from {
        DataType::DateTime64(precision, _) => {
            // Constant divisors compile to multiplications.
            match precision {
                3 => (0..len).map(|i| values.at(i).div_euclid(1000)).collect(),
                6 => (0..len).map(|i| values.at(i).div_euclid(1_000_000)).collect(),
                _ => {
                    let scale = 10i64.pow(u32::from(*precision));
                    (0..len).map(|i| values.at(i).div_euclid(scale)).collect()
                }
            }
        }
        DataType::Date => (0..len).map(|i| values.at(i) * 86_400).collect(),
        _ => (0..len).map(|i| values.at(i)).collect(),
    }))
}

pub(crate) fn zone_of(ty: &DataType) -> Option<Tz> {
    match ty {
        DataType::DateTime(tz) | DataType::DateTime64(_, tz) => *tz,
        _ => None,
    }
}

/// Between Date, DateTime and DateTime64. `tz` overrides the zone in which days begin.
pub(crate) fn time_to_time(
    column: &Column,
    from: &DataType,
    to: &DataType,
    tz: Option<Tz>,
) -> Result<Column, FunctionError> {
    use DataType as T;
    let values = i64::operand(column)?;
    let len = column.len();
    Ok(match (from, to) {
        (T::Date, T::Date) => plain(column),
        (T::Date, T::DateTime(to_tz)) => {
            let mut zone = Zone::new(tz.or(*to_tz));
            Column::UInt32(
                (0..len)
                    .map(|i| clamp_seconds(zone.day_start(values.at(i))))
                    .collect(),
            )
        }
        (T::Date, T::DateTime64(precision, to_tz)) => {
            let mut zone = Zone::new(tz.or(*to_tz));
            Column::Int64(
                (0..len)
                    .map(|i| to_ticks((zone.day_start(values.at(i)), 0), *precision))
                    .collect(),
            )
        }
        (_, T::Date) => {
            let mut zone = Zone::new(tz.or(zone_of(from)));
            let seconds = i64::operand(&seconds_column(column, from)?)?;
            Column::UInt16(
                (0..len)
                    .map(|i| zone.local_of(seconds.at(i)).div_euclid(86_400))
                    .map(|day| u16::try_from(day.max(0)).unwrap_or(u16::MAX))
                    .collect(),
            )
        }
        (T::DateTime64(..), T::DateTime(_)) => {
            let seconds = i64::operand(&seconds_column(column, from)?)?;
            Column::UInt32((0..len).map(|i| clamp_seconds(seconds.at(i))).collect())
        }
        (T::DateTime(_), T::DateTime64(precision, _)) => {
            let scale = 10i64.pow(u32::from(*precision));
            Column::Int64((0..len).map(|i| values.at(i) * scale).collect())
        }
        (T::DateTime64(p, _), T::DateTime64(q, _)) if p <= q => {
            let scale = 10i64.pow(u32::from(q - p));
            Column::Int64((0..len).map(|i| values.at(i).saturating_mul(scale)).collect())
        }
        (T::DateTime64(p, _), T::DateTime64(q, _)) => {
            let scale = 10i64.pow(u32::from(p - q));
            Column::Int64((0..len).map(|i| values.at(i).div_euclid(scale)).collect())
        }
        _ => plain(column),
    })
}

/// `toString`; `tz` overrides the zone of a time.
pub(crate) fn to_string(column: &Column, from: &DataType, tz: Option<Tz>) -> Result<Column, FunctionError> {
    use DataType as T;
    let len = column.len();
    let mut out = StringColumnBuilder::with_capacity(len, len * 8);
    match from {
        T::String => return Ok(plain(column)),
        T::FixedString(_) => {
            let strings = Strings::of(column)?;
            for i in 0..len {
                let s = strings.get(i);
                let end = s.iter().rposition(|&c| c != 0).map_or(0, |p| p + 1);
                out.push(&s[..end]);
            }
        }
        T::Date => {
            let days = i64::operand(column)?;
            for i in 0..len {
                write_date(out.arena(), days.at(i));
                out.end_row();
            }
        }
        T::DateTime(own) => {
            let (seconds, mut zone) = (i64::operand(column)?, Zone::new(tz.or(*own)));
            for i in 0..len {
                write_ticks(out.arena(), seconds.at(i), 0, &mut zone);
                out.end_row();
            }
        }
        T::DateTime64(precision, own) => {
            let (ticks, mut zone) = (i64::operand(column)?, Zone::new(tz.or(*own)));
            for i in 0..len {
                write_ticks(out.arena(), ticks.at(i), *precision, &mut zone);
                out.end_row();
            }
        }
        T::Uuid => {
            let uuids = crate::operand::uuids(column)?;
            for i in 0..len {
                write_uuid(out.arena(), uuids.at(i));
                out.end_row();
            }
        }
        T::Float64 => {
            let floats = f64::operand(column)?;
            for i in 0..len {
                write_f64(out.arena(), floats.at(i));
                out.end_row();
            }
        }
        _ => {
            for i in 0..len {
                write_value(out.arena(), &column.value(i), from, false);
                out.end_row();
            }
        }
    }
    Ok(Column::String(out.finish()))
}

fn from_string(column: &Column, from: &DataType, to: &DataType) -> Result<Column, FunctionError> {
    let strings = match from {
        // The zero bytes at the end of a FixedString are padding.
        DataType::FixedString(_) => Strings::of(&to_string(column, from, None)?)?,
        _ => Strings::of(column)?,
    };
    let len = column.len();
    macro_rules! integers {
        ($t:ty) => {{
            let mut out: Vec<$t> = Vec::with_capacity(len);
            for i in 0..len {
                let text = strings.get(i);
                match parse_integer(text, <$t>::MIN != 0, size_of::<$t>()) {
                    Ok(v) => out.push(v as $t),
                    Err(_) => match parse_bytes(text, to)? {
                        Value::UInt(v) => out.push(v as $t),
                        Value::Int(v) => out.push(v as $t),
                        _ => out.push(0),
                    },
                }
            }
            Ok(<$t>::column(out.into()))
        }};
    }
    match to {
        DataType::UInt8 => integers!(u8),
        DataType::UInt16 => integers!(u16),
        DataType::UInt32 => integers!(u32),
        DataType::UInt64 => integers!(u64),
        DataType::Int8 => integers!(i8),
        DataType::Int16 => integers!(i16),
        DataType::Int32 => integers!(i32),
        DataType::Int64 => integers!(i64),
        _ => {
            if let (column, None) = try_parse(&strings, len, to) {
                return Ok(column);
            }
            let values = (0..len)
                .map(|i| parse_bytes(strings.get(i), to))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Column::from_values(to, &values))
        }
    }
}

/// Parses every row; rows that are no `ty` get its default and a 1 in the mask (`None`: all rows parsed).
pub(crate) fn try_parse(strings: &Strings, len: usize, ty: &DataType) -> (Column, Option<Vec<u8>>) {
    let mut bad: Option<Vec<u8>> = None;
    let mut refuse = |i: usize| bad.get_or_insert_with(|| vec![0; len])[i] = 1;
    macro_rules! rows {
        ($t:ty, $parse:expr) => {
            (0..len)
                .map(|i| {
                    let parsed: Option<$t> = $parse(strings.get(i));
                    parsed.unwrap_or_else(|| {
                        refuse(i);
                        Default::default()
                    })
                })
                .collect()
        };
    }
    macro_rules! integers {
        ($t:ty) => {
            <$t>::column(rows!($t, |s| parse_integer(
                s,
                <$t>::MIN != 0,
                size_of::<$t>()
            )
            .ok()
            .map(|v| v as $t)))
        };
    }
    let column = match ty {
        DataType::UInt8 => integers!(u8),
        DataType::UInt16 => integers!(u16),
        DataType::UInt32 => integers!(u32),
        DataType::UInt64 => integers!(u64),
        DataType::Int8 => integers!(i8),
        DataType::Int16 => integers!(i16),
        DataType::Int32 => integers!(i32),
        DataType::Int64 => integers!(i64),
        DataType::Float64 => Column::Float64(rows!(f64, parse_float)),
        DataType::Float32 => Column::Float32(rows!(f32, |s| parse_float(s).map(|v| v as f32))),
        DataType::Uuid => Column::Uuid(rows!(u128, parse_uuid)),
        DataType::Date => Column::UInt16(rows!(u16, parse_date)),
        DataType::DateTime(tz) => {
            let mut zone = Zone::new(*tz);
            Column::UInt32(rows!(u32, |s| parse_time(s, &mut zone).map(|(s, _)| clamp_seconds(s))))
        }
        DataType::DateTime64(precision, tz) => {
            let mut zone = Zone::new(*tz);
            Column::Int64(rows!(i64, |s| parse_time(s, &mut zone).map(|t| to_ticks(t, *precision))))
        }
        _ => {
            let values: Vec<Value> = (0..len)
                .map(|i| {
                    parse_bytes(strings.get(i), ty).unwrap_or_else(|_| {
                        refuse(i);
                        Value::Null
                    })
                })
                .collect();
            Column::from_values(ty, &values)
        }
    };
    (column, bad)
}

/// `toXOrNull`: rows that do not parse are NULL.
pub(crate) fn parse_or_null(column: &Column, ty: &DataType) -> Result<Column, FunctionError> {
    let len = column.len();
    let (values, bad) = try_parse(&Strings::of(column)?, len, ty);
    Ok(Column::Nullable(NullableColumn {
        nulls: bad.unwrap_or_else(|| vec![0; len]).into(),
        values: Box::new(values),
    }))
}

/// Seconds of UTC of any time argument; used where only whole seconds matter.
pub(crate) fn seconds(arg: &crate::TypedColumn) -> Result<Operand<i64>, FunctionError> {
    match &arg.ty {
        DataType::DateTime64(..) | DataType::Date => match &arg.column {
            Column::Const(c) => match i64::operand(&seconds_column(&c.value, &arg.ty)?)? {
                Operand::Slice(s) => Ok(Operand::Const(s[0])),
                constant => Ok(constant),
            },
            column => i64::operand(&seconds_column(column, &arg.ty)?),
        },
        _ => i64s(arg),
    }
}
