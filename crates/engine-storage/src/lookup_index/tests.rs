//! Look-up index: never misses, rarely proposes too much, survives its bytes.

use proptest::prelude::*;

use super::*;

fn mix(n: u64) -> u64 {
    hash64(&n.to_le_bytes())
}

/// The granules of the candidates, read as a part reads them.
fn granules(index: &LookupIndex, bytes: &[u8], hash: u64) -> Vec<u32> {
    let entries = index.candidates(hash);
    let granule = |entry| {
        let place = index.granule_place(entry);
        let mut read = [0; 8];
        let start = place.offset as usize;
        read[..place.bytes].copy_from_slice(&bytes[start..start + place.bytes]);
        place.granule(read) as u32
    };
    entries.map(granule).collect()
}

proptest! {
    #[test]
    fn every_row_is_a_candidate(rows in prop::collection::vec((0u64..1000, 0u32..100_000), 0..500)) {
        let bytes = encode_lookup(rows.iter().map(|(n, g)| (mix(*n), *g)).collect());
        let index = LookupIndex::decode(&bytes).unwrap();
        for (n, granule) in rows {
            prop_assert!(granules(&index, &bytes, mix(n)).contains(&granule));
        }
    }

    #[test]
    fn mutated_bytes_never_panic(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = encode_lookup((0..100).map(|n| (mix(n), 1)).collect());
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(index) = LookupIndex::decode(&bytes) {
            granules(&index, &bytes, mix(5));
        }
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(LookupIndex::decode(&bytes).is_err());
    }
}

#[test]
fn absent_keys_rarely_have_candidates() {
    let bytes = encode_lookup((0..100_000).map(|n| (mix(n), (n / 8192) as u32)).collect());
    let index = LookupIndex::decode(&bytes).unwrap();
    let wrong = (1_000_000..1_100_000)
        .filter(|n| index.candidates(mix(*n)).next().is_some())
        .count();
    assert!(wrong < 100, "{wrong} of 100,000");
    // 13 bits for the place, 4 for one of 13 granules.
    assert!(bytes.len() * 10 < 23 * 100_000, "{} bytes", bytes.len());
}
