//! Merges that take one column after the other write the same bytes as those of whole rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use proptest::prelude::*;

use super::options;
use crate::{Engine, EngineConfig};

/// Columns and clauses of tables of the family, and whether their rows are kept or picked, not computed.
const TABLES: [(&str, &str, bool); 10] = [
    ("MergeTree", "", true),
    (
        "MergeTree",
        "INDEX i n TYPE minmax GRANULARITY 2, INDEX w word TYPE bloom_filter(0.1)",
        true,
    ),
    ("MergeTree", "INDEX j j TYPE tokenbf_v1(64, 2, 0)", true),
    (
        "MergeTree",
        "PROJECTION p (SELECT k, n, word ORDER BY n), PROJECTION g (SELECT word, count() GROUP BY word)",
        true,
    ),
    ("ReplacingMergeTree(v)", "", true),
    ("ReplacingMergeTree(v, gone)", "", true),
    ("CollapsingMergeTree(sign)", "", true),
    ("VersionedCollapsingMergeTree(sign, v)", "", true),
    ("SummingMergeTree(n)", "", false),
    ("MergeTree TTL", "", false),
];

fn create(table: usize, vertical: bool) -> String {
    let (engine, more, _) = TABLES[table];
    let (engine, ttl) = match engine.strip_suffix(" TTL") {
        Some(engine) => (engine, " TTL at + INTERVAL 1 DAY"),
        None => (engine, ""),
    };
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(", {more}")
    };
    format!(
        "CREATE TABLE t (k UInt64, v UInt32, sign Int8, gone UInt8, n Int64, word LowCardinality(String), id UUID, \
         tags Array(String), maybe Nullable(Float64), repeated String, j String COMMENT 'json', at DateTime{more}) \
         ENGINE = {engine} ORDER BY k{ttl} SETTINGS min_bytes_for_wide_part = 0, \
         enable_vertical_merge_algorithm = {}, vertical_merge_algorithm_min_rows_to_activate = 0, \
         vertical_merge_algorithm_min_columns_to_activate = 1",
        u8::from(vertical)
    )
}

fn insert(seed: u64, rows: u64) -> String {
    format!(
        "INSERT INTO t SELECT h % 40, h % 5, if(h % 3 = 0, -1, 1), h % 11 = 0, toInt64(h % 1000), \
         concat('w', toString(h % 7)), toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(h % 100000), 12, '0'))), \
         if(h % 2 = 0, ['a', toString(h % 9)], []), if(h % 4 = 0, NULL, h % 100 / 4), toString(h % 3), \
         multiIf(h % 13 = 0, 'no json', h % 6 = 0, concat('{{\"a\":', toString(h % 8), '}}'), \
                 concat('{{\"a\": \"', toString(h % 30), '\", \"b\":[', toString(h % 4), '], \"c{}\":null}}')), \
         toDateTime('2021-11-05 00:00:00') + h % 86400 \
         FROM (SELECT cityHash64(number, {seed}) AS h FROM numbers({rows}))",
        seed % 3
    )
}

/// What lies in the folders of the parts.
fn parts(directory: &SimulatedDirectory) -> BTreeMap<String, Vec<u8>> {
    let files = directory.files().into_iter();
    files
        .filter(|file| file.starts_with("data/"))
        .map(|file| {
            let bytes = directory.contents(&file).unwrap();
            (file, bytes)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn e_merge_column_by_column_is_byte_by_byte_what_whole_rows_are(
        table in 0..TABLES.len(),
        inserts in prop::collection::vec((any::<u64>(), 1u64..60), 2..6),
        deletes in prop::option::of(0u64..40),
        granule_rows in 2usize..9,
        keys_max in 0usize..4,
    ) {
        let run = |vertical: bool| {
            let directory = SimulatedDirectory::new();
            let config = EngineConfig {
                granule_rows: Some(granule_rows),
                json_rows_min: 1,
                json_keys_max: keys_max,
                auto_dictionaries: engine_storage::AutoDictionaries::Everywhere,
                ..super::config()
            };
            let engine = Engine::open_in(Arc::new(directory.clone()), config).unwrap();
            let run = |sql: &str| engine.query(sql, &options()).unwrap_or_else(|e| panic!("{sql}: {e}"));
            run(&create(table, vertical));
            for (at, (seed, rows)) in inserts.iter().enumerate() {
                run(&insert(*seed, *rows));
                engine.flush().unwrap();
                if let Some(key) = deletes.filter(|_| at == 0) {
                    run(&format!("DELETE FROM t WHERE k % 7 = {}", key % 7));
                }
            }
            run("OPTIMIZE TABLE t FINAL");
            let rows = run("SELECT * FROM t ORDER BY ALL").to_tab_separated();
            run("CHECK TABLE t");
            let vertical_merges = engine.storage.vertical_merges();
            drop(engine);
            (parts(&directory), rows, vertical_merges)
        };
        let (vertical, rows, merges) = run(true);
        let (horizontal, same_rows, none) = run(false);
        prop_assert_eq!(none, 0);
        // What is left may be nothing, or one part already.
        prop_assert!(!TABLES[table].2 || merges > 0 || rows.is_empty(), "{}", TABLES[table].0);
        prop_assert_eq!(rows, same_rows);
        prop_assert_eq!(vertical.keys().collect::<Vec<_>>(), horizontal.keys().collect::<Vec<_>>());
        let differing: Vec<&String> = vertical.keys().filter(|file| vertical[*file] != horizontal[*file]).collect();
        prop_assert!(differing.is_empty(), "{differing:?} of {:?}", TABLES[table]);
    }
}
