//! Which parts of a snapshot are read through their hidden parts: those where that reads fewer rows.

use std::sync::Arc;

use crate::key_condition::KeyCondition;
use crate::part::Part;
use crate::snapshot::Snapshot;
use crate::table_def::Projection;

/// A snapshot in two: what is read through a projection, and the rest.
pub struct ProjectionChoice {
    /// Its columns are those of the projection.
    pub hidden: Arc<Snapshot>,
    pub rest: Arc<Snapshot>,
    /// Rows that both together have in granules that may match.
    pub rows: u64,
}

impl Snapshot {
    /// Rows in granules of parts that may match, and in memory.
    pub fn rows_to_read(&self, key: &KeyCondition) -> u64 {
        let parts: u64 = self.parts().iter().map(|part| self.rows_of(part, key)).sum();
        parts + self.memory_blocks().iter().map(|b| b.rows() as u64).sum::<u64>()
    }

    fn rows_of(&self, part: &Arc<Part>, key: &KeyCondition) -> u64 {
        let ranges = self.pruned(part, key);
        let rows = ranges
            .iter()
            .map(|r| part.index.start(r.end) - part.index.start(r.start));
        rows.sum()
    }

    /// Reads through `projection` where that is less: `of_table` says what is wanted of the table's parts,
    /// `of_projection` the same of the hidden ones. `None`: nowhere.
    pub fn through(
        &self,
        projection: &Projection,
        of_table: &KeyCondition,
        of_projection: &KeyCondition,
    ) -> Option<ProjectionChoice> {
        let mut hidden = Snapshot {
            def: projection.def.clone(),
            parts: Arc::default(),
            memory: Vec::new(),
            ..self.shared()
        };
        let (mut through, mut rest) = (Vec::new(), Vec::new());
        let mut rows = 0;
        for part in self.parts() {
            let plain = self.rows_of(part, of_table);
            let less = part.hidden(projection).and_then(|inner| {
                let rows = hidden.rows_of(inner, of_projection);
                (rows < plain).then_some((inner, rows))
            });
            match less {
                Some((inner, fewer)) => {
                    rows += fewer;
                    through.push(inner.clone());
                }
                None => {
                    rows += plain;
                    rest.push(part.clone());
                }
            }
        }
        if through.is_empty() {
            return None;
        }
        hidden.parts = Arc::new(through);
        // Hidden parts go with the parts around them.
        hidden.around = self.parts.clone();
        let rest = Snapshot {
            parts: Arc::new(rest),
            ..self.shared()
        };
        rows += self.memory_blocks().iter().map(|b| b.rows() as u64).sum::<u64>();
        Some(ProjectionChoice {
            hidden: Arc::new(hidden),
            rest: Arc::new(rest),
            rows,
        })
    }

    pub(crate) fn shared(&self) -> Snapshot {
        Snapshot {
            table: self.table,
            def: self.def.clone(),
            parts: self.parts.clone(),
            memory: self.memory.clone(),
            lsn: self.lsn,
            version: self.version,
            counters: self.counters.clone(),
            around: Arc::default(),
        }
    }
}
