//! `check`: what has to pass before a commit.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, tidy};

const CARGO_DENY_VERSION: &str = "0.20.2";

pub fn run() -> Result<()> {
    println!("== fmt");
    command::cargo(&["fmt", "--all", "--check"]).context("run `cargo fmt --all`")?;
    println!("== tidy");
    tidy::run(&crate::root())?;
    println!("== clippy");
    command::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ])?;
    println!("== deny");
    deny()
}

/// Bans, licences and sources. Not the advisory database: it needs a network beyond the package registry.
fn deny() -> Result<()> {
    let tools = crate::root().join("target/tools");
    let own = tools.join("bin/cargo-deny");
    if !own.exists() {
        println!("installing cargo-deny {CARGO_DENY_VERSION} into target/tools");
        let tools = tools.to_str().context("the checkout's path is not UTF-8")?;
        let install = [
            "install",
            "cargo-deny",
            "--version",
            CARGO_DENY_VERSION,
            "--locked",
            "--quiet",
            "--root",
            tools,
        ];
        command::cargo(&install)?;
    }
    command::run(
        Command::new(own)
            .args(["check", "bans", "licenses", "sources"])
            .current_dir(crate::root()),
    )
}
