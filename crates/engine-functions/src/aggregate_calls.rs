//! `finalizeAggregation` and `initializeAggregation`: states of aggregates as arguments and results of plain functions.

use engine_types::{Column, DataType, Value};

use crate::aggregate::{finished, finished_type};
use crate::array_reduce;
use crate::definition::{ANY, Definition};
use crate::error::ILLEGAL_TYPE;
use crate::operand::{Strings, row};
use crate::{Argument, FunctionError, TypedColumn};

fn finalize(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    finished(&args[0].column, &args[0].ty)
}

fn initialize_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let Some(Value::String(name)) = args[0].constant else {
        return Err(FunctionError::new(
            ILLEGAL_TYPE,
            "the first argument of initializeAggregation must be a constant string: the name of an aggregate function",
        ));
    };
    let types: Vec<DataType> = args[1..].iter().map(|a| a.ty.clone()).collect();
    Ok(array_reduce::aggregate(name, &types)?.return_type().clone())
}

/// Every row is a group of its own.
fn initialize(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let name = Strings::of(&args[0].column)?;
    let types: Vec<DataType> = args[1..].iter().map(|a| a.ty.clone()).collect();
    let columns: Vec<Column> = args[1..].iter().map(|a| a.column.clone()).collect();
    let mut states = array_reduce::aggregate(name.get(0), &types)?.accumulator();
    states.resize(rows);
    let groups: Vec<u32> = (0..rows).map(row).collect();
    states.update(&groups, &columns)?;
    states.finish()
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "finalizeAggregation",
        (1, 1),
        |a| finished_type(a[0].ty),
        finalize,
    )
    .sees_null(),
    Definition::new("initializeAggregation", (2, ANY), initialize_type, initialize).sees_null(),
];
