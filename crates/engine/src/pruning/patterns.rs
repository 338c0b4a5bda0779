//! What LIKE patterns and other text conditions say: how a text starts, and which pieces it must have.

use engine_storage::{SkipIndexKind, ngrams, token_hash, tokens};

/// A piece of text without wildcards, and whether its ends are ends of words by what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: Vec<u8>,
    /// The text starts (ends) here, so that a word at this border is whole.
    pub(super) at_start: bool,
    pub(super) at_end: bool,
}

impl Piece {
    /// All of a text.
    pub(super) fn whole(text: &[u8]) -> Self {
        Self {
            text: text.to_vec(),
            at_start: true,
            at_end: true,
        }
    }
}

/// A LIKE pattern: its pieces between wildcards.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LikePattern {
    pub(super) pieces: Vec<Piece>,
    /// Only `%`, and only at its end: exactly the texts that start with the one piece.
    pub(super) is_prefix: bool,
    pub(super) has_wildcards: bool,
}

impl LikePattern {
    pub(super) fn of(pattern: &[u8]) -> Self {
        let mut pieces = Vec::new();
        let mut open = Vec::new();
        let mut at_start = true;
        let mut wildcards: Vec<(usize, u8)> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = pattern.get(at) {
            match byte {
                b'%' | b'_' | b'\\' if byte != b'\\' || !is_escape(pattern, at) => {
                    pieces.push(Piece {
                        text: std::mem::take(&mut open),
                        at_start,
                        at_end: false,
                    });
                    at_start = false;
                    wildcards.push((at, byte));
                }
                b'\\' => {
                    at += 1;
                    open.extend(pattern.get(at));
                }
                other => open.push(other),
            }
            at += 1;
        }
        pieces.push(Piece {
            text: open,
            at_start,
            at_end: true,
        });
        let ends_in_percents = wildcards.iter().all(|(_, byte)| *byte == b'%')
            && wildcards
                .first()
                .is_some_and(|(first, _)| first + wildcards.len() == pattern.len());
        Self {
            is_prefix: ends_in_percents,
            has_wildcards: !wildcards.is_empty(),
            pieces,
        }
    }

    /// What every matching text starts with.
    pub(super) fn prefix(&self) -> &[u8] {
        self.pieces.first().map_or(&[], |piece| piece.text.as_slice())
    }
}

/// Whether the backslash makes the next byte plain. What one in front of other bytes means is not relied on.
fn is_escape(pattern: &[u8], at: usize) -> bool {
    matches!(pattern.get(at + 1), Some(b'%' | b'_' | b'\\'))
}

/// What every text starts with that the regular expression `^…` matches; `None` when it says nothing.
pub(super) fn regex_prefix(pattern: &[u8]) -> Option<Vec<u8>> {
    let rest = pattern.strip_prefix(b"^")?;
    // Any branch may match another way.
    if rest.contains(&b'|') {
        return None;
    }
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'/' | b':' | b'@' | b'%')
    };
    let mut prefix: Vec<u8> = rest.iter().copied().take_while(plain).collect();
    // The next byte may make the last one optional.
    if matches!(rest.get(prefix.len()), Some(b'?' | b'*' | b'{')) {
        prefix.pop();
    }
    (!prefix.is_empty()).then_some(prefix)
}

/// The least text that is above all texts with the prefix.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if last < u8::MAX {
            next.push(last + 1);
            return Some(next);
        }
    }
    None
}

/// Hashes that a filter of this kind has when it has a text with these pieces; `None`: the filter cannot tell.
pub(super) fn hashes_of(kind: &SkipIndexKind, pieces: &[Piece]) -> Option<Vec<u64>> {
    let hashes: Vec<u64> = match kind {
        SkipIndexKind::Ngrams { n, seed, .. } => pieces
            .iter()
            .flat_map(|piece| ngrams(&piece.text, *n).map(|gram| token_hash(gram, *seed)))
            .collect(),
        SkipIndexKind::Tokens { seed, .. } => pieces
            .iter()
            .flat_map(whole_words)
            .map(|word| token_hash(word, *seed))
            .collect(),
        SkipIndexKind::MinMax | SkipIndexKind::Set { .. } | SkipIndexKind::BloomFilter { .. } => return None,
    };
    (!hashes.is_empty()).then_some(hashes)
}

/// Words of a piece that no wildcard may continue.
fn whole_words(piece: &Piece) -> Vec<&[u8]> {
    let text = piece.text.as_slice();
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    let mut words: Vec<&[u8]> = tokens(text).collect();
    if !piece.at_end && is_word(text.last()) {
        words.pop();
    }
    if !piece.at_start && is_word(text.first()) && !words.is_empty() {
        words.remove(0);
    }
    words
}
