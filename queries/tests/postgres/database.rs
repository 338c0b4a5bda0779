//! A fresh database, and short ways to fill it.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use event_store::{Append, DistinctIdRow, EventRow, EventStore, GroupRow, PersonRow};
use insights::Condition;
use model::{GroupTypeIndex, ProjectId, TimeRange};
use queries::PostgresStore;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

pub const PROJECT: ProjectId = ProjectId(7);

const VARIABLE: &str = "GRANARY_TEST_POSTGRES_URL";

pub struct Database {
    pub store: PostgresStore,
    name: String,
    server: String,
}

impl Database {
    pub async fn new() -> Self {
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!(
                "these tests need a PostgreSQL server (15 or later, with ICU) where they may create databases: set \
                 {VARIABLE}, for example to postgres://postgres@127.0.0.1:5432/postgres"
            )
        });
        let name = format!("granary_test_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("the server of the tests answers");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .expect("a database can be created");
        connection.close().await.expect("the connection closes");
        let store = PostgresStore::connect(&address(&server, &name))
            .await
            .expect("the database answers");
        store.migrate().await.expect("the migrations run");
        Self { store, name, server }
    }

    pub fn url(&self) -> String {
        address(&self.server, &self.name)
    }

    pub async fn append(&self, append: Append) {
        let token = format!("token {}", next());
        let append = Append { token, ..append };
        self.store.append(append).await.expect("appended");
    }

    pub async fn events(&self, events: impl IntoIterator<Item = EventRow>) {
        let events = events.into_iter().collect();
        self.append(Append {
            events,
            ..Append::default()
        })
        .await;
    }

    /// Person `n` with these distinct ids.
    pub async fn person(&self, n: u128, distinct_ids: &[&str], properties: Value) {
        self.append(Append {
            persons: vec![person_row(n, properties, 1)],
            distinct_ids: distinct_ids.iter().map(|id| mapping(id, n, 1)).collect(),
            ..Append::default()
        })
        .await;
    }

    pub async fn group(&self, group_type: u8, key: &str, properties: Value) {
        self.append(Append {
            groups: vec![group_row(group_type, key, properties, 1)],
            ..Append::default()
        })
        .await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A test's own runtime cannot wait in a destructor.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                sqlx::query(AssertSqlSafe(statement))
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {} stays behind", self.name);
        }
    }
}

/// The server's address with another database.
fn address(server: &str, database: &str) -> String {
    let (base, query) = server
        .split_once('?')
        .map_or((server, None), |(base, query)| (base, Some(query)));
    let base = match base.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        None => base.to_owned(),
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{base}/{database}{query}")
}

/// Ever greater: later rows have greater uuids.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// `2020-01-01`, `2020-01-01 10:00`, or anything longer that is RFC 3339.
pub fn at(text: &str) -> DateTime<Utc> {
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{}:00Z", text.replace(' ', "T")),
        _ => text.to_owned(),
    };
    full.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn range(from: &str, to: &str) -> TimeRange {
    TimeRange {
        from: at(from),
        to: at(to),
    }
}

pub fn person_id(n: u128) -> Uuid {
    Uuid::from_u128(0xABCD_0000 + n)
}

pub fn group_type(index: u8) -> GroupTypeIndex {
    GroupTypeIndex::new(index).expect("0 to 4")
}

pub fn event(name: &str, distinct_id: &str, timestamp: &str, properties: Value) -> EventRow {
    EventRow {
        project: PROJECT,
        uuid: Uuid::from_u128(u128::from(next())),
        event: name.to_owned(),
        distinct_id: distinct_id.to_owned(),
        properties: properties.to_string(),
        elements_chain: String::new(),
        timestamp: at(timestamp),
        created_at: at("2021-01-01"),
    }
}

pub fn object(properties: Value) -> Map<String, Value> {
    match properties {
        Value::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

pub fn person_row(n: u128, properties: Value, version: u64) -> PersonRow {
    PersonRow {
        project: PROJECT,
        id: person_id(n),
        created_at: at("2019-01-01") + chrono::TimeDelta::days(i64::try_from(n).expect("small")),
        properties: object(properties),
        is_identified: n.is_multiple_of(2),
        is_deleted: false,
        version,
    }
}

pub fn mapping(distinct_id: &str, person: u128, version: u64) -> DistinctIdRow {
    DistinctIdRow {
        project: PROJECT,
        distinct_id: distinct_id.to_owned(),
        person_id: person_id(person),
        is_deleted: false,
        version,
    }
}

pub fn group_row(index: u8, key: &str, properties: Value, version: u64) -> GroupRow {
    GroupRow {
        project: PROJECT,
        group_type: group_type(index),
        key: key.to_owned(),
        properties: object(properties),
        created_at: at("2019-01-01"),
        version,
    }
}

pub fn named(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

pub fn anything() -> Condition {
    Condition::All(Vec::new())
}
