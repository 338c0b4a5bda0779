//! Conditions on keys that prune granules and parts. An index may only prove absence: in doubt, a granule is kept.

mod predicate;
mod value_set;

use std::ops::Range;

use engine_types::Value;

use crate::part::{ColumnRangeKnown, Part, PrimaryIndex};
use crate::table_def::TableDef;

pub(crate) use predicate::{Evidence, Mask, Seen};
pub use predicate::{KeyRef, Predicate, RangeImage, Test};
pub use value_set::{Bound, ValueRange, ValueSet};

/// What a scan wants of the rows of a table.
#[derive(Clone, Debug)]
pub struct KeyCondition {
    predicate: Predicate,
}

impl Default for KeyCondition {
    fn default() -> Self {
        Self::all()
    }
}

impl KeyCondition {
    /// All rows.
    pub fn all() -> Self {
        Self::of(Predicate::Constant(true))
    }

    pub fn of(predicate: Predicate) -> Self {
        Self { predicate }
    }

    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    #[must_use]
    pub fn and(self, predicate: Predicate) -> Self {
        Self::of(self.predicate.and(predicate))
    }

    #[must_use]
    pub fn and_range(self, key: KeyRef, lower: Bound, upper: Bound) -> Self {
        self.and_set(key, ValueSet::Range { lower, upper })
    }

    #[must_use]
    pub fn and_equals(self, key: KeyRef, value: Value) -> Self {
        self.and_points(key, vec![value])
    }

    /// One of `points`, in any order.
    #[must_use]
    pub fn and_points(self, key: KeyRef, points: Vec<Value>) -> Self {
        self.and_set(key, ValueSet::points(points))
    }

    fn and_set(self, key: KeyRef, set: ValueSet) -> Self {
        self.and(Predicate::Comparison(vec![Test::Value {
            key,
            through: None,
            set,
            exact: true,
        }]))
    }

    /// Only what speaks of the sorting key: the part that may be used before rows of equal keys are merged.
    pub fn on_sorting_key(&self) -> Self {
        let on_key = |test: &Test| {
            let keys = test.keys();
            !keys.is_empty() && keys.iter().all(|k| matches!(k, KeyRef::SortingKey(_)))
        };
        Self::of(self.predicate.keeping(&on_key))
    }

    /// Without what speaks of skip indexes.
    pub fn without_skip_indexes(&self) -> Self {
        let other = |test: &Test| match test {
            Test::Hashes { .. } => false,
            Test::Value { .. } | Test::Tuple { .. } => {
                !test.keys().iter().any(|k| matches!(k, KeyRef::Index(..)))
            }
        };
        Self::of(self.predicate.keeping(&other))
    }

    /// Whether it can prune by the sorting key alone.
    pub fn uses_sorting_key(&self) -> bool {
        self.restricts(|key| matches!(key, KeyRef::SortingKey(_)))
    }

    /// Whether it can prune by these keys alone: an OR with a term of something else cannot.
    pub fn restricts(&self, wanted: impl Fn(KeyRef) -> bool) -> bool {
        self.predicate
            .restricts(&|test| test.keys().into_iter().any(&wanted))
    }

    /// Whether it says anything about a column or an element of the partition key among these.
    pub fn mentions(&self, wanted: impl Fn(KeyRef) -> bool) -> bool {
        self.predicate
            .mentions(&|test| test.keys().into_iter().any(&wanted))
    }

    /// Whether it says anything about the skip index.
    pub fn uses_index(&self, index: usize) -> bool {
        self.predicate.mentions(&|test| test.is_of_index(index))
    }

    /// Whether the part may hold a wanted row, by its least and greatest values.
    pub(crate) fn may_match_part(&self, part: &Part, def: &TableDef) -> bool {
        self.predicate.evaluate(&PartRanges { part, def }).can_be_true
    }

    /// Runs of granules that may hold a wanted row, by the primary index.
    pub(crate) fn granules(&self, index: &PrimaryIndex) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        if index.granules() == 0 {
            return out;
        }
        let used = self.sorting_keys_used().min(index.keys().len());
        if used == 0 {
            let mask = self.predicate.evaluate(&Nothing);
            if mask.can_be_true {
                out.push(0..index.granules());
            }
            return out;
        }
        self.split(index, used, 0..index.granules(), &mut out);
        out
    }

    /// Keys behind the last one that a test speaks of decide nothing.
    fn sorting_keys_used(&self) -> usize {
        (0..)
            .take_while(|at| self.mentions(|key| matches!(key, KeyRef::SortingKey(k) if k >= *at)))
            .count()
    }

    /// All, none, or (mixed) each half of the granules.
    fn split(&self, index: &PrimaryIndex, used: usize, granules: Range<usize>, out: &mut Vec<Range<usize>>) {
        let low = key_row(index, used, granules.start);
        let high = key_row(index, used, granules.end);
        let mask = self.of_keys(&low, &high, &Nothing);
        if !mask.can_be_true {
            return;
        }
        if !mask.can_be_false || granules.len() == 1 {
            match out.last_mut() {
                Some(last) if last.end == granules.start => last.end = granules.end,
                _ => out.push(granules),
            }
            return;
        }
        let middle = granules.start + granules.len() / 2;
        self.split(index, used, granules.start..middle, out);
        self.split(index, used, middle..granules.end, out);
    }

    /// Over rows whose sorting keys lie between `low` and `high` (both included, lexicographic), with what else is
    /// known of them.
    fn of_keys(&self, low: &[Value], high: &[Value], more: &dyn Evidence) -> Mask {
        let mut ranges = vec![ValueRange::all(); low.len()];
        let mut mask = Mask::NEITHER;
        each_box(&mut ranges, 0, Some(low), Some(high), &mut |ranges| {
            mask = mask.union(self.predicate.evaluate(&KeyBox { ranges, more }));
            mask == Mask::BOTH
        });
        mask
    }

    /// Whether the granule may hold a wanted row, by its keys and all else that is known.
    pub(crate) fn may_match_granule(
        &self,
        index: &PrimaryIndex,
        granule: usize,
        more: &dyn Evidence,
    ) -> bool {
        let used = self.sorting_keys_used().min(index.keys().len());
        if used == 0 {
            return self.predicate.evaluate(more).can_be_true;
        }
        let low = key_row(index, used, granule);
        let high = key_row(index, used, granule + 1);
        self.of_keys(&low, &high, more).can_be_true
    }
}

fn key_row(index: &PrimaryIndex, used: usize, at: usize) -> Vec<Value> {
    index.keys().iter().take(used).map(|k| k.value(at)).collect()
}

/// Calls `visit` with boxes (a range for each key) that together hold all key tuples between `low` and `high`, until it
/// answers `true`. The tuples between two tuples are: those strictly between the first values, those that start with
/// the lower's first value, those that start with the upper's.
fn each_box(
    ranges: &mut Vec<ValueRange>,
    at: usize,
    low: Option<&[Value]>,
    high: Option<&[Value]>,
    visit: &mut dyn FnMut(&[ValueRange]) -> bool,
) -> bool {
    let low = low.and_then(<[Value]>::split_first);
    let high = high.and_then(<[Value]>::split_first);
    if low.is_none() && high.is_none() {
        return visit(ranges);
    }
    if let (Some((from, low_rest)), Some((to, high_rest))) = (low, high)
        && from == to
    {
        ranges[at] = ValueRange::point(from.clone());
        let stop = each_box(ranges, at + 1, Some(low_rest), Some(high_rest), visit);
        ranges[at] = ValueRange::all();
        return stop;
    }
    let open = |bound: Option<(&Value, &[Value])>| bound.map(|(value, _)| (value.clone(), false));
    ranges[at] = ValueRange {
        lower: open(low),
        upper: open(high),
    };
    let mut stop = !ranges[at].is_empty() && visit(ranges);
    if let Some((value, rest)) = low
        && !stop
    {
        ranges[at] = ValueRange::point(value.clone());
        stop = each_box(ranges, at + 1, Some(rest), None, visit);
    }
    if let Some((value, rest)) = high
        && !stop
    {
        ranges[at] = ValueRange::point(value.clone());
        stop = each_box(ranges, at + 1, None, Some(rest), visit);
    }
    ranges[at] = ValueRange::all();
    stop
}

/// Of rows of which nothing is known.
struct Nothing;

impl Evidence for Nothing {
    fn seen(&self, _: KeyRef) -> Seen {
        Seen::Unknown
    }
}

/// Keys in a box, and what else is known.
struct KeyBox<'a> {
    ranges: &'a [ValueRange],
    more: &'a dyn Evidence,
}

impl Evidence for KeyBox<'_> {
    fn seen(&self, key: KeyRef) -> Seen {
        match key {
            KeyRef::SortingKey(k) => match self.ranges.get(k) {
                // NULL is in the order of keys.
                Some(range) => Seen::Range {
                    range: range.clone(),
                    nulls: false,
                },
                None => Seen::Unknown,
            },
            KeyRef::Column(_) | KeyRef::Partition(_) | KeyRef::Index(..) => self.more.seen(key),
        }
    }

    fn may_have(&self, index: usize, hashes: &[u64]) -> bool {
        self.more.may_have(index, hashes)
    }
}

/// Least and greatest values of a part.
struct PartRanges<'a> {
    part: &'a Part,
    def: &'a TableDef,
}

impl Evidence for PartRanges<'_> {
    fn seen(&self, key: KeyRef) -> Seen {
        match key {
            KeyRef::Column(column) => match self.def.columns.get(column) {
                Some(column) => seen_of(self.part.range_of(&column.name), column.ty.is_nullable()),
                None => Seen::Unknown,
            },
            KeyRef::SortingKey(_) | KeyRef::Partition(_) | KeyRef::Index(..) => Seen::Unknown,
        }
    }
}

/// `nulls`: there may be NULLs beside.
pub(crate) fn seen_of(known: &ColumnRangeKnown, nulls: bool) -> Seen {
    match known {
        ColumnRangeKnown::Unknown => Seen::Unknown,
        ColumnRangeKnown::Between(min, max) => Seen::Range {
            range: ValueRange::closed(min.clone(), max.clone()),
            nulls,
        },
        ColumnRangeKnown::NoValues => Seen::OnlyNulls,
    }
}

#[cfg(test)]
mod tests;
