//! An INSERT is cut into blocks, each atomic; repeats of a block are recognised.

use super::{error, open, options, text};

#[test]
fn e_ins_a_large_insert_is_cut_and_a_failure_keeps_the_blocks_before() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run("CREATE TABLE t (n UInt64, CONSTRAINT low CHECK n != 2400000) ENGINE = MergeTree ORDER BY n");
    let before = engine.version();
    run("INSERT INTO t SELECT number FROM numbers(2400000)");
    assert_eq!(engine.version() - before, 3, "2.4 million rows are three blocks");
    run("TRUNCATE TABLE t");
    let failed = error(&engine, "INSERT INTO t SELECT number FROM numbers(2500000)");
    assert_eq!(failed.code(), 469);
    assert_eq!(
        text(&engine, "SELECT count(), max(n) FROM t"),
        "2097152\t2097151\n"
    );
}

#[test]
fn e_ins_the_size_of_blocks_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
    let blocks = |sql: &str| {
        let before = engine.version();
        engine.query(sql, &options()).unwrap();
        engine.version() - before
    };
    let select = "INSERT INTO t SETTINGS max_insert_block_size = 100 SELECT number FROM numbers(250)";
    assert_eq!(blocks(select), 3);
    let values = "INSERT INTO t SETTINGS max_insert_block_size = 2 VALUES (1), (2), (3), (4), (5)";
    assert_eq!(blocks(values), 3);
    assert_eq!(blocks("INSERT INTO t SELECT number FROM numbers(0)"), 0);
    assert_eq!(text(&engine, "SELECT count() FROM t"), "255\n");
    let bad = "INSERT INTO t SETTINGS max_insert_block_size = 0 VALUES (1)";
    assert_eq!(error(&engine, bad).code(), 72);
}

#[test]
fn e_dedup_a_repeated_token_adds_nothing_until_a_hundred_blocks_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let run = |engine: &crate::Engine, sql: &str| {
        engine.query(sql, &options()).unwrap();
    };
    run(&engine, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n");
    run(
        &engine,
        "CREATE TABLE other (n UInt64) ENGINE = MergeTree ORDER BY n",
    );
    let with = |token: &str, n: u64| {
        format!("INSERT INTO t SETTINGS insert_deduplication_token = '{token}' VALUES ({n})")
    };
    run(&engine, &with("a", 1));
    // The answer was lost; the client sends the block again, also after restarts with and without a flush.
    run(&engine, &with("a", 1));
    drop(engine);
    engine = open(folder.path());
    run(&engine, &with("a", 1));
    engine.close().unwrap();
    engine = open(folder.path());
    run(&engine, &with("a", 1));
    assert_eq!(text(&engine, "SELECT count() FROM t"), "1\n");
    // Other tables have other windows.
    run(
        &engine,
        "INSERT INTO other SETTINGS insert_deduplication_token = 'a' VALUES (1)",
    );
    assert_eq!(text(&engine, "SELECT count() FROM other"), "1\n");
    for n in 0..100 {
        run(&engine, &with(&format!("later {n}"), n));
    }
    run(&engine, &with("a", 1));
    assert_eq!(text(&engine, "SELECT count() FROM t"), "102\n");
    // Two equal inserts without a token are two inserts.
    run(&engine, "INSERT INTO other VALUES (5)");
    run(&engine, "INSERT INTO other VALUES (5)");
    assert_eq!(text(&engine, "SELECT count() FROM other"), "3\n");
    // What was truncated may come again.
    run(&engine, "TRUNCATE TABLE other");
    run(
        &engine,
        "INSERT INTO other SETTINGS insert_deduplication_token = 'a' VALUES (1)",
    );
    assert_eq!(text(&engine, "SELECT count() FROM other"), "1\n");
}

#[test]
fn e_dedup_by_content_where_the_table_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    let count = |table: &str| text(&engine, &format!("SELECT count() FROM {table}"));
    run(
        "CREATE TABLE w (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 3",
    );
    for n in [1, 1, 2, 3, 4, 1, 1] {
        run(&format!("INSERT INTO w VALUES ({n})"));
    }
    assert_eq!(count("w"), "5\n");
    run("INSERT INTO w SETTINGS insert_deduplication_token = 't' VALUES (5)");
    run("INSERT INTO w SETTINGS insert_deduplication_token = 't' VALUES (6)");
    assert_eq!(count("w"), "6\n");
    run("CREATE TABLE r (a UInt64) ENGINE = ReplicatedMergeTree('/t/r', 'one') ORDER BY a");
    run("INSERT INTO r VALUES (1), (2)");
    run("INSERT INTO r VALUES (1), (2)");
    assert_eq!(count("r"), "2\n");
    run("INSERT INTO r VALUES (2), (1)");
    assert_eq!(count("r"), "4\n", "another order is another block");
    run("INSERT INTO r SETTINGS insert_deduplicate = 0 VALUES (1), (2)");
    assert_eq!(count("r"), "6\n");
}
