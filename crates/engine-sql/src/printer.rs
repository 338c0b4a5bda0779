//! Syntax tree to text, on one line, such that parsing it gives the same tree again.

mod definition;
pub(crate) mod expr;
mod query;
mod statement;

use std::fmt::{self, Display, Formatter, Write as _};

use crate::{
    ast::{Literal, NamePart, ObjectName, Setting, TypeArg, TypeName},
    keywords,
};

/// Writes `items` with `separator` between them.
fn separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    separator: &str,
    mut write: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        write(f, item)?;
    }
    Ok(())
}

/// A name, in backquotes where it would not be read as a name otherwise.
pub(crate) struct Name<'a>(pub &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.bytes();
        let word = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'$')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
        let heredoc = self.0.strip_prefix('$').is_some_and(|rest| rest.contains('$'));
        if word && !heredoc && !keywords::needs_quotes(self.0) {
            return f.write_str(self.0);
        }
        f.write_char('`')?;
        for c in self.0.chars() {
            if matches!(c, '`' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('`')
    }
}

/// The parts of a column's name (`Nested` columns have dots), each quoted as needed.
struct ColumnName<'a>(&'a str);

impl Display for ColumnName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A dot at either end or doubled cannot be written but in quotes.
        if self.0.split('.').any(str::is_empty) {
            return write!(f, "{}", Name(self.0));
        }
        for (i, part) in self.0.split('.').enumerate() {
            if i > 0 {
                f.write_char('.')?;
            }
            write!(f, "{}", Name(part))?;
        }
        Ok(())
    }
}

/// A string literal with escapes; any bytes.
pub(crate) struct Quoted<'a>(pub &'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\'' => f.write_str("\\'")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    '\r' => f.write_str("\\r")?,
                    '\0' => f.write_str("\\0")?,
                    other => f.write_char(other)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02X}")?;
            }
        }
        f.write_char('\'')
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(value) => f.write_str(if *value { "true" } else { "false" }),
            Self::Number(text) => f.write_str(text),
            Self::String(value) => write!(f, "{}", Quoted(value)),
        }
    }
}

impl Display for NamePart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{}", Name(name)),
            Self::Parameter(name) => write!(f, "{{{}:Identifier}}", Name(name)),
        }
    }
}

impl Display for ObjectName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.database {
            // A keyword elsewhere, but the name of a database before a dot.
            Some(NamePart::Name(database)) if database == "default" => f.write_str("default.")?,
            Some(database) => write!(f, "{database}.")?,
            None => {}
        }
        write!(f, "{}", self.name)
    }
}

impl Display for TypeName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A type's name is read as one whatever the word; only what is no word needs quotes.
        if self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !self.name.starts_with(|c: char| c.is_ascii_digit())
        {
            f.write_str(&self.name)?;
        } else {
            write!(f, "{}", Name(&self.name))?;
        }
        if let Some(args) = &self.args {
            f.write_char('(')?;
            separated(f, args, ", ", |f, arg| match arg {
                TypeArg::Type(ty) => write!(f, "{ty}"),
                TypeArg::Named(name, ty) => write!(f, "{} {ty}", Name(name)),
                TypeArg::Literal(literal) => write!(f, "{literal}"),
                TypeArg::EnumValue(name, value) => write!(f, "{} = {value}", Quoted(name)),
            })?;
            f.write_char(')')?;
        }
        Ok(())
    }
}

fn settings(f: &mut Formatter<'_>, settings: &[Setting]) -> fmt::Result {
    separated(f, settings, ", ", |f, s| {
        write!(f, "{} = {}", Name(&s.name), s.value)
    })
}

/// ` SETTINGS …` when there are any.
fn settings_clause(f: &mut Formatter<'_>, list: &[Setting]) -> fmt::Result {
    if list.is_empty() {
        return Ok(());
    }
    f.write_str(" SETTINGS ")?;
    settings(f, list)
}

#[cfg(test)]
mod tests;
