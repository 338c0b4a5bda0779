//! What a column keeps in memory, allocation by allocation: columns share them.

use std::sync::Arc;

use super::Column;

impl Column {
    /// Shows the address and the bytes of every allocation that the column keeps alive: all of it, even where the column is a
    /// slice. The same one may be shown more than once.
    pub fn allocations(&self, show: &mut dyn FnMut(usize, usize)) {
        with_buffer!(self, buffer => {
            let (address, bytes) = buffer.allocation();
            show(address, bytes);
        }, other => match other {
            Self::String(strings) => {
                for (address, bytes) in strings.allocations() {
                    show(address, bytes);
                }
            }
            Self::Nullable(nullable) => {
                let (address, bytes) = nullable.nulls.allocation();
                show(address, bytes);
                nullable.values.allocations(show);
            }
            Self::Array(array) => {
                let (address, bytes) = array.offsets.allocation();
                show(address, bytes);
                array.values.allocations(show);
            }
            Self::Tuple(tuple) => {
                for element in &tuple.elements {
                    element.allocations(show);
                }
            }
            // The shared value is there as long as its buffers are.
            Self::Const(constant) => constant.value.allocations(show),
            Self::Dict(dict) => {
                let (address, bytes) = dict.codes.allocation();
                show(address, bytes);
                show(Arc::as_ptr(&dict.values).addr(), size_of::<Self>());
                dict.values.allocations(show);
            }
            Self::Runs(runs) => runs.allocations(show),
            _ => unreachable!("fixed-width variants are matched above"),
        });
    }
}
