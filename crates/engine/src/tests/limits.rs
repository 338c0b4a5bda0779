//! Limits of statements: the right code, and the engine goes on.

use super::{open, text};

#[test]
fn limits_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let code = |sql: &str, name: &str, value: &str| {
        let options = super::options().with_setting(name, value);
        engine.query(sql, &options).unwrap_err().code()
    };
    let many = "SELECT number, count() FROM numbers(3000000) GROUP BY number ORDER BY number";
    assert_eq!(code(many, "max_memory_usage", "1000000"), 241);
    assert_eq!(
        code("SELECT number FROM numbers(100)", "max_result_rows", "10"),
        396
    );
    assert_eq!(
        code(
            "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
            "max_execution_time",
            "0.05"
        ),
        159
    );
    assert_eq!(code("SELECT 1", "no_such_setting", "1"), 115);
    assert_eq!(code("SELECT 1", "max_threads", "many"), 72);
    assert_eq!(text(&engine, "SELECT 1"), "1\n");
}

#[test]
fn cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let options = super::options();
    options.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = engine.query("SELECT 1", &options).unwrap_err();
    assert_eq!(error.code(), 394);
}

#[test]
fn parameters_are_values_not_text() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let options = super::options()
        .with_parameter("name", crate::Parameter::Text("x' OR 1 = 1 --".to_owned()))
        .with_parameter(
            "n",
            crate::Parameter::Value(crate::Value::UInt(7), crate::DataType::UInt64),
        );
    let result = engine
        .query("SELECT {name:String} AS s, {n:UInt64} + 1 AS n", &options)
        .unwrap();
    assert_eq!(
        result.text_rows(),
        vec![vec![Some("x' OR 1 = 1 --".to_owned()), Some("8".to_owned())]]
    );
}
