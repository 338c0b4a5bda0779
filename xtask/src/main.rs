//! The project's own commands, the same on a desk and in CI: `cargo xtask check | test | bless | bench | run`.

mod check;
mod command;
mod peers;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check              format, lints, tidy, licences: what has to pass before a commit
cargo xtask tidy               only the project's own rules (layers, file headers, parallel files)
cargo xtask test [ARGS…]       all tests; brings PostgreSQL, Python and node packages if they are absent
                               (ARGS go to cargo test: `-p engine`, a test's name, …)
cargo xtask bless [ARGS…]      accept the snapshots that the tests now produce, then read the diff
cargo xtask bench [ARGS…]      ingest and query figures beside ClickHouse and DuckDB
cargo xtask run [ARGS…]        start the server (release build) with ARGS";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_deref() {
        Some("check") => check::run(),
        Some("tidy") => tidy::run(&root()),
        Some("test") => test::run(&root(), &rest, test::Snapshots::Compare),
        Some("bless") => test::run(&root(), &rest, test::Snapshots::Accept),
        Some("bench") => test::bench(&root(), &rest),
        Some("run") => command::cargo(&[&["run", "--release", "--"], &as_strs(&rest)[..]].concat()),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        Some(other) => Err(anyhow::anyhow!("no command `{other}`\n\n{HELP}")),
        None => Err(anyhow::anyhow!("which command?\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn as_strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// The workspace root: the folder above this package.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}
