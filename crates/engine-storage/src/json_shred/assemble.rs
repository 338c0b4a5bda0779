//! Puts texts together again from rests and cells.

use engine_functions::json_members;
use engine_types::{Column, DictColumn, StringColumn, StringColumnBuilder};

use super::PLACEHOLDER;
use super::keys::KeySet;
use crate::error::Result;
use crate::part::{Part, PartJson};

/// The texts of some rows of a part that has taken them apart. `read` gives the column at a position.
pub(crate) fn assembled(
    part: &Part,
    json: &PartJson,
    read: impl Fn(usize) -> Result<Column>,
) -> Result<Column> {
    let rests = read(json.rest)?;
    let patterns =
        Patterns::of(&rests, &json.keys).map_err(|problem| part.damaged_column(json.rest, problem))?;
    let mut cells: Vec<Option<CellSource>> = (0..json.keys.len()).map(|_| None).collect();
    for &key in &patterns.used {
        cells[key] = Some(CellSource::new(&read(json.positions[key])?));
    }
    patterns.assemble(&cells).map_err(|Missing { key, row }| {
        part.damaged_column(json.positions[key], format!("row {row} lacks a value"))
    })
}

/// What a rest says: literal bytes, and after each piece the cell of a key.
#[derive(Clone, Debug, Default)]
struct Pattern {
    /// End of the literal piece in the rest, number of the key.
    cells: Vec<(u32, u32)>,
}

/// The patterns of some rests, and the keys they use.
struct Patterns {
    rests: StringColumn,
    /// Row → pattern; `None`: one each.
    codes: Option<DictColumn>,
    patterns: Vec<Pattern>,
    used: Vec<usize>,
}

impl Patterns {
    /// An error says what is wrong with a rest.
    fn of(rests: &Column, keys: &KeySet) -> std::result::Result<Self, String> {
        let (distinct, codes) = match rests {
            Column::Dict(d) => (super::plain_strings(&d.values), Some(d.clone())),
            other => (super::plain_strings(other), None),
        };
        let mut wanted = vec![codes.is_none(); distinct.len()];
        for code in codes.iter().flat_map(|d| d.codes.iter()) {
            wanted[*code as usize] = true;
        }
        let mut met = vec![0usize; keys.len()];
        let mut members = Vec::new();
        let mut patterns = vec![Pattern::default(); distinct.len()];
        for (at, pattern) in patterns.iter_mut().enumerate() {
            if !wanted[at] {
                continue;
            }
            let rest = distinct.get(at);
            json_members(rest, &mut members);
            for member in &members {
                let Some(place) = keys.place(&member.key()) else {
                    continue;
                };
                if met[place] == at + 1 {
                    continue;
                }
                met[place] = at + 1;
                if member.value != PLACEHOLDER {
                    return Err("a value stands where a cell belongs".to_owned());
                }
                let start = member.value.as_ptr() as usize - rest.as_ptr() as usize;
                pattern.cells.push((start as u32, place as u32));
            }
        }
        let used = (0..keys.len()).filter(|place| met[*place] > 0).collect();
        Ok(Self {
            rests: distinct,
            codes,
            patterns,
            used,
        })
    }

    fn rows(&self) -> usize {
        self.codes.as_ref().map_or(self.rests.len(), |d| d.codes.len())
    }

    /// The texts. `cells` are by number of the key; those not in [`Self::used`] may be missing.
    fn assemble(&self, cells: &[Option<CellSource>]) -> std::result::Result<Column, Missing> {
        let rows = self.rows();
        let mut out = StringColumnBuilder::with_capacity(rows, rows * 64);
        for row in 0..rows {
            let at = self.codes.as_ref().map_or(row, |d| d.codes[row] as usize);
            let rest = self.rests.get(at);
            let mut copied = 0;
            for (end, key) in &self.patterns[at].cells {
                let cell = cells[*key as usize].as_ref().map_or(&b""[..], |c| c.get(row));
                if cell.is_empty() {
                    return Err(Missing {
                        key: *key as usize,
                        row,
                    });
                }
                let end = *end as usize;
                out.arena().extend_from_slice(&rest[copied..end]);
                out.arena().extend_from_slice(cell);
                copied = end + PLACEHOLDER.len();
            }
            out.arena().extend_from_slice(&rest[copied..]);
            out.end_row();
        }
        Ok(Column::String(out.finish()))
    }
}

/// A rest says that there is a cell, and there is none.
struct Missing {
    key: usize,
    row: usize,
}

/// Cells by row.
enum CellSource {
    Plain(StringColumn),
    Dict(DictColumn, StringColumn),
}

impl CellSource {
    fn new(column: &Column) -> Self {
        match column {
            Column::Dict(d) => Self::Dict(d.clone(), super::plain_strings(&d.values)),
            other => Self::Plain(super::plain_strings(other)),
        }
    }

    fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Plain(strings) => strings.get(row),
            Self::Dict(d, values) => values.get(d.codes[row] as usize),
        }
    }
}
