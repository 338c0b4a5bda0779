//! The real binary, started by a test on a free port.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::process::Process;

pub const TOKEN: &str = "phc_process";
pub const KEY: &str = "phx_process";

pub struct ServerProcess {
    process: Process,
    pub url: String,
    client: Client,
}

impl ServerProcess {
    /// On this data directory, with the columnar store.
    pub fn start(data_dir: &Path) -> Result<Self> {
        Self::run(Command::new(binary()?), data_dir)
    }

    /// The same without the variables of this process, which may name other services.
    pub fn start_alone(data_dir: &Path) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.env_clear();
        Self::run(command, data_dir)
    }

    fn run(mut command: Command, data_dir: &Path) -> Result<Self> {
        command
            .args(["serve", "--port", "0", "--data-dir"])
            .arg(data_dir)
            .env("GRANARY_PROJECT_TOKEN", TOKEN)
            .env("GRANARY_PERSONAL_API_KEY", KEY)
            .env("GRANARY_LOG", "error");
        let (process, url) = Process::start(&mut command, |line| {
            line.trim().strip_prefix("URL").map(|url| url.trim().to_owned())
        })?;
        let client = Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { process, url, client })
    }

    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Ends the server as an operator would: it writes everything and exits with 0.
    pub fn stop(mut self) -> Result<()> {
        self.process.terminate()
    }

    /// Status of a request to capture; an error when no answer came (the process was killed, say).
    pub async fn capture(&self, body: &Value) -> Result<StatusCode> {
        let request = self.client.post(format!("{}/batch/", self.url)).json(body);
        Ok(request.send().await?.status())
    }

    /// The answer to a GET below the first project.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/api/projects/1/{path}", self.url)
        };
        let answer = self.client.get(url).bearer_auth(KEY).send().await?;
        ensure!(
            answer.status().is_success(),
            "{path} answered {}",
            answer.status()
        );
        Ok(answer.json().await?)
    }

    /// All rows of a paged list.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut rows, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let mut page = self.get(&path).await?;
            rows.extend(
                page["results"]
                    .as_array_mut()
                    .map(std::mem::take)
                    .context("a page has results")?,
            );
            next = page["next"].as_str().map(str::to_owned);
        }
        Ok(rows)
    }
}

/// `granary` beside the test binary (`target/debug/deps/test-…` → `target/debug/granary`).
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test binary is in a target folder")?;
    let binary = folder.join("granary");
    ensure!(
        binary.exists(),
        "{} is not there: run the tests with `cargo xtask test`, which builds it",
        binary.display()
    );
    Ok(binary)
}
