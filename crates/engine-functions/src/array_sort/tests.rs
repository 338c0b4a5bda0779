//! Sorting by physical form is sorting by value.

use proptest::prelude::*;

use super::*;

fn column(ty: &DataType, rows: &[Vec<Value>]) -> ArrayColumn {
    let rows: Vec<Value> = rows.iter().map(|row| Value::Array(row.clone())).collect();
    match Column::from_values(&ty.clone().array(), &rows) {
        Column::Array(a) => a,
        other => panic!("{other:?}"),
    }
}

/// NULL behind NaN behind numbers, in both directions.
fn expected(row: &[Value], descending: bool) -> Value {
    let last = |v: &Value| match v {
        Value::Null => 2,
        Value::Float(f) if f.is_nan() => 1,
        _ => 0,
    };
    let mut row = row.to_vec();
    row.sort_by(|a, b| {
        last(a)
            .cmp(&last(b))
            .then_with(|| directed(a.total_cmp(b), descending))
    });
    Value::Array(row)
}

fn value(ty: &DataType, seed: u8) -> Value {
    match (ty, seed) {
        (DataType::Nullable(_), 0..=2) => Value::Null,
        (DataType::Nullable(inner), _) => value(inner, seed),
        (DataType::Float64, 0..=3) => Value::Float(f64::NAN),
        (DataType::Float64, _) => Value::Float(f64::from(seed) / 4.0 - 2.0),
        (DataType::Int64, _) => Value::Int(i64::from(seed) - 7),
        (DataType::UInt16, _) => Value::UInt(u64::from(seed)),
        (DataType::Uuid, _) => Value::Uuid(u128::from(seed) << 100),
        (DataType::Array(inner), _) => {
            Value::Array((0..seed % 3).map(|i| value(inner, seed / 3 + i)).collect())
        }
        _ => Value::string(seed.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_form_sorts_as_its_values(seeds in prop::collection::vec(prop::collection::vec(0u8..16, 0..9), 1..5)) {
        let plain = [
            DataType::Int64,
            DataType::UInt16,
            DataType::Float64,
            DataType::String,
            DataType::Uuid,
            DataType::UInt16.array(),
        ];
        let nullable = plain[..5].iter().map(|ty| ty.clone().nullable());
        for ty in plain.iter().cloned().chain(nullable) {
            let rows: Vec<Vec<Value>> =
                seeds.iter().map(|row| row.iter().map(|&seed| value(&ty, seed)).collect()).collect();
            let a = column(&ty, &rows);
            for descending in [false, true] {
                let by_elements = sorted_elements(&a, descending);
                let by_keys = sorted(&a, &a.values, descending);
                for (i, row) in rows.iter().enumerate() {
                    prop_assert_eq!(by_elements.value(i), expected(row, descending), "{}", ty);
                    prop_assert_eq!(by_keys.value(i), expected(row, descending), "{}", ty);
                }
            }
            for wanted in [Ordering::Less, Ordering::Greater] {
                let best = extremes(&a.offsets, &a.values, &ty, wanted);
                for (i, row) in rows.iter().enumerate() {
                    let of_row = row.iter().filter(|v| !v.is_null());
                    let numbers = of_row.clone().filter(|v| !matches!(v, Value::Float(f) if f.is_nan()));
                    let best_number = if wanted == Ordering::Less { numbers.min() } else { numbers.max() };
                    let default = Column::defaults(&ty, 1).value(0);
                    let want = best_number.or(of_row.clone().next()).unwrap_or(&default);
                    prop_assert_eq!(&best.value(i), want, "{}", ty);
                }
            }
        }
    }
}
