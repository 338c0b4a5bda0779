//! `json.txt`: which columns of a part are JSON texts taken apart, and where the values of their keys are.

use std::sync::Arc;

use super::columns_file::PartColumn;
use super::name::{escape, unescape};
use crate::json_shred::{KeyCounts, KeySet};

pub(crate) const JSON_FILE: &str = "json.txt";
const FIRST_LINE: &str = "json format version: 1";

/// A JSON column of a part, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartJson {
    /// Of the column that stands for the text.
    pub name: String,
    /// Position of what is left of the texts.
    pub rest: usize,
    pub keys: Arc<KeySet>,
    /// Position of the cells of each key.
    pub positions: Vec<usize>,
    /// Types of the cells of each key.
    pub kinds: Vec<CellKinds>,
    /// Of all keys that are known.
    pub counts: KeyCounts,
}

impl PartJson {
    /// Certainly no row has the key.
    pub fn lacks(&self, key: &[u8]) -> bool {
        self.counts.complete && !self.counts.counts.contains_key(key)
    }
}

/// Types of JSON values, one letter each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellKinds(u8);

const KINDS: [(u8, char, &str); 7] = [
    (1, 's', "String"),
    (2, 'i', "Int"),
    (4, 'f', "Float"),
    (8, 'b', "Bool"),
    (16, 'n', "Null"),
    (32, 'a', "Array"),
    (64, 'o', "Object"),
];

impl CellKinds {
    pub fn add(&mut self, cell: &[u8]) {
        self.0 |= match cell.first() {
            None => 0,
            Some(b'"') => 1,
            Some(b't' | b'f') => 8,
            Some(b'n') => 16,
            Some(b'[') => 32,
            Some(b'{') => 64,
            Some(_) if cell.iter().any(|c| matches!(c, b'.' | b'e' | b'E')) => 4,
            Some(_) => 2,
        };
    }

    pub fn names(self) -> Vec<&'static str> {
        let present = KINDS.iter().filter(|(bit, ..)| self.0 & bit != 0);
        present.map(|(_, _, name)| *name).collect()
    }

    fn letters(self) -> String {
        let present = KINDS.iter().filter(|(bit, ..)| self.0 & bit != 0);
        std::iter::once('-')
            .chain(present.map(|(_, letter, _)| *letter))
            .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut out = 0;
        for letter in text.strip_prefix('-')?.chars() {
            out |= KINDS.iter().find(|(_, l, _)| *l == letter)?.0;
        }
        Some(Self(out))
    }
}

pub(crate) fn json_to_text(columns: &[PartJson]) -> String {
    let mut out = format!("{FIRST_LINE}\n");
    for json in columns {
        let listed = if json.counts.complete { "all" } else { "some" };
        out.push_str(&format!(
            "column\t{}\t{}\t{}\t{listed}\n",
            escape(&json.name),
            json.rest,
            json.counts.rows
        ));
        for (place, key) in json.keys.iter().enumerate() {
            let count = json.counts.counts.get(&**key).copied().unwrap_or(0);
            out.push_str(&format!(
                "cells\t{}\t{count}\t{}\t{}\n",
                escape(&String::from_utf8_lossy(key)),
                json.positions[place],
                json.kinds[place].letters()
            ));
        }
        let mut others: Vec<(&[u8], u64)> = json
            .counts
            .counts
            .iter()
            .map(|(key, count)| (&**key, *count))
            .filter(|(key, _)| json.keys.place(key).is_none())
            .collect();
        others.sort_unstable();
        for (key, count) in others {
            out.push_str(&format!(
                "key\t{}\t{count}\n",
                escape(&String::from_utf8_lossy(key))
            ));
        }
    }
    out
}

/// Checked against the columns of the part.
pub(crate) fn parse_json(text: &str, columns: &[PartColumn]) -> Result<Vec<PartJson>, String> {
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    if version != FIRST_LINE {
        return Err(format!("`{version}` where `{FIRST_LINE}` belongs"));
    }
    let mut out: Vec<Open> = Vec::new();
    for line in lines {
        let bad = || format!("`{line}` is not a column, cells or a key");
        let fields: Vec<&str> = line.split('\t').collect();
        let position = |text: &str| {
            let at: usize = text.parse().ok()?;
            let is_string = columns.get(at)?.ty == engine_types::DataType::String;
            is_string.then_some(at)
        };
        match (fields.as_slice(), out.last_mut()) {
            (["column", name, rest, rows, listed @ ("all" | "some")], _) => {
                let name = unescape(name).ok_or_else(bad)?;
                let rest = position(rest).ok_or_else(bad)?;
                if columns.get(rest).is_none_or(|c| c.name != name) {
                    return Err(bad());
                }
                let mut counts = KeyCounts::new();
                counts.rows = rows.parse().map_err(|_| bad())?;
                out.push(Open {
                    name,
                    rest,
                    cells: Vec::new(),
                    counts,
                    complete: *listed == "all",
                });
            }
            (["cells", key, count, at, kinds], Some(open)) => {
                let key = unescape(key).ok_or_else(bad)?;
                open.counts.add(key.as_bytes(), count.parse().map_err(|_| bad())?);
                let at = position(at).ok_or_else(bad)?;
                let kinds = CellKinds::parse(kinds).ok_or_else(bad)?;
                open.cells.push((Arc::from(key.as_bytes()), at, kinds));
            }
            (["key", key, count], Some(open)) => {
                let key = unescape(key).ok_or_else(bad)?;
                open.counts.add(key.as_bytes(), count.parse().map_err(|_| bad())?);
            }
            _ => return Err(bad()),
        }
    }
    out.into_iter().map(Open::close).collect()
}

struct Open {
    name: String,
    rest: usize,
    cells: Vec<(Arc<[u8]>, usize, CellKinds)>,
    counts: KeyCounts,
    complete: bool,
}

impl Open {
    fn close(mut self) -> Result<PartJson, String> {
        let keys = KeySet::new(self.cells.iter().map(|(key, ..)| key.clone()));
        if keys.len() != self.cells.len() {
            return Err(format!("a key of `{}` is there twice", self.name));
        }
        self.counts.complete &= self.complete;
        Ok(PartJson {
            name: self.name,
            rest: self.rest,
            keys: Arc::new(keys),
            positions: self.cells.iter().map(|(_, at, _)| *at).collect(),
            kinds: self.cells.iter().map(|(.., kinds)| *kinds).collect(),
            counts: self.counts,
        })
    }
}

#[cfg(test)]
mod tests {
    use engine_types::DataType;

    use super::super::columns_file::Encoding;
    use super::*;

    fn column(name: &str) -> PartColumn {
        PartColumn {
            name: name.to_owned(),
            ty: DataType::String,
            codec: String::new(),
            encoding: Encoding::Plain,
            raw_bytes: 0,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut counts = KeyCounts::new();
        counts.rows = 10;
        for (key, count) in [("", 3), ("a\tb\n", 10), ("rare", 1)] {
            counts.add(key.as_bytes(), count);
        }
        let mut kinds = CellKinds::default();
        for cell in ["\"x\"", "1", "1.5", "null", ""] {
            kinds.add(cell.as_bytes());
        }
        assert_eq!(kinds.names(), ["String", "Int", "Float", "Null"]);
        let json = PartJson {
            name: "p q".to_owned(),
            rest: 1,
            keys: Arc::new(KeySet::new([&b""[..], b"a\tb\n"].map(Arc::from))),
            positions: vec![0, 2],
            kinds: vec![CellKinds::default(), kinds],
            counts,
        };
        let text = json_to_text(std::slice::from_ref(&json));
        let columns = [column("x"), column("p q"), column("y")];
        assert_eq!(parse_json(&text, &columns).unwrap(), [json]);
        assert!(parse_json(&text, &columns[..2]).is_err());
        assert!(parse_json(&text.replace("version: 1", "version: 9"), &columns).is_err());
    }
}
