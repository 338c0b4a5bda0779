//! Property filters as meant: a tree of AND and OR over typed leaves.

use model::{CohortId, GroupTypeIndex};
use serde_json::{Map, Value};

use super::field::{self, given, text_form, whole_number};
use crate::field_error::{FieldError, nested};

/// A tree of filters. The empty `All` holds for every event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Group(GroupKind, Vec<Filter>),
    Leaf(PropertyFilter),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupKind {
    All,
    Any,
}

/// Filters of one tree: each is a look-up of its own for every event, and SQL of its own.
const FILTERS_MAX: usize = 200;

impl Filter {
    pub(crate) fn none() -> Self {
        Self::Group(GroupKind::All, Vec::new())
    }

    fn leaves(&self) -> usize {
        match self {
            Self::Group(_, members) => members.iter().map(Self::leaves).sum(),
            Self::Leaf(_) => 1,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PropertyFilter {
    pub(crate) kind: FilterKind,
    pub(crate) operator: Operator,
    /// Items of the filter's value; a scalar is boxed. Cohort filters hold none.
    pub(crate) values: Vec<Value>,
    /// Where it stands in the request.
    pub(crate) attr: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FilterKind {
    Event(String),
    Person(String),
    Group(GroupTypeIndex, String),
    Session(String),
    Element(ElementKey),
    Cohort(Vec<CohortId>),
    /// Only in the trees of cohorts: what a person did.
    Behavioral(Map<String, Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementKey {
    TagName,
    Selector,
    Text,
    Href,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Exact,
    IsNot,
    Contains,
    NotContains,
    Regex,
    NotRegex,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    IsSet,
    IsNotSet,
    DateExact,
    DateBefore,
    DateAfter,
    In,
    NotIn,
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        match text {
            "exact" | "is" => Some(Self::Exact),
            "is_not" => Some(Self::IsNot),
            "icontains" => Some(Self::Contains),
            "not_icontains" => Some(Self::NotContains),
            "regex" => Some(Self::Regex),
            "not_regex" => Some(Self::NotRegex),
            "gt" => Some(Self::Greater),
            "gte" => Some(Self::GreaterOrEqual),
            "lt" => Some(Self::Less),
            "lte" => Some(Self::LessOrEqual),
            "is_set" => Some(Self::IsSet),
            "is_not_set" => Some(Self::IsNotSet),
            "is_date_exact" => Some(Self::DateExact),
            "is_date_before" | "is_before" => Some(Self::DateBefore),
            "is_date_after" | "is_after" => Some(Self::DateAfter),
            "in" => Some(Self::In),
            "not_in" => Some(Self::NotIn),
            _ => None,
        }
    }

    pub(crate) fn needs_value(self) -> bool {
        match self {
            Self::IsSet | Self::IsNotSet => false,
            Self::Exact
            | Self::IsNot
            | Self::Contains
            | Self::NotContains
            | Self::Regex
            | Self::NotRegex
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::DateExact
            | Self::DateBefore
            | Self::DateAfter
            | Self::In
            | Self::NotIn => true,
        }
    }
}

/// The filters under `properties` and `property_groups` of a request; both must hold.
pub(crate) fn request_filter(request: &Map<String, Value>) -> Result<Filter, FieldError> {
    let mut both = Vec::new();
    for key in ["properties", "property_groups"] {
        if let Some(value) = field::decoded(request, key, key)? {
            both.push(filter(Some(&value), key)?);
        }
    }
    Ok(Filter::Group(GroupKind::All, both))
}

/// A list (all must hold), a `{type, values}` group, one leaf, or the old `{"key__operator": value}` form.
pub(crate) fn filter(value: Option<&Value>, attr: &str) -> Result<Filter, FieldError> {
    let filter = tree(value, attr)?;
    if filter.leaves() > FILTERS_MAX {
        return Err(FieldError::invalid(
            attr,
            format!("There can be {FILTERS_MAX} property filters at most, each with any number of values."),
        ));
    }
    Ok(filter)
}

fn tree(value: Option<&Value>, attr: &str) -> Result<Filter, FieldError> {
    match value {
        None | Some(Value::Null) => Ok(Filter::none()),
        Some(Value::Array(items)) => group(GroupKind::All, items, attr),
        Some(Value::Object(object)) => object_filter(object, attr),
        Some(Value::String(text)) if text.is_empty() => Ok(Filter::none()),
        Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(Value::String(_)) | Err(_) => Err(FieldError::invalid(attr, "Properties are unparsable!")),
            Ok(value) => tree(Some(&value), attr),
        },
        Some(Value::Bool(_) | Value::Number(_)) => Err(FieldError::invalid(
            attr,
            "Properties must be a list or a group of filters.",
        )),
    }
}

fn object_filter(object: &Map<String, Value>, attr: &str) -> Result<Filter, FieldError> {
    if is_group(object) {
        return nested_group(object, attr);
    }
    if object.contains_key("key") || object.contains_key("operator") {
        return leaf(object, attr).map(Filter::Leaf);
    }
    let mut leaves = Vec::new();
    for (name, value) in object {
        leaves.push(Filter::Leaf(old_form(name, value, &nested(attr, name))?));
    }
    Ok(Filter::Group(GroupKind::All, leaves))
}

fn is_group(object: &Map<String, Value>) -> bool {
    object.contains_key("values") || (object.contains_key("groups") && !object.contains_key("key"))
}

fn nested_group(object: &Map<String, Value>, attr: &str) -> Result<Filter, FieldError> {
    let kind = match given(object, "type")
        .map(|kind| text_form(kind).to_ascii_uppercase())
        .as_deref()
    {
        None | Some("AND") => GroupKind::All,
        Some("OR") => GroupKind::Any,
        Some(other) => {
            return Err(FieldError::invalid(
                nested(attr, "type"),
                format!("A group's `type` must be \"AND\" or \"OR\", not {other:?}."),
            ));
        }
    };
    let key = if object.contains_key("values") {
        "values"
    } else {
        "groups"
    };
    let attr = nested(attr, key);
    let items = field::list(object, key, &attr)?.unwrap_or_default();
    group(kind, &items, &attr)
}

/// One level holds either only leaves or only groups. Empty groups vanish.
fn group(kind: GroupKind, items: &[Value], attr: &str) -> Result<Filter, FieldError> {
    let mut members = Vec::with_capacity(items.len());
    let mut groups = 0;
    for (index, item) in items.iter().enumerate() {
        let attr = nested(attr, index);
        let Value::Object(object) = item else {
            return Err(FieldError::invalid(attr, "A property filter must be an object."));
        };
        if is_group(object) {
            groups += 1;
            members.push(nested_group(object, &attr)?);
        } else {
            members.push(Filter::Leaf(leaf(object, &attr)?));
        }
    }
    if groups != 0 && groups != items.len() {
        return Err(FieldError::invalid(
            attr,
            "A group of property filters must hold either only filters or only groups.",
        ));
    }
    members.retain(|member| !matches!(member, Filter::Group(_, members) if members.is_empty()));
    if members.is_empty() {
        Ok(Filter::none())
    } else {
        Ok(Filter::Group(kind, members))
    }
}

fn leaf(object: &Map<String, Value>, attr: &str) -> Result<PropertyFilter, FieldError> {
    let filter_type = field::text(object, "type", &nested(attr, "type"))?;
    let operator_attr = nested(attr, "operator");
    let behavioral = filter_type.as_deref() == Some("behavioral");
    let operator = match field::text(object, "operator", &operator_attr)? {
        // A behavioural criterion has its own operators (on counts).
        _ if behavioral => Operator::Exact,
        None => Operator::Exact,
        Some(text) => Operator::read(&text)
            .ok_or_else(|| FieldError::invalid(&operator_attr, format!("Unknown operator {text:?}.")))?,
    };
    let key = || {
        let attr = nested(attr, "key");
        field::text(object, "key", &attr)?
            .ok_or_else(|| FieldError::required(&attr, "A property filter needs a `key`."))
    };
    let kind = match filter_type.as_deref().unwrap_or("event") {
        "event" | "feature" => FilterKind::Event(key()?),
        "person" => FilterKind::Person(key()?),
        "group" => {
            let index_attr = nested(attr, "group_type_index");
            let index =
                field::group_type_index(object, "group_type_index", &index_attr)?.ok_or_else(|| {
                    FieldError::required(&index_attr, "A filter on a group needs a `group_type_index`.")
                })?;
            FilterKind::Group(index, key()?)
        }
        "session" => FilterKind::Session(key()?),
        "element" => FilterKind::Element(element_key(&key()?, attr)?),
        "cohort" | "static-cohort" | "precalculated-cohort" => FilterKind::Cohort(cohort_ids(object, attr)?),
        "behavioral" => FilterKind::Behavioral(object.clone()),
        other => {
            return Err(FieldError::invalid(
                nested(attr, "type"),
                format!("Unknown type of property filter {other:?}."),
            ));
        }
    };
    let negated = field::boolean(object, "negation").unwrap_or(false) && !behavioral;
    let operator = if negated { negation(operator) } else { operator };
    let values = match kind {
        FilterKind::Cohort(_) | FilterKind::Behavioral(_) => Vec::new(),
        FilterKind::Event(_)
        | FilterKind::Person(_)
        | FilterKind::Group(..)
        | FilterKind::Session(_)
        | FilterKind::Element(_) => values(object.get("value"), operator, attr)?,
    };
    Ok(PropertyFilter {
        kind,
        operator,
        values,
        attr: attr.to_owned(),
    })
}

fn values(value: Option<&Value>, operator: Operator, attr: &str) -> Result<Vec<Value>, FieldError> {
    match value {
        _ if !operator.needs_value() => Ok(Vec::new()),
        None => Err(FieldError::required(
            nested(attr, "value"),
            "A property filter needs a `value`.",
        )),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(value) => Ok(vec![value.clone()]),
    }
}

fn negation(operator: Operator) -> Operator {
    match operator {
        Operator::Exact => Operator::IsNot,
        Operator::IsNot => Operator::Exact,
        Operator::Contains => Operator::NotContains,
        Operator::NotContains => Operator::Contains,
        Operator::Regex => Operator::NotRegex,
        Operator::NotRegex => Operator::Regex,
        Operator::IsSet => Operator::IsNotSet,
        Operator::IsNotSet => Operator::IsSet,
        Operator::In => Operator::NotIn,
        Operator::NotIn => Operator::In,
        // Comparisons carry no negation flag in any client.
        Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::DateExact
        | Operator::DateBefore
        | Operator::DateAfter => operator,
    }
}

fn element_key(key: &str, attr: &str) -> Result<ElementKey, FieldError> {
    match key {
        "tag_name" => Ok(ElementKey::TagName),
        "selector" => Ok(ElementKey::Selector),
        "text" => Ok(ElementKey::Text),
        "href" => Ok(ElementKey::Href),
        other => Err(FieldError::invalid(
            nested(attr, "key"),
            format!("A filter on elements has the key tag_name, selector, text or href, not {other:?}."),
        )),
    }
}

fn cohort_ids(object: &Map<String, Value>, attr: &str) -> Result<Vec<CohortId>, FieldError> {
    let attr = nested(attr, "value");
    let items = match given(object, "value") {
        None => {
            return Err(FieldError::required(
                attr,
                "A cohort filter needs a cohort's id as its `value`.",
            ));
        }
        Some(Value::Array(items)) => items.clone(),
        Some(value) => vec![value.clone()],
    };
    items
        .iter()
        .map(|item| {
            whole_number(item).map(CohortId).ok_or_else(|| {
                FieldError::invalid(&attr, format!("A cohort's id must be a number, not {item}."))
            })
        })
        .collect()
}

/// `key`, or `key__operator`; always on the event.
fn old_form(name: &str, value: &Value, attr: &str) -> Result<PropertyFilter, FieldError> {
    let (key, operator) = match name
        .rsplit_once("__")
        .map(|(key, suffix)| (key, Operator::read(suffix)))
    {
        Some((key, Some(operator))) if !key.is_empty() => (key, operator),
        // A property's own name may hold two underscores.
        Some(_) | None => (name, Operator::Exact),
    };
    Ok(PropertyFilter {
        kind: FilterKind::Event(key.to_owned()),
        operator,
        values: values(Some(value), operator, attr)?,
        attr: attr.to_owned(),
    })
}
