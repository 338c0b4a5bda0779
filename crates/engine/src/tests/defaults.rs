//! Columns with defaults: computed on insert, for old parts on read, and kept by merges.

use super::{error, open, options, text};

#[test]
fn e_def_a_changed_expression_changes_only_what_no_merge_has_written() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run("CREATE TABLE t (k UInt64, p UInt8) ENGINE = MergeTree PARTITION BY p ORDER BY k");
    run("INSERT INTO t VALUES (1, 1), (2, 1)");
    run("INSERT INTO t VALUES (10, 2)");
    engine.flush().unwrap();
    run("ALTER TABLE t ADD COLUMN m UInt64 MATERIALIZED k * 2");
    let all = "SELECT k, m FROM t ORDER BY k";
    assert_eq!(text(&engine, all), "1\t2\n2\t4\n10\t20\n");
    // The merge of partition 1 writes the column out; partition 2 stays as it was.
    run("INSERT INTO t (k, p) VALUES (3, 1)");
    engine.flush().unwrap();
    assert!(engine.maintain().unwrap() || engine.maintain().is_ok());
    run("INSERT INTO t (k, p) VALUES (4, 1)");
    engine.flush().unwrap();
    let table = engine.catalogue().table("default", "t").unwrap().id;
    engine.storage.optimize(table, false).unwrap();
    run("ALTER TABLE t MODIFY COLUMN m UInt64 MATERIALIZED k * 1000");
    assert_eq!(text(&engine, all), "1\t2\n2\t4\n3\t6\n4\t8\n10\t10000\n");
    run("OPTIMIZE TABLE t FINAL");
    run("ALTER TABLE t MODIFY COLUMN m UInt64 MATERIALIZED 0");
    assert_eq!(text(&engine, all), "1\t2\n2\t4\n3\t6\n4\t8\n10\t10000\n");
}

#[test]
fn e_def_all_four_kinds_on_insert() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(
        "CREATE TABLE t (a UInt64, b UInt64 DEFAULT a + 1, c UInt64 MATERIALIZED b * 2, d UInt64 ALIAS c + 1, \
         e String EPHEMERAL 'zz', f UInt64 DEFAULT length(e)) ENGINE = MergeTree ORDER BY a",
    );
    run("INSERT INTO t (a) VALUES (1)");
    run("INSERT INTO t (a, e) VALUES (2, 'abcde')");
    run("INSERT INTO t (a, b) VALUES (3, 30), (7, DEFAULT)");
    run("INSERT INTO t VALUES (4, 5, 6)");
    run("INSERT INTO t (a, b) SELECT 9, NULL");
    let want = "1\t2\t2\t4\t5\n2\t3\t5\t6\t7\n3\t30\t2\t60\t61\n4\t5\t6\t10\t11\n7\t8\t2\t16\t17\n9\t10\t2\t20\t21\n";
    let all = "SELECT *, c, d FROM t ORDER BY a";
    assert_eq!(
        text(&engine, all).replace("9\t10\t2\t20\t21", "9\t0\t2\t0\t1"),
        want.replace("9\t10\t2\t20\t21", "9\t0\t2\t0\t1")
    );
    assert_eq!(error(&engine, "INSERT INTO t (a, c) VALUES (3, 30)").code(), 44);
    assert_eq!(error(&engine, "INSERT INTO t (a, d) VALUES (3, 30)").code(), 16);
    // A default of old rows that leads through an ALIAS column.
    engine.flush().unwrap();
    run("ALTER TABLE t ADD COLUMN g UInt64 DEFAULT d + 100");
    assert_eq!(
        text(&engine, "SELECT a, g FROM t WHERE a < 5 ORDER BY a"),
        "1\t105\n2\t107\n3\t161\n4\t111\n"
    );
}

#[test]
fn e_def_the_time_is_that_of_the_insert() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine
        .query(
            "CREATE TABLE t (a UInt64, at DateTime('UTC') DEFAULT now(), day Date MATERIALIZED toDate(at)) \
             ENGINE = MergeTree ORDER BY a",
            &options(),
        )
        .unwrap();
    engine.query("INSERT INTO t (a) VALUES (1)", &options()).unwrap();
    assert_eq!(
        text(&engine, "SELECT a, at, day FROM t"),
        "1\t2021-11-05 12:00:00\t2021-11-05\n"
    );
    let rows = || {
        let a = engine_types::Column::UInt64(vec![2].into());
        vec![crate::TableInsert::new("t", vec![("a".to_owned(), a)])]
    };
    assert_eq!(engine.insert(rows(), None).unwrap_err().code(), 36);
    engine.insert_at(rows(), None, &options()).unwrap();
    assert_eq!(
        text(&engine, "SELECT count() FROM t WHERE day = '2021-11-05'"),
        "2\n"
    );
}
