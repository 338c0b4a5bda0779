//! Query strings of the paths that answers carry.

use serde_json::{Map, Value};

use crate::request::field::{given, text_form};

/// `path?key=value&…`, in the order given. Lists and objects are written as JSON.
pub(crate) fn with_query(path: &str, parameters: &[(String, Value)]) -> String {
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
pub(crate) fn handed_on(request: &Map<String, Value>, keys: &[&str]) -> Vec<(String, Value)> {
    keys.iter()
        .filter_map(|key| given(request, key).map(|value| ((*key).to_owned(), value.clone())))
        .collect()
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
