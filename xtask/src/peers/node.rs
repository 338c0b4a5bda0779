//! The node packages of `tests/node/package-lock.json`: two versions of posthog-node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Path of a folder with `node_modules`. Reinstalls when the lock file has changed since.
pub fn packages(root: &Path) -> Result<PathBuf> {
    let source = root.join("tests/node");
    let lock = source.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
    let target = root.join("target/peers/node");
    let stamp = target.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(target);
    }
    if !command::exists("node") || !command::exists("npm") {
        install_node()?;
    }
    println!("installing the packages of tests/node/package-lock.json into target/peers/node");
    fs::create_dir_all(&target)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), target.join(file))?;
    }
    command::run(
        Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&target),
    )?;
    fs::write(&stamp, wanted)?;
    Ok(target)
}

fn install_node() -> Result<()> {
    if !command::exists("apt-get") {
        bail!("no node and npm found: install Node.js 20 or later");
    }
    println!("installing nodejs and npm from the system packages");
    command::run(Command::new("apt-get").args(["update", "-q"]))?;
    command::run(Command::new("apt-get").args([
        "install",
        "-q",
        "-y",
        "--no-install-recommends",
        "nodejs",
        "npm",
    ]))
    .context("cannot install nodejs and npm: install Node.js 20 or later by hand")
}
