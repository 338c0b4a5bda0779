//! Rows of several columns between which none of them changes, as one row each.

use engine_types::Column;

/// Runs in which all of some columns come.
#[derive(Debug)]
pub(crate) struct RowRuns {
    /// The columns, a row for each run.
    pub(crate) columns: Vec<Column>,
    starts: Vec<u32>,
    rows: usize,
}

impl RowRuns {
    /// Of `rows` rows. `None` when a column does not come in runs, and when no run has two rows.
    pub(crate) fn of(columns: &[Column], rows: usize) -> Option<Self> {
        Self::cut(columns, rows, &[0]).filter(|runs| runs.len() < rows)
    }

    /// Runs in which neither the columns change nor one of `starts` is passed. No rows have no runs.
    fn cut(columns: &[Column], rows: usize, starts: &[u32]) -> Option<Self> {
        let mut starts = starts.to_vec();
        for column in columns {
            match column {
                Column::Const(_) => {}
                Column::Runs(runs) => starts.extend_from_slice(runs.ends()),
                _ => return None,
            }
        }
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|start| (*start as usize) < rows);
        if starts.is_empty() {
            return None;
        }
        let of_starts = |column: &Column| column.gather(&starts).without_runs();
        Some(Self {
            columns: columns.iter().map(of_starts).collect(),
            starts,
            rows,
        })
    }

    /// All rows as one, of no columns.
    pub(crate) fn one(rows: usize) -> Option<Self> {
        Self::cut(&[], rows, &[0])
    }

    /// The runs of these columns inside of these runs, and which of these each is in.
    pub(crate) fn with(&self, columns: &[Column]) -> Option<(Self, Vec<u32>)> {
        let inner = Self::cut(columns, self.rows, &self.starts)?;
        let mut outer = 0u32;
        let outer_of = inner.starts.iter().map(|start| {
            while self
                .starts
                .get(outer as usize + 1)
                .is_some_and(|next| next <= start)
            {
                outer += 1;
            }
            outer
        });
        let outer_of = outer_of.collect();
        Some((inner, outer_of))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The first row of each.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The rows of each.
    pub(crate) fn lengths(&self) -> Vec<u32> {
        let ends = self.starts[1..].iter().copied().chain([self.rows as u32]);
        ends.zip(&self.starts).map(|(end, start)| end - start).collect()
    }

    /// Replaces `of_rows` by the item of each row's run.
    pub(crate) fn expand(&self, of_runs: &[u32], of_rows: &mut Vec<u32>) {
        of_rows.clear();
        of_rows.reserve(self.rows);
        let ends = self.starts[1..]
            .iter()
            .map(|start| *start as usize)
            .chain([self.rows]);
        for (item, end) in of_runs.iter().zip(ends) {
            of_rows.resize(end, *item);
        }
    }
}
