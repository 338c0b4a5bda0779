//! States as bytes: merged states finish as one pass over all rows does, and damaged bytes are errors.

use engine_types::{Column, DataType, Value};
use proptest::prelude::*;

use super::resolve;
use crate::{Accumulator, AggregateFunction, FunctionError};

/// Functions over `columns`, by the positions of their arguments.
const FUNCTIONS: &[(&str, &str, &[usize])] = &[
    ("count", "", &[]),
    ("count", "", &[4]),
    ("sum", "", &[0]),
    ("sum", "", &[4]),
    ("sumIf", "", &[0, 7]),
    ("sumOrNull", "", &[0]),
    ("avg", "", &[1]),
    ("avgWeighted", "", &[0, 1]),
    ("min", "", &[1]),
    ("max", "", &[2]),
    ("max", "", &[4]),
    ("max", "", &[5]),
    ("any", "", &[2]),
    ("anyLast", "", &[1]),
    ("argMin", "", &[2, 0]),
    ("argMax", "", &[0, 2]),
    ("argMaxIf", "", &[5, 3, 7]),
    ("uniq", "", &[2]),
    ("uniqExact", "", &[0]),
    ("uniqExact", "", &[0, 2]),
    ("uniqExactIf", "", &[3, 7]),
    ("groupArray", "", &[2]),
    ("groupArray", "3", &[4]),
    ("groupArray", "", &[5]),
    ("groupUniqArray", "", &[0]),
    ("groupArrayInsertAt", "", &[2, 0]),
    ("groupArraySorted", "4", &[1]),
    ("topK", "2", &[2]),
    ("groupBitAnd", "", &[0]),
    ("groupBitXor", "", &[0]),
    ("stddevPop", "", &[1]),
    ("varSamp", "", &[1]),
    ("corr", "", &[0, 1]),
    ("covarPop", "", &[0, 1]),
    ("quantile", "0.25", &[1]),
    ("quantiles", "0.1,0.9", &[0]),
    ("quantileExact", "0.5", &[0]),
    ("medianIf", "", &[4, 7]),
    ("sumMap", "", &[6]),
    ("maxMap", "", &[6]),
    ("windowFunnel", "10", &[0, 7, 8]),
    ("windowFunnel", "10,'strict_once'", &[0, 7, 8]),
    ("windowFunnel", "10,'strict_order'", &[0, 7, 8]),
    ("retention", "", &[7, 8]),
    ("sequenceCount", "'(?1)(?2)'", &[0, 7, 8]),
    ("sequenceMatch", "'(?1)(?t<=5)(?2)'", &[0, 7, 8]),
    ("sumArray", "", &[5]),
    ("sumDistinct", "", &[0]),
    ("countDistinct", "", &[4]),
    ("sumForEach", "", &[5]),
    ("avgMap", "", &[6]),
    ("groupArrayDistinct", "", &[2]),
];

fn types() -> Vec<DataType> {
    [
        "UInt8",
        "Float64",
        "String",
        "UUID",
        "Nullable(Int32)",
        "Array(UInt16)",
        "Map(String, Int64)",
        "UInt8",
        "UInt8",
    ]
    .iter()
    .map(|t| DataType::parse(t).expect("a type"))
    .collect()
}

fn parameters(text: &str) -> Vec<Value> {
    let split = text.split(',').filter(|t| !t.is_empty());
    split
        .map(|t| super::super::state::parameter(t).expect("a parameter"))
        .collect()
}

fn columns(rows: &[(u8, bool, bool)]) -> Vec<Column> {
    let value = |i: usize, ty: &DataType, (n, a, b): (u8, bool, bool)| match i {
        0 => Value::UInt(u64::from(n)),
        // Halves, so that sums do not depend on their order.
        1 => Value::Float(f64::from(n) / 2.0 - 30.0),
        2 => Value::string(format!("text {}", n % 7)),
        3 => Value::Uuid(u128::from(n % 11) << 70),
        4 if n % 3 == 0 => Value::Null,
        4 => Value::Int(i64::from(n) - 100),
        5 => Value::Array(
            (0..n % 4)
                .map(|v| Value::UInt(u64::from(v) + u64::from(n)))
                .collect(),
        ),
        6 => Value::Array(
            (0..n % 3)
                .map(|k| Value::Tuple(vec![Value::string(format!("k{k}")), Value::Int(i64::from(n) - 9)]))
                .collect(),
        ),
        7 => Value::UInt(u64::from(a)),
        8 => Value::UInt(u64::from(b)),
        _ => unreachable!("no such column of {ty}"),
    };
    types()
        .iter()
        .enumerate()
        .map(|(i, ty)| {
            let values: Vec<Value> = rows.iter().map(|row| value(i, ty, *row)).collect();
            Column::from_values(ty, &values)
        })
        .collect()
}

fn function(name: &str, params: &[Value], types: &[DataType]) -> super::super::Aggregate {
    resolve(name, params, types)
        .unwrap_or_else(|| panic!("{name} is an aggregate"))
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn run(
    function: &dyn AggregateFunction,
    groups: &[u32],
    args: &[Column],
    count: usize,
) -> Result<Column, FunctionError> {
    let mut states: Box<dyn Accumulator> = function.accumulator();
    states.resize(count);
    states.update(groups, args)?;
    states.finish()
}

const GROUPS: usize = 3;

fn check(rows: &[(u8, bool, bool, u8, u8)]) {
    // Rows of a chunk one after the other, so that merging the chunks keeps their order.
    let mut rows = rows.to_vec();
    rows.sort_by_key(|r| r.4);
    let plain: Vec<(u8, bool, bool)> = rows.iter().map(|r| (r.0, r.1, r.2)).collect();
    let columns = columns(&plain);
    let groups: Vec<u32> = rows.iter().map(|r| u32::from(r.3)).collect();
    let chunked: Vec<u32> = rows
        .iter()
        .map(|r| u32::from(r.4) * GROUPS as u32 + u32::from(r.3))
        .collect();
    for (name, params, positions) in FUNCTIONS {
        let params = parameters(params);
        let args: Vec<Column> = positions.iter().map(|p| columns[*p].clone()).collect();
        let arg_types: Vec<DataType> = positions.iter().map(|p| types()[*p].clone()).collect();
        let direct = function(name, &params, &arg_types);
        let state = function(&format!("{name}State"), &params, &arg_types);
        let state_type = state.return_type().clone();
        let again = DataType::parse(&state_type.to_string()).expect("its type can be read back");
        assert_eq!(again, state_type);
        let merge = function(
            &format!("{name}Merge"),
            &params,
            std::slice::from_ref(&state_type),
        );
        assert_eq!(merge.return_type(), direct.return_type(), "{name}");
        let merge_state = function(
            &format!("{name}MergeState"),
            &params,
            std::slice::from_ref(&state_type),
        );
        assert_eq!(merge_state.return_type(), &state_type, "{name}");

        let expected = run(&direct, &groups, &args, GROUPS).expect("finishes");
        let states = run(&state, &chunked, &args, 4 * GROUPS).expect("states");
        let same = run(&state, &chunked, &args, 4 * GROUPS).expect("states");
        for i in 0..4 * GROUPS {
            assert_eq!(
                same.value(i),
                states.value(i),
                "{name}: the same rows, the same bytes"
            );
        }
        let places: Vec<u32> = (0..4 * GROUPS as u32).map(|i| i % GROUPS as u32).collect();
        let merged = run(&merge, &places, std::slice::from_ref(&states), GROUPS).expect("merges");
        let joined = run(&merge_state, &places, std::slice::from_ref(&states), GROUPS).expect("joins");
        let finished = crate::aggregate::finished(&joined, &state_type).expect("finishes");
        for group in 0..GROUPS {
            let (of, expected) = (format!("{name} {params:?} {arg_types:?}"), expected.value(group));
            assert_close(&merged.value(group), &expected, &of);
            assert_close(&finished.value(group), &expected, &of);
        }
        let default = crate::aggregate::finished(&Column::defaults(&state_type, 1), &state_type);
        let none: Vec<Column> = args.iter().map(|a| a.slice(0, 0)).collect();
        let empty = run(&direct, &[], &none, 1).expect("finishes");
        assert_close(&default.expect("finishes").value(0), &empty.value(0), name);
    }
}

/// Equal, floats but for their last digits: moments depend on the order of merging.
fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (Value::Array(a), Value::Array(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (a, b) => a == b,
    }
}

fn assert_close(a: &Value, b: &Value, what: &str) {
    assert!(close(a, b), "{what}: {a:?} and {b:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn e_agg_merged_states_are_one_pass(
        rows in prop::collection::vec((any::<u8>(), any::<bool>(), any::<bool>(), 0..GROUPS as u8, 0..4u8), 0..40)
    ) {
        check(&rows);
    }

    #[test]
    fn e_agg_damaged_states_are_errors_or_other_states(
        rows in prop::collection::vec((any::<u8>(), any::<bool>(), any::<bool>()), 1..12),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let columns = columns(&rows);
        for (name, params, positions) in FUNCTIONS {
            let params = parameters(params);
            let args: Vec<Column> = positions.iter().map(|p| columns[*p].clone()).collect();
            let arg_types: Vec<DataType> = positions.iter().map(|p| types()[*p].clone()).collect();
            let state = function(&format!("{name}State"), &params, &arg_types);
            let states = run(&state, &vec![0; rows.len()], &args, 1).expect("states");
            let Value::String(mut bytes) = states.value(0) else {
                panic!("a state is a string");
            };
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            let merge = function(&format!("{name}Merge"), &[], std::slice::from_ref(state.return_type()));
            // Whatever comes out: no panic.
            let _ = run(&merge, &[0], &[Column::strings([bytes])], 1);
        }
    }
}
