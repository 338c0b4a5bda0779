//! Damaged files: reported with file and place, never returned as rows, never a panic.

use std::sync::Arc;

use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_storage::{ColumnCodec, Directory, KeyCondition, Storage, StorageError, StorageOptions, WideFrom};
use proptest::prelude::*;

use crate::support::*;

/// Two parts and something in the log.
fn sample() -> SimulatedDirectory {
    sample_of(None, ALWAYS_WIDE)
}

fn sample_of(codec: Option<ColumnCodec>, wide_from: WideFrom) -> SimulatedDirectory {
    let directory = SimulatedDirectory::new();
    let options = StorageOptions {
        forced_codec: codec,
        forced_wide_from: Some(wide_from),
        ..small_options()
    };
    let opened = Storage::open(Arc::new(directory.clone()), options, &|d: &[u8]| load(d, 4));
    let storage = opened.unwrap();
    let table = storage.create_table(events()).unwrap();
    for n in 0..2 {
        storage
            .append(vec![(table, block(&events(), &event_rows(n * 20..n * 20 + 20)))])
            .unwrap();
        storage.flush_all().unwrap();
    }
    for n in 40..50 {
        storage
            .append(vec![(table, block(&events(), &[event_row(n)]))])
            .unwrap();
    }
    directory
}

/// Everything there is to read, or the first error.
fn read_everything(directory: &SimulatedDirectory) -> engine_storage::Result<Vec<Row>> {
    let storage = open_simulated(directory)?;
    let table = storage.table_id("db", "events")?;
    let snapshot = storage.snapshot(table)?;
    let mut rows = Vec::new();
    for morsel in snapshot.morsels(&KeyCondition::all(), 10) {
        rows.extend(rows_of(&snapshot.read(&morsel, &all_columns(&snapshot))?));
    }
    rows.sort();
    let keys = block(&events(), &event_rows(0..1)).into_columns();
    storage.contains(table, &keys[..2])?;
    Ok(rows)
}

fn with_file(directory: &SimulatedDirectory, path: &str, bytes: &[u8]) -> SimulatedDirectory {
    let copy = directory.after_crash(engine_storage::directory::CrashMode::Keep);
    copy.put(path, bytes).unwrap();
    copy
}

#[test]
fn e_flip_any_flipped_byte_of_a_part_is_reported() {
    every_byte_flipped(&sample(), 16);
}

#[test]
fn e_flip_any_flipped_byte_of_a_compact_part_is_reported() {
    every_byte_flipped(&sample_of(None, NEVER_WIDE), 2);
}

#[test]
fn e_flip_any_flipped_byte_of_a_part_of_chosen_codecs_is_reported() {
    every_byte_flipped(&sample_of(Some(ColumnCodec::Auto), ALWAYS_WIDE), 16);
}

fn every_byte_flipped(directory: &SimulatedDirectory, files_at_least: usize) {
    assert_eq!(
        read_everything(&directory.after_crash(engine_storage::directory::CrashMode::Keep))
            .unwrap()
            .len(),
        50
    );
    let files: Vec<String> = directory
        .files()
        .into_iter()
        .filter(|f| f.starts_with("data/"))
        .collect();
    // One part is enough; the other makes the same kinds of files.
    let part = files[0].rsplit_once('/').unwrap().0.to_owned();
    let files: Vec<&String> = files.iter().filter(|f| f.starts_with(&part)).collect();
    assert!(files.len() >= files_at_least, "{files:?}");
    for file in files {
        let bytes = directory.contents(file).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let copy = with_file(directory, file, &damaged);
            let error = match read_everything(&copy) {
                Err(error) => error,
                // The part could not be opened: it was set aside, and only the other part and the log are left.
                Ok(rows) => {
                    assert_eq!(
                        rows.len(),
                        rows_without(directory, file),
                        "byte {at} of {file} was flipped"
                    );
                    let aside = part.replacen("/events/", "/events/detached/broken_", 1);
                    assert_eq!(
                        copy.contents(&format!("{aside}/{}", name(file))).unwrap(),
                        damaged
                    );
                    continue;
                }
            };
            let text = error.to_string();
            assert!(
                matches!(error, StorageError::DamagedPart { .. }),
                "byte {at} of {file}: {text}"
            );
            assert!(
                text.contains("`db`.`events`") && text.contains("offset"),
                "{text}"
            );
        }
    }
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').unwrap().1
}

/// Rows that are left of the 50 without the part that this file belongs to.
fn rows_without(directory: &SimulatedDirectory, file: &str) -> usize {
    let (folder, _) = file.rsplit_once('/').unwrap();
    let storage = open_simulated(&directory.after_crash(CrashMode::Keep)).unwrap();
    let snapshot = storage
        .snapshot(storage.table_id("db", "events").unwrap())
        .unwrap();
    let part = snapshot.parts().iter().find(|p| p.folder() == folder);
    50 - part.unwrap().rows() as usize
}

fn read_rows(storage: &Storage) -> engine_storage::Result<Vec<Row>> {
    let snapshot = storage.snapshot(storage.table_id("db", "events")?)?;
    let mut rows = Vec::new();
    for morsel in snapshot.morsels(&KeyCondition::all(), 10) {
        rows.extend(rows_of(&snapshot.read(&morsel, &all_columns(&snapshot))?));
    }
    Ok(rows)
}

/// What readers find damaged is set aside by the next maintenance; the rest is answered, also after a restart.
#[test]
fn a_part_found_damaged_while_reading_is_set_aside() {
    let directory = sample();
    let file = directory
        .files()
        .into_iter()
        .find(|f| f.ends_with("/properties.bin"))
        .unwrap();
    let left = rows_without(&directory, &file);
    let mut bytes = directory.contents(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    directory.put(&file, &bytes).unwrap();
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(storage.set_aside_damaged().unwrap(), 0, "nobody has read it");
    assert!(matches!(
        read_rows(&storage),
        Err(StorageError::DamagedPart { .. })
    ));
    assert_eq!(storage.maintain(0).unwrap().parts_set_aside, 1);
    assert_eq!(read_rows(&storage).unwrap().len(), left);
    assert_eq!(storage.maintain(0).unwrap().parts_set_aside, 0);
    drop(storage);
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(read_rows(&storage).unwrap().len(), left);
    let aside = directory.files().into_iter().filter(|f| f.contains("/detached/"));
    assert!(aside.count() > 15);
}

#[test]
fn a_missing_file_sets_the_part_aside() {
    let directory = sample();
    let file = directory
        .files()
        .into_iter()
        .find(|f| f.ends_with("/primary.idx"))
        .unwrap();
    let left = rows_without(&directory, &file);
    directory.remove_file(&file).unwrap();
    let storage = open_simulated(&directory).unwrap();
    assert_eq!(read_rows(&storage).unwrap().len(), left);
}

#[test]
fn a_torn_log_tail_is_cut() {
    let directory = sample();
    let all = read_everything(&directory.after_crash(engine_storage::directory::CrashMode::Keep)).unwrap();
    let last = directory
        .files()
        .into_iter()
        .rfind(|f| f.ends_with(".wal"))
        .unwrap();
    let bytes = directory.contents(&last).unwrap();
    for cut in 1..bytes.len() {
        let copy = with_file(&directory, &last, &bytes[..bytes.len() - cut]);
        let rows = read_everything(&copy).unwrap_or_else(|e| panic!("{cut} bytes cut: {e}"));
        assert!(rows.len() < all.len() && rows.len() >= 40);
        assert!(rows.iter().all(|r| all.contains(r)));
    }
}

#[test]
fn a_damaged_record_before_good_ones_stops_the_start() {
    let directory = sample();
    let logs: Vec<String> = directory
        .files()
        .into_iter()
        .filter(|f| f.ends_with(".wal") || f == "manifest.log")
        .collect();
    assert!(logs.len() > 2, "{logs:?}");
    for log in logs {
        let mut bytes = directory.contents(&log).unwrap();
        // In the payload of the first record.
        bytes[16 + 24 + 4] ^= 0x10;
        let error = read_everything(&with_file(&directory, &log, &bytes)).map(|r| r.len());
        let is_last_record =
            directory.files().into_iter().rfind(|f| f.ends_with(".wal")) == Some(log.clone());
        match error {
            Err(StorageError::DamagedLog { file, offset, .. }) => {
                assert_eq!(file, log);
                assert_eq!(offset, 16);
            }
            // One record alone at the very end is a torn tail.
            Ok(rows) => assert!(is_last_record && rows >= 40, "{log}"),
            Err(other) => panic!("{log}: {other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Mutated files of every kind: an error or rows, never a panic.
    #[test]
    fn mutated_files_never_panic(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..40),
        compact in any::<bool>(),
    ) {
        let directory = sample_of(None, if compact { NEVER_WIDE } else { ALWAYS_WIDE });
        let files = directory.files();
        let file = pick.get(&files);
        let mut bytes = directory.contents(file).unwrap();
        for (at, value) in edits {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        bytes.extend(tail);
        let _ = read_everything(&with_file(&directory, file, &bytes));
    }

    #[test]
    fn random_logs_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), wal in any::<bool>()) {
        let directory = sample();
        let file = if wal {
            directory.files().into_iter().rfind(|f| f.ends_with(".wal")).unwrap()
        } else {
            "manifest.log".to_owned()
        };
        let _ = read_everything(&with_file(&directory, &file, &bytes));
    }
}

#[test]
fn check_reads_every_file() {
    let directory = sample();
    let storage: Storage = open_simulated(&directory).unwrap();
    let table = storage.table_id("db", "events").unwrap();
    let parts = storage.snapshot(table).unwrap().parts().to_vec();
    assert!(parts.iter().all(|p| p.check().is_ok()));
}
