//! The chain of elements behind an autocaptured event, as one text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::text::{first_chars, text_of};

const TEXT_CHARS_MAX: usize = 400;
const HREF_CHARS_MAX: usize = 2048;

/// Takes `$elements_chain` and `$elements` out of the properties. The text wins over the list.
pub(crate) fn take(properties: &mut Map<String, Value>) -> String {
    let chain = properties.shift_remove("$elements_chain");
    let list = properties.shift_remove("$elements");
    match (chain, list) {
        (Some(Value::String(chain)), _) => chain,
        (_, Some(Value::Array(elements))) => chain_of(&elements),
        (_, _) => String::new(),
    }
}

fn chain_of(elements: &[Value]) -> String {
    let mut chain = String::new();
    for element in elements.iter().filter_map(Value::as_object) {
        if !chain.is_empty() {
            chain.push(';');
        }
        write_element(element, &mut chain);
    }
    chain
}

fn write_element(element: &Map<String, Value>, chain: &mut String) {
    if let Some(tag) = text(element, "tag_name") {
        chain.push_str(&tag);
    }
    let mut classes = match element.get("attr__class") {
        Some(Value::String(classes)) => classes.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(classes)) => classes.iter().map(|class| text_of(class).into_owned()).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    classes.sort_unstable();
    for class in &classes {
        chain.push('.');
        chain.extend(class.chars().filter(|&character| character != '"'));
    }

    let mut attributes = BTreeMap::new();
    if let Some(text) = text(element, "$el_text") {
        attributes.insert("text", first_chars(&text, TEXT_CHARS_MAX).to_owned());
    }
    if let Some(href) = text(element, "attr__href") {
        attributes.insert("href", first_chars(&href, HREF_CHARS_MAX).to_owned());
    }
    if let Some(id) = text(element, "attr__id") {
        attributes.insert("attr_id", id);
    }
    for (name, key) in [("nth-child", "nth_child"), ("nth-of-type", "nth_of_type")] {
        attributes.insert(name, text(element, key).unwrap_or_else(|| "0".to_owned()));
    }
    for (key, value) in element {
        if key.starts_with("attr__") && !value.is_null() {
            let value = match value {
                // As JavaScript prints a list.
                Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
                other => text_of(other).into_owned(),
            };
            attributes.insert(key, value);
        }
    }
    chain.push(':');
    for (key, value) in attributes {
        write_escaped(key, chain);
        chain.push_str("=\"");
        write_escaped(&value, chain);
        chain.push('"');
    }
}

fn text(element: &Map<String, Value>, key: &str) -> Option<String> {
    element
        .get(key)
        .filter(|value| !value.is_null())
        .map(|value| text_of(value).into_owned())
}

fn write_escaped(text: &str, chain: &mut String) {
    for character in text.chars() {
        if character == '"' {
            chain.push('\\');
        }
        chain.push(character);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn list_prints_as_the_clients_print_it() {
        let mut properties = json!({"$elements": [
            {"tag_name": "a", "$el_text": "Click \"me\"; ok", "classes": ["btn", "primary"], "attr__class": "btn primary",
             "attr__data-x": "1", "attr__href": "#x", "attr__id": "b", "nth_child": 1, "nth_of_type": 1},
            {"tag_name": "div", "attr__class": "z-2 a1", "attr__id": "wrap", "nth_child": 1, "nth_of_type": 1},
            {"tag_name": "body", "nth_child": 2, "nth_of_type": 1}
        ], "kept": 1});
        let properties = properties.as_object_mut().unwrap();
        assert_eq!(
            take(properties),
            r##"a.btn.primary:attr__class="btn primary"attr__data-x="1"attr__href="#x"attr__id="b"attr_id="b"href="#x"nth-child="1"nth-of-type="1"text="Click \"me\"; ok";div.a1.z-2:attr__class="z-2 a1"attr__id="wrap"attr_id="wrap"nth-child="1"nth-of-type="1";body:nth-child="2"nth-of-type="1""##
        );
        assert_eq!(Value::Object(properties.clone()), json!({"kept": 1}));
    }

    #[test]
    fn text_wins_and_odd_values_are_no_chain() {
        for (properties, chain) in [
            (
                json!({"$elements_chain": "a:x", "$elements": [{"tag_name": "b"}]}),
                "a:x",
            ),
            (
                json!({"$elements_chain": null, "$elements": [{"tag_name": "b"}]}),
                r#"b:nth-child="0"nth-of-type="0""#,
            ),
            (
                json!({"$elements": [1, "x", {}]}),
                r#":nth-child="0"nth-of-type="0""#,
            ),
            (json!({"$elements": "x", "$elements_chain": 3}), ""),
            (json!({}), ""),
        ] {
            let mut properties = properties.as_object().unwrap().clone();
            assert_eq!(take(&mut properties), chain);
            assert!(!properties.contains_key("$elements") && !properties.contains_key("$elements_chain"));
        }
    }
}
