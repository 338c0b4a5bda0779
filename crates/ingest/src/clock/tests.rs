//! Every format and rule of "Time".

use serde_json::json;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn formats() {
    for (text, want) in [
        ("2026-11-21T12:56:04.777Z", "2026-11-21T12:56:04.777Z"),
        ("2025-01-02T03:04:05+00:00", "2025-01-02T03:04:05Z"),
        ("2026-11-21T12:55:12.956272+00:00", "2026-11-21T12:55:12.956272Z"),
        ("2025-01-02T03:04:05+03", "2025-01-02T00:04:05Z"),
        ("2025-01-02T03:04:05-0330", "2025-01-02T06:34:05Z"),
        ("2025-01-02", "2025-01-02T00:00:00Z"),
        ("2025/01/02", "2025-01-02T00:00:00Z"),
        ("2025/01/02 03:04:05", "2025-01-02T03:04:05Z"),
        ("2025-01-02 03:04:05.5", "2025-01-02T03:04:05.5Z"),
        ("2025-01-02 03:04", "2025-01-02T03:04:00Z"),
        ("2025-01-02T03:04:05", "2025-01-02T03:04:05Z"),
        ("2025-01-02 03:04:05 UTC", "2025-01-02T03:04:05Z"),
        ("2025-01-02T03:04:05.123456789Z", "2025-01-02T03:04:05.123456789Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("Thu, 02 Jan 2025 03:04:05 +0100", "2025-01-02T02:04:05Z"),
        ("Thu, 02 Jan 2025 03:04:05 GMT", "2025-01-02T03:04:05Z"),
        ("1735787045", "2025-01-02T03:04:05Z"),
        ("1735787045123", "2025-01-02T03:04:05.123Z"),
        (" 1735787045.5 ", "2025-01-02T03:04:05.5Z"),
    ] {
        assert_eq!(parse(text), Some(at(want)), "{text}");
    }
    for text in [
        "",
        "now",
        "2025-13-01",
        "2025-02-30",
        "2025-01/02",
        "2025-01-02T",
        "2025-01-02T25:00:00Z",
        "2025-1-2",
        "inf",
        "nan",
        "1e9",
        "-",
        ".",
        "1.2.3",
        "99999999999999999999999",
        "2025-01-02T03:04:05+99:00",
        "2025-01-02T03:04:05Zx",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn rules() {
    let now = at("2026-11-21T12:00:00Z");
    let sent = Some(at("2026-11-21T12:00:10Z"));
    let time = |timestamp: Option<Value>, offset_ms, sent_at, ignore_sent_at| {
        event_time(
            &Claims {
                timestamp: timestamp.as_ref(),
                offset_ms,
                sent_at,
                ignore_sent_at,
            },
            now,
        )
    };
    let text = |text: &str| Some(json!(text));
    // Offset over everything else.
    assert_eq!(
        time(text("2020-01-01"), Some(1466), sent, false),
        at("2026-11-21T11:59:58.534Z")
    );
    // The client's clock is 10 s ahead.
    assert_eq!(
        time(text("2026-11-21T11:00:00Z"), None, sent, false),
        at("2026-11-21T10:59:50Z")
    );
    assert_eq!(
        time(text("2026-11-21T11:00:00Z"), None, sent, true),
        at("2026-11-21T11:00:00Z")
    );
    assert_eq!(
        time(text("2026-11-21T11:00:00Z"), None, None, false),
        at("2026-11-21T11:00:00Z")
    );
    for unreadable in [
        None,
        text("yesterday"),
        Some(json!(true)),
        Some(json!({})),
        Some(Value::Null),
    ] {
        assert_eq!(time(unreadable, None, sent, false), now);
    }
    assert_eq!(
        time(Some(json!(1735787045)), None, None, false),
        at("2025-01-02T03:04:05Z")
    );
    assert_eq!(
        time(Some(json!(1735787045123i64)), None, None, false),
        at("2025-01-02T03:04:05.123Z")
    );
    // 23 hours ahead at most.
    assert_eq!(
        time(text("2026-11-22T11:00:00Z"), None, None, false),
        at("2026-11-22T11:00:00Z")
    );
    assert_eq!(time(text("2026-11-22T11:00:01Z"), None, None, false), now);
    assert_eq!(time(None, Some(-48 * 3_600_000), None, false), now);
    assert_eq!(time(text("+275760-09-13T00:00:00.000Z"), None, None, false), now);
    // Years outside 0 to 9999.
    assert_eq!(
        time(text("-000001-01-01T00:00:00Z"), None, None, false),
        DateTime::UNIX_EPOCH
    );
    assert_eq!(
        time(text("0001-01-01T00:00:00Z"), None, None, false),
        at("0001-01-01T00:00:00Z")
    );
    for extreme in [i64::MIN, i64::MAX] {
        time(None, Some(extreme), None, false);
    }
    // Whole microseconds, as they are stored.
    assert_eq!(
        time(text("2025-01-02T03:04:05.123456789Z"), None, None, false),
        at("2025-01-02T03:04:05.123456Z")
    );
}
