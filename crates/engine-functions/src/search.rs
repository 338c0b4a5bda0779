//! Matching and replacing with patterns: `match`, `like`, `extract`, `replaceRegexp…`, `multiMatch…`, `multiSearch…`.

use engine_types::{ArrayColumn, Buffer, Column, DataType, StringColumnBuilder, Value};
use regex::bytes::{Captures, Regex};

use crate::definition::Definition;
use crate::error::{BAD_ARGUMENTS, ILLEGAL_TYPE};
use crate::operand::{Strings, array, row};
use crate::pattern::{Compiled, Like, compile};
use crate::{Argument, FunctionError, TypedColumn};

pub(crate) fn strings_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    match args.iter().find(|a| !a.ty.is_string()) {
        Some(other) => Err(FunctionError::new(
            ILLEGAL_TYPE,
            format!("Illegal type {} of argument of a string function", other.ty),
        )),
        None => Ok(ty),
    }
}

/// A mask of `test(text, compiled pattern)`; a constant pattern is compiled once.
fn mask<T>(
    args: &[TypedColumn],
    rows: usize,
    make: fn(&[u8]) -> Result<T, FunctionError>,
    test: impl Fn(&T, &[u8]) -> bool,
) -> Result<Column, FunctionError> {
    let (texts, patterns) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let mut compiled = Compiled::new(make);
    if let Some(pattern) = patterns.constant() {
        let pattern = compiled.get(pattern)?;
        return Ok(Column::UInt8(
            (0..rows)
                .map(|i| u8::from(test(&pattern, texts.get(i))))
                .collect(),
        ));
    }
    let mut out = Vec::with_capacity(rows);
    for i in 0..rows {
        let pattern = compiled.get(patterns.get(i))?;
        out.push(u8::from(test(&pattern, texts.get(i))));
    }
    Ok(Column::UInt8(out.into()))
}

fn regex(pattern: &[u8]) -> Result<Regex, FunctionError> {
    compile(pattern, false)
}

fn like(pattern: &[u8]) -> Result<Like, FunctionError> {
    Like::new(pattern, false)
}

fn ilike(pattern: &[u8]) -> Result<Like, FunctionError> {
    Like::new(pattern, true)
}

/// Group 1, or the whole match of a pattern without groups.
fn first_group<'a>(captures: &Captures<'a>) -> &'a [u8] {
    let group = if captures.len() > 1 {
        captures.get(1)
    } else {
        captures.get(0)
    };
    group.map_or(&[], |m| m.as_bytes())
}

fn extract(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (texts, patterns) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let mut compiled = Compiled::new(regex);
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    for i in 0..rows {
        let regex = compiled.get(patterns.get(i))?;
        out.push(regex.captures(texts.get(i)).map_or(&[][..], |c| first_group(&c)));
    }
    Ok(Column::String(out.finish()))
}

fn extract_all(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (texts, patterns) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let mut compiled = Compiled::new(regex);
    let mut offsets = vec![0u32];
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    for i in 0..rows {
        let regex = compiled.get(patterns.get(i))?;
        for captures in regex.captures_iter(texts.get(i)) {
            out.push(first_group(&captures));
        }
        offsets.push(row(out.len()));
    }
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(Column::String(out.finish())),
    }))
}

fn extract_groups(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (texts, patterns) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let mut compiled = Compiled::new(regex);
    let mut offsets = vec![0u32];
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8);
    for i in 0..rows {
        let regex = compiled.get(patterns.get(i))?;
        if let Some(captures) = regex.captures(texts.get(i)) {
            for group in captures.iter().skip(1) {
                out.push(group.map_or(&[][..], |m| m.as_bytes()));
            }
        }
        offsets.push(row(out.len()));
    }
    Ok(Column::Array(ArrayColumn {
        offsets: offsets.into(),
        values: Box::new(Column::String(out.finish())),
    }))
}

/// A replacement taken apart: literal text and `\0` to `\9`.
enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

fn replacement(text: &[u8], groups: usize) -> Result<Vec<Piece>, FunctionError> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut i = 0;
    while i < text.len() {
        match (text[i], text.get(i + 1)) {
            (b'\\', Some(d)) if d.is_ascii_digit() => {
                let group = usize::from(d - b'0');
                if group >= groups {
                    return Err(FunctionError::new(
                        BAD_ARGUMENTS,
                        format!(
                            "Substitution '\\{group}' in replacement argument is invalid, regexp has only {} capturing groups",
                            groups - 1
                        ),
                    ));
                }
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(Piece::Group(group));
                i += 2;
            }
            (b'\\', Some(b'\\')) => {
                literal.push(b'\\');
                i += 2;
            }
            (c, _) => {
                literal.push(c);
                i += 1;
            }
        }
    }
    pieces.push(Piece::Text(literal));
    Ok(pieces)
}

fn replace_regexp(args: &[TypedColumn], rows: usize, all: bool) -> Result<Column, FunctionError> {
    let (texts, patterns) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let replacements = Strings::of(&args[2].column)?;
    let mut compiled = Compiled::new(regex);
    let mut out = StringColumnBuilder::with_capacity(rows, texts.byte_len());
    let mut pieces: Option<(Vec<u8>, usize, Vec<Piece>)> = None;
    for i in 0..rows {
        let text = texts.get(i);
        if patterns.get(i).is_empty() {
            out.push(text);
            continue;
        }
        let regex = compiled.get(patterns.get(i))?;
        let groups = regex.captures_len();
        if pieces
            .as_ref()
            .is_none_or(|(r, g, _)| r != replacements.get(i) || *g != groups)
        {
            pieces = Some((
                replacements.get(i).to_vec(),
                groups,
                replacement(replacements.get(i), groups)?,
            ));
        }
        let pieces = pieces.as_ref().map_or(&[][..], |(_, _, p)| p);
        let mut at = 0;
        for captures in regex.captures_iter(text) {
            let whole = captures.get(0).map_or(0..0, |m| m.range());
            out.arena().extend_from_slice(&text[at..whole.start]);
            for piece in pieces {
                match piece {
                    Piece::Text(t) => out.arena().extend_from_slice(t),
                    Piece::Group(g) => {
                        let group = captures.get(*g).map_or(&[][..], |m| m.as_bytes());
                        out.arena().extend_from_slice(group);
                    }
                }
            }
            at = whole.end;
            if !all {
                break;
            }
        }
        out.arena().extend_from_slice(&text[at..]);
        out.end_row();
    }
    Ok(Column::String(out.finish()))
}

fn needles_type(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    match (args[0].ty, args[1].ty) {
        (text, DataType::Array(element))
            if text.is_string() && (element.is_string() || **element == DataType::Nothing) =>
        {
            Ok(ty)
        }
        (_, other) => Err(FunctionError::illegal_type("multi search", other)),
    }
}

/// Per row the needles as byte strings; a constant array is read once.
fn each_needles(
    args: &[TypedColumn],
    rows: usize,
    mut each: impl FnMut(&[u8], &[Vec<u8>]) -> Result<(), FunctionError>,
) -> Result<(), FunctionError> {
    let texts = Strings::of(&args[0].column)?;
    let read = |value: Value| -> Vec<Vec<u8>> {
        match value {
            Value::Array(items) => items
                .into_iter()
                .map(|v| if let Value::String(s) = v { s } else { Vec::new() })
                .collect(),
            _ => Vec::new(),
        }
    };
    let constant = matches!(args[1].column, Column::Const(_)).then(|| read(args[1].column.value(0)));
    for i in 0..rows {
        match &constant {
            Some(needles) => each(texts.get(i), needles)?,
            None => each(texts.get(i), &read(args[1].column.value(i)))?,
        }
    }
    Ok(())
}

/// Number from 1 of the first pattern that matches, in their order; 0 for none.
fn multi_match(args: &[TypedColumn], rows: usize) -> Result<Buffer<u64>, FunctionError> {
    let mut compiled = Compiled::new(regex);
    let mut out = Vec::with_capacity(rows);
    each_needles(args, rows, |text, patterns| {
        let mut found = 0;
        for (i, pattern) in patterns.iter().enumerate() {
            if compiled.get(pattern)?.is_match(text) {
                found = i as u64 + 1;
                break;
            }
        }
        out.push(found);
        Ok(())
    })?;
    Ok(out.into())
}

fn multi_search(
    args: &[TypedColumn],
    rows: usize,
    answer: impl Fn(&[u8], &[Vec<u8>]) -> u64,
) -> Result<Buffer<u64>, FunctionError> {
    let mut out = Vec::with_capacity(rows);
    each_needles(args, rows, |text, needles| {
        out.push(answer(text, needles));
        Ok(())
    })?;
    Ok(out.into())
}

fn first_needle(text: &[u8], needles: &[Vec<u8>]) -> u64 {
    needles
        .iter()
        .position(|n| memchr::memmem::find(text, n).is_some())
        .map_or(0, |i| i as u64 + 1)
}

fn to_mask(values: &Buffer<u64>) -> Column {
    Column::UInt8(values.iter().map(|v| u8::from(*v != 0)).collect())
}

fn all_positions(args: &[TypedColumn], rows: usize) -> Result<Column, FunctionError> {
    let offsets = array(&args[1].column)?.offsets;
    let mut out: Vec<u64> = Vec::new();
    each_needles(args, rows, |text, needles| {
        out.extend(
            needles
                .iter()
                .map(|n| memchr::memmem::find(text, n).map_or(0, |p| p as u64 + 1)),
        );
        Ok(())
    })?;
    Ok(Column::Array(ArrayColumn {
        offsets,
        values: Box::new(Column::UInt64(out.into())),
    }))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "match",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| mask(a, n, regex, |r, s| r.is_match(s)),
    ),
    Definition::new(
        "like",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| mask(a, n, like, |l, s| l.matches(s)),
    ),
    Definition::new(
        "notLike",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| mask(a, n, like, |l, s| !l.matches(s)),
    ),
    Definition::new(
        "ilike",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| mask(a, n, ilike, |l, s| l.matches(s)),
    ),
    Definition::new(
        "notILike",
        (2, 2),
        |a| strings_type(a, DataType::UInt8),
        |a, _, n| mask(a, n, ilike, |l, s| !l.matches(s)),
    ),
    Definition::new("extract", (2, 2), |a| strings_type(a, DataType::String), extract),
    Definition::new(
        "extractAll",
        (2, 2),
        |a| strings_type(a, DataType::String.array()),
        extract_all,
    ),
    Definition::new(
        "extractGroups",
        (2, 2),
        |a| strings_type(a, DataType::String.array()),
        extract_groups,
    ),
    Definition::new(
        "replaceRegexpAll",
        (3, 3),
        |a| strings_type(a, DataType::String),
        |a, _, n| replace_regexp(a, n, true),
    ),
    Definition::new(
        "replaceRegexpOne",
        (3, 3),
        |a| strings_type(a, DataType::String),
        |a, _, n| replace_regexp(a, n, false),
    ),
    Definition::new(
        "multiMatchAny",
        (2, 2),
        |a| needles_type(a, DataType::UInt8),
        |a, _, n| Ok(to_mask(&multi_match(a, n)?)),
    ),
    Definition::new(
        "multiMatchAnyIndex",
        (2, 2),
        |a| needles_type(a, DataType::UInt64),
        |a, _, n| Ok(Column::UInt64(multi_match(a, n)?)),
    ),
    Definition::new(
        "multiSearchAny",
        (2, 2),
        |a| needles_type(a, DataType::UInt8),
        |a, _, n| Ok(to_mask(&multi_search(a, n, first_needle)?)),
    ),
    Definition::new(
        "multiSearchFirstIndex",
        (2, 2),
        |a| needles_type(a, DataType::UInt64),
        |a, _, n| Ok(Column::UInt64(multi_search(a, n, first_needle)?)),
    ),
    Definition::new(
        "multiSearchFirstPosition",
        (2, 2),
        |a| needles_type(a, DataType::UInt64),
        |a, _, n| {
            let first = |text: &[u8], needles: &[Vec<u8>]| {
                let found = needles.iter().filter_map(|n| memchr::memmem::find(text, n)).min();
                found.map_or(0, |p| p as u64 + 1)
            };
            Ok(Column::UInt64(multi_search(a, n, first)?))
        },
    ),
    Definition::new(
        "multiSearchAllPositions",
        (2, 2),
        |a| needles_type(a, DataType::UInt64.array()),
        |a, _, n| all_positions(a, n),
    ),
];
