//! A ClickHouse server for tests: chdb behind ClickHouse's HTTP interface, gone when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// Stops the server when dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `tests/clickhouse/server.py` on a free port.
pub fn start(root: &Path, python: &Path) -> Result<Server> {
    let mut child = Command::new(python)
        .arg(root.join("tests/clickhouse/server.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the ClickHouse fixture")?;
    let stdout = child.stdout.take().context("standard output is piped")?;
    let mut server = Server { child, port: 0 };
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(port) = line
        .trim()
        .strip_prefix("listening on ")
        .and_then(|port| port.parse().ok())
    else {
        bail!("the ClickHouse fixture did not start");
    };
    server.port = port;
    // Nobody reads on; a full pipe would stop the server.
    std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    Ok(server)
}
