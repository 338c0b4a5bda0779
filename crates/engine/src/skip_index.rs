//! Skip indexes as a table declares them: `INDEX name expr TYPE kind GRANULARITY n`.

use std::collections::BTreeMap;

use engine_sql::ast::{self, IndexDef};
use engine_sql::plan::{Expr, ExprKind, SetSource};
use engine_storage::{SkipIndexDef, SkipIndexKind};
use engine_types::{DataType, Schema};

use crate::binding;
use crate::error::{EngineError, Result};
use crate::shape::{ColumnKind, Stored, TableColumn, key_list};

/// A declared index, bound.
pub(crate) struct SkipIndex {
    pub(crate) name: String,
    /// As written, for `system.data_skipping_indices`.
    pub(crate) type_text: String,
    pub(crate) expr_text: String,
    pub(crate) kind: SkipIndexKind,
    pub(crate) granularity: usize,
    /// Over the table's columns.
    pub(crate) exprs: Vec<Expr>,
    fingerprint: String,
}

impl SkipIndex {
    pub(crate) fn def(&self) -> SkipIndexDef {
        SkipIndexDef {
            name: self.name.clone(),
            kind: self.kind,
            granularity: self.granularity,
            types: self.exprs.iter().map(|e| e.ty.clone()).collect(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

/// The declared indexes, without the exact look-up index, which is a file of its own.
pub(crate) fn resolve(
    indexes: &[IndexDef],
    epochs: &BTreeMap<String, u64>,
    columns: &[TableColumn],
    stored: &[Stored],
    schema: &Schema,
) -> Result<Vec<SkipIndex>> {
    let mut out: Vec<SkipIndex> = Vec::new();
    let mut has_lookup = false;
    for index in indexes {
        let refused =
            |problem: String| EngineError::refused(36, format!("index `{}`: {problem}", index.name));
        if out.iter().any(|other| other.name == index.name) {
            return Err(refused("there is another one of this name".to_owned()));
        }
        let kind = kind_of(&index.kind).map_err(refused)?;
        let is_bloom = matches!(kind, SkipIndexKind::BloomFilter { .. });
        if is_bloom && !has_lookup && index.name.starts_with("lookup_") {
            has_lookup = true;
            continue;
        }
        let exprs = key_list(Some(&index.expr))
            .iter()
            .map(|e| binding::bind_over(e, schema))
            .collect::<Result<Vec<_>>>()?;
        let deterministic = exprs.iter().all(Expr::deterministic);
        let mut readable = true;
        for expr in &exprs {
            binding::visit_columns(expr, &mut |c| {
                readable &= columns
                    .get(c)
                    .is_some_and(|c| !matches!(c.kind, ColumnKind::Alias | ColumnKind::Ephemeral));
            });
        }
        if exprs.is_empty() || !deterministic || !readable {
            return Err(refused(
                "needs expressions of stored columns that give the same for the same rows".to_owned(),
            ));
        }
        for expr in &exprs {
            check_type(kind, &expr.ty, exprs.len()).map_err(refused)?;
        }
        let names = |c: usize| {
            let stored = columns
                .get(c)
                .and_then(|c| c.stored)
                .and_then(|at| stored.get(at));
            stored.map_or_else(String::new, |s| format!("{}:{}", s.name, s.ty))
        };
        let text: Vec<String> = exprs.iter().map(|e| fingerprint(e, &names)).collect();
        let types: Vec<String> = exprs.iter().map(|e| e.ty.to_string()).collect();
        out.push(SkipIndex {
            name: index.name.clone(),
            type_text: index.kind.to_string(),
            expr_text: index.expr.to_string(),
            kind,
            granularity: usize::try_from(index.granularity.unwrap_or(1))
                .unwrap_or(usize::MAX)
                .max(1),
            fingerprint: format!(
                "{kind:?} of {} as {}, {}",
                text.join(", "),
                types.join(", "),
                epochs.get(&index.name).unwrap_or(&0)
            ),
            exprs,
        });
    }
    Ok(out)
}

/// The expression with columns as storage knows them, so that it survives renames but no change of what is stored.
fn fingerprint(expr: &Expr, column: &dyn Fn(usize) -> String) -> String {
    let list = |list: &[Expr]| {
        let parts: Vec<String> = list.iter().map(|e| fingerprint(e, column)).collect();
        parts.join(", ")
    };
    match &expr.kind {
        ExprKind::Column(c) => format!("`{}`", column(*c)),
        ExprKind::Literal(value) => format!("{value:?}"),
        ExprKind::Call { function, args } => format!("{}({}):{}", function.name(), list(args), expr.ty),
        ExprKind::And(operands) => format!("and({})", list(operands)),
        ExprKind::Or(operands) => format!("or({})", list(operands)),
        ExprKind::HigherOrder {
            function,
            lambda,
            arrays,
        } => format!(
            "{}({:?}; {}; {}):{}",
            function.name(),
            lambda.body.kind,
            list(&lambda.captures),
            list(arrays),
            expr.ty
        ),
        ExprKind::InSet { arg, set, negated } => {
            let values = match set {
                SetSource::Values(values) => format!("{values:?}"),
                SetSource::Subquery(_) => "a query".to_owned(),
            };
            format!("{} in {negated} {values}", fingerprint(arg, column))
        }
        ExprKind::ScalarSubquery(_) => "a query".to_owned(),
    }
}

fn kind_of(kind: &ast::Expr) -> std::result::Result<SkipIndexKind, String> {
    let (name, args) = match kind {
        ast::Expr::Identifier(parts) => (parts.last().cloned().unwrap_or_default(), Vec::new()),
        ast::Expr::Function(f) => (f.name.clone(), f.args.iter().map(ToString::to_string).collect()),
        other => (other.to_string(), Vec::<String>::new()),
    };
    let whole = |at: usize| -> std::result::Result<usize, String> {
        let text = args
            .get(at)
            .ok_or_else(|| format!("{name} takes more arguments"))?;
        text.parse().map_err(|_| format!("`{text}` is no whole number"))
    };
    let positive = |at: usize| match whole(at)? {
        0 => Err(format!("argument {} of {name} must be more than 0", at + 1)),
        n => Ok(n),
    };
    let exactly = |count: usize| {
        if args.len() == count {
            Ok(())
        } else {
            Err(format!("{name} takes {count} arguments"))
        }
    };
    /// A filter larger than this would not be read to save reading.
    const FILTER_BYTES_MAX: usize = 16 << 20;
    let bytes = |at: usize| match positive(at)? {
        n if n > FILTER_BYTES_MAX => Err(format!("a filter of {n} bytes, at most {FILTER_BYTES_MAX}")),
        n => Ok(n),
    };
    match name.as_str() {
        "minmax" => exactly(0).map(|()| SkipIndexKind::MinMax),
        "set" => {
            exactly(1)?;
            Ok(SkipIndexKind::Set { max_rows: whole(0)? })
        }
        "bloom_filter" => {
            let false_positive = match args.as_slice() {
                [] => 0.025,
                [text] => text
                    .parse::<f64>()
                    .ok()
                    .filter(|p| *p > 0.0 && *p < 1.0)
                    .ok_or("the probability must lie between 0 and 1")?,
                _ => return Err("bloom_filter takes at most one argument".to_owned()),
            };
            Ok(SkipIndexKind::BloomFilter { false_positive })
        }
        "ngrambf_v1" => {
            exactly(4)?;
            Ok(SkipIndexKind::Ngrams {
                n: positive(0)?,
                bytes: bytes(1)?,
                hashes: positive(2)?,
                seed: whole(3)? as u64,
            })
        }
        "tokenbf_v1" => {
            exactly(3)?;
            Ok(SkipIndexKind::Tokens {
                bytes: bytes(0)?,
                hashes: positive(1)?,
                seed: whole(2)? as u64,
            })
        }
        other => Err(format!(
            "there is no type `{other}`; there are minmax, set, bloom_filter, ngrambf_v1 and tokenbf_v1"
        )),
    }
}

fn check_type(kind: SkipIndexKind, ty: &DataType, expressions: usize) -> std::result::Result<(), String> {
    let element = match ty.bare() {
        DataType::Array(element) => element.bare(),
        other => other,
    };
    match kind {
        SkipIndexKind::MinMax | SkipIndexKind::Set { .. } => Ok(()),
        _ if expressions != 1 => Err("a filter takes one expression".to_owned()),
        SkipIndexKind::BloomFilter { .. } => match element {
            DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..) => {
                Err(format!("a bloom_filter does not take {ty}"))
            }
            _ => Ok(()),
        },
        SkipIndexKind::Ngrams { .. } | SkipIndexKind::Tokens { .. } => {
            if element.is_string() {
                Ok(())
            } else {
                Err(format!(
                    "it takes String, FixedString or arrays of them, not {ty}"
                ))
            }
        }
    }
}
