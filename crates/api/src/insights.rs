//! Calculated insights.

use ::insights::{
    Insight, funnels, lifecycle, paths, retention, sessions, stickiness, trends, which_of_series,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use chrono::{DateTime, Utc};
use model::Project;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::asked::Asked;
use crate::insight_context::InsightContext;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::result_cache::Answered;
use crate::{ApiError, ApiState, get_or_post};

/// Trends; lifecycle and stickiness too, when the request says so.
pub async fn trend(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(request): Params,
) -> Result<Response, ApiError> {
    let insight = which_of_series(&request)?;
    answer(&state, &project, &request, insight).await
}

/// One insight, whatever the request calls itself.
pub fn only(insight: Insight) -> MethodRouter<ApiState> {
    get_or_post(
        move |State(state): State<ApiState>, ProjectScope(project): ProjectScope, Params(request): Params| async move {
            answer(&state, &project, &request, insight).await
        },
    )
}

/// What those who went through a funnel have in common.
pub async fn correlation(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(request): Params,
) -> Result<Response, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let plan = funnels::correlation(&request, &read.context())?;
    let asked = Asked {
        state: &state,
        project: &project,
        route: "insights/funnel/correlation",
        request: &request,
        read: &read,
    };
    let compute = async { Ok(plan.shape(&state.store.correlation(plan.query()).await?)) };
    Ok(envelope(&project, &asked.answer(plan.query(), compute).await?))
}

async fn answer(
    state: &ApiState,
    project: &Project,
    request: &Map<String, Value>,
    insight: Insight,
) -> Result<Response, ApiError> {
    let read = InsightContext::read(state, project, request).await?;
    let context = read.context();
    let store = &state.store;
    let asked = |route| Asked {
        state,
        project,
        route,
        request,
        read: &read,
    };
    let answered = match insight {
        Insight::Trends => {
            let plan = trends::Plan::parse(request, &context)?;
            let compute = async {
                let mut rows = Vec::with_capacity(plan.queries().len());
                for query in plan.queries() {
                    rows.push(store.trends(query).await?);
                }
                Ok(plan.shape(&rows))
            };
            asked("insights/trend").answer(plan.queries(), compute).await?
        }
        Insight::Lifecycle => {
            let plan = lifecycle::Plan::parse(request, &context)?;
            let compute = async {
                let mut rows = Vec::with_capacity(plan.queries().len());
                for query in plan.queries() {
                    rows.push(store.lifecycle(query).await?);
                }
                Ok(plan.shape(&rows))
            };
            asked("insights/lifecycle")
                .answer(plan.queries(), compute)
                .await?
        }
        Insight::Stickiness => {
            let plan = stickiness::Plan::parse(request, &context)?;
            let compute = async {
                let mut rows = Vec::with_capacity(plan.queries().len());
                for query in plan.queries() {
                    rows.push(store.stickiness(query).await?);
                }
                Ok(plan.shape(&rows))
            };
            asked("insights/stickiness")
                .answer(plan.queries(), compute)
                .await?
        }
        Insight::Funnels => {
            let plan = funnels::Plan::parse(request, &context)?;
            let compute = async {
                let mut answers = Vec::with_capacity(plan.asks().len());
                for ask in plan.asks() {
                    answers.push(match ask {
                        funnels::Ask::Steps(query) => funnels::Answer::Steps(store.funnel(query).await?),
                        funnels::Ask::Trends(query) => {
                            funnels::Answer::Trends(store.funnel_trends(query).await?)
                        }
                        funnels::Ask::Times(query) => {
                            funnels::Answer::Times(store.funnel_times(query).await?)
                        }
                    });
                }
                Ok(plan.shape(&answers))
            };
            asked("insights/funnel").answer(plan.asks(), compute).await?
        }
        Insight::Retention => {
            let plan = retention::Plan::parse(request, &context)?;
            let compute = async { Ok(plan.shape(&store.retention(plan.query()).await?)) };
            asked("insights/retention").answer(plan.query(), compute).await?
        }
        Insight::Paths => {
            let plan = paths::Plan::parse(request, &context)?;
            let compute = async { Ok(plan.shape(&store.paths(plan.query()).await?)) };
            asked("insights/path").answer(plan.query(), compute).await?
        }
        Insight::Sessions => {
            let plan = sessions::Plan::parse(request, &context)?;
            let compute = async { Ok(plan.shape(&store.session_lengths(plan.query()).await?)) };
            asked("insights/session").answer(plan.query(), compute).await?
        }
    };
    Ok(envelope(project, &answered))
}

/// `next` is always null: an answer holds all of its series.
fn envelope(project: &Project, answered: &Answered) -> Response {
    #[derive(Serialize)]
    struct Envelope<'a> {
        result: &'a Value,
        next: Option<String>,
        is_cached: bool,
        last_refresh: DateTime<Utc>,
        timezone: &'a str,
    }
    let envelope = Envelope {
        result: answered.result(),
        next: None,
        is_cached: answered.is_cached,
        last_refresh: answered.last_refresh(),
        timezone: project.timezone.name(),
    };
    Json(envelope).into_response()
}
