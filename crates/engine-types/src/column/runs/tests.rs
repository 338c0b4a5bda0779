//! Runs against the same rows written out.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{Column, DataType, DictColumn, RunsColumn, Value};

/// Runs of plain values, or of codes, and their rows.
fn runs() -> impl Strategy<Value = (Column, Vec<Value>)> {
    let runs = prop::collection::vec((0..4u32, 1..6usize), 1..8);
    (runs, any::<bool>()).prop_map(|(runs, coded)| {
        let words = Column::strings(["a", "", "ccc", "dd"]);
        let codes: Vec<u32> = runs.iter().map(|(value, _)| *value).collect();
        let values = if coded {
            Column::Dict(DictColumn {
                codes: codes.into(),
                values: Arc::new(words.clone()),
            })
        } else {
            words.gather(&codes)
        };
        let mut end = 0;
        let ends = runs.iter().map(|(_, len)| {
            end += *len as u32;
            end
        });
        let rows = runs
            .iter()
            .flat_map(|(value, len)| vec![words.value(*value as usize); *len]);
        let rows: Vec<Value> = rows.collect();
        (
            Column::Runs(RunsColumn::new(ends.collect(), Arc::new(values))),
            rows,
        )
    })
}

fn rows_of(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

proptest! {
    #[test]
    fn runs_are_their_rows((column, rows) in runs(), (other, others) in runs(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
        prop_assert_eq!(rows_of(&column), rows.clone());
        prop_assert_eq!(rows_of(&column.flatten()), rows.clone());
        prop_assert_eq!(rows_of(&column.without_runs()), rows.clone());
        for start in 0..=rows.len() {
            for end in start..=rows.len() {
                let slice = column.slice(start, end - start);
                prop_assert_eq!(rows_of(&slice), rows[start..end].to_vec());
            }
        }

        let mut picks: Vec<u32> = picks.iter().map(|pick| pick.index(rows.len()) as u32).collect();
        let picked = |picks: &[u32]| picks.iter().map(|row| rows[*row as usize].clone()).collect::<Vec<_>>();
        prop_assert_eq!(rows_of(&column.gather(&picks)), picked(&picks));
        picks.sort_unstable();
        prop_assert_eq!(rows_of(&column.gather(&picks)), picked(&picks));
        let half = rows.len() as u32 / 2;
        let ranges = [(half, rows.len() as u32), (0, half)];
        let turned: Vec<u32> = (half..rows.len() as u32).chain(0..half).collect();
        prop_assert_eq!(rows_of(&column.gather_ranges(&ranges)), picked(&turned));

        let constant = Column::constant(&DataType::String, &Value::String(b"x".to_vec()), 2);
        let both = [rows.clone(), others.clone(), vec![Value::String(b"x".to_vec()); 2]].concat();
        let joined = Column::concat_runs(&[&column, &other, &constant]);
        prop_assert!(matches!(&joined, Column::Runs(_)));
        prop_assert_eq!(rows_of(&joined), both.clone());
        prop_assert_eq!(rows_of(&Column::concat(&[&column, &other, &constant])), both);
    }
}
