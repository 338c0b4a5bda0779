//! Runs the SQL logic tests in `tests/slt` of the repository, under several settings of the engine.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Engine, EngineConfig, QueryOptions};

/// How the engine is run.
#[derive(Clone, Copy, Debug)]
struct Mode {
    granule_rows: Option<usize>,
    flush_every_insert: bool,
    reopen: bool,
    threads: usize,
    block_size: usize,
}

const DEFAULT: Mode = Mode {
    granule_rows: None,
    flush_every_insert: false,
    reopen: false,
    threads: 2,
    block_size: 8192,
};

enum Record {
    /// The error code that is expected; `Some(None)`: any.
    Statement { sql: String, error: Option<Option<u32>> },
    Query {
        sql: String,
        types: String,
        rowsort: bool,
        want: Vec<String>,
    },
}

struct Numbered {
    line: usize,
    record: Record,
}

/// Records are separated by blank lines.
fn parse(text: &str) -> Vec<Numbered> {
    let lines: Vec<&str> = text.lines().collect();
    let mut records = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.trim().is_empty() || line.starts_with('#') {
            at += 1;
            continue;
        }
        let start = at;
        while at < lines.len() && !lines[at].trim().is_empty() {
            at += 1;
        }
        let body = &lines[start + 1..at];
        let words: Vec<&str> = line.split_whitespace().collect();
        let record = match words.as_slice() {
            ["statement", "ok"] => Record::Statement {
                sql: body.join("\n"),
                error: None,
            },
            ["statement", "error", code @ ..] => Record::Statement {
                sql: body.join("\n"),
                error: Some(code.first().map(|c| c.parse().expect("an error code"))),
            },
            ["query", types, rest @ ..] => {
                let split = body
                    .iter()
                    .position(|l| *l == "----")
                    .expect("a line ---- in a query");
                Record::Query {
                    sql: body[..split].join("\n"),
                    types: (*types).to_owned(),
                    rowsort: rest.contains(&"rowsort"),
                    want: body[split + 1..].iter().map(|l| (*l).to_owned()).collect(),
                }
            }
            _ => panic!("line {}: unknown record `{line}`", start + 1),
        };
        records.push(Numbered {
            line: start + 1,
            record,
        });
    }
    records
}

fn equal(types: &str, got: &str, want: &str) -> bool {
    let (got, want): (Vec<&str>, Vec<&str>) = (got.split('\t').collect(), want.split('\t').collect());
    got.len() == want.len()
        && got
            .iter()
            .zip(&want)
            .zip(types.chars().chain(std::iter::repeat('T')))
            .all(|((got, want), ty)| {
                got == want
                    || (ty == 'R'
                        && match (got.parse::<f64>(), want.parse::<f64>()) {
                            (Ok(g), Ok(w)) => (g - w).abs() <= 1e-9 * w.abs().max(1.0),
                            _ => false,
                        })
            })
}

fn open(folder: &Path, mode: Mode) -> Engine {
    let config = EngineConfig {
        fsync: false,
        background: false,
        max_threads: mode.threads,
        block_size: mode.block_size,
        granule_rows: mode.granule_rows,
        flush_every_insert: mode.flush_every_insert,
        ..EngineConfig::default()
    };
    Engine::open(folder, config).expect("the engine opens")
}

/// What went wrong, one paragraph a record.
fn run(path: &Path, mode: Mode) -> String {
    let text = fs::read_to_string(path).expect("the file is readable");
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut engine = open(folder.path(), mode);
    let now = "2021-11-05T12:00:00Z".parse().expect("a time");
    let options = QueryOptions::new(now);
    let mut problems = String::new();
    for Numbered { line, record } in parse(&text) {
        if mode.reopen {
            drop(engine);
            engine = open(folder.path(), mode);
        }
        match record {
            Record::Statement { sql, error } => match (engine.query(&sql, &options), error) {
                (Ok(_), None) => {}
                (Ok(_), Some(_)) => {
                    let _ = writeln!(problems, "{name}:{line}: no error from\n{sql}\n");
                }
                (Err(_), Some(None)) => {}
                (Err(e), Some(Some(code))) if e.code() == code => {}
                (Err(e), _) => {
                    let _ = writeln!(problems, "{name}:{line}: error {}: {e}\n{sql}\n", e.code());
                }
            },
            Record::Query {
                sql,
                types,
                rowsort,
                want,
            } => match engine.query(&sql, &options) {
                Err(e) => {
                    let _ = writeln!(problems, "{name}:{line}: error {}: {e}\n{sql}\n", e.code());
                }
                Ok(result) => {
                    let mut got: Vec<String> = result
                        .to_tab_separated()
                        .lines()
                        .map(|row| {
                            let values: Vec<&str> = row
                                .split('\t')
                                .map(|v| if v.is_empty() { "(empty)" } else { v })
                                .collect();
                            values.join("\t")
                        })
                        .collect();
                    if rowsort {
                        got.sort();
                    }
                    let same =
                        got.len() == want.len() && got.iter().zip(&want).all(|(g, w)| equal(&types, g, w));
                    if !same {
                        let _ = writeln!(
                            problems,
                            "{name}:{line}: wrong answer to\n{sql}\n  got:  {got:?}\n  want: {want:?}\n"
                        );
                    }
                }
            },
        }
    }
    problems
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slt");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder tests/slt")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .slt files in {}", folder.display());
    files
}

fn all(mode: Mode) {
    let problems: String = files().iter().map(|path| run(path, mode)).collect();
    assert!(problems.is_empty(), "{mode:?}\n\n{problems}");
}

#[test]
fn as_by_default() {
    all(DEFAULT);
}

#[test]
fn with_granules_of_three_rows() {
    all(Mode {
        granule_rows: Some(3),
        flush_every_insert: true,
        ..DEFAULT
    });
}

#[test]
fn with_a_flush_after_every_insert() {
    all(Mode {
        flush_every_insert: true,
        ..DEFAULT
    });
}

#[test]
fn with_a_reopen_before_every_record() {
    all(Mode {
        reopen: true,
        ..DEFAULT
    });
}

#[test]
fn with_one_thread() {
    all(Mode {
        threads: 1,
        ..DEFAULT
    });
}

#[test]
fn with_blocks_of_three_rows() {
    all(Mode {
        block_size: 3,
        ..DEFAULT
    });
}
