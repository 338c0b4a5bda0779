//! Worked vectors of granule pruning, and pruning against a scan of random keys.

use engine_types::{Column, DataType};
use proptest::prelude::*;

use super::*;

fn index(keys: &[(i64, i64)]) -> PrimaryIndex {
    let column = |of: fn(&(i64, i64)) -> i64| {
        Column::from_values(
            &DataType::Int64,
            &keys.iter().map(|k| Value::Int(of(k))).collect::<Vec<_>>(),
        )
    };
    PrimaryIndex::new(&vec![1; keys.len() - 1], vec![column(|k| k.0), column(|k| k.1)])
}

fn kept(condition: &KeyCondition, index: &PrimaryIndex) -> Vec<usize> {
    let flags = condition.granules(index);
    (0..flags.len()).filter(|g| flags[*g]).collect()
}

#[test]
fn key_ranges_of_granules_are_used_as_lexicographic_ranges() {
    let index = index(&[(1, 1), (1, 9), (2, 4), (2, 8), (3, 1), (3, 7)]);
    let a = KeyRef::SortingKey(0);
    let b = KeyRef::SortingKey(1);
    let int = Value::Int;
    assert_eq!(
        kept(&KeyCondition::all().and_equals(a, int(2)), &index),
        [1, 2, 3]
    );
    assert_eq!(
        kept(&KeyCondition::all().and_equals(b, int(9)), &index),
        [0, 1, 3]
    );
    let both =
        KeyCondition::all()
            .and_points(a, vec![int(3), int(1)])
            .and_range(b, Some((int(8), false)), None);
    assert_eq!(kept(&both, &index), [0, 1]);
    assert_eq!(kept(&KeyCondition::all(), &index), [0, 1, 2, 3, 4]);
    assert_eq!(
        kept(&KeyCondition::all().and_points(a, vec![]), &index),
        [0usize; 0]
    );
}

#[test]
fn the_last_granule_ends_at_the_last_key() {
    let index = index(&[(1, 1), (1, 9), (2, 4), (2, 8), (3, 1), (3, 20)]);
    let both = KeyCondition::all()
        .and_points(KeyRef::SortingKey(0), vec![Value::Int(1), Value::Int(3)])
        .and_range(KeyRef::SortingKey(1), Some((Value::Int(8), false)), None);
    assert_eq!(kept(&both, &index), [0, 1, 4]);
}

proptest! {
    #[test]
    fn no_granule_with_a_match_is_dropped(
        mut keys in prop::collection::vec((0i64..6, 0i64..6), 2..60),
        step in 1usize..7,
        points in prop::collection::vec(0i64..6, 0..3),
        lower in prop::option::of((0i64..6, any::<bool>())),
        upper in prop::option::of((0i64..6, any::<bool>())),
        swap in any::<bool>(),
    ) {
        keys.sort_unstable();
        let mut borders: Vec<(i64, i64)> = keys.iter().step_by(step).copied().collect();
        let granules = borders.len();
        borders.push(keys[keys.len() - 1]);
        let (first, second) = if swap { (1, 0) } else { (0, 1) };
        let bound = |b: Option<(i64, bool)>| b.map(|(v, inc)| (Value::Int(v), inc));
        let condition = KeyCondition::all()
            .and_points(KeyRef::SortingKey(first), points.iter().map(|p| Value::Int(*p)).collect())
            .and_range(KeyRef::SortingKey(second), bound(lower), bound(upper));
        let flags = condition.granules(&index(&borders));
        prop_assert_eq!(flags.len(), granules);
        for (row, key) in keys.iter().enumerate() {
            let of = |k: usize| Value::Int(if k == 0 { key.0 } else { key.1 });
            let wanted = condition.ranges.iter().all(|r| match r.key {
                KeyRef::SortingKey(k) => r.set.contains(&of(k)),
                KeyRef::Column(_) => true,
            });
            prop_assert!(!wanted || flags[row / step]);
        }
    }

    #[test]
    fn meets_is_sound(
        points in prop::collection::vec(0i64..8, 0..4),
        lower in prop::option::of((0i64..8, any::<bool>())),
        upper in prop::option::of((0i64..8, any::<bool>())),
        low in prop::option::of((0i64..8, any::<bool>())),
        high in prop::option::of((0i64..8, any::<bool>())),
    ) {
        let bound = |b: Option<(i64, bool)>| b.map(|(v, inc)| (Value::Int(v), inc));
        let between = ValueSet::Range { lower: bound(low), upper: bound(high) };
        let mut points: Vec<Value> = points.into_iter().map(Value::Int).collect();
        points.sort();
        let low = bound(low);
        let high = bound(high);
        for set in [ValueSet::Points(points), ValueSet::Range { lower: bound(lower), upper: bound(upper) }] {
            let met = set.meets(low.as_ref().map(|(v, i)| (v, *i)), high.as_ref().map(|(v, i)| (v, *i)));
            let exists = (0..8).any(|v| set.contains(&Value::Int(v)) && between.contains(&Value::Int(v)));
            prop_assert!(met || !exists);
        }
    }
}
