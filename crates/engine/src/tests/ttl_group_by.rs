//! TTL … GROUP BY … SET with a fixed clock: rows that are joined when their time is over.

use std::path::Path;
use std::sync::Arc;

use engine_storage::{ExpiryStage, RowExpiry};
use engine_types::{Block, Column, DataType, Value};
use proptest::prelude::*;

use super::config;
use crate::expiry::TableExpiry;
use crate::{Engine, EngineConfig, QueryOptions};

const DAY: i64 = 86_400;
const NEVER: &str = "1971-01-01T00:00:00Z";

fn open(folder: &Path) -> Engine {
    let config = EngineConfig {
        granule_rows: Some(3),
        ..config()
    };
    Engine::open(folder, config).unwrap()
}

fn at(engine: &Engine, now: &str, sql: &str) -> String {
    let options = QueryOptions::new(now.parse().unwrap());
    engine
        .query(sql, &options)
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .to_tab_separated()
}

fn at_second(engine: &Engine, second: i64, sql: &str) -> String {
    let now = chrono::DateTime::from_timestamp(second, 0).unwrap();
    engine
        .query(sql, &QueryOptions::new(now))
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .to_tab_separated()
}

fn refused(engine: &Engine, sql: &str) -> u32 {
    let outcome = engine.query(sql, &QueryOptions::new(NEVER.parse().unwrap()));
    outcome.expect_err(sql).code()
}

#[test]
fn e_ttl_group_by_joins_rows_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(
        &engine,
        NEVER,
        "CREATE TABLE t (a UInt8, b UInt8, d DateTime, v UInt32, s Nullable(String)) ENGINE = MergeTree \
         ORDER BY (a, b) TTL d + INTERVAL 1 DAY GROUP BY a SET v = sum(v), d = max(d)",
    );
    at(
        &engine,
        NEVER,
        "INSERT INTO t VALUES (1, 1, '2021-01-01 00:00:00', 1, NULL), (1, 2, '2021-01-02 00:00:00', 2, 'x'), \
         (2, 1, '2021-01-03 00:00:00', 4, 'y'), (2, 2, '2021-01-01 00:00:00', 8, 'z')",
    );
    engine.flush().unwrap();
    for (now, want) in [
        (
            "2021-01-01T23:59:59Z",
            "1\t1\t1\t\\N\n1\t2\t2\tx\n2\t1\t4\ty\n2\t2\t8\tz\n",
        ),
        (
            "2021-01-02T00:00:00Z",
            "1\t1\t1\t\\N\n1\t2\t2\tx\n2\t1\t4\ty\n2\t2\t8\tz\n",
        ),
        ("2021-01-03T00:00:00Z", "1\t1\t3\tx\n2\t1\t4\ty\n2\t2\t8\tz\n"),
        ("2021-01-04T00:00:00Z", "1\t1\t3\tx\n2\t1\t12\ty\n"),
        ("2021-01-05T00:00:00Z", "1\t1\t3\tx\n2\t1\t12\ty\n"),
    ] {
        at(&engine, now, "OPTIMIZE TABLE t FINAL");
        assert_eq!(
            at(&engine, now, "SELECT a, b, v, s FROM t ORDER BY a, b"),
            want,
            "{now}"
        );
    }
    let latest = at(&engine, NEVER, "SELECT d FROM t ORDER BY a");
    assert_eq!(latest, "2021-01-02 00:00:00\n2021-01-03 00:00:00\n");
    // Rows that come later are added to those that were joined.
    at(
        &engine,
        NEVER,
        "INSERT INTO t VALUES (1, 0, '2021-01-01 00:00:00', 5, 'w')",
    );
    at(&engine, NEVER, "OPTIMIZE TABLE t FINAL");
    assert_eq!(
        at(&engine, NEVER, "SELECT a, b, v, s FROM t ORDER BY a, b"),
        "1\t0\t8\tw\n2\t1\t12\ty\n"
    );
}

#[test]
fn e_ttl_group_by_is_scheduled_and_rests_when_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    at(
        &first,
        NEVER,
        "CREATE TABLE t (a UInt8, d DateTime, v UInt32) ENGINE = MergeTree ORDER BY a \
         TTL d + INTERVAL 1 DAY GROUP BY a SET v = sum(v) SETTINGS merge_with_ttl_timeout = 0",
    );
    at(
        &first,
        NEVER,
        "INSERT INTO t VALUES (1, '2021-01-01 00:00:00', 1), (1, '2021-01-01 12:00:00', 2), \
         (2, '2021-01-05 00:00:00', 4)",
    );
    first.flush().unwrap();
    drop(first);
    // What a part knows of its rows is read back, also behind a merge.
    let engine = open(folder.path());
    let rows = "SELECT a, v FROM t ORDER BY a, v";
    at(&engine, "2021-01-01T23:59:59Z", "SELECT 1");
    assert!(!engine.maintain().unwrap(), "nothing has expired yet");
    at(&engine, "2021-01-02T12:00:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap());
    assert_eq!(at(&engine, NEVER, rows), "1\t3\n2\t4\n");
    assert!(!engine.maintain().unwrap(), "what was joined is not joined again");
    drop(engine);
    let engine = open(folder.path());
    at(&engine, "2021-01-03T00:00:00Z", "SELECT 1");
    assert!(!engine.maintain().unwrap());
    at(&engine, "2021-01-06T00:00:00Z", "SELECT 1");
    assert!(engine.maintain().unwrap(), "the last row");
    assert!(!engine.maintain().unwrap());
    assert_eq!(at(&engine, NEVER, rows), "1\t3\n2\t4\n");
    // Changed rules are for the rows that are there.
    at(
        &engine,
        NEVER,
        "ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY GROUP BY a SET v = max(v) + 1",
    );
    while engine.maintain().unwrap() {}
    assert_eq!(at(&engine, NEVER, rows), "1\t4\n2\t5\n");
}

#[test]
fn e_ttl_group_by_with_other_clauses() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(
        &engine,
        NEVER,
        "CREATE TABLE t (a UInt8, b UInt8, d DateTime, v UInt32, c String DEFAULT 'q' TTL d + INTERVAL 4 DAY) \
         ENGINE = MergeTree ORDER BY (a, b) TTL d + INTERVAL 1 DAY GROUP BY a, b SET v = sum(v), \
         d + INTERVAL 2 DAY GROUP BY a SET v = max(v) + count(), d + INTERVAL 3 DAY DELETE WHERE v = 7, \
         d + INTERVAL 1 DAY GROUP BY a SET c = concat(any(c), '!') WHERE b = 9",
    );
    at(
        &engine,
        NEVER,
        "INSERT INTO t VALUES (1, 1, '2021-01-01 00:00:00', 1, 'c'), (1, 1, '2021-01-01 00:00:00', 2, 'd'), \
         (1, 2, '2021-01-01 00:00:00', 2, 'e'), (2, 1, '2021-01-01 00:00:00', 7, 'f'), \
         (3, 9, '2021-01-01 00:00:00', 1, 'g')",
    );
    for (now, want) in [
        (
            "2021-01-02T00:00:00Z",
            "1\t1\t3\tc\n1\t2\t2\te\n2\t1\t7\tf\n3\t9\t1\tg!\n",
        ),
        ("2021-01-03T00:00:00Z", "1\t1\t5\tc\n2\t1\t8\tf\n3\t9\t2\tg!!\n"),
        ("2021-01-05T00:00:00Z", "1\t1\t6\tq\n2\t1\t9\tq\n3\t9\t3\tq\n"),
    ] {
        at(&engine, now, "OPTIMIZE TABLE t FINAL");
        assert_eq!(
            at(&engine, NEVER, "SELECT a, b, v, c FROM t ORDER BY a, b"),
            want,
            "{now}"
        );
    }
}

#[test]
fn e_ttl_group_by_keeps_rows_in_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(
        &engine,
        NEVER,
        "CREATE TABLE t (a UInt8, d DateTime, b UInt8, v UInt32) ENGINE = MergeTree PARTITION BY toYYYYMM(d) \
         ORDER BY (a, d, b) TTL d + INTERVAL 1 DAY GROUP BY a SET d = max(d) + INTERVAL 10 HOUR, b = max(b), v = sum(v)",
    );
    at(
        &engine,
        NEVER,
        "INSERT INTO t VALUES (1, '2021-01-01 00:00:00', 5, 1), (1, '2021-01-01 12:00:00', 6, 2), \
         (2, '2021-01-31 12:00:00', 1, 4), (2, '2021-01-31 20:00:00', 1, 8)",
    );
    at(
        &engine,
        NEVER,
        "CREATE TABLE u (a UInt8, d DateTime, v UInt32) ENGINE = MergeTree \
         ORDER BY (a, d) TTL d + INTERVAL 1 DAY GROUP BY a SET d = max(d), v = sum(v)",
    );
    at(&engine, NEVER, "INSERT INTO u SELECT a, d, v FROM t");
    for table in ["t", "u"] {
        at(
            &engine,
            "2021-02-08T00:00:00Z",
            &format!("OPTIMIZE TABLE {table} FINAL"),
        );
        assert_eq!(at(&engine, NEVER, &format!("CHECK TABLE {table}")), "1\n");
    }
    // Behind the last of the rows: what is in the keys stays that of the first.
    assert_eq!(
        at(&engine, NEVER, "SELECT * FROM t ORDER BY a"),
        "1\t2021-01-01 00:00:00\t5\t3\n2\t2021-01-31 12:00:00\t1\t12\n"
    );
    // Between the rows: as it is said.
    assert_eq!(
        at(&engine, NEVER, "SELECT * FROM u ORDER BY a"),
        "1\t2021-01-01 12:00:00\t3\n2\t2021-01-31 20:00:00\t12\n"
    );
}

#[test]
fn e_ttl_group_by_rebuilds_projections_and_dictionaries() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    at(
        &engine,
        NEVER,
        "CREATE TABLE t (a UInt64, b UInt64, d DateTime, v UInt64, n LowCardinality(Nullable(String)), \
         PROJECTION by_v (SELECT v, a, n ORDER BY v), INDEX v v TYPE minmax GRANULARITY 1) ENGINE = MergeTree ORDER BY (a, b) \
         TTL d GROUP BY a SET v = sum(v), n = concat(any(n), toString(count()))",
    );
    for from in [0, 50] {
        at(
            &engine,
            NEVER,
            &format!(
                "INSERT INTO t SELECT number % 20, number, '2021-01-01 00:00:00', number, \
                 if(number % 20 < 3, NULL, concat('n', toString(number % 4))) FROM numbers({from}, 50)"
            ),
        );
        engine.flush().unwrap();
        at(&engine, "2021-06-01T00:00:00Z", "OPTIMIZE TABLE t FINAL");
    }
    // Parts in which all is joined already are joined with each other.
    let all = at(&engine, NEVER, "SELECT count(), sum(v) FROM t");
    assert_eq!(all, "20\t4950\n");
    for (sql, want) in [
        ("SELECT a, n FROM t WHERE v = 250", "10\tn224\n"),
        ("SELECT count() FROM t WHERE v < 100", "0\n"),
        ("SELECT a, n FROM t WHERE v = 210", "2\t\\N\n"),
    ] {
        assert_eq!(at(&engine, NEVER, sql), want, "{sql}");
    }
    assert_eq!(at(&engine, NEVER, "CHECK TABLE t"), "1\n");
}

#[test]
fn e_ttl_group_by_refuses_what_clickhouse_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for (ttl, code) in [
        ("d GROUP BY b SET v = sum(v)", 450),
        ("d GROUP BY a + 1", 450),
        ("d GROUP BY a, b, v", 450),
        ("d GROUP BY a SET v = v", 450),
        ("d GROUP BY a SET v = 5", 450),
        ("d GROUP BY a SET v = sum(v), v = max(v)", 450),
        ("d GROUP BY a SET z = sum(v)", 16),
        ("d GROUP BY a SET al = sum(v)", 16),
        ("d GROUP BY a SET v = sum(al)", 47),
        ("d GROUP BY a SET v = sum(w)", 47),
        ("d GROUP BY a SET v = sum(sum(v))", 184),
        ("v GROUP BY a SET v = sum(v)", 450),
    ] {
        let sql = format!(
            "CREATE TABLE t (a UInt8, b UInt8, d DateTime, v UInt32, al UInt8 ALIAS v + 1) ENGINE = MergeTree \
             ORDER BY (a, b) TTL {ttl}"
        );
        assert_eq!(refused(&engine, &sql), code, "{ttl}");
    }
    let table = "CREATE TABLE t (a UInt8, b UInt8, d DateTime, v UInt32) ENGINE = MergeTree";
    let sql = format!("{table} ORDER BY tuple() TTL d GROUP BY a SET v = sum(v)");
    assert_eq!(refused(&engine, &sql), 450);
    let sql = format!("{table} PRIMARY KEY a ORDER BY (a, b) TTL d GROUP BY a, b SET v = sum(v)");
    assert_eq!(refused(&engine, &sql), 450);
    at(&engine, NEVER, &format!("{table} ORDER BY (a, b)"));
    let alter = "ALTER TABLE t MODIFY TTL d GROUP BY b SET v = sum(v)";
    assert_eq!(refused(&engine, alter), 450);
}

#[test]
fn e_ttl_group_by_survives_power_cuts() {
    super::ttl::cut_power(
        "CREATE TABLE t (a UInt8, d DateTime, v UInt64, PROJECTION p (SELECT v, a ORDER BY v)) \
         ENGINE = MergeTree ORDER BY a TTL d + INTERVAL 1 DAY GROUP BY a SET v = sum(v)",
        "INSERT INTO t VALUES (1, '2021-01-01 00:00:00', 1), (1, '2021-01-01 00:00:00', 2), \
         (2, '2021-02-01 00:00:00', 4)",
        &|engine, cut| {
            let text = |sql: &str| at(engine, "2021-01-02T00:00:00Z", sql);
            // Before or behind the merge, nothing is counted twice or lost.
            assert_eq!(text("SELECT sum(v) FROM t"), "7\n", "cut {cut}");
            while engine.maintain().unwrap() {}
            text("OPTIMIZE TABLE t FINAL");
            assert_eq!(text("SELECT a, v FROM t ORDER BY a"), "1\t3\n2\t4\n", "cut {cut}");
            assert_eq!(text("CHECK TABLE t"), "1\n", "cut {cut}");
        },
    );
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    a: u8,
    b: u8,
    d: i64,
    v: u64,
    n: Option<u8>,
}

/// `TTL d + 1 day DELETE WHERE v % 5 = 0, d + 2 days GROUP BY a, b SET v = sum(v), d = min(d),
/// d + 3 days GROUP BY a SET v = max(v) + count(), b = max(b)`, as of `now`.
fn modelled(rows: Vec<Row>, now: i64) -> Vec<Row> {
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| row.d + DAY > now || row.v % 5 != 0)
        .collect();
    let rows = runs(
        rows,
        |row| (row.a, row.b),
        |row| row.d + 2 * DAY <= now,
        |run| Row {
            v: run.iter().map(|row| row.v).sum(),
            d: run.iter().map(|row| row.d).min().unwrap(),
            ..first_of(run)
        },
    );
    runs(
        rows,
        |row| (row.a, 0),
        |row| row.d + 3 * DAY <= now,
        |run| Row {
            v: run.iter().map(|row| row.v).max().unwrap() + run.len() as u64,
            b: run.iter().map(|row| row.b).max().unwrap(),
            ..first_of(run)
        },
    )
}

fn first_of(run: &[Row]) -> Row {
    Row {
        n: run.iter().find_map(|row| row.n),
        ..run[0].clone()
    }
}

fn runs(
    rows: Vec<Row>,
    group: impl Fn(&Row) -> (u8, u8),
    is_expired: impl Fn(&Row) -> bool,
    join: impl Fn(&[Row]) -> Row,
) -> Vec<Row> {
    let of_one_run = |x: &Row, y: &Row| is_expired(x) && is_expired(y) && group(x) == group(y);
    let mut joined = Vec::new();
    for run in rows.chunk_by(of_one_run) {
        if is_expired(&run[0]) {
            joined.push(join(run));
        } else {
            joined.extend_from_slice(run);
        }
    }
    joined
}

fn text(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let n = row.n.map_or("\\N".to_owned(), |n| n.to_string());
        format!("{}\t{}\t{}\t{}\t{n}\n", row.a, row.b, row.d, row.v)
    };
    rows.iter().map(line).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<Row>),
    /// So many hours later.
    Optimize(u8),
}

fn row() -> impl Strategy<Value = Row> {
    let n = prop_oneof![Just(None), (0..9u8).prop_map(Some)];
    (0..3u8, 0..4u8, 1..200i64, 0..20u64, n).prop_map(|(a, b, hour, v, n)| Row {
        a,
        b,
        d: hour * 3600,
        v,
        n,
    })
}

const MODELLED: &str = "CREATE TABLE t (a UInt8, b UInt8, d DateTime('UTC'), v UInt64, n Nullable(UInt8)) \
    ENGINE = MergeTree ORDER BY (a, b) TTL d + INTERVAL 1 DAY DELETE WHERE v % 5 = 0, \
    d + INTERVAL 2 DAY GROUP BY a, b SET v = sum(v), d = min(d), \
    d + INTERVAL 3 DAY GROUP BY a SET v = max(v) + count(), b = max(b)";

fn stage(engine: &Engine, now: i64) -> Box<dyn ExpiryStage> {
    let catalogue = engine.catalogue();
    let table = catalogue.table("default", "t").unwrap();
    let expiry: Arc<dyn RowExpiry> = Arc::new(TableExpiry::of(&table.shape).unwrap().unwrap());
    expiry.stage(now)
}

fn block(rows: &[Row]) -> Block {
    let column = |ty: DataType, value: &dyn Fn(&Row) -> Value| {
        Column::from_values(&ty, &rows.iter().map(value).collect::<Vec<_>>())
    };
    let columns = vec![
        column(DataType::UInt8, &|row| Value::UInt(row.a.into())),
        column(DataType::UInt8, &|row| Value::UInt(row.b.into())),
        column(DataType::DateTime(None), &|row| Value::UInt(row.d as u64)),
        column(DataType::UInt64, &|row| Value::UInt(row.v)),
        column(DataType::UInt8.nullable(), &|row| {
            row.n.map_or(Value::Null, |n| Value::UInt(n.into()))
        }),
    ];
    Block::new(columns, rows.len())
}

fn rows_of(block: &Block) -> Vec<Row> {
    let number = |column: usize, row: usize| match block.column(column).value(row) {
        Value::UInt(n) => Some(n),
        _ => None,
    };
    (0..block.rows())
        .map(|row| Row {
            a: number(0, row).unwrap() as u8,
            b: number(1, row).unwrap() as u8,
            d: number(2, row).unwrap() as i64,
            v: number(3, row).unwrap(),
            n: number(4, row).map(|n| n as u8),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn e_ttl_group_by_is_its_model(
        steps in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(row(), 1..12).prop_map(Step::Insert),
                (0..90u8).prop_map(Step::Optimize),
            ],
            1..8,
        )
    ) {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        at(&engine, "1970-01-01T00:00:00Z", MODELLED);
        let (mut model, mut now): (Vec<Row>, i64) = (Vec::new(), 0);
        for step in steps.into_iter().chain([Step::Optimize(89)]) {
            match step {
                Step::Insert(rows) => {
                    let values: Vec<String> = rows
                        .iter()
                        .map(|r| format!("({}, {}, {}, {}, {})", r.a, r.b, r.d, r.v, r.n.map_or("NULL".to_owned(), |n| n.to_string())))
                        .collect();
                    at_second(&engine, now, &format!("INSERT INTO t VALUES {}", values.join(", ")));
                    engine.flush().unwrap();
                    model.extend(rows);
                    model.sort_by_key(|row| (row.a, row.b));
                }
                Step::Optimize(hours) => {
                    now += i64::from(hours) * 3600;
                    at_second(&engine, now, "OPTIMIZE TABLE t FINAL");
                    model = modelled(model, now);
                }
            }
            let got = at_second(&engine, now, "SELECT a, b, toUnixTimestamp(d), v, n FROM t ORDER BY a, b");
            prop_assert_eq!(got, text(&model));
        }
    }

    /// However the rows of a merge are cut into blocks.
    #[test]
    fn e_ttl_group_by_in_blocks_is_its_model(
        mut rows in prop::collection::vec(row(), 0..40),
        cuts in prop::collection::vec(0..6usize, 0..40),
        hour in 0..300i64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        at(&engine, "1970-01-01T00:00:00Z", MODELLED);
        rows.sort_by_key(|row| (row.a, row.b));
        let mut stage = stage(&engine, hour * 3600);
        let (mut got, mut left) = (Vec::new(), rows.as_slice());
        for cut in cuts {
            let (head, tail) = left.split_at(cut.min(left.len()));
            if !head.is_empty() {
                got.extend(rows_of(&stage.next(Some(block(head))).unwrap()));
            }
            left = tail;
        }
        if !left.is_empty() {
            got.extend(rows_of(&stage.next(Some(block(left))).unwrap()));
        }
        let last = stage.next(None).unwrap();
        if last.rows() > 0 {
            got.extend(rows_of(&last));
        }
        prop_assert_eq!(got, modelled(rows, hour * 3600));
    }
}

/// Where what SET computes is no value of its column, rows stay as they were; a merge on demand says so, as in ClickHouse, and
/// those in the background go on without it.
#[test]
fn e_ttl_group_by_whose_set_fails_keeps_all_rows_and_stops_no_merges() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let now = "2021-06-01T00:00:00Z";
    at(
        &engine,
        NEVER,
        "CREATE TABLE t (a UInt8, b UInt8, d DateTime, v UInt8) ENGINE = MergeTree ORDER BY (a, b) \
         TTL d + INTERVAL 1 DAY GROUP BY a SET v = concat(toString(sum(v)), 'z'), d + INTERVAL 1 YEAR",
    );
    for b in 0..12 {
        at(
            &engine,
            NEVER,
            &format!("INSERT INTO t VALUES (1, {b}, '2021-01-01 00:00:00', {b})"),
        );
        engine.flush().unwrap();
    }
    let rows = "SELECT count(), sum(v), uniqExact(b) FROM t";
    at(&engine, now, "SELECT 1");
    let mut errors = 0;
    for _ in 0..20 {
        errors += u32::from(engine.maintain().is_err());
    }
    assert!(errors <= 1, "{errors}: only the merge that is for this");
    assert_eq!(at(&engine, now, rows), "12\t66\t12\n");
    let parts = at(
        &engine,
        now,
        "SELECT count() FROM system.parts WHERE table = 't' AND active",
    );
    assert_eq!(parts, "1\n", "parts are merged");
    let options = QueryOptions::new(now.parse().unwrap());
    assert!(engine.query("OPTIMIZE TABLE t FINAL", &options).is_err());
    assert_eq!(at(&engine, now, rows), "12\t66\t12\n");
    at(
        &engine,
        now,
        "ALTER TABLE t MODIFY TTL d + INTERVAL 1 DAY GROUP BY a SET v = sum(v)",
    );
    at(&engine, now, "OPTIMIZE TABLE t FINAL");
    assert_eq!(at(&engine, now, "SELECT a, b, v FROM t"), "1\t0\t66\n");
}

#[test]
fn e_ttl_whose_expression_fails_for_rows_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let now = "2021-06-01T00:00:00Z";
    at(
        &engine,
        now,
        "CREATE TABLE t (a UInt8, s String) ENGINE = MergeTree ORDER BY a TTL toDateTime(s) RECOMPRESS CODEC(ZSTD(3))",
    );
    for row in [
        "1, '2021-01-01 00:00:00'",
        "2, 'never'",
        "3, '2021-01-01 00:00:00'",
    ] {
        at(&engine, now, &format!("INSERT INTO t VALUES ({row})"));
        engine.flush().unwrap();
    }
    for _ in 0..10 {
        engine.maintain().unwrap();
    }
    at(&engine, now, "OPTIMIZE TABLE t FINAL");
    assert_eq!(at(&engine, now, "SELECT a FROM t ORDER BY a"), "1\n2\n3\n");
}
