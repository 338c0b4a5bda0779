//! Groups, group types, and what persons and groups have to do with each other.

use ::insights::Actor;
use axum::http::{Method, StatusCode};
use model::{CohortId, GroupTypeIndex};
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::fake_store::{group, person};

#[tokio::test]
async fn groups_are_listed_and_found() {
    let client = Client::new().await;
    client.canned().groups = vec![group(0, "a"), group(0, "ab"), group(0, "b"), group(1, "a")];
    let keys = |answer: &Value| -> Vec<Value> {
        answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["group_key"].clone())
            .collect()
    };
    let first = client.get("groups?group_type_index=0&limit=2").await;
    assert_eq!(
        (keys(&first), &first["previous"]),
        (vec![json!("a"), json!("ab")], &Value::Null)
    );
    let second = client.get(first["next"].as_str().unwrap()).await;
    assert_eq!((keys(&second), &second["next"]), (vec![json!("b")], &Value::Null));
    assert_eq!(
        client.get(second["previous"].as_str().unwrap()).await["results"],
        first["results"]
    );
    assert_eq!(
        keys(&client.get("groups?group_type_index=0&group_key=b").await),
        ["ab", "b"]
    );
    assert_eq!(
        client.get("groups/find?group_type_index=1&group_key=a").await["group_type_index"],
        1
    );
    let (status, _) = client
        .send(Method::GET, "groups/find?group_type_index=1&group_key=zz", None)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for (path, attr) in [
        ("groups", "group_type_index"),
        ("groups?group_type_index=5", "group_type_index"),
        ("groups/find?group_type_index=0", "group_key"),
        ("groups/find?group_key=a", "group_type_index"),
        ("groups/related", "id"),
        ("groups/related?id=not-a-uuid", "id"),
        ("groups/related?id=a&group_type_index=x", "group_type_index"),
        ("groups/property_values?group_type_index=0", "key"),
        ("groups/property_values?key=a", "group_type_index"),
        ("persons/values", "key"),
        ("persons/cohorts", "person_id"),
        ("persons/cohorts?person_id=7", "person_id"),
    ] {
        client.refused(Method::GET, path, None, attr).await;
    }
}

#[tokio::test]
async fn group_types_have_names_to_show() {
    let client = Client::new().await;
    for name in ["organization", "team"] {
        client
            .metadata
            .register_group_type(client.project, name)
            .await
            .unwrap();
    }
    let renamed = json!([{"group_type_index": 1, "name_singular": "crew", "name_plural": " "}]);
    let answer = client.patch("groups_types/update_metadata", renamed).await;
    let expected = json!([
        {"group_type": "organization", "group_type_index": 0, "name_singular": null, "name_plural": null},
        {"group_type": "team", "group_type_index": 1, "name_singular": "crew", "name_plural": null},
    ]);
    assert_eq!(answer, expected);
    assert_eq!(client.get("groups_types").await, expected);
    for (rows, attr) in [
        (
            json!([{"group_type_index": 0, "name_singular": "x"}, {"group_type_index": 2}]),
            "1__group_type_index",
        ),
        (
            json!([{"group_type_index": 0, "name_plural": 5}]),
            "0__name_plural",
        ),
    ] {
        client
            .refused(Method::PATCH, "groups_types/update_metadata", Some(rows), attr)
            .await;
    }
    assert_eq!(
        client.get("groups_types").await,
        expected,
        "a list that is wrong in part changes nothing"
    );
}

#[tokio::test]
async fn related_actors_are_shown_whole_and_in_order() {
    let client = Client::new().await;
    {
        let mut canned = client.canned();
        canned.persons = vec![person(1, "ann")];
        canned.groups = vec![group(0, "org")];
        canned.related = vec![
            Actor::Person(Uuid::from_u128(1)),
            Actor::Group(GroupTypeIndex::new(0).unwrap(), "org".to_owned()),
        ];
    }
    let answer = client.get("groups/related?id=k&group_type_index=1").await;
    assert_eq!(answer[0]["distinct_ids"], json!(["ann"]));
    assert_eq!(
        (&answer[1]["type"], &answer[1]["id"]),
        (&json!("group"), &json!("org"))
    );
}

#[tokio::test]
async fn properties_by_name() {
    let client = Client::new().await;
    client
        .metadata
        .register_group_type(client.project, "organization")
        .await
        .unwrap();
    let named = |source: &str| json!([{"name": source, "count": 2}]);
    assert_eq!(client.get("persons/properties").await, named("Person"));
    assert_eq!(
        client.get("groups/property_definitions").await,
        json!({"0": named("Group(GroupTypeIndex(0))")})
    );
    let values = client
        .get("groups/property_values?group_type_index=0&key=plan")
        .await;
    assert_eq!(values, json!([{"name": "less"}, {"name": "often"}]));
}

#[tokio::test]
async fn cohorts_of_a_person() {
    let client = Client::new().await;
    let cohort = client.post("cohorts", json!({"name": "c"})).await;
    let id = CohortId(cohort["id"].as_i64().unwrap());
    client.canned().cohorts_of_person = vec![id, id, CohortId(99)];
    let path = format!("persons/cohorts?person_id={}", Uuid::from_u128(1));
    let answer = client.get(&path).await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 1);
    assert_eq!(answer["results"][0]["name"], "c");
}
