//! The SQL of a representative set of queries.

mod activity;
mod cohorts;
mod funnels;

use chrono::{DateTime, Utc};
use insights::{
    ActorKind, Aggregate, Breakdown, Comparison, Condition, DateTest, ElementTest, EventsQuery, Histogram,
    Math, PersonSet, PersonsQuery, PropertySource, PropertyTest, RetentionActorsQuery, RetentionBreakdown,
    RetentionKind, RetentionQuery, TrendActorsQuery, TrendsQuery, TrendsShape, ValuesQuery,
};
use insta::assert_snapshot;
use model::{CohortId, GroupTypeIndex, Interval, ProjectId, TimeRange, WeekStart};
use sql_builder::{Dialect, Select};
use uuid::Uuid;

use crate::trends::Labels;
use crate::{events, persons, property_values, retention, retention_actors, trend_actors, trends};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn range(from: &str, to: &str) -> TimeRange {
    TimeRange {
        from: time(from),
        to: time(to),
    }
}

fn group(index: u8) -> GroupTypeIndex {
    GroupTypeIndex::new(index).expect("an index")
}

fn sql(select: Select) -> String {
    select.print(Dialect::ClickHouse).expect("prints").to_string()
}

fn named(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

fn property(source: PropertySource, key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source,
        key: key.to_owned(),
        test,
    }
}

fn is(value: &str) -> PropertyTest {
    PropertyTest::AnyOf(vec![value.to_owned()])
}

fn trend(math: Math) -> TrendsQuery {
    TrendsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::America::New_York,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01T05:00:00Z", "2020-01-04T05:00:00Z"),
        interval: Interval::Day,
        ticks: vec![
            time("2020-01-01T05:00:00Z"),
            time("2020-01-02T05:00:00Z"),
            time("2020-01-03T05:00:00Z"),
        ],
        condition: named("sign up"),
        math,
        shape: TrendsShape::Series,
        breakdown: None,
    }
}

fn breakdown(source: PropertySource, key: &str) -> Breakdown {
    Breakdown {
        source,
        key: key.to_owned(),
        limit: 25,
        histogram: None,
        normalize_url: false,
    }
}

fn trend_sql(query: &TrendsQuery, labels: &Labels) -> String {
    sql(trends::trends(query, labels).expect("builds"))
}

#[test]
fn trend_total() {
    assert_snapshot!(trend_sql(&trend(Math::Total), &Labels::None));
}

#[test]
fn trend_unique_persons_by_week() {
    let mut query = trend(Math::UniqueActors(ActorKind::Person));
    query.interval = Interval::Week;
    assert_snapshot!(trend_sql(&query, &Labels::None));
}

#[test]
fn trend_cumulative_groups_by_month() {
    let mut query = trend(Math::UniqueActors(ActorKind::Group(group(2))));
    query.interval = Interval::Month;
    query.shape = TrendsShape::FirstSeen;
    assert_snapshot!(trend_sql(&query, &Labels::None));
}

#[test]
fn trend_rolling_actives() {
    let mut query = trend(Math::Active {
        actor: ActorKind::Person,
        days: 7,
    });
    assert_snapshot!("trend_rolling_actives", trend_sql(&query, &Labels::None));
    query.shape = TrendsShape::Single;
    assert_snapshot!("trend_rolling_actives_single", trend_sql(&query, &Labels::None));
}

#[test]
fn trend_median_of_session_durations() {
    let query = trend(Math::Property {
        source: PropertySource::Session,
        key: "$session_duration".to_owned(),
        aggregate: Aggregate::Median,
    });
    assert_snapshot!(trend_sql(&query, &Labels::None));
}

#[test]
fn trend_sum_by_person_property() {
    let mut query = trend(Math::Property {
        source: PropertySource::Event,
        key: "amount".to_owned(),
        aggregate: Aggregate::Sum,
    });
    let by = breakdown(PropertySource::Person, "plan");
    query.breakdown = Some(by.clone());
    assert_snapshot!(
        "trend_top_values",
        sql(trends::top_values(&query, &by).expect("builds"))
    );
    let labels = Labels::Top(vec!["pro".to_owned(), "free".to_owned()]);
    assert_snapshot!("trend_sum_by_person_property", trend_sql(&query, &labels));
}

#[test]
fn trend_count_per_actor_by_group_property() {
    let mut query = trend(Math::CountPerActor {
        actor: ActorKind::Person,
        aggregate: Aggregate::P90,
    });
    query.breakdown = Some(breakdown(PropertySource::Group(group(0)), "industry"));
    assert_snapshot!(trend_sql(&query, &Labels::All));
}

#[test]
fn trend_histogram() {
    let mut query = trend(Math::Total);
    let histogram = Histogram { bins: 2 };
    query.breakdown = Some(Breakdown {
        histogram: Some(histogram),
        ..breakdown(PropertySource::Event, "size")
    });
    assert_snapshot!(
        "trend_histogram_edges",
        sql(trends::edges(&query, histogram).expect("builds"))
    );
    assert_snapshot!(
        "trend_histogram",
        trend_sql(&query, &Labels::Bins(vec![10.0, 17.5, 40.01]))
    );
}

#[test]
fn every_condition() {
    let mut query = trend(Math::Total);
    let negated = |texts: &[&str]| PropertyTest::NoneOf(texts.iter().map(|&text| text.to_owned()).collect());
    query.condition = Condition::All(vec![
        named("$autocapture"),
        property(
            PropertySource::Event,
            "a",
            PropertyTest::AnyOf(vec!["x".to_owned(), "y".to_owned()]),
        ),
        property(PropertySource::Event, "a", negated(&["", "null"])),
        property(
            PropertySource::Event,
            "b",
            PropertyTest::Contains {
                text: "50%_\\".to_owned(),
                negated: false,
            },
        ),
        property(
            PropertySource::Event,
            "c",
            PropertyTest::Regex {
                pattern: "^a.c$".to_owned(),
                negated: true,
            },
        ),
        property(
            PropertySource::Event,
            "d",
            PropertyTest::Compare {
                op: Comparison::GreaterOrEqual,
                value: 1.5,
            },
        ),
        Condition::Any(vec![
            property(PropertySource::Event, "e", PropertyTest::IsSet),
            property(PropertySource::Event, "e", PropertyTest::IsNotSet),
            property(PropertySource::Event, "e", PropertyTest::Never),
        ]),
        property(
            PropertySource::Event,
            "f",
            PropertyTest::Date(DateTest::Before(time("2020-01-01T05:00:00Z"))),
        ),
        property(PropertySource::Person, "email", is("a@b.c")),
        property(PropertySource::Person, "plan", negated(&["free"])),
        property(PropertySource::Group(group(1)), "size", is("big")),
        property(PropertySource::Group(group(1)), "size", negated(&["small"])),
        property(
            PropertySource::Session,
            "$session_duration",
            PropertyTest::Compare {
                op: Comparison::Greater,
                value: 60.0,
            },
        ),
        Condition::Elements(ElementTest::Matches {
            pattern: "(^|;)button(\\.|$|;|:)".to_owned(),
            negated: false,
        }),
        Condition::InGroup(group(0)),
        Condition::GroupIs(group(4), "org:5".to_owned()),
        Condition::DistinctId("ann".to_owned()),
        Condition::Not(Box::new(Condition::Person(PersonSet::StaticCohort(CohortId(3))))),
        Condition::Person(PersonSet::Ids(vec![Uuid::nil()])),
        Condition::Person(PersonSet::Performed {
            events: Box::new(Condition::All(vec![
                named("buy"),
                property(PropertySource::Person, "plan", is("pro")),
            ])),
            range: range("2019-12-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            count: Comparison::GreaterOrEqual,
            times: 2,
        }),
        Condition::Person(PersonSet::PerformedFirst {
            events: Box::new(named("sign up")),
            range: range("2019-12-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        }),
    ]);
    assert_snapshot!(trend_sql(&query, &Labels::None));
}

#[test]
fn a_person_in_a_disjunction_joins_left() {
    let mut query = trend(Math::Total);
    query.condition = Condition::Any(vec![
        named("sign up"),
        property(PropertySource::Person, "plan", is("pro")),
    ]);
    assert_snapshot!(trend_sql(&query, &Labels::None));
}

#[test]
fn actors_of_a_trend() {
    let query = TrendActorsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        range: range("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        condition: named("sign up"),
        actor: ActorKind::Person,
        limit: 100,
        offset: 100,
    };
    assert_snapshot!(sql(trend_actors::trend_actors(&query).expect("builds")));
}

fn retention_query(kind: RetentionKind) -> RetentionQuery {
    RetentionQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Week,
        intervals: vec![
            range("2020-01-05T00:00:00Z", "2020-01-12T00:00:00Z"),
            range("2020-01-12T00:00:00Z", "2020-01-19T00:00:00Z"),
        ],
        kind,
        target: named("sign up"),
        returning: named("$pageview"),
        actor: ActorKind::Person,
        breakdown: None,
        first_interval_only: false,
    }
}

#[test]
fn retention_of_both_kinds() {
    let recurring = retention_query(RetentionKind::Recurring);
    assert_snapshot!(
        "retention_recurring",
        sql(retention::retention(&recurring).expect("builds"))
    );
    let mut first_time = retention_query(RetentionKind::FirstTime);
    first_time.actor = ActorKind::Group(group(0));
    first_time.breakdown = Some(RetentionBreakdown {
        source: PropertySource::Event,
        keys: vec!["$browser".to_owned(), "$os".to_owned()],
    });
    assert_snapshot!(
        "retention_first_time_by_browser",
        sql(retention::retention(&first_time).expect("builds"))
    );
}

#[test]
fn actors_of_a_retention() {
    let query = RetentionActorsQuery {
        query: retention_query(RetentionKind::Recurring),
        base: 0,
        offset: Some(1),
        breakdown: None,
        limit: 100,
        skip: 0,
    };
    assert_snapshot!(sql(retention_actors::retention_actors(&query).expect("builds")));
}

#[test]
fn lists() {
    let query = EventsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        after: Some(time("2020-01-01T00:00:00Z")),
        before: None,
        condition: Condition::All(vec![]),
        ascending: false,
        cursor: Some((time("2020-01-02T00:00:00Z"), Uuid::nil())),
        limit: 101,
    };
    assert_snapshot!("events_list", sql(events::events(&query).expect("builds")));
    let query = PersonsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        condition: property(PropertySource::Person, "plan", is("pro")),
        distinct_id: Some("ann".to_owned()),
        email: Some("a@b.c".to_owned()),
        ids: Some(vec![Uuid::nil()]),
        search: Some("x".to_owned()),
        limit: 100,
        offset: 0,
    };
    assert_snapshot!("persons_list", sql(persons::persons(&query).expect("builds")));
    let query = ValuesQuery {
        project: ProjectId(7),
        source: PropertySource::Event,
        key: "$browser".to_owned(),
        search: Some("ch".to_owned()),
        since: Some(time("2020-01-01T00:00:00Z")),
        limit: 10,
    };
    assert_snapshot!(
        "values",
        sql(property_values::property_values(&query).expect("builds"))
    );
}
