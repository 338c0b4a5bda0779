//! What a person did, as a criterion of a cohort.

use chrono::{DateTime, TimeDelta, Utc};
use model::{ActionId, TimeRange};
use serde_json::{Map, Value};

use super::expansion::Expansion;
use super::{all, always, never, property};
use crate::condition::action;
use crate::context::Context;
use crate::dates::calendar::months_later;
use crate::dates::range::{read_bound, read_end};
use crate::dates::{Calendar, DateText};
use crate::field_error::{FieldError, nested};
use crate::request::field::{self, given, text_form, whole_number};
use crate::request::property as request_property;
use crate::resolved::{Comparison, Condition, PersonSet};

/// One criterion of the newer form.
pub(crate) fn of_criterion(
    criterion: &Map<String, Value>,
    context: &Context<'_>,
    expansion: &mut Expansion,
    attr: &str,
) -> Result<Condition, FieldError> {
    let value_attr = nested(attr, "value");
    let kind = field::text(criterion, "value", &value_attr)?.ok_or_else(|| {
        FieldError::required(&value_attr, "A behavioural criterion needs its kind as `value`.")
    })?;
    let events = events_named(criterion, "key", "event_type", context, expansion, attr)?;
    let filters_attr = nested(attr, "event_filters");
    let filters = request_property::filter(criterion.get("event_filters"), &filters_attr)?;
    let events = all([events, property::of_filter_within(&filters, context, expansion)?]);
    let since = |value: &str, unit: &str, times: i64| before(criterion, value, unit, times, context, attr);
    let did = |from, to| performed(&events, TimeRange { from, to }, Comparison::GreaterOrEqual, 1);
    let now = context.now;
    // The shorter of two spans that end now.
    let recently = |long_ago: DateTime<Utc>| -> Result<DateTime<Utc>, FieldError> {
        let recently = since("seq_time_value", "seq_time_interval", 1)?;
        if recently <= long_ago {
            return Err(FieldError::invalid(
                nested(attr, "seq_time_value"),
                "The time of `seq_time_value` must be shorter than that of `time_value`.",
            ));
        }
        Ok(recently)
    };
    let condition = match kind.as_str() {
        "performed_event" => did(since("time_value", "time_interval", 1)?, now),
        "performed_event_multiple" => {
            let range = TimeRange {
                from: since("time_value", "time_interval", 1)?,
                to: now,
            };
            let operator = nested(attr, "operator");
            let comparison = comparison(given(criterion, "operator"), &operator)?;
            let times_attr = nested(attr, "operator_value");
            let times = field::integer(criterion, "operator_value", &times_attr)?.ok_or_else(|| {
                FieldError::required(
                    &times_attr,
                    "A criterion on a number of times needs an `operator_value`.",
                )
            })?;
            counted(&events, range, comparison, times)
        }
        "performed_event_first_time" => Condition::Person(PersonSet::PerformedFirst {
            events: Box::new(events),
            range: TimeRange {
                from: since("time_value", "time_interval", 1)?,
                to: now,
            },
        }),
        "stopped_performing_event" => {
            let long_ago = since("time_value", "time_interval", 1)?;
            let recently = recently(long_ago)?;
            all([did(long_ago, recently), not(did(recently, now))])
        }
        "restarted_performing_event" => {
            let long_ago = since("time_value", "time_interval", 1)?;
            let recently = recently(long_ago)?;
            all([
                did(DateTime::UNIX_EPOCH, long_ago),
                not(did(long_ago, recently)),
                did(recently, now),
            ])
        }
        "performed_event_regularly" => regularly(criterion, &events, context, attr)?,
        "performed_event_sequence" => Condition::Person(PersonSet::PerformedSequence {
            first: Box::new(events),
            second: Box::new(events_named(
                criterion,
                "seq_event",
                "seq_event_type",
                context,
                expansion,
                attr,
            )?),
            range: TimeRange {
                from: since("time_value", "time_interval", 1)?,
                to: now,
            },
            within: span(criterion, "seq_time_value", "seq_time_interval", attr)?.length(),
        }),
        other => {
            return Err(FieldError::invalid(
                value_attr,
                format!("Unknown behavioural criterion {other:?}."),
            ));
        }
    };
    Ok(if field::boolean(criterion, "negation")? {
        not(condition)
    } else {
        condition
    })
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// The events or the action that the field `key` names; `kind` says which of both.
fn events_named(
    criterion: &Map<String, Value>,
    key: &str,
    kind: &str,
    context: &Context<'_>,
    expansion: &mut Expansion,
    attr: &str,
) -> Result<Condition, FieldError> {
    let key_attr = nested(attr, key);
    let name = given(criterion, key).ok_or_else(|| {
        FieldError::required(
            &key_attr,
            format!("This criterion needs an event or action as `{key}`."),
        )
    })?;
    let type_attr = nested(attr, kind);
    match field::text(criterion, kind, &type_attr)?.as_deref() {
        None | Some("events") => Ok(Condition::EventName(text_form(name))),
        Some("actions") => action_events(name, context, expansion, &key_attr),
        Some(other) => Err(FieldError::invalid(
            type_attr,
            format!("`{kind}` must be \"events\" or \"actions\", not {other:?}."),
        )),
    }
}

fn action_events(
    id: &Value,
    context: &Context<'_>,
    expansion: &mut Expansion,
    attr: &str,
) -> Result<Condition, FieldError> {
    let id = whole_number(id)
        .ok_or_else(|| FieldError::invalid(attr, format!("An action's id must be a number, not {id}.")))?;
    match context.action(ActionId(id)) {
        Some(found) => action::of_steps(&found.steps, context, expansion).map_err(|error| FieldError {
            // What is wrong in an action is not in the fields of what names it.
            attr: Some(attr.to_owned()),
            ..error
        }),
        // Nobody did what is not there.
        None => Ok(never()),
    }
}

/// `times` spans of `<value> <unit>` before now.
fn before(
    criterion: &Map<String, Value>,
    value: &str,
    unit: &str,
    times: i64,
    context: &Context<'_>,
    attr: &str,
) -> Result<DateTime<Utc>, FieldError> {
    let span = span(criterion, value, unit, attr)?;
    let now = context.now;
    let calendar = Calendar::of(context.project);
    let months = |months: i64| {
        let local = calendar.local(now).naive_local();
        calendar.instant(months_later(local.date(), -months).and_time(local.time()))
    };
    Ok(match span.unit {
        Unit::Minute | Unit::Hour | Unit::Day | Unit::Week => {
            now - Span {
                count: span.count * times,
                ..span
            }
            .length()
        }
        Unit::Month => months(span.count * times),
        Unit::Year => months(12 * span.count * times),
    })
}

/// `<count> <unit>`, neither before nor after anything yet.
#[derive(Clone, Copy)]
struct Span {
    count: i64,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Span {
    /// Away from any calendar a month has 30 days and a year 365.
    fn length(self) -> TimeDelta {
        match self.unit {
            Unit::Minute => TimeDelta::minutes(self.count),
            Unit::Hour => TimeDelta::hours(self.count),
            Unit::Day => TimeDelta::days(self.count),
            Unit::Week => TimeDelta::weeks(self.count),
            Unit::Month => TimeDelta::days(30 * self.count),
            Unit::Year => TimeDelta::days(365 * self.count),
        }
    }
}

fn span(criterion: &Map<String, Value>, value: &str, unit: &str, attr: &str) -> Result<Span, FieldError> {
    let value_attr = nested(attr, value);
    let count = field::integer(criterion, value, &value_attr)?
        .ok_or_else(|| FieldError::required(&value_attr, format!("This criterion needs a `{value}`.")))?;
    if !(0..=10_000).contains(&count) {
        return Err(FieldError::invalid(
            value_attr,
            format!("`{value}` must lie between 0 and 10000."),
        ));
    }
    let unit_attr = nested(attr, unit);
    let unit = match field::text(criterion, unit, &unit_attr)?.as_deref() {
        Some("minute") => Unit::Minute,
        Some("hour") => Unit::Hour,
        None | Some("day") => Unit::Day,
        Some("week") => Unit::Week,
        Some("month") => Unit::Month,
        Some("year") => Unit::Year,
        Some(other) => {
            return Err(FieldError::invalid(
                unit_attr,
                format!("Unknown unit of time {other:?}."),
            ));
        }
    };
    Ok(Span { count, unit })
}

fn performed(events: &Condition, range: TimeRange, count: Comparison, times: u64) -> Condition {
    Condition::Person(PersonSet::Performed {
        events: Box::new(events.clone()),
        range,
        count,
        times,
    })
}

/// What a number of times asks for.
///
/// Whoever never did it counts only where the number asked for is exactly 0. "At most n" means 1 to n times: PostHog leaves
/// out those who never did.
enum Times {
    Always,
    Never,
    NotAtAll,
    AtLeastOnce,
    /// Does not allow 0.
    Compared(Comparison, u64),
}

impl Times {
    fn read(comparison: Comparison, times: i64) -> Self {
        let Ok(times) = u64::try_from(times) else {
            return match comparison {
                Comparison::GreaterOrEqual | Comparison::Greater => Self::Always,
                Comparison::Less | Comparison::LessOrEqual | Comparison::Equal => Self::Never,
            };
        };
        match (comparison, times) {
            (Comparison::Equal | Comparison::LessOrEqual, 0) | (Comparison::Less, 1) => Self::NotAtAll,
            (Comparison::Less, 0) => Self::Never,
            (Comparison::GreaterOrEqual, 0) => Self::Always,
            (Comparison::Greater, 0) => Self::AtLeastOnce,
            (comparison, times) => Self::Compared(comparison, times),
        }
    }
}

fn counted(events: &Condition, range: TimeRange, comparison: Comparison, times: i64) -> Condition {
    let once = || performed(events, range, Comparison::GreaterOrEqual, 1);
    match Times::read(comparison, times) {
        Times::Always => always(),
        Times::Never => never(),
        Times::NotAtAll => not(once()),
        Times::AtLeastOnce => once(),
        Times::Compared(comparison, times) => performed(events, range, comparison, times),
    }
}

fn comparison(operator: Option<&Value>, attr: &str) -> Result<Comparison, FieldError> {
    match operator.map(text_form).as_deref() {
        None | Some("eq" | "exact" | "is") => Ok(Comparison::Equal),
        Some("gte") => Ok(Comparison::GreaterOrEqual),
        Some("lte") => Ok(Comparison::LessOrEqual),
        Some("gt") => Ok(Comparison::Greater),
        Some("lt") => Ok(Comparison::Less),
        Some(other) => Err(FieldError::invalid(attr, format!("Unknown operator {other:?}."))),
    }
}

/// In at least `min_periods` of the last `total_periods` periods, each time so often.
fn regularly(
    criterion: &Map<String, Value>,
    events: &Condition,
    context: &Context<'_>,
    attr: &str,
) -> Result<Condition, FieldError> {
    let number = |key: &str| {
        let attr = nested(attr, key);
        let number = field::integer(criterion, key, &attr)?
            .ok_or_else(|| FieldError::required(&attr, format!("This criterion needs a `{key}`.")))?;
        u32::try_from(number)
            .ok()
            .filter(|number| (1..=100).contains(number))
            .ok_or_else(|| FieldError::invalid(&attr, format!("`{key}` must lie between 1 and 100.")))
    };
    let (total, min) = (number("total_periods")?, number("min_periods")?);
    if min > total {
        let attr = nested(attr, "min_periods");
        return Err(FieldError::invalid(
            attr,
            "`min_periods` must not be more than `total_periods`.",
        ));
    }
    let comparison = comparison(given(criterion, "operator"), &nested(attr, "operator"))?;
    let times = field::integer(criterion, "operator_value", &nested(attr, "operator_value"))?;
    let since = |times: u32| {
        before(
            criterion,
            "time_value",
            "time_interval",
            i64::from(times),
            context,
            attr,
        )
    };
    let mut periods = Vec::new();
    for period in 0..total {
        periods.push(TimeRange {
            from: since(period + 1)?,
            to: since(period)?,
        });
    }
    let did = |count: Comparison, times: u64, at_least: u32| {
        Condition::Person(PersonSet::PerformedRegularly {
            events: Box::new(events.clone()),
            periods: periods.clone(),
            count,
            times,
            at_least: usize::try_from(at_least).unwrap_or(usize::MAX),
        })
    };
    let once = |at_least| did(Comparison::GreaterOrEqual, 1, at_least);
    Ok(
        match times.map_or(Times::AtLeastOnce, |times| Times::read(comparison, times)) {
            Times::Always => always(),
            Times::Never => never(),
            Times::AtLeastOnce => once(min),
            // Not at all in so many periods: at least once in fewer than the others.
            Times::NotAtAll => not(once(total - min + 1)),
            Times::Compared(count, times) => did(count, times, min),
        },
    )
}

/// Whether a group of the old form is about what a person did.
pub(crate) fn is_group(group: &Map<String, Value>) -> bool {
    ["event_id", "action_id"]
        .iter()
        .any(|key| given(group, key).is_some())
}

/// `{event_id | action_id, days | start_date, end_date, count, count_operator}`.
pub(crate) fn of_group(
    group: &Map<String, Value>,
    context: &Context<'_>,
    expansion: &mut Expansion,
    attr: &str,
) -> Result<Condition, FieldError> {
    let events = match (given(group, "event_id"), given(group, "action_id")) {
        (Some(name), _) => Condition::EventName(text_form(name)),
        (None, Some(id)) => action_events(id, context, expansion, &nested(attr, "action_id"))?,
        (None, None) => never(),
    };
    let filter = request_property::filter(group.get("properties"), &nested(attr, "properties"))?;
    let events = all([events, property::of_filter_within(&filter, context, expansion)?]);
    let range = group_range(group, context, attr)?;
    let count = field::integer(group, "count", &nested(attr, "count"))?;
    let comparison = comparison(given(group, "count_operator"), &nested(attr, "count_operator"))?;
    Ok(match count {
        None => performed(&events, range, Comparison::GreaterOrEqual, 1),
        Some(times) => counted(&events, range, comparison, times),
    })
}

/// The last `days`, or from `start_date` to `end_date`; whatever is left out does not bound.
fn group_range(
    group: &Map<String, Value>,
    context: &Context<'_>,
    attr: &str,
) -> Result<TimeRange, FieldError> {
    let days_attr = nested(attr, "days");
    if let Some(days) = field::integer(group, "days", &days_attr)? {
        if !(0..=100_000).contains(&days) {
            return Err(FieldError::invalid(
                days_attr,
                "`days` must lie between 0 and 100000.",
            ));
        }
        return Ok(TimeRange {
            from: context.now - TimeDelta::days(days),
            to: context.now,
        });
    }
    let below = |error: FieldError| FieldError {
        attr: error.attr.map(|key| nested(attr, key)),
        ..error
    };
    let from = match read_bound(group, "start_date", context).map_err(below)? {
        None | Some(DateText::All) => DateTime::UNIX_EPOCH,
        Some(DateText::At { instant, .. }) => instant,
    };
    let to = read_end(group, "end_date", context)
        .map_err(below)?
        .unwrap_or(context.now);
    if given(group, "end_date").is_some() && from >= to {
        return Err(FieldError::invalid(
            nested(attr, "start_date"),
            "`start_date` must lie before `end_date`.",
        ));
    }
    Ok(TimeRange { from, to })
}
