//! The statement battery: every line parses, prints, and parses to the same tree; errors name their place.

use proptest::prelude::*;

use super::{MAX_DEPTH, parse_expr, parse_statement, parse_statements};
use crate::ast::{InsertSource, Statement};

const STATEMENTS: &str = include_str!("fixtures/statements.sql");
const ERRORS: &str = include_str!("fixtures/errors.sql");

#[test]
fn battery_prints_and_parses_back() {
    let mut printed = String::new();
    for line in STATEMENTS.lines() {
        let tree = parse_statement(line).unwrap_or_else(|e| panic!("{line}\n{e}"));
        let text = tree.to_string();
        let again = parse_statement(&text).unwrap_or_else(|e| panic!("{line}\nprinted: {text}\n{e}"));
        assert_eq!(again, tree, "{line}\nprinted: {text}");
        printed.push_str(&text);
        printed.push('\n');
    }
    insta::assert_snapshot!(printed);
}

#[test]
fn errors_name_place_and_expectation() {
    let mut out = String::new();
    for line in ERRORS.lines() {
        let error = parse_statement(line).expect_err(line);
        assert_eq!(error.code, 62, "{line}");
        assert!(error.position.is_some(), "{line}");
        out.push_str(&format!("{line}\n    {error}\n"));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn lines_and_columns_count_characters() {
    let error = parse_statement("SELECT 1,\n  'ä' ,, 2").expect_err("two commas");
    let position = error.position.expect("syntax errors have a position");
    assert_eq!((position.line, position.column), (2, 8));
}

#[test]
fn several_statements() {
    let all = parse_statements("SELECT 1; ; INSERT INTO t VALUES (1);SELECT 2;").expect("three statements");
    assert_eq!(all.len(), 3);
    assert!(parse_statements("").expect("nothing").is_empty());
}

#[test]
fn inline_data_is_the_rest_of_the_text() {
    let data = b"{\"a\": 1};\n\xff\x00'";
    let sql = [b"INSERT INTO t (a) FORMAT JSONEachRow\n".as_slice(), data].concat();
    let Statement::Insert(insert) = parse_statement(&sql).expect("parses") else {
        panic!("an INSERT")
    };
    assert_eq!(
        insert.source,
        InsertSource::Format {
            name: "JSONEachRow".to_owned(),
            data: data.to_vec()
        }
    );
}

#[test]
fn misreadings_of_other_parsers() {
    for (text, tree) in [
        ("x IN [1, 2] AND y", "x IN [1, 2] AND y"),
        ("a BETWEEN 1 AND 2 AND b", "a BETWEEN 1 AND 2 AND b"),
        ("NOT a IN (1)", "NOT a IN (1)"),
        ("a IN NOT b", "a IN (NOT b)"),
        ("-1::Int8", "-CAST(1 AS Int8)"),
        ("a - b - c", "a - b - c"),
        ("a - (b - c)", "a - (b - c)"),
        ("NOT (a) AND b", "NOT a AND b"),
        ("1 - -1", "1 - -1"),
        ("x -> y ? 1 : 2", "x -> y ? 1 : 2"),
        ("a OR b AND c", "a OR b AND c"),
        ("(a OR b) AND c", "(a OR b) AND c"),
        ("a = b = c", "a = b = c"),
        ("a || b = c", "a || b = c"),
    ] {
        assert_eq!(parse_expr(text).expect(text).to_string(), tree);
    }
    assert!(matches!(
        parse_expr("x IN [1, 2] AND y").expect("parses"),
        crate::ast::Expr::And(_)
    ));
}

#[test]
fn no_alias_behind_sample() {
    parse_statement("SELECT 1 FROM t FINAL AS x SAMPLE 1 OFFSET 1").expect("in front of it");
    // Printed in its place, SAMPLE would take the query's OFFSET.
    parse_statement("SELECT 1 FROM t SAMPLE 1 AS x OFFSET 1").expect_err("ClickHouse refuses it too");
}

#[test]
fn depth_is_limited_and_not_by_the_stack() {
    let many = 200_000;
    for text in [
        format!("SELECT {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("SELECT {}1", "-".repeat(2 * many).replace("--", "- ")),
        format!("SELECT {}1", "NOT ".repeat(many)),
        format!("SELECT 1{}", " + 1".repeat(many)),
        format!("SELECT {}", "f(".repeat(many)),
        format!("SELECT {}", "[".repeat(many)),
        format!("SELECT x{}", "[1]".repeat(many)),
        format!("SELECT x{}", "::Int8".repeat(many)),
        format!("SELECT a::{}", "Array(".repeat(many)),
        format!("SELECT {}", "a ? b : ".repeat(many)),
        format!("SELECT {}1", "x -> ".repeat(many)),
        format!("SELECT {}", "(SELECT ".repeat(many)),
        format!("{}SELECT 1", "(".repeat(many)),
        format!("SELECT 1{}", " UNION ALL SELECT 1 EXCEPT SELECT 1".repeat(many)),
        format!("SELECT {}", "CASE WHEN ".repeat(many)),
    ] {
        let error = parse_statement(&text).expect_err("too deep");
        assert_eq!(error.code, 62);
        assert!(error.message.contains("nested deeper"), "{}", error.message);
    }
}

#[test]
fn long_flat_texts_are_fine() {
    let many = 20_000;
    for text in [
        format!("SELECT 1{}", " AND 1".repeat(many)),
        format!("SELECT 1{}", ", 1".repeat(many)),
        format!("SELECT x IN (1{})", ", 1".repeat(many)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(many)),
        format!("SELECT CASE {} END", "WHEN 1 THEN 2 ".repeat(many)),
        format!("INSERT INTO t VALUES {}", "(1, 'a'), ".repeat(many)),
    ] {
        parse_statement(&text).expect("flat");
    }
}

#[test]
fn deepest_allowed_tree_fits_a_small_stack() {
    let depth = (MAX_DEPTH - 8) / 2;
    let text = format!("SELECT {}1{}", "f(".repeat(depth), ")".repeat(depth));
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let tree = parse_statement(&text).expect("within the limit");
            assert_eq!(parse_statement(tree.to_string()).expect("prints"), tree);
        })
        .expect("a thread starts")
        .join()
        .expect("no overflow");
}

fn words() -> impl Strategy<Value = String> {
    let vocabulary: Vec<String> = STATEMENTS
        .split_whitespace()
        .map(str::to_owned)
        .chain(
            [
                "(", ")", ",", "'", "\"", "`", "[", "]", "{", "}", ".", "->", "::", "?", ":", "--", "/*",
                "*/", ";", "\\",
            ]
            .map(str::to_owned),
        )
        .collect();
    prop::collection::vec(prop::sample::select(vocabulary), 0..24).prop_map(|words| words.join(" "))
}

/// A line of the battery with a span of bytes replaced.
fn mutations() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static str> = STATEMENTS.lines().collect();
    (
        prop::sample::select(lines),
        any::<prop::sample::Index>(),
        0usize..12,
        prop::collection::vec(any::<u8>(), 0..6),
    )
        .prop_map(|(line, at, cut, insert)| {
            let at = at.index(line.len() + 1);
            let end = (at + cut).min(line.len());
            [&line.as_bytes()[..at], &insert, &line.as_bytes()[end..]].concat()
        })
}

fn round_trip(sql: &[u8]) {
    let Ok(trees) = parse_statements(sql) else {
        return;
    };
    for tree in trees {
        // Binary inline data has no printed form.
        if matches!(&tree, Statement::Insert(i) if matches!(i.source, InsertSource::Format { .. })) {
            continue;
        }
        let text = tree.to_string();
        let again = parse_statement(&text)
            .unwrap_or_else(|e| panic!("{}\n{text}\n{e}", String::from_utf8_lossy(sql)));
        assert_eq!(again, tree, "{}\nprinted: {text}", String::from_utf8_lossy(sql));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_round_trip_or_are_refused(sql in words()) {
        round_trip(sql.as_bytes());
    }

    #[test]
    fn mutated_statements_round_trip_or_are_refused(sql in mutations()) {
        round_trip(&sql);
    }

    #[test]
    fn any_bytes_are_answered(sql in prop::collection::vec(any::<u8>(), 0..200)) {
        round_trip(&sql);
    }
}
