//! The MergeTree family: for random inserts in random parts, FINAL, a table merged wholly and a model agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;

use super::{config, error, text};
use crate::{Engine, EngineConfig};

/// A small generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Key, version, sign (or mark), number.
type Row = (u64, u64, i64, i64);

/// What is left of all rows in order of arrival, in the order of keys.
type Model = fn(&[Row]) -> Vec<Row>;

struct Member {
    engine: &'static str,
    /// Of the third column.
    sign_type: &'static str,
    signs: [i64; 2],
    /// Makes a row of random values one that the engine is for, knowing the rows before it.
    fit: fn(&[Row], Row) -> Row,
    model: Model,
}

fn any_row(_: &[Row], row: Row) -> Row {
    row
}

/// A state is cancelled before the next one comes: rows of one key alternate.
fn alternating(before: &[Row], row: Row) -> Row {
    let last = before.iter().rfind(|other| other.0 == row.0);
    (row.0, row.1, last.map_or(1, |last| -last.2), row.3)
}

/// Rows of one version are alike, so that it does not matter which of them cancel.
fn alike(_: &[Row], row: Row) -> Row {
    (row.0, row.1, row.2, (row.0 * 3 + row.1) as i64)
}

fn by_key(rows: &[Row]) -> BTreeMap<u64, Vec<Row>> {
    let mut keys: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
    rows.iter()
        .for_each(|row| keys.entry(row.0).or_default().push(*row));
    keys
}

/// The last of the greatest version, hidden when it is marked.
fn replacing(rows: &[Row]) -> Vec<Row> {
    let last = |rows: &Vec<Row>| rows.iter().copied().max_by_key(|row| row.1);
    by_key(rows)
        .values()
        .filter_map(last)
        .filter(|row| row.2 == 0)
        .collect()
}

/// The last positive row, unless as many or more negative rows end it.
fn collapsing(rows: &[Row]) -> Vec<Row> {
    let left = |rows: &Vec<Row>| {
        let positive = rows.iter().filter(|row| row.2 > 0).count();
        let negative = rows.len() - positive;
        let last_is_positive = rows.last().is_some_and(|row| row.2 > 0);
        let stays = positive > negative || (positive == negative && last_is_positive);
        rows.iter().copied().rfind(|row| row.2 > 0 && stays)
    };
    by_key(rows).values().filter_map(left).collect()
}

/// As many rows of the commoner sign as are not cancelled, for each key and version.
fn versioned(rows: &[Row]) -> Vec<Row> {
    let mut versions: BTreeMap<(u64, u64), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let open = versions.entry((row.0, row.1)).or_default();
        match open.last() {
            Some(last) if last.2 != row.2 => {
                open.pop();
            }
            _ => open.push(*row),
        }
    }
    versions.into_values().flatten().collect()
}

/// Versions, signs and numbers added; keys whose sums are all zero are gone.
fn summing(rows: &[Row]) -> Vec<Row> {
    let sum = |rows: &Vec<Row>| {
        rows.iter()
            .copied()
            .reduce(|a, b| (a.0, a.1 + b.1, a.2 + b.2, a.3 + b.3))
    };
    by_key(rows)
        .values()
        .filter_map(sum)
        .filter(|row| (row.1, row.2, row.3) != (0, 0, 0))
        .collect()
}

const MEMBERS: [Member; 4] = [
    Member {
        engine: "ReplacingMergeTree(v, s)",
        sign_type: "UInt8",
        signs: [0, 1],
        fit: any_row,
        model: replacing,
    },
    Member {
        engine: "CollapsingMergeTree(s)",
        sign_type: "Int8",
        signs: [-1, 1],
        fit: alternating,
        model: collapsing,
    },
    Member {
        engine: "VersionedCollapsingMergeTree(s, v)",
        sign_type: "Int8",
        signs: [-1, 1],
        fit: alike,
        model: versioned,
    },
    Member {
        engine: "SummingMergeTree",
        sign_type: "Int64",
        signs: [-1, 1],
        fit: any_row,
        model: summing,
    },
];

fn rows_text(rows: &[Row]) -> String {
    rows.iter()
        .map(|(k, v, s, n)| format!("{k}\t{v}\t{s}\t{n}\n"))
        .collect()
}

fn small_granules() -> EngineConfig {
    EngineConfig {
        granule_rows: Some(3),
        ..config()
    }
}

fn fill(engine: &Engine, member: &Member, random: &mut Random) -> Vec<Row> {
    let mut rows = Vec::new();
    for _ in 0..random.below(12) {
        let first = rows.len();
        for _ in 0..1 + random.below(6) {
            let sign = member.signs[random.below(2) as usize];
            let row = (random.below(5), random.below(3), sign, random.below(5) as i64 - 2);
            rows.push((member.fit)(&rows, row));
        }
        let values: Vec<String> = rows[first..].iter().map(|row| format!("{row:?}")).collect();
        text(engine, &format!("INSERT INTO t VALUES {}", values.join(", ")));
        match random.below(4) {
            0 => engine.flush().unwrap(),
            1 => {
                engine.maintain().unwrap();
            }
            2 => {
                // Merges of whatever there is: their order does not matter.
                engine.flush().unwrap();
                if random.below(2) == 0 {
                    text(engine, "OPTIMIZE TABLE t");
                }
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn e_fam_final_is_a_complete_merge_is_the_model() {
    for (at, member) in MEMBERS.iter().enumerate() {
        for round in 0..14u64 {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::open(folder.path(), small_granules()).unwrap();
            text(
                &engine,
                &format!(
                    "CREATE TABLE t (k UInt64, v UInt64, s {}, n Int64) ENGINE = {} ORDER BY k",
                    member.sign_type, member.engine
                ),
            );
            let mut random = Random(1 + round * 7919 + at as u64);
            let rows = fill(&engine, member, &mut random);
            let model = (member.model)(&rows);
            let what = format!("{} round {round}: {rows:?}", member.engine);
            // Equal versions of one key may come in any order.
            let order = "ORDER BY k, v, s, n";
            let mut sorted = model.clone();
            sorted.sort_unstable();
            assert_eq!(
                text(&engine, &format!("SELECT * FROM t FINAL {order}")),
                rows_text(&sorted),
                "{what}"
            );
            // Conditions on the key are pushed below the merge, others stay above it.
            let some: Vec<Row> = sorted.iter().copied().filter(|r| r.0 >= 2 && r.0 < 4).collect();
            let sql = format!("SELECT * FROM t FINAL WHERE k >= 2 AND k < 4 {order}");
            assert_eq!(text(&engine, &sql), rows_text(&some), "{what}");
            let some: Vec<Row> = sorted.iter().copied().filter(|r| r.3 > 0).collect();
            let sql = format!("SELECT * FROM t FINAL WHERE n > 0 {order}");
            assert_eq!(text(&engine, &sql), rows_text(&some), "{what}");
            // Columns that nothing asks for take part all the same.
            assert_eq!(
                text(&engine, "SELECT count() FROM t FINAL"),
                format!("{}\n", model.len()),
                "{what}"
            );
            text(&engine, "OPTIMIZE TABLE t FINAL");
            assert_eq!(
                text(&engine, &format!("SELECT * FROM t FINAL {order}")),
                rows_text(&sorted),
                "{what}"
            );
            drop(engine);
            let engine = Engine::open(folder.path(), small_granules()).unwrap();
            assert_eq!(
                text(&engine, &format!("SELECT * FROM t FINAL {order}")),
                rows_text(&sorted),
                "{what}"
            );
        }
    }
}

#[test]
fn e_fam_states_of_any_split_are_the_aggregate_of_all_rows() {
    for round in 0..10u64 {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), small_granules()).unwrap();
        for sql in [
            "CREATE TABLE raw (k UInt8, n UInt64) ENGINE = MergeTree ORDER BY k",
            "CREATE TABLE t (k UInt8, u AggregateFunction(uniqExact, UInt64), q AggregateFunction(quantile(0.5), UInt64), \
             m SimpleAggregateFunction(max, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k",
        ] {
            text(&engine, sql);
        }
        let mut random = Random(round + 5);
        for _ in 0..random.below(9) {
            let values: Vec<String> = (0..1 + random.below(9))
                .map(|_| format!("({}, {})", random.below(3), random.below(40)))
                .collect();
            let values = values.join(", ");
            text(&engine, &format!("INSERT INTO raw VALUES {values}"));
            text(&engine, "CREATE TABLE batch (k UInt8, n UInt64) ENGINE = Memory");
            text(&engine, &format!("INSERT INTO batch VALUES {values}"));
            text(
                &engine,
                "INSERT INTO t SELECT k, uniqExactState(n), quantileState(0.5)(n), max(n) FROM batch GROUP BY k",
            );
            text(&engine, "DROP TABLE batch");
            if random.below(2) == 0 {
                engine.flush().unwrap();
            }
            if random.below(3) == 0 {
                engine.maintain().unwrap();
            }
        }
        let want = text(
            &engine,
            "SELECT k, uniqExact(n), quantile(0.5)(n), max(n) FROM raw GROUP BY k ORDER BY k",
        );
        let merged =
            "SELECT k, uniqExactMerge(u), quantileMerge(0.5)(q), max(m) FROM t GROUP BY k ORDER BY k";
        let finished = "SELECT k, finalizeAggregation(u), finalizeAggregation(q), m FROM t FINAL ORDER BY k";
        assert_eq!(text(&engine, merged), want);
        assert_eq!(text(&engine, finished), want);
        text(&engine, "OPTIMIZE TABLE t FINAL");
        assert_eq!(text(&engine, &finished.replace(" FINAL", "")), want);
    }
}

/// +1, -1, +1 of one key, as they arrive and merged.
#[test]
fn e_fam_the_worked_example_of_collapsing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), config()).unwrap();
    text(
        &engine,
        "CREATE TABLE t (k UInt8, s Int8, n UInt8) ENGINE = CollapsingMergeTree(s) ORDER BY k",
    );
    for row in ["(1, 1, 1)", "(1, -1, 1)", "(1, 1, 2)"] {
        text(&engine, &format!("INSERT INTO t VALUES {row}"));
        engine.flush().unwrap();
    }
    assert_eq!(text(&engine, "SELECT s, n FROM t FINAL"), "1\t2\n");
    text(&engine, "OPTIMIZE TABLE t FINAL");
    assert_eq!(text(&engine, "SELECT s, n FROM t"), "1\t2\n");
    text(&engine, "INSERT INTO t VALUES (1, 1, 3)");
    assert_eq!(text(&engine, "SELECT s, n FROM t FINAL"), "1\t3\n");
    assert_eq!(error(&engine, "INSERT INTO t VALUES (1, 3, 3)").code(), 117);
    assert_eq!(text(&engine, "SELECT count() FROM t"), "2\n");
}

/// Files of the one part that is left, by name.
fn files(directory: &SimulatedDirectory) -> BTreeMap<String, Vec<u8>> {
    let all = directory.files();
    let of_part = all.iter().filter_map(|path| {
        let (folder, file) = path.rsplit_once('/')?;
        let is_part = folder.rsplit('/').next()?.starts_with("all_");
        is_part.then(|| (file.to_owned(), directory.contents(path).unwrap()))
    });
    let files: BTreeMap<_, _> = of_part.collect();
    assert!(files.contains_key("checksums.txt"), "{all:?}");
    files
}

#[test]
fn e_merge_any_schedule_of_merges_makes_the_same_bytes() {
    for engine_clause in [
        "MergeTree ORDER BY k",
        "ReplacingMergeTree(v) ORDER BY k",
        "SummingMergeTree ORDER BY k",
        "AggregatingMergeTree ORDER BY k",
    ] {
        let run = |schedule: u64| {
            let directory = SimulatedDirectory::new();
            let engine = Engine::open_in(Arc::new(directory.clone()), small_granules()).unwrap();
            text(
                &engine,
                &format!(
                    "CREATE TABLE t (k UInt64, v UInt64, s LowCardinality(String), u AggregateFunction(uniqExact, UInt64)) \
                     ENGINE = {engine_clause}"
                ),
            );
            let mut random = Random(schedule);
            for batch in 0..9 {
                text(
                    &engine,
                    &format!(
                        "INSERT INTO t SELECT number % 5, number + {batch} % 3, toString(number % 3), uniqExactState(number) \
                         FROM numbers({batch}, 12) GROUP BY number ORDER BY number"
                    ),
                );
                engine.flush().unwrap();
                match random.below(3) {
                    0 => text(&engine, "OPTIMIZE TABLE t"),
                    1 => engine.maintain().unwrap().to_string(),
                    _ => String::new(),
                };
            }
            text(&engine, "OPTIMIZE TABLE t FINAL");
            engine.close().unwrap();
            files(&directory)
        };
        let first = run(1);
        for schedule in 2..6 {
            assert_eq!(run(schedule), first, "{engine_clause}, schedule {schedule}");
        }
    }
}
