//! A filter as pruning understands it: a tree of tests on keys, columns and indexes, evaluated with three-valued logic.

use std::fmt::Debug;
use std::sync::Arc;

use engine_types::Value;

use super::value_set::{ValueRange, ValueSet};

/// What a test speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRef {
    /// An expression of the sorting key, by position.
    SortingKey(usize),
    /// A column of the table, by position in its definition.
    Column(usize),
    /// An element of the partition key.
    Partition(usize),
    /// An expression of a skip index: which index, which of its expressions.
    Index(usize, usize),
}

/// A function of one value, known well enough to bound it over a range.
pub trait RangeImage: Send + Sync + Debug {
    /// A range that has the function's value of everything in `range`; `None`: nothing is known.
    fn image(&self, range: &ValueRange) -> Option<ValueRange>;
}

/// One thing that a filter says. What it cannot test it neither proves nor refutes.
#[derive(Clone, Debug)]
pub enum Test {
    /// The value at `key`, or what `through` makes of it, lies in `set`.
    Value {
        key: KeyRef,
        through: Option<Arc<dyn RangeImage>>,
        set: ValueSet,
        /// The filter is true exactly then; else it is true at most then.
        exact: bool,
    },
    /// The values at the keys are, in this order, one of the tuples; a key that is `None` may have any value.
    /// Sorted.
    Tuple {
        keys: Vec<Option<KeyRef>>,
        tuples: Arc<Vec<Vec<Value>>>,
    },
    /// The index has all hashes of one of the lists.
    Hashes {
        index: usize,
        any_of: Arc<Vec<Vec<u64>>>,
    },
}

/// A condition on rows.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// Nothing is known.
    Unknown,
    Constant(bool),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    /// All tests of one comparison: each speaks of the same fact in terms of another key.
    Comparison(Vec<Test>),
}

/// What a predicate may be for some row of a set of rows. NULL counts as false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask {
    pub can_be_true: bool,
    pub can_be_false: bool,
}

impl Mask {
    pub const BOTH: Self = Self {
        can_be_true: true,
        can_be_false: true,
    };
    pub const NEITHER: Self = Self {
        can_be_true: false,
        can_be_false: false,
    };

    fn constant(value: bool) -> Self {
        Self {
            can_be_true: value,
            can_be_false: !value,
        }
    }

    /// Over the rows of both sets.
    pub fn union(self, other: Self) -> Self {
        Self {
            can_be_true: self.can_be_true || other.can_be_true,
            can_be_false: self.can_be_false || other.can_be_false,
        }
    }

    /// Two truths about the same rows.
    fn meet(self, other: Self) -> Self {
        Self {
            can_be_true: self.can_be_true && other.can_be_true,
            can_be_false: self.can_be_false && other.can_be_false,
        }
    }
}

/// What is known of the values of a key in a set of rows.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Unknown,
    /// All lie in the range; with `nulls`, or are NULL.
    Range {
        range: ValueRange,
        nulls: bool,
    },
    /// There are only NULLs, or no rows.
    OnlyNulls,
}

/// What is known of a set of rows.
pub(crate) trait Evidence {
    fn seen(&self, key: KeyRef) -> Seen;

    /// Whether the index may have all these hashes.
    fn may_have(&self, index: usize, hashes: &[u64]) -> bool {
        let _ = (index, hashes);
        true
    }
}

impl Predicate {
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(true) | Self::Unknown, other) => other,
            (own, Self::Constant(true) | Self::Unknown) => own,
            (Self::And(mut list), other) => {
                list.push(other);
                Self::And(list)
            }
            (own, other) => Self::And(vec![own, other]),
        }
    }

    pub(crate) fn evaluate(&self, evidence: &dyn Evidence) -> Mask {
        match self {
            Self::Unknown => Mask::BOTH,
            Self::Constant(value) => Mask::constant(*value),
            Self::And(list) => list.iter().fold(Mask::constant(true), |mask, operand| {
                if !mask.can_be_true {
                    return mask;
                }
                let operand = operand.evaluate(evidence);
                Mask {
                    can_be_true: mask.can_be_true && operand.can_be_true,
                    can_be_false: mask.can_be_false || operand.can_be_false,
                }
            }),
            Self::Or(list) => list.iter().fold(Mask::constant(false), |mask, operand| {
                if !mask.can_be_false {
                    return mask;
                }
                let operand = operand.evaluate(evidence);
                Mask {
                    can_be_true: mask.can_be_true || operand.can_be_true,
                    can_be_false: mask.can_be_false && operand.can_be_false,
                }
            }),
            Self::Not(inner) => {
                let mask = inner.evaluate(evidence);
                Mask {
                    can_be_true: mask.can_be_false,
                    can_be_false: mask.can_be_true,
                }
            }
            Self::Comparison(tests) => tests
                .iter()
                .fold(Mask::BOTH, |mask, test| mask.meet(test.evaluate(evidence))),
        }
    }

    /// Whether a test speaks of something that `wanted` accepts.
    pub(crate) fn mentions(&self, wanted: &dyn Fn(&Test) -> bool) -> bool {
        match self {
            Self::Unknown | Self::Constant(_) => false,
            Self::And(list) | Self::Or(list) => list.iter().any(|p| p.mentions(wanted)),
            Self::Not(inner) => inner.mentions(wanted),
            Self::Comparison(tests) => tests.iter().any(wanted),
        }
    }

    /// Whether it can refute anything by such tests alone: an OR does only when all of its operands do.
    pub(crate) fn restricts(&self, wanted: &dyn Fn(&Test) -> bool) -> bool {
        match self {
            Self::Unknown | Self::Constant(true) => false,
            Self::Constant(false) => true,
            Self::And(list) => list.iter().any(|p| p.restricts(wanted)),
            Self::Or(list) => list.iter().all(|p| p.restricts(wanted)),
            Self::Not(inner) => inner.restricts(wanted),
            Self::Comparison(tests) => tests.iter().any(wanted),
        }
    }

    /// Only what `wanted` accepts; the rest becomes unknown.
    pub(crate) fn keeping(&self, wanted: &dyn Fn(&Test) -> bool) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Constant(value) => Self::Constant(*value),
            Self::And(list) => Self::And(list.iter().map(|p| p.keeping(wanted)).collect()),
            Self::Or(list) => Self::Or(list.iter().map(|p| p.keeping(wanted)).collect()),
            Self::Not(inner) => Self::Not(Box::new(inner.keeping(wanted))),
            Self::Comparison(tests) => {
                let kept: Vec<Test> = tests.iter().filter(|t| wanted(t)).cloned().collect();
                if kept.is_empty() {
                    Self::Unknown
                } else {
                    Self::Comparison(kept)
                }
            }
        }
    }
}

impl Test {
    /// Every key it speaks of.
    pub(crate) fn keys(&self) -> Vec<KeyRef> {
        match self {
            Self::Value { key, .. } => vec![*key],
            Self::Tuple { keys, .. } => keys.iter().flatten().copied().collect(),
            Self::Hashes { .. } => Vec::new(),
        }
    }

    /// Whether it speaks of this skip index.
    pub(crate) fn is_of_index(&self, wanted: usize) -> bool {
        match self {
            Self::Hashes { index, .. } => *index == wanted,
            Self::Value { .. } | Self::Tuple { .. } => self
                .keys()
                .iter()
                .any(|key| matches!(key, KeyRef::Index(index, _) if *index == wanted)),
        }
    }

    fn evaluate(&self, evidence: &dyn Evidence) -> Mask {
        match self {
            Self::Value {
                key,
                through,
                set,
                exact,
            } => {
                let mask = match evidence.seen(*key) {
                    Seen::Unknown => return Mask::BOTH,
                    Seen::OnlyNulls => of_range(set, through.as_deref(), &ValueRange::point(Value::Null)),
                    Seen::Range { range, nulls } => {
                        let mask = of_range(set, through.as_deref(), &range);
                        if nulls {
                            mask.union(of_range(set, through.as_deref(), &ValueRange::point(Value::Null)))
                        } else {
                            mask
                        }
                    }
                };
                Mask {
                    can_be_true: mask.can_be_true,
                    can_be_false: mask.can_be_false || !exact,
                }
            }
            Self::Tuple { keys, tuples } => {
                let ranges: Vec<Option<ValueRange>> = keys
                    .iter()
                    .map(|key| match key.map(|key| evidence.seen(key)) {
                        // A tuple with NULL is in no set.
                        Some(Seen::Range { range, .. }) => Some(range),
                        Some(Seen::OnlyNulls) => Some(ValueRange::point(Value::Null)),
                        Some(Seen::Unknown) | None => None,
                    })
                    .collect();
                Mask {
                    can_be_true: any_tuple(tuples, &ranges),
                    can_be_false: true,
                }
            }
            Self::Hashes { index, any_of } => Mask {
                can_be_true: any_of.iter().any(|hashes| evidence.may_have(*index, hashes)),
                can_be_false: true,
            },
        }
    }
}

fn of_range(set: &ValueSet, through: Option<&dyn RangeImage>, range: &ValueRange) -> Mask {
    let image;
    let range = match through {
        None => range,
        Some(function) => match function.image(range) {
            None => return Mask::BOTH,
            Some(found) => {
                image = found;
                &image
            }
        },
    };
    Mask {
        can_be_true: set.meets(range),
        can_be_false: !set.covers(range),
    }
}

fn any_tuple(tuples: &[Vec<Value>], ranges: &[Option<ValueRange>]) -> bool {
    let inside = |value: &Value, range: &ValueRange| {
        ValueSet::Range {
            lower: range.lower.clone(),
            upper: range.upper.clone(),
        }
        .contains(value)
    };
    // Sorted by their first element: only a run of them can fit the first range.
    let mut candidates = tuples;
    if let Some(Some(first)) = ranges.first() {
        let start = match &first.lower {
            None => 0,
            Some((low, _)) => tuples.partition_point(|t| t.first().is_some_and(|v| v < low)),
        };
        let end = match &first.upper {
            None => tuples.len(),
            Some((high, _)) => tuples.partition_point(|t| t.first().is_some_and(|v| v <= high)),
        };
        candidates = tuples.get(start..end).unwrap_or_default();
    }
    candidates.iter().any(|tuple| {
        tuple
            .iter()
            .zip(ranges)
            .all(|(value, range)| range.as_ref().is_none_or(|range| inside(value, range)))
    })
}
