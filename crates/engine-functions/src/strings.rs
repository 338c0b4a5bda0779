//! Functions of byte strings: lengths, cases, parts, trimming, splitting, replacing, formatting.

use engine_types::{ArrayColumn, Column, DataType, StringColumnBuilder, Value};

use crate::cast::cast_column;
use crate::definition::{ANY, Definition};
use crate::error::BAD_ARGUMENTS;
use crate::operand::{Operand, Strings, array, i64s, row, uuids};
use crate::search::strings_type;
use crate::{Argument, FunctionError, TypedColumn};

fn text_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    strings_type(args, DataType::String)
}

/// Strings written row by row.
fn build(
    rows: usize,
    bytes: usize,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<(), FunctionError>,
) -> Result<Column, FunctionError> {
    let mut out = StringColumnBuilder::with_capacity(rows, bytes);
    for i in 0..rows {
        write(i, out.arena())?;
        out.end_row();
    }
    Ok(Column::String(out.finish()))
}

/// A slice of the first argument, row by row.
fn sliced(
    args: &[TypedColumn],
    rows: usize,
    slice: impl for<'a> Fn(usize, &'a [u8]) -> &'a [u8],
) -> Result<Column, FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    build(rows, texts.byte_len(), |i, out| {
        out.extend_from_slice(slice(i, texts.get(i)));
        Ok(())
    })
}

fn sized_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    match args[0].ty {
        DataType::Array(_) | DataType::Map(..) | DataType::Uuid => Ok(ty),
        text if text.is_string() => Ok(ty),
        other => Err(FunctionError::illegal_type("length, empty or notEmpty", other)),
    }
}

fn lengths(args: &[TypedColumn], rows: usize) -> Result<Vec<u64>, FunctionError> {
    match &args[0].ty {
        DataType::Array(_) | DataType::Map(..) => {
            let offsets = array(&args[0].column)?.offsets;
            Ok(offsets.windows(2).map(|w| u64::from(w[1] - w[0])).collect())
        }
        DataType::Uuid => {
            let values = uuids(&args[0].column)?;
            Ok((0..rows).map(|i| u64::from(values.at(i) != 0)).collect())
        }
        _ => {
            let texts = Strings::of(&args[0].column)?;
            Ok((0..rows).map(|i| texts.get(i).len() as u64).collect())
        }
    }
}

fn emptiness(args: &[TypedColumn], rows: usize, when: bool) -> Result<Column, FunctionError> {
    let lengths = lengths(args, rows)?;
    Ok(Column::UInt8(
        lengths.iter().map(|l| u8::from((*l == 0) == when)).collect(),
    ))
}

/// ASCII case mapping in place on a copy of all bytes at once.
fn ascii_case(args: &[TypedColumn], rows: usize, map: fn(&mut [u8])) -> Result<Column, FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    build(rows, texts.byte_len(), |i, out| {
        let at = out.len();
        out.extend_from_slice(texts.get(i));
        map(&mut out[at..]);
        Ok(())
    })
}

fn unicode_case(args: &[TypedColumn], rows: usize, map: fn(&str) -> String) -> Result<Column, FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    build(rows, texts.byte_len(), |i, out| {
        match std::str::from_utf8(texts.get(i)) {
            Ok(text) => out.extend_from_slice(map(text).as_bytes()),
            Err(_) => out.extend_from_slice(texts.get(i)),
        }
        Ok(())
    })
}

/// Text columns of any arguments, converted as `toString` does.
fn texts_of(args: &[TypedColumn]) -> Result<Vec<Strings>, FunctionError> {
    args.iter()
        .map(|a| Strings::of(&cast_column(&a.column, &a.ty, &DataType::String)?))
        .collect()
}

fn concat(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let parts = texts_of(args)?;
    build(rows, rows * 8, |i, out| {
        parts.iter().for_each(|p| out.extend_from_slice(p.get(i)));
        Ok(())
    })
}

/// `offset` from 1 or from the end, `length` possibly negative (then: up to that many before the end).
fn part_range(len: usize, offset: i64, length: Option<i64>) -> std::ops::Range<usize> {
    let len_i = len as i64;
    let start = match offset {
        0 => return 0..0,
        o if o > 0 => o - 1,
        o => len_i + o,
    };
    let end = match length {
        None => len_i,
        Some(l) if l < 0 => len_i + l,
        // An offset before the string uses up some of the length.
        Some(l) => start.saturating_add(l).min(len_i),
    };
    let start = start.clamp(0, len_i);
    let end = end.clamp(start, len_i);
    start as usize..end as usize
}

fn substring(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let offsets = i64s(&args[1])?;
    let lengths = args.get(2).map(i64s).transpose()?;
    sliced(args, rows, |i, text| {
        &text[part_range(text.len(), offsets.at(i), lengths.as_ref().map(|l| l.at(i)))]
    })
}

fn substring_utf8(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let offsets = i64s(&args[1])?;
    let lengths = args.get(2).map(i64s).transpose()?;
    sliced(args, rows, |i, text| {
        let mut starts: Vec<usize> = text
            .iter()
            .enumerate()
            .filter(|(_, c)| **c & 0xC0 != 0x80)
            .map(|(at, _)| at)
            .collect();
        let range = part_range(starts.len(), offsets.at(i), lengths.as_ref().map(|l| l.at(i)));
        starts.push(text.len());
        &text[starts[range.start]..starts[range.end]]
    })
}

fn substring_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    strings_type(&args[..1], DataType::String)?;
    match args[1..].iter().find(|a| !a.ty.is_integer()) {
        Some(other) => Err(FunctionError::illegal_type("substring", other.ty)),
        None => Ok(DataType::String),
    }
}

fn position_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    strings_type(&args[..2], DataType::UInt64)
}

fn position(args: &[TypedColumn], rows: usize, case_free: bool) -> Result<Column, FunctionError> {
    let (texts, needles) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let starts = args.get(2).map(i64s).transpose()?;
    let constant = needles
        .constant()
        .filter(|_| !case_free)
        .map(|n| memchr::memmem::Finder::new(n).into_owned());
    Ok(Column::UInt64(
        (0..rows)
            .map(|i| {
                let text = texts.get(i);
                let from = starts
                    .as_ref()
                    .map_or(0, |s| usize::try_from((s.at(i) - 1).max(0)).unwrap_or(0));
                let Some(rest) = text.get(from..) else {
                    return 0;
                };
                let found = match &constant {
                    Some(finder) => finder.find(rest),
                    None if case_free => {
                        memchr::memmem::find(&rest.to_ascii_lowercase(), &needles.get(i).to_ascii_lowercase())
                    }
                    None => memchr::memmem::find(rest, needles.get(i)),
                };
                found.map_or(0, |at| (from + at) as u64 + 1)
            })
            .collect(),
    ))
}

/// Takes characters of the second argument (blanks without one) off the ends.
fn trim(args: &[TypedColumn], rows: usize, left: bool, right: bool) -> Result<Column, FunctionError> {
    let sets = args.get(1).map(|a| Strings::of(&a.column)).transpose()?;
    sliced(args, rows, |i, text| {
        let set = sets.as_ref().map_or(&b" "[..], |s| s.get(i));
        let from = if left {
            text.iter().position(|c| !set.contains(c)).unwrap_or(text.len())
        } else {
            0
        };
        let rest = &text[from..];
        let len = if right {
            rest.iter().rposition(|c| !set.contains(c)).map_or(0, |p| p + 1)
        } else {
            rest.len()
        };
        &rest[..len]
    })
}

fn replace(args: &[TypedColumn], rows: usize, all: bool) -> Result<Column, FunctionError> {
    let (texts, needles) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let replacements = Strings::of(&args[2].column)?;
    build(rows, texts.byte_len(), |i, out| {
        let (mut rest, needle) = (texts.get(i), needles.get(i));
        while !needle.is_empty()
            && let Some(at) = memchr::memmem::find(rest, needle)
        {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(replacements.get(i));
            rest = &rest[at + needle.len()..];
            if !all {
                break;
            }
        }
        out.extend_from_slice(rest);
        Ok(())
    })
}

fn ends(args: &[TypedColumn], rows: usize, test: fn(&[u8], &[u8]) -> bool) -> Result<Column, FunctionError> {
    let (texts, parts) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    Ok(Column::UInt8(
        (0..rows)
            .map(|i| u8::from(test(texts.get(i), parts.get(i))))
            .collect(),
    ))
}

/// Parts of the text in argument `text`; `split` pushes them.
fn split(
    args: &[TypedColumn],
    text: usize,
    rows: usize,
    split: impl Fn(usize, &[u8], &mut StringColumnBuilder),
) -> Result<Column, FunctionError> {
    let texts = Strings::of(&args[text].column)?;
    let limits: Option<Operand<i64>> = args.get(2).map(i64s).transpose()?;
    let mut offsets = vec![0u32];
    let mut out = StringColumnBuilder::with_capacity(rows, texts.byte_len());
    for i in 0..rows {
        match &limits {
            None => split(i, texts.get(i), &mut out),
            Some(limits) => {
                let mut parts = StringColumnBuilder::default();
                split(i, texts.get(i), &mut parts);
                let limit = usize::try_from(limits.at(i))
                    .ok()
                    .filter(|l| *l > 0)
                    .unwrap_or(usize::MAX);
                parts.finish().iter().take(limit).for_each(|p| out.push(p));
            }
        }
        offsets.push(row(out.len()));
    }
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(Column::String(out.finish())),
    }))
}

fn split_at(text: &[u8], separator: &[u8], out: &mut StringColumnBuilder) {
    if separator.is_empty() {
        // Characters one by one.
        let mut start = 0;
        for at in 1..=text.len() {
            if text.get(at).is_none_or(|c| c & 0xC0 != 0x80) {
                out.push(&text[start..at]);
                start = at;
            }
        }
        return;
    }
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, separator) {
        out.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    out.push(rest);
}

fn split_by(args: &[TypedColumn], rows: usize, one_byte: bool) -> Result<Column, FunctionError> {
    let separators = Strings::of(&args[0].column)?;
    if one_byte && (0..rows).any(|i| separators.get(i).len() != 1) {
        return Err(FunctionError::new(
            BAD_ARGUMENTS,
            "Illegal separator for function splitByChar. Must be exactly one byte",
        ));
    }
    split(args, 1, rows, |i, text, out| {
        split_at(text, separators.get(i), out)
    })
}

fn split_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    strings_type(&args[..2], DataType::String.array())
}

fn reverse_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args[0].ty {
        array @ DataType::Array(_) => Ok(array.clone()),
        _ => strings_type(args, args[0].ty.clone()),
    }
}

fn reverse(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    if matches!(result, DataType::Array(_)) {
        return crate::arrays::reversed(&args[0].column);
    }
    ascii_case(args, rows, <[u8]>::reverse)
}

/// `format('{} {1}', …)`: a pattern's pieces are text and argument numbers.
fn format_pieces(pattern: &str, count: usize) -> Result<Vec<(String, Option<usize>)>, FunctionError> {
    let bad = |what: &str| FunctionError::new(BAD_ARGUMENTS, format!("{what} in the pattern of format"));
    let mut pieces = Vec::new();
    let (mut literal, mut next) = (String::new(), 0);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                chars.next();
                literal.push('{');
            }
            '}' if chars.peek() == Some(&'}') => {
                chars.next();
                literal.push('}');
            }
            '{' => {
                let mut inside = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) => inside.push(c),
                        None => return Err(bad("an unclosed brace")),
                    }
                }
                let at = if inside.is_empty() {
                    next += 1;
                    next - 1
                } else {
                    inside.parse().map_err(|_| bad("a name"))?
                };
                if at >= count {
                    return Err(bad("a number without argument"));
                }
                pieces.push((std::mem::take(&mut literal), Some(at)));
            }
            '}' => return Err(bad("a lonely brace")),
            c => literal.push(c),
        }
    }
    pieces.push((literal, None));
    Ok(pieces)
}

fn format(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let patterns = Strings::of(&args[0].column)?;
    let parts = texts_of(&args[1..])?;
    let pattern = String::from_utf8_lossy(patterns.get(0)).into_owned();
    let pieces = format_pieces(&pattern, parts.len())?;
    build(rows, rows * 16, |i, out| {
        for (text, at) in &pieces {
            out.extend_from_slice(text.as_bytes());
            if let Some(at) = at {
                out.extend_from_slice(parts[*at].get(i));
            }
        }
        Ok(())
    })
}

/// Longer results of `repeat` and padding are refused.
const RESULT_BYTES_MAX: usize = 1 << 26;

fn sized(n: i64, unit: usize) -> Result<usize, FunctionError> {
    let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
    if n.saturating_mul(unit.max(1)) > RESULT_BYTES_MAX {
        return Err(FunctionError::new(
            crate::error::TOO_LARGE_STRING,
            "the resulting string is too long",
        ));
    }
    Ok(n)
}

fn pad(args: &[TypedColumn], rows: usize, left: bool) -> Result<Column, FunctionError> {
    let (texts, lengths) = (Strings::of(&args[0].column)?, i64s(&args[1])?);
    let fills = args.get(2).map(|a| Strings::of(&a.column)).transpose()?;
    build(rows, rows * 8, |i, out| {
        let (text, length) = (texts.get(i), sized(lengths.at(i), 1)?);
        if length <= text.len() {
            out.extend_from_slice(&text[..length]);
            return Ok(());
        }
        let fill = fills
            .as_ref()
            .map(|f| f.get(i))
            .filter(|f| !f.is_empty())
            .unwrap_or(b" ");
        if !left {
            out.extend_from_slice(text);
        }
        out.extend(fill.iter().cycle().take(length - text.len()));
        if left {
            out.extend_from_slice(text);
        }
        Ok(())
    })
}

fn hex(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let column = &args[0].column;
    build(rows, rows * 16, |i, out| {
        match column.value(i) {
            Value::String(s) => s
                .iter()
                .for_each(|c| out.extend_from_slice(format!("{c:02X}").as_bytes())),
            Value::UInt(v) => {
                let text = format!("{v:X}");
                if text.len() % 2 == 1 {
                    out.push(b'0');
                }
                out.extend_from_slice(text.as_bytes());
            }
            Value::Uuid(v) => out.extend_from_slice(format!("{v:032X}").as_bytes()),
            other => {
                return Err(FunctionError::new(
                    BAD_ARGUMENTS,
                    format!("hex of {other:?} is not supported"),
                ));
            }
        }
        Ok(())
    })
}

fn unhex(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    build(rows, rows * 8, |i, out| {
        let digit = |c: u8| char::from(c).to_digit(16).unwrap_or(0) as u8;
        let text = texts.get(i);
        let (odd, pairs) = text.split_at(text.len() % 2);
        out.extend(odd.iter().map(|c| digit(*c)));
        out.extend(pairs.chunks(2).map(|p| digit(p[0]) << 4 | digit(p[1])));
        Ok(())
    })
}

fn counted(
    args: &[TypedColumn],
    rows: usize,
    count: fn(&[u8], &[u8]) -> usize,
) -> Result<Column, FunctionError> {
    let (texts, parts) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    Ok(Column::UInt64(
        (0..rows)
            .map(|i| count(texts.get(i), parts.get(i)) as u64)
            .collect(),
    ))
}

fn trim_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    text_type(args)
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "length",
        (1, 1),
        |a| sized_type(a, DataType::UInt64),
        |a, _, n| {
            if a[0].ty == DataType::Uuid {
                return Err(FunctionError::illegal_type("length", &a[0].ty));
            }
            Ok(Column::UInt64(lengths(a, n)?.into()))
        },
    ),
    Definition::new(
        "lengthUTF8",
        (1, 1),
        |a| strings_type(a, DataType::UInt64),
        |a, _, n| {
            let texts = Strings::of(&a[0].column)?;
            let count = |s: &[u8]| s.iter().filter(|c| **c & 0xC0 != 0x80).count() as u64;
            Ok(Column::UInt64((0..n).map(|i| count(texts.get(i))).collect()))
        },
    ),
    Definition::new(
        "empty",
        (1, 1),
        |a| sized_type(a, DataType::UInt8),
        |a, _, n| emptiness(a, n, true),
    ),
    Definition::new(
        "notEmpty",
        (1, 1),
        |a| sized_type(a, DataType::UInt8),
        |a, _, n| emptiness(a, n, false),
    ),
    Definition::new(
        "lower",
        (1, 1),
        |a| strings_type(a, a[0].ty.clone()),
        |a, _, n| ascii_case(a, n, <[u8]>::make_ascii_lowercase),
    ),
    Definition::new(
        "upper",
        (1, 1),
        |a| strings_type(a, a[0].ty.clone()),
        |a, _, n| ascii_case(a, n, <[u8]>::make_ascii_uppercase),
    ),
    Definition::new("lowerUTF8", (1, 1), text_type, |a, _, n| {
        unicode_case(a, n, str::to_lowercase)
    }),
    Definition::new("upperUTF8", (1, 1), text_type, |a, _, n| {
        unicode_case(a, n, str::to_uppercase)
    }),
    Definition::new("concat", (1, ANY), |_| Ok(DataType::String), concat),
    Definition::new(
        "concatWithSeparator",
        (1, ANY),
        |a| strings_type(&a[..1], DataType::String),
        |a, _, n| {
            let parts = texts_of(a)?;
            build(n, n * 8, |i, out| {
                for (at, part) in parts[1..].iter().enumerate() {
                    if at > 0 {
                        out.extend_from_slice(parts[0].get(i));
                    }
                    out.extend_from_slice(part.get(i));
                }
                Ok(())
            })
        },
    ),
    Definition::new("substring", (2, 3), substring_type, substring),
    Definition::new("substringUTF8", (2, 3), substring_type, substring_utf8),
    Definition::new("left", (2, 2), substring_type, |a, _, n| {
        let lengths = i64s(&a[1])?;
        sliced(a, n, |i, text| {
            &text[part_range(text.len(), 1, Some(lengths.at(i)))]
        })
    }),
    Definition::new("right", (2, 2), substring_type, |a, _, n| {
        let lengths = i64s(&a[1])?;
        sliced(a, n, |i, text| {
            let len = usize::try_from(lengths.at(i).max(0))
                .unwrap_or(usize::MAX)
                .min(text.len());
            &text[text.len() - len..]
        })
    }),
    Definition::new("position", (2, 3), position_type, |a, _, n| position(a, n, false)),
    Definition::new("positionCaseInsensitive", (2, 3), position_type, |a, _, n| {
        position(a, n, true)
    }),
    Definition::new("locate", (2, 3), position_type, |a, _, n| {
        let mut swapped = a.to_vec();
        swapped.swap(0, 1);
        position(&swapped, n, false)
    }),
    Definition::new("trimBoth", (1, 2), trim_type, |a, _, n| trim(a, n, true, true)),
    Definition::new("trimLeft", (1, 2), trim_type, |a, _, n| trim(a, n, true, false)),
    Definition::new("trimRight", (1, 2), trim_type, |a, _, n| trim(a, n, false, true)),
    Definition::new("replaceAll", (3, 3), text_type, |a, _, n| replace(a, n, true)),
    Definition::new("replaceOne", (3, 3), text_type, |a, _, n| replace(a, n, false)),
    Definition::new(
        "startsWith",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| ends(a, n, |s, p| s.starts_with(p)),
    ),
    Definition::new(
        "endsWith",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| ends(a, n, |s, p| s.ends_with(p)),
    ),
    Definition::new("splitByChar", (2, 3), split_type, |a, _, n| split_by(a, n, true)),
    Definition::new("splitByString", (2, 3), split_type, |a, _, n| {
        split_by(a, n, false)
    }),
    Definition::new(
        "splitByWhitespace",
        (1, 1),
        |a| strings_type(a, DataType::String.array()),
        |a, _, n| {
            split(a, 0, n, |_, text, out| {
                text.split(u8::is_ascii_whitespace)
                    .filter(|p| !p.is_empty())
                    .for_each(|p| out.push(p));
            })
        },
    ),
    Definition::new("reverse", (1, 1), reverse_type, reverse),
    Definition::new("reverseUTF8", (1, 1), text_type, |a, _, n| {
        unicode_case(a, n, |s| s.chars().rev().collect())
    }),
    Definition::new(
        "format",
        (1, ANY),
        |a| strings_type(&a[..1], DataType::String),
        format,
    ),
    Definition::new("repeat", (2, 2), substring_type, |a, _, n| {
        let (texts, counts) = (Strings::of(&a[0].column)?, i64s(&a[1])?);
        build(n, n * 8, |i, out| {
            let text = texts.get(i);
            for _ in 0..sized(counts.at(i), text.len())? {
                out.extend_from_slice(text);
            }
            Ok(())
        })
    }),
    Definition::new(
        "leftPad",
        (2, 3),
        |a| strings_type(&a[..1], DataType::String),
        |a, _, n| pad(a, n, true),
    ),
    Definition::new(
        "rightPad",
        (2, 3),
        |a| strings_type(&a[..1], DataType::String),
        |a, _, n| pad(a, n, false),
    ),
    Definition::new("hex", (1, 1), |_| Ok(DataType::String), hex),
    Definition::new("unhex", (1, 1), text_type, unhex),
    Definition::new(
        "countSubstrings",
        (2, 2),
        |a| strings_type(a, DataType::UInt64),
        |a, _, n| {
            counted(a, n, |s, p| {
                if p.is_empty() {
                    0
                } else {
                    memchr::memmem::find_iter(s, p).count()
                }
            })
        },
    ),
    Definition::new("appendTrailingCharIfAbsent", (2, 2), text_type, |a, _, n| {
        let (texts, tails) = (Strings::of(&a[0].column)?, Strings::of(&a[1].column)?);
        build(n, texts.byte_len() + n, |i, out| {
            let text = texts.get(i);
            out.extend_from_slice(text);
            if !text.is_empty() && !text.ends_with(tails.get(i)) {
                out.extend_from_slice(tails.get(i));
            }
            Ok(())
        })
    }),
];
