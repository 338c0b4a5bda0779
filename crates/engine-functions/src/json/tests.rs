//! Extraction against a tree model on random documents.

use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use crate::json_scan::{Step, document, find, reprint};
use crate::text::write_f64;

/// The canonical print of the contract: compact, shortest floats.
fn canonical(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Number(n) if n.is_f64() => write_f64(out, n.as_f64().expect("a float")),
        Json::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                canonical(item, out);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (i, (key, item)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                canonical(&Json::String(key.clone()), out);
                out.push(b':');
                canonical(item, out);
            }
            out.push(b'}');
        }
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

fn json() -> impl Strategy<Value = Json> {
    let text = || "[a-c\"\\\\/\n\té😀]{0,4}";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e22f64..1e22).prop_map(Json::from),
        (-1f64..1.0).prop_map(Json::from),
        text().prop_map(Json::String),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|m| Json::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn raw(text: &[u8], path: &[Step<'_>]) -> Option<Vec<u8>> {
    find(text, path).map(|value| {
        let mut out = Vec::new();
        reprint(value, &mut out);
        out
    })
}

proptest! {
    #[test]
    fn extraction_agrees_with_a_tree(members in prop::collection::vec(("[a-d\"\\\\]{0,2}", json()), 0..6), pretty: bool) {
        let object: Map<String, Json> = members.into_iter().collect();
        let whole = Json::Object(object.clone());
        let text = if pretty { format!("{whole:#}") } else { whole.to_string() };
        for (key, value) in &object {
            let mut expected = Vec::new();
            canonical(value, &mut expected);
            prop_assert_eq!(raw(text.as_bytes(), &[Step::Key(key.as_bytes())]), Some(expected));
            if let Json::Array(items) = value {
                for (i, item) in items.iter().enumerate() {
                    let mut expected = Vec::new();
                    canonical(item, &mut expected);
                    let path = [Step::Key(key.as_bytes()), Step::Index(i as i64 + 1)];
                    prop_assert_eq!(raw(text.as_bytes(), &path), Some(expected));
                }
            }
        }
        prop_assert_eq!(raw(text.as_bytes(), &[Step::Key(b"absent")]), None);
        // A cut document is none.
        for cut in 0..text.len() {
            prop_assert!(document(&text.as_bytes()[..cut]).is_none());
        }
    }

    #[test]
    fn no_bytes_panic_and_validity_agrees(bytes in prop::collection::vec(prop::sample::select(br#"{}[]",:\ut10e-.nf a"#.to_vec()), 0..12)) {
        let _ = find(&bytes, &[Step::Key(b"a"), Step::Index(-1)]);
        let _ = crate::json_scan::visit_raw(&bytes);
        prop_assert_eq!(document(&bytes).is_some(), serde_json::from_slice::<Json>(&bytes).is_ok());
    }
}
