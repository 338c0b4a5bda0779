//! Hash functions that are bit-equal to ClickHouse's, UUID generation, and small formatters.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use engine_types::{Column, DataType, StringColumnBuilder, Value, with_buffer};

use crate::cityhash::{city_hash64, hash_pair};
use crate::definition::{ANY, Definition};
use crate::operand::{Native, array, map, plain};
use crate::siphash::sip_hash64;
use crate::{Argument, FunctionError, TypedColumn};

/// Hashes of single values and how those of several arguments combine.
#[derive(Clone, Copy)]
struct Family {
    bytes: fn(&[u8]) -> u64,
    /// Of a number that fits 64 bits.
    number: fn(u64, usize) -> u64,
    combine: fn(u64, u64) -> u64,
}

/// The finaliser of MurmurHash3 with ClickHouse's salt.
fn int_hash64(value: u64) -> u64 {
    let mut x = value ^ 0x4CF2_D2BA_AE6D_A887;
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

fn sip_number(v: u64, bytes: usize) -> u64 {
    sip_hash64(&v.to_le_bytes()[..bytes])
}

fn sip_pair(a: u64, b: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    sip_hash64(&bytes)
}

fn xx64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, 0)
}

const CITY: Family = Family {
    bytes: city_hash64,
    number: |v, _| int_hash64(v),
    combine: hash_pair,
};
const SIP: Family = Family {
    bytes: sip_hash64,
    number: sip_number,
    combine: sip_pair,
};
const XX: Family = Family {
    bytes: xx64,
    number: |v, bytes| xx64(&v.to_le_bytes()[..bytes]),
    combine: hash_pair,
};

/// Adds the hash of a column's rows to `out`; `first` sets instead of combining.
fn add(
    family: Family,
    column: &Column,
    ty: &DataType,
    out: &mut [u64],
    first: &mut bool,
) -> Result<(), FunctionError> {
    if let DataType::Tuple(elements) = ty {
        let Column::Tuple(tuple) = plain(column) else {
            return Err(FunctionError::form("tuples"));
        };
        for ((_, ty), column) in elements.iter().zip(&tuple.elements) {
            add(family, column, ty.without_low_cardinality(), out, first)?;
        }
        return Ok(());
    }
    let hashes = hashes(family, column, ty)?;
    for (out, hash) in out.iter_mut().zip(hashes) {
        *out = if *first {
            hash
        } else {
            (family.combine)(*out, hash)
        };
    }
    *first = false;
    Ok(())
}

fn hashes(family: Family, column: &Column, ty: &DataType) -> Result<Vec<u64>, FunctionError> {
    Ok(match plain(column) {
        // DateTime64 is a decimal in ClickHouse, hashed by its bytes.
        Column::Int64(b) if matches!(ty, DataType::DateTime64(..)) => {
            b.iter().map(|v| (family.bytes)(&v.to_le_bytes())).collect()
        }
        Column::String(s) => s.iter().map(family.bytes).collect(),
        Column::Uuid(b) => b
            .iter()
            .map(|v| {
                // In ClickHouse's memory a UUID is two little-endian halves, the high one first.
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&((v >> 64) as u64).to_le_bytes());
                bytes[8..].copy_from_slice(&(*v as u64).to_le_bytes());
                (family.bytes)(&bytes)
            })
            .collect(),
        Column::Float32(b) => b
            .iter()
            .map(|v| (family.number)(u64::from(v.to_bits()), 4))
            .collect(),
        Column::Float64(b) => b.iter().map(|v| (family.number)(v.to_bits(), 8)).collect(),
        Column::Array(_) => {
            let DataType::Array(element) = ty else {
                return Err(FunctionError::form("arrays"));
            };
            let a = array(column)?;
            let of = hashes(family, &a.values, element.without_low_cardinality())?;
            a.offsets
                .windows(2)
                .map(|w| {
                    let size = (family.number)(u64::from(w[1] - w[0]), 8);
                    of[w[0] as usize..w[1] as usize]
                        .iter()
                        .fold(size, |h, e| (family.combine)(h, *e))
                })
                .collect()
        }
        Column::Nullable(n) => {
            let mut of = hashes(family, &n.values, ty.bare())?;
            of.iter_mut()
                .zip(n.nulls.iter())
                .filter(|(_, n)| **n != 0)
                .for_each(|(h, _)| *h = 0);
            of
        }
        Column::Tuple(t) => {
            let mut out = vec![0; t.len];
            add(family, column, ty, &mut out, &mut true)?;
            out
        }
        other => with_buffer!(
            &other,
            b => {
                let bytes = size_of_val(&**b) / b.len().max(1);
                b.iter().map(|&v| (family.number)(v as u64, bytes)).collect()
            },
            _ => return Err(FunctionError::form("hashable values"))
        ),
    })
}

fn hash(args: &[TypedColumn], rows: usize, family: Family) -> Result<Column, FunctionError> {
    let mut out = vec![0u64; rows];
    let mut first = true;
    for arg in args {
        add(family, &arg.column, &arg.ty, &mut out, &mut first)?;
    }
    Ok(Column::UInt64(out.into()))
}

fn number_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    if args[0].ty.is_integer() {
        Ok(ty)
    } else {
        Err(FunctionError::illegal_type("intHash", args[0].ty))
    }
}

fn int_hash32(x: u64) -> u32 {
    // Thomas Wang's 64 to 32 bit hash, with ClickHouse's salt.
    let mut key = x ^ 0x75D9_543D_E018_BF45;
    key = (!key).wrapping_add(key << 18);
    key ^= key.rotate_right(31);
    key = key.wrapping_mul(21);
    key ^= key.rotate_right(11);
    key = key.wrapping_add(key << 6);
    key ^= key.rotate_right(22);
    key as u32
}

const SIZES: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

fn readable_size(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let values = f64::operand(&args[0].column)?;
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 10);
    for i in 0..rows {
        let (mut value, mut unit) = (values.at(i), 0);
        while value.abs() >= 1024.0 && unit + 1 < SIZES.len() {
            value /= 1024.0;
            unit += 1;
        }
        out.push(format!("{value:.2} {}", SIZES[unit]).as_bytes());
    }
    Ok(Column::String(out.finish()))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "cityHash64",
        (1, ANY),
        |_| Ok(DataType::UInt64),
        |a, _, n| hash(a, n, CITY),
    ),
    Definition::new(
        "sipHash64",
        (0, ANY),
        |_| Ok(DataType::UInt64),
        |a, _, n| hash(a, n, SIP),
    ),
    Definition::new(
        "xxHash64",
        (1, ANY),
        |_| Ok(DataType::UInt64),
        |a, _, n| hash(a, n, XX),
    ),
    Definition::new(
        "intHash64",
        (1, 1),
        |a| number_type(a, DataType::UInt64),
        |a, _, n| Ok(Column::UInt64(map(&u64::operand(&a[0].column)?, n, int_hash64))),
    ),
    Definition::new(
        "intHash32",
        (1, 1),
        |a| number_type(a, DataType::UInt32),
        |a, _, n| Ok(Column::UInt32(map(&u64::operand(&a[0].column)?, n, int_hash32))),
    ),
    Definition::new(
        "generateUUIDv4",
        (0, 1),
        |_| Ok(DataType::Uuid),
        |_, _, n| {
            Ok(Column::Uuid(
                (0..n).map(|_| uuid::Uuid::new_v4().as_u128()).collect(),
            ))
        },
    )
    .volatile(),
    Definition::new(
        "formatReadableSize",
        (1, 1),
        |a| {
            if a[0].ty.is_number() {
                Ok(DataType::String)
            } else {
                Err(FunctionError::illegal_type("formatReadableSize", a[0].ty))
            }
        },
        readable_size,
    ),
    Definition::new(
        "version",
        (0, 0),
        |_| Ok(DataType::String),
        |_, _, n| {
            Ok(Column::constant(
                &DataType::String,
                &Value::string("21.6.5.37"),
                n,
            ))
        },
    ),
];
