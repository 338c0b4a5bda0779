//! Golden files: a storage written by each format version is committed, and every build must read the same rows.
//! `GRANARY_BLESS=1 cargo test -p engine-storage golden` writes the present version anew; older ones stay as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_storage::{ColumnCodec, KeyCondition, LocalDirectory, Storage, StorageOptions};

use crate::append::mapping_row;
use crate::support::*;

/// The version that this build writes, in the layout that small parts have.
const PRESENT: &str = "v2_compact";

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(version)
}

/// A part of each kind, a merged one, and rows in the log.
fn write(folder: &Path) {
    let directory = LocalDirectory::new(folder).unwrap().without_sync();
    let options = StorageOptions {
        forced_codec: Some(ColumnCodec::Auto),
        forced_wide_from: Some(NEVER_WIDE),
        ..StorageOptions::default()
    };
    let opened = Storage::open(Arc::new(directory), options, &|d: &[u8]| load(d, 4));
    let storage = opened.unwrap();
    let events_table = storage.create_table(events()).unwrap();
    let mapping_table = storage.create_table(mapping()).unwrap();
    for n in 0..2u64 {
        let writes = vec![
            (events_table, block(&events(), &event_rows(n * 10..n * 10 + 10))),
            (
                mapping_table,
                block(
                    &mapping(),
                    &[mapping_row("a", n, 0, n), mapping_row(&n.to_string(), 1, n, n)],
                ),
            ),
        ];
        storage
            .append_with_token(Some(&format!("token {n}")), writes)
            .unwrap();
        storage.flush_all().unwrap();
    }
    storage.optimize(mapping_table, false).unwrap();
    storage
        .append_with_token(
            Some("token 2"),
            vec![(events_table, block(&events(), &event_rows(20..23)))],
        )
        .unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn e_compat_golden_v1_reads_the_same_rows() {
    reads_the_same_rows("v1");
}

#[test]
fn e_compat_golden_v2_reads_the_same_rows() {
    reads_the_same_rows("v2");
}

#[test]
fn e_compat_golden_v2_compact_reads_the_same_rows() {
    if std::env::var_os("GRANARY_BLESS").is_some() {
        let _ = std::fs::remove_dir_all(golden(PRESENT));
        write(&golden(PRESENT));
    }
    reads_the_same_rows(PRESENT);
}

fn reads_the_same_rows(version: &str) {
    // Opening tidies and takes a lock: work on a copy.
    let folder = tempfile::tempdir().unwrap();
    copy(&golden(version), folder.path());
    let storage = open_local(folder.path(), 4);
    let events_table = storage.table_id("db", "events").unwrap();
    let mapping_table = storage.table_id("db", "mapping").unwrap();
    assert_eq!(stored(&storage, events_table), sorted(event_rows(0..23)));
    assert_eq!(storage.memtable_size(events_table).unwrap().0, 3);
    assert_eq!(
        final_rows(&storage, mapping_table, &KeyCondition::all()),
        [mapping_row("0", 1, 0, 0), mapping_row("a", 1, 0, 1)]
    );
    assert_eq!(stored(&storage, mapping_table).len(), 3);
    for part in storage.snapshot(events_table).unwrap().parts() {
        part.check().unwrap();
    }
    let columns = block(&events(), &event_rows(19..24)).into_columns();
    let found = storage.contains(events_table, &columns[..2]).unwrap();
    assert_eq!(found, [true, true, true, true, false]);
    let again = storage.append_with_token(Some("token 0"), vec![(mapping_table, block(&mapping(), &[]))]);
    assert!(again.unwrap().deduplicated);
}
