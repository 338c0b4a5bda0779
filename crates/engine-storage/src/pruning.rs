//! Which parts and granules of a snapshot may hold wanted rows, found step by step, and what each step left.

use std::ops::Range;
use std::sync::Arc;

use engine_types::Value;

use crate::counters::ReadCounters;
use crate::key_condition::{Evidence, KeyCondition, KeyRef, Seen, Test, ValueRange, seen_of};
use crate::part::granule_ranges::GranuleRanges;
use crate::part::{ColumnRangeKnown, Part};
use crate::skip_index::{Group, SkipIndex};
use crate::table_def::TableDef;

/// A step of pruning, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PruningStep {
    /// Least and greatest values of parts.
    MinMax,
    /// Partition values.
    Partition,
    /// The sparse index of the sorting key.
    PrimaryKey,
    /// Least and greatest values of granules.
    GranuleMinMax,
    /// A skip index, by position in the table's definition.
    Skip(usize),
}

/// What a step left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruningStage {
    pub step: PruningStep,
    /// Whether the condition says anything that the step can test; else it left everything.
    pub used: bool,
    pub parts: usize,
    pub granules: usize,
}

/// What is left of the parts of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Pruning {
    /// Parts with something left, in the order of the snapshot, and runs of their granules.
    pub parts: Vec<(Arc<Part>, Vec<Range<usize>>)>,
    pub parts_before: usize,
    pub granules_before: usize,
    pub stages: Vec<PruningStage>,
}

impl Pruning {
    pub fn granules(&self) -> usize {
        granules(&self.parts)
    }
}

fn granules(parts: &[(Arc<Part>, Vec<Range<usize>>)]) -> usize {
    parts
        .iter()
        .flat_map(|(_, runs)| runs)
        .map(ExactSizeIterator::len)
        .sum()
}

/// Runs of granules of one part that may match.
pub(crate) fn prune_part(
    def: &TableDef,
    part: &Arc<Part>,
    key: &KeyCondition,
    counters: &ReadCounters,
) -> Vec<Range<usize>> {
    let pruning = prune(def, std::slice::from_ref(part), key, counters);
    pruning
        .parts
        .into_iter()
        .next()
        .map_or_else(Vec::new, |(_, runs)| runs)
}

pub(crate) fn prune(
    def: &TableDef,
    parts: &[Arc<Part>],
    key: &KeyCondition,
    counters: &ReadCounters,
) -> Pruning {
    let mut left: Vec<(Arc<Part>, Vec<Range<usize>>)> = parts
        .iter()
        .map(|part| (part.clone(), std::iter::once(0..part.granules()).collect()))
        .collect();
    let granules_before = granules(&left);
    let mut stages = Vec::new();
    let mut stage = |step, used, left: &[(Arc<Part>, Vec<Range<usize>>)]| {
        stages.push(PruningStage {
            step,
            used,
            parts: left.len(),
            granules: granules(left),
        });
    };

    left.retain(|(part, _)| key.may_match_part(part, def));
    stage(
        PruningStep::MinMax,
        key.restricts(|k| matches!(k, KeyRef::Column(_))),
        &left,
    );

    let on_partition = key.mentions(|k| matches!(k, KeyRef::Partition(_)));
    if on_partition {
        left.retain(|(part, _)| {
            let known = KnownOfPart::of(def, part);
            key.predicate().evaluate(&known).can_be_true
        });
    }
    stage(
        PruningStep::Partition,
        key.restricts(|k| matches!(k, KeyRef::Partition(_))),
        &left,
    );

    let on_key = key.uses_sorting_key();
    for (part, runs) in &mut left {
        *runs = key.granules(&part.index);
    }
    left.retain(|(_, runs)| !runs.is_empty());
    stage(PruningStep::PrimaryKey, on_key, &left);

    let on_ranges = key.mentions(|k| matches!(k, KeyRef::Column(c) if def.granule_ranges.contains(&c)));
    if on_ranges {
        for (part, runs) in &mut left {
            let ranges = part.granule_ranges(counters);
            if ranges.is_some() {
                let known = KnownOfPart {
                    ranges,
                    ..KnownOfPart::of(def, part)
                };
                keep(key, part, &known, runs);
            }
        }
        left.retain(|(_, runs)| !runs.is_empty());
    }
    stage(PruningStep::GranuleMinMax, on_ranges, &left);

    for at in 0..def.skip_indexes.len() {
        let used = key.uses_index(at);
        if used {
            for (part, runs) in &mut left {
                // Earlier indexes are looked at again: each operand of an OR may be refuted by another index.
                let known = KnownOfPart {
                    ranges: if on_ranges {
                        part.granule_ranges(counters)
                    } else {
                        None
                    },
                    indexes: (0..=at)
                        .filter(|i| key.uses_index(*i))
                        .filter_map(|i| Some((i, part.skip_index(def.skip_indexes.get(i)?, counters)?)))
                        .collect(),
                    ..KnownOfPart::of(def, part)
                };
                if known.indexes.iter().any(|(i, _)| *i == at) {
                    keep(key, part, &known, runs);
                }
            }
            left.retain(|(_, runs)| !runs.is_empty());
        }
        stage(PruningStep::Skip(at), used, &left);
    }
    Pruning {
        parts: left,
        parts_before: parts.len(),
        granules_before,
        stages,
    }
}

/// Only the granules that may match by what is known of them.
fn keep(key: &KeyCondition, part: &Part, known: &KnownOfPart<'_>, runs: &mut Vec<Range<usize>>) {
    let mut out: Vec<Range<usize>> = Vec::new();
    for granule in runs.iter().cloned().flatten() {
        let of_granule = KnownOfGranule { known, granule };
        if !of_granule.may_match(key, part) {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.end == granule => last.end += 1,
            _ => out.push(granule..granule + 1),
        }
    }
    *runs = out;
}

/// What is known of the rows of a part, beside its sorting keys.
struct KnownOfPart<'a> {
    def: &'a TableDef,
    part: &'a Part,
    partition: Vec<Option<Value>>,
    ranges: Option<Arc<GranuleRanges>>,
    indexes: Vec<(usize, Arc<SkipIndex>)>,
}

impl<'a> KnownOfPart<'a> {
    fn of(def: &'a TableDef, part: &'a Part) -> Self {
        Self {
            def,
            part,
            partition: def.keys.partition_values(&part.name.partition),
            ranges: None,
            indexes: Vec::new(),
        }
    }

    fn partition(&self, element: usize) -> Seen {
        match self.partition.get(element) {
            Some(Some(value)) => Seen::Range {
                range: ValueRange::point(value.clone()),
                nulls: false,
            },
            _ => Seen::Unknown,
        }
    }
}

impl Evidence for KnownOfPart<'_> {
    fn seen(&self, key: KeyRef) -> Seen {
        match key {
            KeyRef::Column(column) => match self.def.columns.get(column) {
                Some(column) => seen_of(self.part.range_of(&column.name), column.ty.is_nullable()),
                None => Seen::Unknown,
            },
            KeyRef::Partition(element) => self.partition(element),
            KeyRef::SortingKey(_) | KeyRef::Index(..) => Seen::Unknown,
        }
    }
}

/// The same of one granule.
struct KnownOfGranule<'a> {
    known: &'a KnownOfPart<'a>,
    granule: usize,
}

impl KnownOfGranule<'_> {
    fn group(&self, index: usize) -> Option<&Group> {
        let (_, index) = self.known.indexes.iter().find(|(i, _)| *i == index)?;
        index.group_of(self.granule)
    }

    /// A set holds rows: the condition must be possible for one of them at least.
    fn may_match(&self, key: &KeyCondition, part: &Part) -> bool {
        let sets: Vec<(usize, &[Vec<Value>])> = self
            .known
            .indexes
            .iter()
            .filter_map(|(i, _)| match self.group(*i) {
                Some(Group::Rows(Some(rows))) => Some((*i, rows.as_slice())),
                _ => None,
            })
            .collect();
        if !key.may_match_granule(&part.index, self.granule, self) {
            return false;
        }
        sets.iter().all(|(index, rows)| {
            let only = key
                .predicate()
                .keeping(&|test: &Test| test.is_of_index(*index) && !matches!(test, Test::Hashes { .. }));
            rows.iter()
                .any(|row| only.evaluate(&SetRow { index: *index, row }).can_be_true)
        })
    }
}

impl Evidence for KnownOfGranule<'_> {
    fn seen(&self, key: KeyRef) -> Seen {
        match key {
            KeyRef::Column(column) => {
                let Some(of_column) = self.known.def.columns.get(column) else {
                    return Seen::Unknown;
                };
                let ranges = self.known.ranges.as_ref();
                let granule = ranges
                    .and_then(|ranges| ranges.column(&of_column.name))
                    .and_then(|granules| granules.get(self.granule));
                match granule {
                    None | Some(ColumnRangeKnown::Unknown) => self.known.seen(key),
                    Some(known) => seen_of(known, of_column.ty.is_nullable()),
                }
            }
            KeyRef::Partition(element) => self.known.partition(element),
            KeyRef::Index(index, expr) => match self.group(index) {
                Some(Group::Ranges(ranges)) => {
                    let ty = self
                        .known
                        .def
                        .skip_indexes
                        .get(index)
                        .and_then(|i| i.types.get(expr));
                    match (ranges.get(expr), ty) {
                        (Some(known), Some(ty)) => seen_of(known, ty.is_nullable()),
                        _ => Seen::Unknown,
                    }
                }
                Some(Group::Rows(_) | Group::Filter(_)) | None => Seen::Unknown,
            },
            KeyRef::SortingKey(_) => Seen::Unknown,
        }
    }

    fn may_have(&self, index: usize, hashes: &[u64]) -> bool {
        match self.group(index) {
            Some(Group::Filter(bloom)) => hashes.iter().all(|hash| bloom.may_have(*hash)),
            Some(Group::Ranges(_) | Group::Rows(_)) | None => true,
        }
    }
}

/// One row of a set.
struct SetRow<'a> {
    index: usize,
    row: &'a [Value],
}

impl Evidence for SetRow<'_> {
    fn seen(&self, key: KeyRef) -> Seen {
        match key {
            KeyRef::Index(index, expr) if index == self.index => match self.row.get(expr) {
                Some(value) => Seen::Range {
                    range: ValueRange::point(value.clone()),
                    nulls: false,
                },
                None => Seen::Unknown,
            },
            _ => Seen::Unknown,
        }
    }
}
