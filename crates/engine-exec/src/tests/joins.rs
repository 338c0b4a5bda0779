//! Joins of every kind and strictness against a nested loop.

use engine_sql::plan::{JoinKind, JoinStrictness, Plan};
use engine_types::{Schema, Value};
use proptest::prelude::*;

use super::functions::greater;
use super::harness::{Row, Table, run, sorted, table_of};

const KINDS: [(JoinKind, JoinStrictness); 8] = [
    (JoinKind::Inner, JoinStrictness::All),
    (JoinKind::Left, JoinStrictness::All),
    (JoinKind::Right, JoinStrictness::All),
    (JoinKind::Full, JoinStrictness::All),
    (JoinKind::Cross, JoinStrictness::All),
    (JoinKind::Left, JoinStrictness::Semi),
    (JoinKind::Left, JoinStrictness::Anti),
    (JoinKind::Inner, JoinStrictness::Any),
];

fn join(
    left: &Table,
    right: &Table,
    keys: &[usize],
    kind: (JoinKind, JoinStrictness),
    residual: bool,
    use_nulls: bool,
) -> Plan {
    let filters = matches!(kind.1, JoinStrictness::Semi | JoinStrictness::Anti);
    let mut schema: Schema = left.schema();
    if !filters {
        schema.extend(right.schema());
    }
    if use_nulls && !filters {
        let width = left.types.len();
        for (i, field) in schema.iter_mut().enumerate() {
            let widened = match kind.0 {
                JoinKind::Left => i >= width,
                JoinKind::Right => i < width,
                JoinKind::Full => true,
                JoinKind::Inner | JoinKind::Cross => false,
            };
            if widened {
                field.ty = field.ty.clone().nullable();
            }
        }
    }
    let mut second = right.column(0);
    if let engine_sql::plan::ExprKind::Column(i) = &mut second.kind {
        *i += left.types.len();
    }
    Plan::Join {
        left: Box::new(left.scan("l")),
        right: Box::new(right.scan("r")),
        kind: kind.0,
        strictness: kind.1,
        on: if kind.0 == JoinKind::Cross {
            Vec::new()
        } else {
            keys.iter().map(|&k| (left.column(k), right.column(k))).collect()
        },
        residual: residual.then(|| greater(left.column(0), second)),
        schema,
    }
}

fn defaults(table: &Table, use_nulls: bool) -> Row {
    table
        .types
        .iter()
        .map(|ty| {
            if use_nulls {
                Value::Null
            } else {
                engine_types::Column::defaults(ty, 1).value(0)
            }
        })
        .collect()
}

fn naive(
    left: &Table,
    right: &Table,
    keys: &[usize],
    (kind, strictness): (JoinKind, JoinStrictness),
    residual: bool,
    use_nulls: bool,
) -> Vec<Row> {
    let matches = |l: &Row, r: &Row| {
        (kind == JoinKind::Cross || keys.iter().all(|&k| !l[k].is_null() && l[k] == r[k]))
            && (!residual || l[0] > r[0])
    };
    let mut out: Vec<Row> = Vec::new();
    let mut right_used = vec![false; right.rows.len()];
    for l in &left.rows {
        let found: Vec<usize> = (0..right.rows.len())
            .filter(|&i| matches(l, &right.rows[i]))
            .collect();
        match strictness {
            JoinStrictness::Semi if !found.is_empty() => out.push(l.clone()),
            JoinStrictness::Anti if found.is_empty() => out.push(l.clone()),
            JoinStrictness::Semi | JoinStrictness::Anti => {}
            JoinStrictness::All | JoinStrictness::Any => {
                for &i in &found {
                    right_used[i] = true;
                    out.push([l.clone(), right.rows[i].clone()].concat());
                }
                if found.is_empty() && matches!(kind, JoinKind::Left | JoinKind::Full) {
                    out.push([l.clone(), defaults(right, use_nulls)].concat());
                }
            }
        }
    }
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        for (row, used) in right.rows.iter().zip(&right_used) {
            if !used {
                out.push([defaults(left, use_nulls), row.clone()].concat());
            }
        }
    }
    sorted(out)
}

const TYPES: [&str; 5] = ["UInt64", "String", "Nullable(Int64)", "UUID", "Nullable(String)"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn joins_equal_the_model(
        left in table_of(TYPES.to_vec(), 12),
        right in table_of(TYPES.to_vec(), 12),
        keys in prop::sample::select(vec![vec![0], vec![1], vec![2], vec![3], vec![4], vec![0, 1], vec![3, 2, 4]]),
        kind in prop::sample::select(KINDS[..7].to_vec()),
        residual in any::<bool>(),
        use_nulls in any::<bool>(),
    ) {
        let plan = join(&left, &right, &keys, kind, residual, use_nulls);
        let rows = run(&plan, &[("l", &left), ("r", &right)], false).unwrap();
        prop_assert_eq!(rows, naive(&left, &right, &keys, kind, residual, use_nulls));
    }

    #[test]
    fn any_inner_gives_each_key_once(left in table_of(vec!["UInt64", "UInt8"], 12), right in table_of(vec!["UInt64", "UInt8"], 12)) {
        let plan = join(&left, &right, &[0], KINDS[7], false, false);
        for threads in [1, 2] {
            let source = super::harness::tables(&[("l", &left), ("r", &right)], super::harness::LAYOUT);
            let rows = crate::execute(&plan, &source, &super::harness::context(threads, 3)).unwrap().to_rows();
            let mut keys: Vec<Value> = rows.iter().map(|r| r[0].clone()).collect();
            keys.sort();
            let mut want: Vec<Value> = left.rows.iter().map(|r| r[0].clone()).filter(|k| right.rows.iter().any(|r| r[0] == *k)).collect();
            want.sort();
            want.dedup();
            prop_assert_eq!(keys, want);
            for row in rows {
                let first = right.rows.iter().find(|r| r[0] == row[2]).unwrap();
                prop_assert_eq!(&row[3], &first[1]);
            }
        }
    }
}

#[test]
fn any_left_takes_the_first_match_that_passes_the_residual() {
    let row = |k: u64, v: u64| vec![Value::UInt(k), Value::UInt(v)];
    let left = Table::new(&["UInt64", "UInt64"], vec![row(5, 1), row(0, 1), row(7, 2)]);
    let right = Table::new(&["UInt64", "UInt64"], vec![row(9, 1), row(3, 1), row(4, 1)]);
    let plan = join(
        &left,
        &right,
        &[1],
        (JoinKind::Left, JoinStrictness::Any),
        true,
        false,
    );
    let rows = run(&plan, &[("l", &left), ("r", &right)], false).unwrap();
    let want = [[5, 1, 3, 1], [0, 1, 0, 0], [7, 2, 0, 0]].map(|r| r.map(Value::UInt).to_vec());
    assert_eq!(rows, sorted(want.to_vec()));
}
