//! SQL logic tests: scripts of statements and queries with their answers. Format: tests/slt/README.md.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// A record and the line of its file where it starts, from 1.
#[derive(Debug)]
pub struct Numbered {
    pub line: usize,
    pub record: Record,
}

#[derive(Debug)]
pub enum Record {
    Statement {
        sql: String,
        expect: Expect,
    },
    Query {
        sql: String,
        types: String,
        rowsort: bool,
        want: Vec<String>,
    },
}

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Ok,
    AnyError,
    /// ClickHouse's number.
    Error(u32),
}

/// All `.slt` files of the repository, by name.
pub fn files() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slt");
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "no .slt files in {}", folder.display());
    Ok(files)
}

/// Records are separated by blank lines.
pub fn parse(text: &str) -> Result<Vec<Numbered>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.trim().is_empty() || line.starts_with('#') {
            at += 1;
            continue;
        }
        let end = (at..lines.len())
            .find(|&n| lines[n].trim().is_empty())
            .unwrap_or(lines.len());
        let record =
            record(line, &lines[at + 1..end]).with_context(|| format!("line {}: `{line}`", at + 1))?;
        records.push(Numbered { line: at + 1, record });
        at = end;
    }
    Ok(records)
}

fn record(head: &str, body: &[&str]) -> Result<Record> {
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        ["statement", "ok"] => Ok(Record::Statement {
            sql: body.join("\n"),
            expect: Expect::Ok,
        }),
        ["statement", "error"] => Ok(Record::Statement {
            sql: body.join("\n"),
            expect: Expect::AnyError,
        }),
        ["statement", "error", code] => Ok(Record::Statement {
            sql: body.join("\n"),
            expect: Expect::Error(code.parse()?),
        }),
        ["query", types, rest @ ..] => {
            let rowsort = match rest {
                [] => false,
                ["rowsort"] => true,
                _ => bail!("unknown words behind the types"),
            };
            let split = body
                .iter()
                .position(|line| *line == "----")
                .context("a query has a line `----`")?;
            Ok(Record::Query {
                sql: body[..split].join("\n"),
                types: (*types).to_owned(),
                rowsort,
                want: body[split + 1..].iter().map(|line| (*line).to_owned()).collect(),
            })
        }
        _ => bail!("unknown record"),
    }
}

/// The rows of an answer in TabSeparated as the files write them.
pub fn rows(tab_separated: &str, rowsort: bool) -> Vec<String> {
    let mut rows: Vec<String> = tab_separated
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
        rows.sort();
    }
    rows
}

/// Whether the rows are the ones wanted: `R` columns to nine digits, others exactly.
pub fn equal(types: &str, got: &[String], want: &[String]) -> bool {
    got.len() == want.len()
        && got
            .iter()
            .zip(want)
            .all(|(got, want)| equal_row(types, got, want))
}

fn equal_row(types: &str, got: &str, want: &str) -> bool {
    let (got, want): (Vec<&str>, Vec<&str>) = (got.split('\t').collect(), want.split('\t').collect());
    let types = types.chars().chain(std::iter::repeat('T'));
    got.len() == want.len()
        && got
            .iter()
            .zip(&want)
            .zip(types)
            .all(|((got, want), ty)| got == want || (ty == 'R' && close(got, want)))
}

fn close(got: &str, want: &str) -> bool {
    match (got.parse::<f64>(), want.parse::<f64>()) {
        (Ok(got), Ok(want)) => (got - want).abs() <= 1e-9 * want.abs().max(1.0),
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests;
