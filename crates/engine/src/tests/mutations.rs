//! UPDATE, DELETE and the changes of columns through SQL: what is seen, what is on disk, what a power cut leaves.

use std::path::Path;
use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::{error, open, options, text};
use crate::{Codec, ColumnCodec, Compression, Engine, EngineConfig};

fn run(engine: &Engine, statements: &[&str]) {
    for sql in statements {
        engine
            .query(sql, &options())
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

/// Whether a file below the folder has these bytes.
fn on_disk(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(on_disk(&path, bytes));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(bytes.len())
            .any(|window| window == bytes)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn e_del_bytes_of_deleted_rows_leave_the_disk() {
    for statement in ["DELETE FROM t", "ALTER TABLE t DELETE"] {
        for wide in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let config = EngineConfig {
                // Bytes are found as they are.
                forced_codec: Some(ColumnCodec::Chain(vec![Codec::Compress(Compression::None)])),
                ..super::config()
            };
            let engine = Engine::open(folder.path(), config).unwrap();
            let settings = if wide {
                " SETTINGS min_bytes_for_wide_part = 0"
            } else {
                ""
            };
            run(
                &engine,
                &[
                    &format!(
                        "CREATE TABLE t (id UInt64, word LowCardinality(String), text String) \
                         ENGINE = MergeTree ORDER BY id{settings}"
                    ),
                    "INSERT INTO t SELECT number, if(number = 7, 'hushword', 'word'), \
                     if(number = 7, 'hushtext', 'text') FROM numbers(20)",
                ],
            );
            engine.flush().unwrap();
            assert!(!on_disk(folder.path(), b"hushword").is_empty());
            run(
                &engine,
                &[&format!(
                    "{statement} WHERE text = concat('hush', 'text') SETTINGS mutations_sync = 2"
                )],
            );
            let gone = "SELECT count(), countIf(word = 'hushword'), uniq(text) FROM t";
            assert_eq!(text(&engine, gone), "19\t0\t1\n");
            run(&engine, &["OPTIMIZE TABLE t FINAL"]);
            assert_eq!(text(&engine, gone), "19\t0\t1\n");
            for word in ["hushword", "hushtext"] {
                // The log of inserts goes with its segment; what counts is the data.
                let found = on_disk(&folder.path().join("data"), word.as_bytes());
                assert!(
                    found.is_empty(),
                    "{statement}, wide {wide}: `{word}` in {found:?}"
                );
            }
        }
    }
}

#[test]
fn e_mut_parts_change_one_by_one_and_rows_in_the_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64, v UInt64) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1, 1), (2, 2)",
        ],
    );
    engine.flush().unwrap();
    run(
        &engine,
        &[
            "INSERT INTO t VALUES (3, 3)",
            "ALTER TABLE t UPDATE v = v + 10 WHERE id IN (SELECT id FROM t WHERE v > 1)",
            "INSERT INTO t VALUES (2, 2)",
        ],
    );
    let to_do = "SELECT parts_to_do, is_done FROM system.mutations";
    assert_eq!(text(&engine, to_do), "2\t0\n");
    let rows = "SELECT id, v FROM t ORDER BY id, v";
    assert_eq!(text(&engine, rows), "1\t1\n2\t2\n2\t2\n3\t3\n");
    assert!(engine.storage.mutate_once(None).unwrap());
    assert_eq!(text(&engine, to_do), "1\t0\n");
    assert_eq!(text(&engine, rows), "1\t1\n2\t2\n2\t12\n3\t3\n");
    // The sub-query is not asked again, whatever the table has become.
    drop(engine);
    let engine = open(folder.path());
    while engine.maintain().unwrap() {}
    assert_eq!(text(&engine, to_do), "0\t1\n");
    assert_eq!(text(&engine, rows), "1\t1\n2\t2\n2\t12\n3\t13\n");
}

#[test]
fn e_mut_a_token_is_remembered_and_columns_wait_for_mutations() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let insert = "INSERT INTO t SETTINGS insert_deduplication_token = 'once' VALUES (1, 1)";
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64, v UInt64) ENGINE = MergeTree ORDER BY id",
            insert,
            "DELETE FROM t WHERE id = 1",
            insert,
        ],
    );
    assert_eq!(text(&engine, "SELECT count() FROM t"), "0\n");
    run(
        &engine,
        &[
            "INSERT INTO t VALUES (2, 2)",
            "ALTER TABLE t UPDATE v = id * 7 WHERE v = 2",
            "ALTER TABLE t RENAME COLUMN v TO w",
        ],
    );
    assert_eq!(text(&engine, "SELECT id, w FROM t"), "2\t14\n");
    run(&engine, &["ALTER TABLE t UPDATE w = intDiv(w, id - 2) WHERE 1"]);
    assert_eq!(error(&engine, "ALTER TABLE t DROP COLUMN w").code(), 341);
    assert_eq!(
        text(
            &engine,
            "SELECT latest_failed_part, latest_fail_reason != '' FROM system.mutations WHERE NOT is_done"
        ),
        "all_3_3_0_4\t1\n"
    );
    let killed = "KILL MUTATION WHERE table = 't'";
    assert_eq!(
        text(&engine, killed),
        "waiting\tdefault\tt\tmutation_5.txt\t(UPDATE w = intDiv(w, id - 2) WHERE 1)\n"
    );
    assert_eq!(text(&engine, killed), "");
    run(&engine, &["ALTER TABLE t ADD COLUMN x UInt8, DROP COLUMN w"]);
}

#[test]
fn e_def_what_a_default_is_changed_to_shows_until_rows_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t ADD COLUMN m UInt64 MATERIALIZED id * 10",
        ],
    );
    assert_eq!(text(&engine, "SELECT id, m FROM t"), "1\t10\n");
    assert_eq!(text(&engine, "SELECT * FROM t"), "1\n");
    run(
        &engine,
        &[
            "OPTIMIZE TABLE t FINAL",
            "ALTER TABLE t ADD COLUMN n UInt64 MATERIALIZED id * 10",
            "ALTER TABLE t MODIFY COLUMN m UInt64 MATERIALIZED id * 20, MODIFY COLUMN n UInt64 MATERIALIZED id * 20",
            "INSERT INTO t (id) VALUES (2)",
        ],
    );
    // Merged rows keep what they had, others show the change.
    assert_eq!(
        text(&engine, "SELECT id, m, n FROM t ORDER BY id"),
        "1\t10\t20\n2\t40\t40\n"
    );
    run(
        &engine,
        &[
            "ALTER TABLE t MATERIALIZE COLUMN m SETTINGS mutations_sync = 1",
            "OPTIMIZE TABLE t FINAL",
        ],
    );
    assert_eq!(
        text(&engine, "SELECT id, m, n FROM t ORDER BY id"),
        "1\t20\t20\n2\t40\t40\n"
    );
    assert_eq!(error(&engine, "INSERT INTO t (id, m) VALUES (3, 3)").code(), 44);
}

#[test]
fn e_alter_columns_change_without_rewriting_parts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    run(
        &engine,
        &[
            "CREATE TABLE t (id UInt64, v UInt8, w String, x String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t VALUES (1, 10, 'w', 'x')",
        ],
    );
    engine.flush().unwrap();
    run(
        &engine,
        &[
            "ALTER TABLE t MODIFY COLUMN v Int32 DEFAULT 5 CODEC(ZSTD(3)) COMMENT 'c', RENAME COLUMN w TO y, \
             DROP COLUMN x, ADD COLUMN IF NOT EXISTS z String DEFAULT upper(y) FIRST, CLEAR COLUMN y",
            "ALTER TABLE t COMMENT COLUMN z 'last'",
        ],
    );
    assert_eq!(text(&engine, "SELECT * FROM t"), "\t1\t10\t\n");
    assert_eq!(
        text(&engine, "SELECT name FROM system.parts WHERE active"),
        "all_1_1_0\n",
        "nothing was rewritten"
    );
    assert_eq!(text(&engine, "SELECT count() FROM system.mutations"), "0\n");
    drop(engine);
    assert_eq!(
        text(&open(folder.path()), "SELECT z, id, v, y FROM t"),
        "\t1\t10\t\n"
    );
}

#[test]
fn e_crash_a_delete_that_was_acknowledged_stays_done() {
    let config = || EngineConfig {
        granule_rows: Some(3),
        ..super::config()
    };
    let script = |directory: &SimulatedDirectory, done: &mut usize| -> crate::Result<()> {
        let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
        for sql in [
            "CREATE TABLE t (id UInt64, v String) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO t SELECT number, toString(number) FROM numbers(10)",
            "DELETE FROM t WHERE id % 2 = 0",
            "ALTER TABLE t UPDATE v = concat(v, '!') WHERE id IN (SELECT id FROM t WHERE id > 4) SETTINGS mutations_sync = 2",
            "ALTER TABLE t DELETE WHERE v = '7!' SETTINGS mutations_sync = 2",
            "OPTIMIZE TABLE t FINAL",
        ] {
            engine.query(sql, &options())?;
            *done += 1;
        }
        Ok(())
    };
    let whole = SimulatedDirectory::new();
    script(&whole, &mut 0).unwrap();
    let want = [
        "",
        "0 1 2 3 4 5 6 7 8 9",
        "1 3 5 7 9",
        "1 3 5! 7! 9!",
        "1 3 5! 9!",
        "1 3 5! 9!",
    ];
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut done = 0;
        // The last operations remove what is not needed any more: their failure is only logged.
        let _ = script(&directory, &mut done);
        if done == 0 {
            continue;
        }
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let context = format!("operation {at}, {mode:?}, after {done} statements");
        let engine = Engine::open_in(Arc::new(directory.after_crash(mode)), config())
            .unwrap_or_else(|e| panic!("{context}: {e}"));
        let rows = |engine: &Engine| {
            text(engine, "SELECT v FROM t ORDER BY id")
                .trim()
                .replace('\n', " ")
        };
        let before = rows(&engine);
        let possible = &want[done - 1..(done + 1).min(want.len())];
        assert!(possible.contains(&before.as_str()), "{context}: {before}");
        while engine.maintain().unwrap() {}
        let after = rows(&engine);
        assert!(possible.contains(&after.as_str()), "{context}: {after}");
    }
}
