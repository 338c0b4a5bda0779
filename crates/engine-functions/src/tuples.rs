//! `tuple`, `tupleElement`, and maps, which are arrays of pairs.

use engine_types::{ArrayColumn, Column, DataType, TupleColumn, Value};

use crate::cast::cast_column;
use crate::definition::{ANY, Definition};
use crate::error::{ARGUMENT_COUNT, ARGUMENT_OUT_OF_BOUND, ILLEGAL_INDEX, SIZES_OF_ARRAYS};
use crate::operand::{array, plain, row};
use crate::row_key::wide_keys;
use crate::supertype::common_type;
use crate::{Argument, FunctionError, TypedColumn};

fn tuple(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    Ok(Column::Tuple(TupleColumn {
        elements: args.iter().map(|a| a.column.clone()).collect(),
        len: rows,
    }))
}

/// Index from 0 of the element that a constant number (from 1, negative from the end) or name means.
fn element_index(
    elements: &[(Option<String>, DataType)],
    which: Option<&Value>,
) -> Result<usize, FunctionError> {
    let outside = |shown: String| {
        FunctionError::new(
            ARGUMENT_OUT_OF_BOUND,
            format!("Tuple doesn't have element with index '{shown}'"),
        )
    };
    match which {
        Some(Value::UInt(i)) => usize::try_from(*i)
            .ok()
            .and_then(|i| i.checked_sub(1))
            .filter(|i| *i < elements.len())
            .ok_or_else(|| outside(i.to_string())),
        Some(Value::Int(i)) => {
            let len = elements.len() as i64;
            let at = if *i > 0 { i - 1 } else { len + i };
            if *i != 0 && (0..len).contains(&at) {
                Ok(at as usize)
            } else {
                Err(outside(i.to_string()))
            }
        }
        Some(Value::String(name)) => elements
            .iter()
            .position(|(n, _)| n.as_ref().is_some_and(|n| n.as_bytes() == name))
            .ok_or_else(|| {
                FunctionError::new(
                    10,
                    format!(
                        "Tuple doesn't have element with name '{}'",
                        String::from_utf8_lossy(name)
                    ),
                )
            }),
        _ => Err(FunctionError::new(
            ILLEGAL_INDEX,
            "the index of tupleElement must be a constant",
        )),
    }
}

fn elements(ty: &DataType) -> Result<&[(Option<String>, DataType)], FunctionError> {
    match ty.bare() {
        DataType::Tuple(elements) => Ok(elements),
        DataType::Array(inner) if matches!(**inner, DataType::Tuple(_)) => elements(inner),
        other => Err(FunctionError::illegal_type("tupleElement", other)),
    }
}

fn tuple_element_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let of = elements(args[0].ty)?;
    let ty = of[element_index(of, args[1].constant)?].1.clone();
    Ok(if matches!(args[0].ty, DataType::Array(_)) {
        ty.array()
    } else {
        ty
    })
}

fn tuple_element(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let of = elements(&args[0].ty)?;
    let at = element_index(of, Some(&args[1].column.value(0)))?;
    match plain(&args[0].column) {
        Column::Tuple(tuple) => Ok(tuple.elements[at].clone()),
        Column::Array(_) => {
            let a = array(&args[0].column)?;
            let Column::Tuple(tuple) = plain(&a.values) else {
                return Err(FunctionError::form("tuples"));
            };
            Ok(Column::Array(ArrayColumn {
                offsets: a.offsets,
                values: Box::new(plain(&tuple.elements[at])),
            }))
        }
        _ => Err(FunctionError::form("tuples")),
    }
}

fn map_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    if !args.len().is_multiple_of(2) {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            "Function map requires an even number of arguments",
        ));
    }
    let side = |from: usize| -> Result<DataType, FunctionError> {
        common_type(
            &args
                .iter()
                .skip(from)
                .step_by(2)
                .map(|a| a.ty.clone())
                .collect::<Vec<_>>(),
        )
    };
    Ok(DataType::Map(Box::new(side(0)?), Box::new(side(1)?)))
}

fn map(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let DataType::Map(key, value) = result else {
        return Err(FunctionError::form("maps"));
    };
    if args.is_empty() {
        return Ok(Column::constant(result, &Value::Array(Vec::new()), rows));
    }
    let side = |from: usize, ty: &DataType| -> Result<Column, FunctionError> {
        let columns = args
            .iter()
            .skip(from)
            .step_by(2)
            .map(|a| cast_column(&a.column, &a.ty, ty).map(|c| plain(&c)))
            .collect::<Result<Vec<_>, _>>()?;
        let all = Column::concat(&columns.iter().collect::<Vec<_>>());
        let width = columns.len();
        let picks: Vec<u32> = (0..rows)
            .flat_map(|i| (0..width).map(move |w| row(w * rows + i)))
            .collect();
        Ok(all.gather(&picks))
    };
    let (keys, values) = (side(0, key)?, side(1, value)?);
    let width = args.len() / 2;
    let len = keys.len();
    Ok(Column::Array(ArrayColumn {
        offsets: (0..=rows).map(|i| row(i * width)).collect(),
        values: Box::new(Column::Tuple(TupleColumn {
            elements: vec![keys, values],
            len,
        })),
    }))
}

fn map_side_type(args: &[Argument<'_>], value: bool) -> Result<DataType, FunctionError> {
    match args[0].ty {
        DataType::Map(k, v) => Ok((if value { (**v).clone() } else { (**k).clone() }).array()),
        other => Err(FunctionError::illegal_type("mapKeys or mapValues", other)),
    }
}

fn map_side(args: &[TypedColumn], value: bool) -> Result<Column, FunctionError> {
    let a = array(&args[0].column)?;
    let Column::Tuple(pairs) = plain(&a.values) else {
        return Err(FunctionError::form("maps"));
    };
    Ok(Column::Array(ArrayColumn {
        offsets: a.offsets,
        values: Box::new(plain(&pairs.elements[usize::from(value)])),
    }))
}

fn map_contains(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let DataType::Map(key, _) = &args[0].ty else {
        return Err(FunctionError::illegal_type("mapContains", &args[0].ty));
    };
    let Column::Array(keys) = map_side(args, false)? else {
        return Err(FunctionError::form("arrays"));
    };
    if keys.values.is_empty() {
        return Ok(Column::UInt8(vec![0; rows].into()));
    }
    let of = wide_keys(std::slice::from_ref(&*keys.values));
    let wanted = wide_keys(&[plain(&cast_column(&args[1].column.flatten(), &args[1].ty, key)?)]);
    Ok(Column::UInt8(
        (0..rows)
            .map(|i| {
                u8::from(of[keys.offsets[i] as usize..keys.offsets[i + 1] as usize].contains(&wanted[i]))
            })
            .collect(),
    ))
}

fn from_arrays(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    let (keys, values) = (array(&args[0].column)?, array(&args[1].column)?);
    if keys.offsets != values.offsets {
        return Err(FunctionError::new(
            SIZES_OF_ARRAYS,
            "the arrays of mapFromArrays differ in size",
        ));
    }
    let len = keys.values.len();
    Ok(Column::Array(ArrayColumn {
        offsets: keys.offsets,
        values: Box::new(Column::Tuple(TupleColumn {
            elements: vec![*keys.values, *values.values],
            len,
        })),
    }))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "tuple",
        (0, ANY),
        |args| {
            Ok(DataType::Tuple(
                args.iter().map(|a| (None, a.ty.clone())).collect(),
            ))
        },
        tuple,
    )
    .sees_null(),
    Definition::new("tupleElement", (2, 3), tuple_element_type, tuple_element).sees_null(),
    Definition::new("map", (0, ANY), map_type, map).sees_null(),
    Definition::new(
        "mapKeys",
        (1, 1),
        |a| map_side_type(a, false),
        |a, _, _| map_side(a, false),
    ),
    Definition::new(
        "mapValues",
        (1, 1),
        |a| map_side_type(a, true),
        |a, _, _| map_side(a, true),
    ),
    Definition::new(
        "mapContains",
        (2, 2),
        |a| map_side_type(a, false).map(|_| DataType::UInt8),
        map_contains,
    ),
    Definition::new(
        "mapFromArrays",
        (2, 2),
        |args| match (args[0].ty, args[1].ty) {
            (DataType::Array(k), DataType::Array(v)) => Ok(DataType::Map(k.clone(), v.clone())),
            (other, _) => Err(FunctionError::illegal_type("mapFromArrays", other)),
        },
        from_arrays,
    ),
];
