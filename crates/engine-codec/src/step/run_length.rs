//! Values and how often each stands in a row: the values first, so that the next step can work on them.

use super::Width;
use crate::bits::{read_len, write_varint};
use crate::number_runs::NumberRuns;

/// Parameters: number of runs. Output: the value of each run, then the lengths as varints.
pub(super) fn encode(width: Width, body: &[u8], params: &mut Vec<u8>, out: &mut Vec<u8>) -> usize {
    let mut lengths = Vec::new();
    let mut runs = 0u64;
    let mut values = body.chunks_exact(width.bytes()).peekable();
    while let Some(value) = values.next() {
        let mut length = 1u64;
        while values.next_if(|next| *next == value).is_some() {
            length += 1;
        }
        out.extend_from_slice(value);
        write_varint(length, &mut lengths);
        runs += 1;
    }
    write_varint(runs, params);
    let body = out.len();
    out.extend_from_slice(&lengths);
    body
}

/// The runs that [`decode`] writes out.
pub(super) fn decode_runs(width: Width, runs: usize, coded: &[u8], rows: usize) -> Option<NumberRuns> {
    let (values, mut rest) = coded.split_at_checked(runs.checked_mul(width.bytes())?)?;
    let mut left = rows;
    let mut lengths = Vec::with_capacity(runs);
    for _ in 0..runs {
        let length = read_len(&mut rest).filter(|length| *length > 0)?;
        left = left.checked_sub(length)?;
        lengths.push(u32::try_from(length).ok()?);
    }
    (left == 0 && rest.is_empty()).then(|| NumberRuns {
        values: values.to_vec(),
        lengths,
    })
}

pub(super) fn decode(
    width: Width,
    mut params: &[u8],
    coded: &[u8],
    body: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let runs = read_len(&mut params)?;
    let (values, mut lengths) = coded.split_at_checked(runs.checked_mul(width.bytes())?)?;
    let mut left = body / width.bytes();
    for value in values.chunks_exact(width.bytes()) {
        let length = read_len(&mut lengths)?;
        left = left.checked_sub(length)?;
        for _ in 0..length {
            out.extend_from_slice(value);
        }
    }
    (left == 0 && lengths.is_empty()).then_some(())
}
