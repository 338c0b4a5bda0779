//! The invented product: visitors come, some sign up, fewer activate, few pay, and some keep coming back.

use chrono::{DateTime, TimeDelta, Utc};
use model::{CapturedEvent, ProjectId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct Story {
    pub project: ProjectId,
    /// The data ends here.
    pub now: DateTime<Utc>,
    pub days: u32,
    pub seed: u64,
}

const BROWSERS: &[(&str, &str, u32)] = &[
    ("Chrome", "Windows", 34),
    ("Chrome", "Mac OS X", 18),
    ("Safari", "Mac OS X", 12),
    ("Mobile Safari", "iOS", 14),
    ("Chrome", "Android", 12),
    ("Firefox", "Linux", 6),
    ("Microsoft Edge", "Windows", 4),
];
const COUNTRIES: &[(&str, u32)] = &[
    ("US", 30),
    ("DE", 16),
    ("GB", 14),
    ("FR", 10),
    ("IN", 12),
    ("BR", 8),
    ("JP", 10),
];
const REFERRERS: &[(&str, u32)] = &[
    ("$direct", 40),
    ("www.google.com", 34),
    ("news.ycombinator.com", 10),
    ("github.com", 9),
    ("t.co", 7),
];
const PAGES: &[(&str, u32)] = &[
    ("/", 30),
    ("/docs", 16),
    ("/blog/launch", 12),
    ("/features", 14),
    ("/pricing", 18),
    ("/about", 10),
];
const APP_PAGES: &[(&str, u32)] = &[
    ("/app", 40),
    ("/app/files", 34),
    ("/app/team", 12),
    ("/app/settings", 14),
];
const INDUSTRIES: &[&str] = &["software", "finance", "health", "education", "retail"];
const NAMES: &[&str] = &[
    "ada", "ben", "chloe", "dev", "elif", "finn", "gita", "hugo", "ines", "jon", "kim", "lena",
];

/// Chances of the steps of the funnel, in percent of those who took the step before.
const SIGNS_UP: u32 = 45;
const ACTIVATES: u32 = 60;
const PAYS: u32 = 25;
/// Chance, in percent, that a signed-up person comes back on a given day right after signing up; it fades.
const RETURNS: u32 = 42;

impl Story {
    /// All events of one person in order of time. The same arguments make the same events, uuids included.
    pub fn events_of(&self, person: u32) -> Vec<CapturedEvent> {
        let mut rng = StdRng::seed_from_u64(self.seed ^ (u64::from(person) << 20));
        let first_day = rng.random_range(0..self.days.max(1));
        let (browser, os) = pick(&mut rng, BROWSERS.iter().map(|b| ((b.0, b.1), b.2)));
        let mut visitor = Visitor {
            story: self,
            person,
            distinct_id: uuid(&mut rng).to_string(),
            known: false,
            browser,
            os,
            country: pick(&mut rng, COUNTRIES.iter().copied()),
            referrer: pick(&mut rng, REFERRERS.iter().copied()),
            organization: rng.random_range(0..40),
            session: String::new(),
            at: self.now,
            events: Vec::new(),
        };
        for day in first_day..self.days {
            let age = day - first_day;
            let fade = 100 / (2 + age / 4);
            let comes = age == 0 || (visitor.known && rng.random_range(0..100) < RETURNS * fade / 50);
            if comes && visitor.start_session(day, &mut rng) {
                visitor.visit(age, &mut rng);
            }
        }
        visitor.events
    }
}

struct Visitor<'a> {
    story: &'a Story,
    person: u32,
    distinct_id: String,
    /// Has signed up.
    known: bool,
    browser: &'static str,
    os: &'static str,
    country: &'static str,
    referrer: &'static str,
    organization: u32,
    session: String,
    at: DateTime<Utc>,
    events: Vec<CapturedEvent>,
}

impl Visitor<'_> {
    /// Moves the clock to a moment of that day, mostly in waking hours. False when that would be in the future.
    fn start_session(&mut self, day: u32, rng: &mut StdRng) -> bool {
        let days_ago = i64::from(self.story.days - 1 - day);
        let midnight = self
            .story
            .now
            .date_naive()
            .and_hms_opt(0, 0, 0)
            .expect("midnight exists")
            .and_utc();
        let hour = 6 + (rng.random_range(0..16) + rng.random_range(0..16)) / 2;
        let seconds = hour * 3600 + rng.random_range(0..3600);
        self.at = midnight - TimeDelta::days(days_ago) + TimeDelta::seconds(seconds);
        self.session = uuid(rng).to_string();
        self.at < self.story.now
    }

    fn visit(&mut self, age: u32, rng: &mut StdRng) {
        let pages = rng.random_range(1..6);
        if self.known {
            for _ in 0..pages {
                let page = pick(rng, APP_PAGES.iter().copied());
                self.page(page, rng);
                if rng.random_range(0..100) < 40 {
                    let kind = pick(rng, [("document", 5), ("image", 3), ("video", 1)].into_iter());
                    self.send(
                        "file uploaded",
                        json!({"kind": kind, "size_kb": rng.random_range(4..9000)}),
                        rng,
                    );
                }
            }
            return;
        }
        for _ in 0..pages {
            let page = pick(rng, PAGES.iter().copied());
            self.page(page, rng);
        }
        if age == 0 && rng.random_range(0..100) < SIGNS_UP {
            self.sign_up(rng);
        }
    }

    fn sign_up(&mut self, rng: &mut StdRng) {
        self.page("/signup", rng);
        let name = NAMES[self.person as usize % NAMES.len()];
        let email = format!("{name}{}@company{}.example", self.person, self.organization);
        let anonymous = std::mem::replace(&mut self.distinct_id, email.clone());
        self.known = true;
        let plan = pick(rng, [("free", 7), ("team", 2), ("business", 1)].into_iter());
        self.send(
            "$identify",
            json!({
                "$anon_distinct_id": anonymous,
                "$set": {"email": email, "name": format!("{name} {}", self.person), "plan": plan, "country": self.country},
                "$set_once": {"signed_up_at": self.at.to_rfc3339()},
            }),
            rng,
        );
        self.send(
            "signed up",
            json!({"method": pick(rng, [("email", 6), ("google", 4)].into_iter())}),
            rng,
        );
        let industry = INDUSTRIES[self.organization as usize % INDUSTRIES.len()];
        self.send(
            "$groupidentify",
            json!({
                "$group_type": "organization",
                "$group_key": self.organization_key(),
                "$group_set": {"name": format!("Company {}", self.organization), "industry": industry,
                    "employees": 5 + self.organization * 13},
            }),
            rng,
        );
        if rng.random_range(0..100) < ACTIVATES {
            self.send("first file uploaded", json!({"kind": "document"}), rng);
            if rng.random_range(0..100) < PAYS {
                self.page("/pricing", rng);
                let amount = [12.0, 49.5, 199.0][rng.random_range(0..3)];
                self.send("purchase", json!({"amount": amount, "currency": "USD"}), rng);
            }
        }
    }

    fn organization_key(&self) -> String {
        format!("company-{}", self.organization)
    }

    fn page(&mut self, path: &str, rng: &mut StdRng) {
        let url = format!("https://files.example{path}");
        self.send("$pageview", json!({"$current_url": url, "$pathname": path}), rng);
    }

    /// Sends one event some seconds after the one before.
    fn send(&mut self, event: &str, own: Value, rng: &mut StdRng) {
        self.at += TimeDelta::milliseconds(rng.random_range(2_000..90_000));
        let mut properties = Map::new();
        let common = json!({
            "$browser": self.browser,
            "$os": self.os,
            "$lib": "web",
            "$session_id": self.session,
            "$referring_domain": self.referrer,
            "$geoip_country_code": self.country,
        });
        for values in [common, own] {
            if let Value::Object(values) = values {
                properties.extend(values);
            }
        }
        if self.known {
            properties.insert(
                "$groups".to_owned(),
                json!({"organization": self.organization_key()}),
            );
        }
        self.events.push(CapturedEvent {
            project: self.story.project,
            uuid: uuid(rng),
            event: event.to_owned(),
            distinct_id: self.distinct_id.clone(),
            properties,
            timestamp: Some(json!(self.at.to_rfc3339())),
            offset_ms: None,
            sent_at: None,
            received_at: self.story.now,
            ip: None,
        });
    }
}

fn uuid(rng: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}

/// One of the choices, by weight.
fn pick<T>(rng: &mut StdRng, choices: impl Iterator<Item = (T, u32)> + Clone) -> T {
    let total: u32 = choices.clone().map(|(_, weight)| weight).sum();
    let mut at = rng.random_range(0..total);
    for (choice, weight) in choices {
        if at < weight {
            return choice;
        }
        at -= weight;
    }
    unreachable!("`at` is below the sum of the weights")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story_in_order() {
        let story = Story {
            project: ProjectId(1),
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            days: 30,
            seed: 7,
        };
        let (mut events, mut signed_up, mut paid) = (0, 0, 0);
        for person in 0..300 {
            let told = story.events_of(person);
            assert_eq!(told, story.events_of(person));
            assert!(told.is_sorted_by_key(|event| event.timestamp.as_ref().map(ToString::to_string)));
            events += told.len();
            signed_up += told.iter().filter(|event| event.event == "signed up").count();
            paid += told.iter().filter(|event| event.event == "purchase").count();
        }
        assert!(
            events > 1000 && signed_up > 60 && paid > 5 && paid < signed_up / 3,
            "{events} {signed_up} {paid}"
        );
    }
}
