//! Pages of lists, and links to the others: the request's own address with some parameters replaced.

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use serde_json::{Map, Value, json};

/// A link is no longer than this: servers and proxies refuse long ones. What a body asked for beyond it stays in the body.
const LINK_MAX: usize = 16 * 1024;

/// Scheme, host, path and query of the request, as the client sees them.
pub struct Address {
    base: String,
    path: String,
    query: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
        let scheme = header("x-forwarded-proto").unwrap_or("http");
        let host = header("x-forwarded-host").or_else(|| header(HOST.as_str()));
        // Nested routers see a shortened path; the original is kept beside it.
        let uri = parts
            .extensions
            .get::<axum::extract::OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        Ok(Self {
            base: host.map(|host| format!("{scheme}://{host}")).unwrap_or_default(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        })
    }
}

impl Address {
    /// This address with the parameters in `changes` set.
    pub fn with(&self, changes: &[(&str, String)]) -> String {
        let kept = form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| {
            name != "personal_api_key" && !changes.iter().any(|(changed, _)| changed == name)
        });
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        query.extend_pairs(changes);
        format!("{}{}?{}", self.base, self.path, query.finish())
    }

    /// The address of a request that may have come as a body, with the parameters in `changes` set: what a body said goes
    /// into the link too, so that following it needs none.
    pub fn of_request(&self, request: &Map<String, Value>, changes: &[(&str, String)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in request {
            if changes.iter().any(|(changed, _)| changed == name) {
                continue;
            }
            match value {
                Value::Null => {}
                Value::String(text) => {
                    query.append_pair(name, text);
                }
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    query.append_pair(name, &value.to_string());
                }
            }
        }
        query.extend_pairs(changes);
        let link = format!("{}{}?{}", self.base, self.path, query.finish());
        if link.len() > LINK_MAX {
            return self.with(changes);
        }
        link
    }
}

/// The page that `limit` and `offset` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetPage {
    pub limit: u32,
    pub offset: u32,
}

impl OffsetPage {
    /// How many rows to ask for: one more than are shown tells whether there is a next page.
    pub fn rows_asked(self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// `{next, previous, results}` from the rows of this page, and the one behind it if there is one.
    pub fn answer<T>(self, rows: &[T], shown: impl Fn(&T) -> Value, address: &Address) -> Value {
        let more = rows.len() > self.limit as usize;
        let results: Vec<Value> = rows.iter().take(self.limit as usize).map(shown).collect();
        let (next, previous) = (self.next(more, address), self.previous(address));
        json!({"next": next, "previous": previous, "results": results})
    }

    /// `{count, next, previous, results}`: this page of a list that is at hand as a whole.
    pub fn of_all<T>(self, all: &[T], shown: impl Fn(&T) -> Value, address: &Address) -> Value {
        let rest = all.get(self.offset as usize..).unwrap_or_default();
        let more = rest.len() > self.limit as usize;
        let results: Vec<Value> = rest.iter().take(self.limit as usize).map(shown).collect();
        let (next, previous) = (self.next(more, address), self.previous(address));
        json!({"count": all.len(), "next": next, "previous": previous, "results": results})
    }

    fn next(self, more: bool, address: &Address) -> Option<String> {
        more.then(|| address.with(&[("offset", self.offset.saturating_add(self.limit).to_string())]))
    }

    /// The page before, which ends where this one begins: it is shorter where less than a whole one lies before.
    fn previous(self, address: &Address) -> Option<String> {
        let offset = self.offset.checked_sub(1)?.saturating_add(1);
        let limit = self.limit.min(offset);
        let mut changes = vec![("offset", (offset - limit).to_string())];
        if limit < self.limit {
            changes.push(("limit", limit.to_string()));
        }
        Some(address.with(&changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &str) -> Address {
        Address {
            base: "http://x".to_owned(),
            path: "/list".to_owned(),
            query: query.to_owned(),
        }
    }

    #[test]
    fn pages_lead_to_each_other() {
        let all: Vec<u32> = (0..5).collect();
        let page = |limit, offset| {
            OffsetPage { limit, offset }.of_all(&all, |n| json!(n), &address("search=a&personal_api_key=k"))
        };
        let first = page(2, 0);
        assert_eq!(
            first,
            json!({"count": 5, "next": "http://x/list?search=a&offset=2", "previous": null, "results": [0, 1]})
        );
        assert_eq!(page(2, 4)["next"], Value::Null);
        assert_eq!(page(2, 4)["previous"], "http://x/list?search=a&offset=2");
        // The page before a crooked offset ends where this one begins.
        assert_eq!(page(2, 1)["previous"], "http://x/list?search=a&offset=0&limit=1");
        assert_eq!(page(2, 9)["results"], json!([]));
    }

    #[test]
    fn the_row_behind_the_page_is_not_shown() {
        let page = OffsetPage { limit: 2, offset: 2 };
        let answer = page.answer(&[1, 2, 3], |n| json!(n), &address(""));
        assert_eq!(
            answer,
            json!({"next": "http://x/list?offset=4", "previous": "http://x/list?offset=0", "results": [1, 2]})
        );
    }

    #[test]
    fn a_link_carries_what_the_body_said() {
        let Value::Object(request) = json!({"events": [{"id": "a"}], "limit": 5, "offset": 0, "x": null})
        else {
            panic!("an object")
        };
        let link = address("limit=5").of_request(&request, &[("offset", "5".to_owned())]);
        assert_eq!(
            link,
            "http://x/list?events=%5B%7B%22id%22%3A%22a%22%7D%5D&limit=5&offset=5"
        );
    }
}
