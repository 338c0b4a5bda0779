//! CHECK constraints: which rows are refused, and what the message says.

use super::{error, open, options, text};

#[test]
fn e_check_rows_that_break_a_constraint_are_refused_with_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(
        "CREATE TABLE c (x Int64, s String, a Array(String) DEFAULT ['q'], m Int64 MATERIALIZED x * 2, \
         CONSTRAINT pos CHECK x > 0, CONSTRAINT small CHECK m < 100 AND length(s) < 4, \
         CONSTRAINT promise ASSUME x < 10) ENGINE = MergeTree ORDER BY x",
    );
    run("INSERT INTO c (x, s) VALUES (1, 'a'), (20, 'b')");
    let refused = error(&engine, "INSERT INTO c (x, s) VALUES (3, 'a'), (-5, 'b')");
    assert_eq!(refused.code(), 469);
    assert_eq!(
        refused.to_string(),
        "Constraint `pos` for table default.c is violated at row 2. Expression: (x > 0). Column values: x = -5"
    );
    let refused = error(
        &engine,
        "INSERT INTO c (x, s) SELECT number + 48, 'it''s' FROM numbers(5)",
    );
    assert_eq!(
        refused.to_string(),
        "Constraint `small` for table default.c is violated at row 1. Expression: (m < 100 AND length(s) < 4). \
         Column values: m = 96, s = 'it\\'s'"
    );
    assert_eq!(text(&engine, "SELECT count() FROM c"), "2\n");

    run("ALTER TABLE c ADD CONSTRAINT tags CHECK a = ['q']");
    let refused = error(&engine, "INSERT INTO c (x, a) VALUES (1, ['w', 'e'])");
    assert!(
        refused.to_string().ends_with("Column values: a = ['w', 'e']"),
        "{refused}"
    );
    assert_eq!(
        error(&engine, "ALTER TABLE c ADD CONSTRAINT tags CHECK x > 1").code(),
        44
    );
    assert_eq!(
        error(&engine, "ALTER TABLE c ADD CONSTRAINT t CHECK nothing > 1").code(),
        47
    );
    assert_eq!(error(&engine, "ALTER TABLE c DROP CONSTRAINT nothing").code(), 36);
    run("ALTER TABLE c DROP CONSTRAINT tags");
    run("INSERT INTO c (x, a) VALUES (1, ['w', 'e'])");
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(error(&engine, "INSERT INTO c (x) VALUES (0)").code(), 469);
}

#[test]
fn e_check_null_is_no_yes_and_a_number_no_condition() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run("CREATE TABLE c (n Nullable(Int64), CONSTRAINT pos CHECK n > 0) ENGINE = Memory");
    run("INSERT INTO c VALUES (1)");
    let refused = error(&engine, "INSERT INTO c VALUES (NULL)");
    assert_eq!(refused.code(), 469);
    assert!(refused.to_string().contains("null value"), "{refused}");
    run("CREATE TABLE d (n Int64, CONSTRAINT odd CHECK n + 1) ENGINE = Memory");
    assert_eq!(error(&engine, "INSERT INTO d VALUES (1)").code(), 1);
}
