//! Typed construction of SELECT statements: a small tree, two printers, values always as bind parameters.
//!
//! The tree knows clauses, operators and precedence; it does not know functions: their names are given by the caller,
//! who writes for one dialect. What both dialects write the same way is one node; what only one of them can say is a
//! node that the other printer refuses ([`Unsupported`]).

mod expr;
mod identifier;
mod print;
mod select;
#[cfg(test)]
mod tests;
mod value;

pub use expr::{
    Bound, Call, Case, Expr, Frame, Literal, Operator, Order, Set, Unit, Window, and, array, case, cast, col,
    count, exists, func, interval, lambda, literal, not, of, or, param, scalar, star, tuple,
};
pub use identifier::quote;
pub use print::{Dialect, Statement, Unsupported};
pub use select::{
    Column, Cte, From, JoinKind, LimitBy, Query, Select, Table, from_function, subquery, table,
};
pub use value::Value;
