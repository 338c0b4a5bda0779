//! One scalar value, for literals, keys, statistics and results. Columns, not values, are the unit of execution.

use std::cmp::Ordering;

/// A scalar of any [`crate::DataType`].
///
/// The variant follows the *physical* form: `Date` values are `UInt` days, `DateTime` values are `UInt` seconds,
/// `DateTime64(p)` values are `Int` ticks of 10^-p seconds, `Bool` is `UInt` 0 or 1, intervals are `Int`.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    UInt(u64),
    Int(i64),
    Float(f64),
    /// Bytes of String and FixedString.
    String(Vec<u8>),
    Uuid(u128),
    Array(Vec<Value>),
    Tuple(Vec<Value>),
}

impl Value {
    pub fn string(s: impl AsRef<[u8]>) -> Self {
        Self::String(s.as_ref().to_vec())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::UInt(_) | Self::Int(_) | Self::Float(_) => 0,
            Self::String(_) => 1,
            Self::Uuid(_) => 2,
            Self::Array(_) => 3,
            Self::Tuple(_) => 4,
            Self::Null => 5,
        }
    }

    /// Total order: numbers by value whatever their variant, NaN after all numbers, NULL after everything.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        fn wide(v: &Value) -> Option<i128> {
            match v {
                Value::UInt(v) => Some(i128::from(*v)),
                Value::Int(v) => Some(i128::from(*v)),
                _ => None,
            }
        }
        fn float(v: &Value) -> f64 {
            match v {
                Value::Float(v) => *v,
                other => wide(other).map_or(f64::NAN, |w| w as f64),
            }
        }
        match (self, other) {
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                for (x, y) in a.iter().zip(b) {
                    match x.total_cmp(y) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    }
                }
                a.len().cmp(&b.len())
            }
            (a, b) if a.rank() == 0 && b.rank() == 0 => match (wide(a), wide(b)) {
                (Some(x), Some(y)) => x.cmp(&y),
                _ => {
                    let (x, y) = (float(a), float(b));
                    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
                }
            },
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.total_cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}
