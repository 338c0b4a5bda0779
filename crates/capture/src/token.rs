//! Project tokens: where they are and what they look like.

use serde_json::{Map, Value};

use crate::error::CaptureError;

const BYTES_MAX: usize = 64;

/// The first of `token`, `$token`, `api_key` that is a non-empty text.
pub(crate) fn in_object(object: &Map<String, Value>) -> Option<&str> {
    ["token", "$token", "api_key"]
        .into_iter()
        .filter_map(|key| object.get(key).and_then(Value::as_str))
        .find(|token| !token.trim().is_empty())
}

/// Of one event: its own fields, else its properties.
pub(crate) fn in_event(event: &Value) -> Option<&str> {
    let event = event.as_object()?;
    in_object(event).or_else(|| {
        let token = event.get("properties")?.as_object()?.get("token")?.as_str()?;
        (!token.trim().is_empty()).then_some(token)
    })
}

/// All tokens that the events carry must be the same.
pub(crate) fn shared(events: &[Value]) -> Result<Option<&str>, CaptureError> {
    let mut shared = None;
    for token in events.iter().filter_map(in_event).map(str::trim) {
        match shared {
            None => shared = Some(token),
            Some(known) if known == token => {}
            Some(_) => return Err(CaptureError::MixedTokens),
        }
    }
    Ok(shared)
}

/// Trimmed. Whether a project has it is another question.
pub(crate) fn check(token: &str) -> Result<&str, CaptureError> {
    let token = token.trim();
    if token.is_empty() {
        return Err(CaptureError::NoToken);
    }
    let legal =
        token.len() <= BYTES_MAX && token.is_ascii() && !token.contains('\0') && !token.starts_with("phx_");
    if legal {
        Ok(token)
    } else {
        Err(CaptureError::BadToken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn legal_tokens() {
        assert_eq!(check(" phc_x "), Ok("phc_x"));
        assert_eq!(check(&"x".repeat(64)), Ok("x".repeat(64).as_str()));
        assert_eq!(check("  "), Err(CaptureError::NoToken));
        for bad in ["phx_secret", "a\0b", "tökén", &"x".repeat(65)] {
            assert_eq!(check(bad), Err(CaptureError::BadToken), "{bad:?}");
        }
    }

    #[test]
    fn precedence() {
        for (event, token) in [
            (json!({"token": "a", "api_key": "b"}), Some("a")),
            (json!({"token": "", "$token": "t", "api_key": "b"}), Some("t")),
            (json!({"api_key": "b", "properties": {"token": "c"}}), Some("b")),
            (json!({"properties": {"token": "c"}}), Some("c")),
            (json!({"api_key": 5, "properties": {"token": ["c"]}}), None),
            (json!([]), None),
        ] {
            assert_eq!(in_event(&event), token, "{event}");
        }
        assert_eq!(
            shared(&[json!({"token": "a"}), json!({}), json!({"api_key": "a "})]),
            Ok(Some("a"))
        );
        assert_eq!(
            shared(&[json!({"token": "a"}), json!({"token": "b"})]),
            Err(CaptureError::MixedTokens)
        );
        assert_eq!(shared(&[json!({})]), Ok(None));
    }
}
