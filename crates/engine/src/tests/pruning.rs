//! Filters on keys read fewer granules and give the same rows.

use super::{config, options};
use crate::{Engine, EngineConfig};

fn engine(folder: &std::path::Path) -> Engine {
    let config = EngineConfig {
        granule_rows: Some(3),
        flush_every_insert: true,
        ..config()
    };
    let engine = Engine::open(folder, config).unwrap();
    for sql in [
        "CREATE TABLE e (team_id Int64, timestamp DateTime64(6, 'UTC'), event String, v Nullable(Int32)) \
         ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (team_id, toDate(timestamp), event)",
        "INSERT INTO e SELECT number % 3, toDateTime64('2021-11-01 00:00:00', 6, 'UTC') + toIntervalHour(number * 7), \
         concat('e', toString(number % 5)), if(number % 4 = 0, NULL, number) FROM numbers(200)",
    ] {
        engine.query(sql, &options()).unwrap();
    }
    engine
}

#[test]
fn pruned_scans_answer_like_full_ones() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let full = |condition: &str| {
        // A condition that nothing can be concluded from.
        format!("SELECT count(), sum(v) FROM (SELECT *, {condition} AS keep FROM e) WHERE identity(keep)")
    };
    for (condition, prunes) in [
        ("team_id = 1", true),
        ("1 = team_id", true),
        ("team_id IN (0, 2) AND event = 'e3'", true),
        ("team_id > 1", true),
        ("team_id = 1 AND timestamp >= '2021-12-01 00:00:00'", true),
        (
            "team_id = 2 AND timestamp > '2021-11-20 10:00:00' AND timestamp < '2021-11-21 00:00:00'",
            true,
        ),
        ("timestamp >= toDate('2021-12-25')", true),
        ("team_id = 0 AND toDate(timestamp) = '2021-11-08'", true),
        ("team_id = 5", true),
        ("event = 'e1'", false),
        ("v < 10", false),
        ("team_id = 1 OR event = 'e1'", false),
        ("NOT team_id = 1", false),
    ] {
        let pruned = engine
            .query(
                &format!("SELECT count(), sum(v) FROM e WHERE {condition}"),
                &options(),
            )
            .unwrap();
        let all = engine.query(&full(condition), &options()).unwrap();
        assert_eq!(pruned.rows(), all.rows(), "{condition}");
        let scan = &pruned.summary.scans[0];
        assert!(
            !prunes || scan.granules_kept < scan.granules,
            "{condition} kept {} of {} granules",
            scan.granules_kept,
            scan.granules
        );
    }
}

#[test]
fn explain_shows_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let shown = super::text(&engine, "EXPLAIN SELECT count() FROM e WHERE team_id = 1");
    assert!(shown.contains("Scan default.e"), "{shown}");
    assert!(shown.contains("granules: "), "{shown}");
}
