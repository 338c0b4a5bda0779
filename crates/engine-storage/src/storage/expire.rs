//! Merges that are done because rows have expired, or are old enough for another codec: whole parts are dropped, others
//! rewritten now and then.

use std::collections::HashMap;
use std::sync::Arc;

use engine_codec::ColumnCodec;
use engine_types::{Block, Column};

use super::Storage;
use super::merge::Job;
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::expiry::{RowExpiry, codec_at, later};
use crate::part::{Part, SEGMENT_GRANULES};
use crate::part_scan::read_part;
use crate::sorted_run::CacheUse;
use crate::table_def::{TableDef, TableId};

/// The time as the caller last told it, and when tables were last rewritten.
#[derive(Debug, Default)]
pub(super) struct ExpiryClock {
    pub(super) now: Option<i64>,
    rewritten: HashMap<TableId, i64>,
    /// By table and partition.
    recompressed: HashMap<(TableId, String), i64>,
    /// Parts, by number, that could not be moved.
    pub(super) failed_moves: HashMap<u64, i64>,
}

/// For each rule about parts the latest moment of some rows, and what time it is.
pub(super) struct Moments {
    pub now: i64,
    pub latest: Vec<i64>,
}

impl Storage {
    /// Tells what time it is, in seconds since the epoch. It never goes back; until it is told, nothing expires.
    pub fn tell_time(&self, now: i64) {
        let mut clock = self.expiry_clock.lock();
        clock.now = Some(clock.now.map_or(now, |before| before.max(now)));
    }

    pub(super) fn told_time(&self) -> Option<i64> {
        self.expiry_clock.lock().now
    }

    /// Parts without a row that has not expired, which need not be read (`true`); or a part in which something has,
    /// where its table was not rewritten for that lately.
    pub(super) fn take_expired(&self) -> Option<(Job, bool)> {
        let mut merging = self.merging.lock();
        let mut clock = self.expiry_clock.lock();
        let now = clock.now?;
        let catalog = self.catalog.read();
        for (id, table) in &catalog.tables {
            let Some(expiry) = &table.def.expiry else {
                continue;
            };
            let free = table.parts.iter().filter(|part| !merging.contains(&part.uid));
            let rules = expiry.as_ref();
            let is_gone = |part: &Part| {
                part.expiry_bounds(rules)
                    .is_some_and(|known| known.all_gone <= now)
            };
            // Parts that are older than the rules have to be looked at once.
            let has_work = |part: &Part| rules.changes_rows() && part.may_expire(rules, now);
            let gone: Vec<Arc<Part>> = free.clone().filter(|part| is_gone(part)).cloned().collect();
            let (parts, are_gone) = if gone.is_empty() {
                let last = clock.rewritten.get(id);
                let rests = last.is_some_and(|last| now < last.saturating_add(expiry.pause()));
                let mut worked = free.clone().filter(|part| !rests && has_work(part));
                (worked.next().cloned().into_iter().collect(), false)
            } else {
                (gone, true)
            };
            let parts = if parts.is_empty() {
                let of = |part: &Part| (*id, part.name.partition.clone());
                let rests = |part: &Part| {
                    let last = clock.recompressed.get(&of(part));
                    last.is_some_and(|last| now < last.saturating_add(expiry.recompression_pause()))
                };
                let mut worked = free.filter(|part| wants_codec(part, rules, now) && !rests(part));
                let Some(part) = worked.next() else {
                    continue;
                };
                clock.recompressed.insert(of(part), now);
                vec![part.clone()]
            } else {
                if !are_gone {
                    clock.rewritten.insert(*id, now);
                }
                parts
            };
            merging.extend(parts.iter().map(|p| p.uid));
            return Some((Job::of(*id, table, parts), are_gone));
        }
        None
    }

    /// Finds the moments of one part that is older than the rules of its table; answers whether there was one.
    pub(super) fn look_at_old_part(&self) -> Result<bool> {
        let old = {
            let catalog = self.catalog.read();
            catalog.tables.values().find_map(|table| {
                let rules = table.def.expiry.as_ref()?;
                let has_rules = !rules.part_rules().is_empty();
                let old = |part: &&Arc<Part>| has_rules && part.latest(rules.as_ref()).is_none();
                let part = table.parts.iter().find(old)?;
                Some((table.def.clone(), part.clone(), rules.clone()))
            })
        };
        let Some((def, part, rules)) = old else {
            return Ok(false);
        };
        let latest = latest_of(&def, &part, rules.as_ref(), &ReadCounters::default())?;
        part.set_latest(rules.as_ref(), latest);
        Ok(true)
    }

    /// The moments of all rows of `parts`; `None` when there are no rules about parts.
    pub(super) fn moments(
        &self,
        def: &TableDef,
        parts: &[Arc<Part>],
        counters: &ReadCounters,
    ) -> Result<Option<Moments>> {
        let (Some(now), Some(rules)) = (self.told_time(), &def.expiry) else {
            return Ok(None);
        };
        if rules.part_rules().is_empty() {
            return Ok(None);
        }
        let mut latest = Vec::new();
        for part in parts {
            let of_part = match part.latest(rules.as_ref()) {
                Some(known) => known,
                None => latest_of(def, part, rules.as_ref(), counters)?,
            };
            latest = later(latest, of_part);
        }
        Ok(Some(Moments { now, latest }))
    }
}

/// The definition by which a part of such rows is written: its rules may ask for a codec.
pub(super) fn with_codec(def: &Arc<TableDef>, moments: Option<&Moments>) -> Arc<TableDef> {
    let codec = moments
        .zip(def.expiry.as_ref())
        .and_then(|(moments, rules)| codec_at(rules.as_ref(), &moments.latest, moments.now));
    codec.map_or_else(|| def.clone(), |codec| Arc::new(def.with_default_codec(codec)))
}

/// Whether the part is due for another codec than it has.
fn wants_codec(part: &Part, rules: &dyn RowExpiry, now: i64) -> bool {
    let wanted = part
        .latest(rules)
        .and_then(|latest| codec_at(rules, &latest, now));
    wanted.is_some_and(|codec| {
        let has = part.default_codec();
        has.map_or(*codec != ColumnCodec::Auto, |has| codec.to_string() != has)
    })
}

/// The latest moments of a part that is older than the rules.
fn latest_of(
    def: &TableDef,
    part: &Arc<Part>,
    rules: &dyn RowExpiry,
    counters: &ReadCounters,
) -> Result<Vec<i64>> {
    let mut latest = Vec::new();
    for start in (0..part.granules()).step_by(SEGMENT_GRANULES) {
        let granules = start..(start + SEGMENT_GRANULES).min(part.granules());
        let inputs = rules.latest_inputs();
        let read = read_part(def, part, granules, inputs, CacheUse::Bypass, counters)?;
        let columns = def.columns.iter().enumerate().map(|(at, column)| {
            let read_at = inputs.iter().position(|input| *input == at);
            read_at.map_or_else(
                || Column::defaults(&column.ty, read.rows()),
                |read_at| read.column(read_at).clone(),
            )
        });
        let block = Block::new(columns.collect(), read.rows());
        let of_rows = match rules.latest(&block) {
            Ok(latest) => latest,
            Err(problem) => {
                let (table, part) = (def.full_name(), part.name.to_string());
                tracing::warn!(
                    table,
                    part,
                    problem,
                    "cannot tell how old rows are: the part stays as it is"
                );
                return Ok(vec![i64::MAX; rules.part_rules().len()]);
            }
        };
        latest = later(latest, of_rows);
    }
    Ok(latest)
}
