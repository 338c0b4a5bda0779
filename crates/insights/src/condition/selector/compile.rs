//! From a parsed selector to its regular expression.

use crate::condition::literal::escaped;

use super::parse::{Attribute, AttributeTest, Combinator, Compound, Selector, SelectorError, parse};

/// The characters of a value: backslashes belong to a following quote or character; a quote without one ends the value.
const VALUE: &str = r#"(?:\\+"|\\*[^"\\])*"#;
/// Keys are known words or `attr__…`; none of them holds a dot or a colon that could be part of a class's name.
const KEY: &str = r#"(?:attr__[^=";]*|[A-Za-z][A-Za-z0-9_-]*)"#;
/// Any further classes.
const CLASSES: &str = r#"(?:\.[^;"]*)?"#;

/// Matches the chain when some element satisfies the whole selector.
pub(crate) fn pattern(text: &str) -> Result<String, SelectorError> {
    Ok(selector_pattern(&parse(text)?))
}

/// Some element has this tag.
pub(crate) fn tag_pattern(tag: &str) -> String {
    anchored(&compound_pattern(&Compound {
        tag: Some(tag.to_owned()),
        ..Compound::default()
    }))
}

/// Some element's `text` or `href` is exactly this.
pub(crate) fn attribute_pattern(name: &str, text: &str) -> String {
    attribute(name, AttributeTest::Equals(text.to_owned()))
}

/// Some element's `text` or `href` holds this, whatever the case.
pub(crate) fn attribute_contains_pattern(name: &str, text: &str) -> String {
    // An embedded option has to stand at the very start in PostgreSQL.
    format!(
        "(?i){}",
        attribute(name, AttributeTest::Contains(text.to_owned()))
    )
}

/// Some element has a `text` or `href`.
pub(crate) fn attribute_present_pattern(name: &str) -> String {
    attribute(name, AttributeTest::Present)
}

/// Some element's `text` or `href` is found by this regular expression. `^` and `$` at its ends are those of the value;
/// a dot stops at a quote, so that it cannot run on into the next attribute.
pub(crate) fn attribute_regex_pattern(name: &str, expression: &str) -> String {
    let (options, expression) = match expression.strip_prefix("(?i)") {
        Some(rest) => ("(?i)", rest),
        None => ("", expression),
    };
    let (before, expression) = match expression.strip_prefix('^') {
        Some(rest) => ("", rest),
        None => (VALUE, expression),
    };
    let (after, expression) = match expression.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => ("", rest),
        Some(_) | None => (VALUE, expression),
    };
    let value = format!("{before}(?:{}){after}", without_quotes(expression));
    let key = key(name);
    let element = format!(
        r#"{}:(?:{KEY}="{VALUE}")*{key}="{value}"(?:{KEY}="{VALUE}")*"#,
        head(None, &[])
    );
    format!("{options}{}", anchored(&element))
}

/// Every dot outside of brackets becomes "anything but a quote".
fn without_quotes(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut bracket = false;
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
            }
            '.' if !bracket => out.push_str("[^\"]"),
            '[' => {
                bracket = true;
                out.push('[');
            }
            ']' => {
                bracket = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

fn attribute(name: &str, test: AttributeTest) -> String {
    let attributes = vec![Attribute {
        name: name.to_owned(),
        test,
    }];
    anchored(&compound_pattern(&Compound {
        attributes,
        ..Compound::default()
    }))
}

pub(super) fn selector_pattern(selector: &Selector) -> String {
    let mut inner = String::new();
    for (index, compound) in selector.compounds.iter().enumerate() {
        if let Some(outward) = index.checked_sub(1) {
            inner.push_str(match selector.combinators[outward] {
                Combinator::Child => ";",
                Combinator::Descendant => ANY_BETWEEN,
            });
        }
        inner.push_str(&compound_pattern(compound));
    }
    anchored(&inner)
}

/// A `;`, and any elements behind it.
const ANY_BETWEEN: &str = r#";(?:(?:[^;"]|"(?:\\+"|\\*[^"\\])*")*;)*"#;

/// The match begins and ends with an element.
fn anchored(inner: &str) -> String {
    format!(r#"^(?:(?:[^;"]|"{VALUE}")*;)*{inner}(?:;|$)"#)
}

/// One whole element.
fn compound_pattern(compound: &Compound) -> String {
    let head = head(compound.tag.as_deref(), &compound.classes);
    let any = format!(r#"(?:{KEY}="{VALUE}")*"#);
    if *compound == Compound::default() {
        // An event without elements has an empty chain: there is no element for `*` then.
        return format!(r#"[^.:;"]+{CLASSES}(?::{any})?"#);
    }
    if compound.attributes.is_empty() {
        return format!("{head}(?::{any})?");
    }
    let wanted: Vec<String> = compound.attributes.iter().map(attribute_text).collect();
    let orders: Vec<String> = orders(&wanted)
        .into_iter()
        .map(|order| {
            let mut text = String::new();
            for attribute in order {
                text.push_str(&any);
                text.push_str(attribute);
            }
            text
        })
        .collect();
    format!("{head}:(?:{}){any}", orders.join("|"))
}

fn head(tag: Option<&str>, classes: &[String]) -> String {
    let mut head = match tag {
        Some(tag) => escaped(tag),
        None => r#"[^.:;"]*"#.to_owned(),
    };
    // As in the chain: sorted, each once.
    let mut classes: Vec<&String> = classes.iter().collect();
    classes.sort();
    classes.dedup();
    for class in classes {
        head.push_str(CLASSES);
        head.push_str(r"\.");
        head.push_str(&escaped(class));
    }
    head.push_str(CLASSES);
    head
}

/// How an attribute of HTML is called in a chain.
fn key(name: &str) -> String {
    match name {
        "id" => "attr_id".to_owned(),
        "text" | "nth-child" | "nth-of-type" => name.to_owned(),
        "href" => "(?:attr__)?href".to_owned(),
        other => format!("attr__{}", escaped(other)),
    }
}

fn attribute_text(attribute: &Attribute) -> String {
    let key = key(&attribute.name);
    match &attribute.test {
        AttributeTest::Present => format!(r#"{key}="{VALUE}""#),
        AttributeTest::Equals(text) => format!(r#"{key}="{}""#, quoted(text)),
        AttributeTest::StartsWith(text) => format!(r#"{key}="{}{VALUE}""#, quoted(text)),
        AttributeTest::EndsWith(text) => format!(r#"{key}="{VALUE}{}""#, quoted(text)),
        AttributeTest::Contains(text) => format!(r#"{key}="{VALUE}{}{VALUE}""#, quoted(text)),
    }
}

/// Up to four attributes in any order; more are rare, and are expected sorted, as chains are written.
fn orders(wanted: &[String]) -> Vec<Vec<&str>> {
    const ANY_ORDER_MAX: usize = 4;
    if wanted.len() > ANY_ORDER_MAX {
        let mut sorted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        return vec![sorted];
    }
    let mut orders: Vec<Vec<&str>> = vec![Vec::new()];
    for item in wanted {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(|at| {
                    let mut order = order.clone();
                    order.insert(at, item);
                    order
                })
            })
            .collect();
    }
    orders
}

/// A value's text as a chain writes it, as a pattern.
fn quoted(text: &str) -> String {
    escaped(&text.replace('"', "\\\""))
}
