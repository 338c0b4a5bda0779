//! A throwaway PostgreSQL cluster on a free port, run by an unprivileged user, gone when dropped.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Stops the server and removes its files when dropped.
pub struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
}

impl Cluster {
    /// `postgres://…` of the maintenance database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stop = as_server_user(&self.binaries.join("pg_ctl"))
            .args(["-D".as_ref(), self.folder.join("data").as_os_str()])
            .args(["-m", "immediate", "-w", "stop"])
            .output();
        if let Err(error) = stop {
            eprintln!("xtask: cannot stop PostgreSQL: {error}");
        }
        // Only scratch space: a leftover costs disk, not correctness.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a fresh cluster, installing the server from the system packages when there is none.
pub fn start() -> Result<Cluster> {
    let binaries = match binaries() {
        Some(found) => found,
        None => {
            install()?;
            binaries().context("PostgreSQL was installed, but initdb is not where it is expected")?
        }
    };
    let folder = std::env::temp_dir().join(format!("granary-postgres-{}", std::process::id()));
    let data = folder.join("data");
    fs::create_dir_all(&data).with_context(|| folder.display().to_string())?;
    if is_root() {
        command::run(Command::new("chown").args(["-R", SERVER_USER]).arg(&folder))?;
    }
    let quiet = |command: &mut Command| command::output(command).map(drop);
    quiet(
        as_server_user(&binaries.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ]),
    )?;
    // The port is free now; nothing else on a test machine races for it.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let options = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off \
         -c synchronous_commit=off -c full_page_writes=off -c max_connections=300",
        folder.display()
    );
    let log = folder.join("log");
    let cluster = Cluster {
        folder,
        binaries,
        port,
    };
    // No captured output: the server keeps the pipe open, and waiting for its end would wait for ever.
    command::run(
        as_server_user(&cluster.binaries.join("pg_ctl"))
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(&log)
            .args(["-o", &options, "-s", "-w", "start"]),
    )
    .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
    Ok(cluster)
}

/// PostgreSQL refuses to run as root; Debian's package brings this user.
const SERVER_USER: &str = "postgres";

fn as_server_user(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", SERVER_USER, "--regid", SERVER_USER, "--clear-groups"])
            .arg(program);
        // The caller's folder may be closed to that user.
        command.current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Folder with `initdb` and `pg_ctl`: the newest Debian version, else the PATH.
fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    })
}

fn install() -> Result<()> {
    if !command::exists("apt-get") {
        bail!("no PostgreSQL server found: install PostgreSQL 15 or later so that `initdb` is on the PATH");
    }
    println!("installing the PostgreSQL server from the system packages");
    command::run(Command::new("apt-get").args(["update", "-q"]))?;
    command::run(Command::new("apt-get").args([
        "install",
        "-q",
        "-y",
        "--no-install-recommends",
        "postgresql",
        "util-linux",
    ]))
    .context("cannot install PostgreSQL: install the package `postgresql` by hand")
}
