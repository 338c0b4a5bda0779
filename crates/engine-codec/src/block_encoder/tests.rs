//! Every codec gives back every type; misuse is refused as ClickHouse does; the automatic choice finds what is small.

use engine_types::{Column, Value};
use proptest::prelude::*;

use super::*;
use crate::codec::{Codec, CodecMisuse};
use crate::pipeline::decode_pipeline;
use crate::step::{self, Coded};
use crate::{decode_column, decode_frame, encode_streams, lz4_compress, lz4_decompress};

fn ty(text: &str) -> DataType {
    DataType::parse(text).unwrap()
}

/// `Delta, ZSTD(3)` as in `CODEC(…)`.
fn chain(text: &str) -> Result<ColumnCodec, CodecMisuse> {
    if text == "Auto" {
        return Ok(ColumnCodec::Auto);
    }
    let codecs = text.split(", ").map(|codec| match codec.split_once('(') {
        None => Codec::parse(codec, &[]),
        Some((name, parameters)) => {
            let parameters: Vec<&str> = parameters.trim_end_matches(')').split(',').collect();
            Codec::parse(name, &parameters)
        }
    });
    Ok(ColumnCodec::Chain(codecs.collect::<Result<_, _>>()?))
}

/// The column as frames, in blocks of two granules of `granule_rows`.
fn written(
    column: &Column,
    ty: &DataType,
    codec: &ColumnCodec,
    granule_rows: usize,
) -> (Vec<u8>, BlockEncoder) {
    let mut encoder = BlockEncoder::new(ty, codec.clone());
    let (mut out, mut raw, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = 0;
    let mut granule = 0;
    while start < column.len() {
        let rows = granule_rows.min(column.len() - start);
        encode_streams(&column.slice(start, rows), ty, &mut raw, &mut ends).unwrap();
        start += rows;
        granule += 1;
        if granule % 2 == 0 || start == column.len() {
            encoder.encode(&raw, 0, &ends, &mut out).unwrap();
            raw.clear();
            ends.clear();
        }
    }
    (out, encoder)
}

fn raw_of(column: &Column, ty: &DataType, granule_rows: usize) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut start = 0;
    while start < column.len() {
        let rows = granule_rows.min(column.len() - start);
        encode_streams(&column.slice(start, rows), ty, &mut raw, &mut Vec::new()).unwrap();
        start += rows;
    }
    raw
}

fn check_round_trip(column: &Column, ty: &DataType, codec: &ColumnCodec, granule_rows: usize) {
    let (frames, _) = written(column, ty, codec, granule_rows);
    let (mut raw, mut at) = (Vec::new(), 0);
    while at < frames.len() {
        let (block, end) = decode_frame(&frames, at).unwrap_or_else(|e| panic!("{ty} {codec}: {e}"));
        raw.extend(block);
        at = end;
    }
    assert!(
        raw == raw_of(column, ty, granule_rows),
        "{ty} {codec}, {} rows",
        column.len()
    );
    if granule_rows >= column.len() {
        let back = decode_column(ty, column.len(), &raw).unwrap();
        let values = |c: &Column| (0..c.len()).map(|row| c.value(row)).collect::<Vec<_>>();
        assert_eq!(values(&back), values(column), "{ty} {codec}");
    }
}

const CODECS: [&str; 24] = [
    "Auto",
    "NONE",
    "LZ4",
    "LZ4HC",
    "LZ4HC(1)",
    "ZSTD",
    "ZSTD(0)",
    "ZSTD(9)",
    "Delta, LZ4",
    "Delta(1), ZSTD(3)",
    "Delta(2), ZSTD",
    "Delta(4), LZ4HC(3)",
    "Delta(8), NONE",
    "Delta, Delta, ZSTD",
    "DoubleDelta",
    "DoubleDelta, LZ4",
    "DoubleDelta(4), ZSTD",
    "Gorilla",
    "Gorilla, ZSTD",
    "Gorilla(8), LZ4",
    "T64",
    "T64, ZSTD(3)",
    "Delta, T64, LZ4",
    "Delta, DoubleDelta",
];

const TYPES: [&str; 27] = [
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
    "Date",
    "DateTime('UTC')",
    "DateTime64(6)",
    "IntervalDay",
    "UUID",
    "String",
    "FixedString(3)",
    "FixedString(8)",
    "Nullable(Int64)",
    "Nullable(String)",
    "Array(Int32)",
    "Array(Nullable(Float64))",
    "Map(String, Float64)",
    "Tuple(Int64, String, UUID)",
    "LowCardinality(String)",
    "Array(FixedString(3))",
];

fn mixed(n: u64) -> u64 {
    let mixed = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// A value of the type that the number stands for; extreme numbers give extreme values.
fn value(ty: &DataType, n: u64) -> Value {
    match ty {
        DataType::Nullable(_) if n % 7 == 3 => Value::Null,
        DataType::Nullable(inner) | DataType::LowCardinality(inner) => value(inner, n),
        DataType::String if n == 0 => Value::string(""),
        DataType::String => Value::string(format!("text {n}")),
        DataType::FixedString(w) => Value::String(n.to_le_bytes().iter().cycle().take(*w).copied().collect()),
        DataType::Uuid if n == u64::MAX => Value::Uuid(u128::MAX),
        DataType::Uuid => Value::Uuid(u128::from(n) << 64 | u128::from(mixed(n))),
        DataType::Float32 | DataType::Float64 => Value::Float(match n {
            u64::MAX => f64::NAN,
            n if n == 1 << 63 => f64::NEG_INFINITY,
            n => f64::from(n as i32) / 8.0,
        }),
        DataType::Array(inner) => Value::Array((0..n % 4).map(|i| value(inner, n.wrapping_add(i))).collect()),
        DataType::Map(k, v) => Value::Array(
            (0..n % 3)
                .map(|i| Value::Tuple(vec![value(k, i), value(v, n.wrapping_add(i))]))
                .collect(),
        ),
        DataType::Tuple(types) => Value::Tuple(types.iter().map(|(_, ty)| value(ty, n)).collect()),
        DataType::Bool => Value::UInt(n % 2),
        _ => Value::Int(n as i64),
    }
}

/// Empty, one row, constant, extremes in turn, rising, falling, few distinct, runs, random.
fn edge_vectors(ty: &DataType) -> Vec<Column> {
    let rows = 200;
    let extremes = [
        0,
        u64::MAX,
        1 << 63,
        (1 << 63) - 1,
        1 << 31,
        (1 << 31) - 1,
        255,
        128,
        1,
    ];
    let numbers: Vec<Vec<u64>> = vec![
        vec![],
        vec![5],
        vec![7; rows],
        (0..100).map(|n| extremes[n % extremes.len()]).collect(),
        (0..rows as u64).collect(),
        (0..rows as u64)
            .map(|n| 1_600_000_000_000_000 + n * 1_000_000)
            .collect(),
        (0..rows as u64).map(|n| u64::MAX - n * n).collect(),
        (0..rows as u64).map(|n| mixed(n) % 5 * 1000).collect(),
        (0..rows as u64).map(|n| n / 50).collect(),
        // More than the pieces in which numbers are packed.
        (0..1100).map(mixed).collect(),
    ];
    numbers
        .iter()
        .map(|list| Column::from_values(ty, &list.iter().map(|n| value(ty, *n)).collect::<Vec<_>>()))
        .collect()
}

#[test]
fn e_codec_every_codec_round_trips_every_type_on_edge_vectors() {
    let mut pairs = 0;
    for name in TYPES {
        let ty = ty(name);
        let vectors = edge_vectors(&ty);
        for codec in CODECS {
            let codec = chain(codec).unwrap();
            if codec.check(&ty).is_err() {
                continue;
            }
            pairs += 1;
            for column in &vectors {
                for granule_rows in [10_000, 130] {
                    check_round_trip(column, &ty, &codec, granule_rows);
                }
            }
        }
    }
    assert!(pairs > 350, "{pairs} pairs of codec and type");
}

#[test]
fn e_codec_regular_timestamps_take_less_than_two_percent() {
    for (name, step) in [
        ("DateTime64(6)", 1_000_000),
        ("DateTime('UTC')", 15),
        ("Int64", 3600),
    ] {
        let ty = ty(name);
        let rows: Vec<Value> = (0..8192).map(|n| Value::Int(1_600_000_000 + n * step)).collect();
        let column = Column::from_values(&ty, &rows);
        for codec in ["DoubleDelta", "DoubleDelta, LZ4", "Auto"] {
            let codec = chain(codec).unwrap();
            let (frames, _) = written(&column, &ty, &codec, 8192);
            let raw = raw_of(&column, &ty, 8192).len();
            assert!(
                frames.len() * 50 < raw,
                "{name} {codec}: {} of {raw}",
                frames.len()
            );
            check_round_trip(&column, &ty, &codec, 8192);
        }
    }
}

/// Each line was tried on ClickHouse 26.9.
#[test]
fn e_codec_misuse_is_refused_with_clickhouses_codes() {
    let cases = [
        ("String", "DoubleDelta", 36),
        ("String", "Delta", 36),
        ("String", "Delta(4)", 36),
        ("String", "Delta(4), LZ4", 0),
        ("String", "T64", 431),
        ("UUID", "Delta(8), LZ4", 0),
        ("UUID", "Delta, LZ4", 36),
        ("Int64", "Delta", 36),
        ("Int64", "Delta, LZ4", 0),
        ("Int64", "LZ4, Delta", 36),
        ("Int64", "Delta(3), LZ4", 433),
        ("Int64", "Gorilla", 36),
        ("Float64", "Gorilla", 0),
        ("Float64", "Gorilla(3), LZ4", 433),
        ("Float64", "DoubleDelta", 0),
        ("Float64", "Delta, ZSTD", 0),
        ("Float64", "T64", 431),
        ("Int64", "T64('bit')", 0),
        ("UInt8", "T64", 0),
        ("Int64", "DoubleDelta(8)", 0),
        ("Int64", "ZSTD(23)", 433),
        ("Int64", "ZSTD(0)", 0),
        ("Int64", "LZ4HC(13)", 0),
        ("Int64", "LZ4(3)", 378),
        ("Int64", "Foo", 432),
        ("Int64", "LZ4, ZSTD", 36),
        ("Int64", "NONE, LZ4", 36),
        ("Int64", "Delta, Default", 0),
        ("Int64", "Delta(1,2), LZ4", 431),
        ("Int64", "Delta, DoubleDelta", 0),
        ("Nullable(Int64)", "DoubleDelta, LZ4", 0),
        ("Array(Int64)", "Delta, LZ4", 0),
        ("Array(String)", "Delta, LZ4", 36),
        ("LowCardinality(String)", "Delta, LZ4", 36),
        ("LowCardinality(String)", "ZSTD", 0),
        ("Tuple(Int64, String)", "Delta, LZ4", 36),
        ("Map(String, Int64)", "Delta, LZ4", 36),
        ("FixedString(4)", "Delta, LZ4", 0),
    ];
    for (name, codec, code) in cases {
        let outcome = chain(codec).and_then(|chain| chain.check(&ty(name)));
        let found = outcome.as_ref().err().map_or(0, CodecMisuse::code);
        assert_eq!(found, code, "{name} {codec}: {outcome:?}");
    }
}

#[test]
fn the_automatic_choice_finds_what_is_small() {
    // Type, values, bits a row that are enough, what is in the description.
    let uuid_v7 = |n: u64| {
        let time = 0x0195_df32_c000 + u128::from(n * 37 % 86_400_000);
        time << 80 | 7 << 76 | u128::from(mixed(n) >> 52) << 64 | 2 << 62 | u128::from(mixed(n * 3) >> 2)
    };
    let text = |v: u128| {
        let hex = format!("{v:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Value::string(parts.join("-"))
    };
    type Of<'a> = Box<dyn Fn(u64) -> Value + 'a>;
    let cases: Vec<(&str, Of<'_>, usize, &str)> = vec![
        ("Int64", Box::new(|_| Value::Int(42)), 1, ""),
        ("String", Box::new(|_| Value::string("")), 1, ""),
        ("String", Box::new(|_| Value::string("$pageview")), 1, ""),
        ("UInt32", Box::new(|n| Value::UInt(n / 700)), 1, "RunLength"),
        (
            "Int64",
            Box::new(|n| Value::Int(-50 + (mixed(n) % 100) as i64)),
            8,
            "",
        ),
        (
            "Int64",
            Box::new(|n| Value::Int((n * 1000 + mixed(n) % 16) as i64)),
            6,
            "",
        ),
        (
            "DateTime64(6)",
            Box::new(|n| Value::Int((mixed(n) % 86_400_000 * 1000) as i64)),
            28,
            "BitPack",
        ),
        (
            "UInt64",
            Box::new(|n| Value::UInt(mixed(mixed(n) % 9))),
            6,
            "Dictionary",
        ),
        ("UUID", Box::new(|n| Value::Uuid(uuid_v7(n))), 104, "VaryingBits"),
        ("String", Box::new(|n| text(uuid_v7(n))), 104, "UUID, VaryingBits"),
        (
            "String",
            Box::new(|n| text(uuid_v7(mixed(n) % 200))),
            12,
            "Dictionary",
        ),
        (
            "String",
            Box::new(|n| {
                if n % 3 == 0 {
                    Value::string("")
                } else {
                    text(uuid_v7(n))
                }
            }),
            80,
            "UUID",
        ),
        (
            "Nullable(Int64)",
            Box::new(|n| {
                if n % 100 == 3 {
                    Value::Null
                } else {
                    Value::Int(n as i64)
                }
            }),
            3,
            "nulls: ",
        ),
    ];
    for (name, of, bits, part) in cases {
        let ty = ty(name);
        let rows: Vec<Value> = (0..8192).map(&of).collect();
        let column = Column::from_values(&ty, &rows);
        let (frames, encoder) = written(&column, &ty, &ColumnCodec::Auto, 8192);
        let description = encoder.description();
        assert!(
            frames.len() * 8 <= bits * 8192,
            "{name}: {} bytes, {description}",
            frames.len()
        );
        assert!(description.contains(part), "{name}: {description}");
        check_round_trip(&column, &ty, &ColumnCodec::Auto, 8192);
        assert!(encoder.raw_bytes() as usize == raw_of(&column, &ty, 8192).len());
    }
}

#[test]
fn a_choice_that_does_not_suit_a_later_block_is_made_anew() {
    let ty = ty("String");
    let uuid = |n: u64| Value::string(format!("{:08x}-0000-4000-8000-{:012x}", n as u32, mixed(n) >> 16));
    let rows: Vec<Value> = (0..4000)
        .map(|n| {
            if n < 2000 {
                uuid(n)
            } else {
                Value::string(format!("no uuid {}", mixed(n)))
            }
        })
        .collect();
    let column = Column::from_values(&ty, &rows);
    check_round_trip(&column, &ty, &ColumnCodec::Auto, 250);
}

#[test]
fn a_block_that_cuts_a_stream_gives_its_bytes_back() {
    let ty = ty("Tuple(String, Int64)");
    let rows: Vec<Value> = (0..500).map(|n| value(&ty, mixed(n) % 1000)).collect();
    let (mut raw, mut ends) = (Vec::new(), Vec::new());
    encode_streams(&Column::from_values(&ty, &rows), &ty, &mut raw, &mut ends).unwrap();
    for codec in ["Auto", "ZSTD", "NONE"] {
        for size in [700, 2000, 2001, 5003] {
            let mut encoder = BlockEncoder::new(&ty, chain(codec).unwrap());
            let mut back = Vec::new();
            for (at, piece) in raw.chunks(size).enumerate() {
                let start = at * size;
                let before = ends.partition_point(|e| *e <= start);
                let until = ends.partition_point(|e| *e <= start + piece.len());
                let inside: Vec<usize> = ends[before..until].iter().map(|e| e - start).collect();
                let mut frame = Vec::new();
                encoder.encode(piece, before, &inside, &mut frame).unwrap();
                back.extend(decode_frame(&frame, 0).unwrap().0);
            }
            assert!(back == raw, "{codec}, blocks of {size}");
        }
    }
}

#[test]
fn a_thorough_search_makes_lz4_smaller() {
    let text: String = (0..4000)
        .map(|n| {
            format!(
                "{{\"$browser\":\"Chrome\",\"n\":{},\"path\":\"/a/{}\"}}",
                mixed(n) % 50,
                mixed(n * 7) % 9
            )
        })
        .collect();
    let fast = lz4_compress(text.as_bytes()).len();
    let mut before = usize::MAX;
    for level in [1, 4, 9] {
        let high = Compression::Lz4High(level).compress(text.as_bytes()).unwrap();
        assert_eq!(lz4_decompress(&high, text.len()).unwrap(), text.as_bytes());
        assert!(
            high.len() <= before,
            "level {level}: {} after {before}",
            high.len()
        );
        before = high.len();
    }
    assert!(before * 10 < fast * 9, "{before} against {fast}");
}

fn steps() -> impl Strategy<Value = Step> {
    let width = prop::sample::select(vec![Width::W1, Width::W2, Width::W4, Width::W8]);
    let any_width = prop::sample::select(vec![Width::W1, Width::W2, Width::W4, Width::W8, Width::W16]);
    prop_oneof![
        width.clone().prop_map(Step::Delta),
        width.clone().prop_map(Step::DoubleDelta),
        width.clone().prop_map(Step::Gorilla),
        width.clone().prop_map(Step::T64),
        (width, any::<bool>()).prop_map(|(width, signed)| Step::BitPack { width, signed }),
        any_width.clone().prop_map(Step::RunLength),
        any_width.prop_map(Step::ValueDictionary),
        Just(Step::VaryingBits),
        Just(Step::TextDictionary),
        Just(Step::UuidText),
        prop::sample::select(vec![
            Compression::Lz4,
            Compression::Lz4High(3),
            Compression::Zstd(1),
            Compression::None
        ])
        .prop_map(Step::Compress),
    ]
}

/// Bytes with and without structure.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(prop::sample::select(vec![0u8, 0, 0, 1, 255]), 0..600),
        (any::<u64>(), 0u64..1000, 0usize..300).prop_map(|(first, step, rows)| {
            (0..rows as u64)
                .flat_map(|n| first.wrapping_add(n * step).to_le_bytes())
                .collect()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn e_codec_any_list_of_steps_round_trips(
        raw in bytes(), body in any::<prop::sample::Index>(), steps in prop::collection::vec(steps(), 0..5),
    ) {
        let mut coded = Coded { body: body.index(raw.len() + 1), bytes: raw.clone() };
        let mut done = Vec::new();
        for step in steps {
            let mut params = Vec::new();
            if let Some(next) = step.encode(&coded, &mut params).unwrap() {
                prop_assert!(next.body <= next.bytes.len());
                done.push((step, params, coded.bytes.len()));
                coded = next;
            }
        }
        let mut back = coded.bytes;
        for (step, params, len) in done.iter().rev() {
            back = step::decode(step.method(), params, &back, *len).unwrap();
        }
        prop_assert_eq!(back, raw);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn e_flip_any_flipped_bit_of_a_pipeline_is_an_error(rows in prop::collection::vec(0u64..5000, 1..60), bit in 0u32..8) {
        for name in ["Int64", "String"] {
            let ty = ty(name);
            let values: Vec<Value> = rows.iter().map(|n| value(&ty, *n)).collect();
            for codec in ["Auto", "Delta(8), ZSTD"] {
                let (mut frame, _) = written(&Column::from_values(&ty, &values), &ty, &chain(codec).unwrap(), 1000);
                for at in 0..frame.len() {
                    frame[at] ^= 1 << bit;
                    prop_assert!(decode_frame(&frame, 0).is_err(), "byte {} of {}", at, codec);
                    frame[at] ^= 1 << bit;
                }
            }
        }
    }

    /// What a checksum would catch must not harm either.
    #[test]
    fn damaged_pipelines_never_panic(
        rows in prop::collection::vec(0u64..50, 1..60),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), random in bytes(), step in steps(), len in 0usize..3000,
    ) {
        for name in ["Int64", "String", "UUID", "Float64", "Nullable(Int32)"] {
            let ty = ty(name);
            let values: Vec<Value> = rows.iter().map(|n| value(&ty, *n)).collect();
            for codec in ["Auto", "DoubleDelta", "Gorilla", "T64"] {
                let codec = chain(codec).unwrap();
                if codec.check(&ty).is_err() {
                    continue;
                }
                let (frame, _) = written(&Column::from_values(&ty, &values), &ty, &codec, 1000);
                let mut payload = frame[crate::FRAME_HEADER_BYTES..].to_vec();
                for (at, byte) in &edits {
                    let at = at.index(payload.len());
                    payload[at] = *byte;
                }
                let _ = decode_pipeline(&payload, len);
                payload.truncate(cut.index(payload.len() + 1));
                let _ = decode_pipeline(&payload, len);
            }
        }
        let _ = decode_pipeline(&random, len);
        let (params, input) = random.split_at(random.len().min(12));
        let _ = step::decode(step.method(), params, input, len);
    }
}

/// Parameters and output of each step as they are on disk: parts that were written must stay readable.
const BYTES_OF_STEPS: [(&str, &str); 10] = [
    (
        "08500700000000000000",
        "000000000000000000000000000000000000000000000000030000000000000003000000000000000300000000\
         000000800100000000000077feffffffffffff0300000000000000f6ffffffff000000",
    ),
    (
        "085007000000000000000000000000000000",
        "d480ae2fee9e8f31fefcffffff3f000000",
    ),
    ("0850", "03c21918ba1b20fa47f00072b90607670100000020"),
    (
        "0850",
        "29070000000000000097008f019700180160000000000040004000000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
         02",
    ),
    ("084801", "080700000000000080030000000102038300010000000000010000"),
    (
        "085008",
        "07000000000000000a000000000000000d00000000000000100000000000000090010000000000000700000000\
         0000000a0000000000000000000000000100000301010101010101",
    ),
    (
        "084805",
        "07000000000000000a000000000000000d000000000000001000000000000000900100000000000000a2110100\
         00000000010000",
    ),
    (
        "1040",
        "9f010000000000001f00000000000000000000000000000000000000000000008773500d083f0a000000000000\
         000000000000010000",
    ),
    (
        "0403",
        "0000000001000000020000000100000024002436316630633430342d356362332d313165372d393037622d6136\
         3030366164336462613036316630633430342d356362332d313165372d393037622d6136303036616433646261\
         31",
    ),
    (
        "0402",
        "a0dbd36a00a67b90e711b35c04c4f061a1dbd36a00a67b90e711b35c04c4f06105",
    ),
];

#[test]
fn e_compat_the_bytes_of_each_step_are_read_for_ever() {
    let numbers: Vec<u8> = [7u64, 7, 7, 10, 13, 16, 400, 7, 10, 1 << 40]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    let strings = [
        "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
        "",
        "61f0c404-5cb3-11e7-907b-a6006ad3dba1",
        "",
    ];
    let mut text: Vec<u8> = strings
        .iter()
        .flat_map(|s| (s.len() as u32).to_le_bytes())
        .collect();
    let body = text.len();
    text.extend(strings.concat().bytes());
    let wide = Width::W8;
    let steps = [
        (Step::Delta(wide), &numbers, 80),
        (Step::DoubleDelta(wide), &numbers, 80),
        (Step::Gorilla(wide), &numbers, 80),
        (Step::T64(wide), &numbers, 80),
        (
            Step::BitPack {
                width: wide,
                signed: true,
            },
            &numbers,
            72,
        ),
        (Step::RunLength(wide), &numbers, 80),
        (Step::ValueDictionary(wide), &numbers, 72),
        (Step::VaryingBits, &numbers, 64),
        (Step::TextDictionary, &text, body),
        (Step::UuidText, &text, body),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
            .collect()
    };
    let mut written = Vec::new();
    for (step, raw, body) in steps {
        let mut params = Vec::new();
        let input = Coded {
            bytes: raw.clone(),
            body,
        };
        let coded = step.encode(&input, &mut params).unwrap().unwrap();
        written.push((hex(&params), hex(&coded.bytes)));
    }
    let expected: Vec<(String, String)> = BYTES_OF_STEPS
        .iter()
        .map(|(p, b)| ((*p).to_owned(), (*b).to_owned()))
        .collect();
    assert_eq!(written, expected);
    for ((step, raw, _), (params, bytes)) in steps.iter().zip(BYTES_OF_STEPS) {
        let back = step::decode(step.method(), &unhex(params), &unhex(bytes), raw.len());
        assert_eq!(back.as_ref(), Ok(*raw), "{step}");
    }
}
