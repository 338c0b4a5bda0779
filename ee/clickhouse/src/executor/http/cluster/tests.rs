//! Each migration as it is run on a cluster, and what an ALTER, a DROP and the rest become.

use insta::assert_snapshot;

use super::*;
use crate::migrations::{FINAL_SHAPE, MIGRATIONS, statements};

fn cluster() -> Cluster {
    Cluster::new("granary", "analytics")
}

fn run(sql: &str) -> String {
    cluster().statements(sql).expect("a translation").join(";\n")
}

#[test]
fn migrations_on_a_cluster() {
    let files = MIGRATIONS.iter().chain([&FINAL_SHAPE]);
    let texts: Vec<_> = files
        .map(|file| {
            let statements: Vec<_> = statements(file.sql).iter().map(|sql| run(sql)).collect();
            format!("-- {}\n{}", file.name, statements.join(";\n"))
        })
        .collect();
    assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn changes_on_a_cluster() {
    let texts: Vec<_> = [
        "ALTER TABLE events ADD COLUMN IF NOT EXISTS mat_browser String MATERIALIZED JSONExtractString(properties, '$browser') CODEC(ZSTD(3)) AFTER event",
        "ALTER TABLE events ADD INDEX IF NOT EXISTS i event TYPE set(100) GRANULARITY 4, DROP COLUMN IF EXISTS a, ADD COLUMN IF NOT EXISTS b UInt8",
        "ALTER TABLE events MODIFY COLUMN a REMOVE TTL, MODIFY COLUMN a REMOVE COMMENT",
        "ALTER TABLE events UPDATE a = 1 WHERE b = 2, MODIFY SETTING non_replicated_deduplication_window = 5",
        "ALTER TABLE person ADD COLUMN IF NOT EXISTS a UInt8, DELETE WHERE a = 1, MODIFY SETTING non_replicated_deduplication_window = 5",
        "TRUNCATE TABLE events",
        "TRUNCATE TABLE person",
        "DROP TABLE IF EXISTS events",
        "DROP TABLE IF EXISTS person",
        "DELETE FROM events WHERE team_id = 1",
        "DELETE FROM person WHERE team_id = 1",
        "OPTIMIZE TABLE events FINAL",
        "INSERT INTO events (event) SELECT event FROM events",
        "CREATE DATABASE IF NOT EXISTS analytics",
        "CREATE TABLE IF NOT EXISTS a (b UInt8) ENGINE = MergeTree ORDER BY b SETTINGS index_granularity = 128",
    ]
    .into_iter()
    .map(|sql| format!("-- {sql}\n{}", run(sql)))
    .collect();
    assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn what_a_cluster_cannot_do_is_refused() {
    for sql in [
        "RENAME TABLE person TO people",
        "EXCHANGE TABLES a AND b",
        "CREATE TABLE a (b UInt8) ENGINE = Memory",
        "CREATE TABLE a ENGINE = MergeTree ORDER BY b AS SELECT 1 AS b",
        "CREATE MATERIALIZED VIEW v TO a AS SELECT 1 AS b",
        "not a statement",
    ] {
        let error = cluster().statements(sql).expect_err(sql).to_string();
        assert!(error.ends_with(sql), "{error}");
    }
}
