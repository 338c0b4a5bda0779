//! MATERIALIZE INDEX and MATERIALIZE PROJECTION: parts get what they lack, and keep the files they have.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::{config, options, text};
use crate::{Engine, EngineConfig};

fn small() -> EngineConfig {
    EngineConfig {
        granule_rows: Some(8),
        json_rows_min: 1,
        ..config()
    }
}

fn create(wide: bool) -> String {
    format!(
        "CREATE TABLE t (id UInt64, n Int64, word LowCardinality(String), j String COMMENT 'json', \
         PROJECTION before (SELECT n, id ORDER BY n)) ENGINE = MergeTree ORDER BY id{}",
        if wide {
            " SETTINGS min_bytes_for_wide_part = 0"
        } else {
            ""
        }
    )
}

fn insert(from: u64, rows: u64) -> String {
    format!(
        "INSERT INTO t SELECT number, intDiv(number, 10) * 7 % 50, concat('w', toString(number % 5)), \
         concat('{{\"k\":', toString(number % 4), '}}') FROM numbers({from}, {rows})"
    )
}

const ADDED: [&str; 5] = [
    "ALTER TABLE t ADD INDEX i n TYPE minmax GRANULARITY 1",
    "ALTER TABLE t ADD INDEX k JSONExtractString(j, 'k') TYPE set(10) GRANULARITY 1",
    "ALTER TABLE t ADD PROJECTION p (SELECT word, n, id ORDER BY word, n)",
    "ALTER TABLE t ADD PROJECTION g (SELECT word, count(), sum(n) GROUP BY word)",
    "ALTER TABLE t MATERIALIZE INDEX i, MATERIALIZE INDEX k, MATERIALIZE PROJECTION p, MATERIALIZE PROJECTION g",
];

const QUESTIONS: [&str; 5] = [
    "SELECT count(), sum(id) FROM t WHERE n = 14",
    "SELECT word, count(), sum(n) FROM t GROUP BY word ORDER BY word",
    "SELECT id, n FROM t WHERE word = 'w3' ORDER BY id",
    "SELECT count() FROM t WHERE JSONExtractString(j, 'k') = '2'",
    "SELECT id FROM t WHERE n < 5 ORDER BY id",
];

fn answers(engine: &Engine) -> Vec<String> {
    let plain = options()
        .with_setting("optimize_use_projections", 0)
        .with_setting("use_skip_indexes", 0);
    QUESTIONS
        .iter()
        .map(|sql| {
            let expected = engine.query(sql, &plain).unwrap().to_tab_separated();
            assert_eq!(text(engine, sql), expected, "{sql}");
            expected
        })
        .collect()
}

/// Number of every file of columns below the folder, by the path in its part.
fn inodes(folder: &Path) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    let table = folder.join("data/default/t");
    for part in std::fs::read_dir(table).unwrap() {
        let part = part.unwrap().path();
        let inner = [part.clone(), part.join("before.proj")];
        for file in inner
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten())
        {
            let file = file.unwrap().path();
            if file
                .extension()
                .is_some_and(|end| end == "bin" || end == "mrk2" || end == "dict")
            {
                let name = file.strip_prefix(&part).unwrap().display().to_string();
                out.insert(name, file.metadata().unwrap().ino());
            }
        }
    }
    out
}

#[test]
fn e_proj_what_is_materialized_is_added_to_parts_by_links() {
    for wide in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), small()).unwrap();
        let run = |sql: &str| {
            engine
                .query(sql, &options())
                .unwrap_or_else(|e| panic!("{sql}: {e}"))
        };
        run(&create(wide));
        run(&insert(0, 300));
        engine.flush().unwrap();
        let (before, expected) = (inodes(folder.path()), answers(&engine));
        assert!(!before.is_empty());
        ADDED.iter().for_each(|sql| drop(run(sql)));
        assert_eq!(inodes(folder.path()), before, "wide: {wide}");
        assert_eq!(answers(&engine), expected);
        let scans = |sql: &str| run(sql).summary.scans;
        let through = |sql: &str| {
            scans(sql)
                .first()
                .and_then(|s| s.projection.clone())
                .map(|(name, _)| name)
        };
        assert_eq!(through(QUESTIONS[1]), Some("g".to_owned()));
        assert_eq!(through(QUESTIONS[2]), Some("p".to_owned()));
        // That of before is still there, and used.
        assert_eq!(through(QUESTIONS[4]), Some("before".to_owned()));
        assert_eq!(text(&engine, "CHECK TABLE t"), "1\n");
        // Deleted rows are in no projection.
        run("DELETE FROM t WHERE word = 'w3'");
        run("ALTER TABLE t MATERIALIZE PROJECTION p, MATERIALIZE PROJECTION g");
        assert_eq!(answers(&engine)[2], "");
        assert_eq!(through(QUESTIONS[2]), Some("p".to_owned()));
        let rows = "SELECT sum(rows) FROM system.parts WHERE table = 't' AND active";
        assert_eq!(text(&engine, rows), "240\n");
        engine.close().unwrap();
        answers(&Engine::open(folder.path(), small()).unwrap());
    }
}

/// Runs until the first error; answers how many inserts were acknowledged.
fn script(directory: &SimulatedDirectory, wide: bool) -> (u64, bool) {
    let mut done = 0;
    let Ok(engine) = Engine::open_in(Arc::new(directory.clone()), small()) else {
        return (done, false);
    };
    let run = |sql: &str| engine.query(sql, &options()).is_ok();
    if !run(&create(wide)) {
        return (done, false);
    }
    for number in 0..2 {
        if !run(&insert(number * 30, 30)) || engine.flush().is_err() {
            return (done, false);
        }
        done += 1;
    }
    (done, ADDED.iter().all(|sql| run(sql)))
}

#[test]
fn e_crash_while_indexes_and_projections_are_added_loses_nothing() {
    for wide in [true, false] {
        let directory = SimulatedDirectory::new();
        assert_eq!(script(&directory, wide), (2, true));
        let all = directory.operations();
        // What comes before is tested elsewhere.
        let mut at = all / 3;
        while at < all {
            let directory = SimulatedDirectory::new();
            directory.fail_at(at, true);
            let (done, _) = script(&directory, wide);
            let mode = match at % 3 {
                0 => CrashMode::Lose,
                1 => CrashMode::Keep,
                _ => CrashMode::Mixed(at),
            };
            let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), small())
                .unwrap_or_else(|e| panic!("operation {at}, {mode:?}: {e}"));
            if text(&engine, "SHOW TABLES") == "t\n" {
                let count: u64 = text(&engine, "SELECT count() FROM t").trim().parse().unwrap();
                assert!(
                    count >= done * 30 && count <= 60,
                    "operation {at}, {mode:?}: {count}"
                );
                answers(&engine);
                assert_eq!(text(&engine, "CHECK TABLE t"), "1\n", "operation {at}, {mode:?}");
            }
            at += 2;
        }
    }
}
