//! Dates of requests: their grammar, the project's calendar, the range they stand for, and its ticks.

pub(crate) mod calendar;
pub(crate) mod grammar;
pub(crate) mod range;
pub(crate) mod ticks;
pub(crate) mod window;

#[cfg(test)]
mod tests;

pub(crate) use calendar::Calendar;
pub(crate) use grammar::{DateText, Precision, read_date};
pub(crate) use range::{DateRange, read_interval, read_range};
pub(crate) use window::Window;
