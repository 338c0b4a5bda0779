//! Aggregate functions: names to accumulators, with combinators as adapters around them.

mod any;
mod arg_extremum;
mod bits;
mod cells;
mod combinator;
mod count;
mod covariance;
mod distinct_pairs;
mod extremum;
mod for_each;
mod funnel;
mod group_array;
mod group_array_insert_at;
mod group_array_sorted;
mod nulls;
mod quantile;
mod sequence;
mod state;
mod state_bytes;
mod sum;
mod sum_map;
mod top;
mod uniq;
mod variance;

pub(crate) use cells::{Form, ordered};
pub use state::merge_states;
pub(crate) use state::{finished, finished_type};
pub use state_bytes::StateReader;
pub(crate) use sum::sum_type;

use engine_types::{Column, DataType, Value};

use crate::error::{ARGUMENT_COUNT, BAD_ARGUMENTS};
use crate::operand::plain;
use crate::{Accumulator, AggregateFunction, FunctionError};

type Make = Box<dyn Fn() -> Box<dyn Accumulator> + Send + Sync>;

/// A resolved aggregate.
pub(crate) struct Aggregate {
    name: String,
    returns: DataType,
    make: Make,
}

impl AggregateFunction for Aggregate {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn return_type(&self) -> &DataType {
        &self.returns
    }

    fn accumulator(&self) -> Box<dyn Accumulator> {
        (self.make)()
    }
}

/// States that see only plain values: no `Const`, `Dict` or NULL.
trait State: Send + Sized + 'static {
    fn resize(&mut self, groups: usize);

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError>;

    /// As [`Accumulator::update_repeated`].
    fn update_repeated(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: &[u32],
    ) -> Result<(), FunctionError> {
        let (groups, args) = repeated(groups, args, times);
        self.update(&groups, &args)
    }

    fn merge(&mut self, other: Self, groups: &[u32]);

    fn finish(&mut self) -> Result<Column, FunctionError>;

    fn save(&mut self, out: &mut [Vec<u8>]);

    /// Of new states.
    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError>;

    fn byte_size(&self) -> usize;
}

/// Makes an [`Accumulator`] of a [`State`].
struct Plain<S>(S);

impl<S: State> Accumulator for Plain<S> {
    fn resize(&mut self, groups: usize) {
        self.0.resize(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let args: Vec<Column> = args.iter().map(plain).collect();
        self.0.update(groups, &args)
    }

    fn update_repeated(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: &[u32],
    ) -> Result<(), FunctionError> {
        let args: Vec<Column> = args.iter().map(plain).collect();
        self.0.update_repeated(groups, &args, times)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?;
        self.0.merge(other.0, groups);
        Ok(())
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        self.0.finish()
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        self.0.save(out);
        Ok(())
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        self.0.load(input)
    }

    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Each row as often as it is there.
pub(crate) fn repeated(groups: &[u32], args: &[Column], times: &[u32]) -> (Vec<u32>, Vec<Column>) {
    let repeat = |(i, times): (u32, &u32)| std::iter::repeat_n(i, *times as usize);
    let rows: Vec<u32> = (0u32..).zip(times).flat_map(repeat).collect();
    let groups = rows.iter().map(|row| groups[*row as usize]).collect();
    (groups, args.iter().map(|column| column.gather(&rows)).collect())
}

fn downcast<T: 'static>(other: Box<dyn Accumulator>) -> Result<T, FunctionError> {
    other
        .as_any()
        .downcast::<T>()
        .map(|b| *b)
        .map_err(|_| FunctionError::new(49, "states of different aggregate functions cannot be merged"))
}

fn boxed<S: State>(state: S) -> Box<dyn Accumulator> {
    Box::new(Plain(state))
}

fn maker<S: State>(make: impl Fn() -> S + Send + Sync + 'static) -> Make {
    Box::new(move || boxed(make()))
}

/// What the base function does with NULL arguments (which it never sees).
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnNull {
    /// The result of a group without other values is NULL.
    Null,
    /// It is the result of no rows.
    Skip,
}

/// A base function for arguments without NULL.
struct Base {
    returns: DataType,
    make: Make,
    on_null: OnNull,
}

const ANY_CASE: &[&str] = &["count", "sum", "avg", "min", "max", "any", "median", "groupArray"];

/// Base names that stand for another.
fn canonical(name: &str) -> &str {
    if let Some(known) = ANY_CASE.iter().find(|n| n.eq_ignore_ascii_case(name)) {
        return known;
    }
    match name {
        "countDistinct" | "groupBitmap" => "uniqExact",
        "uniqCombined" | "uniqCombined64" | "uniqHLL12" | "uniqTheta" => "uniq",
        "first_value" | "any_value" | "anyValue" => "any",
        "last_value" => "anyLast",
        "array_agg" => "groupArray",
        "stddev_pop" | "STDDEV_POP" => "stddevPop",
        "stddev_samp" | "STDDEV_SAMP" => "stddevSamp",
        "var_pop" | "VAR_POP" => "varPop",
        "var_samp" | "VAR_SAMP" => "varSamp",
        other => other,
    }
}

/// Names without combinators, for listings.
pub(crate) const NAMES: &[&str] = &[
    "any",
    "anyLast",
    "argMax",
    "argMin",
    "avg",
    "avgWeighted",
    "corr",
    "count",
    "countDistinct",
    "covarPop",
    "covarSamp",
    "groupArray",
    "groupArrayInsertAt",
    "groupArraySorted",
    "groupBitAnd",
    "groupBitOr",
    "groupBitXor",
    "groupBitmap",
    "groupUniqArray",
    "max",
    "maxMap",
    "median",
    "medianExact",
    "min",
    "minMap",
    "quantile",
    "quantileExact",
    "quantileExactHigh",
    "quantileExactLow",
    "quantiles",
    "quantilesExact",
    "retention",
    "sequenceCount",
    "sequenceMatch",
    "stddevPop",
    "stddevSamp",
    "sum",
    "sumMap",
    "topK",
    "uniq",
    "uniqExact",
    "varPop",
    "varSamp",
    "windowFunnel",
];

/// Combinators.
const SUFFIXES: [&str; 10] = [
    "If",
    "Array",
    "Distinct",
    "OrNull",
    "OrDefault",
    "ForEach",
    "Map",
    "SimpleState",
    "State",
    "Merge",
];

/// The aggregate `name(params)(args)`, combinators resolved. `None`: no aggregate of that name.
pub(crate) fn resolve(
    name: &str,
    params: &[Value],
    args: &[DataType],
) -> Option<Result<Aggregate, FunctionError>> {
    let bare: Vec<DataType> = args.iter().map(|a| a.without_low_cardinality().clone()).collect();
    let base = canonical(name);
    if NAMES.contains(&canonical_listed(base)) {
        return Some(with_nulls(name, base, params, &bare));
    }
    for suffix in SUFFIXES {
        let Some(inner) = name.strip_suffix(suffix).filter(|n| !n.is_empty()) else {
            continue;
        };
        let wrapped = match suffix {
            "If" => {
                let Some((condition, rest)) = bare.split_last() else {
                    known(inner)?;
                    return Some(Err(FunctionError::new(
                        ARGUMENT_COUNT,
                        format!("{name} needs a condition"),
                    )));
                };
                resolve(inner, params, rest)?.and_then(|f| combinator::conditional(f, condition))
            }
            "Array" => match combinator::element_types(&bare) {
                Ok(elements) => resolve(inner, params, &elements)?.map(combinator::over_arrays),
                Err(e) => {
                    known(inner)?;
                    return Some(Err(e));
                }
            },
            "Distinct" => resolve(inner, params, &bare)?.map(|f| combinator::distinct(f, &bare)),
            "ForEach" => match combinator::element_types(&bare) {
                Ok(elements) => resolve(inner, params, &elements)?.map(for_each::for_each),
                Err(e) => {
                    known(inner)?;
                    return Some(Err(e));
                }
            },
            "Map" => match for_each::map_types(&bare) {
                Ok((key, value)) => {
                    resolve(inner, params, std::slice::from_ref(value))?.map(|f| for_each::keyed(f, key))
                }
                Err(e) => {
                    known(inner)?;
                    return Some(Err(e));
                }
            },
            // The type of a simple state is that of its values.
            "SimpleState" => resolve(inner, params, &bare)?,
            "State" => resolve(inner, params, &bare)?.and_then(|f| state::stated(f, inner, params, &bare)),
            "Merge" => match state::merging(inner, params, &bare) {
                Ok(merging) => Ok(merging),
                Err(e) => {
                    known(inner)?;
                    return Some(Err(e));
                }
            },
            // Rows that the condition leaves out do not count: `sumIfOrNull` is `sumOrNullIf`. A count is 0 either way.
            "OrNull" | "OrDefault" => match inner.strip_suffix("If").filter(|n| *n != "count") {
                Some(base) => resolve(&format!("{base}{suffix}If"), params, &bare)?,
                None => resolve(inner, params, &bare)?.map(|f| combinator::or_else(f, suffix == "OrNull")),
            },
            _ => return None,
        };
        return Some(wrapped.map(|mut f| {
            f.name = name.to_owned();
            f
        }));
    }
    None
}

/// `Some` when `name` is an aggregate, whatever its arguments.
fn known(name: &str) -> Option<()> {
    if NAMES.contains(&canonical_listed(canonical(name))) {
        return Some(());
    }
    SUFFIXES
        .iter()
        .find_map(|suffix| known(name.strip_suffix(suffix).filter(|n| !n.is_empty())?))
}

/// Quantile variants share one entry of [`NAMES`].
fn canonical_listed(base: &str) -> &str {
    match base {
        "quantileExactInclusive"
        | "quantilesExactInclusive"
        | "medianExactInclusive"
        | "quantilesExactLow"
        | "quantilesExactHigh"
        | "medianExactLow"
        | "medianExactHigh"
        | "quantileTiming"
        | "quantilesTiming"
        | "quantileTDigest"
        | "quantilesTDigest"
        | "medianTDigest"
        | "medianTiming" => "quantile",
        other => other,
    }
}

fn with_nulls(
    name: &str,
    base: &str,
    params: &[Value],
    args: &[DataType],
) -> Result<Aggregate, FunctionError> {
    let bare: Vec<DataType> = args.iter().map(|a| a.bare().clone()).collect();
    let nullable = args.iter().any(DataType::is_nullable);
    if nullable && bare.contains(&DataType::Nothing) && base != "count" {
        return Ok(nulls::only_null(name, base));
    }
    let built = build(base, params, &bare)?;
    if !nullable {
        return Ok(Aggregate {
            name: name.to_owned(),
            returns: built.returns,
            make: built.make,
        });
    }
    Ok(nulls::skipping(name, built))
}

fn illegal(function: &str, ty: &DataType) -> FunctionError {
    FunctionError::new(
        43,
        format!("Illegal type {ty} of argument for aggregate function {function}."),
    )
}

fn arity(function: &str, args: &[DataType], wanted: usize) -> Result<(), FunctionError> {
    if args.len() == wanted {
        return Ok(());
    }
    Err(FunctionError::new(
        ARGUMENT_COUNT,
        format!(
            "Aggregate function {function} requires {wanted} argument(s), got {}",
            args.len()
        ),
    ))
}

fn at_least_one(function: &str, args: &[DataType]) -> Result<(), FunctionError> {
    if args.is_empty() {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            format!("Aggregate function {function} requires at least one argument"),
        ));
    }
    Ok(())
}

/// A count parameter, as in `groupArray(10)(x)`.
fn size_parameter(function: &str, params: &[Value]) -> Result<Option<usize>, FunctionError> {
    match params {
        [] => Ok(None),
        [Value::UInt(n)] if *n > 0 => Ok(Some(usize::try_from(*n).unwrap_or(usize::MAX))),
        [Value::Int(n)] if *n > 0 => Ok(Some(usize::try_from(*n).unwrap_or(usize::MAX))),
        _ => Err(FunctionError::new(
            BAD_ARGUMENTS,
            format!("the parameter of {function} must be a positive number"),
        )),
    }
}

fn build(name: &str, params: &[Value], args: &[DataType]) -> Result<Base, FunctionError> {
    match name {
        "count" => count::build(args),
        "sum" => sum::sum(args),
        "avg" => sum::avg(args),
        "avgWeighted" => sum::avg_weighted(args),
        "min" | "max" => extremum::build(name, args),
        "argMin" | "argMax" => arg_extremum::build(name, args),
        "any" | "anyLast" => any::build(name, args),
        "uniq" | "uniqExact" => uniq::build(name, args),
        "groupArray" => group_array::build(args, size_parameter(name, params)?, false),
        "groupUniqArray" => group_array::build(args, size_parameter(name, params)?, true),
        "groupArrayInsertAt" => group_array_insert_at::build(params, args),
        "groupArraySorted" => group_array_sorted::build(args, size_parameter(name, params)?),
        "sequenceMatch" | "sequenceCount" => sequence::build(name, params, args),
        "topK" => top::build(args, size_parameter(name, params)?.unwrap_or(10)),
        "groupBitAnd" | "groupBitOr" | "groupBitXor" => bits::build(name, args),
        "stddevPop" | "stddevSamp" | "varPop" | "varSamp" => variance::build(name, args),
        "corr" | "covarPop" | "covarSamp" => covariance::build(name, args),
        "sumMap" | "minMap" | "maxMap" => sum_map::build(name, args),
        "windowFunnel" => funnel::window_funnel(params, args),
        "retention" => funnel::retention(args),
        quantile => quantile::build(quantile, params, args),
    }
}

#[cfg(test)]
mod tests;
