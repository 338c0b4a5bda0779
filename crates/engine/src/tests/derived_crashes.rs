//! Power cuts while files are written that follow from the rows: skip indexes, dictionaries chosen by the engine, keys of
//! JSON in columns of their own. What a scan finds by them is what the rows say.

use std::sync::Arc;

use engine_storage::StorageError;
use engine_storage::directory::{CrashMode, SimulatedDirectory};

use super::options;
use crate::{Engine, EngineConfig, EngineError};

/// Rows of an insert.
const ROWS: u64 = 12;

/// How far the script came.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    created: bool,
    /// Inserts that were acknowledged.
    inserts: u64,
    asked_update: bool,
    updated: bool,
    asked_delete: bool,
    deleted: bool,
}

fn config() -> EngineConfig {
    EngineConfig {
        granule_rows: Some(3),
        json_rows_min: 1,
        auto_dictionaries: engine_storage::AutoDictionaries::Everywhere,
        ..super::config()
    }
}

const CREATE: &str = "CREATE TABLE t (n UInt64, word String, tags Array(String), v Nullable(Int64), j String COMMENT 'json', \
                      INDEX i_v v TYPE minmax GRANULARITY 2, INDEX i_set v TYPE set(4), \
                      INDEX i_word word TYPE bloom_filter(0.01), INDEX i_tags tags TYPE bloom_filter, \
                      INDEX i_token j TYPE tokenbf_v1(64, 2, 0), INDEX i_ngram word TYPE ngrambf_v1(2, 64, 2, 0)) \
                      ENGINE = MergeTree ORDER BY n";

fn insert(number: u64) -> String {
    let first = number * ROWS;
    format!(
        "INSERT INTO t SELECT number + {first}, concat('w', toString(n % 3)), [concat('g', toString(n % 4))], n % 7, \
         concat('{{\"k\": \"', toString(n % 5), '\", \"m\": ', toString(n), '}}') \
         FROM (SELECT number, number + {first} AS n FROM numbers({ROWS}))"
    )
}

/// Runs until the first error.
fn script(directory: &SimulatedDirectory, known: &mut Known) -> crate::Result<()> {
    let engine = Engine::open_in(Arc::new(directory.clone()), config())?;
    let run = |sql: &str| engine.query(sql, &options()).map(|_| ());
    run(CREATE)?;
    known.created = true;
    for number in 0..3 {
        run(&insert(number))?;
        known.inserts += 1;
        engine.flush()?;
        if number == 1 {
            run("OPTIMIZE TABLE t FINAL")?;
        }
    }
    known.asked_update = true;
    run(
        "ALTER TABLE t UPDATE v = 100, word = 'new', j = '{\"k\": \"new\"}' WHERE n % 6 = 5 SETTINGS mutations_sync = 1",
    )?;
    known.updated = true;
    known.asked_delete = true;
    run("ALTER TABLE t DELETE WHERE n % 6 = 1 SETTINGS mutations_sync = 1")?;
    known.deleted = true;
    run("OPTIMIZE TABLE t FINAL")?;
    engine.close()
}

/// A row as the script leaves it.
struct Row {
    n: u64,
    updated: bool,
}

impl Row {
    fn word(&self) -> String {
        if self.updated {
            "new".to_owned()
        } else {
            format!("w{}", self.n % 3)
        }
    }

    fn v(&self) -> u64 {
        if self.updated { 100 } else { self.n % 7 }
    }

    fn k(&self) -> String {
        if self.updated {
            "new".to_owned()
        } else {
            (self.n % 5).to_string()
        }
    }
}

fn check(engine: &Engine, known: &Known, context: &str) {
    let ask = |condition: &str| {
        let sql = format!("SELECT n FROM t WHERE {condition} ORDER BY n");
        let answer = engine
            .query(&sql, &options())
            .unwrap_or_else(|e| panic!("{context}: {sql}: {e}"));
        answer.to_tab_separated()
    };
    let all = super::text(engine, "SELECT n, word = 'new' FROM t ORDER BY n");
    let rows: Vec<Row> = all
        .lines()
        .map(|line| {
            let (n, updated) = line.split_once('\t').unwrap();
            Row {
                n: n.parse().unwrap(),
                updated: updated == "1",
            }
        })
        .collect();
    // Whole inserts, and of each part a whole number of mutations.
    let inserted = rows.iter().map(|row| row.n / ROWS + 1).max().unwrap_or(0);
    assert!(
        inserted == known.inserts || inserted == known.inserts + 1,
        "{context}: {inserted} inserts"
    );
    let (mut updated, mut deleted) = (0, 0);
    let mut rest = rows.iter().peekable();
    for n in 0..inserted * ROWS {
        match rest.next_if(|row| row.n == n) {
            None => {
                assert!(n % 6 == 1 && known.asked_delete, "{context}: {n} is not there");
                deleted += 1;
            }
            Some(row) => {
                assert!(
                    !row.updated || (n % 6 == 5 && known.asked_update),
                    "{context}: {n} is changed"
                );
                assert!(
                    row.updated || n % 6 != 5 || !known.updated,
                    "{context}: {n} is not changed"
                );
                assert!(n % 6 != 1 || !known.deleted, "{context}: {n} is there");
                updated += u64::from(row.updated);
            }
        }
    }
    assert!(rest.next().is_none(), "{context}: a row is there twice");
    let of = |part: u64| part * ROWS / 6;
    assert!(
        updated % of(1) == 0 && deleted % of(1) == 0,
        "{context}: {updated}, {deleted}"
    );
    // Each way to a row, through each index and through the values of the keys.
    let expected = |wanted: &dyn Fn(&Row) -> bool| -> String {
        rows.iter()
            .filter(|row| wanted(row))
            .map(|row| format!("{}\n", row.n))
            .collect()
    };
    for v in [0, 3, 100] {
        assert_eq!(
            ask(&format!("v = {v}")),
            expected(&|row| row.v() == v),
            "{context}: v = {v}"
        );
    }
    assert_eq!(ask("v > 5"), expected(&|row| row.v() > 5), "{context}");
    for word in ["w1", "new"] {
        let same = expected(&|row| row.word() == word);
        assert_eq!(ask(&format!("word = '{word}'")), same, "{context}: {word}");
        assert_eq!(ask(&format!("word LIKE '%{word}%'")), same, "{context}: {word}");
    }
    assert_eq!(
        ask("has(tags, 'g2')"),
        expected(&|row| row.n % 4 == 2),
        "{context}"
    );
    for k in ["2", "new"] {
        let same = expected(&|row| row.k() == k);
        assert_eq!(
            ask(&format!("JSONExtractString(j, 'k') = '{k}'")),
            same,
            "{context}: {k}"
        );
        assert_eq!(ask(&format!("j LIKE '%\"{k}\"%'")), same, "{context}: {k}");
    }
    let checked = super::text(engine, "CHECK TABLE t");
    assert_eq!(checked, "1\n", "{context}");
}

#[test]
fn e_crash_indexes_dictionaries_and_json_keys_are_those_of_the_rows() {
    let whole = SimulatedDirectory::new();
    let mut known = Known::default();
    script(&whole, &mut known).unwrap();
    let engine = Engine::open_in(Arc::new(whole.after_crash(CrashMode::Lose)), config()).unwrap();
    check(&engine, &known, "no crash");
    // The test is about nothing unless the files are there.
    let shown = |sql: &str| super::text(&engine, sql);
    assert_eq!(
        shown("SELECT count(), min(parts_with), max(parts_without) FROM system.data_skipping_indices"),
        "6\t1\t0\n"
    );
    let codecs = shown("SELECT column_codec FROM system.parts_columns WHERE column = 'word'");
    assert!(codecs.contains("codes"), "{codecs}");
    assert!(!shown("SELECT path FROM system.json_columns WHERE stored != 'text'").is_empty());
    drop(engine);

    crash_everywhere(whole.operations());
}

fn crash_everywhere(operations: u64) {
    for at in 0..operations {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut known = Known::default();
        let outcome = script(&directory, &mut known);
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let context = format!("operation {at}, {mode:?}, {known:?}");
        if let Err(error) = outcome {
            let damage = matches!(error, EngineError::Storage(StorageError::DamagedPart { .. }));
            assert!(!damage, "{context}: {error}");
        }
        if !known.created {
            continue;
        }
        let survived = directory.after_crash(mode);
        let engine = Engine::open_in(Arc::new(survived.clone()), config())
            .unwrap_or_else(|e| panic!("{context}: {e}"));
        check(&engine, &known, &context);
        let kept = super::text(
            &engine,
            "SELECT name FROM system.detached_parts WHERE level > 0 OR name LIKE '%\\_%\\_%\\_%\\_%\\_%'",
        );
        assert_eq!(kept, "", "{context}");
        // What was left to do is done, and the files that come of it are right again.
        while engine.maintain().unwrap_or_else(|e| panic!("{context}: {e}")) {}
        engine.query("OPTIMIZE TABLE t FINAL", &options()).unwrap();
        check(&engine, &known, &format!("{context}, later"));
    }
}
