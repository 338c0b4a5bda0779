//! The shapes of a body: a list of events, an object with a batch, one event.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::decode::Decoded;
use crate::error::CaptureError;
use crate::query::Pairs;
use crate::token;

/// Query times before 2021 are seconds taken for milliseconds, or nonsense.
const QUERY_TIME_FROM_MS: i64 = 1_609_459_200_000;

#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    pub token: String,
    /// When the client sent the request, by its own clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// Never empty.
    pub events: Vec<Value>,
}

pub(crate) fn batch(decoded: Decoded, query: &Pairs) -> Result<Batch, CaptureError> {
    let Decoded { json, form } = decoded;
    let mut envelope_token = None;
    let mut sent_at = None;
    let events = match json {
        Value::Array(events) => events,
        Value::Object(mut envelope) => match envelope.get_mut("batch").map(Value::take) {
            Some(Value::Array(events)) => {
                envelope_token = token::in_object(&envelope).map(str::to_owned);
                sent_at = envelope
                    .get("sent_at")
                    .and_then(Value::as_str)
                    .and_then(ingest::parse_time);
                events
            }
            None | Some(Value::Null) => {
                envelope.shift_remove("batch");
                vec![Value::Object(envelope)]
            }
            // An event may have a field of this name, as it may have any other that nobody knows.
            Some(_) if envelope.contains_key("event") => vec![Value::Object(envelope)],
            Some(_) => return Err(CaptureError::BatchNotList),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(CaptureError::NotEvents);
        }
    };
    if events.is_empty() {
        return Err(CaptureError::NoEvents);
    }
    let token = match envelope_token {
        Some(token) => token::check(&token)?.to_owned(),
        None => {
            let form_token = || form.non_empty("api_key").or_else(|| form.non_empty("token"));
            let token = token::shared(&events)?
                .or_else(form_token)
                .ok_or(CaptureError::NoToken)?;
            token::check(token)?.to_owned()
        }
    };
    let sent_at = sent_at
        .or_else(|| query_time(query))
        .or_else(|| query_time(&form));
    Ok(Batch {
        token,
        sent_at,
        events,
    })
}

fn query_time(query: &Pairs) -> Option<DateTime<Utc>> {
    ["_", "sent_at"].into_iter().find_map(|name| {
        let milliseconds: i64 = query.get(name)?.trim().parse().ok()?;
        (milliseconds >= QUERY_TIME_FROM_MS)
            .then(|| DateTime::from_timestamp_millis(milliseconds))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: Value, query: &str, form: &str) -> Result<Batch, CaptureError> {
        batch(
            Decoded {
                json,
                form: Pairs::parse(form.as_bytes()),
            },
            &Pairs::parse(query.as_bytes()),
        )
    }

    #[test]
    fn shapes() {
        let one = json!({"event": "e", "token": "t"});
        for (body, events) in [
            (json!([one]), vec![one.clone()]),
            (one.clone(), vec![one.clone()]),
            (
                json!({"event": "e", "token": "t", "batch": null}),
                vec![one.clone()],
            ),
            (
                json!({"api_key": "t", "batch": [{"event": "e"}]}),
                vec![json!({"event": "e"})],
            ),
            (
                json!({"event": "e", "token": "t", "batch": "b-7"}),
                vec![json!({"event": "e", "token": "t", "batch": null})],
            ),
            // Without a token beside it the batch's events are asked.
            (
                json!({"batch": [one, {"event": "f"}]}),
                vec![one.clone(), json!({"event": "f"})],
            ),
            // A token on the envelope wins over those of the events.
            (
                json!({"token": "t", "batch": [{"token": "x"}, {"token": "y"}]}),
                vec![json!({"token": "x"}), json!({"token": "y"})],
            ),
            (json!({"api_key": "t", "token": "", "batch": [1]}), vec![json!(1)]),
        ] {
            let found = read(body.clone(), "", "").unwrap();
            assert_eq!((found.token.as_str(), found.events), ("t", events), "{body}");
        }
        assert_eq!(
            read(json!([{"event": "e"}]), "", "api_key=form").unwrap().token,
            "form"
        );
    }

    #[test]
    fn refusals() {
        for (body, error) in [
            (json!([]), CaptureError::NoEvents),
            (json!({"api_key": "t", "batch": []}), CaptureError::NoEvents),
            (json!({"api_key": "t", "batch": {}}), CaptureError::BatchNotList),
            (json!("text"), CaptureError::NotEvents),
            (json!({}), CaptureError::NoToken),
            (json!([{"event": "e"}]), CaptureError::NoToken),
            (json!([{"token": "a"}, {"token": "b"}]), CaptureError::MixedTokens),
            (json!({"api_key": "phx_1", "batch": [{}]}), CaptureError::BadToken),
        ] {
            assert_eq!(read(body.clone(), "", "").unwrap_err(), error, "{body}");
        }
    }

    #[test]
    fn when_it_was_sent() {
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let body = |sent_at: Value| json!({"api_key": "t", "batch": [{}], "sent_at": sent_at});
        for (body, query, want) in [
            (
                body(json!("2026-11-21T12:56:04.817Z")),
                "_=1795266047825",
                at("2026-11-21T12:56:04.817Z"),
            ),
            (
                body(json!("2026-11-21T12:55:12.956272+00:00")),
                "",
                at("2026-11-21T12:55:12.956272Z"),
            ),
            (
                body(json!("soon")),
                "_=1795266047825",
                DateTime::from_timestamp_millis(1795266047825),
            ),
            (body(json!("soon")), "", None),
            (
                body(Value::Null),
                "sent_at=1795266047825",
                DateTime::from_timestamp_millis(1795266047825),
            ),
            // Seconds, and no number at all.
            (body(Value::Null), "_=1795266047", None),
            (body(Value::Null), "_=abc", None),
            (body(Value::Null), "_=99999999999999999999", None),
            (
                json!({"api_key": "t", "batch": [{}], "sentAt": "2026-11-21T12:56:04Z"}),
                "",
                None,
            ),
            // Of one event alone it is a field of the event, and those are ignored.
            (
                json!({"api_key": "t", "event": "e", "sent_at": "2026-11-21T12:56:04Z"}),
                "",
                None,
            ),
        ] {
            assert_eq!(
                read(body.clone(), query, "").unwrap().sent_at,
                want,
                "{body} {query}"
            );
        }
    }
}
