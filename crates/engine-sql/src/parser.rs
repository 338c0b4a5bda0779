//! Text to syntax tree: a hand-written recursive-descent and precedence parser, linear in the length of the text.
//!
//! Nothing is parsed twice: where two readings share a beginning, the beginning is read as the more general one and
//! turned into the other when a later token decides.

mod alter;
mod create;
mod expr;
pub(crate) mod operator;
mod query;
mod special_form;
mod statement;
mod table;
mod type_name;

use crate::{
    ast::{Expr, NamePart, ObjectName, Query, Setting, Statement},
    error::SqlError,
    keywords,
    token::{Token, TokenKind, next_token, syntax_error},
};

/// Greatest height of a tree: what is nested deeper is refused (code 62) rather than risking the stack.
pub const MAX_DEPTH: usize = 100;

/// All statements of a text, split by `;`. An INSERT with inline data takes the rest of the text.
pub fn parse_statements(sql: impl AsRef<[u8]>) -> Result<Vec<Statement>, SqlError> {
    let mut parser = Parser::new(sql.as_ref());
    let mut out = Vec::new();
    loop {
        while parser.eat_symbol(";")? {}
        if parser.at_end()? {
            return Ok(out);
        }
        out.push(parser.statement()?);
        if !parser.at_end()? && !parser.peek_symbol(";")? {
            return Err(parser.expected("end of statement or ';'"));
        }
    }
}

/// Exactly one statement, perhaps closed by `;`.
pub fn parse_statement(sql: impl AsRef<[u8]>) -> Result<Statement, SqlError> {
    let mut parser = Parser::new(sql.as_ref());
    while parser.eat_symbol(";")? {}
    let statement = parser.statement()?;
    while parser.eat_symbol(";")? {}
    parser.finish("end of statement")?;
    Ok(statement)
}

/// Exactly one SELECT (with its set operations).
pub fn parse_query(sql: impl AsRef<[u8]>) -> Result<Query, SqlError> {
    let mut parser = Parser::new(sql.as_ref());
    let query = parser.query()?;
    while parser.eat_symbol(";")? {}
    parser.finish("end of query")?;
    Ok(query)
}

/// Exactly one expression, as stored for defaults, keys and constraints.
pub fn parse_expr(sql: impl AsRef<[u8]>) -> Result<Expr, SqlError> {
    let mut parser = Parser::new(sql.as_ref());
    let expr = parser.aliased_expr()?;
    parser.finish("end of expression")?;
    Ok(expr)
}

/// Exactly one type name.
pub fn parse_type_name(sql: impl AsRef<[u8]>) -> Result<crate::ast::TypeName, SqlError> {
    let mut parser = Parser::new(sql.as_ref());
    let ty = parser.type_name()?;
    parser.finish("end of type")?;
    Ok(ty)
}

struct Parser<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
    at: usize,
    /// How many constructs are open now.
    depth: usize,
    /// Greatest height of the trees finished since the last reset; see [`Parser::nested`].
    height: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            tokens: Vec::new(),
            at: 0,
            depth: 0,
            height: 0,
        }
    }

    /// The token `ahead` of the next one.
    fn peek_at(&mut self, ahead: usize) -> Result<&TokenKind, SqlError> {
        while self.tokens.len() <= self.at + ahead {
            let last = self.tokens.last();
            let token = next_token(self.text, last.map_or(0, |t| t.end), last)?;
            self.tokens.push(token);
        }
        Ok(&self.tokens[self.at + ahead].kind)
    }

    fn peek(&mut self) -> Result<&TokenKind, SqlError> {
        self.peek_at(0)
    }

    fn advance(&mut self) -> Result<TokenKind, SqlError> {
        let kind = self.peek()?.clone();
        self.at += 1;
        Ok(kind)
    }

    /// Byte offset where the next token begins.
    fn offset(&self) -> usize {
        match (self.tokens.get(self.at), self.tokens.last()) {
            (Some(token), _) => token.start,
            (None, Some(last)) => last.end,
            (None, None) => 0,
        }
    }

    fn error(&self, message: &str) -> SqlError {
        syntax_error(self.text, self.offset(), message)
    }

    fn expected(&self, what: &str) -> SqlError {
        self.error(&format!("Expected {what}"))
    }

    fn at_end(&mut self) -> Result<bool, SqlError> {
        Ok(*self.peek()? == TokenKind::End)
    }

    fn finish(&mut self, what: &str) -> Result<(), SqlError> {
        if self.at_end()? {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// Runs `parse` one level deeper. Heights are tracked as well as the depth, because chains such as `a + b + c`
    /// grow trees without recursion here, and all who walk the tree later recurse.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let outer = std::mem::take(&mut self.height);
        let out = parse(self)?;
        self.depth -= 1;
        let height = self.height + 1;
        self.check_height(height)?;
        self.height = outer.max(height);
        Ok(out)
    }

    fn check_height(&self, height: usize) -> Result<(), SqlError> {
        if height > MAX_DEPTH {
            Err(self.too_deep())
        } else {
            Ok(())
        }
    }

    fn too_deep(&self) -> SqlError {
        self.error(&format!("The query is nested deeper than {MAX_DEPTH} levels"))
    }

    fn peek_symbol(&mut self, symbol: &str) -> Result<bool, SqlError> {
        self.peek_symbol_at(0, symbol)
    }

    fn peek_symbol_at(&mut self, ahead: usize, symbol: &str) -> Result<bool, SqlError> {
        Ok(matches!(self.peek_at(ahead)?, TokenKind::Symbol(s) if *s == symbol))
    }

    fn eat_symbol(&mut self, symbol: &str) -> Result<bool, SqlError> {
        let found = self.peek_symbol(symbol)?;
        self.at += usize::from(found);
        Ok(found)
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.eat_symbol(symbol)? {
            Ok(())
        } else {
            Err(self.expected(&format!("'{symbol}'")))
        }
    }

    fn peek_keyword(&mut self, keyword: &str) -> Result<bool, SqlError> {
        self.peek_keyword_at(0, keyword)
    }

    fn peek_keyword_at(&mut self, ahead: usize, keyword: &str) -> Result<bool, SqlError> {
        Ok(matches!(self.peek_at(ahead)?, TokenKind::Word(w) if w.eq_ignore_ascii_case(keyword)))
    }

    /// The keywords (split at spaces) come next.
    fn peek_keywords(&mut self, keywords: &str) -> Result<bool, SqlError> {
        for (i, keyword) in keywords.split(' ').enumerate() {
            if !self.peek_keyword_at(i, keyword)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn eat_keyword(&mut self, keyword: &str) -> Result<bool, SqlError> {
        let found = self.peek_keyword(keyword)?;
        self.at += usize::from(found);
        Ok(found)
    }

    /// All of the keywords (split at spaces) or none.
    fn eat_keywords(&mut self, keywords: &str) -> Result<bool, SqlError> {
        let found = self.peek_keywords(keywords)?;
        if found {
            self.at += keywords.split(' ').count();
        }
        Ok(found)
    }

    fn expect_keywords(&mut self, keywords: &str) -> Result<(), SqlError> {
        for keyword in keywords.split(' ') {
            if !self.eat_keyword(keyword)? {
                return Err(self.expected(keyword));
            }
        }
        Ok(())
    }

    /// A name where only a name can stand: any word will do.
    fn name(&mut self, what: &str) -> Result<String, SqlError> {
        match self.peek()? {
            TokenKind::Word(_) | TokenKind::Quoted(_) => match self.advance()? {
                TokenKind::Word(name) | TokenKind::Quoted(name) => Ok(name),
                _ => Err(self.expected(what)),
            },
            _ => Err(self.expected(what)),
        }
    }

    /// A name with dots in it, as `Nested` columns have.
    fn column_name(&mut self) -> Result<String, SqlError> {
        let mut name = self.name("column name")?;
        while self.eat_symbol(".")? {
            name.push('.');
            name.push_str(&self.name("column name")?);
        }
        Ok(name)
    }

    fn name_part(&mut self, what: &str) -> Result<NamePart, SqlError> {
        if self.eat_symbol("{")? {
            let name = self.name("parameter name")?;
            self.expect_symbol(":")?;
            self.expect_keywords("Identifier")?;
            self.expect_symbol("}")?;
            return Ok(NamePart::Parameter(name));
        }
        self.name(what).map(NamePart::Name)
    }

    fn object_name(&mut self) -> Result<ObjectName, SqlError> {
        let first = self.name_part("table name")?;
        if self.eat_symbol(".")? {
            return Ok(ObjectName {
                database: Some(first),
                name: self.name_part("table name")?,
            });
        }
        Ok(ObjectName {
            database: None,
            name: first,
        })
    }

    /// An alias after an expression or table: `AS name`, or a word that means nothing else here.
    fn alias(&mut self) -> Result<Option<String>, SqlError> {
        if self.eat_keyword("AS")? {
            return self.name("alias").map(Some);
        }
        match self.peek()? {
            TokenKind::Quoted(_) => self.name("alias").map(Some),
            TokenKind::Word(word) if keywords::is_alias(word) => self.name("alias").map(Some),
            _ => Ok(None),
        }
    }

    fn string(&mut self, what: &str) -> Result<Vec<u8>, SqlError> {
        match self.peek()? {
            TokenKind::String(_) => match self.advance()? {
                TokenKind::String(value) => Ok(value),
                _ => Err(self.expected(what)),
            },
            _ => Err(self.expected(what)),
        }
    }

    fn unsigned(&mut self, what: &str) -> Result<u64, SqlError> {
        let value = match self.peek()? {
            TokenKind::Number(text) => text.parse().ok(),
            _ => None,
        };
        match value {
            Some(value) => {
                self.at += 1;
                Ok(value)
            }
            None => Err(self.expected(what)),
        }
    }

    /// One or more, between commas.
    fn comma_list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        let mut out = vec![item(self)?];
        while self.eat_symbol(",")? {
            out.push(item(self)?);
        }
        Ok(out)
    }

    /// `( … )` with one or more items.
    fn paren_list<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        self.expect_symbol("(")?;
        let out = self.comma_list(item)?;
        self.expect_symbol(")")?;
        Ok(out)
    }

    /// `name = value, …`; a name alone is `1`.
    fn settings(&mut self) -> Result<Vec<Setting>, SqlError> {
        self.comma_list(|p| {
            let name = p.name("setting name")?;
            let value = if p.eat_symbol("=")? {
                p.setting_value()?
            } else {
                crate::ast::Literal::Number("1".to_owned())
            };
            Ok(Setting { name, value })
        })
    }

    fn on_cluster(&mut self) -> Result<Option<String>, SqlError> {
        if !self.eat_keywords("ON CLUSTER")? {
            return Ok(None);
        }
        if let TokenKind::String(_) = self.peek()? {
            let name = self.string("cluster name")?;
            return match String::from_utf8(name) {
                Ok(name) if !name.is_empty() => Ok(Some(name)),
                _ => Err(self.expected("cluster name")),
            };
        }
        if self.peek_symbol("{")? {
            // The macro form '{cluster}' without quotes is not ClickHouse's.
            return Err(self.expected("cluster name"));
        }
        self.name("cluster name").map(Some)
    }
}

#[cfg(test)]
mod tests;
