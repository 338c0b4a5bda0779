//! The distinct values of a column, found row by row: what tells whether a dictionary pays, and then becomes it.

use engine_types::{Column, DataType, DictColumn, NullableColumn, StringColumnBuilder};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::Dictionary;

/// Values of one type, numbered in order of first sight.
#[derive(Debug)]
pub struct DistinctValues {
    ty: DataType,
    /// Hash and number.
    table: HashTable<(u64, u32)>,
    /// Value `i` is `bytes[starts[i]..starts[i + 1]]`: the string, or the UUID with its highest byte first.
    starts: Vec<usize>,
    bytes: Vec<u8>,
    /// NULL has a number too, and no bytes.
    null: Option<u32>,
    rows: usize,
}

impl DistinctValues {
    /// Whether columns of the type can be gathered: strings, UUIDs, and these with NULL.
    pub fn supports(ty: &DataType) -> bool {
        matches!(ty.bare(), DataType::String | DataType::Uuid) && !matches!(ty, DataType::LowCardinality(_))
    }

    pub fn new(ty: &DataType) -> Self {
        Self {
            ty: ty.clone(),
            table: HashTable::new(),
            starts: vec![0],
            bytes: Vec::new(),
            null: None,
            rows: 0,
        }
    }

    /// Rows seen.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all values.
    pub fn value_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the rows of a column; their numbers go to the end of `numbers`.
    pub fn add(&mut self, column: &Column, numbers: &mut Vec<u32>) {
        self.rows += column.len();
        self.add_values(column, numbers);
    }

    /// Takes the values of a dictionary that stands for `rows` rows.
    pub fn add_dictionary(&mut self, values: &Column, rows: usize) {
        self.rows += rows;
        self.add_values(values, &mut Vec::new());
    }

    fn add_values(&mut self, column: &Column, numbers: &mut Vec<u32>) {
        match column {
            Column::String(s) => {
                let mut latest: Option<(&[u8], u32)> = None;
                numbers.extend(s.iter().map(|value| match latest {
                    // Sorted columns repeat their values in runs.
                    Some((before, number)) if before == value => number,
                    _ => {
                        let number = self.number(value);
                        latest = Some((value, number));
                        number
                    }
                }));
            }
            Column::Uuid(b) => numbers.extend(b.iter().map(|value| self.number(&value.to_be_bytes()))),
            Column::Nullable(n) => {
                let mut inner = Vec::with_capacity(n.nulls.len());
                if n.nulls.iter().all(|&null| null == 0) {
                    self.add_values(&n.values, &mut inner);
                    numbers.extend(inner);
                    return;
                }
                let kept: Vec<u32> = (0u32..)
                    .zip(n.nulls.iter())
                    .filter(|(_, null)| **null == 0)
                    .map(|(row, _)| row)
                    .collect();
                self.add_values(&n.values.gather(&kept), &mut inner);
                let null_number = self.null_number();
                let mut inner = inner.into_iter();
                numbers.extend(n.nulls.iter().map(|&null| match null {
                    0 => inner.next().unwrap_or(null_number),
                    _ => null_number,
                }));
            }
            Column::Dict(d) => {
                // Values that no row has are not numbered.
                let mut known = vec![None; d.values.len()];
                for &code in d.codes.iter() {
                    let number = match known[code as usize] {
                        Some(number) => number,
                        None => {
                            let mut one = Vec::new();
                            self.add_values(&d.values.slice(code as usize, 1), &mut one);
                            known[code as usize] = one.first().copied();
                            one.first().copied().unwrap_or_default()
                        }
                    };
                    numbers.push(number);
                }
            }
            Column::Runs(_) => self.add_values(&column.without_runs(), numbers),
            Column::Const(c) if c.len == 0 => {}
            Column::Const(c) => {
                let mut one = Vec::new();
                self.add_values(&c.value, &mut one);
                numbers.extend(std::iter::repeat_n(
                    one.first().copied().unwrap_or_default(),
                    c.len,
                ));
            }
            other => unreachable!(
                "a column of strings or UUIDs, not {} rows of another form",
                other.len()
            ),
        }
    }

    fn number(&mut self, value: &[u8]) -> u32 {
        let hash = xxh3_64(value);
        let (starts, bytes) = (&self.starts, &self.bytes);
        let found = self.table.find(hash, |(known, number)| {
            let at = *number as usize;
            *known == hash && &bytes[starts[at]..starts[at + 1]] == value
        });
        if let Some((_, number)) = found {
            return *number;
        }
        let number = self.push(value);
        self.table.insert_unique(hash, (hash, number), |slot| slot.0);
        number
    }

    fn null_number(&mut self) -> u32 {
        match self.null {
            Some(number) => number,
            None => {
                let number = self.push(b"");
                self.null = Some(number);
                number
            }
        }
    }

    fn push(&mut self, value: &[u8]) -> u32 {
        let number = self.len() as u32;
        self.bytes.extend_from_slice(value);
        self.starts.push(self.bytes.len());
        number
    }

    /// The values in sorting order, and for each number its code.
    pub fn into_dictionary(self) -> (Dictionary, Vec<u32>) {
        let value = |number: u32| &self.bytes[self.starts[number as usize]..self.starts[number as usize + 1]];
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        // NULL is behind everything.
        order.sort_unstable_by(|&a, &b| {
            (self.null == Some(a), value(a)).cmp(&(self.null == Some(b), value(b)))
        });
        let mut codes = vec![0; order.len()];
        for (code, number) in (0u32..).zip(&order) {
            codes[*number as usize] = code;
        }
        let values = match self.ty.bare() {
            DataType::Uuid => Column::Uuid(
                order
                    .iter()
                    .map(|&number| u128::from_be_bytes(value(number).try_into().unwrap_or_default()))
                    .collect(),
            ),
            _ => {
                let mut out = StringColumnBuilder::with_capacity(order.len(), self.bytes.len());
                order.iter().for_each(|&number| out.push(value(number)));
                Column::String(out.finish())
            }
        };
        let values = if self.ty.is_nullable() {
            Column::Nullable(NullableColumn {
                nulls: order.iter().map(|&n| u8::from(self.null == Some(n))).collect(),
                values: Box::new(values),
            })
        } else {
            values
        };
        (Dictionary::of_sorted(values), codes)
    }
}

impl Dictionary {
    /// The column whose rows have these numbers, which [`DistinctValues::into_dictionary`] maps to `codes`.
    pub fn encoded(&self, numbers: &[u32], codes: &[u32]) -> Column {
        Column::Dict(DictColumn {
            codes: numbers.iter().map(|&number| codes[number as usize]).collect(),
            values: self.values().clone(),
        })
    }
}

#[cfg(test)]
mod tests;
