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
use crate::test_context::{World, request};

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

/// The path and the request that a path with a query string makes.
fn followed(url: &str) -> (String, Request) {
    let (path, query) = url.split_once('?').unwrap();
    let request = query
        .split('&')
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap();
            (decoded(key), Value::String(decoded(value)))
        })
        .collect();
    (path.to_owned(), request)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = String::from_utf8(vec![rest.next().unwrap(), rest.next().unwrap()]).unwrap();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
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
