//! Materialized views: what they get, from whom, and that they never differ from their source.

use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_types::Column;

use super::{error, open, options, text};
use crate::{Engine, EngineConfig, TableInsert};

const RAW: &str = "CREATE TABLE raw (at DateTime('UTC'), person UInt64, amount Int64) \
    ENGINE = MergeTree ORDER BY at";

fn chain(engine: &Engine) -> crate::Result<()> {
    engine.execute(
        &format!(
            "{RAW};
             CREATE TABLE hourly (hour DateTime('UTC'), events UInt64, total Int64) ENGINE = MergeTree ORDER BY hour;
             CREATE TABLE daily (day Date, total Int64, events UInt64) ENGINE = MergeTree ORDER BY day;
             CREATE MATERIALIZED VIEW raw_to_hourly TO hourly AS
                 SELECT sum(amount) AS total, toStartOfHour(at) AS hour, count() AS events FROM raw GROUP BY hour;
             CREATE MATERIALIZED VIEW hourly_to_daily TO daily AS
                 SELECT sum(events) AS events, toDate(hour) AS day, sum(total) AS total FROM hourly GROUP BY day"
        ),
        &options(),
    )
}

fn rows(from: u64) -> TableInsert {
    let at: Vec<u32> = (0..4)
        .map(|n| 1_636_106_400 + n * 1800 + (from as u32) * 3600)
        .collect();
    TableInsert::new(
        "raw",
        vec![
            ("at".to_owned(), Column::UInt32(at.into())),
            ("person".to_owned(), Column::UInt64(vec![from; 4].into())),
            ("amount".to_owned(), Column::Int64(vec![1, 2, 3, 4].into())),
        ],
    )
}

/// Sums of the three tables, and whether they agree.
fn sums(engine: &Engine) -> String {
    let of = |sql: &str| text(engine, sql);
    let raw = of("SELECT count(), sum(amount) FROM raw");
    assert_eq!(raw, of("SELECT sum(events), sum(total) FROM hourly"));
    assert_eq!(raw, of("SELECT sum(events), sum(total) FROM daily"));
    raw
}

#[test]
fn e_mv_three_hops_by_name_from_every_way_of_inserting() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    chain(&engine).unwrap();
    engine.insert(vec![rows(0)], None).unwrap();
    engine
        .query(
            "INSERT INTO raw VALUES ('2021-11-05 10:00:00', 1, 10), ('2021-11-05 10:30:00', 2, 20), ('2021-11-06 00:00:00', 1, 5)",
            &options(),
        )
        .unwrap();
    engine
        .query(
            "INSERT INTO raw SELECT at, person, amount * 100 FROM raw WHERE amount = 5",
            &options(),
        )
        .unwrap();
    assert_eq!(sums(&engine), "8\t545\n");
    assert_eq!(
        text(
            &engine,
            "SELECT day, sum(events), sum(total) FROM daily GROUP BY day ORDER BY day"
        ),
        "2021-11-05\t6\t40\n2021-11-06\t2\t505\n"
    );
    // Aggregates are of one block: each insert has its own row for an hour.
    assert_eq!(
        text(
            &engine,
            "SELECT count() FROM hourly WHERE hour = '2021-11-05 10:00:00'"
        ),
        "2\n"
    );
    drop(engine);
    let engine = open(folder.path());
    engine.insert(vec![rows(1)], None).unwrap();
    engine.flush().unwrap();
    assert_eq!(sums(&engine), "12\t555\n");
    // Reading the view is reading its target.
    assert_eq!(
        text(
            &engine,
            "SELECT sum(v.total) FROM raw_to_hourly AS v WHERE v.events > 0"
        ),
        "555\n"
    );
}

#[test]
fn e_mv_a_repeated_token_reaches_no_view_twice() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    chain(&engine).unwrap();
    for _ in 0..2 {
        engine.insert(vec![rows(0)], Some("first")).unwrap();
        let sql =
            "INSERT INTO raw SETTINGS insert_deduplication_token = 'x' VALUES ('2021-11-05 10:00:00', 1, 10)";
        engine.query(sql, &options()).unwrap();
    }
    assert_eq!(sums(&engine), "5\t20\n");
}

#[test]
fn e_mv_a_failing_view_rolls_back_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    chain(&engine).unwrap();
    engine
        .query(
            "CREATE MATERIALIZED VIEW strict TO daily AS \
             SELECT toDate(hour) AS day, intDiv(sum(total), if(sum(total) > 100, 0, 1)) AS total FROM hourly GROUP BY day",
            &options(),
        )
        .unwrap();
    let sql = "INSERT INTO raw VALUES ('2021-11-05 10:00:00', 1, 1000)";
    let failed = error(&engine, sql);
    assert_eq!(failed.code(), 153);
    assert!(
        failed
            .to_string()
            .ends_with("while pushing to view default.strict"),
        "{failed}"
    );
    assert_eq!(sums(&engine), "0\t0\n");
    let ignoring = options().with_setting("materialized_views_ignore_errors", 1);
    engine.query(sql, &ignoring).unwrap();
    assert_eq!(sums(&engine), "1\t1000\n");
    // A target that is gone fails the insert too.
    engine.query("DROP TABLE daily", &options()).unwrap();
    assert_eq!(error(&engine, sql).code(), 60);
    assert_eq!(text(&engine, "SELECT count() FROM raw"), "1\n");
}

#[test]
fn e_mv_own_tables_null_sources_and_the_other_side_of_joins() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine
        .execute(
            "CREATE TABLE src (k UInt64, v String DEFAULT 'd') ENGINE = Null;
             CREATE TABLE names (k UInt64, name String) ENGINE = MergeTree ORDER BY k;
             INSERT INTO names VALUES (1, 'one');
             CREATE MATERIALIZED VIEW named ENGINE = MergeTree ORDER BY k AS
                 SELECT src.k AS k, name, v FROM src JOIN names ON names.k = src.k;
             CREATE MATERIALIZED VIEW pairs AS SELECT count() AS n, (SELECT count() FROM src) AS m
                 FROM src AS a CROSS JOIN src AS b;
             INSERT INTO src (k) VALUES (1), (2);
             INSERT INTO names VALUES (2, 'two');
             INSERT INTO src VALUES (2, 'x')",
            &options(),
        )
        .unwrap();
    assert_eq!(
        text(&engine, "SELECT * FROM named ORDER BY k"),
        "1\tone\td\n2\ttwo\tx\n"
    );
    // Everywhere in its query the source is the inserted block.
    assert_eq!(text(&engine, "SELECT n, m FROM pairs ORDER BY n"), "1\t1\n4\t2\n");
    assert_eq!(text(&engine, "SELECT count() FROM src"), "0\n");
    // Rows may be inserted into the view itself.
    engine
        .query("INSERT INTO named VALUES (9, 'nine', 'z')", &options())
        .unwrap();
    assert_eq!(text(&engine, "SELECT name FROM named WHERE k = 9"), "nine\n");
}

#[test]
fn e_mv_populate_takes_what_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine
        .execute(
            "CREATE TABLE src (k UInt64) ENGINE = MergeTree ORDER BY k;
             INSERT INTO src VALUES (1), (2);
             CREATE MATERIALIZED VIEW twice ENGINE = MergeTree ORDER BY k POPULATE AS SELECT k * 2 AS k FROM src;
             INSERT INTO src VALUES (3)",
            &options(),
        )
        .unwrap();
    assert_eq!(text(&engine, "SELECT k FROM twice ORDER BY k"), "2\n4\n6\n");
}

#[test]
fn e_mv_detached_views_get_nothing_and_dropped_ones_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let run = |engine: &Engine, sql: &str| engine.execute(sql, &options()).unwrap();
    run(
        &engine,
        "CREATE TABLE src (k UInt64) ENGINE = MergeTree ORDER BY k;
         CREATE MATERIALIZED VIEW v ENGINE = MergeTree ORDER BY k AS SELECT k FROM src;
         INSERT INTO src VALUES (1);
         DETACH TABLE v;
         INSERT INTO src VALUES (2)",
    );
    assert_eq!(error(&engine, "SELECT * FROM v").code(), 60);
    assert_eq!(
        error(&engine, "CREATE TABLE v (a UInt8) ENGINE = Memory").code(),
        57
    );
    run(&engine, "ATTACH TABLE v; INSERT INTO src VALUES (3)");
    assert_eq!(text(&engine, "SELECT k FROM v ORDER BY k"), "1\n3\n");
    assert_eq!(error(&engine, "ATTACH TABLE v").code(), 57);
    assert_eq!(error(&engine, "ATTACH TABLE nothing").code(), 390);
    run(&engine, "DETACH TABLE v PERMANENTLY");
    drop(engine);
    engine = open(folder.path());
    run(&engine, "INSERT INTO src VALUES (4)");
    assert_eq!(error(&engine, "SELECT * FROM v").code(), 60);
    run(&engine, "ATTACH TABLE v; DETACH TABLE v; DETACH TABLE src");
    drop(engine);
    // What was not detached for good is back.
    engine = open(folder.path());
    assert_eq!(text(&engine, "SELECT k FROM v ORDER BY k"), "1\n3\n");
    assert_eq!(text(&engine, "SELECT count() FROM src"), "4\n");
    run(&engine, "RENAME TABLE v TO w; INSERT INTO src VALUES (5)");
    assert_eq!(text(&engine, "SELECT max(k) FROM w"), "5\n");
    run(&engine, "DROP VIEW w; INSERT INTO src VALUES (6)");
    assert_eq!(text(&engine, "SHOW TABLES"), "src\n");
    drop(engine);
    engine = open(folder.path());
    assert_eq!(text(&engine, "SHOW TABLES"), "src\n");
}

#[test]
fn e_mv_definitions_are_shown_whole_and_can_change() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.execute(sql, &options()).unwrap();
    run("CREATE TABLE src (k UInt64) ENGINE = MergeTree ORDER BY k;
         CREATE TABLE dst (k UInt64) ENGINE = MergeTree ORDER BY k;
         CREATE MATERIALIZED VIEW v TO dst AS SELECT k FROM src");
    assert_eq!(
        text(&engine, "SHOW CREATE TABLE v"),
        "CREATE MATERIALIZED VIEW default.v TO default.dst (k UInt64) AS SELECT k FROM default.src\n"
    );
    assert_eq!(
        text(
            &engine,
            "SELECT name, engine, as_select, dependencies_database, dependencies_table FROM system.tables \
             WHERE database = 'default' ORDER BY name"
        ),
        "dst\tMergeTree\t\t[]\t[]\nsrc\tMergeTree\t\t['default']\t['v']\n\
         v\tMaterializedView\tSELECT k FROM default.src\t[]\t[]\n"
    );
    assert_eq!(text(&engine, "DESCRIBE TABLE v").split('\t').next(), Some("k"));
    run(
        "INSERT INTO src VALUES (1); ALTER TABLE v MODIFY QUERY SELECT k + 100 AS k FROM src; INSERT INTO src VALUES (2)",
    );
    assert_eq!(text(&engine, "SELECT k FROM v ORDER BY k"), "1\n102\n");
    for (sql, code) in [
        (
            "CREATE MATERIALIZED VIEW x TO dst AS SELECT k AS other FROM src",
            8,
        ),
        ("CREATE MATERIALIZED VIEW x TO nothing AS SELECT k FROM src", 60),
        ("CREATE MATERIALIZED VIEW x TO dst AS SELECT k FROM nothing", 60),
        (
            "CREATE MATERIALIZED VIEW x TO dst AS SELECT k FROM src UNION ALL SELECT k FROM src",
            48,
        ),
        ("CREATE MATERIALIZED VIEW v TO dst AS SELECT k FROM src", 57),
        ("ALTER TABLE v ADD COLUMN z UInt8", 48),
        ("CREATE TABLE `.inner.x` (k UInt64) ENGINE = Memory", 36),
    ] {
        assert_eq!(error(&engine, sql).code(), code, "{sql}");
    }
    // Views in a circle.
    run("CREATE MATERIALIZED VIEW back TO src AS SELECT k FROM dst");
    assert_eq!(error(&engine, "INSERT INTO src VALUES (1)").code(), 306);
}

/// Runs until the first error; how many inserts were acknowledged.
fn script(directory: &SimulatedDirectory, done: &mut Vec<u64>) -> crate::Result<()> {
    let config = EngineConfig {
        granule_rows: Some(3),
        ..super::config()
    };
    let engine = Engine::open_in(Arc::new(directory.clone()), config)?;
    chain(&engine)?;
    for number in 0..4 {
        engine.insert(vec![rows(number)], Some(&format!("token {number}")))?;
        done.push(number);
        if number == 1 {
            engine.flush()?;
            engine.query("OPTIMIZE TABLE hourly FINAL", &options())?;
        }
    }
    engine.close()
}

#[test]
fn e_mv_a_crash_at_any_operation_leaves_source_and_views_alike() {
    let whole = SimulatedDirectory::new();
    script(&whole, &mut Vec::new()).unwrap();
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut done = Vec::new();
        let outcome = script(&directory, &mut done);
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), super::config())
            .unwrap_or_else(|e| panic!("operation {at}, {mode:?}: {e}"));
        if done.is_empty() && text(&engine, "SHOW TABLES").lines().count() < 5 {
            assert!(outcome.is_err());
            continue;
        }
        let inserted = sums(&engine);
        let count: u64 = inserted.split('\t').next().unwrap().parse().unwrap();
        let acknowledged = 4 * done.len() as u64;
        assert!(
            count == acknowledged || count == acknowledged + 4,
            "operation {at}, {mode:?}: {count} rows after {acknowledged} acknowledged"
        );
        if let Some(last) = done.last() {
            engine
                .insert(vec![rows(*last)], Some(&format!("token {last}")))
                .unwrap();
            assert_eq!(sums(&engine), inserted, "operation {at}, {mode:?}");
        }
    }
}

#[test]
fn e_mv_a_crash_while_views_come_and_go_leaves_no_half() {
    fn script(directory: &SimulatedDirectory) -> crate::Result<()> {
        let engine = Engine::open_in(Arc::new(directory.clone()), super::config())?;
        engine.execute(
            "CREATE TABLE src (k UInt64) ENGINE = MergeTree ORDER BY k;
             INSERT INTO src VALUES (1), (2);
             CREATE MATERIALIZED VIEW v ENGINE = MergeTree ORDER BY k POPULATE AS SELECT k FROM src;
             INSERT INTO src VALUES (3);
             DROP VIEW v",
            &options(),
        )?;
        engine.close()
    }
    let whole = SimulatedDirectory::new();
    script(&whole).unwrap();
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let _ = script(&directory);
        let mode = if at % 2 == 0 {
            CrashMode::Lose
        } else {
            CrashMode::Keep
        };
        let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), super::config())
            .unwrap_or_else(|e| panic!("operation {at}, {mode:?}: {e}"));
        let tables = text(&engine, "SHOW TABLES");
        match tables.as_str() {
            "" | "src\n" => {}
            ".inner.v\nsrc\nv\n" => {
                let all = |table: &str| text(&engine, &format!("SELECT k FROM {table} ORDER BY k"));
                assert_eq!(all("v"), all("src"), "operation {at}, {mode:?}");
            }
            other => panic!("operation {at}, {mode:?}: {other}"),
        }
    }
}
