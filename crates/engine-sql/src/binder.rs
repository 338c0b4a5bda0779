//! Syntax tree to typed plan: names, types, aliases, aggregates, with ClickHouse's meaning.

mod aggregate_call;
mod alias;
mod array_join;
mod call;
mod catalog;
mod column_name;
mod context;
mod expr;

mod from;
mod in_set;
mod join;
mod lambda;
mod literal;
mod lowering;
mod query;
mod sample_share;
mod scope;
mod select;
mod setting_names;
mod standalone;
mod star;
mod suggestion;
mod table_function;
mod window_call;

pub use catalog::{Catalog, ColumnInfo, ColumnKind, TableInfo};
pub use context::{BindContext, ParameterValue};
pub use setting_names::{check_setting, is_known_setting};
pub use standalone::{bind_expression, bind_insert_rows, bind_insert_select, data_type};

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::{
    ast::Query,
    error::{SqlError, code},
    optimizer,
    plan::Plan,
};

/// A query ready to run.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Its schema has the names and types of the result.
    pub plan: Plan,
    /// The context's settings with those of the query's SETTINGS clauses on top.
    pub settings: BTreeMap<String, String>,
    pub format: Option<String>,
}

/// Binds and optimises a query.
pub fn bind(query: &Query, catalog: &dyn Catalog, context: &BindContext) -> Result<Bound, SqlError> {
    let mut bound = bind_unoptimized(query, catalog, context)?;
    bound.plan = optimizer::optimize(bound.plan, catalog);
    Ok(bound)
}

/// Binds a query as written, for EXPLAIN and tests of the optimiser.
pub fn bind_unoptimized(
    query: &Query,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Bound, SqlError> {
    let mut binder = Binder::new(catalog, context);
    binder.apply_settings(query)?;
    let plan = match binder.query(query, &None) {
        Err(_) if binder.missed_row_exists.get() => {
            binder = Binder::new(catalog, context);
            binder.with_row_exists = true;
            binder.apply_settings(query)?;
            binder.query(query, &None)?
        }
        outcome => outcome?,
    };
    Ok(Bound {
        plan,
        settings: binder.settings,
        format: query.format.clone(),
    })
}

/// How many expression nodes a query may become once aliases, WITH and views are put in. ClickHouse's
/// `max_expanded_ast_elements`; without it a chain of aliases doubles with each link.
const MAX_NODES: usize = 500_000;

/// How deep aliases, WITH queries and views may lead into each other.
const MAX_EXPANSION: usize = 100;

struct Binder<'a> {
    catalog: &'a dyn Catalog,
    context: &'a BindContext,
    settings: BTreeMap<String, String>,
    nodes: usize,
    expansion: usize,
    next_param: usize,
    /// Tables have the column `_row_exists`. As next to no query names it, all others are spared it: one that does is
    /// bound again once the name was not found.
    with_row_exists: bool,
    missed_row_exists: Cell<bool>,
}

impl<'a> Binder<'a> {
    fn new(catalog: &'a dyn Catalog, context: &'a BindContext) -> Self {
        Self {
            catalog,
            context,
            settings: context.settings.clone(),
            nodes: 0,
            expansion: 0,
            next_param: 0,
            with_row_exists: false,
            missed_row_exists: Cell::new(false),
        }
    }

    fn count_node(&mut self) -> Result<(), SqlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(SqlError::new(
                code::TOO_BIG_AST,
                format!("The query has more than {MAX_NODES} elements after expansion of aliases"),
            ));
        }
        Ok(())
    }

    /// Runs `bind` one expansion (alias, WITH query, view) deeper.
    fn expanding<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        self.expansion += 1;
        if self.expansion > MAX_EXPANSION {
            return Err(SqlError::new(
                code::CYCLIC_ALIASES,
                format!(
                    "Aliases, WITH queries and views lead into each other more than {MAX_EXPANSION} deep"
                ),
            ));
        }
        let out = bind(self)?;
        self.expansion -= 1;
        Ok(out)
    }

    fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    fn setting_on(&self, name: &str) -> bool {
        matches!(self.setting(name), "1" | "true")
    }
}

#[cfg(test)]
pub(crate) mod tests;
