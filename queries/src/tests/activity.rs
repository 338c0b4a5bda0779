//! The SQL of lifecycle, stickiness, session lengths, related actors and cohorts.

use chrono::TimeDelta;
use insights::{
    Actor, ActorKind, Condition, LifecycleActorsQuery, LifecycleQuery, LifecycleStatus, PersonSet,
    PropertySource, PropertyTest, RelatedQuery, SessionLengthsQuery, StickinessActorsQuery, StickinessQuery,
};
use insta::assert_snapshot;
use model::{GroupTypeIndex, Interval, ProjectId, WeekStart};
use uuid::Uuid;

use super::{printed, property, range, time};
use crate::{
    cohorts, lifecycle, lifecycle_actors, property_names, related, session_lengths, stickiness,
    stickiness_actors,
};

fn group() -> ActorKind {
    ActorKind::Group(GroupTypeIndex::new(1).expect("0 to 4"))
}

fn buy() -> Condition {
    Condition::EventName("buy".to_owned())
}

fn life(actor: ActorKind) -> LifecycleQuery {
    LifecycleQuery {
        project: ProjectId(7),
        timezone: chrono_tz::Europe::Berlin,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: vec![time("2020-01-02T00:00:00Z")],
        range: range(),
        condition: buy(),
        actor,
    }
}

#[test]
fn lifecycle_of_persons() {
    assert_snapshot!(printed(
        &lifecycle::select(&life(ActorKind::Person)).expect("builds")
    ));
}

#[test]
fn actors_of_a_lifecycle_of_groups() {
    let query = LifecycleActorsQuery {
        query: life(group()),
        status: LifecycleStatus::Dormant,
        tick: 0,
        limit: 100,
        offset: 0,
    };
    assert_snapshot!(printed(&lifecycle_actors::select(&query).expect("builds")));
}

fn weeks(week_start: WeekStart) -> StickinessQuery {
    StickinessQuery {
        project: ProjectId(7),
        timezone: chrono_tz::Europe::Berlin,
        week_start,
        range: range(),
        interval: Interval::Week,
        condition: buy(),
        actor: ActorKind::Person,
    }
}

#[test]
fn stickiness_by_weeks_from_sunday() {
    assert_snapshot!(printed(
        &stickiness::select(&weeks(WeekStart::Sunday)).expect("builds")
    ));
}

#[test]
fn actors_of_a_stickiness_by_hours() {
    let query = StickinessActorsQuery {
        query: StickinessQuery {
            interval: Interval::Hour,
            actor: group(),
            ..weeks(WeekStart::Monday)
        },
        intervals: 2,
        limit: 100,
        offset: 100,
    };
    assert_snapshot!(printed(&stickiness_actors::select(&query).expect("builds")));
}

#[test]
fn lengths_of_sessions() {
    let query = SessionLengthsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range(),
        interval: Interval::Day,
        ticks: vec![range().from, time("2020-01-02T00:00:00Z")],
        condition: Condition::Not(Box::new(Condition::EventName("$feature_flag_called".to_owned()))),
    };
    assert_snapshot!(printed(&session_lengths::select(&query).expect("builds")));
}

fn relatives(actor: Actor) -> RelatedQuery {
    RelatedQuery {
        project: ProjectId(7),
        actor,
        since: range().from,
        limit: 100,
    }
}

#[test]
fn related_to_a_person() {
    assert_snapshot!(printed(&related::select(&relatives(Actor::Person(Uuid::nil())))));
}

#[test]
fn related_to_a_group() {
    let group = Actor::Group(GroupTypeIndex::new(1).expect("0 to 4"), "acme".to_owned());
    assert_snapshot!(printed(&related::select(&relatives(group))));
}

#[test]
fn members_of_a_cohort() {
    let condition = Condition::All(vec![
        property(
            PropertySource::Person,
            "plan",
            PropertyTest::AnyOf(vec!["pro".to_owned()]),
        ),
        Condition::Person(PersonSet::PerformedSequence {
            first: Box::new(buy()),
            second: Box::new(Condition::EventName("leave".to_owned())),
            range: range(),
            within: TimeDelta::hours(1),
        }),
    ]);
    assert_snapshot!(printed(
        &cohorts::members(ProjectId(7), chrono_tz::UTC, &condition).expect("builds")
    ));
}

#[test]
fn names_of_properties() {
    let select = property_names::select(ProjectId(7), PropertySource::Person).expect("builds");
    assert_snapshot!(printed(&select));
}
