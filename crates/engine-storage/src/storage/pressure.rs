//! Back-pressure: inserts into a partition with very many parts wait for merges, and are refused in the end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine_types::Block;

use super::Storage;
use super::append::fitting;
use crate::error::{Result, StorageError};
use crate::part::Part;
use crate::table_def::{PartPressure, TableId};
use std::sync::Arc;

/// The shortest wait.
const DELAY_MS_MIN: u64 = 10;

/// How often inserts had to wait, and were refused.
#[derive(Debug, Default)]
pub(super) struct PressureCounts {
    delayed: AtomicU64,
    refused: AtomicU64,
}

/// How full the table is for an insert, of the fullest partition it touches.
struct Pressure {
    table: TableId,
    limits: PartPressure,
    partitions: Vec<String>,
    parts: usize,
}

impl Storage {
    /// Inserts that waited for merges, and inserts that were refused, because of too many parts.
    pub fn pressure_counts(&self) -> (u64, u64) {
        let counts = &self.pressure_counts;
        (
            counts.delayed.load(Ordering::Relaxed),
            counts.refused.load(Ordering::Relaxed),
        )
    }

    /// Parts of the partition that has most.
    pub fn most_parts(&self) -> usize {
        let catalog = self.catalog.read();
        let tables = catalog.tables.values();
        tables
            .flat_map(|table| in_partitions(&table.parts).map(|(_, parts)| parts))
            .max()
            .unwrap_or(0)
    }

    /// Waits while partitions that the rows belong to have many parts; an error when they have too many.
    pub(super) fn wait_for_merges(&self, writes: &[(TableId, Block)]) -> Result<()> {
        let Some(pressure) = self.pressure(writes)? else {
            return Ok(());
        };
        let PartPressure {
            delay_from,
            refuse_from,
            delay_ms_max,
        } = pressure.limits;
        if refuse_from > 0 && pressure.parts >= refuse_from {
            self.pressure_counts.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StorageError::TooManyParts {
                table: self.table_def(pressure.table)?.full_name(),
                partition: pressure.partitions.join(", "),
                parts: pressure.parts,
                limit: refuse_from,
            });
        }
        self.pressure_counts.delayed.fetch_add(1, Ordering::Relaxed);
        let over = (pressure.parts - delay_from + 1) as u64;
        let room = refuse_from.saturating_sub(delay_from).max(1) as u64;
        let wait_ms = (delay_ms_max * over / room).clamp(DELAY_MS_MIN, delay_ms_max.max(DELAY_MS_MIN));
        let until = Instant::now() + Duration::from_millis(wait_ms);
        let mut merging = self.merging.lock();
        loop {
            let eased = {
                let catalog = self.catalog.read();
                let parts = &catalog.table(pressure.table)?.parts;
                in_partitions(parts)
                    .all(|(id, parts)| parts < delay_from || !pressure.partitions.iter().any(|p| p == id))
            };
            if eased || self.merge_done.wait_until(&mut merging, until).timed_out() {
                return Ok(());
            }
        }
    }

    fn pressure(&self, writes: &[(TableId, Block)]) -> Result<Option<Pressure>> {
        let mut worst: Option<Pressure> = None;
        for (id, block) in writes {
            let (def, parts) = {
                let catalog = self.catalog.read();
                let table = catalog.table(*id)?;
                (table.def.clone(), table.parts.clone())
            };
            let limits = def.pressure;
            let limit = [limits.delay_from, limits.refuse_from]
                .into_iter()
                .filter(|limit| *limit > 0)
                .min();
            let Some(limit) = limit else {
                continue;
            };
            if parts.len() < limit {
                continue;
            }
            let full: Vec<(&str, usize)> = in_partitions(&parts)
                .filter(|(_, parts)| *parts >= limit)
                .collect();
            // Rows that do not fit are refused later, with the reason.
            let Ok(block) = fitting(&def, block.clone()) else {
                continue;
            };
            if full.is_empty() || block.rows() == 0 {
                continue;
            }
            let touched = def
                .keys
                .partition(&block)
                .map_err(|problem| StorageError::Expression {
                    table: def.full_name(),
                    problem,
                })?;
            let full: Vec<(&str, usize)> = full
                .into_iter()
                .filter(|(id, _)| touched.ids.iter().any(|t| t == id))
                .collect();
            let most = full.iter().map(|(_, parts)| *parts).max().unwrap_or(0);
            if most > worst.as_ref().map_or(0, |w| w.parts) {
                worst = Some(Pressure {
                    table: *id,
                    // Without a first step the second one still is there.
                    limits: PartPressure {
                        delay_from: if limits.delay_from == 0 {
                            limits.refuse_from
                        } else {
                            limits.delay_from
                        },
                        ..limits
                    },
                    partitions: full.iter().map(|(id, _)| (*id).to_owned()).collect(),
                    parts: most,
                });
            }
        }
        Ok(worst)
    }
}

/// Partitions and how many parts they have; `parts` are sorted by name.
fn in_partitions(parts: &[Arc<Part>]) -> impl Iterator<Item = (&str, usize)> {
    parts
        .chunk_by(|a, b| a.name.partition == b.name.partition)
        .filter_map(|parts| Some((parts.first()?.name.partition.as_str(), parts.len())))
}
