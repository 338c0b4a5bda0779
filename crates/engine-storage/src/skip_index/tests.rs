//! What was written answers for every value that is there; what is damaged is told.

use engine_types::StringColumn;
use proptest::prelude::*;

use super::*;

fn def(kind: SkipIndexKind, ty: DataType, granularity: usize) -> SkipIndexDef {
    SkipIndexDef {
        name: "i".to_owned(),
        kind,
        granularity,
        types: vec![ty],
        fingerprint: "test".to_owned(),
    }
}

fn written(def: &SkipIndexDef, granules: &[Column]) -> Vec<u8> {
    let mut writer = SkipIndexWriter::new(def);
    for column in granules {
        writer.granule(std::slice::from_ref(column));
    }
    writer.finish().unwrap()
}

fn filter(group: Option<&Group>) -> &Bloom {
    match group {
        Some(Group::Filter(bloom)) => bloom,
        other => panic!("not a filter: {other:?}"),
    }
}

proptest! {
    #[test]
    fn e_idx_filters_have_every_value(
        granules in prop::collection::vec(prop::collection::vec("[a-c é]{0,6}", 1..9), 1..9),
        granularity in 1usize..4,
    ) {
        let columns: Vec<Column> =
            granules.iter().map(|g| Column::String(g.iter().map(String::as_bytes).collect::<StringColumn>())).collect();
        let kinds = [
            SkipIndexKind::BloomFilter { false_positive: 0.025 },
            SkipIndexKind::Ngrams { n: 3, bytes: 256, hashes: 3, seed: 7 },
            SkipIndexKind::Tokens { bytes: 64, hashes: 2, seed: 0 },
            SkipIndexKind::Set { max_rows: 4 },
            SkipIndexKind::MinMax,
        ];
        for kind in kinds {
            let def = def(kind, DataType::String, granularity);
            let bytes = written(&def, &columns);
            let index = SkipIndex::decode(&bytes, &def, granules.len()).unwrap().unwrap();
            for (at, texts) in granules.iter().enumerate() {
                for text in texts {
                    let value = Value::string(text);
                    match (kind, index.group_of(at)) {
                        (SkipIndexKind::BloomFilter { .. }, group) => {
                            let hash = value_hash(&DataType::String, &value).unwrap();
                            prop_assert!(filter(group).may_have(hash));
                        }
                        (SkipIndexKind::Ngrams { n, seed, .. }, group) => {
                            prop_assert!(ngrams(text.as_bytes(), n).all(|g| filter(group).may_have(token_hash(g, seed))));
                        }
                        (SkipIndexKind::Tokens { seed, .. }, group) => {
                            prop_assert!(tokens(text.as_bytes()).all(|t| filter(group).may_have(token_hash(t, seed))));
                        }
                        (_, Some(Group::Rows(Some(rows)))) => prop_assert!(rows.contains(&vec![value])),
                        (_, Some(Group::Rows(None))) => {}
                        (_, Some(Group::Ranges(ranges))) => match &ranges[0] {
                            ColumnRangeKnown::Between(min, max) => prop_assert!(*min <= value && value <= *max),
                            other => prop_assert!(false, "{other:?}"),
                        },
                        (_, other) => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            let other = SkipIndexDef { fingerprint: "another".to_owned(), ..def.clone() };
            prop_assert!(SkipIndex::decode(&bytes, &other, granules.len()).unwrap().is_none());
            for cut in 0..bytes.len() {
                prop_assert!(SkipIndex::decode(&bytes[..cut], &def, granules.len()).is_err());
            }
        }
    }
}

#[test]
fn e_idx_false_positives_are_as_rare_as_asked() {
    let present: Vec<Value> = (0..8192).map(|n| Value::UInt(n * 7)).collect();
    let column = Column::from_values(&DataType::UInt64, &present);
    let def = def(
        SkipIndexKind::BloomFilter {
            false_positive: 0.025,
        },
        DataType::UInt64,
        1,
    );
    let index = SkipIndex::decode(&written(&def, &[column]), &def, 1)
        .unwrap()
        .unwrap();
    let bloom = filter(index.group_of(0));
    let wrong = (0..10_000u64)
        .filter(|n| bloom.may_have(value_hash(&DataType::UInt64, &Value::UInt(n * 7 + 1)).unwrap()))
        .count();
    assert!(wrong < 400, "{wrong} of 10000");
    assert!(bloom.byte_size() < 8192 * 8 / 8, "{} bytes", bloom.byte_size());
}

#[test]
fn hashes_of_numbers_do_not_depend_on_how_they_were_written() {
    let hash = |ty: &DataType, value: Value| value_hash(ty, &value);
    assert_eq!(
        hash(&DataType::Int64, Value::UInt(5)),
        hash(&DataType::Int64, Value::Int(5))
    );
    assert_eq!(
        hash(&DataType::Float64, Value::Float(-0.0)),
        hash(&DataType::Float64, Value::UInt(0))
    );
    assert_eq!(hash(&DataType::UInt8, Value::UInt(300)), None);
    assert_eq!(hash(&DataType::UInt8, Value::Float(0.5)), None);
}
