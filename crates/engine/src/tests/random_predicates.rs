//! Random tables and random predicates: what keys and skip indexes leave of a table is what a full read finds in it.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{config, options};
use crate::{Engine, EngineConfig};

const COLUMNS: &str = "id UInt32, i Int32, u UInt8, d Date, t DateTime('UTC'), z DateTime('Europe/Berlin'), \
                       s String, l LowCardinality(String), f Float64, n Nullable(Int32), ns Nullable(String), \
                       a Array(String)";

const KEYS: [&str; 20] = [
    "i",
    "u",
    "d",
    "t",
    "z",
    "s",
    "l",
    "f",
    "-i",
    "intDiv(i, 3)",
    "i % 3",
    "toDate(t)",
    "toDate(z)",
    "toStartOfHour(z)",
    "toStartOfMonth(d)",
    "toYYYYMM(t)",
    "toHour(t)",
    "lower(s)",
    "cityHash64(s)",
    "length(s)",
];
const PARTITIONS: [&str; 6] = [
    "tuple()",
    "toYYYYMM(d)",
    "u",
    "toYYYYMM(z)",
    "(l, u % 2)",
    "intDiv(i, 4)",
];
const INDEXES: [&str; 32] = [
    "i TYPE minmax",
    "n TYPE minmax",
    "s TYPE minmax",
    "l TYPE minmax",
    "f TYPE minmax",
    "f TYPE bloom_filter",
    "z TYPE minmax",
    "ns TYPE minmax",
    "toDate(z) TYPE minmax",
    "lower(s) TYPE minmax",
    "(i, s) TYPE minmax",
    "i TYPE set(0)",
    "u TYPE set(2)",
    "l TYPE set(100)",
    "n TYPE set(100)",
    "ns TYPE set(3)",
    "f TYPE set(0)",
    "(u, l) TYPE set(0)",
    "length(s) TYPE set(0)",
    "i TYPE bloom_filter(0.05)",
    "s TYPE bloom_filter",
    "l TYPE bloom_filter(0.1)",
    "n TYPE bloom_filter",
    "ns TYPE bloom_filter",
    "a TYPE bloom_filter(0.05)",
    "lower(s) TYPE bloom_filter",
    "s TYPE tokenbf_v1(64, 2, 0)",
    "l TYPE tokenbf_v1(64, 3, 7)",
    "lower(s) TYPE tokenbf_v1(128, 2, 0)",
    "s TYPE ngrambf_v1(2, 64, 2, 0)",
    "l TYPE ngrambf_v1(3, 128, 2, 0)",
    "a TYPE tokenbf_v1(64, 2, 0)",
];

const TEXTS: [&str; 16] = [
    "",
    "a",
    "ab",
    "abc",
    "abd",
    "b",
    "a b",
    "foo bar",
    "bar-baz",
    "Foo",
    "é",
    "a%",
    "a_",
    "zzz",
    "ab ab",
    "FOO BAR baz",
];
const DAYS: [&str; 10] = [
    "1970-01-01",
    "2021-10-30",
    "2021-10-31",
    "2021-11-01",
    "2021-11-07",
    "2021-11-30",
    "2021-12-01",
    "2021-12-31",
    "2022-01-01",
    "2149-06-06",
];
/// Around the change of the clocks in Berlin (2021-10-31 01:00 UTC), midnights and ends of months.
const TIMES: [&str; 10] = [
    "1970-01-01 00:00:00",
    "2021-10-30 22:30:00",
    "2021-10-31 00:15:00",
    "2021-10-31 00:59:59",
    "2021-10-31 01:15:00",
    "2021-10-31 02:00:00",
    "2021-11-30 23:30:00",
    "2021-12-01 00:00:00",
    "2021-12-31 23:59:59",
    "2022-01-03 12:00:00",
];
const FLOATS: [&str; 8] = ["0", "-0.0", "1.5", "-1.5", "nan", "inf", "-inf", "3"];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn text() -> BoxedStrategy<String> {
    select(&TEXTS[..]).prop_map(quoted).boxed()
}

fn whole() -> BoxedStrategy<String> {
    prop_oneof![8 => (-4..6i64).prop_map(|n| n.to_string()), 1 => select(&["-2147483648", "2147483647", "1000000"][..]).prop_map(str::to_owned)]
        .boxed()
}

fn of(list: &[&'static str]) -> BoxedStrategy<&'static str> {
    select(list.to_vec()).boxed()
}

fn comparison() -> BoxedStrategy<&'static str> {
    of(&["=", "!=", "<", "<=", ">", ">="])
}

/// An operand and constants of its kind, compared in one way or another.
fn compared(operand: BoxedStrategy<&'static str>, constant: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let list = prop::collection::vec(constant.clone(), 1..4).prop_map(|l| l.join(", "));
    prop_oneof![
        4 => (operand.clone(), comparison(), constant.clone()).prop_map(|(e, op, c)| format!("{e} {op} {c}")),
        1 => (operand.clone(), comparison(), constant.clone()).prop_map(|(e, op, c)| format!("{c} {op} {e}")),
        1 => (operand.clone(), constant.clone(), constant).prop_map(|(e, a, b)| format!("{e} BETWEEN {a} AND {b}")),
        2 => (operand.clone(), list.clone()).prop_map(|(e, list)| format!("{e} IN ({list})")),
        1 => (operand, list).prop_map(|(e, list)| format!("{e} NOT IN ({list})")),
    ]
    .boxed()
}

fn leaf() -> BoxedStrategy<String> {
    let numbers = of(&[
        "i",
        "u",
        "n",
        "i + 1",
        "-i",
        "i * 2",
        "i - u",
        "intDiv(i, 3)",
        "i % 3",
        "abs(i)",
        "toInt64(i)",
        "toUInt8(i)",
        "toInt8(i)",
        "length(s)",
        "coalesce(n, 0)",
        "if(i > 2, 0, i)",
    ]);
    let days = of(&[
        "d",
        "toDate(t)",
        "toDate(z)",
        "toDate(z, 'Asia/Tokyo')",
        "toStartOfMonth(d)",
        "toMonday(d)",
        "toStartOfMonth(z)",
        "toStartOfWeek(t)",
        "addDays(d, 1)",
        "d - 1",
        "toStartOfYear(z)",
        "toLastDayOfMonth(d)",
    ]);
    let day = select(&DAYS[..]).prop_map(|d| format!("toDate('{d}')"));
    let day_text = select(&DAYS[..]).prop_map(quoted);
    let times = of(&[
        "t",
        "z",
        "toStartOfHour(t)",
        "toStartOfHour(z)",
        "toStartOfDay(z)",
        "toStartOfFifteenMinutes(z)",
        "toStartOfMinute(t)",
        "toTimeZone(t, 'America/New_York')",
        "toDateTime(d, 'UTC')",
        "dateTrunc('day', t)",
        "toStartOfInterval(z, INTERVAL 3 HOUR)",
        "t + 3600",
        "addHours(z, 1)",
    ]);
    let time = select(&TIMES[..]).prop_map(|t| format!("toDateTime('{t}', 'UTC')"));
    let time_text = select(&TIMES[..]).prop_map(quoted);
    let months = of(&["toYYYYMM(d)", "toYYYYMM(t)", "toYYYYMM(z)"]);
    let month =
        select(&["197001", "202110", "202111", "202112", "202201", "214906"][..]).prop_map(str::to_owned);
    let clocks = of(&[
        "toHour(z)",
        "toHour(t)",
        "toDayOfWeek(d)",
        "toMonth(z)",
        "toDayOfMonth(d)",
        "toMinute(t)",
    ]);
    let clock = select(&["0", "1", "2", "3", "7", "10", "12", "30", "31"][..]).prop_map(str::to_owned);
    let texts = of(&[
        "s",
        "l",
        "ns",
        "lower(s)",
        "upper(l)",
        "substring(s, 1, 2)",
        "concat(s, 'x')",
        "toString(i)",
        "reverse(s)",
        "concat('x', l)",
    ]);
    let pattern = select(
        &[
            "a%", "%b%", "a_c", "%", "ab", "a\\\\%%", "%foo%", "foo b%", "%bar", "a%b", "%ab ab%", "_", "",
        ][..],
    );
    let plain = of(&["s", "l", "ns", "lower(s)"]);
    let word = select(&["a", "ab", "foo", "bar", "baz", "Foo", "zzz", "none"][..]);
    let of_text = (plain.clone(), of(&["LIKE", "NOT LIKE", "ILIKE"]), pattern)
        .prop_map(|(e, op, p)| format!("{e} {op} '{p}'"));
    let of_word = (
        of(&[
            "startsWith",
            "endsWith",
            "hasToken",
            "position",
            "match",
            "NOT startsWith",
            "NOT hasToken",
            "hasTokenCaseInsensitive",
            "countSubstrings",
        ]),
        plain,
        word.clone(),
    )
        .prop_map(|(f, e, w)| format!("{f}({e}, '{w}')"));
    let of_list = (of(&["has", "NOT has"]), word.clone()).prop_map(|(f, w)| format!("{f}(a, '{w}')"));
    let of_lists = (
        of(&["hasAny", "hasAll", "NOT hasAny"]),
        prop::collection::vec(word, 0..3),
    )
        .prop_map(|(f, list)| {
            let list: Vec<String> = list.into_iter().map(quoted).collect();
            format!("{f}(a, CAST([{}], 'Array(String)'))", list.join(", "))
        });
    let tuples = prop_oneof![
        (comparison(), whole(), text()).prop_map(|(op, i, s)| format!("(i, s) {op} ({i}, {s})")),
        (comparison(), whole(), 0..4u8).prop_map(|(op, i, u)| format!("(i, u) {op} ({i}, {u})")),
        (whole(), text(), whole(), text())
            .prop_map(|(i, l, j, k)| format!("(i, l) IN (({i}, {l}), ({j}, {k}))")),
        (0..4u8, text(), 0..4u8, text())
            .prop_map(|(i, l, j, k)| format!("(u, l) NOT IN (({i}, {l}), ({j}, {k}))")),
    ];
    let others = of(&[
        "n IS NULL",
        "n IS NOT NULL",
        "ns IS NULL",
        "isNotNull(ns)",
        "n = NULL",
        "NULL",
        "1",
        "0",
        "u",
        "isNaN(f)",
        "empty(s)",
        "notEmpty(l)",
        "empty(a)",
        "length(a) = 1",
        "i IN (SELECT i FROM m WHERE u = 1)",
        "(i, l) IN (SELECT i, l FROM m WHERE u = 2)",
        "s NOT IN (SELECT s FROM m WHERE i < 0)",
        "i = (SELECT max(i) FROM m WHERE u < 3)",
        "n IN (1, NULL)",
        "a = ['a']",
        "cityHash64(s) = cityHash64('ab')",
        "(i > 1) = (u > 1)",
        "l = s",
        "i = u",
        "d = toDate(t)",
    ]);
    let floats = compared(
        of(&["f", "-f", "f + 1", "round(f)"]),
        select(&FLOATS[..]).prop_map(str::to_owned).boxed(),
    );
    prop_oneof![
        4 => compared(numbers, whole()),
        2 => compared(days.clone(), day.boxed()),
        1 => (of(&["d", "toDate(z)"]), comparison(), day_text).prop_map(|(e, op, c)| format!("{e} {op} {c}")),
        2 => compared(times, time.boxed()),
        1 => (of(&["t", "z"]), comparison(), time_text).prop_map(|(e, op, c)| format!("{e} {op} {c}")),
        1 => compared(months, month.boxed()),
        1 => compared(clocks, clock.boxed()),
        3 => compared(texts, text()),
        2 => of_text,
        2 => of_word,
        1 => of_list,
        1 => of_lists,
        2 => tuples,
        1 => floats,
        2 => others.prop_map(str::to_owned),
    ]
    .boxed()
}

fn predicate() -> BoxedStrategy<String> {
    leaf()
        .prop_recursive(3, 8, 3, |inner| {
            let list = prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                4 => list.clone().prop_map(|list| format!("({})", list.join(") AND ("))),
                3 => list.prop_map(|list| format!("({})", list.join(") OR ("))),
                3 => inner.clone().prop_map(|p| format!("NOT ({p})")),
                1 => (inner.clone(), inner.clone()).prop_map(|(p, q)| format!("xor({p}, {q})")),
                1 => (inner.clone(), inner.clone(), inner).prop_map(|(p, q, r)| format!("if({p}, {q}, {r})")),
            ]
        })
        .boxed()
}

/// The values of a row, without its id.
fn row() -> BoxedStrategy<String> {
    let small = prop_oneof![15 => -4..6i32, 1 => select(&[i32::MIN, i32::MAX, 1_000_000][..])];
    let words = prop::collection::vec(select(&["a", "ab", "foo bar", "bar", "zzz"][..]), 0..3);
    (
        small,
        prop_oneof![9 => 0..4u8, 1 => Just(255)],
        select(&DAYS[..]),
        select(&TIMES[..]),
        select(&TIMES[..]),
        select(&TEXTS[..]),
        select(&TEXTS[..]),
        select(&FLOATS[..]),
        prop::option::of(-4..6i32),
        prop::option::of(select(&TEXTS[..])),
        words,
    )
        .prop_map(|(i, u, d, t, z, s, l, f, n, ns, a)| {
            let null = || "NULL".to_owned();
            let a: Vec<String> = a.into_iter().map(quoted).collect();
            format!(
                "{i}, {u}, '{d}', toDateTime('{t}', 'UTC'), toDateTime('{z}', 'UTC'), {}, {}, {f}, {}, {}, [{}]",
                quoted(s),
                quoted(l),
                n.map_or_else(null, |n| n.to_string()),
                ns.map_or_else(null, quoted),
                a.join(", ")
            )
        })
        .boxed()
}

#[derive(Clone, Debug)]
struct Case {
    key: Vec<&'static str>,
    partition: &'static str,
    indexes: Vec<(&'static str, u8)>,
    /// Those of `indexes` that come by ALTER when the first insert is there.
    late: usize,
    granule_rows: usize,
    inserts: Vec<Vec<String>>,
    /// After how many inserts all parts are merged.
    merged: usize,
    /// The last insert stays in memory.
    in_memory: bool,
    change: Option<&'static str>,
    predicates: Vec<String>,
}

fn case(
    keys: BoxedStrategy<Vec<&'static str>>,
    indexes: BoxedStrategy<Vec<(&'static str, u8)>>,
) -> BoxedStrategy<Case> {
    let changes = [
        "ALTER TABLE t DELETE WHERE u = 1",
        "DELETE FROM t WHERE id % 3 = 0",
        "ALTER TABLE t UPDATE n = 5, ns = 'abc', a = ['zzz'] WHERE id % 2 = 0",
        "ALTER TABLE t UPDATE n = NULL WHERE n > 0",
    ];
    (
        keys,
        of(&PARTITIONS),
        indexes,
        0..3usize,
        1..6usize,
        prop::collection::vec(prop::collection::vec(row(), 1..25), 1..5),
        0..4usize,
        any::<bool>(),
        prop::option::of(select(changes.to_vec())),
        prop::collection::vec(predicate(), 30),
    )
        .prop_map(
            |(
                key,
                partition,
                indexes,
                late,
                granule_rows,
                inserts,
                merged,
                in_memory,
                change,
                predicates,
            )| Case {
                key,
                partition,
                indexes,
                late,
                granule_rows,
                inserts,
                merged,
                in_memory,
                change,
                predicates,
            },
        )
        .boxed()
}

fn filled(case: &Case) -> Engine {
    let directory = engine_storage::directory::SimulatedDirectory::new();
    let config = EngineConfig {
        granule_rows: Some(case.granule_rows),
        ..config()
    };
    let engine = Engine::open_in(std::sync::Arc::new(directory), config).unwrap();
    let run = |sql: &str| {
        engine
            .query(sql, &options())
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    };
    let (early, late) = case
        .indexes
        .split_at(case.indexes.len().saturating_sub(case.late));
    let mut columns = COLUMNS.to_owned();
    for (at, (index, granularity)) in early.iter().enumerate() {
        write!(columns, ", INDEX x{at} {index} GRANULARITY {granularity}").unwrap();
    }
    run(&format!(
        "CREATE TABLE t ({columns}) ENGINE = MergeTree PARTITION BY {} ORDER BY tuple({})",
        case.partition,
        case.key.join(", ")
    ));
    run(&format!("CREATE TABLE m ({COLUMNS}) ENGINE = Memory"));
    let mut id = 0;
    for (at, rows) in case.inserts.iter().enumerate() {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                id += 1;
                format!("({id}, {row})")
            })
            .collect();
        run(&format!("INSERT INTO t VALUES {}", rows.join(", ")));
        if at + 1 < case.inserts.len() || !case.in_memory {
            engine.flush().unwrap();
        }
        if at == 0 {
            for (at, (index, granularity)) in late.iter().enumerate() {
                run(&format!(
                    "ALTER TABLE t ADD INDEX y{at} {index} GRANULARITY {granularity}"
                ));
            }
        }
        if at + 1 == case.merged {
            run("OPTIMIZE TABLE t FINAL");
        }
    }
    if let Some(change) = case.change {
        run(&format!("{change} SETTINGS mutations_sync = 1"));
    }
    run("INSERT INTO m SELECT * FROM t");
    engine
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let engine = filled(case);
    let ask = |sql: &str| engine.query(sql, &options()).map(|r| r.to_tab_separated());
    for predicate in &case.predicates {
        // Nothing is concluded from the argument of `identity`, and the rows in memory have neither keys nor indexes.
        let Ok(full) = ask(&format!(
            "SELECT id FROM m WHERE identity({predicate}) ORDER BY id"
        )) else {
            // It cannot be computed for some row; which of them are looked at is free.
            continue;
        };
        for sql in [
            format!("SELECT id FROM t WHERE {predicate} ORDER BY id"),
            format!("SELECT id FROM t PREWHERE {predicate} ORDER BY id SETTINGS use_skip_indexes = 0"),
        ] {
            let pruned = ask(&sql).map_err(|e| TestCaseError::fail(format!("{sql}: {e}")))?;
            prop_assert_eq!(&pruned, &full, "{}", sql);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn e_keycond_random_predicates_over_random_keys(
        case in case(subsequence(KEYS.to_vec(), 1..4).prop_shuffle().boxed(), Just(Vec::new()).boxed())
    ) {
        check(&case)?;
    }

    #[test]
    fn e_idx_random_predicates_over_random_indexes(
        case in case(
            subsequence(KEYS.to_vec(), 0..2).boxed(),
            prop::collection::vec((select(INDEXES.to_vec()), 1..4u8), 1..7).boxed(),
        )
    ) {
        check(&case)?;
    }
}
