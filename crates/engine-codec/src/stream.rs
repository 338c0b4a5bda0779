//! Which streams the rows of a type are written as, and what their bytes mean.

use engine_types::DataType;

use crate::step::Width;

/// The bytes of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    Numbers {
        width: Width,
        signed: bool,
        is_float: bool,
        /// Of a FixedString: numbers only as far as their width goes.
        is_text: bool,
    },
    /// Of strings, when a stream of kind `Text` follows; sizes of arrays.
    Lengths,
    /// One byte a row, 0 or 1.
    Nulls,
    Text,
}

impl StreamKind {
    pub fn unsigned(width: Width) -> Self {
        Self::Numbers {
            width,
            signed: false,
            is_float: false,
            is_text: false,
        }
    }

    fn signed(width: Width) -> Self {
        Self::Numbers {
            width,
            signed: true,
            is_float: false,
            is_text: false,
        }
    }

    fn float(width: Width) -> Self {
        Self::Numbers {
            width,
            signed: false,
            is_float: true,
            is_text: false,
        }
    }

    /// For people: `lengths`, `nulls`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Numbers { .. } => "values",
            Self::Lengths => "lengths",
            Self::Nulls => "nulls",
            Self::Text => "text",
        }
    }
}

/// Appends the streams of `ty` in the order in which [`crate::encode_column`] writes them.
pub(crate) fn stream_kinds(ty: &DataType, out: &mut Vec<StreamKind>) {
    match ty {
        DataType::Nothing | DataType::Bool | DataType::UInt8 => out.push(StreamKind::unsigned(Width::W1)),
        DataType::UInt16 | DataType::Date => out.push(StreamKind::unsigned(Width::W2)),
        DataType::UInt32 | DataType::DateTime(_) => out.push(StreamKind::unsigned(Width::W4)),
        DataType::UInt64 => out.push(StreamKind::unsigned(Width::W8)),
        DataType::Int8 => out.push(StreamKind::signed(Width::W1)),
        DataType::Int16 => out.push(StreamKind::signed(Width::W2)),
        DataType::Int32 => out.push(StreamKind::signed(Width::W4)),
        DataType::Int64 | DataType::DateTime64(..) | DataType::Interval(_) => {
            out.push(StreamKind::signed(Width::W8));
        }
        DataType::Float32 => out.push(StreamKind::float(Width::W4)),
        DataType::Float64 => out.push(StreamKind::float(Width::W8)),
        DataType::Uuid => out.push(StreamKind::unsigned(Width::W16)),
        DataType::FixedString(n) => out.push(match Width::from_bytes(*n) {
            Some(width) => StreamKind::Numbers {
                width,
                signed: false,
                is_float: false,
                is_text: true,
            },
            None => StreamKind::Text,
        }),
        DataType::String | DataType::AggregateFunction(_) => {
            out.extend([StreamKind::Lengths, StreamKind::Text]);
        }
        DataType::LowCardinality(inner) => stream_kinds(inner, out),
        DataType::Nullable(inner) => {
            out.push(StreamKind::Nulls);
            stream_kinds(inner, out);
        }
        DataType::Array(inner) => {
            out.push(StreamKind::Lengths);
            stream_kinds(inner, out);
        }
        DataType::Map(key, value) => {
            out.push(StreamKind::Lengths);
            stream_kinds(key, out);
            stream_kinds(value, out);
        }
        DataType::Tuple(types) => {
            for (_, ty) in types {
                stream_kinds(ty, out);
            }
        }
    }
}
