//! Scalar and aggregate functions of the SQL dialect: for each its signature (types in, type out) and its kernel.
//!
//! The binder of `engine-sql` asks for return types; `engine-exec` calls the kernels. No function here reads a clock
//! or a file: `now()` and the like are replaced by literals in the binder.

mod aggregate;
mod aggregate_calls;
mod arithmetic;
mod array_fold;
mod array_reduce;
mod array_sort;
mod arrays;
mod calendar;
mod cast;
mod cityhash;
mod comparison;
mod conditional;
mod conversion;
mod date_format;
mod date_text;
mod dates;
mod definition;
mod error;
mod framework;
mod hash;
mod higher_order;
mod interval;
mod json;
mod json_members;
mod json_scan;
mod logic;
mod math;
mod operand;
mod pattern;
mod registry;
mod row_key;
mod search;
mod siphash;
mod strings;
mod supertype;
mod text;
mod tokens;
mod tuples;
mod zone;

pub use aggregate::{StateReader, merge_states};
pub use cast::cast_column;
pub use error::FunctionError;
pub use framework::{eval_scalar, scalar_return_type};
pub use json_members::{JSON_PATH_FUNCTIONS, JsonMember, json_member, json_members};
pub use registry::{aggregate, function_names, higher_order, scalar};
pub use supertype::common_type;
pub use text::{format_value, parse_value};

use engine_types::{Column, DataType, Value};

/// An argument as the binder sees it. `constant` is set for literals and folded constants.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    pub ty: &'a DataType,
    pub constant: Option<&'a Value>,
}

/// An argument as the kernel sees it: `column` has the physical form of `ty`, or is a `Const`/`Dict` of it.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    pub ty: DataType,
    pub column: Column,
}

/// A function of rows, without state.
///
/// NULL handling: unless [`ScalarFunction::handles_null`], the framework (see [`eval_scalar`]) strips `Nullable` from
/// the arguments, calls the kernel on the values and makes the result NULL where any argument was. LowCardinality is
/// always stripped. When every argument is constant the kernel is called once for one row; when exactly one argument is
/// a `Dict` and the others are constant, it is called on the dictionary's values and the codes are kept.
pub trait ScalarFunction: Send + Sync {
    /// Canonical name, as ClickHouse spells it.
    fn name(&self) -> &'static str;

    /// Type of the result for these arguments (with `Nullable`/`LowCardinality` stripped unless `handles_null`).
    fn return_type(&self, args: &[Argument<'_>]) -> Result<DataType, FunctionError>;

    /// `rows` results. Arguments have `rows` rows each, possibly `Const` or `Dict`.
    fn eval(&self, args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError>;

    /// The function sees `Nullable` arguments itself (`isNull`, `coalesce`, `if`, `tuple`, `array`, `toString`…).
    fn handles_null(&self) -> bool {
        false
    }

    /// Same arguments, same result: may be folded and evaluated once. False for `generateUUIDv4`, `rowNumberInAllBlocks`.
    fn deterministic(&self) -> bool {
        true
    }
}

/// A lambda applied by a higher-order function: called with its parameter columns (all of `rows` rows), it answers the
/// body's column. Captured columns are the caller's business: `expand` says, per element row, which outer row it is of.
pub trait LambdaCall {
    fn result_type(&self) -> &DataType;
    fn call(&self, params: &[TypedColumn], rows: usize, outer_row: &[u32]) -> Result<Column, FunctionError>;
}

/// A function whose first argument is a lambda over the elements of the array arguments (`arrayMap`, `arrayFilter`, …).
/// `arrays` are all arguments behind the lambda, in order: a few functions have one among them that is no array.
pub trait HigherOrderFunction: Send + Sync {
    fn name(&self) -> &'static str;

    /// Types of the lambda's parameters, from the types of the arguments.
    fn lambda_params(&self, arrays: &[DataType]) -> Result<Vec<DataType>, FunctionError>;

    fn return_type(&self, body: &DataType, arrays: &[DataType]) -> Result<DataType, FunctionError>;

    fn eval(
        &self,
        lambda: &dyn LambdaCall,
        arrays: &[TypedColumn],
        result: &DataType,
        rows: usize,
    ) -> Result<Column, FunctionError>;
}

/// An aggregate function, combinators included (`countIf`, `uniqExactIf`, `argMaxOrNull` resolve to one of these).
pub trait AggregateFunction: Send + Sync {
    /// The full name asked for, combinators included, canonical spelling.
    fn name(&self) -> String;

    fn return_type(&self) -> &DataType;

    /// State for a growing number of groups.
    fn accumulator(&self) -> Box<dyn Accumulator>;
}

/// States of one aggregate for many groups, addressed by dense group numbers.
pub trait Accumulator: Send {
    /// Makes states `..groups` exist; never shrinks.
    fn resize(&mut self, groups: usize);

    /// Adds row `i` of `args` to group `groups[i]`. Columns may be `Const`, `Dict`, `Nullable`; NULLs are skipped as SQL asks.
    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError>;

    /// Adds row `i` of `args` to group `groups[i]`, `times[i]` times in a row.
    fn update_repeated(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: &[u32],
    ) -> Result<(), FunctionError> {
        let (groups, args) = aggregate::repeated(groups, args, times);
        self.update(&groups, &args)
    }

    /// Adds state `i` of `other` (same function) to state `groups[i]` of this.
    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError>;

    /// One result a group, in group order; the states are spent.
    fn finish(&mut self) -> Result<Column, FunctionError>;

    /// Appends the state of each group to its bytes, for [`Accumulator::load`] of the same function. The same rows in
    /// the same order make the same bytes.
    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        let _ = out;
        Err(FunctionError::new(
            48,
            "the states of this aggregate function cannot be kept",
        ))
    }

    /// Reads the state of each group, all of which are new. The bytes may be damaged.
    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let _ = input;
        Err(FunctionError::new(
            48,
            "the states of this aggregate function cannot be kept",
        ))
    }

    /// Bytes of memory held, for the memory budget. May be an estimate, must grow with the state.
    fn byte_size(&self) -> usize;

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

#[cfg(test)]
mod tests;
