//! Every way a body is wrapped, and bodies that are broken, hostile or random.

use std::io::Write;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::batch::batch;

const EVENT: &str = r#"{"event":"seen","distinct_id":"a+b ÿ>?","token":"t","properties":{"q":"x=1&y=2"}}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As `encodeURIComponent` writes it.
fn url_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn limits() -> CaptureLimits {
    CaptureLimits {
        decoded_bytes_max: 100_000,
        values_max: 10_000,
        ..CaptureLimits::default()
    }
}

fn run(
    query: &str,
    content_type: Option<&str>,
    encoding: Option<&str>,
    body: &[u8],
) -> Result<Value, CaptureError> {
    let query = Pairs::parse(query.as_bytes());
    let wire = Wire {
        query: &query,
        content_type,
        content_encoding: encoding,
        body,
    };
    decode(&wire, &limits()).map(|decoded| decoded.json)
}

#[test]
fn every_wrapping_of_one_event() {
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const TEXT: Option<&str> = Some("text/plain");
    let want: Value = serde_json::from_str(EVENT).unwrap();
    let plain = EVENT.as_bytes().to_vec();
    let base64 = BASE64_STANDARD.encode(EVENT);
    let packed = gzip(EVENT.as_bytes());
    let packed64 = BASE64_STANDARD.encode(&packed);
    let lz64 = lz_str::compress_to_base64(EVENT);
    // Name, query, content type, content encoding, body.
    let cases = [
        (
            "plain",
            String::new(),
            Some("application/json"),
            None,
            plain.clone(),
        ),
        ("no type", String::new(), None, None, plain.clone()),
        (
            "byte order mark",
            String::new(),
            None,
            None,
            [b"\xEF\xBB\xBF ", &plain[..]].concat(),
        ),
        (
            "gzip by header",
            String::new(),
            Some("application/json"),
            Some("gzip"),
            packed.clone(),
        ),
        (
            "gzip by parameter",
            "compression=gzip-js&_=1".into(),
            TEXT,
            None,
            packed.clone(),
        ),
        (
            "gzip by nothing but its magic",
            String::new(),
            TEXT,
            None,
            packed.clone(),
        ),
        (
            "gzip under a wrong hint",
            "compression=lz64".into(),
            TEXT,
            None,
            packed.clone(),
        ),
        ("gzip posted as a form", String::new(), FORM, None, packed.clone()),
        (
            "plain under a gzip header, inflated on the way",
            String::new(),
            None,
            Some("gzip"),
            plain.clone(),
        ),
        (
            "plain under an unknown hint",
            "compression=rot13".into(),
            None,
            Some("zz"),
            plain.clone(),
        ),
        ("twice gzip", String::new(), None, Some("gzip"), gzip(&packed)),
        ("base64", String::new(), None, None, base64.clone().into_bytes()),
        (
            "base64, url-safe without padding",
            String::new(),
            TEXT,
            None,
            BASE64_URL_SAFE_NO_PAD.encode(EVENT).into_bytes(),
        ),
        (
            "base64 of gzip",
            "compression=gzip-js".into(),
            None,
            None,
            packed64.clone().into_bytes(),
        ),
        (
            "base64 of base64",
            String::new(),
            None,
            None,
            BASE64_STANDARD.encode(&base64).into_bytes(),
        ),
        (
            "form of base64",
            String::new(),
            FORM,
            None,
            format!("data={}", url_encode(&base64)).into_bytes(),
        ),
        (
            "form of base64, pluses lost",
            String::new(),
            FORM,
            None,
            format!("data={base64}").into_bytes(),
        ),
        (
            "form of JSON",
            String::new(),
            FORM,
            None,
            format!("ip=1&data={}", url_encode(EVENT)).into_bytes(),
        ),
        (
            "form of gzip",
            String::new(),
            FORM,
            None,
            format!("data={}&compression=gzip-js", url_encode(&packed64)).into_bytes(),
        ),
        (
            "form of lz64",
            String::new(),
            FORM,
            None,
            format!("data={}&compression=lz64", url_encode(&lz64)).into_bytes(),
        ),
        (
            "form without its type",
            String::new(),
            TEXT,
            None,
            format!("data={}", url_encode(&base64)).into_bytes(),
        ),
        (
            "JSON under the type of a form",
            String::new(),
            FORM,
            None,
            plain.clone(),
        ),
        (
            "base64 under the type of a form",
            String::new(),
            FORM,
            None,
            base64.clone().into_bytes(),
        ),
        (
            "lz64",
            "compression=lz-string".into(),
            TEXT,
            None,
            lz64.clone().into_bytes(),
        ),
        (
            "query",
            format!("data={}", url_encode(&base64)),
            None,
            None,
            Vec::new(),
        ),
        (
            "query of JSON",
            format!("data={}&ip=0", url_encode(EVENT)),
            None,
            None,
            Vec::new(),
        ),
        (
            "query of lz64",
            format!("data={}&compression=lz64", url_encode(&lz64)),
            None,
            None,
            Vec::new(),
        ),
        (
            "query wins over the body",
            format!("data={}", url_encode(EVENT)),
            None,
            None,
            b"{}".to_vec(),
        ),
        ("empty query parameter", "data=".into(), None, None, plain),
    ];
    for (name, query, content_type, encoding, body) in cases {
        assert_eq!(
            run(&query, content_type, encoding, &body),
            Ok(want.clone()),
            "{name}"
        );
    }
}

#[test]
fn a_form_keeps_its_other_fields() {
    let query = Pairs::default();
    let body = b"data=e30%3D&api_key=phc_form&_=5";
    let wire = Wire {
        query: &query,
        content_type: None,
        content_encoding: None,
        body,
    };
    let decoded = decode(&wire, &limits()).unwrap();
    assert_eq!(decoded.json, json!({}));
    assert_eq!(decoded.form.get("api_key"), Some("phc_form"));
}

#[test]
fn broken_bodies() {
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    let packed = gzip(EVENT.as_bytes());
    let damaged = packed[..packed.len() - 12].to_vec();
    for (query, content_type, encoding, body, error) in [
        ("", None, None, &b""[..], CaptureError::Empty),
        ("data=", None, None, b" \n", CaptureError::Empty),
        ("", None, None, &gzip(b""), CaptureError::Empty),
        (
            "",
            None,
            None,
            &damaged,
            CaptureError::Undecodable { encoding: "gzip" },
        ),
        (
            "",
            None,
            Some("gzip"),
            b"\x1f\x8b\x08rubbish",
            CaptureError::Undecodable { encoding: "gzip" },
        ),
        (
            "compression=gzip",
            None,
            None,
            b"not gzip!",
            CaptureError::Undecodable { encoding: "gzip" },
        ),
        (
            "compression=base64",
            None,
            None,
            b"***",
            CaptureError::Undecodable { encoding: "base64" },
        ),
        (
            "compression=lz64",
            None,
            None,
            b"****",
            CaptureError::Undecodable { encoding: "lz64" },
        ),
        ("", FORM, None, b"foo=bar1", CaptureError::FormWithoutData),
        ("", FORM, None, b"ip=1&_=2", CaptureError::FormWithoutData),
        ("", None, None, b"{\"a\": \"\xff\"}", CaptureError::NotUtf8),
    ] {
        assert_eq!(
            run(query, content_type, encoding, body),
            Err(error),
            "{:?}",
            String::from_utf8_lossy(body)
        );
    }
    for text in [
        "{",
        "{\"a\":}",
        "hello world!",
        "<xml/>",
        "[1, 2",
        "{\"a\": 1} trailing",
    ] {
        assert!(
            matches!(
                run("", None, None, text.as_bytes()),
                Err(CaptureError::NotJson(_))
            ),
            "{text}"
        );
    }
}

#[test]
fn what_is_too_large_after_decoding() {
    let too_large = Err(CaptureError::TooLarge { bytes_max: 100_000 });
    let long = format!("[\"{}\"]", "a".repeat(100_000));
    assert_eq!(run("", None, None, long.as_bytes()), too_large);
    let bomb = gzip(&vec![b' '; 5_000_000]);
    assert!(bomb.len() < 100_000);
    assert_eq!(run("", None, None, &bomb), too_large);
    assert_eq!(
        run("", None, None, BASE64_STANDARD.encode(&bomb).as_bytes()),
        too_large
    );
    let lz64 = lz_str::compress_to_base64(&" ".repeat(150_000));
    assert_eq!(run("compression=lz64", None, None, lz64.as_bytes()), too_large);
    let many = format!("[{}0]", "0,".repeat(20_000));
    assert_eq!(
        run("", None, None, many.as_bytes()),
        Err(CaptureError::TooManyValues { values_max: 10_000 })
    );
    // Wrapped deeper than any client does, and not read on for ever.
    let mut nested = EVENT.as_bytes().to_vec();
    for _ in 0..8 {
        nested = gzip(&nested);
    }
    assert!(run("", None, None, &nested).is_err());
}

/// Bodies that are almost right.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop::sample::select(vec![
        EVENT.as_bytes().to_vec(),
        gzip(EVENT.as_bytes()),
        BASE64_STANDARD.encode(EVENT).into_bytes(),
        format!("data={}&compression=lz64", url_encode(&lz_str::compress_to_base64(EVENT))).into_bytes(),
        format!("data={}", url_encode(&BASE64_STANDARD.encode(gzip(EVENT.as_bytes())))).into_bytes(),
        br#"{"api_key":"t","batch":[{"event":"e\ud83d","distinct_id":NaN,"properties":{"$set":{"a":1}}}],"sent_at":"x"}"#
            .to_vec(),
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..6);
    (seeds, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte, kind) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => {
                    bytes.remove(at);
                }
            }
        }
        bytes
    })
}

fn text_or_nothing(choices: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(choices))
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(
        body in prop_oneof![2 => mutated(), 1 => prop::collection::vec(any::<u8>(), 0..300)],
        query in prop::sample::select(&["", "compression=gzip", "compression=lz64", "compression=base64&_=1", "data=%"][..]),
        content_type in text_or_nothing(&["application/x-www-form-urlencoded", "text/plain", "application/json"]),
        encoding in text_or_nothing(&["gzip", "br"]),
    ) {
        let pairs = Pairs::parse(query.as_bytes());
        let wire = Wire { query: &pairs, content_type, content_encoding: encoding, body: &body };
        if let Ok(decoded) = decode(&wire, &limits()) {
            let _ = batch(decoded, &pairs);
        }
    }

    #[test]
    fn what_is_wrapped_comes_out(
        name in "\\PC{0,60}",
        wrappings in prop::collection::vec(0..2u8, 0..4),
    ) {
        let want = json!({"event": name, "list": [1.5, null, "NaN"]});
        let mut body = want.to_string().into_bytes();
        for wrapping in wrappings {
            body = if wrapping == 0 { gzip(&body) } else { BASE64_STANDARD.encode(&body).into_bytes() };
        }
        prop_assert_eq!(run("", None, None, &body), Ok(want));
    }
}
