//! Window functions against frames computed row by row.

use engine_sql::plan::{Expr, Frame, FrameBound, Plan, SortKey, WindowCall, WindowFunction};
use engine_types::{DataType, Field, Value};
use proptest::prelude::*;

use super::functions::{count, sum, total};
use super::harness::{Row, Table, run, table_of};

fn bound() -> impl Strategy<Value = FrameBound> {
    prop_oneof![
        Just(FrameBound::UnboundedPreceding),
        (0u64..3).prop_map(FrameBound::Preceding),
        Just(FrameBound::CurrentRow),
        (0u64..3).prop_map(FrameBound::Following),
        Just(FrameBound::UnboundedFollowing),
    ]
}

/// Position of a bound on the scale of the frame's unit, relative to the current row.
fn offset(bound: FrameBound) -> f64 {
    match bound {
        FrameBound::UnboundedPreceding => f64::NEG_INFINITY,
        FrameBound::Preceding(n) => -(n as f64),
        FrameBound::CurrentRow => 0.0,
        FrameBound::Following(n) => n as f64,
        FrameBound::UnboundedFollowing => f64::INFINITY,
    }
}

/// Table: id, partition, order key, value; id is the position after sorting, so results can be compared by row.
fn naive(rows: &[Row], frame: &Frame) -> Vec<Row> {
    let int = |v: &Value| match v {
        Value::UInt(v) => *v as f64,
        Value::Int(v) => *v as f64,
        _ => unreachable!(),
    };
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| (&a[1], &a[2]).cmp(&(&b[1], &b[2])));
    let mut out = Vec::new();
    for (at, row) in sorted.iter().enumerate() {
        let partition: Vec<(usize, &Row)> = sorted
            .iter()
            .enumerate()
            .filter(|(_, r)| r[1] == row[1])
            .collect();
        let in_frame: Vec<&(usize, &Row)> = partition
            .iter()
            .filter(|(i, r)| {
                let distance = if frame.rows {
                    *i as f64 - at as f64
                } else {
                    int(&r[2]) - int(&row[2])
                };
                offset(frame.start) <= distance && distance <= offset(frame.end)
            })
            .collect();
        let sum: u64 = in_frame.iter().map(|(_, r)| int(&r[3]) as u64).sum();
        let number = partition.iter().filter(|(i, _)| *i <= at).count() as u64;
        let rank = partition.iter().filter(|(_, r)| r[2] < row[2]).count() as u64 + 1;
        let mut smaller: Vec<&Value> = partition
            .iter()
            .map(|(_, r)| &r[2])
            .filter(|v| **v < row[2])
            .collect();
        smaller.dedup();
        let at_offset = |n: i64| {
            in_frame
                .iter()
                .find(|(i, _)| *i as i64 == at as i64 + n)
                .map_or(Value::UInt(0), |(_, r)| r[3].clone())
        };
        let edge = |r: Option<&&(usize, &Row)>| r.map_or(Value::UInt(0), |(_, r)| r[3].clone());
        let mut row = row.clone();
        row.extend([
            Value::UInt(sum),
            Value::UInt(sum),
            Value::UInt(in_frame.len() as u64),
            Value::UInt(number),
            Value::UInt(rank),
            Value::UInt(smaller.len() as u64 + 1),
            edge(in_frame.first()),
            edge(in_frame.last()),
            at_offset(-1),
            at_offset(2),
        ]);
        out.push(row);
    }
    out
}

fn calls(table: &Table, frame: Frame) -> Vec<WindowCall> {
    let value = table.column(3);
    let two = super::harness::literal(Value::UInt(2), "UInt8");
    let list: Vec<(WindowFunction, Vec<Expr>)> = vec![
        (WindowFunction::Aggregate(sum()), vec![value.clone()]),
        (WindowFunction::Aggregate(total()), vec![value.clone()]),
        (WindowFunction::Aggregate(count()), Vec::new()),
        (WindowFunction::RowNumber, Vec::new()),
        (WindowFunction::Rank, Vec::new()),
        (WindowFunction::DenseRank, Vec::new()),
        (WindowFunction::FirstValue, vec![value.clone()]),
        (WindowFunction::LastValue, vec![value.clone()]),
        (WindowFunction::LagInFrame, vec![value.clone()]),
        (WindowFunction::LeadInFrame, vec![value, two]),
    ];
    list.into_iter()
        .map(|(function, args)| WindowCall {
            function,
            args,
            partition_by: vec![table.column(1)],
            order_by: vec![SortKey {
                expr: table.column(2),
                descending: false,
                nulls_first: false,
            }],
            frame,
            ty: DataType::UInt64,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_equal_the_model(
        table in table_of(vec!["UInt64", "String", "Int64", "UInt64"], 15),
        rows in any::<bool>(),
        start in bound(),
        end in bound(),
    ) {
        prop_assume!(offset(start) <= offset(end));
        prop_assume!(start != FrameBound::UnboundedFollowing && end != FrameBound::UnboundedPreceding);
        let frame = Frame { rows, start, end };
        let mut schema = table.schema();
        schema.extend((0..10).map(|i| Field::new(format!("w{i}"), DataType::UInt64)));
        let plan = Plan::Window { input: Box::new(table.scan("t")), calls: calls(&table, frame), schema };
        prop_assert_eq!(run(&plan, &[("t", &table)], true).unwrap(), naive(&table.rows, &frame));
    }
}
