//! Queries over the tables of the SQL logic tests: answers or errors, in bounded time and memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{Engine, EngineConfig, QueryOptions};
use engine_sql::ast::Statement;
use engine_sql::parse_statement;
use engine_storage::directory::SimulatedDirectory;
use tests::slt::{Expect, Record, files, parse};

use crate::harness::{Input, Target};
use crate::mutate::words;

fn options() -> QueryOptions {
    QueryOptions::new("2021-11-05T12:00:00Z".parse().expect("a time")).with_setting("max_execution_time", 2)
}

/// An engine that has run the statements, with the small blocks and granules that make many of them.
fn engine_after(records: &[Record]) -> Engine {
    let config = EngineConfig {
        memory_bytes: 64 << 20,
        query_memory_bytes: 32 << 20,
        fsync: false,
        background: false,
        // Panics are caught on the thread that asks.
        max_threads: 1,
        block_size: 3,
        granule_rows: Some(3),
        flush_every_insert: true,
        ..EngineConfig::default()
    };
    let engine = Engine::open_in(Arc::new(SimulatedDirectory::new()), config).expect("an engine in memory");
    for record in records {
        if let Record::Statement {
            sql,
            expect: Expect::Ok,
        } = record
            && !sql.starts_with("DROP")
            && !sql.starts_with("TRUNCATE")
        {
            // Some need what was dropped before them.
            let _ = engine.query(sql, &options());
        }
    }
    engine
}

/// Heads are the names of the files whose tables are there.
pub fn target() -> Target {
    let mut engines = BTreeMap::new();
    let (mut seeds, mut dictionary) = (Vec::new(), BTreeSet::new());
    for path in files().expect("the files are readable") {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("the file is readable");
        let records: Vec<Record> = parse(&text)
            .expect("the file is well-formed")
            .into_iter()
            .map(|numbered| numbered.record)
            .collect();
        for record in &records {
            if let Record::Query { sql, .. } = record {
                seeds.push(Input::new(&name, sql.as_bytes()));
                dictionary.extend(
                    words(sql.as_bytes())
                        .into_iter()
                        .map(|word| [b" ", &sql.as_bytes()[word]].concat()),
                );
            }
        }
        engines.insert(name, engine_after(&records));
    }
    Target {
        name: "queries",
        seeds,
        dictionary: dictionary.into_iter().collect(),
        bytes_max: 2000,
        inputs: 2000,
        memory_max: 256 << 20,
        check: Box::new(move |input| {
            let Some(engine) = engines.get(&input.head) else {
                return Err("the head is no file of tests/slt".to_owned());
            };
            // Nothing that changes the tables of later inputs.
            if !matches!(parse_statement(&input.body), Ok(Statement::Query(_))) {
                return Ok("no query".to_owned());
            }
            let sql = String::from_utf8_lossy(&input.body);
            Ok(match engine.query(&sql, &options()) {
                Ok(result) => format!(
                    "ok {}",
                    if result.to_tab_separated().is_empty() {
                        "empty"
                    } else {
                        "rows"
                    }
                ),
                Err(error) if error.code() == 0 => return Err(format!("an error without a number: {error}")),
                Err(error) => format!("{error}"),
            })
        }),
    }
}
