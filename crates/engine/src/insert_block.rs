//! One block of rows on its way into the storage: its views, its token, one atomic append.

use std::sync::Arc;

use engine_storage::{TableId, TableToken};
use engine_types::Block;

use crate::catalogue::Table;
use crate::engine::{Engine, Inserted};
use crate::engine_kind::EngineKind;
use crate::error::Result;
use crate::insert_limits::check_partitions;
use crate::insert_rows::{Prepared, TableInsert, prepare};
use crate::options::{QueryOptions, flag};

/// How an insert is recognised that was made before.
pub(crate) enum Repeat<'a> {
    /// By a token of the whole storage; `None`: never.
    OfToken(Option<&'a str>),
    /// By the rules of its table: a token in the table's window, or the rows themselves where the table says so.
    OfTable { token: Option<&'a str> },
}

/// Tokens that a table remembers when it does not say how many.
const TOKENS_OF_TABLE: usize = 100;

impl Engine {
    /// Adds rows to one or several tables and to the views that follow them.
    pub(crate) fn insert_block(
        &self,
        inserts: Vec<TableInsert>,
        repeat: &Repeat<'_>,
        options: Option<&QueryOptions>,
    ) -> Result<Inserted> {
        let _definitions_stay = self.ddl.read();
        let catalogue = self.catalogue();
        let now = options.map(|o| o.now);
        let mut prepared = Vec::with_capacity(inserts.len());
        let mut names = Vec::with_capacity(inserts.len());
        for insert in inserts {
            names.push((insert.database.clone(), insert.table.clone()));
            prepared.push(prepare(&catalogue, insert, now)?);
        }
        let (names, prepared) = by_table(names, prepared);
        let token = match repeat {
            Repeat::OfToken(token) => token.map(|t| AppendToken::OfStorage(t.to_owned())),
            Repeat::OfTable { token } => self.table_token(&prepared, *token, options)?,
        };
        let views = self.push_to_views(&catalogue, &names, &prepared, options)?;
        let own: Vec<(TableId, Block)> = prepared.into_iter().filter_map(kept).collect();
        let of_views: Vec<(TableId, Block)> = views.into_iter().filter_map(kept).collect();
        // A program may put the rows of many clients into one append: none fails because of another's.
        if let Repeat::OfTable { .. } = repeat {
            check_partitions(&self.storage, &own, options)?;
            check_partitions(&self.storage, &of_views, options)?;
        }
        let mut tables: Vec<TableId> = own.iter().chain(&of_views).map(|(table, _)| *table).collect();
        tables.sort_unstable();
        tables.dedup();
        let deduplicated = if on(options, "materialized_views_atomic", true)? {
            let all = own.into_iter().chain(of_views).collect();
            self.append(token.as_ref(), all)?
        } else {
            // As ClickHouse does it: a crash in between leaves the source without its views.
            let deduplicated = self.append(token.as_ref(), own)?;
            if !deduplicated {
                for write in of_views {
                    self.storage.append(vec![write])?;
                }
            }
            deduplicated
        };
        if self.config.flush_every_insert {
            self.storage.flush_tables(&tables)?;
        }
        Ok(Inserted { deduplicated })
    }

    fn append(&self, token: Option<&AppendToken>, writes: Vec<(TableId, Block)>) -> Result<bool> {
        let appended = match token {
            None => self.storage.append_with_token(None, writes)?,
            Some(AppendToken::OfStorage(token)) => self.storage.append_with_token(Some(token), writes)?,
            Some(AppendToken::OfTable(token)) => self.storage.append_once(token, writes)?,
        };
        Ok(appended.deduplicated)
    }

    /// What the insert is known by in the window of its table; `None`: by nothing, every insert counts.
    fn table_token(
        &self,
        prepared: &[Prepared],
        token: Option<&str>,
        options: Option<&QueryOptions>,
    ) -> Result<Option<AppendToken>> {
        let Some(first) = prepared.first() else {
            return Ok(None);
        };
        let token = token.filter(|t| !t.is_empty());
        let replicated = is_replicated(&first.table);
        if replicated && !on(options, "insert_deduplicate", true)? {
            return Ok(None);
        }
        let setting = if replicated {
            "replicated_deduplication_window"
        } else {
            "non_replicated_deduplication_window"
        };
        let window = table_setting(&first.table, setting);
        let text = match (token, window) {
            (Some(token), _) => format!("token {token}"),
            (None, Some(0)) => return Ok(None),
            (None, None) if !replicated => return Ok(None),
            (None, _) => {
                let mut text = String::from("rows");
                for of in prepared {
                    text.push(' ');
                    text.push_str(&self.storage.content_hash(of.table.id, &of.block)?);
                }
                text
            }
        };
        Ok(Some(AppendToken::OfTable(TableToken {
            table: first.table.id,
            window: window.filter(|w| *w > 0).unwrap_or(TOKENS_OF_TABLE),
            text,
        })))
    }
}

/// One block for each table, so that views see all its rows at once.
fn by_table(names: Vec<(String, String)>, prepared: Vec<Prepared>) -> (Vec<(String, String)>, Vec<Prepared>) {
    let mut known: Vec<(String, String)> = Vec::new();
    let mut groups: Vec<(Arc<Table>, Vec<Block>)> = Vec::new();
    for (name, rows) in names.into_iter().zip(prepared) {
        let at = known.iter().position(|k| *k == name);
        match at.and_then(|at| groups.get_mut(at)) {
            Some((_, blocks)) => blocks.push(rows.block),
            None => {
                known.push(name);
                groups.push((rows.table, vec![rows.block]));
            }
        }
    }
    let joined = groups.into_iter().map(|(table, mut blocks)| {
        let block = match blocks.len() {
            1 => blocks.remove(0),
            _ => Block::concat(&blocks),
        };
        Prepared { table, block }
    });
    (known, joined.collect())
}

enum AppendToken {
    OfStorage(String),
    OfTable(TableToken),
}

/// The rows to store; none of a table that keeps none.
fn kept(prepared: Prepared) -> Option<(TableId, Block)> {
    (prepared.table.shape.kind != EngineKind::Null).then_some((prepared.table.id, prepared.block))
}

fn is_replicated(table: &Table) -> bool {
    let engine = table.shape.create().ok().and_then(|c| c.storage.engine.as_ref());
    engine.is_some_and(|e| e.name.starts_with("Replicated") || e.name.starts_with("Shared"))
}

/// A whole number among the SETTINGS of the table.
fn table_setting(table: &Table, name: &str) -> Option<usize> {
    let create = table.shape.create().ok()?;
    let setting = create.storage.settings.iter().find(|s| s.name == name)?;
    crate::binding::setting_text(&setting.value).parse().ok()
}

fn on(options: Option<&QueryOptions>, name: &str, otherwise: bool) -> Result<bool> {
    options.map_or(Ok(otherwise), |o| flag(&o.settings, name, otherwise))
}
