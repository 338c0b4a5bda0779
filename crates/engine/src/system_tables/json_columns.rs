//! `system.json_columns`: which keys of JSON columns have columns of their own in each part.

use engine_storage::JsonCellsOnDisk;
use engine_types::{DataType, Value};

use super::{Rows, SystemState, text};
use crate::error::Result;

/// Not in ClickHouse.
pub(super) fn json_columns(state: &SystemState<'_>) -> Result<Rows> {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("partition_id", DataType::String),
        ("name", DataType::String),
        ("column", DataType::String),
        ("path", DataType::String),
        ("stored", DataType::String),
        ("types", DataType::String.array()),
        ("rows", DataType::UInt64),
        ("distinct_values", DataType::UInt64.nullable()),
        ("bytes_on_disk", DataType::UInt64),
        ("data_uncompressed_bytes", DataType::UInt64),
        ("codec", DataType::String),
    ];
    let mut rows = Vec::new();
    for (table, snapshot) in state.snapshots()? {
        for part in snapshot.parts() {
            for path in part.json_paths()? {
                let cells = path.stored;
                let kept = match &cells {
                    None => "text",
                    Some(cells) if cells.distinct.is_some() => "dictionary",
                    Some(_) => "plain",
                };
                let types = cells.iter().flat_map(|c| c.types.iter().map(text)).collect();
                let of_cells = |number: &dyn Fn(&JsonCellsOnDisk) -> u64| cells.as_ref().map_or(0, number);
                rows.push(vec![
                    text(&table.database),
                    text(&table.name),
                    text(&part.name().partition),
                    text(part.name().to_string()),
                    text(path.column),
                    text(path.path),
                    text(kept),
                    Value::Array(types),
                    Value::UInt(path.rows),
                    match cells.as_ref().and_then(|c| c.distinct) {
                        Some(distinct) => Value::UInt(distinct),
                        None => Value::Null,
                    },
                    Value::UInt(of_cells(&|c| c.data_bytes + c.marks_bytes)),
                    Value::UInt(of_cells(&|c| c.raw_bytes)),
                    text(cells.as_ref().map_or("", |c| c.codec.as_str())),
                ]);
            }
        }
    }
    Ok((schema, rows))
}
