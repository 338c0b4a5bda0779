//! Cohorts as the API shows them.

use jobs::CohortJobs;
use model::Cohort;
use serde_json::{Value, json};

/// `is_calculating` from its request on: the flag that is stored says only when a worker is at it.
pub fn cohort_json(cohort: &Cohort, jobs: &CohortJobs) -> Value {
    let is_calculating = cohort.is_calculating || jobs.is_busy(cohort.project, cohort.id);
    json!({
        "id": cohort.id,
        "name": cohort.name,
        "description": cohort.description,
        "groups": cohort.groups,
        "filters": cohort.filters,
        "deleted": cohort.deleted,
        "is_calculating": is_calculating,
        "created_at": cohort.created_at,
        "created_by": null,
        "last_calculation": cohort.last_calculation,
        "errors_calculating": cohort.errors_calculating,
        "count": cohort.count,
        "is_static": cohort.is_static,
    })
}

/// Whether the definition may speak of other cohorts (`cohort`) or of actions (`action`): one calculation too many does no
/// harm.
pub fn mentions(cohort: &Cohort, what: &str) -> bool {
    let filters = cohort.filters.as_ref().map(Value::to_string).unwrap_or_default();
    filters.contains(what) || cohort.groups.to_string().contains(what)
}
