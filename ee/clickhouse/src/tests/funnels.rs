//! The SQL of funnels, correlations and paths.

use chrono::TimeDelta;
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, CorrelationActorsQuery, CorrelationOf,
    CorrelationQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder,
    FunnelPart, FunnelPlace, FunnelQuery, FunnelTimesQuery, FunnelTrendsQuery, PathActorsQuery, PathRewrite,
    PathsQuery, PropertySource,
};
use insta::assert_snapshot;
use model::{Interval, ProjectId, WeekStart};

use super::{group, is, named, property, range, sql, time};
use crate::funnel_chain::{Listed, listed_values, text_of, values_of};
use crate::{
    correlation, correlation_actors, funnel, funnel_actors, funnel_times, funnel_trends, path_actors, paths,
};

/// Two steps that share a filter.
fn asked(order: FunnelOrder) -> FunnelQuery {
    let globally = |name| {
        Condition::All(vec![
            named(name),
            property(PropertySource::Person, "plan", is("pro")),
        ])
    };
    FunnelQuery {
        project: ProjectId(7),
        timezone: chrono_tz::America::New_York,
        range: range("2020-01-01T05:00:00Z", "2020-01-04T05:00:00Z"),
        actor: ActorKind::Person,
        order,
        window: ConversionWindow::Span(TimeDelta::hours(24)),
        steps: vec![globally("sign up"), globally("pay")],
        between: Condition::All(vec![property(PropertySource::Person, "plan", is("pro"))]),
        exclusions: Vec::new(),
        breakdown: None,
    }
}

fn excluding(mut query: FunnelQuery) -> FunnelQuery {
    query.exclusions.push(FunnelExclusion {
        condition: named("leave"),
        from_step: 0,
        to_step: 1,
    });
    query
}

fn by(mut query: FunnelQuery, attribution: Attribution, keys: &[&str]) -> FunnelQuery {
    query.breakdown = Some(FunnelBreakdown {
        source: PropertySource::Event,
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        attribution,
        limit: 5,
    });
    query
}

fn funnel_sql(query: &FunnelQuery, listed: &[&str]) -> String {
    let listed: Listed = listed.iter().map(|&value| value.to_owned()).collect();
    sql(funnel::funnel(query, &listed).expect("builds"))
}

#[test]
fn funnel_ordered() {
    assert_snapshot!(funnel_sql(&asked(FunnelOrder::Ordered), &[]));
}

#[test]
fn funnel_strict_of_groups_by_first_touch() {
    let mut query = by(
        asked(FunnelOrder::Strict),
        Attribution::FirstTouch,
        &["$os", "$browser"],
    );
    query.actor = ActorKind::Group(group(1));
    assert_snapshot!(
        "funnel_values",
        sql(listed_values(&query).expect("builds").expect("a breakdown"))
    );
    assert_snapshot!(funnel_sql(&query, &["Linux\u{1}\u{1}Firefox"]));
}

#[test]
fn funnel_unordered_with_exclusion_by_step() {
    let mut query = by(
        excluding(asked(FunnelOrder::Unordered)),
        Attribution::Step(1),
        &["$os"],
    );
    query.window = ConversionWindow::Months(1);
    assert_snapshot!(funnel_sql(&query, &["Linux"]));
}

#[test]
fn views_of_a_funnel() {
    let funnel = excluding(asked(FunnelOrder::Ordered));
    let trends = FunnelTrendsQuery {
        funnel: funnel.clone(),
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: vec![time("2020-01-01T05:00:00Z")],
        from: 1,
        to: 2,
    };
    assert_snapshot!(
        "funnel_trends",
        sql(funnel_trends::funnel_trends(&trends, &Listed::new()).expect("builds"))
    );
    let times = FunnelTimesQuery {
        funnel: asked(FunnelOrder::Ordered),
        from: 0,
        to: 1,
    };
    assert_snapshot!(
        "funnel_times",
        sql(funnel_times::funnel_times(&times).expect("builds"))
    );
    let actors = FunnelActorsQuery {
        funnel: by(asked(FunnelOrder::Ordered), Attribution::AllEvents, &["$os"]),
        group: Some(FunnelGroup::Other),
        reached: vec![1],
        entrance: Some(range("2020-01-02T05:00:00Z", "2020-01-03T05:00:00Z")),
        limit: 100,
        offset: 0,
    };
    assert_snapshot!(
        "funnel_actors",
        sql(funnel_actors::funnel_actors(&actors, &vec!["Linux".to_owned()]).expect("builds"))
    );
}

#[test]
fn correlations() {
    let funnel = asked(FunnelOrder::Ordered);
    let of = |of| {
        let query = CorrelationQuery {
            funnel: funnel.clone(),
            of,
        };
        sql(correlation::correlation(&query, 1_000).expect("builds"))
    };
    assert_snapshot!(
        "correlation_of_properties",
        of(CorrelationOf::Properties {
            names: None,
            excluded: vec!["email".to_owned()],
        })
    );
    assert_snapshot!(
        "correlation_of_event_properties",
        of(CorrelationOf::EventProperties {
            events: vec!["$autocapture".to_owned()],
            excluded_keys: Vec::new(),
        })
    );
    let actors = CorrelationActorsQuery {
        funnel,
        converted: Some(true),
        did: Some(named("look")),
        has: vec![("plan".to_owned(), "pro".to_owned())],
        limit: 100,
        offset: 0,
    };
    assert_snapshot!(
        "correlation_actors",
        sql(correlation_actors::correlation_actors(&actors).expect("builds"))
    );
}

#[test]
fn paths_between_points_after_a_funnel() {
    let query = PathsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        range: range("2020-01-01T05:00:00Z", "2020-01-04T05:00:00Z"),
        actor: ActorKind::Person,
        condition: named("$pageview"),
        rewrite: PathRewrite::Groupings(vec![("/user/.*".to_owned(), "/user/*".to_owned())]),
        excluded: vec!["/admin".to_owned()],
        start: Some("/".to_owned()),
        end: Some("/paid".to_owned()),
        step_limit: 5,
        visit_gap: TimeDelta::minutes(30),
        min_weight: Some(2),
        max_weight: None,
        edge_limit: Some(50),
        funnel: Some(FunnelPart {
            funnel: asked(FunnelOrder::Ordered),
            reached: vec![2],
            at: FunnelPlace::After(0),
        }),
    };
    assert_snapshot!("paths", sql(paths::paths(&query).expect("builds")));
    let actors = PathActorsQuery {
        paths: PathsQuery {
            funnel: None,
            ..query
        },
        from: Some("1_/".to_owned()),
        to: Some("2_/user/*".to_owned()),
        dropoff: None,
        limit: 100,
        offset: 0,
    };
    assert_snapshot!(
        "path_actors",
        sql(path_actors::path_actors(&actors).expect("builds"))
    );
}

/// A server takes statements of 256 KiB.
#[test]
fn the_longest_funnels_fit_into_a_statement() {
    for order in [FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered] {
        let mut query = by(excluding(asked(order)), Attribution::Step(0), &["$os"]);
        query.steps = (0..100).map(|n| named(&format!("step {n}"))).collect();
        if order == FunnelOrder::Strict {
            query.exclusions.clear();
        } else {
            query.exclusions = vec![query.exclusions[0].clone(); 50];
        }
        let statement = funnel_sql(&query, &["Linux"]);
        let text = statement.split("\n-- 0:").next().expect("a text");
        assert!(text.len() < 200 << 10, "{order:?}: {}", text.len());
    }
}

#[test]
fn values_of_several_keys_are_one_text_that_sorts_as_they_do() {
    let parts = [
        "",
        "\u{1}",
        "\u{1}\u{1}",
        "\u{1}\u{2}",
        "\u{2}",
        "a",
        "a\u{1}",
        "a\u{1}\u{2}b",
        "b",
    ];
    let mut lists: Vec<Vec<String>> = Vec::new();
    for first in parts {
        for second in parts {
            lists.extend(parts.map(|third| [first, second, third].map(str::to_owned).to_vec()));
        }
    }
    lists.sort();
    let texts: Vec<_> = lists.iter().map(|list| text_of(list)).collect();
    assert!(texts.is_sorted());
    for (text, list) in texts.iter().zip(&lists) {
        assert_eq!(values_of(text, 3), *list);
    }
    assert_eq!(values_of(&text_of(&["\u{1}\u{1}".to_owned()]), 1), ["\u{1}\u{1}"]);
}
