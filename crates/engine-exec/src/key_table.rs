//! Rows of key columns to dense numbers: the hash table of GROUP BY, DISTINCT, joins and IN.
//!
//! Every key column becomes a fixed-width code: its own bits, or the number an [`Interner`] gave its string, or a
//! [`UuidInterner`] its UUID. The codes are packed; how wide the pack is decides the table. A value that a dictionary
//! lists is interned once, however many rows have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine_types::{Column, DataType, DictColumn};
use hashbrown::HashTable;

use crate::block_ops::split_nulls;
use crate::hash::{hash_u64, hash_u128};
pub(crate) use crate::interner::ABSENT;
use crate::interner::Interner;
use crate::row_bytes::push_row;
use crate::row_runs::RowRuns;
use crate::uuid_interner::UuidInterner;

/// What NULL in a key column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NullKeys {
    /// A value like others: GROUP BY, DISTINCT.
    Group,
    /// Never equal to anything, not even NULL: joins, IN. Such rows get [`ABSENT`].
    Skip,
}

#[derive(Debug)]
pub(crate) struct KeyTable {
    columns: Vec<KeyColumn>,
    nulls: NullKeys,
    table: Table,
    len: u32,
    cache: CodeCache,
}

#[derive(Debug)]
struct KeyColumn {
    code: Code,
    /// Width in the pack.
    bits: u32,
    interner: Interner,
    uuids: UuidInterner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// The value's own bits.
    Fixed,
    /// A number, which is a fourth of the UUID.
    Uuid,
    Interned,
}

#[derive(Debug)]
enum Table {
    /// No key column: all rows are one group.
    Unit,
    /// One interned column: its numbers are the groups.
    Interned,
    /// At most 16 bits: an array from code to group.
    Direct(Vec<u32>),
    U64(HashTable<(u64, u32)>),
    U128(HashTable<(u128, u32)>),
    /// Anything wider: the codes of a row as bytes.
    Bytes(Interner),
}

/// Numbers of the values of dictionaries seen lately, by column. Clones share the numbers, so that threads which look
/// up in one table look a value up once for all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeCache {
    columns: Vec<Vec<DictIds>>,
}

#[derive(Clone, Debug)]
struct DictIds {
    dictionary: Arc<Column>,
    /// Every thread would write the same number: no order between them is needed.
    ids: Arc<[AtomicU32]>,
}

/// Not looked up yet.
const UNKNOWN: u32 = u32::MAX - 1;
/// Dictionaries remembered for each column; a scan meets one a part and column.
const CACHED_DICTIONARIES: usize = 16;

struct Codes {
    /// Bits of the rows; 0 where NULL or absent.
    words: Vec<u64>,
    /// 1 where NULL. Empty: nowhere, or NULL has its own interned number.
    nulls: Vec<u8>,
}

impl KeyTable {
    pub(crate) fn new(types: &[DataType], nulls: NullKeys) -> Self {
        let columns: Vec<KeyColumn> = types
            .iter()
            .map(|ty| {
                let null_bit = u32::from(nulls == NullKeys::Group && ty.is_nullable());
                let (code, bits) = match ty.bare() {
                    DataType::Nothing | DataType::Bool | DataType::UInt8 | DataType::Int8 => {
                        (Code::Fixed, 8 + null_bit)
                    }
                    DataType::UInt16 | DataType::Int16 | DataType::Date => (Code::Fixed, 16 + null_bit),
                    DataType::UInt32 | DataType::Int32 | DataType::Float32 | DataType::DateTime(_) => {
                        (Code::Fixed, 32 + null_bit)
                    }
                    DataType::UInt64
                    | DataType::Int64
                    | DataType::Float64
                    | DataType::DateTime64(..)
                    | DataType::Interval(_) => (Code::Fixed, 64 + null_bit),
                    DataType::Uuid => (Code::Uuid, 32),
                    DataType::String
                    | DataType::FixedString(_)
                    | DataType::Array(_)
                    | DataType::Map(..)
                    | DataType::Tuple(_)
                    | DataType::AggregateFunction(_)
                    | DataType::Nullable(_)
                    | DataType::LowCardinality(_) => (Code::Interned, 32),
                };
                KeyColumn {
                    code,
                    bits,
                    interner: Interner::default(),
                    uuids: UuidInterner::default(),
                }
            })
            .collect();
        let table = match columns.iter().map(|c| c.bits).sum::<u32>() {
            0 => Table::Unit,
            _ if columns.len() == 1 && columns[0].code != Code::Fixed => Table::Interned,
            bits @ 1..=16 => Table::Direct(vec![ABSENT; 1 << bits]),
            17..=64 => Table::U64(HashTable::new()),
            65..=128 => Table::U128(HashTable::new()),
            _ => Table::Bytes(Interner::default()),
        };
        Self {
            columns,
            nulls,
            table,
            len: 0,
            cache: CodeCache::default(),
        }
    }

    /// Distinct keys so far; their numbers are `0..len`.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn byte_size(&self) -> usize {
        let table = match &self.table {
            Table::Unit | Table::Interned => 0,
            Table::Direct(slots) => 4 * slots.len(),
            Table::U64(table) => 17 * table.capacity(),
            Table::U128(table) => 33 * table.capacity(),
            Table::Bytes(interner) => interner.byte_size(),
        };
        let interners = |c: &KeyColumn| c.interner.byte_size() + c.uuids.byte_size();
        table + self.columns.iter().map(interners).sum::<usize>()
    }

    /// Replaces `groups` by the number of each row's key, and `fresh` by the rows that were the first of theirs
    /// (in order of their numbers).
    pub(crate) fn insert(
        &mut self,
        keys: &[Column],
        rows: usize,
        groups: &mut Vec<u32>,
        fresh: &mut Vec<u32>,
    ) {
        if let Some(runs) = RowRuns::of(keys, rows) {
            let mut of_runs = Vec::new();
            self.insert(&runs.columns, runs.len(), &mut of_runs, fresh);
            for run in fresh.iter_mut() {
                *run = runs.starts()[*run as usize];
            }
            runs.expand(&of_runs, groups);
            return;
        }
        groups.clear();
        fresh.clear();
        let mut skip = Vec::new();
        let codes: Vec<Codes> = keys
            .iter()
            .enumerate()
            .map(|(i, key)| self.insert_codes(i, &key.without_runs(), &mut skip))
            .collect();
        let skipped = |row: usize| skip.get(row).is_some_and(|&s| s != 0);
        let len = &mut self.len;
        match &mut self.table {
            Table::Unit => {
                if rows > 0 && *len == 0 {
                    number(len, 0, fresh);
                }
                groups.resize(rows, 0);
            }
            Table::Interned => {
                for (row, &word) in codes[0].words.iter().enumerate() {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    // Numbers are given in order of the rows, except by cached dictionaries, which only repeat old ones.
                    if word as u32 >= *len {
                        number(len, row, fresh);
                    }
                    groups.push(word as u32);
                }
            }
            Table::Direct(slots) => {
                for (row, code) in pack_u64(&self.columns, &codes, rows).into_iter().enumerate() {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    let slot = &mut slots[code as usize];
                    if *slot == ABSENT {
                        *slot = number(len, row, fresh);
                    }
                    groups.push(*slot);
                }
            }
            Table::U64(table) => {
                for (row, code) in pack_u64(&self.columns, &codes, rows).into_iter().enumerate() {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    let entry = table
                        .entry(hash_u64(code), |slot| slot.0 == code, |slot| hash_u64(slot.0))
                        .or_insert_with(|| (code, number(len, row, fresh)));
                    groups.push(entry.get().1);
                }
            }
            Table::U128(table) => {
                for (row, code) in pack_u128(&self.columns, &codes, rows).into_iter().enumerate() {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    let entry = table
                        .entry(hash_u128(code), |slot| slot.0 == code, |slot| hash_u128(slot.0))
                        .or_insert_with(|| (code, number(len, row, fresh)));
                    groups.push(entry.get().1);
                }
            }
            Table::Bytes(interner) => {
                let mut scratch = Vec::new();
                for row in 0..rows {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    pack_bytes(&codes, row, &mut scratch);
                    let id = interner.intern(&scratch);
                    if id >= *len {
                        number(len, row, fresh);
                    }
                    groups.push(id);
                }
            }
        }
    }

    /// Replaces `groups` by the number of each row's key, [`ABSENT`] where it is not in the table. `cache` and its
    /// clones must only ever be used with this table, and only after the last insert.
    pub(crate) fn find(&self, keys: &[Column], rows: usize, cache: &mut CodeCache, groups: &mut Vec<u32>) {
        if let Some(runs) = RowRuns::of(keys, rows) {
            let mut of_runs = Vec::new();
            self.find(&runs.columns, runs.len(), cache, &mut of_runs);
            runs.expand(&of_runs, groups);
            return;
        }
        groups.clear();
        let mut skip = Vec::new();
        let codes: Vec<Codes> = keys
            .iter()
            .enumerate()
            .map(|(i, key)| self.find_codes(i, &key.without_runs(), cache, &mut skip))
            .collect();
        let skipped = |row: usize| skip.get(row).is_some_and(|&s| s != 0);
        match &self.table {
            Table::Unit => groups.resize(rows, if self.len == 0 { ABSENT } else { 0 }),
            Table::Interned => {
                groups.extend(
                    codes[0]
                        .words
                        .iter()
                        .enumerate()
                        .map(|(row, &word)| if skipped(row) { ABSENT } else { word as u32 }),
                );
            }
            Table::Direct(slots) => {
                groups.extend(pack_u64(&self.columns, &codes, rows).into_iter().enumerate().map(
                    |(row, code)| {
                        if skipped(row) {
                            ABSENT
                        } else {
                            slots[code as usize]
                        }
                    },
                ))
            }
            Table::U64(table) => {
                groups.extend(pack_u64(&self.columns, &codes, rows).into_iter().enumerate().map(
                    |(row, code)| {
                        if skipped(row) {
                            return ABSENT;
                        }
                        table
                            .find(hash_u64(code), |slot| slot.0 == code)
                            .map_or(ABSENT, |slot| slot.1)
                    },
                ))
            }
            Table::U128(table) => groups.extend(
                pack_u128(&self.columns, &codes, rows)
                    .into_iter()
                    .enumerate()
                    .map(|(row, code)| {
                        if skipped(row) {
                            return ABSENT;
                        }
                        table
                            .find(hash_u128(code), |slot| slot.0 == code)
                            .map_or(ABSENT, |slot| slot.1)
                    }),
            ),
            Table::Bytes(interner) => {
                let mut scratch = Vec::new();
                for row in 0..rows {
                    if skipped(row) {
                        groups.push(ABSENT);
                        continue;
                    }
                    pack_bytes(&codes, row, &mut scratch);
                    groups.push(interner.find(&scratch));
                }
            }
        }
    }

    fn insert_codes(&mut self, index: usize, key: &Column, skip: &mut Vec<u8>) -> Codes {
        let column = &mut self.columns[index];
        match column.code {
            Code::Fixed => fixed_codes(key, self.nulls, skip),
            Code::Uuid => {
                let uuids = &mut column.uuids;
                let cache = self.cache.column(index);
                uuid_codes(key, self.nulls, skip, cache, |value| uuids.intern(value))
            }
            Code::Interned => {
                let interner = &mut column.interner;
                interned_codes(
                    key,
                    self.nulls,
                    skip,
                    self.cache.column(index),
                    &mut |bytes| match bytes {
                        Some(bytes) => interner.intern(bytes),
                        None => interner.intern_null(),
                    },
                )
            }
        }
    }

    fn find_codes(&self, index: usize, key: &Column, cache: &mut CodeCache, skip: &mut Vec<u8>) -> Codes {
        let column = &self.columns[index];
        match column.code {
            Code::Fixed => fixed_codes(key, self.nulls, skip),
            Code::Uuid => {
                let cache = cache.column(index);
                uuid_codes(key, self.nulls, skip, cache, |value| column.uuids.find(value))
            }
            Code::Interned => {
                interned_codes(
                    key,
                    self.nulls,
                    skip,
                    cache.column(index),
                    &mut |bytes| match bytes {
                        Some(bytes) => column.interner.find(bytes),
                        None => column.interner.find_null(),
                    },
                )
            }
        }
    }
}

impl CodeCache {
    /// Takes over the dictionaries that only `other` knows.
    pub(crate) fn adopt(&mut self, other: &Self) {
        for (index, theirs) in other.columns.iter().enumerate() {
            let mine = self.column(index);
            for seen in theirs {
                if !mine.iter().any(|m| Arc::ptr_eq(&m.dictionary, &seen.dictionary)) {
                    if mine.len() == CACHED_DICTIONARIES {
                        mine.remove(0);
                    }
                    mine.push(seen.clone());
                }
            }
        }
    }

    /// Dictionaries it knows, in all columns.
    pub(crate) fn dictionaries(&self) -> impl Iterator<Item = *const Column> {
        self.columns.iter().flatten().map(|d| Arc::as_ptr(&d.dictionary))
    }

    fn column(&mut self, index: usize) -> &mut Vec<DictIds> {
        while self.columns.len() <= index {
            self.columns.push(Vec::new());
        }
        &mut self.columns[index]
    }
}

/// The next number, for the key of this row.
fn number(len: &mut u32, row: usize, fresh: &mut Vec<u32>) -> u32 {
    let id = *len;
    *len += 1;
    fresh.push(row as u32);
    id
}

fn mark(skip: &mut Vec<u8>, rows: usize, row: usize) {
    if skip.is_empty() {
        skip.resize(rows, 0);
    }
    skip[row] = 1;
}

/// The bits of a fixed-width column.
fn words(values: &Column) -> Vec<u64> {
    macro_rules! narrow {
        ($b:expr, $v:ident => $bits:expr) => {
            $b.iter().map(|$v| u64::from($bits)).collect()
        };
    }
    match values {
        Column::UInt8(b) => narrow!(b, v => *v),
        Column::UInt16(b) => narrow!(b, v => *v),
        Column::UInt32(b) => narrow!(b, v => *v),
        Column::UInt64(b) => b.to_vec(),
        Column::Int8(b) => narrow!(b, v => *v as u8),
        Column::Int16(b) => narrow!(b, v => *v as u16),
        Column::Int32(b) => narrow!(b, v => *v as u32),
        Column::Int64(b) => narrow!(b, v => *v as u64),
        Column::Float32(b) => narrow!(b, v => v.to_bits()),
        Column::Float64(b) => narrow!(b, v => v.to_bits()),
        other => unreachable!(
            "a fixed-width key column, not {} rows of another form",
            other.len()
        ),
    }
}

fn fixed_codes(key: &Column, null_keys: NullKeys, skip: &mut Vec<u8>) -> Codes {
    let rows = key.len();
    let plain = key.flatten();
    let (nulls, values) = split_nulls(&plain);
    let mut words = words(values);
    let mut flags = Vec::new();
    if let Some(nulls) = nulls {
        zero_where(&mut words, nulls);
        match null_keys {
            NullKeys::Group => flags = nulls.iter().map(|&n| u8::from(n != 0)).collect(),
            NullKeys::Skip => {
                for (row, &null) in nulls.iter().enumerate() {
                    if null != 0 {
                        mark(skip, rows, row);
                    }
                }
            }
        }
    }
    Codes { words, nulls: flags }
}

fn zero_where(words: &mut [u64], nulls: &[u8]) {
    for (word, &null) in words.iter_mut().zip(nulls) {
        if null != 0 {
            *word = 0;
        }
    }
}

/// Numbers of a column by `number` (of a string, or of NULL).
fn interned_codes(
    key: &Column,
    null_keys: NullKeys,
    skip: &mut Vec<u8>,
    cache: &mut Vec<DictIds>,
    number: &mut dyn FnMut(Option<&[u8]>) -> u32,
) -> Codes {
    let rows = key.len();
    let mut scratch = Vec::new();
    let mut number_of = |column: &Column, row: usize| -> u32 {
        match column {
            Column::Nullable(n) if n.nulls[row] != 0 => match null_keys {
                NullKeys::Group => number(None),
                NullKeys::Skip => ABSENT,
            },
            Column::String(s) => number(Some(s.get(row))),
            Column::Nullable(n) => match &*n.values {
                Column::String(s) => number(Some(s.get(row))),
                other => {
                    scratch.clear();
                    push_row(other, row, &mut scratch);
                    number(Some(&scratch))
                }
            },
            other => {
                scratch.clear();
                push_row(other, row, &mut scratch);
                number(Some(&scratch))
            }
        }
    };
    let mut out = Vec::with_capacity(rows);
    match key {
        Column::Const(c) => {
            if rows > 0 {
                out.resize(rows, u64::from(number_of(&c.value, 0)));
            }
        }
        Column::Dict(d) => dict_codes(d, cache, &mut out, |code| number_of(&d.values, code)),
        plain => out.extend((0..rows).map(|row| u64::from(number_of(plain, row)))),
    }
    numbers(out, skip)
}

/// Numbers of a column of UUIDs by `number` (of a UUID, or of NULL).
fn uuid_codes(
    key: &Column,
    null_keys: NullKeys,
    skip: &mut Vec<u8>,
    cache: &mut Vec<DictIds>,
    mut number: impl FnMut(Option<u128>) -> u32,
) -> Codes {
    let mut number_of = |column: &Column, row: usize| {
        let (nulls, values) = split_nulls(column);
        match values {
            _ if nulls.is_some_and(|nulls| nulls[row] != 0) => match null_keys {
                NullKeys::Group => number(None),
                NullKeys::Skip => ABSENT,
            },
            Column::Uuid(b) => number(Some(b[row])),
            other => unreachable!("a key column of UUIDs, not {} rows of another form", other.len()),
        }
    };
    let rows = key.len();
    let mut out = Vec::with_capacity(rows);
    match key {
        Column::Const(c) if rows > 0 => out.resize(rows, u64::from(number_of(&c.value, 0))),
        Column::Const(_) => {}
        Column::Dict(d) => dict_codes(d, cache, &mut out, |code| number_of(&d.values, code)),
        plain => out.extend((0..rows).map(|row| u64::from(number_of(plain, row)))),
    }
    numbers(out, skip)
}

/// Numbers of the rows of a dictionary column; `number` is asked once for each value that rows have.
fn dict_codes(
    column: &DictColumn,
    cache: &mut Vec<DictIds>,
    out: &mut Vec<u64>,
    mut number: impl FnMut(usize) -> u32,
) {
    let values = &column.values;
    let at = match cache.iter().position(|c| Arc::ptr_eq(&c.dictionary, values)) {
        Some(at) => at,
        None => {
            if cache.len() == CACHED_DICTIONARIES {
                cache.remove(0);
            }
            cache.push(DictIds {
                dictionary: values.clone(),
                ids: values_unknown(values.len()),
            });
            cache.len() - 1
        }
    };
    let ids = &cache[at].ids;
    out.extend(column.codes.iter().map(|&code| {
        let slot = &ids[code as usize];
        let mut id = slot.load(Ordering::Relaxed);
        if id == UNKNOWN {
            id = number(code as usize);
            slot.store(id, Ordering::Relaxed);
        }
        u64::from(id)
    }));
}

fn values_unknown(len: usize) -> Arc<[AtomicU32]> {
    (0..len).map(|_| AtomicU32::new(UNKNOWN)).collect()
}

fn numbers(mut out: Vec<u64>, skip: &mut Vec<u8>) -> Codes {
    if out.contains(&u64::from(ABSENT)) {
        let rows = out.len();
        for (row, word) in out.iter_mut().enumerate() {
            if *word == u64::from(ABSENT) {
                mark(skip, rows, row);
                *word = 0;
            }
        }
    }
    Codes {
        words: out,
        nulls: Vec::new(),
    }
}

fn pack_u64(columns: &[KeyColumn], codes: &[Codes], rows: usize) -> Vec<u64> {
    let mut out = vec![0u64; rows];
    let mut shift = 0;
    for (column, codes) in columns.iter().zip(codes) {
        for (out, word) in out.iter_mut().zip(&codes.words) {
            *out |= word << shift;
        }
        if !codes.nulls.is_empty() {
            let at = shift + column.bits - 1;
            for (out, &null) in out.iter_mut().zip(&codes.nulls) {
                *out |= u64::from(null) << at;
            }
        }
        shift += column.bits;
    }
    out
}

fn pack_u128(columns: &[KeyColumn], codes: &[Codes], rows: usize) -> Vec<u128> {
    let mut out = vec![0u128; rows];
    let mut shift = 0;
    for (column, codes) in columns.iter().zip(codes) {
        for (out, &word) in out.iter_mut().zip(&codes.words) {
            *out |= u128::from(word) << shift;
        }
        if !codes.nulls.is_empty() {
            let at = shift + column.bits - 1;
            for (out, &null) in out.iter_mut().zip(&codes.nulls) {
                *out |= u128::from(null) << at;
            }
        }
        shift += column.bits;
    }
    out
}

fn pack_bytes(codes: &[Codes], row: usize, out: &mut Vec<u8>) {
    out.clear();
    for codes in codes {
        out.extend_from_slice(&codes.words[row].to_le_bytes());
        out.push(codes.nulls.get(row).copied().unwrap_or(0));
    }
}
