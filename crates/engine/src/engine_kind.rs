//! Table engines: what `ENGINE = …` means here.

use engine_sql::ast::{EngineSpec, Expr, Literal};

use crate::error::{EngineError, Result};
use crate::shape::key_list;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EngineKind {
    MergeTree,
    Replacing {
        version: Option<String>,
        is_deleted: Option<String>,
    },
    Collapsing {
        sign: String,
    },
    VersionedCollapsing {
        sign: String,
        version: String,
    },
    /// No columns: all that can be summed.
    Summing {
        columns: Vec<String>,
    },
    Aggregating,
    /// Memory and the Log family: rows in insertion order. Ours survive a restart.
    Plain,
    /// Takes rows and forgets them.
    Null,
    /// Reads and writes go to another table: a cluster of one node.
    Distributed {
        database: String,
        table: String,
    },
}

impl EngineKind {
    /// `Replicated…` and `Shared…` engines are their local ones; their path and replica name are accepted and ignored.
    pub(crate) fn of(spec: &EngineSpec) -> Result<Self> {
        let args = spec.args.as_deref().unwrap_or_default();
        let (name, args) = match spec
            .name
            .strip_prefix("Replicated")
            .or_else(|| spec.name.strip_prefix("Shared"))
        {
            Some(local) => {
                let paths = args.iter().take(2).take_while(|a| string(a).is_some()).count();
                (local, &args[paths..])
            }
            None => (spec.name.as_str(), args),
        };
        let column = |at: usize| -> Result<Option<String>> {
            args.get(at).map(|arg| identifier(name, arg)).transpose()
        };
        match name {
            "MergeTree" => Ok(Self::MergeTree),
            "ReplacingMergeTree" => Ok(Self::Replacing {
                version: column(0)?,
                is_deleted: column(1)?,
            }),
            "CollapsingMergeTree" => Ok(Self::Collapsing {
                sign: column(0)?.ok_or_else(|| {
                    EngineError::refused(42, "CollapsingMergeTree needs the sign column as argument")
                })?,
            }),
            "VersionedCollapsingMergeTree" => match (column(0)?, column(1)?) {
                (Some(sign), Some(version)) => Ok(Self::VersionedCollapsing { sign, version }),
                _ => Err(EngineError::refused(
                    42,
                    "VersionedCollapsingMergeTree needs the sign and the version column as arguments",
                )),
            },
            "SummingMergeTree" => Ok(Self::Summing {
                columns: key_list(args.first())
                    .iter()
                    .map(|arg| identifier(name, arg))
                    .collect::<Result<_>>()?,
            }),
            "AggregatingMergeTree" => Ok(Self::Aggregating),
            "Memory" | "Log" | "TinyLog" | "StripeLog" => Ok(Self::Plain),
            "Null" => Ok(Self::Null),
            "Distributed" => {
                let text = |at: usize| {
                    args.get(at)
                        .and_then(|a| string(a).or_else(|| identifier(name, a).ok()))
                        .ok_or_else(|| {
                            EngineError::refused(42, "Distributed needs a cluster, a database and a table")
                        })
                };
                Ok(Self::Distributed {
                    database: text(1)?,
                    table: text(2)?,
                })
            }
            other => Err(EngineError::UnknownEngine(other.to_owned())),
        }
    }

    /// Whether `ORDER BY` decides the order of rows.
    pub(crate) fn is_sorted(&self) -> bool {
        match self {
            Self::MergeTree
            | Self::Replacing { .. }
            | Self::Collapsing { .. }
            | Self::VersionedCollapsing { .. }
            | Self::Summing { .. }
            | Self::Aggregating => true,
            Self::Plain | Self::Null | Self::Distributed { .. } => false,
        }
    }
}

fn string(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(Literal::String(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

fn identifier(engine: &str, expr: &Expr) -> Result<String> {
    match expr {
        Expr::Identifier(parts) => Ok(parts.join(".")),
        other => Err(EngineError::refused(
            36,
            format!("argument `{other}` of engine {engine} must be a column"),
        )),
    }
}
