//! The schema of a cluster, read by a real ClickHouse server.
//!
//! The server is the one that `GRANARY_TEST_CLICKHOUSE_URL` names. It has no cluster, so that it can read the statements and
//! not run them.

use ee_clickhouse::migrations::{FINAL_SHAPE, MIGRATIONS, statements};
use ee_clickhouse::{Cluster, Executor};
use event_store::Result;
use sql_builder::Statement;

use crate::executors;

#[tokio::test]
async fn clickhouse_reads_every_statement() -> Result<()> {
    let server = executors::server().await;
    let changes = [
        "ALTER TABLE events ADD COLUMN IF NOT EXISTS a String MATERIALIZED JSONExtractString(properties, 'a') CODEC(ZSTD(3)) AFTER event",
        "ALTER TABLE person DELETE WHERE team_id = 1, MODIFY SETTING non_replicated_deduplication_window = 5",
        "TRUNCATE TABLE events",
        "DELETE FROM events WHERE team_id = 1",
        "OPTIMIZE TABLE events FINAL",
    ];
    let cluster = Cluster::new("granary", "analytics");
    let mut read = 0;
    let files = MIGRATIONS.iter().chain([&FINAL_SHAPE]);
    for sql in files
        .flat_map(|file| statements(file.sql))
        .chain(changes.map(str::to_owned))
    {
        for statement in cluster.statements(&sql)? {
            let answer = server
                .query(Statement {
                    sql: "SELECT formatQuery({p0:String}) AS sql".to_owned(),
                    params: vec![statement.as_str().into()],
                })
                .await?;
            let formatted = answer.iter().next().expect("a row").text("sql")?;
            let words = |text: &str| text.split_whitespace().collect::<String>();
            // Nothing was lost or read as something else.
            for part in [
                "ON CLUSTER granary",
                "Replicated",
                "Distributed('granary', 'analytics', 'sharded_events'",
            ] {
                assert_eq!(
                    words(&formatted).contains(&words(part)),
                    words(&statement).contains(&words(part)),
                    "{statement}"
                );
            }
            server.command(&format!("EXPLAIN AST {statement}")).await?;
            read += 1;
        }
    }
    assert!(read > 20, "{read}");
    Ok(())
}
