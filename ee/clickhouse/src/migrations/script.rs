//! One migration file: its header, its statements, its checksum.

use event_store::{Result, StoreError};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// `0001_events`.
    pub name: &'static str,
    pub sql: &'static str,
}

/// What a migration costs on a store with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    Plain,
    /// Rewrites data: a changed engine or sort key.
    Expensive,
}

impl Migration {
    /// The number in front of its name; 0 without one.
    pub fn number(&self) -> u32 {
        self.name
            .split('_')
            .next()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    }
}

/// From the line `-- cost: plain` or `-- cost: expensive`.
pub fn cost(file: &Migration) -> Result<Cost> {
    let line = file.sql.lines().find_map(|line| line.strip_prefix("-- cost:"));
    match line.map(str::trim) {
        Some("plain") => Ok(Cost::Plain),
        Some("expensive") => Ok(Cost::Expensive),
        Some(other) => Err(StoreError::Failed(format!(
            "migration `{}` has the cost `{other}`; it must be plain or expensive",
            file.name
        ))),
        None => Err(StoreError::Failed(format!(
            "migration `{}` does not say its cost",
            file.name
        ))),
    }
}

/// The statements without comments. A `;`, `--` or quote inside of a quoted text or name is part of it.
pub fn statements(sql: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    let mut chars = sql.chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match quote {
            Some(open) => {
                current.push(c);
                if c == '\\' {
                    current.extend(chars.next());
                } else if c == open {
                    quote = None;
                }
            }
            None => match c {
                '-' if chars.peek() == Some(&'-') => {
                    for skipped in chars.by_ref() {
                        if skipped == '\n' {
                            current.push('\n');
                            break;
                        }
                    }
                }
                ';' => statements.push(std::mem::take(&mut current)),
                _ => {
                    if matches!(c, '\'' | '"' | '`') {
                        quote = Some(c);
                    }
                    current.push(c);
                }
            },
        }
    }
    statements.push(current);
    statements
        .into_iter()
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Changes with the statements, not with the comments.
pub fn checksum(sql: &str) -> String {
    Uuid::new_v5(&Uuid::nil(), statements(sql).join(";\n").as_bytes()).to_string()
}
