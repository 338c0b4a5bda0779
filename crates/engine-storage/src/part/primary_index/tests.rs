//! What the index of a large table takes in memory.

use engine_types::{Column, DataType, Value};

use super::PrimaryIndex;

/// 10^8 rows of 8192 a granule, sorted by (team, day, event).
#[test]
fn e_pk_a_hundred_million_rows_of_three_keys_take_less_than_a_megabyte() {
    const ROWS: u64 = 100_000_000;
    let granules = ROWS.div_ceil(8192);
    let types = ["Int64", "Date", "String"].map(|ty| DataType::parse(ty).unwrap());
    let events = ["$pageview", "$autocapture", "$identify", "purchase completed"];
    let row = |granule: u64| {
        [
            Value::Int((granule / 3000) as i64),
            Value::UInt(18_000 + granule / 40 % 75),
            Value::string(events[(granule / 10 % 4) as usize]),
        ]
    };
    let keys: Vec<Column> = (0..3)
        .map(|key| {
            let values: Vec<Value> = (0..=granules).map(|g| row(g)[key].clone()).collect();
            Column::from_values(&types[key], &values)
        })
        .collect();
    let rows: Vec<u32> = (0..granules)
        .map(|g| (ROWS - g * 8192).min(8192) as u32)
        .collect();
    let index = PrimaryIndex::new(&rows, keys);
    assert_eq!(index.start(index.granules()), ROWS);
    let in_memory = index.byte_size();
    let on_disk = index.encode(&types).unwrap().len();
    // Nearly all of it says where granules start: keys repeat, and are in runs.
    assert!(in_memory < 150_000, "{in_memory} bytes in memory");
    assert!(on_disk < 1_000_000, "{on_disk} bytes on disk");
    let (read, _) = PrimaryIndex::decode(&index.encode(&types).unwrap()).unwrap();
    for (read, written) in read.keys().iter().zip(index.keys()) {
        assert!((0..=granules as usize).all(|row| read.value(row) == written.value(row)));
    }
    println!("{in_memory} bytes in memory, {on_disk} on disk");
}
