//! Changes of tables over parts that were written before.

use super::{error, open, text};

fn run(engine: &crate::Engine, statements: &[&str]) {
    for sql in statements {
        engine
            .query(sql, &super::options())
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

#[test]
fn a_column_of_another_type_is_computed_from_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64, v UInt8) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1, 10), (2, 20)",
            "ALTER TABLE t MODIFY COLUMN v String",
            "INSERT INTO t VALUES (3, 'x')",
            "ALTER TABLE t MODIFY COLUMN v Nullable(String) COMMENT 'twice changed'",
        ],
    );
    let want = "1\t10\n2\t20\n3\tx\n";
    assert_eq!(text(&engine, "SELECT id, v FROM t ORDER BY id"), want);
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(text(&engine, "SELECT id, v FROM t ORDER BY id"), want);
    run(&engine, &["OPTIMIZE TABLE t FINAL"]);
    assert_eq!(text(&engine, "SELECT id, v FROM t ORDER BY id"), want);
}

#[test]
fn a_dropped_column_does_not_come_back_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64, v String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1, 'old')",
            "ALTER TABLE t RENAME COLUMN v TO w",
            "ALTER TABLE t ADD COLUMN v String DEFAULT 'new'",
        ],
    );
    assert_eq!(text(&engine, "SELECT id, w, v FROM t"), "1\told\tnew\n");
    run(
        &engine,
        &["ALTER TABLE t DROP COLUMN w", "ALTER TABLE t ADD COLUMN w String"],
    );
    assert_eq!(text(&engine, "SELECT id, w, v FROM t"), "1\t\tnew\n");
    drop(engine);
    assert_eq!(text(&open(folder.path()), "SELECT id, w, v FROM t"), "1\t\tnew\n");
}

#[test]
fn a_changed_default_shows_in_old_parts_until_they_are_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t ADD COLUMN m UInt64 MATERIALIZED id + 1",
        ],
    );
    assert_eq!(text(&engine, "SELECT m FROM t"), "2\n");
    run(
        &engine,
        &["ALTER TABLE t MODIFY COLUMN m UInt64 MATERIALIZED id + 2"],
    );
    assert_eq!(text(&engine, "SELECT m FROM t"), "3\n");
    run(
        &engine,
        &[
            "OPTIMIZE TABLE t FINAL",
            "ALTER TABLE t MODIFY COLUMN m UInt64 MATERIALIZED id + 3",
        ],
    );
    assert_eq!(text(&engine, "SELECT m FROM t"), "3\n");
}

#[test]
fn key_columns_stay() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &["CREATE TABLE t (id UInt64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY id"],
    );
    assert_eq!(error(&engine, "ALTER TABLE t DROP COLUMN id").code(), 524);
    assert_eq!(error(&engine, "ALTER TABLE t RENAME COLUMN v TO w").code(), 524);
    assert_eq!(error(&engine, "ALTER TABLE t DROP COLUMN nothing").code(), 10);
    assert_eq!(
        error(
            &engine,
            "CREATE TABLE u (a UInt8) ENGINE = MergeTree ORDER BY a PRIMARY KEY b"
        )
        .code(),
        36
    );
    assert_eq!(
        error(&engine, "CREATE TABLE u (a UInt8) ENGINE = Frob").code(),
        56
    );
}

#[test]
fn clusters_of_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE local ON CLUSTER 'main' (id UInt64, v UInt64) \
             ENGINE = ReplicatedReplacingMergeTree('/clickhouse/{shard}/local', '{replica}', v) ORDER BY id",
            "CREATE TABLE everywhere AS local ENGINE = Distributed('main', 'default', 'local', sipHash64(id))",
            "INSERT INTO everywhere VALUES (1, 1), (1, 2)",
        ],
    );
    assert_eq!(text(&engine, "SELECT v FROM everywhere FINAL"), "2\n");
    assert_eq!(text(&engine, "SELECT v FROM local FINAL"), "2\n");
}

#[test]
fn partitions_can_be_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (at Date, v UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY v",
            "INSERT INTO t VALUES ('2021-10-01', 1), ('2021-11-01', 2), ('2021-12-01', 3)",
            "ALTER TABLE t DROP PARTITION 202111",
        ],
    );
    assert_eq!(text(&engine, "SELECT v FROM t ORDER BY v"), "1\n3\n");
    assert_eq!(
        text(&engine, "SELECT partition_id, rows FROM system.parts ORDER BY 1"),
        "202110\t1\n202112\t1\n"
    );
}
