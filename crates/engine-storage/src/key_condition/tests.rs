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
    condition.granules(index).into_iter().flatten().collect()
}

#[test]
fn e_keycond_key_ranges_of_granules_are_used_as_lexicographic_ranges() {
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

/// A condition on both keys, with what it means.
#[derive(Clone, Debug)]
enum Tree {
    Points(usize, Vec<i64>),
    AtLeast(usize, i64),
    /// The first key halved lies below.
    HalfBelow(i64),
    Tuples(Vec<(i64, i64)>),
    Unknown(bool),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

#[derive(Debug)]
struct Half;

impl RangeImage for Half {
    fn image(&self, range: &ValueRange) -> Option<ValueRange> {
        let half = |bound: &Bound| match bound {
            Some((Value::Int(v), _)) => Some((Value::Int(v / 2), true)),
            _ => None,
        };
        Some(ValueRange {
            lower: half(&range.lower),
            upper: half(&range.upper),
        })
    }
}

impl Tree {
    fn is_true(&self, key: (i64, i64)) -> bool {
        let of = |k: usize| if k == 0 { key.0 } else { key.1 };
        match self {
            Self::Points(k, points) => points.contains(&of(*k)),
            Self::AtLeast(k, bound) => of(*k) >= *bound,
            Self::HalfBelow(bound) => key.0 / 2 < *bound,
            Self::Tuples(tuples) => tuples.contains(&key),
            Self::Unknown(value) => *value,
            Self::And(list) => list.iter().all(|t| t.is_true(key)),
            Self::Or(list) => list.iter().any(|t| t.is_true(key)),
            Self::Not(inner) => !inner.is_true(key),
        }
    }

    fn predicate(&self) -> Predicate {
        let value = |key: usize, through: Option<std::sync::Arc<dyn RangeImage>>, set| {
            Predicate::Comparison(vec![Test::Value {
                key: KeyRef::SortingKey(key),
                through,
                set,
                exact: true,
            }])
        };
        match self {
            Self::Points(k, points) => value(
                *k,
                None,
                ValueSet::points(points.iter().map(|p| Value::Int(*p)).collect()),
            ),
            Self::AtLeast(k, bound) => value(
                *k,
                None,
                ValueSet::Range {
                    lower: Some((Value::Int(*bound), true)),
                    upper: None,
                },
            ),
            Self::HalfBelow(bound) => value(
                0,
                Some(std::sync::Arc::new(Half)),
                ValueSet::Range {
                    lower: None,
                    upper: Some((Value::Int(*bound), false)),
                },
            ),
            Self::Tuples(tuples) => {
                let mut tuples: Vec<Vec<Value>> = tuples
                    .iter()
                    .map(|(a, b)| vec![Value::Int(*a), Value::Int(*b)])
                    .collect();
                tuples.sort();
                Predicate::Comparison(vec![Test::Tuple {
                    keys: vec![Some(KeyRef::SortingKey(0)), Some(KeyRef::SortingKey(1))],
                    tuples: std::sync::Arc::new(tuples),
                }])
            }
            Self::Unknown(_) => Predicate::Unknown,
            Self::And(list) => Predicate::And(list.iter().map(Self::predicate).collect()),
            Self::Or(list) => Predicate::Or(list.iter().map(Self::predicate).collect()),
            Self::Not(inner) => Predicate::Not(Box::new(inner.predicate())),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (0usize..2, prop::collection::vec(0i64..6, 0..3)).prop_map(|(k, p)| Tree::Points(k, p)),
        (0usize..2, 0i64..7).prop_map(|(k, v)| Tree::AtLeast(k, v)),
        (0i64..4).prop_map(Tree::HalfBelow),
        prop::collection::vec((0i64..6, 0i64..6), 0..3).prop_map(Tree::Tuples),
        any::<bool>().prop_map(Tree::Unknown),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Or),
            inner.prop_map(|t| Tree::Not(Box::new(t))),
        ]
    })
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
        let kept = kept(&condition, &index(&borders));
        prop_assert!(kept.iter().all(|g| *g < granules));
        let second_set = ValueSet::Range { lower: bound(lower), upper: bound(upper) };
        for (row, key) in keys.iter().enumerate() {
            let of = |k: usize| Value::Int(if k == 0 { key.0 } else { key.1 });
            let in_points = points.iter().any(|p| Value::Int(*p) == of(first));
            let wanted = in_points && second_set.contains(&of(second));
            prop_assert!(!wanted || kept.contains(&(row / step)));
        }
    }

    #[test]
    fn e_keycond_trees_over_keys_and_columns_are_sound(
        mut keys in prop::collection::vec((0i64..6, 0i64..6), 2..60),
        step in 1usize..7,
        tree in tree(),
    ) {
        keys.sort_unstable();
        let mut borders: Vec<(i64, i64)> = keys.iter().step_by(step).copied().collect();
        borders.push(keys[keys.len() - 1]);
        let condition = KeyCondition::of(tree.predicate());
        let kept = kept(&condition, &index(&borders));
        for (row, key) in keys.iter().enumerate() {
            prop_assert!(!tree.is_true(*key) || kept.contains(&(row / step)), "{:?}", key);
        }
        // A range that holds everything is kept whole; what holds nothing is not read.
        if keys.iter().all(|key| tree.is_true(*key)) {
            prop_assert_eq!(kept.len(), borders.len() - 1);
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
            let range = ValueRange { lower: low.clone(), upper: high.clone() };
            let met = set.meets(&range);
            let exists = (0..8).any(|v| set.contains(&Value::Int(v)) && between.contains(&Value::Int(v)));
            prop_assert!(met || !exists);
            let all = (0..8).all(|v| !between.contains(&Value::Int(v)) || set.contains(&Value::Int(v)));
            prop_assert!(all || !set.covers(&range));
        }
    }
}
