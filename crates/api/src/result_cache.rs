//! Answers of insights, kept as long as nothing that they were computed from has changed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::ApiError;
use crate::insight_context::InsightContext;

/// Nobody asks for what was computed yesterday: most such answers are for ranges that end "now".
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Parameters that say how to answer, not what is asked.
const NOT_ASKED: [&str; 6] = [
    "refresh",
    "client_query_id",
    "from_dashboard",
    "format",
    "limit",
    "offset",
];

/// Clones share one cache.
#[derive(Clone)]
pub struct ResultCache {
    answers: Cache<Key, Arc<Stored>>,
}

/// A digest of everything that an answer depends on, see [`key`].
pub type Key = [u8; 32];

struct Stored {
    result: Value,
    computed_at: DateTime<Utc>,
}

/// A result, and how old it is.
pub struct Answered {
    stored: Arc<Stored>,
    pub is_cached: bool,
}

impl Answered {
    pub fn result(&self) -> &Value {
        &self.stored.result
    }

    /// When it was computed.
    pub fn last_refresh(&self) -> DateTime<Utc> {
        self.stored.computed_at
    }
}

impl ResultCache {
    /// Holds up to about `bytes_max` of results; those asked for least go first.
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &Key, stored: &Arc<Stored>| u32::try_from(weight(&stored.result)).unwrap_or(u32::MAX);
        Self {
            answers: Cache::builder()
                .max_capacity(bytes_max)
                .weigher(weigh)
                .time_to_live(LIFETIME)
                .build(),
        }
    }

    /// The result kept under `key`, or else that of `compute`. Who asks the same at the same time waits for the one who
    /// came first. A failure is kept for nobody.
    ///
    /// `refresh` computes in any case, and keeps the new result.
    pub async fn answer(
        &self,
        key: Key,
        refresh: bool,
        now: DateTime<Utc>,
        compute: impl Future<Output = Result<Value, ApiError>>,
    ) -> Result<Answered, ApiError> {
        let compute = async {
            Ok(Arc::new(Stored {
                result: compute.await?,
                computed_at: now,
            }))
        };
        if refresh {
            let stored = compute.await?;
            self.answers.insert(key, stored.clone()).await;
            return Ok(Answered {
                stored,
                is_cached: false,
            });
        }
        let entry = self.answers.entry(key).or_try_insert_with(compute).await;
        let entry = entry.map_err(|error: Arc<ApiError>| (*error).clone())?;
        Ok(Answered {
            is_cached: !entry.is_fresh(),
            stored: entry.into_value(),
        })
    }
}

/// Names an answer. Two requests have one name only if they have one answer:
/// - `route` and the request as asked, in whichever form it came, decide how the rows are shown;
/// - `queries`, what the stores are asked in full, holds the meaning: absolute times, actions and cohorts expanded. So a request of
///   "the last week" has another name tomorrow, and a changed action or project one at once;
/// - names of actions and cohorts are shown, but not part of any query;
/// - `version` changes when the data does.
///
/// The clock is no part of a name, so that the same request a minute later finds its answer; whole days, weeks and months
/// resolve to the same bounds all day long. What does reach down to the second (a cohort of who did something in the last n
/// days, ranges of hours that end now, "the last hours" in property filters, related actors) has a new name each second and
/// is computed each time: never stale, never shared.
pub fn key(
    route: &str,
    request: &Map<String, Value>,
    definitions: &InsightContext,
    queries: &str,
    version: &str,
) -> Key {
    let mut digest = Sha256::new();
    // Lengths keep what is named apart: no part can pass for the beginning of the next.
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    part(route.as_bytes());
    part(version.as_bytes());
    part(queries.as_bytes());
    part(canonical(request).as_bytes());
    for name in definitions.names() {
        part(name.as_bytes());
    }
    digest.finalize().into()
}

/// The request as text, the same whether it came as a query string (everything is text, lists are JSON text) or as a body.
fn canonical(request: &Map<String, Value>) -> String {
    let mut fields: Vec<(&str, String)> = request
        .iter()
        .filter(|(name, value)| !NOT_ASKED.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.as_str(), top_level(value)))
        .collect();
    fields.sort();
    format!("{fields:?}")
}

fn top_level(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with(['[', '{']) => match serde_json::from_str::<Value>(text) {
            Ok(value) => ordered(&value).to_string(),
            Err(_) => text.clone(),
        },
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => ordered(value).to_string(),
    }
}

/// Keys of objects in order: `{a, b}` and `{b, a}` are the same object.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(ordered).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let ordered = |(name, value): (&String, &Value)| (name.clone(), ordered(value));
            fields.into_iter().map(ordered).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Bytes of memory, about.
fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            // A key has its text, its header and a place in the index.
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| name.len() + 40 + weight(value))
                .sum(),
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache = ResultCache::new(1_000_000);
        let failure = || async { Err(ApiError::not_found("gone")) };
        assert!(cache.answer([1; 32], false, now(), failure()).await.is_err());
        let again = cache.answer([1; 32], false, now(), async { Ok(json!(1)) }).await;
        let again = again.ok().unwrap();
        assert_eq!((again.result(), again.is_cached), (&json!(1), false));
    }

    #[tokio::test]
    async fn the_cache_is_bounded_by_bytes() {
        let cache = ResultCache::new(10_000);
        for n in 0..100u8 {
            let answer = cache.answer([n; 32], false, now(), async { Ok(json!("x".repeat(1_000))) });
            assert!(answer.await.is_ok());
        }
        cache.answers.run_pending_tasks().await;
        assert!(cache.answers.weighted_size() <= 10_000);
        let huge = cache.answer([200; 32], false, now(), async { Ok(json!("x".repeat(100_000))) });
        assert_eq!(
            huge.await.ok().unwrap().result().as_str().map(str::len),
            Some(100_000)
        );
    }

    #[test]
    fn a_query_string_and_a_body_are_one_request() {
        let (Value::Object(text), Value::Object(body)) = (
            json!({"events": "[{\"id\": \"a\", \"math\": \"dau\"}]", "compare": "true", "breakdown_limit": "5", "refresh": "true"}),
            json!({"breakdown_limit": 5, "compare": true, "events": [{"math": "dau", "id": "a"}], "interval": null}),
        ) else {
            panic!("objects")
        };
        assert_eq!(canonical(&text), canonical(&body));
    }
}
