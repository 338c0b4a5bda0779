//! Sorting keys, partitions and late defaults of a table, computed for the storage.

use std::sync::Arc;

use engine_exec::CompiledExprs;
use engine_storage::{ColumnSource, KeyExprs, Part, Partitions, RowChange};
use engine_types::{Block, Column, DataType, Field, Value};

use crate::binding;
use crate::error::Result;
use crate::mutation_command::MutationCommand;
use crate::row_change::row_changes;
use crate::shape::{Shape, TableColumn};
use crate::statement::cast_for;

pub(crate) struct TableKeys {
    shape: Arc<Shape>,
    sorting_key: CompiledExprs,
    /// Stored columns the sorting key reads.
    inputs: Vec<usize>,
    partition: Option<(CompiledExprs, DataType)>,
    skip_indexes: Vec<CompiledExprs>,
}

impl TableKeys {
    pub(crate) fn new(shape: Arc<Shape>) -> Result<Self> {
        let mut inputs = Vec::new();
        for expr in &shape.sorting_key {
            binding::visit_columns(expr, &mut |c| {
                if let Some(stored) = shape.columns[c].stored
                    && !inputs.contains(&stored)
                {
                    inputs.push(stored);
                }
            });
        }
        let partition = match &shape.partition_key {
            Some(expr) => Some((CompiledExprs::new(std::slice::from_ref(expr))?, expr.ty.clone())),
            None => None,
        };
        Ok(Self {
            sorting_key: CompiledExprs::new(&shape.sorting_key)?,
            inputs,
            partition,
            skip_indexes: shape
                .skip_indexes
                .iter()
                .map(|index| CompiledExprs::new(&index.exprs))
                .collect::<std::result::Result<_, _>>()?,
            shape,
        })
    }

    fn table_block(&self, stored: &Block) -> Block {
        Block::new(self.shape.table_columns(stored), stored.rows())
    }
}

impl KeyExprs for TableKeys {
    fn sorting_key(&self, block: &Block) -> std::result::Result<Vec<Column>, String> {
        let columns = self
            .sorting_key
            .eval(&self.table_block(block))
            .map_err(|e| e.to_string())?;
        Ok(columns.iter().map(Column::flatten).collect())
    }

    fn sorting_key_inputs(&self) -> Option<Vec<usize>> {
        Some(self.inputs.clone())
    }

    fn partition(&self, block: &Block) -> std::result::Result<Partitions, String> {
        let Some((compiled, ty)) = &self.partition else {
            return Ok(Partitions::unpartitioned(block.rows()));
        };
        let columns = compiled
            .eval(&self.table_block(block))
            .map_err(|e| e.to_string())?;
        let column = columns.first().ok_or("a partition key without a value")?;
        Ok(partitions(column, ty))
    }

    fn partition_values(&self, id: &str) -> Vec<Option<Value>> {
        let elements = self.shape.partition_elements();
        let texts: Vec<&str> = if elements.len() == 1 {
            vec![id]
        } else {
            // A minus sign is no separator.
            if id.starts_with('-') || id.contains("--") {
                return Vec::new();
            }
            id.split('-').collect()
        };
        if texts.len() != elements.len() {
            return Vec::new();
        }
        elements
            .iter()
            .zip(texts)
            .map(|(element, text)| partition_value(text, &element.ty))
            .collect()
    }

    fn skip_index(&self, index: usize, block: &Block) -> std::result::Result<Vec<Column>, String> {
        let compiled = self
            .skip_indexes
            .get(index)
            .ok_or_else(|| format!("there is no skip index {index}"))?;
        compiled.eval(&self.table_block(block)).map_err(|e| e.to_string())
    }

    fn skip_index_inputs(&self) -> Option<Vec<usize>> {
        let mut inputs = Vec::new();
        for expr in self.shape.skip_indexes.iter().flat_map(|index| &index.exprs) {
            binding::visit_columns(expr, &mut |c| inputs.extend(self.shape.columns[c].stored));
        }
        inputs.sort_unstable();
        inputs.dedup();
        Some(inputs)
    }

    fn missing_column(
        &self,
        index: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
    ) -> std::result::Result<Column, String> {
        let rows = source.rows();
        let Some(stored) = self.shape.stored.get(index) else {
            return Err(format!("there is no stored column {index}"));
        };
        if let Some(from) = stored.converted_from {
            let old = source.column(from)?;
            return self.converted(&old, from, index, ty, source);
        }
        let Some(column) = stored.column.map(|c| &self.shape.columns[c]) else {
            return Ok(Column::defaults(ty, rows));
        };
        let value = self.default_of(column, index, ty, source, 0)?;
        Ok(value.flatten())
    }

    fn row_changes(&self, command: &[u8]) -> std::result::Result<Vec<Arc<dyn RowChange>>, String> {
        MutationCommand::decode(command)
            .and_then(|command| row_changes(&self.shape, &command))
            .map_err(|e| e.to_string())
    }
}

/// How many ALIAS columns may lead from a default to stored columns. A loop of them ends here.
const ALIASES_MAX: usize = 32;

impl TableKeys {
    /// Values of the stored column `from` in the type of `index`, which took its place. A NULL that has none there becomes
    /// the column's default.
    fn converted(
        &self,
        old: &Column,
        from: usize,
        index: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
    ) -> std::result::Result<Column, String> {
        let (was, is) = (&self.shape.stored[from], &self.shape.stored[index]);
        let (was, is) = (
            Field::new(&was.name, was.ty.clone()),
            Field::new(&is.name, ty.clone()),
        );
        let cast = cast_for(old, &was, &is).map_err(|e| e.to_string())?.flatten();
        let column = self.shape.stored[index].column.map(|c| &self.shape.columns[c]);
        let plain = old.flatten();
        match (column, &plain) {
            (Some(column), Column::Nullable(nullable)) if !ty.is_nullable() && column.default.is_some() => {
                let default = self.default_of(column, index, ty, source, 0)?.flatten();
                let rows = cast.len() as u32;
                let picks: Vec<u32> = (0..rows)
                    .zip(nullable.nulls.iter())
                    .map(|(row, null)| if *null != 0 { rows + row } else { row })
                    .collect();
                Ok(Column::concat(&[&cast, &default]).gather(&picks))
            }
            _ => Ok(cast),
        }
    }

    /// The default of a column over stored columns of old rows, through the ALIAS columns it names; `missing` is the
    /// stored column in question.
    fn default_of(
        &self,
        column: &TableColumn,
        missing: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
        depth: usize,
    ) -> std::result::Result<Column, String> {
        let rows = source.rows();
        let Some(default) = &column.default else {
            return Ok(Column::defaults(ty, rows));
        };
        if depth > ALIASES_MAX {
            return Err(format!(
                "the default of column `{}` depends on itself",
                column.name
            ));
        }
        let inputs = self.shape.columns.iter().enumerate().map(|(i, c)| {
            if !default.inputs.contains(&i) {
                return Ok(Column::defaults(&c.ty, rows));
            }
            match c.stored {
                Some(stored) if stored != missing => source.column(stored),
                Some(_) => Ok(Column::defaults(&c.ty, rows)),
                None => self.default_of(c, missing, &c.ty, source, depth + 1),
            }
        });
        let inputs = inputs.collect::<std::result::Result<Vec<_>, String>>()?;
        default.eval(&inputs, rows, ty).map_err(|e| e.to_string())
    }
}

/// Rows by the id of their partition value.
fn partitions(column: &Column, ty: &DataType) -> Partitions {
    let mut ids: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut rows = Vec::with_capacity(column.len());
    let mut last: Option<(Value, u32)> = None;
    for row in 0..column.len() {
        let value = column.value(row);
        if let Some((before, id)) = &last
            && *before == value
        {
            rows.push(*id);
            continue;
        }
        let id = values.iter().position(|v| *v == value).unwrap_or_else(|| {
            values.push(value.clone());
            ids.push(partition_id(&value, ty));
            ids.len() - 1
        }) as u32;
        rows.push(id);
        last = Some((value, id));
    }
    Partitions { ids, rows }
}

/// The value behind the id of a partition by one element, where the id is readable.
fn partition_value(id: &str, ty: &DataType) -> Option<Value> {
    if ty.is_nullable() {
        return None;
    }
    let bare = ty.bare();
    let value = match bare {
        DataType::Date => {
            let (year, rest) = id.split_at_checked(4)?;
            let (month, day) = rest.split_at_checked(2)?;
            engine_functions::parse_value(&format!("{year}-{month}-{day}"), bare).ok()?
        }
        ty if ty.is_unsigned() => Value::UInt(id.parse().ok()?),
        ty if ty.is_integer() => Value::Int(id.parse().ok()?),
        _ => return None,
    };
    (readable_id(&value, bare).as_deref() == Some(id)).then_some(value)
}

/// The partition value of a part for people, from the least values of its columns: in a part all rows have the same
/// partition value. The id where these are not known.
pub(crate) fn partition_text(shape: &Shape, part: &Part) -> String {
    let Some(key) = &shape.partition_key else {
        return "tuple()".to_owned();
    };
    let mut known = true;
    let columns: Vec<Column> = shape
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let mut needed = false;
            binding::visit_columns(key, &mut |c| needed |= c == at);
            let stored = column.stored.and_then(|s| shape.stored.get(s));
            match stored.filter(|_| needed).and_then(|s| part.min_max(&s.name)) {
                Some((least, _)) => Column::from_values(&column.ty, &[least]),
                None => {
                    known &= !needed;
                    Column::defaults(&column.ty, 1)
                }
            }
        })
        .collect();
    let value = CompiledExprs::new(std::slice::from_ref(key)).and_then(|e| e.eval(&Block::new(columns, 1)));
    match value.ok().as_deref() {
        Some([column]) if known => engine_functions::format_value(&column.value(0), &key.ty),
        _ => part.name().partition.clone(),
    }
}

/// ClickHouse's ids: whole numbers as digits (times are seconds), dates as YYYYMMDD, tuples of those joined by `-`, else
/// a hash of 128 bits.
pub(crate) fn partition_id(value: &Value, ty: &DataType) -> String {
    readable_id(value, ty).unwrap_or_else(|| {
        let text = engine_functions::format_value(value, ty);
        format!(
            "{:032x}",
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).as_u128()
        )
    })
}

fn readable_id(value: &Value, ty: &DataType) -> Option<String> {
    match (ty.bare(), value) {
        (DataType::Date, Value::UInt(_)) => Some(engine_functions::format_value(value, ty).replace('-', "")),
        (DataType::DateTime(_) | DataType::Bool, Value::UInt(n)) => Some(n.to_string()),
        (ty, Value::UInt(n)) if ty.is_integer() => Some(n.to_string()),
        (ty, Value::Int(n)) if ty.is_integer() => Some(n.to_string()),
        (DataType::Tuple(types), Value::Tuple(values)) => {
            let parts: Option<Vec<String>> = types
                .iter()
                .zip(values)
                .map(|((_, ty), value)| readable_id(value, ty))
                .collect();
            parts.filter(|p| !p.is_empty()).map(|p| p.join("-"))
        }
        _ => None,
    }
}
