//! Expressions: precedence climbing over prefix, infix and postfix forms.

use super::{Parser, operator};
use crate::{
    ast::{
        BinaryOp, CaseWhen, Expr, Function, InRight, Literal, Query, SetExpr, Star, StarTransform, TypeName,
        UnaryOp, WindowRef,
    },
    error::SqlError,
    keywords, printer,
    token::TokenKind,
};

/// What stands between parentheses in an expression.
pub(super) enum Parenthesised {
    Query(Query),
    /// With whether a comma closed the list.
    List(Vec<Expr>, bool),
}

/// Which n-ary operator the left side of the loop is being grown with.
#[derive(PartialEq, Clone, Copy)]
enum Chain {
    None,
    And,
    Or,
}

impl Parser<'_> {
    /// An expression without alias.
    pub(super) fn expr(&mut self) -> Result<Expr, SqlError> {
        self.operand(0)
    }

    /// `expr [AS name]`: inside parentheses, arguments and lists, an alias needs `AS`.
    pub(super) fn aliased_expr(&mut self) -> Result<Expr, SqlError> {
        let expr = self.expr()?;
        if self.eat_keyword("AS")? {
            let name = self.name("alias")?;
            return self.grown(Expr::Alias {
                expr: Box::new(expr),
                name,
            });
        }
        Ok(expr)
    }

    /// A select item: the alias may do without `AS`.
    pub(super) fn select_item(&mut self) -> Result<Expr, SqlError> {
        let expr = self.expr()?;
        match self.alias()? {
            Some(name) => self.grown(Expr::Alias {
                expr: Box::new(expr),
                name,
            }),
            None => Ok(expr),
        }
    }

    /// Counts one more level on top of what was just read.
    fn grown(&mut self, expr: Expr) -> Result<Expr, SqlError> {
        self.height += 1;
        self.check_height(self.height)?;
        Ok(expr)
    }

    /// An expression of operators that bind at least as tight as `min`.
    pub(super) fn operand(&mut self, min: u8) -> Result<Expr, SqlError> {
        self.nested(|p| p.climb(min))
    }

    fn climb(&mut self, min: u8) -> Result<Expr, SqlError> {
        let mut left = self.prefix()?;
        let mut chain = Chain::None;
        loop {
            let (next, next_chain) = match self.infix(left, min, chain)? {
                Ok(grown) => grown,
                Err(finished) => return Ok(finished),
            };
            if next_chain == Chain::None || next_chain != chain {
                self.height += 1;
                self.check_height(self.height)?;
            }
            (left, chain) = (next, next_chain);
        }
    }

    /// One step of the loop: `Ok` with the larger expression, or `Err` with `left` when it ends here.
    fn infix(&mut self, left: Expr, min: u8, chain: Chain) -> Result<Result<(Expr, Chain), Expr>, SqlError> {
        let grown = |expr| Ok(Ok((expr, Chain::None)));
        let boxed = Box::new;
        match self.peek()? {
            TokenKind::Symbol(symbol) => {
                let symbol = *symbol;
                if let Some((op, power)) = operator::symbol_operator(symbol) {
                    if power < min {
                        return Ok(Err(left));
                    }
                    self.at += 1;
                    let right = self.operand(power + 1)?;
                    return grown(binary(op, left, right));
                }
                match symbol {
                    "?" if operator::TERNARY >= min => {
                        self.at += 1;
                        let then = self.operand(operator::TERNARY)?;
                        self.expect_symbol(":")?;
                        let otherwise = self.operand(operator::TERNARY)?;
                        grown(Expr::Ternary {
                            condition: boxed(left),
                            then: boxed(then),
                            otherwise: boxed(otherwise),
                        })
                    }
                    "[" => {
                        self.at += 1;
                        let index = self.expr()?;
                        self.expect_symbol("]")?;
                        grown(Expr::Subscript {
                            expr: boxed(left),
                            index: boxed(index),
                        })
                    }
                    "." => {
                        self.at += 1;
                        if matches!(self.peek()?, TokenKind::Number(_)) {
                            let index = self.unsigned("tuple index")?;
                            return grown(Expr::TupleIndex {
                                expr: boxed(left),
                                index,
                            });
                        }
                        let name = self.name("tuple index or element name")?;
                        grown(Expr::Member {
                            expr: boxed(left),
                            name,
                        })
                    }
                    "::" => {
                        self.at += 1;
                        let ty = self.type_name()?;
                        grown(Expr::Cast {
                            expr: boxed(left),
                            ty,
                        })
                    }
                    _ => Ok(Err(left)),
                }
            }
            TokenKind::Word(word) => {
                let word = word.to_ascii_uppercase();
                self.word_operator(left, &word, min, chain)
            }
            TokenKind::Quoted(_) | TokenKind::Number(_) | TokenKind::String(_) | TokenKind::End => {
                Ok(Err(left))
            }
        }
    }

    fn word_operator(
        &mut self,
        left: Expr,
        word: &str,
        min: u8,
        chain: Chain,
    ) -> Result<Result<(Expr, Chain), Expr>, SqlError> {
        let grown = |expr| Ok(Ok((expr, Chain::None)));
        let (and_or, power) = match word {
            "AND" => (Chain::And, operator::AND),
            "OR" => (Chain::Or, operator::OR),
            "DIV" | "MOD" => (Chain::None, operator::PRODUCT),
            "IS" | "BETWEEN" | "LIKE" | "ILIKE" | "REGEXP" | "IN" | "GLOBAL" | "NOT" => {
                (Chain::None, operator::COMPARE)
            }
            _ => return Ok(Err(left)),
        };
        // `GLOBAL` may also begin a join, `NOT` a constraint.
        let belongs = match word {
            "GLOBAL" => self.peek_keyword_at(1, "IN")? || self.peek_keywords("GLOBAL NOT IN")?,
            "NOT" => {
                let mut found = false;
                for next in ["IN", "LIKE", "ILIKE", "BETWEEN", "REGEXP"] {
                    found |= self.peek_keyword_at(1, next)?;
                }
                found
            }
            // `UPDATE a = b IN PARTITION p`.
            "IN" => !self.peek_keyword_at(1, "PARTITION")?,
            _ => true,
        };
        if power < min || !belongs {
            return Ok(Err(left));
        }
        self.at += 1;
        if and_or != Chain::None {
            let right = self.operand(power + 1)?;
            let mut list = match (left, and_or == chain) {
                (Expr::And(list) | Expr::Or(list), true) => list,
                (left, _) => vec![left],
            };
            list.push(right);
            let expr = if and_or == Chain::And {
                Expr::And(list)
            } else {
                Expr::Or(list)
            };
            return Ok(Ok((expr, and_or)));
        }
        match word {
            "DIV" => {
                let right = self.operand(power + 1)?;
                grown(binary(BinaryOp::IntDiv, left, right))
            }
            "MOD" => {
                let right = self.operand(power + 1)?;
                grown(binary(BinaryOp::Modulo, left, right))
            }
            "IS" => {
                let negated = self.eat_keyword("NOT")?;
                if self.eat_keyword("NULL")? {
                    return grown(Expr::IsNull {
                        expr: Box::new(left),
                        negated,
                    });
                }
                if self.eat_keywords("DISTINCT FROM")? {
                    let right = self.operand(operator::COMPARE + 1)?;
                    let op = if negated {
                        BinaryOp::NullSafeEquals
                    } else {
                        BinaryOp::NullSafeNotEquals
                    };
                    return grown(binary(op, left, right));
                }
                Err(self.expected("NULL, NOT NULL or DISTINCT FROM"))
            }
            "GLOBAL" => {
                let negated = self.eat_keyword("NOT")?;
                self.expect_keywords("IN")?;
                grown(self.in_right(left, negated, true)?)
            }
            "NOT" => {
                let word = match self.advance()? {
                    TokenKind::Word(word) => word.to_ascii_uppercase(),
                    _ => return Err(self.expected("IN, LIKE, ILIKE, BETWEEN or REGEXP")),
                };
                grown(self.comparison(left, &word, true)?)
            }
            other => grown(self.comparison(left, other, false)?),
        }
    }

    /// Behind the keyword: `[NOT] IN`, `LIKE`, `ILIKE`, `REGEXP`, `BETWEEN`.
    fn comparison(&mut self, left: Expr, word: &str, negated: bool) -> Result<Expr, SqlError> {
        let op = match (word, negated) {
            ("IN", _) => return self.in_right(left, negated, false),
            ("BETWEEN", _) => {
                let low = self.operand(operator::COMPARE + 1)?;
                self.expect_keywords("AND")?;
                let high = self.operand(operator::COMPARE + 1)?;
                return Ok(Expr::Between {
                    expr: Box::new(left),
                    low: Box::new(low),
                    high: Box::new(high),
                    negated,
                });
            }
            ("LIKE", false) => BinaryOp::Like,
            ("LIKE", true) => BinaryOp::NotLike,
            ("ILIKE", false) => BinaryOp::ILike,
            ("ILIKE", true) => BinaryOp::NotILike,
            ("REGEXP", false) => BinaryOp::Regexp,
            ("REGEXP", true) => BinaryOp::NotRegexp,
            _ => return Err(self.expected("comparison")),
        };
        let right = self.operand(operator::COMPARE + 1)?;
        Ok(binary(op, left, right))
    }

    fn in_right(&mut self, left: Expr, negated: bool, global: bool) -> Result<Expr, SqlError> {
        let right = if self.eat_symbol("(")? {
            match self.parenthesised()? {
                Parenthesised::Query(query) => InRight::Query(Box::new(query)),
                Parenthesised::List(list, _) => InRight::List(list),
            }
        } else {
            match self.operand(operator::CONCAT)? {
                Expr::Identifier(path) => InRight::Name(path),
                Expr::Subquery(query) => InRight::Query(query),
                // `NOT x`, `''[1]`: their text begins with a parenthesis, which makes a list.
                other if printer::expr::begins_with_parenthesis(&other) => InRight::List(vec![other]),
                other => InRight::Expr(Box::new(other)),
            }
        };
        Ok(Expr::In {
            expr: Box::new(left),
            right,
            negated,
            global,
        })
    }

    /// Behind `(`, up to and with `)`.
    pub(super) fn parenthesised(&mut self) -> Result<Parenthesised, SqlError> {
        if self.eat_symbol(")")? {
            return Ok(Parenthesised::List(Vec::new(), false));
        }
        if self.at_query()? {
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(Parenthesised::Query(query));
        }
        let mut list = vec![self.aliased_expr()?];
        // `((SELECT 1) UNION ALL (SELECT 2))`: what looked like an expression is the first branch.
        if self.at_set_operator()?
            && matches!(list.first(), Some(Expr::Subquery(_)))
            && let Some(Expr::Subquery(first)) = list.pop()
        {
            let body = self.set_expr_from(branch(*first))?;
            let query = self.query_tail(body)?;
            self.expect_symbol(")")?;
            return Ok(Parenthesised::Query(query));
        }
        let mut trailing = false;
        while self.eat_symbol(",")? {
            if self.peek_symbol(")")? {
                trailing = true;
                break;
            }
            list.push(self.aliased_expr()?);
        }
        self.expect_symbol(")")?;
        Ok(Parenthesised::List(list, trailing))
    }

    pub(super) fn at_query(&mut self) -> Result<bool, SqlError> {
        Ok(self.peek_keyword("SELECT")?
            || (self.peek_keyword("WITH")?
                && matches!(
                    self.peek_at(1)?,
                    TokenKind::Word(_)
                        | TokenKind::Quoted(_)
                        | TokenKind::Number(_)
                        | TokenKind::String(_)
                        | TokenKind::Symbol("(" | "[" | "-" | "{")
                ))
            || (self.peek_keyword("FROM")? && !self.peek_symbol_at(1, ".")?))
    }

    fn prefix(&mut self) -> Result<Expr, SqlError> {
        match self.peek()? {
            TokenKind::Number(_) | TokenKind::String(_) => match self.advance()? {
                TokenKind::Number(text) => Ok(Expr::Literal(Literal::Number(text))),
                TokenKind::String(value) => Ok(Expr::Literal(Literal::String(value))),
                _ => Err(self.expected("literal")),
            },
            TokenKind::Symbol(symbol) => match *symbol {
                "(" => {
                    self.at += 1;
                    match self.parenthesised()? {
                        Parenthesised::Query(query) => Ok(Expr::Subquery(Box::new(query))),
                        Parenthesised::List(list, trailing) => self.tuple_or_lambda(list, trailing),
                    }
                }
                "[" => {
                    self.at += 1;
                    let mut items = Vec::new();
                    if !self.peek_symbol("]")? {
                        items = self.comma_list(Self::aliased_expr)?;
                    }
                    self.expect_symbol("]")?;
                    Ok(Expr::Array(items))
                }
                "{" => self.parameter(),
                "-" => {
                    self.at += 1;
                    let expr = Box::new(self.operand(operator::NEGATE)?);
                    Ok(Expr::Unary {
                        op: UnaryOp::Negate,
                        expr,
                    })
                }
                "+" => {
                    self.at += 1;
                    self.operand(operator::NEGATE)
                }
                "*" => {
                    self.at += 1;
                    self.star(Star::default())
                }
                _ => Err(self.expected("expression")),
            },
            TokenKind::Quoted(_) => {
                let name = self.name("name")?;
                self.named(name)
            }
            TokenKind::Word(word) => {
                let word = word.clone();
                self.word(&word)
            }
            TokenKind::End => Err(self.expected("expression")),
        }
    }

    fn word(&mut self, word: &str) -> Result<Expr, SqlError> {
        let call = self.peek_symbol_at(1, "(")?;
        if let Some(expr) = self.special_form(word, call)? {
            return Ok(expr);
        }
        if keywords::is_reserved(word) && !(call && keywords::is_callable(word)) {
            return Err(self.expected("expression"));
        }
        self.at += 1;
        self.named(word.to_owned())
    }

    /// Behind a first name: a lambda, a call, a path or a qualified star.
    fn named(&mut self, name: String) -> Result<Expr, SqlError> {
        if self.eat_symbol("->")? {
            return self.lambda(vec![name]);
        }
        if self.peek_symbol("(")? {
            return self.call(name);
        }
        let mut path = vec![name];
        while self.peek_symbol(".")? {
            match self.peek_at(1)? {
                TokenKind::Word(_) | TokenKind::Quoted(_) => {
                    self.at += 1;
                    path.push(self.name("name")?);
                }
                TokenKind::Symbol("*") => {
                    self.at += 2;
                    return self.star(Star {
                        qualifier: path,
                        ..Star::default()
                    });
                }
                _ => break,
            }
        }
        Ok(Expr::Identifier(path))
    }

    fn lambda(&mut self, params: Vec<String>) -> Result<Expr, SqlError> {
        let body = Box::new(self.expr()?);
        Ok(Expr::Lambda { params, body })
    }

    fn tuple_or_lambda(&mut self, mut list: Vec<Expr>, trailing: bool) -> Result<Expr, SqlError> {
        if self.peek_symbol("->")? {
            let mut params = Vec::with_capacity(list.len());
            for item in list {
                match item {
                    Expr::Identifier(mut path) if path.len() == 1 => params.append(&mut path),
                    _ => return Err(self.error("Lambda parameters must be plain names")),
                }
            }
            self.at += 1;
            return self.lambda(params);
        }
        if list.len() == 1 && !trailing {
            return list.pop().ok_or_else(|| self.expected("expression"));
        }
        Ok(Expr::Tuple(list))
    }

    /// `{name:Type}`.
    fn parameter(&mut self) -> Result<Expr, SqlError> {
        self.expect_symbol("{")?;
        let name = self.name("parameter name")?;
        self.expect_symbol(":")?;
        let ty = self.type_name()?;
        self.expect_symbol("}")?;
        Ok(Expr::Parameter { name, ty })
    }

    fn call(&mut self, name: String) -> Result<Expr, SqlError> {
        let mut function = Function {
            name,
            ..Function::default()
        };
        self.arguments(&mut function)?;
        // Parameters are not DISTINCT.
        if !function.distinct && self.peek_symbol("(")? {
            function.params = Some(std::mem::take(&mut function.args));
            self.arguments(&mut function)?;
        }
        self.position_in(&mut function);
        if self.peek_keywords("FILTER")? && self.peek_symbol_at(1, "(")? {
            self.at += 2;
            self.expect_keywords("WHERE")?;
            function.filter = Some(self.expr()?);
            self.expect_symbol(")")?;
        }
        if self.eat_keywords("IGNORE NULLS")? {
            function.ignore_nulls = Some(true);
        } else if self.eat_keywords("RESPECT NULLS")? {
            function.ignore_nulls = Some(false);
        }
        if self.eat_keyword("OVER")? {
            function.over = Some(if self.peek_symbol("(")? {
                WindowRef::Spec(self.window_spec()?)
            } else {
                WindowRef::Name(self.name("window name")?)
            });
        }
        Ok(Expr::Function(Box::new(function)))
    }

    /// `( [DISTINCT] args )`.
    fn arguments(&mut self, function: &mut Function) -> Result<(), SqlError> {
        self.expect_symbol("(")?;
        if self.peek_keyword("DISTINCT")? && !self.peek_symbol_at(1, ")")? {
            self.at += 1;
            function.distinct = true;
        }
        if self.eat_symbol(")")? {
            return Ok(());
        }
        if let Some(unit) = self.unit_argument(&function.name)? {
            function.args.push(unit);
            if !self.eat_symbol(",")? {
                return self.expect_symbol(")");
            }
        }
        let args = self.comma_list(|p| {
            if p.at_query()? {
                return Ok(Expr::Subquery(Box::new(p.query()?)));
            }
            p.aliased_expr()
        })?;
        function.args.extend(args);
        self.expect_symbol(")")
    }

    pub(super) fn star(&mut self, mut star: Star) -> Result<Expr, SqlError> {
        loop {
            if self.peek_keyword("EXCEPT")? {
                // `SELECT * EXCEPT SELECT …` is the set operator.
                let mut ahead = 1;
                while self.peek_symbol_at(ahead, "(")? && ahead < 4 {
                    ahead += 1;
                }
                if self.peek_keyword_at(ahead, "SELECT")?
                    || self.peek_keyword_at(ahead, "WITH")?
                    || self.peek_keyword_at(1, "ALL")?
                    || self.peek_keyword_at(1, "DISTINCT")?
                {
                    break;
                }
                self.at += 1;
                let names = if self.peek_symbol("(")? {
                    self.paren_list(Self::column_name)?
                } else {
                    vec![self.column_name()?]
                };
                star.transforms.push(StarTransform::Except(names));
            } else if self.peek_keyword("REPLACE")? {
                self.at += 1;
                let item = |p: &mut Self| {
                    let expr = p.expr()?;
                    p.expect_keywords("AS")?;
                    Ok((expr, p.name("column name")?))
                };
                let items = if self.peek_symbol("(")? {
                    self.paren_list(item)?
                } else {
                    vec![item(self)?]
                };
                star.transforms.push(StarTransform::Replace(items));
            } else if self.peek_keyword("APPLY")? {
                self.at += 1;
                let function = if self.eat_symbol("(")? {
                    let function = self.expr()?;
                    self.expect_symbol(")")?;
                    function
                } else {
                    Expr::Identifier(vec![self.name("function name")?])
                };
                star.transforms.push(StarTransform::Apply(Box::new(function)));
            } else {
                break;
            }
        }
        Ok(Expr::Star(Box::new(star)))
    }

    /// `CASE [x] WHEN … THEN … [ELSE …] END`.
    pub(super) fn case(&mut self) -> Result<Expr, SqlError> {
        self.expect_keywords("CASE")?;
        let operand = if self.peek_keyword("WHEN")? {
            None
        } else {
            Some(Box::new(self.expr()?))
        };
        let mut whens = Vec::new();
        while self.eat_keyword("WHEN")? {
            let when = self.expr()?;
            self.expect_keywords("THEN")?;
            whens.push(CaseWhen {
                when,
                then: self.expr()?,
            });
        }
        if whens.is_empty() {
            return Err(self.expected("WHEN"));
        }
        let otherwise = if self.eat_keyword("ELSE")? {
            Some(Box::new(self.expr()?))
        } else {
            None
        };
        self.expect_keywords("END")?;
        Ok(Expr::Case {
            operand,
            whens,
            otherwise,
        })
    }

    /// `CAST(x AS T)`; `CAST(x, 'T')` stays a call.
    pub(super) fn cast(&mut self) -> Result<Expr, SqlError> {
        self.at += 1;
        self.expect_symbol("(")?;
        let expr = self.expr()?;
        if self.eat_keyword("AS")? {
            let ty = self.type_name()?;
            self.expect_symbol(")")?;
            return Ok(Expr::Cast {
                expr: Box::new(expr),
                ty,
            });
        }
        self.expect_symbol(",")?;
        let ty = self.expr()?;
        self.expect_symbol(")")?;
        Ok(Expr::Function(Box::new(Function {
            name: "CAST".to_owned(),
            args: vec![expr, ty],
            ..Function::default()
        })))
    }

    pub(super) fn setting_value(&mut self) -> Result<Literal, SqlError> {
        let sign = if self.eat_symbol("-")? { "-" } else { "" };
        match self.advance()? {
            TokenKind::Number(text) => Ok(Literal::Number(format!("{sign}{text}"))),
            TokenKind::String(value) if sign.is_empty() => Ok(Literal::String(value)),
            TokenKind::Word(word) if sign.is_empty() && word.eq_ignore_ascii_case("true") => {
                Ok(Literal::Bool(true))
            }
            TokenKind::Word(word) if sign.is_empty() && word.eq_ignore_ascii_case("false") => {
                Ok(Literal::Bool(false))
            }
            // `SETTINGS join_algorithm = hash`, seen in the wild.
            TokenKind::Word(word) if sign.is_empty() => Ok(Literal::String(word.into_bytes())),
            _ => Err(self.expected("value of the setting")),
        }
    }

    pub(super) fn simple_cast(literal: Vec<u8>, ty: &str) -> Expr {
        Expr::Cast {
            expr: Box::new(Expr::Literal(Literal::String(literal))),
            ty: TypeName::simple(ty),
        }
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
    }
}

/// A parenthesised query as a branch of a set operation. Its FORMAT, if any, was already refused.
fn branch(query: Query) -> SetExpr {
    query.body
}
