//! The maps of SummingMergeTree: arrays of one nested structure, merged by key.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use engine_types::{ArrayColumn, Column, DataType, Value};

use crate::shape::{Shape, TableColumn};

/// The arrays `nameMap.…` of a table, by their positions among the stored columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SummedMap {
    pub(crate) keys: Vec<usize>,
    pub(crate) values: Vec<usize>,
}

/// The structure that a column belongs to: what is in front of its first dot.
pub(crate) fn nested_name(column: &str) -> &str {
    column.split_once('.').map_or(column, |(name, _)| name)
}

fn is_key(ty: &DataType) -> bool {
    if ty.is_nullable() {
        return false;
    }
    match ty.without_low_cardinality() {
        DataType::String | DataType::FixedString(_) | DataType::Uuid => true,
        DataType::Date | DataType::DateTime(_) => true,
        ty => ty.is_integer(),
    }
}

fn is_value(ty: &DataType) -> bool {
    match ty {
        DataType::Nullable(inner) => inner.is_number(),
        ty => ty.is_number(),
    }
}

/// The first array of a map and those named like keys are its key, the others are summed. Structures in which one is
/// neither, or belongs to the table's keys (`table_keys`, positions in the table), are no maps, nor are those without values.
pub(crate) fn summed_maps(shape: &Shape, table_keys: &[usize]) -> Vec<SummedMap> {
    let mut structures: BTreeMap<&str, Vec<(usize, &TableColumn)>> = BTreeMap::new();
    for (at, column) in shape.columns.iter().enumerate() {
        let name = nested_name(&column.name);
        if matches!(column.ty, DataType::Array(_))
            && column.joined_by.is_none()
            && column.stored.is_some()
            && name != column.name
            && name.ends_with("Map")
        {
            structures.entry(name).or_default().push((at, column));
        }
    }
    structures
        .into_values()
        .filter_map(|columns| map_of(&columns, table_keys))
        .collect()
}

fn map_of(columns: &[(usize, &TableColumn)], table_keys: &[usize]) -> Option<SummedMap> {
    let mut map = SummedMap {
        keys: Vec::new(),
        values: Vec::new(),
    };
    for (at, column) in columns {
        let (DataType::Array(inner), Some(stored)) = (&column.ty, column.stored) else {
            return None;
        };
        let is_named_key = ["ID", "Key", "Type"].iter().any(|end| column.name.ends_with(end));
        let (is_fit, list) = if map.keys.is_empty() || is_named_key {
            (is_key(inner), &mut map.keys)
        } else {
            (is_value(inner), &mut map.values)
        };
        if !is_fit || table_keys.contains(at) {
            return None;
        }
        list.push(stored);
    }
    (!map.values.is_empty()).then_some(map)
}

/// Keys in their order; elements of a row that is not merged stay in theirs.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    AsItIs(usize),
    Key(MapKey),
}

struct MapKey(Vec<Value>);

impl Ord for MapKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0).map(|(a, b)| a.total_cmp(b));
        pairs
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for MapKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MapKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MapKey {}

/// The elements of an array column, those of row `i` at `starts[i]`.
struct Elements {
    values: Column,
    starts: Vec<u32>,
    lengths: Vec<u32>,
}

fn elements(column: &Column) -> Result<Elements, String> {
    let Column::Array(array) = column.flatten() else {
        return Err("a map has a column that is no array".to_owned());
    };
    let bounds = || array.offsets.iter().zip(array.offsets.iter().skip(1));
    Ok(Elements {
        starts: bounds().map(|(from, _)| *from).collect(),
        lengths: bounds().map(|(from, to)| to.saturating_sub(*from)).collect(),
        values: array.values.as_ref().clone(),
    })
}

impl SummedMap {
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + Clone {
        self.keys.iter().chain(&self.values).copied()
    }

    /// With one array as key rows that stand alone are put in order, too; ClickHouse leaves those with more as they are.
    fn merges_single_rows(&self) -> bool {
        self.keys.len() == 1
    }

    /// The map of each of `count` groups of rows. `column` gives a stored column of the rows and its type. Answers the
    /// columns in the order of [`Self::columns`].
    pub(crate) fn merged<'a>(
        &self,
        column: impl Fn(usize) -> Option<(&'a Column, &'a DataType)>,
        groups: &[u32],
        count: usize,
    ) -> Result<Vec<Column>, String> {
        let inputs = self
            .columns()
            .map(|c| column(c).ok_or_else(|| format!("a map is read without stored column {c}")))
            .collect::<Result<Vec<_>, String>>()?;
        let arrays = inputs
            .iter()
            .map(|(column, _)| elements(column))
            .collect::<Result<Vec<_>, String>>()?;
        let mut rows_of_group = vec![0u32; count];
        for group in groups {
            rows_of_group[*group as usize] += 1;
        }

        // The elements of all rows, one list for each array, and the place of each among the merged ones.
        let mut picks: Vec<Vec<u32>> = vec![Vec::new(); arrays.len()];
        let mut places: BTreeMap<(u32, Place), u32> = BTreeMap::new();
        let mut firsts: Vec<u32> = Vec::new();
        let mut slots: Vec<u32> = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let length = arrays.iter().map(|a| a.lengths[row]).min().unwrap_or(0);
            let is_merged = self.merges_single_rows() || rows_of_group[*group as usize] > 1;
            for at in 0..length {
                for (picks, array) in picks.iter_mut().zip(&arrays) {
                    picks.push(array.starts[row] + at);
                }
                let place = if is_merged {
                    let keys = arrays[..self.keys.len()].iter();
                    Place::Key(MapKey(
                        keys.map(|a| a.values.value((a.starts[row] + at) as usize))
                            .collect(),
                    ))
                } else {
                    Place::AsItIs(slots.len())
                };
                let fresh = firsts.len() as u32;
                let slot = *places.entry((*group, place)).or_insert(fresh);
                if slot == fresh {
                    firsts.push(slots.len() as u32);
                }
                slots.push(slot);
            }
        }

        let mut merged: Vec<Column> = Vec::with_capacity(arrays.len());
        for (at, (array, picks)) in arrays.iter().zip(&picks).enumerate() {
            let all = array.values.gather(picks);
            merged.push(if at < self.keys.len() {
                all.gather(&firsts)
            } else {
                summed(&all, inputs[at].1, &slots, firsts.len())?
            });
        }
        let zeros: Vec<Value> = inputs[self.keys.len()..]
            .iter()
            .map(|(_, ty)| match ty {
                DataType::Array(inner) => Column::defaults(inner, 1).value(0),
                _ => Value::Null,
            })
            .collect();
        let is_zero = |slot: u32| {
            let values = merged[self.keys.len()..].iter().zip(&zeros);
            values
                .into_iter()
                .all(|(column, zero)| column.value(slot as usize) == *zero)
        };
        let mut left: Vec<u32> = Vec::with_capacity(places.len());
        let mut lengths = vec![0u32; count];
        for ((group, place), slot) in &places {
            if matches!(place, Place::AsItIs(_)) || !is_zero(*slot) {
                left.push(*slot);
                lengths[*group as usize] += 1;
            }
        }
        let mut end = 0;
        let offsets: Vec<u32> = std::iter::once(0)
            .chain(lengths.into_iter().map(|length| {
                end += length;
                end
            }))
            .collect();
        let arrays = merged.iter().map(|values| {
            Column::Array(ArrayColumn {
                offsets: offsets.iter().copied().collect(),
                values: Box::new(values.gather(&left)),
            })
        });
        Ok(arrays.collect())
    }
}

/// The sum of the elements of each slot, in their own type, in which it wraps.
fn summed(all: &Column, ty: &DataType, slots: &[u32], count: usize) -> Result<Column, String> {
    let DataType::Array(inner) = ty else {
        return Err(format!("a map has a column of type {ty}"));
    };
    let sum = engine_functions::aggregate("sum", &[], std::slice::from_ref(inner.as_ref()))
        .ok_or("there is no aggregate sum")?
        .map_err(|e| e.to_string())?;
    let mut states = sum.accumulator();
    states.resize(count);
    states
        .update(slots, std::slice::from_ref(all))
        .and_then(|()| states.finish())
        .and_then(|sums| engine_functions::cast_column(&sums, sum.return_type(), inner))
        .map(|sums| sums.flatten())
        .map_err(|e| e.to_string())
}
