//! Aggregates: values, NULLs, combinators, and merge = one pass.

use std::sync::Arc;

use engine_types::{Column, DataType, DictColumn, Value};
use proptest::prelude::*;

use super::resolve;
use crate::AggregateFunction;

/// Type and rows of an argument.
type Rows = (DataType, Vec<Value>);

/// Name, parameters, arguments, and the type and value of the result.
type Case<'a> = (&'a str, &'a [Value], Vec<Rows>, &'a str, Value);

/// Result of `name(params)(args)` over all rows as one group.
fn run(name: &str, params: &[Value], args: &[(DataType, Vec<Value>)]) -> (DataType, Value) {
    let types: Vec<DataType> = args.iter().map(|(t, _)| t.clone()).collect();
    let function = resolve(name, params, &types)
        .expect("an aggregate")
        .expect("takes the arguments");
    let mut states = function.accumulator();
    states.resize(1);
    let columns: Vec<Column> = args.iter().map(|(t, v)| Column::from_values(t, v)).collect();
    let rows = columns.first().map_or(3, Column::len);
    states.update(&vec![0; rows], &columns).expect("updates");
    (
        function.return_type().clone(),
        states.finish().expect("finishes").value(0),
    )
}

fn ints(values: &[u64]) -> (DataType, Vec<Value>) {
    (DataType::UInt8, values.iter().map(|v| Value::UInt(*v)).collect())
}

fn maybe(values: &[Option<u64>]) -> (DataType, Vec<Value>) {
    (
        DataType::UInt8.nullable(),
        values
            .iter()
            .map(|v| v.map_or(Value::Null, Value::UInt))
            .collect(),
    )
}

fn texts(values: &[&str]) -> (DataType, Vec<Value>) {
    (DataType::String, values.iter().map(Value::string).collect())
}

#[test]
fn values_and_types_are_those_of_clickhouse() {
    let half = [Value::Float(0.5)];
    let four = || ints(&[1, 2, 3, 4]);
    let cases: Vec<Case<'_>> = vec![
        ("count", &[], vec![], "UInt64", Value::UInt(3)),
        (
            "count",
            &[],
            vec![maybe(&[None, Some(1)])],
            "UInt64",
            Value::UInt(1),
        ),
        ("sum", &[], vec![four()], "UInt64", Value::UInt(10)),
        ("sum", &[], vec![maybe(&[])], "Nullable(UInt64)", Value::Null),
        ("sum", &[], vec![ints(&[])], "UInt64", Value::UInt(0)),
        ("avg", &[], vec![four()], "Float64", Value::Float(2.5)),
        ("avg", &[], vec![ints(&[])], "Float64", Value::Float(f64::NAN)),
        ("min", &[], vec![texts(&["b", "a"])], "String", Value::string("a")),
        (
            "max",
            &[],
            vec![maybe(&[Some(3), None])],
            "Nullable(UInt8)",
            Value::UInt(3),
        ),
        ("any", &[], vec![texts(&["b", "a"])], "String", Value::string("b")),
        (
            "anyLast",
            &[],
            vec![texts(&["b", "a"])],
            "String",
            Value::string("a"),
        ),
        (
            "argMax",
            &[],
            vec![texts(&["b", "a"]), ints(&[1, 2])],
            "String",
            Value::string("a"),
        ),
        (
            "argMax",
            &[],
            vec![texts(&["b", "a"]), maybe(&[None, Some(1)])],
            "Nullable(String)",
            Value::string("a"),
        ),
        (
            "argMin",
            &[],
            vec![ints(&[7, 8]), texts(&["y", "x"])],
            "UInt8",
            Value::UInt(8),
        ),
        ("uniqExact", &[], vec![ints(&[1, 1, 2])], "UInt64", Value::UInt(2)),
        (
            "uniqExact",
            &[],
            vec![texts(&["a", "b"]), maybe(&[None, Some(1)])],
            "UInt64",
            Value::UInt(1),
        ),
        (
            "countDistinct",
            &[],
            vec![texts(&["a", "a"])],
            "UInt64",
            Value::UInt(1),
        ),
        ("quantile", &[], vec![four()], "Float64", Value::Float(2.5)),
        (
            "quantile",
            &[],
            vec![ints(&[])],
            "Float64",
            Value::Float(f64::NAN),
        ),
        ("quantileExact", &half, vec![four()], "UInt8", Value::UInt(3)),
        ("quantileExactLow", &half, vec![four()], "UInt8", Value::UInt(2)),
        ("median", &[], vec![four()], "Float64", Value::Float(2.5)),
        ("varPop", &[], vec![four()], "Float64", Value::Float(1.25)),
        (
            "varSamp",
            &[],
            vec![ints(&[1])],
            "Float64",
            Value::Float(f64::NAN),
        ),
        (
            "stddevPop",
            &[],
            vec![four()],
            "Float64",
            Value::Float(1.118033988749895),
        ),
        (
            "sumIf",
            &[],
            vec![four(), maybe(&[Some(1), None, Some(0), Some(5)])],
            "UInt64",
            Value::UInt(5),
        ),
        ("countIf", &[], vec![ints(&[0, 2])], "UInt64", Value::UInt(1)),
        ("sumOrNull", &[], vec![ints(&[])], "Nullable(UInt64)", Value::Null),
        ("avgOrDefault", &[], vec![ints(&[])], "Float64", Value::Float(0.0)),
        (
            "sumDistinct",
            &[],
            vec![ints(&[1, 1, 2])],
            "UInt64",
            Value::UInt(3),
        ),
        (
            "uniqExactIf",
            &[],
            vec![ints(&[1, 2]), ints(&[0, 1])],
            "UInt64",
            Value::UInt(1),
        ),
        ("groupBitOr", &[], vec![ints(&[1, 2])], "UInt8", Value::UInt(3)),
    ];
    for (name, params, args, ty, value) in cases {
        let (found_type, found) = run(name, params, &args);
        assert_eq!(found_type.to_string(), ty, "{name}{args:?}");
        let both_nan =
            matches!((&found, &value), (Value::Float(a), Value::Float(b)) if a.is_nan() && b.is_nan());
        assert!(
            both_nan || found == value,
            "{name}{args:?}: {found:?}, not {value:?}"
        );
    }
}

#[test]
fn arrays_collect_in_order_skip_null_and_stop_at_the_limit() {
    let array = |v: &[u64]| Value::Array(v.iter().map(|v| Value::UInt(*v)).collect());
    assert_eq!(
        run("groupArray", &[], &[maybe(&[Some(1), None, Some(1)])]).1,
        array(&[1, 1])
    );
    assert_eq!(
        run("groupArray", &[Value::UInt(2)], &[ints(&[3, 2, 1])]).1,
        array(&[3, 2])
    );
    assert_eq!(run("groupUniqArray", &[], &[ints(&[3, 3, 1])]).1, array(&[3, 1]));
    assert_eq!(
        run("groupArrayIf", &[], &[ints(&[3, 4]), ints(&[0, 1])]).1,
        array(&[4])
    );
    let nested = (DataType::UInt8.array(), vec![array(&[1, 2]), array(&[2])]);
    assert_eq!(
        run("sumArray", &[], std::slice::from_ref(&nested)).1,
        Value::UInt(5)
    );
    assert_eq!(run("uniqArray", &[], &[nested]).1, Value::UInt(2));
}

/// Times and the step letters of each row, as the contract's worked vectors write them.
fn funnel(modes: &[&str], rows: &[(u64, &str)]) -> u64 {
    let mut params = vec![Value::UInt(10)];
    params.extend(modes.iter().map(Value::string));
    let times = (
        DataType::UInt32,
        rows.iter().map(|(t, _)| Value::UInt(*t)).collect(),
    );
    let step = |c: char| {
        ints(
            &rows
                .iter()
                .map(|(_, s)| u64::from(s.contains(c)))
                .collect::<Vec<_>>(),
        )
    };
    match run("windowFunnel", &params, &[times, step('A'), step('B'), step('C')]).1 {
        Value::UInt(level) => level,
        other => panic!("{other:?}"),
    }
}

#[test]
fn window_funnel_walks_as_the_worked_vectors() {
    assert_eq!(funnel(&[], &[(0, "A"), (5, "A"), (12, "B"), (14, "C")]), 3);
    assert_eq!(funnel(&[], &[(0, "A"), (4, "B"), (8, "A"), (9, "C")]), 3);
    assert_eq!(funnel(&[], &[(0, "A"), (1, "C"), (2, "B")]), 2);
    assert_eq!(funnel(&["strict_order"], &[(0, "A"), (1, ""), (2, "B")]), 1);
    assert_eq!(funnel(&["strict_increase"], &[(3, "A"), (3, "B")]), 1);
    assert_eq!(funnel(&[], &[(3, "A"), (3, "B")]), 2);
    assert_eq!(funnel(&[], &[(3, "AB")]), 2);
    assert_eq!(funnel(&["strict_once"], &[(3, "AB")]), 1);
    assert_eq!(funnel(&["strict_once"], &[(3, "AB"), (4, "B")]), 2);
    assert_eq!(
        funnel(&["strict_order"], &[(0, "A"), (1, "C"), (2, "B"), (3, "C")]),
        1
    );
    let reentry = ["strict_order", "allow_reentry"];
    assert_eq!(funnel(&reentry, &[(0, "A"), (1, "C"), (2, "B"), (3, "C")]), 3);
    assert_eq!(
        funnel(
            &["strict_deduplication"],
            &[(0, "A"), (1, "B"), (2, "B"), (3, "C")]
        ),
        2
    );
}

#[test]
fn retention_needs_the_first_condition() {
    let seen = |rows: [[u64; 2]; 3]| run("retention", &[], &rows.map(|r| ints(&r))).1;
    let bits = |v: [u64; 3]| Value::Array(v.map(Value::UInt).to_vec());
    assert_eq!(seen([[1, 0], [0, 0], [0, 1]]), bits([1, 0, 1]));
    assert_eq!(seen([[0, 0], [1, 0], [0, 1]]), bits([0, 0, 0]));
}

/// Aggregates whose result does not depend on the order of rows, with the number of their arguments.
const ORDER_FREE: [(&str, usize); 12] = [
    ("count", 1),
    ("sum", 1),
    ("min", 1),
    ("max", 1),
    ("uniqExact", 1),
    ("uniqExact", 2),
    ("quantile", 1),
    ("quantileExact", 1),
    ("sumIf", 2),
    ("countIf", 1),
    ("groupBitXor", 1),
    ("sumDistinct", 1),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merging_any_split_is_one_pass(
        rows in prop::collection::vec((0u32..5, prop::option::of(0u64..20), 0u64..3), 0..60),
        cut in 0usize..60,
    ) {
        let cut = cut.min(rows.len());
        for (name, arity) in ORDER_FREE {
            for nullable in [false, true] {
                let first = if nullable { DataType::Int32.nullable() } else { DataType::Int32 };
                let types = &[first, DataType::UInt8][..arity];
                let function = resolve(name, &[], types).expect("exists").expect("takes them");
                let columns = |rows: &[(u32, Option<u64>, u64)]| -> Vec<Column> {
                    let value = |v: &Option<u64>| match v {
                        Some(v) => Value::Int(*v as i64),
                        None if nullable => Value::Null,
                        None => Value::Int(-1),
                    };
                    let values: Vec<Value> = rows.iter().map(|r| value(&r.1)).collect();
                    let others: Vec<Value> = rows.iter().map(|r| Value::UInt(r.2)).collect();
                    let mut out = vec![Column::from_values(&types[0], &values)];
                    if arity == 2 {
                        out.push(Column::from_values(&types[1], &others));
                    }
                    out
                };
                let mut whole = function.accumulator();
                whole.resize(5);
                let groups: Vec<u32> = rows.iter().map(|r| r.0).collect();
                whole.update(&groups, &columns(&rows)).expect("updates");
                let mut left = function.accumulator();
                left.resize(5);
                left.update(&groups[..cut], &columns(&rows[..cut])).expect("updates");
                // The right side numbers its groups the other way round.
                let mut right = function.accumulator();
                right.resize(5);
                let reversed: Vec<u32> = groups[cut..].iter().map(|g| 4 - g).collect();
                right.update(&reversed, &columns(&rows[cut..])).expect("updates");
                left.merge(right, &[4, 3, 2, 1, 0]).expect("merges");
                let (a, b) = (whole.finish().expect("finishes"), left.finish().expect("finishes"));
                for group in 0..5 {
                    let (a, b) = (a.value(group), b.value(group));
                    prop_assert_eq!(a, b, "{} nullable {}", name, nullable);
                }

                // Each row once, twice or three times, said and written out.
                let times: Vec<u32> = groups.iter().map(|group| group % 3 + 1).collect();
                let (mut said, mut written) = (function.accumulator(), function.accumulator());
                said.resize(5);
                said.update_repeated(&groups, &columns(&rows), &times).expect("updates");
                let all: Vec<_> = rows
                    .iter()
                    .zip(&times)
                    .flat_map(|(row, times)| vec![*row; *times as usize])
                    .collect();
                let groups: Vec<u32> = all.iter().map(|r| r.0).collect();
                written.resize(5);
                written.update(&groups, &columns(&all)).expect("updates");
                let (a, b) = (said.finish().expect("finishes"), written.finish().expect("finishes"));
                for group in 0..5 {
                    let (a, b) = (a.value(group), b.value(group));
                    prop_assert_eq!(a, b, "{} of repeated rows, nullable {}", name, nullable);
                }
            }
        }
    }

    #[test]
    fn merging_aggregates_of_arrays_is_one_pass(
        rows in prop::collection::vec((0u32..4, prop::collection::vec(0u64..9, 0..5)), 0..40),
        cut in 0usize..40,
    ) {
        let cut = cut.min(rows.len());
        let map = DataType::Map(Box::new(DataType::UInt8), Box::new(DataType::UInt8));
        let numbers = DataType::UInt8.array();
        let of_arrays = ["sumForEach", "uniqExactForEach", "maxArray", "sumArray", "sumOrNullForEach"];
        let of_maps = ["sumMap", "maxMap", "uniqExactMap", "countMap"];
        let all = of_arrays.map(|name| (name, &numbers)).into_iter().chain(of_maps.map(|name| (name, &map)));
        for (name, ty) in all {
            let function = resolve(name, &[], std::slice::from_ref(ty)).expect("exists").expect("takes them");
            let column = |rows: &[(u32, Vec<u64>)]| {
                let values: Vec<Value> = rows.iter().map(|(_, list)| Value::Array(list.iter().map(|&v| match ty {
                    DataType::Map(..) => Value::Tuple(vec![Value::UInt(v % 3), Value::UInt(v)]),
                    _ => Value::UInt(v),
                }).collect())).collect();
                [Column::from_values(ty, &values)]
            };
            let groups: Vec<u32> = rows.iter().map(|r| r.0).collect();
            let mut whole = function.accumulator();
            whole.resize(4);
            whole.update(&groups, &column(&rows)).expect("updates");
            let mut left = function.accumulator();
            left.resize(4);
            left.update(&groups[..cut], &column(&rows[..cut])).expect("updates");
            let mut right = function.accumulator();
            right.resize(4);
            let reversed: Vec<u32> = groups[cut..].iter().map(|g| 3 - g).collect();
            right.update(&reversed, &column(&rows[cut..])).expect("updates");
            left.merge(right, &[3, 2, 1, 0]).expect("merges");
            let (a, b) = (whole.finish().expect("finishes"), left.finish().expect("finishes"));
            for group in 0..4 {
                prop_assert_eq!(a.value(group), b.value(group), "{}", name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Batches over dictionaries, of which some are shared, and plain ones, count as plain ones do.
    #[test]
    fn e_vec_distinct_values_of_codes_are_those_of_rows(
        batches in prop::collection::vec(
            (prop::collection::vec((0u32..70, 0usize..6), 0..20), 0usize..3),
            0..6,
        ),
    ) {
        let value = |ty: &DataType, v: usize| match ty.bare() {
            _ if ty.is_nullable() && v == 0 => Value::Null,
            DataType::Uuid => Value::Uuid((v as u128 % 4) << 99),
            DataType::String => Value::string(["", "a", "b", "c"][v % 4]),
            _ => Value::UInt(v as u64 % 4 * 5000),
        };
        let bare = [DataType::Uuid, DataType::String, DataType::UInt16];
        for ty in bare.clone().into_iter().chain(bare.map(DataType::nullable)) {
            for name in ["uniqExact", "groupUniqArray", "countDistinct"] {
                let function = resolve(name, &[], std::slice::from_ref(&ty)).expect("exists").expect("takes it");
                // Dictionaries that differ in order and have values twice.
                let dictionaries: Vec<Arc<Column>> = (0..2)
                    .map(|turn| {
                        let values: Vec<Value> = (0..6).map(|v| value(&ty, (v + turn) % 6)).collect();
                        Arc::new(Column::from_values(&ty, &values))
                    })
                    .collect();
                let (mut plain, mut coded) = (function.accumulator(), function.accumulator());
                plain.resize(70);
                coded.resize(70);
                for (rows, form) in &batches {
                    let groups: Vec<u32> = rows.iter().map(|(group, _)| *group).collect();
                    let values: Vec<Value> = rows.iter().map(|(_, v)| value(&ty, *v)).collect();
                    let column = Column::from_values(&ty, &values);
                    let as_codes = match dictionaries.get(*form) {
                        None => column.clone(),
                        Some(dictionary) => Column::Dict(DictColumn {
                            codes: rows.iter().map(|(_, v)| ((v + 6 - form) % 6) as u32).collect(),
                            values: dictionary.clone(),
                        }),
                    };
                    plain.update(&groups, &[column]).expect("updates");
                    coded.update(&groups, &[as_codes]).expect("updates");
                }
                let (a, b) = (plain.finish().expect("finishes"), coded.finish().expect("finishes"));
                for group in 0..70 {
                    prop_assert_eq!(a.value(group), b.value(group), "{} {}", name, ty);
                }
            }
        }
    }
}

mod states;
