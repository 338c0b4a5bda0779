//! Requests of funnels, what they ask, their answers from hand-made rows, and where the paths in them lead.

mod answers;
mod correlations;
mod errors;
mod parts;
mod paths;
mod requests;

use serde_json::{Value, json};

use super::*;
use crate::request::Request;
use crate::resolved::*;
use crate::test_context::{World, followed, request};

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

/// A funnel of a, b and c in the first days of 2020, with these fields on top.
fn funnel(change: Value) -> Value {
    let mut body = json!({
        "events": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        "date_from": "2020-01-01", "date_to": "2020-01-03",
    });
    let fields = body.as_object_mut().unwrap();
    fields.extend(request(change));
    body
}

fn funnel_asked(world: &World, body: Value) -> FunnelQuery {
    match plan(world, body).asks() {
        [Ask::Steps(query)] => query.clone(),
        other => panic!("one question on steps, not {other:?}"),
    }
}

fn steps(group: Option<FunnelGroup>, counts: &[u64]) -> FunnelSteps {
    FunnelSteps {
        group,
        steps: counts
            .iter()
            .map(|count| FunnelStep {
                count: *count,
                ..FunnelStep::default()
            })
            .collect(),
    }
}

fn value(text: &str) -> FunnelGroup {
    FunnelGroup::Value(vec![text.to_owned()])
}
