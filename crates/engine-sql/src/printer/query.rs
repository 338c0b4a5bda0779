//! SELECT and set operations.

use std::fmt::{self, Display, Formatter};

use super::{
    ColumnName, Name, Quoted,
    expr::{item, items, operand},
    separated, settings_clause,
};
use crate::ast::{
    ArrayJoin, Distinct, Fill, FromItem, GroupBy, Join, JoinConstraint, JoinSide, JoinStrictness, OrderBy,
    Query, Select, SetExpr, SetOp, TableRef, TableSource, With, WithBody,
};
use crate::parser::operator;

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let behind_format = self.format.is_some();
        if !behind_format && !self.settings.is_empty() {
            // Without parentheses these would be the last SELECT's.
            write!(f, "({})", self.body)?;
        } else {
            write!(f, "{}", self.body)?;
        }
        if let Some(format) = &self.format {
            write!(f, " FORMAT {}", Name(format))?;
        }
        settings_clause(f, &self.settings)
    }
}

impl SetOp {
    fn keywords(self) -> &'static str {
        match self {
            Self::UnionAll => "UNION ALL",
            Self::UnionDistinct => "UNION DISTINCT",
            Self::Union => "UNION",
            Self::Intersect => "INTERSECT",
            Self::IntersectDistinct => "INTERSECT DISTINCT",
            Self::Except => "EXCEPT",
            Self::ExceptDistinct => "EXCEPT DISTINCT",
        }
    }
}

impl Display for SetExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select(select) => write!(f, "{select}"),
            Self::Operation { op, inputs } => {
                for (i, input) in inputs.iter().enumerate() {
                    if i > 0 {
                        write!(f, " {} ", op.keywords())?;
                    }
                    match input {
                        Self::Select(select) => write!(f, "{select}")?,
                        nested @ Self::Operation { .. } => write!(f, "({nested})")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.with.is_empty() {
            f.write_str(if self.recursive {
                "WITH RECURSIVE "
            } else {
                "WITH "
            })?;
            separated(f, &self.with, ", ", |f, w| write!(f, "{w}"))?;
            f.write_str(" ")?;
        }
        f.write_str("SELECT ")?;
        match &self.distinct {
            None => {}
            Some(Distinct::All) => f.write_str("DISTINCT ")?,
            Some(Distinct::On(list)) => {
                f.write_str("DISTINCT ON (")?;
                separated(f, list, ", ", |f, e| operand(f, e, 0))?;
                f.write_str(") ")?;
            }
        }
        items(f, &self.projection)?;
        for (i, from) in self.from.iter().enumerate() {
            match from {
                FromItem::Table(table) if i == 0 => write!(f, " FROM {table}")?,
                FromItem::Table(table) => write!(f, ", {table}")?,
                FromItem::Join(join) => write!(f, "{join}")?,
                FromItem::ArrayJoin(join) => write!(f, "{join}")?,
            }
        }
        if let Some(expr) = &self.prewhere {
            f.write_str(" PREWHERE ")?;
            operand(f, expr, 0)?;
        }
        if let Some(expr) = &self.filter {
            f.write_str(" WHERE ")?;
            operand(f, expr, 0)?;
        }
        if let Some(group_by) = &self.group_by {
            write!(f, " GROUP BY {group_by}")?;
        }
        if self.with_totals {
            f.write_str(" WITH TOTALS")?;
        }
        if let Some(expr) = &self.having {
            f.write_str(" HAVING ")?;
            operand(f, expr, 0)?;
        }
        if !self.windows.is_empty() {
            f.write_str(" WINDOW ")?;
            separated(f, &self.windows, ", ", |f, w| {
                write!(f, "{} AS {}", Name(&w.name), w.spec)
            })?;
        }
        if let Some(expr) = &self.qualify {
            f.write_str(" QUALIFY ")?;
            operand(f, expr, 0)?;
        }
        if self.order_by_all {
            f.write_str(" ORDER BY ALL")?;
        } else if !self.order_by.is_empty() {
            f.write_str(" ORDER BY ")?;
            separated(f, &self.order_by, ", ", |f, o| write!(f, "{o}"))?;
        }
        if let Some(list) = &self.interpolate {
            f.write_str(" INTERPOLATE (")?;
            separated(f, list, ", ", |f, i| {
                write!(f, "{}", Name(&i.column))?;
                if let Some(expr) = &i.expr {
                    f.write_str(" AS ")?;
                    operand(f, expr, 0)?;
                }
                Ok(())
            })?;
            f.write_str(")")?;
        }
        if let Some(limit) = &self.limit_by {
            f.write_str(" LIMIT ")?;
            operand(f, &limit.limit, operator::TERNARY)?;
            if let Some(offset) = &limit.offset {
                f.write_str(" OFFSET ")?;
                operand(f, offset, operator::TERNARY)?;
            }
            f.write_str(" BY ")?;
            items(f, &limit.by)?;
        }
        if let Some(limit) = &self.limit {
            match (&limit.limit, &limit.offset) {
                (Some(count), offset) => {
                    f.write_str(" LIMIT ")?;
                    operand(f, count, operator::TERNARY)?;
                    if let Some(offset) = offset {
                        f.write_str(" OFFSET ")?;
                        operand(f, offset, operator::TERNARY)?;
                    }
                }
                (None, Some(offset)) => {
                    f.write_str(" OFFSET ")?;
                    operand(f, offset, operator::TERNARY)?;
                }
                (None, None) => {}
            }
            if limit.with_ties {
                f.write_str(" WITH TIES")?;
            }
        }
        settings_clause(f, &self.settings)
    }
}

impl Display for With {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.body {
            WithBody::Query(query) => write!(f, "{} AS ({query})", Name(&self.name)),
            WithBody::Expr(expr) => {
                operand(f, expr, 0)?;
                write!(f, " AS {}", Name(&self.name))
            }
        }
    }
}

impl Display for TableRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.source {
            TableSource::Table(name) => write!(f, "{name}")?,
            TableSource::Query(query) => write!(f, "({query})")?,
            TableSource::Function { name, args } => {
                write!(f, "{}(", Name(name))?;
                items(f, args)?;
                f.write_str(")")?;
            }
        }
        if let Some(alias) = &self.alias {
            write!(f, " AS {}", Name(alias))?;
        }
        if !self.column_aliases.is_empty() {
            f.write_str("(")?;
            separated(f, &self.column_aliases, ", ", |f, a| write!(f, "{}", Name(a)))?;
            f.write_str(")")?;
        }
        if self.final_ {
            f.write_str(" FINAL")?;
        }
        if let Some(sample) = &self.sample {
            f.write_str(" SAMPLE ")?;
            operand(f, sample, operator::SUM)?;
            if let Some(offset) = &self.sample_offset {
                f.write_str(" OFFSET ")?;
                operand(f, offset, operator::SUM)?;
            }
        }
        Ok(())
    }
}

impl Display for Join {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.side == JoinSide::Comma {
            return write!(f, ", {}", self.table);
        }
        if self.global {
            f.write_str(" GLOBAL")?;
        }
        f.write_str(match self.strictness {
            None => "",
            Some(JoinStrictness::All) => " ALL",
            Some(JoinStrictness::Any) => " ANY",
            Some(JoinStrictness::Semi) => " SEMI",
            Some(JoinStrictness::Anti) => " ANTI",
            Some(JoinStrictness::Asof) => " ASOF",
        })?;
        f.write_str(match self.side {
            JoinSide::Inner => " INNER",
            JoinSide::Left => " LEFT",
            JoinSide::Right => " RIGHT",
            JoinSide::Full => " FULL",
            JoinSide::Cross => " CROSS",
            JoinSide::Paste => " PASTE",
            JoinSide::Comma => "",
        })?;
        write!(f, " JOIN {}", self.table)?;
        match &self.constraint {
            JoinConstraint::None => Ok(()),
            JoinConstraint::On(expr) => {
                f.write_str(" ON ")?;
                operand(f, expr, 0)
            }
            JoinConstraint::Using(names) => {
                f.write_str(" USING (")?;
                separated(f, names, ", ", |f, n| write!(f, "{}", ColumnName(n)))?;
                f.write_str(")")
            }
        }
    }
}

impl Display for ArrayJoin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.left {
            " LEFT ARRAY JOIN "
        } else {
            " ARRAY JOIN "
        })?;
        items(f, &self.arrays)
    }
}

impl Display for GroupBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("ALL"),
            Self::Exprs(list) => items(f, list),
            Self::Rollup(list) => {
                f.write_str("ROLLUP(")?;
                items(f, list)?;
                f.write_str(")")
            }
            Self::Cube(list) => {
                f.write_str("CUBE(")?;
                items(f, list)?;
                f.write_str(")")
            }
            Self::Sets(sets) => {
                f.write_str("GROUPING SETS (")?;
                separated(f, sets, ", ", |f, set| {
                    f.write_str("(")?;
                    separated(f, set, ", ", |f, e| operand(f, e, 0))?;
                    f.write_str(")")
                })?;
                f.write_str(")")
            }
        }
    }
}

impl Display for OrderBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        item(f, &self.expr)?;
        f.write_str(if self.descending { " DESC" } else { " ASC" })?;
        match self.nulls_first {
            Some(true) => f.write_str(" NULLS FIRST")?,
            Some(false) => f.write_str(" NULLS LAST")?,
            None => {}
        }
        if let Some(collate) = &self.collate {
            write!(f, " COLLATE {}", Quoted(collate.as_bytes()))?;
        }
        if let Some(fill) = &self.fill {
            write!(f, " WITH FILL{fill}")?;
        }
        Ok(())
    }
}

impl Display for Fill {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (word, expr) in [
            (" FROM ", &self.from),
            (" TO ", &self.to),
            (" STEP ", &self.step),
            (" STALENESS ", &self.staleness),
        ] {
            if let Some(expr) = expr {
                f.write_str(word)?;
                operand(f, expr, 0)?;
            }
        }
        Ok(())
    }
}
