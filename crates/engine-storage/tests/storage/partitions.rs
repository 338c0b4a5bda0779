//! Parts leave a table and come back: dropped, detached, attached, frozen, shared between tables; crashes on the way.

use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_storage::{
    CloneMode, DetachedSelection, Directory, PartName, PartSelection, Storage, StorageError, TableDef,
    TableId,
};
use engine_types::Value;

use crate::append::mapping_row;
use crate::support::*;

fn partition(id: &str) -> PartSelection {
    PartSelection::Partition(id.to_owned())
}

fn detached(id: &str) -> DetachedSelection {
    DetachedSelection::Partition(id.to_owned())
}

fn folder(name: &str) -> DetachedSelection {
    DetachedSelection::Folder(name.to_owned())
}

fn copy_table() -> TableDef {
    TableDef {
        name: "copy".to_owned(),
        ..events()
    }
}

fn names(storage: &Storage, table: TableId) -> Vec<String> {
    let snapshot = storage.snapshot(table).unwrap();
    snapshot.parts().iter().map(|p| p.name().to_string()).collect()
}

fn detached_names(storage: &Storage, table: TableId) -> Vec<String> {
    let parts = storage.detached_parts(table).unwrap();
    parts.into_iter().map(|p| p.folder_name).collect()
}

/// Rows of the partition `id` of the events with these seeds.
fn of_partition(seeds: std::ops::Range<u64>, id: u64) -> Vec<Row> {
    let rows = event_rows(seeds).into_iter();
    sorted(
        rows.filter(|r| matches!(r[2], Value::UInt(at) if at / 1000 == id))
            .collect(),
    )
}

fn with_events(seeds: std::ops::Range<u64>) -> (SimulatedDirectory, Storage, TableId) {
    let directory = SimulatedDirectory::new();
    let storage = open_simulated(&directory).unwrap();
    let table = storage.create_table(events()).unwrap();
    storage
        .append(vec![(table, block(&events(), &event_rows(seeds)))])
        .unwrap();
    storage.flush_all().unwrap();
    (directory, storage, table)
}

/// Copies a folder of files, durably.
fn copy_folder(from: &SimulatedDirectory, source: &str, to: &SimulatedDirectory, target: &str) {
    for path in from.files() {
        if let Some(file) = path.strip_prefix(&format!("{source}/")) {
            to.put(&format!("{target}/{file}"), &from.contents(&path).unwrap())
                .unwrap();
        }
    }
}

#[test]
fn detached_parts_come_back_under_new_numbers() {
    let (_, storage, table) = with_events(0..60);
    let all = stored(&storage, table);
    assert_eq!(names(&storage, table), ["0_1_1_0", "1_1_1_0", "2_1_1_0"]);
    storage.detach_parts(table, &partition("1")).unwrap();
    assert_eq!(names(&storage, table), ["0_1_1_0", "2_1_1_0"]);
    assert_eq!(detached_names(&storage, table), ["1_1_1_0"]);
    assert_eq!(storage.detached_parts(table).unwrap()[0].reason, "");
    let left: Vec<Row> = all
        .iter()
        .filter(|r| !of_partition(0..60, 1).contains(r))
        .cloned()
        .collect();
    assert_eq!(stored(&storage, table), left);
    let attached = storage.attach(table, &detached("1")).unwrap();
    assert_eq!(attached, [PartName::inserted("1", 2)]);
    assert_eq!(stored(&storage, table), all);
    assert!(detached_names(&storage, table).is_empty());
    let part = PartName::inserted("2", 1);
    storage
        .detach_parts(table, &PartSelection::Part(part.clone()))
        .unwrap();
    assert!(matches!(
        storage.detach_parts(table, &PartSelection::Part(part)),
        Err(StorageError::UnknownPart { .. })
    ));
    assert!(matches!(
        storage.attach(table, &folder("2_9_9_0")),
        Err(StorageError::UnknownDetachedPart { .. })
    ));
    assert_eq!(storage.drop_detached(table, &folder("2_1_1_0")).unwrap(), 1);
    assert!(detached_names(&storage, table).is_empty());
    assert!(storage.attach(table, &detached("2")).unwrap().is_empty());
}

#[test]
fn readers_go_on_while_their_parts_are_detached() {
    let (directory, storage, table) = with_events(0..60);
    let before = storage.snapshot(table).unwrap();
    storage.detach_parts(table, &PartSelection::All).unwrap();
    assert_eq!(
        scan(&before, &engine_storage::KeyCondition::all(), 100),
        sorted(event_rows(0..60))
    );
    assert_eq!(storage.outdated_parts(table).unwrap().len(), 3);
    drop(before);
    assert!(storage.outdated_parts(table).unwrap().is_empty());
    let in_table = |f: &String| f.starts_with("data/") && !f.contains("/detached/");
    assert!(!directory.files().iter().any(in_table));
    storage.attach(table, &DetachedSelection::All).unwrap();
    assert_eq!(stored(&storage, table), sorted(event_rows(0..60)));
}

/// A part opens without any catalogue: its folder is copied by hand into another storage.
#[test]
fn e_part_1_a_copied_folder_attaches_to_a_fresh_table() {
    for wide_from in [ALWAYS_WIDE, NEVER_WIDE] {
        let source = SimulatedDirectory::new();
        let storage = open_simulated(&source).unwrap();
        let def = TableDef {
            wide_from,
            ..events()
        };
        let table = storage.create_table(def).unwrap();
        storage
            .append(vec![(table, block(&events(), &event_rows(0..60)))])
            .unwrap();
        storage.flush_all().unwrap();
        let (target, fresh, fresh_table) = with_events(0..0);
        for part in storage.snapshot(table).unwrap().parts() {
            let to = format!("data/db/events/detached/{}", part.name());
            copy_folder(&source, part.folder(), &target, &to);
        }
        let attached = fresh.attach(fresh_table, &DetachedSelection::All).unwrap();
        assert_eq!(attached.len(), 3);
        assert_eq!(stored(&fresh, fresh_table), sorted(event_rows(0..60)));
        let keys = block(&events(), &event_rows(58..62)).into_columns();
        assert_eq!(
            fresh.contains(fresh_table, &keys[..2]).unwrap(),
            [true, true, false, false]
        );
        fresh
            .append(vec![(fresh_table, block(&events(), &event_rows(60..70)))])
            .unwrap();
        fresh.optimize(fresh_table, false).unwrap();
        drop(fresh);
        let fresh = open_simulated(&target).unwrap();
        assert_eq!(stored(&fresh, fresh_table), sorted(event_rows(0..70)));
    }
}

#[test]
fn e_part_1_what_the_table_could_not_have_written_is_refused() {
    let (source, storage, table) = with_events(0..60);
    let part = storage.snapshot(table).unwrap().parts()[1].folder().to_owned();
    let (target, fresh, fresh_table) = with_events(0..0);
    let put = |name: &str| {
        let to = format!("data/db/events/detached/{name}");
        copy_folder(&source, &part, &target, &to);
        to
    };
    let refused = |name: &str| {
        let error = fresh.attach(fresh_table, &folder(name)).unwrap_err();
        assert!(detached_names(&fresh, fresh_table).contains(&name.to_owned()));
        error.to_string()
    };
    // A flipped byte, a missing file, a file that nobody vouches for.
    let path = format!("{}/properties.bin", put("1_1_1_0"));
    let mut bytes = target.contents(&path).unwrap();
    bytes[30] ^= 1;
    target.put(&path, &bytes).unwrap();
    assert!(refused("1_1_1_0").contains("`properties.bin`"));
    target
        .remove_file(&format!("{}/minmax.idx", put("1_2_2_0")))
        .unwrap();
    assert!(refused("1_2_2_0").contains("`minmax.idx`"));
    target.put("data/db/events/detached/nothing/x", b"y").unwrap();
    assert!(refused("nothing").contains("`checksums.txt`"));
    // Another order, other types, other partitions.
    put("1_3_3_0");
    drop(fresh);
    let with = |def: TableDef| {
        let target = target.after_crash(CrashMode::Keep);
        let loader = move |_: &[u8]| Ok(def.clone());
        let storage = Storage::open(std::sync::Arc::new(target.clone()), small_options(), &loader).unwrap();
        let table = storage.table_id("db", "events").unwrap();
        storage.attach(table, &folder("1_3_3_0"))
    };
    let keys = |sort_by: Vec<usize>, partition_by| {
        std::sync::Arc::new(ColumnKeys {
            sort_by,
            partition_by,
        })
    };
    assert!(with(events()).is_ok());
    let mut def = events();
    def.columns[4].ty = engine_types::DataType::Int64;
    let error = with(def).unwrap_err().to_string();
    assert!(error.contains("column `properties` is of type String"), "{error}");
    let mut def = events();
    def.keys = keys(vec![0, 2], Some((2, 200)));
    let error = with(def).unwrap_err().to_string();
    assert!(error.contains("several partitions"), "{error}");
    let mut def = events();
    def.keys = keys(vec![0, 3], Some((2, 1000)));
    def.sorting_key_types = vec![def.columns[0].ty.clone(), def.columns[3].ty.clone()];
    let error = with(def).unwrap_err().to_string();
    assert!(error.contains("primary index"), "{error}");
    let mut def = events();
    def.lookup_columns = vec![1];
    let error = with(def).unwrap_err().to_string();
    assert!(error.contains("look-up index"), "{error}");
    let mut def = events();
    def.columns.remove(2);
    def.lookup_columns = Vec::new();
    def.columns[2].name = "at".to_owned();
    let error = with(def).unwrap_err().to_string();
    assert!(error.contains("does not fit"), "{error}");
}

#[test]
fn a_table_that_keeps_one_row_of_a_key_takes_no_part_with_two() {
    let (directory, storage) = {
        let directory = SimulatedDirectory::new();
        (directory.clone(), open_simulated(&directory).unwrap())
    };
    let plain = TableDef {
        name: "plain".to_owned(),
        merge_rule: engine_storage::MergeRule::Plain,
        ..mapping()
    };
    let source = storage.create_table(plain).unwrap();
    let target = storage.create_table(mapping()).unwrap();
    for rows in [vec![("a", 0), ("a", 1)], vec![("b", 0), ("c", 1)]] {
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(id, version)| mapping_row(id, version, 0, 0))
            .collect();
        storage.append(vec![(source, block(&mapping(), &rows))]).unwrap();
        storage.flush_all().unwrap();
    }
    for part in storage.snapshot(source).unwrap().parts() {
        let to = format!("data/db/mapping/detached/{}", part.name());
        copy_folder(&directory, part.folder(), &directory, &to);
    }
    let error = storage
        .attach(target, &folder("all_1_1_0"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("several rows of one key"), "{error}");
    assert_eq!(storage.attach(target, &folder("all_2_2_0")).unwrap().len(), 1);
    // The rules differ, so nothing is shared either.
    assert!(matches!(
        storage.clone_parts(source, target, &PartSelection::All, CloneMode::Add),
        Err(StorageError::OtherStructure { .. })
    ));
}

#[test]
fn partitions_are_shared_replaced_and_moved_between_tables() {
    let (_, storage, table) = with_events(0..60);
    let copy = storage.create_table(copy_table()).unwrap();
    storage
        .clone_parts(table, copy, &partition("0"), CloneMode::Add)
        .unwrap();
    storage
        .clone_parts(table, copy, &partition("0"), CloneMode::Add)
        .unwrap();
    assert_eq!(names(&storage, copy), ["0_1_1_0", "0_2_2_0"]);
    storage
        .clone_parts(table, copy, &partition("0"), CloneMode::Replace)
        .unwrap();
    assert_eq!(stored(&storage, copy), of_partition(0..60, 0));
    storage
        .clone_parts(table, copy, &partition("1"), CloneMode::Move)
        .unwrap();
    assert_eq!(names(&storage, table), ["0_1_1_0", "2_1_1_0"]);
    let mut both = of_partition(0..60, 0);
    both.extend(of_partition(0..60, 1));
    assert_eq!(stored(&storage, copy), sorted(both.clone()));
    // What is shared outlives either of its tables.
    storage.drop_table(table).unwrap();
    assert_eq!(stored(&storage, copy), sorted(both));
    for part in storage.snapshot(copy).unwrap().parts() {
        part.check().unwrap();
    }
}

#[test]
fn a_frozen_copy_stays_as_it_was() {
    let (directory, storage, table) = with_events(0..60);
    let before = storage.snapshot(table).unwrap();
    let folders: Vec<String> = before.parts().iter().map(|p| p.folder().to_owned()).collect();
    drop(before);
    assert_eq!(
        storage
            .freeze(table, &PartSelection::All, Some("week 1"))
            .unwrap(),
        "week 1"
    );
    assert!(matches!(
        storage.freeze(table, &partition("0"), Some("week 1")),
        Err(StorageError::FrozenExists { .. })
    ));
    assert_eq!(storage.freeze(table, &partition("0"), None).unwrap(), "1");
    assert_eq!(storage.freeze(table, &partition("1"), None).unwrap(), "2");
    storage.truncate_table(table).unwrap();
    let (target, fresh, fresh_table) = with_events(0..0);
    for folder in &folders {
        let name = folder.rsplit_once('/').unwrap().1;
        copy_folder(
            &directory,
            &format!("shadow/week%201/{folder}"),
            &target,
            &format!("data/db/events/detached/{name}"),
        );
    }
    fresh.attach(fresh_table, &DetachedSelection::All).unwrap();
    assert_eq!(stored(&fresh, fresh_table), sorted(event_rows(0..60)));
    assert_eq!(storage.unfreeze(table, &partition("2"), "week 1").unwrap(), 1);
    assert_eq!(storage.unfreeze(table, &PartSelection::All, "week 1").unwrap(), 2);
    assert_eq!(storage.unfreeze(table, &PartSelection::All, "none").unwrap(), 0);
}

const STEPS: usize = 9;

fn step(storage: &Storage, number: usize) -> engine_storage::Result<()> {
    let table = storage.table_id("db", "events")?;
    let copy = storage.table_id("db", "copy")?;
    match number {
        0 => storage.detach_parts(table, &partition("1")),
        1 => storage.attach(table, &detached("1")).map(|_| ()),
        2 => storage.clone_parts(table, copy, &partition("0"), CloneMode::Add),
        3 => storage.clone_parts(table, copy, &partition("1"), CloneMode::Move),
        4 => storage.clone_parts(table, copy, &partition("0"), CloneMode::Replace),
        5 => storage.freeze(table, &PartSelection::All, Some("f")).map(|_| ()),
        6 => storage.unfreeze(table, &partition("0"), "f").map(|_| ()),
        7 => storage.optimize(copy, true),
        _ => storage.drop_parts(table, &partition("2")),
    }
}

type Tables = (Vec<Row>, Vec<Row>);

fn state(storage: &Storage) -> Tables {
    let [table, copy] = ["events", "copy"].map(|name| stored(storage, storage.table_id("db", name).unwrap()));
    (table, copy)
}

fn prepared() -> SimulatedDirectory {
    let (directory, storage, _) = with_events(0..40);
    storage.create_table(copy_table()).unwrap();
    drop(storage);
    directory.after_crash(CrashMode::Keep)
}

/// Runs the steps until one fails; answers how many were done.
fn run(directory: &SimulatedDirectory, mut after: impl FnMut(&Storage)) -> usize {
    let Ok(storage) = open_simulated(directory) else {
        return 0;
    };
    for number in 0..STEPS {
        if step(&storage, number).is_err() {
            return number;
        }
        after(&storage);
    }
    STEPS
}

/// Each step is done or not, whatever fails: and what was not dropped is in a table or can be attached.
fn check(directory: &SimulatedDirectory, done: usize, states: &[Tables], context: &str) {
    let storage = open_simulated(directory).unwrap_or_else(|e| panic!("{context}: {e}"));
    let found = state(&storage);
    let next = states.get(done + 1).unwrap_or(&states[done]);
    assert!(
        found == states[done] || found == *next,
        "{context}: after {done} steps, {} and {} rows",
        found.0.len(),
        found.1.len()
    );
    let table = storage.table_id("db", "events").unwrap();
    for part in storage.detached_parts(table).unwrap() {
        let _ = storage.attach(table, &folder(&part.folder_name));
    }
    let (mut rows, copy) = state(&storage);
    rows.extend(copy);
    let kept = if done + 1 < STEPS { 0..3 } else { 0..2 };
    for row in kept.flat_map(|id| of_partition(0..40, id)) {
        assert!(rows.contains(&row), "{context}: a row is lost after {done} steps");
    }
}

#[test]
fn e_crash_partition_verbs_are_done_or_not_after_a_crash_at_any_operation() {
    let whole = prepared();
    let opened = {
        let probe = prepared();
        drop(open_simulated(&probe).unwrap());
        probe.operations()
    };
    let mut states = vec![state(&open_simulated(&prepared()).unwrap())];
    assert_eq!(run(&whole, |storage| states.push(state(storage))), STEPS);
    let operations = whole.operations();
    assert!(operations > opened + 80, "{operations} operations");
    for at in opened..operations {
        let directory = prepared();
        directory.fail_at(at, true);
        let done = run(&directory, |_| {});
        for mode in [CrashMode::Lose, CrashMode::Keep, CrashMode::Mixed(at)] {
            let context = format!("operation {at}, {mode:?}");
            check(&directory.after_crash(mode), done, &states, &context);
        }
        // An error without a crash leaves as much.
        let directory = prepared();
        directory.fail_at(at, false);
        let done = run(&directory, |_| {});
        check(&directory, done, &states, &format!("operation {at} fails"));
    }
}
