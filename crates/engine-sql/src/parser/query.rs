//! SELECT with its clauses, and set operations over SELECTs.

use super::{Parser, operator};
use crate::{
    ast::{
        Distinct, Fill, FrameBoundSpec, FrameSpec, GroupBy, Interpolate, Limit, LimitBy, NamedWindow,
        OrderBy, Query, Select, SetExpr, SetOp, WindowSpec, With, WithBody,
    },
    error::SqlError,
    token::TokenKind,
};

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Result<Query, SqlError> {
        self.nested(|p| {
            let body = p.set_expr()?;
            p.query_tail(body)
        })
    }

    /// `FORMAT` and the `SETTINGS` behind it.
    pub(super) fn query_tail(&mut self, body: SetExpr) -> Result<Query, SqlError> {
        let mut query = Query {
            body,
            settings: Vec::new(),
            format: None,
        };
        if self.peek_keywords("INTO OUTFILE")? {
            return Err(self.error("INTO OUTFILE is not supported"));
        }
        if self.peek_keyword("SETTINGS")? {
            // Behind a closing parenthesis: `(SELECT 1) SETTINGS …`.
            self.at += 1;
            query.settings = self.settings()?;
        }
        if self.eat_keyword("FORMAT")? {
            query.format = Some(self.name("format name")?);
            if self.eat_keyword("SETTINGS")? {
                let more = self.settings()?;
                query.settings.extend(more);
            }
        }
        Ok(query)
    }

    fn set_expr(&mut self) -> Result<SetExpr, SqlError> {
        let first = self.set_operand()?;
        self.set_expr_from(first)
    }

    pub(super) fn at_set_operator(&mut self) -> Result<bool, SqlError> {
        Ok(self.peek_keyword("UNION")? || self.peek_keyword("EXCEPT")? || self.peek_keyword("INTERSECT")?)
    }

    /// Goes on behind the first branch. INTERSECT binds tighter than UNION and EXCEPT.
    pub(super) fn set_expr_from(&mut self, first: SetExpr) -> Result<SetExpr, SqlError> {
        let mut left = self.intersection(first)?;
        let mut grown_with = None;
        loop {
            let op = if self.eat_keyword("UNION")? {
                match (self.eat_keyword("ALL")?, self.eat_keyword("DISTINCT")?) {
                    (true, _) => SetOp::UnionAll,
                    (_, true) => SetOp::UnionDistinct,
                    (false, false) => SetOp::Union,
                }
            } else if self.eat_keyword("EXCEPT")? {
                let distinct = !self.eat_keyword("ALL")? && self.eat_keyword("DISTINCT")?;
                if distinct {
                    SetOp::ExceptDistinct
                } else {
                    SetOp::Except
                }
            } else {
                return Ok(left);
            };
            let first = self.set_operand()?;
            let right = self.intersection(first)?;
            left = self.operation(left, op, right, grown_with == Some(op))?;
            grown_with = Some(op);
        }
    }

    fn intersection(&mut self, first: SetExpr) -> Result<SetExpr, SqlError> {
        let mut left = first;
        let mut grown_with = None;
        while self.eat_keyword("INTERSECT")? {
            let distinct = !self.eat_keyword("ALL")? && self.eat_keyword("DISTINCT")?;
            let op = if distinct {
                SetOp::IntersectDistinct
            } else {
                SetOp::Intersect
            };
            let right = self.set_operand()?;
            left = self.operation(left, op, right, grown_with == Some(op))?;
            grown_with = Some(op);
        }
        Ok(left)
    }

    fn operation(
        &mut self,
        left: SetExpr,
        op: SetOp,
        right: SetExpr,
        grow: bool,
    ) -> Result<SetExpr, SqlError> {
        let inputs = match (left, grow) {
            (SetExpr::Operation { mut inputs, .. }, true) => {
                inputs.push(right);
                inputs
            }
            (left, _) => {
                self.height += 1;
                self.check_height(self.height)?;
                vec![left, right]
            }
        };
        Ok(SetExpr::Operation { op, inputs })
    }

    fn set_operand(&mut self) -> Result<SetExpr, SqlError> {
        self.nested(|p| {
            if p.eat_symbol("(")? {
                let inner = p.set_expr()?;
                p.expect_symbol(")")?;
                return Ok(inner);
            }
            Ok(SetExpr::Select(Box::new(p.select()?)))
        })
    }

    pub(super) fn select(&mut self) -> Result<Select, SqlError> {
        let mut select = Select::default();
        if self.eat_keyword("WITH")? {
            select.recursive = self.peek_keyword("RECURSIVE")?
                && matches!(self.peek_at(1)?, TokenKind::Word(_) | TokenKind::Quoted(_))
                && !self.peek_keyword_at(1, "AS")?;
            self.at += usize::from(select.recursive);
            select.with = self.comma_list(Self::with_item)?;
        }
        if self.eat_keyword("FROM")? {
            select.from = self.from()?;
            self.expect_keywords("SELECT")?;
        } else if !self.eat_keyword("SELECT")? {
            return Err(self.expected("SELECT"));
        }
        select.distinct = self.distinct()?;
        select.projection = self.comma_list(Self::select_item)?;
        if select.from.is_empty() {
            select.from = if self.eat_keyword("FROM")? {
                self.from()?
            } else {
                self.array_joins()?
            };
        }
        if self.eat_keyword("PREWHERE")? {
            select.prewhere = Some(self.expr()?);
        }
        if self.eat_keyword("WHERE")? {
            select.filter = Some(self.expr()?);
        }
        if self.eat_keywords("GROUP BY")? {
            select.group_by = Some(self.group_by()?);
        }
        loop {
            if self.eat_keywords("WITH TOTALS")? {
                select.with_totals = true;
            } else if self.peek_keywords("WITH ROLLUP")? || self.peek_keywords("WITH CUBE")? {
                let rollup = self.peek_keyword_at(1, "ROLLUP")?;
                self.at += 2;
                select.group_by = match select.group_by.take() {
                    Some(GroupBy::Exprs(keys)) if rollup => Some(GroupBy::Rollup(keys)),
                    Some(GroupBy::Exprs(keys)) => Some(GroupBy::Cube(keys)),
                    _ => return Err(self.error("WITH ROLLUP and WITH CUBE need plain GROUP BY keys")),
                };
            } else {
                break;
            }
        }
        if self.eat_keyword("HAVING")? {
            select.having = Some(self.expr()?);
        }
        if self.eat_keyword("WINDOW")? {
            select.windows = self.comma_list(|p| {
                let name = p.name("window name")?;
                p.expect_keywords("AS")?;
                Ok(NamedWindow {
                    name,
                    spec: p.window_spec()?,
                })
            })?;
        }
        if self.eat_keyword("QUALIFY")? {
            select.qualify = Some(self.expr()?);
        }
        if self.eat_keywords("ORDER BY")? {
            if self.eat_keyword("ALL")? {
                select.order_by_all = true;
            } else {
                select.order_by = self.comma_list(Self::order_by_item)?;
            }
            if self.eat_keyword("INTERPOLATE")? {
                select.interpolate = Some(self.interpolate()?);
            }
        }
        self.limits(&mut select)?;
        if self.eat_keyword("SETTINGS")? {
            select.settings = self.settings()?;
        }
        Ok(select)
    }

    fn with_item(&mut self) -> Result<With, SqlError> {
        let named = matches!(self.peek()?, TokenKind::Word(_) | TokenKind::Quoted(_))
            && self.peek_keyword_at(1, "AS")?
            && self.peek_symbol_at(2, "(")?;
        if named {
            let name = self.name("name")?;
            self.at += 2;
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(With {
                name,
                body: WithBody::Query(Box::new(query)),
            });
        }
        let expr = self.expr()?;
        self.expect_keywords("AS")?;
        Ok(With {
            name: self.name("name of the WITH expression")?,
            body: WithBody::Expr(Box::new(expr)),
        })
    }

    fn distinct(&mut self) -> Result<Option<Distinct>, SqlError> {
        if self.peek_keyword("ALL")? && !self.peek_symbol_at(1, "(")? {
            self.at += 1;
            return Ok(None);
        }
        if !self.eat_keyword("DISTINCT")? {
            return Ok(None);
        }
        if self.peek_keyword("ON")? && self.peek_symbol_at(1, "(")? {
            self.at += 1;
            return Ok(Some(Distinct::On(self.paren_list(Self::expr)?)));
        }
        Ok(Some(Distinct::All))
    }

    fn group_by(&mut self) -> Result<GroupBy, SqlError> {
        if self.peek_keyword("ALL")? && !self.peek_symbol_at(1, "(")? {
            self.at += 1;
            return Ok(GroupBy::All);
        }
        if self.peek_keyword("ROLLUP")? && self.peek_symbol_at(1, "(")? {
            self.at += 1;
            return Ok(GroupBy::Rollup(self.paren_list(Self::aliased_expr)?));
        }
        if self.peek_keyword("CUBE")? && self.peek_symbol_at(1, "(")? {
            self.at += 1;
            return Ok(GroupBy::Cube(self.paren_list(Self::aliased_expr)?));
        }
        if self.eat_keywords("GROUPING SETS")? {
            return Ok(GroupBy::Sets(self.paren_list(|p| {
                if p.peek_symbol("(")? && p.peek_symbol_at(1, ")")? {
                    p.at += 2;
                    return Ok(Vec::new());
                }
                if p.peek_symbol("(")? {
                    p.paren_list(Self::expr)
                } else {
                    Ok(vec![p.expr()?])
                }
            })?));
        }
        self.comma_list(Self::aliased_expr).map(GroupBy::Exprs)
    }

    pub(super) fn order_by_item(&mut self) -> Result<OrderBy, SqlError> {
        let expr = self.aliased_expr()?;
        let descending = self.eat_keyword("DESC")? || self.eat_keyword("DESCENDING")?;
        if !descending && !self.eat_keyword("ASC")? {
            self.eat_keyword("ASCENDING")?;
        }
        let nulls_first = if self.eat_keywords("NULLS FIRST")? {
            Some(true)
        } else if self.eat_keywords("NULLS LAST")? {
            Some(false)
        } else {
            None
        };
        let collate = if self.eat_keyword("COLLATE")? {
            let name = self.string("collation")?;
            Some(String::from_utf8(name).map_err(|_| self.error("A collation's name must be valid UTF-8"))?)
        } else {
            None
        };
        let fill = if self.eat_keywords("WITH FILL")? {
            Some(self.fill()?)
        } else {
            None
        };
        Ok(OrderBy {
            expr,
            descending,
            nulls_first,
            collate,
            fill,
        })
    }

    fn fill(&mut self) -> Result<Fill, SqlError> {
        let mut fill = Fill::default();
        if self.eat_keyword("FROM")? {
            fill.from = Some(self.expr()?);
        }
        if self.eat_keyword("TO")? {
            fill.to = Some(self.expr()?);
        }
        if self.eat_keyword("STEP")? {
            fill.step = Some(self.expr()?);
        }
        if self.eat_keyword("STALENESS")? {
            fill.staleness = Some(self.expr()?);
        }
        Ok(fill)
    }

    fn interpolate(&mut self) -> Result<Vec<Interpolate>, SqlError> {
        if !self.eat_symbol("(")? {
            return Ok(Vec::new());
        }
        if self.eat_symbol(")")? {
            return Ok(Vec::new());
        }
        let items = self.comma_list(|p| {
            let column = p.name("column name")?;
            let expr = if p.eat_keyword("AS")? {
                Some(p.expr()?)
            } else {
                None
            };
            Ok(Interpolate { column, expr })
        })?;
        self.expect_symbol(")")?;
        Ok(items)
    }

    /// `LIMIT [m,] n [OFFSET m] [WITH TIES] [BY …]`, perhaps followed by a second LIMIT; `OFFSET … FETCH …`.
    fn limits(&mut self, select: &mut Select) -> Result<(), SqlError> {
        while self.eat_keyword("LIMIT")? {
            if select.limit.is_some() {
                return Err(self.error("LIMIT is given twice"));
            }
            let first = self.operand(operator::TERNARY)?;
            let (limit, offset) = if self.eat_symbol(",")? {
                (self.operand(operator::TERNARY)?, Some(first))
            } else if self.eat_keyword("OFFSET")? {
                (first, Some(self.operand(operator::TERNARY)?))
            } else {
                (first, None)
            };
            let with_ties = self.eat_keywords("WITH TIES")?;
            if self.eat_keyword("BY")? {
                if select.limit_by.is_some() || with_ties {
                    return Err(self.error("LIMIT BY is given twice, or with TIES"));
                }
                let by = self.comma_list(Self::aliased_expr)?;
                select.limit_by = Some(LimitBy { limit, offset, by });
            } else {
                select.limit = Some(Limit {
                    limit: Some(limit),
                    offset,
                    with_ties,
                });
            }
        }
        if self.peek_keyword("OFFSET")? || self.peek_keyword("FETCH")? {
            if select.limit.is_some() {
                return Err(self.error("OFFSET is given twice"));
            }
            let mut limit = Limit {
                limit: None,
                offset: None,
                with_ties: false,
            };
            if self.eat_keyword("OFFSET")? {
                limit.offset = Some(self.operand(operator::TERNARY)?);
                if !self.eat_keyword("ROWS")? {
                    self.eat_keyword("ROW")?;
                }
            }
            if self.eat_keyword("FETCH")? {
                if !self.eat_keyword("FIRST")? {
                    self.expect_keywords("NEXT")?;
                }
                limit.limit = Some(self.operand(operator::TERNARY)?);
                if !self.eat_keyword("ROWS")? {
                    self.expect_keywords("ROW")?;
                }
                if self.eat_keywords("WITH TIES")? {
                    limit.with_ties = true;
                } else {
                    self.expect_keywords("ONLY")?;
                }
            }
            select.limit = Some(limit);
        }
        Ok(())
    }

    /// `( [base] [PARTITION BY …] [ORDER BY …] [ROWS|RANGE …] )`.
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec, SqlError> {
        self.expect_symbol("(")?;
        let mut spec = WindowSpec::default();
        let clause = |p: &mut Self| -> Result<bool, SqlError> {
            Ok(p.peek_keywords("PARTITION BY")?
                || p.peek_keywords("ORDER BY")?
                || p.peek_keyword("ROWS")?
                || p.peek_keyword("RANGE")?)
        };
        if !clause(self)? && !self.peek_symbol(")")? {
            spec.base = Some(self.name("window name, PARTITION BY, ORDER BY or a frame")?);
        }
        if self.eat_keywords("PARTITION BY")? {
            spec.partition_by = self.comma_list(Self::expr)?;
        }
        if self.eat_keywords("ORDER BY")? {
            spec.order_by = self.comma_list(Self::order_by_item)?;
        }
        let rows = self.peek_keyword("ROWS")?;
        if rows || self.peek_keyword("RANGE")? {
            self.at += 1;
            spec.frame = Some(self.frame(rows)?);
        }
        self.expect_symbol(")")?;
        Ok(spec)
    }

    fn frame(&mut self, rows: bool) -> Result<FrameSpec, SqlError> {
        if self.eat_keyword("BETWEEN")? {
            let start = self.frame_bound()?;
            self.expect_keywords("AND")?;
            let end = self.frame_bound()?;
            return Ok(FrameSpec { rows, start, end });
        }
        Ok(FrameSpec {
            rows,
            start: self.frame_bound()?,
            end: FrameBoundSpec::CurrentRow,
        })
    }

    fn frame_bound(&mut self) -> Result<FrameBoundSpec, SqlError> {
        if self.eat_keywords("CURRENT ROW")? {
            return Ok(FrameBoundSpec::CurrentRow);
        }
        if self.eat_keywords("UNBOUNDED PRECEDING")? {
            return Ok(FrameBoundSpec::UnboundedPreceding);
        }
        if self.eat_keywords("UNBOUNDED FOLLOWING")? {
            return Ok(FrameBoundSpec::UnboundedFollowing);
        }
        let value = Box::new(self.operand(operator::COMPARE + 1)?);
        if self.eat_keyword("PRECEDING")? {
            return Ok(FrameBoundSpec::Preceding(value));
        }
        self.expect_keywords("FOLLOWING")?;
        Ok(FrameBoundSpec::Following(value))
    }
}
