//! Moving points in time by calendar units: `x ± INTERVAL n UNIT`, `addX`, `subtractX`.

use engine_types::{Column, DataType, IntervalUnit};

use crate::calendar::add_months;
use crate::cast::zone_of;
use crate::operand::{Native, Operand};
use crate::text::clamp_seconds;
use crate::zone::Zone;
use crate::{FunctionError, TypedColumn};

const DAY: i64 = 86_400;

/// Type of `ty ± INTERVAL n unit`: a Date moved by less than a day becomes a DateTime.
pub(crate) fn moved_type(
    function: &str,
    ty: &DataType,
    unit: IntervalUnit,
) -> Result<DataType, FunctionError> {
    match ty {
        DataType::Date if clock_seconds(unit).is_some() => Ok(DataType::DateTime(None)),
        ty if ty.is_time() => Ok(ty.clone()),
        other => Err(FunctionError::illegal_type(function, other)),
    }
}

/// Seconds of a unit that is the same length everywhere.
pub(crate) fn clock_seconds(unit: IntervalUnit) -> Option<i64> {
    match unit {
        IntervalUnit::Second => Some(1),
        IntervalUnit::Minute => Some(60),
        IntervalUnit::Hour => Some(3600),
        IntervalUnit::Day
        | IntervalUnit::Week
        | IntervalUnit::Month
        | IntervalUnit::Quarter
        | IntervalUnit::Year => None,
    }
}

fn move_day(day: i64, amount: i64, unit: IntervalUnit) -> i64 {
    match unit {
        IntervalUnit::Week => day + 7 * amount,
        IntervalUnit::Month => add_months(day, amount),
        IntervalUnit::Quarter => add_months(day, 3 * amount),
        IntervalUnit::Year => add_months(day, 12 * amount),
        IntervalUnit::Day | IntervalUnit::Second | IntervalUnit::Minute | IntervalUnit::Hour => day + amount,
    }
}

/// The second `amount` units later: clock units are elapsed time, the others keep the wall clock of the zone.
fn move_second(second: i64, amount: i64, unit: IntervalUnit, zone: &mut Zone) -> i64 {
    if let Some(length) = clock_seconds(unit) {
        return second + amount.saturating_mul(length);
    }
    let local = zone.local_of(second);
    let day = move_day(local.div_euclid(DAY), amount, unit);
    zone.utc_of(day * DAY + local.rem_euclid(DAY))
}

/// `time + sign * amounts` of `unit`, row by row.
pub(crate) fn move_times(
    time: &TypedColumn,
    amounts: &Operand<i64>,
    unit: IntervalUnit,
    sign: i64,
    rows: usize,
) -> Result<Column, FunctionError> {
    // Far beyond any date, and small enough for the sums below.
    const LIMIT: i64 = 1 << 40;
    let amount = |i: usize| (amounts.at(i).clamp(-LIMIT, LIMIT)) * sign;
    let values = i64::operand(&time.column)?;
    let mut zone = Zone::new(zone_of(&time.ty));
    Ok(match &time.ty {
        DataType::Date if clock_seconds(unit).is_some() => Column::UInt32(
            (0..rows)
                .map(|i| clamp_seconds(move_second(values.at(i) * DAY, amount(i), unit, &mut zone)))
                .collect(),
        ),
        DataType::Date => Column::UInt16(
            (0..rows)
                .map(|i| move_day(values.at(i), bounded(amount(i)), unit) as u16)
                .collect(),
        ),
        DataType::DateTime64(precision, _) => {
            let scale = 10i64.pow(u32::from(*precision));
            Column::Int64(
                (0..rows)
                    .map(|i| {
                        let (second, rest) = (values.at(i).div_euclid(scale), values.at(i).rem_euclid(scale));
                        move_second(second, bounded(amount(i)), unit, &mut zone)
                            .saturating_mul(scale)
                            .saturating_add(rest)
                    })
                    .collect(),
            )
        }
        _ => Column::UInt32(
            (0..rows)
                .map(|i| move_second(values.at(i), bounded(amount(i)), unit, &mut zone) as u32)
                .collect(),
        ),
    })
}

/// Beyond any date in whatever unit; calendar sums stay inside i64.
pub(crate) fn bounded(amount: i64) -> i64 {
    amount.clamp(-(1 << 36), 1 << 36)
}
