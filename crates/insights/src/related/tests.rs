//! Requests for related actors.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::test_context::{World, at, request};

#[test]
fn persons_and_groups() {
    let world = World::new();
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    let query = related(&request(json!({"id": id})), &world.context()).unwrap();
    assert_eq!(query.actor, Actor::Person(Uuid::parse_str(id).unwrap()));
    assert_eq!(query.since, at("2019-10-06T12:00:00Z"));
    let query = related(
        &request(json!({"id": "org:5", "group_type_index": "0", "limit": 5})),
        &world.context(),
    )
    .unwrap();
    let organization = model::GroupTypeIndex::new(0).unwrap();
    assert_eq!(query.actor, Actor::Group(organization, "org:5".to_owned()));
    assert_eq!(query.limit, 5);
    for (body, attr) in [
        (json!({}), "id"),
        (json!({"id": "org:5"}), "id"),
        (json!({"id": "org:5", "group_type_index": 5}), "group_type_index"),
    ] {
        let error = related(&request(body), &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
    }
}
