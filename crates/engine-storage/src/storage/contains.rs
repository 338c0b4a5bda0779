//! Exact look-up: which of many keys are in a table, in memory or in parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_codec::{has_form, plain};
use engine_types::{Column, StringColumn};
use hashbrown::HashSet;

use super::Storage;
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::lookup_index::{lookup_hash, lookup_keys};
use crate::part::Part;
use crate::part_scan::read_part;
use crate::sorted_run::CacheUse;
use crate::table_def::{TableDef, TableId};

impl Storage {
    /// For each row of `key_columns` (in the order of the table's look-up columns) whether the table has a row with
    /// those values. Exact: what the index proposes is compared with the stored values. An append that returned
    /// before is seen.
    pub fn contains(&self, table: TableId, key_columns: &[Column]) -> Result<Vec<bool>> {
        let (def, parts, key_sets) = {
            let catalog = self.catalog.read();
            let table = catalog.table(table)?;
            (table.def.clone(), table.parts.clone(), table.memtable.key_sets())
        };
        let keys = lookup_keys(&checked_keys(&def, key_columns)?);
        let mut found = vec![false; keys.len()];
        for set in key_sets {
            let set = set.read();
            for (found, key) in found.iter_mut().zip(keys.iter()) {
                *found |= set.contains(key);
            }
        }
        let hashes: Vec<u64> = keys.iter().map(lookup_hash).collect();
        let counters = ReadCounters::default();
        for part in parts.iter() {
            look_in_part(&def, part, &keys, &hashes, &mut found, &counters)?;
        }
        Ok(found)
    }
}

fn checked_keys(def: &TableDef, key_columns: &[Column]) -> Result<Vec<Column>> {
    let fits = !def.lookup_columns.is_empty()
        && key_columns.len() == def.lookup_columns.len()
        && key_columns
            .iter()
            .zip(&def.lookup_columns)
            .all(|(column, index)| {
                column.len() == key_columns[0].len() && has_form(column, &def.columns[*index].ty)
            });
    if fits {
        return Ok(key_columns.iter().map(plain).collect());
    }
    Err(StorageError::BadBlock {
        table: def.full_name(),
        problem: "the keys are not of the table's look-up columns".to_owned(),
    })
}

fn look_in_part(
    def: &TableDef,
    part: &Arc<Part>,
    keys: &StringColumn,
    hashes: &[u64],
    found: &mut [bool],
    counters: &ReadCounters,
) -> Result<()> {
    // Granules to look at, with the keys wanted there.
    let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let asked = hashes.iter().copied().enumerate().filter(|(row, _)| !found[*row]);
    if part.has_lookup() {
        for (granule, row) in part.lookup_candidates(asked)? {
            wanted.entry(granule).or_default().push(row);
        }
    } else {
        // A part from before the table had the index.
        let rows: Vec<usize> = asked.map(|(row, _)| row).collect();
        wanted.extend((0..part.granules()).map(|granule| (granule, rows.clone())));
    }
    for (granule, rows) in wanted {
        let granules = granule..granule + 1;
        let block = read_part(
            def,
            part,
            granules.clone(),
            &def.lookup_columns,
            CacheUse::Keep,
            counters,
        )?;
        let block = match part.live_in(&granules) {
            None => block,
            Some(live) => block.gather(&live),
        };
        let stored = lookup_keys(block.columns());
        if rows.len() > 4 {
            let stored: HashSet<&[u8]> = stored.iter().collect();
            for row in rows {
                found[row] |= stored.contains(keys.get(row));
            }
        } else {
            for row in rows {
                found[row] |= stored.iter().any(|key| key == keys.get(row));
            }
        }
    }
    Ok(())
}
