//! Statements other than CREATE and ALTER.

use super::Parser;
use crate::{
    ast::{
        Delete, DropKind, DropStatement, DropVerb, Explain, Expr, Insert, InsertSource, InsertTarget, Kill,
        ObjectKind, Optimize, PartitionRef, Show, Statement, SystemCommand, TableSource,
    },
    error::SqlError,
    token::TokenKind,
};

type Like = Option<(bool, bool, Vec<u8>)>;

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement, SqlError> {
        self.nested(Self::statement_inner)
    }

    fn statement_inner(&mut self) -> Result<Statement, SqlError> {
        if let TokenKind::Symbol("(") = self.peek()? {
            return Ok(Statement::Query(Box::new(self.query()?)));
        }
        let TokenKind::Word(word) = self.peek()? else {
            return Err(self.expected("a statement"));
        };
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "SELECT" | "WITH" | "FROM" => Ok(Statement::Query(Box::new(self.query()?))),
            "INSERT" => self.insert(),
            "CREATE" => self.create(false),
            "REPLACE" => self.create(false),
            "ATTACH" => self.attach(),
            "DROP" => self.drop_statement(DropVerb::Drop),
            "DETACH" => self.drop_statement(DropVerb::Detach),
            "TRUNCATE" => self.drop_statement(DropVerb::Truncate),
            "RENAME" => self.rename(),
            "EXCHANGE" => {
                self.at += 1;
                self.expect_keywords("TABLES")?;
                let left = self.object_name()?;
                self.expect_keywords("AND")?;
                let right = self.object_name()?;
                let cluster = self.on_cluster()?;
                Ok(Statement::Exchange { left, right, cluster })
            }
            "ALTER" => self.alter(),
            "DELETE" => self.delete(),
            "OPTIMIZE" => self.optimize(),
            "SHOW" => self.show(),
            "DESCRIBE" | "DESC" => {
                self.at += 1;
                // `DESCRIBE TABLE t`; a table may itself be called `table`.
                if self.peek_keyword("TABLE")?
                    && !matches!(self.peek_at(1)?, TokenKind::End | TokenKind::Symbol(";" | "."))
                {
                    self.at += 1;
                }
                let table = Box::new(self.table_ref()?);
                Ok(Statement::Describe { table })
            }
            "EXISTS" => {
                self.at += 1;
                self.eat_keyword("TEMPORARY")?;
                let kind = self.object_kind()?.unwrap_or(ObjectKind::Table);
                let name = self.object_name()?;
                Ok(Statement::Exists { kind, name })
            }
            "EXPLAIN" => self.explain(),
            "USE" => {
                self.at += 1;
                self.name("database name").map(Statement::Use)
            }
            "SET" => {
                self.at += 1;
                self.settings().map(Statement::Set)
            }
            "SYSTEM" => self.system(),
            "KILL" => self.kill(),
            "CHECK" => {
                self.at += 1;
                self.expect_keywords("TABLE")?;
                let table = self.object_name()?;
                let partition = self.partition_clause()?;
                Ok(Statement::Check { table, partition })
            }
            _ => Err(self.expected(
                "a statement (SELECT, INSERT, CREATE, ALTER, DROP, SHOW, DESCRIBE, EXPLAIN, SET, USE, …)",
            )),
        }
    }

    /// `TABLE`, `VIEW`, `DATABASE`, `DICTIONARY`.
    pub(super) fn object_kind(&mut self) -> Result<Option<ObjectKind>, SqlError> {
        for (word, kind) in [
            ("TABLE", ObjectKind::Table),
            ("VIEW", ObjectKind::View),
            ("DATABASE", ObjectKind::Database),
            ("DICTIONARY", ObjectKind::Dictionary),
        ] {
            let named_so = matches!(
                self.peek_at(1)?,
                TokenKind::End | TokenKind::Symbol(";" | "." | "(")
            );
            if self.peek_keyword(word)? && !named_so {
                self.at += 1;
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }

    fn insert(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        self.expect_keywords("INTO")?;
        let target = if self.peek_keyword("FUNCTION")? && !self.peek_symbol_at(1, "(")? {
            self.at += 1;
            match self.table_ref()?.source {
                TableSource::Function { name, args } => InsertTarget::Function { name, args },
                TableSource::Table(_) | TableSource::Query(_) => return Err(self.expected("table function")),
            }
        } else {
            if self.peek_keyword("TABLE")?
                && matches!(self.peek_at(1)?, TokenKind::Word(w) if crate::keywords::is_alias(w))
            {
                self.at += 1;
            }
            InsertTarget::Table(self.object_name()?)
        };
        let (mut columns, mut except) = (Vec::new(), Vec::new());
        let query_in_parentheses = self.peek_symbol("(")?
            && (self.peek_keyword_at(1, "SELECT")?
                || (self.peek_keyword_at(1, "WITH")? && !self.peek_symbol_at(2, ")")?));
        if self.peek_symbol("(")? && !query_in_parentheses {
            self.at += 1;
            if self.eat_symbol("*")? {
                if self.eat_keyword("EXCEPT")? {
                    except = if self.peek_symbol("(")? {
                        self.paren_list(Self::column_name)?
                    } else {
                        self.comma_list(Self::column_name)?
                    };
                }
            } else if !self.peek_symbol(")")? {
                columns = self.comma_list(Self::column_name)?;
            }
            self.expect_symbol(")")?;
        }
        let settings = if self.eat_keyword("SETTINGS")? {
            self.settings()?
        } else {
            Vec::new()
        };
        let source = if self.peek_keyword("VALUES")? {
            self.at += 1;
            InsertSource::Values(self.values()?)
        } else if self.peek_keyword("FORMAT")? {
            self.at += 1;
            let name = self.name("format name")?;
            if name.eq_ignore_ascii_case("Values") {
                InsertSource::Values(self.values()?)
            } else {
                InsertSource::Format {
                    name,
                    data: self.inline_data(),
                }
            }
        } else if self.at_query()? || self.peek_symbol("(")? {
            InsertSource::Query(Box::new(self.query()?))
        } else {
            return Err(self.expected("VALUES, FORMAT or SELECT"));
        };
        Ok(Statement::Insert(Box::new(Insert {
            target,
            columns,
            except,
            settings,
            source,
        })))
    }

    /// `(…), (…)`: commas between rows may be missing, and there may be no row at all.
    fn values(&mut self) -> Result<Vec<Vec<Expr>>, SqlError> {
        let mut rows = Vec::new();
        while self.eat_symbol("(")? {
            let mut row = Vec::new();
            if !self.peek_symbol(")")? {
                row = self.comma_list(Self::expr)?;
                // Literals come and go by the thousand; their tokens need not stay.
                self.forget_tokens();
            }
            self.expect_symbol(")")?;
            rows.push(row);
            if !self.eat_symbol(",")? && !self.peek_symbol("(")? {
                break;
            }
        }
        Ok(rows)
    }

    /// Drops all tokens but the last one read.
    fn forget_tokens(&mut self) {
        if self.at > 4096 {
            self.tokens.drain(..self.at - 1);
            self.at = 1;
        }
    }

    /// The bytes behind the format's name and one line end. Everything: whoever reads the format decides where it ends.
    fn inline_data(&mut self) -> Vec<u8> {
        let end = self.tokens.get(self.at.wrapping_sub(1)).map_or(0, |t| t.end);
        let mut rest = &self.text[end..];
        let blank = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        match &rest[blank..] {
            [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] => rest = tail,
            [b';', tail @ ..] if tail.iter().all(u8::is_ascii_whitespace) => rest = &[],
            other => rest = other,
        }
        let data = rest.to_vec();
        // What follows is data, so the text ends here for the tokens.
        self.tokens.truncate(self.at);
        self.text = &self.text[..end];
        data
    }

    fn attach(&mut self) -> Result<Statement, SqlError> {
        // A definition behind the name makes it a CREATE.
        let mut ahead = 1;
        while matches!(
            self.peek_at(ahead)?,
            TokenKind::Word(_) | TokenKind::Quoted(_) | TokenKind::Symbol(".")
        ) && !self.peek_keyword_at(ahead, "ENGINE")?
            && !self.peek_keyword_at(ahead, "AS")?
            && ahead < 16
        {
            ahead += 1;
        }
        let defined = !matches!(self.peek_at(ahead)?, TokenKind::End | TokenKind::Symbol(";"));
        if defined {
            return self.create(true);
        }
        self.at += 1;
        let kind = self.object_kind()?.unwrap_or(ObjectKind::Table);
        let if_not_exists = self.eat_keywords("IF NOT EXISTS")?;
        let name = self.object_name()?;
        let cluster = self.on_cluster()?;
        Ok(Statement::Attach {
            kind,
            if_not_exists,
            name,
            cluster,
        })
    }

    fn drop_statement(&mut self, verb: DropVerb) -> Result<Statement, SqlError> {
        self.at += 1;
        let temporary = self.eat_keyword("TEMPORARY")?;
        let kind = match self.object_kind()? {
            Some(kind) => DropKind::Object(kind),
            None if self.eat_keyword("FUNCTION")? => DropKind::Function,
            // TRUNCATE may leave TABLE out.
            None if verb == DropVerb::Truncate => DropKind::Object(ObjectKind::Table),
            None => return Err(self.expected("TABLE, VIEW, DATABASE or DICTIONARY")),
        };
        let if_exists = self.eat_keywords("IF EXISTS")?;
        let if_empty = self.eat_keywords("IF EMPTY")?;
        let names = self.comma_list(Self::object_name)?;
        let cluster = self.on_cluster()?;
        let permanently = verb == DropVerb::Detach && self.eat_keyword("PERMANENTLY")?;
        let sync = self.eat_keyword("SYNC")? || self.eat_keywords("NO DELAY")?;
        Ok(Statement::Drop(DropStatement {
            verb,
            kind,
            temporary,
            if_exists,
            if_empty,
            names,
            cluster,
            permanently,
            sync,
        }))
    }

    fn rename(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        let kind = self.object_kind()?.unwrap_or(ObjectKind::Table);
        let pairs = self.comma_list(|p| {
            let from = p.object_name()?;
            p.expect_keywords("TO")?;
            Ok((from, p.object_name()?))
        })?;
        let cluster = self.on_cluster()?;
        Ok(Statement::Rename { kind, pairs, cluster })
    }

    fn delete(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        self.expect_keywords("FROM")?;
        let table = self.object_name()?;
        let cluster = self.on_cluster()?;
        let partition = if self.eat_keyword("IN")? {
            self.partition_clause()?
        } else {
            None
        };
        self.expect_keywords("WHERE")?;
        let filter = self.expr()?;
        let settings = if self.eat_keyword("SETTINGS")? {
            self.settings()?
        } else {
            Vec::new()
        };
        Ok(Statement::Delete(Delete {
            table,
            cluster,
            partition,
            filter,
            settings,
        }))
    }

    fn optimize(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        self.expect_keywords("TABLE")?;
        let table = self.object_name()?;
        let cluster = self.on_cluster()?;
        let partition = self.partition_clause()?;
        let final_ = self.eat_keyword("FINAL")? || self.eat_keyword("FORCE")?;
        let deduplicate = self.eat_keyword("DEDUPLICATE")?;
        let deduplicate_by = if deduplicate && self.eat_keyword("BY")? {
            self.comma_list(Self::expr)?
        } else {
            Vec::new()
        };
        let settings = if self.eat_keyword("SETTINGS")? {
            self.settings()?
        } else {
            Vec::new()
        };
        Ok(Statement::Optimize(Optimize {
            table,
            cluster,
            partition,
            final_,
            deduplicate,
            deduplicate_by,
            settings,
        }))
    }

    /// `PARTITION …` or `PART '…'`, when there.
    pub(super) fn partition_clause(&mut self) -> Result<Option<PartitionRef>, SqlError> {
        if self.eat_keyword("PART")? {
            return Ok(Some(PartitionRef::Part(self.string("part name")?)));
        }
        if !self.eat_keyword("PARTITION")? {
            return Ok(None);
        }
        if self.eat_keyword("ALL")? {
            return Ok(Some(PartitionRef::All));
        }
        if self.peek_keyword("ID")? && matches!(self.peek_at(1)?, TokenKind::String(_)) {
            self.at += 1;
            return Ok(Some(PartitionRef::Id(self.string("partition id")?)));
        }
        self.expr().map(|expr| Some(PartitionRef::Expr(expr)))
    }

    fn like(&mut self) -> Result<Like, SqlError> {
        let negated = self.eat_keyword("NOT")?;
        let case_free = self.peek_keyword("ILIKE")?;
        if case_free || self.peek_keyword("LIKE")? {
            self.at += 1;
            return Ok(Some((negated, case_free, self.string("pattern")?)));
        }
        if negated {
            Err(self.expected("LIKE or ILIKE"))
        } else {
            Ok(None)
        }
    }

    fn show(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        let full = self.eat_keyword("FULL")?;
        let changed = self.eat_keyword("CHANGED")?;
        Ok(Statement::Show(if self.eat_keyword("DATABASES")? {
            Show::Databases {
                like: self.like()?,
                limit: self.show_limit()?,
            }
        } else if self.eat_keyword("TABLES")? {
            let from = if self.eat_keyword("FROM")? || self.eat_keyword("IN")? {
                Some(self.name("database name")?)
            } else {
                None
            };
            let like = self.like()?;
            let filter = if self.eat_keyword("WHERE")? {
                Some(self.expr()?)
            } else {
                None
            };
            Show::Tables {
                full,
                from,
                like,
                filter,
                limit: self.show_limit()?,
            }
        } else if self.eat_keyword("CREATE")? {
            let kind = self.object_kind()?.unwrap_or(ObjectKind::Table);
            Show::Create {
                kind,
                name: self.object_name()?,
            }
        } else if self.eat_keyword("COLUMNS")? || self.eat_keyword("FIELDS")? {
            if !self.eat_keyword("IN")? {
                self.expect_keywords("FROM")?;
            }
            Show::Columns {
                full,
                table: self.object_name()?,
                like: self.like()?,
            }
        } else if self.eat_keyword("PROCESSLIST")? {
            Show::Processlist
        } else if self.eat_keyword("FUNCTIONS")? {
            Show::Functions { like: self.like()? }
        } else if self.eat_keyword("SETTINGS")? {
            Show::Settings {
                changed,
                like: self.like()?,
            }
        } else if self.eat_keyword("ENGINES")? {
            Show::Engines
        } else {
            return Err(self.expected(
                "DATABASES, TABLES, CREATE, COLUMNS, PROCESSLIST, FUNCTIONS, SETTINGS or ENGINES",
            ));
        }))
    }

    fn show_limit(&mut self) -> Result<Option<Expr>, SqlError> {
        if self.eat_keyword("LIMIT")? {
            self.expr().map(Some)
        } else {
            Ok(None)
        }
    }

    fn explain(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        let mut kind = None;
        for word in ["PLAN", "PIPELINE", "AST", "SYNTAX", "QUERY TREE", "ESTIMATE"] {
            if kind.is_none() && self.eat_keywords(word)? {
                kind = Some(word.to_owned());
            }
        }
        let options = if matches!(self.peek()?, TokenKind::Word(_)) && self.peek_symbol_at(1, "=")? {
            self.settings()?
        } else {
            Vec::new()
        };
        if self.peek_keyword("EXPLAIN")? {
            return Err(self.expected("a statement other than EXPLAIN"));
        }
        Ok(Statement::Explain(Explain {
            kind,
            options,
            statement: Box::new(self.statement()?),
        }))
    }

    /// All words in order; a name (quoted, qualified, or behind TABLES' words) ends them.
    fn system(&mut self) -> Result<Statement, SqlError> {
        const WORDS: [&str; 44] = [
            "FLUSH",
            "INDEX",
            "SKIPPING",
            "PRIMARY",
            "LOGS",
            "DROP",
            "MARK",
            "UNCOMPRESSED",
            "COMPILED",
            "EXPRESSION",
            "QUERY",
            "DNS",
            "CACHE",
            "SCHEMA",
            "FORMAT",
            "MMAP",
            "FILESYSTEM",
            "START",
            "STOP",
            "MERGES",
            "MOVES",
            "TTL",
            "FETCHES",
            "SENDS",
            "REPLICATED",
            "REPLICATION",
            "QUEUES",
            "DISTRIBUTED",
            "RELOAD",
            "DICTIONARY",
            "DICTIONARIES",
            "CONFIG",
            "FUNCTIONS",
            "SYNC",
            "REPLICA",
            "RESTART",
            "REPLICAS",
            "ASYNC",
            "INSERT",
            "QUEUE",
            "METRICS",
            "SHUTDOWN",
            "REFRESH",
            "VIEW",
        ];
        self.at += 1;
        let mut words = Vec::new();
        while let TokenKind::Word(word) = self.peek()? {
            let upper = word.to_ascii_uppercase();
            if !WORDS.contains(&upper.as_str()) || self.peek_symbol_at(1, ".")? {
                break;
            }
            self.at += 1;
            words.push(upper);
        }
        if words.is_empty() {
            return Err(self.expected("SYSTEM command"));
        }
        let mut cluster = self.on_cluster()?;
        let name = if matches!(self.peek()?, TokenKind::Word(_) | TokenKind::Quoted(_)) {
            Some(self.object_name()?)
        } else {
            None
        };
        if cluster.is_none() {
            cluster = self.on_cluster()?;
        }
        Ok(Statement::System(SystemCommand { words, name, cluster }))
    }

    fn kill(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        let mutation = self.eat_keyword("MUTATION")?;
        if !mutation {
            self.expect_keywords("QUERY")?;
        }
        let cluster = self.on_cluster()?;
        self.expect_keywords("WHERE")?;
        let filter = self.expr()?;
        let mut mode = None;
        for word in ["SYNC", "ASYNC", "TEST"] {
            if mode.is_none() && self.eat_keyword(word)? {
                mode = Some(word.to_owned());
            }
        }
        Ok(Statement::Kill(Kill {
            mutation,
            cluster,
            filter,
            mode,
        }))
    }
}
