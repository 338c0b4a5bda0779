//! Filters of a scan to ranges of keys and columns. What is not understood prunes nothing.

use engine_sql::plan::{Expr, ExprKind, SetSource};
use engine_storage::{KeyCondition, KeyRef};
use engine_types::{Column, DataType, Value};

use crate::shape::Shape;

/// Functions of one column (and constants) that never fall as the column rises.
const MONOTONE: [&str; 12] = [
    "toDate",
    "toDateTime",
    "toStartOfDay",
    "toStartOfWeek",
    "toMonday",
    "toStartOfMonth",
    "toStartOfQuarter",
    "toStartOfYear",
    "toYYYYMM",
    "toYYYYMMDD",
    "toYear",
    "toUnixTimestamp",
];

/// Lists longer than this are not turned into points.
const POINTS_MAX: usize = 10_000;

type Bound = Option<(Value, bool)>;

/// The values one side of a comparison may have.
#[derive(Clone, Debug)]
enum Wanted {
    Range { lower: Bound, upper: Bound },
    Points(Vec<Value>),
}

/// What `filters` (over the columns `columns` of the table) say about keys and columns.
pub(crate) fn key_condition(shape: &Shape, columns: &[usize], filters: &[Expr]) -> KeyCondition {
    let mut condition = KeyCondition::all();
    for filter in filters {
        let Some(filter) = over_table(filter, columns) else {
            continue;
        };
        condition = add(shape, &filter, condition);
    }
    condition
}

fn add(shape: &Shape, filter: &Expr, condition: KeyCondition) -> KeyCondition {
    if let ExprKind::And(operands) = &filter.kind {
        return operands
            .iter()
            .fold(condition, |condition, operand| add(shape, operand, condition));
    }
    match comparison(filter) {
        Some((subject, wanted)) => restrict(shape, subject, &wanted, condition),
        None => condition,
    }
}

/// The subject of a comparison with constants and the values it may have, in the physical form of its type.
fn comparison(filter: &Expr) -> Option<(&Expr, Wanted)> {
    match &filter.kind {
        ExprKind::Call { function, args } => {
            let [left, right] = args.as_slice() else {
                return None;
            };
            let (subject, literal, flipped) = match (&left.kind, &right.kind) {
                (_, ExprKind::Literal(_)) => (left, right, false),
                (ExprKind::Literal(_), _) => (right, left, true),
                _ => return None,
            };
            let operator = match (function.name(), flipped) {
                ("equals", _) => "=",
                ("less", false) | ("greater", true) => "<",
                ("lessOrEquals", false) | ("greaterOrEquals", true) => "<=",
                ("greater", false) | ("less", true) => ">",
                ("greaterOrEquals", false) | ("lessOrEquals", true) => ">=",
                _ => return None,
            };
            let (value, exact) = constant(literal, &subject.ty)?;
            if operator != "=" && !ordered_alike(&subject.ty) {
                return None;
            }
            let wanted = match operator {
                "=" => Wanted::Points(vec![value]),
                // A bound that was rounded down may itself be wanted.
                "<" => Wanted::Range {
                    lower: None,
                    upper: Some((value, !exact)),
                },
                "<=" => Wanted::Range {
                    lower: None,
                    upper: Some((value, true)),
                },
                ">" => Wanted::Range {
                    lower: Some((value, !exact)),
                    upper: None,
                },
                _ => Wanted::Range {
                    lower: Some((value, true)),
                    upper: None,
                },
            };
            Some((subject, wanted))
        }
        ExprKind::InSet {
            arg,
            set: SetSource::Values(values),
            negated: false,
        } if values.len() <= POINTS_MAX && !matches!(arg.ty.bare(), DataType::Tuple(_)) => Some((
            arg,
            Wanted::Points(values.iter().filter(|v| !v.is_null()).cloned().collect()),
        )),
        _ => None,
    }
}

/// Whether `<` of SQL is the order of values in storage. UUIDs compare by their second half first.
fn ordered_alike(ty: &DataType) -> bool {
    let ty = ty.bare();
    ty.is_number() || ty.is_time() || *ty == DataType::String
}

/// A literal as a value of type `ty`; `false`: rounded down.
fn constant(literal: &Expr, ty: &DataType) -> Option<(Value, bool)> {
    let ExprKind::Literal(value) = &literal.kind else {
        return None;
    };
    if value.is_null() {
        return None;
    }
    let (from, to) = (literal.ty.bare(), ty.bare());
    match (from, to) {
        (DataType::String, DataType::String) => Some((value.clone(), true)),
        (from, to) if from == to => Some((value.clone(), true)),
        // Compared by value, whatever their width.
        (from, to) if from.is_number() && to.is_number() => Some((value.clone(), true)),
        (DataType::DateTime(_), DataType::DateTime(_)) => Some((value.clone(), true)),
        (DataType::DateTime(_), DataType::DateTime64(precision, _)) => {
            let Value::UInt(seconds) = value else {
                return None;
            };
            let ticks = i64::try_from(*seconds)
                .ok()?
                .checked_mul(10i64.checked_pow(u32::from(*precision))?)?;
            Some((Value::Int(ticks), true))
        }
        (DataType::DateTime64(from, _), DataType::DateTime64(to, _)) => {
            let Value::Int(ticks) = value else {
                return None;
            };
            if from <= to {
                let scale = 10i64.checked_pow(u32::from(to - from))?;
                Some((Value::Int(ticks.checked_mul(scale)?), true))
            } else {
                let scale = 10i64.checked_pow(u32::from(from - to))?;
                Some((Value::Int(ticks.div_euclid(scale)), ticks.rem_euclid(scale) == 0))
            }
        }
        (DataType::DateTime64(precision, _), DataType::DateTime(_)) => {
            let Value::Int(ticks) = value else {
                return None;
            };
            let scale = 10i64.checked_pow(u32::from(*precision))?;
            let seconds = u64::try_from(ticks.div_euclid(scale)).ok()?;
            Some((Value::UInt(seconds), ticks.rem_euclid(scale) == 0))
        }
        (DataType::Date, DataType::DateTime(_) | DataType::DateTime64(..)) => {
            let column = Column::from_values(from, std::slice::from_ref(value));
            let cast = engine_functions::cast_column(&column, from, to).ok()?;
            Some((cast.value(0), true))
        }
        _ => None,
    }
}

fn restrict(shape: &Shape, subject: &Expr, wanted: &Wanted, mut condition: KeyCondition) -> KeyCondition {
    for (at, key) in shape.sorting_key.iter().enumerate() {
        if same(key, subject) {
            condition = with(condition, KeyRef::SortingKey(at), wanted.clone());
        } else if let ExprKind::Column(column) = subject.kind
            && let Some(image) = image(key, column, &subject.ty, wanted)
        {
            condition = with(condition, KeyRef::SortingKey(at), image);
        }
    }
    if let ExprKind::Column(column) = subject.kind
        && let Some(stored) = shape.columns[column].stored
    {
        condition = with(condition, KeyRef::Column(stored), wanted.clone());
    }
    condition
}

fn with(condition: KeyCondition, key: KeyRef, wanted: Wanted) -> KeyCondition {
    match wanted {
        Wanted::Range { lower, upper } => condition.and_range(key, lower, upper),
        Wanted::Points(points) => condition.and_points(key, points),
    }
}

/// The values that a monotone function of the column has where the column has the wanted ones.
fn image(key: &Expr, column: usize, ty: &DataType, wanted: &Wanted) -> Option<Wanted> {
    let ExprKind::Call { function, args } = &key.kind else {
        return None;
    };
    let (first, rest) = args.split_first()?;
    let of_column = matches!(first.kind, ExprKind::Column(c) if c == column);
    let constants = rest.iter().all(|a| matches!(a.kind, ExprKind::Literal(_)));
    if !of_column || !constants || !MONOTONE.contains(&function.name()) || !in_range_of_dates(wanted, ty) {
        return None;
    }
    let apply = |value: &Value| -> Option<Value> {
        let mut args = args.clone();
        *args.first_mut()? = Expr::literal(value.clone(), first.ty.clone());
        let call = Expr {
            kind: ExprKind::Call {
                function: *function,
                args,
            },
            ty: key.ty.clone(),
        };
        engine_exec::evaluate_constant(&call)
            .ok()
            .filter(|v| !v.is_null())
    };
    // A rise of the column may leave the function where it is: bounds are included.
    let bound = |bound: &Bound| -> Option<Bound> {
        match bound {
            None => Some(None),
            Some((value, _)) => Some(Some((apply(value)?, true))),
        }
    };
    match wanted {
        Wanted::Range { lower, upper } => Some(Wanted::Range {
            lower: bound(lower)?,
            upper: bound(upper)?,
        }),
        Wanted::Points(points) => Some(Wanted::Points(
            points.iter().map(apply).collect::<Option<Vec<_>>>()?,
        )),
    }
}

/// Times beyond what a Date can hold wrap or stick at its ends; for ranges that are open towards them nothing is
/// concluded from above unless the type itself cannot hold such times.
fn in_range_of_dates(wanted: &Wanted, ty: &DataType) -> bool {
    let DataType::DateTime64(precision, _) = ty.bare() else {
        return true;
    };
    let Some(scale) = 10i64.checked_pow(u32::from(*precision)) else {
        return false;
    };
    // 1970-01-02 to 2106-02-06: inside both Date and DateTime, in every zone.
    let inside = |value: &Value| match value {
        Value::Int(ticks) => (86_400..4_294_880_000).contains(&(ticks / scale)),
        _ => false,
    };
    match wanted {
        Wanted::Points(points) => points.iter().all(inside),
        Wanted::Range { lower, upper } => {
            lower.iter().all(|(v, _)| inside(v)) && upper.iter().all(|(v, _)| inside(v))
        }
    }
}

/// The expression over positions in the table instead of positions in the scan.
fn over_table(expr: &Expr, columns: &[usize]) -> Option<Expr> {
    let list = |list: &[Expr]| {
        list.iter()
            .map(|e| over_table(e, columns))
            .collect::<Option<Vec<_>>>()
    };
    let kind = match &expr.kind {
        ExprKind::Column(i) => ExprKind::Column(*columns.get(*i)?),
        ExprKind::Literal(_) => expr.kind.clone(),
        ExprKind::Call { function, args } => ExprKind::Call {
            function: *function,
            args: list(args)?,
        },
        // Of an AND, the operands that are understood.
        ExprKind::And(operands) => {
            ExprKind::And(operands.iter().filter_map(|e| over_table(e, columns)).collect())
        }
        ExprKind::InSet { arg, set, negated } => ExprKind::InSet {
            arg: Box::new(over_table(arg, columns)?),
            set: set.clone(),
            negated: *negated,
        },
        ExprKind::Or(_) | ExprKind::HigherOrder { .. } | ExprKind::ScalarSubquery(_) => return None,
    };
    Some(Expr {
        kind,
        ty: expr.ty.clone(),
    })
}

fn same(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::Column(a), ExprKind::Column(b)) => a == b,
        (ExprKind::Literal(x), ExprKind::Literal(y)) => x == y && a.ty == b.ty,
        (
            ExprKind::Call {
                function: f,
                args: left,
            },
            ExprKind::Call {
                function: g,
                args: right,
            },
        ) => {
            f.name() == g.name()
                && left.len() == right.len()
                && left.iter().zip(right).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}
