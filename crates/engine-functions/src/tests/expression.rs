//! A small expression language for tests: calls, literals, arrays, tuples, infix operators.

use engine_types::{Column, DataType, Value};

use crate::{Argument, FunctionError, TypedColumn, eval_scalar, scalar, scalar_return_type};

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    rows: usize,
    flat: bool,
}

type Typed = Result<(DataType, Column), FunctionError>;

/// Type and column of an expression; with `flat` the results of calls become plain columns.
pub(super) fn evaluate(text: &str, rows: usize, flat: bool) -> Typed {
    let mut parser = Parser {
        text: text.as_bytes(),
        at: 0,
        rows,
        flat,
    };
    let value = parser.infix(0)?;
    parser.space();
    assert_eq!(parser.at, text.len(), "trailing text in {text}");
    Ok(value)
}

const OPERATORS: &[(&str, &str, u8)] = &[
    ("!=", "notEquals", 1),
    ("<=", "lessOrEquals", 1),
    (">=", "greaterOrEquals", 1),
    ("=", "equals", 1),
    ("<", "less", 1),
    (">", "greater", 1),
    ("like ", "like", 1),
    ("ilike ", "ilike", 1),
    ("+", "plus", 2),
    ("-", "minus", 2),
    ("*", "multiply", 3),
    ("/", "divide", 3),
    ("%", "modulo", 3),
];

impl Parser<'_> {
    fn space(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let found = self.text[self.at..].starts_with(token.as_bytes());
        if found {
            self.at += token.len();
        }
        found
    }

    fn infix(&mut self, level: u8) -> Typed {
        let mut left = self.unary()?;
        'more: loop {
            for (token, function, precedence) in OPERATORS {
                if *precedence > level && self.eat(token) {
                    let right = self.infix(*precedence)?;
                    left = self.call(function, vec![left, right])?;
                    continue 'more;
                }
            }
            return Ok(left);
        }
    }

    fn unary(&mut self) -> Typed {
        let mut value = if self.eat("-") {
            if self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
                self.at -= 1;
                self.number()?
            } else {
                let inner = self.unary()?;
                self.call("negate", vec![inner])?
            }
        } else {
            self.primary()?
        };
        while self.eat("[") {
            let index = self.infix(0)?;
            assert!(self.eat("]"));
            value = self.call("arrayElement", vec![value, index])?;
        }
        Ok(value)
    }

    fn literal(&self, ty: DataType, value: &Value) -> Typed {
        let column = Column::constant(&ty, value, self.rows);
        Ok((ty, column))
    }

    fn number(&mut self) -> Typed {
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, b'.' | b'e'))
            || (self.text.get(self.at) == Some(&b'-') && (self.at == start || self.text[self.at - 1] == b'e'))
        {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).expect("ASCII");
        if text.contains(['.', 'e']) {
            return self.literal(DataType::Float64, &Value::Float(text.parse().expect("a float")));
        }
        let value: i128 = text.parse().expect("an integer");
        let ty = match value {
            0..0x100 => DataType::UInt8,
            0x100..0x1_0000 => DataType::UInt16,
            0x1_0000..0x1_0000_0000 => DataType::UInt32,
            0x1_0000_0000.. => DataType::UInt64,
            -0x80..0 => DataType::Int8,
            -0x8000..-0x80 => DataType::Int16,
            -0x8000_0000..-0x8000 => DataType::Int32,
            _ => DataType::Int64,
        };
        let value = if value < 0 {
            Value::Int(value as i64)
        } else {
            Value::UInt(value as u64)
        };
        self.literal(ty, &value)
    }

    fn string(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let c = self.text[self.at];
            self.at += 1;
            match c {
                b'\'' => return out,
                b'\\' => {
                    let next = self.text[self.at];
                    self.at += 1;
                    match next {
                        b'n' => out.push(b'\n'),
                        b't' => out.push(b'\t'),
                        b'x' => {
                            let hex = std::str::from_utf8(&self.text[self.at..self.at + 2]).expect("ASCII");
                            out.push(u8::from_str_radix(hex, 16).expect("two digits"));
                            self.at += 2;
                        }
                        other @ (b'\\' | b'\'') => out.push(other),
                        other => out.extend_from_slice(&[b'\\', other]),
                    }
                }
                c => out.push(c),
            }
        }
    }

    fn list(&mut self, close: &str) -> Result<Vec<(DataType, Column)>, FunctionError> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.infix(0)?);
            if self.eat(close) {
                return Ok(items);
            }
            assert!(self.eat(","), "comma in a list at {}", self.at);
        }
    }

    fn primary(&mut self) -> Typed {
        self.space();
        match self.text[self.at] {
            b'0'..=b'9' => self.number(),
            b'\'' => {
                self.at += 1;
                let text = self.string();
                self.literal(DataType::String, &Value::String(text))
            }
            b'[' => {
                self.at += 1;
                let items = self.list("]")?;
                self.call("array", items)
            }
            b'(' => {
                self.at += 1;
                let mut items = self.list(")")?;
                if items.len() == 1 {
                    Ok(items.remove(0))
                } else {
                    self.call("tuple", items)
                }
            }
            _ => self.word(),
        }
    }

    fn name(&mut self) -> String {
        self.space();
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
        {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn word(&mut self) -> Typed {
        let name = self.name();
        match name.as_str() {
            "NULL" => return self.literal(DataType::Nothing.nullable(), &Value::Null),
            "true" => return self.literal(DataType::Bool, &Value::UInt(1)),
            "false" => return self.literal(DataType::Bool, &Value::UInt(0)),
            "nan" => return self.literal(DataType::Float64, &Value::Float(f64::NAN)),
            "inf" => return self.literal(DataType::Float64, &Value::Float(f64::INFINITY)),
            "not" => {
                let inner = self.unary()?;
                return self.call("not", vec![inner]);
            }
            "INTERVAL" | "interval" => {
                let amount = self.unary()?;
                let unit = engine_types::IntervalUnit::parse(&self.name()).expect("a unit");
                return self.call(&format!("toInterval{}", unit.name()), vec![amount]);
            }
            _ => {}
        }
        assert!(self.eat("("), "a call of {name}");
        let args = self.list(")")?;
        self.call(&name, args)
    }

    fn call(&self, name: &str, args: Vec<(DataType, Column)>) -> Typed {
        let function = scalar(name).ok_or_else(|| FunctionError::new(46, format!("no function {name}")))?;
        let constants: Vec<Option<Value>> = args
            .iter()
            .map(|(_, c)| matches!(c, Column::Const(_)).then(|| c.value(0)))
            .collect();
        let arguments: Vec<Argument<'_>> = args
            .iter()
            .zip(&constants)
            .map(|((ty, _), constant)| Argument {
                ty,
                constant: constant.as_ref(),
            })
            .collect();
        let result = scalar_return_type(function, &arguments)?;
        let columns: Vec<TypedColumn> = args
            .into_iter()
            .map(|(ty, column)| TypedColumn { ty, column })
            .collect();
        let column = eval_scalar(function, &columns, &result, self.rows)?;
        // Arguments that must be constant are: literals, and the intervals and arrays made of them.
        let keep = !self.flat || matches!(name, "array") || name.starts_with("toInterval");
        Ok((result, if keep { column } else { column.flatten() }))
    }
}
