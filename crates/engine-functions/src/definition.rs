//! One scalar function as a row of its family's table.

use engine_types::{Column, DataType};

use crate::error::ARGUMENT_COUNT;
use crate::{Argument, FunctionError, ScalarFunction, TypedColumn};

pub(crate) type Returns = fn(&[Argument<'_>]) -> Result<DataType, FunctionError>;
pub(crate) type Eval = fn(&[TypedColumn], &DataType, usize) -> Result<Column, FunctionError>;

pub(crate) struct Definition {
    name: &'static str,
    arguments_min: usize,
    arguments_max: usize,
    returns: Returns,
    eval: Eval,
    handles_null: bool,
    deterministic: bool,
}

/// No upper bound on the number of arguments.
pub(crate) const ANY: usize = usize::MAX;

impl Definition {
    pub(crate) const fn new(
        name: &'static str,
        (arguments_min, arguments_max): (usize, usize),
        returns: Returns,
        eval: Eval,
    ) -> Self {
        Self {
            name,
            arguments_min,
            arguments_max,
            returns,
            eval,
            handles_null: false,
            deterministic: true,
        }
    }

    pub(crate) const fn sees_null(mut self) -> Self {
        self.handles_null = true;
        self
    }

    pub(crate) const fn volatile(mut self) -> Self {
        self.deterministic = false;
        self
    }
}

impl ScalarFunction for Definition {
    fn name(&self) -> &'static str {
        self.name
    }

    fn return_type(&self, args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
        if args.len() < self.arguments_min || args.len() > self.arguments_max {
            return Err(FunctionError::new(
                ARGUMENT_COUNT,
                format!(
                    "Number of arguments for function {} doesn't match: passed {}, should be {}",
                    self.name,
                    args.len(),
                    match (self.arguments_min, self.arguments_max) {
                        (min, ANY) => format!("at least {min}"),
                        (min, max) if min == max => min.to_string(),
                        (min, max) => format!("{min} to {max}"),
                    }
                ),
            ));
        }
        (self.returns)(args)
    }

    fn eval(&self, args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
        (self.eval)(args, result, rows)
    }

    fn handles_null(&self) -> bool {
        self.handles_null
    }

    fn deterministic(&self) -> bool {
        self.deterministic
    }
}
