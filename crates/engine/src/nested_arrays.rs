//! Columns of one `Nested` (arrays whose names share what is before the first dot): in every row they are of one length.

use engine_types::{ArrayColumn, Column, DataType};

use crate::error::{EngineError, Result};
use crate::shape::Shape;

/// The name of the structure that a column is of.
fn structure(shape: &Shape, column: usize) -> Option<&str> {
    let column = shape.columns.get(column)?;
    let is_array = matches!(column.ty, DataType::Array(_));
    is_array
        .then(|| column.name.split_once('.'))
        .flatten()
        .map(|(name, _)| name)
}

/// Fills columns that an insert leaves out, and that have no default of their own, with as many default values as the other
/// arrays of their structure have.
pub(crate) fn fill(shape: &Shape, given: &mut [Option<Column>]) {
    for column in 0..given.len() {
        let Some(name) = structure(shape, column) else {
            continue;
        };
        if given[column].is_some() || shape.columns[column].default.is_some() {
            continue;
        }
        let like =
            (0..given.len()).find(|other| given[*other].is_some() && structure(shape, *other) == Some(name));
        let like = like.and_then(|other| given[other].as_ref()).map(Column::flatten);
        if let (Some(Column::Array(like)), DataType::Array(inner)) = (like, &shape.columns[column].ty) {
            let mut end = 0;
            let ends = lengths(&like).map(|length| {
                end += length;
                end
            });
            let offsets: Vec<u32> = std::iter::once(0).chain(ends).collect();
            let values = Column::defaults(inner, offsets.last().map_or(0, |end| *end as usize));
            given[column] = Some(Column::Array(ArrayColumn {
                offsets: offsets.into(),
                values: Box::new(values),
            }));
        }
    }
}

fn lengths(array: &ArrayColumn) -> impl Iterator<Item = u32> {
    array.offsets.windows(2).map(|ends| ends[1] - ends[0])
}

/// Refuses rows (the stored columns) in which arrays of one structure have different lengths.
pub(crate) fn check(shape: &Shape, stored: &[Column]) -> Result<()> {
    let mut first: Vec<(&str, usize, Column)> = Vec::new();
    for column in 0..shape.columns.len() {
        let at = shape.columns[column].stored.and_then(|at| stored.get(at));
        let (Some(name), Some(values)) = (structure(shape, column), at) else {
            continue;
        };
        let values = values.flatten();
        let known = first.iter().find(|(known, ..)| *known == name);
        let Some((_, other, others)) = known else {
            first.push((name, column, values));
            continue;
        };
        if let (Column::Array(a), Column::Array(b)) = (others, &values)
            && !lengths(a).eq(lengths(b))
        {
            let (one, two) = (&shape.columns[*other].name, &shape.columns[column].name);
            return Err(EngineError::refused(
                190,
                format!(
                    "Elements '{one}' and '{two}' of Nested data structure '{name}' (Array columns) have different array sizes."
                ),
            ));
        }
    }
    Ok(())
}
