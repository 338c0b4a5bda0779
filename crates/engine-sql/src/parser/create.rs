//! CREATE: tables, databases, views, and the clauses of their definitions.

use super::{Parser, operator};
use crate::{
    ast::{
        ColumnDef, ColumnDefault, Constraint, CreateDatabase, CreateTable, CreateView, DefaultKind,
        EngineSpec, Expr, IndexDef, Literal, ProjectionDef, Statement, Storage, TtlAction, TtlItem,
    },
    error::SqlError,
    token::TokenKind,
};

/// What may stand between the parentheses of a table definition.
#[derive(Default)]
struct Elements {
    columns: Vec<ColumnDef>,
    indexes: Vec<IndexDef>,
    projections: Vec<ProjectionDef>,
    constraints: Vec<Constraint>,
    primary_key: Option<Expr>,
}

impl Parser<'_> {
    pub(super) fn create(&mut self, attach: bool) -> Result<Statement, SqlError> {
        let replace = self.peek_keyword("REPLACE")?;
        self.at += 1;
        let or_replace = replace || self.eat_keywords("OR REPLACE")?;
        if self.eat_keyword("DATABASE")? {
            return self.create_database();
        }
        let temporary = self.eat_keyword("TEMPORARY")?;
        let materialized = self.eat_keyword("MATERIALIZED")?;
        if materialized || self.peek_keyword("VIEW")? {
            self.expect_keywords("VIEW")?;
            return self.create_view(attach, or_replace, materialized);
        }
        if !self.eat_keyword("TABLE")? {
            return Err(self.expected("TABLE, VIEW, MATERIALIZED VIEW or DATABASE"));
        }
        let if_not_exists = self.eat_keywords("IF NOT EXISTS")?;
        let name = self.object_name()?;
        let uuid = if self.eat_keyword("UUID")? {
            Some(self.string("UUID")?)
        } else {
            None
        };
        let cluster = self.on_cluster()?;
        let mut table = CreateTable {
            attach,
            or_replace,
            temporary,
            if_not_exists,
            name,
            uuid,
            cluster,
            columns: Vec::new(),
            indexes: Vec::new(),
            projections: Vec::new(),
            constraints: Vec::new(),
            storage: Storage::default(),
            as_table: None,
            as_query: None,
            empty: false,
            comment: None,
        };
        if self.peek_symbol("(")? {
            let elements = self.elements()?;
            table.columns = elements.columns;
            table.indexes = elements.indexes;
            table.projections = elements.projections;
            table.constraints = elements.constraints;
            table.storage.primary_key = elements.primary_key;
        }
        self.create_as(&mut table)?;
        self.storage(&mut table.storage)?;
        if self.eat_keyword("COMMENT")? {
            table.comment = Some(self.string("comment")?);
        }
        table.empty = self.eat_keyword("EMPTY")?;
        self.create_as(&mut table)?;
        if table.comment.is_none() && self.eat_keyword("COMMENT")? {
            table.comment = Some(self.string("comment")?);
        }
        Ok(Statement::CreateTable(Box::new(table)))
    }

    /// `AS table` or `AS SELECT`, before or behind the storage clauses.
    fn create_as(&mut self, table: &mut CreateTable) -> Result<(), SqlError> {
        if table.as_table.is_some() || table.as_query.is_some() || !self.eat_keyword("AS")? {
            return Ok(());
        }
        if self.at_query()? || self.peek_symbol("(")? {
            table.as_query = Some(Box::new(self.query()?));
        } else {
            table.as_table = Some(self.object_name()?);
        }
        Ok(())
    }

    fn create_database(&mut self) -> Result<Statement, SqlError> {
        let if_not_exists = self.eat_keywords("IF NOT EXISTS")?;
        let name = self.name("database name")?;
        let cluster = self.on_cluster()?;
        let engine = if self.eat_keyword("ENGINE")? {
            self.eat_symbol("=")?;
            Some(self.engine()?)
        } else {
            None
        };
        let comment = if self.eat_keyword("COMMENT")? {
            Some(self.string("comment")?)
        } else {
            None
        };
        Ok(Statement::CreateDatabase(CreateDatabase {
            if_not_exists,
            name,
            cluster,
            engine,
            comment,
        }))
    }

    fn create_view(
        &mut self,
        attach: bool,
        or_replace: bool,
        materialized: bool,
    ) -> Result<Statement, SqlError> {
        let if_not_exists = self.eat_keywords("IF NOT EXISTS")?;
        let name = self.object_name()?;
        let cluster = self.on_cluster()?;
        let mut refresh = None;
        if self.eat_keyword("REFRESH")? {
            let every = self.eat_keyword("EVERY")?;
            if !every {
                self.expect_keywords("AFTER")?;
            }
            let count = self.unsigned("number of units")?;
            refresh = Some((every, count, self.name("time unit")?.to_ascii_uppercase()));
        }
        let append = refresh.is_some() && self.eat_keyword("APPEND")?;
        let to = if self.eat_keyword("TO")? {
            Some(self.object_name()?)
        } else {
            None
        };
        let mut columns = Vec::new();
        let mut storage = Storage::default();
        if self.peek_symbol("(")? {
            let elements = self.elements()?;
            columns = elements.columns;
            storage.primary_key = elements.primary_key;
        }
        self.storage(&mut storage)?;
        let populate = self.eat_keyword("POPULATE")?;
        let mut comment = if self.eat_keyword("COMMENT")? {
            Some(self.string("comment")?)
        } else {
            None
        };
        self.expect_keywords("AS")?;
        let query = Box::new(self.query()?);
        if comment.is_none() && self.eat_keyword("COMMENT")? {
            comment = Some(self.string("comment")?);
        }
        Ok(Statement::CreateView(Box::new(CreateView {
            attach,
            or_replace,
            materialized,
            if_not_exists,
            name,
            cluster,
            refresh,
            append,
            to,
            columns,
            storage,
            populate,
            query,
            comment,
        })))
    }

    fn elements(&mut self) -> Result<Elements, SqlError> {
        self.expect_symbol("(")?;
        let mut out = Elements::default();
        loop {
            if self.peek_symbol(")")? {
                break;
            }
            // A column may be called `index`; then a type follows, and no second name behind it is an expression.
            if self.peek_keyword("INDEX")? && self.element_name_follows()? {
                self.at += 1;
                out.indexes.push(self.index()?);
            } else if self.peek_keyword("PROJECTION")? && self.element_name_follows()? {
                self.at += 1;
                out.projections.push(self.projection()?);
            } else if self.peek_keyword("CONSTRAINT")? && self.element_name_follows()? {
                self.at += 1;
                out.constraints.push(self.constraint()?);
            } else if self.peek_keywords("PRIMARY KEY")? {
                self.at += 2;
                out.primary_key = Some(self.expr()?);
            } else {
                out.columns.push(self.column_def(true)?);
            }
            if !self.eat_symbol(",")? {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(out)
    }

    /// `INDEX name …`: behind the name comes more than the end of a column definition.
    fn element_name_follows(&mut self) -> Result<bool, SqlError> {
        Ok(
            matches!(self.peek_at(1)?, TokenKind::Word(_) | TokenKind::Quoted(_))
                && !matches!(self.peek_at(2)?, TokenKind::Symbol("," | ")")),
        )
    }

    pub(super) fn index(&mut self) -> Result<IndexDef, SqlError> {
        let name = self.name("index name")?;
        let expr = self.expr()?;
        self.expect_keywords("TYPE")?;
        let kind = self.operand(operator::POSTFIX)?;
        let granularity = if self.eat_keyword("GRANULARITY")? {
            Some(self.unsigned("granularity")?)
        } else {
            None
        };
        Ok(IndexDef {
            name,
            expr,
            kind,
            granularity,
        })
    }

    pub(super) fn projection(&mut self) -> Result<ProjectionDef, SqlError> {
        let name = self.name("projection name")?;
        self.expect_symbol("(")?;
        let select = Box::new(self.select()?);
        self.expect_symbol(")")?;
        Ok(ProjectionDef { name, select })
    }

    pub(super) fn constraint(&mut self) -> Result<Constraint, SqlError> {
        let name = self.name("constraint name")?;
        let assume = self.eat_keyword("ASSUME")?;
        if !assume {
            self.expect_keywords("CHECK")?;
        }
        Ok(Constraint {
            name,
            assume,
            expr: self.expr()?,
        })
    }

    /// `name [type] [NULL] [DEFAULT …] [COMMENT …] [CODEC(…)] [TTL …]`.
    pub(super) fn column_def(&mut self, type_needed: bool) -> Result<ColumnDef, SqlError> {
        let mut column = ColumnDef {
            name: self.column_name()?,
            ty: None,
            null: None,
            default: None,
            comment: None,
            codec: None,
            ttl: None,
        };
        let property = |p: &mut Self| -> Result<bool, SqlError> {
            for word in [
                "DEFAULT",
                "MATERIALIZED",
                "ALIAS",
                "EPHEMERAL",
                "COMMENT",
                "CODEC",
                "TTL",
                "FIRST",
                "AFTER",
                "REMOVE",
            ] {
                if p.peek_keyword(word)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        if matches!(self.peek()?, TokenKind::Word(_) | TokenKind::Quoted(_)) && !property(self)? {
            column.ty = Some(self.type_name()?);
        }
        loop {
            if column.null.is_none() && self.peek_keyword("NULL")? {
                self.at += 1;
                column.null = Some(true);
            } else if column.null.is_none() && self.eat_keywords("NOT NULL")? {
                column.null = Some(false);
            } else if column.default.is_none() && self.default_kind_follows()? {
                column.default = self.column_default()?;
            } else if column.comment.is_none() && self.eat_keyword("COMMENT")? {
                column.comment = Some(self.string("comment")?);
            } else if column.codec.is_none() && self.peek_keyword("CODEC")? && self.peek_symbol_at(1, "(")? {
                self.at += 1;
                column.codec = Some(self.paren_list(Self::expr)?);
            } else if column.ttl.is_none() && self.eat_keyword("TTL")? {
                column.ttl = Some(self.expr()?);
            } else {
                break;
            }
        }
        if type_needed && column.ty.is_none() && column.default.is_none() {
            return Err(self.expected("data type or default expression"));
        }
        Ok(column)
    }

    fn default_kind_follows(&mut self) -> Result<bool, SqlError> {
        Ok(self.peek_keyword("DEFAULT")?
            || self.peek_keyword("MATERIALIZED")?
            || self.peek_keyword("ALIAS")?
            || self.peek_keyword("EPHEMERAL")?)
    }

    fn column_default(&mut self) -> Result<Option<ColumnDefault>, SqlError> {
        let kind = if self.eat_keyword("DEFAULT")? {
            DefaultKind::Default
        } else if self.eat_keyword("MATERIALIZED")? {
            DefaultKind::Materialized
        } else if self.eat_keyword("ALIAS")? {
            DefaultKind::Alias
        } else {
            self.expect_keywords("EPHEMERAL")?;
            DefaultKind::Ephemeral
        };
        let bare = kind == DefaultKind::Ephemeral
            && (matches!(self.peek()?, TokenKind::Symbol("," | ")" | ";") | TokenKind::End)
                || self.peek_keyword("COMMENT")?
                || self.peek_keyword("CODEC")?);
        let expr = if bare { None } else { Some(self.expr()?) };
        Ok(Some(ColumnDefault { kind, expr }))
    }

    fn engine(&mut self) -> Result<EngineSpec, SqlError> {
        let name = self.name("engine name")?;
        let args = if self.eat_symbol("(")? {
            let mut args = Vec::new();
            if !self.peek_symbol(")")? {
                args = self.comma_list(Self::expr)?;
            }
            self.expect_symbol(")")?;
            Some(args)
        } else {
            None
        };
        Ok(EngineSpec { name, args })
    }

    /// ENGINE, ORDER BY, PARTITION BY, PRIMARY KEY, SAMPLE BY, TTL, SETTINGS in any order, each once.
    pub(super) fn storage(&mut self, storage: &mut Storage) -> Result<(), SqlError> {
        loop {
            if storage.engine.is_none() && self.eat_keyword("ENGINE")? {
                self.eat_symbol("=")?;
                storage.engine = Some(self.engine()?);
            } else if storage.partition_by.is_none() && self.eat_keywords("PARTITION BY")? {
                storage.partition_by = Some(self.expr()?);
            } else if storage.primary_key.is_none() && self.eat_keywords("PRIMARY KEY")? {
                storage.primary_key = Some(self.expr()?);
            } else if storage.order_by.is_none() && self.eat_keywords("ORDER BY")? {
                storage.order_by = Some(self.expr()?);
            } else if storage.sample_by.is_none() && self.eat_keywords("SAMPLE BY")? {
                storage.sample_by = Some(self.expr()?);
            } else if storage.ttl.is_empty() && self.eat_keyword("TTL")? {
                storage.ttl = self.comma_list(Self::ttl_item)?;
            } else if storage.settings.is_empty() && self.eat_keyword("SETTINGS")? {
                storage.settings = self.settings()?;
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn ttl_item(&mut self) -> Result<TtlItem, SqlError> {
        let expr = self.expr()?;
        let mut action = TtlAction::Delete;
        if self.eat_keyword("TO")? {
            action = if self.eat_keyword("DISK")? {
                TtlAction::ToDisk(Literal::String(self.string("disk name")?))
            } else {
                self.expect_keywords("VOLUME")?;
                TtlAction::ToVolume(Literal::String(self.string("volume name")?))
            };
        } else if self.eat_keyword("RECOMPRESS")? {
            self.expect_keywords("CODEC")?;
            action = TtlAction::Recompress(self.paren_list(Self::expr)?);
        } else if self.eat_keywords("GROUP BY")? {
            let mut keys = vec![self.expr()?];
            while self.eat_symbol(",")? {
                keys.push(self.expr()?);
            }
            let mut set = Vec::new();
            if self.eat_keyword("SET")? {
                set.push(self.assignment()?);
                // Behind another comma the next TTL may begin.
                while self.peek_symbol(",")? && self.is_assignment_behind_comma()? {
                    self.expect_symbol(",")?;
                    set.push(self.assignment()?);
                }
            }
            action = TtlAction::GroupBy { keys, set };
        } else {
            self.eat_keyword("DELETE")?;
        }
        let takes_filter = matches!(action, TtlAction::Delete | TtlAction::GroupBy { .. });
        let filter = if takes_filter && self.eat_keyword("WHERE")? {
            Some(self.expr()?)
        } else {
            None
        };
        Ok(TtlItem { expr, action, filter })
    }

    /// `column = expr, …`.
    pub(super) fn assignments(&mut self) -> Result<Vec<(String, Expr)>, SqlError> {
        self.comma_list(Self::assignment)
    }

    fn assignment(&mut self) -> Result<(String, Expr), SqlError> {
        let name = self.column_name()?;
        self.expect_symbol("=")?;
        Ok((name, self.expr()?))
    }

    /// `, column =` and `, nested.column =`.
    fn is_assignment_behind_comma(&mut self) -> Result<bool, SqlError> {
        let mut ahead = 2;
        while self.peek_symbol_at(ahead, ".")? {
            ahead += 2;
        }
        self.peek_symbol_at(ahead, "=")
    }
}
