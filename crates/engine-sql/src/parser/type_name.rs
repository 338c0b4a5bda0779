//! Type names: `Array(Nullable(String))`, `Tuple(a UInt8, b String)`, `Enum8('a' = 1)`.

use super::Parser;
use crate::{
    ast::{Literal, TypeArg, TypeName},
    error::SqlError,
    token::TokenKind,
};

impl Parser<'_> {
    pub(super) fn type_name(&mut self) -> Result<TypeName, SqlError> {
        self.nested(Self::type_name_inner)
    }

    fn type_name_inner(&mut self) -> Result<TypeName, SqlError> {
        let name = self.name("data type")?;
        if name.eq_ignore_ascii_case("double") && self.eat_keyword("PRECISION")? {
            return Ok(TypeName::simple("Float64"));
        }
        if !self.eat_symbol("(")? {
            return Ok(TypeName { name, args: None });
        }
        let mut args = Vec::new();
        if !self.peek_symbol(")")? {
            args = self.comma_list(Self::type_arg)?;
        }
        self.expect_symbol(")")?;
        Ok(TypeName {
            name,
            args: Some(args),
        })
    }

    fn type_arg(&mut self) -> Result<TypeArg, SqlError> {
        if self.eat_symbol("-")? {
            return match self.advance()? {
                TokenKind::Number(text) => Ok(TypeArg::Literal(Literal::Number(format!("-{text}")))),
                _ => Err(self.expected("number")),
            };
        }
        match self.peek()? {
            TokenKind::Number(_) | TokenKind::String(_) => match self.advance()? {
                TokenKind::Number(text) => Ok(TypeArg::Literal(Literal::Number(text))),
                TokenKind::String(value) if self.eat_symbol("=")? => {
                    let sign = if self.eat_symbol("-")? { "-" } else { "" };
                    match self.advance()? {
                        TokenKind::Number(text) => Ok(TypeArg::EnumValue(value, format!("{sign}{text}"))),
                        _ => Err(self.expected("number of the enum value")),
                    }
                }
                TokenKind::String(value) => Ok(TypeArg::Literal(Literal::String(value))),
                _ => Err(self.expected("type argument")),
            },
            TokenKind::Word(_) | TokenKind::Quoted(_) => {
                let named = matches!(self.peek_at(1)?, TokenKind::Word(_) | TokenKind::Quoted(_))
                    && !self.peek_keywords("DOUBLE PRECISION")?;
                if named {
                    let name = self.name("element name")?;
                    return Ok(TypeArg::Named(name, self.type_name()?));
                }
                self.type_name().map(TypeArg::Type)
            }
            _ => Err(self.expected("data type or type argument")),
        }
    }
}
