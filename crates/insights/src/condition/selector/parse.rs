//! The grammar of selectors: compounds of tag, classes, id, attributes and `:nth-…(n)`, joined by descendant and child
//! combinators.

/// What a selector's text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    /// From the innermost (rightmost) compound outward.
    pub(super) compounds: Vec<Compound>,
    /// Between `compounds[i]` and `compounds[i + 1]`: one fewer.
    pub(super) combinators: Vec<Combinator>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combinator {
    /// Somewhere further out.
    Descendant,
    /// Directly outside.
    Child,
}

/// What one element must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compound {
    /// `None`: any tag.
    pub(super) tag: Option<String>,
    pub(super) classes: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// Name as in HTML; `:nth-child(n)` counts as the attribute of that name.
    pub(super) name: String,
    pub(super) test: AttributeTest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AttributeTest {
    Present,
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The selector {selector:?} cannot be read: {problem}.")]
pub(crate) struct SelectorError {
    selector: String,
    problem: String,
}

pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let mut parser = Parser { rest: text.trim() };
    parser.selector().map_err(|problem| SelectorError {
        selector: text.to_owned(),
        problem,
    })
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn selector(&mut self) -> Result<Selector, String> {
        let mut compounds = vec![self.compound()?];
        let mut combinators = Vec::new();
        loop {
            let spaced = self.skip_space();
            if self.rest.is_empty() {
                break;
            }
            if self.take('>') {
                self.skip_space();
                combinators.push(Combinator::Child);
            } else if spaced {
                combinators.push(Combinator::Descendant);
            } else {
                return Err(self.unexpected());
            }
            compounds.push(self.compound()?);
        }
        compounds.reverse();
        combinators.reverse();
        Ok(Selector {
            compounds,
            combinators,
        })
    }

    fn compound(&mut self) -> Result<Compound, String> {
        let before = self.rest;
        let mut compound = Compound::default();
        if !self.take('*') && self.rest.starts_with(is_name) {
            compound.tag = Some(self.name()?);
        }
        loop {
            if self.take('.') {
                compound.classes.push(self.name()?);
            } else if self.take('#') {
                let test = AttributeTest::Equals(self.name()?);
                compound.attributes.push(Attribute {
                    name: "id".to_owned(),
                    test,
                });
            } else if self.take('[') {
                compound.attributes.push(self.attribute()?);
            } else if self.take(':') {
                compound.attributes.push(self.position()?);
            } else if self.rest.len() == before.len() {
                return Err(self.unexpected());
            } else {
                return Ok(compound);
            }
        }
    }

    /// Behind `[`.
    fn attribute(&mut self) -> Result<Attribute, String> {
        self.skip_space();
        let name = self.name()?;
        self.skip_space();
        let operator = self.rest.chars().next();
        let test = match operator {
            Some(']') => AttributeTest::Present,
            Some('=') => AttributeTest::Equals(self.value("=")?),
            Some('^') => AttributeTest::StartsWith(self.value("^=")?),
            Some('$') => AttributeTest::EndsWith(self.value("$=")?),
            Some('*') => AttributeTest::Contains(self.value("*=")?),
            Some(_) | None => return Err(self.unexpected()),
        };
        self.skip_space();
        self.expect(']')?;
        Ok(Attribute { name, test })
    }

    fn value(&mut self, operator: &str) -> Result<String, String> {
        self.rest = self
            .rest
            .strip_prefix(operator)
            .ok_or_else(|| self.unexpected())?;
        self.skip_space();
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                self.take(quote);
                let mut value = String::new();
                let mut characters = self.rest.char_indices();
                while let Some((at, character)) = characters.next() {
                    if character == quote {
                        self.rest = &self.rest[at + 1..];
                        return Ok(value);
                    }
                    match character {
                        '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                        plain => value.push(plain),
                    }
                }
                Err(format!("a {quote} is missing"))
            }
            Some(_) | None => self.name(),
        }
    }

    /// Behind `:`.
    fn position(&mut self) -> Result<Attribute, String> {
        let name = self.name()?;
        if name != "nth-child" && name != "nth-of-type" {
            return Err(format!("`:{name}` is not known"));
        }
        self.expect('(')?;
        self.skip_space();
        let digits = self.name()?;
        self.skip_space();
        self.expect(')')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`:{name}` needs a number"));
        }
        Ok(Attribute {
            name,
            test: AttributeTest::Equals(digits),
        })
    }

    /// A name; `\` takes the next character as it is.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            if character == '\\' {
                name.extend(characters.next().map(|(_, escaped)| escaped));
            } else if is_name(character) {
                name.push(character);
            } else {
                end = at;
                break;
            }
        }
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.rest = &self.rest[end..];
        Ok(name)
    }

    fn skip_space(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        let skipped = trimmed.len() != self.rest.len();
        self.rest = trimmed;
        skipped
    }

    fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, expected: char) -> Result<(), String> {
        if self.take(expected) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(character) => format!("{character:?} is not expected there"),
            None => "it ends too early".to_owned(),
        }
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '\\') || !character.is_ascii()
}
