//! `system.query_log`: how the last statements ended, what they read, and no more than so many of them.

use super::{config, open, options, text};
use crate::{Engine, EngineConfig};

fn last(engine: &Engine, columns: &str) -> String {
    let quiet = options().with_setting("log_queries", 0);
    let sql = format!("SELECT {columns} FROM system.query_log");
    let all = engine.query(&sql, &quiet).unwrap().to_tab_separated();
    all.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn statements_are_noted_as_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let how = "type, event_date, event_time, query, result_rows, exception_code";
    engine
        .query(
            "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n",
            &options(),
        )
        .unwrap();
    let at = "2021-11-05\t2021-11-05 12:00:00";
    assert_eq!(
        last(&engine, how),
        format!("QueryFinish\t{at}\tCREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n\t0\t0")
    );
    text(&engine, "INSERT INTO t SELECT number FROM numbers(1000)");
    text(&engine, "SELECT n FROM t WHERE n % 100 = 7");
    assert_eq!(
        last(&engine, how),
        format!("QueryFinish\t{at}\tSELECT n FROM t WHERE n % 100 = 7\t10\t0")
    );
    assert_eq!(
        last(&engine, "read_rows, memory_usage > 0, projections"),
        "1000\t1\t[]"
    );
    for (sql, ending, code) in [
        ("SELECT n FROM", "ExceptionBeforeStart", 62),
        ("SELECT n FROM nowhere", "ExceptionBeforeStart", 60),
        ("SELECT x FROM t", "ExceptionBeforeStart", 47),
        ("SELECT intDiv(1, n) FROM t", "ExceptionWhileProcessing", 153),
    ] {
        let error = super::error(&engine, sql);
        assert_eq!(last(&engine, how), format!("{ending}\t{at}\t{sql}\t0\t{code}"));
        assert_eq!(last(&engine, "exception"), error.to_string().replace('\'', "\\'"));
    }
    // Of several statements each; of those that cannot be read, all.
    engine.execute("DROP TABLE t; SELECT 1, 2", &options()).unwrap();
    assert_eq!(last(&engine, "query"), "SELECT 1, 2");
    engine.execute("SELECT 1; SELECT", &options()).unwrap_err();
    assert_eq!(last(&engine, "query, exception_code"), "SELECT 1; SELECT\t62");
}

#[test]
fn e_proj_the_log_names_the_projections_that_were_read() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for sql in [
        "CREATE TABLE t (a UInt64, b UInt64, PROJECTION by_b (SELECT a, b ORDER BY b)) ENGINE = MergeTree ORDER BY a \
         SETTINGS index_granularity = 16",
        "INSERT INTO t SELECT number, 1000 - number FROM numbers(1000)",
        "OPTIMIZE TABLE t FINAL",
    ] {
        text(&engine, sql);
    }
    text(&engine, "SELECT a FROM t WHERE b = 7");
    assert_eq!(last(&engine, "projections"), "['default.t.by_b']");
    let read: u64 = last(&engine, "read_bytes").parse().unwrap();
    assert!(read > 0);
    text(&engine, "SELECT a FROM t WHERE a = 7");
    assert_eq!(last(&engine, "projections"), "[]");
}

#[test]
fn the_log_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(
        folder.path(),
        EngineConfig {
            flush_every_insert: false,
            ..config()
        },
    )
    .unwrap();
    for n in 0..1010 {
        text(&engine, &format!("SELECT {n}"));
    }
    let quiet = options().with_setting("log_queries", 0);
    let sql = "SELECT count(), min(query), any(query) FROM system.query_log";
    let kept = engine.query(sql, &quiet).unwrap().to_tab_separated();
    assert_eq!(kept, "1000\tSELECT 10\tSELECT 10\n");
    // Cut where a character begins.
    let long = format!("SELECT length('ab{}')", "é".repeat(40_000));
    text(&engine, &long);
    assert_eq!(
        last(&engine, "length(query), substring(query, 65534) = 'é'"),
        "65535\t1"
    );
    engine.execute(&long, &options()).unwrap();
    assert_eq!(
        last(&engine, "length(query), substring(query, 65534) = 'é'"),
        "65535\t1"
    );
}
