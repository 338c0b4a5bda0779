//! Mutations: parts change one by one into new versions, in order, whole or not at all, and only what was there before.

use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_storage::{
    ColumnDef, KeyExprs, Layout, Partitions, RowChange, RowEffect, Storage, StorageError, TableDef, TableId,
    WideFrom,
};
use engine_types::{Block, Column, DataType, Value};

use crate::support::*;

/// `<effect> <divisor> <remainder>`: rows whose `id % divisor = remainder` are deleted, hidden, or get `v = v * 10 + 1` and
/// `word = 'w<v>'`.
struct Modulo {
    effect: RowEffect,
    divisor: u64,
    remainder: u64,
}

fn ids(rows: &Block) -> Vec<u64> {
    (0..rows.rows())
        .map(|row| match rows.column(0).value(row) {
            Value::UInt(id) => id,
            other => panic!("{other:?}"),
        })
        .collect()
}

impl RowChange for Modulo {
    fn effect(&self) -> RowEffect {
        self.effect.clone()
    }

    fn match_inputs(&self) -> Vec<usize> {
        vec![0]
    }

    fn matches(&self, rows: &Block) -> Result<Vec<bool>, String> {
        if self.divisor == 0 {
            return Err("division by zero".to_owned());
        }
        Ok(ids(rows)
            .iter()
            .map(|id| id % self.divisor == self.remainder)
            .collect())
    }

    fn update_inputs(&self) -> Vec<usize> {
        vec![1]
    }

    fn updated(&self, rows: &Block) -> Result<Vec<Column>, String> {
        let new: Vec<u64> = (0..rows.rows())
            .map(|row| match rows.column(1).value(row) {
                Value::UInt(v) => v * 10 + 1,
                other => panic!("{other:?}"),
            })
            .collect();
        let words: Vec<Value> = new.iter().map(|v| Value::string(format!("w{v}"))).collect();
        Ok(vec![
            Column::UInt64(new.into()),
            Column::from_values(&DataType::String, &words),
        ])
    }
}

struct Keys;

impl KeyExprs for Keys {
    fn sorting_key(&self, block: &Block) -> Result<Vec<Column>, String> {
        Ok(vec![block.column(0).clone()])
    }

    fn partition(&self, block: &Block) -> Result<Partitions, String> {
        let mut out = Partitions {
            ids: vec!["0".to_owned(), "1".to_owned()],
            rows: Vec::new(),
        };
        out.rows = ids(block).iter().map(|id| u32::from(*id >= 1000)).collect();
        Ok(out)
    }

    fn row_changes(&self, command: &[u8]) -> Result<Vec<Arc<dyn RowChange>>, String> {
        let text = std::str::from_utf8(command).map_err(|e| e.to_string())?;
        text.split(',')
            .map(|step| {
                let words: Vec<&str> = step.split_whitespace().collect();
                let number = |at: usize| words[at].parse::<u64>().map_err(|e| e.to_string());
                let effect = match words[0] {
                    "delete" => RowEffect::Delete,
                    "hide" => RowEffect::Hide,
                    "update" => RowEffect::Update { columns: vec![1, 2] },
                    other => return Err(format!("unknown effect {other}")),
                };
                Ok(Arc::new(Modulo {
                    effect,
                    divisor: number(1)?,
                    remainder: number(2)?,
                }) as Arc<dyn RowChange>)
            })
            .collect()
    }
}

/// Of wide parts, or of compact ones.
fn laid_out(layout: Layout) -> TableDef {
    let columns = vec![
        ColumnDef::new("id", DataType::UInt64),
        ColumnDef::new("v", DataType::UInt64),
        ColumnDef::new(
            "word",
            DataType::parse("LowCardinality(String)").expect("no error"),
        ),
        ColumnDef::new("text", DataType::String),
    ];
    let mut def = TableDef::new("d", "t", columns, vec![DataType::UInt64], Arc::new(Keys));
    def.granule_rows = 4;
    def.lookup_columns = vec![0, 2];
    if layout == Layout::Wide {
        def.wide_from = WideFrom { bytes: 0, rows: 0 };
        def.definition = b"wide".to_vec();
    }
    def
}

fn table() -> TableDef {
    laid_out(Layout::Wide)
}

fn open(directory: &SimulatedDirectory) -> engine_storage::Result<Storage> {
    Storage::open(
        Arc::new(directory.clone()),
        small_options(),
        &|definition: &[u8]| {
            Ok(laid_out(if definition == b"wide" {
                Layout::Wide
            } else {
                Layout::Compact
            }))
        },
    )
}

fn row(id: u64) -> Row {
    vec![
        Value::UInt(id),
        Value::UInt(id),
        Value::string(format!("word {}", id % 7)),
        Value::string(format!("secret of {id}")),
    ]
}

fn append(
    storage: &Storage,
    table_id: TableId,
    ids: impl IntoIterator<Item = u64>,
) -> engine_storage::Result<()> {
    let rows: Vec<Row> = ids.into_iter().map(row).collect();
    storage
        .append(vec![(table_id, block(&table(), &rows))])
        .map(|_| ())
}

fn wait(storage: &Storage, table: TableId, command: &str) -> engine_storage::Result<u64> {
    let number = storage.add_mutation(table, None, command.as_bytes(), 7)?;
    storage.wait_for_mutation(table, number, &|| false)?;
    Ok(number)
}

/// (id, v) of all rows.
fn pairs(storage: &Storage, table: TableId) -> Vec<(u64, u64)> {
    let number = |v: &Value| match v {
        Value::UInt(n) => *n,
        other => panic!("{other:?}"),
    };
    stored(storage, table)
        .iter()
        .map(|r| (number(&r[0]), number(&r[1])))
        .collect()
}

fn names(storage: &Storage, table: TableId) -> Vec<String> {
    let snapshot = storage.snapshot(table).expect("no error");
    snapshot.parts().iter().map(|p| p.name().to_string()).collect()
}

fn contains(storage: &Storage, table: TableId, id: u64, word: &str) -> bool {
    let keys = [
        Column::UInt64(vec![id].into()),
        Column::from_values(&DataType::String, &[Value::string(word)]),
    ];
    storage.contains(table, &keys).expect("no error")[0]
}

#[test]
fn e_mut_rows_there_before_are_changed_and_later_ones_are_not() {
    let directory = SimulatedDirectory::new();
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(table()).expect("no error");
    append(&storage, table, 0..10).expect("no error");
    storage.flush_all().expect("no error");
    // These are only in the log.
    append(&storage, table, 10..12).expect("no error");
    let number = storage
        .add_mutation(table, None, b"delete 2 0", 7)
        .expect("no error");
    append(&storage, table, 20..23).expect("no error");
    storage.flush_all().expect("no error");
    assert_eq!(
        storage.mutations(table).expect("no error")[0].parts_to_do.len(),
        2
    );
    storage
        .wait_for_mutation(table, number, &|| false)
        .expect("no error");
    let ids: Vec<u64> = pairs(&storage, table).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [1, 3, 5, 7, 9, 11, 20, 21, 22]);
    assert_eq!(names(&storage, table), ["0_1_1_0_3", "0_2_2_0_3", "0_4_4_0"]);
    let status = storage.mutations(table).expect("no error");
    assert!(status[0].is_done && status[0].parts_to_do.is_empty() && status[0].created_ms == 7);
    // The same after a restart, and numbers go on.
    drop(storage);
    let storage = open(&directory.after_crash(CrashMode::Lose)).expect("no error");
    assert_eq!(pairs(&storage, table).len(), 9);
    assert!(storage.mutations(table).expect("no error")[0].is_done);
    assert_eq!(wait(&storage, table, "hide 3 0").expect("no error"), 5);
    assert_eq!(storage.snapshot(table).expect("no error").rows(), 6);
}

#[test]
fn e_mut_an_update_writes_its_columns_and_links_the_others() {
    let directory = SimulatedDirectory::new();
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(table()).expect("no error");
    append(&storage, table, 0..30).expect("no error");
    storage.flush_all().expect("no error");
    let written = || directory.operations();
    let before = written();
    wait(&storage, table, "update 100 3").expect("no error");
    assert_eq!(pairs(&storage, table)[3], (3, 31));
    assert!(contains(&storage, table, 3, "w31") && !contains(&storage, table, 3, "word 3"));
    assert!(contains(&storage, table, 4, "word 4"));
    let changed = written() - before;
    // Nothing matches: all files are linked.
    let before = written();
    wait(&storage, table, "update 100 77").expect("no error");
    assert!(written() - before < changed, "{} operations", written() - before);
    assert_eq!(names(&storage, table), ["0_1_1_0_3"]);
    for part in storage.snapshot(table).expect("no error").parts() {
        part.check().expect("no error");
    }
    // What one step changes, the next one sees.
    wait(&storage, table, "update 100 3, update 100 3, delete 10 4").expect("no error");
    let rows = pairs(&storage, table);
    assert_eq!(rows[3], (3, 3111));
    assert_eq!(rows.len(), 27);
    assert!(contains(&storage, table, 3, "w3111"));
}

#[test]
fn e_mut_order_is_kept_and_merges_never_mix_versions() {
    let directory = SimulatedDirectory::new();
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(table()).expect("no error");
    append(&storage, table, 0..4).expect("no error");
    storage.flush_all().expect("no error");
    append(&storage, table, 4..8).expect("no error");
    storage
        .add_mutation(table, None, b"update 1 0", 0)
        .expect("no error");
    let last = storage
        .add_mutation(table, None, b"delete 4 3", 0)
        .expect("no error");
    // One part is one step ahead of the other.
    assert!(storage.mutate_once(Some(table)).expect("no error"));
    assert_eq!(names(&storage, table), ["0_1_1_0_3", "0_2_2_0"]);
    for _ in 0..20 {
        storage.merge_once().expect("no error");
    }
    assert_eq!(names(&storage, table).len(), 2);
    storage
        .wait_for_mutation(table, last, &|| false)
        .expect("no error");
    let want: Vec<(u64, u64)> = [0, 1, 2, 4, 5, 6].map(|id| (id, id * 10 + 1)).to_vec();
    assert_eq!(pairs(&storage, table), want);
    storage.optimize(table, false).expect("no error");
    assert_eq!(names(&storage, table), ["0_1_2_1_4"]);
    assert_eq!(pairs(&storage, table), want);
    append(&storage, table, [9]).expect("no error");
    storage.optimize(table, false).expect("no error");
    assert_eq!(names(&storage, table), ["0_1_5_2_4"]);
    wait(&storage, table, "update 9 0").expect("no error");
    assert_eq!(pairs(&storage, table).last(), Some(&(9, 91)));
}

#[test]
fn e_mut_a_snapshot_sees_each_part_as_it_was() {
    let (directory, rows) = (SimulatedDirectory::new(), 0..8u64);
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(table()).expect("no error");
    for id in rows.clone() {
        append(&storage, table, [id]).expect("no error");
        storage.flush_all().expect("no error");
    }
    let before = storage.snapshot(table).expect("no error");
    let number = storage
        .add_mutation(table, None, b"update 1 0", 0)
        .expect("no error");
    for done in 1..=8 {
        assert!(storage.mutate_once(None).expect("no error"));
        let changed = pairs(&storage, table)
            .iter()
            .filter(|(id, v)| *v == id * 10 + 1)
            .count();
        assert_eq!(changed, done);
        assert_eq!(
            storage.mutations(table).expect("no error")[0].parts_to_do.len(),
            8 - done
        );
    }
    let old = scan(&before, &engine_storage::KeyCondition::all(), 10);
    assert_eq!(old, rows.map(row).collect::<Vec<_>>());
    storage
        .wait_for_mutation(table, number, &|| false)
        .expect("no error");
}

#[test]
fn e_mut_a_failure_is_shown_and_can_be_killed() {
    let directory = SimulatedDirectory::new();
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(table()).expect("no error");
    append(&storage, table, 0..4).expect("no error");
    let number = storage
        .add_mutation(table, None, b"update 0 0", 0)
        .expect("no error");
    let error = storage.wait_for_mutation(table, number, &|| false).unwrap_err();
    assert!(
        matches!(&error, StorageError::Mutation { number: n, reason, .. } if *n == number && reason == "division by zero"),
        "{error}"
    );
    let behind = storage
        .add_mutation(table, None, b"delete 2 0", 0)
        .expect("no error");
    let error = storage.wait_for_mutation(table, behind, &|| false).unwrap_err();
    assert!(
        error.to_string().contains(&format!("mutation_{number}.txt")),
        "{error}"
    );
    // It survives a restart, unfinished.
    drop(storage);
    let storage = open(&directory.after_crash(CrashMode::Lose)).expect("no error");
    assert!(storage.mutate_once(None).is_err());
    assert!(!storage.mutate_once(None).expect("no error"), "it rests");
    storage.retry_mutations();
    assert!(storage.mutate_once(None).is_err());
    let status = storage.mutations(table).expect("no error");
    assert_eq!(
        status[0].failure.as_ref().expect("no error").1,
        "division by zero"
    );
    assert!(storage.kill_mutation(table, number).expect("no error"));
    assert!(!storage.kill_mutation(table, number).expect("no error"));
    storage
        .wait_for_mutation(table, behind, &|| false)
        .expect("no error");
    assert_eq!(pairs(&storage, table), [(1, 1), (3, 3)]);
    assert_eq!(storage.mutations(table).expect("no error").len(), 1);
}

fn hide_and_merge(layout: Layout) {
    let directory = SimulatedDirectory::new();
    let storage = open(&directory).expect("no error");
    let table = storage.create_table(laid_out(layout)).expect("no error");
    append(&storage, table, (0..20).chain(1000..1003)).expect("no error");
    wait(&storage, table, "hide 7 3").expect("no error");
    let gone = [3, 10, 17, 1004];
    let want: Vec<Row> = (0..20)
        .chain(1000..1003)
        .filter(|id| !gone.contains(id))
        .map(row)
        .collect();
    let check = |storage: &Storage| {
        assert_eq!(stored(storage, table), want);
        let snapshot = storage.snapshot(table).expect("no error");
        assert_eq!(snapshot.rows(), want.len() as u64);
        for target in [1, 3, 100] {
            assert_eq!(
                scan(&snapshot, &engine_storage::KeyCondition::all(), target),
                want
            );
        }
        for morsel in snapshot.morsels(&engine_storage::KeyCondition::all(), 7) {
            let all = snapshot.read(&morsel, &[0, 3]).expect("no error");
            let picks: Vec<u32> = (0..morsel.rows() as u32).step_by(2).collect();
            let some = snapshot.read_rows(&morsel, &[0, 3], &picks).expect("no error");
            assert_eq!(rows_of(&some), rows_of(&all.gather(&picks)));
        }
        assert!(!contains(storage, table, 10, "word 3") && contains(storage, table, 11, "word 4"));
    };
    check(&storage);
    assert!(storage.snapshot(table).expect("no error").parts()[0].has_deleted_rows());
    drop(storage);
    let storage = open(&directory.after_crash(CrashMode::Lose)).expect("no error");
    check(&storage);
    // Twice, over what is left; and columns of a part with deleted rows change too.
    wait(&storage, table, "hide 20 11").expect("no error");
    wait(&storage, table, "update 20 12").expect("no error");
    assert_eq!(
        storage.snapshot(table).expect("no error").rows(),
        want.len() as u64 - 1
    );
    assert!(contains(&storage, table, 12, "w121"));
    storage.optimize(table, true).expect("no error");
    let snapshot = storage.snapshot(table).expect("no error");
    assert!(
        snapshot
            .parts()
            .iter()
            .all(|p| !p.has_deleted_rows() && p.check().is_ok())
    );
    assert_eq!(snapshot.rows(), want.len() as u64 - 1);
    drop(snapshot);
    // No byte of them is left, in dictionaries neither.
    wait(&storage, table, "hide 7 2").expect("no error");
    storage.optimize(table, true).expect("no error");
    let snapshot = storage.snapshot(table).expect("no error");
    let values = snapshot
        .read(
            &snapshot.morsels(&engine_storage::KeyCondition::all(), 100)[0],
            &[2],
        )
        .expect("no error");
    let Column::Dict(dict) = values.column(0) else {
        panic!("a dictionary column");
    };
    let listed: Vec<Value> = (0..dict.values.len()).map(|v| dict.values.value(v)).collect();
    assert!(!listed.contains(&Value::string("word 2")), "{listed:?}");
    // A part without rows goes.
    wait(&storage, table, "hide 1 0").expect("no error");
    assert!(names(&storage, table).is_empty());
}

#[test]
fn e_del_hidden_rows_of_wide_parts_are_nowhere_and_leave_with_the_next_merge() {
    hide_and_merge(Layout::Wide);
}

#[test]
fn e_del_hidden_rows_of_compact_parts_are_nowhere_and_leave_with_the_next_merge() {
    hide_and_merge(Layout::Compact);
}

#[test]
fn e_del_deleted_rows_leave_old_parts_by_a_deadline() {
    let directory = SimulatedDirectory::new();
    let storage = Storage::open(Arc::new(directory.clone()), small_options(), &|_: &[u8]| {
        Ok(table())
    })
    .expect("no error");
    let mut def = table();
    def.merge_after_ms = Some(1000);
    let table = storage.create_table(def).expect("no error");
    append(&storage, table, 0..10).expect("no error");
    wait(&storage, table, "hide 5 0").expect("no error");
    // Nothing else would merge one part.
    assert!(!storage.merge_once().expect("no error"));
    assert!(!storage.merge_old(50).expect("no error") && !storage.merge_old(1049).expect("no error"));
    assert!(storage.merge_old(1050).expect("no error"));
    let snapshot = storage.snapshot(table).expect("no error");
    assert!(!snapshot.parts()[0].has_deleted_rows());
    assert_eq!(snapshot.rows(), 8);
    assert!(!storage.merge_old(9000).expect("no error") && !storage.merge_old(19_000).expect("no error"));
}

/// What the caller knows when it dies: appended, asked for, done.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    appended: bool,
    asked: [bool; 3],
    done: bool,
}

fn script(directory: &SimulatedDirectory, layout: Layout, known: &mut Known) -> engine_storage::Result<()> {
    let storage = open(directory)?;
    let id = storage.create_table(laid_out(layout))?;
    append(&storage, id, 0..6)?;
    storage.flush_all()?;
    append(&storage, id, (6..12).chain(1000..1004))?;
    known.appended = true;
    for (at, command) in ["update 3 0", "hide 4 1", "delete 6 5"].into_iter().enumerate() {
        known.asked[at] = true;
        storage.add_mutation(id, None, command.as_bytes(), 0)?;
    }
    while storage.mutate_once(None)? {}
    known.done = true;
    storage.optimize(id, true)
}

/// The table after the first `steps` mutations.
fn model(steps: usize) -> Vec<(u64, u64)> {
    let mut rows: Vec<(u64, u64)> = (0..12).chain(1000..1004).map(|id| (id, id)).collect();
    if steps > 0 {
        rows.iter_mut()
            .filter(|(id, _)| id % 3 == 0)
            .for_each(|(id, v)| *v = *id * 10 + 1);
    }
    if steps > 1 {
        rows.retain(|(id, _)| id % 4 != 1);
    }
    if steps > 2 {
        rows.retain(|(id, _)| id % 6 != 5);
    }
    rows
}

fn crash_everywhere(layout: Layout) {
    let whole = SimulatedDirectory::new();
    script(&whole, layout, &mut Known::default()).expect("no error");
    for at in 0..whole.operations() {
        let directory = SimulatedDirectory::new();
        directory.fail_at(at, true);
        let mut known = Known::default();
        // What is removed at the end may fail without a word: the next start does it.
        let _ = script(&directory, layout, &mut known);
        if !known.appended {
            continue;
        }
        let mode = match at % 3 {
            0 => CrashMode::Lose,
            1 => CrashMode::Keep,
            _ => CrashMode::Mixed(at),
        };
        let context = format!("operation {at}, {mode:?}, {known:?}");
        let storage = open(&directory.after_crash(mode)).unwrap_or_else(|e| panic!("{context}: {e}"));
        let id = storage.table_id("d", "t").expect(&context);
        // Each part has had a number of the mutations, wholly.
        let snapshot = storage.snapshot(id).expect("no error");
        for part in snapshot.parts() {
            part.check().unwrap_or_else(|e| panic!("{context}: {e}"));
        }
        let rows = pairs(&storage, id);
        let asked = known.asked.iter().filter(|a| **a).count();
        for (low, high) in [(0, 6), (6, 12), (1000, 1004)] {
            let of = |rows: &[(u64, u64)]| -> Vec<(u64, u64)> {
                rows.iter()
                    .copied()
                    .filter(|(id, _)| (low..high).contains(id))
                    .collect()
            };
            assert!(
                (0..=asked).any(|steps| of(&model(steps)) == of(&rows)),
                "{context}: {:?}",
                of(&rows)
            );
        }
        // What was recorded goes on; what was not is not there.
        let recorded = storage.mutations(id).expect("no error").len();
        assert!(
            recorded == asked || recorded + 1 == asked,
            "{context}: {recorded}"
        );
        while storage.mutate_once(None).expect(&context) {}
        assert_eq!(pairs(&storage, id), model(recorded), "{context}");
        storage.optimize(id, true).expect(&context);
        assert_eq!(pairs(&storage, id), model(recorded), "{context}");
        assert_no_leftovers(&storage, &context);
    }
}

#[test]
fn e_crash_a_mutation_of_wide_parts_is_done_to_each_once_whenever_the_power_fails() {
    crash_everywhere(Layout::Wide);
}

#[test]
fn e_crash_a_mutation_of_compact_parts_is_done_to_each_once_whenever_the_power_fails() {
    crash_everywhere(Layout::Compact);
}
