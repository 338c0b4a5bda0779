//! `arrayFold`: an accumulator taken through the elements of arrays, one element of every row a round.

use engine_types::{Column, DataType};

use crate::arrays::{element, parallel};
use crate::error::{ILLEGAL_TYPE, TOO_FEW_ARGUMENTS, TYPE_MISMATCH};
use crate::operand::{plain, row};
use crate::{FunctionError, HigherOrderFunction, LambdaCall, TypedColumn};

/// `arrayFold((accumulator, x, …) -> …, array, …, initial)`: the arguments behind the lambda are the arrays, then the
/// accumulator's first value, whose type the lambda must keep.
pub(crate) struct ArrayFold;

impl HigherOrderFunction for ArrayFold {
    fn name(&self) -> &'static str {
        "arrayFold"
    }

    fn lambda_params(&self, args: &[DataType]) -> Result<Vec<DataType>, FunctionError> {
        let Some((initial, arrays)) = args.split_last().filter(|(_, arrays)| !arrays.is_empty()) else {
            return Err(FunctionError::new(
                TOO_FEW_ARGUMENTS,
                "Function arrayFold requires as arguments a lambda function, at least one array and an accumulator.",
            ));
        };
        let mut types = vec![initial.without_low_cardinality().clone()];
        for (i, array) in arrays.iter().enumerate() {
            let of = element("arrayFold", array.without_low_cardinality()).map_err(|_| {
                FunctionError::new(
                    ILLEGAL_TYPE,
                    format!(
                        "Argument {} of function arrayFold must be of type Array, found {array} instead.",
                        i + 2
                    ),
                )
            })?;
            types.push(of.clone());
        }
        Ok(types)
    }

    fn return_type(&self, body: &DataType, args: &[DataType]) -> Result<DataType, FunctionError> {
        let initial = &self.lambda_params(args)?[0];
        let body = body.without_low_cardinality();
        if body != initial {
            return Err(FunctionError::new(
                TYPE_MISMATCH,
                format!(
                    "Return type of lambda function must be the same as the accumulator type, \
                     inferred return type of lambda: {body}, inferred type of accumulator: {initial}"
                ),
            ));
        }
        Ok(initial.clone())
    }

    /// Round `n` calls the lambda once for element `n` of every row that has one: as many calls as the longest array
    /// has elements.
    fn eval(
        &self,
        lambda: &dyn LambdaCall,
        args: &[TypedColumn],
        result: &DataType,
        rows: usize,
    ) -> Result<Column, FunctionError> {
        let types: Vec<DataType> = args.iter().map(|a| a.ty.clone()).collect();
        let types = self.lambda_params(&types)?;
        let Some((initial, arrays)) = args.split_last() else {
            return Err(FunctionError::form("arrays and an accumulator"));
        };
        let (offsets, values) = parallel(arrays)?;
        let mut state = plain(&initial.column);
        let mut going: Vec<u32> = (0..row(rows)).collect();
        // Accumulators of rows whose arrays ended, and which rows those are.
        let (mut ended, mut ended_rows): (Vec<Column>, Vec<u32>) = (Vec::new(), Vec::with_capacity(rows));
        let mut round = 0;
        while !going.is_empty() {
            let has_element = |&r: &u32| offsets[r as usize + 1] - offsets[r as usize] > round;
            if !going.iter().all(has_element) {
                let (more, done): (Vec<u32>, Vec<u32>) =
                    (0..row(going.len())).partition(|&at| has_element(&going[at as usize]));
                ended.push(state.gather(&done));
                ended_rows.extend(done.iter().map(|&at| going[at as usize]));
                state = state.gather(&more);
                going = more.iter().map(|&at| going[at as usize]).collect();
                continue;
            }
            let elements: Vec<u32> = going.iter().map(|&r| offsets[r as usize] + round).collect();
            let params: Vec<TypedColumn> = std::iter::once(state)
                .chain(values.iter().map(|v| v.gather(&elements)))
                .zip(&types)
                .map(|(column, ty)| TypedColumn {
                    ty: ty.clone(),
                    column,
                })
                .collect();
            state = plain(&lambda.call(&params, going.len(), &going)?);
            round += 1;
        }
        if ended.is_empty() {
            return Ok(Column::empty(result));
        }
        let mut place = vec![0; rows];
        for (at, &r) in ended_rows.iter().enumerate() {
            place[r as usize] = row(at);
        }
        Ok(Column::concat(&ended.iter().collect::<Vec<_>>()).gather(&place))
    }
}

#[cfg(test)]
mod tests;
