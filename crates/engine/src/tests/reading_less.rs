//! What filters let a scan skip: keys, granules, indexes, late columns, caches, samples.

use super::{config, options, text};
use crate::{Engine, EngineConfig, ScanSummary};

fn opened(folder: &std::path::Path, granule_rows: Option<usize>, statements: &[&str]) -> Engine {
    let engine = Engine::open(
        folder,
        EngineConfig {
            granule_rows,
            ..config()
        },
    )
    .unwrap();
    for sql in statements {
        engine
            .query(sql, &options())
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    engine
}

fn scan_of(engine: &Engine, sql: &str) -> ScanSummary {
    let result = engine
        .query(sql, &options())
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    result.summary.scans.into_iter().next().expect("one scan")
}

/// Granules with a matching row, in granules of `rows` in the order of the one part of table `t`.
fn granules_with(engine: &Engine, key: &str, condition: &str, rows: usize) -> usize {
    let sql = format!(
        "SELECT uniqExact(intDiv(at, {rows})) FROM (SELECT *, row_number() OVER (ORDER BY {key}, id) - 1 AS at FROM t) \
         WHERE identity({condition})"
    );
    text(engine, &sql).trim().parse().unwrap()
}

#[test]
fn e_keycond_pruned_reads_are_full_reads_of_few_granules() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(7),
        &[
            "CREATE TABLE t (id UInt32, a Int32, ts DateTime('UTC'), s LowCardinality(String), x Float64, n Nullable(Int8)) \
             ENGINE = MergeTree ORDER BY (a, toDate(ts), s)",
            "INSERT INTO t SELECT number, intDiv(number * 7919 % 1000, 97) - 3, \
             toDateTime('2021-11-01 00:00:00', 'UTC') + number * 12345 % 5000000, \
             concat('e', toString(number % 23)), number / 7, if(number % 5 = 0, NULL, number % 11) FROM numbers(1000)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    let key = "a, toDate(ts), s";
    // A condition, and the number of ranges of keys that it is; `None`: only the answer counts.
    for (condition, ranges) in [
        ("a = 2", Some(1)),
        ("a IN (1, 3)", Some(2)),
        ("a > 1 AND a <= 4", Some(1)),
        ("NOT (a > 1)", Some(1)),
        ("a != 2", Some(2)),
        ("a + 1 = 3", Some(1)),
        ("-a = -2", Some(1)),
        ("toInt64(a) = 5", Some(1)),
        ("a = 1 OR a = 4", Some(2)),
        ("a = 1 OR s = 'e3'", None),
        ("(a = 1 AND toDate(ts) = '2021-11-09') OR a = 5", Some(2)),
        (
            "a = 2 AND ts >= '2021-11-10 00:00:00' AND ts < '2021-11-12 00:00:00'",
            Some(1),
        ),
        ("a = 2 AND toDate(ts) = '2021-11-10'", Some(1)),
        ("a = 2 AND toYYYYMM(ts) = 202111", Some(1)),
        ("a = 2 AND toStartOfMonth(ts) = '2021-12-01'", Some(1)),
        ("a = 2 AND toStartOfHour(ts) = '2021-11-10 05:00:00'", Some(1)),
        ("a = 2 AND toHour(ts) = 5", None),
        ("a = 2 AND toDayOfMonth(ts) < 4", None),
        ("(a, toDate(ts)) < (2, toDate('2021-11-20'))", Some(1)),
        ("(a, toDate(ts)) >= (2, toDate('2021-11-20'))", Some(1)),
        ("(a, s) IN ((1, 'e1'), (4, 'e7'))", None),
        (
            "(a, toDate(ts)) IN ((1, toDate('2021-11-09')), (4, toDate('2021-12-01')))",
            Some(2),
        ),
        ("(a, toDate(ts)) = (1, toDate('2021-11-09'))", Some(1)),
        ("a = 3 AND toDate(ts) = '2021-11-15' AND s LIKE 'e1%'", Some(1)),
        ("a = 3 AND s NOT LIKE 'e1%'", None),
        ("s LIKE '%1' AND a IN (SELECT 2)", None),
        ("startsWith(s, 'e22')", None),
        ("match(s, '^e1[0-4]')", None),
        ("x > 100", None),
        ("n = 3", None),
        ("isNull(n) AND a = 1", None),
        ("n IS NOT NULL AND a = 1", None),
        ("a = 100", Some(1)),
        ("a IN ()", None),
        ("0", None),
        ("intDiv(a, 2) = 1", Some(1)),
        ("a BETWEEN 2 AND 3", Some(1)),
        ("a > 1.5 AND a < 3.5", Some(1)),
        ("has([1, 2], a)", Some(1)),
    ] {
        let full = format!(
            "SELECT count(), sum(id) FROM (SELECT *, {condition} AS keep FROM t) WHERE identity(keep)"
        );
        if condition != "a IN ()" && condition != "0" {
            let pruned = format!("SELECT count(), sum(id) FROM t WHERE {condition}");
            assert_eq!(text(&engine, &pruned), text(&engine, &full), "{condition}");
            if let Some(ranges) = ranges {
                let scan = scan_of(&engine, &pruned);
                let exact = granules_with(&engine, key, condition, 7);
                assert!(
                    scan.granules_kept <= exact + 2 * ranges,
                    "{condition} keeps {} granules, {exact} have rows",
                    scan.granules_kept
                );
            }
        }
    }
}

#[test]
fn e_keycond_an_index_that_must_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(4),
        &[
            "CREATE TABLE t (id UInt32, d Date, v UInt32) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id",
            "INSERT INTO t SELECT number, toDate('2021-11-01') + number, number % 3 FROM numbers(60)",
            "SYSTEM FLUSH LOGS",
        ],
    );
    let code = |sql: &str| engine.query(sql, &options()).map(|_| ()).map_err(|e| e.code());
    for (condition, setting, outcome) in [
        ("id = 3", "force_primary_key", Ok(())),
        ("id = 3 OR v = 1", "force_primary_key", Err(277)),
        ("v = 1", "force_primary_key", Err(277)),
        ("d = '2021-11-05'", "force_index_by_date", Ok(())),
        ("toYYYYMM(d) = 202111", "force_index_by_date", Ok(())),
        ("id = 3", "force_index_by_date", Err(277)),
    ] {
        let sql = format!("SELECT count() FROM t WHERE {condition} SETTINGS {setting} = 1");
        assert_eq!(code(&sql), outcome, "{sql}");
    }
    let shown = text(
        &engine,
        "EXPLAIN indexes = 1 SELECT count() FROM t WHERE toYYYYMM(d) = 202111 AND id < 9",
    );
    for line in [
        "Partition",
        "Keys: toYYYYMM(d)",
        "PrimaryKey",
        "Keys: id",
        "Parts: 1/2",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn e_skipdate_one_day_of_a_month_is_a_tenth_of_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(64),
        &[
            // Days come one after the other in each team; the key's prefix is not asked for.
            "CREATE TABLE t (team UInt32, ts DateTime64(6, 'UTC'), v UInt64) ENGINE = MergeTree \
             PARTITION BY toYYYYMM(ts) ORDER BY (team, ts) SETTINGS index_granularity = 64",
            "INSERT INTO t SELECT number % 3, toDateTime64('2021-11-01 00:00:00', 6, 'UTC') + intDiv(number * 86400, 5000), \
             cityHash64(number) FROM numbers(150000)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    let month = scan_of(&engine, "SELECT sum(v) FROM t");
    engine
        .query("SYSTEM DROP UNCOMPRESSED CACHE", &options())
        .unwrap();
    for day in [
        "toDate(ts) = '2021-11-17'",
        "ts >= '2021-11-17 00:00:00' AND ts < '2021-11-18 00:00:00'",
        "toStartOfDay(ts) = '2021-11-17 00:00:00'",
    ] {
        let sql = format!("SELECT sum(v), count() FROM t WHERE {day}");
        let scan = scan_of(&engine, &sql);
        engine
            .query("SYSTEM DROP UNCOMPRESSED CACHE", &options())
            .unwrap();
        assert!(
            text(&engine, &sql).trim().ends_with("5000"),
            "{}",
            text(&engine, &sql)
        );
        engine
            .query("SYSTEM DROP UNCOMPRESSED CACHE", &options())
            .unwrap();
        assert!(
            scan.read.bytes * 10 <= month.read.bytes,
            "{day}: {} of {} bytes",
            scan.read.bytes,
            month.read.bytes
        );
        assert!(scan.granules_kept * 10 <= scan.granules);
    }
}

const INDEXED: &str = "CREATE TABLE t (id UInt64, u UUID, s String, w Nullable(String), tags Array(String), v Int32, \
    INDEX b u TYPE bloom_filter GRANULARITY 1, \
    INDEX bs lower(s) TYPE bloom_filter(0.01) GRANULARITY 2, \
    INDEX bt tags TYPE bloom_filter GRANULARITY 1, \
    INDEX m v * 2 TYPE minmax GRANULARITY 1, \
    INDEX st intDiv(v, 10) TYPE set(4) GRANULARITY 3, \
    INDEX ng s TYPE ngrambf_v1(3, 512, 3, 0) GRANULARITY 1, \
    INDEX tk w TYPE tokenbf_v1(512, 3, 7) GRANULARITY 2) \
    ENGINE = MergeTree ORDER BY id";
const INDEXED_ROWS: &str = "INSERT INTO t SELECT number, toUUID(concat('00000000-0000-0000-0000-0000', \
    leftPad(toString(number * 7919 % 100000), 8, '0'))), \
    concat('Text ', toString(intDiv(number, 50)), ' of ', if(intDiv(number, 100) % 2 = 0, 'apples', 'pears')), \
    if(number % 9 = 0, NULL, concat('word', toString(intDiv(number, 40)), ', other')), \
    [concat('t', toString(intDiv(number, 30))), 'all'], intDiv(number, 8) FROM numbers(2000)";

#[test]
fn e_idx_indexes_skip_only_what_cannot_match() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(10),
        &[INDEXED, INDEXED_ROWS, "OPTIMIZE TABLE t FINAL"],
    );
    for (condition, prunes) in [
        ("u = '00000000-0000-0000-0000-000000007919'", true),
        (
            "u IN ('00000000-0000-0000-0000-000000007919', '00000000-0000-0000-0000-000000015838')",
            true,
        ),
        ("u != '00000000-0000-0000-0000-000000007919'", false),
        ("lower(s) = 'text 7 of pears'", true),
        ("lower(s) IN ('text 7 of pears', 'nothing')", true),
        ("has(tags, 't12')", true),
        ("hasAny(tags, ['t12', 't40'])", true),
        ("hasAll(tags, ['all', 't12'])", true),
        ("NOT has(tags, 't12')", false),
        ("v * 2 > 480", true),
        ("v * 2 BETWEEN 100 AND 110", true),
        ("intDiv(v, 10) = 7", true),
        ("intDiv(v, 10) IN (3, 4)", true),
        ("intDiv(v, 10) % 5 = 3", true),
        ("intDiv(v, 10) != 7", true),
        ("s LIKE '%Text 12%'", true),
        ("s LIKE '%12 of pe%'", true),
        ("s LIKE 'Text 3_ of%'", true),
        ("s NOT LIKE '%Text 12%'", false),
        ("s LIKE '%ex%'", false),
        ("startsWith(s, 'Text 12')", true),
        ("endsWith(s, 'pears')", true),
        ("multiSearchAny(s, ['Text 12', 'Text 20'])", true),
        ("s = 'Text 7 of apples'", true),
        ("w = 'word3, other'", true),
        ("w LIKE 'word3, %'", true),
        ("w LIKE '%word3%'", false),
        ("w IS NULL", false),
        ("u = '00000000-0000-0000-0000-000000007919' OR v * 2 = 100", true),
        ("u = '00000000-0000-0000-0000-000000007919' OR s = 'x'", true),
        ("lower(s) = 'text 7 of pears' AND v * 2 > 100", true),
    ] {
        let on = format!("SELECT count(), sum(id) FROM t WHERE {condition}");
        let off = format!("{on} SETTINGS use_skip_indexes = 0");
        let full = format!(
            "SELECT count(), sum(id) FROM (SELECT *, {condition} AS keep FROM t) WHERE identity(keep)"
        );
        assert_eq!(text(&engine, &on), text(&engine, &full), "{condition}");
        assert_eq!(text(&engine, &off), text(&engine, &full), "{condition}");
        let (on, off) = (scan_of(&engine, &on), scan_of(&engine, &off));
        assert!(on.granules_kept <= off.granules_kept);
        assert_eq!(
            on.granules_kept < off.granules,
            prunes,
            "{condition}: {:?}",
            on.steps
        );
    }
}

#[test]
fn e_idx_a_look_up_by_uuid_reads_few_granules() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(64),
        &[
            "CREATE TABLE t (id UInt64, u UUID, INDEX u u TYPE bloom_filter(0.001) GRANULARITY 1) \
             ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t SELECT number, toUUID(concat('00000000-0000-4000-8000-0000', \
             leftPad(toString(number * 7919 % 1000000), 8, '0'))) FROM numbers(50000)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    let scan = scan_of(
        &engine,
        "SELECT id FROM t WHERE u = '00000000-0000-4000-8000-000000007919'",
    );
    assert!(
        scan.granules_kept * 50 < scan.granules,
        "{} of {} granules",
        scan.granules_kept,
        scan.granules
    );
    let shown = text(
        &engine,
        "EXPLAIN indexes = 1 SELECT id FROM t WHERE u = '00000000-0000-4000-8000-000000007919'",
    );
    assert!(shown.contains("Name: u"), "{shown}");
    let listed = text(
        &engine,
        "SELECT name, type, type_full, expr, granularity, data_compressed_bytes > 0, parts_with FROM system.data_skipping_indices",
    );
    assert_eq!(listed.trim(), "u\tbloom_filter\tbloom_filter(0.001)\tu\t1\t1\t1");
}

#[test]
fn e_idx_indexes_come_and_go_with_alter() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(10),
        &[
            "CREATE TABLE t (id UInt64, v UInt64) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t SELECT number, intDiv(number, 10) FROM numbers(1000)",
            "OPTIMIZE TABLE t FINAL",
            "ALTER TABLE t ADD INDEX i v TYPE bloom_filter GRANULARITY 1",
        ],
    );
    let sql = "SELECT count() FROM t WHERE v = 33";
    let kept = |engine: &Engine| {
        assert_eq!(text(engine, sql).trim(), "10");
        scan_of(engine, sql).granules_kept
    };
    assert_eq!(kept(&engine), 100);
    engine
        .query("ALTER TABLE t MATERIALIZE INDEX i", &options())
        .unwrap();
    assert!(kept(&engine) < 10);
    // Dropped and declared again as it was: its files still hold.
    engine.query("ALTER TABLE t DROP INDEX i", &options()).unwrap();
    assert_eq!(kept(&engine), 100);
    engine
        .query(
            "ALTER TABLE t ADD INDEX i v TYPE bloom_filter GRANULARITY 1",
            &options(),
        )
        .unwrap();
    assert!(kept(&engine) < 10);
    engine.query("ALTER TABLE t CLEAR INDEX i", &options()).unwrap();
    assert_eq!(kept(&engine), 100);
    for (bad, code) in [
        ("ALTER TABLE t ADD INDEX j v TYPE nonsense GRANULARITY 1", 36),
        (
            "ALTER TABLE t ADD INDEX j v TYPE tokenbf_v1(256, 2, 0) GRANULARITY 1",
            36,
        ),
        ("ALTER TABLE t MATERIALIZE INDEX nothing", 36),
    ] {
        assert_eq!(engine.query(bad, &options()).unwrap_err().code(), code, "{bad}");
    }
    let reopened = engine
        .close()
        .map(|()| Engine::open(folder.path(), config()).unwrap())
        .unwrap();
    assert_eq!(text(&reopened, sql).trim(), "10");
}

#[test]
fn e_pre_a_long_column_is_read_for_the_rows_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(32),
        &[
            "CREATE TABLE t (id UInt64, a UInt32, b UInt8, long String CODEC(NONE)) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t SELECT number, number * 7919 % 10007, number % 2, \
             concat(toString(number), repeat('x', 1000)) FROM numbers(10000)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    let all = scan_of(&engine, "SELECT sum(length(long)) FROM t").read;
    for sql in [
        "SELECT length(long) FROM t WHERE a = 4711",
        "SELECT length(long) FROM t PREWHERE a = 4711",
        "SELECT length(long) FROM t PREWHERE b < 2 WHERE a = 4711 AND long LIKE '%x'",
    ] {
        for cache in ["UNCOMPRESSED", "MARK"] {
            engine
                .query(&format!("SYSTEM DROP {cache} CACHE"), &options())
                .unwrap();
        }
        let result = engine.query(sql, &options()).unwrap();
        assert_eq!(result.rows().len(), 1, "{sql}");
        let read = result.summary.scans[0].read;
        // 313 granules, of which one is read of the long column; the others are short.
        assert!(
            read.raw_bytes * 50 < all.raw_bytes,
            "{sql}: {} of {} bytes",
            read.raw_bytes,
            all.raw_bytes
        );
        let long = text(
            &engine,
            "SELECT sum(column_data_compressed_bytes) FROM system.parts_columns WHERE column != 'long'",
        );
        let others: u64 = long.trim().parse().unwrap();
        let of_long = read.bytes.saturating_sub(others);
        assert!(
            of_long * 100 < all.bytes,
            "{sql}: {of_long} of {} bytes",
            all.bytes
        );
    }
}

#[test]
fn e_cache_the_second_run_reads_nothing_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(10),
        &[INDEXED, INDEXED_ROWS, "OPTIMIZE TABLE t FINAL"],
    );
    let sql = "SELECT count(), min(w), any(tags) FROM t WHERE u = '00000000-0000-0000-0000-000000007919' OR v > 100";
    assert!(scan_of(&engine, sql).read.bytes > 0);
    assert_eq!(scan_of(&engine, sql).read.bytes, 0);
    let metric = |engine: &Engine, name: &str| -> f64 {
        let sql = format!("SELECT value FROM system.asynchronous_metrics WHERE metric = '{name}'");
        text(engine, &sql).trim().parse().unwrap()
    };
    for name in ["UncompressedCache", "MarkCache", "SkippingIndexCache"] {
        assert!(metric(&engine, &format!("{name}Hits")) > 0.0, "{name}");
        assert!(metric(&engine, &format!("{name}Misses")) > 0.0, "{name}");
        assert!(metric(&engine, &format!("{name}Bytes")) > 0.0, "{name}");
    }
    for (command, name) in [
        ("SYSTEM DROP MARK CACHE", "MarkCache"),
        ("SYSTEM DROP UNCOMPRESSED CACHE", "UncompressedCache"),
        ("SYSTEM DROP SKIPPING INDEX CACHE", "SkippingIndexCache"),
    ] {
        engine.query(command, &options()).unwrap();
        assert_eq!(metric(&engine, &format!("{name}Bytes")), 0.0, "{command}");
    }
    assert!(scan_of(&engine, sql).read.bytes > 0);
}

#[test]
fn e_sample_a_tenth_and_its_complement_part_the_persons() {
    let folder = tempfile::tempdir().unwrap();
    let engine = opened(
        folder.path(),
        Some(16),
        &[
            "CREATE TABLE t (team UInt32, person String, v UInt32) ENGINE = MergeTree \
             ORDER BY (team, cityHash64(person)) SAMPLE BY cityHash64(person)",
            "INSERT INTO t SELECT 1, concat('p', toString(number % 1000)), number FROM numbers(5000)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    let count = |from: &str| -> (u64, u64) {
        let line = text(
            &engine,
            &format!("SELECT uniqExact(person), count() FROM t {from}"),
        );
        let mut numbers = line.trim().split('\t').map(|n| n.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    let (tenth, rest) = (count("SAMPLE 0.1"), count("SAMPLE 0.9 OFFSET 0.1"));
    assert_eq!((tenth.0 + rest.0, tenth.1 + rest.1), (1000, 5000));
    assert!((60..140).contains(&tenth.0), "{tenth:?}");
    assert_eq!(tenth.1, tenth.0 * 5, "persons are whole");
    assert_eq!(count("SAMPLE 0.1"), tenth);
    let sampled = scan_of(&engine, "SELECT count() FROM t SAMPLE 0.1 WHERE team = 1");
    assert!(sampled.granules_kept * 5 < sampled.granules, "{sampled:?}");
}
