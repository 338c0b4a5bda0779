//! Functions of arrays without lambdas. Most are a list of element numbers to gather.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use engine_types::{ArrayColumn, Buffer, Column, DataType, StringColumnBuilder, TupleColumn, Value};

use crate::array_sort::{extremes, sorted_elements};
use crate::cast::cast_column;
use crate::definition::{ANY, Definition, Returns};
use crate::error::{ARGUMENT_OUT_OF_BOUND, SIZES_OF_ARRAYS, TOO_LARGE_ARRAY};
use crate::operand::{Native, Operand, Strings, array, i64s, plain, row, split_nulls};
use crate::row_key::{Wide, wide_keys};
use crate::supertype::{common_type, integer, width};
use crate::{Argument, FunctionError, TypedColumn};

/// Element type of an array argument.
pub(crate) fn element<'a>(function: &str, ty: &'a DataType) -> Result<&'a DataType, FunctionError> {
    match ty {
        DataType::Array(element) => Ok(element.without_low_cardinality()),
        other => Err(FunctionError::illegal_type(function, other)),
    }
}

fn element_of(arg: &TypedColumn) -> Result<&DataType, FunctionError> {
    element("array function", &arg.ty)
}

/// Elements `picks` of `values`, `ends` being the ends of the rows.
fn picked(values: &Column, picks: &[u32], offsets: Vec<u32>) -> Column {
    Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(values.gather(picks)),
    })
}

/// Elements of `values` in these ranges, `offsets` being the ends of the rows.
fn of_ranges(values: &Column, ranges: &[(u32, u32)], offsets: Vec<u32>) -> Column {
    Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(values.gather_ranges(ranges)),
    })
}

/// Calls `choose(row, first, last, picks)` for every row: it pushes the element numbers of the result.
pub(crate) fn by_row(
    a: &ArrayColumn,
    values: &Column,
    mut choose: impl FnMut(usize, u32, u32, &mut Vec<u32>),
) -> Column {
    let rows = a.offsets.len() - 1;
    let mut picks = Vec::with_capacity(a.values.len());
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    for i in 0..rows {
        choose(i, a.offsets[i], a.offsets[i + 1], &mut picks);
        offsets.push(row(picks.len()));
    }
    picked(values, &picks, offsets)
}

pub(crate) fn reversed(column: &Column) -> Result<Column, FunctionError> {
    let a = array(column)?;
    Ok(by_row(&a, &a.values, |_, from, to, picks| {
        picks.extend((from..to).rev())
    }))
}

fn array_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    element("array function", args[0].ty)?;
    Ok(args[0].ty.clone())
}

/// Array and needle elements as keys of one common type.
fn needle_keys(
    array_values: &Column,
    of: &DataType,
    needle: &TypedColumn,
) -> Result<(Vec<Wide>, Vec<Wide>), FunctionError> {
    let common = common_type(&[of.clone(), needle.ty.clone()])?.nullable();
    let keys = |column: &Column, ty: &DataType| -> Result<Vec<Wide>, FunctionError> {
        Ok(wide_keys(&[plain(&cast_column(column, ty, &common)?)]))
    };
    Ok((
        keys(array_values, of)?,
        keys(&needle.column.flatten(), &needle.ty)?,
    ))
}

fn needle_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    let of = element("has or indexOf", args[0].ty)?;
    common_type(&[of.clone(), args[1].ty.clone()])?;
    Ok(ty)
}

/// Position from 1 of the needle in each row, 0 when absent.
fn positions(args: &[TypedColumn], rows: usize) -> Result<Vec<u64>, FunctionError> {
    let a = array(&args[0].column)?;
    let of = element_of(&args[0])?;
    if a.values.is_empty() {
        return Ok(vec![0; rows]);
    }
    let (elements, needles) = needle_keys(&a.values, of, &args[1])?;
    Ok((0..rows)
        .map(|i| {
            let of_row = &elements[a.offsets[i] as usize..a.offsets[i + 1] as usize];
            of_row
                .iter()
                .position(|e| *e == needles[i])
                .map_or(0, |p| p as u64 + 1)
        })
        .collect())
}

fn count_equal(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    if a.values.is_empty() {
        return Ok(Column::UInt64(vec![0; rows].into()));
    }
    let (elements, needles) = needle_keys(&a.values, element_of(&args[0])?, &args[1])?;
    Ok(Column::UInt64(
        (0..rows)
            .map(|i| {
                let of_row = &elements[a.offsets[i] as usize..a.offsets[i + 1] as usize];
                of_row.iter().filter(|e| **e == needles[i]).count() as u64
            })
            .collect(),
    ))
}

fn two_arrays_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let (a, b) = (element("hasAll", args[0].ty)?, element("hasAll", args[1].ty)?);
    common_type(&[a.clone(), b.clone()])?;
    Ok(DataType::UInt8)
}

fn has_many(args: &[TypedColumn], rows: usize, all: bool) -> Result<Column, FunctionError> {
    let (a, b) = (array(&args[0].column)?, array(&args[1].column)?);
    let common = common_type(&[element_of(&args[0])?.clone(), element_of(&args[1])?.clone()])?.nullable();
    let keys = |x: &ArrayColumn, ty: &DataType| -> Result<Vec<Wide>, FunctionError> {
        if x.values.is_empty() {
            return Ok(Vec::new());
        }
        Ok(wide_keys(&[plain(&cast_column(&x.values, ty, &common)?)]))
    };
    let (of_a, of_b) = (keys(&a, element_of(&args[0])?)?, keys(&b, element_of(&args[1])?)?);
    Ok(Column::UInt8(
        (0..rows)
            .map(|i| {
                let have = &of_a[a.offsets[i] as usize..a.offsets[i + 1] as usize];
                let wanted = &of_b[b.offsets[i] as usize..b.offsets[i + 1] as usize];
                let contains = |w: &Wide| have.contains(w);
                u8::from(if all {
                    wanted.iter().all(contains)
                } else {
                    wanted.iter().any(contains)
                })
            })
            .collect(),
    ))
}

fn literal_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let types: Vec<DataType> = args.iter().map(|a| a.ty.clone()).collect();
    Ok(common_type(&types)?.array())
}

/// `array(a, b, …)`.
fn literal(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let of = element("array", result)?;
    let width = args.len();
    if width == 0 {
        return Ok(Column::constant(result, &Value::Array(Vec::new()), rows));
    }
    let columns = args
        .iter()
        .map(|a| cast_column(&a.column, &a.ty, of).map(|c| plain(&c)))
        .collect::<Result<Vec<_>, _>>()?;
    let all = Column::concat(&columns.iter().collect::<Vec<_>>());
    let picks: Vec<u32> = (0..rows)
        .flat_map(|i| (0..width).map(move |w| row(w * rows + i)))
        .collect();
    Ok(picked(&all, &picks, (0..=rows).map(|i| row(i * width)).collect()))
}

fn array_element_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    if let DataType::Map(_, value) = args[0].ty.bare() {
        return Ok((**value).clone());
    }
    if !args[1].ty.bare().is_integer() {
        return Err(FunctionError::illegal_type("arrayElement", args[1].ty));
    }
    Ok(element("arrayElement", args[0].ty.bare())?.clone())
}

fn array_element(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let default = Column::defaults(result, 1);
    let outside = row(a.values.len());
    if let DataType::Map(key, _) = args[0].ty.bare() {
        let Column::Tuple(pairs) = plain(&a.values) else {
            return Ok(Column::defaults(result, rows));
        };
        let (keys, wanted) = needle_keys(&pairs.elements[0], key, &args[1])?;
        let all = Column::concat(&[&plain(&pairs.elements[1]), &default]);
        let picks: Vec<u32> = (0..rows)
            .map(|i| {
                (a.offsets[i]..a.offsets[i + 1])
                    .find(|&e| keys[e as usize] == wanted[i])
                    .unwrap_or(outside)
            })
            .collect();
        return Ok(all.gather(&picks));
    }
    let indices = i64s(&args[1])?;
    let picks: Vec<u32> = (0..rows)
        .map(|i| {
            let (from, to) = (i64::from(a.offsets[i]), i64::from(a.offsets[i + 1]));
            let at = match indices.at(i) {
                0 => return outside,
                index if index > 0 => from.saturating_add(index - 1),
                index => to.saturating_add(index),
            };
            if (from..to).contains(&at) {
                at as u32
            } else {
                outside
            }
        })
        .collect();
    // Most indices are inside: then the elements need not be copied to have a default behind them.
    if !picks.contains(&outside) {
        return Ok(a.values.gather(&picks));
    }
    let all = Column::concat(&[&plain(&a.values), &default]);
    Ok(all.gather(&picks))
}

fn concat_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    for arg in args {
        element("arrayConcat", arg.ty)?;
    }
    common_type(&args.iter().map(|a| a.ty.clone()).collect::<Vec<_>>())
}

fn array_concat(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let of = element("arrayConcat", result)?;
    let arrays = args
        .iter()
        .map(|a| array(&a.column))
        .collect::<Result<Vec<_>, _>>()?;
    let mut bases = Vec::new();
    let mut total = 0;
    let mut values = Vec::new();
    for (a, arg) in arrays.iter().zip(args) {
        let cast = plain(&cast_column(&a.values, element_of(arg)?, of)?);
        bases.push(row(total));
        total += cast.len();
        values.push(cast);
    }
    let all = Column::concat(&values.iter().collect::<Vec<_>>());
    let mut ranges = Vec::with_capacity(rows * arrays.len());
    let mut offsets = vec![0u32];
    for i in 0..rows {
        let mut end = offsets[i];
        for (a, base) in arrays.iter().zip(&bases) {
            ranges.push((a.offsets[i] + base, a.offsets[i + 1] + base));
            end += a.offsets[i + 1] - a.offsets[i];
        }
        offsets.push(end);
    }
    Ok(of_ranges(&all, &ranges, offsets))
}

fn push_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let of = element("arrayPush", args[0].ty)?;
    Ok(common_type(&[of.clone(), args[1].ty.clone()])?.array())
}

fn push(args: &[TypedColumn], result: &DataType, rows: usize, front: bool) -> Result<Column, FunctionError> {
    let of = element("arrayPush", result)?;
    let a = array(&args[0].column)?;
    let elements = plain(&cast_column(&a.values, element_of(&args[0])?, of)?);
    let extra = plain(&cast_column(&args[1].column, &args[1].ty, of)?);
    let base = row(elements.len());
    let all = Column::concat(&[&elements, &extra]);
    let mut ranges = Vec::with_capacity(2 * rows);
    let mut offsets = vec![0u32];
    for i in 0..rows {
        let (old, new) = (
            (a.offsets[i], a.offsets[i + 1]),
            (base + row(i), base + row(i) + 1),
        );
        ranges.extend(if front { [new, old] } else { [old, new] });
        offsets.push(offsets[i] + (old.1 - old.0) + 1);
    }
    Ok(of_ranges(&all, &ranges, offsets))
}

fn slice_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args[1..]
        .iter()
        .find(|a| !a.ty.bare().is_integer() && *a.ty.bare() != DataType::Nothing)
    {
        Some(other) => Err(FunctionError::illegal_type("arraySlice", other.ty)),
        None => array_type(args),
    }
}

/// An optional integer argument: NULL is `None`.
fn optional(arg: Option<&TypedColumn>, i: usize) -> Option<i64> {
    match arg?.column.value(i) {
        Value::UInt(v) => i64::try_from(v).ok(),
        Value::Int(v) => Some(v),
        _ => None,
    }
}

fn array_slice(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    Ok(by_row(&a, &a.values, |i, from, to, picks| {
        let len = i64::from(to - from);
        let offset = optional(args.get(1), i).unwrap_or(1);
        let start = match offset {
            0 => return,
            o if o > 0 => o - 1,
            o => len + o,
        };
        let end = match optional(args.get(2), i) {
            None => len,
            Some(l) if l < 0 => len + l,
            Some(l) => start.saturating_add(l).min(len),
        };
        let start = start.clamp(0, len);
        let end = end.clamp(start, len);
        picks.extend(from + start as u32..from + end as u32);
    }))
}

/// More elements in the arrays of a block are refused.
const ELEMENTS_MAX: i64 = 1 << 26;

fn too_large() -> FunctionError {
    FunctionError::new(TOO_LARGE_ARRAY, "the resulting array is too large")
}

fn resize_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let of = element("arrayResize", args[0].ty)?;
    match args.get(2) {
        Some(fill) => Ok(common_type(&[of.clone(), fill.ty.clone()])?.array()),
        None => Ok(args[0].ty.clone()),
    }
}

fn resize(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let of = element("arrayResize", result)?;
    let a = array(&args[0].column)?;
    let sizes = i64s(&args[1])?;
    let total = (0..rows).fold(0u64, |sum, i| sum.saturating_add(sizes.at(i).unsigned_abs()));
    if total > ELEMENTS_MAX as u64 {
        return Err(too_large());
    }
    let elements = plain(&cast_column(&a.values, element_of(&args[0])?, of)?);
    let base = row(elements.len());
    let fill = match args.get(2) {
        Some(fill) => plain(&cast_column(&fill.column, &fill.ty, of)?),
        None => plain(&Column::defaults(of, rows)),
    };
    let all = Column::concat(&[&elements, &fill]);
    Ok(by_row(&a, &all, |i, from, to, picks| {
        let size = sizes.at(i);
        let (wanted, len) = (size.unsigned_abs() as u32, to - from);
        let missing = wanted.saturating_sub(len) as usize;
        let kept = wanted.min(len);
        if size >= 0 {
            picks.extend(from..from + kept);
            picks.extend(std::iter::repeat_n(base + row(i), missing));
        } else {
            picks.extend(std::iter::repeat_n(base + row(i), missing));
            picks.extend(to - kept..to);
        }
    }))
}

fn sort(args: &[TypedColumn], descending: bool) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    Ok(sorted_elements(&a, descending))
}

fn partial_sort_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    if !args[0].ty.is_integer() {
        return Err(FunctionError::illegal_type("arrayPartialSort", args[0].ty));
    }
    array_type(&args[1..])
}

/// Type of a sum of elements.
pub(crate) fn array_sum_type(of: &DataType) -> Result<DataType, FunctionError> {
    crate::aggregate::sum_type(of).ok_or_else(|| {
        FunctionError::new(
            43,
            format!("array aggregation function cannot be performed on type {of}"),
        )
    })
}

pub(crate) fn sums(offsets: &[u32], values: &Column, of: &DataType) -> Result<Column, FunctionError> {
    macro_rules! sum {
        ($t:ty, $add:expr) => {{
            let values = <$t>::operand(values)?;
            let sums: Vec<$t> = offsets
                .windows(2)
                .map(|w| (w[0]..w[1]).fold(<$t>::default(), |s, i| $add(s, values.at(i as usize))))
                .collect();
            Ok(<$t>::column(sums.into()))
        }};
    }
    match array_sum_type(of)? {
        DataType::UInt64 => sum!(u64, u64::wrapping_add),
        DataType::Int64 => sum!(i64, i64::wrapping_add),
        _ => sum!(f64, |a: f64, b: f64| a + b),
    }
}

pub(crate) fn averages(offsets: &[u32], values: &Column, of: &DataType) -> Result<Column, FunctionError> {
    let sums = sums(offsets, values, of)?;
    let sums = f64::operand(&sums)?;
    Ok(Column::Float64(
        offsets
            .windows(2)
            .enumerate()
            .map(|(i, w)| sums.at(i) / f64::from(w[1] - w[0]))
            .collect(),
    ))
}

fn distinct(args: &[TypedColumn], result: &DataType, _: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let keys = if a.values.is_empty() {
        Vec::new()
    } else {
        wide_keys(std::slice::from_ref(&a.values))
    };
    let (nulls, values) = split_nulls(&a.values);
    let _ = result;
    let mut seen = HashSet::new();
    Ok(by_row(&a, &values, |_, from, to, picks| {
        seen.clear();
        picks.extend(
            (from..to).filter(|&i| {
                nulls.as_ref().is_none_or(|n| n[i as usize] == 0) && seen.insert(keys[i as usize])
            }),
        );
    }))
}

/// Arrays side by side, of equal sizes row by row.
pub(crate) fn parallel(args: &[TypedColumn]) -> Result<(Buffer<u32>, Vec<Column>), FunctionError> {
    let arrays = args
        .iter()
        .map(|a| array(&a.column))
        .collect::<Result<Vec<_>, _>>()?;
    let offsets = arrays[0].offsets.clone();
    if arrays.iter().any(|a| a.offsets != offsets) {
        return Err(FunctionError::new(
            SIZES_OF_ARRAYS,
            "the arrays have different sizes",
        ));
    }
    Ok((offsets, arrays.into_iter().map(|a| *a.values).collect()))
}

fn uniq(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let (offsets, values) = parallel(args)?;
    let keys = if values[0].is_empty() {
        Vec::new()
    } else {
        wide_keys(&values)
    };
    Ok(Column::UInt32(
        offsets
            .windows(2)
            .map(|w| {
                row(keys[w[0] as usize..w[1] as usize]
                    .iter()
                    .collect::<HashSet<_>>()
                    .len())
            })
            .collect(),
    ))
}

fn enumerate_uniq(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let (offsets, values) = parallel(args)?;
    let keys = if values[0].is_empty() {
        Vec::new()
    } else {
        wide_keys(&values)
    };
    let mut out = Vec::with_capacity(keys.len());
    for w in offsets.windows(2) {
        let mut counts: HashMap<Wide, u32> = HashMap::new();
        for key in &keys[w[0] as usize..w[1] as usize] {
            let count = counts.entry(*key).or_insert(0);
            *count += 1;
            out.push(*count);
        }
    }
    Ok(Column::Array(ArrayColumn {
        offsets,
        values: Box::new(Column::UInt32(out.into())),
    }))
}

fn compact(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let keys = if a.values.is_empty() {
        Vec::new()
    } else {
        wide_keys(std::slice::from_ref(&a.values))
    };
    Ok(by_row(&a, &a.values, |_, from, to, picks| {
        picks.extend((from..to).filter(|&i| i == from || keys[i as usize] != keys[i as usize - 1]));
    }))
}

fn flat_type(ty: &DataType) -> &DataType {
    match ty {
        DataType::Array(inner) if matches!(**inner, DataType::Array(_)) => flat_type(inner),
        other => other,
    }
}

fn flatten(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let mut outer = array(&args[0].column)?;
    while matches!(*outer.values, Column::Array(_)) {
        let inner = array(&outer.values)?;
        outer = ArrayColumn {
            offsets: outer.offsets.iter().map(|&o| inner.offsets[o as usize]).collect(),
            values: inner.values,
        };
    }
    Ok(Column::Array(outer))
}

fn zip_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let elements = args
        .iter()
        .map(|a| Ok((None, element("arrayZip", a.ty)?.clone())))
        .collect::<Result<_, FunctionError>>()?;
    Ok(DataType::Tuple(elements).array())
}

fn zip(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let (offsets, elements) = parallel(args)?;
    let len = elements[0].len();
    Ok(Column::Array(ArrayColumn {
        offsets,
        values: Box::new(Column::Tuple(TupleColumn { elements, len })),
    }))
}

fn enumerate(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let numbers: Vec<u32> = a.offsets.windows(2).flat_map(|w| 1..=w[1] - w[0]).collect();
    Ok(Column::Array(ArrayColumn {
        offsets: a.offsets,
        values: Box::new(Column::UInt32(numbers.into())),
    }))
}

pub(crate) fn difference_type(of: &DataType) -> Result<DataType, FunctionError> {
    match of {
        ty if ty.is_float() => Ok(DataType::Float64),
        ty if ty.is_integer() => Ok(integer(true, (width(ty) * 2).min(8))),
        other => Err(FunctionError::illegal_type("arrayDifference", other)),
    }
}

pub(crate) fn differences(
    offsets: &Buffer<u32>,
    values: &Column,
    of: &DataType,
) -> Result<Column, FunctionError> {
    let result = difference_type(of)?;
    let values = if result == DataType::Float64 {
        let v = f64::operand(values)?;
        let rows = offsets.windows(2).flat_map(|w| {
            let v = &v;
            (w[0]..w[1]).map(move |i| {
                if i == w[0] {
                    0.0
                } else {
                    v.at(i as usize) - v.at(i as usize - 1)
                }
            })
        });
        Column::Float64(rows.collect())
    } else {
        let v = i64::operand(values)?;
        let rows = offsets.windows(2).flat_map(|w| {
            let v = &v;
            (w[0]..w[1]).map(move |i| {
                if i == w[0] {
                    0
                } else {
                    v.at(i as usize).wrapping_sub(v.at(i as usize - 1))
                }
            })
        });
        crate::cast::to_number(&Column::Int64(rows.collect()), &DataType::Int64, &result)?
    };
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.clone(),
        values: Box::new(values),
    }))
}

pub(crate) fn running_sums(
    offsets: &Buffer<u32>,
    values: &Column,
    of: &DataType,
) -> Result<Column, FunctionError> {
    macro_rules! run {
        ($t:ty, $add:expr) => {{
            let values = <$t>::operand(values)?;
            let mut out: Vec<$t> = Vec::new();
            for w in offsets.windows(2) {
                let mut sum = <$t>::default();
                for i in w[0]..w[1] {
                    sum = $add(sum, values.at(i as usize));
                    out.push(sum);
                }
            }
            <$t>::column(out.into())
        }};
    }
    let values = match array_sum_type(of)? {
        DataType::UInt64 => run!(u64, u64::wrapping_add),
        DataType::Int64 => run!(i64, i64::wrapping_add),
        _ => run!(f64, |a: f64, b: f64| a + b),
    };
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.clone(),
        values: Box::new(values),
    }))
}

fn string_concat(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let (nulls, values) = split_nulls(&a.values);
    let texts = Strings::of(&cast_column(
        &values,
        element_of(&args[0])?.bare(),
        &DataType::String,
    )?)?;
    let separators = args.get(1).map(|s| Strings::of(&s.column)).transpose()?;
    let mut out = StringColumnBuilder::with_capacity(rows, texts.byte_len());
    for i in 0..rows {
        let mut first = true;
        for e in a.offsets[i]..a.offsets[i + 1] {
            if nulls.as_ref().is_some_and(|n| n[e as usize] != 0) {
                continue;
            }
            if !first && let Some(s) = &separators {
                out.arena().extend_from_slice(s.get(i));
            }
            first = false;
            out.arena().extend_from_slice(texts.get(e as usize));
        }
        out.end_row();
    }
    Ok(Column::String(out.finish()))
}

fn range_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args.iter().find(|a| !a.ty.is_integer()) {
        Some(other) => Err(FunctionError::illegal_type("range", other.ty)),
        None => Ok(common_type(&args.iter().map(|a| a.ty.clone()).collect::<Vec<_>>())?.array()),
    }
}

fn range(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let columns = args.iter().map(i64s).collect::<Result<Vec<_>, _>>()?;
    let (start, end, step): (Operand<i64>, _, _) = match columns.as_slice() {
        [end] => (Operand::Const(0), end, Operand::Const(1)),
        [start, end] => (start.clone(), end, Operand::Const(1)),
        [start, end, step] => (start.clone(), end, step.clone()),
        _ => return Err(too_large()),
    };
    let mut out: Vec<i64> = Vec::new();
    let mut offsets = vec![0u32];
    for i in 0..rows {
        let (from, to, step) = (start.at(i), end.at(i), step.at(i));
        if step == 0 || (columns.len() == 1 && to < 0) {
            return Err(FunctionError::new(
                ARGUMENT_OUT_OF_BOUND,
                "A call to function range overflows, only support positive values when only end is provided",
            ));
        }
        let count = ((i128::from(to) - i128::from(from)) / i128::from(step)).max(0);
        if count + out.len() as i128 > i128::from(ELEMENTS_MAX) {
            return Err(too_large());
        }
        let mut at = from;
        while if step > 0 { at < to } else { at > to } {
            out.push(at);
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
        offsets.push(row(out.len()));
    }
    let of = element("range", result)?;
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(crate::cast::to_number(
            &Column::Int64(out.into()),
            &DataType::Int64,
            of,
        )?),
    }))
}

fn intersect(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let of = element("arrayIntersect", result)?;
    let arrays = args
        .iter()
        .map(|a| array(&a.column))
        .collect::<Result<Vec<_>, _>>()?;
    let mut casts = Vec::new();
    for (a, arg) in arrays.iter().zip(args) {
        casts.push(plain(&cast_column(&a.values, element_of(arg)?, of)?));
    }
    let keys: Vec<Vec<Wide>> = casts
        .iter()
        .map(|c| {
            if c.is_empty() {
                Vec::new()
            } else {
                wide_keys(std::slice::from_ref(c))
            }
        })
        .collect();
    let _ = rows;
    Ok(by_row(&arrays[0], &casts[0], |i, from, to, picks| {
        let mut seen = HashSet::new();
        picks.extend((from..to).filter(|&e| {
            let key = keys[0][e as usize];
            let everywhere = arrays[1..]
                .iter()
                .zip(&keys[1..])
                .all(|(a, k)| k[a.offsets[i] as usize..a.offsets[i + 1] as usize].contains(&key));
            everywhere && seen.insert(key)
        }));
    }))
}

fn with_constant(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let counts = i64s(&args[0])?;
    let mut picks = Vec::new();
    let mut offsets = vec![0u32];
    for i in 0..rows {
        let count = counts.at(i).max(0);
        if count > ELEMENTS_MAX - picks.len() as i64 {
            return Err(too_large());
        }
        picks.extend(std::iter::repeat_n(row(i), count as usize));
        offsets.push(row(picks.len()));
    }
    Ok(picked(&plain(&args[1].column), &picks, offsets))
}

/// The element type without NULL, where there is a sum or an average.
fn summable(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    array_sum_type(element("arraySum", args[0].ty)?)
}

fn offsets_and_values(args: &[TypedColumn]) -> Result<(Buffer<u32>, Column, DataType), FunctionError> {
    let a = array(&args[0].column)?;
    Ok((a.offsets, *a.values, element_of(&args[0])?.clone()))
}

/// Counts of elements that are not 0.
fn truths(args: &[TypedColumn]) -> Result<Vec<(u32, u32)>, FunctionError> {
    let a = array(&args[0].column)?;
    let mask = crate::logic::condition(&a.values)?;
    Ok(a.offsets
        .windows(2)
        .map(|w| {
            let held = mask[w[0] as usize..w[1] as usize]
                .iter()
                .map(|m| u32::from(*m))
                .sum();
            (held, w[1] - w[0])
        })
        .collect())
}

const fn empty_array(name: &'static str, returns: Returns) -> Definition {
    Definition::new(name, (0, 0), returns, |_, ty, rows| {
        Ok(Column::constant(ty, &Value::Array(Vec::new()), rows))
    })
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("array", (0, ANY), literal_type, literal).sees_null(),
    Definition::new(
        "has",
        (2, 2),
        |a| needle_type(a, DataType::UInt8),
        |a, _, n| {
            Ok(Column::UInt8(
                positions(a, n)?.iter().map(|p| u8::from(*p > 0)).collect(),
            ))
        },
    )
    .sees_null(),
    Definition::new(
        "indexOf",
        (2, 2),
        |a| needle_type(a, DataType::UInt64),
        |a, _, n| Ok(Column::UInt64(positions(a, n)?.into())),
    )
    .sees_null(),
    Definition::new(
        "countEqual",
        (2, 2),
        |a| needle_type(a, DataType::UInt64),
        count_equal,
    )
    .sees_null(),
    Definition::new("hasAll", (2, 2), two_arrays_type, |a, _, n| has_many(a, n, true)),
    Definition::new("hasAny", (2, 2), two_arrays_type, |a, _, n| has_many(a, n, false)),
    Definition::new("arrayElement", (2, 2), array_element_type, array_element),
    Definition::new("arrayConcat", (1, ANY), concat_type, array_concat),
    Definition::new("arrayPushBack", (2, 2), push_type, |a, t, n| push(a, t, n, false)).sees_null(),
    Definition::new("arrayPushFront", (2, 2), push_type, |a, t, n| push(a, t, n, true)).sees_null(),
    Definition::new("arrayPopBack", (1, 1), array_type, |a, _, _| {
        let a = array(&a[0].column)?;
        Ok(by_row(&a, &a.values, |_, from, to, picks| {
            picks.extend(from..to.saturating_sub(1).max(from))
        }))
    }),
    Definition::new("arrayPopFront", (1, 1), array_type, |a, _, _| {
        let a = array(&a[0].column)?;
        Ok(by_row(&a, &a.values, |_, from, to, picks| {
            picks.extend((from..to).skip(1))
        }))
    }),
    Definition::new("arraySlice", (2, 3), slice_type, array_slice).sees_null(),
    Definition::new("arrayResize", (2, 3), resize_type, resize).sees_null(),
    Definition::new("arraySort", (1, 1), array_type, |a, _, _| sort(a, false)),
    Definition::new("arrayReverseSort", (1, 1), array_type, |a, _, _| sort(a, true)),
    Definition::new("arrayPartialSort", (2, 2), partial_sort_type, |a, _, _| {
        sort(&a[1..], false)
    }),
    Definition::new("arrayPartialReverseSort", (2, 2), partial_sort_type, |a, _, _| {
        sort(&a[1..], true)
    }),
    Definition::new("arraySum", (1, 1), summable, |a, _, _| {
        let (offsets, values, of) = offsets_and_values(a)?;
        sums(&offsets, &values, &of)
    }),
    Definition::new(
        "arrayAvg",
        (1, 1),
        |a| summable(a).map(|_| DataType::Float64),
        |a, _, _| {
            let (offsets, values, of) = offsets_and_values(a)?;
            averages(&offsets, &values, &of)
        },
    ),
    Definition::new(
        "arrayMin",
        (1, 1),
        |a| Ok(element("arrayMin", a[0].ty)?.clone()),
        |a, _, _| {
            let (offsets, values, of) = offsets_and_values(a)?;
            Ok(extremes(&offsets, &values, &of, Ordering::Less))
        },
    ),
    Definition::new(
        "arrayMax",
        (1, 1),
        |a| Ok(element("arrayMax", a[0].ty)?.clone()),
        |a, _, _| {
            let (offsets, values, of) = offsets_and_values(a)?;
            Ok(extremes(&offsets, &values, &of, Ordering::Greater))
        },
    ),
    Definition::new(
        "arrayCount",
        (1, 1),
        |a| array_type(a).map(|_| DataType::UInt32),
        |a, _, _| Ok(Column::UInt32(truths(a)?.iter().map(|t| t.0).collect())),
    ),
    Definition::new(
        "arrayExists",
        (1, 1),
        |a| array_type(a).map(|_| DataType::UInt8),
        |a, _, _| {
            Ok(Column::UInt8(
                truths(a)?.iter().map(|t| u8::from(t.0 > 0)).collect(),
            ))
        },
    ),
    Definition::new(
        "arrayAll",
        (1, 1),
        |a| array_type(a).map(|_| DataType::UInt8),
        |a, _, _| {
            Ok(Column::UInt8(
                truths(a)?.iter().map(|t| u8::from(t.0 == t.1)).collect(),
            ))
        },
    ),
    Definition::new(
        "arrayUniq",
        (1, ANY),
        |a| array_type(a).map(|_| DataType::UInt32),
        uniq,
    ),
    Definition::new(
        "arrayDistinct",
        (1, 1),
        |a| Ok(element("arrayDistinct", a[0].ty)?.bare().clone().array()),
        distinct,
    ),
    Definition::new("arrayCompact", (1, 1), array_type, compact),
    Definition::new(
        "arrayFlatten",
        (1, 1),
        |a| array_type(a).map(|t| flat_type(&t).clone()),
        flatten,
    ),
    Definition::new("arrayZip", (1, ANY), zip_type, zip),
    Definition::new(
        "arrayEnumerate",
        (1, 1),
        |a| array_type(a).map(|_| DataType::UInt32.array()),
        enumerate,
    ),
    Definition::new(
        "arrayEnumerateUniq",
        (1, ANY),
        |a| array_type(a).map(|_| DataType::UInt32.array()),
        enumerate_uniq,
    ),
    Definition::new(
        "arrayDifference",
        (1, 1),
        |a| Ok(difference_type(element("arrayDifference", a[0].ty)?)?.array()),
        |a, _, _| {
            let (offsets, values, of) = offsets_and_values(a)?;
            differences(&offsets, &values, &of)
        },
    ),
    Definition::new(
        "arrayCumSum",
        (1, 1),
        |a| Ok(summable(a)?.array()),
        |a, _, _| {
            let (offsets, values, of) = offsets_and_values(a)?;
            running_sums(&offsets, &values, &of)
        },
    ),
    Definition::new("arrayReverse", (1, 1), array_type, |a, _, _| {
        reversed(&a[0].column)
    }),
    Definition::new(
        "arrayStringConcat",
        (1, 2),
        |a| array_type(a).map(|_| DataType::String),
        string_concat,
    ),
    Definition::new("range", (1, 3), range_type, range),
    Definition::new("arrayIntersect", (1, ANY), concat_type, intersect),
    Definition::new(
        "arrayWithConstant",
        (2, 2),
        |a| Ok(a[1].ty.clone().array()),
        with_constant,
    )
    .sees_null(),
    empty_array("emptyArrayUInt8", |_| Ok(DataType::UInt8.array())),
    empty_array("emptyArrayUInt16", |_| Ok(DataType::UInt16.array())),
    empty_array("emptyArrayUInt32", |_| Ok(DataType::UInt32.array())),
    empty_array("emptyArrayUInt64", |_| Ok(DataType::UInt64.array())),
    empty_array("emptyArrayInt8", |_| Ok(DataType::Int8.array())),
    empty_array("emptyArrayInt16", |_| Ok(DataType::Int16.array())),
    empty_array("emptyArrayInt32", |_| Ok(DataType::Int32.array())),
    empty_array("emptyArrayInt64", |_| Ok(DataType::Int64.array())),
    empty_array("emptyArrayFloat32", |_| Ok(DataType::Float32.array())),
    empty_array("emptyArrayFloat64", |_| Ok(DataType::Float64.array())),
    empty_array("emptyArrayString", |_| Ok(DataType::String.array())),
    empty_array("emptyArrayDate", |_| Ok(DataType::Date.array())),
    empty_array("emptyArrayDateTime", |_| Ok(DataType::DateTime(None).array())),
];
