//! CSS selectors, compiled to regular expressions over the text of an elements chain.
//!
//! A chain lists elements from the target outward, joined by `;`. An element is its tag, `.class` for each class in sorted
//! order, `:`, and `key="value"` pairs sorted by key with nothing between; `"` in a value is written `\"`.
//!
//! Patterns read the same in RE2 and as PostgreSQL ARE: no `.`, no lazy repeats, no lookaround, no class shorthands.
//! They are anchored at the start and read the chain element by element, quoted values as a whole, so that nothing inside a
//! value (a `;`, a quote, a look-alike of an element) is taken for structure.

mod compile;
mod parse;

#[cfg(test)]
mod tests;

pub(crate) use compile::{
    attribute_contains_pattern, attribute_pattern, attribute_present_pattern, attribute_regex_pattern,
    pattern, tag_pattern,
};
pub(crate) use parse::SelectorError;
