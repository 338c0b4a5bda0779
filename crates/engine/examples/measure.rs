//! Times statements of a file on a data folder: `measure FOLDER FILE [ROUNDS] [NAME]`.
//!
//! The folder is one that the server wrote (`DATA/store`) and nothing else has open; the file has statements, each behind
//! a line `-- name`. A statement named `show …` is run once and its rows are printed. For the others it prints the median
//! and the least time of the rounds, the time on processors (from `/proc`), how many rows came back, and a digest of them
//! by which two runs can be compared.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use chrono::DateTime;
use engine::{Engine, EngineConfig, QueryOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, file, rest @ ..] = args.as_slice() else {
        return Err("measure FOLDER FILE [ROUNDS] [NAME]".into());
    };
    let rounds: usize = rest.first().map_or(Ok(5), |n| n.parse())?;
    let engine = Engine::open(
        folder,
        EngineConfig {
            background: false,
            ..EngineConfig::default()
        },
    )?;
    let text = std::fs::read_to_string(file)?;
    let options = QueryOptions::new(DateTime::UNIX_EPOCH);
    for (name, sql) in statements(&text) {
        if rest.get(1).is_some_and(|only| *only != name) {
            continue;
        }
        if let Some(what) = name.strip_prefix("show ") {
            println!("{what}");
            for row in engine.query(&sql, &options)?.text_rows() {
                let cells: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
                println!("    {}", cells.join("  "));
            }
            continue;
        }
        let (mut times, mut processor) = (Vec::new(), 0.0);
        let mut answer = Vec::new();
        // The first round, which fills the caches, is not counted.
        for round in 0..=rounds {
            let (start, before) = (Instant::now(), processor_ms()?);
            let result = engine.query(&sql, &options)?;
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
                processor += processor_ms()? - before;
            }
            answer = result.text_rows();
        }
        times.sort_by(f64::total_cmp);
        answer.sort();
        let mut digest = DefaultHasher::new();
        answer.hash(&mut digest);
        println!(
            "{name:28} {:9.1} ms median {:9.1} ms least {:9.1} ms of processors {:7} rows {:016x}",
            times[times.len() / 2],
            times[0],
            processor / rounds as f64,
            answer.len(),
            digest.finish()
        );
    }
    Ok(())
}

/// Time that all threads so far have had on a processor, which other processes disturb less than the time of day.
fn processor_ms() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no process name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Ok(f64::from(ticks.sum::<Result<u32, _>>()?) * 10.0)
}

/// Names and texts of the statements.
fn statements(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("-- ") {
            all.push((name.trim().to_owned(), String::new()));
        } else if let Some((_, sql)) = all.last_mut() {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    all
}
