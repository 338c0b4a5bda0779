//! Merges that are done because rows have expired: whole parts are dropped, others rewritten now and then.

use std::collections::HashMap;
use std::sync::Arc;

use super::Storage;
use super::merge::Job;
use crate::part::Part;
use crate::table_def::TableId;

/// The time as the caller last told it, and when tables were last rewritten.
#[derive(Debug, Default)]
pub(super) struct ExpiryClock {
    now: Option<i64>,
    rewritten: HashMap<TableId, i64>,
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
            let has_work = |part: &Part| part.may_expire(rules, now);
            let gone: Vec<Arc<Part>> = free.clone().filter(|part| is_gone(part)).cloned().collect();
            let (parts, are_gone) = if gone.is_empty() {
                let last = clock.rewritten.get(id);
                if last.is_some_and(|last| now < last.saturating_add(expiry.pause())) {
                    continue;
                }
                (
                    free.filter(|part| has_work(part)).take(1).cloned().collect(),
                    false,
                )
            } else {
                (gone, true)
            };
            if parts.is_empty() {
                continue;
            }
            if !are_gone {
                clock.rewritten.insert(*id, now);
            }
            merging.extend(parts.iter().map(|p| p.uid));
            let job = Job {
                table: *id,
                def: table.def.clone(),
                folder: table.folder.clone(),
                parts,
            };
            return Some((job, are_gone));
        }
        None
    }
}
