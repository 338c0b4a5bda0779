//! Names in queries of every shape.

use super::{leftmost_table, qualify_tables};
use crate::parse_query;

fn qualified(sql: &str) -> String {
    let mut query = parse_query(sql).unwrap();
    qualify_tables(&mut query, "d", &|name| name == "t");
    query.to_string()
}

#[test]
fn every_table_gets_its_database() {
    for (sql, want) in [
        ("SELECT a FROM t", "SELECT a FROM d.t"),
        ("SELECT a FROM e.t", "SELECT a FROM e.t"),
        (
            "SELECT t.a FROM t JOIN u ON t.a = u.a",
            "SELECT t.a FROM d.t JOIN d.u ON t.a = u.a",
        ),
        (
            "SELECT a FROM (SELECT a FROM t) WHERE a IN (SELECT b FROM u)",
            "SELECT a FROM (SELECT a FROM d.t) WHERE a IN (SELECT b FROM d.u)",
        ),
        ("SELECT a IN t, b IN c FROM u", "SELECT a IN d.t, b IN c FROM d.u"),
        (
            "SELECT (SELECT max(x) FROM t) FROM u",
            "SELECT (SELECT max(x) FROM d.t) FROM d.u",
        ),
        (
            "WITH w AS (SELECT a FROM t) SELECT a FROM w",
            "WITH w AS (SELECT a FROM d.t) SELECT a FROM w",
        ),
    ] {
        assert_eq!(qualified(sql), parse_query(want).unwrap().to_string(), "{sql}");
    }
}

#[test]
fn the_leftmost_table_is_found_through_sub_queries() {
    for (sql, want) in [
        ("SELECT 1", None),
        ("SELECT a FROM t JOIN u USING a", Some("t")),
        ("SELECT a FROM (SELECT a FROM d.t JOIN u USING a)", Some("d.t")),
        (
            "WITH w AS (SELECT a FROM t) SELECT a FROM w JOIN u USING a",
            Some("t"),
        ),
        (
            "WITH t AS (SELECT a FROM t) SELECT a FROM (SELECT a FROM t)",
            Some("t"),
        ),
        ("SELECT a FROM t UNION ALL SELECT a FROM u", None),
        ("SELECT number FROM numbers(3)", None),
    ] {
        let query = parse_query(sql).unwrap();
        let found = leftmost_table(&query).map(ToString::to_string);
        assert_eq!(found.as_deref(), want, "{sql}");
    }
}
