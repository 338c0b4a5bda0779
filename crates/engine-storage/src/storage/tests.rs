//! What only the inside can see: marks and blocks on disk.

use engine_types::{Block, Column, DataType, Value};

use super::recovery::is_superseded;
use super::*;
use crate::LocalDirectory;
use crate::directory::SimulatedDirectory;
use crate::part::PartName;
use crate::table_def::{ColumnDef, KeyExprs, TableDef};

struct FirstColumn;

impl KeyExprs for FirstColumn {
    fn sorting_key(&self, block: &Block) -> std::result::Result<Vec<Column>, String> {
        Ok(vec![block.column(0).clone()])
    }
}

fn numbers() -> TableDef {
    let columns = vec![
        ColumnDef::new("wide", DataType::UInt64),
        ColumnDef::new("narrow", DataType::UInt8),
    ];
    TableDef::new("d", "t", columns, vec![DataType::UInt64], Arc::new(FirstColumn))
}

fn open(directory: Arc<dyn Directory>) -> Storage {
    Storage::open(directory, StorageOptions::default(), &|_: &[u8]| Ok(numbers())).unwrap()
}

#[test]
fn blocks_start_at_marks_when_granules_are_large() {
    let storage = open(Arc::new(SimulatedDirectory::new()));
    let table = storage.create_table(numbers()).unwrap();
    let rows = 20_000u64;
    let wide = Column::UInt64((0..rows).collect());
    let narrow = Column::UInt8((0..rows).map(|n| n as u8).collect());
    storage
        .append(vec![(table, Block::new(vec![wide, narrow], rows as usize))])
        .unwrap();
    storage.flush_all().unwrap();
    let snapshot = storage.snapshot(table).unwrap();
    let part = &snapshot.parts()[0];
    assert_eq!(part.granules(), 3);
    let marks = |column: usize| {
        let marks = part.marks(column).unwrap();
        (0..3)
            .map(|g| (marks.get(g).block, marks.get(g).inner))
            .collect::<Vec<_>>()
    };
    assert!(marks(0).iter().all(|(_, inner)| *inner == 0), "{:?}", marks(0));
    assert!(marks(0).is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(marks(1), [(0, 0), (0, 8192), (0, 16384)]);
    let keys: Vec<Value> = (0..4).map(|k| part.index.keys()[0].value(k)).collect();
    assert_eq!(keys, [0, 8192, 16384, 19_999].map(Value::UInt));
}

#[test]
fn unknown_parts_are_detached_and_unfinished_ones_removed() {
    let directory = SimulatedDirectory::new();
    let table = {
        let storage = open(Arc::new(directory.clone()));
        let table = storage.create_table(numbers()).unwrap();
        let columns = vec![Column::UInt64(vec![1].into()), Column::UInt8(vec![1].into())];
        storage.append(vec![(table, Block::new(columns, 1))]).unwrap();
        storage.flush_all().unwrap();
        table
    };
    directory.put("data/d/t/all_9_9_0/count.txt", b"1\n").unwrap();
    directory.put("data/d/t/tmp_all_8_8_0/count.txt", b"1\n").unwrap();
    let storage = open(Arc::new(directory.clone()));
    assert_eq!(storage.snapshot(table).unwrap().rows(), 1);
    let files = directory.files();
    assert!(
        files.contains(&"data/d/t/detached/unexpected_all_9_9_0/count.txt".to_owned()),
        "{files:?}"
    );
    assert!(!files.iter().any(|f| f.contains("tmp_")), "{files:?}");
}

#[test]
fn parts_go_whose_blocks_are_all_in_active_ones() {
    let names =
        |list: &[&str]| -> Vec<PartName> { list.iter().map(|n| PartName::parse(n).unwrap()).collect() };
    type Case = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        bool,
    );
    let cases: [Case; 16] = [
        // Sources of an active part.
        ("a_1_3_1_7", &["a_1_5_2_9"], &[], true),
        ("a_4_4_0", &["a_1_5_2_9"], &[], true),
        ("a_1_1_0", &["a_1_1_0_9"], &[], true),
        ("a_1_1_0_3", &["a_1_1_0_9"], &[], true),
        // A merge or a mutation that was not recorded; also when one of its sources was changed before.
        (
            "a_1_3_1",
            &["a_1_1_0", "a_2_2_0", "a_3_3_0", "a_4_4_0"],
            &[],
            true,
        ),
        ("a_1_3_1", &["a_1_1_0", "a_2_2_0_9", "a_3_3_0"], &[], true),
        ("a_1_3_2", &["a_1_3_1"], &[], true),
        ("a_1_1_0_3", &["a_1_1_0"], &[], true),
        // A block in the middle was dropped.
        ("a_1_3_1", &["a_1_1_0", "a_3_3_0"], &[], true),
        // Blocks that no active part has.
        ("a_4_4_0", &["a_1_3_1"], &[], false),
        ("a_1_3_1", &["a_2_2_0", "a_3_3_0"], &[], false),
        ("a_1_3_1", &["a_1_1_0", "a_2_2_0"], &[], false),
        ("a_4_6_1", &["a_1_5_2"], &[], false),
        ("a_1_3_1", &["b_1_1_0", "b_3_3_0"], &[], false),
        // The folder of a block in the middle is there, perhaps damaged.
        ("a_1_3_1", &["a_1_1_0", "a_3_3_0"], &["a_2_2_0"], false),
        (
            "a_1_3_1",
            &["a_1_1_0", "a_3_3_0"],
            &["a_2_2_0_1", "a_3_3_0_9"],
            false,
        ),
    ];
    for (name, active, unknown, superseded) in cases {
        let [name] = &names(&[name])[..] else {
            unreachable!()
        };
        let active = names(active);
        let mut unknown = names(unknown);
        unknown.push(name.clone());
        assert_eq!(
            is_superseded(name, &active.iter().collect::<Vec<_>>(), &unknown),
            superseded,
            "{name} beside {active:?} and {unknown:?}"
        );
    }
}

#[test]
fn the_real_file_system_syncs_and_reopens() {
    let folder = tempfile::tempdir().unwrap();
    let directory = || Arc::new(LocalDirectory::new(folder.path()).unwrap());
    let table = {
        let storage = open(directory());
        let table = storage.create_table(numbers()).unwrap();
        for n in 0..5u64 {
            let columns = vec![Column::UInt64(vec![n].into()), Column::UInt8(vec![1].into())];
            storage.append(vec![(table, Block::new(columns, 1))]).unwrap();
            if n % 2 == 1 {
                storage.optimize(table, false).unwrap();
            }
        }
        table
    };
    assert_eq!(open(directory()).snapshot(table).unwrap().rows(), 5);
}
