//! Functions of one value over ranges of it: exactly for a single value, by its ends for chains of monotone functions.

use std::fmt;

use engine_exec::CompiledExprs;
use engine_functions::Argument;
use engine_sql::plan::{Expr, ExprKind};
use engine_sql::ranges::{RISING, in_utc};
use engine_storage::{Bound, RangeImage, ValueRange};
use engine_types::{Block, Column, DataType, Value};

/// Days since the epoch up to which all time types can hold a time.
const DAYS_MAX: i64 = 49_000;

/// Functions of time that rise within a period, which the other function names.
const PIECEWISE: [(&str, &str); 8] = [
    ("toHour", "toStartOfDay"),
    ("toMinute", "toStartOfHour"),
    ("toSecond", "toStartOfMinute"),
    ("toMonth", "toStartOfYear"),
    ("toQuarter", "toStartOfYear"),
    ("toDayOfYear", "toStartOfYear"),
    ("toDayOfMonth", "toStartOfMonth"),
    ("toDayOfWeek", "toMonday"),
];

/// An expression over one value.
struct Function {
    compiled: CompiledExprs,
    from: DataType,
}

impl Function {
    /// `expr` has its one value as column 0.
    fn new(expr: &Expr, from: &DataType) -> Option<Self> {
        Some(Self {
            compiled: CompiledExprs::new(std::slice::from_ref(expr)).ok()?,
            from: from.clone(),
        })
    }

    fn of(&self, value: &Value) -> Option<Value> {
        let column = Column::from_values(&self.from, std::slice::from_ref(value));
        if column.value(0) != *value {
            return None;
        }
        let found = self.compiled.eval(&Block::new(vec![column], 1)).ok()?;
        found.first().map(|c| c.value(0))
    }
}

/// How one function of a chain moves.
enum Step {
    /// Rises everywhere; at the ends of what its type can hold it stays.
    Rising,
    /// Rises among the times that people have; far from them it wraps.
    RisingInside,
    /// Rises where this function stays.
    Within(Function),
    Negates,
    /// Rises unless its exact result does not fit the type: `x + n`, `x - n`, `intDiv(x, n)`, conversions of numbers.
    Exact(Box<dyn Fn(i128) -> Option<i128> + Send + Sync>),
    /// Never falls, of any number.
    ToFloat,
}

/// A chain of functions around a value, outermost last.
struct Chain(Vec<(Function, Step)>);

/// What an expression makes of one value in it.
pub(super) struct Image {
    text: String,
    whole: Function,
    /// When all its functions are monotone.
    chain: Option<Chain>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Image {
    /// `expr` has the value, of type `ty`, as column 0 and no other column.
    pub(super) fn new(expr: &Expr, ty: &DataType) -> Option<Self> {
        Some(Self {
            text: format!("{:?}", expr.kind),
            whole: Function::new(expr, ty)?,
            chain: chain(expr).map(Chain),
        })
    }

    pub(super) fn is_monotone(&self) -> bool {
        self.chain.is_some()
    }
}

impl RangeImage for Image {
    fn image(&self, range: &ValueRange) -> Option<ValueRange> {
        if let Some(value) = range.single() {
            return self.whole.of(value).map(ValueRange::point);
        }
        let mut range = range.clone();
        for (function, step) in &self.chain.as_ref()?.0 {
            range = step.image(function, &range)?;
        }
        Some(range)
    }
}

impl Step {
    fn image(&self, function: &Function, range: &ValueRange) -> Option<ValueRange> {
        let mapped = |bound: &Bound| -> Option<Bound> {
            match bound {
                None => Some(None),
                // A rise of the value may leave the function where it is: bounds are included.
                Some((value, _)) => {
                    let value = function.of(value)?;
                    let plain = !value.is_null() && !matches!(value, Value::Float(v) if v.is_nan());
                    plain.then_some(Some((value, true)))
                }
            }
        };
        match self {
            Self::Rising => Some(ValueRange {
                lower: mapped(&range.lower)?,
                upper: mapped(&range.upper)?,
            }),
            Self::RisingInside => {
                in_safe_time(range, &function.from)?;
                Some(ValueRange {
                    lower: mapped(&range.lower)?,
                    upper: mapped(&range.upper)?,
                })
            }
            Self::Within(period) => {
                in_safe_time(range, &function.from)?;
                let (low, high) = ends(range)?;
                (period.of(low)? == period.of(high)?)
                    .then(|| {
                        Some(ValueRange {
                            lower: mapped(&range.lower)?,
                            upper: mapped(&range.upper)?,
                        })
                    })
                    .flatten()
            }
            Self::Negates => Some(ValueRange {
                lower: mapped(&range.upper)?,
                upper: mapped(&range.lower)?,
            })
            .filter(|_| {
                // The negative of the least number, and of great unsigned ones, is not in the type.
                let fits = |value: &Value| match (whole(value), function.of(value).as_ref().and_then(whole)) {
                    (Some(value), Some(negative)) => value.checked_neg() == Some(negative),
                    (Some(_), None) => false,
                    (None, _) => comparable(value),
                };
                ends(range).is_some_and(|(low, high)| fits(low) && fits(high))
            }),
            Self::Exact(exact) => {
                let (low, high) = ends(range)?;
                let fits = |value: &Value| -> Option<()> {
                    let expected = exact(whole(value)?)?;
                    (whole(&function.of(value)?)? == expected).then_some(())
                };
                fits(low)?;
                fits(high)?;
                Some(ValueRange {
                    lower: mapped(&range.lower)?,
                    upper: mapped(&range.upper)?,
                })
            }
            Self::ToFloat => Some(ValueRange {
                lower: mapped(&range.lower)?,
                upper: match &range.upper {
                    // NaN and NULL are in the order of keys behind all numbers.
                    Some((value, _)) if !comparable(value) => return None,
                    upper => mapped(upper)?,
                },
            }),
        }
    }
}

fn ends(range: &ValueRange) -> Option<(&Value, &Value)> {
    Some((&range.lower.as_ref()?.0, &range.upper.as_ref()?.0))
}

fn comparable(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Float(v) => !v.is_nan(),
        Value::Int(_)
        | Value::UInt(_)
        | Value::String(_)
        | Value::Uuid(_)
        | Value::Array(_)
        | Value::Tuple(_) => true,
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::UInt(v) => Some(i128::from(*v)),
        Value::Int(v) => Some(i128::from(*v)),
        _ => None,
    }
}

/// Both ends are known times that every time type can hold: beyond, conversions stick at their ends or wrap.
fn in_safe_time(range: &ValueRange, ty: &DataType) -> Option<()> {
    let per_day = match ty.bare() {
        DataType::Date => 1,
        DataType::DateTime(_) => 86_400,
        DataType::DateTime64(p, _) => 10i64.checked_pow(u32::from(*p))?.checked_mul(86_400)?,
        _ => return None,
    };
    let (low, high) = ends(range)?;
    let inside = |value: &Value| {
        whole(value)
            .is_some_and(|v| v >= i128::from(per_day) && v <= i128::from(DAYS_MAX) * i128::from(per_day))
    };
    (inside(low) && inside(high)).then_some(())
}

/// The functions around column 0, innermost first; `None` when one of them is not known to be monotone.
fn chain(expr: &Expr) -> Option<Vec<(Function, Step)>> {
    let ExprKind::Call { function, args } = &expr.kind else {
        return matches!(expr.kind, ExprKind::Column(0)).then(Vec::new);
    };
    let mut inner = args
        .iter()
        .enumerate()
        .filter(|(_, a)| !matches!(a.kind, ExprKind::Literal(_)));
    let (hole, argument) = inner.next()?;
    if inner.next().is_some() {
        return None;
    }
    let mut steps = chain(argument)?;
    let from = argument.ty.bare().clone();
    let mut call_args = args.clone();
    *call_args.get_mut(hole)? = Expr::column(0, from.clone());
    let call = Expr {
        kind: ExprKind::Call {
            function: *function,
            args: call_args,
        },
        ty: expr.ty.clone(),
    };
    let number = |at: usize| match args.get(at).map(|a| &a.kind) {
        Some(ExprKind::Literal(value)) => whole(value),
        _ => None,
    };
    let name = function.name();
    let to = expr.ty.bare();
    let step = match name {
        _ if from.is_time()
            && if hole == 0 {
                RISING.contains(&name)
            } else {
                name == "dateTrunc"
            }
            && in_utc(&call) =>
        {
            if name == "toYear" && matches!(from, DataType::DateTime64(..)) {
                Step::RisingInside
            } else {
                Step::Rising
            }
        }
        "CAST" if from.is_time() && to.is_time() && in_utc(&call) => Step::Rising,
        _ if from.is_time() && hole == 0 && args.len() == 1 && in_utc(&call) => {
            let (_, period) = PIECEWISE.iter().find(|(piecewise, _)| *piecewise == name)?;
            Step::Within(call_of(period, &from)?)
        }
        "negate" if from.is_number() => Step::Negates,
        "plus" if from.is_integer() => {
            let n = number(1 - hole)?;
            Step::Exact(Box::new(move |v| v.checked_add(n)))
        }
        "minus" if from.is_integer() && hole == 0 => {
            let n = number(1)?;
            Step::Exact(Box::new(move |v| v.checked_sub(n)))
        }
        "intDiv" if from.is_integer() && hole == 0 => {
            let n = number(1).filter(|n| *n > 0)?;
            Step::Exact(Box::new(move |v| v.checked_div(n)))
        }
        _ if is_number_conversion(name, hole) && from.is_integer() && to.is_integer() => {
            Step::Exact(Box::new(Some))
        }
        _ if is_number_conversion(name, hole) && from.is_number() && to.is_float() => Step::ToFloat,
        _ => return None,
    };
    steps.push((Function::new(&call, &from)?, step));
    Some(steps)
}

fn is_number_conversion(name: &str, hole: usize) -> bool {
    hole == 0
        && (name == "CAST"
            || ["toInt", "toUInt", "toFloat"].iter().any(|stem| {
                name.strip_prefix(stem)
                    .is_some_and(|rest| rest.parse::<u8>().is_ok())
            }))
}

fn call_of(name: &str, ty: &DataType) -> Option<Function> {
    let function = engine_functions::scalar(name)?;
    let argument = Argument { ty, constant: None };
    let call = Expr {
        ty: engine_functions::scalar_return_type(function, &[argument]).ok()?,
        kind: ExprKind::Call {
            function,
            args: vec![Expr::column(0, ty.clone())],
        },
    };
    Function::new(&call, ty)
}
