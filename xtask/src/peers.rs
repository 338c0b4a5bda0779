//! The programs that tests compare us with or are driven by: brought if absent, and said so.

mod clickhouse;
mod node;
mod postgres;
mod python;

pub use clickhouse::start as start_clickhouse;
pub use node::packages as node_packages;
pub use postgres::start as start_postgres;
pub use python::venv as python_venv;
