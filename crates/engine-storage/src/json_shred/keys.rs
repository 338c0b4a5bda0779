//! Keys of JSON objects: how often they occur, and which of them get columns.

use std::sync::Arc;

use engine_functions::json_members;
use hashbrown::HashMap;

/// Longer keys get no column and are not counted.
const KEY_BYTES_MAX: usize = 256;
/// More keys than this are not listed; a key that is not listed may then be there all the same.
const LISTED_MAX: usize = 4096;
/// A key in fewer than one of so many rows stays in the text.
const ROWS_PER_KEY_MAX: u64 = 1024;

/// Keys with a number each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeySet {
    keys: Vec<Arc<[u8]>>,
    places: HashMap<Arc<[u8]>, u32>,
}

impl KeySet {
    pub fn new(keys: impl IntoIterator<Item = Arc<[u8]>>) -> Self {
        let mut out = Self::default();
        for key in keys {
            if !out.places.contains_key(&key) {
                out.places.insert(key.clone(), out.keys.len() as u32);
                out.keys.push(key);
            }
        }
        out
    }

    pub fn place(&self, key: &[u8]) -> Option<usize> {
        self.places.get(key).map(|place| *place as usize)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        self.keys.iter()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

/// In how many rows each key occurs, about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyCounts {
    pub rows: u64,
    pub counts: HashMap<Box<[u8]>, u64>,
    /// Every key of the rows is in `counts`.
    pub complete: bool,
}

impl KeyCounts {
    /// Rows that are looked at to choose keys.
    pub const SAMPLE_ROWS: usize = 16_384;

    pub fn new() -> Self {
        Self {
            rows: 0,
            counts: HashMap::new(),
            complete: true,
        }
    }

    /// Notes `rows` more rows with `key`.
    pub fn add(&mut self, key: &[u8], rows: u64) {
        if let Some(count) = self.counts.get_mut(key) {
            *count += rows;
        } else if self.counts.len() >= LISTED_MAX || key.len() > KEY_BYTES_MAX {
            self.complete = false;
        } else {
            self.counts.insert(key.into(), rows);
        }
    }

    pub fn add_texts<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]>) {
        let mut members = Vec::new();
        for text in texts {
            self.rows += 1;
            json_members(text, &mut members);
            for member in &members {
                self.add(&member.key(), 1);
            }
        }
    }

    /// Adds what is known of other rows, as if there were `rows` of them.
    pub fn add_scaled(&mut self, other: &Self, rows: u64) {
        self.rows += rows;
        self.complete &= other.complete;
        let mut keys: Vec<(&Box<[u8]>, &u64)> = other.counts.iter().collect();
        keys.sort_unstable_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for (key, count) in keys {
            let scaled = (u128::from(*count) * u128::from(rows)).div_ceil(u128::from(other.rows.max(1)));
            self.add(key, scaled as u64);
        }
    }

    /// The most frequent keys, at most `max`, in the order of their names.
    pub fn choose(&self, max: usize) -> KeySet {
        let least = self.rows.div_ceil(ROWS_PER_KEY_MAX).max(1);
        let mut frequent: Vec<(u64, &[u8])> = self
            .counts
            .iter()
            .filter(|(_, count)| **count >= least)
            .map(|(key, count)| (*count, &**key))
            .collect();
        frequent.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        frequent.truncate(max);
        let mut keys: Vec<&[u8]> = frequent.into_iter().map(|(_, key)| key).collect();
        keys.sort_unstable();
        KeySet::new(keys.into_iter().map(Arc::from))
    }
}
