//! Merges: any schedule gives the same table; rules of the family; `FINAL` over parts and memory.

use std::collections::BTreeMap;

use engine_storage::{KeyCondition, KeyRef, StorageOptions, directory::SimulatedDirectory};
use engine_types::Value;
use proptest::prelude::*;

use crate::append::mapping_row;
use crate::support::*;

/// What a test does between appends.
#[derive(Clone, Copy, Debug)]
enum Step {
    Nothing,
    Flush,
    Merge,
    Optimize,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Nothing),
        Just(Step::Flush),
        Just(Step::Merge),
        Just(Step::Optimize)
    ]
}

fn run(storage: &engine_storage::Storage, table: engine_storage::TableId, step: Step) {
    match step {
        Step::Nothing => {}
        Step::Flush => storage.flush_all().unwrap(),
        Step::Merge => {
            storage.flush_all().unwrap();
            storage.merge_once().unwrap();
        }
        Step::Optimize => storage.optimize(table, false).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn plain_tables_keep_every_row(batches in prop::collection::vec((0u64..30, steps()), 1..12)) {
        let (storage, table) = with_table(events(), 4);
        let mut rows = Vec::new();
        for (n, (size, step)) in batches.into_iter().enumerate() {
            let new = event_rows(n as u64 * 10..n as u64 * 10 + size);
            storage.append(vec![(table, block(&events(), &new))]).unwrap();
            rows.extend(new);
            run(&storage, table, step);
        }
        prop_assert_eq!(stored(&storage, table), sorted(rows.clone()));
        // FINAL of a plain table is all rows in sorting order.
        let ordered = final_rows(&storage, table, &KeyCondition::all());
        let keys: Vec<_> = ordered.iter().map(|r| (r[0].clone(), r[2].clone())).collect();
        prop_assert!(keys.is_sorted());
        prop_assert_eq!(sorted(ordered), sorted(rows));
    }

    #[test]
    fn replacing_keeps_the_greatest_version_and_of_equals_the_last(
        batches in prop::collection::vec((prop::collection::vec((0u64..6, 0u64..3, prop::bool::weighted(0.2)), 0..12), steps()), 1..10),
    ) {
        let (storage, table) = with_table(mapping(), 3);
        let mut model: BTreeMap<u64, (u64, bool, u64)> = BTreeMap::new();
        let mut person = 0;
        for (rows, step) in batches {
            let mut new = Vec::new();
            for (id, version, deleted) in rows {
                person += 1;
                new.push(mapping_row(&id.to_string(), version, u64::from(deleted), person));
                if model.get(&id).is_none_or(|(best, ..)| version >= *best) {
                    model.insert(id, (version, deleted, person));
                }
            }
            storage.append(vec![(table, block(&mapping(), &new))]).unwrap();
            run(&storage, table, step);
            let expected: Vec<Row> = model.iter().filter(|(_, (_, deleted, _))| !deleted)
                .map(|(id, (version, _, person))| mapping_row(&id.to_string(), *version, 0, *person))
                .collect();
            prop_assert_eq!(final_rows(&storage, table, &KeyCondition::all()), expected.clone());
            let some = KeyCondition::all().and_range(KeyRef::SortingKey(1), Some((Value::string("2"), true)), Some((Value::string("4"), false)));
            let wanted = |r: &Row| r[1] >= Value::string("2") && r[1] < Value::string("4");
            let found: Vec<Row> = final_rows(&storage, table, &some).into_iter().filter(wanted).collect();
            prop_assert_eq!(found, expected.into_iter().filter(wanted).collect::<Vec<_>>());
        }
        storage.optimize(table, false).unwrap();
        prop_assert_eq!(stored(&storage, table).len(), model.len());
    }

    /// Keys switch between +1 and -1, as a writer of such a table does.
    #[test]
    fn collapsing_cancels_pairs_whatever_is_merged_first(
        batches in prop::collection::vec((prop::collection::vec(0u64..5, 0..10), steps()), 1..10),
    ) {
        let (storage, table) = with_table(balance(), 3);
        let mut alive: BTreeMap<u64, Option<i64>> = BTreeMap::new();
        let mut amount = 0;
        for (keys, step) in batches {
            let mut new = Vec::new();
            for key in keys {
                amount += 1;
                let state = alive.entry(key).or_default();
                let (sign, value) = match state.take() {
                    Some(old) => (-1, old),
                    None => {
                        *state = Some(amount);
                        (1, amount)
                    }
                };
                new.push(vec![Value::UInt(key), Value::Int(sign), Value::Int(value)]);
            }
            storage.append(vec![(table, block(&balance(), &new))]).unwrap();
            run(&storage, table, step);
            let expected: Vec<Row> = alive.iter()
                .filter_map(|(key, value)| value.map(|v| vec![Value::UInt(*key), Value::Int(1), Value::Int(v)]))
                .collect();
            prop_assert_eq!(final_rows(&storage, table, &KeyCondition::all()), expected.clone());
            if matches!(step, Step::Optimize) {
                prop_assert_eq!(stored(&storage, table), expected);
            }
        }
    }
}

#[test]
fn collapsing_follows_the_order_of_arrival() {
    let (storage, table) = with_table(balance(), 4);
    let rows = |signs: &[i64]| -> Vec<Row> {
        signs
            .iter()
            .enumerate()
            .map(|(n, sign)| vec![Value::UInt(1), Value::Int(*sign), Value::Int(n as i64)])
            .collect()
    };
    storage
        .append(vec![(table, block(&balance(), &rows(&[1, -1, 1])))])
        .unwrap();
    let last = vec![Value::UInt(1), Value::Int(1), Value::Int(2)];
    assert_eq!(
        final_rows(&storage, table, &KeyCondition::all()),
        std::slice::from_ref(&last)
    );
    storage.flush_all().unwrap();
    assert_eq!(stored(&storage, table), [last]);
    storage.truncate_table(table).unwrap();
    // A lone -1 stays for later merges and is not shown.
    storage
        .append(vec![(table, block(&balance(), &rows(&[-1])))])
        .unwrap();
    storage.flush_all().unwrap();
    assert_eq!(stored(&storage, table).len(), 1);
    assert!(final_rows(&storage, table, &KeyCondition::all()).is_empty());
}

#[test]
fn parts_are_named_by_their_blocks_and_levels() {
    let (storage, table) = with_table(mapping(), 4);
    let names = || -> Vec<String> {
        let snapshot = storage.snapshot(table).unwrap();
        snapshot.parts().iter().map(|p| p.name().to_string()).collect()
    };
    for n in 0..3 {
        storage
            .append(vec![(table, block(&mapping(), &[mapping_row("a", n, 0, n)]))])
            .unwrap();
        storage.flush_all().unwrap();
    }
    assert_eq!(names(), ["all_1_1_0", "all_2_2_0", "all_3_3_0"]);
    storage.optimize(table, false).unwrap();
    assert_eq!(names(), ["all_1_3_1"]);
    storage
        .append(vec![(table, block(&mapping(), &[mapping_row("b", 1, 0, 1)]))])
        .unwrap();
    storage.optimize(table, false).unwrap();
    assert_eq!(names(), ["all_1_4_2"]);
}

#[test]
fn a_reader_keeps_the_parts_that_a_merge_replaced() {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    for n in 0..3 {
        storage
            .append(vec![(table, block(&events(), &event_rows(n * 10..n * 10 + 10)))])
            .unwrap();
        storage.flush_all().unwrap();
    }
    let before = storage.snapshot(table).unwrap();
    let folders: Vec<String> = before.parts().iter().map(|p| p.folder().to_owned()).collect();
    storage.optimize(table, false).unwrap();
    assert_eq!(
        scan(&before, &KeyCondition::all(), 100),
        sorted(event_rows(0..30))
    );
    let held = |folder: &String| {
        directory
            .files()
            .iter()
            .any(|f| f.starts_with(&format!("{folder}/")))
    };
    assert!(folders.iter().all(held));
    drop(before);
    let gone = folders.iter().filter(|f| !held(f)).count();
    assert!(gone >= folders.len() - 3, "{gone} of {}", folders.len());
    assert_eq!(stored(&storage, table), sorted(event_rows(0..30)));
}

#[test]
fn small_inserts_do_not_pile_up_parts_nor_rewrite_for_ever() {
    let options = StorageOptions::default();
    let directory = SimulatedDirectory::new();
    let storage =
        engine_storage::Storage::open(std::sync::Arc::new(directory), options, &|d: &[u8]| load(d, 8192))
            .unwrap();
    let table = storage.create_table(mapping()).unwrap();
    let (mut inserted, mut rewritten) = (0, 0);
    for n in 0..200u64 {
        let rows: Vec<Row> = (0..50)
            .map(|i| mapping_row(&format!("{n}-{i}"), 1, 0, i))
            .collect();
        storage.append(vec![(table, block(&mapping(), &rows))]).unwrap();
        storage.flush_all().unwrap();
        inserted += 50;
        loop {
            let before = storage.snapshot(table).unwrap();
            if !storage.merge_once().unwrap() {
                break;
            }
            let after = storage.snapshot(table).unwrap();
            let kept: Vec<_> = before.parts().iter().map(|p| p.name().clone()).collect();
            rewritten += after
                .parts()
                .iter()
                .filter(|p| !kept.contains(p.name()))
                .map(|p| p.rows())
                .sum::<u64>();
        }
        let parts = storage.snapshot(table).unwrap().parts().len();
        assert!(parts < 20, "{parts} parts after {n} inserts");
    }
    assert!(
        rewritten < 6 * inserted,
        "{rewritten} rows rewritten for {inserted} inserted"
    );
}
