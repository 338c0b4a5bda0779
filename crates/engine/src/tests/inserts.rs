//! Typed inserts: atomic over tables, de-duplicated by token, found by look-up.

use engine_types::{Column, DataType, Value};

use super::{open, text};
use crate::TableInsert;

const EVENTS: &str = "CREATE TABLE events (uuid UUID, team_id Int64, event LowCardinality(String), \
    properties String, browser String MATERIALIZED JSONExtractString(properties, 'browser'), \
    created_at DateTime64(6, 'UTC') DEFAULT toDateTime64('2021-01-01 00:00:00', 6, 'UTC'), \
    INDEX lookup_uuid (team_id, uuid) TYPE bloom_filter GRANULARITY 1) \
    ENGINE = MergeTree ORDER BY (team_id, event)";
const PERSONS: &str = "CREATE TABLE person (id UUID, team_id Int64, version UInt64) \
    ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, id)";

fn events(uuids: &[u128]) -> TableInsert {
    TableInsert::new(
        "events",
        vec![
            ("uuid".to_owned(), Column::Uuid(uuids.iter().copied().collect())),
            (
                "team_id".to_owned(),
                Column::constant(&DataType::Int64, &Value::Int(1), uuids.len()),
            ),
            (
                "event".to_owned(),
                Column::strings(uuids.iter().map(|_| "pageview")),
            ),
            (
                "properties".to_owned(),
                Column::strings(uuids.iter().map(|u| format!("{{\"browser\":\"b{u}\"}}"))),
            ),
        ],
    )
}

fn persons(id: u128, version: u64) -> TableInsert {
    TableInsert::new(
        "person",
        vec![
            ("id".to_owned(), Column::Uuid(vec![id].into())),
            ("team_id".to_owned(), Column::Int64(vec![1].into())),
            ("version".to_owned(), Column::UInt64(vec![version].into())),
        ],
    )
}

#[test]
fn rows_of_several_tables_are_there_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.query(EVENTS, &super::options()).unwrap();
    engine.query(PERSONS, &super::options()).unwrap();
    engine
        .insert(vec![events(&[1, 2]), persons(9, 1)], Some("batch-1"))
        .unwrap();
    let again = engine
        .insert(vec![events(&[1, 2]), persons(9, 1)], Some("batch-1"))
        .unwrap();
    assert!(again.deduplicated);
    let check = |engine: &crate::Engine| {
        assert_eq!(
            text(engine, "SELECT browser, created_at FROM events ORDER BY browser"),
            "b1\t2021-01-01 00:00:00.000000\nb2\t2021-01-01 00:00:00.000000\n"
        );
        assert_eq!(text(engine, "SELECT count() FROM person"), "1\n");
        let keys = [
            Column::Int64(vec![1, 1, 2].into()),
            Column::Uuid(vec![2, 3, 2].into()),
        ];
        assert_eq!(
            engine.contains("default", "events", &keys).unwrap(),
            vec![true, false, false]
        );
    };
    check(&engine);
    drop(engine);
    let engine = open(folder.path());
    check(&engine);
    assert!(
        engine
            .insert(vec![events(&[7])], Some("batch-1"))
            .unwrap()
            .deduplicated
    );
    engine.close().unwrap();
    let engine = open(folder.path());
    check(&engine);
    assert_eq!(text(&engine, "SELECT count() > 0 FROM system.parts"), "1\n");
}

#[test]
fn nothing_is_inserted_when_one_table_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.query(EVENTS, &super::options()).unwrap();
    let bad = TableInsert::new("nowhere", vec![("a".to_owned(), Column::UInt8(vec![1].into()))]);
    assert_eq!(
        engine.insert(vec![events(&[1]), bad], None).unwrap_err().code(),
        60
    );
    let unknown = TableInsert::new("events", vec![("a".to_owned(), Column::UInt8(vec![1].into()))]);
    assert_eq!(engine.insert(vec![unknown], None).unwrap_err().code(), 16);
    let computed = TableInsert::new("events", vec![("browser".to_owned(), Column::strings(["x"]))]);
    assert_eq!(engine.insert(vec![computed], None).unwrap_err().code(), 44);
    assert_eq!(text(&engine, "SELECT count() FROM events"), "0\n");
}

#[test]
fn background_threads_flush_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::EngineConfig {
        background: true,
        flush_rows: 1,
        ..super::config()
    };
    let engine = crate::Engine::open(folder.path(), config).unwrap();
    engine.query(EVENTS, &super::options()).unwrap();
    engine.insert(vec![events(&[1, 2, 3])], None).unwrap();
    // The threads wake several times a second; a minute is for a very busy machine.
    let start = std::time::Instant::now();
    while text(&engine, "SELECT count() FROM system.parts") == "0\n" {
        assert!(start.elapsed().as_secs() < 60, "never flushed");
        std::thread::yield_now();
    }
    assert_eq!(text(&engine, "SELECT count() FROM events"), "3\n");
    engine.close().unwrap();
}

#[test]
fn the_version_tells_inserts_and_goes_on_behind_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.query(PERSONS, &super::options()).unwrap();
    let empty = engine.version();
    engine.insert(vec![persons(1, 1)], Some("one")).unwrap();
    let one = engine.version();
    assert!(one > empty);
    engine.insert(vec![persons(1, 1)], Some("one")).unwrap();
    engine
        .query(
            "INSERT INTO person SELECT * FROM person WHERE version > 5",
            &super::options(),
        )
        .unwrap();
    engine.flush().unwrap();
    while engine.maintain().unwrap() {}
    assert_eq!(engine.version(), one);
    engine.close().unwrap();

    let engine = open(folder.path());
    assert_eq!(engine.version(), one);
    engine
        .query(
            "INSERT INTO person SELECT id, team_id, 2 FROM person",
            &super::options(),
        )
        .unwrap();
    assert!(engine.version() > one);
}
