//! The files of `migrations/columnar`, in order; a test compares this list with the folder.

use super::Migration;

macro_rules! embedded {
    ($name:literal) => {
        Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/columnar/", $name, ".sql")),
        }
    };
}

pub const MIGRATIONS: &[Migration] = &[
    embedded!("0001_events"),
    embedded!("0002_person"),
    embedded!("0003_person_distinct_id"),
    embedded!("0004_groups"),
    embedded!("0005_person_static_cohort"),
    embedded!("0006_cohortpeople"),
    embedded!("0007_ingest_ledger"),
    embedded!("0008_person_distinct_id2"),
    embedded!("0009_drop_person_distinct_id"),
    embedded!("0010_json_properties"),
];

/// What all of them together make, for a fresh store.
pub const FINAL_SHAPE: Migration = embedded!("final");
