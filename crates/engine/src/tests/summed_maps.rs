//! SummingMergeTree: arrays of `…Map` structures merged by key.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{config, error, text};
use crate::{Engine, EngineConfig};

fn open(folder: &std::path::Path) -> Engine {
    let config = EngineConfig {
        granule_rows: Some(3),
        ..config()
    };
    Engine::open(folder, config).unwrap()
}

#[test]
fn e_fam_summing_maps_are_merged_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    text(
        &engine,
        "CREATE TABLE t (k UInt8, v Int32, `aMap.x` Array(LowCardinality(String)), `aMap.n` Array(UInt8), \
         `aMap.o` Array(Nullable(Int16)), `bMap.id` Array(UInt8), `bMap.nKey` Array(String), `bMap.n` Array(Float64), \
         `c.x` Array(UInt8), `c.n` Array(UInt8), `dMap.x` Array(Float64), `dMap.n` Array(UInt8)) \
         ENGINE = SummingMergeTree ORDER BY k",
    );
    for row in [
        "(1, 1, ['b', 'a'], [200, 1], [1, NULL], [2, 1], ['y', 'x'], [1, 2], [1], [1], [1], [1])",
        "(1, -1, ['b', 'c', 'a'], [100, 0, 1], [2, NULL, NULL], [1, 2], ['x', 'x'], [-2, 4], [2], [2], [1], [1])",
        "(2, 5, ['b', 'a', 'b'], [255, 1, 1], [NULL, 0, 0], [2, 2], ['y', 'y'], [1, -1], [], [], [], [])",
    ] {
        text(&engine, &format!("INSERT INTO t VALUES {row}"));
        engine.flush().unwrap();
    }
    let want = "1\t0\t['a','b']\t[2,44]\t[NULL,3]\t[2,2]\t['x','y']\t[4,1]\t[1]\t[1]\t[1]\t[1]\n\
                2\t5\t['a','b']\t[1,0]\t[0,0]\t[2,2]\t['y','y']\t[1,-1]\t[]\t[]\t[]\t[]\n";
    assert_eq!(text(&engine, "SELECT * FROM t FINAL ORDER BY k"), want);
    // One array alone comes out as with all of them.
    assert_eq!(
        text(&engine, "SELECT `aMap.n` FROM t FINAL ORDER BY k"),
        "[2,44]\n[1,0]\n"
    );
    assert_eq!(
        text(&engine, "SELECT `bMap.n` FROM t FINAL ORDER BY k"),
        "[4,1]\n[1,-1]\n"
    );
    text(&engine, "OPTIMIZE TABLE t FINAL");
    assert_eq!(text(&engine, "SELECT * FROM t ORDER BY k"), want);
    assert_eq!(text(&engine, "CHECK TABLE t"), "1\n");
}

#[test]
fn e_fam_summing_maps_are_named_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let create = |columns: &str| {
        format!(
            "CREATE TABLE t (k UInt8, v UInt8, `fMap.x` Array(UInt8), `fMap.n` Array(UInt8)) \
             ENGINE = SummingMergeTree({columns}) ORDER BY k"
        )
    };
    assert_eq!(error(&engine, &create("`fMap.n`")).code(), 16);
    assert_eq!(error(&engine, &create("w")).code(), 16);
    for (columns, want) in [("fMap", "1\t1\t[1]\t[2]\n"), ("v", "1\t3\t[1]\t[2]\n")] {
        text(&engine, &create(columns));
        text(&engine, "INSERT INTO t VALUES (1, 1, [1], [1]), (1, 2, [1], [1])");
        assert_eq!(text(&engine, "SELECT * FROM t FINAL"), want, "{columns}");
        text(&engine, "DROP TABLE t");
    }
}

/// Key, parts of the map's key, values.
type Entry = (u8, u8, u8, i8);

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<(u8, Vec<Entry>)>),
    Optimize,
}

/// What a single-key map (of the first parts) and one of two keys become; the latter stays as it is in a row alone.
fn modelled(rows: &[Vec<Entry>]) -> String {
    let mut single: BTreeMap<u8, (u8, i8)> = BTreeMap::new();
    let mut double: BTreeMap<(u8, u8), (u8, i8)> = BTreeMap::new();
    for (x, y, n, m) in rows.iter().flatten() {
        for sums in [single.entry(*x).or_default(), double.entry((*x, *y)).or_default()] {
            *sums = (sums.0.wrapping_add(*n), sums.1.wrapping_add(*m));
        }
    }
    single.retain(|_, sums| *sums != (0, 0));
    double.retain(|_, sums| *sums != (0, 0));
    let double: Vec<Entry> = match rows {
        [row] => row.clone(),
        _ => double.into_iter().map(|((x, y), (n, m))| (x, y, n, m)).collect(),
    };
    let single: Vec<Entry> = single.into_iter().map(|(x, (n, m))| (x, 0, n, m)).collect();
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        list(&single, |e| e.0),
        list(&single, |e| e.2),
        list(&single, |e| e.3),
        list(&double, |e| e.0),
        list(&double, |e| e.1),
        list(&double, |e| e.2),
        list(&double, |e| e.3)
    )
}

fn list<T: ToString>(entries: &[Entry], part: impl Fn(&Entry) -> T) -> String {
    let parts: Vec<String> = entries.iter().map(|e| part(e).to_string()).collect();
    format!("[{}]", parts.join(","))
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![Just(0u8), Just(128u8), Just(200u8), any::<u8>()];
    let signed = prop_oneof![Just(0i8), -1..2i8];
    let entries = prop::collection::vec((0..3u8, 0..2u8, number, signed), 0..4);
    prop_oneof![
        4 => prop::collection::vec((0..4u8, entries), 1..7).prop_map(Step::Insert),
        1 => Just(Step::Optimize),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn e_fam_summing_maps_are_their_model(steps in prop::collection::vec(step(), 1..8)) {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        text(
            &engine,
            "CREATE TABLE t (k UInt8, `aMap.x` Array(UInt8), `aMap.n` Array(UInt8), `aMap.m` Array(Int8), \
             `bMap.x` Array(UInt8), `bMap.yID` Array(UInt8), `bMap.n` Array(UInt8), `bMap.m` Array(Int8)) \
             ENGINE = SummingMergeTree ORDER BY k",
        );
        let mut model: BTreeMap<u8, Vec<Vec<Entry>>> = BTreeMap::new();
        for step in steps.into_iter().chain([Step::Optimize]) {
            match step {
                Step::Insert(rows) => {
                    let values: Vec<String> = rows
                        .iter()
                        .map(|(k, e)| {
                            let (x, y) = (list(e, |e| e.0), list(e, |e| e.1));
                            let (n, m) = (list(e, |e| e.2), list(e, |e| e.3));
                            format!("({k}, {x}, {n}, {m}, {x}, {y}, {n}, {m})")
                        })
                        .collect();
                    text(&engine, &format!("INSERT INTO t VALUES {}", values.join(", ")));
                    // Every second insert stays in memory for a while.
                    if rows.len() % 2 == 0 {
                        engine.flush().unwrap();
                    }
                    for (k, entries) in rows {
                        model.entry(k).or_default().push(entries);
                    }
                }
                Step::Optimize => {
                    text(&engine, "OPTIMIZE TABLE t FINAL");
                }
            }
            let want: String = model
                .iter()
                .map(|(k, rows)| format!("{k}\t{}\n", modelled(rows)))
                .collect();
            prop_assert_eq!(text(&engine, "SELECT * FROM t FINAL ORDER BY k"), want);
        }
    }
}
