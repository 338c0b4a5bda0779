//! Every property test against every kind of value.

use event_store::EventStore;
use insights::{Comparison, Condition, DateTest, EventsQuery, PropertySource, PropertyTest};
use serde_json::{Value, json};

use crate::database::*;

fn any_of(texts: &[&str]) -> PropertyTest {
    PropertyTest::AnyOf(texts.iter().map(|&text| text.to_owned()).collect())
}

fn none_of(texts: &[&str]) -> PropertyTest {
    PropertyTest::NoneOf(texts.iter().map(|&text| text.to_owned()).collect())
}

fn contains(text: &str, negated: bool) -> PropertyTest {
    PropertyTest::Contains {
        text: text.to_owned(),
        negated,
    }
}

fn regex(pattern: &str, negated: bool) -> PropertyTest {
    PropertyTest::Regex {
        pattern: pattern.to_owned(),
        negated,
    }
}

fn compare(op: Comparison, value: f64) -> PropertyTest {
    PropertyTest::Compare { op, value }
}

/// Stores one event for each value of `v` (`None`: absent), and asks which pass.
struct Values {
    db: Database,
    timezone: chrono_tz::Tz,
}

impl Values {
    async fn new(values: &[Option<Value>]) -> Self {
        let db = Database::new().await;
        db.events(values.iter().enumerate().map(|(i, value)| {
            let properties = match value {
                Some(value) => json!({"other": "x", "v": value}),
                None => json!({"other": "x"}),
            };
            event("e", &i.to_string(), "2020-01-01", properties)
        }))
        .await;
        Self {
            db,
            timezone: chrono_tz::UTC,
        }
    }

    async fn passing(&self, condition: Condition) -> Vec<usize> {
        let query = EventsQuery {
            project: PROJECT,
            timezone: self.timezone,
            after: None,
            before: None,
            condition,
            ascending: true,
            cursor: None,
            limit: 100,
        };
        let found = self.db.store.events(&query).await.expect("answered");
        found
            .iter()
            .map(|event| event.row.distinct_id.parse().expect("an index"))
            .collect()
    }

    fn property(test: PropertyTest) -> Condition {
        Condition::Property {
            source: PropertySource::Event,
            key: "v".to_owned(),
            test,
        }
    }
}

#[tokio::test]
async fn every_test_on_every_kind_of_value() {
    let all: Vec<usize> = (0..12).collect();
    let but = |out: &[usize]| {
        all.iter()
            .copied()
            .filter(|i| !out.contains(i))
            .collect::<Vec<_>>()
    };
    let values = Values::new(&[
        Some(json!("Chrome")),      // 0
        Some(json!("chrome x")),    // 1
        Some(json!(10)),            // 2
        Some(json!("10")),          // 3
        Some(json!(3.0)),           // 4
        Some(json!(true)),          // 5
        Some(Value::Null),          // 6
        Some(json!("")),            // 7
        None,                       // 8
        Some(json!(["a", 1.0])),    // 9
        Some(json!("50%_x\\")),     // 10
        Some(json!("ÄRGER \"q\"")), // 11
    ])
    .await;
    for (test, expected) in [
        (any_of(&["Chrome"]), vec![0]),
        (any_of(&["chrome"]), vec![]),
        (any_of(&["10"]), vec![2, 3]),
        (any_of(&["3"]), vec![4]),
        (any_of(&["3.0"]), vec![]),
        (any_of(&["true", "Chrome"]), vec![0, 5]),
        (any_of(&["null"]), vec![6]),
        (any_of(&[""]), vec![7, 8]),
        (any_of(&[]), vec![]),
        (any_of(&["[\"a\",1]"]), vec![9]),
        (any_of(&["ÄRGER \"q\""]), vec![11]),
        (none_of(&["Chrome", "10"]), but(&[0, 2, 3])),
        (none_of(&[""]), but(&[7, 8])),
        (none_of(&[]), all.clone()),
        (contains("CHROME", false), vec![0, 1]),
        (contains("%", false), vec![10]),
        (contains("_", false), vec![10]),
        (contains("\\", false), vec![10]),
        (contains("ärger", false), vec![11]),
        (contains("", false), but(&[8])),
        (contains("", true), vec![8]),
        (contains("chrome", true), but(&[0, 1])),
        (contains("1", false), vec![2, 3, 9]),
        (regex("^C", false), vec![0]),
        (regex("(?i)^c", false), vec![0, 1]),
        (regex("^$", false), vec![7, 8]),
        (regex(r"^\d+$", false), vec![2, 3, 4]),
        (regex(r"^\d+$", true), but(&[2, 3, 4])),
        (regex("hrome", true), but(&[0, 1])),
        (compare(Comparison::Greater, 5.0), vec![2, 3]),
        (compare(Comparison::GreaterOrEqual, 10.0), vec![2, 3]),
        (compare(Comparison::Less, 10.0), vec![4]),
        (compare(Comparison::LessOrEqual, 10.0), vec![2, 3, 4]),
        (compare(Comparison::Equal, 3.0), vec![4]),
        (PropertyTest::IsSet, but(&[8])),
        (PropertyTest::IsNotSet, vec![8]),
        (PropertyTest::Never, vec![]),
    ] {
        let condition = Values::property(test.clone());
        assert_eq!(values.passing(condition.clone()).await, expected, "{test:?}");
        let negated = Condition::Not(Box::new(condition));
        assert_eq!(values.passing(negated).await, but(&expected), "not {test:?}");
    }
}

#[tokio::test]
async fn regular_expressions_mean_what_re2_means() {
    let texts = [
        "one\ntwo",
        "a.b",
        "straße",
        "foo-bar foo_bar",
        "٣",
        "K",
        "a]b",
        "aaa",
        "\u{b}",
        "",
    ];
    let values = Values::new(&texts.map(|text| Some(json!(text)))).await;
    for (pattern, expected) in [
        ("one.two", vec![]),
        ("(?s)one.two", vec![0]),
        ("^two", vec![]),
        ("(?m)^two$", vec![0]),
        ("one$", vec![]),
        (r"one\z", vec![]),
        (r"\Aone", vec![0]),
        (r"a\.b", vec![1]),
        (r"\Qa.b\E", vec![1]),
        ("a[.]b", vec![1]),
        (r"\bbar\b", vec![3]),
        (r"bar\B", vec![]),
        (r"\Bbar", vec![3]),
        (r"^\d$", vec![]),
        (r"^\pN$", vec![4]),
        (r"stra\w+e", vec![]),
        (r"stra\W+e", vec![2]),
        ("(?i)^k$", vec![5]),
        ("(?i:STRASS|STRAß)E", vec![]),
        ("(?i:STRASS|STRAß)e", vec![2]),
        ("(?P<x>foo)-(bar)", vec![3]),
        ("[]]", vec![6]),
        ("[[]|a]", vec![6]),
        ("^a{2,4}?$", vec![7]),
        ("^(?:a|b){3}$", vec![7]),
        ("^a{300}$", vec![]),
        (r"^\s$", vec![]),
        (r"^\v$", vec![8]),
        ("[[:alpha:]]-[[:alpha:]]", vec![3]),
        ("^[^a]*$", vec![0, 4, 5, 8, 9]),
        ("x*", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("^(|a)$", vec![9]),
        ("(?i)\\x41{3}", vec![7]),
        (r"a\<|a\]b", vec![6]),
        ("a{,2}", vec![]),
    ] {
        assert_eq!(
            values.passing(Values::property(regex(pattern, false))).await,
            expected,
            "{pattern}"
        );
    }
}

#[tokio::test]
async fn texts_are_read_as_instants() {
    let mut values = Values::new(&[
        Some(json!("2020-01-02")),                // 0
        Some(json!("2020-01-02T10:00:00Z")),      // 1
        Some(json!("2020-01-02 10:00:00.5")),     // 2
        Some(json!("2020-01-02T10:00:00+02:00")), // 3
        Some(json!(1577959200)),                  // 4
        Some(json!("2020-01-02 and more")),       // 5
        Some(json!("no date")),                   // 6
        Some(json!("2020-02-30")),                // 7
        Some(json!(true)),                        // 8
        None,                                     // 9
        Some(json!("now")),                       // 10
        Some(json!("2020-01-02 10:00")),          // 11
        Some(json!("2020-01-02t10:00:00.000z")),  // 12
        Some(json!("2020-01-02T25:00:00Z")),      // 13
        Some(json!("infinity")),                  // 14
    ])
    .await;
    let day = || DateTest::Within(range("2020-01-02", "2020-01-03"));
    for (zone, test, expected) in [
        (chrono_tz::UTC, day(), vec![0, 1, 2, 3, 5, 11, 12, 13]),
        (
            chrono_tz::UTC,
            DateTest::Before(at("2020-01-02 10:00")),
            vec![0, 3, 5, 13],
        ),
        (chrono_tz::UTC, DateTest::After(at("2020-01-02 10:00")), vec![2]),
        (
            chrono_tz::UTC,
            DateTest::Within(range("2020-01-02T10:00:00Z", "2020-01-02T10:00:01Z")),
            vec![1, 2, 11, 12],
        ),
        // What has no offset is an hour earlier in Berlin.
        (
            chrono_tz::Europe::Berlin,
            DateTest::Before(at("2020-01-02 00:00")),
            vec![0, 5, 13],
        ),
        (
            chrono_tz::Europe::Berlin,
            DateTest::Before(at("2020-01-02 10:00")),
            vec![0, 2, 3, 5, 11, 13],
        ),
    ] {
        values.timezone = zone;
        let condition = Values::property(PropertyTest::Date(test.clone()));
        assert_eq!(
            values.passing(condition.clone()).await,
            expected,
            "{zone} {test:?}"
        );
        let others: Vec<usize> = (0..15).filter(|i| !expected.contains(i)).collect();
        assert_eq!(
            values.passing(Condition::Not(Box::new(condition))).await,
            others,
            "not {zone} {test:?}"
        );
    }
}

#[tokio::test]
async fn only_whole_texts_are_numbers() {
    let texts = [
        "1", " 1", "1 ", "+1", "1e0", "0x1", "1,0", "one", "", "1.", ".1e1", "nan", "inf", "1e400", "-1e400",
    ];
    let values = Values::new(&texts.map(|text| Some(json!(text)))).await;
    let equal = Values::property(compare(Comparison::Equal, 1.0));
    assert_eq!(values.passing(equal).await, [0, 3, 4, 9, 10]);
    let huge = Values::property(compare(Comparison::Greater, 1e308));
    assert_eq!(values.passing(huge).await, [13]);
    let tiny = Values::property(compare(Comparison::Less, -1e308));
    assert_eq!(values.passing(tiny).await, [14]);
}
