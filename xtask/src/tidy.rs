//! `tidy`: the rules of this project that no general lint knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command;

/// Layer of every package: an edge may only point to a smaller one. Development packages are last.
const LAYERS: &[&[&str]] = &[
    &["engine-types", "model", "slt", "sql-builder"],
    &["engine-codec", "engine-functions", "insights", "metadata"],
    &["engine-sql", "engine-storage", "event-store"],
    &["engine-exec", "jobs"],
    &["engine"],
    &["queries", "ee-clickhouse", "ingest"],
    &["capture", "api"],
    &["server"],
    &["tests", "xtask"],
];

/// Crates of the engine and the pure middle: none of these may depend on what does IO for the product.
const NO_ASYNC: &[&str] = &[
    "engine-types",
    "engine-codec",
    "engine-functions",
    "engine-sql",
    "engine-storage",
    "engine-exec",
    "engine",
    "insights",
    "model",
    "sql-builder",
];
const ASYNC_PACKAGES: &[&str] = &["tokio", "sqlx", "axum", "reqwest"];

pub fn run(root: &Path) -> Result<()> {
    let mut problems = Vec::new();
    layers(root, &mut problems)?;
    headers(root, &mut problems)?;
    parallel_queries(root, &mut problems)?;
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{} problem(s):\n{}", problems.len(), problems.join("\n"));
}

fn layers(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let metadata = command::output(
        Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(root),
    )?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
    let layer_of: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(layer, names)| names.iter().map(move |name| (*name, layer)))
        .collect();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(&layer) = layer_of.get(name) else {
            problems.push(format!("package `{name}` has no layer in xtask/src/tidy.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if let Some(&below) = layer_of.get(target)
                && below >= layer
                && !for_tests
            {
                problems.push(format!(
                    "`{name}` (layer {layer}) depends on `{target}` (layer {below})"
                ));
            }
            if NO_ASYNC.contains(&name) && ASYNC_PACKAGES.contains(&target) && !for_tests {
                problems.push(format!("`{name}` must not depend on `{target}`"));
            }
        }
    }
    Ok(())
}

/// Every source file begins with one `//!` sentence on what it is for.
fn headers(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    for folder in ["crates", "queries", "ee", "tests", "xtask"] {
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let first = text.lines().find(|line| !line.starts_with("#!["));
            if !first.is_some_and(|line| line.starts_with("//! ")) {
                problems.push(format!("{}: does not begin with `//! …`", shown(root, &file)));
            }
        }
    }
    Ok(())
}

/// What only one of the two stores has (a file and the folder of its parts), with the reason.
const ONLY_ONE_SIDE: &[(&str, &str)] = &[
    (
        "migrations",
        "the runner of the columnar migrations; sqlx runs those of PostgreSQL",
    ),
    (
        "executor",
        "the embedded engine and a ClickHouse server are two executors of one dialect",
    ),
    (
        "row",
        "the typed rows that both executors answer; sqlx has its own",
    ),
    (
        "funnel_walk",
        "folds over arrays of marks; PostgreSQL has a function that walks",
    ),
    (
        "buckets",
        "ticks are computed from local dates; PostgreSQL has width_bucket",
    ),
    (
        "postgres",
        "what only PostgreSQL needs: upserts, its failures, its regular expressions, its text",
    ),
];

/// `queries/` and `ee/clickhouse/` hold the same query classes under the same file names.
fn parallel_queries(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let names = |folder: &str| -> Result<BTreeSet<String>> {
        let base = root.join(folder);
        let files = rust_files(&base)?;
        let names = files
            .iter()
            .filter_map(|file| Some(file.strip_prefix(&base).ok()?.to_str()?.to_owned()));
        Ok(names
            .filter(|name| !name.contains("tests") && !name.starts_with("executor/"))
            .collect())
    };
    let (postgres, clickhouse) = (names("queries/src")?, names("ee/clickhouse/src")?);
    for name in postgres.symmetric_difference(&clickhouse) {
        let module = name.split(['/', '.']).next().unwrap_or_default();
        if !ONLY_ONE_SIDE.iter().any(|(only, _)| *only == module) {
            let has = if postgres.contains(name) {
                "queries/src"
            } else {
                "ee/clickhouse/src"
            };
            problems.push(format!(
                "{has}/{name} has no counterpart of the same name in the other store"
            ));
        }
    }
    Ok(())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules", "venv", "golden"].contains(&name) {
                files.extend(rust_files(&path)?);
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}
