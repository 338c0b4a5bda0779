//! Conditions on keys that prune granules and parts. An index may only prove absence: in doubt, a granule is kept.

use engine_types::Value;

use crate::part::{ColumnRangeKnown, Part, PrimaryIndex};
use crate::table_def::TableDef;

/// What a range speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// An expression of the sorting key, by position.
    SortingKey(usize),
    /// A column of the table, by position in its definition.
    Column(usize),
}

/// Rows are wanted whose value lies in this set. Compared by [`Value::total_cmp`], so in the physical form of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSet {
    /// Between the bounds, each with "included"; `None` = open.
    Range {
        lower: Option<(Value, bool)>,
        upper: Option<(Value, bool)>,
    },
    /// One of these; sorted.
    Points(Vec<Value>),
}

/// One conjunct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRange {
    pub key: KeyRef,
    pub set: ValueSet,
}

/// A conjunction; empty = all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCondition {
    pub ranges: Vec<ColumnRange>,
}

impl KeyCondition {
    /// All rows.
    pub fn all() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn and_range(
        mut self,
        key: KeyRef,
        lower: Option<(Value, bool)>,
        upper: Option<(Value, bool)>,
    ) -> Self {
        let set = ValueSet::Range { lower, upper };
        self.ranges.push(ColumnRange { key, set });
        self
    }

    #[must_use]
    pub fn and_equals(self, key: KeyRef, value: Value) -> Self {
        self.and_points(key, vec![value])
    }

    /// One of `points`, in any order.
    #[must_use]
    pub fn and_points(mut self, key: KeyRef, mut points: Vec<Value>) -> Self {
        points.sort();
        points.dedup();
        let set = ValueSet::Points(points);
        self.ranges.push(ColumnRange { key, set });
        self
    }

    /// Only what speaks of the sorting key: the part that may be used before rows of equal keys are merged.
    pub fn on_sorting_key(&self) -> Self {
        let ranges = self
            .ranges
            .iter()
            .filter(|r| matches!(r.key, KeyRef::SortingKey(_)));
        Self {
            ranges: ranges.cloned().collect(),
        }
    }

    /// Whether the part may hold a wanted row, by its least and greatest values.
    pub(crate) fn may_match_part(&self, part: &Part, def: &TableDef) -> bool {
        self.ranges.iter().all(|range| {
            let KeyRef::Column(column) = range.key else {
                return true;
            };
            let Some(column) = def.columns.get(column) else {
                return true;
            };
            match part.range_of(&column.name) {
                ColumnRangeKnown::Unknown => true,
                ColumnRangeKnown::Between(min, max) => {
                    range.set.has_null() || range.set.meets(Some((min, true)), Some((max, true)))
                }
                ColumnRangeKnown::NoValues => range.set.has_null(),
            }
        })
    }

    /// For each granule whether it may hold a wanted row.
    pub(crate) fn granules(&self, index: &PrimaryIndex) -> Vec<bool> {
        let keys = index.keys();
        let mut sets: Vec<Vec<&ValueSet>> = vec![Vec::new(); keys.len()];
        for range in &self.ranges {
            if let KeyRef::SortingKey(k) = range.key
                && let Some(of_key) = sets.get_mut(k)
            {
                of_key.push(&range.set);
            }
        }
        // Keys behind the last condition decide nothing.
        let used = sets
            .iter()
            .rposition(|s| !s.is_empty())
            .map_or(0, |last| last + 1);
        if used == 0 {
            return vec![true; index.granules()];
        }
        let sets = &sets[..used];
        let row = |at: usize| -> Vec<Value> { keys[..used].iter().map(|k| k.value(at)).collect() };
        let mut first = row(0);
        (0..index.granules())
            .map(|granule| {
                let next = row(granule + 1);
                let keep = box_may_match(sets, Some(&first), Some(&next));
                first = next;
                keep
            })
            .collect()
    }
}

/// Whether a key tuple between `lower` and `upper` (both included, lexicographic, `None` = no bound) can lie in all
/// sets. The tuples between two tuples are: those that start with the lower's first value, those strictly between the
/// first values, those that start with the upper's first value.
fn box_may_match(sets: &[Vec<&ValueSet>], lower: Option<&[Value]>, upper: Option<&[Value]>) -> bool {
    let Some((here, rest)) = sets.split_first() else {
        return true;
    };
    let in_all = |value: &Value| here.iter().all(|set| set.contains(value));
    match (lower, upper) {
        (None, None) => true,
        (Some([low, low_rest @ ..]), Some([high, high_rest @ ..])) if low == high => {
            in_all(low) && box_may_match(rest, Some(low_rest), Some(high_rest))
        }
        (lower, upper) => {
            let low = lower.and_then(|l| l.split_first());
            let high = upper.and_then(|u| u.split_first());
            let open_low = low.map(|(value, _)| (value, false));
            let open_high = high.map(|(value, _)| (value, false));
            here.iter().all(|set| set.meets(open_low, open_high))
                || low.is_some_and(|(value, tail)| in_all(value) && box_may_match(rest, Some(tail), None))
                || high.is_some_and(|(value, tail)| in_all(value) && box_may_match(rest, None, Some(tail)))
        }
    }
}

impl ValueSet {
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Points(points) => points.binary_search(value).is_ok(),
            Self::Range { lower, upper } => {
                lower
                    .as_ref()
                    .is_none_or(|(bound, included)| value > bound || (*included && value == bound))
                    && upper
                        .as_ref()
                        .is_none_or(|(bound, included)| value < bound || (*included && value == bound))
            }
        }
    }

    fn has_null(&self) -> bool {
        match self {
            Self::Points(points) => points.iter().any(Value::is_null),
            Self::Range { lower, upper } => {
                // NULL sorts after everything, so a range without upper bound includes it.
                upper.is_none()
                    || [lower, upper]
                        .iter()
                        .any(|b| b.as_ref().is_some_and(|(v, _)| v.is_null()))
            }
        }
    }

    /// Whether some value of the set may lie between the bounds (value, included).
    fn meets(&self, low: Option<(&Value, bool)>, high: Option<(&Value, bool)>) -> bool {
        let above = |value: &Value| low.is_none_or(|(bound, inc)| value > bound || (inc && value == bound));
        let below = |value: &Value| high.is_none_or(|(bound, inc)| value < bound || (inc && value == bound));
        match self {
            Self::Points(points) => {
                let start = points.partition_point(|point| !above(point));
                points.get(start).is_some_and(below)
            }
            Self::Range { lower, upper } => {
                let low_ok = match (lower, high) {
                    (Some((bound, inc)), Some((high, high_inc))) => {
                        bound < high || (*inc && high_inc && bound == high)
                    }
                    _ => true,
                };
                let high_ok = match (upper, low) {
                    (Some((bound, inc)), Some((low, low_inc))) => {
                        bound > low || (*inc && low_inc && bound == low)
                    }
                    _ => true,
                };
                low_ok && high_ok
            }
        }
    }
}

#[cfg(test)]
mod tests;
