//! Paths: from where to where actors went.
//!
//! Each sub-select adds one thing: items, the visits they belong to, their places in it, which of them are left, and what
//! comes next. Where items are rewritten, the different ones are fetched first, rewritten here, and joined: Postgres has no
//! regular expressions that find what RE2 finds.

use event_store::{Result, StoreError};
use insights::{FunnelPart, FunnelPlace, FunnelQuery, PathEdge, PathRewrite, PathsQuery, PropertySource};
use regex::NoExpand;
use sql_builder::{
    Expr, From, Operator, Select, Window, and, case, cast, col, count, from_function, func, literal, not, of,
    or, param, subquery,
};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::funnel_chain::{bytes, chains, micros, number, time_of};
use crate::postgres::execute::{get, get_count, get_text, rows};
use crate::postgres::pattern;
use crate::sessions::SessionRange;

/// Stands for the middle of a visit that is too long.
const MIDDLE: &str = "...";

/// So many different items can be rewritten.
const ITEMS_MAX: usize = 500_000;

/// What takes the place of items; an item that is not here came after the first look, and is left for the next one.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    items: Vec<String>,
    /// Of the same length.
    replaced: Vec<String>,
}

#[cfg(test)]
impl Rewritten {
    pub(crate) fn for_test(pairs: &[(&str, &str)]) -> Self {
        Self {
            items: pairs.iter().map(|(item, _)| (*item).to_owned()).collect(),
            replaced: pairs.iter().map(|(_, replaced)| (*replaced).to_owned()).collect(),
        }
    }
}

/// `None`: items stay as they are.
pub(crate) async fn rewritten(pool: &PgPool, query: &PathsQuery) -> Result<Option<Rewritten>> {
    let rules = match &query.rewrite {
        PathRewrite::None => return Ok(None),
        PathRewrite::Groupings(rules) | PathRewrite::Replacements(rules) => {
            let regexes = rules
                .iter()
                .map(|(pattern, text)| Ok((pattern::regex(pattern)?, text.as_str())));
            regexes.collect::<Result<Vec<_>>>()?
        }
    };
    let found = rows(pool, &different_items(query)?).await?;
    if found.len() > ITEMS_MAX {
        return Err(StoreError::Limit(format!(
            "more than {ITEMS_MAX} different items of paths are to be rewritten"
        )));
    }
    let mut rewritten = Rewritten::default();
    for row in found {
        let item = get_text(&row, "item")?;
        let replaced = match &query.rewrite {
            PathRewrite::None => item.clone(),
            PathRewrite::Groupings(_) => rules
                .iter()
                .find(|(regex, _)| regex.is_match(&item))
                .map_or_else(|| item.clone(), |(_, text)| (*text).to_owned()),
            PathRewrite::Replacements(_) => rules.iter().fold(item.clone(), |item, (regex, alias)| {
                regex.replace_all(&item, NoExpand(alias)).into_owned()
            }),
        };
        rewritten.items.push(item);
        rewritten.replaced.push(replaced);
    }
    Ok(Some(rewritten))
}

pub(crate) async fn paths(pool: &PgPool, query: &PathsQuery) -> Result<Vec<PathEdge>> {
    let rewritten = rewritten(pool, query).await?;
    rows(pool, &select(query, rewritten.as_ref())?)
        .await?
        .iter()
        .map(|row| {
            Ok(PathEdge {
                source: get_text(row, "node")?,
                target: get_text(row, "next_node")?,
                value: get_count(row, "value")?,
                average_time: get(row, "average_time")?,
            })
        })
        .collect()
}

/// Rows of (node, next_node, value, average_time).
pub(crate) fn select(query: &PathsQuery, rewritten: Option<&Rewritten>) -> Result<Select> {
    let source = || col("node");
    let target = || col("next_node");
    let mean = cast(func("avg", [col("next_t") - col("t")]), "double precision");
    let mut edges = Select::from(subquery(nodes(query, rewritten)?, "n"))
        .expr(source())
        .expr(target())
        .column(count(), "value")
        .column(mean / literal(1e3), "average_time")
        .filter(target().is_not_null())
        .group_by([source(), target()])
        .order_by([count().desc(), bytes(source()).asc(), bytes(target()).asc()]);
    // More than a bigint of transitions cannot be.
    let weight = |weight: u64| param(i64::try_from(weight).unwrap_or(i64::MAX));
    if let Some(least) = query.min_weight {
        edges = edges.having(count().ge(weight(least)));
    }
    if let Some(most) = query.max_weight {
        edges = edges.having(count().le(weight(most)));
    }
    if let Some(limit) = query.edge_limit {
        edges = edges.limit(u64::from(limit));
    }
    Ok(edges)
}

/// A row for each item of each visit that is left when it was cut: `actor`, `visit`, `t`, `node`, and what comes behind it
/// in the visit, `next_node` and `next_t`.
pub(crate) fn nodes(query: &PathsQuery, rewritten: Option<&Rewritten>) -> Result<Select> {
    let node = cast(col("place"), "text")
        .op("||", literal("_"))
        .op("||", col("item"));
    let nodes = with(
        cut(query, places(query, rewritten)?),
        &["actor", "visit", "t", "place"],
    )
    .column(node, "node");
    let next = |name: &'static str| func("lead", [col(name)]).over(in_visit([col("place")]));
    Ok(with(nodes, &["actor", "visit", "t", "node"])
        .column(next("node"), "next_node")
        .column(next("t"), "next_t"))
}

/// What there is to rewrite.
pub(crate) fn different_items(query: &PathsQuery) -> Result<Select> {
    let most = u64::try_from(ITEMS_MAX + 1).unwrap_or(u64::MAX);
    Ok(Select::from(subquery(raw_items(query)?, "e"))
        .distinct()
        .expr(col("item"))
        .limit(most))
}

/// A row for each event: `actor`, `t` in microseconds, `item` as it came.
fn raw_items(query: &PathsQuery) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let Actor { id, present } = scope.actor(query.actor);
    let mut text = |key| {
        let text = scope.text(PropertySource::Event, key)?;
        Ok::<_, StoreError>(func("coalesce", [text, literal("")]))
    };
    let (url, screen) = (text("$current_url")?, text("$screen_name")?);
    // Two characters or more, the last one a slash.
    let has_slash = url.clone().binary(Operator::Like, literal("_%/"));
    let shorter = func("left", [url.clone(), literal(-1)]);
    let url = case([(has_slash, shorter)], Some(url));
    let name = || of("e", "event");
    let item = case(
        [
            (name().eq(literal("$pageview")), url),
            (name().eq(literal("$screen")), screen),
        ],
        Some(name()),
    );
    // Times of a funnel's steps are relative to the funnel's own range.
    let origin = query
        .funnel
        .as_ref()
        .map_or(query.range, |part| part.funnel.range)
        .from;
    Ok(scope
        .select()
        .column(id, "actor")
        .column(micros(of("e", "timestamp"), origin), "t")
        .column(item, "item")
        .filter(within(query.range))
        .filter(and([condition].into_iter().chain(present))))
}

/// A row for each event that is looked at: `actor`, `t`, `item`.
fn items(query: &PathsQuery, rewritten: Option<&Rewritten>) -> Result<Select> {
    let mut from = subquery(raw_items(query)?, "e");
    let mut item = of("e", "item");
    if let Some(Rewritten { items, replaced }) = rewritten {
        let pairs = func("unnest", [param(items.as_slice()), param(replaced.as_slice())]);
        from = from.inner_join(
            from_function(pairs, "w", ["item", "replaced"]),
            of("w", "item").eq(item),
        );
        item = of("w", "replaced");
    }
    let mut inside = Vec::new();
    if !query.excluded.is_empty() {
        inside.push(not(item.clone().in_array(param(query.excluded.as_slice()))));
    }
    if let Some(part) = &query.funnel {
        let (chains, of_part) = funnel_part(part)?;
        from = from.inner_join(chains, of("c", "actor").eq(of("e", "actor")));
        inside.push(of_part);
    }
    let items = Select::from(from)
        .column(of("e", "actor"), "actor")
        .column(of("e", "t"), "t")
        .column(bytes(item), "item");
    Ok(if inside.is_empty() {
        items
    } else {
        items.filter(and(inside))
    })
}

/// `c`: the chains of the actors in question, and whether the event `e` lies in the part of them.
fn funnel_part(part: &FunnelPart) -> Result<(From, Expr)> {
    let reached = part.reached.iter().map(|&steps| number(steps));
    let funnel = FunnelQuery {
        breakdown: None,
        ..part.funnel.clone()
    };
    let chains = Select::from(subquery(chains(&funnel)?, "c"))
        .expr(col("actor"))
        .expr(col("times"))
        .filter(col("reached").in_array(param(reached.collect::<Result<Vec<_>>>()?)));
    let at = || of("e", "t");
    let step = |step: usize| time_of(of("c", "times"), step);
    // False for a step that was not reached: its time is NULL.
    let inside = match part.at {
        FunnelPlace::Before(last) => at().le(step(last)?),
        FunnelPlace::Between(last) => match last.checked_sub(1) {
            Some(first) => and([at().ge(step(first)?), at().le(step(last)?)]),
            None => literal(false),
        },
        FunnelPlace::After(first) => at().ge(step(first)?),
    };
    Ok((subquery(chains, "c"), inside))
}

/// A row for each item of a visit, of a run of equal ones the last: `actor`, `visit`, `t`, `item`, and `place` from 1.
fn places(query: &PathsQuery, rewritten: Option<&Rewritten>) -> Result<Select> {
    let by_time = || Window {
        partition_by: vec![col("actor")],
        order_by: vec![col("t").asc(), col("item").asc()],
        frame: None,
    };
    let gap = param(query.visit_gap.num_microseconds().unwrap_or(i64::MAX));
    let since = col("t") - func("lag", [col("t")]).over(by_time());
    let opened = with(items(query, rewritten)?, &["actor", "t", "item"])
        .column(case([(since.ge(gap), literal(1))], Some(literal(0))), "opens");
    // Over all rows up to this one and its equals, whatever order these are in.
    let visit = func("sum", [col("opens")]).over(by_time());
    let visits = with(opened, &["actor", "t", "item"]).column(visit, "visit");
    let order = || [col("t"), col("item")];
    let next_item = func("lead", [col("item")]).over(in_visit(order()));
    let runs = with(visits, &["actor", "visit", "t", "item"]).column(next_item, "next_item");
    Ok(with(runs, &["actor", "visit", "t", "item"])
        .column(func("row_number", []).over(in_visit(order())), "place")
        .filter(or([col("next_item").is_null(), col("next_item").ne(col("item"))])))
}

/// What is left of each visit, with new places.
fn cut(query: &PathsQuery, places: Select) -> Select {
    let rest = ["actor", "visit", "t", "item"];
    let limit = || literal(i64::from(query.step_limit));
    // The place of the first such item of the visit.
    let first = |item: Expr| {
        func("min", [col("place")]).filter(item).over(Window {
            partition_by: vec![col("actor"), col("visit")],
            ..Window::default()
        })
    };
    let is = |text: &String| col("item").eq(param(text));
    let place = || col("place");
    match (&query.start, &query.end) {
        (None, None) => with(places, &rest).expr(place()).filter(place().le(limit())),
        (Some(start), None) => {
            let begun = with(places, &rest)
                .expr(place())
                .column(first(is(start)), "first");
            with(begun, &rest)
                .column(place() - col("first") + literal(1), "place")
                .filter(place().ge(col("first")))
                .filter(place().lt(col("first") + limit()))
        }
        (None, Some(end)) => {
            let ended = with(places, &rest).expr(place()).column(first(is(end)), "last");
            let before = || func("greatest", [col("last") - limit(), literal(0)]);
            with(ended, &rest)
                .column(place() - before(), "place")
                .filter(place().le(col("last")))
                .filter(place().gt(before()))
        }
        (Some(start), Some(end)) => {
            let begun = with(places, &rest)
                .expr(place())
                .column(first(is(start)), "first");
            let ended = with(begun, &rest)
                .expr(col("place"))
                .expr(col("first"))
                .column(first(and([is(end), place().ge(col("first"))])), "last");
            let whole = with(ended, &rest)
                .column(place() - col("first") + literal(1), "place")
                .column(col("last") - col("first") + literal(1), "length")
                .filter(place().ge(col("first")))
                .filter(place().le(col("last")));
            let half = || literal(i64::from(query.step_limit / 2));
            let fits = || col("length").le(limit());
            let middle = || half() + literal(1);
            let named = case(
                [(and([not(fits()), place().eq(middle())]), literal(MIDDLE))],
                Some(col("item")),
            );
            let behind = place() - (col("length") - half()) + middle();
            let moved = case(
                [(and([not(fits()), place().gt(middle())]), behind)],
                Some(place()),
            );
            with(whole, &["actor", "visit", "t"])
                .column(named, "item")
                .column(moved, "place")
                .filter(or([
                    fits(),
                    place().le(middle()),
                    place().gt(col("length") - half()),
                ]))
        }
    }
}

/// Columns of a sub-select, to which more are added.
fn with(inner: Select, columns: &[&'static str]) -> Select {
    let mut select = Select::from(subquery(inner, "i"));
    for column in columns {
        select = select.expr(col(*column));
    }
    select
}

fn in_visit(order: impl IntoIterator<Item = Expr>) -> Window {
    Window {
        partition_by: vec![col("actor"), col("visit")],
        order_by: order.into_iter().map(Expr::asc).collect(),
        frame: None,
    }
}
