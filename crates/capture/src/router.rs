//! Which path leads where. Every path also exists with a slash at its end.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};

use crate::state::CaptureState;
use crate::{cors, flags, remote_config, unused, v0, v1};

/// Legacy capture; all take every body shape.
const V0_PATHS: [&str; 8] = [
    "/batch",
    "/e",
    "/i/v0/e",
    "/capture",
    "/track",
    "/engage",
    "/i/v0/ai",
    "/i/v0/ai/batch",
];

/// Paths that nobody else may answer; everything else is left to the router that this one is merged into.
pub fn router(state: CaptureState) -> Router {
    let mut paths = Paths(Router::new());
    for path in V0_PATHS {
        paths.add(path, get(v0::capture).post(v0::capture));
    }
    paths.add("/i/v1/analytics/events", post(v1::capture));
    paths.add("/s", get(unused::replay).post(unused::replay));
    paths.add("/flags", get(flags::flags).post(flags::flags));
    paths.add("/decide", get(flags::flags).post(flags::flags));
    paths.add("/flags/definitions", get(flags::definitions));
    paths.add("/api/feature_flag/local_evaluation", get(flags::definitions));
    paths.add("/array/{token}/config", get(remote_config::json));
    paths.add("/array/{token}/config.js", get(remote_config::script));
    paths.add("/array/{token}/array.js", get(remote_config::script));
    paths.add("/api/surveys", get(unused::surveys));
    paths.add("/api/early_access_features", get(unused::early_access_features));
    paths.add("/api/web_experiments", get(unused::web_experiments));
    paths.add("/api/product_tours", get(unused::product_tours));
    paths
        .0
        .route("/static/{*path}", get(unused::no_script))
        .layer(from_fn(cors::mirror))
        .with_state(state)
}

struct Paths(Router<CaptureState>);

impl Paths {
    fn add(&mut self, path: &str, methods: MethodRouter<CaptureState>) {
        let methods = methods.fallback(unused::wrong_method);
        let router = std::mem::take(&mut self.0);
        self.0 = router
            .route(path, methods.clone())
            .route(&format!("{path}/"), methods);
    }
}
