//! TTL … RECOMPRESS with a fixed clock.

use std::path::Path;

use super::{config, ttl};
use crate::{Engine, QueryOptions};

fn at(engine: &Engine, now: &str, sql: &str) -> String {
    let options = QueryOptions::new(now.parse().unwrap());
    let answer = engine.query(sql, &options);
    answer.unwrap_or_else(|e| panic!("{sql}: {e}")).to_tab_separated()
}

fn refused(engine: &Engine, sql: &str) -> u32 {
    let options = QueryOptions::new("2021-01-01T00:00:00Z".parse().unwrap());
    engine.query(sql, &options).unwrap_err().code()
}

fn engine(folder: &Path) -> Engine {
    Engine::open(folder, config()).unwrap()
}

const RULES: &str =
    "d + INTERVAL 1 MONTH RECOMPRESS CODEC(ZSTD(17)), d + INTERVAL 1 YEAR RECOMPRESS CODEC(Delta, ZSTD(19))";

/// Two partitions, one a month older than the other.
fn table(engine: &Engine, rules: &str) {
    at(
        engine,
        "2021-01-01T00:00:00Z",
        &format!(
            "CREATE TABLE t (d DateTime, x UInt64, s String, c String CODEC(LZ4), j String COMMENT 'json') \
             ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY x TTL {rules}"
        ),
    );
    for month in ["01", "02"] {
        at(
            engine,
            "2021-01-01T00:00:00Z",
            &format!(
                "INSERT INTO t SELECT toDateTime('2021-{month}-01 00:00:00') + number * 60, number, toString(number % 7), \
                 'c', concat('{{\"a\":\"', toString(number % 3), '\",\"b\":', toString(number), '}}') FROM numbers(5000)"
            ),
        );
        engine.flush().unwrap();
    }
}

/// Partitions and the codecs of their parts.
const CODECS: &str = "SELECT partition, default_compression_codec FROM system.parts WHERE table = 't' AND active ORDER BY name";
const OF_COLUMNS: &str = "SELECT column, column_codec FROM system.parts_columns WHERE table = 't' AND partition_id = '202101' \
     AND column IN ('x', 's', 'c') ORDER BY column";
const ROWS: &str = "SELECT count(), sum(cityHash64(d, x, s, c, j)), sum(JSONExtractUInt(j, 'b')) FROM t";

#[test]
fn e_ttl_recompress_is_done_in_the_background_when_all_rows_are_old_enough() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path());
    table(&first, RULES);
    let rows = at(&first, "2021-01-01T00:00:00Z", ROWS);
    drop(first);
    // What a part knows of its rows is read back.
    let engine = engine(folder.path());
    at(&engine, "2021-02-04T11:00:00Z", "SELECT 1");
    assert!(
        !engine.maintain().unwrap(),
        "the last row of January is a month old only at 11:19"
    );
    at(&engine, "2021-02-04T11:20:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap());
    assert!(!engine.maintain().unwrap(), "it has the codec now");
    assert_eq!(
        at(&engine, "2021-02-04T11:20:00Z", CODECS),
        "202101\tZSTD(17)\n202102\tAuto\n"
    );
    assert_eq!(
        at(&engine, "2021-02-04T11:20:00Z", OF_COLUMNS),
        "c\tLZ4\ns\tcodes: ZSTD(17)\nx\tZSTD(17)\n"
    );
    assert_eq!(at(&engine, "2021-02-04T11:20:00Z", ROWS), rows);
    // The rule that passed last.
    at(&engine, "2022-01-20T00:00:00Z", "SELECT 1");
    while engine.maintain().unwrap() {}
    assert_eq!(
        at(&engine, "2022-01-20T00:00:00Z", CODECS),
        "202101\tDelta, ZSTD(19)\n202102\tZSTD(17)\n"
    );
    assert_eq!(
        at(&engine, "2022-01-20T00:00:00Z", OF_COLUMNS),
        "c\tLZ4\ns\tcodes: ZSTD(19)\nx\tDelta, ZSTD(19)\n"
    );
    drop(engine);
    let engine = self::engine(folder.path());
    at(&engine, "2022-01-20T00:00:00Z", "SELECT 1");
    assert!(!engine.maintain().unwrap(), "that is known after a restart");
    assert_eq!(at(&engine, "2022-01-20T00:00:00Z", ROWS), rows);
    // Keys are in columns of their own all the same.
    let apart = "SELECT count() > 0 FROM system.json_columns WHERE table = 't'";
    assert_eq!(at(&engine, "2022-01-20T00:00:00Z", apart), "1\n");
}

#[test]
fn e_ttl_recompress_rests_between_two_merges_of_a_partition() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    at(
        &engine,
        "2021-01-01T00:00:00Z",
        "CREATE TABLE t (d DateTime, x UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY x \
         TTL d + INTERVAL 1 MONTH RECOMPRESS CODEC(ZSTD(3))",
    );
    for row in [
        "'2021-01-01 00:00:00', 1",
        "'2021-01-01 00:00:00', 2",
        "'2021-02-01 00:00:00', 3",
    ] {
        at(
            &engine,
            "2021-01-01T00:00:00Z",
            &format!("INSERT INTO t VALUES ({row})"),
        );
        engine.flush().unwrap();
    }
    let done = |now: &str| {
        at(&engine, now, "SELECT 1");
        while engine.maintain().unwrap() {}
        let done = "SELECT count() FROM system.parts WHERE table = 't' AND active AND default_compression_codec = 'ZSTD(3)'";
        at(&engine, now, done)
    };
    assert_eq!(done("2021-06-01T00:00:00Z"), "2\n", "one of each partition");
    assert_eq!(done("2021-06-01T03:59:59Z"), "2\n");
    assert_eq!(done("2021-06-01T04:00:00Z"), "3\n");
    let alter = "ALTER TABLE t MODIFY SETTING merge_with_recompression_ttl_timeout = 0";
    at(&engine, "2021-06-01T04:00:00Z", alter);
    let alter = "ALTER TABLE t MODIFY TTL d RECOMPRESS CODEC(LZ4HC(9)), d + INTERVAL 1 MONTH RECOMPRESS CODEC(ZSTD(3))";
    at(&engine, "2021-06-01T04:00:00Z", alter);
    at(&engine, "2021-06-01T04:00:00Z", "OPTIMIZE TABLE t FINAL");
    assert_eq!(done("2021-06-01T04:00:00Z"), "2\n");
}

#[test]
fn e_ttl_recompress_of_merges_is_by_the_youngest_row() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let now = "2021-02-20T00:00:00Z";
    let run = |sql: &str| at(&engine, now, sql);
    run(
        "CREATE TABLE t (d DateTime, x UInt64) ENGINE = MergeTree ORDER BY x TTL d + INTERVAL 1 MONTH RECOMPRESS CODEC(ZSTD(3))",
    );
    run("INSERT INTO t VALUES ('2021-01-01 00:00:00', 1), ('1970-01-01 00:00:00', 9)");
    run("OPTIMIZE TABLE t FINAL");
    let codec = "SELECT default_compression_codec FROM system.parts WHERE table = 't' AND active";
    assert_eq!(run(codec), "ZSTD(3)\n");
    run("INSERT INTO t VALUES ('2021-02-01 00:00:00', 2)");
    run("OPTIMIZE TABLE t FINAL");
    assert_eq!(run(codec), "Auto\n");
    // A mutation goes by the rules as well, an older part is looked at, and of two that pass at once the last counts.
    run(
        "ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY RECOMPRESS CODEC(LZ4), d + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(5))",
    );
    run("ALTER TABLE t DELETE WHERE x = 1 SETTINGS mutations_sync = 1");
    assert_eq!(run(codec), "ZSTD(5)\n");
    assert_eq!(run("SELECT x FROM t ORDER BY x"), "2\n9\n");
    run("ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY RECOMPRESS CODEC(Default)");
    run("OPTIMIZE TABLE t FINAL");
    assert_eq!(run(codec), "Auto\n");
    run("ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(4))");
    while engine.maintain().unwrap() {}
    assert_eq!(run(codec), "ZSTD(4)\n");
    run("ALTER TABLE t REMOVE TTL");
    run("OPTIMIZE TABLE t FINAL");
    assert_eq!(run(codec), "Auto\n");
    assert_eq!(run("SELECT x FROM t ORDER BY x"), "2\n9\n");
}

#[test]
fn e_ttl_recompress_reaches_projections_and_is_refused_as_codecs_of_columns_are() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let now = "2021-06-01T00:00:00Z";
    let run = |sql: &str| at(&engine, now, sql);
    run(
        "CREATE TABLE t (d DateTime, x UInt64, y UInt64, PROJECTION p (SELECT y, d ORDER BY y)) ENGINE = MergeTree ORDER BY x \
         TTL d RECOMPRESS CODEC(ZSTD(3))",
    );
    run(
        "INSERT INTO t SELECT toDateTime('2021-01-01 00:00:00') + number, number, cityHash64(number) FROM numbers(2000)",
    );
    let sum = run("SELECT sum(cityHash64(x, y, d)) FROM t");
    run("OPTIMIZE TABLE t FINAL");
    assert_eq!(run("SELECT sum(cityHash64(x, y, d)) FROM t"), sum);
    assert_eq!(run("SELECT x FROM t WHERE y = cityHash64(77)"), "77\n");
    assert_eq!(run("CHECK TABLE t"), "1\n");
    assert_eq!(
        run(
            "SELECT create_table_query LIKE '%RECOMPRESS CODEC(ZSTD(3))%' FROM system.tables WHERE name = 't'"
        ),
        "1\n"
    );
    for (ttl, code) in [
        ("d RECOMPRESS CODEC(Foo)", 432),
        ("d RECOMPRESS CODEC(ZSTD(77))", 433),
        ("d RECOMPRESS CODEC(Delta)", 36),
        ("d RECOMPRESS CODEC(LZ4, ZSTD)", 36),
        ("x RECOMPRESS CODEC(ZSTD)", 450),
        ("toDateTime('2021-01-01 00:00:00') RECOMPRESS CODEC(ZSTD)", 36),
        ("d RECOMPRESS CODEC(ZSTD) WHERE x = 1", 62),
        ("d RECOMPRESS", 62),
    ] {
        let create =
            format!("CREATE TABLE bad (d DateTime, x UInt64) ENGINE = MergeTree ORDER BY x TTL {ttl}");
        assert_eq!(refused(&engine, &create), code, "{ttl}");
        assert_eq!(
            refused(&engine, &format!("ALTER TABLE t MODIFY TTL {ttl}")),
            code,
            "{ttl}"
        );
    }
}

#[test]
fn e_ttl_recompress_survives_power_cuts() {
    ttl::cut_power(
        "CREATE TABLE t (d DateTime, x UInt8) ENGINE = MergeTree ORDER BY x TTL d + INTERVAL 1 HOUR RECOMPRESS CODEC(ZSTD(2))",
        "INSERT INTO t VALUES ('2021-01-01 00:00:00', 1), ('2021-01-01 00:00:00', 2)",
        &|engine, cut| {
            let text = |sql: &str| at(engine, "2021-01-02T00:00:00Z", sql);
            assert_eq!(text("SELECT x FROM t ORDER BY x"), "1\n2\n", "cut {cut}");
            engine.flush().unwrap();
            while engine.maintain().unwrap() {}
            assert_eq!(text(CODECS), "tuple()\tZSTD(2)\n", "cut {cut}");
            assert_eq!(text("SELECT x FROM t ORDER BY x"), "1\n2\n", "cut {cut}");
        },
    );
}
