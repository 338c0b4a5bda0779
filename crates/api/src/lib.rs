//! REST: viewsets, authentication, one error envelope, paging. No SQL here, and no rule about what a query means.

mod actions;
mod auth;
mod cohorts;
mod definitions;
mod error;
mod events;
mod groups;
mod health;
mod insight_context;
mod insights;
mod ledger;
mod page;
mod params;
mod person_json;
mod persons;
mod project_scope;
mod projects;
mod state;

use axum::Router;
use axum::routing::{get, post};

pub use error::ApiError;
pub use state::ApiState;

/// Largest request body of the REST API (capture has limits of its own).
const BODY_MAX: usize = 20 * 1024 * 1024;

/// All REST routes, without trailing slashes (the server strips them before routing).
pub fn router(state: ApiState) -> Router {
    let project = Router::new()
        .route("/", get(projects::get).patch(projects::patch))
        .route("/events", get(events::list))
        .route("/events/values", get(events::values))
        .route("/events/{id}", get(events::get))
        .route("/persons", get(persons::list))
        .route("/persons/values", get(persons::values))
        .route("/persons/properties", get(persons::properties))
        .route("/persons/trends", get(persons::trends).post(persons::trends))
        .route(
            "/persons/retention",
            get(persons::retention).post(persons::retention),
        )
        .route("/persons/{id}", get(persons::get))
        .route("/groups_types", get(groups::types))
        .route("/groups", get(groups::list))
        .route("/groups/find", get(groups::find))
        .route("/insights/trend", get(insights::trend).post(insights::trend))
        .route(
            "/insights/retention",
            get(insights::retention).post(insights::retention),
        )
        .route("/actions", get(actions::list).post(actions::create))
        .route(
            "/actions/{id}",
            get(actions::get).patch(actions::patch).delete(actions::delete),
        )
        .route("/cohorts", get(cohorts::list).post(cohorts::create))
        .route(
            "/cohorts/{id}",
            get(cohorts::get).patch(cohorts::patch).delete(cohorts::delete),
        )
        .route("/cohorts/{id}/persons", get(cohorts::persons))
        .route("/event_definitions", get(definitions::events))
        .route("/property_definitions", get(definitions::properties))
        .route("/ledger", get(ledger::get));
    let authenticated = Router::new()
        .route("/api/projects", get(projects::list).post(projects::create))
        .nest("/api/projects/{project_id}", project)
        .route_layer(axum::middleware::from_fn_with_state(
            state.clone(),
            auth::require_key,
        ));
    Router::new()
        .route("/_livez", get(health::live))
        .route("/_readyz", get(health::ready))
        .route("/_health", get(health::ready))
        .route("/_liveness", get(health::live))
        .route("/_readiness", get(health::ready))
        .route("/_preflight", get(health::preflight))
        .merge(authenticated)
        .route(
            "/api/{*rest}",
            get(unknown)
                .merge(post(unknown))
                .patch(unknown)
                .delete(unknown)
                .put(unknown),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MAX))
        .with_state(state)
}

async fn unknown() -> ApiError {
    ApiError::not_found("Endpoint not found.")
}

async fn method_not_allowed(method: axum::http::Method) -> ApiError {
    ApiError::method_not_allowed(&method)
}
