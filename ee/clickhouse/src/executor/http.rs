//! A ClickHouse server, by its HTTP interface.

mod cluster;
mod decode;
mod encode;

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use event_store::{Result, StoreError};
use model::ProjectId;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use sql_builder::{Statement, Value};
use uuid::Uuid;

pub use cluster::Cluster;

use super::{Executor, Insert};
use crate::row::Rows;

/// Bytes of all parameters of a statement, some kilobytes below what servers and proxies take.
const MAX_IN_URL: usize = 4 << 10;

const MAX_AST: &str = "1000000";

#[derive(Clone)]
pub struct HttpOptions {
    /// `http://host:8123`; a user and password in it are used.
    pub url: String,
    pub database: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// Of a whole request.
    pub timeout: Duration,
    /// The cluster that the schema is for, as the servers' configuration names it.
    pub cluster: Option<String>,
}

/// Without the password, and without the URL, which may hold one too.
impl std::fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOptions")
            .field("database", &self.database)
            .field("user", &self.user)
            .field("timeout", &self.timeout)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub struct Http {
    client: Client,
    url: Url,
    options: HttpOptions,
    cluster: Option<Cluster>,
}

impl Http {
    pub fn new(mut options: HttpOptions) -> Result<Self> {
        let mut url: Url = options.url.parse().map_err(|error| {
            StoreError::Failed(format!(
                "`{}` is no URL of a ClickHouse server: {error}",
                options.url
            ))
        })?;
        // Credentials travel in headers: they are not logged by proxies.
        if options.user.is_none() && !url.username().is_empty() {
            options.user = Some(url.username().to_owned());
            options.password = url.password().map(str::to_owned);
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        options.url = url.to_string();
        let client = Client::builder()
            .timeout(options.timeout)
            .build()
            .map_err(|error| StoreError::Failed(format!("no HTTP client: {error}")))?;
        let cluster = options
            .cluster
            .as_ref()
            .map(|name| Cluster::new(name, &options.database));
        Ok(Self {
            client,
            url,
            options,
            cluster,
        })
    }

    /// A POST with these settings (and parameters).
    fn request(&self, settings: &[(String, String)]) -> RequestBuilder {
        let mut url = self.url.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("database", &self.options.database);
            for (name, value) in settings {
                pairs.append_pair(name, value);
            }
        }
        let mut request = self.client.post(url);
        if let Some(user) = &self.options.user {
            request = request.header("X-ClickHouse-User", user);
        }
        if let Some(password) = &self.options.password {
            request = request.header("X-ClickHouse-Key", password);
        }
        request
    }

    /// How a statement that reads meets the other nodes of a cluster.
    fn reading(&self) -> Vec<(String, String)> {
        if self.cluster.is_none() {
            return Vec::new();
        }
        vec![
            // A sub-query on sharded events is asked once, of all shards.
            setting("distributed_product_mode", "global"),
            // Reads go to the replica that the writes went to, as long as it is there.
            setting("load_balancing", "in_order"),
        ]
    }

    /// Durable when it is answered, and once however often it is repeated.
    fn writing(&self, table: &str, token: &str) -> Vec<(String, String)> {
        let mut settings = vec![
            setting("insert_deduplication_token", format!("{token}:{table}")),
            // Which of the two counts for an asynchronous insert depends on the server's version.
            setting("insert_deduplicate", "1"),
            setting("async_insert_deduplicate", "1"),
        ];
        if self.cluster.is_some() && Cluster::is_sharded(table) {
            // The token goes on to the shards with a plain insert only: several asynchronous ones become one on their way.
            settings.extend([
                setting("async_insert", "0"),
                setting("distributed_foreground_insert", "1"),
                setting("load_balancing", "in_order"),
            ]);
        } else {
            settings.extend([
                setting("async_insert", "1"),
                setting("wait_for_async_insert", "1"),
            ]);
        }
        settings
    }

    async fn send(&self, request: RequestBuilder) -> Result<String> {
        let unavailable =
            |error: reqwest::Error| StoreError::Unavailable(format!("ClickHouse does not answer: {error}"));
        let response = request.send().await.map_err(unavailable)?;
        let status = response.status();
        let text = response.text().await.map_err(unavailable)?;
        if status.is_success() {
            Ok(text)
        } else {
            Err(server_error(status, &text))
        }
    }
}

/// `Code: 241. DB::Exception: …` as an error of ours.
fn server_error(status: StatusCode, text: &str) -> StoreError {
    let message = text.trim().chars().take(2_000).collect::<String>();
    let code = text
        .split_once("Code: ")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse::<u32>().ok());
    match code {
        // TOO_MANY_ROWS, TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
        Some(158 | 159 | 160 | 241 | 307 | 396) => StoreError::Limit(message),
        // SOCKET_TIMEOUT, TOO_MANY_SIMULTANEOUS_QUERIES, NETWORK_ERROR, READONLY table, TOO_MANY_PARTS, ALL_CONNECTION_TRIES_FAILED
        Some(202 | 209 | 210 | 242 | 252 | 279) => StoreError::Unavailable(message),
        Some(_) => StoreError::Failed(message),
        None if status.is_server_error() => StoreError::Unavailable(format!("{status}: {message}")),
        None => StoreError::Failed(format!("{status}: {message}")),
    }
}

/// A statement's text and settings: parameters travel in the URL as long as they are short, else in the text.
///
/// A server takes at most 128 KiB for one parameter and 1 MiB for a URL, and proxies take less.
fn text_and_parameters(statement: Statement) -> (String, Vec<(String, String)>) {
    let mut text = statement.sql;
    let mut parameters = Vec::new();
    let mut left = MAX_IN_URL;
    for (i, value) in statement.params.iter().enumerate() {
        let parameter = encode::parameter(value);
        match left.checked_sub(parameter.len()) {
            Some(rest) => {
                left = rest;
                parameters.push((format!("param_p{i}"), parameter));
            }
            None => text = in_text(&text, i, value),
        }
    }
    // The server's own limits are 256 KiB and 50,000; how much may be asked is for the API to say.
    let size = (text.len() + 1).max(1 << 18);
    parameters.push(setting("max_query_size", size.to_string()));
    parameters.push(setting("max_ast_elements", MAX_AST));
    parameters.push(setting("max_expanded_ast_elements", MAX_AST));
    (text, parameters)
}

/// `{p7:Array(String)}` as `CAST(['a', …] AS Array(String))`.
fn in_text(text: &str, index: usize, value: &Value) -> String {
    let start = format!("{{p{index}:");
    let mut parts = text.split(&start);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (kind, rest) = part.split_once('}').unwrap_or((part, ""));
        let _ = write!(out, "CAST({} AS {kind}){rest}", encode::literal(value));
    }
    out
}

fn setting(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

#[async_trait]
impl Executor for Http {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    async fn query(&self, statement: Statement) -> Result<Rows> {
        let mut settings = vec![
            setting("default_format", "JSONCompactEachRowWithNamesAndTypes"),
            setting("output_format_json_quote_64bit_integers", "0"),
            setting("output_format_json_quote_denormals", "1"),
            // The status says whether the query failed only if nothing is sent before its end.
            setting("wait_end_of_query", "1"),
        ];
        settings.extend(self.reading());
        let (sql, parameters) = text_and_parameters(statement);
        settings.extend(parameters);
        let text = self.send(self.request(&settings).body(sql)).await?;
        decode::rows(&text)
    }

    async fn command(&self, sql: &str) -> Result<()> {
        let mut settings = vec![setting("wait_end_of_query", "1")];
        let Some(cluster) = &self.cluster else {
            self.send(self.request(&settings).body(sql.to_owned())).await?;
            return Ok(());
        };
        settings.extend([
            // The statement has reached all nodes when it is answered.
            setting("alter_sync", "2"),
            setting("mutations_sync", "2"),
            setting("distributed_foreground_insert", "1"),
        ]);
        settings.extend(self.reading());
        for statement in cluster.statements(sql)? {
            self.send(self.request(&settings).body(statement)).await?;
        }
        Ok(())
    }

    async fn execute(&self, statement: Statement) -> Result<()> {
        let mut settings = vec![setting("wait_end_of_query", "1")];
        settings.extend(self.reading());
        let (sql, parameters) = text_and_parameters(statement);
        settings.extend(parameters);
        self.send(self.request(&settings).body(sql)).await?;
        Ok(())
    }

    async fn insert(&self, inserts: Vec<Insert>, token: &str) -> Result<()> {
        for insert in inserts {
            let columns: Vec<_> = insert.columns.iter().map(|(name, _)| *name).collect();
            let query = format!(
                "INSERT INTO {} ({}) FORMAT JSONCompactEachRow",
                insert.table,
                columns.join(", ")
            );
            let mut settings = vec![setting("query", query)];
            settings.extend(self.writing(insert.table, token));
            let mut body = String::new();
            for row in &insert.rows {
                encode::json_row(row, &mut body);
            }
            self.send(self.request(&settings).body(body)).await?;
        }
        Ok(())
    }

    async fn known_events(&self, _project: ProjectId, _uuids: &[Uuid]) -> Result<Option<Vec<Uuid>>> {
        Ok(None)
    }

    fn cluster(&self) -> Option<&str> {
        self.cluster.as_ref().map(Cluster::name)
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
