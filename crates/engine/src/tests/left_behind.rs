//! What a start finds: ages of parts, and parts of a flush that was cut off.

use std::sync::Arc;
use std::time::Duration;

use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::{config, open, options, text};
use crate::Engine;

#[test]
fn e_del_parts_grow_older_behind_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    text(
        &engine,
        "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x SETTINGS min_age_to_force_merge_seconds = 3600",
    );
    for x in 1..=2 {
        text(&engine, &format!("INSERT INTO t VALUES ({x})"));
        engine.flush().unwrap();
    }
    let parts = "SELECT count() FROM system.parts WHERE table = 't' AND active";
    engine.maintain().unwrap();
    let paths = text(
        &engine,
        "SELECT path FROM system.parts WHERE table = 't' AND active",
    );
    drop(engine);
    let engine = open(folder.path());
    engine.maintain().unwrap();
    assert_eq!(text(&engine, parts), "2\n", "they are a moment old");
    drop(engine);
    for path in paths.lines() {
        let part = std::fs::File::open(folder.path().join(path)).unwrap();
        let made = part.metadata().unwrap().modified().unwrap();
        part.set_modified(made - Duration::from_secs(3700)).unwrap();
    }
    let engine = open(folder.path());
    engine.maintain().unwrap();
    assert_eq!(text(&engine, parts), "1\n", "they are an hour old");
    assert_eq!(text(&engine, "SELECT x FROM t ORDER BY x"), "1\n2\n");
}

/// Inserts and flushes until the first error; answers how many inserts returned.
fn script(directory: &SimulatedDirectory) -> (u64, crate::Result<()>) {
    let mut inserted = 0;
    let mut script = || -> crate::Result<()> {
        let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
        let run = |sql: &str| engine.query(sql, &options());
        run("CREATE TABLE t (x UInt64, s String) ENGINE = MergeTree PARTITION BY x % 3 ORDER BY x")?;
        run("CREATE TABLE folded (x UInt64, n UInt64) ENGINE = SummingMergeTree ORDER BY x")?;
        for round in 0..3u64 {
            for x in [round * 2, round * 2 + 1] {
                run(&format!("INSERT INTO t VALUES ({x}, 'a')"))?;
                inserted += 1;
            }
            run("INSERT INTO folded VALUES (1, 1), (1, 2)")?;
            engine.flush()?;
        }
        Ok(())
    };
    let outcome = script();
    (inserted, outcome)
}

#[test]
fn e_crash_parts_of_a_flush_that_was_cut_off_are_removed_as_the_log_has_their_rows() {
    let whole = SimulatedDirectory::new();
    script(&whole).1.unwrap();
    for cut in 0..whole.operations() {
        for mode in [CrashMode::Lose, CrashMode::Keep, CrashMode::Mixed(cut)] {
            let directory = SimulatedDirectory::new();
            directory.fail_at(cut, true);
            let (inserted, _) = script(&directory);
            let after = directory.after_crash(mode);
            // The second start finds nothing that the first left.
            for start in 0..2 {
                let engine = Engine::open_in(Arc::new(after.clone()), config()).unwrap();
                assert_eq!(engine.detached().unwrap(), Vec::<String>::new(), "cut {cut}");
                let Ok(rows) = engine.query("SELECT count(), max(x) FROM t", &options()) else {
                    assert_eq!(inserted, 0, "cut {cut}");
                    continue;
                };
                let rows = rows.to_tab_separated();
                let fits = |n: u64| rows == format!("{n}\t{}\n", n.saturating_sub(1));
                assert!(
                    fits(inserted) || fits(inserted + 1),
                    "cut {cut} start {start}: {rows} of {inserted}"
                );
                engine.flush().unwrap();
            }
        }
    }
}

#[test]
fn e_crash_a_part_whose_rows_the_log_lacks_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    text(&engine, "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x");
    text(&engine, "INSERT INTO t VALUES (1)");
    engine.flush().unwrap();
    text(&engine, "ALTER TABLE t DETACH PARTITION tuple()");
    // The same rows are in the log again, and the part is being attached when the process ends.
    text(&engine, "INSERT INTO t VALUES (1)");
    drop(engine);
    let table = folder.path().join("data/default/t");
    std::fs::rename(table.join("detached/all_1_1_0"), table.join("all_2_2_0")).unwrap();
    let engine = open(folder.path());
    assert_eq!(text(&engine, "SELECT count() FROM t"), "1\n");
    let kept = engine.detached().unwrap();
    assert_eq!(kept, ["data/default/t/detached/unexpected_all_2_2_0"]);
}
