//! Requests of the persons list, and what they resolve to.

use serde_json::json;

use super::*;
use crate::resolved::{PropertySource, PropertyTest};
use crate::test_context::{World, request};

#[test]
fn fields() {
    let world = World::new().with_cohort(
        2,
        "c",
        json!([{"properties": [{"key": "a", "value": "x"}]}]),
        None,
    );
    let person = |key: &str, text: &str| Condition::Property {
        source: PropertySource::Person,
        key: key.to_owned(),
        test: PropertyTest::AnyOf(vec![text.to_owned()]),
    };
    let plain = persons(
        &request(json!({"distinct_id": "d", "email": "", "search": null})),
        &world.context(),
    )
    .unwrap();
    assert_eq!(plain.distinct_id.as_deref(), Some("d"));
    assert_eq!((plain.email, plain.search, plain.ids), (None, None, None));
    assert_eq!(
        (plain.limit, plain.offset, plain.condition),
        (100, 0, Condition::All(vec![]))
    );
    // Without a type a filter is on the person: there is no event here.
    let body =
        json!({"properties": [{"key": "p", "value": 1}], "cohort": "2", "limit": "10", "offset": "20"});
    let filtered = persons(&request(body), &world.context()).unwrap();
    assert_eq!(
        filtered.condition,
        Condition::All(vec![person("p", "1"), person("a", "x")])
    );
    assert_eq!((filtered.limit, filtered.offset), (10, 20));
    let id = "3f0a3c1e-0000-4000-8000-000000000001";
    for ids in [json!({"uuid": format!("{id}, {id}")}), json!({"id": [id, id]})] {
        let query = persons(&request(ids), &world.context()).unwrap();
        assert_eq!(query.ids.map(|ids| ids.len()), Some(2));
    }
}

#[test]
fn refusals_name_their_field() {
    for (body, attr) in [
        (json!({"limit": 1_001}), "limit"),
        (json!({"offset": -1}), "offset"),
        (json!({"uuid": "17"}), "uuid"),
        (json!({"cohort": "all"}), "cohort"),
        (
            json!({"properties": [{"key": "text", "type": "element", "value": "x"}]}),
            "properties__0__type",
        ),
    ] {
        let error = persons(&request(body.clone()), &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{body}: {error}");
    }
}
