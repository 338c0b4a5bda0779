//! The type of an aggregate's unfinished state: which function it is of, and over what.

use std::fmt;

use crate::DataType;

/// `f(parameters), T…` of `AggregateFunction`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateType {
    /// Combinators included, those around the state excluded: `sumIf` of `sumIfState`.
    pub function: String,
    /// As literals of SQL: `0.5`, `'strict_order'`.
    pub params: Vec<String>,
    pub args: Vec<DataType>,
}

impl fmt::Display for AggregateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if !self.params.is_empty() {
            write!(f, "({})", self.params.join(", "))?;
        }
        for arg in &self.args {
            write!(f, ", {arg}")?;
        }
        Ok(())
    }
}
