//! How items of paths are made fewer: by wildcards, or by cleaning rules.

use serde_json::{Map, Value};

use crate::condition::literal::escaped;
use crate::condition::user_regex::portable;
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::Request;
use crate::request::field;
use crate::resolved::PathRewrite;

const PROJECT: &str = "path_cleaning_filters";
const LOCAL: &str = "local_path_cleaning_filters";
const GROUPINGS: &str = "path_groupings";

/// Wildcards or rules of one request.
const RULES_MAX: usize = 100;

/// The project's rules with `path_replacements`, then those of `local_path_cleaning_filters`; without any rule the wildcards
/// of `path_groupings`.
pub(super) fn read(request: &Request, context: &Context<'_>) -> Result<PathRewrite, FieldError> {
    let mut rules = Vec::new();
    if field::boolean(request, "path_replacements")? {
        rules.extend(stored_rules(&context.project.path_cleaning_filters)?);
    }
    let local = field::list(request, LOCAL, LOCAL)?.unwrap_or_default();
    rules.extend(read_rules(&local, LOCAL)?);
    let groupings = field::texts(request, GROUPINGS)?;
    let too_many =
        |key: &str| FieldError::invalid(key, format!("`{key}` can hold {RULES_MAX} rules at most."));
    if rules.len() > RULES_MAX {
        return Err(too_many(LOCAL));
    }
    if groupings.len() > RULES_MAX {
        return Err(too_many(GROUPINGS));
    }
    if !rules.is_empty() {
        return Ok(PathRewrite::Replacements(rules));
    }
    if groupings.is_empty() {
        return Ok(PathRewrite::None);
    }
    let pairs = groupings.into_iter().enumerate().map(|(index, text)| {
        if text.is_empty() {
            return Err(FieldError::invalid(
                nested(GROUPINGS, index),
                "A wildcard cannot be empty.",
            ));
        }
        Ok((wildcard(&text), text))
    });
    Ok(PathRewrite::Groupings(pairs.collect::<Result<_, _>>()?))
}

/// Whether a project's cleaning rules can be read; asked before they are stored.
pub fn check_cleaning_filters(filters: &Value) -> Result<(), FieldError> {
    stored_rules(filters).map(drop)
}

/// Only `*` is special. The pattern is searched, so that stars at its ends say nothing.
fn wildcard(text: &str) -> String {
    let parts: Vec<String> = text
        .trim_matches('*')
        .split('*')
        .filter(|part| !part.is_empty())
        .map(escaped)
        .collect();
    // Whether a bare dot stops at a line break is not the same everywhere.
    parts.join("(?s:.)*")
}

fn stored_rules(filters: &Value) -> Result<Vec<(String, String)>, FieldError> {
    let stored = Map::from_iter([(PROJECT.to_owned(), filters.clone())]);
    let items = field::list(&stored, PROJECT, PROJECT)?.unwrap_or_default();
    read_rules(&items, PROJECT)
}

/// `{regex, alias}` each; an absent alias is the empty text.
fn read_rules(items: &[Value], attr: &str) -> Result<Vec<(String, String)>, FieldError> {
    let rules = items.iter().enumerate().map(|(index, item)| {
        let attr = nested(attr, index);
        let Value::Object(item) = item else {
            return Err(FieldError::invalid(
                attr,
                "A rule must be an object with a `regex` and an `alias`.",
            ));
        };
        let regex_attr = nested(&attr, "regex");
        let regex = field::text(item, "regex", &regex_attr)?
            .ok_or_else(|| FieldError::required(&regex_attr, "A rule needs a `regex`."))?;
        let pattern = portable(&regex).ok_or_else(|| {
            FieldError::invalid(
                &regex_attr,
                format!("{regex:?} is no regular expression (of RE2's dialect)."),
            )
        })?;
        let alias = field::text(item, "alias", &nested(&attr, "alias"))?.unwrap_or_default();
        Ok((pattern, alias))
    });
    rules.collect()
}
