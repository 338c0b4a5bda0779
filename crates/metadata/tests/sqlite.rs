//! Metadata on SQLite: every call once, reopened in between where it must survive.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use chrono::{DateTime, TimeDelta, Utc};
use metadata::{Metadata, NewAction, NewCohort, NewProject, ProjectPatch};
use model::{ActionStep, Definition, PropertyKind, PropertyType, WeekStart};
use serde_json::json;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn new_project(name: &str) -> NewProject {
    NewProject {
        name: name.to_owned(),
        api_token: None,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
    }
}

async fn open() -> (tempfile::TempDir, Metadata) {
    let dir = tempfile::tempdir().unwrap();
    let metadata = Metadata::open_sqlite(&dir.path().join("metadata.sqlite"))
        .await
        .unwrap();
    (dir, metadata)
}

#[tokio::test]
async fn projects_are_found_by_token_and_changed() {
    let (dir, metadata) = open().await;
    let made = metadata.create_project(new_project("one"), now()).await.unwrap();
    assert!(made.api_token.starts_with("phc_") && made.api_token.len() == 47);
    assert_eq!(
        metadata
            .project_by_token(&made.api_token)
            .await
            .unwrap()
            .unwrap()
            .id,
        made.id
    );
    assert!(metadata.project_by_token("phc_other").await.unwrap().is_none());
    let patch = ProjectPatch {
        timezone: Some(chrono_tz::Asia::Tokyo),
        week_start: Some(WeekStart::Monday),
        test_account_filters: Some(json!([{"key": "email", "value": "x"}])),
        ..ProjectPatch::default()
    };
    let changed = metadata
        .patch_project(made.id, patch, now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changed.timezone, chrono_tz::Asia::Tokyo);
    // The token cache must not keep the old row.
    let cached = metadata.project_by_token(&made.api_token).await.unwrap().unwrap();
    assert_eq!(cached.timezone, chrono_tz::Asia::Tokyo);
    metadata.mark_ingested(made.id).await.unwrap();
    metadata.close().await;
    let again = Metadata::open_sqlite(&dir.path().join("metadata.sqlite"))
        .await
        .unwrap();
    let projects = again.projects().await.unwrap();
    assert_eq!(projects.len(), 1);
    assert!(projects[0].ingested_event);
    assert_eq!(projects[0].week_start, WeekStart::Monday);
}

#[tokio::test]
async fn keys_are_stored_hashed() {
    let (dir, metadata) = open().await;
    assert!(!metadata.has_api_keys().await.unwrap());
    let (key, value) = metadata.create_api_key("first", None, now()).await.unwrap();
    assert_eq!(
        metadata.authenticate(&value, now()).await.unwrap().unwrap().id,
        key.id
    );
    assert!(metadata.authenticate("phx_wrong", now()).await.unwrap().is_none());
    let later = now() + TimeDelta::days(2);
    let used = metadata.authenticate(&value, later).await.unwrap().unwrap();
    assert_eq!(used.last_used_at, Some(now()));
    let (same, _) = metadata
        .create_api_key("again", Some(value.clone()), now())
        .await
        .unwrap();
    assert_eq!(same.id, key.id);
    metadata.close().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(value.len()).any(|w| w == value.as_bytes()),
            "the clear key is on disk"
        );
    }
}

#[tokio::test]
async fn five_group_types_and_no_more() {
    let (_dir, metadata) = open().await;
    let project = metadata.create_project(new_project("g"), now()).await.unwrap().id;
    for (index, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let got = metadata
            .register_group_type(project, name)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(usize::from(got.get()), index);
    }
    assert_eq!(metadata.register_group_type(project, "f").await.unwrap(), None);
    assert_eq!(
        metadata
            .register_group_type(project, "b")
            .await
            .unwrap()
            .unwrap()
            .get(),
        1
    );
    assert_eq!(metadata.group_types(project).await.unwrap().len(), 5);
}

#[tokio::test]
async fn definitions_are_written_once_and_types_stay() {
    let (_dir, metadata) = open().await;
    let project = metadata.create_project(new_project("d"), now()).await.unwrap().id;
    let property = |property_type| Definition::Property {
        project,
        name: "amount".to_owned(),
        kind: PropertyKind::Event,
        property_type,
    };
    let event = |last_seen_at| Definition::Event {
        project,
        name: "buy".to_owned(),
        last_seen_at,
    };
    let pair = Definition::EventProperty {
        project,
        event: "buy".to_owned(),
        property: "amount".to_owned(),
    };
    metadata
        .record_definitions(&[event(now()), property(None), pair])
        .await
        .unwrap();
    metadata
        .record_definitions(&[property(Some(PropertyType::Numeric))])
        .await
        .unwrap();
    metadata
        .record_definitions(&[property(Some(PropertyType::String))])
        .await
        .unwrap();
    let later = now() + TimeDelta::hours(2);
    metadata.record_definitions(&[event(later)]).await.unwrap();
    let properties = metadata
        .property_definitions(project, PropertyKind::Event)
        .await
        .unwrap();
    assert_eq!(properties[0].property_type.as_deref(), Some("Numeric"));
    let events = metadata.event_definitions(project).await.unwrap();
    assert_eq!(
        (events.len(), events[0].created_at, events[0].last_seen_at),
        (1, now(), later)
    );
}

#[tokio::test]
async fn actions_and_cohorts_round_trip() {
    let (_dir, metadata) = open().await;
    let project = metadata.create_project(new_project("a"), now()).await.unwrap().id;
    let new = NewAction {
        name: "act".to_owned(),
        description: String::new(),
        tags: vec!["money".to_owned()],
        steps: vec![ActionStep {
            event: Some("buy".to_owned()),
            ..ActionStep::default()
        }],
    };
    let mut action = metadata.create_action(project, new.clone(), now()).await.unwrap();
    assert!(metadata.create_action(project, new.clone(), now()).await.is_err());
    assert_eq!(
        metadata.action(project, action.id).await.unwrap().unwrap(),
        action
    );
    action.deleted = true;
    metadata.update_action(&action).await.unwrap();
    assert!(metadata.actions(project).await.unwrap().is_empty());
    metadata.create_action(project, new, now()).await.unwrap();

    let new = NewCohort {
        name: "c".to_owned(),
        description: String::new(),
        groups: json!([{"properties": []}]),
        filters: None,
        is_static: false,
    };
    let mut cohort = metadata.create_cohort(project, new, now()).await.unwrap();
    cohort.name = "renamed".to_owned();
    metadata.update_cohort(&cohort).await.unwrap();
    assert_eq!(
        metadata.cohort(project, cohort.id).await.unwrap().unwrap(),
        cohort
    );
    assert_eq!(metadata.cohorts(project).await.unwrap(), vec![cohort]);
}

#[tokio::test]
async fn a_calculation_and_a_change_of_the_definition_do_not_disturb_each_other() {
    let (_dir, metadata) = open().await;
    let project = metadata.create_project(new_project("c"), now()).await.unwrap().id;
    let new = NewCohort {
        name: "c".to_owned(),
        description: String::new(),
        groups: json!([]),
        filters: None,
        is_static: false,
    };
    let mut cohort = metadata.create_cohort(project, new, now()).await.unwrap();
    let read = || async { metadata.cohort(project, cohort.id).await.unwrap().unwrap() };
    let due = |before| {
        let metadata = metadata.clone();
        async move { metadata.cohorts_to_calculate(before).await.unwrap() }
    };
    assert_eq!(due(now()).await, [(project, cohort.id)], "never calculated");
    metadata
        .begin_cohort_calculation(project, cohort.id)
        .await
        .unwrap();
    assert!(read().await.is_calculating);
    metadata
        .fail_cohort_calculation(project, cohort.id)
        .await
        .unwrap();
    let failed = read().await;
    assert_eq!((failed.is_calculating, failed.errors_calculating), (false, 1));
    metadata
        .end_cohort_calculation(project, cohort.id, 3, now())
        .await
        .unwrap();
    cohort.description = "written from what was read before".to_owned();
    metadata.update_cohort(&cohort).await.unwrap();
    let done = read().await;
    assert_eq!(
        (done.count, done.last_calculation, done.errors_calculating),
        (Some(3), Some(now()), 0)
    );
    assert_eq!(done.description, cohort.description);
    assert_eq!(due(now()).await, []);
    assert_eq!(due(now() + TimeDelta::seconds(1)).await, [(project, cohort.id)]);
    metadata
        .begin_cohort_calculation(project, cohort.id)
        .await
        .unwrap();
    metadata.reset_cohort_calculations().await.unwrap();
    assert!(!read().await.is_calculating);
}

#[tokio::test]
async fn group_types_are_given_names() {
    let (_dir, metadata) = open().await;
    let project = metadata.create_project(new_project("n"), now()).await.unwrap().id;
    metadata
        .register_group_type(project, "organization")
        .await
        .unwrap();
    metadata.register_group_type(project, "team").await.unwrap();
    let mut named = metadata.named_group_types(project).await.unwrap();
    assert_eq!(named[1].name_singular, None);
    named[1].name_singular = Some("crew".to_owned());
    metadata.name_group_type(project, &named[1]).await.unwrap();
    assert_eq!(metadata.named_group_types(project).await.unwrap(), named);
}
