//! Infix operators with their binding power. Higher binds tighter.

use crate::ast::BinaryOp;

pub(crate) const TERNARY: u8 = 2;
pub(crate) const OR: u8 = 4;
pub(crate) const AND: u8 = 6;
pub(crate) const NOT: u8 = 8;
pub(crate) const COMPARE: u8 = 10;
pub(crate) const CONCAT: u8 = 12;
pub(crate) const SUM: u8 = 14;
pub(crate) const PRODUCT: u8 = 16;
pub(crate) const NEGATE: u8 = 18;
pub(crate) const POSTFIX: u8 = 20;

/// The operator a symbol stands for, and its binding power.
pub(super) fn symbol_operator(symbol: &str) -> Option<(BinaryOp, u8)> {
    Some(match symbol {
        "+" => (BinaryOp::Plus, SUM),
        "-" => (BinaryOp::Minus, SUM),
        "*" => (BinaryOp::Multiply, PRODUCT),
        "/" => (BinaryOp::Divide, PRODUCT),
        "%" => (BinaryOp::Modulo, PRODUCT),
        "||" => (BinaryOp::Concat, CONCAT),
        "=" | "==" => (BinaryOp::Equals, COMPARE),
        "!=" | "<>" => (BinaryOp::NotEquals, COMPARE),
        "<" => (BinaryOp::Less, COMPARE),
        "<=" => (BinaryOp::LessOrEquals, COMPARE),
        ">" => (BinaryOp::Greater, COMPARE),
        ">=" => (BinaryOp::GreaterOrEquals, COMPARE),
        "<=>" => (BinaryOp::NullSafeEquals, COMPARE),
        _ => return None,
    })
}

/// Binding power of a binary operator, for the printer.
pub(crate) fn power(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Plus | BinaryOp::Minus => SUM,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo | BinaryOp::IntDiv => PRODUCT,
        BinaryOp::Concat => CONCAT,
        BinaryOp::Equals
        | BinaryOp::NotEquals
        | BinaryOp::Less
        | BinaryOp::LessOrEquals
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEquals
        | BinaryOp::NullSafeEquals
        | BinaryOp::NullSafeNotEquals
        | BinaryOp::Like
        | BinaryOp::NotLike
        | BinaryOp::ILike
        | BinaryOp::NotILike
        | BinaryOp::Regexp
        | BinaryOp::NotRegexp => COMPARE,
    }
}
