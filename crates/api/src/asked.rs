//! A request as it is answered: from the cache if nothing has changed, else from the store.

use std::fmt::Debug;
use std::future::Future;

use model::Project;
use serde_json::{Map, Value};

use crate::insight_context::InsightContext;
use crate::params::is_true;
use crate::result_cache::{self, Answered};
use crate::{ApiError, ApiState};

pub struct Asked<'a> {
    pub state: &'a ApiState,
    pub project: &'a Project,
    /// Names the kind of answer: the same request means something else to each.
    pub route: &'static str,
    pub request: &'a Map<String, Value>,
    pub read: &'a InsightContext,
}

impl Asked<'_> {
    /// `queries` are all that `compute` asks the store.
    pub async fn answer(
        &self,
        queries: impl Debug,
        compute: impl Future<Output = Result<Value, ApiError>>,
    ) -> Result<Answered, ApiError> {
        let queries = format!("{queries:?}");
        // Read before the data: what comes in meanwhile is in the answer or not, and the next request finds another version.
        let version = self.state.store.data_version(self.project.id).await?;
        let key = result_cache::key(self.route, self.request, self.read, &queries, &version);
        let results = &self.state.results;
        results
            .answer(key, self.refresh(), self.read.now(), compute)
            .await
    }

    fn refresh(&self) -> bool {
        match self.request.get("refresh") {
            Some(Value::Bool(refresh)) => *refresh,
            Some(Value::String(text)) => is_true(text),
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => false,
        }
    }
}
