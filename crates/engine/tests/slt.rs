//! Runs the SQL logic tests in `tests/slt` of the repository, under several settings of the engine.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use engine::{
    AutoDictionaries, Codec, ColumnCodec, Compression, Engine, EngineConfig, QueryOptions, WideFrom,
};
use slt::{Expect, Numbered, Record};

/// How the engine is run.
#[derive(Clone, Debug)]
struct Mode {
    granule_rows: Option<usize>,
    flush_every_insert: bool,
    reopen: bool,
    threads: usize,
    block_size: usize,
    /// Instead of what the tables say, where the type allows it.
    codec: Option<ColumnCodec>,
    dictionaries: AutoDictionaries,
    /// The layout of all parts, whatever their size.
    wide_from: Option<WideFrom>,
}

const DEFAULT: Mode = Mode {
    granule_rows: None,
    flush_every_insert: false,
    reopen: false,
    threads: 2,
    block_size: 8192,
    codec: None,
    dictionaries: AutoDictionaries::WhereValuesRepeat,
    wide_from: None,
};

fn open(folder: &Path, mode: &Mode) -> Engine {
    let config = EngineConfig {
        fsync: false,
        background: false,
        max_threads: mode.threads,
        block_size: mode.block_size,
        granule_rows: mode.granule_rows,
        flush_every_insert: mode.flush_every_insert,
        forced_codec: mode.codec.clone(),
        auto_dictionaries: mode.dictionaries,
        forced_wide_from: mode.wide_from,
        json_rows_min: if mode.flush_every_insert { 1 } else { 4096 },
        ..EngineConfig::default()
    };
    Engine::open(folder, config).expect("the engine opens")
}

/// What went wrong, one paragraph a record.
fn run(path: &Path, mode: &Mode) -> String {
    let text = fs::read_to_string(path).expect("the file is readable");
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut engine = open(folder.path(), mode);
    let now = "2021-11-05T12:00:00Z".parse().expect("a time");
    let options = QueryOptions::new(now);
    let mut problems = String::new();
    for Numbered { line, record } in slt::parse(&text).expect("the file is well formed") {
        if mode.reopen {
            drop(engine);
            engine = open(folder.path(), mode);
        }
        match record {
            Record::Statement { sql, expect } => match (engine.query(&sql, &options), expect) {
                (Ok(_), Expect::Ok) | (Err(_), Expect::AnyError) => {}
                (Ok(_), Expect::AnyError | Expect::Error(_)) => {
                    let _ = writeln!(problems, "{name}:{line}: no error from\n{sql}\n");
                }
                (Err(e), Expect::Error(code)) if e.code() == code => {}
                (Err(e), Expect::Ok | Expect::Error(_)) => {
                    let _ = writeln!(problems, "{name}:{line}: error {}: {e}\n{sql}\n", e.code());
                }
            },
            Record::Query {
                sql,
                types,
                rowsort,
                want,
            } => match engine.query(&sql, &options) {
                Err(e) => {
                    let _ = writeln!(problems, "{name}:{line}: error {}: {e}\n{sql}\n", e.code());
                }
                Ok(result) => {
                    let got = slt::rows(&result.to_tab_separated(), rowsort);
                    if !slt::equal(&types, &got, &want) {
                        let _ = writeln!(
                            problems,
                            "{name}:{line}: wrong answer to\n{sql}\n  got:  {got:?}\n  want: {want:?}\n"
                        );
                    }
                }
            },
        }
    }
    problems
}

fn all(mode: &Mode) {
    let files = slt::files().expect("the scripts");
    let problems: String = files.iter().map(|path| run(path, mode)).collect();
    assert!(problems.is_empty(), "{mode:?}\n\n{problems}");
}

#[test]
fn as_by_default() {
    all(&DEFAULT);
}

#[test]
fn with_granules_of_three_rows() {
    all(&Mode {
        granule_rows: Some(3),
        flush_every_insert: true,
        ..DEFAULT
    });
}

#[test]
fn with_a_flush_after_every_insert() {
    all(&Mode {
        flush_every_insert: true,
        ..DEFAULT
    });
}

#[test]
fn with_a_reopen_before_every_record() {
    all(&Mode {
        reopen: true,
        ..DEFAULT
    });
}

#[test]
fn e_wide_with_wide_parts_only() {
    all(&Mode {
        granule_rows: Some(3),
        flush_every_insert: true,
        wide_from: Some(WideFrom { bytes: 0, rows: 0 }),
        ..DEFAULT
    });
}

#[test]
fn e_wide_with_compact_parts_only() {
    all(&Mode {
        granule_rows: Some(3),
        flush_every_insert: true,
        wide_from: Some(WideFrom {
            bytes: u64::MAX,
            rows: 0,
        }),
        ..DEFAULT
    });
}

#[test]
fn with_one_thread() {
    all(&Mode {
        threads: 1,
        ..DEFAULT
    });
}

#[test]
fn with_blocks_of_three_rows() {
    all(&Mode {
        block_size: 3,
        ..DEFAULT
    });
}

/// Each codec where it can be, in small granules so that blocks hold several.
fn forced(codecs: &[ColumnCodec]) {
    for codec in codecs {
        all(&Mode {
            granule_rows: Some(100),
            flush_every_insert: true,
            codec: Some(codec.clone()),
            ..DEFAULT
        });
    }
}

#[test]
fn with_each_compression_forced() {
    forced(&[
        ColumnCodec::of(Compression::None),
        ColumnCodec::of(Compression::Zstd(1)),
        ColumnCodec::of(Compression::Lz4High(3)),
    ]);
}

#[test]
fn with_each_transformation_forced() {
    let lz4 = Codec::Compress(Compression::Lz4);
    forced(&[
        ColumnCodec::Chain(vec![Codec::Delta(None), lz4]),
        ColumnCodec::Chain(vec![Codec::DoubleDelta(None)]),
        ColumnCodec::Chain(vec![Codec::Gorilla(None), lz4]),
        ColumnCodec::Chain(vec![Codec::T64, lz4]),
    ]);
}

#[test]
fn e_vec_with_dictionaries_everywhere() {
    for (granule_rows, block_size) in [(None, 8192), (Some(3), 8192), (Some(100), 3)] {
        all(&Mode {
            granule_rows,
            block_size,
            flush_every_insert: true,
            dictionaries: AutoDictionaries::Everywhere,
            ..DEFAULT
        });
    }
}

#[test]
fn with_codecs_chosen_everywhere() {
    forced(&[ColumnCodec::Auto]);
}
