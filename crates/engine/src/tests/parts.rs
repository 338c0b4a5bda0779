//! Parts through SQL: their names, layouts, keys and granules, and statements that take partitions apart.

use super::{config, error, open, options, text};
use crate::{Engine, EngineConfig, QueryOptions};

fn run(engine: &Engine, statements: &[&str]) {
    for sql in statements {
        engine
            .query(sql, &options())
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

/// Every insert is a part.
fn flushing(folder: &std::path::Path) -> Engine {
    let config = EngineConfig {
        flush_every_insert: true,
        ..config()
    };
    Engine::open(folder, config).unwrap()
}

fn names(engine: &Engine) -> String {
    text(engine, "SELECT name FROM system.parts WHERE active ORDER BY name").replace('\n', " ")
}

#[test]
fn e_name_parts_are_named_by_partition_blocks_and_level() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    run(
        &engine,
        &["CREATE TABLE t (x UInt8, p UInt8) ENGINE = MergeTree ORDER BY x PARTITION BY p"],
    );
    for n in 0..9 {
        run(&engine, &[&format!("INSERT INTO t VALUES ({n}, {})", n % 2)]);
    }
    assert_eq!(
        names(&engine),
        "0_1_1_0 0_2_2_0 0_3_3_0 0_4_4_0 0_5_5_0 1_1_1_0 1_2_2_0 1_3_3_0 1_4_4_0 "
    );
    run(&engine, &["OPTIMIZE TABLE t"]);
    assert_eq!(names(&engine), "0_1_5_1 1_1_4_1 ");
    run(
        &engine,
        &["OPTIMIZE TABLE t FINAL", "INSERT INTO t VALUES (9, 1)"],
    );
    assert_eq!(names(&engine), "0_1_5_2 1_1_4_2 1_5_5_0 ");
    drop(engine);
    let engine = flushing(folder.path());
    assert_eq!(names(&engine), "0_1_5_2 1_1_4_2 1_5_5_0 ");
    run(&engine, &["INSERT INTO t VALUES (10, 1)"]);
    assert_eq!(
        text(
            &engine,
            "SELECT name, partition, partition_id, level, rows, min_block_number, max_block_number, \
             data_version, part_type, files FROM system.parts WHERE table = 't' ORDER BY name"
        ),
        "0_1_5_2\t0\t0\t2\t5\t1\t5\t1\tCompact\t2\n\
         1_1_4_2\t1\t1\t2\t4\t1\t4\t1\tCompact\t2\n\
         1_5_5_0\t1\t1\t0\t1\t5\t5\t5\tCompact\t2\n\
         1_6_6_0\t1\t1\t0\t1\t6\t6\t6\tCompact\t2\n"
    );
}

/// As ClickHouse has them; what it hashes is hashed, to something else.
#[test]
fn e_name_partition_ids_are_derived_from_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    for (ty, key, value, id, shown) in [
        ("Date", "x", "'2021-11-05'", "20211105", "2021-11-05"),
        ("Date", "toYYYYMM(x)", "'2021-11-05'", "202111", "202111"),
        (
            "DateTime('UTC')",
            "x",
            "'2021-11-05 01:02:03'",
            "1636074123",
            "2021-11-05 01:02:03",
        ),
        ("Int8", "x", "-5", "-5", "-5"),
        (
            "UInt64",
            "x",
            "18446744073709551615",
            "18446744073709551615",
            "18446744073709551615",
        ),
        ("Bool", "x", "true", "1", "true"),
        ("Int8", "(x, x)", "-5", "-5--5", "(-5,-5)"),
        ("UInt8", "tuple()", "1", "all", "tuple()"),
    ] {
        run(
            &engine,
            &[
                &format!("CREATE TABLE p (x {ty}) ENGINE = MergeTree ORDER BY tuple() PARTITION BY {key}"),
                &format!("INSERT INTO p VALUES ({value})"),
            ],
        );
        let part = text(&engine, "SELECT partition_id, name, partition FROM system.parts");
        assert_eq!(part, format!("{id}\t{id}_1_1_0\t{shown}\n"), "{ty} {key}");
        run(&engine, &["DROP TABLE p SYNC"]);
    }
    run(
        &engine,
        &[
            "CREATE TABLE p (x String) ENGINE = MergeTree ORDER BY tuple() PARTITION BY x",
            "INSERT INTO p VALUES ('a'), ('b'), ('a')",
        ],
    );
    let shown = text(
        &engine,
        "SELECT count(), uniqExact(partition_id), min(length(partition_id)), min(match(partition_id, '^[0-9a-f]{32}$')) \
         FROM system.parts",
    );
    assert_eq!(shown, "2\t2\t32\t1\n");
    run(&engine, &["ALTER TABLE p DROP PARTITION 'a'"]);
    assert_eq!(text(&engine, "SELECT x FROM p"), "b\n");
}

#[test]
fn an_insert_into_more_than_a_hundred_partitions_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &["CREATE TABLE t (x UInt32) ENGINE = MergeTree ORDER BY x PARTITION BY x"],
    );
    let insert = |n: u32, settings: &str| format!("INSERT INTO t SELECT number FROM numbers({n}){settings}");
    let refused = error(&engine, &insert(101, ""));
    assert_eq!(refused.code(), 252);
    assert!(
        refused.to_string().contains("max_partitions_per_insert_block"),
        "{refused}"
    );
    let values: Vec<String> = (0..101).map(|n| format!("({n})")).collect();
    assert_eq!(
        error(&engine, &format!("INSERT INTO t VALUES {}", values.join(","))).code(),
        252
    );
    assert_eq!(text(&engine, "SELECT count() FROM t"), "0\n");
    run(
        &engine,
        &[
            &insert(100, ""),
            &insert(101, " SETTINGS max_partitions_per_insert_block = 0"),
        ],
    );
    let few: QueryOptions = options().with_setting("max_partitions_per_insert_block", 3);
    let outcome = engine.query("INSERT INTO t VALUES (1), (2), (3), (4)", &few);
    assert_eq!(outcome.unwrap_err().code(), 252);
    engine
        .query("INSERT INTO t VALUES (1), (2), (3), (1)", &few)
        .unwrap();
    assert_eq!(text(&engine, "SELECT count() FROM t"), "205\n");
}

#[test]
fn e_key_the_primary_key_is_a_prefix_of_the_sorting_key() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let create =
        |keys: &str| format!("CREATE OR REPLACE TABLE k (a DateTime, b Int8) ENGINE = MergeTree {keys}");
    for keys in [
        "ORDER BY (a, b) PRIMARY KEY b",
        "ORDER BY (toDate(a), b) PRIMARY KEY a",
        "ORDER BY a PRIMARY KEY (a, b)",
    ] {
        assert_eq!(error(&engine, &create(keys)).code(), 36, "{keys}");
    }
    for (keys, sorting) in [
        ("ORDER BY (a, b) PRIMARY KEY a", "a, b"),
        ("ORDER BY (toDate(a), b) PRIMARY KEY toDate(a)", "toDate(a), b"),
        ("ORDER BY (b, negate(b))", "b, negate(b)"),
        ("ORDER BY tuple()", ""),
    ] {
        run(
            &engine,
            &[
                &create(keys),
                "INSERT INTO k VALUES ('2021-11-05 10:00:00', 2), ('2021-11-05 09:00:00', 1)",
            ],
        );
        assert_eq!(
            text(&engine, "SELECT sorting_key FROM system.tables WHERE name = 'k'"),
            format!("{sorting}\n")
        );
        assert_eq!(
            text(
                &engine,
                "SELECT b FROM k WHERE toDate(a) = '2021-11-05' ORDER BY b"
            ),
            "1\n2\n"
        );
    }
}

#[test]
fn e_pk_equal_keys_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (k UInt8, v UInt8) ENGINE = MergeTree ORDER BY k",
            "INSERT INTO t VALUES (1, 1)",
            "INSERT INTO t VALUES (1, 1)",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    assert_eq!(text(&engine, "SELECT count() FROM t"), "2\n");
    assert_eq!(
        text(
            &engine,
            "SELECT primary_key_bytes_in_memory > 0 FROM system.parts"
        ),
        "1\n"
    );
}

/// 8192 rows or 10 MiB, and never less than a row.
#[test]
fn e_gran_granules_end_by_rows_or_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    for (rows, bytes, granules) in [(20_000, 1, 3), (2100, 10 << 10, 3), (3, 20 << 20, 3)] {
        run(
            &engine,
            &[
                "CREATE OR REPLACE TABLE g (n UInt8, s String CODEC(LZ4)) ENGINE = MergeTree ORDER BY tuple()",
                &format!("INSERT INTO g SELECT number, repeat('x', {bytes}) FROM numbers({rows})"),
            ],
        );
        // The last mark is the end.
        assert_eq!(
            text(
                &engine,
                "SELECT marks - 1, rows FROM system.parts WHERE table = 'g' AND active"
            ),
            format!("{granules}\t{rows}\n"),
            "{bytes} bytes"
        );
        assert_eq!(
            text(&engine, "SELECT count(), sum(length(s)) FROM g"),
            format!("{rows}\t{}\n", rows * bytes)
        );
    }
}

#[test]
fn e_wide_settings_of_the_table_choose_the_layout() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    for (settings, layout) in [
        ("", "Compact"),
        ("SETTINGS min_bytes_for_wide_part = 0", "Wide"),
        (
            "SETTINGS min_bytes_for_wide_part = 0, min_rows_for_wide_part = 11",
            "Compact",
        ),
        (
            "SETTINGS min_bytes_for_wide_part = 0, min_rows_for_wide_part = 10",
            "Wide",
        ),
    ] {
        run(
            &engine,
            &[
                &format!("CREATE OR REPLACE TABLE w (n UInt64) ENGINE = MergeTree ORDER BY n {settings}"),
                "INSERT INTO w SELECT number FROM numbers(10)",
            ],
        );
        assert_eq!(
            text(
                &engine,
                "SELECT part_type FROM system.parts WHERE table = 'w' AND active"
            ),
            format!("{layout}\n"),
            "{settings}"
        );
        assert_eq!(
            text(
                &engine,
                "SELECT part_type FROM system.parts_columns WHERE table = 'w' AND active"
            ),
            format!("{layout}\n"),
        );
    }
}

#[test]
fn e_parts_too_many_parts_refuse_an_insert() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (x UInt8, p UInt8) ENGINE = MergeTree ORDER BY x PARTITION BY p \
             SETTINGS parts_to_delay_insert = 0, parts_to_throw_insert = 2",
            "INSERT INTO t VALUES (1, 0)",
            "INSERT INTO t VALUES (2, 0)",
            "INSERT INTO t VALUES (2, 1)",
        ],
    );
    assert_eq!(error(&engine, "INSERT INTO t VALUES (3, 0)").code(), 252);
    let metric = |name: &str| {
        text(
            &engine,
            &format!("SELECT value FROM system.asynchronous_metrics WHERE metric = '{name}'"),
        )
    };
    assert_eq!(metric("RejectedInserts"), "1\n");
    assert_eq!(metric("MaxPartCountForPartition"), "2\n");
    run(
        &engine,
        &[
            "ALTER TABLE t MODIFY SETTING parts_to_throw_insert = 3",
            "INSERT INTO t VALUES (3, 0)",
        ],
    );
    assert_eq!(error(&engine, "INSERT INTO t VALUES (4, 0)").code(), 252);
    run(&engine, &["OPTIMIZE TABLE t", "INSERT INTO t VALUES (4, 0)"]);
    assert_eq!(text(&engine, "SELECT count() FROM t"), "5\n");
}

#[test]
fn e_alter_partitions_are_detached_attached_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (d Date, x UInt8) ENGINE = MergeTree ORDER BY x PARTITION BY toYYYYMM(d)",
            "INSERT INTO t VALUES ('2021-10-01', 1), ('2021-11-01', 2), ('2021-12-01', 3)",
            "ALTER TABLE t DETACH PARTITION 202110, DETACH PARTITION ID '202111'",
        ],
    );
    assert_eq!(text(&engine, "SELECT x FROM t"), "3\n");
    let detached = "SELECT name, partition_id, reason, min_block_number, level, bytes_on_disk > 0 \
                    FROM system.detached_parts ORDER BY name";
    assert_eq!(
        text(&engine, detached),
        "202110_1_1_0\t202110\t\t1\t0\t1\n202111_1_1_0\t202111\t\t1\t0\t1\n"
    );
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(text(&engine, "SELECT x FROM t"), "3\n");
    run(
        &engine,
        &[
            "ALTER TABLE t ATTACH PARTITION 202110",
            "ALTER TABLE t ATTACH PART '202111_1_1_0'",
            "ALTER TABLE t ATTACH PARTITION 190001",
        ],
    );
    assert_eq!(text(&engine, "SELECT x FROM t ORDER BY x"), "1\n2\n3\n");
    for (sql, code) in [
        ("ALTER TABLE t ATTACH PART 'nope_1_1_0'", 233),
        ("ALTER TABLE t DROP PART '202112_9_9_0'", 232),
        ("ALTER TABLE t DETACH PART '202112_9_9_0'", 232),
        ("ALTER TABLE t DROP DETACHED PART '202110_1_1_0'", 344),
        (
            "ALTER TABLE t DROP DETACHED PART 'x' SETTINGS allow_drop_detached = 1",
            233,
        ),
        ("ALTER TABLE t FETCH PARTITION 202110 FROM '/x'", 48),
    ] {
        assert_eq!(error(&engine, sql).code(), code, "{sql}");
    }
    let part = text(
        &engine,
        "SELECT name FROM system.parts WHERE partition_id = '202112' AND active",
    );
    run(
        &engine,
        &[
            &format!("ALTER TABLE t DROP PART '{}'", part.trim()),
            "ALTER TABLE t DETACH PARTITION 202110",
            "ALTER TABLE t DROP DETACHED PARTITION 202110 SETTINGS allow_drop_detached = 1",
        ],
    );
    assert_eq!(text(&engine, "SELECT x FROM t"), "2\n");
    assert_eq!(text(&engine, detached), "");
}

#[test]
fn e_alter_partitions_are_frozen_and_shared_between_tables() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let keys = "ENGINE = MergeTree ORDER BY x PARTITION BY p";
    run(
        &engine,
        &[
            &format!("CREATE TABLE a (p UInt8, x UInt8) {keys}"),
            "CREATE TABLE b AS a",
            &format!("CREATE TABLE c (p UInt8, x UInt16) {keys}"),
            "CREATE TABLE d (p UInt8, x UInt8) ENGINE = MergeTree ORDER BY (x, p) PARTITION BY p",
            "INSERT INTO a VALUES (0, 1), (1, 2), (1, 3)",
            "INSERT INTO b VALUES (1, 9)",
            "ALTER TABLE a FREEZE PARTITION 1 WITH NAME 'copy'",
            "ALTER TABLE a FREEZE",
        ],
    );
    let frozen = |path: &str| {
        folder
            .path()
            .join("shadow")
            .join(path)
            .join("data/default/a")
            .exists()
    };
    assert!(frozen("copy") && frozen("1"));
    assert_eq!(error(&engine, "ALTER TABLE a FREEZE WITH NAME 'copy'").code(), 84);
    run(
        &engine,
        &[
            "ALTER TABLE a UNFREEZE PARTITION 1 WITH NAME 'copy'",
            "ALTER TABLE b ATTACH PARTITION 1 FROM a",
        ],
    );
    let rows = |table: &str| text(&engine, &format!("SELECT x FROM {table} ORDER BY x")).replace('\n', " ");
    assert_eq!(rows("b"), "2 3 9 ");
    run(&engine, &["ALTER TABLE b REPLACE PARTITION 1 FROM a"]);
    assert_eq!((rows("a").as_str(), rows("b").as_str()), ("1 2 3 ", "2 3 "));
    run(&engine, &["ALTER TABLE a MOVE PARTITION 0 TO TABLE b"]);
    assert_eq!((rows("a").as_str(), rows("b").as_str()), ("2 3 ", "1 2 3 "));
    assert_eq!(
        error(&engine, "ALTER TABLE c REPLACE PARTITION 1 FROM a").code(),
        122
    );
    assert_eq!(
        error(&engine, "ALTER TABLE d ATTACH PARTITION 1 FROM a").code(),
        36
    );
}

/// Every insert is there when it returns, and parts stay few while they come one by one. `examples/single_rows.rs` does
/// it for a minute at 10,000 a second.
#[test]
fn e_ryw_single_rows_are_seen_at_once_and_leave_few_parts() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig {
        background: true,
        // Many more parts than by default.
        flush_age_ms: 100,
        ..config()
    };
    let engine = Engine::open(folder.path(), config).unwrap();
    run(
        &engine,
        &["CREATE TABLE t (client UInt8, n UInt64) ENGINE = MergeTree ORDER BY (client, n)"],
    );
    let until = std::time::Instant::now() + std::time::Duration::from_secs(4);
    let inserted: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4u8)
            .map(|client| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut n = 0u64;
                    while std::time::Instant::now() < until {
                        let columns = vec![
                            ("client".to_owned(), crate::Column::UInt8(vec![client].into())),
                            ("n".to_owned(), crate::Column::UInt64(vec![n].into())),
                        ];
                        engine
                            .insert(vec![crate::TableInsert::new("t", columns)], None)
                            .unwrap();
                        n += 1;
                        if n.is_multiple_of(256) {
                            let count = format!("SELECT count() FROM t WHERE client = {client}");
                            assert_eq!(text(engine, &count), format!("{n}\n"));
                        }
                    }
                    n
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap()).sum()
    });
    assert_eq!(text(&engine, "SELECT count() FROM t"), format!("{inserted}\n"));
    let parts: u64 = text(&engine, "SELECT count() FROM system.parts WHERE active")
        .trim()
        .parse()
        .unwrap();
    assert!(parts > 0 && parts < 20, "{parts} parts after {inserted} inserts");
}

#[test]
fn e_pmin_partitions_are_dropped_by_the_least_and_greatest_values_of_parts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = flushing(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (d Date, x UInt32) ENGINE = MergeTree ORDER BY x PARTITION BY toYYYYMM(d)",
            "INSERT INTO t SELECT toDate('2021-01-01') + number, number FROM numbers(365)",
        ],
    );
    for (condition, parts) in [
        ("d = '2021-03-05'", 1),
        ("d >= '2021-11-15'", 2),
        ("d BETWEEN '2021-02-28' AND '2021-03-01'", 2),
        ("toYYYYMM(d) IN (202101, 202112)", 2),
        ("d > '2022-01-01'", 0),
    ] {
        let shown = text(
            &engine,
            &format!("EXPLAIN indexes = 1 SELECT sum(x) FROM t WHERE {condition}"),
        );
        assert!(
            shown.contains(&format!("Parts: {parts}/12")),
            "{condition}: {shown}"
        );
        let count = format!("SELECT count() FROM t WHERE {condition}");
        let full = format!("SELECT count() FROM (SELECT *, {condition} AS keep FROM t) WHERE identity(keep)");
        assert_eq!(
            text(&engine, &format!("{count} SETTINGS force_index_by_date = 1")),
            text(&engine, &full),
            "{condition}"
        );
    }
    let forced = error(
        &engine,
        "SELECT count() FROM t WHERE x = 3 SETTINGS force_index_by_date = 1",
    );
    assert_eq!(forced.code(), 277);
}
