//! By what a trend is broken down.

use model::{CohortId, GroupTypeIndex};
use serde_json::Value;

use super::display::Display;
use crate::condition::literal::escaped;
use crate::condition::value::read_number;
use crate::condition::{all, always, any, cohort};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::Request;
use crate::request::field::{self, given, whole_number};
use crate::resolved::{Breakdown, Comparison, Condition, GroupKey, Histogram, PropertySource, PropertyTest};

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_WORLD_MAP: u32 = 300;
const LIMIT_MAX: u32 = 1_000;
const BINS_MAX: u32 = 90;

/// What a request breaks its series down by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BreakdownBy {
    Property(Breakdown),
    /// One line for each.
    Cohorts(Vec<Member>),
}

/// A line of a breakdown by cohorts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Cohort { id: CohortId, name: String },
    AllUsers,
}

impl Member {
    pub(crate) fn condition(&self, context: &Context<'_>) -> Result<Condition, FieldError> {
        match self {
            Self::Cohort { id, .. } => cohort::of_cohort(*id, context, "breakdown"),
            Self::AllUsers => Ok(always()),
        }
    }
}

/// `None`: not broken down.
pub(crate) fn read(
    request: &Request,
    display: Display,
    context: &Context<'_>,
) -> Result<Option<BreakdownBy>, FieldError> {
    let kind = field::text(request, "breakdown_type", "breakdown_type")?;
    if kind.as_deref() == Some("cohort") {
        return match given(request, "breakdown") {
            None => Ok(None),
            Some(value) => Ok(Some(BreakdownBy::Cohorts(members(value, context)?))),
        };
    }
    let Some((key, kind)) = key(request, kind)? else {
        return Ok(None);
    };
    let source = source(request, kind.as_deref())?;
    let limit_default = match display {
        Display::WorldMap => LIMIT_WORLD_MAP,
        Display::Series | Display::Cumulative | Display::Single => LIMIT_DEFAULT,
    };
    let bins = field::count(request, "breakdown_histogram_bin_count", 0..=BINS_MAX, 0)?;
    Ok(Some(BreakdownBy::Property(Breakdown {
        source,
        key,
        limit: field::count(request, "breakdown_limit", 1..=LIMIT_MAX, limit_default)?,
        histogram: (bins > 0).then_some(Histogram { bins }),
        normalize_url: field::boolean(request, "breakdown_normalize_url")?,
    })))
}

/// The property and its type, from `breakdown` or from a `breakdowns` list of one.
fn key(request: &Request, kind: Option<String>) -> Result<Option<(String, Option<String>)>, FieldError> {
    const ONE: &str = "Trends can be broken down by one property only.";
    match field::texts(request, "breakdown")?.as_slice() {
        [] => {}
        [single] => return Ok(Some((single.clone(), kind))),
        _ => return Err(FieldError::invalid("breakdown", ONE)),
    }
    let items = field::list(request, "breakdowns", "breakdowns")?.unwrap_or_default();
    match items.as_slice() {
        [] => Ok(None),
        [Value::Object(item)] => {
            let attr = "breakdowns__0__property";
            let key = field::text(item, "property", attr)?
                .ok_or_else(|| FieldError::required(attr, "A breakdown needs a `property`."))?;
            let own = field::text(item, "type", "breakdowns__0__type")?;
            Ok(Some((key, own.or(kind))))
        }
        [_] => Err(FieldError::invalid(
            "breakdowns__0",
            "A breakdown must be an object with a `property`.",
        )),
        _ => Err(FieldError::invalid("breakdowns", ONE)),
    }
}

/// Where the property is looked up. An unknown type means the event's properties, as in PostHog.
pub(crate) fn source(request: &Request, kind: Option<&str>) -> Result<PropertySource, FieldError> {
    match kind {
        Some("person") => Ok(PropertySource::Person),
        Some("group") => {
            let key = "breakdown_group_type_index";
            field::group_type_index(request, key, key)?
                .map(|index: GroupTypeIndex| PropertySource::Group(index))
                .ok_or_else(|| {
                    FieldError::required(key, "This field is required when `breakdown_type` is `group`.")
                })
        }
        Some("session") => Ok(PropertySource::Session),
        Some("hogql") => Err(FieldError::unsupported(
            "breakdown_type",
            "Breakdowns by an expression are not supported.",
        )),
        Some(_) | None => Ok(PropertySource::Event),
    }
}

/// One id or `all`, or a list of them. Unknown cohorts are left out.
pub(crate) fn members(value: &Value, context: &Context<'_>) -> Result<Vec<Member>, FieldError> {
    let parsed;
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) if text.trim_start().starts_with('[') => {
            parsed = serde_json::from_str::<Vec<Value>>(text)
                .map_err(|_| FieldError::invalid("breakdown", "Breakdown is unparsable!"))?;
            &parsed
        }
        single => std::slice::from_ref(single),
    };
    let mut members = Vec::new();
    for item in items {
        members.extend(member(item, context, "breakdown")?);
    }
    Ok(members)
}

/// `None`: there is no such cohort.
pub(crate) fn member(item: &Value, context: &Context<'_>, attr: &str) -> Result<Option<Member>, FieldError> {
    if item.as_str() == Some("all") {
        return Ok(Some(Member::AllUsers));
    }
    match whole_number(item) {
        Some(0) => Ok(Some(Member::AllUsers)),
        Some(id) => Ok(context.cohort(CohortId(id)).map(|cohort| Member::Cohort {
            id: cohort.id,
            name: cohort.name.clone(),
        })),
        None => Err(FieldError::invalid(
            attr,
            format!("A breakdown by cohorts names ids or \"all\", not {item}."),
        )),
    }
}

/// Membership in the one cohort of a point: `breakdown_value`.
pub(crate) fn cohort_condition(value: &Value, context: &Context<'_>) -> Result<Condition, FieldError> {
    match member(value, context, "breakdown_value")? {
        Some(member) => member.condition(context),
        None => Ok(crate::condition::never()),
    }
}

/// Events that are counted under `group`; `named` are the values that have a line of their own.
pub(crate) fn group_condition(breakdown: &Breakdown, group: &GroupKey, named: &[String]) -> Condition {
    match group {
        GroupKey::Value(value) => value_condition(breakdown, value),
        GroupKey::Other => {
            let is_plain = breakdown.histogram.is_none()
                && breakdown.source != PropertySource::Session
                && !breakdown.normalize_url;
            let unnamed = if is_plain {
                leaf(breakdown, PropertyTest::NoneOf(named.to_vec()))
            } else {
                let named = any(named.iter().map(|value| value_condition(breakdown, value)));
                Condition::Not(Box::new(named))
            };
            all([has_value(breakdown), unnamed])
        }
        GroupKey::Null => match has_value(breakdown) {
            Condition::Property {
                source,
                key,
                test: PropertyTest::IsSet,
            } => Condition::Property {
                source,
                key,
                test: PropertyTest::IsNotSet,
            },
            has_value => Condition::Not(Box::new(has_value)),
        },
    }
}

fn value_condition(breakdown: &Breakdown, value: &str) -> Condition {
    let compare = |op, value| leaf(breakdown, PropertyTest::Compare { op, value });
    if breakdown.histogram.is_some() {
        return match bin(value) {
            Some((low, high)) => all([
                compare(Comparison::GreaterOrEqual, low),
                compare(Comparison::Less, high),
            ]),
            None => crate::condition::never(),
        };
    }
    if breakdown.source == PropertySource::Session {
        return match read_number(value) {
            Some(number) => compare(Comparison::Equal, number),
            None => crate::condition::never(),
        };
    }
    let test = if breakdown.normalize_url {
        let pattern = format!("^{}/*(?:[?#](?:.|\n)*)?$", escaped(value));
        PropertyTest::Regex {
            pattern,
            negated: false,
        }
    } else {
        PropertyTest::AnyOf(vec![value.to_owned()])
    };
    let is_value = leaf(breakdown, test);
    // A filter on the empty text finds absent keys, too; a line does not: they are None.
    if value.is_empty() {
        all([is_value, has_value(breakdown)])
    } else {
        is_value
    }
}

/// Numbers, where only numbers have a bin or a duration; else whatever is there.
fn has_value(breakdown: &Breakdown) -> Condition {
    let compare = |op| leaf(breakdown, PropertyTest::Compare { op, value: 0.0 });
    if breakdown.histogram.is_some() || breakdown.source == PropertySource::Session {
        any([compare(Comparison::Less), compare(Comparison::GreaterOrEqual)])
    } else {
        leaf(breakdown, PropertyTest::IsSet)
    }
}

fn leaf(breakdown: &Breakdown, test: PropertyTest) -> Condition {
    Condition::Property {
        source: breakdown.source,
        key: breakdown.key.clone(),
        test,
    }
}

/// The edges of `[low,high]`.
pub(crate) fn bin(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    Some((read_number(low)?, read_number(high)?))
}
