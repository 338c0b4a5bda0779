//! `arrayReduce` and `arrayReduceInRanges`: an aggregate function, named by a string, over the elements of arrays.

use engine_types::{ArrayColumn, Column, DataType, Value};

use crate::arrays::{element, parallel};
use crate::definition::{ANY, Definition};
use crate::error::{BAD_ARGUMENTS, ILLEGAL_TYPE, UNKNOWN_AGGREGATE};
use crate::operand::{Native, Operand, Strings, array, plain, row};
use crate::{AggregateFunction, Argument, FunctionError, TypedColumn};

/// `name` or `name(parameter, …)`, parameters being numbers and quoted strings.
fn parse(text: &[u8]) -> Result<(String, Vec<Value>), FunctionError> {
    let text = String::from_utf8_lossy(text);
    let bad = || {
        FunctionError::new(
            BAD_ARGUMENTS,
            format!("`{text}` is not the name of an aggregate function, with parameters perhaps"),
        )
    };
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let mut rest = rest.strip_suffix(')').ok_or_else(bad)?.trim();
    let mut params = Vec::new();
    while !rest.is_empty() {
        let (value, behind) = if let Some(quoted) = rest.strip_prefix('\'') {
            let end = quoted.find('\'').ok_or_else(bad)?;
            (Value::string(&quoted[..end]), &quoted[end + 1..])
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let number = rest[..end].trim();
            let value = if let Ok(v) = number.parse() {
                Value::UInt(v)
            } else if let Ok(v) = number.parse() {
                Value::Int(v)
            } else {
                Value::Float(number.parse().map_err(|_| bad())?)
            };
            (value, &rest[end..])
        };
        params.push(value);
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(bad()),
        }
    }
    Ok((name.trim().to_owned(), params))
}

pub(crate) fn aggregate(
    text: &[u8],
    elements: &[DataType],
) -> Result<Box<dyn AggregateFunction>, FunctionError> {
    let (name, params) = parse(text)?;
    crate::registry::aggregate(&name, &params, elements).unwrap_or_else(|| {
        Err(FunctionError::new(
            UNKNOWN_AGGREGATE,
            format!("Unknown aggregate function {name}"),
        ))
    })
}

fn elements<'a>(arrays: impl IntoIterator<Item = &'a DataType>) -> Result<Vec<DataType>, FunctionError> {
    arrays
        .into_iter()
        .enumerate()
        .map(|(i, ty)| {
            element("arrayReduce", ty).cloned().map_err(|_| {
                FunctionError::new(
                    ILLEGAL_TYPE,
                    format!(
                        "Argument {} for function arrayReduce must be an array but it has type {ty}",
                        i + 1
                    ),
                )
            })
        })
        .collect()
}

fn result_type(args: &[Argument<'_>], arrays: usize) -> Result<DataType, FunctionError> {
    let Some(Value::String(name)) = args[0].constant else {
        return Err(FunctionError::new(
            ILLEGAL_TYPE,
            "the first argument of arrayReduce must be a constant string: the name of an aggregate function",
        ));
    };
    let elements = elements(args[arrays..].iter().map(|a| a.ty))?;
    Ok(aggregate(name, &elements)?.return_type().clone())
}

/// The function and the elements it runs over, with the bounds of the rows.
struct Reduction {
    function: Box<dyn AggregateFunction>,
    offsets: engine_types::Buffer<u32>,
    values: Vec<Column>,
}

fn reduction(name: &TypedColumn, arrays: &[TypedColumn]) -> Result<Reduction, FunctionError> {
    let name = Strings::of(&name.column)?;
    let elements = elements(arrays.iter().map(|a| &a.ty))?;
    let (offsets, values) = parallel(arrays)?;
    Ok(Reduction {
        function: aggregate(name.get(0), &elements)?,
        offsets,
        values,
    })
}

fn reduce(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let Reduction {
        function,
        offsets,
        values,
    } = reduction(&args[0], &args[1..])?;
    let mut groups = Vec::with_capacity(values[0].len());
    for (i, w) in offsets.windows(2).enumerate() {
        groups.resize(w[1] as usize, row(i));
    }
    let mut states = function.accumulator();
    states.resize(rows);
    states.update(&groups, &values)?;
    states.finish()
}

fn ranges_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let of = element("arrayReduceInRanges", args[1].ty)?;
    match of {
        DataType::Tuple(pair) if matches!(pair.as_slice(), [(_, start), (_, len)] if start.is_integer() && len.is_unsigned()) =>
            {}
        other => {
            return Err(FunctionError::new(
                ILLEGAL_TYPE,
                format!(
                    "the second argument of arrayReduceInRanges must be an array of pairs of an integer and an \
                     unsigned integer, not of {other}"
                ),
            ));
        }
    }
    Ok(result_type(args, 2)?.array())
}

/// Each range is `(start, length)`: positions from 1, negative ones from the end; what is outside the array is not
/// there. Work is the sum of the lengths.
fn reduce_in_ranges(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let Reduction {
        function,
        offsets,
        values,
    } = reduction(&args[0], &args[2..])?;
    let ranges = array(&args[1].column)?;
    let Column::Tuple(pairs) = plain(&ranges.values) else {
        return Err(FunctionError::form("tuples"));
    };
    let starts: Operand<i64> = Native::operand(&pairs.elements[0])?;
    let lengths: Operand<u64> = Native::operand(&pairs.elements[1])?;
    let mut states = function.accumulator();
    states.resize(pairs.len);
    let (mut groups, mut picks) = (Vec::new(), Vec::new());
    for i in 0..rows {
        let (from, to) = (offsets[i], offsets[i + 1]);
        let len = i64::from(to - from);
        for range in ranges.offsets[i]..ranges.offsets[i + 1] {
            let start = match starts.at(range as usize) {
                s if s > 0 => s - 1,
                // No position: nothing, however long.
                s if s == 0 || s < -len => continue,
                s => len + s,
            };
            let length = i64::try_from(lengths.at(range as usize)).unwrap_or(i64::MAX);
            let end = start.saturating_add(length).clamp(0, len) as u32;
            let start = start.min(len) as u32;
            picks.extend(from + start..from + end.max(start));
            groups.resize(picks.len(), range);
        }
    }
    let picked: Vec<Column> = values.iter().map(|v| v.gather(&picks)).collect();
    states.update(&groups, &picked)?;
    Ok(Column::Array(ArrayColumn {
        offsets: ranges.offsets,
        values: Box::new(plain(&states.finish()?)),
    }))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("arrayReduce", (2, ANY), |a| result_type(a, 1), reduce).sees_null(),
    Definition::new("arrayReduceInRanges", (3, ANY), ranges_type, reduce_in_ranges).sees_null(),
];
