//! The relational operators, one a file.

pub(crate) mod aggregate;
pub(crate) mod array_join;
pub(crate) mod filter;
pub(crate) mod frame;
pub(crate) mod join;
pub(crate) mod late_sort;
pub(crate) mod limit_by;
pub(crate) mod numbers;
pub(crate) mod project;
pub(crate) mod scan;
mod sliding;
pub(crate) mod sort;
pub(crate) mod union;
pub(crate) mod window;
