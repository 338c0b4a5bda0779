//! What scan filters say about the values of columns, for pruning by keys, minimum and maximum, and point lookups.
//!
//! A range may be wider than its condition, never narrower: it can prove that no row of a granule passes, not that
//! one does. The conditions themselves must still be applied.

use engine_functions::{TypedColumn, eval_scalar};
use engine_types::{Column, DataType, Field, Value};

use crate::{
    fold,
    plan::{Expr, ExprKind, SetSource},
};

/// Values of one column that can pass one filter. NULL never does.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnRange {
    /// The filter it comes from.
    pub filter: usize,
    /// Place in the scan's output schema.
    pub column: usize,
    /// Least value, and whether it is itself allowed. In the physical unit of the column's type: days of `Date`, seconds
    /// of `DateTime`, ticks of `DateTime64`.
    pub lower: Option<(Value, bool)>,
    /// Greatest value, and whether it is itself allowed.
    pub upper: Option<(Value, bool)>,
    /// Sorted and distinct: the column has one of exactly these. The bounds are then their ends.
    pub points: Option<Vec<Value>>,
}

/// One range for each filter (a conjunct of `Scan.filters`) that restricts a single column in a way that is understood:
/// `column op literal`, `column IN (…)`, `f(column) op literal` and `f(column) IN (…)` where `f` is a chain of monotone
/// time functions (`toDate`, `toYYYYMM`, `toStartOfMonth`, …), ORs of such points, and LIKE and startsWith of a prefix.
pub fn key_ranges(filters: &[Expr], schema: &[Field]) -> Vec<ColumnRange> {
    let mut out = Vec::new();
    for (index, filter) in filters.iter().enumerate() {
        let mut conjuncts = Vec::new();
        fold::conjuncts(filter.clone(), &mut conjuncts);
        for conjunct in &conjuncts {
            out.extend(range_of(conjunct, schema).map(|mut range| {
                range.filter = index;
                range
            }));
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

impl Comparison {
    fn of(function: &str) -> Option<Self> {
        Some(match function {
            "equals" => Self::Equals,
            "less" => Self::Less,
            "lessOrEquals" => Self::LessOrEquals,
            "greater" => Self::Greater,
            "greaterOrEquals" => Self::GreaterOrEquals,
            _ => return None,
        })
    }

    /// With the operands exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Equals => Self::Equals,
            Self::Less => Self::Greater,
            Self::LessOrEquals => Self::GreaterOrEquals,
            Self::Greater => Self::Less,
            Self::GreaterOrEquals => Self::LessOrEquals,
        }
    }
}

fn range_of(expr: &Expr, schema: &[Field]) -> Option<ColumnRange> {
    match &expr.kind {
        ExprKind::Call { function, args } => {
            let [a, b] = args.as_slice() else {
                return None;
            };
            match function.name() {
                "startsWith" | "like" => prefix(function.name(), a, b),
                name => {
                    let comparison = Comparison::of(name)?;
                    match (fold::constant(a), fold::constant(b)) {
                        (None, Some(_)) => compared(a, comparison, b, schema),
                        (Some(_), None) => compared(b, comparison.flipped(), a, schema),
                        _ => None,
                    }
                }
            }
        }
        ExprKind::InSet {
            arg,
            set: SetSource::Values(values),
            negated: false,
        } => members(arg, values, schema),
        ExprKind::Or(list) => list
            .iter()
            .map(|e| range_of(e, schema))
            .collect::<Option<Vec<_>>>()
            .and_then(union),
        _ => None,
    }
}

/// Any of the ranges, when they are of one column.
fn union(ranges: Vec<ColumnRange>) -> Option<ColumnRange> {
    let column = ranges.first()?.column;
    if ranges.iter().any(|r| r.column != column) {
        return None;
    }
    let points = ranges
        .iter()
        .map(|r| r.points.clone())
        .collect::<Option<Vec<_>>>()
        .map(|lists| {
            let mut all: Vec<Value> = lists.into_iter().flatten().collect();
            all.sort();
            all.dedup();
            all
        });
    let lower = ranges
        .iter()
        .map(|r| r.lower.clone())
        .collect::<Option<Vec<_>>>()
        // An equal bound that is allowed reaches further.
        .and_then(|list| {
            list.into_iter()
                .min_by(|(a, ia), (b, ib)| a.cmp(b).then(ib.cmp(ia)))
        });
    let upper = ranges
        .iter()
        .map(|r| r.upper.clone())
        .collect::<Option<Vec<_>>>()
        .and_then(|list| {
            list.into_iter()
                .max_by(|(a, ia), (b, ib)| a.cmp(b).then(ia.cmp(ib)))
        });
    (lower.is_some() || upper.is_some()).then_some(ColumnRange {
        filter: 0,
        column,
        lower,
        upper,
        points,
    })
}

/// The column itself, when its values compare as the literal's do.
fn plain_column(expr: &Expr, literal: &DataType) -> Option<usize> {
    let ExprKind::Column(column) = expr.kind else {
        return None;
    };
    let (own, literal) = (expr.ty.bare(), literal.bare());
    let comparable = own == literal
        || (own.is_number() && literal.is_number() && *own != DataType::Float32)
        || (own.is_string() && literal.is_string() && !matches!(own, DataType::FixedString(_)));
    let zone_free = matches!((own, literal), (DataType::DateTime(_), DataType::DateTime(_)))
        || matches!((own, literal), (DataType::DateTime64(p, _), DataType::DateTime64(q, _)) if p == q);
    (comparable || zone_free).then_some(column)
}

fn compared(expr: &Expr, comparison: Comparison, literal: &Expr, schema: &[Field]) -> Option<ColumnRange> {
    let value = fold::constant(literal)?;
    if value.is_null() || matches!(value, Value::Float(v) if v.is_nan()) {
        return None;
    }
    if let Some(column) = plain_column(expr, &literal.ty) {
        let bound = |inclusive: bool| Some((value.clone(), inclusive));
        let (lower, upper, points) = match comparison {
            Comparison::Equals => (bound(true), bound(true), Some(vec![value.clone()])),
            Comparison::Less => (None, bound(false), None),
            Comparison::LessOrEquals => (None, bound(true), None),
            Comparison::Greater => (bound(false), None, None),
            Comparison::GreaterOrEquals => (bound(true), None, None),
        };
        return Some(ColumnRange {
            filter: 0,
            column,
            lower,
            upper,
            points,
        });
    }
    let column = monotone_column(expr)?;
    inverted(expr, column, comparison, (literal, literal), schema)
}

fn members(arg: &Expr, values: &[Value], schema: &[Field]) -> Option<ColumnRange> {
    let (first, last) = (values.first()?, values.last()?);
    if let ExprKind::Column(column) = arg.kind {
        return Some(ColumnRange {
            filter: 0,
            column,
            lower: Some((first.clone(), true)),
            upper: Some((last.clone(), true)),
            points: Some(values.to_vec()),
        });
    }
    let column = monotone_column(arg)?;
    let literal = |value: &Value| Expr::literal(value.clone(), arg.ty.bare().clone());
    inverted(
        arg,
        column,
        Comparison::Equals,
        (&literal(first), &literal(last)),
        schema,
    )
}

/// The values of the column for which `expr`, not decreasing in it, lies between the literals (or beyond one of them).
/// Found by bisection over the comparison itself, so that conversions and time zones are those of the filter.
fn inverted(
    expr: &Expr,
    column: usize,
    comparison: Comparison,
    (low, high): (&Expr, &Expr),
    schema: &[Field],
) -> Option<ColumnRange> {
    let ty = &schema.get(column)?.ty;
    let (first, last) = domain(ty)?;
    let slack = slack(expr, ty);
    let at_least = |literal: &Expr, strictly: bool| -> Option<i64> {
        let name = if strictly { "greater" } else { "greaterOrEquals" };
        let test = fold::call_named(name, vec![expr.clone(), literal.clone()]).ok()?;
        bisect(&test, ty, first, last)
    };
    let needs_lower = matches!(
        comparison,
        Comparison::Equals | Comparison::Greater | Comparison::GreaterOrEquals
    );
    let needs_upper = matches!(
        comparison,
        Comparison::Equals | Comparison::Less | Comparison::LessOrEquals
    );
    let mut lower = None;
    if needs_lower {
        let from = at_least(low, comparison == Comparison::Greater)?;
        // At the very beginning the bound says nothing; values before it are outside of what was searched.
        if from > first {
            lower = Some((physical(ty, from.saturating_sub(slack)), true));
        }
    }
    let mut upper = None;
    if needs_upper {
        let end = at_least(high, comparison != Comparison::Less)?;
        if end <= last {
            upper = Some((physical(ty, end.saturating_add(slack)), false));
        }
    }
    (lower.is_some() || upper.is_some()).then_some(ColumnRange {
        filter: 0,
        column,
        lower,
        upper,
        points: None,
    })
}

/// The least value in `first..=last` that passes the test, `last + 1` when none does; the test does not turn back.
fn bisect(test: &Expr, ty: &DataType, first: i64, last: i64) -> Option<i64> {
    let (mut low, mut high) = (first, last.checked_add(1)?);
    while low < high {
        let middle = low + (high - low) / 2;
        match evaluate(test, &physical(ty, middle))? {
            Value::UInt(0) => low = middle + 1,
            Value::UInt(_) => high = middle,
            _ => return None,
        }
    }
    Some(low)
}

/// The physical values searched: the times that all time types can show (1970 to 2105).
fn domain(ty: &DataType) -> Option<(i64, i64)> {
    const DAYS: i64 = 49_000;
    Some(match ty.bare() {
        DataType::Date => (0, DAYS),
        DataType::DateTime(_) => (0, DAYS * 86_400),
        DataType::DateTime64(p, _) => (0, (DAYS * 86_400).checked_mul(10i64.checked_pow(u32::from(*p))?)?),
        _ => return None,
    })
}

/// Local time runs backwards for up to an hour or so when clocks are set back: bounds that depend on it give way by a
/// day. In UTC, and for dates, time only runs forwards.
fn slack(expr: &Expr, ty: &DataType) -> i64 {
    if in_utc(expr) {
        return 0;
    }
    match ty.bare() {
        DataType::DateTime(_) => 86_400,
        DataType::DateTime64(p, _) => 86_400 * 10i64.pow(u32::from((*p).min(9))),
        _ => 1,
    }
}

/// Local time runs backwards when clocks are set back: only UTC, and dates, move with the value.
pub fn in_utc(expr: &Expr) -> bool {
    let zone = match expr.ty.bare() {
        DataType::DateTime(zone) | DataType::DateTime64(_, zone) => *zone,
        _ => None,
    };
    let utc = zone.is_none_or(|z| z == chrono_tz::UTC);
    // Any text among the arguments may be a zone's name.
    let text = matches!(fold::constant(expr), Some(Value::String(s)) if !is_no_zone(s));
    utc && !text && expr.children().into_iter().all(in_utc)
}

/// UTC, a unit of time, or the type of a cast.
fn is_no_zone(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|t| {
        t.eq_ignore_ascii_case("utc")
            || engine_types::IntervalUnit::parse(t).is_some()
            || DataType::parse(t).is_ok()
    })
}

fn physical(ty: &DataType, value: i64) -> Value {
    match ty.bare() {
        DataType::DateTime64(..) => Value::Int(value),
        _ => Value::UInt(u64::try_from(value).unwrap_or(0)),
    }
}

/// Functions of time that never fall as their first argument rises, the others being constants. So does `dateTrunc`, whose
/// unit comes first.
pub const RISING: [&str; 22] = [
    "toDate",
    "toDateTime",
    "toDateTime64",
    "toYear",
    "toYYYYMM",
    "toYYYYMMDD",
    "toYYYYMMDDhhmmss",
    "toStartOfSecond",
    "toStartOfMinute",
    "toStartOfFiveMinutes",
    "toStartOfTenMinutes",
    "toStartOfFifteenMinutes",
    "toStartOfHour",
    "toStartOfDay",
    "toStartOfWeek",
    "toStartOfMonth",
    "toStartOfQuarter",
    "toStartOfYear",
    "toMonday",
    "toStartOfInterval",
    "toUnixTimestamp",
    "toUnixTimestamp64Milli",
];

/// The time column below a chain of monotone functions; the bare column counts as such a chain.
fn monotone_column(expr: &Expr) -> Option<usize> {
    match &expr.kind {
        ExprKind::Column(column) if expr.ty.bare().is_time() => Some(*column),
        ExprKind::Call { function, args } => {
            let (first, rest) = args.split_first()?;
            let name = function.name();
            let known = if name == "dateTrunc" {
                // The unit comes first.
                return fold::constant(first).and_then(|_| monotone_column(rest.first()?));
            } else {
                RISING.contains(&name) || matches!(name, "toTimeZone" | "CAST")
            };
            // A cast to text or another family does not keep the order.
            let kept = name != "CAST" || expr.ty.bare().is_time();
            let constants = rest.iter().all(|a| fold::constant(a).is_some());
            (known && kept && constants)
                .then(|| monotone_column(first))
                .flatten()
        }
        _ => None,
    }
}

/// The expression's value where its column has `value`.
fn evaluate(expr: &Expr, value: &Value) -> Option<Value> {
    match &expr.kind {
        ExprKind::Column(_) => Some(value.clone()),
        ExprKind::Literal(literal) => Some(literal.clone()),
        ExprKind::Call { function, args } => {
            let mut columns = Vec::with_capacity(args.len());
            for arg in args {
                let value = evaluate(arg, value)?;
                columns.push(TypedColumn {
                    column: Column::constant(&arg.ty, &value, 1),
                    ty: arg.ty.clone(),
                });
            }
            let column = eval_scalar(*function, &columns, &expr.ty, 1).ok()?;
            (column.len() == 1).then(|| column.value(0))
        }
        _ => None,
    }
}

/// `column LIKE 'prefix%…'`, `startsWith(column, 'prefix')`.
fn prefix(function: &str, column: &Expr, pattern: &Expr) -> Option<ColumnRange> {
    let (ExprKind::Column(index), Some(Value::String(pattern))) = (&column.kind, fold::constant(pattern))
    else {
        return None;
    };
    if *column.ty.bare() != DataType::String {
        return None;
    }
    let fixed: &[u8] = if function == "like" {
        let end = pattern.iter().position(|b| matches!(b, b'%' | b'_' | b'\\'))?;
        &pattern[..end]
    } else {
        pattern
    };
    if fixed.is_empty() {
        return None;
    }
    // The next string that does not begin so: the last byte that can grow, grown, and the rest cut.
    let upper = fixed.iter().rposition(|&b| b < 0xFF).map(|at| {
        let mut next = fixed[..=at].to_vec();
        next[at] += 1;
        (Value::String(next), false)
    });
    Some(ColumnRange {
        filter: 0,
        column: *index,
        lower: Some((Value::String(fixed.to_vec()), true)),
        upper,
        points: None,
    })
}

#[cfg(test)]
mod tests;
