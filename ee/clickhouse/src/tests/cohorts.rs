//! The SQL of cohorts, related actors, names of properties, and the version of the data.

use chrono::TimeDelta;
use insights::{Actor, Condition, PersonSet, PropertySource, RelatedQuery};
use insta::assert_snapshot;
use model::{CohortId, ProjectId};
use uuid::Uuid;

use super::{group, is, named, property, range, sql, time};
use crate::cohorts::{cohorts_of_person, count_persons, recalculation, rounds, tally};
use crate::data_version::data_version;
use crate::property_names::property_names;
use crate::related::related;

const PROJECT: ProjectId = ProjectId(7);

fn plan() -> Condition {
    property(PropertySource::Person, "plan", is("pro"))
}

#[test]
fn a_cohort_is_recalculated() {
    let statement = recalculation(PROJECT, chrono_tz::UTC, CohortId(5), &plan()).expect("builds");
    assert_snapshot!("a_cohort_is_recalculated", statement.to_string());
    assert_snapshot!("members_are_counted", sql(tally(PROJECT, CohortId(5))));
}

#[test]
fn surplus_signs_take_more_rounds() {
    for (most, least, expected) in [
        (0, 0, 1),
        (1, 0, 1),
        (1, 1, 1),
        (2, 0, 2),
        (1, -1, 2),
        (3, -4, 5),
        (99, 0, 16),
    ] {
        assert_eq!(rounds(most, least), expected, "{most} {least}");
    }
}

#[test]
fn persons_in_sequence_are_counted() {
    let condition = Condition::All(vec![
        plan(),
        Condition::Person(PersonSet::PerformedSequence {
            first: Box::new(named("view")),
            second: Box::new(named("buy")),
            range: range("2020-01-01T00:00:00Z", "2020-01-08T00:00:00Z"),
            within: TimeDelta::days(2),
        }),
    ]);
    assert_snapshot!(sql(
        count_persons(PROJECT, chrono_tz::UTC, &condition).expect("builds")
    ));
}

#[test]
fn cohorts_of_a_person() {
    assert_snapshot!(sql(cohorts_of_person(PROJECT, Uuid::from_u128(1))));
}

#[test]
fn related_to_a_person_and_a_group() {
    let mut query = RelatedQuery {
        project: PROJECT,
        actor: Actor::Person(Uuid::from_u128(1)),
        since: time("2020-01-01T00:00:00Z"),
        limit: 50,
    };
    assert_snapshot!("related_to_a_person", sql(related(&query)));
    query.actor = Actor::Group(group(1), "x".to_owned());
    assert_snapshot!("related_to_a_group", sql(related(&query)));
}

#[test]
fn names_of_properties() {
    assert_snapshot!(
        "names_of_person_properties",
        sql(property_names(PROJECT, PropertySource::Person).expect("builds"))
    );
    assert_snapshot!(
        "names_of_group_properties",
        sql(property_names(PROJECT, PropertySource::Group(group(2))).expect("builds"))
    );
    assert!(property_names(PROJECT, PropertySource::Session).is_err());
}

#[test]
fn versions_of_the_data() {
    assert_snapshot!("version_on_a_server", data_version(None).to_string());
    assert_snapshot!("version_in_a_cluster", data_version(Some("granary")).to_string());
}
