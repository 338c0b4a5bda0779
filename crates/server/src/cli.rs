//! The command line. Flags win over environment variables, those over defaults; secrets also come as `*_FILE`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::disks::DiskOptions;

/// Product analytics for the events that PostHog SDKs send: one binary, one data directory.
#[derive(Debug, Parser)]
#[command(name = "granary", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server (the default).
    Serve(ServeOptions),
    /// Bring the event store's schema up to date, or show what that would do.
    Migrate(MigrateOptions),
    /// Read all of the columnar store and name every damaged part, file and offset. The server must not be running.
    Check(CheckOptions),
    /// Fill a project with a believable data set, through the same ingestion as real events.
    Demo(DemoOptions),
}

impl Default for Command {
    fn default() -> Self {
        // The defaults and the environment, as if `granary serve` had been typed.
        Cli::parse_from(["granary", "serve"])
            .command
            .expect("`serve` is a command")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// The own engine, in process.
    Columnar,
    /// A ClickHouse server, over HTTP.
    Clickhouse,
    /// PostgreSQL.
    Postgres,
}

#[derive(Clone, Debug, Args)]
pub struct StoreOptions {
    /// Where events are kept.
    #[arg(long, env = "GRANARY_STORE", value_enum, default_value = if cfg!(feature = "ee") { "columnar" } else { "postgres" })]
    pub store: StoreKind,
    /// Folder of the engine's files and of the metadata.
    #[arg(long, env = "GRANARY_DATA_DIR", default_value = "granary-data")]
    pub data_dir: PathBuf,
    /// PostgreSQL: the event store with `--store postgres`; if given, also the home of the metadata.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// ClickHouse's HTTP address, `http://user:password@host:8123/database`, with `--store clickhouse`.
    #[arg(long, env = "CLICKHOUSE_URL", hide_env_values = true)]
    pub clickhouse_url: Option<String>,
    /// A cluster of the ClickHouse servers' configuration: the schema is then for all its nodes, with events spread over the
    /// shards and every other table on each node. Only with `--store clickhouse`, and from the beginning.
    #[arg(long, env = "CLICKHOUSE_CLUSTER")]
    pub clickhouse_cluster: Option<String>,
    /// Memory for caches and queries of the columnar engine, in MiB.
    #[arg(long, env = "GRANARY_MEMORY_MIB", default_value_t = 1024)]
    pub memory_mib: usize,
    /// On a fresh columnar or ClickHouse store: create the final schema at once and skip the expensive migrations.
    #[arg(long, env = "CLICKHOUSE_INITIAL_MIGRATIONS", value_parser = clap::builder::FalseyValueParser::new(), default_value = "0")]
    pub initial_migrations: bool,
    #[command(flatten)]
    pub disks: DiskOptions,
}

#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    #[arg(long, env = "GRANARY_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    #[arg(long, env = "GRANARY_PORT", default_value_t = 8000)]
    pub port: u16,
    #[command(flatten)]
    pub store: StoreOptions,
    /// Capture token of the first project (random if absent).
    #[arg(long, env = "GRANARY_PROJECT_TOKEN", hide_env_values = true)]
    pub project_token: Option<String>,
    #[arg(long, env = "GRANARY_PROJECT_TOKEN_FILE", conflicts_with = "project_token")]
    pub project_token_file: Option<PathBuf>,
    /// Personal API key to accept (random on the first start if absent).
    #[arg(long, env = "GRANARY_PERSONAL_API_KEY", hide_env_values = true)]
    pub personal_api_key: Option<String>,
    #[arg(
        long,
        env = "GRANARY_PERSONAL_API_KEY_FILE",
        conflicts_with = "personal_api_key"
    )]
    pub personal_api_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct MigrateOptions {
    #[command(flatten)]
    pub store: StoreOptions,
    /// Only print what would be done.
    #[arg(long)]
    pub plan: bool,
    /// Stop after this migration number.
    #[arg(long, value_name = "N")]
    pub upto: Option<u32>,
    /// Record as applied without running anything.
    #[arg(long)]
    pub fake: bool,
}

#[derive(Clone, Debug, Args)]
pub struct CheckOptions {
    /// Folder of the engine's files and of the metadata.
    #[arg(long, env = "GRANARY_DATA_DIR", default_value = "granary-data")]
    pub data_dir: PathBuf,
    #[command(flatten)]
    pub disks: DiskOptions,
}

#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    #[command(flatten)]
    pub store: StoreOptions,
    /// Persons to invent; about 40 events come with each.
    #[arg(long, default_value_t = 2_000)]
    pub persons: u32,
    /// Days of history, ending today.
    #[arg(long, default_value_t = 90)]
    pub days: u32,
    /// Seed: the same seed on the same day makes the same data.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Project to fill; a new project "Demo" if absent.
    #[arg(long, value_name = "ID")]
    pub project: Option<i64>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command() {
        assert!(Cli::try_parse_from(["granary"]).unwrap().command.is_none());
        let cli = Cli::try_parse_from(["granary", "serve", "--port", "9000"]).unwrap();
        let Some(Command::Serve(options)) = cli.command else {
            panic!("serve")
        };
        assert_eq!(options.port, 9000);
        assert!(Cli::try_parse_from(["granary", "serve", "--prot", "9000"]).is_err());
    }
}
