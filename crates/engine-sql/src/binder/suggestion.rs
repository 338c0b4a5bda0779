//! "Maybe you meant": the known name nearest to a misspelled one.

/// The nearest candidate within two edits (one for short names), without regard to case.
pub(super) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_ascii_lowercase();
    // Long garbage has no near name, and edit distance is quadratic.
    if wanted.len() > 64 {
        return None;
    }
    let allowed = if wanted.len() < 4 { 1 } else { 2 };
    candidates
        .filter(|c| c.len().abs_diff(wanted.len()) <= allowed)
        .map(|c| (distance(&wanted, &c.to_ascii_lowercase()), c))
        .filter(|(d, _)| *d <= allowed)
        .min()
        .map(|(_, c)| c)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
