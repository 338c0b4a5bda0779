//! Columns, indexes, constraints and storage clauses.

use std::fmt::{self, Display, Formatter};

use super::{ColumnName, Name, Quoted, expr::operand, separated, settings_clause};
use crate::ast::{
    ColumnDef, Constraint, EngineSpec, Expr, IndexDef, ProjectionDef, Storage, TtlAction, TtlItem,
};

pub(super) fn bare_list(f: &mut Formatter<'_>, list: &[Expr]) -> fmt::Result {
    separated(f, list, ", ", |f, e| operand(f, e, 0))
}

pub(super) fn assignments(f: &mut Formatter<'_>, set: &[(String, Expr)]) -> fmt::Result {
    separated(f, set, ", ", |f, (name, expr)| {
        write!(f, "{} = ", ColumnName(name))?;
        operand(f, expr, 0)
    })
}

impl Display for ColumnDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", ColumnName(&self.name))?;
        if let Some(ty) = &self.ty {
            write!(f, " {ty}")?;
        }
        match self.null {
            Some(true) => f.write_str(" NULL")?,
            Some(false) => f.write_str(" NOT NULL")?,
            None => {}
        }
        if let Some(default) = &self.default {
            write!(f, " {}", default.kind.keyword())?;
            if let Some(expr) = &default.expr {
                f.write_str(" ")?;
                operand(f, expr, 0)?;
            }
        }
        if let Some(comment) = &self.comment {
            write!(f, " COMMENT {}", Quoted(comment))?;
        }
        if let Some(codec) = &self.codec {
            f.write_str(" CODEC(")?;
            bare_list(f, codec)?;
            f.write_str(")")?;
        }
        if let Some(ttl) = &self.ttl {
            f.write_str(" TTL ")?;
            operand(f, ttl, 0)?;
        }
        Ok(())
    }
}

impl Display for IndexDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Name(&self.name))?;
        operand(f, &self.expr, 0)?;
        f.write_str(" TYPE ")?;
        operand(f, &self.kind, crate::parser::operator::POSTFIX)?;
        match self.granularity {
            Some(granularity) => write!(f, " GRANULARITY {granularity}"),
            None => Ok(()),
        }
    }
}

impl Display for ProjectionDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Name(&self.name), self.select)
    }
}

impl Display for Constraint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verb = if self.assume { "ASSUME" } else { "CHECK" };
        write!(f, "{} {verb} ", Name(&self.name))?;
        operand(f, &self.expr, 0)
    }
}

impl Display for EngineSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Name(&self.name))?;
        if let Some(args) = &self.args {
            f.write_str("(")?;
            bare_list(f, args)?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Each clause with a space before it.
impl Display for Storage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(engine) = &self.engine {
            write!(f, " ENGINE = {engine}")?;
        }
        for (words, expr) in [
            (" PARTITION BY ", &self.partition_by),
            (" PRIMARY KEY ", &self.primary_key),
            (" ORDER BY ", &self.order_by),
            (" SAMPLE BY ", &self.sample_by),
        ] {
            if let Some(expr) = expr {
                f.write_str(words)?;
                operand(f, expr, 0)?;
            }
        }
        if !self.ttl.is_empty() {
            f.write_str(" TTL ")?;
            separated(f, &self.ttl, ", ", |f, item| write!(f, "{item}"))?;
        }
        settings_clause(f, &self.settings)
    }
}

impl Display for TtlItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        operand(f, &self.expr, 0)?;
        match &self.action {
            // The default action is named only where WHERE follows.
            TtlAction::Delete if self.filter.is_none() => {}
            TtlAction::Delete => f.write_str(" DELETE")?,
            TtlAction::ToDisk(name) => write!(f, " TO DISK {name}")?,
            TtlAction::ToVolume(name) => write!(f, " TO VOLUME {name}")?,
            TtlAction::Recompress(codecs) => {
                f.write_str(" RECOMPRESS CODEC(")?;
                bare_list(f, codecs)?;
                f.write_str(")")?;
            }
            TtlAction::GroupBy { keys, set } => {
                f.write_str(" GROUP BY ")?;
                bare_list(f, keys)?;
                if !set.is_empty() {
                    f.write_str(" SET ")?;
                    assignments(f, set)?;
                }
            }
        }
        if let Some(filter) = &self.filter {
            f.write_str(" WHERE ")?;
            operand(f, filter, 0)?;
        }
        Ok(())
    }
}
