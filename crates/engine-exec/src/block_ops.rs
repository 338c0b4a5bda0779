//! Small operations on columns that several operators need.

use std::sync::Arc;

use engine_types::{Block, Buffer, Column, ConstColumn, DataType, NullableColumn, Value, with_buffer};

/// Expressions over a block hold several columns of its size: rows with long arrays come in smaller blocks.
const CHUNK_BYTES: usize = 512 << 10;

/// Cuts a block into blocks of at most `size` rows, and of few bytes where rows are long; sharing memory.
pub(crate) fn chunks(block: Block, size: usize) -> impl Iterator<Item = Block> {
    let rows = block.rows();
    let by_bytes = held_bytes(&block).div_ceil(CHUNK_BYTES);
    pieces(block, by_bytes.max(rows.div_ceil(size.max(1))))
}

/// Cuts a block into so many of about as many rows, at least one each; sharing memory.
pub(crate) fn pieces(block: Block, count: usize) -> impl Iterator<Item = Block> {
    let rows = block.rows();
    let size = rows.div_ceil(count.max(1)).max(1);
    (0..rows.div_ceil(size)).map(move |i| {
        if rows <= size {
            block.clone()
        } else {
            let start = i * size;
            block.slice(start, size.min(rows - start))
        }
    })
}

/// `column` of type `from` in the physical form of `to`, where `to` may add `Nullable`.
pub(crate) fn widen_to_nullable(column: Column, from: &DataType, to: &DataType) -> Column {
    if from.is_nullable() || !to.is_nullable() {
        return column;
    }
    match column {
        Column::Const(c) => Column::Const(ConstColumn {
            value: Arc::new(as_nullable(c.value.as_ref().clone())),
            len: c.len,
        }),
        other => as_nullable(other.flatten()),
    }
}

fn as_nullable(plain: Column) -> Column {
    match plain {
        Column::Nullable(n) => Column::Nullable(n),
        plain => Column::Nullable(NullableColumn {
            nulls: vec![0; plain.len()].into(),
            values: Box::new(plain),
        }),
    }
}

/// The null flags (none: no row is NULL) and the values of a plain column.
pub(crate) fn split_nulls(plain: &Column) -> (Option<&Buffer<u8>>, &Column) {
    match plain {
        Column::Nullable(n) => (Some(&n.nulls), &n.values),
        other => (None, other),
    }
}

/// 0 false, 1 true, 2 NULL, for each row of a condition.
pub(crate) fn truth(column: &Column) -> Vec<u8> {
    with_buffer!(column, b => b.iter().map(|v| u8::from(is_true(*v))).collect(), other => match other {
        Column::Nullable(n) => {
            let mut out = truth(&n.values);
            for (state, &null) in out.iter_mut().zip(n.nulls.iter()) {
                if null != 0 {
                    *state = 2;
                }
            }
            out
        }
        Column::Const(c) => vec![truth(&c.value)[0]; c.len],
        Column::Dict(d) => {
            let states = truth(&d.values);
            d.codes.iter().map(|&code| states[code as usize]).collect()
        }
        Column::Runs(r) => r.expand(&truth(r.values())),
        Column::String(_) | Column::Array(_) | Column::Tuple(_) => vec![0; other.len()],
        _ => unreachable!("fixed-width variants are matched above"),
    })
}

fn is_true<T: Default + PartialEq>(value: T) -> bool {
    value != T::default()
}

/// A `Dict` over a dictionary that is much larger than the rows is not worth keeping past an operator that holds on
/// to its input: plain values are smaller. Runs end there, too: what comes after works row by row.
pub(crate) fn compact(column: &Column) -> Column {
    match column {
        Column::Runs(_) => compact(&column.without_runs()),
        Column::Dict(d) if d.values.len() > d.codes.len() => column.flatten(),
        other => other.clone(),
    }
}

pub(crate) fn compact_block(block: &Block) -> Block {
    Block::new(block.columns().iter().map(compact).collect(), block.rows())
}

/// Bytes that holding on to the block costs. A dictionary, and what arrays are slices of, is shared by many blocks: each
/// counts its part of it.
pub(crate) fn held_bytes(block: &Block) -> usize {
    let part = |values: &Column, count: usize| {
        let len = values.len().max(1);
        let bytes = values.byte_size() as u128 * count.min(len) as u128 / len as u128;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    };
    let held = |column: &Column| match column {
        Column::Dict(d) => 4 * d.codes.len() + part(&d.values, d.codes.len()),
        Column::Array(a) => {
            let (first, last) = (a.offsets[0], a.offsets[a.offsets.len() - 1]);
            4 * a.offsets.len() + part(&a.values, (last - first) as usize)
        }
        other => other.byte_size(),
    };
    block
        .columns()
        .iter()
        .map(|column| match column {
            Column::Runs(r) => 4 * r.ends().len() + held(r.values()),
            other => held(other),
        })
        .sum()
}

/// One block of all rows; `types` give the columns when there are no blocks.
pub(crate) fn concat(blocks: &[Block], types: &[DataType]) -> Block {
    match blocks {
        [] => Block::empty(types),
        [one] => one.clone(),
        many => Block::concat(many),
    }
}

/// Rows of small columns (not for inner loops).
pub(crate) fn column_of(ty: &DataType, values: &[Value]) -> Column {
    Column::from_values(ty, values)
}
