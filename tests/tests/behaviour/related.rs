//! Groups: related actors, property definitions, values of properties.

use anyhow::{Context, ensure};
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Project, TestResult, ago, backend_suite, event};

backend_suite!(
    who_shares_an_event,
    definitions_count_the_groups,
    values_are_listed,
    metadata_of_types_can_be_changed,
);

/// Type and id of each actor.
async fn related(p: &Project, query: &str) -> anyhow::Result<Vec<(String, String)>> {
    let answer = p.get(&format!("groups/related/?{query}")).await?;
    let actors = answer.as_array().context("a list of actors")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(actors
        .iter()
        .map(|actor| {
            if actor["type"] == "group" {
                let kind = format!("group {}", actor["group_type_index"]);
                (kind, text(&actor["group_key"]))
            } else {
                (text(&actor["type"]), text(&actor["distinct_ids"][0]))
            }
        })
        .collect())
}

fn person(id: &str) -> (String, String) {
    ("person".to_owned(), id.to_owned())
}

fn group(index: u8, key: &str) -> (String, String) {
    (format!("group {index}"), key.to_owned())
}

async fn who_shares_an_event(p: &Project) -> TestResult {
    for (kind, key) in [
        ("organization", "acme"),
        ("organization", "zeta"),
        ("project", "web"),
        ("project", "app"),
    ] {
        p.group(kind, key, "2020-01-01T00:00Z", json!({})).await?;
    }
    let days = |days| ago(TimeDelta::days(days));
    p.events([
        event("e")
            .by("ann")
            .at(&days(1))
            .of_group("organization", "acme")
            .of_group("project", "web"),
        event("e")
            .by("bob")
            .at(&days(89))
            .of_group("organization", "acme")
            .of_group("project", "unknown"),
        event("e").by("ann").at(&days(2)).of_group("project", "app"),
        // Long ago.
        event("e")
            .by("cat")
            .at(&days(91))
            .of_group("organization", "acme"),
        event("e")
            .by("ann")
            .at(&days(91))
            .of_group("organization", "zeta"),
    ])
    .await?;
    let mut found = related(p, "group_type_index=0&id=acme").await?;
    // Persons come first, in the order of ids that nobody can foretell.
    if let Some(persons) = found.get_mut(..2) {
        persons.sort();
    }
    ensure!(
        found == [person("ann"), person("bob"), group(1, "web")],
        "{found:?}"
    );
    let found = related(p, "group_type_index=1&id=app").await?;
    ensure!(found == [person("ann")], "{found:?}");
    let found = related(p, "group_type_index=0&id=nobody").await?;
    ensure!(found.is_empty(), "{found:?}");
    let persons = p.get("persons/?distinct_id=ann").await?;
    let id = persons["results"][0]["id"].as_str().context("a person")?;
    let found = related(p, &format!("id={id}")).await?;
    ensure!(
        found == [group(0, "acme"), group(1, "app"), group(1, "web")],
        "{found:?}"
    );
    let path = format!("/api/projects/{}/groups/related/?group_type_index=0", p.id);
    let (status, answer) = p.send(Method::GET, &path, None).await?;
    ensure!(
        status == StatusCode::BAD_REQUEST && answer["attr"] == "id",
        "{status} {answer}"
    );
    Ok(())
}

async fn definitions_count_the_groups(p: &Project) -> TestResult {
    for (kind, key, properties) in [
        ("organization", "a", json!({"industry": "finance", "size": 1})),
        ("organization", "b", json!({"industry": "tech"})),
        ("organization", "c", json!({"zip": null})),
        ("project", "w", json!({"name": "web"})),
    ] {
        p.group(kind, key, "2020-01-01T00:00Z", properties).await?;
    }
    let found = p.get("groups/property_definitions/").await?;
    let expected = json!({
        "0": [{"name": "industry", "count": 2}, {"name": "size", "count": 1}, {"name": "zip", "count": 1}],
        "1": [{"name": "name", "count": 1}],
    });
    ensure!(found == expected, "{found}");
    Ok(())
}

async fn values_are_listed(p: &Project) -> TestResult {
    for (key, industry) in [("a", "tech"), ("b", "finance"), ("c", "tech")] {
        p.group(
            "organization",
            key,
            "2020-01-01T00:00Z",
            json!({"industry": industry}),
        )
        .await?;
    }
    p.group("project", "w", "2020-01-01T00:00Z", json!({"industry": "none"}))
        .await?;
    let values = async |query: &str| -> anyhow::Result<Vec<String>> {
        let found = p.get(&format!("groups/property_values/?{query}")).await?;
        let found = found.as_array().context("a list of values")?;
        Ok(found
            .iter()
            .map(|value| value["name"].as_str().unwrap_or_default().to_owned())
            .collect())
    };
    let found = values("group_type_index=0&key=industry").await?;
    ensure!(found == ["finance", "tech"], "{found:?}");
    let found = values("group_type_index=1&key=industry").await?;
    ensure!(found == ["none"], "{found:?}");
    let found = values("group_type_index=0&key=nothing").await?;
    ensure!(found.is_empty(), "{found:?}");
    Ok(())
}

async fn metadata_of_types_can_be_changed(p: &Project) -> TestResult {
    p.group("organization", "a", "2020-01-01T00:00Z", json!({}))
        .await?;
    let rows = json!([{"group_type_index": 0, "name_singular": "company", "name_plural": "companies"}]);
    p.change("groups_types/update_metadata/", rows).await?;
    let types = p.get("groups_types/").await?;
    ensure!(
        types[0]["name_singular"] == "company" && types[0]["group_type"] == "organization",
        "{types}"
    );
    Ok(())
}
