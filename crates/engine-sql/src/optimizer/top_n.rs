//! A sort below a limit keeps only the rows that the limit lets through.

use crate::plan::Plan;

pub(super) fn limit_sorts(plan: Plan) -> Plan {
    let mut plan = plan.map_inputs(&mut limit_sorts);
    if let Plan::Limit {
        input,
        limit: Some(limit),
        offset,
    } = &mut plan
    {
        let rows = limit.saturating_add(*offset);
        // A projection passes rows one for one.
        let mut below = &mut **input;
        while let Plan::Project { input, .. } = below {
            below = &mut **input;
        }
        if let Plan::Sort { limit, .. } = below {
            *limit = Some(limit.map_or(rows, |have| have.min(rows)));
        }
    }
    plan
}
