//! Several scans of the same columns as one.

use std::sync::Arc;

use engine_exec::{ExecError, Scan};
use engine_types::Column;

pub(crate) struct JoinedScan(pub(crate) Vec<Arc<dyn Scan>>);

impl JoinedScan {
    /// The scan that the morsel is of, and its number there.
    fn place(&self, mut morsel: usize) -> Option<(&Arc<dyn Scan>, usize)> {
        for scan in &self.0 {
            if morsel < scan.morsels() {
                return Some((scan, morsel));
            }
            morsel -= scan.morsels();
        }
        None
    }
}

impl Scan for JoinedScan {
    fn morsels(&self) -> usize {
        self.0.iter().map(|scan| scan.morsels()).sum()
    }

    fn rows(&self, morsel: usize) -> usize {
        self.place(morsel).map_or(0, |(scan, morsel)| scan.rows(morsel))
    }

    fn read(&self, morsel: usize, columns: &[usize], rows: Option<&[u32]>) -> Result<Vec<Column>, ExecError> {
        let (scan, morsel) = self
            .place(morsel)
            .ok_or_else(|| ExecError::InvalidPlan(format!("there is no morsel {morsel}")))?;
        scan.read(morsel, columns, rows)
    }
}
