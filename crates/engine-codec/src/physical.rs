//! Which column form holds which type.

use engine_types::{ArrayColumn, Column, DataType, NullableColumn, TupleColumn};

/// Whether `column` is a form of `ty`, with `Const`, `Dict` and `Runs` allowed anywhere.
pub fn has_form(column: &Column, ty: &DataType) -> bool {
    match (column, ty) {
        (Column::Const(c), _) => has_form(&c.value, ty),
        (Column::Dict(d), _) => has_form(&d.values, ty),
        (Column::Runs(r), _) => has_form(r.values(), ty),
        (_, DataType::LowCardinality(inner)) => has_form(column, inner),
        (Column::UInt8(_), DataType::Nothing | DataType::Bool | DataType::UInt8)
        | (Column::UInt16(_), DataType::UInt16 | DataType::Date)
        | (Column::UInt32(_), DataType::UInt32 | DataType::DateTime(_))
        | (Column::UInt64(_), DataType::UInt64)
        | (Column::Int8(_), DataType::Int8)
        | (Column::Int16(_), DataType::Int16)
        | (Column::Int32(_), DataType::Int32)
        | (Column::Int64(_), DataType::Int64 | DataType::DateTime64(..) | DataType::Interval(_))
        | (Column::Float32(_), DataType::Float32)
        | (Column::Float64(_), DataType::Float64)
        | (Column::Uuid(_), DataType::Uuid)
        | (Column::String(_), DataType::String | DataType::AggregateFunction(_)) => true,
        (Column::String(s), DataType::FixedString(n)) => s.iter().all(|v| v.len() == *n),
        (Column::Nullable(n), DataType::Nullable(inner)) => has_form(&n.values, inner),
        (Column::Array(a), DataType::Array(inner)) => has_form(&a.values, inner),
        (Column::Array(a), DataType::Map(key, value)) => match &*a.values {
            Column::Tuple(t) => {
                matches!(t.elements.as_slice(), [k, v] if has_form(k, key) && has_form(v, value))
            }
            _ => false,
        },
        (Column::Tuple(t), DataType::Tuple(types)) => {
            t.elements.len() == types.len()
                && t.elements.iter().zip(types).all(|(c, (_, ty))| has_form(c, ty))
        }
        _ => false,
    }
}

/// The same rows without `Const` or `Dict` at any depth.
pub fn plain(column: &Column) -> Column {
    match column.flatten() {
        Column::Nullable(n) => Column::Nullable(NullableColumn {
            nulls: n.nulls,
            values: Box::new(plain(&n.values)),
        }),
        Column::Array(a) => Column::Array(ArrayColumn {
            offsets: a.offsets,
            values: Box::new(plain(&a.values)),
        }),
        Column::Tuple(t) => Column::Tuple(TupleColumn {
            elements: t.elements.iter().map(plain).collect(),
            len: t.len,
        }),
        other => other,
    }
}
