//! Files of a storage: the golden ones, damaged as they are and damaged under good checksums.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use engine_codec::{Compression, decode_frame, encode_frame, hash64, hash128, lz4_compress, lz4_decompress};
use engine_storage::directory::{CrashMode, SimulatedDirectory};
use engine_storage::{KeyCondition, StorageError};
use engine_types::Value;

use crate::harness::{Input, Target};
use golden_tables::{Row, all_columns, block, event_rows, events, open_simulated, rows_of};

// The tables of the golden files, from the crate that wrote them.
#[expect(dead_code, clippy::unwrap_used, reason = "its own tests use more of it")]
#[path = "../../../crates/engine-storage/tests/storage/support.rs"]
mod golden_tables;

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/engine-storage/tests/golden/v1"
);
const MANIFEST: &str = "manifest.log";
const LOG_HEADER_BYTES: usize = 16;
const RECORD_HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 25;

/// Sizes, counts and words of the formats.
fn dictionary() -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = [
        "GRMK",
        "GRPK",
        "GRMM",
        "GRLK",
        "GRec",
        "GRNWAL\0\0",
        "GRNMANIF",
        "plain",
        "dictionary1",
        "dictionary2",
        "dictionary4",
        "LZ4",
        "NONE",
        "ZSTD(1)",
        "\t",
        "\n",
        "events",
        "mapping",
        "Int64",
        "UInt8",
        "String",
        "UUID",
        "Array(",
        "Nullable(",
        "LowCardinality(",
        ")",
        "Tuple(Int8, String)",
        "Map(String, Array(UInt8))",
        "FixedString(4294967295)",
        "DateTime64(9, 'UTC')",
        "columns format version: 1",
        "layout: wide",
        "checksums format version: 1",
        "all_1_2_1",
        "0_1_1_0",
        "../",
        "",
    ]
    .iter()
    .map(|word| word.as_bytes().to_vec())
    .collect();
    for number in [
        0_u32,
        1,
        2,
        3,
        4,
        8,
        10,
        255,
        65_535,
        65_536,
        1 << 20,
        1 << 24,
        1 << 30,
        i32::MAX as u32,
        u32::MAX,
    ] {
        out.push(number.to_le_bytes().to_vec());
        out.push(u64::from(number).to_le_bytes().to_vec());
    }
    out.extend([u64::MAX, 1 << 40, 1 << 63].map(|number| number.to_le_bytes().to_vec()));
    for method in [0x02_u8, 0x82, 0x90, 0x91] {
        out.push(vec![method]);
    }
    out
}

/// All files of the golden storage, by path.
fn golden() -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, out: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("the golden files of engine-storage") {
            let path = entry.expect("a folder entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            if path.is_dir() {
                walk(&path, &name, out);
            } else {
                out.insert(name, fs::read(&path).expect("a golden file is readable"));
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(Path::new(GOLDEN), "", &mut out);
    out.remove("LOCK");
    out
}

fn in_memory(files: &BTreeMap<String, Vec<u8>>) -> SimulatedDirectory {
    let directory = SimulatedDirectory::new();
    for (path, bytes) in files {
        directory.put(path, bytes).expect("memory takes files");
    }
    directory
}

/// Everything there is to read, in both ways; all rows, sorted, by table.
fn read_everything(directory: &SimulatedDirectory) -> Result<BTreeMap<&'static str, Vec<Row>>, StorageError> {
    let storage = open_simulated(directory)?;
    let mut tables = BTreeMap::new();
    for name in ["events", "mapping"] {
        let Ok(table) = storage.table_id("db", name) else {
            continue;
        };
        let snapshot = storage.snapshot(table)?;
        let columns = all_columns(&snapshot);
        let mut rows = Vec::new();
        for morsel in snapshot.morsels(&KeyCondition::all(), 5) {
            let read = snapshot.read(&morsel, &columns)?;
            assert_eq!(read.rows(), morsel.rows(), "rows of a morsel");
            rows.extend(rows_of(&read));
            let some: Vec<u32> = (0..morsel.rows() as u32).step_by(3).collect();
            let picked = snapshot.read_rows(&morsel, &columns[..2], &some)?;
            assert_eq!(picked.rows(), some.len(), "rows picked from a morsel");
        }
        for part in snapshot.parts() {
            part.check()?;
        }
        for merged in snapshot.scan_final(&KeyCondition::all(), &columns)? {
            rows_of(&merged?);
        }
        if name == "events" && snapshot.def().columns.len() == events().columns.len() {
            let keys = block(&events(), &event_rows(15..30)).into_columns();
            storage.contains(table, &keys[..2])?;
        }
        rows.sort();
        tables.insert(name, rows);
    }
    Ok(tables)
}

fn outcome(result: &Result<BTreeMap<&'static str, Vec<Row>>, StorageError>) -> String {
    match result {
        Ok(tables) => format!("ok {} tables", tables.len()),
        // Names of parts and files would make every refusal a new one.
        Err(StorageError::DamagedPart { problem, file, .. }) => {
            format!("{} {problem}", file.rsplit('.').next().unwrap_or_default())
        }
        Err(StorageError::DamagedLog { problem, .. }) => format!("log {problem}"),
        Err(error) => error.to_string(),
    }
}

/// Files of parts. Heads: `raw PATH`, `signed PATH` (all checksums are made right again), `frames PATH` (the body is
/// what the frames hold).
pub fn parts() -> Target {
    let files = golden();
    let mut seeds = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("data/")) {
        seeds.push(Input::new(format!("raw {path}"), bytes.clone()));
        seeds.push(Input::new(format!("signed {path}"), bytes.clone()));
        let skipped = match path.rsplit('.').next() {
            Some("bin") => 0,
            Some("dict") => 4,
            _ => continue,
        };
        let mut raw = bytes[..skipped].to_vec();
        let mut at = skipped;
        while at < bytes.len() {
            let (piece, end) = decode_frame(bytes, at).expect("golden frames are good");
            raw.extend(piece);
            at = end;
        }
        // More of what is decoded than of what is hashed.
        for _ in 0..3 {
            seeds.push(Input::new(format!("frames {path}"), raw.clone()));
        }
    }
    let base = in_memory(&files);
    let all = read_everything(&base.after_crash(CrashMode::Keep)).expect("the golden storage is good");
    assert_eq!(all["events"].len(), 23);
    Target {
        name: "parts",
        seeds,
        dictionary: dictionary(),
        bytes_max: 4000,
        inputs: 2000,
        memory_max: 64 << 20,
        check: Box::new(move |input| {
            let Some((way, path)) = input.head.split_once(' ') else {
                return Err("the head is no way and path".to_owned());
            };
            let directory = base.after_crash(CrashMode::Keep);
            let mut changed = BTreeMap::new();
            match way {
                "raw" => drop(changed.insert(path.to_owned(), input.body.clone())),
                "signed" => sign_part(&files, path, signed_frames(path, &input.body), &mut changed),
                _ => sign_part(&files, path, framed(path, &input.body), &mut changed),
            }
            for (path, bytes) in &changed {
                directory.put(path, bytes).expect("memory takes files");
            }
            let result = read_everything(&directory);
            match &result {
                Ok(rows) if way == "raw" && *rows != all => {
                    // A part that cannot be opened goes as a whole, and is kept; nothing else may change.
                    let within = rows.iter().all(|(name, rows)| is_within(rows, &all[name]));
                    if within && is_set_aside(&directory, path) {
                        Ok("set aside".to_owned())
                    } else {
                        Err("damaged bytes are read as other rows".to_owned())
                    }
                }
                Err(error @ (StorageError::Io { .. } | StorageError::Poisoned { .. })) if way == "raw" => {
                    Err(format!("damage is reported as trouble with the disk: {error}"))
                }
                _ => Ok(outcome(&result)),
            }
        }),
    }
}

/// Whether the part of this file is in `detached/` now, as a broken one, and not in its place.
fn is_set_aside(directory: &SimulatedDirectory, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    let [table @ .., part, file] = names.as_slice() else {
        return false;
    };
    let aside = format!("{}/detached/broken_{part}/{file}", table.join("/"));
    let files = directory.files();
    files.contains(&aside) && !files.iter().any(|file| file == path)
}

/// Makes the checksums of all whole frames right.
fn signed_frames(path: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    let mut at = match path.rsplit('.').next() {
        Some("bin") => 0,
        Some("dict") => 4,
        _ => return bytes,
    };
    while let Some(sizes) = bytes.get(at + 17..at + 21) {
        let size = u32::from_le_bytes([sizes[0], sizes[1], sizes[2], sizes[3]]) as usize;
        let Some(signed) = bytes
            .get(at + 16..(at + 16).saturating_add(size))
            .filter(|s| s.len() >= 9)
        else {
            break;
        };
        let hash = hash128(signed).to_le_bytes();
        bytes[at..at + 16].copy_from_slice(&hash);
        at += FRAME_HEADER_BYTES - 9 + size;
    }
    bytes
}

/// The body as frames; a file `.dict` starts with four bytes outside of them.
fn framed(path: &str, body: &[u8]) -> Vec<u8> {
    let skipped = if path.ends_with(".dict") {
        4.min(body.len())
    } else {
        0
    };
    let (count, raw) = body.split_at(skipped);
    let mut out = count.to_vec();
    encode_frame(raw, Compression::Lz4, &mut out).expect("small enough for a frame");
    out
}

/// The file at `path`, and what vouches for it: marks, `checksums.txt`, manifest.
fn sign_part(
    files: &BTreeMap<String, Vec<u8>>,
    path: &str,
    bytes: Vec<u8>,
    changed: &mut BTreeMap<String, Vec<u8>>,
) {
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    if let Some(column) = path.strip_suffix(".bin") {
        // The last mark says where the file ends.
        let marks = format!("{column}.mrk2");
        if let Some(old) = files.get(&marks) {
            let mut new = old.clone();
            let at = new.len() - 16;
            new[at..at + 8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            changed.insert(marks, new);
        }
    }
    changed.insert(path.to_owned(), bytes);
    let checksums = format!("{folder}/checksums.txt");
    let Some(old) = files.get(&checksums) else {
        return;
    };
    if path != checksums {
        let text = String::from_utf8_lossy(old);
        let lines = text.lines().map(|line| {
            let name = line.split('\t').next().unwrap_or_default();
            match changed.get(&format!("{folder}/{name}")) {
                Some(bytes) => format!("{name}\t{}\t{:032x}\n", bytes.len(), hash128(bytes)),
                None => format!("{line}\n"),
            }
        });
        let text: String = lines.collect();
        changed.insert(checksums.clone(), text.into_bytes());
    }
    let (old, new) = (
        hash128(old).to_le_bytes(),
        hash128(&changed[&checksums]).to_le_bytes(),
    );
    let mut manifest = files[MANIFEST].clone();
    let places: Vec<usize> = (0..manifest.len() - 15)
        .filter(|&at| manifest[at..at + 16] == old)
        .collect();
    assert!(!places.is_empty(), "the manifest has the hash of {checksums}");
    for at in places {
        manifest[at..at + 16].copy_from_slice(&new);
    }
    changed.insert(MANIFEST.to_owned(), signed_records(&manifest));
}

/// Makes the hashes of all whole records right.
fn signed_records(log: &[u8]) -> Vec<u8> {
    let mut bytes = log.to_vec();
    for (at, end) in records(log) {
        let payload = &log[at + RECORD_HEADER_BYTES..end];
        let hashed = [
            &log[at + 8..at + 16],
            &(payload.len() as u64).to_le_bytes(),
            payload,
        ]
        .concat();
        bytes[at + 16..at + 24].copy_from_slice(&hash64(&hashed).to_le_bytes());
    }
    bytes
}

/// Where the records of a log start and end, by their lengths.
fn records(log: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut at = LOG_HEADER_BYTES;
    while let Some(length) = log.get(at + 4..at + 8) {
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let end = at + RECORD_HEADER_BYTES + length;
        if end > log.len() {
            break;
        }
        out.push((at, end));
        at = end;
    }
    out
}

/// A whole record.
fn record(sequence: u64, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut log = vec![0; LOG_HEADER_BYTES];
    for piece in [
        b"GRec".as_slice(),
        &length,
        &sequence.to_le_bytes(),
        &[0; 8],
        payload,
    ] {
        log.extend_from_slice(piece);
    }
    signed_records(&log).split_off(LOG_HEADER_BYTES)
}

/// The entries of a group, decompressed.
fn entries(payload: &[u8]) -> Vec<Vec<u8>> {
    let number = |at: usize| {
        let bytes = payload.get(at..at + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let mut out = Vec::new();
    let mut at = 4;
    while let (Some(length), Some(raw)) = (number(at), number(at + 4)) {
        let packed = payload
            .get(at + 8..at + 8 + length)
            .expect("golden groups are good");
        out.push(lz4_decompress(packed, raw).expect("golden entries are good"));
        at += 8 + length;
    }
    out
}

/// Logs: the WAL and the manifest. Heads: `raw PATH`, `signed PATH` (the hashes of records are made right again),
/// `entry PATH` and `payload PATH` (the body is one more entry of the WAL, or one more record's payload, whole).
pub fn logs() -> Target {
    let files = golden();
    let mut seeds = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| !path.starts_with("data/")) {
        seeds.push(Input::new(format!("raw {path}"), bytes.clone()));
        seeds.push(Input::new(format!("signed {path}"), bytes.clone()));
        for (at, end) in records(bytes) {
            let payload = &bytes[at + RECORD_HEADER_BYTES..end];
            seeds.push(Input::new(format!("payload {path}"), payload));
            if path != MANIFEST {
                seeds.extend(
                    entries(payload)
                        .into_iter()
                        .map(|raw| Input::new(format!("entry {path}"), raw)),
                );
            }
        }
    }
    let base = in_memory(&files);
    let all = read_everything(&base.after_crash(CrashMode::Keep)).expect("the golden storage is good");
    // Rows that were ever written: an older manifest still has those that were replaced since.
    let mut written = all.clone();
    written
        .entry("mapping")
        .or_default()
        .push(replaced_row(&all["mapping"]));
    let in_parts = 20;
    Target {
        name: "logs",
        seeds,
        dictionary: dictionary(),
        bytes_max: 4000,
        inputs: 2000,
        memory_max: 64 << 20,
        check: Box::new(move |input| {
            let Some((way, path)) = input.head.split_once(' ') else {
                return Err("the head is no way and path".to_owned());
            };
            let directory = base.after_crash(CrashMode::Keep);
            let log = &files[path];
            let bytes = match way {
                "raw" => input.body.clone(),
                "signed" => signed_records(&input.body),
                _ => {
                    let payload = if way == "entry" {
                        let packed = lz4_compress(&input.body);
                        let sizes = [1, packed.len() as u32, input.body.len() as u32].map(u32::to_le_bytes);
                        [sizes.concat(), packed].concat()
                    } else {
                        input.body.clone()
                    };
                    [log.clone(), record(next_sequence(log), &payload)].concat()
                }
            };
            directory.put(path, &bytes).expect("memory takes files");
            let result = read_everything(&directory);
            match &result {
                Ok(tables) if way == "raw" => {
                    for (name, rows) in tables {
                        if !is_within(rows, &written[name]) {
                            return Err(format!("rows of {name} that nobody wrote"));
                        }
                    }
                    let events = tables.get("events").map_or(0, Vec::len);
                    if path != MANIFEST && events < in_parts {
                        return Err(format!(
                            "damage of the log loses rows in parts: {events} are left"
                        ));
                    }
                }
                // A manifest that lost its end may name parts that were merged away since.
                Err(error @ (StorageError::Io { .. } | StorageError::Poisoned { .. }))
                    if way == "raw" && path != MANIFEST =>
                {
                    return Err(format!("damage is reported as trouble with the disk: {error}"));
                }
                Ok(_) | Err(_) => {}
            }
            // What was read can be opened again, and says the same.
            if let Ok(tables) = &result {
                match read_everything(&directory) {
                    Ok(again) if again == *tables => {}
                    Ok(_) => return Err("the second start reads other rows".to_owned()),
                    Err(error) => return Err(format!("the second start fails: {error}")),
                }
            }
            Ok(outcome(&result))
        }),
    }
}

/// Behind the last record. Every record of the golden WAL has one entry.
fn next_sequence(log: &[u8]) -> u64 {
    let last = records(log).last().map_or(LOG_HEADER_BYTES, |&(at, _)| at);
    let bytes = log
        .get(last + 8..last + 16)
        .and_then(|bytes| bytes.try_into().ok())
        .unwrap_or([0; 8]);
    u64::from_le_bytes(bytes) + 1
}

/// The first version of the row that was written twice.
fn replaced_row(mapping: &[Row]) -> Row {
    let mut row = mapping
        .iter()
        .find(|row| row[1] == Value::string("a"))
        .expect("the row `a`")
        .clone();
    row[2] = Value::UInt(0);
    row[4] = Value::Uuid(0);
    row
}

/// Every row of `some` is one of `all`, no more often than there.
fn is_within(some: &[Row], all: &[Row]) -> bool {
    let mut left = all.to_vec();
    some.iter().all(|row| {
        left.iter()
            .position(|have| have == row)
            .map(|at| left.swap_remove(at))
            .is_some()
    })
}
