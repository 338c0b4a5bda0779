//! Links to further pages: the request's own address with some parameters replaced.

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

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
    /// This address with the parameters in `changes` set, and those in `removed` left out.
    pub fn with(&self, changes: &[(&str, String)], removed: &[&str]) -> String {
        let kept = form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| {
            name != "personal_api_key"
                && !removed.contains(&name.as_ref())
                && !changes.iter().any(|(changed, _)| changed == name)
        });
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in kept {
            query.append_pair(&name, &value);
        }
        for (name, value) in changes {
            query.append_pair(name, value);
        }
        format!("{}{}?{}", self.base, self.path, query.finish())
    }
}
