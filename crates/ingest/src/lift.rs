//! Event properties that also describe the person: browser, campaign, referrer, app version.

use serde_json::{Map, Value};

use crate::text::{truthy, value_without_nul};

/// (event and person property, property that keeps its first value).
const LIFTED: [(&str, &str); 43] = [
    ("$app_build", "$initial_app_build"),
    ("$app_name", "$initial_app_name"),
    ("$app_namespace", "$initial_app_namespace"),
    ("$app_version", "$initial_app_version"),
    ("$browser", "$initial_browser"),
    ("$browser_version", "$initial_browser_version"),
    ("$device_type", "$initial_device_type"),
    ("$current_url", "$initial_current_url"),
    ("$pathname", "$initial_pathname"),
    ("$os", "$initial_os"),
    ("$os_version", "$initial_os_version"),
    ("$referring_domain", "$initial_referring_domain"),
    ("$referrer", "$initial_referrer"),
    ("$screen_height", "$initial_screen_height"),
    ("$screen_width", "$initial_screen_width"),
    ("$viewport_height", "$initial_viewport_height"),
    ("$viewport_width", "$initial_viewport_width"),
    ("$raw_user_agent", "$initial_raw_user_agent"),
    ("utm_source", "$initial_utm_source"),
    ("utm_medium", "$initial_utm_medium"),
    ("utm_campaign", "$initial_utm_campaign"),
    ("utm_content", "$initial_utm_content"),
    ("utm_name", "$initial_utm_name"),
    ("utm_term", "$initial_utm_term"),
    ("gclid", "$initial_gclid"),
    ("gad_source", "$initial_gad_source"),
    ("gclsrc", "$initial_gclsrc"),
    ("dclid", "$initial_dclid"),
    ("gbraid", "$initial_gbraid"),
    ("wbraid", "$initial_wbraid"),
    ("fbclid", "$initial_fbclid"),
    ("msclkid", "$initial_msclkid"),
    ("twclid", "$initial_twclid"),
    ("li_fat_id", "$initial_li_fat_id"),
    ("mc_cid", "$initial_mc_cid"),
    ("igshid", "$initial_igshid"),
    ("ttclid", "$initial_ttclid"),
    ("rdt_cid", "$initial_rdt_cid"),
    ("irclid", "$initial_irclid"),
    ("_kx", "$initial__kx"),
    ("epik", "$initial_epik"),
    ("qclid", "$initial_qclid"),
    ("sccid", "$initial_sccid"),
];

/// Properties that change from page to page. A change to nothing else is not worth a new version of the person.
const VOLATILE: [&str; 14] = [
    "$browser",
    "$browser_version",
    "$current_url",
    "$device_type",
    "$os",
    "$os_version",
    "$pathname",
    "$raw_user_agent",
    "$referrer",
    "$referring_domain",
    "$screen_height",
    "$screen_width",
    "$viewport_height",
    "$viewport_width",
];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lifted {
    pub name: &'static str,
    pub initial_name: &'static str,
    pub value: Value,
}

impl Lifted {
    pub fn is_volatile(&self) -> bool {
        VOLATILE.contains(&self.name)
    }
}

/// In the order in which the properties occur in the event.
pub(crate) fn lift(properties: &Map<String, Value>) -> Vec<Lifted> {
    let is_server = properties.get("$is_server") == Some(&Value::Bool(true));
    let mut lifted = Vec::new();
    for (key, value) in properties {
        // Mobile clients name the system `$os_name`.
        let key = if key == "$os_name" && !properties.get("$os").is_some_and(truthy) {
            "$os"
        } else {
            key
        };
        if is_server && matches!(key, "$os" | "$os_version") {
            continue;
        }
        if let Some(&(name, initial_name)) = names_of(key) {
            // A falsy `$os` beside `$os_name` is replaced by it.
            if name == "$os" && lifted.iter().any(|other: &Lifted| other.name == "$os") {
                if truthy(value) {
                    lifted.retain(|other| other.name != "$os");
                } else {
                    continue;
                }
            }
            lifted.push(Lifted {
                name,
                initial_name,
                value: value_without_nul(value),
            });
        }
    }
    lifted
}

fn names_of(key: &str) -> Option<&'static (&'static str, &'static str)> {
    // Most keys of an event are ruled out by their first byte.
    if !matches!(key.as_bytes().first(), Some(b'$' | b'_' | b'a'..=b'z')) {
        return None;
    }
    LIFTED.iter().find(|(name, _)| *name == key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(properties: Value) -> Vec<(&'static str, Value)> {
        lift(properties.as_object().unwrap())
            .into_iter()
            .map(|lifted| (lifted.name, lifted.value))
            .collect()
    }

    #[test]
    fn known_names_only() {
        assert_eq!(
            names(json!({"$browser": "Chrome", "utm_source": "news", "plan": "pro", "gclid": null})),
            vec![
                ("$browser", json!("Chrome")),
                ("utm_source", json!("news")),
                ("gclid", Value::Null)
            ]
        );
    }

    #[test]
    fn os_name_stands_in_for_os() {
        assert_eq!(names(json!({"$os_name": "iOS"})), vec![("$os", json!("iOS"))]);
        assert_eq!(
            names(json!({"$os_name": "iOS", "$os": "x"})),
            vec![("$os", json!("x"))]
        );
        assert_eq!(
            names(json!({"$os": null, "$os_name": "iOS"})),
            vec![("$os", json!("iOS"))]
        );
        assert_eq!(
            names(json!({"$os_name": "iOS", "$os": null})),
            vec![("$os", json!("iOS"))]
        );
    }

    #[test]
    fn servers_do_not_tell_the_system_of_the_person() {
        assert_eq!(
            names(
                json!({"$is_server": true, "$os": "Linux", "$os_name": "Linux", "$os_version": "6", "$browser": "x"})
            ),
            vec![("$browser", json!("x"))]
        );
    }
}
