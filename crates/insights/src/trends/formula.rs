//! Arithmetic over series: `A / (A + B) * 100`. Letters are the entities in order.

use crate::field_error::FieldError;

/// Deeper nesting than this is refused, so that no request can exhaust the stack.
const DEPTH_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Formula {
    /// As sent.
    pub(crate) text: String,
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    /// Index of an entity: A is 0.
    Series(usize),
    Negated(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Formula {
    /// `series`: how many letters there are.
    pub(crate) fn parse(text: &str, series: usize) -> Result<Self, FieldError> {
        let mut parser = Parser {
            rest: text,
            series,
            depth: 0,
        };
        let parsed = parser.sum().and_then(|root| {
            parser.skip_space();
            if parser.rest.is_empty() {
                Ok(root)
            } else {
                Err(parser.unexpected())
            }
        });
        parsed
            .map(|root| Self {
                text: text.to_owned(),
                root,
            })
            .map_err(|problem| {
                FieldError::invalid("formula", format!("The formula cannot be read: {problem}."))
            })
    }

    /// One value from one value of each entity. Division by zero, and whatever else is no number, is 0.
    pub(crate) fn value(&self, series: &[f64]) -> f64 {
        finite(evaluate(&self.root, series))
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn evaluate(node: &Node, series: &[f64]) -> f64 {
    match node {
        Node::Number(number) => *number,
        Node::Series(index) => series.get(*index).copied().unwrap_or(0.0),
        Node::Negated(inner) => -evaluate(inner, series),
        Node::Binary(operator, left, right) => {
            let (left, right) = (evaluate(left, series), evaluate(right, series));
            match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide => left / right,
                Operator::Power => left.powf(right),
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    series: usize,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Node, String> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                Some(_) | None => return Ok(left),
            };
            self.advance();
            left = Node::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Multiply,
                Some('/') => Operator::Divide,
                Some(_) | None => return Ok(left),
            };
            self.advance();
            left = Node::Binary(operator, Box::new(left), Box::new(self.signed()?));
        }
    }

    /// A sign binds less tightly than a power: `-2^2` is -4.
    fn signed(&mut self) -> Result<Node, String> {
        self.deeper(|parser| match parser.peek() {
            Some('-') => {
                parser.advance();
                Ok(Node::Negated(Box::new(parser.signed()?)))
            }
            Some('+') => {
                parser.advance();
                parser.signed()
            }
            Some(_) | None => parser.power(),
        })
    }

    /// From right to left: `2^3^2` is `2^9`.
    fn power(&mut self) -> Result<Node, String> {
        let base = self.atom()?;
        if self.peek() != Some('^') {
            return Ok(base);
        }
        self.advance();
        Ok(Node::Binary(
            Operator::Power,
            Box::new(base),
            Box::new(self.signed()?),
        ))
    }

    fn atom(&mut self) -> Result<Node, String> {
        match self.peek() {
            Some('(') => {
                self.advance();
                let inner = self.deeper(Self::sum)?;
                if self.peek() != Some(')') {
                    return Err(self.unexpected());
                }
                self.advance();
                Ok(inner)
            }
            Some(letter) if letter.is_ascii_alphabetic() => {
                let index = usize::from(u8::try_from(letter.to_ascii_uppercase()).unwrap_or(b'A') - b'A');
                if index >= self.series {
                    return Err(format!("there is no series {}", letter.to_ascii_uppercase()));
                }
                self.advance();
                Ok(Node::Series(index))
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => {
                let end = self
                    .rest
                    .find(|character: char| !character.is_ascii_digit() && character != '.')
                    .unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                let number = number.parse().map_err(|_| format!("{number:?} is no number"))?;
                self.rest = rest;
                Ok(Node::Number(number))
            }
            Some(_) | None => Err(self.unexpected()),
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
    }

    fn advance(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(character) => format!("{character:?} is not expected there"),
            None => "it ends too early".to_owned(),
        }
    }
}
