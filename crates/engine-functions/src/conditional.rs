//! Choosing between values: `if`, `multiIf`, `coalesce`, `ifNull`, `nullIf`, `isNull`, `least`, `greatest`, `transform`.

use std::cmp::Ordering;

use engine_types::{Column, DataType, Value};

use crate::cast::cast_column;
use crate::comparison::{Op, compare};
use crate::definition::{ANY, Definition};
use crate::error::{ARGUMENT_COUNT, BAD_ARGUMENTS};
use crate::logic::condition;
use crate::operand::{nullable, plain, row, split_nulls};
use crate::supertype::common_type;
use crate::{Argument, FunctionError, TypedColumn};

fn types(args: &[Argument<'_>]) -> Vec<DataType> {
    args.iter().map(|a| a.ty.clone()).collect()
}

fn condition_type(arg: &Argument<'_>) -> Result<(), FunctionError> {
    match arg.ty.bare() {
        DataType::Nothing => Ok(()),
        ty if ty.is_number() => Ok(()),
        other => Err(FunctionError::illegal_type("if (condition)", other)),
    }
}

/// Positions of the conditions and of the values (the last is the else) of `if` and `multiIf`.
fn multi_if_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    if args.len().is_multiple_of(2) {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            "Number of arguments for function multiIf must be odd",
        ));
    }
    let mut values = Vec::new();
    for pair in args.chunks(2) {
        match pair {
            [cond, value] => {
                condition_type(cond)?;
                values.push(*value);
            }
            other => values.extend(other.iter().copied()),
        }
    }
    common_type(&types(&values))
}

/// Row `i` takes `sources[choice[i]]`, all already of one type.
pub(crate) fn choose(sources: &[Column], choice: &[u32], result: &DataType) -> Column {
    if let Some(&first) = choice.first()
        && choice.iter().all(|&c| c == first)
    {
        return sources[first as usize].clone();
    }
    // The sources one after the other; constants take one row.
    let mut starts = Vec::with_capacity(sources.len());
    let mut total = 0usize;
    let mut flat = Vec::with_capacity(sources.len());
    for source in sources {
        let (column, constant) = match source {
            Column::Const(c) => (plain(&c.value), true),
            other => (plain(other), false),
        };
        starts.push((row(total), constant));
        total += column.len();
        flat.push(column);
    }
    let _ = result;
    let all = Column::concat(&flat.iter().collect::<Vec<_>>());
    let picks: Vec<u32> = choice
        .iter()
        .enumerate()
        .map(|(i, &c)| match starts[c as usize] {
            (start, true) => start,
            (start, false) => start + row(i),
        })
        .collect();
    all.gather(&picks)
}

fn multi_if(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let branches = args.len() / 2;
    let mut choice = vec![row(branches); rows];
    for branch in (0..branches).rev() {
        match &args[2 * branch].column {
            Column::Const(c) => {
                if condition(&c.value)?[0] != 0 {
                    choice.fill(row(branch));
                }
            }
            column => {
                for (c, m) in choice.iter_mut().zip(condition(column)?.iter()) {
                    if *m != 0 {
                        *c = row(branch);
                    }
                }
            }
        }
    }
    let mut used = vec![false; branches + 1];
    choice.iter().for_each(|&c| used[c as usize] = true);
    let mut sources = Vec::with_capacity(branches + 1);
    for (branch, used) in used.iter().enumerate() {
        let arg = if branch == branches {
            &args[args.len() - 1]
        } else {
            &args[2 * branch + 1]
        };
        // A branch that no row takes is not converted: it may be the one that would fail.
        sources.push(if *used {
            cast_column(&arg.column, &arg.ty, result)?
        } else {
            Column::defaults(result, rows)
        });
    }
    if let Some(simple) = select_fixed(&sources, &choice) {
        return Ok(simple);
    }
    Ok(choose(&sources, &choice, result))
}

/// Two plain or constant fixed-width branches: a select loop instead of concat and gather.
fn select_fixed(sources: &[Column], choice: &[u32]) -> Option<Column> {
    let [a, b] = sources else {
        return None;
    };
    fn value<T: Copy>(column: &[T], constant: bool, i: usize) -> T {
        if constant { column[0] } else { column[i] }
    }
    fn inner(column: &Column) -> (&Column, bool) {
        match column {
            Column::Const(c) => (&c.value, true),
            other => (other, false),
        }
    }
    let ((a, a_const), (b, b_const)) = (inner(a), inner(b));
    macro_rules! select {
        ($variant:ident, $a:expr, $b:expr) => {
            Some(Column::$variant(
                choice
                    .iter()
                    .enumerate()
                    .map(|(i, &c)| {
                        if c == 0 {
                            value($a, a_const, i)
                        } else {
                            value($b, b_const, i)
                        }
                    })
                    .collect(),
            ))
        };
    }
    match (a, b) {
        (Column::UInt8(a), Column::UInt8(b)) => select!(UInt8, a, b),
        (Column::UInt16(a), Column::UInt16(b)) => select!(UInt16, a, b),
        (Column::UInt32(a), Column::UInt32(b)) => select!(UInt32, a, b),
        (Column::UInt64(a), Column::UInt64(b)) => select!(UInt64, a, b),
        (Column::Int32(a), Column::Int32(b)) => select!(Int32, a, b),
        (Column::Int64(a), Column::Int64(b)) => select!(Int64, a, b),
        (Column::Float64(a), Column::Float64(b)) => select!(Float64, a, b),
        (Column::Uuid(a), Column::Uuid(b)) => select!(Uuid, a, b),
        _ => None,
    }
}

fn null_mask(arg: &TypedColumn, rows: usize) -> Vec<u8> {
    match &arg.column {
        Column::Const(c) => vec![u8::from(c.value.value(0).is_null()); rows],
        column => split_nulls(column)
            .0
            .map_or_else(|| vec![0; rows], |n| n.to_vec()),
    }
}

fn coalesce_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    // Arguments after the first that cannot be NULL never show.
    let mut seen = Vec::new();
    for arg in args {
        seen.push(arg.ty.clone());
        if !arg.ty.is_nullable() && *arg.ty != DataType::Nothing {
            break;
        }
    }
    let certain = seen.last().is_some_and(|t| !t.is_nullable());
    let common = common_type(&seen)?;
    Ok(match common {
        DataType::Nullable(inner) if certain => *inner,
        other => other,
    })
}

fn coalesce(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let wide = result.clone();
    let mut choice = vec![u32::MAX; rows];
    let mut sources = Vec::new();
    let mut left = rows;
    for arg in args {
        if left == 0 {
            break;
        }
        if *arg.ty.bare() == DataType::Nothing {
            continue;
        }
        let nulls = null_mask(arg, rows);
        let at = row(sources.len());
        for (c, n) in choice.iter_mut().zip(&nulls) {
            if *c == u32::MAX && *n == 0 {
                *c = at;
                left -= 1;
            }
        }
        // NULL rows are never chosen from this source, so that its values alone are converted.
        let source = if wide.is_nullable() {
            cast_column(&arg.column, &arg.ty, &wide)?
        } else {
            let inner = match &arg.column {
                Column::Const(c) => crate::operand::repeat(split_nulls(&c.value).1, rows),
                column => split_nulls(column).1,
            };
            cast_column(&inner, arg.ty.bare(), &wide)?
        };
        sources.push(source);
    }
    if left > 0 {
        let at = row(sources.len());
        sources.push(Column::defaults(&wide, rows));
        choice
            .iter_mut()
            .filter(|c| **c == u32::MAX)
            .for_each(|c| *c = at);
    }
    Ok(choose(&sources, &choice, &wide))
}

fn null_if(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut nulls = null_mask(&args[0], rows);
    let other = null_mask(&args[1], rows);
    let bare = |arg: &TypedColumn| TypedColumn {
        ty: arg.ty.bare().clone(),
        column: match &arg.column {
            Column::Const(c) => crate::operand::repeat(split_nulls(&c.value).1, rows),
            column => split_nulls(column).1,
        },
    };
    let (a, b) = (bare(&args[0]), bare(&args[1]));
    if a.ty != DataType::Nothing && b.ty != DataType::Nothing {
        let equal = condition(&compare(Op::Equals, &a, &b, rows)?)?;
        for i in 0..rows {
            nulls[i] |= equal[i] & (1 - other[i]);
        }
    }
    if !result.is_nullable() {
        return Ok(args[0].column.clone());
    }
    Ok(nullable(a.column, nulls))
}

fn is_null(args: &[TypedColumn], rows: usize, when: u8) -> Column {
    if let Column::Const(c) = &args[0].column {
        let value = u8::from(c.value.value(0).is_null()) ^ (1 - when);
        return Column::constant(&DataType::UInt8, &Value::UInt(u64::from(value)), rows);
    }
    Column::UInt8(
        null_mask(&args[0], rows)
            .iter()
            .map(|n| u8::from(*n != 0) ^ (1 - when))
            .collect(),
    )
}

fn assume_not_null(args: &[TypedColumn], rows: usize) -> Column {
    match &args[0].column {
        Column::Const(c) => crate::operand::repeat(split_nulls(&c.value).1, rows),
        column => split_nulls(column).1,
    }
}

/// `least` and `greatest`: NULL arguments are passed over.
fn extreme(
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
    wanted: Ordering,
) -> Result<Column, FunctionError> {
    let mut best: Option<(Column, Vec<u8>)> = None;
    let bare = result.bare();
    for arg in args {
        if *arg.ty.bare() == DataType::Nothing {
            continue;
        }
        let nulls = null_mask(arg, rows);
        let values = cast_column(
            &assume_not_null(std::slice::from_ref(arg), rows),
            arg.ty.bare(),
            bare,
        )?;
        let Some((so_far, so_far_nulls)) = best.take() else {
            best = Some((values, nulls));
            continue;
        };
        let op = if wanted == Ordering::Less {
            Op::Less
        } else {
            Op::Greater
        };
        let typed = |column: &Column| TypedColumn {
            ty: bare.clone(),
            column: column.clone(),
        };
        let better = condition(&compare(op, &typed(&values), &typed(&so_far), rows)?)?;
        let choice: Vec<u32> = (0..rows)
            .map(|i| u32::from((better[i] != 0 && nulls[i] == 0) || so_far_nulls[i] != 0))
            .collect();
        let sources = [so_far, values];
        let chosen = select_fixed(&sources, &choice).unwrap_or_else(|| choose(&sources, &choice, bare));
        let both: Vec<u8> = nulls.iter().zip(&so_far_nulls).map(|(a, b)| a & b).collect();
        best = Some((chosen, both));
    }
    Ok(match best {
        None => Column::defaults(result, rows),
        Some((values, nulls)) if result.is_nullable() => nullable(values, nulls),
        Some((values, _)) => values,
    })
}

fn transform_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let DataType::Array(to) = args[2].ty else {
        return Err(FunctionError::illegal_type("transform", args[2].ty));
    };
    let default = args.get(3).unwrap_or(&args[0]);
    common_type(&[(**to).clone(), default.ty.clone()])
}

fn transform(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let list = |arg: &TypedColumn| match (&arg.column, arg.column.value(0)) {
        (Column::Const(_), Value::Array(items)) => Ok(items),
        _ => Err(FunctionError::new(
            BAD_ARGUMENTS,
            "the arrays of transform must be constants",
        )),
    };
    let (from, to) = (list(&args[1])?, list(&args[2])?);
    if from.len() != to.len() {
        return Err(FunctionError::new(
            BAD_ARGUMENTS,
            "the arrays of transform must be equally long",
        ));
    }
    let DataType::Array(to_type) = &args[2].ty else {
        return Err(FunctionError::illegal_type("transform", &args[2].ty));
    };
    let table: std::collections::BTreeMap<&Value, usize> =
        from.iter().enumerate().rev().map(|(i, v)| (v, i)).collect();
    let default = args.get(3).unwrap_or(&args[0]);
    let targets = cast_column(&Column::from_values(to_type, &to), to_type, result)?;
    let default = plain(&cast_column(&default.column, &default.ty, result)?);
    let all = Column::concat(&[&plain(&targets), &default]);
    let picks: Vec<u32> = (0..rows)
        .map(|i| match table.get(&args[0].column.value(i)) {
            Some(&at) => row(at),
            None => row(to.len() + i),
        })
        .collect();
    Ok(all.gather(&picks))
}

fn null_test(_: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    Ok(DataType::UInt8)
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("if", (3, 3), multi_if_type, multi_if).sees_null(),
    Definition::new("multiIf", (3, ANY), multi_if_type, multi_if).sees_null(),
    Definition::new("coalesce", (1, ANY), coalesce_type, coalesce).sees_null(),
    Definition::new("ifNull", (2, 2), coalesce_type, coalesce).sees_null(),
    Definition::new(
        "nullIf",
        (2, 2),
        |args| match args[0].ty {
            ty @ (DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..)) => {
                Err(FunctionError::illegal_type("nullIf", ty))
            }
            ty => Ok(ty.clone().nullable()),
        },
        null_if,
    )
    .sees_null(),
    Definition::new("isNull", (1, 1), null_test, |a, _, n| Ok(is_null(a, n, 1))).sees_null(),
    Definition::new("isNotNull", (1, 1), null_test, |a, _, n| Ok(is_null(a, n, 0))).sees_null(),
    Definition::new(
        "assumeNotNull",
        (1, 1),
        |args| {
            Ok(match args[0].ty {
                DataType::Nullable(inner) => (**inner).clone(),
                other => other.clone(),
            })
        },
        |a, _, n| Ok(assume_not_null(a, n)),
    )
    .sees_null(),
    Definition::new(
        "least",
        (1, ANY),
        |a| common_type(&types(a)),
        |a, t, n| extreme(a, t, n, Ordering::Less),
    )
    .sees_null(),
    Definition::new(
        "greatest",
        (1, ANY),
        |a| common_type(&types(a)),
        |a, t, n| extreme(a, t, n, Ordering::Greater),
    )
    .sees_null(),
    Definition::new("transform", (3, 4), transform_type, transform),
];
