//! Changes of inputs: of bytes, of numbers in them, of words when they are text.

use std::ops::Range;

use crate::harness::Input;
use crate::random::Random;

type Change = fn(&mut Vec<u8>, &mut Source<'_>);

const OF_BYTES: &[Change] = &[
    |body, source| flip_bit(body, source),
    |body, source| set_byte(body, source),
    cut_end,
    cut_range,
    double_range,
    repeat_range,
    swap_ranges,
    splice,
    insert_token,
    overwrite_token,
    |body, source| write_integer(body, source),
    write_number,
    wrap_range,
];

const OF_WORDS: &[Change] = &[
    drop_word,
    replace_word,
    replace_word,
    swap_words,
    wrap_range,
    write_number,
    insert_token,
    splice_words,
    splice_words,
    double_words,
];

/// One of the corpus with a few changes; every other time one of its first `seeds`, which nothing has changed yet.
pub fn mutated(
    corpus: &[Input],
    seeds: usize,
    dictionary: &[Vec<u8>],
    bytes_max: usize,
    random: &mut Random,
) -> Input {
    let from = if random.one_in(2) {
        corpus
    } else {
        &corpus[..seeds.min(corpus.len())]
    };
    let mut input = random.pick(from).cloned().unwrap_or_else(|| Input::new("", []));
    if random.one_in(10)
        && let Some(other) = random.pick(corpus)
    {
        input.head.clone_from(&other.head);
    }
    let changes = if random.one_in(2) { 1 } else { 1 + random.below(4) };
    for _ in 0..changes {
        // What is text mostly stays text, and so gets deeper.
        let is_text = input
            .body
            .iter()
            .all(|b| !b.is_ascii_control() || b.is_ascii_whitespace());
        let kinds = if is_text && !random.one_in(4) {
            OF_WORDS
        } else {
            OF_BYTES
        };
        let change = random.pick(kinds).copied().unwrap_or(cut_end);
        let mut source = Source {
            corpus,
            dictionary,
            random: &mut *random,
        };
        change(&mut input.body, &mut source);
        input.body.truncate(bytes_max);
    }
    input
}

struct Source<'a> {
    corpus: &'a [Input],
    dictionary: &'a [Vec<u8>],
    random: &'a mut Random,
}

fn flip_bit(body: &mut [u8], source: &mut Source<'_>) {
    let at = source.random.below(body.len());
    let bit = source.random.below(8);
    if let Some(byte) = body.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn set_byte(body: &mut [u8], source: &mut Source<'_>) {
    let at = source.random.below(body.len());
    let value = match source.random.below(4) {
        0 => 0,
        1 => 0xff,
        _ => source.random.next() as u8,
    };
    if let Some(byte) = body.get_mut(at) {
        *byte = value;
    }
}

fn cut_end(body: &mut Vec<u8>, source: &mut Source<'_>) {
    body.truncate(source.random.below(body.len() + 1));
}

fn cut_range(body: &mut Vec<u8>, source: &mut Source<'_>) {
    body.drain(source.random.range(body.len()));
}

fn double_range(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let range = source.random.range(body.len());
    let piece = body[range].to_vec();
    insert(body, &piece, source);
}

fn repeat_range(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let range = source.random.range(body.len());
    let times = 1 << source.random.below(10);
    let end = range.end;
    let piece = body[range].repeat(times);
    body.splice(end..end, piece);
}

fn swap_ranges(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let range = source.random.range(body.len());
    let piece: Vec<u8> = body.drain(range).collect();
    insert(body, &piece, source);
}

fn splice(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let Some(other) = source.random.pick(source.corpus) else {
        return;
    };
    let piece = other.body[source.random.range(other.body.len())].to_vec();
    if source.random.one_in(2) {
        insert(body, &piece, source);
    } else {
        overwrite(body, &piece, source);
    }
}

fn insert_token(body: &mut Vec<u8>, source: &mut Source<'_>) {
    if let Some(token) = source.random.pick(source.dictionary) {
        insert(body, token, source);
    }
}

fn overwrite_token(body: &mut Vec<u8>, source: &mut Source<'_>) {
    if let Some(token) = source.random.pick(source.dictionary) {
        overwrite(body, token, source);
    }
}

/// Sizes and counts that are off by a little or by everything, in 1, 2, 4 or 8 bytes.
fn write_integer(body: &mut [u8], source: &mut Source<'_>) {
    let width = [1, 2, 4, 8][source.random.below(4)];
    let at = source.random.below(body.len().saturating_sub(width) + 1);
    let Some(bytes) = body.get_mut(at..at + width) else {
        return;
    };
    let mut old = [0; 8];
    old[..width].copy_from_slice(bytes);
    let old = u64::from_le_bytes(old);
    let new = match source.random.below(10) {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX >> 1,
        3 => 1 << source.random.below(64),
        4 => (1_u64 << source.random.below(64)).wrapping_sub(1),
        5 => old.wrapping_add(1),
        6 => old.wrapping_sub(1),
        7 => old.wrapping_mul(2),
        8 => old.swap_bytes(),
        _ => source.random.next() % 300,
    };
    bytes.copy_from_slice(&new.to_le_bytes()[..width]);
}

/// In place of a decimal number.
fn write_number(body: &mut Vec<u8>, source: &mut Source<'_>) {
    const NUMBERS: [&str; 22] = [
        "0",
        "1",
        "-1",
        "2",
        "127",
        "128",
        "255",
        "256",
        "65536",
        "2147483648",
        "4294967295",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e308",
        "1e309",
        "-0.0",
        "1e-400",
        "0.1",
        "99999999999999999999999999999999999999999",
        "1970",
    ];
    let numbers: Vec<Range<usize>> = words(body)
        .into_iter()
        .filter(|w| body[w.start].is_ascii_digit())
        .collect();
    let number = NUMBERS[source.random.below(NUMBERS.len())];
    match source.random.pick(&numbers) {
        Some(range) => drop(body.splice(range.clone(), number.bytes())),
        None => insert(body, number.as_bytes(), source),
    }
}

fn drop_word(body: &mut Vec<u8>, source: &mut Source<'_>) {
    if let Some(word) = source.random.pick(&words(body)) {
        body.drain(word.clone());
    }
}

/// Mostly by one of its kind: a number, a name, a symbol.
fn replace_word(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let kind = |text: &[u8]| {
        let first = text.trim_ascii().first().copied().unwrap_or_default();
        (
            first.is_ascii_digit(),
            first.is_ascii_uppercase(),
            first.is_ascii_punctuation(),
        )
    };
    let Some(word) = source.random.pick(&words(body)).cloned() else {
        return;
    };
    for _ in 0..10 {
        if let Some(token) = source.random.pick(source.dictionary)
            && (kind(token) == kind(&body[word.clone()]) || source.random.one_in(10))
        {
            body.splice(word, token.iter().copied());
            return;
        }
    }
}

fn swap_words(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let all = words(body);
    let (Some(a), Some(b)) = (source.random.pick(&all), source.random.pick(&all)) else {
        return;
    };
    let (first, second) = if a.start < b.start { (a, b) } else { (b, a) };
    if first.end <= second.start {
        let swapped = [
            &body[second.clone()],
            &body[first.end..second.start],
            &body[first.clone()],
        ]
        .concat();
        body.splice(first.start..second.end, swapped);
    }
}

/// Whole words of another text, in place of as many here or before them.
fn splice_words(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let Some(other) = source.random.pick(source.corpus) else {
        return;
    };
    let piece = other.body[some_words(&other.body, source.random)].to_vec();
    let mut place = some_words(body, source.random);
    if source.random.one_in(2) {
        place.end = place.start;
    }
    body.splice(place, [b" ", piece.as_slice(), b" "].concat());
}

fn double_words(body: &mut Vec<u8>, source: &mut Source<'_>) {
    let range = some_words(body, source.random);
    let piece = [b" ", &body[range.clone()]].concat();
    body.splice(range.end..range.end, piece);
}

/// From the start of a word to the end of one soon after.
fn some_words(text: &[u8], random: &mut Random) -> Range<usize> {
    let all = words(text);
    let first = random.below(all.len());
    let last = (first + random.below(12)).min(all.len().saturating_sub(1));
    match (all.get(first), all.get(last)) {
        (Some(first), Some(last)) => first.start..last.end,
        (_, _) => 0..0,
    }
}

/// Nests a piece, up to some hundred times.
fn wrap_range(body: &mut Vec<u8>, source: &mut Source<'_>) {
    const PAIRS: [(&str, &str); 8] = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("'", "'"),
        ("\"", "\""),
        ("{\"a\":", "}"),
        ("f(", ")"),
        ("-", ""),
    ];
    let (open, close) = PAIRS[source.random.below(PAIRS.len())];
    let times = 1 << source.random.below(8);
    let all = words(body);
    let range = match source.random.pick(&all) {
        Some(word) if source.random.one_in(2) => word.clone(),
        _ => source.random.range(body.len()),
    };
    let wrapped = [
        open.repeat(times).as_bytes(),
        &body[range.clone()],
        close.repeat(times).as_bytes(),
    ]
    .concat();
    body.splice(range, wrapped);
}

fn insert(body: &mut Vec<u8>, piece: &[u8], source: &mut Source<'_>) {
    let all = words(body);
    let at = match source.random.pick(&all) {
        Some(word) if source.random.one_in(2) => word.start,
        _ => source.random.below(body.len() + 1),
    };
    body.splice(at..at, piece.iter().copied());
}

fn overwrite(body: &mut Vec<u8>, piece: &[u8], source: &mut Source<'_>) {
    let at = source.random.below(body.len() + 1);
    let end = (at + piece.len()).min(body.len());
    body.splice(at..end, piece.iter().copied());
}

/// Runs of letters and digits; every other visible byte alone.
pub fn words(text: &[u8]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    for (at, &byte) in text.iter().enumerate() {
        match out.last_mut() {
            Some(last) if last.end == at && of_word(byte) && of_word(text[at - 1]) => last.end += 1,
            _ if byte.is_ascii_whitespace() => {}
            _ => out.push(at..at + 1),
        }
    }
    out
}
