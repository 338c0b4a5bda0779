//! SQL text to typed logical plan: tokens, grammar, printer, binder, optimiser rules. No IO, no clock.

pub mod ast;
mod binder;
mod error;
mod fold;
mod keywords;
mod optimizer;
mod parser;
pub mod plan;
mod printer;
pub mod ranges;
mod table_names;
mod token;

pub use binder::{
    BindContext, Bound, Catalog, ColumnInfo, ColumnKind, ParameterValue, TableInfo, bind, bind_expression,
    bind_insert_rows, bind_insert_select, bind_unoptimized, check_setting, data_type, is_known_setting,
};
pub use error::{Position, SqlError, code};
pub use optimizer::optimize;
pub use parser::{MAX_DEPTH, parse_expr, parse_query, parse_statement, parse_statements, parse_type_name};
pub use table_names::{leftmost_table, qualify_tables};
