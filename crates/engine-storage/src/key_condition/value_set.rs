//! Ranges and sets of values, and how they meet.

use engine_types::Value;

/// A bound and whether it is itself included; `None` = open.
pub type Bound = Option<(Value, bool)>;

/// Values between two bounds, in the order of [`Value::total_cmp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRange {
    pub lower: Bound,
    pub upper: Bound,
}

impl ValueRange {
    pub fn all() -> Self {
        Self {
            lower: None,
            upper: None,
        }
    }

    pub fn point(value: Value) -> Self {
        Self {
            lower: Some((value.clone(), true)),
            upper: Some((value, true)),
        }
    }

    pub fn closed(lower: Value, upper: Value) -> Self {
        Self {
            lower: Some((lower, true)),
            upper: Some((upper, true)),
        }
    }

    /// The only value, when there can be only one. The two zeros of floats are equal, but not one value: `IN` and other
    /// functions tell them apart.
    pub fn single(&self) -> Option<&Value> {
        match (&self.lower, &self.upper) {
            (Some((Value::Float(low), _)), _) if *low == 0.0 => None,
            (Some((low, true)), Some((high, true))) if low == high => Some(low),
            _ => None,
        }
    }

    /// Whether it certainly holds nothing: of integers also `2 < x < 3`.
    pub(super) fn is_empty(&self) -> bool {
        let (Some((low, low_included)), Some((high, high_included))) = (&self.lower, &self.upper) else {
            return false;
        };
        let whole = |value: &Value| match value {
            Value::UInt(v) => Some(i128::from(*v)),
            Value::Int(v) => Some(i128::from(*v)),
            _ => None,
        };
        match (whole(low), whole(high)) {
            (Some(low), Some(high)) => low + i128::from(!low_included) > high - i128::from(!high_included),
            _ => low > high || (low == high && !(*low_included && *high_included)),
        }
    }

    /// Whether NULL, NaN or a bound that is not known may be in it: values that no comparison is true for.
    fn may_be_incomparable(&self) -> bool {
        let plain = |bound: &Bound| match bound {
            None | Some((Value::Null, _)) => false,
            Some((Value::Float(v), _)) => !v.is_nan(),
            Some(_) => true,
        };
        !plain(&self.lower) || !plain(&self.upper)
    }
}

/// Rows are wanted whose value lies in this set. Compared by [`Value::total_cmp`], so in the physical form of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSet {
    /// Between the bounds, each with "included"; `None` = open.
    Range { lower: Bound, upper: Bound },
    /// One of these; sorted.
    Points(Vec<Value>),
}

impl ValueSet {
    /// One of `points`, in any order.
    pub fn points(mut points: Vec<Value>) -> Self {
        points.sort();
        points.dedup();
        Self::Points(points)
    }

    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Points(points) => points.binary_search(value).is_ok(),
            // Comparisons are never true for NULL.
            Self::Range { lower, upper } => {
                !value.is_null()
                    && lower
                        .as_ref()
                        .is_none_or(|(bound, included)| value > bound || (*included && value == bound))
                    && upper
                        .as_ref()
                        .is_none_or(|(bound, included)| value < bound || (*included && value == bound))
            }
        }
    }

    /// Whether some value of the set may lie in the range.
    pub(super) fn meets(&self, range: &ValueRange) -> bool {
        if let Some(single) = range.single() {
            return self.contains(single);
        }
        let low = range.lower.as_ref();
        let high = range.upper.as_ref();
        let above = |value: &Value| low.is_none_or(|(bound, inc)| value > bound || (*inc && value == bound));
        let below = |value: &Value| high.is_none_or(|(bound, inc)| value < bound || (*inc && value == bound));
        match self {
            Self::Points(points) => {
                let start = points.partition_point(|point| !above(point));
                points.get(start).is_some_and(below)
            }
            Self::Range { lower, upper } => {
                let low_ok = match (lower, high) {
                    (Some((bound, inc)), Some((high, high_inc))) => {
                        bound < high || (*inc && *high_inc && bound == high)
                    }
                    _ => true,
                };
                let high_ok = match (upper, low) {
                    (Some((bound, inc)), Some((low, low_inc))) => {
                        bound > low || (*inc && *low_inc && bound == low)
                    }
                    _ => true,
                };
                low_ok && high_ok
            }
        }
    }

    /// Whether every value of the range is in the set, and compares with it.
    pub(super) fn covers(&self, range: &ValueRange) -> bool {
        if range.may_be_incomparable() {
            // `IS NULL` is a set of one point that NULL is equal to.
            return match (self, range.single()) {
                (Self::Points(points), Some(Value::Null)) => points.iter().any(Value::is_null),
                _ => false,
            };
        }
        match self {
            Self::Points(_) => range.single().is_some_and(|value| self.contains(value)),
            Self::Range { lower, upper } => {
                let reaches = |own: &Bound, other: &Bound, further: std::cmp::Ordering| match (own, other) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some((own, own_inc)), Some((other, other_inc))) => {
                        let order = own.cmp(other);
                        order == further || (order.is_eq() && (*own_inc || !*other_inc))
                    }
                };
                reaches(lower, &range.lower, std::cmp::Ordering::Less)
                    && reaches(upper, &range.upper, std::cmp::Ordering::Greater)
            }
        }
    }
}
