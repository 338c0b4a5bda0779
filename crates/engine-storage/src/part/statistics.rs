//! Smallest and greatest value of each fixed-width column of a part. `minmax.idx`.

use engine_codec::{ByteReader, CodecError, decode_value, encode_value};
use engine_types::{Column, NullableColumn, Value, with_buffer};

pub(crate) const STATISTICS_FILE: &str = "minmax.idx";
const MAGIC: &[u8; 4] = b"GRMM";
const VERSION: u32 = 1;

/// What is known of the values of one column.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum ColumnRangeKnown {
    /// No statement.
    #[default]
    Unknown,
    /// All values (NULLs aside) lie between these, both included.
    Between(Value, Value),
    /// There are only NULLs, or no rows.
    NoValues,
}

impl ColumnRangeKnown {
    /// Of the rows of `column`.
    pub fn of(column: &Column) -> Self {
        match column {
            Column::Const(c) if c.len == 0 => Self::NoValues,
            Column::Const(c) => Self::of(&c.value),
            Column::Nullable(n) => present(n).map_or(Self::NoValues, |values| Self::of(&values)),
            Column::Float32(_) | Column::Float64(_) => {
                let mut range: Option<(Value, Value)> = None;
                for row in 0..column.len() {
                    let value = column.value(row);
                    range = Some(match range {
                        None => (value.clone(), value),
                        Some((min, max)) => (min.min(value.clone()), max.max(value)),
                    });
                }
                range.map_or(Self::NoValues, |(min, max)| Self::Between(min, max))
            }
            fixed => with_buffer!(fixed, b => {
                let min = b.iter().enumerate().min_by(|x, y| x.1.partial_cmp(y.1).unwrap_or(std::cmp::Ordering::Equal));
                let max = b.iter().enumerate().max_by(|x, y| x.1.partial_cmp(y.1).unwrap_or(std::cmp::Ordering::Equal));
                match (min, max) {
                    (Some((min, _)), Some((max, _))) => Self::Between(fixed.value(min), fixed.value(max)),
                    _ => Self::NoValues,
                }
            }, _ => Self::Unknown),
        }
    }

    /// As [`Self::of`], of texts and dictionaries too. Long texts are cut: the bounds then enclose them.
    pub fn of_any(column: &Column) -> Self {
        match column {
            Column::Const(c) if c.len == 0 => Self::NoValues,
            Column::Const(c) => Self::of_any(&c.value),
            Column::Nullable(n) => present(n).map_or(Self::NoValues, |values| Self::of_any(&values)),
            Column::Dict(d) => {
                let mut codes = d.codes.to_vec();
                codes.sort_unstable();
                codes.dedup();
                Self::of_any(&d.values.gather(&codes))
            }
            Column::String(s) => {
                let texts = || (0..s.len()).map(|row| s.get(row));
                match (texts().min(), texts().max()) {
                    (Some(min), Some(max)) => match text_above(max) {
                        Some(max) => {
                            let min = min.get(..TEXT_BYTES).unwrap_or(min);
                            Self::Between(Value::string(min), Value::String(max))
                        }
                        None => Self::Unknown,
                    },
                    _ => Self::NoValues,
                }
            }
            other => Self::of(other),
        }
    }

    /// Of the rows of both.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::NoValues, known) | (known, Self::NoValues) => known,
            (Self::Between(a, b), Self::Between(c, d)) => Self::Between(a.min(c), b.max(d)),
        }
    }
}

/// The values that are not NULL, when there are any.
fn present(column: &NullableColumn) -> Option<Column> {
    let rows: Vec<u32> = (0..column.nulls.len() as u32)
        .filter(|row| column.nulls[*row as usize] == 0)
        .collect();
    if rows.is_empty() {
        None
    } else if rows.len() == column.nulls.len() {
        Some(column.values.as_ref().clone())
    } else {
        Some(column.values.gather(&rows))
    }
}

/// Bytes of texts in bounds.
const TEXT_BYTES: usize = 64;

/// A short text that is not below `text`, when there is one.
fn text_above(text: &[u8]) -> Option<Vec<u8>> {
    let Some(cut) = text.get(..TEXT_BYTES).filter(|_| text.len() > TEXT_BYTES) else {
        return Some(text.to_vec());
    };
    let mut cut = cut.to_vec();
    while let Some(last) = cut.pop() {
        if last < u8::MAX {
            cut.push(last + 1);
            return Some(cut);
        }
    }
    None
}

pub(crate) fn encode_statistics(columns: &[ColumnRangeKnown]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(columns.len() as u32).to_le_bytes());
    for column in columns {
        match column {
            ColumnRangeKnown::Unknown => out.push(0),
            ColumnRangeKnown::Between(min, max) => {
                out.push(1);
                encode_value(min, &mut out);
                encode_value(max, &mut out);
            }
            ColumnRangeKnown::NoValues => out.push(2),
        }
    }
    out
}

/// One entry for each of the part's columns, in their order.
pub(crate) fn decode_statistics(bytes: &[u8], columns: usize) -> Result<Vec<ColumnRangeKnown>, CodecError> {
    let what = "statistics";
    let mut reader = ByteReader::new(bytes);
    if reader.take(what, 4)? != MAGIC || reader.u32(what)? != VERSION {
        return Err(reader.damaged(what, "unknown magic or version"));
    }
    if reader.u32(what)? as usize != columns {
        return Err(reader.damaged(what, "another number of columns than the part"));
    }
    let mut out = Vec::with_capacity(columns);
    for _ in 0..columns {
        out.push(match reader.u8(what)? {
            0 => ColumnRangeKnown::Unknown,
            1 => ColumnRangeKnown::Between(decode_value(&mut reader)?, decode_value(&mut reader)?),
            2 => ColumnRangeKnown::NoValues,
            tag => return Err(reader.damaged(what, format!("unknown tag {tag}"))),
        });
    }
    if !reader.is_at_end() {
        return Err(reader.damaged(what, "bytes left over"));
    }
    Ok(out)
}
