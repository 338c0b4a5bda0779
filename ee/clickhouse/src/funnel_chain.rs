//! What every funnel reads: the events of each actor that matter, as marks, apart for each step.
//!
//! One pass over the events leaves a sorted array of *marks* per actor; everything else is arithmetic on that array, linear
//! (but for sorting) in its length. A mark is `t * 256 + number`, where `t` is in whole microseconds since the start of the
//! range, and the number is that of a step, of an exclusion (behind the steps), or [`BETWEEN`].

use chrono::TimeDelta;
use event_store::{Result, StoreError};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, FunnelBreakdown, FunnelGroup, FunnelOrder,
    FunnelQuery, PropertySource,
};
use sql_builder::{Expr, Select, and, array, col, func, lambda, literal, of, or, param, subquery, tuple};

use crate::conditions::{Scope, Subject, person_join, within};
use crate::groups_join::{group_key, group_properties, with_group_properties};
use crate::persons_join::{PersonJoin, events_with_persons, with_person_properties};
use crate::properties::{Property, texts};
use crate::row::Rows;
use crate::sessions::{session_id, with_sessions};

/// Steps and exclusions of one funnel together: their numbers share a byte with the two below.
const NUMBERS_MAX: usize = 250;
/// An event that may not come in between.
pub const BETWEEN: i64 = 254;
/// Windows included, times must stay below that of [`crate::funnel_walk`].
const SPAN_MAX: i64 = 1 << 53;

/// The breakdown values that are lines of their own, most frequent first, in the form of [`text_of`].
pub type Listed = Vec<String>;

/// The most frequent values, as `value`; `None` without a breakdown.
pub fn listed_values(query: &FunnelQuery) -> Result<Option<Select>> {
    let Some(breakdown) = &query.breakdown else {
        return Ok(None);
    };
    let of_step = |step: usize| {
        query
            .steps
            .get(step)
            .map(|condition| vec![condition])
            .ok_or_else(|| StoreError::Failed(format!("a breakdown by step {step}, which the funnel lacks")))
    };
    let conditions = match breakdown.attribution {
        Attribution::FirstTouch | Attribution::LastTouch => query.steps.iter().collect(),
        Attribution::AllEvents => match query.order {
            FunnelOrder::Ordered | FunnelOrder::Strict => of_step(0)?,
            // Every step may be the entrance.
            FunnelOrder::Unordered => query.steps.iter().collect(),
        },
        Attribution::Step(step) => of_step(step)?,
    };
    let (select, _) = events(query, &conditions)?;
    let rows = select.column(value(breakdown), "value");
    Ok(Some(
        Select::from(subquery(rows, "rows"))
            .expr(col("value"))
            .column(func("count", []), "times")
            .group_by([col("value")])
            .order_by([col("times").desc(), col("value").asc()])
            .limit(breakdown.limit.into()),
    ))
}

pub fn listed(answer: &Rows) -> Result<Listed> {
    answer.iter().map(|row| row.text("value")).collect()
}

/// The group of a `place`: 0 is what is not listed, 1 the first of the list.
pub fn group_at(query: &FunnelQuery, listed: &Listed, place: u64) -> Result<Option<FunnelGroup>> {
    let Some(breakdown) = &query.breakdown else {
        return Ok(None);
    };
    let Some(index) = place.checked_sub(1) else {
        return Ok(Some(FunnelGroup::Other));
    };
    usize::try_from(index)
        .ok()
        .and_then(|index| listed.get(index))
        .map(|text| Some(FunnelGroup::Value(values_of(text, breakdown.keys.len()))))
        .ok_or_else(|| StoreError::Failed(format!("a funnel has no breakdown value {place}")))
}

/// The place of a group; `None` for a value that is not listed.
pub fn place_of(group: &FunnelGroup, listed: &Listed) -> Option<i64> {
    match group {
        FunnelGroup::Other => Some(0),
        FunnelGroup::Value(values) => {
            let text = text_of(values);
            let index = listed.iter().position(|value| *value == text)?;
            Some(int(index + 1))
        }
    }
}

/// Values of several keys as one text that sorts as their list does.
pub fn text_of(values: &[String]) -> String {
    match values {
        [one] => one.clone(),
        several => several
            .iter()
            .map(|value| value.replace(ESCAPED, ESCAPE))
            .collect::<Vec<_>>()
            .join(SEPARATOR),
    }
}

/// The inverse of [`text_of`].
pub fn values_of(text: &str, keys: usize) -> Vec<String> {
    if keys == 1 {
        return vec![text.to_owned()];
    }
    text.split(SEPARATOR)
        .map(|value| value.replace(ESCAPE, ESCAPED))
        .collect()
}

const ESCAPED: &str = "\u{1}";
const ESCAPE: &str = "\u{1}\u{2}";
/// Less than any text that goes on.
const SEPARATOR: &str = "\u{1}\u{1}";

/// A row for each actor (and breakdown value) that has an entrance: `actor`; `place`, or `places` where there may be several;
/// `of_steps`: for each step the marks of what may come next; and `x0`, `x1`, …: the marks of the exclusions.
///
/// Ordered and strict entrances are the marks of the first step. Those of an unordered funnel are all marks of steps:
/// `entered`.
pub fn marks(query: &FunnelQuery, listed: &Listed) -> Result<Select> {
    let steps = query.steps.len();
    let exclusions = query.exclusions.len();
    if steps == 0 {
        return Err(StoreError::Failed("a funnel without steps".to_owned()));
    }
    if steps + exclusions > NUMBERS_MAX {
        return Err(StoreError::Limit(format!(
            "a funnel has {steps} steps and {exclusions} exclusions, together at most {NUMBERS_MAX} are possible"
        )));
    }
    if length(query) > SPAN_MAX {
        return Err(StoreError::Limit(
            "a funnel's range is longer than 285 years".to_owned(),
        ));
    }
    let of_step = |step: usize| {
        let own = number(col("mark")).eq(literal(int(step)));
        // In a strict funnel what comes next must be the step itself.
        marks_where(match query.order {
            FunnelOrder::Strict if step > 0 => or([own, number(col("mark")).eq(literal(BETWEEN))]),
            FunnelOrder::Strict | FunnelOrder::Ordered | FunnelOrder::Unordered => own,
        })
    };
    let enters = match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => number(col("mark")).eq(literal(0)),
        FunnelOrder::Unordered => number(col("mark")).lt(literal(int(steps))),
    };
    let mut select = carried(query, Select::from(subquery(actors(query, listed)?, "actors")))
        .column(array((0..steps).map(of_step)), "of_steps")
        .filter(func(
            "arrayExists",
            [lambda(["mark"], enters.clone()), col("marks")],
        ));
    match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {}
        FunnelOrder::Unordered => select = select.column(marks_where(enters), "entered"),
    }
    for i in 0..exclusions {
        let own = number(col("mark")).eq(literal(int(steps + i)));
        select = select.column(marks_where(own), format!("x{i}"));
    }
    Ok(select)
}

/// `select` of a walk with `columns` alone: a row for each `place`.
pub fn placed<const N: usize>(query: &FunnelQuery, select: Select, columns: [&'static str; N]) -> Select {
    let select = Select::from(subquery(select, "unplaced")).expr(col("actor"));
    let select = columns.into_iter().map(col).fold(select, Select::expr);
    match attribution(query) {
        None => select,
        Some(Attribution::Step(_)) => select.column(func("arrayJoin", [col("places")]), "place"),
        Some(Attribution::FirstTouch | Attribution::LastTouch | Attribution::AllEvents) => {
            select.expr(col("place"))
        }
    }
}

/// The last instant at which an entrance at `t` still counts.
pub fn deadline(query: &FunnelQuery, t: Expr) -> Expr {
    match query.window {
        ConversionWindow::Span(span) => t + param(micros_within(query, span)),
        ConversionWindow::Months(months) => {
            let days = (query.range.to - query.range.from).num_days();
            let months = i64::from(months).min(days / 28 + 1);
            let end = func("addMonths", [instant(query, t), param(months)]);
            func("toUnixTimestamp64Micro", [end]) - param(query.range.from.timestamp_micros())
        }
    }
}

/// The last mark, of whatever number, at which an entrance still counts; `entrance` is any mark at its time.
pub fn deadline_mark(query: &FunnelQuery, entrance: Expr) -> Expr {
    let at_deadline = match query.window {
        ConversionWindow::Span(span) => entrance + param(256 * micros_within(query, span)),
        ConversionWindow::Months(_) => deadline(query, time_of(entrance)) * literal(256),
    };
    func("bitOr", [at_deadline, literal(255)])
}

/// Nothing in the range is further away than its length: longer windows are that long.
fn micros_within(query: &FunnelQuery, window: TimeDelta) -> i64 {
    window.num_microseconds().unwrap_or(i64::MAX).min(length(query))
}

/// `t` as a time.
pub fn instant(query: &FunnelQuery, t: Expr) -> Expr {
    func(
        "fromUnixTimestamp64Micro",
        [t + param(query.range.from.timestamp_micros()), literal("UTC")],
    )
}

/// The event's time in the measure of the funnel.
pub fn event_time(query: &FunnelQuery) -> Expr {
    func("toUnixTimestamp64Micro", [of("e", "timestamp")]) - param(query.range.from.timestamp_micros())
}

/// Conditions on the funnel's events.
pub fn scope(query: &FunnelQuery) -> Scope {
    Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    }
}

/// The actor of an event, and the condition that there is one.
pub fn actor(kind: ActorKind) -> (Expr, Option<Expr>) {
    match kind {
        ActorKind::Person => (of("d", "person_id"), None),
        ActorKind::Group(group_type) => (group_key(group_type), Some(group_key(group_type).ne(literal("")))),
    }
}

/// `array[index]`, from 1 on.
pub fn element(array: Expr, index: usize) -> Expr {
    func("arrayElement", [array, literal(int(index))])
}

pub fn int(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// In microseconds.
pub fn length(query: &FunnelQuery) -> i64 {
    (query.range.to - query.range.from)
        .num_microseconds()
        .unwrap_or(i64::MAX)
        .max(0)
}

fn attribution(query: &FunnelQuery) -> Option<Attribution> {
    query.breakdown.as_ref().map(|breakdown| breakdown.attribution)
}

/// The events for which one of the conditions holds, and the conditions as they read there.
fn events(query: &FunnelQuery, conditions: &[&Condition]) -> Result<(Select, Vec<Expr>)> {
    let source = query.breakdown.as_ref().map(|breakdown| breakdown.source);
    let join = match (query.actor, source) {
        (ActorKind::Person, _) | (_, Some(PropertySource::Person)) => PersonJoin::Inner,
        (ActorKind::Group(_), _) => {
            person_join(&Condition::Any(conditions.iter().copied().cloned().collect()))
        }
    };
    let mut from = events_with_persons(query.project, join);
    match source {
        Some(PropertySource::Person) => from = with_person_properties(from, query.project),
        Some(PropertySource::Group(group_type)) => {
            from = with_group_properties(from, query.project, group_type);
        }
        Some(PropertySource::Session) => from = with_sessions(from, query.project, query.range),
        Some(PropertySource::Event) | None => {}
    }
    let (common, rest) = factored(conditions);
    let scope = scope(query);
    let rest: Vec<_> = rest
        .into_iter()
        .map(|condition| scope.compile(&condition))
        .collect::<Result<_>>()?;
    let (_, has_actor) = actor(query.actor);
    let mut select = within(
        Select::from(from).filter(of("e", "team_id").eq(param(query.project.0))),
        query.range,
    )
    .filter(scope.compile(&common)?);
    let always = |condition: &Expr| matches!(condition, Expr::And(operands) if operands.is_empty());
    if !rest.iter().any(always) {
        select = select.filter(or(rest.iter().cloned()));
    }
    if let Some(has_actor) = has_actor {
        select = select.filter(has_actor);
    }
    Ok((select, rest))
}

/// What all conditions ask for, once, and what is left of each: the global filters are part of every step.
fn factored(conditions: &[&Condition]) -> (Condition, Vec<Condition>) {
    fn conjuncts<'a>(condition: &'a Condition, into: &mut Vec<&'a Condition>) {
        if let Condition::All(all) = condition {
            all.iter().for_each(|inner| conjuncts(inner, into));
        } else {
            into.push(condition);
        }
    }
    let all: Vec<_> = conditions
        .iter()
        .map(|condition| {
            let mut parts = Vec::new();
            conjuncts(condition, &mut parts);
            parts
        })
        .collect();
    let common: Vec<&Condition> = all.first().map_or_else(Vec::new, |first| {
        let everywhere = |part: &&Condition| all.iter().all(|other| other.contains(part));
        first.iter().copied().filter(everywhere).collect()
    });
    let rest = all.iter().map(|parts| {
        let own = parts.iter().filter(|part| !common.contains(part));
        Condition::All(own.copied().cloned().collect())
    });
    let rest = rest.collect();
    (Condition::All(common.into_iter().cloned().collect()), rest)
}

/// The breakdown value of an event, in the form of [`text_of`].
fn value(breakdown: &FunnelBreakdown) -> Expr {
    let part = |key: &String| match breakdown.source {
        PropertySource::Event => Property::of_json(of("e", "properties"), key).text(),
        PropertySource::Person => Property::of_json(of("p", "latest"), key).text(),
        PropertySource::Group(group_type) => Property::of_json(group_properties(group_type), key).text(),
        PropertySource::Session => func(
            "if",
            [
                session_id().ne(literal("")),
                Property::of_number(of("s", "duration")).text(),
                literal(""),
            ],
        ),
    };
    match breakdown.keys.as_slice() {
        [one] => part(one),
        several => {
            let mut parts = Vec::new();
            for key in several {
                if !parts.is_empty() {
                    parts.push(literal(SEPARATOR));
                }
                parts.push(func("replaceAll", [part(key), literal(ESCAPED), literal(ESCAPE)]));
            }
            if parts.is_empty() {
                literal("")
            } else {
                func("concat", parts)
            }
        }
    }
}

/// A row for each event that matters: `actor`, `hits` (its marks) and, as the breakdown needs them, `t` and `value`.
fn rows(query: &FunnelQuery) -> Result<Select> {
    let exclusions = query.exclusions.iter().map(|exclusion| &exclusion.condition);
    let mut conditions: Vec<_> = query.steps.iter().chain(exclusions).collect();
    let mut numbers: Vec<_> = (0..conditions.len()).map(int).collect();
    match query.order {
        FunnelOrder::Strict => {
            conditions.push(&query.between);
            numbers.push(BETWEEN);
        }
        FunnelOrder::Ordered | FunnelOrder::Unordered => {}
    }
    let (select, conditions) = events(query, &conditions)?;
    let numbers = func(
        "arrayFilter",
        [
            lambda(["number", "holds"], col("holds")),
            array(numbers.into_iter().map(literal)),
            array(conditions),
        ],
    );
    let hits = func(
        "arrayMap",
        [
            lambda(["number"], event_time(query) * literal(256) + col("number")),
            numbers,
        ],
    );
    let (actor, _) = actor(query.actor);
    let mut select = select.column(actor, "actor").column(hits, "hits");
    if let Some(breakdown) = &query.breakdown {
        select = select.column(value(breakdown), "value");
        match breakdown.attribution {
            Attribution::FirstTouch | Attribution::LastTouch => {
                select = select.column(event_time(query), "t");
            }
            Attribution::AllEvents | Attribution::Step(_) => {}
        }
    }
    Ok(select)
}

/// A row for each actor: `actor`, `marks` in order, and `place`, or `places` where there may be several.
fn actors(query: &FunnelQuery, listed: &Listed) -> Result<Select> {
    let place = |value: Expr| func("indexOf", [texts(listed.iter().cloned()), value]);
    let rows = rows(query)?;
    let mut select = Select::from(subquery(rows, "rows"))
        .expr(col("actor"))
        .column(
            func("arraySort", [func("groupArrayArray", [col("hits")])]),
            "marks",
        )
        .group_by([col("actor")]);
    let Some(breakdown) = &query.breakdown else {
        return Ok(select);
    };
    let touch = |which: &'static str| {
        let nothing = SEPARATOR.repeat(breakdown.keys.len().saturating_sub(1));
        let hit = col("value").ne(param(nothing.as_str()));
        // The numbers of steps are the least, and come first.
        let hit = if query.exclusions.is_empty() && query.order != FunnelOrder::Strict {
            hit
        } else {
            and([
                hit,
                number(element(col("hits"), 1)).lt(literal(int(query.steps.len()))),
            ])
        };
        let touched = func(
            which,
            [col("value"), tuple([col("t"), col("value")]), hit.clone()],
        );
        place(func(
            "if",
            [func("countIf", [hit]).gt(literal(0)), touched, param(nothing)],
        ))
    };
    match breakdown.attribution {
        Attribution::FirstTouch => select = select.column(touch("argMinIf"), "place"),
        Attribution::LastTouch => select = select.column(touch("argMaxIf"), "place"),
        Attribution::AllEvents => {
            select = select
                .column(place(col("value")), "place")
                .group_by([col("place")]);
        }
        Attribution::Step(step) => {
            let at_step = func(
                "arrayExists",
                [
                    lambda(["mark"], number(col("mark")).eq(literal(int(step)))),
                    col("hits"),
                ],
            );
            let values = func("groupUniqArrayIf", [col("value"), at_step]);
            let places = func("arrayMap", [lambda(["value"], place(col("value"))), values]);
            select = select.column(func("arrayDistinct", [places]), "places");
        }
    }
    Ok(select)
}

/// Takes over the columns that say who and where.
pub fn carried(query: &FunnelQuery, select: Select) -> Select {
    let select = select.expr(col("actor"));
    match attribution(query) {
        None => select,
        Some(Attribution::Step(_)) => select.expr(col("places")),
        Some(Attribution::FirstTouch | Attribution::LastTouch | Attribution::AllEvents) => {
            select.expr(col("place"))
        }
    }
}

pub fn number(mark: Expr) -> Expr {
    func("bitAnd", [mark, literal(255)])
}

pub fn time_of(mark: Expr) -> Expr {
    func("intDiv", [mark, literal(256)])
}

/// The marks for which the condition on `mark` holds.
fn marks_where(condition: Expr) -> Expr {
    func("arrayFilter", [lambda(["mark"], condition), col("marks")])
}
