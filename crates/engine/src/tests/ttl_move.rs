//! TTL … TO DISK and TO VOLUME, storage policies, `MOVE PARTITION`, with a fixed clock and several disks.

use std::path::Path;
use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory, SubDirectory};
use engine_storage::{Directory, Disks, StoragePolicy, Volume};

use super::config;
use crate::{DiskConfig, Engine, EngineConfig, EngineError, QueryOptions};

fn options(now: &str) -> QueryOptions {
    QueryOptions::new(now.parse().unwrap())
}

fn at(engine: &Engine, now: &str, sql: &str) -> String {
    let answer = engine.query(sql, &options(now));
    answer.unwrap_or_else(|e| panic!("{sql}: {e}")).to_tab_separated()
}

const NOW: &str = "2021-01-01T00:00:00Z";

fn refused(engine: &Engine, sql: &str) -> EngineError {
    engine.query(sql, &options(NOW)).unwrap_err()
}

fn volume(name: &str, disks: &[&str]) -> Volume {
    Volume {
        name: name.to_owned(),
        disks: disks.iter().map(|d| (*d).to_owned()).collect(),
    }
}

fn policies() -> Vec<StoragePolicy> {
    let policy = |name: &str, volumes| StoragePolicy {
        name: name.to_owned(),
        volumes,
    };
    vec![
        policy(
            "hot_cold",
            vec![volume("hot", &["default"]), volume("cold", &["cold", "colder"])],
        ),
        policy("only_hot", vec![volume("hot", &["default"])]),
        policy(
            "fast",
            vec![volume("fast", &["fast"]), volume("hot", &["default"])],
        ),
    ]
}

fn with_disks(folder: &Path) -> EngineConfig {
    let disk = |name: &str| DiskConfig {
        name: name.to_owned(),
        path: folder.join(name),
    };
    EngineConfig {
        disks: ["cold", "colder", "fast"].map(disk).to_vec(),
        storage_policies: policies(),
        ..config()
    }
}

fn open(folder: &Path) -> Engine {
    Engine::open(folder.join("data"), with_disks(folder)).unwrap()
}

/// Two months of rows, a part each.
const CREATE: &str = "CREATE TABLE t (d DateTime, x UInt64, s String, PROJECTION p (SELECT s, x ORDER BY s)) ENGINE = MergeTree \
     PARTITION BY toYYYYMM(d) ORDER BY x TTL d + INTERVAL 1 MONTH TO VOLUME 'cold', d + INTERVAL 1 YEAR TO DISK 'colder', \
     d + INTERVAL 2 YEAR SETTINGS storage_policy = 'hot_cold', min_bytes_for_wide_part = 0";

fn fill(engine: &Engine) {
    for month in ["01", "02"] {
        let insert = format!(
            "INSERT INTO t SELECT toDateTime('2021-{month}-01 00:00:00') + number, number, toString(number % 5) FROM numbers(100)"
        );
        at(engine, NOW, &insert);
        engine.flush().unwrap();
    }
}

const WHERE: &str =
    "SELECT partition, disk_name FROM system.parts WHERE table = 't' AND active ORDER BY name";
const ROWS: &str = "SELECT count(), sum(cityHash64(d, x, s)) FROM t";

fn work(engine: &Engine) {
    for _ in 0..50 {
        if !engine.maintain().unwrap() {
            return;
        }
    }
    panic!("there is always something to do");
}

#[test]
fn e_ttl_move_goes_to_volumes_and_disks_when_all_rows_are_old_enough() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(&engine, NOW, CREATE);
    fill(&engine);
    let rows = at(&engine, NOW, ROWS);
    let places = |engine: &Engine, now: &str| {
        at(engine, now, "SELECT 1");
        work(engine);
        assert_eq!(at(engine, now, ROWS), rows, "{now}");
        assert_eq!(
            at(engine, now, "SELECT count() FROM t WHERE s = '3'"),
            "40\n",
            "{now}"
        );
        assert_eq!(at(engine, now, "CHECK TABLE t"), "1\n", "{now}");
        at(engine, now, WHERE)
    };
    assert_eq!(
        places(&engine, "2021-02-01T00:01:38Z"),
        "202101\tdefault\n202102\tdefault\n"
    );
    let moved = places(&engine, "2021-02-01T00:01:39Z");
    assert!(
        [
            "202101\tcold\n202102\tdefault\n",
            "202101\tcolder\n202102\tdefault\n"
        ]
        .contains(&moved.as_str()),
        "{moved}"
    );
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(places(&engine, "2021-02-01T00:01:39Z"), moved);
    assert_eq!(
        places(&engine, "2022-02-10T00:00:00Z"),
        "202101\tcolder\n202102\tcolder\n"
    );
    // What is merged stays where it is, or goes where its rows are to be.
    at(
        &engine,
        "2022-02-10T00:00:00Z",
        "INSERT INTO t VALUES ('2021-01-05 00:00:00', 7, 'x')",
    );
    at(&engine, "2022-02-10T00:00:00Z", "OPTIMIZE TABLE t FINAL");
    assert_eq!(
        at(&engine, "2022-02-10T00:00:00Z", WHERE),
        "202101\tcolder\n202102\tcolder\n"
    );
    at(&engine, "2023-06-01T00:00:00Z", "SELECT 1");
    work(&engine);
    assert_eq!(at(&engine, "2023-06-01T00:00:00Z", WHERE), "");
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(
        at(&engine, "2023-06-01T00:00:00Z", "SELECT count() FROM t"),
        "0\n"
    );
    // Nothing is left behind.
    let data = folder.path().join("colder/data/default/t");
    assert_eq!(std::fs::read_dir(data).unwrap().count(), 0);
}

#[test]
fn e_ttl_move_statements_policies_and_system_tables() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(&engine, NOW, CREATE);
    fill(&engine);
    let rows = at(&engine, NOW, ROWS);
    let run = |sql: &str| at(&engine, NOW, sql);
    run("ALTER TABLE t MOVE PARTITION 202101 TO DISK 'cold'");
    assert_eq!(run(WHERE), "202101\tcold\n202102\tdefault\n");
    let held = engine.query("SELECT count() FROM t", &options(NOW)).unwrap();
    run("ALTER TABLE t MOVE PARTITION 202101 TO DISK 'default'");
    drop(held);
    run("ALTER TABLE t MOVE PART '202101_1_1_0' TO VOLUME 'cold', MOVE PARTITION 202102 TO DISK 'colder'");
    assert_eq!(
        run("SELECT count() FROM system.parts WHERE table = 't' AND active AND disk_name LIKE 'cold%'"),
        "2\n"
    );
    for (sql, code) in [
        ("ALTER TABLE t MOVE PARTITION 202101 TO DISK 'x'", 479),
        ("ALTER TABLE t MOVE PARTITION 202101 TO VOLUME 'x'", 548),
        ("ALTER TABLE t MOVE PARTITION 202102 TO DISK 'colder'", 479),
        ("ALTER TABLE t MOVE PART '202101_1_1_0' TO VOLUME 'cold'", 479),
        ("ALTER TABLE t MOVE PART '202101_9_9_0' TO VOLUME 'cold'", 232),
        ("ALTER TABLE t MODIFY SETTING storage_policy = 'nope'", 478),
        ("ALTER TABLE t MODIFY SETTING storage_policy = 'only_hot'", 36),
        ("ALTER TABLE t RESET SETTING storage_policy", 36),
        ("ALTER TABLE t MODIFY TTL d TO DISK 'fast'", 450),
        ("ALTER TABLE t MODIFY TTL d TO VOLUME 'default'", 450),
        (
            "CREATE TABLE bad (x UInt8) ENGINE = MergeTree ORDER BY x SETTINGS storage_policy = 'nope'",
            478,
        ),
    ] {
        assert_eq!(refused(&engine, sql).code(), code, "{sql}");
    }
    assert_eq!(run(ROWS), rows);
    run("CREATE TABLE other (x UInt8) ENGINE = MergeTree ORDER BY x SETTINGS storage_policy = 'only_hot'");
    run("ALTER TABLE other MODIFY SETTING storage_policy = 'hot_cold'");
    assert_eq!(
        run("SELECT name FROM system.disks ORDER BY name"),
        "cold\ncolder\ndefault\nfast\n"
    );
    assert_eq!(
        run("SELECT * FROM system.storage_policies ORDER BY policy_name, volume_priority"),
        "default\tdefault\t1\t['default']\nfast\tfast\t1\t['fast']\nfast\thot\t2\t['default']\n\
         hot_cold\thot\t1\t['default']\nhot_cold\tcold\t2\t['cold','colder']\nonly_hot\thot\t1\t['default']\n"
    );
    // Verbs about parts of other disks.
    run("ALTER TABLE t FREEZE WITH NAME 'copy'");
    assert!(folder.path().join("colder/shadow/copy/data/default/t").is_dir());
    run("ALTER TABLE t DETACH PARTITION 202102");
    assert_eq!(
        run("SELECT disk FROM system.detached_parts WHERE table = 't'"),
        "colder\n"
    );
    run("ALTER TABLE t ATTACH PARTITION 202102");
    assert_eq!(run(ROWS), rows);
    run("ALTER TABLE t UPDATE s = 'new' WHERE x = 3 SETTINGS mutations_sync = 1");
    run("DELETE FROM t WHERE x = 4");
    assert_eq!(run("SELECT count(), countIf(s = 'new') FROM t"), "198\t2\n");
    assert_eq!(
        run("SELECT count() FROM system.parts WHERE table = 't' AND active AND disk_name LIKE 'cold%'"),
        "2\n"
    );
    run("CREATE TABLE clone AS t");
    run("ALTER TABLE clone REPLACE PARTITION 202101 FROM t");
    assert_eq!(run("SELECT count() FROM clone"), "99\n");
    run(
        "CREATE TABLE narrow (d DateTime, x UInt64, s String) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY x",
    );
    assert_eq!(
        refused(&engine, "ALTER TABLE narrow REPLACE PARTITION 202101 FROM t").code(),
        479
    );
    run("RENAME TABLE t TO renamed");
    run("ALTER TABLE renamed DROP PARTITION 202101");
    run("CHECK TABLE renamed");
    run("ALTER TABLE renamed UNFREEZE PARTITION 202102 WITH NAME 'copy'");
    run("DROP TABLE renamed");
    run("CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x SETTINGS storage_policy = 'fast'");
    run("INSERT INTO t VALUES (1)");
    engine.flush().unwrap();
    assert_eq!(
        run("SELECT disk_name FROM system.parts WHERE table = 't' AND active"),
        "fast\n"
    );
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(at(&engine, NOW, "SELECT x FROM t"), "1\n");
    assert_eq!(at(&engine, NOW, "SELECT count() FROM clone"), "99\n");
    assert_eq!(engine.detached().unwrap(), Vec::<String>::new());
    assert!(
        !folder.path().join("cold/data/default/t").exists(),
        "a dropped table"
    );
}

#[test]
fn e_ttl_move_back_while_the_old_part_is_read_is_refused_and_a_restart_keeps_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(&engine, NOW, CREATE);
    fill(&engine);
    let rows = at(&engine, NOW, ROWS);
    let snapshot = engine
        .storage
        .snapshot(engine.storage.table_id("default", "t").unwrap())
        .unwrap();
    at(&engine, NOW, "ALTER TABLE t MOVE PARTITION 202101 TO DISK 'cold'");
    let back = "ALTER TABLE t MOVE PARTITION 202101 TO DISK 'default'";
    assert!(refused(&engine, back).to_string().contains("still being read"));
    drop(snapshot);
    at(&engine, NOW, back);
    assert_eq!(at(&engine, NOW, ROWS), rows);
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(at(&engine, NOW, WHERE), "202101\tdefault\n202102\tdefault\n");
    assert_eq!(at(&engine, NOW, ROWS), rows);
}

#[test]
fn e_ttl_move_rules_that_come_later_hold_for_parts_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let run = |sql: &str| at(&engine, "2021-06-01T00:00:00Z", sql);
    run(
        "CREATE TABLE t (d DateTime, x UInt64, s String) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY x \
         SETTINGS storage_policy = 'only_hot'",
    );
    fill(&engine);
    run("ALTER TABLE t MODIFY SETTING storage_policy = 'fast'");
    work(&engine);
    assert_eq!(run(WHERE), "202101\tdefault\n202102\tdefault\n");
    drop(engine);
    // A policy with more volumes.
    let engine = open(folder.path());
    let run = |sql: &str| at(&engine, "2021-06-01T00:00:00Z", sql);
    run("ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY TO DISK 'fast', d + INTERVAL 4 MONTH TO VOLUME 'hot'");
    work(&engine);
    assert_eq!(run(WHERE), "202101\tdefault\n202102\tfast\n");
}

#[test]
fn e_ttl_move_needs_its_disks_at_start_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(&engine, NOW, CREATE);
    fill(&engine);
    let rows = at(&engine, NOW, ROWS);
    at(&engine, NOW, "ALTER TABLE t MOVE PARTITION 202101 TO DISK 'cold'");
    drop(engine);
    let message = |config: EngineConfig| match Engine::open(folder.path().join("data"), config) {
        Ok(_) => panic!("it opens"),
        Err(error) => error.to_string(),
    };
    let without = message(config());
    assert!(
        without.contains("disk `cold`") && without.contains("not configured"),
        "{without}"
    );
    let mut elsewhere = with_disks(folder.path());
    elsewhere.disks[0].path = folder.path().join("empty");
    let empty = message(elsewhere);
    assert!(
        empty.contains("disk `cold`") && empty.contains("disk.txt"),
        "{empty}"
    );
    // Without its policy a table goes on, and what is on disks is read.
    let mut no_policy = with_disks(folder.path());
    no_policy.storage_policies.clear();
    let engine = Engine::open(folder.path().join("data"), no_policy).unwrap();
    assert_eq!(at(&engine, NOW, ROWS), rows);
    at(&engine, NOW, "OPTIMIZE TABLE t FINAL");
    at(&engine, NOW, "ALTER TABLE t ADD COLUMN y UInt8");
    assert_eq!(
        refused(&engine, "ALTER TABLE t MOVE PARTITION 202102 TO DISK 'cold'").code(),
        479
    );
    assert_eq!(at(&engine, NOW, ROWS), rows);
    drop(engine);
    let mut twice = with_disks(folder.path());
    twice.storage_policies.push(policies().remove(0));
    assert!(message(twice).contains("there twice"));
    let engine = open(folder.path());
    assert_eq!(at(&engine, NOW, ROWS), rows, "nothing was lost on the way");
    assert!(
        matches!(Engine::open(folder.path().join("other"), with_disks(folder.path())), Err(e) if e.to_string().contains("another process")),
        "disks are of one storage"
    );
}

fn disks(directory: &SimulatedDirectory) -> std::io::Result<Disks> {
    let whole: Arc<dyn Directory> = Arc::new(directory.clone());
    let sub = |name: &str| -> std::io::Result<Arc<dyn Directory>> {
        Ok(Arc::new(SubDirectory::new(whole.clone(), name)?))
    };
    let mut disks = Disks::new(sub("main")?, "main");
    for name in ["cold", "colder", "fast"] {
        disks = disks.with_disk(name, name, sub(name)?);
    }
    Ok(policies().into_iter().fold(disks, Disks::with_policy))
}

/// Opens, does things to parts on several disks, until the first error. Answers how many inserts returned.
fn script(directory: &SimulatedDirectory) -> (usize, bool, Result<(), Box<dyn std::error::Error>>) {
    let (mut inserted, mut dropped) = (0, false);
    let mut script = || -> Result<(), Box<dyn std::error::Error>> {
        let engine = Engine::open_on(disks(directory)?, config())?;
        let run = |now: &str, sql: &str| engine.query(sql, &options(now));
        run(
            NOW,
            "CREATE TABLE t (d DateTime, x UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY x \
             TTL d + INTERVAL 1 MONTH TO DISK 'cold' SETTINGS storage_policy = 'hot_cold'",
        )?;
        for row in [
            "'2021-01-01 00:00:00', 1",
            "'2021-01-02 00:00:00', 2",
            "'2021-02-01 00:00:00', 3",
        ] {
            run(NOW, &format!("INSERT INTO t VALUES ({row})"))?;
            inserted += 1;
            engine.flush()?;
        }
        run("2021-02-02T00:00:00Z", "SELECT 1")?;
        while engine.maintain()? {}
        run(NOW, "ALTER TABLE t MOVE PARTITION 202102 TO DISK 'colder'")?;
        run(NOW, "ALTER TABLE t MOVE PARTITION 202102 TO DISK 'default'")?;
        run(NOW, "OPTIMIZE TABLE t FINAL")?;
        run(NOW, "ALTER TABLE t MOVE PARTITION 202102 TO DISK 'colder'")?;
        run(
            NOW,
            "ALTER TABLE t DELETE WHERE x = 77 SETTINGS mutations_sync = 1",
        )?;
        run(NOW, "ALTER TABLE t DROP PARTITION 202102")?;
        dropped = true;
        engine.close()?;
        Ok(())
    };
    let outcome = script();
    (inserted, dropped, outcome)
}

#[test]
fn e_ttl_move_survives_power_cuts_with_every_part_once() {
    let whole = SimulatedDirectory::new();
    let (_, _, outcome) = script(&whole);
    outcome.unwrap();
    for cut in 0..whole.operations() {
        for mode in [CrashMode::Lose, CrashMode::Keep, CrashMode::Mixed(cut)] {
            let directory = SimulatedDirectory::new();
            directory.fail_at(cut, true);
            let (inserted, dropped, _) = script(&directory);
            let after = directory.after_crash(mode);
            let engine = Engine::open_on(disks(&after).unwrap(), config()).unwrap();
            let rows = engine.query(
                "SELECT groupArray(x) FROM (SELECT x FROM t ORDER BY x)",
                &options(NOW),
            );
            let Ok(rows) = rows else {
                assert_eq!(inserted, 0, "cut {cut}");
                continue;
            };
            let rows = rows.to_tab_separated();
            // One that did not return may be there, and a drop that did not may be done.
            let all = |n: u64| (1..=n).map(|x| x.to_string()).collect::<Vec<_>>().join(",");
            let fits = (inserted..=3)
                .take(2)
                .any(|n| rows == format!("[{}]\n", all(n as u64)));
            let without = inserted == 3 && rows == "[1,2]\n";
            assert!(
                if dropped { without } else { fits || without },
                "cut {cut}: {rows} after {inserted}"
            );
            assert_eq!(at(&engine, NOW, "CHECK TABLE t"), "1\n", "cut {cut}");
            let doubled = "SELECT count() FROM (SELECT name FROM system.parts WHERE table = 't' AND active GROUP BY name HAVING count() > 1)";
            assert_eq!(at(&engine, NOW, doubled), "0\n", "cut {cut}");
            // A drop that was cut off may leave what it dropped there.
            if !without {
                assert_eq!(engine.detached().unwrap(), Vec::<String>::new(), "cut {cut}");
            }
            at(&engine, "2021-02-02T00:00:00Z", "SELECT 1");
            engine.flush().unwrap();
            work(&engine);
            let old = "SELECT DISTINCT disk_name FROM system.parts WHERE table = 't' AND active AND partition = '202101'";
            if inserted > 0 {
                assert_eq!(at(&engine, "2021-02-02T00:00:00Z", old), "cold\n", "cut {cut}");
            }
            assert_eq!(
                at(
                    &engine,
                    NOW,
                    "SELECT groupArray(x) FROM (SELECT x FROM t ORDER BY x)"
                ),
                rows,
                "cut {cut}"
            );
        }
    }
}
