//! Builds a skip index while a part is written.

use engine_codec::{CodecError, Compression, encode_frame, encode_value, write_row_key};
use engine_types::{Column, Value};
use hashbrown::HashSet;

use super::bloom::Bloom;
use super::text::{ngrams, token_hash, tokens};
use super::{MAGIC, SkipIndexDef, SkipIndexKind, VERSION, cell_hash};
use crate::part::ColumnRangeKnown;
use crate::part::granule_ranges::write_range;

const FRAME_BYTES: usize = 1 << 20;

pub(crate) struct SkipIndexWriter {
    def: SkipIndexDef,
    /// Granules in the open group.
    granules: usize,
    open: Open,
    groups: u32,
    raw: Vec<u8>,
}

/// What the open group has so far.
enum Open {
    Ranges(Vec<ColumnRangeKnown>),
    Rows {
        seen: HashSet<Vec<u8>>,
        rows: Vec<Vec<Value>>,
    },
    Values(HashSet<u64>),
    Filter(Bloom),
}

impl SkipIndexWriter {
    pub fn new(def: &SkipIndexDef) -> Self {
        Self {
            open: Open::of(def),
            def: def.clone(),
            granules: 0,
            groups: 0,
            raw: Vec::new(),
        }
    }

    /// The expressions over one granule more.
    pub fn granule(&mut self, columns: &[Column]) {
        match (&mut self.open, self.def.kind) {
            (Open::Ranges(ranges), _) => {
                for (known, column) in ranges.iter_mut().zip(columns) {
                    *known = std::mem::take(known).or(ColumnRangeKnown::of_any(column));
                }
            }
            (Open::Rows { seen, rows }, SkipIndexKind::Set { max_rows }) => {
                add_rows(seen, rows, columns, max_rows);
            }
            (Open::Values(hashes), _) => {
                if let Some(column) = columns.first() {
                    add_values(column, hashes);
                }
            }
            (Open::Filter(bloom), SkipIndexKind::Ngrams { n, seed, .. }) => {
                each_text(columns, &mut |text| {
                    ngrams(text, n).for_each(|gram| bloom.add(token_hash(gram, seed)));
                });
            }
            (Open::Filter(bloom), SkipIndexKind::Tokens { seed, .. }) => {
                each_text(columns, &mut |text| {
                    tokens(text).for_each(|word| bloom.add(token_hash(word, seed)));
                });
            }
            (Open::Rows { .. } | Open::Filter(_), _) => {}
        }
        self.granules += 1;
        if self.granules == self.def.granularity.max(1) {
            self.close();
        }
    }

    fn close(&mut self) {
        match (
            std::mem::replace(&mut self.open, Open::of(&self.def)),
            self.def.kind,
        ) {
            (Open::Ranges(ranges), _) => ranges.iter().for_each(|r| write_range(r, &mut self.raw)),
            (Open::Rows { rows, .. }, SkipIndexKind::Set { max_rows })
                if max_rows > 0 && rows.len() > max_rows =>
            {
                self.raw.push(0);
            }
            (Open::Rows { rows, .. }, _) => {
                self.raw.push(1);
                self.raw.extend_from_slice(&(rows.len() as u32).to_le_bytes());
                for value in rows.iter().flatten() {
                    encode_value(value, &mut self.raw);
                }
            }
            (Open::Values(hashes), SkipIndexKind::BloomFilter { false_positive }) => {
                let mut bloom = Bloom::sized(hashes.len(), false_positive);
                hashes.into_iter().for_each(|hash| bloom.add(hash));
                bloom.encode(&mut self.raw);
            }
            (Open::Values(_), _) => Bloom::new(1, 1).encode(&mut self.raw),
            (Open::Filter(bloom), _) => bloom.encode(&mut self.raw),
        }
        self.granules = 0;
        self.groups += 1;
    }

    /// The bytes of the file.
    pub fn finish(mut self) -> Result<Vec<u8>, CodecError> {
        if self.granules > 0 {
            self.close();
        }
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.def.fingerprint.len() as u32).to_le_bytes());
        out.extend_from_slice(self.def.fingerprint.as_bytes());
        out.extend_from_slice(&(self.def.granularity.max(1) as u32).to_le_bytes());
        out.extend_from_slice(&self.groups.to_le_bytes());
        for piece in self.raw.chunks(FRAME_BYTES) {
            encode_frame(piece, Compression::Lz4, &mut out)?;
        }
        Ok(out)
    }
}

impl Open {
    fn of(def: &SkipIndexDef) -> Self {
        match def.kind {
            SkipIndexKind::MinMax => Self::Ranges(vec![ColumnRangeKnown::NoValues; def.types.len()]),
            SkipIndexKind::Set { .. } => Self::Rows {
                seen: HashSet::new(),
                rows: Vec::new(),
            },
            SkipIndexKind::BloomFilter { .. } => Self::Values(HashSet::new()),
            SkipIndexKind::Ngrams { bytes, hashes, .. } | SkipIndexKind::Tokens { bytes, hashes, .. } => {
                Self::Filter(Bloom::new(bytes, hashes))
            }
        }
    }
}

/// Distinct rows, one more than `max_rows` at most.
fn add_rows(seen: &mut HashSet<Vec<u8>>, rows: &mut Vec<Vec<Value>>, columns: &[Column], max_rows: usize) {
    let count = columns.first().map_or(0, Column::len);
    let mut key = Vec::new();
    for row in 0..count {
        if max_rows > 0 && rows.len() > max_rows {
            return;
        }
        key.clear();
        columns.iter().for_each(|c| write_row_key(c, row, &mut key));
        if !seen.contains(&key) {
            seen.insert(key.clone());
            rows.push(columns.iter().map(|c| c.value(row)).collect());
        }
    }
}

/// Hashes of the values that are not NULL; of arrays, of their elements.
fn add_values(column: &Column, hashes: &mut HashSet<u64>) {
    match column {
        Column::Const(c) if c.len == 0 => {}
        Column::Const(c) => add_values(&c.value, hashes),
        Column::Dict(d) => {
            let mut codes = d.codes.to_vec();
            codes.sort_unstable();
            codes.dedup();
            add_values(&d.values.gather(&codes), hashes);
        }
        Column::Nullable(n) => {
            for row in 0..n.nulls.len() {
                if n.nulls[row] == 0 {
                    hashes.insert(cell_hash(&n.values, row));
                }
            }
        }
        Column::Array(a) => {
            let (start, end) = (a.offsets[0], a.offsets[a.offsets.len() - 1]);
            add_values(&a.values.slice(start as usize, (end - start) as usize), hashes);
        }
        plain => {
            for row in 0..plain.len() {
                hashes.insert(cell_hash(plain, row));
            }
        }
    }
}

/// Every text of the first column; of arrays, their elements.
fn each_text(columns: &[Column], visit: &mut dyn FnMut(&[u8])) {
    if let Some(column) = columns.first() {
        texts(column, visit);
    }
}

fn texts(column: &Column, visit: &mut dyn FnMut(&[u8])) {
    match column {
        Column::String(s) => (0..s.len()).for_each(|row| visit(s.get(row))),
        Column::Const(c) if c.len == 0 => {}
        Column::Const(c) => texts(&c.value, visit),
        Column::Dict(d) => {
            let mut codes = d.codes.to_vec();
            codes.sort_unstable();
            codes.dedup();
            texts(&d.values.gather(&codes), visit);
        }
        // A value behind NULL is a default, which a filter may have as well.
        Column::Nullable(n) => texts(&n.values, visit),
        Column::Array(a) => {
            let (start, end) = (a.offsets[0], a.offsets[a.offsets.len() - 1]);
            texts(&a.values.slice(start as usize, (end - start) as usize), visit);
        }
        _ => {}
    }
}
