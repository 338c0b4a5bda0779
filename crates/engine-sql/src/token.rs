//! Tokens and the lexer that cuts them from bytes, one at a time.

use crate::error::{Position, SqlError, code};

#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// Unquoted: a keyword or a name, as the place decides.
    Word(String),
    /// Backquoted or double-quoted: never a keyword.
    Quoted(String),
    /// Lower case, without `_`.
    Number(String),
    String(Vec<u8>),
    /// Operators and punctuation.
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// Longest first, so that the first that fits is the one meant.
const SYMBOLS: [&str; 36] = [
    "<=>", "->", "::", "==", "!=", "<>", "<=", ">=", "||", "(", ")", "[", "]", "{", "}", ",", ";", ".", "+",
    "-", "*", "/", "%", "=", "<", ">", "?", ":", "^", "@", "!", "&", "|", "~", "\\", "$",
];

/// Line and column of a byte offset.
pub fn position(text: &[u8], offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    Position {
        line: before.iter().filter(|&&b| b == b'\n').count() + 1,
        // Continuation bytes of UTF-8 are part of the character before them.
        column: before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1,
    }
}

/// A syntax error (code 62) at a byte offset.
pub fn syntax_error(text: &[u8], offset: usize, message: &str) -> SqlError {
    let at = position(text, offset);
    let rest = &text[offset.min(text.len())..];
    let shown = String::from_utf8_lossy(&rest[..rest.len().min(40)]);
    let near = if rest.is_empty() {
        "end of query".to_owned()
    } else {
        format!("'{}'", shown.trim_end())
    };
    SqlError {
        code: code::SYNTAX_ERROR,
        message: format!(
            "Syntax error: failed at position {} (line {}, col {}): {near}. {message}",
            offset + 1,
            at.line,
            at.column
        ),
        position: Some(at),
    }
}

/// Cuts the token that begins at or after `pos`. `previous` is the token before it, for `t.1`.
pub fn next_token(text: &[u8], pos: usize, previous: Option<&Token>) -> Result<Token, SqlError> {
    let start = skip_blank(text, pos)?;
    let token = |kind, end| Ok(Token { kind, start, end });
    let Some(&first) = text.get(start) else {
        return token(TokenKind::End, start);
    };
    match first {
        b'\'' => {
            let (value, end) = quoted(text, start, b'\'')?;
            token(TokenKind::String(value), end)
        }
        b'`' | b'"' => {
            let (value, end) = quoted(text, start, first)?;
            let name = String::from_utf8(value)
                .map_err(|_| syntax_error(text, start, "A quoted name must be valid UTF-8"))?;
            if name.is_empty() {
                return Err(syntax_error(text, start, "A quoted name must not be empty"));
            }
            token(TokenKind::Quoted(name), end)
        }
        b'0'..=b'9' => {
            let after_dot = previous.is_some_and(|p| p.kind == TokenKind::Symbol(".") && p.end == start);
            if after_dot {
                let end = start + digits(&text[start..], |b| b.is_ascii_digit());
                return token(TokenKind::Number(lossy(&text[start..end])), end);
            }
            number(text, start)
        }
        b'.' if text.get(start + 1).is_some_and(u8::is_ascii_digit) && !closes_operand(previous, start) => {
            number(text, start)
        }
        b'$' if heredoc_tag(text, start).is_some() => heredoc(text, start),
        b if is_word_start(b) => {
            let end = start + text[start..].iter().take_while(|&&b| is_word_byte(b)).count();
            token(TokenKind::Word(lossy(&text[start..end])), end)
        }
        _ => match SYMBOLS.iter().find(|s| text[start..].starts_with(s.as_bytes())) {
            Some(symbol) => token(TokenKind::Symbol(symbol), start + symbol.len()),
            None => Err(syntax_error(text, start, "Unrecognised character")),
        },
    }
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b == b'$'
}

fn is_word_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$'
}

/// `t.1`: a dot right behind a name or a bracket is an access, not the start of a number.
fn closes_operand(previous: Option<&Token>, start: usize) -> bool {
    previous.is_some_and(|p| {
        p.end == start
            && match &p.kind {
                TokenKind::Word(_) | TokenKind::Quoted(_) | TokenKind::Number(_) | TokenKind::String(_) => {
                    true
                }
                TokenKind::Symbol(s) => matches!(*s, ")" | "]" | "}"),
                TokenKind::End => false,
            }
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn digits(text: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|&&b| accept(b)).count()
}

/// Skips white space and comments: `--`, `#`, `/* */` (nested).
fn skip_blank(text: &[u8], mut pos: usize) -> Result<usize, SqlError> {
    loop {
        let rest = &text[pos.min(text.len())..];
        match rest {
            [b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C, ..] => pos += 1,
            // The no-break space and the byte order mark that editors leave.
            [0xC2, 0xA0, ..] => pos += 2,
            [0xEF, 0xBB, 0xBF, ..] => pos += 3,
            [b'-', b'-', ..] | [b'#', ..] => {
                pos += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            }
            [b'/', b'*', ..] => {
                let (mut depth, mut at) = (1usize, 2);
                while depth > 0 {
                    match &rest[at..] {
                        [] => return Err(syntax_error(text, pos, "The comment is not closed")),
                        [b'*', b'/', ..] => {
                            depth -= 1;
                            at += 2;
                        }
                        [b'/', b'*', ..] => {
                            depth += 1;
                            at += 2;
                        }
                        _ => at += 1,
                    }
                }
                pos += at;
            }
            _ => return Ok(pos),
        }
    }
}

/// Decimal, hexadecimal, binary, with `_` between digits, fraction and exponent.
fn number(text: &[u8], start: usize) -> Result<Token, SqlError> {
    let digit = |b: u8| b.is_ascii_digit() || b == b'_';
    let rest = &text[start..];
    let mut len = match rest {
        [b'0', b'x' | b'X', b, ..] if b.is_ascii_hexdigit() => {
            2 + digits(&rest[2..], |b| b.is_ascii_hexdigit() || b == b'_')
        }
        [b'0', b'b' | b'B', b'0' | b'1', ..] => 2 + digits(&rest[2..], |b| matches!(b, b'0' | b'1' | b'_')),
        _ => {
            let mut len = digits(rest, digit);
            if rest.get(len) == Some(&b'.') {
                len += 1 + digits(&rest[len + 1..], digit);
            }
            if let Some(b'e' | b'E') = rest.get(len) {
                let sign = usize::from(matches!(rest.get(len + 1), Some(b'+' | b'-')));
                let exponent = digits(&rest[len + 1 + sign..], digit);
                if exponent > 0 {
                    len += 1 + sign + exponent;
                }
            }
            len
        }
    };
    if rest.get(len).is_some_and(|&b| is_word_byte(b)) {
        len += digits(&rest[len..], is_word_byte);
        return Err(syntax_error(
            text,
            start,
            &format!("`{}` is neither a number nor a name", lossy(&rest[..len])),
        ));
    }
    let plain: String = rest[..len]
        .iter()
        .filter(|&&b| b != b'_')
        .map(|&b| char::from(b.to_ascii_lowercase()))
        .collect();
    Ok(Token {
        kind: TokenKind::Number(plain),
        start,
        end: start + len,
    })
}

/// The content of a quoted string or name, and where it ends. The quote may be doubled or escaped by `\`.
fn quoted(text: &[u8], start: usize, quote: u8) -> Result<(Vec<u8>, usize), SqlError> {
    let mut out = Vec::new();
    let mut at = start + 1;
    loop {
        match &text[at..] {
            [] => return Err(syntax_error(text, start, "The quoted string is not closed")),
            [b, next, ..] if *b == quote && *next == quote => {
                out.push(quote);
                at += 2;
            }
            [b, ..] if *b == quote => return Ok((out, at + 1)),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let nibble = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
                out.push(nibble(*high) << 4 | nibble(*low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                match escaped {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'0' => out.push(0),
                    b'a' => out.push(7),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'v' => out.push(11),
                    b'e' => out.push(27),
                    b'N' => {}
                    b'\\' | b'\'' | b'"' | b'`' | b'/' | b'=' => out.push(*escaped),
                    // Unknown escapes keep the backslash: LIKE patterns and regular expressions live on that.
                    other => out.extend_from_slice(&[b'\\', *other]),
                }
                at += 2;
            }
            [b, ..] => {
                out.push(*b);
                at += 1;
            }
        }
    }
}

/// `$tag$`: its length, when there is one. Such a word always opens a heredoc, so that no text is searched twice.
fn heredoc_tag(text: &[u8], start: usize) -> Option<usize> {
    let tag = digits(&text[start + 1..], |b| b.is_ascii_alphanumeric() || b == b'_');
    (tag <= 64 && text.get(start + 1 + tag) == Some(&b'$')).then_some(tag + 2)
}

fn heredoc(text: &[u8], start: usize) -> Result<Token, SqlError> {
    let unclosed = || syntax_error(text, start, "The heredoc is not closed");
    let len = heredoc_tag(text, start).ok_or_else(unclosed)?;
    let body = start + len;
    let size = find(&text[body..], &text[start..body]).ok_or_else(unclosed)?;
    Ok(Token {
        kind: TokenKind::String(text[body..body + size].to_vec()),
        start,
        end: body + size + len,
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
