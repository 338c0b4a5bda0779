//! Back-pressure by the number of parts of a partition.

use std::time::{Duration, Instant};

use engine_storage::{PartPressure, StorageError, TableDef};
use engine_types::Value;

use crate::support::*;

fn at(seed: u64, second: u64) -> Row {
    let mut row = event_row(seed);
    row[2] = Value::UInt(second);
    row
}

#[test]
fn e_parts_inserts_wait_and_are_then_refused_in_the_full_partition_only() {
    let def = TableDef {
        pressure: PartPressure {
            delay_from: 3,
            refuse_from: 5,
            delay_ms_max: 40,
        },
        ..events()
    };
    let (storage, table) = with_table(def, 4);
    let insert = |seed: u64, second: u64| {
        let start = Instant::now();
        let outcome = storage.append(vec![(table, block(&events(), &[at(seed, second)]))]);
        storage.flush_all().unwrap();
        outcome.map(|_| start.elapsed())
    };
    for seed in 0..5 {
        let waited = insert(seed, 1).unwrap();
        assert!(
            seed < 3 || waited >= Duration::from_millis(10),
            "{seed}: {waited:?}"
        );
    }
    assert_eq!(storage.pressure_counts(), (2, 0));
    assert_eq!(storage.most_parts(), 5);
    let error = insert(5, 1).unwrap_err();
    assert!(matches!(&error, StorageError::TooManyParts { parts: 5, partition, .. } if partition == "0"));
    assert!(error.retryable());
    insert(6, 1001).unwrap();
    assert_eq!(storage.pressure_counts(), (2, 1));
    storage.optimize(table, false).unwrap();
    insert(7, 1).unwrap();
    assert_eq!(storage.pressure_counts(), (2, 1));
}

#[test]
fn e_parts_a_merge_ends_the_wait() {
    let def = TableDef {
        pressure: PartPressure {
            delay_from: 4,
            refuse_from: 0,
            delay_ms_max: 60_000,
        },
        ..events()
    };
    let (storage, table) = with_table(def, 4);
    for seed in 0..4 {
        storage
            .append(vec![(table, block(&events(), &[at(seed, 1)]))])
            .unwrap();
        storage.flush_all().unwrap();
    }
    std::thread::scope(|scope| {
        let insert = scope.spawn(|| {
            let start = Instant::now();
            storage
                .append(vec![(table, block(&events(), &[at(9, 1)]))])
                .unwrap();
            start.elapsed()
        });
        while storage.pressure_counts().0 == 0 {
            std::thread::yield_now();
        }
        storage.optimize(table, false).unwrap();
        assert!(insert.join().unwrap() < Duration::from_secs(30));
    });
}
