//! The `granary` program: command line, configuration, wiring, shutdown. Everything else is in the libraries.

pub mod app;
#[cfg(feature = "ee")]
mod check;
pub mod cli;
#[cfg(feature = "ee")]
mod columnar;
mod credentials;
mod data_dir;
mod demo;
mod directory;
pub mod disks;
mod migrate;
mod serve;
mod stores;
mod telemetry;

use clap::Parser;

use crate::cli::{Cli, Command};

/// Reads the command line and runs it.
pub fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    telemetry::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("granary: cannot start the runtime: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command.unwrap_or_default() {
            Command::Serve(options) => serve::run(options).await,
            #[cfg(feature = "ee")]
            Command::Check(options) => check::run(options).await,
            #[cfg(not(feature = "ee"))]
            Command::Check(_) => Err(anyhow::anyhow!("this binary was built without the `ee` feature")),
            Command::Migrate(options) => migrate::run(options).await,
            Command::Demo(options) => demo::run(options).await,
        }
    });
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("granary: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// The one place where the clock is read.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: from here on `now` is a value"
)]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
