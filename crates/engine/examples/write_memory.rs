//! Live memory at its peak while events are flushed and merged: `write_memory FILE ROWS FLUSH_MIB [SETTINGS …]`.

use std::io::{BufRead, BufReader};
use std::time::Instant;

use engine::{Engine, EngineConfig, QueryOptions, TableInsert};
use engine_types::{Column, DataType, Value};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Rows of an insert.
const INSERTED: usize = 1000;

fn member<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(name).expect("the member") + name.len();
    let rest = &line[start..];
    &rest[..rest.find('"').expect("its end")]
}

fn insert(lines: &[String]) -> TableInsert {
    let strings = |name: &str| Column::strings(lines.iter().map(|line| member(line, name)));
    let uuids = lines.iter().map(|line| {
        let text = member(line, "\"uuid\":\"").replace('-', "");
        Value::Uuid(u128::from_str_radix(&text, 16).expect("a uuid"))
    });
    let times = lines.iter().map(|line| {
        let at: chrono::DateTime<chrono::Utc> = member(line, "\"timestamp\":\"").parse().expect("a time");
        Value::Int(at.timestamp_micros())
    });
    let texts = lines.iter().map(|line| {
        let at = line.find("\"properties\":").expect("properties") + 13;
        &line[at..line.len() - 1]
    });
    let values = |ty: DataType, values: Vec<Value>| Column::from_values(&ty, &values);
    TableInsert::new(
        "events",
        vec![
            ("uuid".to_owned(), values(DataType::Uuid, uuids.collect())),
            ("event".to_owned(), strings("\"event\":\"")),
            ("properties".to_owned(), Column::strings(texts)),
            (
                "timestamp".to_owned(),
                values(DataType::DateTime64(6, None), times.collect()),
            ),
            (
                "team_id".to_owned(),
                values(DataType::Int64, vec![Value::Int(1); lines.len()]),
            ),
            ("distinct_id".to_owned(), strings("\"distinct_id\":\"")),
        ],
    )
}

/// Does something and says how far live memory rose.
fn measured(what: &str, work: impl FnOnce()) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let start = Instant::now();
    work();
    let mib = |bytes: usize| bytes / (1 << 20);
    let peak = MEMORY.peak_usage();
    println!(
        "{what}: {} MiB before, peak {} MiB (+{}), {} MiB after, {:.2} s",
        mib(before),
        mib(peak),
        mib(peak.saturating_sub(before)),
        mib(MEMORY.current_usage()),
        start.elapsed().as_secs_f64()
    );
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (file, rows) = (&args[1], args[2].parse::<usize>().expect("rows"));
    let folder = tempfile::tempdir().expect("a folder");
    let config = EngineConfig {
        max_threads: 1,
        background: false,
        fsync: false,
        ..EngineConfig::default()
    };
    let flush_bytes = args[3].parse::<usize>().expect("MiB") << 20;
    let engine = Engine::open(folder.path(), config).expect("the engine");
    let options = QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time"));
    let settings = match args.get(4..) {
        Some([first, rest @ ..]) => format!(
            " SETTINGS {first}{}",
            rest.iter().map(|s| format!(", {s}")).collect::<String>()
        ),
        _ => String::new(),
    };
    let sql = format!(
        "CREATE TABLE events (uuid UUID, event LowCardinality(String), properties String COMMENT 'json' CODEC(ZSTD(3)), \
         timestamp DateTime64(6, 'UTC'), team_id Int64, distinct_id String) ENGINE = MergeTree \
         PARTITION BY toYYYYMM(timestamp) \
         ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid)){settings}"
    );
    engine.execute(&sql, &options).expect("the table");
    let reader = BufReader::with_capacity(1 << 20, std::fs::File::open(file).expect("the file"));
    let mut lines: Vec<String> = Vec::new();
    let (mut bytes, mut flushes) = (0, 0);
    for line in reader.lines().take(rows) {
        lines.push(line.expect("a line"));
        if lines.len() < INSERTED {
            continue;
        }
        bytes += lines.iter().map(String::len).sum::<usize>();
        engine.insert(vec![insert(&lines)], None).expect("an insert");
        lines.clear();
        if bytes > flush_bytes {
            bytes = 0;
            flushes += 1;
            measured(&format!("flush {flushes}"), || engine.flush().expect("a flush"));
        }
    }
    engine.flush().expect("a flush");
    let mut merges = 0;
    let mut busy = true;
    while busy {
        merges += 1;
        measured(&format!("merge {merges}"), || {
            busy = engine.maintain().expect("a merge")
        });
    }
    measured("OPTIMIZE FINAL", || {
        engine
            .execute("OPTIMIZE TABLE events FINAL", &options)
            .expect("a merge");
    });
    let sql =
        "SELECT count(), sum(rows), sum(bytes_on_disk) FROM system.parts WHERE table = 'events' AND active";
    println!(
        "{}",
        engine.query(sql, &options).expect("sizes").to_tab_separated()
    );
    let sql = "SELECT count(), sum(cityHash64(uuid, event, properties, distinct_id)) FROM events";
    println!(
        "{}",
        engine.query(sql, &options).expect("a sum").to_tab_separated()
    );
}
