//! Scans: pruned = full, morsels of any size, rows of a morsel, encoded columns, the cache, granule rules.

use engine_storage::{ColumnCodec, KeyCondition, KeyRef, Storage, TableId};
use engine_types::{Column, Value};
use proptest::prelude::*;

use crate::append::mapping_row;
use crate::support::*;

/// Several parts with overlapping keys, and rows in memory.
fn sample(granule_rows: usize) -> (Storage, TableId, Vec<Row>) {
    let (storage, table) = with_table(events(), granule_rows);
    for n in 0..4u64 {
        storage
            .append(vec![(
                table,
                block(&events(), &event_rows(n * 100..n * 100 + 100)),
            )])
            .unwrap();
        if n < 3 {
            storage.flush_all().unwrap();
        }
    }
    (storage, table, event_rows(0..400))
}

#[derive(Clone, Debug)]
enum Cond {
    Team(Vec<i64>),
    At(Option<(u64, bool)>, Option<(u64, bool)>, bool),
}

fn conds() -> impl Strategy<Value = Vec<Cond>> {
    let bound = || prop::option::of((0u64..3100, any::<bool>()));
    prop::collection::vec(
        prop_oneof![
            prop::collection::vec(-2i64..4, 0..3).prop_map(Cond::Team),
            (bound(), bound(), any::<bool>()).prop_map(|(l, u, min_max)| Cond::At(l, u, min_max)),
        ],
        0..4,
    )
}

fn condition(conds: &[Cond]) -> KeyCondition {
    conds.iter().fold(KeyCondition::all(), |key, cond| match cond {
        Cond::Team(teams) => key.and_points(
            KeyRef::SortingKey(0),
            teams.iter().map(|t| Value::Int(*t)).collect(),
        ),
        Cond::At(lower, upper, min_max) => {
            let of = if *min_max {
                KeyRef::Column(2)
            } else {
                KeyRef::SortingKey(1)
            };
            let bound = |b: &Option<(u64, bool)>| b.map(|(v, included)| (Value::UInt(v), included));
            key.and_range(of, bound(lower), bound(upper))
        }
    })
}

fn matches(row: &Row, conds: &[Cond]) -> bool {
    conds.iter().all(|cond| match cond {
        Cond::Team(teams) => teams.iter().any(|t| Value::Int(*t) == row[0]),
        Cond::At(lower, upper, _) => {
            let Value::UInt(at) = row[2] else { return false };
            lower.is_none_or(|(v, inc)| at > v || (inc && at == v))
                && upper.is_none_or(|(v, inc)| at < v || (inc && at == v))
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_pruned_scan_misses_nothing(conds in conds(), granule_rows in 1usize..9, target in 1usize..200) {
        let (storage, table, rows) = sample(granule_rows);
        let snapshot = storage.snapshot(table).unwrap();
        let found = scan(&snapshot, &condition(&conds), target);
        let expected: Vec<Row> = sorted(rows.into_iter().filter(|r| matches(r, &conds)).collect());
        let kept: Vec<Row> = found.into_iter().filter(|r| matches(r, &conds)).collect();
        prop_assert_eq!(kept, expected);
    }

    #[test]
    fn rows_of_a_morsel_are_those_of_the_whole(
        granule_rows in 1usize..9,
        target in 1usize..300,
        picks in prop::collection::vec(any::<bool>(), 300),
    ) {
        let (storage, table, _) = sample(granule_rows);
        let snapshot = storage.snapshot(table).unwrap();
        let columns = [6, 3, 0, 4, 5];
        for morsel in snapshot.morsels(&KeyCondition::all(), target) {
            let rows: Vec<u32> = (0..morsel.rows() as u32).filter(|r| picks[*r as usize % 300]).collect();
            let some = snapshot.read_rows(&morsel, &columns, &rows).unwrap();
            let all = snapshot.read(&morsel, &columns).unwrap();
            prop_assert_eq!(rows_of(&some), rows_of(&all.gather(&rows)));
        }
    }

    /// Seeking to every mark gives the rows of that granule.
    #[test]
    fn e_mark_every_granule_alone_is_its_slice_of_the_part(
        granule_rows in 1usize..30,
        sizes in prop::collection::vec(0usize..40_000, 30..60),
        automatic in any::<bool>(),
    ) {
        let (storage, table) = with_codec(events(), granule_rows, automatic.then_some(ColumnCodec::Auto));
        let rows: Vec<Row> = sizes.iter().enumerate().map(|(n, size)| {
            let mut row = event_row(n as u64);
            row[2] = Value::UInt(5);
            row[4] = Value::string("z".repeat(*size));
            row
        }).collect();
        storage.append(vec![(table, block(&events(), &rows))]).unwrap();
        storage.flush_all().unwrap();
        let snapshot = storage.snapshot(table).unwrap();
        let columns = all_columns(&snapshot);
        let whole = &snapshot.morsels(&KeyCondition::all(), usize::MAX)[0];
        let expected = rows_of(&snapshot.read(whole, &columns).unwrap());
        prop_assert_eq!(sorted(expected.clone()), sorted(rows));
        // Another snapshot of a reopened part would read past the cache; single granules have their own entries.
        let single: Vec<Row> = snapshot.morsels(&KeyCondition::all(), 1).iter()
            .flat_map(|m| rows_of(&snapshot.read(m, &columns).unwrap()))
            .collect();
        prop_assert_eq!(single, expected);
    }
}

#[test]
fn low_cardinality_comes_as_codes_over_one_dictionary() {
    let (storage, table, _) = sample(4);
    let snapshot = storage.snapshot(table).unwrap();
    let mut dictionaries = Vec::new();
    for morsel in snapshot.morsels(&KeyCondition::all(), 64) {
        let column = snapshot.read(&morsel, &[3]).unwrap().column(0).clone();
        let Some(part) = morsel.part() else { continue };
        let Column::Dict(d) = column else {
            panic!("{} is not dictionary-coded", part.name())
        };
        assert!(d.values.len() <= 4);
        dictionaries.push((part.name().to_string(), d.values));
    }
    for pair in dictionaries.windows(2) {
        if pair[0].0 == pair[1].0 {
            assert!(
                std::sync::Arc::ptr_eq(&pair[0].1, &pair[1].1),
                "one dictionary a part"
            );
        }
    }
}

#[test]
fn a_hot_scan_decompresses_nothing_and_a_pruned_one_little() {
    let (storage, table, _) = sample(4);
    let full = storage.snapshot(table).unwrap();
    scan(&full, &KeyCondition::all(), 65_536);
    let cold = full.counters().counts();
    assert!(cold.blocks > 0 && cold.rows == 400 && cold.bytes > 0 && cold.raw_bytes > 0);

    let again = storage.snapshot(table).unwrap();
    scan(&again, &KeyCondition::all(), 65_536);
    let hot = again.counters().counts();
    assert_eq!((hot.blocks, hot.bytes, hot.rows), (0, 0, 400));
    assert!(hot.cache_hits > 0);

    let pruned = storage.snapshot(table).unwrap();
    let one = KeyCondition::all()
        .and_equals(KeyRef::SortingKey(0), Value::Int(0))
        .and_range(
            KeyRef::Column(2),
            Some((Value::UInt(100), true)),
            Some((Value::UInt(120), true)),
        );
    scan(&pruned, &one, 65_536);
    let counts = pruned.counters().counts();
    assert!(
        counts.granules < cold.granules / 4,
        "{} of {} granules",
        counts.granules,
        cold.granules
    );
}

#[test]
fn late_materialisation_decodes_only_the_blocks_with_rows() {
    let (storage, table) = with_table(events(), 100);
    let rows: Vec<Row> = (0..3000u64)
        .map(|n| {
            let mut row = event_row(n);
            row[0] = Value::Int(1);
            row[2] = Value::UInt(n / 3);
            // 70 KB a granule: each is a block of its own.
            row[4] = Value::string(format!("{n:0700}"));
            row
        })
        .collect();
    storage.append(vec![(table, block(&events(), &rows))]).unwrap();
    storage.flush_all().unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    let morsel = &snapshot.morsels(&KeyCondition::all(), 3000)[0];
    let picked = snapshot.read_rows(morsel, &[4], &[5, 1010, 1020]).unwrap();
    assert_eq!(picked.column(0).value(1), Value::string(format!("{:0700}", 1010)));
    assert_eq!(snapshot.counters().counts().blocks, 2);
    assert_eq!(snapshot.counters().counts().granules, 2);
}

#[test]
fn granules_end_by_rows_and_by_bytes() {
    // Bytes of a row, rows, rows of the granules.
    let granules = |size: usize, rows: u64| -> Vec<usize> {
        let (storage, table) = with_table(mapping(), 8192);
        let all: Vec<Row> = (0..rows)
            .map(|n| mapping_row(&format!("{n:05}{}", "-".repeat(size - 5)), 1, 0, n))
            .collect();
        storage.append(vec![(table, block(&mapping(), &all))]).unwrap();
        storage.flush_all().unwrap();
        let snapshot = storage.snapshot(table).unwrap();
        let read: usize = snapshot
            .morsels(&KeyCondition::all(), 65_536)
            .iter()
            .map(|m| snapshot.read(m, &[1]).unwrap().rows())
            .sum();
        assert_eq!(read as u64, rows);
        let morsels = snapshot.morsels(&KeyCondition::all(), 1);
        morsels.iter().map(engine_storage::Morsel::rows).collect()
    };
    assert_eq!(granules(5, 20_000), [8192, 8192, 3616]);
    let by_bytes = granules(10 << 10, 3000);
    assert!(
        by_bytes.iter().all(|rows| (500..=1024).contains(rows)),
        "{by_bytes:?}"
    );
    assert_eq!(granules(20 << 20, 2), [1, 1]);
}

#[test]
fn large_morsels_share_the_memory_of_the_cache() {
    let (storage, table) = with_table(mapping(), 8192);
    let rows: Vec<Row> = (0..70_000u64)
        .map(|n| mapping_row(&format!("{n:05}"), n, 0, n))
        .collect();
    storage.append(vec![(table, block(&mapping(), &rows))]).unwrap();
    storage.flush_all().unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    let morsels = snapshot.morsels(&KeyCondition::all(), 65_536);
    assert_eq!(
        morsels
            .iter()
            .map(engine_storage::Morsel::rows)
            .collect::<Vec<_>>(),
        [65_536, 4464]
    );
    let address = || match snapshot.read(&morsels[0], &[2]).unwrap().column(0) {
        Column::UInt64(b) => b.as_ptr(),
        other => panic!("{other:?}"),
    };
    assert_eq!(address(), address());
}
