//! `test`, `bless` and `bench`: everything the runs need, then cargo.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{command, peers};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    Compare,
    Accept,
}

pub fn run(root: &Path, args: &[String], snapshots: Snapshots) -> Result<()> {
    let postgres = peers::start_postgres()?;
    let python = peers::python_venv(root)?;
    let node = peers::node_packages(root)?;
    let clickhouse = peers::start_clickhouse(root, &python)?;
    println!("PostgreSQL, chdb, the Python and the node SDKs are ready");
    // Tests that drive the real binary start this build of it.
    command::cargo(&["build", "--quiet", "-p", "server"])?;
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo
        .arg("test")
        .current_dir(root)
        .env("GRANARY_TEST_POSTGRES_URL", postgres.url())
        .env("GRANARY_TEST_CLICKHOUSE_URL", clickhouse.url())
        .env("GRANARY_TEST_PYTHON", python)
        .env("GRANARY_TEST_NODE", node)
        .env(
            "INSTA_UPDATE",
            if snapshots == Snapshots::Accept {
                "always"
            } else {
                "no"
            },
        );
    // The same cases for everyone: what random cases newly find must not stop a change that did not cause it. To explore, set
    // another seed (and PROPTEST_CASES).
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        cargo.env("PROPTEST_RNG_SEED", "1");
    }
    if !args.iter().any(|arg| arg == "-p" || arg == "--package") {
        cargo.arg("--workspace");
    }
    command::run(cargo.args(args))
}

/// Builds the release binary and measures it beside the peers, in one run.
pub fn bench(root: &Path, args: &[String]) -> Result<()> {
    let python = peers::python_venv(root)?;
    command::cargo(&["build", "--release", "-p", "server"])?;
    command::run(
        Command::new(python)
            .arg(root.join("tests/bench/bench.py"))
            .args(args)
            .current_dir(root),
    )
}
