//! The actors behind the numbers of insights: where the links in answers lead.

use ::insights::{Context, FieldError, Insight, funnels, which_of_series};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde_json::{Map, Value, json};

use crate::actors_query::ActorsQuery;
use crate::asked::Asked;
use crate::csv_people::{self, CSV_ROWS_MAX, Format};
use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::Params;
use crate::people;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState, get_or_post};

/// Those of one insight, whatever the request calls itself; `route` is where they are asked for.
pub fn of_insight(insight: Insight, route: &'static str) -> MethodRouter<ApiState> {
    behind(route, move |request, context| {
        ActorsQuery::parse(insight, request, context)
    })
}

/// Those who have in common what one row of a correlation says.
pub fn of_correlation(route: &'static str) -> MethodRouter<ApiState> {
    behind(route, |request, context| {
        funnels::correlation_actors(request, context).map(ActorsQuery::Correlation)
    })
}

fn behind(
    route: &'static str,
    parse: impl Fn(&Map<String, Value>, &Context<'_>) -> Result<ActorsQuery, FieldError>
    + Clone
    + Send
    + Sync
    + 'static,
) -> MethodRouter<ApiState> {
    get_or_post(
        move |State(state): State<ApiState>,
              ProjectScope(project): ProjectScope,
              address: Address,
              Params(request): Params| async move {
            let read = InsightContext::read(&state, &project, &request).await?;
            let query = parse(&request, &read.context())?;
            let asked = Asked {
                state: &state,
                project: &project,
                route,
                request: &request,
                read: &read,
            };
            page(&asked, &address, &query).await.map(Json)
        },
    )
}

/// The older door to the actors of trends, lifecycle and stickiness. As CSV it is one long page.
pub async fn of_entity(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    format: Format,
    Params(request): Params,
) -> Result<Response, ApiError> {
    let insight = which_of_series(&request)?;
    let read = InsightContext::read(&state, &project, &request).await?;
    let mut query = ActorsQuery::parse(insight, &request, &read.context())?;
    match format {
        Format::Json => {
            let asked = Asked {
                state: &state,
                project: &project,
                route: "actions/people",
                request: &request,
                read: &read,
            };
            let mut answer = page(&asked, &address, &query).await?;
            let (limit, offset) = query.page();
            answer["previous"] = json!((offset > 0).then(|| {
                let before = offset.saturating_sub(limit).to_string();
                address.of_request(&request, &[("offset", before)])
            }));
            Ok(Json(answer).into_response())
        }
        Format::Csv => {
            if !request.contains_key("limit") {
                query.set_page(CSV_ROWS_MAX, query.page().1);
            }
            let ids = query.ask(state.store.as_ref()).await?;
            let shown = people::actors(&state, &project, query.actor(), ids).await?;
            Ok(csv_people::answer(&shown))
        }
    }
}

/// The actors of one row of a retention table, each with the intervals it came back in.
pub async fn retention(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let plan = ::insights::retention::actors(&request, &read.context())?;
    let query = plan.query();
    let asked = Asked {
        state: &state,
        project: &project,
        route: "persons/retention",
        request: &request,
        read: &read,
    };
    let compute = async {
        let rows = state.store.retention_actors(query).await?;
        let ids = rows.iter().map(|row| row.actor.clone()).collect();
        let shown = people::actors(&state, &project, query.query.actor, ids).await?;
        if plan.is_line() {
            return Ok(Value::Array(shown));
        }
        let row = |(actor, row)| json!({"person": actor, "appearances": plan.appearances(row)});
        Ok(shown.into_iter().zip(&rows).map(row).collect())
    };
    let answered = asked.answer(query, compute).await?;
    let next = next(answered.result(), &address, &request, (query.limit, query.skip));
    Ok(Json(json!({
        "result": answered.result(),
        "next": next,
        "is_cached": answered.is_cached,
        "last_refresh": answered.last_refresh(),
    })))
}

/// `{results: [{people, count}], next, initial, is_cached, last_refresh}`; `count` is that of the page.
async fn page(asked: &Asked<'_>, address: &Address, query: &ActorsQuery) -> Result<Value, ApiError> {
    let compute = async {
        let ids = query.ask(asked.state.store.as_ref()).await?;
        let people = people::actors(asked.state, asked.project, query.actor(), ids).await?;
        Ok(Value::Array(people))
    };
    let answered = asked.answer(query, compute).await?;
    let people = answered.result();
    Ok(json!({
        "results": [{"people": people, "count": rows(people)}],
        "next": next(people, address, asked.request, query.page()),
        "initial": address.of_request(asked.request, &[("offset", "0".to_owned())]),
        "is_cached": answered.is_cached,
        "last_refresh": answered.last_refresh(),
    }))
}

/// A full page has a next one, which may turn out to be empty.
fn next(
    shown: &Value,
    address: &Address,
    request: &Map<String, Value>,
    (limit, offset): (u32, u32),
) -> Option<String> {
    (rows(shown) >= limit as usize)
        .then(|| address.of_request(request, &[("offset", offset.saturating_add(limit).to_string())]))
}

fn rows(shown: &Value) -> usize {
    shown.as_array().map_or(0, Vec::len)
}
