//! How long a small part takes to be written and synced, as a compact and as a wide one.
//!
//! `cargo run --release -p engine --example small_parts -- FOLDER [PARTS]`

use std::time::Instant;

use engine::{Engine, EngineConfig, QueryOptions, WideFrom};

const COLUMNS: usize = 30;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("a folder");
    let parts: u64 = args.next().map_or(50, |a| a.parse().expect("a number"));
    for (name, bytes) in [("wide", 0), ("compact", u64::MAX)] {
        let config = EngineConfig {
            background: false,
            forced_wide_from: Some(WideFrom { bytes, rows: 0 }),
            ..EngineConfig::default()
        };
        let engine = Engine::open(format!("{folder}/{name}"), config).expect("the engine opens");
        let options = QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time"));
        let query = |sql: &str| engine.query(sql, &options).expect("the query").to_tab_separated();
        let columns: Vec<String> = (0..COLUMNS)
            .map(|c| format!("c{c} UInt64 DEFAULT n * {c}"))
            .collect();
        query(&format!(
            "CREATE OR REPLACE TABLE t (n UInt64, {}) ENGINE = MergeTree ORDER BY n",
            columns.join(", ")
        ));
        let mut flushing = 0.0;
        for part in 0..parts {
            query(&format!(
                "INSERT INTO t (n) SELECT number + {part} FROM numbers(100)"
            ));
            let start = Instant::now();
            engine.flush().expect("the flush");
            flushing += start.elapsed().as_secs_f64();
        }
        let shown = query(
            "SELECT any(part_type), any(files), count(), sum(bytes_on_disk) FROM system.parts WHERE active",
        );
        println!(
            "{name}: {:.2} ms a flush of 100 rows of {} columns; type, files a part, parts, bytes: {}",
            flushing * 1000.0 / parts as f64,
            COLUMNS + 1,
            shown.trim()
        );
    }
}
