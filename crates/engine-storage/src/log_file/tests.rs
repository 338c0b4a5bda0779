//! Logs: what is torn is cut, what is damaged is named.

use proptest::prelude::*;

use super::*;

fn log(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header_bytes(LogKind::Wal).to_vec();
    for (n, payload) in payloads.iter().enumerate() {
        bytes.extend(encode_record(n as u64 + 1, payload).unwrap());
    }
    bytes
}

#[test]
fn records_come_back_in_order() {
    let contents = read_log(&log(&[b"one", b"", b"three"]), LogKind::Wal, "f").unwrap();
    let found: Vec<(u64, &[u8])> = contents
        .records
        .iter()
        .map(|r| (r.sequence, r.payload.as_slice()))
        .collect();
    assert_eq!(found, [(1, b"one".as_slice()), (2, b""), (3, b"three")]);
    assert!(!contents.is_torn());
}

#[test]
fn every_cut_is_a_torn_tail() {
    let bytes = log(&[b"one", b"two"]);
    for len in 0..bytes.len() {
        let contents = read_log(&bytes[..len], LogKind::Wal, "f").unwrap();
        let whole = log(&[b"one"]).len();
        assert_eq!(contents.records.len(), usize::from(len >= whole), "{len} bytes");
        assert!(contents.good_bytes as usize <= len);
    }
}

#[test]
fn every_flipped_byte_before_a_good_record_is_named() {
    let bytes = log(&[b"one", b"two", b"three"]);
    let last = log(&[b"one", b"two"]).len();
    let second = log(&[b"one"]).len() as u64;
    for at in 0..last {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let error = read_log(&damaged, LogKind::Wal, "f").unwrap_err();
        let StorageError::DamagedLog { file, offset, .. } = error else {
            panic!("{error}")
        };
        let expected = match at as u64 {
            0..16 => 0,
            at if at < second => 16,
            _ => second,
        };
        assert_eq!((file.as_str(), offset), ("f", expected), "byte {at}");
    }
}

#[test]
fn a_log_of_another_kind_or_version_is_refused() {
    let bytes = log(&[b"one"]);
    assert!(read_log(&bytes, LogKind::Manifest, "f").is_err());
    let mut newer = log(&[]);
    newer[8] = 9;
    let error = read_log(&newer, LogKind::Wal, "f").unwrap_err().to_string();
    assert!(error.contains("unknown version"), "{error}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0usize..40) {
        let _ = read_log(&bytes, LogKind::Wal, "f");
        let mut behind = log(&[b"some payload"]);
        behind.truncate(keep);
        behind.extend(bytes);
        let _ = read_log(&behind, LogKind::Wal, "f");
    }
}
