//! What became of the events a project received: received = stored + repeated + refused.

use axum::Json;
use axum::extract::State;
use event_store::LedgerOutcome;
use serde_json::{Map, Value, json};

use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let counts = state.store.ledger(project.id).await?;
    let (mut stored, mut repeated, mut refused) = (0, 0, Map::new());
    for row in &counts {
        match &row.outcome {
            LedgerOutcome::Stored => stored += row.count,
            LedgerOutcome::Repeated => repeated += row.count,
            LedgerOutcome::Refused(reason) => {
                refused.insert(reason.clone(), json!(row.count));
            }
        }
    }
    let received: u64 = counts.iter().map(|row| row.count).sum();
    Ok(Json(
        json!({"received": received, "stored": stored, "repeated": repeated, "refused": refused}),
    ))
}
