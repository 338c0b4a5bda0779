//! The insert tokens that were seen last: a repeat of one is not inserted again.
//!
//! There is one window for tokens of the whole storage, and one for each table that asks for its own.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::table_def::TableId;

/// A token in the window of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableToken {
    pub table: TableId,
    /// How many tokens of the table are remembered from now on, this one included.
    pub window: usize,
    pub text: String,
}

/// Begins the written form of a [`TableToken`]; tokens of callers are text that people or programs chose.
const TABLE_MARK: &str = "\0table\0";

impl TableToken {
    /// As log and manifest keep it, among tokens of the whole storage.
    pub(crate) fn encode(&self) -> String {
        format!("{TABLE_MARK}{}\0{}\0{}", self.table.0, self.window, self.text)
    }

    pub(crate) fn decode(token: &str) -> Option<Self> {
        let mut fields = token.strip_prefix(TABLE_MARK)?.splitn(3, '\0');
        Some(Self {
            table: TableId(fields.next()?.parse().ok()?),
            window: fields.next()?.parse().ok()?,
            text: fields.next()?.to_owned(),
        })
    }
}

/// Oldest first, bounded.
#[derive(Debug, Default)]
pub(crate) struct TokenWindow {
    order: VecDeque<String>,
    tables: BTreeMap<TableId, VecDeque<TableToken>>,
    /// Whole tokens, and the tables' by table and text.
    seen: HashSet<String>,
    seen_of: HashSet<(TableId, String)>,
    max: usize,
    /// Whether tokens came since the manifest last got them all.
    pub changed: bool,
}

impl TokenWindow {
    pub fn new(max: usize, tokens: impl IntoIterator<Item = String>) -> Self {
        let mut window = Self {
            max,
            ..Self::default()
        };
        for token in tokens {
            window.insert(token);
        }
        window.changed = false;
        window
    }

    pub fn contains(&self, token: &str) -> bool {
        match TableToken::decode(token) {
            Some(token) => self.seen_of.contains(&(token.table, token.text)),
            None => self.seen.contains(token),
        }
    }

    pub fn insert(&mut self, token: String) {
        if let Some(token) = TableToken::decode(&token) {
            self.insert_of_table(token);
            return;
        }
        if !self.seen.insert(token.clone()) {
            return;
        }
        self.changed = true;
        self.order.push_back(token);
        while self.order.len() > self.max {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
    }

    fn insert_of_table(&mut self, token: TableToken) {
        if !self.seen_of.insert((token.table, token.text.clone())) {
            return;
        }
        self.changed = true;
        let (table, window) = (token.table, token.window);
        let order = self.tables.entry(table).or_default();
        order.push_back(token);
        while order.len() > window {
            if let Some(oldest) = order.pop_front() {
                self.seen_of.remove(&(table, oldest.text));
            }
        }
    }

    /// Forgets what a table has seen: its rows are gone, and sending them again is no repeat.
    pub fn forget(&mut self, table: TableId) {
        for token in self.tables.remove(&table).into_iter().flatten() {
            self.seen_of.remove(&(table, token.text));
            self.changed = true;
        }
    }

    pub fn to_vec(&self) -> Vec<String> {
        let of_tables = self.tables.values().flatten().map(TableToken::encode);
        self.order.iter().cloned().chain(of_tables).collect()
    }

    /// The same without those of one table.
    pub fn to_vec_without(&self, table: TableId) -> Vec<String> {
        let of_others = self.tables.iter().filter(|(id, _)| **id != table);
        let of_others = of_others.flat_map(|(_, tokens)| tokens).map(TableToken::encode);
        self.order.iter().cloned().chain(of_others).collect()
    }
}

#[cfg(test)]
mod tests;
