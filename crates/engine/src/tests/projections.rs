//! Projections: the same answers with and without, fewer granules where they help, parts without them read as they are.

use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::{error, options, text};
use crate::{Engine, EngineConfig};

fn config() -> EngineConfig {
    EngineConfig {
        granule_rows: Some(16),
        ..super::config()
    }
}

fn open(folder: &std::path::Path) -> Engine {
    Engine::open(folder, config()).unwrap()
}

const TABLE: &str = "CREATE TABLE t (id UInt64, person UInt64, event LowCardinality(String), n Nullable(Int64), \
    PROJECTION by_person (SELECT person, id, event ORDER BY person), \
    PROJECTION by_event (SELECT * ORDER BY event, person % 7)) \
    ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id";

fn rows(from: u64, to: u64) -> String {
    format!(
        "INSERT INTO t SELECT number, cityHash64(number) % 50, concat('e', toString(number % 11)), \
         if(number % 3 = 0, NULL, toInt64(number)) FROM numbers({from}, {})",
        to - from
    )
}

const QUESTIONS: [&str; 8] = [
    "SELECT count(), sum(id) FROM t WHERE person = 7",
    "SELECT id, event FROM t WHERE person IN (3, 4) ORDER BY id",
    "SELECT event, count() FROM t WHERE person > 45 GROUP BY event ORDER BY event",
    "SELECT id, n FROM t WHERE event = 'e3' ORDER BY id",
    "SELECT id, n FROM t WHERE event = 'e3' AND person % 7 = 2 ORDER BY id",
    "SELECT sum(n) FROM t WHERE person = 7",
    "SELECT count() FROM t",
    "SELECT person FROM t WHERE id = 40",
];

/// Every question with and without projections; how many granules each reads with them.
fn compare(engine: &Engine) -> Vec<usize> {
    let without = options().with_setting("optimize_use_projections", 0);
    QUESTIONS
        .iter()
        .map(|sql| {
            let plain = engine.query(sql, &without).unwrap();
            let through = engine.query(sql, &options()).unwrap();
            assert_eq!(plain.to_tab_separated(), through.to_tab_separated(), "{sql}");
            assert!(
                plain.summary.scans.iter().all(|s| s.projection.is_none()),
                "{sql}"
            );
            let kept =
                |r: &crate::QueryResult| r.summary.scans.iter().map(|s| s.granules_kept).sum::<usize>();
            assert!(kept(&through) <= kept(&plain), "{sql}");
            kept(&through)
        })
        .collect()
}

fn used(engine: &Engine, sql: &str) -> Option<(String, usize)> {
    let scans = engine.query(sql, &options()).unwrap().summary.scans;
    scans.first().and_then(|s| s.projection.clone())
}

/// Rows in four inserts, all but the third of which are flushed alone; `check` sees the rows in parts and in memory.
fn grow(engine: &Engine, rows: fn(u64, u64) -> String, check: &dyn Fn()) {
    for step in 0..4 {
        engine
            .query(&rows(step * 700, (step + 1) * 700), &options())
            .unwrap();
        check();
        if step != 2 {
            engine.flush().unwrap();
        }
    }
}

#[test]
fn e_proj_same_answers_and_fewer_granules_through_flushes_merges_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    engine.query(TABLE, &options()).unwrap();
    grow(&engine, rows, &|| {
        compare(&engine);
    });
    engine.flush().unwrap();
    let kept = compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]).unwrap().0, "by_person");
    assert_eq!(used(&engine, QUESTIONS[3]).unwrap().0, "by_event");
    // `n` is not in `by_person`; a filter by the table's own key needs none.
    assert_ne!(
        used(&engine, QUESTIONS[5]).map(|u| u.0).as_deref(),
        Some("by_person")
    );
    assert_eq!(used(&engine, QUESTIONS[7]), None);
    engine.query("OPTIMIZE TABLE t FINAL", &options()).unwrap();
    let merged = compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), Some(("by_person".to_owned(), 2)));
    assert!(merged[0] <= 12 && kept[0] < 60, "{merged:?} of {kept:?}");
    let explained = text(&engine, &format!("EXPLAIN {}", QUESTIONS[0]));
    assert!(
        explained.contains("Projection: by_person, parts: 2"),
        "{explained}"
    );
    engine.close().unwrap();
    engine = open(folder.path());
    assert_eq!(compare(&engine), merged);
    assert_eq!(text(&engine, "CHECK TABLE t"), "1\n");
}

#[test]
fn e_proj_old_parts_are_read_as_they_are_until_they_are_materialized() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(
        "CREATE TABLE t (id UInt64, person UInt64, event LowCardinality(String), n Nullable(Int64)) \
         ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id",
    );
    run(&rows(0, 1000));
    engine.flush().unwrap();
    run("ALTER TABLE t ADD PROJECTION by_person (SELECT person, id, event ORDER BY person)");
    compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), None);
    run(&rows(1000, 2000));
    engine.flush().unwrap();
    // Two parts of each kind.
    compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), Some(("by_person".to_owned(), 2)));
    run("ALTER TABLE t MATERIALIZE PROJECTION by_person");
    compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), Some(("by_person".to_owned(), 4)));
    let parts = "SELECT count() FROM system.parts WHERE active AND table = 't'";
    assert_eq!(text(&engine, parts), "4\n");
    run("ALTER TABLE t CLEAR PROJECTION by_person");
    compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), None);
    run("ALTER TABLE t MATERIALIZE PROJECTION by_person");
    assert_eq!(used(&engine, QUESTIONS[0]), Some(("by_person".to_owned(), 4)));
    // Another projection of the same name does not take the old one's parts for its own.
    run("ALTER TABLE t DROP PROJECTION by_person");
    assert_eq!(used(&engine, QUESTIONS[0]), None);
    run("ALTER TABLE t ADD PROJECTION by_person (SELECT person, id, event ORDER BY event)");
    compare(&engine);
    assert_eq!(used(&engine, QUESTIONS[0]), None);
    assert_eq!(error(&engine, "ALTER TABLE t DROP PROJECTION other").code(), 582);
    assert_eq!(error(&engine, "ALTER TABLE t CLEAR PROJECTION other").code(), 582);
    assert_eq!(
        error(&engine, "ALTER TABLE t MATERIALIZE PROJECTION other").code(),
        582
    );
    assert_eq!(
        error(
            &engine,
            "ALTER TABLE t ADD PROJECTION x (SELECT nothing ORDER BY id)"
        )
        .code(),
        47
    );
    let replacing = "CREATE TABLE r (a UInt64, PROJECTION p (SELECT a ORDER BY a)) ENGINE = ReplacingMergeTree ORDER BY a";
    assert_eq!(error(&engine, replacing).code(), 344);
}

#[test]
fn e_proj_changed_columns_are_not_read_from_old_hidden_parts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(TABLE);
    run(&rows(0, 1000));
    engine.flush().unwrap();
    run("ALTER TABLE t MODIFY COLUMN n Nullable(String)");
    compare_texts(&engine);
    run("ALTER TABLE t CLEAR COLUMN n");
    compare_texts(&engine);
    run("ALTER TABLE t DROP COLUMN n");
    run("ALTER TABLE t ADD COLUMN n Nullable(String) DEFAULT 'new'");
    compare_texts(&engine);
    assert_eq!(
        text(&engine, "SELECT DISTINCT n FROM t WHERE event = 'e3'"),
        "new\n"
    );
    run("OPTIMIZE TABLE t FINAL");
    compare_texts(&engine);
    assert_eq!(used(&engine, QUESTIONS[3]).unwrap().0, "by_event");
}

fn compare_texts(engine: &Engine) {
    let without = options().with_setting("optimize_use_projections", 0);
    for sql in [QUESTIONS[3], QUESTIONS[4], QUESTIONS[1]] {
        let plain = engine.query(sql, &without).unwrap().to_tab_separated();
        assert_eq!(plain, text(engine, sql), "{sql}");
    }
}

#[test]
fn e_proj_a_damaged_projection_is_reported_and_costs_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.query(TABLE, &options()).unwrap();
    engine.query(&rows(0, 500), &options()).unwrap();
    engine.flush().unwrap();
    let before: Vec<String> = QUESTIONS.iter().map(|sql| text(&engine, sql)).collect();
    engine.close().unwrap();
    let mut damaged = 0;
    for part in std::fs::read_dir(folder.path().join("data/default/t")).unwrap() {
        let file = part.unwrap().path().join("by_person.proj/checksums.txt");
        if let Ok(mut bytes) = std::fs::read(&file) {
            bytes[40] ^= 1;
            if damaged == 0 {
                std::fs::write(&file, bytes).unwrap();
            } else {
                std::fs::remove_file(&file).unwrap();
            }
            damaged += 1;
        }
    }
    assert_eq!(damaged, 2);
    let engine = open(folder.path());
    let after: Vec<String> = QUESTIONS.iter().map(|sql| text(&engine, sql)).collect();
    assert_eq!(before, after);
    assert_ne!(
        used(&engine, QUESTIONS[0]).map(|u| u.0).as_deref(),
        Some("by_person")
    );
    assert_eq!(error(&engine, "CHECK TABLE t").code(), 40);
}

#[test]
fn e_proj_a_crash_at_any_operation_loses_nothing() {
    fn script(directory: &SimulatedDirectory, done: &mut u64) -> crate::Result<()> {
        let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
        engine.query(TABLE, &options())?;
        for step in 0..3 {
            engine.query(&rows(step * 40, (step + 1) * 40), &options())?;
            *done = (step + 1) * 40;
            engine.flush()?;
        }
        engine.query("OPTIMIZE TABLE t FINAL", &options())?;
        engine.close()
    }
    let whole = SimulatedDirectory::new();
    script(&whole, &mut 0).unwrap();
    let mut at = 0;
    while at < whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut done = 0;
        let _ = script(&directory, &mut done);
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), config())
            .unwrap_or_else(|e| panic!("operation {at}, {mode:?}: {e}"));
        if text(&engine, "SHOW TABLES") == "t\n" {
            let count: u64 = text(&engine, "SELECT count() FROM t").trim().parse().unwrap();
            assert!(
                count == done || count == done + 40,
                "operation {at}, {mode:?}: {count} of {done}"
            );
            compare(&engine);
            assert_eq!(text(&engine, "CHECK TABLE t"), "1\n", "operation {at}, {mode:?}");
        }
        // Every operation in turn takes long; a stride that shares no factor with the script's rhythm meets all kinds.
        at += 3;
    }
}

const GROUPED: &str = "CREATE TABLE g (id UInt64, event LowCardinality(String), day Date, n Nullable(Int64), f Float64, \
     props String COMMENT 'json', \
     PROJECTION per_event (SELECT event, day, count(), sum(n), uniqExact(id), argMax(n, id), quantileExact(0.5)(n), \
         countIf(n > 3), groupArraySorted(5)(id) GROUP BY event, day), \
     PROJECTION per_value (SELECT JSONExtractString(props, 'b'), id % 3, max(f), count() \
         GROUP BY JSONExtractString(props, 'b'), id % 3), \
     PROJECTION whole (SELECT count(), min(day), max(id))) \
     ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id SETTINGS index_granularity = 16";

fn grouped_rows(from: u64, to: u64) -> String {
    format!(
        "INSERT INTO g SELECT number, concat('e', toString(number % 4)), toDate('2021-11-01') + intDiv(number, 100) % 9, \
         if(number % 5 = 0, NULL, toInt64(number % 13) - 4), number / 8, \
         concat('{{\"b\":\"v', toString(number % 6), '\",\"c\":1}}') FROM numbers({from}, {})",
        to - from
    )
}

/// Whether hidden groups answer it, once parts have them.
const GROUP_QUESTIONS: [(&str, bool); 16] = [
    ("SELECT event, count() FROM g GROUP BY event ORDER BY event", true),
    (
        "SELECT day, event, count(), sum(n), uniqExact(id) FROM g GROUP BY day, event ORDER BY day, event",
        true,
    ),
    (
        "SELECT toMonday(day) AS week, uniqExact(id), argMax(n, id) FROM g WHERE event IN ('e1', 'e2') GROUP BY week ORDER BY week",
        true,
    ),
    (
        "SELECT upper(event) AS e, sum(n) / count() FROM g WHERE day > '2021-11-03' AND event != 'e0' GROUP BY e HAVING count() > 2 ORDER BY e",
        true,
    ),
    (
        "SELECT quantileExact(0.5)(n), countIf(n > 3), groupArraySorted(5)(id) FROM g WHERE event = 'e3'",
        true,
    ),
    ("SELECT count() FROM g", true),
    ("SELECT count(), min(day), max(id) FROM g", true),
    ("SELECT count(), sum(n) FROM g WHERE day < '2000-01-01'", false),
    (
        "SELECT JSONExtractString(props, 'b') AS b, max(f), count() FROM g WHERE id % 3 = 1 GROUP BY b ORDER BY b",
        true,
    ),
    (
        "SELECT e, sum(c) FROM (SELECT event AS e, day, count() AS c FROM g GROUP BY e, day) GROUP BY e ORDER BY e",
        true,
    ),
    (
        "SELECT event, count() FROM (SELECT event, day FROM g WHERE day >= '2021-11-02') GROUP BY event ORDER BY event",
        true,
    ),
    // The groups do not know these; of the day before there are no rows to read.
    (
        "SELECT event, sum(id) FROM g GROUP BY event ORDER BY event",
        false,
    ),
    (
        "SELECT event, quantileExact(0.9)(n) FROM g GROUP BY event ORDER BY event",
        false,
    ),
    (
        "SELECT event, count() FROM g WHERE id > 40 GROUP BY event ORDER BY event",
        false,
    ),
    (
        "SELECT JSONExtractString(props, 'c') AS c, count() FROM g GROUP BY c ORDER BY c",
        false,
    ),
    (
        "SELECT event, day, id FROM g WHERE event = 'e1' ORDER BY id LIMIT 5",
        false,
    ),
];

/// Every question with and without projections. How many parts are read through hidden groups, at most.
fn compare_groups(engine: &Engine) -> usize {
    let without = options().with_setting("optimize_use_projections", 0);
    let mut most = 0;
    for (sql, answered) in GROUP_QUESTIONS {
        let plain = engine.query(sql, &without).unwrap();
        let through = engine.query(sql, &options()).unwrap();
        assert_eq!(plain.to_tab_separated(), through.to_tab_separated(), "{sql}");
        assert!(
            plain.summary.scans.iter().all(|s| s.projection.is_none()),
            "{sql}"
        );
        let parts = through
            .summary
            .scans
            .iter()
            .filter_map(|s| Some(s.projection.as_ref()?.1));
        let parts: usize = parts.sum();
        assert!(answered || parts == 0, "{sql}");
        most = most.max(parts);
    }
    most
}

/// All parts have hidden groups now: whatever they can answer is answered without the rows.
fn all_from_groups(engine: &Engine) {
    compare_groups(engine);
    for (sql, _) in GROUP_QUESTIONS.iter().filter(|(_, answered)| *answered) {
        let summary = engine.query(sql, &options()).unwrap().summary;
        assert!(summary.scans.iter().all(|s| s.projection.is_some()), "{sql}");
        assert!(summary.rows_read < 400, "{sql}: {} rows", summary.rows_read);
    }
}

#[test]
fn e_proj_groups_answer_as_the_rows_do_through_flushes_merges_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    engine.query(GROUPED, &options()).unwrap();
    assert_eq!(compare_groups(&engine), 0);
    grow(&engine, grouped_rows, &|| {
        compare_groups(&engine);
    });
    assert!(compare_groups(&engine) > 2);
    all_from_groups(&engine);
    engine.query("OPTIMIZE TABLE g FINAL", &options()).unwrap();
    all_from_groups(&engine);
    engine.close().unwrap();
    engine = open(folder.path());
    all_from_groups(&engine);
    let explained = text(
        &engine,
        "EXPLAIN indexes = 1 SELECT event, count() FROM g WHERE event = 'e1' GROUP BY event",
    );
    assert!(
        explained.contains("default.g, projection per_event"),
        "{explained}"
    );
    assert!(
        explained.contains("Projection: per_event, parts: 2"),
        "{explained}"
    );
    assert!(
        engine
            .query("CHECK TABLE g", &options())
            .unwrap()
            .to_tab_separated()
            .starts_with('1')
    );
}

#[test]
fn e_proj_groups_follow_changes_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    run(GROUPED);
    run(&grouped_rows(0, 1500));
    engine.flush().unwrap();
    all_from_groups(&engine);
    run("DELETE FROM g WHERE id % 7 = 3");
    compare_groups(&engine);
    run("OPTIMIZE TABLE g FINAL");
    all_from_groups(&engine);
    run("ALTER TABLE g UPDATE n = n + 1, event = 'e9' WHERE id % 5 = 1 SETTINGS mutations_sync = 2");
    compare_groups(&engine);
    run("ALTER TABLE g DELETE WHERE id > 1200 SETTINGS mutations_sync = 2");
    compare_groups(&engine);
    run("ALTER TABLE g MODIFY COLUMN n Nullable(Int32)");
    compare_groups(&engine);
    run("ALTER TABLE g MATERIALIZE PROJECTION per_event SETTINGS mutations_sync = 2");
    compare_groups(&engine);
    run("ALTER TABLE g DROP PROJECTION per_value");
    run(
        "ALTER TABLE g ADD PROJECTION per_value (SELECT id % 3, JSONExtractString(props, 'b'), count(), max(f) \
         GROUP BY JSONExtractString(props, 'b'), id % 3)",
    );
    compare_groups(&engine);
    run(&grouped_rows(1500, 1700));
    engine.flush().unwrap();
    run("OPTIMIZE TABLE g FINAL");
    all_from_groups(&engine);
}

#[test]
fn e_proj_materializing_writes_only_parts_that_lack_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| engine.query(sql, &options()).unwrap();
    let parts = || {
        let names = text(
            &engine,
            "SELECT name FROM system.parts WHERE active AND table = 'g' ORDER BY name",
        );
        names.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    run(GROUPED);
    run("ALTER TABLE g DROP PROJECTION per_event");
    for step in 0..2 {
        run(&grouped_rows(step * 400, (step + 1) * 400));
        engine.flush().unwrap();
    }
    let old = parts();
    run(
        "ALTER TABLE g ADD PROJECTION per_event (SELECT event, day, count(), sum(n), uniqExact(id), argMax(n, id), \
         quantileExact(0.5)(n), countIf(n > 3), groupArraySorted(5)(id) GROUP BY event, day), \
         ADD INDEX of_n n TYPE minmax GRANULARITY 1",
    );
    run(&grouped_rows(800, 1200));
    engine.flush().unwrap();
    let new: Vec<String> = parts().into_iter().filter(|name| !old.contains(name)).collect();
    run("ALTER TABLE g MATERIALIZE PROJECTION per_event, MATERIALIZE INDEX of_n");
    let after = parts();
    assert_eq!(after.len(), 6);
    assert!(old.iter().all(|name| !after.contains(name)), "{after:?}");
    assert!(new.iter().all(|name| after.contains(name)), "{after:?}");
    all_from_groups(&engine);
    run("ALTER TABLE g MATERIALIZE INDEX of_n, MATERIALIZE PROJECTION per_event");
    assert_eq!(parts(), after);
}
