//! Scripts read from text, and answers compared.

use super::*;

const SCRIPT: &str = "# A comment.

statement ok
CREATE TABLE t (a UInt8)
ENGINE = Memory

statement error 60
SELECT * FROM nowhere

query TR rowsort
SELECT 'x', 0.1
----
x\t0.1
(empty)\t2

query I
SELECT 1 WHERE 0
----
";

#[test]
fn records_with_their_lines() {
    let records = parse(SCRIPT).unwrap();
    assert_eq!(records.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 7, 10, 16]);
    let Record::Statement { sql, expect } = &records[0].record else {
        panic!("a statement")
    };
    assert_eq!(
        (sql.as_str(), *expect),
        ("CREATE TABLE t (a UInt8)\nENGINE = Memory", Expect::Ok)
    );
    assert!(matches!(
        &records[1].record,
        Record::Statement {
            expect: Expect::Error(60),
            ..
        }
    ));
    let Record::Query {
        sql,
        types,
        rowsort,
        want,
    } = &records[2].record
    else {
        panic!("a query")
    };
    assert_eq!(
        (sql.as_str(), types.as_str(), *rowsort),
        ("SELECT 'x', 0.1", "TR", true)
    );
    assert_eq!(want, &["x\t0.1", "(empty)\t2"]);
    assert!(matches!(&records[3].record, Record::Query { want, .. } if want.is_empty()));
}

#[test]
fn what_is_no_record_is_an_error_with_its_line() {
    for text in [
        "\nquestion I\nSELECT 1\n",
        "\nquery I\nSELECT 1\n",
        "\nstatement error x\nSELECT\n",
        "\nquery I sorted\n1\n----\n1",
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}

#[test]
fn only_columns_of_floats_are_compared_as_numbers() {
    let lines = |text: &str| rows(text, false);
    assert_eq!(rows("b\t1\n\t2\n", true), ["(empty)\t2", "b\t1"]);
    assert!(equal(
        "RT",
        &lines("0.30000000000000004\tx\n"),
        &lines("0.3\tx\n")
    ));
    assert!(!equal(
        "TT",
        &lines("0.30000000000000004\tx\n"),
        &lines("0.3\tx\n")
    ));
    assert!(!equal("R", &lines("0.3001\n"), &lines("0.3\n")));
    assert!(!equal("R", &lines("nan\n"), &lines("0\n")));
    assert!(equal("R", &lines("nan\n"), &lines("nan\n")));
    assert!(!equal("T", &lines("a\nb\n"), &lines("a\n")));
    assert!(!equal("T", &lines("a\tb\n"), &lines("a\n")));
}
