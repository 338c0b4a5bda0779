//! What is sent and read, without a server.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use sql_builder::Value;
use uuid::Uuid;

use super::*;
use crate::row::Cell;

fn time() -> DateTime<Utc> {
    "2020-01-02T03:04:05.000006Z".parse().expect("a time")
}

#[test]
fn parameters_are_escaped() {
    for (value, text) in [
        (Value::from("a'b\\c\td\ne"), "a\\'b\\\\c\\td\\ne"),
        (Value::from(-7i64), "-7"),
        (Value::from(0.5), "0.5"),
        (Value::from(f64::INFINITY), "inf"),
        (Value::from(time()), "2020-01-02 03:04:05.000006"),
        (
            Value::from(vec!["a".to_owned(), "it's".to_owned()]),
            "['a','it\\'s']",
        ),
        (Value::from(vec![1i64, 2]), "[1,2]"),
        (
            Value::from(vec![Uuid::nil()]),
            "['00000000-0000-0000-0000-000000000000']",
        ),
        (Value::from(vec![time()]), "['2020-01-02 03:04:05.000006']"),
    ] {
        assert_eq!(encode::parameter(&value), text);
    }
}

#[test]
fn rows_are_json_lines() {
    let mut line = String::new();
    encode::json_row(
        &[
            Cell::Text("a\"b\n".to_owned()),
            Cell::Uuid(Uuid::nil()),
            Cell::Time(time()),
            Cell::Bool(true),
            Cell::UInt(u64::MAX),
            Cell::Array(vec![Cell::Int(-1), Cell::Null]),
        ],
        &mut line,
    );
    assert_eq!(
        line,
        "[\"a\\\"b\\n\",\"00000000-0000-0000-0000-000000000000\",\"2020-01-02 03:04:05.000006\",true,18446744073709551615,[-1,null]]\n"
    );
}

#[test]
fn answers_are_read_by_their_types() {
    let text = concat!(
        "[\"a\",\"b\",\"c\",\"d\",\"e\"]\n",
        "[\"Nullable(Float64)\",\"DateTime64(6, 'UTC')\",\"Array(Int64)\",\"UInt64\",\"Float64\"]\n",
        "[null,\"2020-01-02 03:04:05.000006\",[-1],18446744073709551615,\"nan\"]\n",
    );
    let rows = decode::rows(text).expect("reads");
    let cells = &rows.rows[0];
    assert_eq!(cells[0], Cell::Null);
    assert_eq!(cells[1], Cell::Time(time()));
    assert_eq!(cells[2], Cell::Array(vec![Cell::Int(-1)]));
    assert_eq!(cells[3], Cell::UInt(u64::MAX));
    assert!(matches!(cells[4], Cell::Float(value) if value.is_nan()));

    for broken in [
        "[\"a\"]\n[\"String\",\"String\"]\n",
        "[\"a\"]\n[\"String\"]\n[1]\n",
        "[\"a\"]\n[\"String\"]\n[\"x\",\"y\"]\n",
        "[\"a\"]\n[\"Map(String, String)\"]\n[{}]\n",
        "Code: 1",
    ] {
        assert!(decode::rows(broken).is_err(), "{broken}");
    }
}

#[test]
fn errors_keep_their_meaning() {
    let error = |text| server_error(StatusCode::INTERNAL_SERVER_ERROR, text);
    assert!(matches!(
        error("Code: 241. DB::Exception: memory"),
        StoreError::Limit(_)
    ));
    assert!(matches!(
        error("Code: 252. DB::Exception: parts"),
        StoreError::Unavailable(_)
    ));
    assert!(matches!(
        error("Code: 62. DB::Exception: syntax"),
        StoreError::Failed(_)
    ));
    assert!(matches!(error("bad gateway"), StoreError::Unavailable(_)));
}

#[test]
fn the_password_is_not_printed() {
    let http = Http::new(HttpOptions {
        url: "http://ann:secret@localhost:8123".to_owned(),
        database: "granary".to_owned(),
        user: None,
        password: None,
        timeout: Duration::from_secs(1),
        cluster: None,
    })
    .expect("a client");
    assert_eq!(http.options.user.as_deref(), Some("ann"));
    let request = http.request(&[]).build().expect("a request");
    assert_eq!(request.url().as_str(), "http://localhost:8123/?database=granary");
    assert!(!format!("{:?}", http.options).contains("secret"));
}

#[test]
fn inserts_are_acknowledged_when_they_are_stored_and_kept_once() {
    let settings = |cluster: Option<&str>, table: &str| {
        let http = Http::new(HttpOptions {
            url: "http://localhost:8123".to_owned(),
            database: "granary".to_owned(),
            user: None,
            password: None,
            timeout: Duration::from_secs(1),
            cluster: cluster.map(str::to_owned),
        })
        .expect("a client");
        let mut settings: Vec<_> = http
            .writing(table, "step")
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        settings.sort();
        settings.join(" ")
    };
    let asynchronous = |table: &str| {
        format!(
            "async_insert=1 async_insert_deduplicate=1 insert_deduplicate=1 insert_deduplication_token=step:{table} wait_for_async_insert=1"
        )
    };
    assert_eq!(settings(None, "events"), asynchronous("events"));
    assert_eq!(settings(Some("c"), "person"), asynchronous("person"));
    assert_eq!(
        settings(Some("c"), "events"),
        "async_insert=0 async_insert_deduplicate=1 distributed_foreground_insert=1 insert_deduplicate=1 insert_deduplication_token=step:events load_balancing=in_order"
    );
}
