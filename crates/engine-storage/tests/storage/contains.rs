//! The exact look-up against a model.

use std::collections::HashSet;

use engine_types::{Column, DataType, Value};
use proptest::prelude::*;

use crate::support::*;

fn keys(rows: &[Row]) -> Vec<Column> {
    block(&events(), rows).into_columns()[..2].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn contains_is_exact(
        batches in prop::collection::vec((prop::collection::vec(0u64..400, 0..60), 0u8..4), 0..8),
        asked in prop::collection::vec(0u64..500, 1..200),
    ) {
        let (storage, table) = with_table(events(), 4);
        let mut model: HashSet<u64> = HashSet::new();
        for (seeds, after) in batches {
            let rows: Vec<Row> = seeds.iter().map(|s| event_row(*s)).collect();
            model.extend(seeds);
            storage.append(vec![(table, block(&events(), &rows))]).unwrap();
            match after {
                0 => storage.flush_all().unwrap(),
                1 => storage.optimize(table, false).unwrap(),
                _ => {}
            }
        }
        let rows: Vec<Row> = asked.iter().map(|s| event_row(*s)).collect();
        let found = storage.contains(table, &keys(&rows)).unwrap();
        let expected: Vec<bool> = asked.iter().map(|s| model.contains(s)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_whole_key_counts_and_constants_are_fine() {
    let (storage, table) = with_table(events(), 4);
    storage
        .append(vec![(table, block(&events(), &[event_row(7)]))])
        .unwrap();
    storage.flush_all().unwrap();
    let Value::Int(team) = event_row(7)[0] else {
        panic!()
    };
    let uuid = Column::from_values(&DataType::Uuid, &[event_row(7)[1].clone()]);
    for (team, expected) in [(team, true), (team + 1, false)] {
        let team = Column::constant(&DataType::Int64, &Value::Int(team), 1);
        assert_eq!(
            storage.contains(table, &[team, uuid.clone()]).unwrap(),
            [expected]
        );
    }
    let error = storage.contains(table, &[uuid]).unwrap_err();
    assert!(error.to_string().contains("look-up columns"), "{error}");
}
