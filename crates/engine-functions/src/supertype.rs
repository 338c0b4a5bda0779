//! The least type that holds the values of several: of `if`, `coalesce`, `array`, UNION, comparisons.

use engine_types::DataType;

use crate::FunctionError;
use crate::error::NO_COMMON_TYPE;

/// The common super type; error 386 where ClickHouse has none (or would make a Variant).
pub fn common_type(types: &[DataType]) -> Result<DataType, FunctionError> {
    let mut known: Vec<&DataType> = Vec::with_capacity(types.len());
    let mut nullable = false;
    let mut low_cardinality = !types.is_empty();
    for ty in types {
        low_cardinality &= matches!(ty, DataType::LowCardinality(_));
        let mut ty = ty.without_low_cardinality();
        if let DataType::Nullable(inner) = ty {
            nullable = true;
            ty = inner;
        }
        if *ty != DataType::Nothing {
            known.push(ty);
        }
    }
    let Some((first, rest)) = known.split_first() else {
        return Ok(if nullable {
            DataType::Nothing.nullable()
        } else {
            DataType::Nothing
        });
    };
    let mut common = (*first).clone();
    for ty in rest {
        common = pair(&common, ty).ok_or_else(|| {
            FunctionError::new(
                NO_COMMON_TYPE,
                format!(
                    "There is no supertype for types {}",
                    types
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            )
        })?;
    }
    if nullable
        && !matches!(
            common,
            DataType::Array(_) | DataType::Map(..) | DataType::Tuple(_)
        )
    {
        common = common.nullable();
    }
    if low_cardinality {
        common = DataType::LowCardinality(Box::new(common));
    }
    Ok(common)
}

fn pair(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    if a == b {
        return Some(a.clone());
    }
    Some(match (a, b) {
        (T::Bool, other) | (other, T::Bool) if other.is_number() => {
            return if other.is_integer() && width(other) == 1 && !other.is_signed() {
                Some(T::Bool)
            } else {
                numbers(&T::UInt8, other)
            };
        }
        (a, b) if a.is_number() && b.is_number() => return numbers(a, b),
        (a, b) if a.is_string() && b.is_string() => T::String,
        (T::Date, T::DateTime(tz)) | (T::DateTime(tz), T::Date) => T::DateTime(*tz),
        (T::Date, T::DateTime64(p, tz)) | (T::DateTime64(p, tz), T::Date) => T::DateTime64(*p, *tz),
        (T::DateTime(x), T::DateTime(y)) => T::DateTime(x.or(*y)),
        (T::DateTime(x), T::DateTime64(p, y)) | (T::DateTime64(p, y), T::DateTime(x)) => {
            T::DateTime64(*p, y.or(*x))
        }
        (T::DateTime64(p, x), T::DateTime64(q, y)) => T::DateTime64(*p.max(q), x.or(*y)),
        (T::Array(x), T::Array(y)) => common_type(&[(**x).clone(), (**y).clone()]).ok()?.array(),
        (T::Map(k, v), T::Map(l, w)) => T::Map(
            Box::new(common_type(&[(**k).clone(), (**l).clone()]).ok()?),
            Box::new(common_type(&[(**v).clone(), (**w).clone()]).ok()?),
        ),
        (T::Tuple(x), T::Tuple(y)) if x.len() == y.len() => T::Tuple(
            x.iter()
                .zip(y)
                .map(|((name, a), (other, b))| {
                    let name = if name == other { name.clone() } else { None };
                    Some((name, common_type(&[a.clone(), b.clone()]).ok()?))
                })
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}

/// Bytes of a fixed-width number.
pub(crate) fn width(ty: &DataType) -> usize {
    match ty {
        DataType::Bool | DataType::UInt8 | DataType::Int8 => 1,
        DataType::UInt16 | DataType::Int16 | DataType::Date => 2,
        DataType::UInt32 | DataType::Int32 | DataType::Float32 | DataType::DateTime(_) => 4,
        _ => 8,
    }
}

/// The integer type of that width.
pub(crate) fn integer(signed: bool, bytes: usize) -> DataType {
    match (signed, bytes) {
        (false, 1) => DataType::UInt8,
        (false, 2) => DataType::UInt16,
        (false, 4) => DataType::UInt32,
        (false, _) => DataType::UInt64,
        (true, 1) => DataType::Int8,
        (true, 2) => DataType::Int16,
        (true, 4) => DataType::Int32,
        (true, _) => DataType::Int64,
    }
}

fn numbers(a: &DataType, b: &DataType) -> Option<DataType> {
    if a.is_float() || b.is_float() {
        // A float must hold every integer of the other type exactly: 24 or 53 bits of mantissa.
        let integer_width = [a, b]
            .iter()
            .filter(|t| t.is_integer())
            .map(|t| width(t))
            .max()
            .unwrap_or(0);
        return match integer_width {
            0..=2 if ![a, b].contains(&&DataType::Float64) => Some(DataType::Float32),
            0..=4 => Some(DataType::Float64),
            _ => None,
        };
    }
    let bytes = width(a).max(width(b));
    if a.is_signed() == b.is_signed() {
        return Some(integer(a.is_signed(), bytes));
    }
    let unsigned = if a.is_signed() { width(b) } else { width(a) };
    let needed = bytes.max(unsigned * 2);
    (needed <= 8).then(|| integer(true, needed))
}
