//! Round trips of every type and compression; every damaged byte is an error; row keys sort as values do.

use engine_types::{Column, DataType, DictColumn, Value};
use proptest::prelude::*;

use super::*;

fn types() -> impl Strategy<Value = DataType> {
    let leaf = prop::sample::select(vec![
        "Bool",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "Float32",
        "Float64",
        "String",
        "FixedString(3)",
        "FixedString(0)",
        "UUID",
        "Date",
        "DateTime('UTC')",
        "DateTime64(6)",
        "IntervalDay",
        "Nullable(Int64)",
        "Nullable(String)",
        "LowCardinality(String)",
        "LowCardinality(Nullable(String))",
        "Tuple()",
    ])
    .prop_map(|text| DataType::parse(text).unwrap());
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(DataType::array),
            (inner.clone(), inner.clone()).prop_map(|(k, v)| DataType::Map(Box::new(k), Box::new(v))),
            prop::collection::vec(inner, 0..3)
                .prop_map(|t| DataType::Tuple(t.into_iter().map(|t| (None, t)).collect())),
        ]
    })
}

/// A value that a column of the type gives back.
fn value_of(ty: &DataType) -> BoxedStrategy<Value> {
    let value = match ty {
        DataType::Nullable(inner) => prop_oneof![1 => Just(Value::Null), 3 => value_of(inner)].boxed(),
        DataType::LowCardinality(inner) => value_of(inner),
        DataType::String => prop::collection::vec(prop::sample::select(vec![0u8, 1, b'a', 255]), 0..6)
            .prop_map(Value::String)
            .boxed(),
        DataType::FixedString(n) => prop::collection::vec(any::<u8>(), *n)
            .prop_map(Value::String)
            .boxed(),
        DataType::Uuid => any::<u128>().prop_map(Value::Uuid).boxed(),
        DataType::Float32 => any::<f32>().prop_map(|v| Value::Float(f64::from(v))).boxed(),
        DataType::Float64 => prop_oneof![any::<f64>(), Just(f64::NAN), Just(-0.0)]
            .prop_map(Value::Float)
            .boxed(),
        DataType::Array(inner) => prop::collection::vec(value_of(inner), 0..4)
            .prop_map(Value::Array)
            .boxed(),
        DataType::Map(k, v) => prop::collection::vec((value_of(k), value_of(v)), 0..3)
            .prop_map(|pairs| {
                Value::Array(pairs.into_iter().map(|(k, v)| Value::Tuple(vec![k, v])).collect())
            })
            .boxed(),
        DataType::Tuple(elements) => elements
            .iter()
            .map(|(_, ty)| value_of(ty))
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        DataType::Bool => (0u64..2).prop_map(Value::UInt).boxed(),
        _ => any::<i64>().prop_map(Value::Int).boxed(),
    };
    // Integers wrap to the type on the way in.
    let ty = ty.clone();
    value
        .prop_map(move |v| Column::from_values(&ty, &[v]).value(0))
        .boxed()
}

fn column() -> impl Strategy<Value = (DataType, Vec<Value>)> {
    types().prop_flat_map(|ty| {
        let values = prop::collection::vec(value_of(&ty), 0..40);
        (Just(ty), values)
    })
}

fn values(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_column_round_trips_also_sliced((ty, rows) in column(), cut in any::<prop::sample::Index>()) {
        let column = Column::from_values(&ty, &rows);
        prop_assert!(has_form(&column, &ty));
        let start = cut.index(rows.len() + 1);
        for (column, rows) in [(column.clone(), &rows[..]), (column.slice(start, rows.len() - start), &rows[start..])] {
            let mut bytes = Vec::new();
            encode_column(&column, &ty, &mut bytes).unwrap();
            let back = decode_column(&ty, rows.len(), &bytes).unwrap();
            prop_assert!(has_form(&back, &ty));
            prop_assert_eq!(values(&back), rows);
            // Granule by granule into one column.
            let half = rows.len() / 2;
            let mut bytes = Vec::new();
            encode_column(&column.slice(0, half), &ty, &mut bytes).unwrap();
            encode_column(&column.slice(half, rows.len() - half), &ty, &mut bytes).unwrap();
            let mut decoder = ColumnDecoder::new(&ty);
            let mut reader = ByteReader::new(&bytes);
            decoder.append(half, &mut reader).unwrap();
            decoder.append(rows.len() - half, &mut reader).unwrap();
            prop_assert!(reader.is_at_end());
            prop_assert_eq!(values(&decoder.finish()), rows);
        }
    }

    #[test]
    fn a_shorter_column_is_an_error((ty, rows) in column(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        encode_column(&Column::from_values(&ty, &rows), &ty, &mut bytes).unwrap();
        if !bytes.is_empty() {
            let cut = cut.index(bytes.len());
            prop_assert!(decode_column(&ty, rows.len(), &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn random_bytes_never_panic(ty in types(), rows in 0usize..2000, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_column(&ty, rows, &bytes);
        let _ = decode_frame(&bytes, 0);
        let _ = decode_value(&mut ByteReader::new(&bytes));
        let _ = lz4_decompress(&bytes, rows);
    }

    #[test]
    fn frames_round_trip(raw in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..5000), level in 1i32..5) {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd(level)] {
            let mut bytes = vec![7; 3];
            encode_frame(&raw, compression, &mut bytes).unwrap();
            let (back, end) = decode_frame(&bytes, 3).unwrap();
            prop_assert_eq!(&back, &raw);
            prop_assert_eq!(end, bytes.len());
        }
    }

    #[test]
    fn any_flipped_byte_of_a_frame_is_an_error(raw in prop::collection::vec(any::<u8>(), 0..200), bit in 0u32..8, level in 1i32..3) {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd(level)] {
            let mut bytes = Vec::new();
            encode_frame(&raw, compression, &mut bytes).unwrap();
            for at in 0..bytes.len() {
                bytes[at] ^= 1 << bit;
                prop_assert!(decode_frame(&bytes, 0).is_err(), "byte {} of {}", at, compression);
                bytes[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn row_keys_sort_as_values_do((ty, rows) in column()) {
        let column = Column::from_values(&ty, &rows);
        let keys = row_keys(std::slice::from_ref(&column));
        for a in 0..rows.len() {
            for b in 0..rows.len() {
                prop_assert_eq!(keys.get(a).cmp(keys.get(b)), rows[a].cmp(&rows[b]), "{:?} {:?}", rows[a], rows[b]);
            }
        }
    }

    #[test]
    fn dictionaries_give_the_rows_back(words in prop::collection::vec(prop::option::of(0u32..400), 1..600), nullable in any::<bool>()) {
        let ty = DataType::parse(if nullable { "LowCardinality(Nullable(String))" } else { "LowCardinality(String)" }).unwrap();
        let rows: Vec<Value> = words.iter().map(|w| match w {
            None if nullable => Value::Null,
            w => Value::string(format!("w{}", w.unwrap_or(0))),
        }).collect();
        let column = Column::from_values(&ty, &rows);
        let dictionary = Dictionary::of(&[&column], &ty);
        let listed = values(dictionary.values());
        prop_assert!(listed.is_sorted_by(|a, b| a < b));
        let codes = dictionary.codes(&column).unwrap();
        let mut bytes = Vec::new();
        encode_codes(&codes, dictionary.width(), &mut bytes);
        let mut back = Vec::new();
        let mut reader = ByteReader::new(&bytes);
        decode_codes(rows.len(), dictionary.width(), dictionary.len(), &mut reader, &mut back).unwrap();
        let back = Column::Dict(DictColumn { codes: back.into(), values: dictionary.values().clone() });
        prop_assert_eq!(values(&back), rows);
        prop_assert_eq!(dictionary.codes(&back).unwrap(), codes);
    }

    #[test]
    fn values_round_trip((_, rows) in column()) {
        let mut bytes = Vec::new();
        for value in &rows {
            encode_value(value, &mut bytes);
        }
        let mut reader = ByteReader::new(&bytes);
        for value in &rows {
            prop_assert_eq!(&decode_value(&mut reader).unwrap(), value);
        }
    }
}

#[test]
fn encoded_forms_are_written_plainly() {
    let ty = DataType::parse("Nullable(Int32)").unwrap();
    let constant = Column::constant(&ty, &Value::Int(5), 3);
    let mut bytes = Vec::new();
    encode_column(&constant, &ty, &mut bytes).unwrap();
    assert_eq!(
        values(&decode_column(&ty, 3, &bytes).unwrap()),
        vec![Value::Int(5); 3]
    );
}

#[test]
fn a_column_of_another_form_is_refused() {
    let strings = Column::strings(["a"]);
    let error = encode_column(&strings, &DataType::FixedString(2), &mut Vec::new());
    assert!(matches!(error, Err(CodecError::Form { .. })));
    assert!(!has_form(&strings, &DataType::UInt8));
}

#[test]
fn hostile_sizes_are_refused_before_they_are_allocated() {
    let mut bytes = Vec::new();
    encode_frame(b"hello", Compression::None, &mut bytes).unwrap();
    bytes[21..25].copy_from_slice(&u32::MAX.to_le_bytes());
    let checksum = hash128(&bytes[16..]);
    bytes[..16].copy_from_slice(&checksum.to_le_bytes());
    let error = decode_frame(&bytes, 0).unwrap_err().to_string();
    assert_eq!(
        error,
        "block header at offset 0 is damaged: raw size 4294967295 is over 16777216"
    );
    assert!(lz4_decompress(&[1, 2, 3], 1 << 40).is_err());
    let sizes = [0xFF; 64];
    let array = DataType::parse("Array(Tuple())").unwrap();
    assert!(decode_column(&array, 16, &sizes).is_err());
}

#[test]
fn the_frame_header_has_its_documented_bytes() {
    let mut bytes = Vec::new();
    encode_frame(b"abc", Compression::Lz4, &mut bytes).unwrap();
    // Too short to compress: stored.
    assert_eq!(bytes[16], 0x02);
    assert_eq!(bytes[17..21], 12u32.to_le_bytes());
    assert_eq!(bytes[21..25], 3u32.to_le_bytes());
    assert_eq!(&bytes[25..], b"abc");
    let mut long = Vec::new();
    encode_frame(&[9; 1000], Compression::Lz4, &mut long).unwrap();
    assert_eq!(long[16], 0x82);
    let mut long = Vec::new();
    encode_frame(&[9; 1000], Compression::Zstd(3), &mut long).unwrap();
    assert_eq!(long[16], 0x90);
}
