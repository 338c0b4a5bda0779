//! Random tables, definitions of projections, changes and questions: the answers are those without projections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine_storage::directory::SimulatedDirectory;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;

use super::{config, options};
use crate::{Engine, EngineConfig};

const COLUMNS: &str = "id UInt32, k UInt8, d Date, t DateTime('UTC'), l LowCardinality(String), s String, \
                       n Nullable(Int32), v Int64, f Float64, j String COMMENT 'json'";

/// Of tables, of projections and of questions.
const KEYS: [&str; 20] = [
    "k",
    "d",
    "l",
    "s",
    "n",
    "id % 4",
    "k % 3",
    "intDiv(v, 4)",
    "toMonday(d)",
    "toStartOfMonth(d)",
    "toDate(t)",
    "toStartOfHour(t)",
    "toHour(t)",
    "lower(s)",
    "concat(l, s)",
    "length(s)",
    "k > 1",
    "n IS NULL",
    "coalesce(n, 0)",
    "JSONExtractString(j, 'a')",
];
const ORDERS: [&str; 5] = ["id", "(k, id)", "(d, l)", "s", "tuple()"];
const PARTITIONS: [&str; 4] = ["tuple()", "k % 2", "toYYYYMM(d)", "l"];

/// Which give one answer whatever the order of rows. Floats are halves, so that sums are exact.
const AGGREGATES: [&str; 28] = [
    "count()",
    "count(n)",
    "countIf(n > 0)",
    "sum(v)",
    "sum(n)",
    "sum(f)",
    "sum(v * 2)",
    "sumIf(v, k > 1)",
    "avg(v)",
    "min(s)",
    "max(s)",
    "min(n)",
    "max(d)",
    "max(length(s))",
    "min(toMonday(d))",
    "argMax(v, id)",
    "argMin(s, id)",
    "argMax(n, id)",
    "uniqExact(s)",
    "uniqExactIf(v, k = 1)",
    "uniq(v)",
    "uniq(l, k)",
    "quantileExact(0.5)(v)",
    "groupArraySorted(3)(v)",
    "groupBitOr(k)",
    "max(f)",
    "any(1)",
    "maxIf(JSONExtractInt(j, 'b'), k < 3)",
];

/// Many are made of keys, some are of none.
const CONDITIONS: [&str; 20] = [
    "k = 1",
    "k IN (0, 2)",
    "k % 3 = 1",
    "k > 1",
    "NOT (k > 1)",
    "d >= '2021-11-03'",
    "toMonday(d) = '2021-11-01'",
    "toStartOfMonth(d) < '2021-12-01'",
    "toDate(t) != '2021-11-02'",
    "l = 'a'",
    "l IN ('a', 'b')",
    "s LIKE 'a%'",
    "lower(s) = 'ab'",
    "n IS NOT NULL",
    "n > 1",
    "coalesce(n, 0) = 0",
    "id > 20",
    "JSONExtractString(j, 'a') = 'x'",
    "l = 'a' OR k = 2",
    "0",
];

const CHANGES: [&str; 9] = [
    "OPTIMIZE TABLE t FINAL",
    "ALTER TABLE t DELETE WHERE k = 2 SETTINGS mutations_sync = 1",
    "DELETE FROM t WHERE id % 5 = 0",
    "ALTER TABLE t UPDATE v = v + 100, n = NULL WHERE id % 3 = 0 SETTINGS mutations_sync = 1",
    "ALTER TABLE t MODIFY COLUMN f Float32",
    "ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY DELETE WHERE k = 3",
    "ALTER TABLE t DROP PROJECTION IF EXISTS p0",
    "ALTER TABLE t MATERIALIZE PROJECTION IF EXISTS p1",
    "ALTER TABLE t DETACH PARTITION ALL",
];

fn row() -> BoxedStrategy<String> {
    let text = |list: &'static [&'static str]| select(list);
    (
        0..4u8,
        1..29u8,
        0..72u32,
        text(&["a", "b", "c"]),
        text(&["", "a", "ab", "AB", "b c"]),
        prop::option::of(-2..4i32),
        -5..9i64,
        -4..6i8,
        text(&["{}", "{\"a\":\"x\",\"b\":1}", "{\"a\":\"y\"}", "{\"b\":7,\"c\":null}"]),
    )
        .prop_map(|(k, day, hour, l, s, n, v, f, j)| {
            let n = n.map_or("NULL".to_owned(), |n| n.to_string());
            let f = f64::from(f) / 2.0;
            format!(
                "{k}, toDate('2021-11-01') + {day}, toDateTime('2021-11-01 00:00:00', 'UTC') + {hour} * 3600, '{l}', '{s}', \
                 {n}, {v}, {f}, '{j}'"
            )
        })
        .boxed()
}

#[derive(Clone, Debug)]
struct Definition {
    keys: Vec<&'static str>,
    aggregates: Vec<&'static str>,
}

fn definition() -> BoxedStrategy<Definition> {
    (
        subsequence(KEYS.to_vec(), 1..4).prop_shuffle(),
        subsequence(AGGREGATES.to_vec(), 3..10).prop_shuffle(),
    )
        .prop_map(|(keys, aggregates)| Definition { keys, aggregates })
        .boxed()
}

impl Definition {
    fn sql(&self) -> String {
        let (keys, aggregates) = (self.keys.join(", "), self.aggregates.join(", "));
        format!("(SELECT {keys}, {aggregates} GROUP BY {keys})")
    }
}

/// Numbers that pick from a definition or from all there is.
#[derive(Clone, Debug)]
struct Question {
    of: usize,
    keys: Vec<(bool, usize)>,
    aggregates: Vec<(bool, usize)>,
    conditions: Vec<(bool, usize)>,
    having: bool,
    nested: bool,
}

fn question() -> BoxedStrategy<Question> {
    // Mostly what the projection has.
    let pick = || {
        (
            prop::bool::weighted(0.93),
            any::<prop::sample::Index>().prop_map(|i| i.index(1000)),
        )
    };
    (
        0..2usize,
        prop::collection::vec(pick(), 0..3),
        prop::collection::vec(pick(), 1..4),
        prop::collection::vec(pick(), 0..3),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(of, keys, aggregates, conditions, having, nested)| Question {
            of,
            keys,
            aggregates,
            conditions,
            having,
            nested,
        })
        .boxed()
}

impl Question {
    fn sql(&self, definitions: &[Definition]) -> String {
        let definition = &definitions[self.of % definitions.len()];
        let pick =
            |own: &[&'static str], all: &[&'static str], picks: &[(bool, usize)]| -> Vec<&'static str> {
                let picked = picks.iter().map(|(is_own, n)| {
                    if *is_own {
                        own[n % own.len()]
                    } else {
                        all[n % all.len()]
                    }
                });
                let mut list: Vec<&'static str> = Vec::new();
                for item in picked {
                    if !list.contains(&item) {
                        list.push(item);
                    }
                }
                list
            };
        let keys = pick(&definition.keys, &KEYS, &self.keys);
        let aggregates = pick(&definition.aggregates, &AGGREGATES, &self.aggregates);
        // Conditions over columns that keys of the projection read, where there are.
        let near: Vec<&'static str> = CONDITIONS
            .into_iter()
            .filter(|c| definition.keys.iter().any(|key| c.contains(key)))
            .collect();
        let near = if near.is_empty() { vec!["1"] } else { near };
        let conditions = pick(&near, &CONDITIONS, &self.conditions);
        let mut select: Vec<String> = keys
            .iter()
            .zip(0..)
            .map(|(key, n)| format!("{key} AS g{n}"))
            .collect();
        select.extend(aggregates.iter().zip(0..).map(|(a, n)| format!("{a} AS a{n}")));
        let mut sql = format!("SELECT {} FROM t", select.join(", "));
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE ({})", conditions.join(") AND (")));
        }
        if !keys.is_empty() {
            sql.push_str(&format!(" GROUP BY {}", keys.join(", ")));
        }
        if self.having {
            sql.push_str(" HAVING count() > 1");
        }
        if self.nested {
            sql = format!("SELECT *, 1 FROM ({sql}) WHERE a0 IS NOT NULL");
        }
        sql
    }
}

#[derive(Clone, Debug)]
struct Case {
    order: &'static str,
    partition: &'static str,
    granule_rows: usize,
    definitions: Vec<Definition>,
    /// The second comes by ALTER.
    late: bool,
    inserts: Vec<Vec<String>>,
    changes: Vec<Option<&'static str>>,
    questions: Vec<Question>,
}

fn case() -> BoxedStrategy<Case> {
    (
        select(&ORDERS[..]),
        select(&PARTITIONS[..]),
        1..9usize,
        prop::collection::vec(definition(), 2),
        any::<bool>(),
        prop::collection::vec(prop::collection::vec(row(), 1..40), 3),
        prop::collection::vec(prop::option::of(select(&CHANGES[..])), 3),
        prop::collection::vec(question(), 9),
    )
        .prop_map(
            |(order, partition, granule_rows, definitions, late, inserts, changes, questions)| Case {
                order,
                partition,
                granule_rows,
                definitions,
                late,
                inserts,
                changes,
                questions,
            },
        )
        .boxed()
}

/// Answers without an order, as sorted lines. Errors are answers too.
fn answer(engine: &Engine, sql: &str, projections: u8) -> (Vec<String>, bool) {
    let options = options().with_setting("optimize_use_projections", projections);
    match engine.query(sql, &options) {
        Ok(result) => {
            let used = result.summary.scans.iter().any(|scan| scan.projection.is_some());
            let mut lines: Vec<String> = result.to_tab_separated().lines().map(str::to_owned).collect();
            lines.sort_unstable();
            (lines, used)
        }
        Err(error) => (vec![format!("error {}", error.code())], false),
    }
}

/// Answers how many questions were answered from projections.
fn check(case: &Case) -> Result<usize, TestCaseError> {
    let directory = SimulatedDirectory::new();
    let config = EngineConfig {
        granule_rows: Some(case.granule_rows),
        json_rows_min: 8,
        ..config()
    };
    let open = || Engine::open_in(Arc::new(directory.clone()), config.clone()).unwrap();
    let mut engine = open();
    let run = |engine: &Engine, sql: &str| {
        let outcome = engine.query(sql, &options());
        outcome
            .map(|_| ())
            .map_err(|e| TestCaseError::fail(format!("{sql}: {e}")))
    };
    let mut create = format!("CREATE TABLE t ({COLUMNS}");
    let early = case.definitions.len() - usize::from(case.late);
    for (at, definition) in case.definitions.iter().take(early).enumerate() {
        create.push_str(&format!(", PROJECTION p{at} {}", definition.sql()));
    }
    create.push_str(&format!(
        ") ENGINE = MergeTree PARTITION BY {} ORDER BY {}",
        case.partition, case.order
    ));
    run(&engine, &create)?;
    let mut used = 0;
    let mut id = 0;
    for (at, (rows, change)) in case.inserts.iter().zip(&case.changes).enumerate() {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                id += 1;
                format!("({id}, {row})")
            })
            .collect();
        run(&engine, &format!("INSERT INTO t VALUES {}", rows.join(", ")))?;
        if at == 1 {
            // Rows in memory have no projections.
            used += ask(&engine, case)?;
        }
        engine.flush().unwrap();
        if at == 0 && case.late {
            let definition = case.definitions[early].sql();
            run(
                &engine,
                &format!("ALTER TABLE t ADD PROJECTION p{early} {definition}"),
            )?;
        }
        if let Some(change) = change {
            // What this table does not take is refused, and changes nothing.
            let _ = engine.query(change, &options());
        }
        if at == 2 {
            drop(engine);
            engine = open();
        }
        used += ask(&engine, case)?;
    }
    prop_assert_eq!(answer(&engine, "CHECK TABLE t", 1).0, vec!["1".to_owned()]);
    Ok(used)
}

fn ask(engine: &Engine, case: &Case) -> Result<usize, TestCaseError> {
    let mut used = 0;
    for question in &case.questions {
        let sql = question.sql(&case.definitions);
        let (plain, _) = answer(engine, &sql, 0);
        let (through, is_used) = answer(engine, &sql, 1);
        prop_assert_eq!(through, plain, "{}", sql);
        used += usize::from(is_used);
    }
    Ok(used)
}

#[test]
fn e_proj_random_definitions() {
    let used = AtomicUsize::new(0);
    let config = ProptestConfig {
        cases: 24,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&case(), |case| {
        used.fetch_add(check(&case)?, Ordering::Relaxed);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let used = used.into_inner();
    assert!(used > 100, "only {used} questions were answered from projections");
}
