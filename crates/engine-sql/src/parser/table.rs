//! FROM: tables, sub-queries, table functions, joins, ARRAY JOIN.

use super::{Parser, operator};
use crate::{
    ast::{ArrayJoin, FromItem, Join, JoinConstraint, JoinSide, JoinStrictness, TableRef, TableSource},
    error::SqlError,
    token::TokenKind,
};

impl Parser<'_> {
    pub(super) fn from(&mut self) -> Result<Vec<FromItem>, SqlError> {
        let mut items = vec![FromItem::Table(self.table_ref()?)];
        loop {
            if self.eat_symbol(",")? {
                items.push(FromItem::Join(Join {
                    side: JoinSide::Comma,
                    strictness: None,
                    global: false,
                    table: self.table_ref()?,
                    constraint: JoinConstraint::None,
                }));
            } else if let Some(array_join) = self.array_join()? {
                items.push(FromItem::ArrayJoin(array_join));
            } else if let Some(join) = self.join()? {
                items.push(FromItem::Join(join));
            } else {
                return Ok(items);
            }
        }
    }

    /// ARRAY JOIN without FROM.
    pub(super) fn array_joins(&mut self) -> Result<Vec<FromItem>, SqlError> {
        let mut items = Vec::new();
        while let Some(array_join) = self.array_join()? {
            items.push(FromItem::ArrayJoin(array_join));
        }
        Ok(items)
    }

    fn array_join(&mut self) -> Result<Option<ArrayJoin>, SqlError> {
        let left = self.eat_keywords("LEFT ARRAY JOIN")?;
        if !left && !self.eat_keywords("INNER ARRAY JOIN")? && !self.eat_keywords("ARRAY JOIN")? {
            return Ok(None);
        }
        Ok(Some(ArrayJoin {
            left,
            arrays: self.comma_list(Self::select_item)?,
        }))
    }

    fn join(&mut self) -> Result<Option<Join>, SqlError> {
        let (mut side, mut strictness, mut global, mut outer) = (None, None, false, false);
        let mut words = 0;
        while let TokenKind::Word(word) = self.peek_at(words)? {
            match word.to_ascii_uppercase().as_str() {
                "GLOBAL" if words == 0 => global = true,
                "LOCAL" if words == 0 => {}
                "INNER" if side.is_none() => side = Some(JoinSide::Inner),
                "LEFT" if side.is_none() => side = Some(JoinSide::Left),
                "RIGHT" if side.is_none() => side = Some(JoinSide::Right),
                "FULL" if side.is_none() => side = Some(JoinSide::Full),
                "CROSS" if side.is_none() => side = Some(JoinSide::Cross),
                "PASTE" if side.is_none() => side = Some(JoinSide::Paste),
                "OUTER" if side.is_some() && !outer => outer = true,
                "ALL" if strictness.is_none() => strictness = Some(JoinStrictness::All),
                "ANY" if strictness.is_none() => strictness = Some(JoinStrictness::Any),
                "SEMI" if strictness.is_none() => strictness = Some(JoinStrictness::Semi),
                "ANTI" if strictness.is_none() => strictness = Some(JoinStrictness::Anti),
                "ASOF" if strictness.is_none() => strictness = Some(JoinStrictness::Asof),
                "JOIN" => {
                    self.at += words + 1;
                    return self
                        .join_rest(side.unwrap_or(JoinSide::Inner), strictness, global)
                        .map(Some);
                }
                _ => break,
            }
            words += 1;
        }
        let begins_join = side.is_some() || strictness.is_some() || global;
        if begins_join {
            self.at += words;
            return Err(self.expected("JOIN"));
        }
        Ok(None)
    }

    fn join_rest(
        &mut self,
        side: JoinSide,
        strictness: Option<JoinStrictness>,
        global: bool,
    ) -> Result<Join, SqlError> {
        let table = self.table_ref()?;
        let constraint = if self.eat_keyword("ON")? {
            JoinConstraint::On(self.expr()?)
        } else if self.eat_keyword("USING")? {
            JoinConstraint::Using(if self.peek_symbol("(")? {
                self.paren_list(Self::column_name)?
            } else {
                self.comma_list(Self::column_name)?
            })
        } else if matches!(side, JoinSide::Cross | JoinSide::Paste) {
            JoinConstraint::None
        } else {
            return Err(self.expected("ON or USING"));
        };
        Ok(Join {
            side,
            strictness,
            global,
            table,
            constraint,
        })
    }

    pub(super) fn table_ref(&mut self) -> Result<TableRef, SqlError> {
        let source = if self.eat_symbol("(")? {
            let query = self.query()?;
            self.expect_symbol(")")?;
            TableSource::Query(Box::new(query))
        } else if matches!(self.peek()?, TokenKind::Word(_) | TokenKind::Quoted(_))
            && self.peek_symbol_at(1, "(")?
        {
            let name = self.name("table function")?;
            self.expect_symbol("(")?;
            let mut args = Vec::new();
            if !self.peek_symbol(")")? {
                args = self.comma_list(|p| {
                    if p.at_query()? {
                        return Ok(crate::ast::Expr::Subquery(Box::new(p.query()?)));
                    }
                    p.aliased_expr()
                })?;
            }
            self.expect_symbol(")")?;
            TableSource::Function { name, args }
        } else {
            if let TokenKind::Word(word) = self.peek()?
                && crate::keywords::is_reserved(word)
            {
                return Err(self.expected("table, sub-query or table function"));
            }
            TableSource::Table(self.object_name()?)
        };
        let mut table = TableRef::of(source);
        // ClickHouse wants the alias first; both orders are in use. Not behind SAMPLE, where a printed alias would let
        // SAMPLE take the OFFSET of the query.
        loop {
            if !table.final_ && self.eat_keyword("FINAL")? {
                table.final_ = true;
            } else if table.sample.is_none() && self.eat_keyword("SAMPLE")? {
                table.sample = Some(self.operand(operator::SUM)?);
                if self.eat_keyword("OFFSET")? {
                    table.sample_offset = Some(self.operand(operator::SUM)?);
                }
            } else if table.alias.is_none() && table.sample.is_none() {
                table.alias = self.alias()?;
                if table.alias.is_none() {
                    return Ok(table);
                }
                if self.peek_symbol("(")? {
                    table.column_aliases = self.paren_list(|p| p.name("column name"))?;
                }
            } else {
                return Ok(table);
            }
        }
    }
}
