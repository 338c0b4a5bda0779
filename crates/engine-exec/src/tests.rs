//! Operators against naive models over rows, under every mix of threads, block sizes, morsel sizes and encodings.

mod aggregation;
mod control;
mod expressions;
mod functions;
mod harness;
mod joins;
mod ordering;
mod windows;
