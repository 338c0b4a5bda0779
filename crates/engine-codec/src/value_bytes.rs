//! Single values to bytes and back, for statistics files.

use engine_types::Value;

use crate::{ByteReader, CodecError};

/// Nesting that a value may have; deeper is damage.
const DEPTH_MAX: usize = 32;

/// Appends a tag byte and the value.
pub fn encode_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::UInt(v) => {
            out.push(1);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Int(v) => {
            out.push(2);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Float(v) => {
            out.push(3);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::String(v) => {
            out.push(4);
            out.extend_from_slice(&(v.len() as u32).to_le_bytes());
            out.extend_from_slice(v);
        }
        Value::Uuid(v) => {
            out.push(5);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Array(items) | Value::Tuple(items) => {
            out.push(if matches!(value, Value::Array(_)) { 6 } else { 7 });
            out.extend_from_slice(&(items.len() as u32).to_le_bytes());
            for item in items {
                encode_value(item, out);
            }
        }
    }
}

/// Undoes [`encode_value`].
pub fn decode_value(reader: &mut ByteReader<'_>) -> Result<Value, CodecError> {
    at_depth(reader, 0)
}

fn at_depth(reader: &mut ByteReader<'_>, depth: usize) -> Result<Value, CodecError> {
    let what = "value";
    Ok(match reader.u8(what)? {
        0 => Value::Null,
        1 => Value::UInt(reader.u64(what)?),
        2 => Value::Int(reader.u64(what)? as i64),
        3 => Value::Float(f64::from_bits(reader.u64(what)?)),
        4 => Value::String(reader.bytes(what)?.to_vec()),
        5 => Value::Uuid(reader.u128(what)?),
        tag @ (6 | 7) => {
            let len = reader.u32(what)? as usize;
            if depth >= DEPTH_MAX || len > reader.remaining() {
                return Err(reader.damaged(what, format!("{len} elements at depth {depth}")));
            }
            let items = (0..len)
                .map(|_| at_depth(reader, depth + 1))
                .collect::<Result<_, _>>()?;
            if tag == 6 {
                Value::Array(items)
            } else {
                Value::Tuple(items)
            }
        }
        tag => return Err(reader.damaged(what, format!("unknown tag {tag}"))),
    })
}
