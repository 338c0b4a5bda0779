//! ARRAY JOIN: one row for each element of the arrays of a row.

use engine_types::{ArrayColumn, Block, Column, DataType};

use crate::ExecError;
use crate::pipeline::{Emit, Flow, Step};

pub(crate) struct ArrayJoin {
    pub(crate) columns: Vec<usize>,
    /// Keep rows with empty arrays, with default elements.
    pub(crate) left: bool,
    /// Types of the output.
    pub(crate) types: Vec<DataType>,
    pub(crate) block_size: usize,
}

impl ArrayJoin {
    fn arrays(&self, block: &Block) -> Result<Vec<ArrayColumn>, ExecError> {
        self.columns
            .iter()
            .map(|&c| match block.column(c).flatten() {
                Column::Array(a) => Ok(a),
                _ => Err(ExecError::InvalidPlan(
                    "ARRAY JOIN of a column that is no array".to_owned(),
                )),
            })
            .collect()
    }
}

impl Step for ArrayJoin {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let arrays = self.arrays(&block)?;
        let Some(first) = arrays.first() else {
            return emit(block);
        };
        // Elements, with one default at the end where rows without elements are kept.
        let elements: Vec<Column> = arrays
            .iter()
            .zip(&self.columns)
            .map(|(a, &c)| {
                if self.left {
                    Column::concat(&[&a.values, &Column::defaults(&self.types[c], 1)])
                } else {
                    a.values.as_ref().clone()
                }
            })
            .collect();
        let mut outer: Vec<u32> = Vec::new();
        let mut inner: Vec<Vec<u32>> = vec![Vec::new(); arrays.len()];
        for row in 0..block.rows() {
            let len = first.offsets[row + 1] - first.offsets[row];
            for other in &arrays[1..] {
                let right = other.offsets[row + 1] - other.offsets[row];
                if right != len {
                    return Err(ExecError::ArraySizes { left: len, right });
                }
            }
            if len == 0 && self.left {
                outer.push(row as u32);
                for (inner, elements) in inner.iter_mut().zip(&elements) {
                    inner.push(elements.len() as u32 - 1);
                }
            } else {
                outer.extend(std::iter::repeat_n(row as u32, len as usize));
                for (inner, array) in inner.iter_mut().zip(&arrays) {
                    inner.extend(array.offsets[row]..array.offsets[row + 1]);
                }
            }
            if outer.len() >= self.block_size
                && self.flush(&block, &elements, &mut outer, &mut inner, emit)? == Flow::Stop
            {
                return Ok(Flow::Stop);
            }
        }
        self.flush(&block, &elements, &mut outer, &mut inner, emit)
    }
}

impl ArrayJoin {
    fn flush(
        &self,
        block: &Block,
        elements: &[Column],
        outer: &mut Vec<u32>,
        inner: &mut [Vec<u32>],
        emit: &mut Emit<'_>,
    ) -> Result<Flow, ExecError> {
        let size = self.block_size.max(1);
        let mut start = 0;
        while start < outer.len() {
            let end = outer.len().min(start + size);
            let columns = (0..block.columns().len())
                .map(|c| match self.columns.iter().position(|&j| j == c) {
                    Some(at) => elements[at].gather(&inner[at][start..end]),
                    None => block.column(c).gather(&outer[start..end]),
                })
                .collect();
            if emit(Block::new(columns, end - start))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            start = end;
        }
        outer.clear();
        for inner in inner {
            inner.clear();
        }
        Ok(Flow::Continue)
    }
}
