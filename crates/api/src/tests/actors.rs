//! The actors behind numbers: envelopes, pages, tables.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{Client, query_string, trend};
use super::fake_store::{group, person};

async fn with_three_people() -> Client {
    let client = Client::new().await;
    {
        let mut canned = client.canned();
        canned.persons = vec![person(1, "ann"), person(2, "bob"), person(3, "cat")];
        canned.actors = (1..=3).map(|n| Uuid::from_u128(n).to_string()).collect();
    }
    client
}

fn with(mut request: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

#[tokio::test]
async fn every_number_has_a_route_to_its_actors() {
    let client = with_three_people().await;
    let funnel = json!({"insight": "FUNNELS", "events": [{"id": "a", "order": 0}, {"id": "b", "order": 1}],
        "date_from": "-7d", "funnel_step": 1});
    let correlation = with(
        funnel.clone(),
        json!({"funnel_correlation_person_converted": "true", "funnel_correlation_person_entity": {"id": "x", "type": "events"}}),
    );
    for (route, request, call) in [
        ("persons/trends", trend(), "trend_actors"),
        ("persons/funnel", funnel, "funnel_actors"),
        ("persons/funnel/correlation", correlation, "correlation_actors"),
        (
            "persons/path",
            json!({"date_from": "-7d", "path_end_key": "2_x"}),
            "path_actors",
        ),
        (
            "persons/lifecycle",
            with(
                trend(),
                json!({"target_date": "2023-11-14", "lifecycle_type": "new"}),
            ),
            "lifecycle_actors",
        ),
        (
            "persons/stickiness",
            with(trend(), json!({"stickiness_days": 2})),
            "stickiness_actors",
        ),
        ("actions/people", trend(), "trend_actors"),
    ] {
        client.canned().asked.clear();
        let answer = client
            .post(route, with(request.clone(), json!({"limit": 2})))
            .await;
        let page = &answer["results"][0];
        assert_eq!(page["count"], 2, "{route}: {answer}");
        assert_eq!(page["people"][0]["distinct_ids"], json!(["ann"]), "{route}");
        assert_eq!(answer["is_cached"], false, "{route}");
        assert!(answer["last_refresh"].is_string(), "{route}");
        let next = answer["next"].as_str().unwrap();
        assert!(
            answer["initial"].as_str().unwrap().contains("offset=0"),
            "{route}"
        );
        // What the body asked for is in the link.
        let rest = client.get(next).await;
        assert_eq!(
            rest["results"][0]["people"][0]["distinct_ids"],
            json!(["cat"]),
            "{route}: {rest}"
        );
        assert_eq!(
            (&rest["next"], &rest["results"][0]["count"]),
            (&Value::Null, &json!(1)),
            "{route}"
        );
        let again = client
            .get(&format!("{route}?{}&limit=2", query_string(&request)))
            .await;
        assert_eq!(again["is_cached"], true, "{route}");
        assert_eq!(client.canned().asked, [call, call], "{route}");
    }
}

#[tokio::test]
async fn retention_shows_when_they_came_back() {
    let client = with_three_people().await;
    let request = json!({"target_entity": {"id": "e", "type": "events"}, "total_intervals": 4, "selected_interval": 0, "limit": 2});
    let answer = client.post("persons/retention", request).await;
    assert_eq!(answer["result"][1]["person"]["distinct_ids"], json!(["bob"]));
    assert_eq!(answer["result"][1]["appearances"], json!([1, 0, 1, 0]));
    let rest = client.get(answer["next"].as_str().unwrap()).await;
    assert_eq!(
        (rest["result"].as_array().unwrap().len(), &rest["next"]),
        (1, &Value::Null)
    );
}

#[tokio::test]
async fn a_page_is_as_full_as_its_number_says() {
    let client = with_three_people().await;
    client.canned().persons.remove(1);
    let answer = client.post("persons/trends", trend()).await;
    let people = &answer["results"][0]["people"];
    assert_eq!(answer["results"][0]["count"], 3);
    assert_eq!(people[1]["id"], json!(Uuid::from_u128(2)));
    assert_eq!(people[2]["name"], "cat@x.example");
}

#[tokio::test]
async fn groups_are_actors_too() {
    let client = Client::new().await;
    {
        let mut canned = client.canned();
        canned.groups = vec![group(1, "known")];
        canned.actors = vec!["gone".to_owned(), "known".to_owned()];
    }
    let request = json!({"events": [{"id": "e", "math": "unique_group", "math_group_type_index": 1}], "date_from": "-7d"});
    let answer = client.post("persons/trends", request).await;
    let people = answer["results"][0]["people"].as_array().unwrap();
    for (shown, key) in people.iter().zip(["gone", "known"]) {
        for (field, value) in [
            ("type", json!("group")),
            ("id", json!(key)),
            ("group_key", json!(key)),
            ("group_type_index", json!(1)),
        ] {
            assert_eq!(shown[field], value);
        }
        assert!(shown["properties"].is_object() && shown.get("created_at").is_some());
    }
}

#[tokio::test]
async fn links_are_of_the_one_who_asks() {
    let client = with_three_people().await;
    client
        .post("persons/trends", with(trend(), json!({"limit": 1})))
        .await;
    let path = format!("persons/trends?{}&limit=1&note=mine", query_string(&trend()));
    let answer = client.get(&path).await;
    assert!(answer["next"].as_str().unwrap().contains("note=mine"));
}

#[tokio::test]
async fn people_as_a_table() {
    let client = with_three_people().await;
    client.canned().persons[0].distinct_ids = vec!["=cmd()".to_owned()];
    for path in [
        format!("actions/people?format=csv&{}", query_string(&trend())),
        format!("actions/people.csv?{}", query_string(&trend())),
        "persons.csv".to_owned(),
        "persons?format=csv".to_owned(),
    ] {
        let (status, text) = client.send_bytes(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0], "Distinct ID,Internal ID,Email,Name,Properties",
            "{path}"
        );
        assert_eq!(lines.len(), 4, "{path}");
        assert!(lines[1].starts_with("'=cmd(),"), "{path}: {}", lines[1]);
        assert!(
            lines[2].starts_with("bob,00000000-0000-0000-0000-000000000002,bob@x.example,bob@x.example,")
        );
    }
}
