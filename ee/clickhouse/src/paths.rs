//! Paths: how often actors went from one item to another.
//!
//! One pass over the events leaves an array of (time, item) per actor; visits, runs and cuts are arithmetic on it.

use event_store::Result;
use insights::{ActorKind, FunnelPart, FunnelPlace, PathEdge, PathRewrite, PathsQuery};
use sql_builder::{
    Expr, From, Select, and, array, case, col, func, lambda, literal, not, of, param, subquery, tuple,
};

use crate::conditions::{Scope, Subject, person_join, within};
use crate::funnel_chain::{actor, element, event_time, int};
use crate::funnel_walk::firsts;
use crate::persons_join::{PersonJoin, events_with_persons};
use crate::properties::Property;
use crate::row::Rows;

/// What a path is cut to in its middle.
const LEFT_OUT: &str = "...";
/// So many replacements are one expression: more would be higher than a statement may be.
const REPLACEMENTS: usize = 20;

/// Columns `source`, `target`, `transitions`, `milliseconds`, in order.
pub fn paths(query: &PathsQuery) -> Result<Select> {
    let items = || col("visit");
    let node = |item: &'static str, position: Expr| {
        func(
            "concat",
            [func("toString", [position]), literal("_"), text(col(item))],
        )
    };
    let edge = tuple([
        node("a", col("position")),
        node("b", col("position") + literal(1)),
        time(col("b")) - time(col("a")),
    ]);
    let but_last = || func("arrayPopBack", [items()]);
    let edges = func(
        "arrayMap",
        [
            lambda(["a", "b", "position"], edge),
            but_last(),
            func("arrayPopFront", [items()]),
            func("arrayEnumerate", [but_last()]),
        ],
    );
    let edges = Select::from(subquery(visits(query)?, "visits")).column(func("arrayJoin", [edges]), "edge");
    let part = |index: i64| func("tupleElement", [col("edge"), literal(index)]);
    let mut select = Select::from(subquery(edges, "edges"))
        .column(part(1), "source")
        .column(part(2), "target")
        .column(func("count", []), "transitions")
        .column(func("avg", [part(3)]) / literal(1000), "milliseconds")
        .group_by([col("source"), col("target")])
        .order_by([
            col("transitions").desc(),
            col("source").asc(),
            col("target").asc(),
        ]);
    let weight = |weight: u64| param(i64::try_from(weight).unwrap_or(i64::MAX));
    if let Some(least) = query.min_weight {
        select = select.having(func("count", []).ge(weight(least)));
    }
    if let Some(most) = query.max_weight {
        select = select.having(func("count", []).le(weight(most)));
    }
    if let Some(limit) = query.edge_limit {
        select = select.limit(limit.into());
    }
    Ok(select)
}

pub fn edges(answer: &Rows) -> Result<Vec<PathEdge>> {
    answer
        .iter()
        .map(|row| {
            Ok(PathEdge {
                source: row.text("source")?,
                target: row.text("target")?,
                value: row.uint("transitions")?,
                average_time: row.float("milliseconds")?.unwrap_or_default(),
            })
        })
        .collect()
}

/// A row for each visit: `actor` and `visit`, the (time, item) that are left of it.
pub fn visits(query: &PathsQuery) -> Result<Select> {
    let sorted = Select::from(subquery(items(query)?, "items"))
        .expr(col("actor"))
        .column(
            func(
                "arraySort",
                [func("groupArray", [tuple([col("t"), col("item")])])],
            ),
            "steps",
        )
        .group_by([col("actor")]);
    let gap = query.visit_gap.num_microseconds().unwrap_or(i64::MAX);
    let times = func("arrayMap", [lambda(["step"], time(col("step"))), col("steps")]);
    let visits = func(
        "arraySplit",
        [
            lambda(["step", "waited"], col("waited").ge(param(gap))),
            col("steps"),
            func("arrayDifference", [times]),
        ],
    );
    let visits = Select::from(subquery(sorted, "actors"))
        .expr(col("actor"))
        .column(func("arrayJoin", [visits]), "steps_of_visit");

    // The last of a run stays: the one before another item, or before nothing.
    let whole = || col("steps_of_visit");
    let changes = func(
        "arrayMap",
        [
            lambda(["a", "b"], text(col("a")).ne(text(col("b")))),
            func("arrayPopBack", [whole()]),
            func("arrayPopFront", [whole()]),
        ],
    );
    let runs = func(
        "arrayFilter",
        [
            lambda(["step", "is_last"], col("is_last")),
            whole(),
            func("arrayPushBack", [changes, literal(1)]),
        ],
    );
    let runs = Select::from(subquery(visits, "all_visits"))
        .expr(col("actor"))
        .column(runs, "run");
    Ok(cut(query, runs))
}

/// From the start on, up to the end, no longer than the limit.
fn cut(query: &PathsQuery, runs: Select) -> Select {
    let limit = i64::from(query.step_limit);
    let position = |array: Expr, item: &str| {
        let is = text(col("step")).eq(param(item));
        func("arrayFirstIndex", [lambda(["step"], is), array])
    };
    let slice = |array: Expr, from: Expr, length: Expr| func("arraySlice", [array, from, length]);
    let length = |array: Expr| func("length", [array]);

    let mut whole = runs;
    let mut visit = "run";
    if let Some(start) = &query.start {
        let found = Select::from(subquery(whole, "runs"))
            .expr(col("actor"))
            .expr(col("run"))
            .column(position(col("run"), start), "start_at")
            .filter(col("start_at").gt(literal(0)));
        whole = Select::from(subquery(found, "started"))
            .expr(col("actor"))
            .column(func("arraySlice", [col("run"), col("start_at")]), "after_start");
        visit = "after_start";
    }
    if let Some(end) = &query.end {
        let found = Select::from(subquery(whole, "unended"))
            .expr(col("actor"))
            .expr(col(visit))
            .column(position(col(visit), end), "end_at")
            .filter(col("end_at").gt(literal(0)));
        whole = Select::from(subquery(found, "ended"))
            .expr(col("actor"))
            .column(slice(col(visit), literal(1), col("end_at")), "before_end");
        visit = "before_end";
    }
    let visit = || col(visit);
    // From the back there is no way to ask for none: counted from the front.
    let last = |many: i64| {
        let from = func("toInt64", [length(visit())]) - literal(many - 1);
        let from = func("greatest", [from, func("toInt64", [literal(1)])]);
        func("arraySlice", [visit(), from])
    };
    let kept = match (&query.start, &query.end) {
        (_, None) => slice(visit(), literal(1), literal(limit)),
        (None, Some(_)) => last(limit),
        (Some(_), Some(_)) => {
            let half = limit / 2;
            let gap = tuple([
                time(func("arrayElement", [visit(), literal(half + 1)])),
                literal(LEFT_OUT),
            ]);
            let shortened = func(
                "arrayConcat",
                [
                    slice(visit(), literal(1), literal(half)),
                    array([gap]),
                    last(half),
                ],
            );
            func("if", [length(visit()).gt(literal(limit)), shortened, visit()])
        }
    };
    Select::from(subquery(whole, "uncut"))
        .expr(col("actor"))
        .column(kept, "visit")
}

fn time(step: Expr) -> Expr {
    func("tupleElement", [step, literal(1)])
}

fn text(step: Expr) -> Expr {
    func("tupleElement", [step, literal(2)])
}

/// A row for each event that counts: `actor`, `t` (microseconds), `item`.
fn items(query: &PathsQuery) -> Result<Select> {
    let events = events(query)?;
    let url = || col("url");
    let long = and([
        func("length", [url()]).gt(literal(1)),
        func("endsWith", [url(), literal("/")]),
    ]);
    let shorter = func(
        "substring",
        [
            url(),
            literal(1),
            func("toInt64", [func("length", [url()])]) - literal(1),
        ],
    );
    let item = func(
        "if",
        [col("is_page"), func("if", [long, shorter, url()]), col("url")],
    );
    let columns = |from: Select| from.expr(col("actor")).expr(col("t"));
    let mut items = columns(Select::from(subquery(events, "named"))).column(item, "item0");
    // The item as it was rewritten so far is `item<number>`.
    let mut number = 0;
    let mut rewritten = |items: Select, rewrite: &dyn Fn(Expr) -> Expr| {
        let item = rewrite(col(format!("item{number}")));
        number += 1;
        columns(Select::from(subquery(items, "less_rewritten"))).column(item, format!("item{number}"))
    };
    match &query.rewrite {
        PathRewrite::None => {}
        PathRewrite::Groupings(groupings) if groupings.is_empty() => {}
        PathRewrite::Groupings(groupings) => {
            items = rewritten(items, &|item| {
                let whens = groupings.iter().map(|(pattern, text)| {
                    let matches = func("match", [item.clone(), param(pattern.as_str())]);
                    (matches, param(text.as_str()))
                });
                case(whens, Some(item.clone()))
            });
        }
        PathRewrite::Replacements(replacements) => {
            for some in replacements.chunks(REPLACEMENTS) {
                items = rewritten(items, &|item| {
                    some.iter().fold(item, |item, (pattern, alias)| {
                        func("replaceRegexpAll", plainly_replaced(item, pattern, alias))
                    })
                });
            }
        }
    }
    let item = col(format!("item{number}"));
    let mut select = columns(Select::from(subquery(items, "rewritten"))).column(item.clone(), "item");
    if !query.excluded.is_empty() {
        select = select.filter(not(item.in_array(param(query.excluded.as_slice()))));
    }
    Ok(select)
}

/// A backslash in the replacement stands for what was matched, and is doubled to be itself. But where the pattern is plain
/// text, ClickHouse takes the replacement as it is, doubled; and an empty pattern it never finds. So such patterns must not
/// look plain.
fn plainly_replaced(item: Expr, pattern: &str, alias: &str) -> [Expr; 3] {
    if !alias.contains('\\') && !pattern.is_empty() {
        return [item, param(pattern), param(alias)];
    }
    [
        item,
        param(format!("(?:{pattern})")),
        param(alias.replace('\\', "\\\\")),
    ]
}

/// `actor`, `t`, `is_page`, and `url`: the page, the screen, or the name of the event.
fn events(query: &PathsQuery) -> Result<Select> {
    let (actor, has_actor) = actor(query.actor);
    let join = match query.actor {
        ActorKind::Person => PersonJoin::Inner,
        ActorKind::Group(_) => person_join(&query.condition),
    };
    let mut from = events_with_persons(query.project, join);
    if let Some(part) = &query.funnel {
        from = with_part(from, part, actor.clone())?;
    }
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    };
    let property = |key| Property::of_json(of("e", "properties"), key).text();
    let is = |name: &'static str| of("e", "event").eq(literal(name));
    let url = case(
        [
            (is("$pageview"), property("$current_url")),
            (is("$screen"), property("$screen_name")),
        ],
        Some(of("e", "event")),
    );
    let mut select = within(
        Select::from(from).filter(of("e", "team_id").eq(param(query.project.0))),
        query.range,
    )
    .filter(scope.compile(&query.condition)?)
    .column(actor, "actor")
    .column(func("toUnixTimestamp64Micro", [of("e", "timestamp")]), "t")
    .column(is("$pageview"), "is_page")
    .column(url, "url");
    if let Some(has_actor) = has_actor {
        select = select.filter(has_actor);
    }
    if let Some(part) = &query.funnel {
        let t = || event_time(&part.funnel);
        select = match part.at {
            FunnelPlace::Before(_) => select.filter(t().le(of("s", "high"))),
            FunnelPlace::After(_) => select.filter(t().ge(of("s", "low"))),
            FunnelPlace::Between(_) => select
                .filter(t().ge(of("s", "low")))
                .filter(t().le(of("s", "high"))),
        };
    }
    Ok(select)
}

/// Adds the part of each actor's time as `s.low` and `s.high`; actors that did not come that far go.
fn with_part(from: From, part: &FunnelPart, actor: Expr) -> Result<From> {
    let time = |step: usize| element(col("chain"), step + 1);
    let (low, high, needed) = match part.at {
        FunnelPlace::Before(step) => (None, Some(time(step)), step),
        FunnelPlace::After(step) => (Some(time(step)), None, step),
        FunnelPlace::Between(step) => (Some(time(step.saturating_sub(1))), Some(time(step)), step),
    };
    let reached: Vec<_> = part.reached.iter().copied().map(int).collect();
    let mut spans = Select::from(subquery(firsts(&part.funnel)?, "chains"))
        .expr(col("actor"))
        .filter(func("toInt64", [col("steps")]).in_array(param(reached)))
        .filter(col("steps").gt(literal(int(needed))));
    if part.at == FunnelPlace::Between(0) {
        // There is nothing before the first step.
        spans = spans.filter(literal(false));
    }
    if let Some(low) = low {
        spans = spans.column(low, "low");
    }
    if let Some(high) = high {
        spans = spans.column(high, "high");
    }
    Ok(from.inner_join(subquery(spans, "s"), actor.eq(of("s", "actor"))))
}
