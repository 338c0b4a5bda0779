//! Bodies of capture requests, as clients wrap them.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use capture::{CaptureLimits, count_events};

use crate::harness::{Input, Target};

const FORM: &str = "application/x-www-form-urlencoded";

/// What clients of many years send, before it is wrapped.
const BODIES: &[&str] = &[
    r#"{"api_key":"phc_test","batch":[{"uuid":"01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c","event":"$pageview","properties":{"$lib":"web","distinct_id":"01a1fe2d-9d94-72a8-bcf0-9ade2f9f26ef","utm_medium":null,"token":"phc_test","$process_person_profile":false},"timestamp":"2026-11-21T12:56:04.777Z"}],"sent_at":"2026-11-21T12:56:04.817Z"}"#,
    r#"[{"event":"$create_alias","offset":1466,"uuid":"01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c","properties":{"distinct_id":"user-1","alias":"alias-1","token":"phc_test"}}]"#,
    r#"{"event":"seen","properties":{"distinct_id":"d","token":"phc_test","$elements":[{"tag_name":"a","$el_text":"Buy","classes":["btn"],"nth_child":1,"attr__href":"/x"}]}}"#,
    r#"{"$set":{"z":1},"$token":"phc_test","$distinct_id":"user-1","$device_id":"x"}"#,
    r#"{"batch":[{"event":"purchase","distinct_id":"user-1","timestamp":"2025-01-02T03:04:05+00:00","properties":{"price":12.5,"nested":{"a":[1,{"b":null}]},"nul":"a\u0000b","nan":NaN,"$groups":{"company":"acme"}}},{"event":"$set","distinct_id":"user-1","$set":{"email":"a@x.io"},"properties":{}},{"event":"$groupidentify","distinct_id":"c","properties":{"$group_type":"company","$group_key":"acme","$group_set":{"plan":"pro"}}}],"historical_migration":false,"sent_at":"2026-11-21T12:56:05+00:00","api_key":"phc_test"}"#,
    r#"{"api_key":"phc_test","batch":[{"event":"$create_alias","properties":{"distinct_id":"a","alias":"b"},"type":"alias"}]}"#,
    r#"{"event":"e","distinct_id":123456789012345678901234567890,"api_key":"phc_test","properties":{"text":"\ud83d\ude00\ud83d","deep":[[[[[[1]]]]]]}}"#,
    "  [ ]  ",
];

/// (wrapping, query, type, encoding)
const WAYS: &[(&str, &str, &str, &str)] = &[
    ("plain", "", "application/json", ""),
    ("plain", "ip=1&_=1795265936913&ver=1.69.0", "text/plain", ""),
    ("gzip", "compression=gzip-js&_=1", "text/plain", ""),
    ("gzip", "", "application/json", "gzip"),
    ("gzip", "", "", ""),
    ("gzip gzip", "", "", "gzip"),
    ("base64", "", "text/plain", ""),
    ("base64 base64", "", "", ""),
    ("gzip base64", "compression=gzip-js", "", ""),
    ("base64 form", "ip=1", FORM, ""),
    ("lz64 form", "compression=lz64", FORM, ""),
    ("gzip base64 form", "compression=gzip-js", FORM, ""),
    ("lz64", "compression=lz-string", "", ""),
    ("lz64", "compression=lz64", "text/plain", ""),
];

fn head(way: &(&str, &str, &str, &str)) -> String {
    format!("{}\t{}\t{}\t{}", way.0, way.1, way.2, way.3)
}

fn wrapped(wrapping: &str, body: &[u8]) -> Option<Vec<u8>> {
    wrapping
        .split(' ')
        .try_fold(body.to_vec(), |body, layer| match layer {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&body).ok()?;
                encoder.finish().ok()
            }
            "base64" => Some(BASE64_STANDARD.encode(&body).into_bytes()),
            "lz64" => Some(lz_str::compress_to_base64(std::str::from_utf8(&body).ok()?).into_bytes()),
            "form" => {
                let text = String::from_utf8(body).ok()?;
                let text = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                Some(format!("data={text}").into_bytes())
            }
            _ => Some(body),
        })
}

pub fn target() -> Target {
    let mut seeds = Vec::new();
    for way in WAYS {
        for body in BODIES {
            seeds.push(Input::new(head(way), *body));
            // Also changed after wrapping, so that damaged wrappings are met.
            let bytes = wrapped(way.0, body.as_bytes()).expect("the seeds can be wrapped");
            seeds.push(Input::new(head(&("plain", way.1, way.2, way.3)), bytes));
        }
    }
    let dictionary = [
        "\"event\"",
        "\"batch\"",
        "\"properties\"",
        "\"distinct_id\"",
        "\"$distinct_id\"",
        "\"token\"",
        "\"api_key\"",
        "\"timestamp\"",
        "\"sent_at\"",
        "\"offset\"",
        "\"uuid\"",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "{}",
        "[]",
        "\"\"",
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "\\",
        "data=",
        "&",
        "%",
        "%00",
        "%zz",
        "+",
        "=",
        "compression=gzip",
        "\u{feff}",
        "\u{1f600}",
        "\x1f\u{8b}",
        "2026-13-45T99:99:99Z",
        "\"$set\":{\"a\":1}",
        ",",
        ":",
    ]
    .iter()
    .map(|token| token.as_bytes().to_vec())
    .chain([vec![0x1f, 0x8b, 8], vec![0xff], vec![0xed, 0xa0, 0x80], vec![0]])
    .collect();
    Target {
        name: "capture",
        seeds,
        dictionary,
        bytes_max: 20_000,
        inputs: 10_000,
        memory_max: 64 << 20,
        check: Box::new(check),
    }
}

fn check(input: &Input) -> Result<String, String> {
    // Small ones, so that bombs are met.
    let limits = CaptureLimits {
        decoded_bytes_max: 256 << 10,
        values_max: 5000,
        ..CaptureLimits::default()
    };
    let fields: Vec<&str> = input.head.split('\t').collect();
    let &[wrapping, query, content_type, content_encoding] = fields.as_slice() else {
        return Err(format!("the head has {} fields", fields.len()));
    };
    let given = |text: &'static str| (!text.is_empty()).then_some(text);
    let plain = || count_events("", given("application/json"), None, &input.body, &limits);
    let Some(body) = wrapped(wrapping, &input.body) else {
        return Ok("cannot be wrapped".to_owned());
    };
    let optional = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let count = count_events(
        query,
        optional(content_type),
        optional(content_encoding),
        &body,
        &limits,
    );
    // Wrapping changes nothing about what is inside. What is no JSON may be a wrapping itself.
    if wrapping != "plain" && matches!(input.body.trim_ascii().first(), Some(b'{' | b'[')) && plain() != count
    {
        return Err(format!("plain: {:?} events, wrapped: {count:?}", plain()));
    }
    Ok(match count {
        Some(count) => format!("ok {}", ["no events", "one event", "events"][count.min(2)]),
        None => "refused".to_owned(),
    })
}
