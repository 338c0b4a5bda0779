//! What a merge makes of JSON columns: keys chosen anew from what all its rows have, and dictionaries for their cells.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Column, DataType};

use super::{CellsBuilder, Derived, KeyCounts, ShredPlan, plain_strings, shreddable, with_plans};
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::options::StorageOptions;
use crate::part::Part;
use crate::part_scan::read_part;
use crate::sorted_run::{CacheUse, granules_per_step};
use crate::table_def::TableDef;

/// Granules of a part without statistics that are looked at.
const SAMPLE_GRANULES: usize = 4;
/// More distinct values are no dictionary.
const DISTINCT_MAX: usize = 1 << 20;
/// Nor are values of more bytes together.
const BYTES_MAX: usize = 128 << 20;
/// So many are one whatever the number of rows.
const DISTINCT_MIN: usize = 1024;

/// Whether a dictionary of so many values is worth having for a derived column.
pub(crate) fn is_worth_it(distinct: usize, rows: usize) -> bool {
    distinct <= DISTINCT_MIN || (distinct <= DISTINCT_MAX && distinct * 4 <= rows)
}

/// The table as the merged part is written.
pub(crate) fn merged_def(
    def: &Arc<TableDef>,
    parts: &[Arc<Part>],
    options: &StorageOptions,
    counters: &ReadCounters,
) -> Result<Arc<TableDef>> {
    let columns = shreddable(def);
    let rows: u64 = parts.iter().map(|p| p.rows()).sum();
    if columns.is_empty() || options.json_keys_max == 0 || rows < options.json_rows_min as u64 {
        return Ok(def.clone());
    }
    let mut plans = Vec::new();
    for column in columns {
        let mut counts = KeyCounts::new();
        for part in parts {
            match part.json_of(&def.columns[column].name) {
                Some(json) => counts.add_scaled(&json.counts, part.rows()),
                None => counts.add_scaled(&sampled(def, part, column, counters)?, part.rows()),
            }
        }
        let keys = Arc::new(counts.choose(options.json_keys_max));
        plans.push((column, ShredPlan { keys, counts }));
    }
    Ok(Arc::new(with_plans(def, plans)))
}

/// Keys of a part that has not counted them, from some of its granules.
fn sampled(def: &TableDef, part: &Arc<Part>, column: usize, counters: &ReadCounters) -> Result<KeyCounts> {
    let mut counts = KeyCounts::new();
    let granules = part.granules();
    let step = granules.div_ceil(SAMPLE_GRANULES).max(1);
    for granule in (0..granules).step_by(step) {
        let range = granule..granule + 1;
        let block = read_part(def, part, range, &[column], CacheUse::Bypass, counters)?;
        counts.add_texts(plain_strings(block.column(0)).iter());
    }
    counts.complete &= step == 1;
    Ok(counts)
}

/// Dictionaries of the derived columns of a merge, by their place among the derived ones.
pub(crate) fn merged_dictionaries(
    def: &TableDef,
    parts: &[Arc<Part>],
    counters: &ReadCounters,
) -> Result<Vec<Option<Arc<Dictionary>>>> {
    let all: Vec<usize> = (0..def.derived.len()).collect();
    merged_dictionaries_of(def, parts, &all, counters)
}

/// The same of those at some places.
pub(crate) fn merged_dictionaries_of(
    def: &TableDef,
    parts: &[Arc<Part>],
    places: &[usize],
    counters: &ReadCounters,
) -> Result<Vec<Option<Arc<Dictionary>>>> {
    let first = def.columns.len() - def.derived.len();
    let rows: u64 = parts.iter().map(|p| p.rows()).sum();
    let mut values: Vec<Option<Vec<Column>>> = vec![None; def.derived.len()];
    for place in places {
        values[*place] = Some(vec![Column::strings([""])]);
    }
    for part in parts {
        let mut unknown = Vec::new();
        for (at, derived) in def.derived.iter().enumerate() {
            let Some(of_column) = &mut values[at] else {
                continue;
            };
            match part.derived_place(def, &derived.0) {
                DerivedPlace::Absent => {}
                // Values of deleted rows alone must not live on.
                DerivedPlace::Column(_) if part.has_deleted_rows() => unknown.push(at),
                DerivedPlace::Column(position) => match part.dictionary_of(position)? {
                    Some(dictionary) => of_column.push(dictionary.as_ref().clone()),
                    None => unknown.push(at),
                },
                DerivedPlace::Text => unknown.push(at),
            }
        }
        distinct_values(def, part, first, &unknown, &mut values, counters)?;
    }
    let values: Vec<Option<Vec<Column>>> = places.iter().map(|place| values[*place].take()).collect();
    Ok(values
        .into_iter()
        .map(|columns| {
            let columns = columns?;
            // At most: duplicates are not taken off yet. Joined dictionaries that cannot be worth it are not built.
            let listed: usize = columns.iter().map(Column::len).sum();
            let bytes: usize = columns.iter().map(|c| plain_strings(c).byte_len()).sum();
            if listed > 8 * DISTINCT_MAX || bytes > BYTES_MAX {
                return None;
            }
            let dictionary = Dictionary::of(&columns.iter().collect::<Vec<_>>(), &DataType::String);
            is_worth_it(dictionary.len(), rows as usize).then(|| Arc::new(dictionary))
        })
        .collect())
}

/// Where a part has a derived column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DerivedPlace {
    /// As a column of its own.
    Column(usize),
    /// Nowhere: no row has the key.
    Absent,
    /// In the texts, or in the rests.
    Text,
}

/// Reads the columns `unknown` of a part for their distinct values. `None` takes the place of too many.
fn distinct_values(
    def: &TableDef,
    part: &Arc<Part>,
    first: usize,
    unknown: &[usize],
    values: &mut [Option<Vec<Column>>],
    counters: &ReadCounters,
) -> Result<()> {
    let mut open: Vec<(usize, CellsBuilder)> = unknown.iter().map(|at| (*at, CellsBuilder::new())).collect();
    let step = granules_per_step(part);
    let mut rows = 0;
    for start in (0..part.granules()).step_by(step) {
        if open.is_empty() {
            return Ok(());
        }
        let wanted: Vec<usize> = open.iter().map(|(at, _)| first + at).collect();
        let range = start..(start + step).min(part.granules());
        let live = part.live_in(&range);
        let block = read_part(def, part, range, &wanted, CacheUse::Bypass, counters)?;
        let block = match live {
            None => block,
            Some(live) => block.gather(&live),
        };
        rows += block.rows();
        let mut column = 0;
        open.retain_mut(|(at, distinct)| {
            note_values(distinct, block.column(column));
            column += 1;
            let hopeful = is_hopeful(distinct, rows);
            if !hopeful {
                values[*at] = None;
            }
            hopeful
        });
    }
    for (at, distinct) in open {
        if let Some(of_column) = &mut values[at] {
            of_column.push(Column::String(distinct.into_values()));
        }
    }
    Ok(())
}

/// Whether the values of so many rows may still become a dictionary.
pub(super) fn is_hopeful(distinct: &CellsBuilder, rows: usize) -> bool {
    distinct.bytes() <= BYTES_MAX
        && (distinct.distinct() <= DISTINCT_MIN
            || (distinct.distinct() <= DISTINCT_MAX && distinct.distinct() * 2 <= rows))
}

pub(super) fn note_values(distinct: &mut CellsBuilder, column: &Column) {
    match column {
        Column::Dict(d) => {
            let listed = plain_strings(&d.values);
            let mut used = vec![false; listed.len()];
            for code in d.codes.iter() {
                used[*code as usize] = true;
            }
            for (code, _) in used.iter().enumerate().filter(|(_, used)| **used) {
                distinct.note(listed.get(code));
            }
        }
        Column::Const(c) => {
            distinct.note(plain_strings(&c.value).get(0));
        }
        other => plain_strings(other).iter().for_each(|value| {
            distinct.note(value);
        }),
    }
}

impl Part {
    /// Where this part has the values of `derived`, a derived column of `def`.
    pub(crate) fn derived_place(&self, def: &TableDef, derived: &Derived) -> DerivedPlace {
        let Some(json) = self.json_of(&def.columns[derived.column()].name) else {
            return DerivedPlace::Text;
        };
        match derived {
            Derived::Cells { key, .. } => match json.keys.place(key) {
                Some(place) => DerivedPlace::Column(json.positions[place]),
                None if json.lacks(key) => DerivedPlace::Absent,
                None => DerivedPlace::Text,
            },
            Derived::Rest { plan, .. } => {
                // Keys that no row has make no difference to a rest.
                let same = json.keys.iter().all(|key| plan.keys.place(key).is_some())
                    && plan
                        .keys
                        .iter()
                        .all(|key| json.keys.place(key).is_some() || json.lacks(key));
                if same {
                    DerivedPlace::Column(json.rest)
                } else {
                    DerivedPlace::Text
                }
            }
        }
    }
}
