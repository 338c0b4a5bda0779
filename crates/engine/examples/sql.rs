//! Runs the statements on standard input, separated by `;` at line ends, on an empty engine, and prints the answers.

use std::io::Read as _;
use std::time::Instant;

use engine::{Engine, EngineConfig, QueryOptions};

fn main() {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .expect("standard input is text");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::open(folder.path(), EngineConfig::default()).expect("the engine opens");
    let options = QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time"));
    let timed = std::env::args().any(|arg| arg == "--time");
    for sql in text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        let start = Instant::now();
        match engine.query(sql, &options) {
            Ok(result) => print!("{}", result.to_tab_separated()),
            Err(error) => println!(
                "ERR {} {error} <- {}",
                error.code(),
                sql.chars().take(100).collect::<String>()
            ),
        }
        if timed {
            eprintln!("{:?}", start.elapsed());
        }
    }
}
