//! Single-row inserts at a fixed rate, each durable when it returns: how many parts they leave, and how long they take.
//!
//! `cargo run --release -p engine --example single_rows -- FOLDER [SECONDS] [INSERTS A SECOND] [CLIENTS]`

use std::time::{Duration, Instant};

use engine::{Column, Engine, EngineConfig, QueryOptions, TableInsert};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("a folder");
    let mut number = |default: u64| args.next().map_or(default, |a| a.parse().expect("a number"));
    let (seconds, rate, clients) = (number(60), number(10_000), number(64));
    let engine = Engine::open(&folder, EngineConfig::default()).expect("the engine opens");
    let options = QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time"));
    let query = |sql: &str| engine.query(sql, &options).expect("the query").to_tab_separated();
    query(
        "CREATE OR REPLACE TABLE t (client UInt64, n UInt64, text String) ENGINE = MergeTree ORDER BY (client, n)",
    );
    let start = Instant::now();
    let (inserted, longest, parts_max) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|client| {
                let engine = &engine;
                scope.spawn(move || {
                    let (mut n, mut longest) = (0u64, Duration::ZERO);
                    while start.elapsed() < Duration::from_secs(seconds) {
                        let due = Duration::from_secs_f64((n * clients + client) as f64 / rate as f64);
                        if let Some(early) = due.checked_sub(start.elapsed()) {
                            std::thread::sleep(early);
                        }
                        let columns = vec![
                            ("client".to_owned(), Column::UInt64(vec![client].into())),
                            ("n".to_owned(), Column::UInt64(vec![n].into())),
                        ];
                        let before = Instant::now();
                        let insert = TableInsert::new("t", columns);
                        engine.insert(vec![insert], None).expect("the insert");
                        longest = longest.max(before.elapsed());
                        n += 1;
                    }
                    (n, longest)
                })
            })
            .collect();
        let mut parts_max = 0;
        while start.elapsed() < Duration::from_secs(seconds) {
            let parts = query("SELECT count() FROM system.parts WHERE active");
            parts_max = parts_max.max(parts.trim().parse::<u64>().expect("a count"));
            std::thread::sleep(Duration::from_millis(100));
        }
        let done = workers.into_iter().map(|w| w.join().expect("a client"));
        let (inserted, longest) = done.fold((0, Duration::ZERO), |(n, longest), (more, l)| {
            (n + more, longest.max(l))
        });
        (inserted, longest, parts_max)
    });
    let took = start.elapsed().as_secs_f64();
    let counted = query("SELECT count() FROM t");
    let parts = query("SELECT count() FROM system.parts WHERE active");
    println!(
        "{inserted} inserts in {took:.1} s ({:.0}/s), longest {:.1} ms, counted {}, parts {} (at most {parts_max})",
        inserted as f64 / took,
        longest.as_secs_f64() * 1000.0,
        counted.trim(),
        parts.trim(),
    );
}
