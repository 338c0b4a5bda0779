//! Programs that tests start: killed when dropped.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A child process that does not outlive its handle.
pub struct Process(Child);

impl Process {
    /// Starts `command` and reads its standard output up to the first line that `wanted` accepts. The rest is drained.
    pub fn start<T>(command: &mut Command, wanted: impl Fn(&str) -> Option<T>) -> Result<(Self, T)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stdout = child.stdout.take().context("standard output is piped")?;
        let process = Self(child);
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                bail!("{command:?} ended before it was ready");
            }
            if let Some(found) = wanted(line.trim_end()) {
                std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
                return Ok((process, found));
            }
        }
    }

    /// SIGTERM, then wait for the program to end by itself.
    pub fn terminate(&mut self) -> Result<()> {
        let status = Command::new("kill").arg(self.0.id().to_string()).status()?;
        ensure!(status.success(), "cannot send SIGTERM");
        let status = self.0.wait()?;
        ensure!(status.success(), "the program ended with {status}");
        Ok(())
    }

    /// SIGKILL, then wait.
    pub fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.kill();
    }
}

/// An environment variable that `cargo xtask test` sets.
pub fn required_env(name: &str, what: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: {what}. `cargo xtask test` brings it and sets the variable; run the tests through it")
    })
}
