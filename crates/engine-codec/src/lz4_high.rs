//! LZ4 blocks by a thorough search for matches ("LZ4HC"): slower to write, the same format to read.

/// Matches are at least this long …
const MATCH_MIN: usize = 4;
/// … start at least this far from the end …
const START_MARGIN: usize = 12;
/// … end at least this far from it …
const END_MARGIN: usize = 5;
/// … and are at most this far away.
const DISTANCE_MAX: usize = 65_535;
const HASH_BITS: u32 = 15;
const NONE: u32 = u32::MAX;

/// Positions with equal hashes, latest first.
struct Chains {
    heads: Vec<u32>,
    before: Vec<u32>,
    next: usize,
    attempts: usize,
}

#[derive(Clone, Copy, Default)]
struct Match {
    from: usize,
    len: usize,
}

/// An LZ4 block of `raw`. `level` 1 to 12 doubles the attempts each.
pub(crate) fn compress(raw: &[u8], level: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() / 2 + 16);
    let mut literals = 0;
    if raw.len() > START_MARGIN {
        let mut chains = Chains {
            heads: vec![NONE; 1 << HASH_BITS],
            before: vec![NONE; raw.len()],
            next: 0,
            attempts: 1 << level.clamp(1, 12),
        };
        let mut at = 0;
        while at <= raw.len() - START_MARGIN {
            let mut found = chains.longest(raw, at);
            if found.len < MATCH_MIN {
                at += 1;
                continue;
            }
            // A longer match one byte later is worth a literal.
            while at < raw.len() - START_MARGIN {
                let later = chains.longest(raw, at + 1);
                if later.len <= found.len {
                    break;
                }
                at += 1;
                found = later;
            }
            sequence(&raw[literals..at], Some((at - found.from, found.len)), &mut out);
            at += found.len;
            literals = at;
        }
    }
    sequence(&raw[literals..], None, &mut out);
    out
}

impl Chains {
    fn hash(raw: &[u8], at: usize) -> Option<usize> {
        let chunk = raw.get(at..)?.first_chunk::<4>()?;
        Some((u32::from_le_bytes(*chunk).wrapping_mul(2_654_435_761) >> (32 - HASH_BITS)) as usize)
    }

    /// The longest match for the bytes at `at`; length 0 when there is none.
    fn longest(&mut self, raw: &[u8], at: usize) -> Match {
        while self.next < at {
            if let Some(hash) = Self::hash(raw, self.next) {
                self.before[self.next] = self.heads[hash];
                self.heads[hash] = self.next as u32;
            }
            self.next += 1;
        }
        let mut best = Match::default();
        let Some(hash) = Self::hash(raw, at) else {
            return best;
        };
        let limit = raw.len() - END_MARGIN;
        let mut candidate = self.heads[hash];
        for _ in 0..self.attempts {
            let from = candidate as usize;
            if candidate == NONE || at - from > DISTANCE_MAX {
                break;
            }
            let same = raw[from..]
                .iter()
                .zip(&raw[at..limit])
                .take_while(|(a, b)| a == b);
            let len = same.count();
            if len > best.len {
                best = Match { from, len };
            }
            candidate = self.before[from];
        }
        best
    }
}

/// Token, literals, and unless it is the last one, distance and length of the match.
fn sequence(literals: &[u8], found: Option<(usize, usize)>, out: &mut Vec<u8>) {
    let extra = found.map_or(0, |(_, len)| len - MATCH_MIN);
    out.push((literals.len().min(15) << 4 | extra.min(15)) as u8);
    length(literals.len(), out);
    out.extend_from_slice(literals);
    if let Some((distance, _)) = found {
        out.extend_from_slice(&(distance as u16).to_le_bytes());
        length(extra, out);
    }
}

/// What of a length is beyond the 15 in the token.
fn length(len: usize, out: &mut Vec<u8>) {
    let Some(mut left) = len.checked_sub(15) else {
        return;
    };
    while left >= 255 {
        out.push(255);
        left -= 255;
    }
    out.push(left as u8);
}
