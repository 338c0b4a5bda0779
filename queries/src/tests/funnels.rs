//! The SQL of funnels, of what is counted from them, and of paths.

use chrono::TimeDelta;
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, CorrelationActorsQuery, CorrelationOf,
    CorrelationQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder,
    FunnelPart, FunnelPlace, FunnelQuery, FunnelTimesQuery, FunnelTrendsQuery, PathActorsQuery, PathRewrite,
    PathsQuery, PropertySource,
};
use insta::assert_snapshot;
use model::{GroupTypeIndex, Interval, ProjectId, WeekStart};

use super::{printed, range};
use crate::funnel_chain::{Values, top};
use crate::{
    correlation, correlation_actors, funnel, funnel_actors, funnel_times, funnel_trends, path_actors, paths,
};

fn named(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

fn buying() -> FunnelQuery {
    FunnelQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        range: range(),
        actor: ActorKind::Person,
        order: FunnelOrder::Ordered,
        window: ConversionWindow::Span(TimeDelta::days(14)),
        steps: vec![named("look"), named("buy")],
        between: Condition::All(vec![]),
        exclusions: vec![FunnelExclusion {
            condition: named("leave"),
            from_step: 0,
            to_step: 1,
        }],
        breakdown: None,
    }
}

fn by_plan(attribution: Attribution) -> FunnelBreakdown {
    FunnelBreakdown {
        source: PropertySource::Person,
        keys: vec!["plan".to_owned()],
        attribution,
        limit: 25,
    }
}

#[test]
fn funnel_by_first_touch() {
    let breakdown = by_plan(Attribution::FirstTouch);
    let query = FunnelQuery {
        breakdown: Some(breakdown.clone()),
        ..buying()
    };
    assert_snapshot!(
        "funnel_values",
        printed(&top(&query, &breakdown).expect("builds"))
    );
    let values = Values::for_test(&["pro", "free"]);
    assert_snapshot!(printed(&funnel::select(&query, Some(&values)).expect("builds")));
}

#[test]
fn trends_of_a_strict_funnel_by_step() {
    let query = FunnelTrendsQuery {
        funnel: FunnelQuery {
            actor: ActorKind::Group(GroupTypeIndex::new(0).expect("0 to 4")),
            order: FunnelOrder::Strict,
            window: ConversionWindow::Months(1),
            exclusions: vec![],
            breakdown: Some(by_plan(Attribution::Step(1))),
            ..buying()
        },
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: vec![range().from],
        from: 1,
        to: 2,
    };
    let values = Values::for_test(&["pro"]);
    assert_snapshot!(printed(
        &funnel_trends::select(&query, Some(&values)).expect("builds")
    ));
}

#[test]
fn times_of_a_funnel() {
    let query = FunnelTimesQuery {
        funnel: buying(),
        from: 0,
        to: 1,
    };
    assert_snapshot!(printed(&funnel_times::select(&query).expect("builds")));
}

#[test]
fn actors_of_a_funnel() {
    let query = FunnelActorsQuery {
        funnel: FunnelQuery {
            order: FunnelOrder::Unordered,
            breakdown: Some(by_plan(Attribution::AllEvents)),
            ..buying()
        },
        group: Some(FunnelGroup::Value(vec!["free".to_owned()])),
        reached: vec![2],
        entrance: Some(range()),
        limit: 101,
        offset: 0,
    };
    let values = Values::for_test(&["pro", "free"]);
    let select = funnel_actors::select(&query, Some(&values)).expect("builds");
    assert_snapshot!(printed(&select.expect("a listed value")));
}

#[test]
fn correlated_properties_of_events() {
    let query = CorrelationQuery {
        funnel: buying(),
        of: CorrelationOf::EventProperties {
            events: vec!["search".to_owned()],
            excluded_keys: vec!["$lib".to_owned()],
        },
    };
    assert_snapshot!(printed(&correlation::select(&query).expect("builds")));
}

#[test]
fn actors_of_a_correlation() {
    let query = CorrelationActorsQuery {
        funnel: buying(),
        converted: Some(true),
        did: Some(named("search")),
        has: vec![("plan".to_owned(), "pro".to_owned())],
        limit: 101,
        offset: 0,
    };
    assert_snapshot!(printed(&correlation_actors::select(&query).expect("builds")));
}

fn walks() -> PathsQuery {
    PathsQuery {
        project: ProjectId(7),
        timezone: chrono_tz::UTC,
        range: range(),
        actor: ActorKind::Person,
        condition: named("$pageview"),
        rewrite: PathRewrite::Replacements(vec![(r"\d+".to_owned(), r"\id".to_owned())]),
        excluded: vec!["/login".to_owned()],
        start: Some("/".to_owned()),
        end: Some("/bye".to_owned()),
        step_limit: 5,
        visit_gap: TimeDelta::minutes(30),
        min_weight: Some(2),
        max_weight: None,
        edge_limit: Some(50),
        funnel: None,
    }
}

#[test]
fn paths_from_start_to_end() {
    let rewritten = paths::Rewritten::for_test(&[("/1", r"/\id")]);
    assert_snapshot!(
        "different_items",
        printed(&paths::different_items(&walks()).expect("builds"))
    );
    assert_snapshot!(printed(
        &paths::select(&walks(), Some(&rewritten)).expect("builds")
    ));
}

#[test]
fn actors_of_a_path_in_a_funnel() {
    let query = PathActorsQuery {
        paths: PathsQuery {
            rewrite: PathRewrite::None,
            start: None,
            end: None,
            funnel: Some(FunnelPart {
                funnel: buying(),
                reached: vec![2],
                at: FunnelPlace::Between(1),
            }),
            ..walks()
        },
        from: Some("1_/".to_owned()),
        to: None,
        dropoff: Some("2_/buy".to_owned()),
        limit: 101,
        offset: 0,
    };
    assert_snapshot!(printed(&path_actors::select(&query, None).expect("builds")));
}
