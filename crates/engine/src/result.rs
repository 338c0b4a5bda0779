//! Answers of statements.

use engine_types::{Block, Column, DataType, Field, Schema, Value};

use crate::scan::ScanSummary;

/// The rows of a statement, in order. Statements that answer nothing have no columns.
#[derive(Clone, Debug, Default)]
pub struct QueryResult {
    pub schema: Schema,
    pub blocks: Vec<Block>,
    pub summary: QuerySummary,
}

/// What a query cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuerySummary {
    /// Rows of the morsels read, before filters.
    pub rows_read: u64,
    pub peak_memory_bytes: usize,
    pub scans: Vec<ScanSummary>,
}

impl QueryResult {
    /// One block of these columns.
    pub fn of_columns(columns: Vec<(&str, DataType, Column)>) -> Self {
        let rows = columns.first().map_or(0, |(_, _, c)| c.len());
        let (schema, columns): (Schema, Vec<Column>) = columns
            .into_iter()
            .map(|(name, ty, column)| (Field::new(name, ty), column))
            .unzip();
        Self {
            schema,
            blocks: vec![Block::new(columns, rows)],
            summary: QuerySummary::default(),
        }
    }

    /// One column of texts.
    pub(crate) fn of_lines(name: &str, lines: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        Self::of_columns(vec![(name, DataType::String, Column::strings(lines))])
    }

    pub fn row_count(&self) -> usize {
        self.blocks.iter().map(Block::rows).sum()
    }

    /// All rows as values; for small results.
    pub fn rows(&self) -> Vec<Vec<Value>> {
        self.blocks
            .iter()
            .flat_map(|block| {
                (0..block.rows()).map(|row| block.columns().iter().map(|c| c.value(row)).collect())
            })
            .collect()
    }

    /// All rows as texts, unescaped, as `toString` prints each value; NULL is `None`.
    pub fn text_rows(&self) -> Vec<Vec<Option<String>>> {
        self.rows()
            .iter()
            .map(|row| {
                row.iter()
                    .zip(&self.schema)
                    .map(|(value, field)| {
                        (!value.is_null()).then(|| engine_functions::format_value(value, &field.ty))
                    })
                    .collect()
            })
            .collect()
    }

    /// The rows as ClickHouse's format TabSeparated prints them.
    pub fn to_tab_separated(&self) -> String {
        let mut out = String::new();
        for row in self.rows() {
            for (i, (value, field)) in row.iter().zip(&self.schema).enumerate() {
                if i > 0 {
                    out.push('\t');
                }
                let text = engine_functions::format_value(value, &field.ty);
                match value {
                    Value::Null => out.push_str("\\N"),
                    Value::String(_) => escape(&text, &mut out),
                    // Strings inside arrays and tuples are quoted and escaped already.
                    _ => out.push_str(&text),
                }
            }
            out.push('\n');
        }
        out
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\'' => out.push_str("\\'"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            other => out.push(other),
        }
    }
}
