//! A virtual environment with the pinned packages of `tests/requirements.txt`: chdb, the SDKs, DuckDB.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Path of the environment's `python`. Reinstalls when the requirements have changed since.
pub fn venv(root: &Path) -> Result<PathBuf> {
    let requirements = root.join("tests/requirements.txt");
    let wanted = fs::read_to_string(&requirements).with_context(|| requirements.display().to_string())?;
    let venv = root.join("target/peers/venv");
    let (python, stamp) = (venv.join("bin/python"), venv.join("installed.txt"));
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !command::exists("python3") {
        bail!(
            "no python3 found: install Python 3.11 or later (Debian: apt-get install python3 python3-venv)"
        );
    }
    println!("installing the Python packages of tests/requirements.txt into target/peers/venv");
    fs::create_dir_all(&venv)?;
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .context("cannot make a virtual environment (Debian: apt-get install python3-venv)")?;
    command::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&requirements),
    )?;
    println!("installing the old SDK of tests/sdk/requirements-old.txt into target/peers/old-sdk");
    command::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--upgrade",
                "-r",
            ])
            .arg(root.join("tests/sdk/requirements-old.txt"))
            .arg("--target")
            .arg(root.join("target/peers/old-sdk")),
    )?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}
