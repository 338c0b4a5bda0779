//! Forms that begin with a word and are no ordinary call: CASE, CAST, INTERVAL, `EXTRACT(DAY FROM x)`, `trim(BOTH …)`.

use super::{Parser, operator};
use crate::{
    ast::{Expr, Function, InRight, Literal, Star, UnaryOp},
    error::SqlError,
    keywords,
    token::TokenKind,
};

/// Units of INTERVAL and of date functions, with the names they may be written with.
const UNITS: [(&str, &[&str]); 11] = [
    ("nanosecond", &["NS", "SQL_TSI_NANOSECOND"]),
    ("microsecond", &["US", "SQL_TSI_MICROSECOND"]),
    ("millisecond", &["MS", "SQL_TSI_MILLISECOND"]),
    ("second", &["SS", "S", "SQL_TSI_SECOND"]),
    ("minute", &["MI", "N", "SQL_TSI_MINUTE"]),
    ("hour", &["HH", "H", "SQL_TSI_HOUR"]),
    ("day", &["DD", "D", "SQL_TSI_DAY"]),
    ("week", &["WK", "WW", "SQL_TSI_WEEK"]),
    ("month", &["MM", "M", "SQL_TSI_MONTH"]),
    ("quarter", &["QQ", "Q", "SQL_TSI_QUARTER"]),
    ("year", &["YYYY", "YY", "SQL_TSI_YEAR"]),
];

/// The unit in lower case, singular.
fn unit(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let singular = lower.strip_suffix('s').unwrap_or(&lower);
    UNITS
        .iter()
        .find(|(name, short)| *name == singular || short.iter().any(|s| s.eq_ignore_ascii_case(word)))
        .map(|(name, _)| *name)
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Box::new(Function {
        name: name.to_owned(),
        args,
        ..Function::default()
    }))
}

impl Parser<'_> {
    /// The special form that `word` (the next token) begins, if it does. `call`: a parenthesis follows.
    pub(super) fn special_form(&mut self, word: &str, call: bool) -> Result<Option<Expr>, SqlError> {
        let followed_by_dot = self.peek_symbol_at(1, ".")?;
        let upper = word.to_ascii_uppercase();
        Ok(Some(match upper.as_str() {
            "CASE" => self.case()?,
            "CAST" if call => self.cast()?,
            "NOT" => {
                self.at += 1;
                let expr = Box::new(self.operand(operator::NOT)?);
                Expr::Unary {
                    op: UnaryOp::Not,
                    expr,
                }
            }
            "NULL" | "TRUE" | "FALSE" | "INF" | "INFINITY" | "NAN" if !call && !followed_by_dot => {
                self.at += 1;
                Expr::Literal(match upper.as_str() {
                    "NULL" => Literal::Null,
                    "TRUE" => Literal::Bool(true),
                    "FALSE" => Literal::Bool(false),
                    "NAN" => Literal::Number("nan".to_owned()),
                    _ => Literal::Number("inf".to_owned()),
                })
            }
            "DATE" | "TIMESTAMP" if matches!(self.peek_at(1)?, TokenKind::String(_)) => {
                self.at += 1;
                let literal = self.string("date")?;
                Self::simple_cast(literal, if upper == "DATE" { "Date" } else { "DateTime" })
            }
            "INTERVAL" => return self.interval(),
            "EXISTS" if call => {
                self.at += 2;
                if !self.at_query()? {
                    return Err(self.expected("SELECT"));
                }
                let query = self.query()?;
                self.expect_symbol(")")?;
                Expr::Exists(Box::new(query))
            }
            "COLUMNS" if call && matches!(self.peek_at(2)?, TokenKind::String(_)) => {
                self.at += 2;
                let pattern = self.string("regular expression")?;
                let regexp = String::from_utf8(pattern)
                    .map_err(|_| self.error("A regular expression must be valid UTF-8"))?;
                self.expect_symbol(")")?;
                return self
                    .star(Star {
                        regexp: Some(regexp),
                        ..Star::default()
                    })
                    .map(Some);
            }
            "EXTRACT" if call => return self.extract(),
            "TRIM" if call => return self.trim(),
            "SUBSTRING" if call => return self.substring().map(Some),
            _ => return Ok(None),
        }))
    }

    /// `INTERVAL n UNIT`, `INTERVAL 'n unit'`, `INTERVAL 'n' UNIT`. Otherwise `interval` is a name.
    fn interval(&mut self) -> Result<Option<Expr>, SqlError> {
        let begins = match self.peek_at(1)? {
            TokenKind::Number(_) | TokenKind::String(_) | TokenKind::Quoted(_) => true,
            TokenKind::Symbol(s) => {
                if *s == "-" {
                    matches!(self.peek_at(2)?, TokenKind::Number(_))
                } else {
                    matches!(*s, "(" | "{")
                }
            }
            TokenKind::Word(word) => keywords::is_alias(word),
            TokenKind::End => false,
        };
        if !begins {
            return Ok(None);
        }
        self.at += 1;
        if let TokenKind::String(text) = self.peek()? {
            let text = String::from_utf8_lossy(text).into_owned();
            if let Some((number, name)) = text.trim().split_once(char::is_whitespace) {
                let (sign, digits) = match number.strip_prefix('-') {
                    Some(digits) => (true, digits),
                    None => (false, number),
                };
                let unit = unit(name.trim());
                let (Some(unit), true) = (
                    unit,
                    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
                ) else {
                    return Err(self.expected("interval such as '1 day'"));
                };
                self.at += 1;
                let mut value = Expr::Literal(Literal::Number(digits.to_owned()));
                if sign {
                    value = Expr::Unary {
                        op: UnaryOp::Negate,
                        expr: Box::new(value),
                    };
                }
                return Ok(Some(Expr::Interval {
                    value: Box::new(value),
                    unit: unit.to_owned(),
                }));
            }
        }
        let value = Box::new(self.operand(operator::SUM)?);
        let found = match self.peek()? {
            TokenKind::Word(word) => unit(word),
            _ => None,
        };
        let Some(unit) = found else {
            return Err(
                self.expected("interval unit (SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR)")
            );
        };
        self.at += 1;
        Ok(Some(Expr::Interval {
            value,
            unit: unit.to_owned(),
        }))
    }

    /// `EXTRACT(DAY FROM x)`; `extract(haystack, pattern)` is an ordinary call.
    fn extract(&mut self) -> Result<Option<Expr>, SqlError> {
        let found = match self.peek_at(2)? {
            TokenKind::Word(word) => unit(word),
            _ => None,
        };
        let (Some(unit), true) = (found, self.peek_keyword_at(3, "FROM")?) else {
            return Ok(None);
        };
        self.at += 4;
        let expr = self.expr()?;
        self.expect_symbol(")")?;
        let function = match unit {
            "second" => "toSecond",
            "minute" => "toMinute",
            "hour" => "toHour",
            "day" => "toDayOfMonth",
            "week" => "toRelativeWeekNum",
            "month" => "toMonth",
            "quarter" => "toQuarter",
            "year" => "toYear",
            _ => return Err(self.error("EXTRACT has no such unit")),
        };
        Ok(Some(call(function, vec![expr])))
    }

    /// `trim([BOTH|LEADING|TRAILING] [chars] FROM x)`; `trim(x)` is an ordinary call.
    fn trim(&mut self) -> Result<Option<Expr>, SqlError> {
        let function = if self.peek_keyword_at(2, "BOTH")? {
            "trimBoth"
        } else if self.peek_keyword_at(2, "LEADING")? {
            "trimLeft"
        } else if self.peek_keyword_at(2, "TRAILING")? {
            "trimRight"
        } else {
            return Ok(None);
        };
        self.at += 3;
        let chars = if self.peek_keyword("FROM")? {
            None
        } else {
            Some(self.expr()?)
        };
        self.expect_keywords("FROM")?;
        let mut args = vec![self.expr()?];
        args.extend(chars);
        self.expect_symbol(")")?;
        Ok(Some(call(function, args)))
    }

    /// `substring(x FROM a [FOR b])` and `substring(x, a, b)`.
    fn substring(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let mut args = vec![self.aliased_expr()?];
        if self.eat_keyword("FROM")? {
            args.push(self.expr()?);
            if self.eat_keyword("FOR")? {
                args.push(self.expr()?);
            }
        } else {
            while self.eat_symbol(",")? {
                args.push(self.aliased_expr()?);
            }
        }
        self.expect_symbol(")")?;
        Ok(call("substring", args))
    }

    /// `dateDiff(day, a, b)`: the unit as a bare word is its name as text.
    pub(super) fn unit_argument(&mut self, function: &str) -> Result<Option<Expr>, SqlError> {
        const FUNCTIONS: [&str; 14] = [
            "datediff",
            "date_diff",
            "timestampdiff",
            "timestamp_diff",
            "dateadd",
            "date_add",
            "timestampadd",
            "timestamp_add",
            "datesub",
            "date_sub",
            "timestampsub",
            "timestamp_sub",
            "datetrunc",
            "date_trunc",
        ];
        if !FUNCTIONS.iter().any(|f| f.eq_ignore_ascii_case(function)) || !self.peek_symbol_at(1, ",")? {
            return Ok(None);
        }
        let found = match self.peek()? {
            TokenKind::Word(word) => unit(word),
            _ => None,
        };
        if found.is_some() {
            self.at += 1;
        }
        Ok(found.map(|unit| Expr::Literal(Literal::String(unit.as_bytes().to_vec()))))
    }

    /// `position(needle IN haystack)` is `position(haystack, needle)`.
    pub(super) fn position_in(&mut self, function: &mut Function) {
        if !function.name.eq_ignore_ascii_case("position") || function.args.len() != 1 {
            return;
        }
        if !matches!(
            function.args.first(),
            Some(Expr::In {
                right: InRight::Expr(_) | InRight::Name(_),
                negated: false,
                ..
            })
        ) {
            return;
        }
        if let Some(Expr::In { expr, right, .. }) = function.args.pop() {
            let haystack = match right {
                InRight::Expr(haystack) => *haystack,
                InRight::Name(path) => Expr::Identifier(path),
                InRight::List(list) => Expr::Tuple(list),
                InRight::Query(query) => Expr::Subquery(query),
            };
            function.args = vec![haystack, *expr];
        }
    }
}
