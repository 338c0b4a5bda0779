//! What is wrong with a request, and in which field.

/// A request that cannot be answered as sent. The API answers it with status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FieldError {
    pub code: ErrorCode,
    /// For people: one sentence.
    pub detail: String,
    /// The field, nested names joined with `__`; `None` when it is no single field's fault.
    pub attr: Option<String>,
}

/// For programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    Required,
    InvalidInput,
    DoesNotExist,
    NotSupported,
}

impl ErrorCode {
    /// `required`, `invalid_input`, `does_not_exist`, `not_supported`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidInput => "invalid_input",
            Self::DoesNotExist => "does_not_exist",
            Self::NotSupported => "not_supported",
        }
    }
}

impl FieldError {
    pub fn invalid(attr: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of(ErrorCode::InvalidInput, attr, detail)
    }

    pub fn required(attr: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of(ErrorCode::Required, attr, detail)
    }

    pub fn missing(attr: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of(ErrorCode::DoesNotExist, attr, detail)
    }

    pub fn unsupported(attr: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of(ErrorCode::NotSupported, attr, detail)
    }

    fn of(code: ErrorCode, attr: impl Into<String>, detail: impl Into<String>) -> Self {
        let attr = attr.into();
        Self {
            code,
            detail: detail.into(),
            attr: (!attr.is_empty()).then_some(attr),
        }
    }
}

/// `parent__child`, or the child alone.
pub(crate) fn nested(parent: &str, child: impl std::fmt::Display) -> String {
    if parent.is_empty() {
        child.to_string()
    } else {
        format!("{parent}__{child}")
    }
}
