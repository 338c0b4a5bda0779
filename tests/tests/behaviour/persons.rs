//! Persons: creation, merging, properties, look-up.

use serde_json::{Value, json};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    identify_joins_an_anonymous_past,
    an_identified_person_is_not_swallowed,
    merge_dangerously_merges_anyway,
    the_survivors_properties_win,
    set_set_once_and_unset,
    placeholder_ids_never_merge,
    profiles_off_make_no_person_until_identified,
    search_and_email,
);

fn identify(who: &str, anonymous: &str) -> Event {
    event("$identify")
        .by(who)
        .at("2020-01-02T00:00Z")
        .with("$anon_distinct_id", anonymous)
}

async fn person(p: &Project, distinct_id: &str) -> anyhow::Result<Value> {
    let answer = p.get(&format!("persons/?distinct_id={distinct_id}")).await?;
    Ok(answer["results"].get(0).cloned().unwrap_or_default())
}

async fn distinct_ids(p: &Project, distinct_id: &str) -> anyhow::Result<Vec<String>> {
    let person = person(p, distinct_id).await?;
    let ids = person["distinct_ids"].as_array().into_iter().flatten();
    let mut ids: Vec<String> = ids.filter_map(|id| id.as_str().map(str::to_owned)).collect();
    ids.sort();
    Ok(ids)
}

async fn dau(p: &Project, expected: Value) -> TestResult {
    let request = json!({"events": [{"id": "seen", "math": "dau"}], "date_from": "2020-01-01", "date_to": "2020-01-01"});
    p.check_trend(request, "data", json!([[expected]])).await
}

async fn identify_joins_an_anonymous_past(p: &Project) -> TestResult {
    p.events([event("seen").by("anon"), event("seen").by("ann")])
        .await?;
    dau(p, json!(2)).await?;
    p.events([identify("ann", "anon")]).await?;
    dau(p, json!(1)).await?;
    anyhow::ensure!(distinct_ids(p, "anon").await? == ["ann", "anon"]);
    anyhow::ensure!(person(p, "ann").await?["is_identified"] == true);
    Ok(())
}

async fn an_identified_person_is_not_swallowed(p: &Project) -> TestResult {
    p.events([
        event("seen").by("a"),
        event("seen").by("b"),
        identify("a", "a-anon"),
        identify("b", "b-anon"),
    ])
    .await?;
    p.events([identify("a", "b")]).await?;
    dau(p, json!(2)).await?;
    anyhow::ensure!(distinct_ids(p, "a").await? == ["a", "a-anon"]);
    Ok(())
}

async fn merge_dangerously_merges_anyway(p: &Project) -> TestResult {
    p.events([
        event("seen").by("a"),
        event("seen").by("b"),
        identify("a", "a-anon"),
        identify("b", "b-anon"),
    ])
    .await?;
    p.events([event("$merge_dangerously")
        .by("a")
        .at("2020-01-03T00:00Z")
        .with("alias", "b")])
        .await?;
    dau(p, json!(1)).await?;
    anyhow::ensure!(distinct_ids(p, "b-anon").await? == ["a", "a-anon", "b", "b-anon"]);
    Ok(())
}

async fn the_survivors_properties_win(p: &Project) -> TestResult {
    p.events([
        event("seen")
            .by("anon")
            .at("2020-01-01T00:00Z")
            .with("$set", json!({"x": "anon", "only_anon": 1})),
        event("seen")
            .by("ann")
            .at("2020-01-02T00:00Z")
            .with("$set", json!({"x": "ann"})),
        identify("ann", "anon"),
    ])
    .await?;
    let person = person(p, "ann").await?;
    anyhow::ensure!(
        person["properties"]["x"] == "ann" && person["properties"]["only_anon"] == 1,
        "{person}"
    );
    anyhow::ensure!(
        person["created_at"]
            .as_str()
            .is_some_and(|at| at.starts_with("2020-01-01")),
        "{person}"
    );
    Ok(())
}

async fn set_set_once_and_unset(p: &Project) -> TestResult {
    p.events([
        event("e")
            .by("a")
            .with("$set", json!({"x": 1, "y": 1}))
            .with("$set_once", json!({"first": 1})),
        event("e")
            .by("a")
            .with("$set", json!({"x": 2}))
            .with("$set_once", json!({"first": 2})),
        event("e").by("a").with("$unset", json!(["y"])),
    ])
    .await?;
    let properties = person(p, "a").await?["properties"].take();
    anyhow::ensure!(
        properties["x"] == 2 && properties["first"] == 1 && properties["y"].is_null(),
        "{properties}"
    );
    Ok(())
}

async fn placeholder_ids_never_merge(p: &Project) -> TestResult {
    for placeholder in ["guest", "null", "undefined", "[object Object]", "0"] {
        p.events([event("seen").by(placeholder), identify("ann", placeholder)])
            .await?;
    }
    anyhow::ensure!(distinct_ids(p, "ann").await? == ["ann"]);
    Ok(())
}

async fn profiles_off_make_no_person_until_identified(p: &Project) -> TestResult {
    p.events([event("seen")
        .by("anon")
        .with("$process_person_profile", false)
        .with("$set", json!({"x": 1}))])
        .await?;
    anyhow::ensure!(person(p, "anon").await?.is_null());
    let total = json!({"events": [{"id": "seen"}], "date_from": "2020-01-01", "date_to": "2020-01-01"});
    p.check_trend(total, "data", json!([[1]])).await?;
    dau(p, json!(0)).await?;
    p.events([identify("ann", "anon")]).await?;
    dau(p, json!(1)).await
}

async fn search_and_email(p: &Project) -> TestResult {
    p.person("did-1", "2020-01-01T00:00Z", json!({"email": "one@mail.example"}))
        .await?;
    p.person(
        "did-2",
        "2020-01-01T00:00Z",
        json!({"email": "two@mail.example", "city": "Oslo"}),
    )
    .await?;
    for (query, found) in [
        ("email=one@mail.example", vec!["did-1"]),
        ("email=ONE", vec![]),
        ("search=oSLo", vec!["did-2"]),
        ("search=did-1", vec!["did-1"]),
        ("distinct_id=did", vec![]),
    ] {
        let answer = p.get(&format!("persons/?{query}")).await?;
        let names: Vec<&str> = answer["results"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|person| person["distinct_ids"][0].as_str())
            .collect();
        anyhow::ensure!(names == found, "{query}: {names:?}");
    }
    Ok(())
}
