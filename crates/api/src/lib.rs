//! REST: viewsets, authentication, one error envelope, paging. No SQL here, and no rule about what a query means.

mod action_body;
mod actions;
mod actors;
mod actors_query;
mod asked;
mod auth;
mod cohort_body;
mod cohort_json;
mod cohorts;
mod csv_people;
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
mod people;
mod person_json;
mod persons;
mod project_scope;
mod projects;
mod result_cache;
mod state;
mod static_members;

#[cfg(test)]
mod tests;

use ::insights::Insight;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};

pub use error::ApiError;
pub use result_cache::ResultCache;
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
        .route("/persons.csv", get(persons::list))
        .route("/persons/values", get(persons::values))
        .route("/persons/properties", get(persons::properties))
        .route("/persons/cohorts", get(persons::cohorts))
        .route(
            "/persons/trends",
            actors::of_insight(Insight::Trends, "persons/trends"),
        )
        .route(
            "/persons/funnel",
            actors::of_insight(Insight::Funnels, "persons/funnel"),
        )
        .route(
            "/persons/funnel/correlation",
            actors::of_correlation("persons/funnel/correlation"),
        )
        .route("/persons/retention", get_or_post(actors::retention))
        .route(
            "/persons/path",
            actors::of_insight(Insight::Paths, "persons/path"),
        )
        .route(
            "/persons/lifecycle",
            actors::of_insight(Insight::Lifecycle, "persons/lifecycle"),
        )
        .route(
            "/persons/stickiness",
            actors::of_insight(Insight::Stickiness, "persons/stickiness"),
        )
        .route("/persons/{id}", get(persons::get))
        .route("/groups_types", get(groups::types))
        .route(
            "/groups_types/update_metadata",
            axum::routing::patch(groups::update_types),
        )
        .route("/groups", get(groups::list))
        .route("/groups/find", get(groups::find))
        .route("/groups/related", get(groups::related))
        .route("/groups/property_definitions", get(groups::property_definitions))
        .route("/groups/property_values", get(groups::property_values))
        .route("/insights/trend", get_or_post(insights::trend))
        .route("/insights/funnel", insights::only(Insight::Funnels))
        .route("/insights/funnel/correlation", get_or_post(insights::correlation))
        .route("/insights/retention", insights::only(Insight::Retention))
        .route("/insights/path", insights::only(Insight::Paths))
        .route("/insights/lifecycle", insights::only(Insight::Lifecycle))
        .route("/insights/stickiness", insights::only(Insight::Stickiness))
        .route("/insights/session", insights::only(Insight::Sessions))
        .route("/actions", get(actions::list).post(actions::create))
        .route("/actions/people", get_or_post(actors::of_entity))
        .route("/actions/people.csv", get_or_post(actors::of_entity))
        .route(
            "/actions/{id}",
            get(actions::get).patch(actions::patch).delete(actions::delete),
        )
        .route("/actions/{id}/count", get(actions::count))
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

/// A question, which may come as a query string or as a body.
fn get_or_post<H, T>(handler: H) -> MethodRouter<ApiState>
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

async fn unknown() -> ApiError {
    ApiError::not_found("Endpoint not found.")
}

async fn method_not_allowed(method: axum::http::Method) -> ApiError {
    ApiError::method_not_allowed(&method)
}
