//! Folding all rows in rounds is folding each row by itself.

use engine_types::{DataType, Value};
use proptest::prelude::*;

use super::*;
use crate::operand::Native;

/// `accumulator * 3 + element + captured`, in wrapping Int64.
struct Step {
    captured: Vec<i64>,
    calls: std::cell::Cell<usize>,
}

impl LambdaCall for Step {
    fn result_type(&self) -> &DataType {
        &DataType::Int64
    }

    fn call(&self, params: &[TypedColumn], rows: usize, outer_row: &[u32]) -> Result<Column, FunctionError> {
        self.calls.set(self.calls.get() + 1);
        let (state, element) = (i64::operand(&params[0].column)?, i64::operand(&params[1].column)?);
        let next = (0..rows).map(|i| step(state.at(i), element.at(i), self.captured[outer_row[i] as usize]));
        Ok(Column::Int64(next.collect()))
    }
}

fn step(state: i64, element: i64, captured: i64) -> i64 {
    state.wrapping_mul(3).wrapping_add(element).wrapping_add(captured)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_do_not_touch_each_other(rows in prop::collection::vec((any::<i8>(), prop::collection::vec(any::<i8>(), 0..6)), 0..8)) {
        let ints = |v: &[i8]| v.iter().map(|&v| Value::Int(i64::from(v))).collect::<Vec<_>>();
        let initial: Vec<i8> = rows.iter().map(|r| r.0).collect();
        let arrays: Vec<Value> = rows.iter().map(|r| Value::Array(ints(&r.1))).collect();
        let array = DataType::Int64.array();
        let args = [
            TypedColumn { ty: array.clone(), column: Column::from_values(&array, &arrays) },
            TypedColumn { ty: DataType::Int64, column: Column::from_values(&DataType::Int64, &ints(&initial)) },
        ];
        let lambda = Step {
            captured: (0..rows.len() as i64).collect(),
            calls: std::cell::Cell::new(0),
        };
        let out = ArrayFold.eval(&lambda, &args, &DataType::Int64, rows.len()).expect("folds");
        prop_assert_eq!(out.len(), rows.len());
        for (i, (first, elements)) in rows.iter().enumerate() {
            let want = elements.iter().fold(i64::from(*first), |s, &e| step(s, i64::from(e), i as i64));
            prop_assert_eq!(out.value(i), Value::Int(want));
        }
        let longest = rows.iter().map(|r| r.1.len()).max().unwrap_or(0);
        prop_assert_eq!(lambda.calls.get(), longest);
    }
}
