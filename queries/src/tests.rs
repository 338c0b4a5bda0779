//! The SQL of a representative set of questions.

mod funnels;

use chrono::{DateTime, Utc};
use insights::{
    ActorKind, Aggregate, Breakdown, Comparison, Condition, DateTest, ElementTest, EventsQuery, Math,
    PersonSet, PersonsQuery, PropertySource, PropertyTest, RetentionActorsQuery, RetentionBreakdown,
    RetentionKind, RetentionQuery, TrendActorsQuery, TrendsQuery, TrendsShape, ValuesQuery,
};
use insta::assert_snapshot;
use model::{CohortId, GroupTypeIndex, Interval, ProjectId, TimeRange, WeekStart};
use sql_builder::{Dialect, Select};

use crate::trends::breakdown::{Groups, Part};
use crate::{events, persons, property_values, retention, retention_actors, trend_actors, trends};

mod activity;

fn printed(select: &Select) -> String {
    select.print(Dialect::Postgres).expect("prints").to_string()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn range() -> TimeRange {
    TimeRange {
        from: time("2020-01-01T00:00:00Z"),
        to: time("2020-01-03T00:00:00Z"),
    }
}

fn property(source: PropertySource, key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source,
        key: key.to_owned(),
        test,
    }
}

fn series(math: Math) -> TrendsQuery {
    TrendsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::Europe::Berlin,
        week_start: WeekStart::Sunday,
        range: range(),
        interval: Interval::Day,
        ticks: vec![range().from, time("2020-01-02T00:00:00Z")],
        condition: Condition::EventName("buy".to_owned()),
        math,
        shape: TrendsShape::Series,
        breakdown: None,
    }
}

fn plan() -> Breakdown {
    Breakdown {
        source: PropertySource::Person,
        key: "plan".to_owned(),
        limit: 25,
        histogram: None,
        normalize_url: false,
    }
}

fn trend(query: &TrendsQuery) -> String {
    printed(&trends::select(query, None).expect("builds"))
}

#[test]
fn total_with_every_kind_of_condition() {
    let group = GroupTypeIndex::new(2).expect("0 to 4");
    let condition = Condition::All(vec![
        Condition::EventName("buy".to_owned()),
        Condition::Any(vec![
            property(
                PropertySource::Event,
                "b",
                PropertyTest::AnyOf(vec!["x".to_owned(), "y".to_owned()]),
            ),
            Condition::Not(Box::new(property(
                PropertySource::Person,
                "plan",
                PropertyTest::IsSet,
            ))),
            property(
                PropertySource::Group(group),
                "name",
                PropertyTest::Contains {
                    text: "50%".to_owned(),
                    negated: true,
                },
            ),
            property(
                PropertySource::Session,
                "$session_duration",
                PropertyTest::Compare {
                    op: Comparison::GreaterOrEqual,
                    value: 60.0,
                },
            ),
        ]),
        property(
            PropertySource::Event,
            "at",
            PropertyTest::Date(DateTest::Within(range())),
        ),
        property(
            PropertySource::Event,
            "url",
            PropertyTest::Regex {
                pattern: r"^/\d+$".to_owned(),
                negated: false,
            },
        ),
        Condition::Elements(ElementTest::Matches {
            pattern: "(^|;)a".to_owned(),
            negated: false,
        }),
        Condition::GroupIs(group, "acme".to_owned()),
        Condition::Person(PersonSet::StaticCohort(CohortId(3))),
        Condition::Not(Box::new(Condition::Person(PersonSet::Performed {
            events: Box::new(Condition::EventName("leave".to_owned())),
            range: range(),
            count: Comparison::GreaterOrEqual,
            times: 2,
        }))),
        Condition::Person(PersonSet::PerformedFirst {
            events: Box::new(Condition::EventName("join".to_owned())),
            range: range(),
        }),
    ]);
    assert_snapshot!(trend(&TrendsQuery {
        condition,
        ..series(Math::Total)
    }));
}

#[test]
fn unique_persons() {
    assert_snapshot!(trend(&series(Math::UniqueActors(ActorKind::Person))));
}

#[test]
fn session_durations() {
    assert_snapshot!(trend(&series(Math::Property {
        source: PropertySource::Session,
        key: "$session_duration".to_owned(),
        aggregate: Aggregate::P95,
    })));
}

#[test]
fn count_per_person() {
    assert_snapshot!(trend(&series(Math::CountPerActor {
        actor: ActorKind::Person,
        aggregate: Aggregate::Median,
    })));
}

#[test]
fn first_seen() {
    let query = TrendsQuery {
        shape: TrendsShape::FirstSeen,
        ..series(Math::UniqueActors(ActorKind::Person))
    };
    assert_snapshot!(trend(&query));
}

#[test]
fn rolling_actives_by_breakdown() {
    let query = TrendsQuery {
        breakdown: Some(plan()),
        ..series(Math::Active {
            actor: ActorKind::Person,
            days: 7,
        })
    };
    let by = plan();
    assert_snapshot!(
        "rolling_actives_values",
        printed(&trends::breakdown::top(&query, &by).expect("builds"))
    );
    let groups = Groups::Top(vec!["pro".to_owned(), "free".to_owned()]);
    let part = Part::Group(&by, &groups);
    assert_snapshot!(printed(&trends::select(&query, Some(part)).expect("builds")));
}

#[test]
fn bins() {
    let by = Breakdown {
        histogram: Some(insights::Histogram { bins: 2 }),
        ..plan()
    };
    let query = TrendsQuery {
        breakdown: Some(by.clone()),
        shape: TrendsShape::Single,
        ..series(Math::Total)
    };
    let histogram = insights::Histogram { bins: 2 };
    assert_snapshot!(
        "bins_edges",
        printed(&trends::breakdown::quantiles(&query, &by, histogram).expect("builds"))
    );
    let groups = Groups::Bins {
        starts: vec![1.0, 2.0],
        labels: vec!["[1.0,2.0]".to_owned(), "[2.0,3.01]".to_owned()],
    };
    assert_snapshot!(printed(
        &trends::select(&query, Some(Part::Group(&by, &groups))).expect("builds")
    ));
}

#[test]
fn actors_of_a_trend() {
    let query = TrendActorsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        range: range(),
        condition: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        limit: 100,
        offset: 100,
    };
    assert_snapshot!(printed(&trend_actors::select(&query).expect("builds")));
}

fn table() -> RetentionQuery {
    RetentionQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        intervals: vec![
            TimeRange {
                from: range().from,
                to: time("2020-01-02T00:00:00Z"),
            },
            TimeRange {
                from: time("2020-01-02T00:00:00Z"),
                to: range().to,
            },
        ],
        kind: RetentionKind::Recurring,
        target: Condition::EventName("join".to_owned()),
        returning: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        breakdown: None,
        first_interval_only: false,
    }
}

#[test]
fn retention_recurring() {
    let select = retention::cells(&table()).expect("builds").expect("intervals");
    assert_snapshot!(printed(&select));
}

#[test]
fn retention_first_time_by_breakdown() {
    let query = RetentionQuery {
        kind: RetentionKind::FirstTime,
        breakdown: Some(RetentionBreakdown {
            source: PropertySource::Event,
            keys: vec!["a".to_owned(), "b".to_owned()],
        }),
        ..table()
    };
    let select = retention::cells(&query).expect("builds").expect("intervals");
    assert_snapshot!(printed(&select));
}

#[test]
fn actors_of_a_retention_row() {
    let query = RetentionActorsQuery {
        query: RetentionQuery {
            kind: RetentionKind::FirstTime,
            ..table()
        },
        base: 0,
        offset: Some(1),
        breakdown: None,
        limit: 100,
        skip: 0,
    };
    let select = retention_actors::select(&query)
        .expect("builds")
        .expect("intervals");
    assert_snapshot!(printed(&select));
}

#[test]
fn a_page_of_events() {
    let query = EventsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        after: Some(range().from),
        before: Some(range().to),
        condition: property(
            PropertySource::Person,
            "plan",
            PropertyTest::NoneOf(vec!["pro".to_owned()]),
        ),
        ascending: false,
        cursor: Some((range().to, uuid::Uuid::nil())),
        limit: 101,
    };
    assert_snapshot!(printed(&events::select(&query).expect("builds")));
}

#[test]
fn a_page_of_persons() {
    let query = PersonsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        condition: property(PropertySource::Person, "plan", PropertyTest::IsNotSet),
        distinct_id: Some("ann".to_owned()),
        email: Some("ann@x.org".to_owned()),
        ids: Some(vec![uuid::Uuid::nil()]),
        search: Some("50%".to_owned()),
        limit: 101,
        offset: 0,
    };
    assert_snapshot!(printed(&persons::select(&query).expect("builds")));
}

#[test]
fn values_of_a_property() {
    let query = ValuesQuery {
        project: ProjectId(7),
        source: PropertySource::Event,
        key: "plan".to_owned(),
        search: Some("pr".to_owned()),
        since: Some(range().from),
        limit: 10,
    };
    assert_snapshot!(printed(&property_values::select(&query).expect("builds")));
}
