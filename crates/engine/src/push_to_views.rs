//! Rows of an insert through the materialized views that follow their table, hop by hop.
//!
//! A view's query sees the inserted rows in place of its source, wherever it names it, and every other table as it is now.
//! Its rows are those of its target by name; what the target has besides gets its defaults.

use std::cell::OnceCell;
use std::sync::Arc;

use chrono::DateTime;
use engine_exec::{ExecError, Scan, ScanRequest, TableSource};
use engine_types::{Block, Column};

use crate::binding;
use crate::catalogue::{Catalogue, Table, View};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::insert_rows::{Prepared, TableInsert, prepare};
use crate::options::{QueryOptions, flag};
use crate::scan::{Blocks, EngineSource};
use crate::statement::cast_for;

/// Hops from a table through views to others. Views that lead in a circle end here.
const HOPS_MAX: usize = 32;
const TOO_DEEP: u32 = 306;

/// Rows of a morsel of inserted rows.
const MORSEL_ROWS: usize = 65_536;

impl Engine {
    /// What the views make of the rows, for all tables behind them. `names` are those that the insert used.
    pub(crate) fn push_to_views(
        &self,
        catalogue: &Arc<Catalogue>,
        names: &[(String, String)],
        inserted: &[Prepared],
        options: Option<&QueryOptions>,
    ) -> Result<Vec<Prepared>> {
        let mut push = Push {
            engine: self,
            catalogue,
            options,
            ignore_errors: options.map_or(Ok(false), |o| {
                flag(&o.settings, "materialized_views_ignore_errors", false)
            })?,
            tables: OnceCell::new(),
            out: Vec::new(),
        };
        for ((database, name), rows) in names.iter().zip(inserted) {
            push.follow(database, name, &rows.table, &rows.block, 0)?;
        }
        Ok(push.out)
    }

    /// The rows that the view makes of `block`, as an insert into its target.
    pub(crate) fn view_rows(
        &self,
        catalogue: &Arc<Catalogue>,
        view: &View,
        source: &BlockSource<'_>,
        options: &QueryOptions,
    ) -> Result<Option<TableInsert>> {
        let (Some((database, name)), Some((target_database, target))) = (&view.source, view.target()) else {
            return Ok(None);
        };
        // Names without a database are the view's own.
        let mut own = options.clone();
        own.database.clone_from(&view.database);
        let (plan, settings) = binding::bind_over_block(
            self,
            catalogue,
            &view.create.query,
            (database, name, source.table),
            &own,
        )?;
        let context = self.context(&settings, &own)?;
        let result = engine_exec::execute(&plan, source, &context)?;
        let Some(rows) = crate::engine::joined(&result.blocks) else {
            return Ok(None);
        };
        let table = catalogue.table(target_database, target)?;
        let count = rows.rows();
        let mut columns: Vec<(String, Column)> = Vec::new();
        for (from, column) in result.schema.iter().zip(rows.columns()) {
            let Some(at) = table.shape.column(&from.name) else {
                continue;
            };
            let to = engine_types::Field::new(&from.name, table.shape.columns[at].ty.clone());
            columns.push((from.name.clone(), cast_for(column, from, &to)?));
        }
        Ok((count > 0).then(|| TableInsert {
            database: target_database.to_owned(),
            table: target.to_owned(),
            rows: Some(count),
            columns,
        }))
    }
}

struct Push<'a> {
    engine: &'a Engine,
    catalogue: &'a Arc<Catalogue>,
    options: Option<&'a QueryOptions>,
    ignore_errors: bool,
    /// Tables as they are now, once a view asks for one.
    tables: OnceCell<EngineSource>,
    out: Vec<Prepared>,
}

impl Push<'_> {
    /// Through all views that follow the table, under the name of the insert or its own.
    fn follow(
        &mut self,
        database: &str,
        name: &str,
        table: &Arc<Table>,
        block: &Block,
        hops: usize,
    ) -> Result<()> {
        let mut views = self.catalogue.followers(database, name).to_vec();
        if (database, name) != (&table.database, &table.name) {
            views.extend_from_slice(self.catalogue.followers(&table.database, &table.name));
        }
        if block.rows() == 0 {
            return Ok(());
        }
        for view in views {
            let before = self.out.len();
            if let Err(error) = self.one(&view, table, block, hops) {
                let error = match error {
                    EngineError::View { .. } => error,
                    error => EngineError::View {
                        view: format!("{}.{}", view.database, view.name),
                        error: Box::new(error),
                    },
                };
                if !self.ignore_errors {
                    return Err(error);
                }
                tracing::warn!(%error, "a materialized view misses the rows of an insert");
                self.out.truncate(before);
            }
        }
        Ok(())
    }

    fn one(&mut self, view: &View, table: &Arc<Table>, block: &Block, hops: usize) -> Result<()> {
        if hops >= HOPS_MAX {
            return Err(EngineError::refused(
                TOO_DEEP,
                format!("materialized views lead into each other more than {HOPS_MAX} deep"),
            ));
        }
        let without_time;
        let options = match self.options {
            Some(options) => options,
            None if binding::reads_the_time(&view.create.query) => {
                return Err(EngineError::refused(
                    36,
                    "the view's query depends on the time, which this insert does not say",
                ));
            }
            None => {
                without_time = QueryOptions::new(DateTime::UNIX_EPOCH);
                &without_time
            }
        };
        if self.tables.get().is_none() {
            let tables = EngineSource::new(&self.engine.storage, self.catalogue.clone())?;
            let _ = self.tables.set(tables);
        }
        let tables = self
            .tables
            .get()
            .ok_or_else(|| EngineError::Internal("no tables for a view".to_owned()))?;
        let source = BlockSource {
            table,
            block,
            others: tables,
        };
        let Some(insert) = self.engine.view_rows(self.catalogue, view, &source, options)? else {
            return Ok(());
        };
        let (database, name) = (insert.database.clone(), insert.table.clone());
        let made = prepare(self.catalogue, insert, self.options.map(|o| o.now))?;
        let (table, block) = (made.table.clone(), made.block.clone());
        self.out.push(made);
        self.follow(&database, &name, &table, &block, hops + 1)
    }
}

/// Inserted rows under the name of [`binding::inserted_block`], and all tables.
pub(crate) struct BlockSource<'a> {
    pub(crate) table: &'a Table,
    /// The stored columns of the table.
    pub(crate) block: &'a Block,
    pub(crate) others: &'a EngineSource,
}

impl TableSource for BlockSource<'_> {
    fn open(&self, request: &ScanRequest<'_>) -> std::result::Result<Arc<dyn Scan>, ExecError> {
        if *request.table != binding::inserted_block() {
            return self.others.open(request);
        }
        let columns = request
            .columns
            .iter()
            .map(|&c| {
                let stored = self.table.shape.columns.get(c).and_then(|column| column.stored);
                stored
                    .map(|at| self.block.column(at).clone())
                    .ok_or_else(|| ExecError::Source {
                        code: 16,
                        message: format!("column {c} of `{}` cannot be read", self.table.name),
                    })
            })
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let rows = self.block.rows();
        let wanted = Block::new(columns, rows);
        let blocks = (0..rows)
            .step_by(MORSEL_ROWS)
            .map(|start| wanted.slice(start, MORSEL_ROWS.min(rows - start)))
            .collect();
        Ok(Arc::new(Blocks::new(blocks)))
    }
}
