//! Expressions.

use std::fmt::{self, Display, Formatter, Write};

use super::{ColumnName, Name, Quoted, separated};
use crate::{
    ast::{
        BinaryOp, Expr, FrameBoundSpec, FrameSpec, Function, InRight, Literal, Star, StarTransform, UnaryOp,
        WindowRef, WindowSpec,
    },
    parser::operator::{self, power},
};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        item(f, self)
    }
}

/// Where an alias may stand: select items, arguments, elements.
pub(super) fn item(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    if let Expr::Alias { expr, name } = expr {
        operand(f, expr, 0)?;
        return write!(f, " AS {}", Name(name));
    }
    operand(f, expr, 0)
}

pub(super) fn items(f: &mut Formatter<'_>, list: &[Expr]) -> fmt::Result {
    separated(f, list, ", ", item)
}

/// How tight the expression's own operator binds; what needs no parentheses anywhere is highest.
fn own_power(expr: &Expr) -> u8 {
    match expr {
        Expr::Literal(_)
        | Expr::Identifier(_)
        | Expr::Parameter { .. }
        | Expr::Function(_)
        | Expr::Cast { .. }
        | Expr::Tuple(_)
        | Expr::Array(_)
        | Expr::Subquery(_)
        | Expr::Exists(_)
        | Expr::Case { .. }
        | Expr::Interval { .. }
        | Expr::Star(_) => u8::MAX,
        Expr::Subscript { .. } | Expr::TupleIndex { .. } | Expr::Member { .. } => operator::POSTFIX,
        Expr::Unary {
            op: UnaryOp::Negate, ..
        } => operator::NEGATE,
        Expr::Unary { op: UnaryOp::Not, .. } => operator::NOT,
        Expr::Binary { op, .. } => power(*op),
        Expr::IsNull { .. } | Expr::Between { .. } | Expr::In { .. } => operator::COMPARE,
        Expr::And(_) => operator::AND,
        Expr::Or(_) => operator::OR,
        Expr::Ternary { .. } => operator::TERNARY,
        Expr::Lambda { .. } | Expr::Alias { .. } => 0,
    }
}

/// An operand where operators at least as tight as `min` may stand without parentheses.
pub(super) fn operand(f: &mut Formatter<'_>, expr: &Expr, min: u8) -> fmt::Result {
    let bare = match expr {
        Expr::Alias { .. } => false,
        other => own_power(other) >= min,
    };
    if bare {
        return unparenthesised(f, expr);
    }
    f.write_str("(")?;
    item(f, expr)?;
    f.write_str(")")
}

/// Whether the text of an expression at the right of `IN` begins so.
pub(crate) fn begins_with_parenthesis(expr: &Expr) -> bool {
    struct RightOfIn<'e>(&'e Expr);
    impl Display for RightOfIn<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            operand(f, self.0, operator::CONCAT)
        }
    }
    struct FirstText(bool);
    impl Write for FirstText {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = text.starts_with('(');
            // Only the beginning is wanted.
            if text.is_empty() { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut first = FirstText(false);
    let _ = write!(first, "{}", RightOfIn(expr));
    first.0
}

/// What a subscript or member access is applied to.
fn base(f: &mut Formatter<'_>, expr: &Expr, member: bool) -> fmt::Result {
    let bare = match expr {
        // `a.b` would be a path, `1.1` a number.
        Expr::Identifier(_) => !member,
        Expr::Function(_)
        | Expr::Array(_)
        | Expr::Tuple(_)
        | Expr::Subscript { .. }
        | Expr::TupleIndex { .. } => true,
        Expr::Member { .. } | Expr::Cast { .. } => true,
        _ => false,
    };
    if bare {
        return unparenthesised(f, expr);
    }
    f.write_str("(")?;
    item(f, expr)?;
    f.write_str(")")
}

fn unparenthesised(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::Literal(literal) => write!(f, "{literal}"),
        Expr::Identifier(path) => separated(f, path, ".", |f, part| write!(f, "{}", Name(part))),
        Expr::Star(star) => write!(f, "{star}"),
        Expr::Parameter { name, ty } => write!(f, "{{{}:{ty}}}", Name(name)),
        Expr::Function(function) => write!(f, "{function}"),
        Expr::Unary {
            op: UnaryOp::Negate,
            expr,
        } => {
            // `--` would be a comment.
            let again = matches!(
                **expr,
                Expr::Unary {
                    op: UnaryOp::Negate,
                    ..
                }
            );
            f.write_str(if again { "- " } else { "-" })?;
            operand(f, expr, operator::NEGATE)
        }
        Expr::Unary {
            op: UnaryOp::Not,
            expr,
        } => {
            f.write_str("NOT ")?;
            operand(f, expr, operator::NOT)
        }
        Expr::Binary { op, left, right } => {
            operand(f, left, power(*op))?;
            write!(f, " {} ", op.symbol())?;
            // `IS DISTINCT FROM` is spelled with words, so its right side is an operand like any other.
            operand(f, right, power(*op) + 1)
        }
        Expr::And(list) => separated(f, list, " AND ", |f, e| operand(f, e, operator::AND + 1)),
        Expr::Or(list) => separated(f, list, " OR ", |f, e| operand(f, e, operator::OR + 1)),
        Expr::IsNull { expr, negated } => {
            operand(f, expr, operator::COMPARE)?;
            f.write_str(if *negated { " IS NOT NULL" } else { " IS NULL" })
        }
        Expr::Between {
            expr,
            low,
            high,
            negated,
        } => {
            operand(f, expr, operator::COMPARE)?;
            f.write_str(if *negated { " NOT BETWEEN " } else { " BETWEEN " })?;
            operand(f, low, operator::COMPARE + 1)?;
            f.write_str(" AND ")?;
            operand(f, high, operator::COMPARE + 1)
        }
        Expr::In {
            expr,
            right,
            negated,
            global,
        } => {
            operand(f, expr, operator::COMPARE)?;
            f.write_str(match (global, negated) {
                (false, false) => " IN ",
                (false, true) => " NOT IN ",
                (true, false) => " GLOBAL IN ",
                (true, true) => " GLOBAL NOT IN ",
            })?;
            match right {
                InRight::Expr(right) => operand(f, right, operator::CONCAT),
                InRight::List(list) => {
                    f.write_str("(")?;
                    items(f, list)?;
                    f.write_str(")")
                }
                InRight::Query(query) => write!(f, "({query})"),
                InRight::Name(path) => separated(f, path, ".", |f, part| write!(f, "{}", Name(part))),
            }
        }
        Expr::Ternary {
            condition,
            then,
            otherwise,
        } => {
            operand(f, condition, operator::TERNARY + 1)?;
            f.write_str(" ? ")?;
            operand(f, then, operator::TERNARY)?;
            f.write_str(" : ")?;
            operand(f, otherwise, operator::TERNARY)
        }
        Expr::Case {
            operand: subject,
            whens,
            otherwise,
        } => {
            f.write_str("CASE")?;
            if let Some(subject) = subject {
                f.write_str(" ")?;
                operand(f, subject, 0)?;
            }
            for when in whens {
                f.write_str(" WHEN ")?;
                operand(f, &when.when, 0)?;
                f.write_str(" THEN ")?;
                operand(f, &when.then, 0)?;
            }
            if let Some(otherwise) = otherwise {
                f.write_str(" ELSE ")?;
                operand(f, otherwise, 0)?;
            }
            f.write_str(" END")
        }
        Expr::Cast { expr, ty } => {
            f.write_str("CAST(")?;
            operand(f, expr, 0)?;
            write!(f, " AS {ty})")
        }
        Expr::Interval { value, unit } => {
            f.write_str("INTERVAL ")?;
            if matches!(**value, Expr::Literal(Literal::Number(_) | Literal::String(_))) {
                unparenthesised(f, value)?;
            } else {
                f.write_str("(")?;
                item(f, value)?;
                f.write_str(")")?;
            }
            write!(f, " {}", unit.to_ascii_uppercase())
        }
        Expr::Tuple(list) => {
            f.write_str("(")?;
            items(f, list)?;
            f.write_str(if list.len() == 1 { ",)" } else { ")" })
        }
        Expr::Array(list) => {
            f.write_str("[")?;
            items(f, list)?;
            f.write_str("]")
        }
        Expr::Subscript { expr, index } => {
            base(f, expr, false)?;
            f.write_str("[")?;
            operand(f, index, 0)?;
            f.write_str("]")
        }
        Expr::TupleIndex { expr, index } => {
            base(f, expr, false)?;
            write!(f, ".{index}")
        }
        Expr::Member { expr, name } => {
            base(f, expr, true)?;
            write!(f, ".{}", Name(name))
        }
        Expr::Lambda { params, body } => {
            match params.as_slice() {
                [one] => write!(f, "{}", Name(one))?,
                several => {
                    f.write_str("(")?;
                    separated(f, several, ", ", |f, p| write!(f, "{}", Name(p)))?;
                    f.write_str(")")?;
                }
            }
            f.write_str(" -> ")?;
            operand(f, body, 0)
        }
        Expr::Subquery(query) => write!(f, "({query})"),
        Expr::Exists(query) => write!(f, "EXISTS({query})"),
        Expr::Alias { .. } => item(f, expr),
    }
}

/// Words that begin a special form when a parenthesis follows.
const NOT_CALLED_BARE: [&str; 4] = ["NOT", "EXISTS", "INTERVAL", "COLUMNS"];

/// Functions whose first argument may be a bare unit: there a column of that name needs quotes.
const WITH_UNIT: [&str; 6] = ["date", "timestamp", "Date", "Timestamp", "DATE", "TIMESTAMP"];

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let special = NOT_CALLED_BARE.iter().any(|w| w.eq_ignore_ascii_case(&self.name));
        let callable = crate::keywords::is_callable(&self.name)
            || (!crate::keywords::is_reserved(&self.name)
                && !self.name.is_empty()
                && self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !self.name.as_bytes()[0].is_ascii_digit());
        if special {
            write!(f, "`{}`", self.name)?;
        } else if callable {
            f.write_str(&self.name)?;
        } else {
            write!(f, "{}", Name(&self.name))?;
        }
        if let Some(params) = &self.params {
            f.write_str("(")?;
            items(f, params)?;
            f.write_str(")")?;
        }
        f.write_str(if self.distinct { "(DISTINCT " } else { "(" })?;
        match self.args.split_first() {
            Some((Expr::Identifier(path), rest))
                if path.len() == 1 && WITH_UNIT.iter().any(|prefix| self.name.starts_with(prefix)) =>
            {
                write!(f, "`{}`", path[0].replace('\\', "\\\\").replace('`', "\\`"))?;
                for arg in rest {
                    f.write_str(", ")?;
                    item(f, arg)?;
                }
            }
            _ => items(f, &self.args)?,
        }
        f.write_str(")")?;
        if let Some(filter) = &self.filter {
            f.write_str(" FILTER(WHERE ")?;
            operand(f, filter, 0)?;
            f.write_str(")")?;
        }
        match self.ignore_nulls {
            Some(true) => f.write_str(" IGNORE NULLS")?,
            Some(false) => f.write_str(" RESPECT NULLS")?,
            None => {}
        }
        match &self.over {
            Some(WindowRef::Name(name)) => write!(f, " OVER {}", Name(name)),
            Some(WindowRef::Spec(spec)) => write!(f, " OVER {spec}"),
            None => Ok(()),
        }
    }
}

impl Display for WindowSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        let mut gap = "";
        if let Some(base) = &self.base {
            write!(f, "{}", Name(base))?;
            gap = " ";
        }
        if !self.partition_by.is_empty() {
            write!(f, "{gap}PARTITION BY ")?;
            separated(f, &self.partition_by, ", ", |f, e| operand(f, e, 0))?;
            gap = " ";
        }
        if !self.order_by.is_empty() {
            write!(f, "{gap}ORDER BY ")?;
            separated(f, &self.order_by, ", ", |f, o| write!(f, "{o}"))?;
            gap = " ";
        }
        if let Some(frame) = &self.frame {
            write!(f, "{gap}{frame}")?;
        }
        f.write_str(")")
    }
}

impl Display for FrameSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let unit = if self.rows { "ROWS" } else { "RANGE" };
        write!(f, "{unit} BETWEEN {} AND {}", self.start, self.end)
    }
}

impl Display for FrameBoundSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnboundedPreceding => f.write_str("UNBOUNDED PRECEDING"),
            Self::CurrentRow => f.write_str("CURRENT ROW"),
            Self::UnboundedFollowing => f.write_str("UNBOUNDED FOLLOWING"),
            Self::Preceding(expr) => {
                operand(f, expr, operator::COMPARE + 1)?;
                f.write_str(" PRECEDING")
            }
            Self::Following(expr) => {
                operand(f, expr, operator::COMPARE + 1)?;
                f.write_str(" FOLLOWING")
            }
        }
    }
}

impl Display for Star {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in &self.qualifier {
            write!(f, "{}.", Name(part))?;
        }
        match &self.regexp {
            Some(regexp) => write!(f, "COLUMNS({})", Quoted(regexp.as_bytes()))?,
            None => f.write_str("*")?,
        }
        for transform in &self.transforms {
            match transform {
                StarTransform::Except(names) => {
                    f.write_str(" EXCEPT(")?;
                    separated(f, names, ", ", |f, n| write!(f, "{}", ColumnName(n)))?;
                    f.write_str(")")?;
                }
                StarTransform::Replace(list) => {
                    f.write_str(" REPLACE(")?;
                    separated(f, list, ", ", |f, (expr, name)| {
                        operand(f, expr, 0)?;
                        write!(f, " AS {}", Name(name))
                    })?;
                    f.write_str(")")?;
                }
                StarTransform::Apply(function) => {
                    f.write_str(" APPLY(")?;
                    operand(f, function, 0)?;
                    f.write_str(")")?;
                }
            }
        }
        Ok(())
    }
}

/// Used where only the operator matters.
impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
