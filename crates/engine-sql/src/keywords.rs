//! Which words cannot be names without quotes, and which cannot be aliases without `AS`.

/// Words that end an expression: as a name they need quotes.
const RESERVED: [&str; 49] = [
    "ALL",
    "AND",
    "ANTI",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASOF",
    "BETWEEN",
    "BY",
    "CASE",
    "CROSS",
    "DESC",
    "DISTINCT",
    "DIV",
    "ELSE",
    "END",
    "EXCEPT",
    "FROM",
    "FULL",
    "GLOBAL",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LIKE",
    "LIMIT",
    "MOD",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "PREWHERE",
    "QUALIFY",
    "REGEXP",
    "SELECT",
    "SETTINGS",
    "THEN",
    "UNION",
    "USING",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Names in expression position all the same, as functions and columns of these names are common.
const CALLABLE: [&str; 7] = ["ALL", "ANTI", "ANY", "ARRAY", "FULL", "MOD", "NOT"];

/// Further words that go on with the clause rather than name what stands before them.
const NO_ALIAS: [&str; 26] = [
    "FINAL",
    "FORMAT",
    "INTERPOLATE",
    "LEFT",
    "NULLS",
    "OFFSET",
    "PASTE",
    "REPLACE",
    "RIGHT",
    "SAMPLE",
    "SEMI",
    "TOTALS",
    "WINDOW",
    "APPLY",
    "COLLATE",
    "STEP",
    "TO",
    "FETCH",
    "PARTITION",
    "ROWS",
    "RANGE",
    "TTL",
    "DELETE",
    "ANY",
    "PARALLEL",
    "VALUES",
];

fn listed(list: &[&str], word: &str) -> bool {
    list.iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// The word ends an expression and cannot begin one.
pub fn is_reserved(word: &str) -> bool {
    listed(&RESERVED, word)
}

/// A reserved word that may still be called: `any(x)`, `array(1, 2)`, `mod(a, b)`.
pub fn is_callable(word: &str) -> bool {
    listed(&CALLABLE, word)
}

/// The word may follow an expression or a table as its name without `AS`.
pub fn is_alias(word: &str) -> bool {
    !is_reserved(word) && !listed(&NO_ALIAS, word)
}

/// The word must be quoted to be a name wherever it may stand.
pub fn needs_quotes(word: &str) -> bool {
    const BEGINS: [&str; 23] = [
        "TRUE",
        "FALSE",
        "INF",
        "INFINITY",
        "NAN",
        "INTERVAL",
        "DEFAULT",
        "PRIMARY",
        "RECURSIVE",
        "INDEX",
        "PROJECTION",
        "CONSTRAINT",
        "TABLE",
        "VIEW",
        "DATABASE",
        "DICTIONARY",
        "FUNCTION",
        "TEMPORARY",
        "BOTH",
        "LEADING",
        "TRAILING",
        "IF",
        "UNBOUNDED",
    ];
    is_reserved(word) || listed(&NO_ALIAS, word) || listed(&BEGINS, word)
}
