//! Sizes and times of JSON kept as text and taken apart, on the events of a file: `json_columns FILE ROWS FOLDER`.

use std::io::{BufRead, BufReader};
use std::time::Instant;

use engine::{Engine, EngineConfig, QueryOptions, TableInsert};
use engine_types::{Column, DataType, Value};

fn member<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(name).expect("the member") + name.len();
    let rest = &line[start..];
    &rest[..rest.find('"').expect("its end")]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (file, rows, folder) = (&args[1], args[2].parse::<usize>().expect("rows"), &args[3]);
    let config = EngineConfig {
        max_threads: 1,
        background: false,
        fsync: false,
        ..EngineConfig::default()
    };
    let fresh = !std::path::Path::new(folder).exists();
    let engine = Engine::open(folder, config).expect("the engine");
    let options = QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time"));
    let tables = [("plain", ""), ("shredded", "COMMENT 'json'")];
    if fresh {
        for (name, comment) in tables {
            let sql = format!(
                "CREATE TABLE {name} (uuid UUID, event String, properties String {comment} CODEC(ZSTD(3)), \
                 timestamp DateTime64(6, 'UTC'), team_id Int64, distinct_id String) ENGINE = MergeTree \
                 PARTITION BY toYYYYMM(timestamp) \
                 ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))"
            );
            engine.execute(&sql, &options).expect("the table");
            let start = Instant::now();
            let reader = BufReader::with_capacity(1 << 20, std::fs::File::open(file).expect("the file"));
            let mut columns: [Vec<String>; 5] = Default::default();
            let flush = |columns: &mut [Vec<String>; 5]| {
                let n = columns[0].len();
                let strings = |list: &[String]| Column::strings(list.iter().map(String::as_bytes));
                let uuids: Vec<Value> = columns[0]
                    .iter()
                    .map(|u| Value::Uuid(u128::from_str_radix(&u.replace('-', ""), 16).expect("a uuid")))
                    .collect();
                let times: Vec<Value> = columns[3]
                    .iter()
                    .map(|t| {
                        let at: chrono::DateTime<chrono::Utc> = t.parse().expect("a time");
                        Value::Int(at.timestamp_micros())
                    })
                    .collect();
                let insert = TableInsert::new(
                    name,
                    vec![
                        ("uuid".to_owned(), Column::from_values(&DataType::Uuid, &uuids)),
                        ("event".to_owned(), strings(&columns[1])),
                        ("properties".to_owned(), strings(&columns[2])),
                        (
                            "timestamp".to_owned(),
                            Column::from_values(&DataType::DateTime64(6, None), &times),
                        ),
                        (
                            "team_id".to_owned(),
                            Column::from_values(&DataType::Int64, &vec![Value::Int(1); n]),
                        ),
                        ("distinct_id".to_owned(), strings(&columns[4])),
                    ],
                );
                engine.insert(vec![insert], None).expect("an insert");
                for c in columns.iter_mut() {
                    c.clear();
                }
            };
            let mut maintained = std::time::Duration::ZERO;
            for line in reader.lines().take(rows) {
                let line = line.expect("a line");
                columns[0].push(member(&line, "\"uuid\":\"").to_owned());
                columns[1].push(member(&line, "\"event\":\"").to_owned());
                let at = line.find("\"properties\":").expect("properties") + 13;
                columns[2].push(line[at..line.len() - 1].to_owned());
                columns[3].push(member(&line, "\"timestamp\":\"").to_owned());
                columns[4].push(member(&line, "\"distinct_id\":\"").to_owned());
                if columns[0].len() == 20_000 {
                    flush(&mut columns);
                    let start = Instant::now();
                    while engine.maintain().expect("maintenance") {}
                    maintained += start.elapsed();
                }
            }
            if !columns[0].is_empty() {
                flush(&mut columns);
            }
            let flushing = Instant::now();
            engine.flush().expect("a flush");
            maintained += flushing.elapsed();
            let optimizing = Instant::now();
            engine
                .execute(&format!("OPTIMIZE TABLE {name} FINAL"), &options)
                .expect("a merge");
            println!(
                "{name}: load {:?}, of it flushes and merges {maintained:?}, last merge {:?}",
                start.elapsed(),
                optimizing.elapsed()
            );
        }
    }
    for (name, _) in tables {
        let size = engine.query(&format!("SELECT sum(bytes_on_disk), sum(rows), sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE table = '{name}'"), &options).expect("sizes");
        println!("{name}: {}", size.to_tab_separated());
    }
    println!("{}", engine.query("SELECT column, sum(column_bytes_on_disk) / sum(rows) FROM system.parts_columns WHERE table = 'plain' GROUP BY column ORDER BY column", &options).expect("sizes").to_tab_separated());
    println!("{}", engine.query("SELECT column, sum(column_bytes_on_disk) / sum(rows) FROM system.parts_columns WHERE table = 'shredded' GROUP BY column ORDER BY column", &options).expect("sizes").to_tab_separated());
    println!("{}", engine.query("SELECT path, any(stored), any(types), sum(rows), max(distinct_values), sum(bytes_on_disk), any(codec) FROM system.json_columns WHERE table = 'shredded' GROUP BY path ORDER BY path", &options).expect("sizes").to_tab_separated());
    for sql in [
        "SELECT JSONExtractRaw(properties, '$browser') AS b, count() FROM {t} GROUP BY b ORDER BY b",
        "SELECT trim(BOTH '\"' FROM JSONExtractRaw(properties, '$browser')) AS b, count() FROM {t} GROUP BY b ORDER BY b",
        "SELECT count() FROM {t} WHERE JSONExtractString(properties, '$browser') = 'Chrome'",
        "SELECT count() FROM {t} WHERE JSONExtractString(properties, 'plan') IN ('free', 'pro') AND JSONExtractString(properties, '$os') = 'Windows'",
        "SELECT sum(JSONExtractFloat(properties, 'amount')) FROM {t}",
        "SELECT sum(JSONExtractInt(properties, 'cart', 'total', 'cents')) FROM {t}",
        "SELECT uniqExact(JSONExtractString(properties, '$current_url')) FROM {t}",
        "SELECT countIf(JSONHas(properties, 'no such key')) FROM {t}",
        "SELECT JSONExtractString(properties, '$referring_domain') AS b, count() FROM {t} WHERE event = '$pageview' GROUP BY b ORDER BY count() DESC, b LIMIT 20",
        "SELECT sum(length(properties)), sum(cityHash64(properties)) FROM {t}",
        "SELECT properties FROM {t} WHERE team_id = 1 ORDER BY timestamp DESC, uuid LIMIT 100",
    ] {
        let mut answers = Vec::new();
        let mut times = Vec::new();
        for (name, _) in tables {
            let mut best = f64::MAX;
            let mut answer = String::new();
            for _ in 0..3 {
                let start = Instant::now();
                answer = engine
                    .query(&sql.replace("{t}", name), &options)
                    .expect("a query")
                    .to_tab_separated();
                best = best.min(start.elapsed().as_secs_f64() * 1e3);
            }
            answers.push(answer);
            times.push(best);
        }
        println!(
            "{:9.1} {:9.1} {:6.1}x {} {sql}",
            times[0],
            times[1],
            times[0] / times[1],
            if answers[0] == answers[1] {
                "same"
            } else {
                "DIFFERENT"
            }
        );
    }
}
