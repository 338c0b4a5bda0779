//! How SummingMergeTree and AggregatingMergeTree join the rows of one sorting key.

use engine_sql::ast::{TypeArg, TypeName};
use engine_storage::RowFold;
use engine_types::{Block, Column, DataType};

use crate::binding;
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::shape::{Shape, TableColumn};
use crate::summed_map::{SummedMap, nested_name, summed_maps};

/// Functions that `SimpleAggregateFunction` takes: joining their results is applying them again.
const SIMPLE: [&str; 14] = [
    "any",
    "anyLast",
    "min",
    "max",
    "sum",
    "sumWithOverflow",
    "groupBitAnd",
    "groupBitOr",
    "groupBitXor",
    "sumMap",
    "minMap",
    "maxMap",
    "groupArrayArray",
    "groupUniqArrayArray",
];

/// What becomes of the values of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Join {
    /// That of the first row.
    First,
    /// The function of all of them, in the column's own type (sums wrap).
    Function(String),
    States,
}

/// Of the stored columns of a table.
pub(crate) struct TableFold {
    columns: Vec<(Join, DataType)>,
    /// Rows are dropped when these all have the default of their type; empty: none are.
    sums: Vec<usize>,
    maps: Vec<SummedMap>,
}

/// The function of `SimpleAggregateFunction(function, T)`.
pub(crate) fn simple_function(ty: Option<&TypeName>) -> Option<String> {
    let ty = ty.filter(|ty| ty.name == "SimpleAggregateFunction")?;
    match ty.args.as_deref() {
        Some([TypeArg::Type(function), TypeArg::Type(_)]) => Some(function.name.clone()),
        _ => None,
    }
}

/// Refuses functions that cannot join their own results, and types that are not theirs.
pub(crate) fn check_simple_functions(columns: &[TableColumn]) -> Result<()> {
    for column in columns {
        let Some(function) = &column.joined_by else {
            continue;
        };
        if !SIMPLE.contains(&function.as_str()) {
            return Err(EngineError::refused(
                36,
                format!(
                    "Unsupported aggregate function {function}, supported functions are {}",
                    SIMPLE.join(",")
                ),
            ));
        }
        if function == "sumWithOverflow" {
            continue;
        }
        let found = engine_functions::aggregate(function, &[], std::slice::from_ref(&column.ty));
        let returns = match found {
            Some(found) => found?.return_type().clone(),
            None => return Err(EngineError::Internal(format!("no aggregate {function}"))),
        };
        if returns != *column.ty.without_low_cardinality() {
            return Err(EngineError::refused(
                36,
                format!(
                    "Incompatible data types between aggregate function '{function}' which returns {returns} and \
                     column storage type {}.",
                    column.ty
                ),
            ));
        }
    }
    Ok(())
}

impl TableFold {
    /// `None` for engines that keep or drop whole rows.
    pub(crate) fn of(shape: &Shape) -> Result<Option<Self>> {
        let summed = match &shape.kind {
            EngineKind::Summing { columns } => Some(columns),
            EngineKind::Aggregating => None,
            _ => return Ok(None),
        };
        let mut keys: Vec<usize> = Vec::new();
        for expr in shape.sorting_key.iter().chain(&shape.partition_key) {
            binding::visit_columns(expr, &mut |c| keys.push(c));
        }
        let joins = |(at, column): (usize, &TableColumn)| {
            let bare = match &column.ty {
                DataType::Nullable(inner) => inner,
                ty => ty,
            };
            if keys.contains(&at) {
                Join::First
            } else if let DataType::AggregateFunction(_) = column.ty {
                Join::States
            } else if let Some(function) = &column.joined_by {
                Join::Function(function.clone())
            } else if summed
                .is_some_and(|names| bare.is_number() && (names.is_empty() || names.contains(&column.name)))
            {
                Join::Function("sumWithOverflow".to_owned())
            } else {
                Join::First
            }
        };
        let of_table: Vec<Join> = shape.columns.iter().enumerate().map(joins).collect();
        let columns: Vec<(Join, DataType)> = shape
            .stored
            .iter()
            .map(|stored| {
                let join = stored.column.map_or(Join::First, |c| of_table[c].clone());
                (join, stored.ty.clone())
            })
            .collect();
        let joined: Vec<usize> = (0..columns.len())
            .filter(|&c| columns[c].0 != Join::First)
            .collect();
        let all_sums = joined.iter().all(|&c| {
            let simple = shape.stored[c]
                .column
                .is_some_and(|c| shape.columns[c].joined_by.is_some());
            !simple && columns[c].0 != Join::States
        });
        let maps = match summed {
            Some(_) => summed_maps(shape, &keys),
            None => Vec::new(),
        };
        Ok(Some(Self {
            columns,
            // As in ClickHouse, a row with a map stays, however empty it becomes.
            sums: if summed.is_some() && all_sums && maps.is_empty() {
                joined
            } else {
                Vec::new()
            },
            maps,
        }))
    }

    fn joined(
        &self,
        index: usize,
        column: &Column,
        groups: &[u32],
        firsts: &[u32],
    ) -> std::result::Result<Column, String> {
        let Some((join, ty)) = self.columns.get(index) else {
            return Err(format!("there is no stored column {index}"));
        };
        let function = match join {
            Join::First => return Ok(column.gather(firsts)),
            Join::States => {
                let states = engine_functions::merge_states(column, ty, groups, firsts.len());
                return states.map_err(|e| e.to_string());
            }
            Join::Function(function) if function == "sumWithOverflow" => "sum",
            Join::Function(function) => function,
        };
        let found = engine_functions::aggregate(function, &[], std::slice::from_ref(ty))
            .ok_or_else(|| format!("there is no aggregate {function}"))?
            .map_err(|e| e.to_string())?;
        let mut states = found.accumulator();
        states.resize(firsts.len());
        states
            .update(groups, std::slice::from_ref(column))
            .and_then(|()| states.finish())
            .and_then(|joined| engine_functions::cast_column(&joined, found.return_type(), ty))
            .map(|joined| joined.flatten())
            .map_err(|e| e.to_string())
    }
}

impl RowFold for TableFold {
    fn inputs(&self, columns: &[usize]) -> Vec<usize> {
        let mut inputs = self.sums.clone();
        for map in &self.maps {
            if map.columns().any(|c| columns.contains(&c)) {
                inputs.extend(map.columns());
            }
        }
        inputs
    }

    fn joins_single_rows(&self) -> bool {
        !self.maps.is_empty()
    }

    fn fold(
        &self,
        columns: &[usize],
        block: &Block,
        groups: &[u32],
        count: usize,
    ) -> std::result::Result<Block, String> {
        let mut firsts: Vec<u32> = Vec::with_capacity(count);
        for (row, group) in groups.iter().enumerate() {
            if firsts.len() == *group as usize {
                firsts.push(row as u32);
            }
        }
        let mut joined = columns
            .iter()
            .zip(block.columns())
            .map(|(index, column)| self.joined(*index, column, groups, &firsts))
            .collect::<std::result::Result<Vec<_>, String>>()?;
        let place = |stored: usize| columns.iter().position(|c| *c == stored);
        for map in &self.maps {
            if map.columns().all(|stored| place(stored).is_none()) {
                continue;
            }
            let column = |stored: usize| Some((block.column(place(stored)?), &self.columns[stored].1));
            let merged = map.merged(column, groups, count)?;
            for (stored, merged) in map.columns().zip(merged) {
                if let Some(at) = place(stored) {
                    joined[at] = merged;
                }
            }
        }
        Ok(Block::new(joined, count))
    }

    fn kept(&self, columns: &[usize], block: &Block) -> Option<Vec<u8>> {
        if self.sums.is_empty() {
            return None;
        }
        let mut kept = vec![0u8; block.rows()];
        for sum in &self.sums {
            let at = columns.iter().position(|c| c == sum)?;
            let column = block.column(at);
            let default = Column::defaults(&self.columns[*sum].1, 1).value(0);
            for (row, kept) in kept.iter_mut().enumerate() {
                *kept |= u8::from(column.value(row) != default);
            }
        }
        Some(kept)
    }
}

/// Refuses columns to sum that are not there, or are of the key.
pub(crate) fn check_summed(shape: &Shape) -> Result<()> {
    let EngineKind::Summing { columns } = &shape.kind else {
        return Ok(());
    };
    let mut keys = Vec::new();
    for expr in shape.sorting_key.iter().chain(&shape.partition_key) {
        binding::visit_columns(expr, &mut |c| keys.push(c));
    }
    for name in columns {
        // A structure is named as a whole.
        if !shape.columns.iter().any(|c| nested_name(&c.name) == name) {
            return Err(EngineError::refused(
                16,
                format!("Column {name} listed in columns to sum does not exist in table declaration."),
            ));
        }
        if shape.column(name).is_some_and(|at| keys.contains(&at)) {
            return Err(EngineError::refused(
                36,
                format!("Columns: {name} listed both in columns to sum and in a key. That is not allowed."),
            ));
        }
    }
    Ok(())
}
