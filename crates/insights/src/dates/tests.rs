//! Tables over zones and texts, and properties of ticks.

use chrono::{DateTime, Timelike, Utc};
use model::{Interval, TimeRange, WeekStart};
use proptest::prelude::*;
use serde_json::json;

use super::ticks::{tick_days, tick_labels, ticks};
use super::*;
use crate::test_context::{World, at, request};

fn calendar(timezone: &str, week_start: WeekStart) -> Calendar {
    Calendar {
        timezone: timezone.parse().unwrap(),
        week_start,
    }
}

#[test]
fn texts_of_dates() {
    let now = at("2020-03-31T15:45:30Z");
    let day = |text: &str| {
        Some(DateText::At {
            instant: at(text),
            precision: Precision::Day,
        })
    };
    let instant = |text: &str| {
        Some(DateText::At {
            instant: at(text),
            precision: Precision::Instant,
        })
    };
    let utc = calendar("UTC", WeekStart::Sunday);
    for (text, expected) in [
        ("2020-01-04", day("2020-01-04T00:00:00Z")),
        ("2020-01-04T10:00:00", instant("2020-01-04T10:00:00Z")),
        ("2020-01-04 10:00:00", instant("2020-01-04T10:00:00Z")),
        ("2020-01-04 10:00", instant("2020-01-04T10:00:00Z")),
        (
            "2020-01-04T10:00:00.123456Z",
            instant("2020-01-04T10:00:00.123456Z"),
        ),
        ("2020-01-04T10:00:00+02:00", instant("2020-01-04T08:00:00Z")),
        ("2020-01-04T10:00:00 02:00", instant("2020-01-04T08:00:00Z")),
        ("2020-01-04T10:00:00-0330", instant("2020-01-04T13:30:00Z")),
        ("-1h", instant("2020-03-31T14:00:00Z")),
        ("24h", instant("2020-03-30T15:00:00Z")),
        ("dStart", day("2020-03-31T00:00:00Z")),
        ("-7d", day("2020-03-24T00:00:00Z")),
        ("-1dStart", day("2020-03-30T00:00:00Z")),
        ("-2w", day("2020-03-17T00:00:00Z")),
        ("-1m", day("2020-02-29T00:00:00Z")),
        ("mStart", day("2020-03-01T00:00:00Z")),
        ("-1mStart", day("2020-02-01T00:00:00Z")),
        ("mEnd", day("2020-03-31T00:00:00Z")),
        ("-1mEnd", day("2020-02-29T00:00:00Z")),
        ("-1y", day("2019-03-31T00:00:00Z")),
        ("yStart", day("2020-01-01T00:00:00Z")),
        ("yEnd", day("2020-12-31T00:00:00Z")),
        ("-1yStart", day("2019-01-01T00:00:00Z")),
        ("all", Some(DateText::All)),
        ("yesterday", None),
        ("-d", None),
        ("7", None),
        ("-7q", None),
        ("2020-13-01", None),
        ("x-7d", None),
        ("-99999999999999999999d", None),
    ] {
        assert_eq!(read_date(text, utc, now), expected, "{text}");
    }
}

#[test]
fn texts_mean_the_clock_of_the_project() {
    let tokyo = calendar("Asia/Tokyo", WeekStart::Sunday);
    // Already the next day there.
    let now = at("2020-03-31T15:45:30Z");
    for (text, expected) in [
        ("2020-01-04", "2020-01-03T15:00:00Z"),
        ("2020-01-04T10:00:00", "2020-01-04T01:00:00Z"),
        ("2020-01-04T10:00:00Z", "2020-01-04T10:00:00Z"),
        ("dStart", "2020-03-31T15:00:00Z"),
        ("mStart", "2020-03-31T15:00:00Z"),
    ] {
        let Some(DateText::At { instant, .. }) = read_date(text, tokyo, now) else {
            panic!("{text}")
        };
        assert_eq!(instant, at(expected), "{text}");
    }
}

#[test]
fn buckets_in_zones() {
    use Interval::{Day, Hour, Month, Week};
    use WeekStart::{Monday, Sunday};
    for (timezone, week_start, interval, instant, from, to) in [
        // 25 and 23 hours.
        (
            "America/New_York",
            Sunday,
            Day,
            "2022-11-06T12:00:00Z",
            "2022-11-06T04:00:00Z",
            "2022-11-07T05:00:00Z",
        ),
        (
            "America/New_York",
            Sunday,
            Day,
            "2022-03-13T12:00:00Z",
            "2022-03-13T05:00:00Z",
            "2022-03-14T04:00:00Z",
        ),
        // The hour that comes twice is two hours.
        (
            "America/New_York",
            Sunday,
            Hour,
            "2022-11-06T05:30:00Z",
            "2022-11-06T05:00:00Z",
            "2022-11-06T06:00:00Z",
        ),
        (
            "America/New_York",
            Sunday,
            Hour,
            "2022-11-06T06:30:00Z",
            "2022-11-06T06:00:00Z",
            "2022-11-06T07:00:00Z",
        ),
        (
            "Asia/Tokyo",
            Sunday,
            Day,
            "2020-01-01T15:00:00Z",
            "2020-01-01T15:00:00Z",
            "2020-01-02T15:00:00Z",
        ),
        (
            "Asia/Kolkata",
            Sunday,
            Day,
            "2020-03-01T18:29:59Z",
            "2020-02-29T18:30:00Z",
            "2020-03-01T18:30:00Z",
        ),
        (
            "Asia/Kolkata",
            Sunday,
            Hour,
            "2020-03-01T18:29:59Z",
            "2020-03-01T17:30:00Z",
            "2020-03-01T18:30:00Z",
        ),
        (
            "UTC",
            Sunday,
            Week,
            "2020-01-01T12:00:00Z",
            "2019-12-29T00:00:00Z",
            "2020-01-05T00:00:00Z",
        ),
        (
            "UTC",
            Monday,
            Week,
            "2020-01-01T12:00:00Z",
            "2019-12-30T00:00:00Z",
            "2020-01-06T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            Week,
            "2019-12-29T00:00:00Z",
            "2019-12-29T00:00:00Z",
            "2020-01-05T00:00:00Z",
        ),
        (
            "UTC",
            Monday,
            Week,
            "2019-12-29T00:00:00Z",
            "2019-12-23T00:00:00Z",
            "2019-12-30T00:00:00Z",
        ),
        (
            "America/New_York",
            Sunday,
            Month,
            "2020-03-01T04:59:59Z",
            "2020-02-01T05:00:00Z",
            "2020-03-01T05:00:00Z",
        ),
        // Clocks go forward at midnight: the day begins at one.
        (
            "America/Sao_Paulo",
            Sunday,
            Day,
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
        ),
        (
            "Asia/Beirut",
            Sunday,
            Day,
            "2022-03-27T12:00:00Z",
            "2022-03-26T22:00:00Z",
            "2022-03-27T21:00:00Z",
        ),
        // Clocks go back at midnight: the day before has its last hour twice, and the day begins once.
        (
            "America/Havana",
            Sunday,
            Day,
            "2022-11-06T12:00:00Z",
            "2022-11-06T04:00:00Z",
            "2022-11-07T05:00:00Z",
        ),
    ] {
        let bucket = calendar(timezone, week_start).bucket(at(instant), interval);
        assert_eq!(
            bucket,
            TimeRange {
                from: at(from),
                to: at(to)
            },
            "{timezone} {interval:?} {instant}"
        );
    }
}

fn range_of(world: &World, body: serde_json::Value, interval: Interval) -> (DateTime<Utc>, DateTime<Utc>) {
    let asked = read_range(&request(body), interval, &world.context())
        .unwrap()
        .range;
    (asked.from, asked.to)
}

#[test]
fn ranges() {
    let world = World::new();
    for (body, interval, from, to) in [
        (
            json!({}),
            Interval::Day,
            "2019-12-28T00:00:00Z",
            "2020-01-05T00:00:00Z",
        ),
        (
            json!({}),
            Interval::Hour,
            "2019-12-28T00:00:00Z",
            "2020-01-04T12:00:00Z",
        ),
        (
            json!({"date_from": "-3d", "date_to": "-1d"}),
            Interval::Day,
            "2020-01-01T00:00:00Z",
            "2020-01-04T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-01", "date_to": "2020-01-01T10:00:00"}),
            Interval::Day,
            "2020-01-01T00:00:00Z",
            "2020-01-01T10:00:00Z",
        ),
        (
            json!({"date_from": "all"}),
            Interval::Day,
            "2019-12-28T00:00:00Z",
            "2020-01-05T00:00:00Z",
        ),
    ] {
        assert_eq!(
            range_of(&world, body.clone(), interval),
            (at(from), at(to)),
            "{body}"
        );
    }
    let mut world = World::new();
    world.earliest_event = Some(at("2019-02-03T04:05:06Z"));
    assert_eq!(
        range_of(&world, json!({"date_from": "all"}), Interval::Day).0,
        at("2019-02-03T00:00:00Z")
    );
}

#[test]
fn refused_ranges_name_their_field() {
    let world = World::new();
    for (body, attr) in [
        (json!({"date_from": "soon"}), "date_from"),
        (json!({"date_to": "later"}), "date_to"),
        (json!({"date_to": "all"}), "date_to"),
        (
            json!({"date_from": "2020-01-02", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (json!({"date_from": ["2020-01-02"]}), "date_from"),
    ] {
        let error = read_range(&request(body), Interval::Day, &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
    }
    let error = read_interval(&request(json!({"interval": "decade"}))).unwrap_err();
    assert_eq!(error.attr.as_deref(), Some("interval"));
    assert_eq!(
        read_interval(&request(json!({"interval": "minute"}))).unwrap(),
        Interval::Hour
    );
}

#[test]
fn names_of_ticks() {
    let tokyo = calendar("Asia/Tokyo", WeekStart::Sunday);
    let range = TimeRange {
        from: at("2020-01-03T15:00:00Z"),
        to: at("2020-01-05T15:00:00Z"),
    };
    let days = ticks(range, Interval::Day, tokyo).unwrap();
    assert_eq!(
        tick_days(&days, Interval::Day, tokyo),
        ["2020-01-04", "2020-01-05"]
    );
    assert_eq!(
        tick_labels(&days, Interval::Day, tokyo),
        ["4-Jan-2020", "5-Jan-2020"]
    );
    let hours = ticks(
        TimeRange {
            to: at("2020-01-03T17:00:00Z"),
            ..range
        },
        Interval::Hour,
        tokyo,
    )
    .unwrap();
    assert_eq!(
        tick_days(&hours, Interval::Hour, tokyo),
        ["2020-01-04 00:00:00", "2020-01-04 01:00:00"]
    );
    assert_eq!(
        tick_labels(&hours, Interval::Hour, tokyo),
        ["4-Jan-2020 00:00", "4-Jan-2020 01:00"]
    );
}

fn zones() -> impl Strategy<Value = Calendar> {
    let zones = prop::sample::select(vec![
        "UTC",
        "America/New_York",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Asia/Beirut",
        "Pacific/Apia",
        "Europe/Berlin",
    ]);
    let weeks = prop::sample::select(vec![WeekStart::Sunday, WeekStart::Monday]);
    (zones, weeks).prop_map(|(zone, week)| calendar(zone, week))
}

/// Samoa had no 30 December 2011: it moved to the other side of the date line.
#[test]
fn a_date_that_was_left_out_is_no_day() {
    let calendar = Calendar {
        timezone: chrono_tz::Pacific::Apia,
        week_start: WeekStart::Sunday,
    };
    let (before, after) = (
        "2011-12-29T10:00:00Z".parse().unwrap(),
        "2011-12-30T10:00:00Z".parse().unwrap(),
    );
    assert_eq!(calendar.step(before, Interval::Day, 1), after);
    assert_eq!(calendar.step(after, Interval::Day, -1), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every instant of the range lies in the bucket of exactly one tick, and ticks start where local clocks say so.
    #[test]
    fn ticks_cover_the_range(
        calendar in zones(),
        interval in prop::sample::select(vec![Interval::Hour, Interval::Day, Interval::Week, Interval::Month]),
        from in 1_262_304_000_i64..1_700_000_000,
        length in 1_i64..40 * 86_400,
    ) {
        let range = TimeRange {
            from: DateTime::from_timestamp(from, 0).unwrap(),
            to: DateTime::from_timestamp(from + length, 0).unwrap(),
        };
        let ticks = ticks(range, interval, calendar).unwrap();
        prop_assert!(ticks[0] <= range.from);
        prop_assert!(*ticks.last().unwrap() < range.to);
        prop_assert!(calendar.step(*ticks.last().unwrap(), interval, 1) >= range.to);
        for pair in ticks.windows(2) {
            prop_assert!(pair[0] < pair[1]);
            prop_assert_eq!(calendar.bucket(pair[0], interval), TimeRange { from: pair[0], to: pair[1] });
            let last = pair[1] - chrono::TimeDelta::microseconds(1);
            prop_assert_eq!(calendar.truncate(last, interval), pair[0]);
            // Going back is the inverse of going on.
            prop_assert_eq!(calendar.step(pair[1], interval, -1), pair[0]);
        }
        for tick in &ticks {
            let local = calendar.local(*tick);
            prop_assert_eq!((local.minute(), local.second()), (0, 0));
            // A day starts at midnight, or, where there is none, with the first instant of its date.
            if interval != Interval::Hour && local.hour() != 0 {
                let before = calendar.date(*tick - chrono::TimeDelta::seconds(1));
                prop_assert!(before < local.date_naive());
            }
        }
    }
}
