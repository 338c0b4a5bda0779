//! Elements of an autocaptured event, as read back from the chain text.

use std::collections::BTreeMap;

/// One element; the clicked one comes first in the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub tag_name: String,
    pub classes: Vec<String>,
    /// All `key="value"` pairs, quotes unescaped.
    pub attributes: BTreeMap<String, String>,
}

/// Reads a chain (`a.btn:href="/x"text="Buy";div:nth-child="1"`). Never fails: what cannot be read ends the element.
pub fn parse_elements_chain(chain: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut rest = chain;
    while !rest.is_empty() {
        let head = rest.find([':', ';']).unwrap_or(rest.len());
        let mut names = rest[..head].split('.');
        let mut element = Element {
            tag_name: names.next().unwrap_or_default().to_owned(),
            classes: names.map(str::to_owned).collect(),
            attributes: BTreeMap::new(),
        };
        rest = &rest[head..];
        if let Some(after) = rest.strip_prefix(':') {
            rest = after;
            while let Some((key, value, after)) = pair(rest) {
                element.attributes.insert(key.to_owned(), value);
                rest = after;
            }
        }
        elements.push(element);
        let end = rest.find(';').map_or(rest.len(), |at| at + 1);
        rest = &rest[end..];
    }
    elements
}

/// `key="value"` at the start of `text`: key, unescaped value, what follows.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let equals = text.find("=\"")?;
    let key = &text[..equals];
    if key.contains(';') {
        return None;
    }
    let mut value = String::new();
    let mut characters = text[equals + 2..].char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '"' => return Some((key, value, &text[equals + 2 + at + 1..])),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_chain() {
        let chain = r##"a.btn.primary:attr__class="btn primary"attr__href="#x"attr_id="b"nth-child="1"text="Click \"me\"; ok";div.a1.z-2:nth-child="2";body"##;
        let elements = parse_elements_chain(chain);
        assert_eq!(elements.len(), 3);
        assert_eq!(elements[0].classes, ["btn", "primary"]);
        assert_eq!(elements[0].attributes["text"], "Click \"me\"; ok");
        assert_eq!(elements[1].attributes["nth-child"], "2");
        assert_eq!(
            elements[2],
            Element {
                tag_name: "body".to_owned(),
                ..Element::default()
            }
        );
    }

    #[test]
    fn odd_text_ends_quietly() {
        for chain in ["", ";", "a:", "a:b", "a:b=\"", "a:b=\"\\", ";;a.b;"] {
            parse_elements_chain(chain);
        }
    }
}
