//! Takes texts apart: cells of keys, and the rest.

use std::sync::Arc;

use engine_codec::hash64;
use engine_functions::{JsonMember, json_member, json_members};
use engine_types::{Column, DictColumn, StringColumn, StringColumnBuilder};
use hashbrown::HashTable;

use super::keys::{KeyCounts, KeySet};
use super::{PLACEHOLDER, is_worth_it};

/// Strings as codes of a dictionary in the order of their first rows.
pub(crate) struct CellsBuilder {
    codes: Vec<u32>,
    offsets: Vec<u32>,
    bytes: Vec<u8>,
    known: HashTable<u32>,
    latest: u32,
}

impl CellsBuilder {
    /// Code 0 is ''.
    pub fn new() -> Self {
        let mut known = HashTable::new();
        known.insert_unique(hash64(b""), 0, |_| hash64(b""));
        Self {
            codes: Vec::new(),
            offsets: vec![0, 0],
            bytes: Vec::new(),
            known,
            latest: 0,
        }
    }

    fn value(&self, code: u32) -> &[u8] {
        let code = code as usize;
        &self.bytes[self.offsets[code] as usize..self.offsets[code + 1] as usize]
    }

    pub fn distinct(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The code of a value.
    pub fn note(&mut self, value: &[u8]) -> u32 {
        // Rows come sorted: the value is often the one before.
        if self.value(self.latest) == value {
            return self.latest;
        }
        let hash = hash64(value);
        if let Some(code) = self.known.find(hash, |code| self.value(*code) == value) {
            self.latest = *code;
            return self.latest;
        }
        let code = (self.offsets.len() - 1) as u32;
        self.bytes.extend_from_slice(value);
        self.offsets.push(self.bytes.len() as u32);
        let (offsets, bytes) = (&self.offsets, &self.bytes);
        self.known.insert_unique(hash, code, |code| {
            let code = *code as usize;
            hash64(&bytes[offsets[code] as usize..offsets[code + 1] as usize])
        });
        self.latest = code;
        code
    }

    /// The value of row `row`; rows between the last one and this have ''.
    pub fn push(&mut self, row: usize, value: &[u8]) {
        let code = self.note(value);
        self.codes.resize(row, 0);
        self.codes.push(code);
    }

    /// The distinct values, '' among them.
    pub fn into_values(self) -> StringColumn {
        StringColumn::new(self.offsets.into(), self.bytes.into())
    }

    pub fn finish(mut self, rows: usize) -> Column {
        self.codes.resize(rows, 0);
        let (codes, distinct) = (std::mem::take(&mut self.codes), self.distinct());
        let column = Column::Dict(DictColumn {
            codes: codes.into(),
            values: Arc::new(Column::String(self.into_values())),
        });
        if is_worth_it(distinct, rows) {
            column
        } else {
            column.flatten()
        }
    }
}

/// What became of texts.
pub(crate) struct Shredded {
    /// Without the values of the keys.
    pub rest: Option<Column>,
    /// One column a key.
    pub cells: Vec<Column>,
    pub counts: KeyCounts,
}

pub(crate) struct Shredder {
    keys: Arc<KeySet>,
    cells: Vec<CellsBuilder>,
    rest: Option<CellsBuilder>,
    counts: KeyCounts,
    /// By key: one more than the row it was last met in.
    met: Vec<usize>,
    /// Keys of the last objects, by place in the object, and their numbers.
    latest: Vec<(Box<[u8]>, Option<usize>)>,
    rows: usize,
    rest_of_row: Vec<u8>,
}

impl Shredder {
    /// `with_rest`: build the rest too, and count all keys.
    pub fn new(keys: Arc<KeySet>, with_rest: bool) -> Self {
        // Listed before all others: the list has an end.
        let mut counts = KeyCounts::new();
        keys.iter().for_each(|key| counts.add(key, 0));
        Self {
            cells: (0..keys.len()).map(|_| CellsBuilder::new()).collect(),
            rest: with_rest.then(CellsBuilder::new),
            counts,
            met: vec![0; keys.len()],
            latest: Vec::new(),
            rows: 0,
            rest_of_row: Vec::new(),
            keys,
        }
    }

    pub fn row(&mut self, text: &[u8]) {
        let row = self.rows;
        self.rows += 1;
        let mut members: Vec<JsonMember<'_>> = Vec::with_capacity(32);
        json_members(text, &mut members);
        self.rest_of_row.clear();
        let mut copied = 0;
        for (at, member) in members.iter().enumerate() {
            let key = member.key();
            let Some(place) = self.place(at, &key) else {
                if self.rest.is_some() {
                    self.counts.add(&key, 1);
                }
                continue;
            };
            if self.met[place] == row + 1 {
                continue;
            }
            self.met[place] = row + 1;
            self.cells[place].push(row, member.value);
            if self.rest.is_some() {
                let start = member.value.as_ptr() as usize - text.as_ptr() as usize;
                self.rest_of_row.extend_from_slice(&text[copied..start]);
                self.rest_of_row.extend_from_slice(PLACEHOLDER);
                copied = start + member.value.len();
            }
        }
        if let Some(rest) = &mut self.rest {
            self.rest_of_row.extend_from_slice(&text[copied..]);
            rest.push(row, &self.rest_of_row);
        }
    }

    /// The number of the key of member `at` of an object. Neighbours mostly have the same keys in the same order.
    fn place(&mut self, at: usize, key: &[u8]) -> Option<usize> {
        if let Some((known, place)) = self.latest.get(at)
            && **known == *key
        {
            return *place;
        }
        let place = self.keys.place(key);
        match self.latest.get_mut(at) {
            Some(latest) => *latest = (key.into(), place),
            None => self.latest.push((key.into(), place)),
        }
        place
    }

    pub fn finish(mut self) -> Shredded {
        self.counts.rows = self.rows as u64;
        for (key, cells) in self.keys.iter().zip(&self.cells) {
            let present = cells.codes.iter().filter(|code| **code != 0).count();
            self.counts.add(key, present as u64);
        }
        Shredded {
            rest: self.rest.map(|rest| rest.finish(self.rows)),
            cells: self.cells.into_iter().map(|c| c.finish(self.rows)).collect(),
            counts: self.counts,
        }
    }
}

/// The cells of one key of texts (or of rests that do not lack it).
pub(crate) fn cells_of(texts: &Column, key: &[u8]) -> Column {
    let find_all = |texts: &StringColumn| {
        let mut out = StringColumnBuilder::with_capacity(texts.len(), texts.len() * 8);
        for text in texts.iter() {
            out.push(json_member(text, key).unwrap_or_default());
        }
        Column::String(out.finish())
    };
    match texts {
        Column::Dict(d) if d.values.len() <= d.codes.len() => Column::Dict(DictColumn {
            codes: d.codes.clone(),
            values: Arc::new(find_all(&plain_strings(&d.values))),
        }),
        other => find_all(&plain_strings(other)),
    }
}

/// The strings of a column of whatever encoding; none of a column that has no strings.
pub(crate) fn plain_strings(column: &Column) -> StringColumn {
    match column.flatten() {
        Column::String(strings) => strings,
        other => (0..other.len()).map(|_| &b""[..]).collect(),
    }
}
