//! Query strings of the paths that answers carry.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::request::field::{given, text_form};
use crate::request::{Entity, Request};

/// What all paths to the actors behind the numbers of one answer have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActorsUrl {
    path: String,
    handed_on: Vec<(String, Value)>,
}

impl ActorsUrl {
    /// Paths to the project's `persons/<of>/`, with these fields of the request as they came.
    pub(crate) fn new(of: &str, request: &Request, keys: &[&str], context: &Context<'_>) -> Self {
        Self {
            path: format!("api/projects/{}/persons/{of}/", context.project.id),
            handed_on: handed_on(request, keys),
        }
    }

    /// Of an insight with a series for each entity: what all of its series share.
    pub(crate) fn of_series(of: &str, request: &Request, context: &Context<'_>) -> Self {
        let keys = [
            "interval",
            "properties",
            "property_groups",
            "filter_test_accounts",
            "aggregation_group_type_index",
        ];
        Self::new(of, request, &keys, context)
    }

    /// With one more field, which the request did not have or had otherwise.
    pub(crate) fn and(mut self, key: &str, value: Value) -> Self {
        self.handed_on.push((key.to_owned(), value));
        self
    }

    /// The path of one number, with what it alone asks for.
    pub(crate) fn with(&self, own: &[(String, Value)]) -> String {
        let mut parameters: Vec<(String, Value)> = own
            .iter()
            .filter(|(_, value)| !value.is_null())
            .cloned()
            .collect();
        parameters.extend(self.handed_on.iter().cloned());
        with_query(&self.path, &parameters)
    }

    /// `{filter, url}` of one number of an entity's series; `own` is what the number alone asks for, `further` what only its
    /// path says.
    pub(crate) fn point(&self, entity: &Entity, own: &[(&str, Value)], further: &[(&str, Value)]) -> Value {
        let shown = entity.shown();
        let mut filter = Map::new();
        for (key, field) in [
            ("entity_id", "id"),
            ("entity_type", "type"),
            ("entity_math", "math"),
        ] {
            filter.insert(key.to_owned(), shown[field].clone());
        }
        let named = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
        filter.extend(own.iter().map(named));
        let mut parameters: Vec<(String, Value)> = filter.clone().into_iter().collect();
        parameters.push((entity.list().to_owned(), json!([shown])));
        parameters.extend(further.iter().map(named));
        json!({ "filter": filter, "url": self.with(&parameters) })
    }
}

/// `path?key=value&…`, in the order given. Lists and objects are written as JSON.
fn with_query(path: &str, parameters: &[(String, Value)]) -> String {
    let mut url = path.to_owned();
    for (index, (key, value)) in parameters.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        encode(key, &mut url);
        url.push('=');
        encode(&text_form(value), &mut url);
    }
    url
}

/// The fields of a request that are given, to be handed on as they came.
fn handed_on(request: &Map<String, Value>, keys: &[&str]) -> Vec<(String, Value)> {
    keys.iter()
        .filter_map(|key| given(request, key).map(|value| ((*key).to_owned(), value.clone())))
        .collect()
}

/// An instant as requests take it: UTC, with as many decimals as it has.
pub(crate) fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn encode(text: &str, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}
