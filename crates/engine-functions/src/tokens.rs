//! Words of texts: `hasToken` and its variants. A word is a run of ASCII letters, digits and bytes beyond ASCII.

use engine_types::{Column, DataType, NullableColumn, Value};

use crate::definition::Definition;
use crate::error::{BAD_ARGUMENTS, ILLEGAL_COLUMN};
use crate::operand::Strings;
use crate::search::strings_type;
use crate::{Argument, FunctionError, TypedColumn};

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

fn has(text: &[u8], word: &[u8], any_case: bool) -> bool {
    text.split(|byte| !in_word(*byte)).any(|own| {
        if any_case {
            own.eq_ignore_ascii_case(word)
        } else {
            own == word
        }
    }) && !word.is_empty()
}

fn returns(args: &[Argument<'_>], ty: DataType) -> Result<DataType, FunctionError> {
    let ty = strings_type(args, ty)?;
    if args[1].constant.is_none() {
        return Err(FunctionError::new(
            ILLEGAL_COLUMN,
            "the second argument of hasToken must be constant",
        ));
    }
    Ok(ty)
}

fn no_word() -> FunctionError {
    FunctionError::new(
        BAD_ARGUMENTS,
        "Needle must not contain whitespace or separator characters",
    )
}

/// Refuses what is no word before anything is read.
fn returns_or_fails(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let ty = returns(args, DataType::UInt8)?;
    match args[1].constant {
        Some(Value::String(word)) if !word.iter().copied().all(in_word) => Err(no_word()),
        _ => Ok(ty),
    }
}

/// `None`: the second argument is no word.
fn mask(args: &[TypedColumn], rows: usize, any_case: bool) -> Result<Option<Column>, FunctionError> {
    let (texts, words) = (Strings::of(&args[0].column)?, Strings::of(&args[1].column)?);
    let Some(word) = (rows > 0).then(|| words.get(0)) else {
        return Ok(Some(Column::UInt8(Vec::new().into())));
    };
    if !word.iter().copied().all(in_word) {
        return Ok(None);
    }
    let found = (0..rows).map(|row| u8::from(has(texts.get(row), word, any_case)));
    Ok(Some(Column::UInt8(found.collect())))
}

fn or_fail(args: &[TypedColumn], rows: usize, any_case: bool) -> Result<Column, FunctionError> {
    mask(args, rows, any_case)?.ok_or_else(no_word)
}

fn or_null(args: &[TypedColumn], rows: usize, any_case: bool) -> Result<Column, FunctionError> {
    let found = mask(args, rows, any_case)?;
    let null = u8::from(found.is_none());
    Ok(Column::Nullable(NullableColumn {
        nulls: vec![null; rows].into(),
        values: Box::new(found.unwrap_or_else(|| Column::UInt8(vec![0; rows].into()))),
    }))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("hasToken", (2, 2), returns_or_fails, |a, _, n| {
        or_fail(a, n, false)
    }),
    Definition::new("hasTokenCaseInsensitive", (2, 2), returns_or_fails, |a, _, n| {
        or_fail(a, n, true)
    }),
    Definition::new(
        "hasTokenOrNull",
        (2, 2),
        |a| returns(a, DataType::UInt8.nullable()),
        |a, _, n| or_null(a, n, false),
    ),
    Definition::new(
        "hasTokenCaseInsensitiveOrNull",
        (2, 2),
        |a| returns(a, DataType::UInt8.nullable()),
        |a, _, n| or_null(a, n, true),
    ),
];
