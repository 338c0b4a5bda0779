//! Manifest: records survive their bytes, and a rewritten manifest means the same.

use proptest::prelude::*;

use super::*;
use crate::directory::SimulatedDirectory;

fn part(block: u64) -> (PartName, PartSummary) {
    let name = PartName::inserted("2021 11", block);
    let summary = PartSummary {
        rows: block * 10,
        bytes: 7,
        checksums_hash: u128::from(block) << 70,
    };
    (name, summary)
}

fn mutation(number: u64, partition: Option<String>) -> ManifestRecord {
    ManifestRecord::AddMutation {
        id: TableId(0),
        number,
        mutation: MutationRecord {
            created_ms: number * 1000,
            partition,
            command_hash: u128::from(number) << 90,
            is_done: false,
        },
    }
}

fn records() -> Vec<ManifestRecord> {
    let id = TableId(0);
    let create = |n: u32| ManifestRecord::CreateTable {
        id: TableId(n),
        database: "d".to_owned(),
        name: format!("t{n}"),
        folder: format!("data/d/t{n}"),
        definition: vec![1, 2, 3],
        flushed_lsn: 4,
    };
    let add = |block| {
        let (name, summary) = part(block);
        (id, name, summary)
    };
    vec![
        create(0),
        create(1),
        ManifestRecord::Edit {
            add: vec![add(1), add(2)],
            remove: vec![],
            flushed: vec![(id, 9)],
            wal_floor: 8,
            tokens: Some(vec!["a".to_owned(), "b".to_owned()]),
        },
        ManifestRecord::Edit {
            add: vec![add(3)],
            remove: vec![(id, part(1).0)],
            flushed: vec![],
            wal_floor: 0,
            tokens: None,
        },
        ManifestRecord::RenameTable {
            id,
            database: "e".to_owned(),
            name: "u".to_owned(),
        },
        ManifestRecord::ReplaceDefinition {
            id,
            definition: b"other".to_vec(),
        },
        ManifestRecord::DropTable { id: TableId(1) },
        mutation(5, None),
        mutation(7, Some("2021 11".to_owned())),
        mutation(9, None),
        ManifestRecord::EndMutation {
            id,
            number: 5,
            end: MutationEnd::Done,
        },
        ManifestRecord::EndMutation {
            id,
            number: 9,
            end: MutationEnd::Killed,
        },
        ManifestRecord::Counters { next_table: 12 },
        ManifestRecord::DroppedFolder {
            folder: "x".to_owned(),
        },
        ManifestRecord::FolderGone {
            folder: "x".to_owned(),
        },
    ]
}

fn state_of(records: &[ManifestRecord]) -> ManifestState {
    let mut state = ManifestState::default();
    for record in records {
        state.apply(record).unwrap();
    }
    state
}

#[test]
fn records_survive_their_bytes() {
    for record in records() {
        assert_eq!(ManifestRecord::decode(&record.encode()).unwrap(), record);
        let bytes = record.encode();
        for len in 0..bytes.len() {
            assert!(ManifestRecord::decode(&bytes[..len]).is_err());
        }
    }
}

#[test]
fn the_compact_form_means_the_same() {
    let state = state_of(&records());
    assert_eq!(state_of(&state.compact()), state);
    assert_eq!(state.next_table, 12);
}

#[test]
fn reopening_finds_the_state_whether_rewritten_or_not() {
    for rewrite_bytes in [0, 300, 1 << 20] {
        let directory: Arc<dyn Directory> = Arc::new(SimulatedDirectory::new());
        let mut manifest = Manifest::open(&directory, rewrite_bytes).unwrap();
        for record in records() {
            manifest.commit(&record).unwrap();
        }
        let state = manifest.state.clone();
        assert_eq!(state, state_of(&records()));
        assert_eq!(Manifest::open(&directory, rewrite_bytes).unwrap().state, state);
    }
}

#[test]
fn a_record_that_cannot_follow_is_refused_and_changes_nothing() {
    let directory: Arc<dyn Directory> = Arc::new(SimulatedDirectory::new());
    let mut manifest = Manifest::open(&directory, 1 << 20).unwrap();
    assert!(
        manifest
            .commit(&ManifestRecord::DropTable { id: TableId(3) })
            .is_err()
    );
    assert_eq!(
        Manifest::open(&directory, 1 << 20).unwrap().state,
        ManifestState::default()
    );
}

proptest! {
    #[test]
    fn random_records_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), tag in 0u8..10) {
        let _ = ManifestRecord::decode(&bytes);
        let mut tagged = vec![tag];
        tagged.extend(bytes);
        let _ = ManifestRecord::decode(&tagged);
    }
}
