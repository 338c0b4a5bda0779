//! How an object is written into the storage's catalogue and read back: JSON around the CREATE statement.

use std::collections::BTreeMap;

use engine_sql::ast::Statement;
use serde_json::{Value as Json, json};

use crate::error::{EngineError, Result};

/// What is stored for one table, view or database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    /// `CREATE TABLE`, `CREATE VIEW` or `CREATE DATABASE`, as `SHOW CREATE` would print it.
    pub(crate) create: Statement,
    /// The stored columns, in the order of storage.
    pub(crate) stored: Vec<StoredColumn>,
    /// Names of stored columns that were dropped. Old parts still have them, so they are never used again.
    pub(crate) dropped: Vec<String>,
    /// How often each skip index was cleared: files written before do not count.
    pub(crate) index_epochs: BTreeMap<String, u64>,
    /// The same of projections.
    pub(crate) projection_epochs: BTreeMap<String, u64>,
    /// Of a materialized view without `TO`: the table of its rows, in the view's database.
    pub(crate) inner: Option<String>,
    /// `DETACH … PERMANENTLY`: there, but not to be seen until it is attached.
    pub(crate) detached: bool,
}

/// One column of the storage. Names in parts never change: renaming a column changes only `column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredColumn {
    /// The name in parts.
    pub(crate) name: String,
    pub(crate) ty: String,
    /// The column of the table it holds; `None`: only there so that a column of another type can be computed from it.
    pub(crate) column: Option<String>,
    /// In parts that do not have this column, it is the value of this stored column in this type.
    pub(crate) converted_from: Option<String>,
}

const VERSION: u64 = 1;

/// Numbers by name; none where there is no such list.
fn epochs(json: &Json) -> BTreeMap<String, u64> {
    json.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, epoch)| Some((name.clone(), epoch.as_u64()?)))
        .collect()
}

impl Definition {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let stored: Vec<Json> = self
            .stored
            .iter()
            .map(|c| {
                json!({
                    "name": c.name,
                    "type": c.ty,
                    "column": c.column,
                    "converted_from": c.converted_from,
                })
            })
            .collect();
        json!({
            "version": VERSION,
            "create": self.create.to_string(),
            "stored": stored,
            "dropped": self.dropped,
            "index_epochs": self.index_epochs,
            "projection_epochs": self.projection_epochs,
            "inner": self.inner,
            "detached": self.detached,
        })
        .to_string()
        .into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let bad = |what: &str| EngineError::refused(62, format!("stored definition: {what}"));
        let json: Json = serde_json::from_slice(bytes).map_err(|e| bad(&e.to_string()))?;
        if json["version"].as_u64() != Some(VERSION) {
            return Err(bad("unknown version"));
        }
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let create = text(&json["create"]).ok_or_else(|| bad("no CREATE statement"))?;
        let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
        let stored = list(&json["stored"])
            .iter()
            .map(|c| {
                Ok(StoredColumn {
                    name: text(&c["name"]).ok_or_else(|| bad("a column without a name"))?,
                    ty: text(&c["type"]).ok_or_else(|| bad("a column without a type"))?,
                    column: text(&c["column"]),
                    converted_from: text(&c["converted_from"]),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            create: engine_sql::parse_statement(&create)?,
            stored,
            dropped: list(&json["dropped"]).iter().filter_map(text).collect(),
            index_epochs: epochs(&json["index_epochs"]),
            projection_epochs: epochs(&json["projection_epochs"]),
            inner: text(&json["inner"]),
            detached: json["detached"].as_bool().unwrap_or(false),
        })
    }

    /// Of an object without rows of its own.
    pub(crate) fn bare(create: Statement) -> Self {
        Self {
            create,
            stored: Vec::new(),
            dropped: Vec::new(),
            index_epochs: BTreeMap::new(),
            projection_epochs: BTreeMap::new(),
            inner: None,
            detached: false,
        }
    }

    /// A name for a new stored column that no part has used: the column's own name where possible.
    pub(crate) fn fresh_name(&self, column: &str) -> String {
        let used =
            |name: &str| self.stored.iter().any(|c| c.name == name) || self.dropped.iter().any(|d| d == name);
        if !used(column) {
            return column.to_owned();
        }
        (2..)
            .map(|n| format!("{column}~{n}"))
            .find(|name| !used(name))
            .expect("some number is free")
    }
}
