//! Patterns against a matcher that walks parsed elements.

use proptest::prelude::*;
use regex::Regex;

use super::parse::{Attribute, AttributeTest, Combinator, Compound, Selector, parse};
use super::*;

/// An element as the chain's writer has it.
#[derive(Clone, Debug, Default)]
struct Element {
    tag: String,
    classes: Vec<String>,
    attributes: Vec<(String, String)>,
}

fn written(elements: &[Element]) -> String {
    let texts: Vec<String> = elements
        .iter()
        .map(|element| {
            let mut classes = element.classes.clone();
            classes.sort();
            let mut attributes = element.attributes.clone();
            attributes.sort();
            let classes: String = classes.iter().map(|class| format!(".{class}")).collect();
            let attributes: String = attributes
                .iter()
                .map(|(key, value)| format!("{key}=\"{}\"", value.replace('"', "\\\"")))
                .collect();
            format!("{}{classes}:{attributes}", element.tag)
        })
        .collect();
    texts.join(";")
}

/// What the selector says, read off the elements.
fn matches(selector: &Selector, elements: &[Element]) -> bool {
    (0..elements.len()).any(|start| matches_from(selector, 0, elements, start))
}

fn matches_from(selector: &Selector, compound: usize, elements: &[Element], at: usize) -> bool {
    if at >= elements.len() || !is(&selector.compounds[compound], &elements[at]) {
        return false;
    }
    match selector.combinators.get(compound) {
        None => true,
        Some(Combinator::Child) => matches_from(selector, compound + 1, elements, at + 1),
        Some(Combinator::Descendant) => {
            (at + 1..elements.len()).any(|outer| matches_from(selector, compound + 1, elements, outer))
        }
    }
}

fn is(compound: &Compound, element: &Element) -> bool {
    compound.tag.as_ref().is_none_or(|tag| *tag == element.tag)
        && compound
            .classes
            .iter()
            .all(|class| element.classes.contains(class))
        && compound
            .attributes
            .iter()
            .all(|attribute| has(attribute, element))
}

fn has(wanted: &Attribute, element: &Element) -> bool {
    let key = match wanted.name.as_str() {
        "id" => "attr_id".to_owned(),
        "href" | "text" | "nth-child" | "nth-of-type" => wanted.name.clone(),
        other => format!("attr__{other}"),
    };
    element.attributes.iter().any(|(name, value)| {
        *name == key
            && match &wanted.test {
                AttributeTest::Present => true,
                AttributeTest::Equals(text) => value == text,
                AttributeTest::StartsWith(text) => value.starts_with(text.as_str()),
                AttributeTest::EndsWith(text) => value.ends_with(text.as_str()),
                AttributeTest::Contains(text) => value.contains(text.as_str()),
            }
    })
}

fn finds(pattern: &str, chain: &str) -> bool {
    Regex::new(pattern)
        .unwrap_or_else(|error| panic!("{pattern}: {error}"))
        .is_match(chain)
}

/// A click as posthog-js records it: a quote, a semicolon and a look-alike of an element within texts.
const CLICK: &str = r##"a.btn.primary:attr__class="btn primary"attr__data-x="1"attr__href="#x"attr__id="b"attr_id="b"href="#x"nth-child="1"nth-of-type="1"text="Click \"me\"; em.fake:text=\"ok\"";div.a1.md:flex.z-2:attr__class="z-2 md:flex a1"attr__id="wrap"attr_id="wrap"nth-child="1"nth-of-type="1";section:;body:nth-child="2"nth-of-type="1""##;

#[test]
fn selectors_on_a_click() {
    for (selector, expected) in [
        ("a", true),
        ("*", true),
        ("b", false),
        (".btn", true),
        (".bt", false),
        ("a.primary.btn", true),
        ("a.btn.secondary", false),
        ("#b", true),
        ("[id=\"b\"]", true),
        ("[id='wrap'] a", true),
        ("#wrap > a", true),
        ("body > a", false),
        ("body a", true),
        ("body > section > div > a.btn", true),
        ("body > div", false),
        ("section", true),
        ("a div", false),
        ("a:nth-child(1)", true),
        ("a:nth-child(2)", false),
        ("body:nth-child(2) .a1", true),
        ("a[data-x=\"1\"]", true),
        ("a[data-x]", true),
        ("a[data-y]", false),
        ("a[href^=\"#\"]", true),
        ("a[href$=\"y\"]", false),
        ("[text*=\"me\\\"; em\"]", true),
        // Only in a text.
        ("em", false),
        (".fake", false),
        ("[text='ok']", false),
        // Classes with colons.
        (".md\\:flex", true),
        (".md", false),
        (".md\\:flex.z-2", true),
        (".a1.z-2", true),
        ("a:nth-of-type(1)[data-x='1']#b", true),
    ] {
        let pattern = pattern(selector).unwrap();
        assert_eq!(finds(&pattern, CLICK), expected, "{selector} as {pattern}");
        assert!(!finds(&pattern, ""), "{selector} on an event without elements");
    }
}

#[test]
fn filters_on_a_click() {
    for (pattern, expected) in [
        (tag_pattern("div"), true),
        (tag_pattern("di"), false),
        (tag_pattern("em"), false),
        (
            attribute_pattern("text", "Click \"me\"; em.fake:text=\"ok\""),
            true,
        ),
        (attribute_pattern("text", "ok"), false),
        (attribute_pattern("href", "#x"), true),
        (attribute_pattern("href", "#"), false),
        (attribute_contains_pattern("text", "\"ME\""), true),
        (attribute_contains_pattern("text", "wrap"), false),
        (attribute_contains_pattern("text", "a.b"), false),
        (attribute_present_pattern("text"), true),
        (attribute_regex_pattern("text", "me.*em"), false),
        (attribute_regex_pattern("text", "Cl[aeiou]ck"), true),
        (attribute_regex_pattern("text", "^lick"), false),
        (attribute_regex_pattern("href", "^#.$"), true),
        (attribute_regex_pattern("href", "^#$"), false),
        (attribute_regex_pattern("text", "wrap"), false),
    ] {
        assert_eq!(finds(&pattern, CLICK), expected, "{pattern}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    for selector in [
        "",
        " ",
        "a >",
        "> a",
        "a[",
        "a[x",
        "a[x=",
        "a[x='y]",
        "a:hover",
        "a:nth-child(odd)",
        "a,b",
        "a + b",
        ".",
    ] {
        assert!(pattern(selector).is_err(), "{selector:?}");
    }
}

/// Both dialects read only what they share.
#[test]
fn patterns_keep_to_what_re2_and_postgres_share() {
    let pattern = pattern("div.a-b[data-x='50% (ü) \\' \"'] > a:nth-child(2)").unwrap();
    assert_eq!(parse("a").unwrap().compounds.len(), 1);
    for forbidden in ["(?=", "(?!", "(?<", "*?", "+?", "??", "\\d", "\\w", "\\b"] {
        assert!(!pattern.contains(forbidden), "{forbidden} in {pattern}");
    }
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "x-1", "md:f"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    // What could be taken for structure. A value never ends with a backslash: the format cannot tell that one apart.
    prop::sample::select(vec![
        "",
        "1",
        "b",
        "a;b",
        "\"",
        "a\"b",
        ";a.b:text=\"1\"",
        "\\n",
        "ü",
        "a.b",
        "(",
        "x=\"1\"",
    ])
    .prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "text",
        "nth-child",
        "href",
        "attr_id",
        "attr__data-x",
        "attr__v:k",
    ])
    .prop_map(str::to_owned)
}

fn element() -> impl Strategy<Value = Element> {
    let tag = prop::sample::select(vec!["a", "b", "div"]).prop_map(str::to_owned);
    let classes = prop::collection::btree_set(word(), 0..3);
    let attributes = prop::collection::btree_map(key(), value(), 0..4);
    (tag, classes, attributes).prop_map(|(tag, classes, attributes)| Element {
        tag,
        classes: classes.into_iter().collect(),
        attributes: attributes.into_iter().collect(),
    })
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let name = prop::sample::select(vec!["text", "nth-child", "href", "id", "data-x", "v:k"])
        .prop_map(str::to_owned);
    let test = (0..5_u8, value()).prop_map(|(kind, value)| match kind {
        0 => AttributeTest::Present,
        1 | 2 => AttributeTest::Equals(value),
        3 => AttributeTest::StartsWith(value),
        _ => AttributeTest::EndsWith(value),
    });
    (name, test).prop_map(|(name, test)| Attribute { name, test })
}

fn compound() -> impl Strategy<Value = Compound> {
    let tag = prop::option::of(prop::sample::select(vec!["a", "b", "div"]).prop_map(str::to_owned));
    (
        tag,
        prop::collection::vec(word(), 0..2),
        prop::collection::vec(attribute(), 0..2),
    )
        .prop_map(|(tag, classes, attributes)| Compound {
            tag,
            classes,
            attributes,
        })
}

fn selector() -> impl Strategy<Value = Selector> {
    let combinator = prop::sample::select(vec![Combinator::Child, Combinator::Descendant]);
    prop::collection::vec((compound(), combinator), 1..4).prop_map(|steps| {
        let (compounds, mut combinators): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        combinators.pop();
        Selector {
            compounds,
            combinators,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn patterns_say_what_selectors_say(
        selector in selector(),
        elements in prop::collection::vec(element(), 1..4),
    ) {
        let pattern = compile::selector_pattern(&selector);
        let chain = written(&elements);
        prop_assert_eq!(finds(&pattern, &chain), matches(&selector, &elements), "{} on {}", pattern, chain);
    }
}
