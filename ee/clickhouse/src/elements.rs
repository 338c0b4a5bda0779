//! Tests on the elements chain of an event.

use insights::ElementTest;
use sql_builder::{Expr, func, literal, not, of, param};

pub fn element_test(test: &ElementTest) -> Expr {
    match test {
        ElementTest::Matches { pattern, negated } => {
            let found = func("match", [of("e", "elements_chain"), param(pattern.as_str())]);
            if *negated { not(found) } else { found }
        }
        ElementTest::Never => literal(false),
        ElementTest::Always => literal(true),
    }
}
