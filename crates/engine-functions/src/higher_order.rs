//! Functions that apply a lambda to the elements of arrays.

use std::cmp::Ordering;

use engine_types::{ArrayColumn, Buffer, Column, DataType};

use crate::array_sort::{extremes, sorted};
use crate::arrays::{
    array_sum_type, averages, difference_type, differences, element, parallel, running_sums, sums,
};
use crate::error::ARGUMENT_COUNT;
use crate::logic::condition;
use crate::operand::{nullable, plain, row};
use crate::{FunctionError, HigherOrderFunction, LambdaCall, TypedColumn};

/// What is made of the lambda's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Map,
    Filter,
    Sort,
    ReverseSort,
    /// Sorted as a whole: what is behind the limit may be in any order.
    PartialSort,
    PartialReverseSort,
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Exists,
    All,
    First,
    Last,
    FirstOrNull,
    LastOrNull,
    FirstIndex,
    LastIndex,
    Split,
    ReverseSplit,
    Fill,
    ReverseFill,
    CumSum,
    Difference,
}

pub(crate) struct HigherOrder {
    name: &'static str,
    makes: Use,
}

impl HigherOrder {
    const fn new(name: &'static str, makes: Use) -> Self {
        Self { name, makes }
    }
}

pub(crate) static FUNCTIONS: &[HigherOrder] = &[
    HigherOrder::new("arrayMap", Use::Map),
    HigherOrder::new("arrayFilter", Use::Filter),
    HigherOrder::new("arraySort", Use::Sort),
    HigherOrder::new("arrayReverseSort", Use::ReverseSort),
    HigherOrder::new("arrayPartialSort", Use::PartialSort),
    HigherOrder::new("arrayPartialReverseSort", Use::PartialReverseSort),
    HigherOrder::new("arraySum", Use::Sum),
    HigherOrder::new("arrayAvg", Use::Avg),
    HigherOrder::new("arrayMin", Use::Min),
    HigherOrder::new("arrayMax", Use::Max),
    HigherOrder::new("arrayCount", Use::Count),
    HigherOrder::new("arrayExists", Use::Exists),
    HigherOrder::new("arrayAll", Use::All),
    HigherOrder::new("arrayFirst", Use::First),
    HigherOrder::new("arrayLast", Use::Last),
    HigherOrder::new("arrayFirstOrNull", Use::FirstOrNull),
    HigherOrder::new("arrayLastOrNull", Use::LastOrNull),
    HigherOrder::new("arrayFirstIndex", Use::FirstIndex),
    HigherOrder::new("arrayLastIndex", Use::LastIndex),
    HigherOrder::new("arraySplit", Use::Split),
    HigherOrder::new("arrayReverseSplit", Use::ReverseSplit),
    HigherOrder::new("arrayFill", Use::Fill),
    HigherOrder::new("arrayReverseFill", Use::ReverseFill),
    HigherOrder::new("arrayCumSum", Use::CumSum),
    HigherOrder::new("arrayDifference", Use::Difference),
];

/// The element types of array (or map) arguments; a map gives key and value.
fn parameters(function: &str, arrays: &[DataType]) -> Result<Vec<DataType>, FunctionError> {
    arrays
        .iter()
        .map(|ty| element(function, ty.without_low_cardinality()).cloned())
        .collect()
}

impl HigherOrderFunction for HigherOrder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn lambda_params(&self, arrays: &[DataType]) -> Result<Vec<DataType>, FunctionError> {
        parameters(self.name, self.arrays(arrays)?)
    }

    fn return_type(&self, body: &DataType, arrays: &[DataType]) -> Result<DataType, FunctionError> {
        let body = body.without_low_cardinality();
        let arrays = self.arrays(arrays)?;
        let first = arrays[0].without_low_cardinality();
        let of = element(self.name, first)?;
        let needs_condition = matches!(
            self.makes,
            Use::Filter
                | Use::Count
                | Use::Exists
                | Use::All
                | Use::First
                | Use::Last
                | Use::FirstOrNull
                | Use::LastOrNull
                | Use::FirstIndex
                | Use::LastIndex
                | Use::Split
                | Use::ReverseSplit
                | Use::Fill
                | Use::ReverseFill
        );
        if needs_condition && !body.bare().is_number() && *body.bare() != DataType::Nothing {
            return Err(FunctionError::illegal_type(self.name, body));
        }
        Ok(match self.makes {
            Use::Map => body.clone().array(),
            Use::Filter
            | Use::Sort
            | Use::ReverseSort
            | Use::PartialSort
            | Use::PartialReverseSort
            | Use::Fill
            | Use::ReverseFill => of.clone().array(),
            Use::Sum => array_sum_type(body)?,
            Use::Avg => array_sum_type(body).map(|_| DataType::Float64)?,
            Use::Min | Use::Max => body.clone(),
            Use::Count | Use::FirstIndex | Use::LastIndex => DataType::UInt32,
            Use::Exists | Use::All => DataType::UInt8,
            Use::First | Use::Last => of.clone(),
            Use::FirstOrNull | Use::LastOrNull => of.clone().nullable(),
            Use::Split | Use::ReverseSplit => of.clone().array().array(),
            Use::CumSum => array_sum_type(body)?.array(),
            Use::Difference => difference_type(body)?.array(),
        })
    }

    fn eval(
        &self,
        lambda: &dyn LambdaCall,
        arrays: &[TypedColumn],
        result: &DataType,
        rows: usize,
    ) -> Result<Column, FunctionError> {
        let result = result.without_low_cardinality();
        let arrays = self.arrays(arrays)?;
        let (offsets, values) = parallel(arrays)?;
        let total = values[0].len();
        let mut outer = Vec::with_capacity(total);
        for (i, w) in offsets.windows(2).enumerate() {
            outer.resize(w[1] as usize, row(i));
        }
        let types = parameters(
            self.name,
            &arrays.iter().map(|a| a.ty.clone()).collect::<Vec<_>>(),
        )?;
        let params: Vec<TypedColumn> = types
            .into_iter()
            .zip(&values)
            .map(|(ty, column)| TypedColumn {
                ty,
                column: column.clone(),
            })
            .collect();
        let body = if total == 0 {
            Column::empty(lambda.result_type())
        } else {
            lambda.call(&params, total, &outer)?
        };
        let first = ArrayColumn {
            offsets: offsets.clone(),
            values: Box::new(plain(&values[0])),
        };
        let body_type = lambda.result_type().without_low_cardinality();
        self.finish(&first, &body, body_type, result, rows)
    }
}

impl HigherOrder {
    /// The arguments that are arrays: the partial sorts have their limit in front of them.
    fn arrays<'a, T>(&self, args: &'a [T]) -> Result<&'a [T], FunctionError> {
        let arrays = match self.makes {
            Use::PartialSort | Use::PartialReverseSort => args.get(1..).unwrap_or_default(),
            _ => args,
        };
        if arrays.is_empty() {
            return Err(FunctionError::new(
                ARGUMENT_COUNT,
                format!("Function {} needs at least one array argument", self.name),
            ));
        }
        Ok(arrays)
    }

    fn finish(
        &self,
        first: &ArrayColumn,
        body: &Column,
        body_type: &DataType,
        result: &DataType,
        rows: usize,
    ) -> Result<Column, FunctionError> {
        let offsets = &first.offsets;
        let body_plain = || plain(body);
        Ok(match self.makes {
            Use::Map => Column::Array(ArrayColumn {
                offsets: offsets.clone(),
                values: Box::new(body_plain()),
            }),
            Use::Sort | Use::PartialSort => sorted(first, body, false),
            Use::ReverseSort | Use::PartialReverseSort => sorted(first, body, true),
            Use::Sum => sums(offsets, &body_plain(), body_type)?,
            Use::Avg => averages(offsets, &body_plain(), body_type)?,
            Use::Min => extremes(offsets, body, body_type, Ordering::Less),
            Use::Max => extremes(offsets, body, body_type, Ordering::Greater),
            Use::CumSum => running_sums(offsets, &body_plain(), body_type)?,
            Use::Difference => differences(offsets, &body_plain(), body_type)?,
            Use::Filter => {
                let mask = condition(body)?;
                filter(first, &mask)
            }
            Use::Count => Column::UInt32(
                rows_of(offsets, &condition(body)?)
                    .map(|(_, m)| held(m))
                    .collect(),
            ),
            Use::Exists => Column::UInt8(
                rows_of(offsets, &condition(body)?)
                    .map(|(_, m)| u8::from(m.contains(&1)))
                    .collect(),
            ),
            Use::All => Column::UInt8(
                rows_of(offsets, &condition(body)?)
                    .map(|(_, m)| u8::from(!m.contains(&0)))
                    .collect(),
            ),
            Use::FirstIndex => Column::UInt32(
                rows_of(offsets, &condition(body)?)
                    .map(|(_, m)| m.iter().position(|m| *m != 0).map_or(0, |p| row(p) + 1))
                    .collect(),
            ),
            Use::LastIndex => Column::UInt32(
                rows_of(offsets, &condition(body)?)
                    .map(|(_, m)| m.iter().rposition(|m| *m != 0).map_or(0, |p| row(p) + 1))
                    .collect(),
            ),
            Use::First | Use::Last | Use::FirstOrNull | Use::LastOrNull => {
                let mask = condition(body)?;
                let none = row(first.values.len());
                let front = matches!(self.makes, Use::First | Use::FirstOrNull);
                let picks: Vec<u32> = rows_of(offsets, &mask)
                    .map(|(from, m)| {
                        let at = if front {
                            m.iter().position(|m| *m != 0)
                        } else {
                            m.iter().rposition(|m| *m != 0)
                        };
                        at.map_or(none, |p| from + row(p))
                    })
                    .collect();
                if matches!(self.makes, Use::First | Use::Last) {
                    let all = Column::concat(&[&first.values, &Column::defaults(result, 1)]);
                    return Ok(all.gather(&picks));
                }
                let (inner, values) = crate::operand::split_nulls(&first.values);
                let bare = result.bare();
                let all = Column::concat(&[&values, &Column::defaults(bare, 1)]);
                let nulls: Vec<u8> = picks
                    .iter()
                    .map(|&p| u8::from(p == none || inner.as_ref().is_some_and(|n| n[p as usize] != 0)))
                    .collect();
                nullable(all.gather(&picks), nulls)
            }
            Use::Split | Use::ReverseSplit => {
                split(first, &condition(body)?, self.makes == Use::ReverseSplit, rows)
            }
            Use::Fill | Use::ReverseFill => fill(first, &condition(body)?, self.makes == Use::ReverseFill),
        })
    }
}

/// First element number and mask of each row.
fn rows_of<'a>(offsets: &'a Buffer<u32>, mask: &'a Buffer<u8>) -> impl Iterator<Item = (u32, &'a [u8])> {
    offsets
        .windows(2)
        .map(|w| (w[0], &mask[w[0] as usize..w[1] as usize]))
}

fn held(mask: &[u8]) -> u32 {
    mask.iter().map(|m| u32::from(*m)).sum()
}

fn filter(first: &ArrayColumn, mask: &Buffer<u8>) -> Column {
    let mut total = 0;
    let mut offsets = vec![0u32];
    for (_, m) in rows_of(&first.offsets, mask) {
        total += held(m);
        offsets.push(total);
    }
    Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(first.values.filter(mask)),
    })
}

/// Cuts before (`reverse`: after) every element whose mask is set.
fn split(first: &ArrayColumn, mask: &Buffer<u8>, reverse: bool, rows: usize) -> Column {
    let mut inner = vec![0u32];
    let mut outer = vec![0u32];
    for i in 0..rows {
        let (from, to) = (first.offsets[i], first.offsets[i + 1]);
        for e in from..to {
            let cut_before = !reverse && e > from && mask[e as usize] != 0;
            let cut_after_previous = reverse && e > from && mask[e as usize - 1] != 0;
            if cut_before || cut_after_previous {
                inner.push(e);
            }
        }
        if to > from {
            inner.push(to);
        }
        outer.push(row(inner.len() - 1));
    }
    Column::Array(ArrayColumn {
        offsets: outer.into(),
        values: Box::new(Column::Array(ArrayColumn {
            offsets: inner.into(),
            values: first.values.clone(),
        })),
    })
}

/// Elements whose mask is not set take the value of the neighbour before (`reverse`: after).
fn fill(first: &ArrayColumn, mask: &Buffer<u8>, reverse: bool) -> Column {
    let mut picks: Vec<u32> = (0..row(first.values.len())).collect();
    for w in first.offsets.windows(2) {
        let (from, to) = (w[0] as usize, w[1] as usize);
        if reverse {
            for e in (from..to.saturating_sub(1)).rev() {
                if mask[e] == 0 {
                    picks[e] = picks[e + 1];
                }
            }
        } else {
            for e in from + 1..to {
                if mask[e] == 0 {
                    picks[e] = picks[e - 1];
                }
            }
        }
    }
    Column::Array(ArrayColumn {
        offsets: first.offsets.clone(),
        values: Box::new(first.values.gather(&picks)),
    })
}
