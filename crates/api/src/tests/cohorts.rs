//! Cohorts: by rule, by list, from an insight; their calculation in the background.

use std::collections::BTreeSet;

use ::insights::Condition;
use axum::http::{Method, StatusCode};
use model::CohortId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{Client, query_string, start_jobs, trend};
use super::fake_store::{Calculation, person};

async fn with_people() -> Client {
    let client = Client::new().await;
    client.canned().persons = vec![person(1, "ann"), person(2, "bob"), person(3, "cat")];
    client
}

fn pros() -> Value {
    json!({"name": "pros", "groups": [{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]})
}

fn id(cohort: &Value) -> CohortId {
    CohortId(cohort["id"].as_i64().unwrap())
}

fn static_members(client: &Client, cohort: &Value) -> Vec<u128> {
    let canned = client.canned();
    let members = canned
        .static_members
        .get(&id(cohort))
        .cloned()
        .unwrap_or_default();
    members.into_iter().map(|id| id.as_u128()).collect()
}

#[tokio::test]
async fn a_cohort_is_calculated_when_it_is_made_and_when_it_changes() {
    let client = with_people().await;
    let made = client.post("cohorts", pros()).await;
    assert_eq!(made["count"], 3);
    assert_eq!(
        (&made["is_calculating"], &made["errors_calculating"]),
        (&json!(false), &json!(0))
    );
    assert!(made["last_calculation"].is_string());
    let path = format!("cohorts/{}", made["id"]);
    client.canned().persons.pop();
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "free"}]}]);
    let changed = client.patch(&path, json!({"groups": groups})).await;
    assert_eq!((&changed["count"], &changed["name"]), (&json!(2), &json!("pros")));
    let recalculated = client.canned().recalculated.len();
    client.patch(&path, json!({"name": "same members"})).await;
    assert_eq!(
        client.canned().recalculated.len(),
        recalculated,
        "same rule, same data"
    );
    client.canned().version += 1;
    client.patch(&path, json!({"name": "new data"})).await;
    assert_eq!(client.canned().recalculated.len(), recalculated + 1);

    let (status, _) = client.send(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    client.settled(&made).await;
    let last = client.canned().recalculated.last().cloned();
    assert_eq!(
        last,
        Some((id(&made), Condition::Any(Vec::new()))),
        "its rows go too"
    );
    assert_eq!(client.get("cohorts").await["results"], json!([]));
}

#[tokio::test]
async fn no_calculation_is_stuck() {
    let client = with_people().await;
    for (calculation, errors) in [
        (Calculation::Fails, 1),
        (Calculation::Panics, 2),
        (Calculation::NeverEnds, 3),
    ] {
        client.canned().calculations.push_back(calculation);
        if errors == 1 {
            client.post("cohorts", pros()).await;
        } else {
            client.patch("cohorts/1", json!({"description": "again"})).await;
        }
        let cohort = json!({"id": 1});
        client.settled(&cohort).await;
        let shown = client.get("cohorts/1").await;
        assert_eq!(shown["errors_calculating"], errors, "{shown}");
        assert_eq!(shown["is_calculating"], false);
        assert_eq!(
            (&shown["count"], &shown["last_calculation"]),
            (&Value::Null, &Value::Null)
        );
    }
    let shown = client.patch("cohorts/1", json!({"description": "at last"})).await;
    assert_eq!(
        (&shown["count"], &shown["errors_calculating"]),
        (&json!(3), &json!(0))
    );
}

#[tokio::test]
async fn cohorts_are_calculated_now_and_then() {
    let client = with_people().await;
    let made = client.post("cohorts", pros()).await;
    client
        .post(
            "cohorts",
            json!({"name": "listed", "is_static": true, "distinct_ids": ["ann"]}),
        )
        .await;
    client.canned().persons.pop();
    client.canned().version += 1;
    client.wait(16 * 60);
    let path = format!("cohorts/{}", made["id"]);
    for _ in 0..500 {
        if client.get(&path).await["count"] == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the cohort is not looked after");
}

#[tokio::test]
async fn what_a_killed_process_was_at_is_begun_again() {
    let client = with_people().await;
    client.jobs.close().await;
    let made = client.post("cohorts", pros()).await;
    assert_eq!(
        (&made["is_calculating"], &made["count"]),
        (&json!(true), &Value::Null)
    );
    client
        .metadata
        .begin_cohort_calculation(client.project, id(&made))
        .await
        .unwrap();
    let next = start_jobs(&client.store, &client.metadata).await;
    for _ in 0..500 {
        let cohort = client
            .metadata
            .cohort(client.project, id(&made))
            .await
            .unwrap()
            .unwrap();
        if cohort.count == Some(3) && !cohort.is_calculating {
            next.close().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the cohort is stuck");
}

#[tokio::test]
async fn members_from_a_file() {
    let client = with_people().await;
    let fields = [("name", "listed"), ("is_static", "true"), ("groups", "[]")];
    let csv = "ann,Ann\r\n\r\nnobody\r\n\"bob\"\r\nann";
    let (status, made) = client.send_form(Method::POST, "cohorts", &fields, csv).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["count"], &made["is_static"]), (&json!(2), &json!(true)));
    assert_eq!(static_members(&client, &made), [1, 2]);
    let path = format!("cohorts/{}", made["id"]);
    let (status, more) = client.send_form(Method::PATCH, &path, &[], "cat\n").await;
    assert_eq!(
        (status, &more["count"], &more["name"]),
        (StatusCode::OK, &json!(3), &json!("listed"))
    );
    let listed = client
        .post(
            "cohorts",
            json!({"name": "l", "is_static": true, "distinct_ids": ["cat", "x"]}),
        )
        .await;
    assert_eq!(static_members(&client, &listed), [3]);
    let empty = client
        .post("cohorts", json!({"name": "l", "is_static": true}))
        .await;
    assert_eq!(empty["count"], 0);
    assert!(
        client.canned().recalculated.is_empty(),
        "a list is not calculated"
    );
}

#[tokio::test]
async fn members_from_an_insight() {
    let client = with_people().await;
    client.canned().actors = vec![Uuid::from_u128(1).to_string(), Uuid::from_u128(3).to_string()];
    let funnel = json!({"insight": "FUNNELS", "events": [{"id": "a", "order": 0}, {"id": "b", "order": 1}], "funnel_step": 2, "date_from": "-7d"});
    for (request, call) in [
        (trend(), "trend_actors"),
        (
            json!({"insight": "STICKINESS", "events": [{"id": "e"}], "stickiness_days": 1, "date_from": "-7d"}),
            "stickiness_actors",
        ),
        (funnel, "funnel_actors"),
        (
            json!({"insight": "PATHS", "path_end_key": "2_x", "date_from": "-7d"}),
            "path_actors",
        ),
        (
            json!({"insight": "LIFECYCLE", "events": [{"id": "e"}], "target_date": "2023-11-14", "lifecycle_type": "new"}),
            "lifecycle_actors",
        ),
    ] {
        client.canned().asked.clear();
        let path = format!("cohorts?{}", query_string(&request));
        let made = client
            .post(&path, json!({"name": "people", "is_static": true}))
            .await;
        assert_eq!(
            (made["count"].as_u64(), static_members(&client, &made)),
            (Some(2), vec![1, 3]),
            "{call}"
        );
        let mut body = request.clone();
        body["name"] = json!("in the body");
        body["is_static"] = json!(true);
        assert_eq!(client.post("cohorts", body).await["count"], 2, "{call}");
        let calls: BTreeSet<&str> = client.canned().asked.iter().copied().collect();
        assert_eq!(calls, BTreeSet::from([call, "add_to_static_cohort"]));
    }
    let groups = json!({"name": "g", "is_static": true, "events": [{"id": "e", "math": "unique_group", "math_group_type_index": 0}], "date_from": "-7d"});
    client
        .refused(
            Method::POST,
            "cohorts",
            Some(groups),
            "aggregation_group_type_index",
        )
        .await;
}

#[tokio::test]
async fn a_failure_leaves_no_half_of_a_cohort() {
    let client = with_people().await;
    client.canned().fails = true;
    let body = json!({"name": "l", "is_static": true, "distinct_ids": ["ann"]});
    let (status, _) = client.send(Method::POST, "cohorts", Some(body)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(client.get("cohorts").await["count"], 0);
}

#[tokio::test]
async fn a_dynamic_cohort_becomes_a_list_of_those_who_are_in_it() {
    let client = with_people().await;
    let made = client.post("cohorts", pros()).await;
    let fixed = client
        .patch(&format!("cohorts/{}", made["id"]), json!({"is_static": true}))
        .await;
    assert_eq!((&fixed["is_static"], &fixed["count"]), (&json!(true), &json!(3)));
    assert_eq!(static_members(&client, &made), [1, 2, 3]);
}

#[tokio::test]
async fn what_is_made_of_a_cohort_or_an_action_follows_it() {
    let client = with_people().await;
    let inner = client.post("cohorts", pros()).await;
    let action = client
        .post("actions", json!({"name": "a", "steps": [{"event": "e"}]}))
        .await;
    let groups = json!([{"properties": [{"key": "id", "type": "cohort", "value": inner["id"]}]}]);
    let outer = client
        .post("cohorts", json!({"name": "outer", "groups": groups}))
        .await;
    let groups = json!([{"action_id": action["id"], "days": 7}]);
    let doers = client
        .post("cohorts", json!({"name": "doers", "groups": groups}))
        .await;
    let recalculated = |of: &Value| {
        let of = id(of);
        client
            .canned()
            .recalculated
            .iter()
            .filter(|(id, _)| *id == of)
            .count()
    };
    let before = (recalculated(&outer), recalculated(&doers));
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "free"}]}]);
    client
        .patch(&format!("cohorts/{}", inner["id"]), json!({"groups": groups}))
        .await;
    client.settled(&outer).await;
    assert_eq!(
        (recalculated(&outer), recalculated(&doers)),
        (before.0 + 1, before.1)
    );
    client
        .patch(
            &format!("actions/{}", action["id"]),
            json!({"steps": [{"event": "other"}]}),
        )
        .await;
    client.settled(&doers).await;
    assert_eq!(recalculated(&doers), before.1 + 1);
}

#[tokio::test]
async fn members_are_paged_both_ways() {
    let client = with_people().await;
    let made = client
        .post(
            "cohorts",
            json!({"name": "l", "is_static": true, "distinct_ids": ["ann"]}),
        )
        .await;
    let first = client
        .get(&format!("cohorts/{}/persons?limit=2", made["id"]))
        .await;
    assert_eq!(
        (first["results"].as_array().unwrap().len(), &first["previous"]),
        (2, &Value::Null)
    );
    let second = client.get(first["next"].as_str().unwrap()).await;
    assert_eq!(
        (&second["results"][0]["distinct_ids"], &second["next"]),
        (&json!(["cat"]), &Value::Null)
    );
    assert_eq!(client.get(second["previous"].as_str().unwrap()).await, first);
    let list = client.get("cohorts?limit=1").await;
    assert_eq!((&list["count"], &list["next"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn wrong_cohorts_are_refused() {
    let client = with_people().await;
    let first = client.post("cohorts", pros()).await;
    let naming =
        |cohort: &Value| json!([{"properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}]}]);
    let second = client
        .post("cohorts", json!({"name": "second", "groups": naming(&first)}))
        .await;
    let path = |cohort: &Value| format!("cohorts/{}", cohort["id"]);
    for (cohort, groups) in [(&first, naming(&second)), (&first, naming(&first))] {
        let (status, answer) = client
            .send(Method::PATCH, &path(cohort), Some(json!({"groups": groups})))
            .await;
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::BAD_REQUEST, &json!("validation_error")),
            "{answer}"
        );
        assert!(
            answer["attr"].as_str().unwrap().starts_with("groups__0"),
            "{answer}"
        );
    }
    assert_eq!(
        client.get(&path(&first)).await["groups"],
        first["groups"],
        "nothing has changed"
    );
    for (body, attr) in [
        (json!({"groups": []}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "c", "groups": "x"}), "groups"),
        (json!({"name": "c", "groups": 5}), "groups"),
        (json!({"name": "c", "groups": ["x"]}), "groups__0"),
        (json!({"name": "c", "distinct_ids": ["ann"]}), "distinct_ids"),
        (json!({"name": "c", "csv": "ann"}), "csv"),
        (
            json!({"name": "c", "is_static": true, "csv": "ann", "distinct_ids": []}),
            "distinct_ids",
        ),
        (
            json!({"name": "c", "is_static": true, "distinct_ids": "ann"}),
            "distinct_ids",
        ),
        (
            json!({"name": "c", "is_static": true, "csv": "ann", "insight": "TRENDS"}),
            "csv",
        ),
        (
            json!({"name": "c", "insight": "TRENDS", "events": [{"id": "e"}]}),
            "is_static",
        ),
        (
            json!({"name": "c", "is_static": true, "insight": "TRENDS"}),
            "entity_id",
        ),
        (json!({"name": "c", "is_static": [1]}), "is_static"),
    ] {
        client.refused(Method::POST, "cohorts", Some(body), attr).await;
    }
    let (status, answer) = client.send_form(Method::PATCH, &path(&first), &[], "ann").await;
    assert_eq!(
        (status, &answer["attr"]),
        (StatusCode::BAD_REQUEST, &json!("csv"))
    );
    assert_eq!(client.get("cohorts").await["count"], 2);
}
