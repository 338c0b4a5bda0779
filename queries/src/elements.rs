//! Tests of the elements chain.

use event_store::Result;
use insights::ElementTest;
use sql_builder::{Expr, literal, not, of, param};

use crate::postgres::pattern;

pub(crate) fn test(test: &ElementTest) -> Result<Expr> {
    Ok(match test {
        ElementTest::Matches { pattern, negated } => {
            let matches = of("e", "elements_chain").op("~", param(pattern::from_re2(pattern)?));
            if *negated { not(matches) } else { matches }
        }
        ElementTest::Never => literal(false),
        ElementTest::Always => literal(true),
    })
}
