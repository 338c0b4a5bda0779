//! Names of tables, columns and aliases, quoted only where the dialect asks for it.

use crate::Dialect;

/// Words that one of the dialects does not take as a bare name everywhere.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asof",
    "asymmetric",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "div",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "final",
    "first",
    "following",
    "for",
    "foreign",
    "format",
    "from",
    "full",
    "global",
    "grant",
    "group",
    "having",
    "if",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "last",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "mod",
    "natural",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "placing",
    "preceding",
    "prewhere",
    "primary",
    "qualify",
    "range",
    "references",
    "returning",
    "right",
    "rows",
    "sample",
    "select",
    "semi",
    "settings",
    "similar",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "totals",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// `name` as the dialect writes it: bare when it is a plain lower-case word, quoted otherwise.
pub fn quote(name: &str, dialect: Dialect) -> String {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(i, b)| b == b'_' || b.is_ascii_lowercase() || (i > 0 && b.is_ascii_digit()));
    if plain && !name.is_empty() && RESERVED.binary_search(&name).is_err() {
        return name.to_owned();
    }
    match dialect {
        Dialect::ClickHouse => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reserved_words_are_sorted() {
        assert!(super::RESERVED.is_sorted());
    }
}
