//! The SQL of lifecycle, stickiness and session lengths.

use insights::{
    ActorKind, LifecycleActorsQuery, LifecycleQuery, LifecycleStatus, SessionLengthsQuery,
    StickinessActorsQuery, StickinessQuery,
};
use insta::assert_snapshot;
use model::{Interval, ProjectId, WeekStart};

use super::{group, named, range, sql, time};
use crate::lifecycle::{lifecycle, place};
use crate::lifecycle_actors::lifecycle_actors;
use crate::session_lengths::session_lengths;
use crate::stickiness::stickiness;
use crate::stickiness_actors::stickiness_actors;

fn lifecycle_query(actor: ActorKind, interval: Interval) -> LifecycleQuery {
    LifecycleQuery {
        project: ProjectId(7),
        timezone: chrono_tz::America::New_York,
        week_start: WeekStart::Sunday,
        interval,
        ticks: vec![time("2020-01-05T05:00:00Z"), time("2020-01-12T05:00:00Z")],
        range: range("2019-12-29T05:00:00Z", "2020-01-19T05:00:00Z"),
        condition: named("buy"),
        actor,
    }
}

fn stickiness_query(actor: ActorKind, interval: Interval) -> StickinessQuery {
    StickinessQuery {
        project: ProjectId(7),
        timezone: chrono_tz::Asia::Kolkata,
        week_start: WeekStart::Monday,
        range: range("2020-01-01T19:00:00Z", "2020-01-19T18:30:00Z"),
        interval,
        condition: named("buy"),
        actor,
    }
}

#[test]
fn lifecycle_by_week() {
    let query = lifecycle_query(ActorKind::Person, Interval::Week);
    assert_snapshot!(sql(lifecycle(&query).expect("builds")));
}

#[test]
fn actors_of_a_lifecycle() {
    let query = LifecycleActorsQuery {
        query: lifecycle_query(ActorKind::Group(group(1)), Interval::Day),
        status: LifecycleStatus::Dormant,
        tick: 1,
        limit: 100,
        offset: 100,
    };
    assert_eq!(place(1, LifecycleStatus::Dormant), 7);
    assert_snapshot!(sql(lifecycle_actors(&query).expect("builds")));
}

#[test]
fn stickiness_by_week() {
    let query = stickiness_query(ActorKind::Person, Interval::Week);
    assert_snapshot!(sql(stickiness(&query).expect("builds")));
}

#[test]
fn actors_of_a_stickiness() {
    let query = StickinessActorsQuery {
        query: stickiness_query(ActorKind::Group(group(0)), Interval::Hour),
        intervals: 3,
        limit: 100,
        offset: 0,
    };
    assert_snapshot!(sql(stickiness_actors(&query).expect("builds")));
}

#[test]
fn lengths_of_sessions() {
    let query = SessionLengthsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"),
        interval: Interval::Day,
        ticks: vec![time("2020-01-01T00:00:00Z"), time("2020-01-02T00:00:00Z")],
        condition: named("buy"),
    };
    assert_snapshot!(sql(session_lengths(&query).expect("builds")));
}
