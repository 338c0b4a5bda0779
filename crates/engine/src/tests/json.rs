//! JSON columns taken apart on disk: every function of a path answers as it does over the text.

use proptest::prelude::*;

use super::options;
use crate::{Column, Engine, EngineConfig, TableInsert};

/// Key arguments, the first of them a constant key; types of JSONExtract.
const PATHS: [&str; 10] = [
    "'a'",
    "'b'",
    "'a', 'b'",
    "'a', 1",
    "'a', -1, 'b'",
    "''",
    "'é'",
    "'c'",
    "'a\\\"b'",
    "'missing'",
];
const FUNCTIONS: [&str; 12] = [
    "JSONExtractRaw",
    "JSONExtractString",
    "JSONExtractInt",
    "JSONExtractUInt",
    "JSONExtractFloat",
    "JSONExtractBool",
    "JSONHas",
    "JSONType",
    "JSONLength",
    "JSONExtractKeys",
    "JSONExtractArrayRaw",
    "JSONExtractKeysAndValuesRaw",
];
const TYPES: [&str; 4] = [
    "Nullable(Float64)",
    "Int8",
    "Array(Nullable(String))",
    "Tuple(b String, c Int64)",
];

/// Expressions over `properties`; of the whole text too.
fn expressions() -> Vec<String> {
    let mut out = Vec::new();
    for path in PATHS {
        for function in FUNCTIONS {
            out.push(format!("{function}(properties, {path})"));
        }
        for ty in TYPES {
            out.push(format!("JSONExtract(properties, {path}, '{ty}')"));
        }
    }
    out.push("JSONExtractKeysAndValues(properties, 'a', 'Int64')".to_owned());
    out.push("JSONExtractKeysAndValues(properties, 'Int64')".to_owned());
    for function in FUNCTIONS {
        out.push(format!("{function}(properties)"));
        out.push(format!("{function}(properties, 1)"));
    }
    for function in ["Raw", "String", "Int", "UInt", "Float", "Bool"] {
        out.push(format!("visitParamExtract{function}(properties, 'a')"));
    }
    out.push("visitParamHas(properties, 'b')".to_owned());
    out.push("isValidJSON(properties)".to_owned());
    out
}

fn scalar() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1e2",
        "1E-2",
        "-0.0",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "1e999",
        "01",
        "1.",
        "0.1000",
        "true",
        "false",
        "null",
        "tru",
        r#""""#,
        r#""x""#,
        r#""5""#,
        r#""-7.5""#,
        r#""a\"b""#,
        r#""\u0061\n""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ude00x""#,
        r#""\q""#,
        r#""é\/\u2028""#,
        "\"\u{1}\"",
        r#""0""#,
        "[]",
        "{}",
        " 1 ",
    ]);
    prop_oneof![4 => odd.prop_map(str::to_owned), 1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => "\"[a-c]{0,3}\"".prop_map(|s| s)]
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#""a""#,
        r#""a""#,
        r#""b""#,
        r#""b""#,
        r#""""#,
        r#""c""#,
        r#""\u0061""#,
        r#""é""#,
        r#""a\"b""#,
        r#""d0""#,
        r#""e""#,
    ])
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec!["", "", "", " ", "\n\t "]);
    prop::collection::vec((key(), blank, inner), 0..6).prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(key, blank, value)| format!("{blank}{key}{blank}:{blank}{value}{blank}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    let any_object = object(value()).prop_map(String::into_bytes);
    // A good object first, so that most documents are good.
    let good = prop::collection::vec(
        (
            0usize..4,
            prop::sample::select(vec!["1", "\"x\"", "null", "[1,{\"b\":2}]"]),
        ),
        0..5,
    )
    .prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(k, v)| format!("\"{}\":{v}", ["a", "b", "c", ""][k]))
            .collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    });
    let cut = (object(value()), any::<prop::sample::Index>()).prop_map(|(text, at)| {
        let bytes = text.into_bytes();
        bytes[..at.index(bytes.len())].to_vec()
    });
    let dirty = (object(value()), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    let other = prop_oneof![
        Just(Vec::new()),
        value().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6)
    ];
    prop_oneof![8 => good, 6 => any_object, 1 => cut, 1 => dirty, 1 => other]
}

fn config(keys_max: usize) -> EngineConfig {
    EngineConfig {
        fsync: false,
        background: false,
        max_threads: 1,
        granule_rows: Some(3),
        json_rows_min: 1,
        json_keys_max: keys_max,
        ..EngineConfig::default()
    }
}

fn create(engine: &Engine) {
    for (table, comment) in [("text", ""), ("apart", "COMMENT 'json'")] {
        let sql = format!(
            "CREATE TABLE {table} (id UInt64, properties String {comment}) ENGINE = MergeTree ORDER BY id"
        );
        engine.query(&sql, &options()).unwrap();
    }
}

fn insert(engine: &Engine, first: u64, texts: &[Vec<u8>]) {
    for table in ["text", "apart"] {
        let columns = vec![
            (
                "id".to_owned(),
                Column::UInt64((first..first + texts.len() as u64).collect()),
            ),
            ("properties".to_owned(), Column::strings(texts)),
        ];
        engine
            .insert(vec![TableInsert::new(table, columns)], None)
            .unwrap();
    }
}

/// Compares all expressions over both tables, and as filters.
fn compare(engine: &Engine, when: &str) {
    let rows = |sql: &str| engine.query(sql, &options()).unwrap().rows();
    for chunk in expressions().chunks(16) {
        let list = chunk.join(", ");
        let over = |table: &str| rows(&format!("SELECT id, properties, {list} FROM {table} ORDER BY id"));
        let (text, apart) = (over("text"), over("apart"));
        assert_eq!(text.len(), apart.len(), "{when}");
        for (text, apart) in text.iter().zip(&apart) {
            for (at, (text_value, apart_value)) in text.iter().zip(apart).enumerate() {
                let what = at.checked_sub(2).map_or("id or properties", |at| &chunk[at]);
                assert_eq!(text_value, apart_value, "{when}: {what} of {:?}", text[1]);
            }
        }
    }
    for filter in [
        "JSONExtractString(properties, 'a') = 'x'",
        "JSONExtractRaw(properties, 'a') IN ('1', '\"x\"') AND JSONHas(properties, 'b')",
        "JSONExtractInt(properties, 'a') + JSONExtractInt(properties, 'c') > 1 OR JSONHas(properties, 'missing')",
    ] {
        let over = |table: &str| {
            rows(&format!(
                "SELECT JSONExtractRaw(properties, 'b') AS b, count(), min(id) FROM {table} WHERE {filter} GROUP BY b \
                 ORDER BY b"
            ))
        };
        assert_eq!(over("text"), over("apart"), "{when}: {filter}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn e_shred_functions_answer_as_over_the_text(
        batches in prop::collection::vec(prop::collection::vec(document(), 1..14), 1..5),
        keys_max in 0usize..5,
        flushed in any::<u8>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), config(keys_max)).unwrap();
        create(&engine);
        let mut first = 0;
        for (n, batch) in batches.iter().enumerate() {
            insert(&engine, first, batch);
            first += batch.len() as u64;
            if flushed >> n & 1 == 1 {
                engine.flush().unwrap();
            }
        }
        compare(&engine, "parts and memory");
        engine.flush().unwrap();
        engine.close().unwrap();
        // Other limits choose other keys: what was taken apart before is taken apart anew.
        let engine = Engine::open(folder.path(), config(keys_max.abs_diff(2))).unwrap();
        compare(&engine, "parts");
        engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
        compare(&engine, "merged");
        engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
        compare(&engine, "merged again");
        engine.close().unwrap();
        compare(&Engine::open(folder.path(), config(0)).unwrap(), "reopened");
    }
}

/// A pseudo-random number that repeats with its seed.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn random_document(seed: u64) -> Vec<u8> {
    const VALUES: [&str; 16] = [
        "1",
        "1.0",
        "-0",
        "\"x\"",
        "\"5\"",
        "true",
        "null",
        "[1,{\"b\":\"y\"}]",
        "{\"b\": 2}",
        "1e3",
        "\"\\u00e9\"",
        "\"\"",
        "18446744073709551616",
        "{}",
        "\"a b\"",
        "0.25",
    ];
    let mut members = Vec::new();
    for n in 0..mixed(seed) % 7 {
        let at = mixed(seed ^ (n + 1) << 32);
        let key = ["a", "b", "c", "", "é", "\\u0061", "rare"][(at % 7) as usize];
        let key = if key == "rare" {
            format!("r{}", at >> 8 & 0xFFFF)
        } else {
            key.to_owned()
        };
        members.push(format!(
            "\"{key}\":{}",
            VALUES[(at >> 32) as usize % VALUES.len()]
        ));
    }
    let text = format!("{{{}}}", members.join(", "));
    match mixed(seed ^ 77) % 50 {
        0 => text.as_bytes()[..text.len() / 2].to_vec(),
        1 => format!("[{text}]").into_bytes(),
        _ => text.into_bytes(),
    }
}

#[test]
fn e_shred_a_hundred_thousand_documents() {
    let folder = tempfile::tempdir().unwrap();
    let settings = EngineConfig {
        granule_rows: None,
        ..config(4)
    };
    let engine = Engine::open(folder.path(), settings).unwrap();
    create(&engine);
    let texts: Vec<Vec<u8>> = (0..100_000).map(random_document).collect();
    for (n, batch) in texts.chunks(30_000).enumerate() {
        insert(&engine, n as u64 * 30_000, batch);
        engine.flush().unwrap();
    }
    // Those with arrays as results are compared in smaller numbers.
    let scalars: Vec<String> = expressions()
        .into_iter()
        .filter(|e| {
            FUNCTIONS[..9].iter().any(|function| {
                ["'a'", "'a', 'b'", "'missing'"]
                    .iter()
                    .any(|path| *e == format!("{function}(properties, {path})"))
            })
        })
        .collect();
    let compare = |when: &str| {
        for chunk in scalars.chunks(32) {
            let sums: Vec<String> = chunk
                .iter()
                .map(|e| format!("sum(cityHash64(id, {e}))"))
                .collect();
            let over = |table: &str| {
                let sql = format!(
                    "SELECT {}, sum(cityHash64(properties)) FROM {table}",
                    sums.join(", ")
                );
                engine.query(&sql, &options()).unwrap().rows()
            };
            let (text, apart) = (over("text"), over("apart"));
            for (at, (text, apart)) in text[0].iter().zip(&apart[0]).enumerate() {
                assert_eq!(
                    text,
                    apart,
                    "{when}: {}",
                    chunk.get(at).map_or("properties", |e| e)
                );
            }
        }
    };
    compare("parts");
    engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
    compare("merged");
}

#[test]
fn e_shred_what_was_rare_becomes_frequent() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), config(1)).unwrap();
    create(&engine);
    let texts = |list: &[&str]| list.iter().map(|t| t.as_bytes().to_vec()).collect::<Vec<_>>();
    insert(
        &engine,
        0,
        &texts(&[r#"{"a":1,"b":"x"}"#, r#"{"a":2}"#, r#"{"a":"2"}"#]),
    );
    engine.flush().unwrap();
    insert(
        &engine,
        3,
        &texts(&[r#"{"b":1}"#, r#"{"b":2.5}"#, r#"{"b":null}"#, r#"{"b":[]}"#]),
    );
    engine.flush().unwrap();
    let chosen = |what: &str| {
        let sql = format!(
            "SELECT name, path, stored, types, rows, distinct_values FROM system.json_columns WHERE table = 'apart' {what} \
             ORDER BY name, path"
        );
        engine.query(&sql, &options()).unwrap().to_tab_separated()
    };
    assert_eq!(
        chosen(""),
        "all_1_1_0\ta\tdictionary\t['String','Int']\t3\t3\nall_1_1_0\tb\ttext\t[]\t1\t\\N\n\
         all_2_2_0\tb\tdictionary\t['Int','Float','Null','Array']\t4\t4\n"
    );
    engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
    assert_eq!(
        chosen(""),
        "all_1_2_1\ta\ttext\t[]\t3\t\\N\nall_1_2_1\tb\tdictionary\t['String','Int','Float','Null','Array']\t5\t5\n"
    );
    compare(&engine, "merged");
    // The comment is what makes it JSON: without it merges write the text again.
    engine
        .query("ALTER TABLE apart COMMENT COLUMN properties ''", &options())
        .unwrap();
    compare(&engine, "no comment");
    engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
    assert_eq!(chosen(""), "");
    compare(&engine, "text again");
}

/// Parts that a mutation writes anew keep the values of keys in columns of their own.
#[test]
fn e_shred_texts_stay_apart_through_mutations() {
    for settings in ["", " SETTINGS min_bytes_for_wide_part = 0"] {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), config(3)).unwrap();
        for (table, comment) in [("text", ""), ("apart", "COMMENT 'json'")] {
            let sql = format!(
                "CREATE TABLE {table} (id UInt64, properties String {comment}, n Int64 DEFAULT id % 5) \
                 ENGINE = MergeTree ORDER BY id{settings}"
            );
            engine.query(&sql, &options()).unwrap();
        }
        let texts: Vec<Vec<u8>> = (0..300).map(random_document).collect();
        insert(&engine, 0, &texts);
        engine.flush().unwrap();
        let stored = || {
            let sql = "SELECT path FROM system.json_columns WHERE table = 'apart' AND stored != 'text' ORDER BY path";
            engine.query(sql, &options()).unwrap().to_tab_separated()
        };
        let change = |command: &str| {
            for table in ["text", "apart"] {
                let sql = format!("ALTER TABLE {table} {command} SETTINGS mutations_sync = 1");
                engine.query(&sql, &options()).unwrap();
            }
            compare(&engine, command);
        };
        let count = || stored().lines().count();
        assert_eq!(count(), 3);
        change("DELETE WHERE id % 3 = 0");
        assert_eq!(count(), 3);
        change("UPDATE n = n + 1 WHERE id % 2 = 0");
        assert_eq!(count(), 3);
        change("UPDATE n = n + 1 WHERE id % 2 = 0, DELETE WHERE n = 3");
        assert_eq!(count(), 3);
        // Keys of what is assigned count like all others.
        change(
            "UPDATE properties = concat('{\"new\": ', toString(id), ', \"a\": [\"', toString(n), '\"]}') WHERE id > 20",
        );
        assert!(stored().contains("new\n"), "{}", stored());
        change("UPDATE properties = 'no json' WHERE id % 10 = 1");
        change("DELETE WHERE id < 30");
        assert!(stored().contains("new\n"), "{}", stored());
        engine.query("CHECK TABLE apart", &options()).unwrap();
        engine.query("OPTIMIZE TABLE apart FINAL", &options()).unwrap();
        compare(&engine, "merged");
        engine.close().unwrap();
        compare(&Engine::open(folder.path(), config(3)).unwrap(), "reopened");
    }
}

#[test]
fn e_shred_through_joins_and_sub_queries() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), config(3)).unwrap();
    create(&engine);
    let texts: Vec<Vec<u8>> = (0..200).map(random_document).collect();
    insert(&engine, 0, &texts[..120]);
    engine.flush().unwrap();
    insert(&engine, 120, &texts[120..]);
    for sql in [
        "SELECT l.id, JSONExtractRaw(l.properties, 'a'), JSONExtractRaw(r.properties, 'b') FROM {t} AS l INNER JOIN {t} \
         AS r ON JSONExtractString(l.properties, 'c') = JSONExtractString(r.properties, 'a') WHERE l.id < 40 ORDER BY \
         l.id, r.id",
        "SELECT l.id, JSONExtractRaw(r.properties, 'a'), JSONHas(r.properties, 'a'), JSONExtractRaw(l.properties, 'b') \
         FROM {t} AS l LEFT JOIN (SELECT id + 3 AS id, properties FROM {t} WHERE id % 2 = 0) AS r ON l.id = r.id ORDER BY l.id",
        "SELECT l.id, JSONExtractRaw(r.properties, 'a'), JSONHas(r.properties, 'a') FROM {t} AS l LEFT JOIN (SELECT id + \
         3 AS id, properties FROM {t} WHERE id % 2 = 0) AS r ON l.id = r.id ORDER BY l.id SETTINGS join_use_nulls = 1",
        "SELECT p, count() FROM (SELECT DISTINCT JSONExtractRaw(properties, 'a') AS p, properties FROM {t}) GROUP BY p \
         ORDER BY p",
        "SELECT JSONExtractInt(properties, 'a') AS a, row_number() OVER (PARTITION BY JSONExtractRaw(properties, 'b') \
         ORDER BY id) AS n, id, JSONExtractString(properties, 'c') FROM {t} ORDER BY id",
        "SELECT JSONExtractRaw(p, 'b') FROM (SELECT properties AS p, id FROM {t} UNION ALL SELECT '{\"b\":1}', 7) ORDER BY \
         id, 1",
        "SELECT id, arrayMap(x -> (x, JSONExtractString(properties, 'a')), ['q']), JSONExtractRaw(properties, \
         toString(id % 2 = 0 ? 'a' : 'b')) FROM {t} ORDER BY JSONExtractFloat(properties, 'a'), id LIMIT 20",
        "SELECT x, JSONExtractRaw(properties, 'a') FROM {t} ARRAY JOIN [1, 2] AS x ORDER BY id, x",
        "SELECT id, properties, JSONExtractRaw(properties, 'a') FROM {t} WHERE JSONHas(properties, 'a') ORDER BY id DESC \
         LIMIT 3",
        "SELECT JSONExtractRaw(properties, 'a') AS a, id FROM {t} ORDER BY id LIMIT 1 BY a",
        "SELECT id FROM {t} WHERE JSONExtractString(properties, 'a') IN (SELECT JSONExtractString(properties, 'b') FROM \
         {t} WHERE JSONHas(properties, 'b')) ORDER BY id",
    ] {
        let over = |table: &str| {
            engine
                .query(&sql.replace("{t}", table), &options())
                .unwrap()
                .rows()
        };
        assert_eq!(over("text"), over("apart"), "{sql}");
    }
    // The text is not read.
    let plan = engine
        .query(
            "EXPLAIN SELECT JSONExtractRaw(properties, 'a') FROM apart WHERE JSONHas(properties, 'b')",
            &options(),
        )
        .unwrap()
        .to_tab_separated();
    assert!(plan.contains("Columns: properties.b, properties.a"), "{plan}");
}
