//! Codecs of columns, given and chosen: what parts say about them, and that rows survive every one of them.

use engine_storage::{Codec, ColumnCodec, Compression, KeyCondition, TableDef};
use engine_types::Value;

use crate::support::*;

fn chains() -> Vec<ColumnCodec> {
    let lz4 = Codec::Compress(Compression::Lz4);
    let zstd = Codec::Compress(Compression::Zstd(3));
    vec![
        ColumnCodec::Auto,
        ColumnCodec::of(Compression::None),
        ColumnCodec::of(Compression::Lz4High(9)),
        ColumnCodec::Chain(vec![Codec::Delta(None), zstd]),
        ColumnCodec::Chain(vec![Codec::DoubleDelta(None)]),
        ColumnCodec::Chain(vec![Codec::Gorilla(None), lz4]),
        ColumnCodec::Chain(vec![Codec::T64, lz4]),
    ]
}

#[test]
fn e_codec_rows_survive_every_codec_flushed_and_merged() {
    for codec in chains() {
        let (storage, table) = with_codec(events(), 16, Some(codec.clone()));
        for n in 0..3 {
            let rows = event_rows(n * 100..n * 100 + 100);
            storage.append(vec![(table, block(&events(), &rows))]).unwrap();
            storage.flush_all().unwrap();
        }
        assert_eq!(stored(&storage, table), sorted(event_rows(0..300)), "{codec}");
        storage.optimize(table, true).unwrap();
        assert_eq!(
            stored(&storage, table),
            sorted(event_rows(0..300)),
            "{codec}, merged"
        );
        for part in storage.snapshot(table).unwrap().parts() {
            part.check().unwrap();
        }
        let keys = block(&events(), &event_rows(290..310)).into_columns();
        let found = storage.contains(table, &keys[..2]).unwrap();
        assert_eq!(found.iter().filter(|f| **f).count(), 10);
    }
}

/// The events, every column without a codec of its own.
fn automatic() -> TableDef {
    let mut def = events();
    for column in &mut def.columns {
        column.codec = ColumnCodec::Auto;
    }
    def
}

#[test]
fn e_codec_a_part_tells_what_was_chosen_and_constant_columns_are_nearly_free() {
    let (storage, table) = with_table(automatic(), 8192);
    let rows: Vec<Row> = (0..20_000)
        .map(|n| {
            let mut row = event_row(n);
            row[0] = Value::Int(1);
            row[2] = Value::UInt(n / 25);
            row[5] = Value::Null;
            row[6] = Value::Array(Vec::new());
            row
        })
        .collect();
    storage.append(vec![(table, block(&automatic(), &rows))]).unwrap();
    storage.optimize(table, true).unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    let part = &snapshot.parts()[0];
    assert_eq!(part.rows(), 20_000);
    let columns = part.columns_on_disk();
    let of = |name: &str| columns.iter().find(|c| c.name == name).unwrap();
    for constant in ["team", "number", "tags"] {
        let column = of(constant);
        assert!(column.data_bytes < 600, "{column:?}");
        assert!(column.raw_bytes >= 4 * 20_000, "{column:?}");
    }
    assert!(of("at").data_bytes * 50 < of("at").raw_bytes, "{:?}", of("at"));
    assert!(of("event").codec.starts_with("codes: "), "{:?}", of("event"));
    assert!(of("event").data_bytes < 20_000 / 3, "{:?}", of("event"));
    // 64 bits of each are a function of the others, but no codec knows.
    assert!(of("uuid").data_bytes < 16 * 20_000, "{:?}", of("uuid"));
    assert_eq!(of("uuid").raw_bytes, 16 * 20_000);
    for column in &columns {
        assert!(
            !column.codec.is_empty() && !column.codec.contains("Auto"),
            "{column:?}"
        );
    }
    assert_eq!(stored(&storage, table), sorted(rows));
}

#[test]
fn e_codec_given_codecs_are_kept_for_new_parts() {
    let mut def = events();
    def.columns[2].codec = ColumnCodec::Chain(vec![
        Codec::DoubleDelta(None),
        Codec::Compress(Compression::Zstd(3)),
    ]);
    let (storage, table) = with_table(def.clone(), 64);
    let rows = event_rows(0..500);
    storage.append(vec![(table, block(&def, &rows))]).unwrap();
    storage.flush_all().unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    for part in snapshot.parts() {
        let columns = part.columns_on_disk();
        assert_eq!(columns[2].codec, "DoubleDelta, ZSTD(3)");
        assert_eq!(columns[0].codec, "LZ4");
        // What is left of its texts has a dictionary.
        assert_eq!(columns[4].codec, "codes: ZSTD(1)");
    }
    assert_eq!(scan(&snapshot, &KeyCondition::all(), 7), sorted(rows));
}
