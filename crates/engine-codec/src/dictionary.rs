//! Dictionary of a column in a part: its distinct values, sorted, and the codes that stand for them.

use std::sync::{Arc, OnceLock};

use engine_types::{Column, DataType};
use hashbrown::HashMap;

use crate::row_key::row_keys;

/// Bytes of one code on disk; the smallest that can name every entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeWidth {
    One,
    Two,
    Four,
}

impl CodeWidth {
    pub fn for_len(len: usize) -> Self {
        match len {
            0..=0x100 => Self::One,
            0x101..=0x1_0000 => Self::Two,
            _ => Self::Four,
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    pub fn from_bytes(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            _ => None,
        }
    }
}

/// Distinct values in sorting order, and a way from a value to its code.
#[derive(Debug)]
pub struct Dictionary {
    values: Arc<Column>,
    /// By row key; made when first asked, as codes that were made with the values need none.
    codes: OnceLock<HashMap<Box<[u8]>, u32>>,
}

impl Dictionary {
    /// Of all values in `columns`, which have forms of `ty`. Values that only a `Dict` lists, unused, may be kept.
    pub fn of(columns: &[&Column], ty: &DataType) -> Self {
        let inner = ty.without_low_cardinality();
        let mut sorted: Vec<(Box<[u8]>, usize, u32)> = Vec::new();
        let mut seen: HashMap<Box<[u8]>, ()> = HashMap::new();
        let sources: Vec<Column> = columns.iter().map(|c| listed_values(c)).collect();
        for (at, source) in sources.iter().enumerate() {
            let keys = row_keys(std::slice::from_ref(source));
            for (row, key) in keys.iter().enumerate() {
                if !seen.contains_key(key) {
                    seen.insert(key.into(), ());
                    sorted.push((key.into(), at, row as u32));
                }
            }
        }
        sorted.sort_unstable();
        let mut rows_before = vec![0u32; sources.len()];
        for at in 1..sources.len() {
            rows_before[at] = rows_before[at - 1] + sources[at - 1].len() as u32;
        }
        let picks: Vec<u32> = sorted.iter().map(|(_, at, row)| rows_before[*at] + row).collect();
        let values = if sources.is_empty() {
            Column::empty(inner)
        } else {
            Column::concat(&sources.iter().collect::<Vec<_>>()).gather(&picks)
        };
        let codes = sorted.into_iter().zip(0u32..);
        Self {
            values: Arc::new(values),
            codes: OnceLock::from(
                codes
                    .map(|((key, ..), code)| (key, code))
                    .collect::<HashMap<_, _>>(),
            ),
        }
    }

    /// Of values that are distinct and in sorting order.
    pub(crate) fn of_sorted(values: Column) -> Self {
        Self {
            values: Arc::new(values),
            codes: OnceLock::new(),
        }
    }

    fn by_key(&self) -> &HashMap<Box<[u8]>, u32> {
        self.codes.get_or_init(|| {
            let keys = row_keys(std::slice::from_ref(&self.values));
            keys.iter()
                .zip(0u32..)
                .map(|(key, code)| (key.into(), code))
                .collect()
        })
    }

    pub fn values(&self) -> &Arc<Column> {
        &self.values
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn width(&self) -> CodeWidth {
        CodeWidth::for_len(self.len())
    }

    /// Codes of the rows of `column`; `None` when a value is not in the dictionary.
    pub fn codes(&self, column: &Column) -> Option<Vec<u32>> {
        if let Column::Dict(d) = column {
            if Arc::ptr_eq(&d.values, &self.values) {
                return Some(d.codes.to_vec());
            }
            let map = self.translate(&d.values);
            return d.codes.iter().map(|code| map[*code as usize]).collect();
        }
        if let Column::Runs(r) = column {
            return Some(r.expand(&self.codes(r.values())?));
        }
        if let Column::Const(c) = column {
            let code = self.codes(&c.value)?;
            return Some(vec![code[0]; c.len]);
        }
        self.translate(column).into_iter().collect()
    }

    /// For each value of another dictionary its code here.
    pub fn translate(&self, values: &Column) -> Vec<Option<u32>> {
        let by_key = self.by_key();
        row_keys(std::slice::from_ref(values))
            .iter()
            .map(|key| by_key.get(key).copied())
            .collect()
    }
}

/// The values that `column` lists: its dictionary, its constant, those of its runs, or its rows.
fn listed_values(column: &Column) -> Column {
    match column {
        // A dictionary much larger than the rows would bring values that are not here.
        Column::Dict(d) if d.values.len() <= d.codes.len() => d.values.as_ref().clone(),
        Column::Runs(r) => listed_values(r.values()),
        Column::Const(c) if c.len == 0 => c.value.slice(0, 0),
        Column::Const(c) => c.value.as_ref().clone(),
        other => other.flatten(),
    }
}
