//! The SQL logic tests on real ClickHouse: what the engine is held to is what ClickHouse answers.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tests::TestResult;
use tests::slt::{Expect, Numbered, Record, equal, files, parse, rows};

/// A record that ClickHouse answers differently, on purpose.
struct Known {
    file: &'static str,
    /// The record has this in its SQL.
    sql: &'static str,
    /// What ClickHouse answers: rows as in the file, or `error <code>`, or `ok`.
    clickhouse: &'static str,
    reason: &'static str,
}

const KNOWN: &[Known] = &[];

struct Database {
    client: reqwest::Client,
    url: String,
    name: String,
}

impl Database {
    async fn fresh() -> Result<Self> {
        let url = tests::clickhouse::fresh_database().await?;
        let (server, name) = url
            .rsplit_once('/')
            .context("an address ends with the database")?;
        Ok(Self {
            client: reqwest::Client::new(),
            url: format!("{server}/?database={name}"),
            name: name.to_owned(),
        })
    }

    /// The answer in TabSeparated, or the number of the error with its text.
    async fn query(&self, sql: &str) -> Result<Result<String, (u32, String)>> {
        // The files say `default` where they mean the database they run in.
        let sql = sql.replace("database = 'default'", &format!("database = '{}'", self.name));
        let answer = self.client.post(&self.url).body(sql).send().await?;
        let code = answer.headers().get("x-clickhouse-exception-code").cloned();
        let failed = !answer.status().is_success();
        let text = answer.text().await?;
        if !failed {
            return Ok(Ok(text));
        }
        let code = code.context("an error has a number")?.to_str()?.parse()?;
        Ok(Err((code, text)))
    }
}

/// What ClickHouse answers to a record, and whether that is what the file says.
async fn run(database: &Database, record: &Record) -> Result<(bool, String)> {
    match record {
        Record::Statement { sql, expect } => Ok(match (database.query(sql).await?, expect) {
            (Ok(_), expect) => (*expect == Expect::Ok, "ok".to_owned()),
            (Err((code, text)), Expect::Ok) => (false, format!("error {code}: {text}")),
            (Err((code, _)), Expect::AnyError) => (true, format!("error {code}")),
            (Err((code, text)), Expect::Error(want)) => (code == *want, format!("error {code}: {text}")),
        }),
        Record::Query {
            sql,
            types,
            rowsort,
            want,
        } => Ok(match database.query(sql).await? {
            Err((code, text)) => (false, format!("error {code}: {text}")),
            Ok(text) => {
                let got = rows(&text, *rowsort);
                (equal(types, &got, want), got.join("\n"))
            }
        }),
    }
}

fn sql_of(record: &Record) -> &str {
    match record {
        Record::Statement { sql, .. } | Record::Query { sql, .. } => sql,
    }
}

fn wanted(record: &Record) -> String {
    match record {
        Record::Statement { expect, .. } => format!("{expect:?}"),
        Record::Query { want, .. } => want.join("\n"),
    }
}

/// What went wrong, one paragraph a record.
async fn problems(path: &Path) -> Result<Vec<String>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(path)?;
    let database = Database::fresh().await?;
    let mut problems = Vec::new();
    let mut known: Vec<&Known> = KNOWN.iter().filter(|known| name == known.file).collect();
    for Numbered { line, record } in parse(&text).with_context(|| name.to_string())? {
        let sql = sql_of(&record);
        let (same, got) = run(&database, &record)
            .await
            .with_context(|| format!("{name}:{line}"))?;
        match known.iter().position(|known| sql.contains(known.sql)) {
            None if same => {}
            None => problems.push(format!(
                "{name}:{line}: ClickHouse answers\n{got}\n  instead of\n{}\n  to\n{sql}\n",
                wanted(&record)
            )),
            Some(at) => {
                let known = known.swap_remove(at);
                let as_known = got == known.clickhouse || got.starts_with(&format!("{}: ", known.clickhouse));
                if same || !as_known {
                    problems.push(format!(
                        "{name}:{line}: a known difference is not what it was ({}): ClickHouse answers\n{got}\n",
                        known.reason
                    ));
                }
            }
        }
    }
    for known in known {
        problems.push(format!(
            "{name}: no record has `{}` ({})",
            known.sql, known.reason
        ));
    }
    database
        .query(&format!("DROP DATABASE {}", database.name))
        .await?
        .map_err(|(_, text)| anyhow::anyhow!(text))?;
    Ok(problems)
}

#[tokio::test]
async fn clickhouse_answers_as_the_files_say() -> TestResult {
    let mut all = Vec::new();
    for path in files()? {
        all.extend(problems(&path).await?);
    }
    if !all.is_empty() {
        bail!("{} differences\n\n{}", all.len(), all.join("\n"));
    }
    Ok(())
}
