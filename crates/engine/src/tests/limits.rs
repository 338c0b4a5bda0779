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

/// The most bytes that a statement held, or why it failed.
fn peak(engine: &crate::Engine, sql: &str, limit: usize) -> Result<usize, String> {
    let options = super::options()
        .with_setting("max_memory_usage", limit.to_string())
        .with_setting("max_threads", "1");
    match engine.query(sql, &options) {
        Ok(result) => Ok(result.summary.peak_memory_bytes),
        Err(error) => {
            assert_eq!(error.code(), 241, "{error}");
            Err(error.to_string())
        }
    }
}

#[test]
fn values_of_expressions_count() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    // Bytes that one value needs: of a function, inside a lambda, in a condition, in a row of an aggregate, behind a join.
    for (sql, bytes) in [
        (
            "SELECT length(range(1000000 + number)) FROM numbers(1)",
            8_000_000,
        ),
        (
            "SELECT arraySum(arrayMap(x -> x * 2, range(1000000 + number))) FROM numbers(1)",
            16_000_000,
        ),
        (
            "SELECT 1 FROM numbers(1) WHERE has(arrayMap(x -> toString(x), range(100000 + number)), '7')",
            800_000,
        ),
        (
            "SELECT sum(length(range(1000000 + number))) FROM numbers(3)",
            8_000_000,
        ),
        (
            "SELECT arraySum(arrayFold((a, x) -> arrayPushBack(a, x), range(2000 + number), [toUInt64(0)])), length(range(500000 + number)) FROM numbers(1)",
            4_000_000,
        ),
        (
            "SELECT length(x) FROM (SELECT number FROM numbers(1)) AS a INNER JOIN (SELECT number AS k, range(1000000 + number) AS x FROM numbers(1)) AS b ON a.number = b.k",
            8_000_000,
        ),
    ] {
        let held = peak(&engine, sql, 1 << 30).unwrap();
        assert!(held >= bytes, "{sql}: {held}");
        let error = peak(&engine, sql, bytes / 2).unwrap_err();
        assert!(error.contains(&(bytes / 2).to_string()), "{error}");
        // All of it was given back.
        assert_eq!(peak(&engine, sql, held).unwrap(), held);
    }
}

#[test]
fn values_count_once_and_as_long_as_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let of = |sql: &str| peak(&engine, sql, 1 << 30).unwrap();
    let one = of("SELECT length(range(1000000 + number)) FROM numbers(1)");
    // The same value under two names, and a part of it.
    let shared =
        of("SELECT length(r), arraySum(r) FROM (SELECT range(1000000 + number) AS r FROM numbers(1))");
    assert!(shared < one + one / 8, "{shared} against {one}");
    // Ten values, one after the other.
    let nested = (0..10).fold("range(1000000 + number)".to_owned(), |inner, _| {
        format!("arrayMap(x -> x + 1, {inner})")
    });
    let nested = of(&format!("SELECT length({nested}) FROM numbers(1)"));
    assert!(nested < 4 * one, "{nested} against {one}");
}

#[test]
fn blocks_of_long_values_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    // Some 40 MB of arrays, of each of which fifty times as much is made: a few rows at a time are held.
    let wide = ["r"; 50].join(", ");
    let rows = "SELECT range(number % 100, number % 100 + 1000) AS r FROM numbers(5000) ORDER BY number";
    let sql = format!("SELECT sum(length(arrayFlatten([{wide}]))) FROM ({rows})");
    let held = peak(&engine, &sql, 1 << 30).unwrap();
    assert!(held < 400 << 20, "{held}");
}

#[test]
fn sets_and_sub_queries_count_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let sql = "SELECT count() FROM numbers(1000) WHERE number IN (SELECT number FROM numbers(300000))";
    let held = peak(&engine, sql, 1 << 30).unwrap();
    assert!(held > 300_000 * 8, "{held}");
    assert!(peak(&engine, sql, 300_000 * 8).is_err());
}
