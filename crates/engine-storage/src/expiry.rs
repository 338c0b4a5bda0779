//! Rows and values whose time is over: merges drop the rows and reset the values; and what is done with parts all of whose
//! rows are old. When that is, the caller knows.

use std::sync::Arc;

use engine_codec::ColumnCodec;
use engine_types::Block;

use crate::disks::Place;

/// What a table says about the time its rows stay. Times are seconds since the epoch.
pub trait RowExpiry: Send + Sync {
    /// Takes the rows of a merge, which have all columns of the table, and leaves what there is of them at `now`.
    fn stage(self: Arc<Self>, now: i64) -> Box<dyn ExpiryStage>;

    /// When there is something to do for these rows. `applied_at`: they come out of a stage of that moment.
    fn bounds(&self, block: &Block, applied_at: Option<i64>) -> Result<ExpiryBounds, String>;

    /// Columns whose values are reset or computed.
    fn reset_columns(&self) -> &[usize];

    /// Changes with the rules.
    fn fingerprint(&self) -> u64;

    /// Seconds between two merges of a table that are done for this only.
    fn pause(&self) -> i64;

    /// Whether merges change rows at all. Otherwise there are rules about parts only.
    fn changes_rows(&self) -> bool {
        true
    }

    /// What is done with parts once the latest moment of their rows has passed.
    fn part_rules(&self) -> &[PartRule] {
        &[]
    }

    /// For each of [`Self::part_rules`] the latest moment of these rows, [`NO_MOMENT`] where none has one.
    fn latest(&self, block: &Block) -> Result<Vec<i64>, String> {
        let _ = block;
        Ok(Vec::new())
    }

    /// The columns that [`Self::latest`] looks at; others may be defaults in the block it gets.
    fn latest_inputs(&self) -> &[usize] {
        &[]
    }

    /// Seconds between two merges of a partition that are done for another codec only.
    fn recompression_pause(&self) -> i64 {
        self.pause()
    }
}

/// A rule about parts as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartRule {
    /// Columns without a codec of their own are written with this one.
    Recompress(ColumnCodec),
    /// The part is moved there.
    Move(Place),
}

/// Of no rows, or of rows that stay as they are for ever.
pub const NO_MOMENT: i64 = i64::MIN;

/// The later one of each rule. No moments at all are those of no rows.
pub(crate) fn later(some: Vec<i64>, others: Vec<i64>) -> Vec<i64> {
    if some.len() != others.len() {
        return if some.is_empty() { others } else { some };
    }
    some.into_iter().zip(others).map(|(a, b)| a.max(b)).collect()
}

/// The codec that a part should have at `now` by the rule whose moment passed last; of equal ones the last. `None`: no
/// moment has passed.
pub(crate) fn codec_at<'a>(rules: &'a dyn RowExpiry, latest: &[i64], now: i64) -> Option<&'a ColumnCodec> {
    last_passed(rules, latest, now, |rule| match rule {
        PartRule::Recompress(codec) => Some(codec),
        PartRule::Move(_) => None,
    })
}

/// Where a part should be at `now`, likewise.
pub(crate) fn place_at<'a>(rules: &'a dyn RowExpiry, latest: &[i64], now: i64) -> Option<&'a Place> {
    last_passed(rules, latest, now, |rule| match rule {
        PartRule::Move(place) => Some(place),
        PartRule::Recompress(_) => None,
    })
}

fn last_passed<'a, T>(
    rules: &'a dyn RowExpiry,
    latest: &[i64],
    now: i64,
    of: impl Fn(&'a PartRule) -> Option<T>,
) -> Option<T> {
    let passed = rules.part_rules().iter().zip(latest);
    let passed = passed.filter(|(_, moment)| **moment != NO_MOMENT && **moment <= now);
    let asked = passed.filter_map(|(rule, moment)| Some((of(rule)?, *moment)));
    asked.max_by_key(|(_, moment)| *moment).map(|(asked, _)| asked)
}

/// The rows of one merge at one moment.
pub trait ExpiryStage: Send {
    /// Those that are left of the rows so far and were not given yet: without the expired ones, or with those joined to
    /// others, and expired values reset. The order of rows stays. `None`: no rows follow.
    fn next(&mut self, block: Option<Block>) -> Result<Block, String>;
}

/// Moments of a set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryBounds {
    /// From then on a merge changes something; `i64::MAX`: never.
    pub first: i64,
    /// From then on no row is left; `i64::MAX`: never.
    pub all_gone: i64,
    /// From then on a merge with other rows may join rows to those; `i64::MAX`: never.
    pub joins: i64,
}

impl ExpiryBounds {
    /// Of no rows.
    pub const NONE: Self = Self {
        first: i64::MAX,
        all_gone: i64::MIN,
        joins: i64::MAX,
    };

    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            all_gone: self.all_gone.max(other.all_gone),
            joins: self.joins.min(other.joins),
        }
    }
}

pub(crate) const EXPIRY_FILE: &str = "ttl.txt";
const FORMAT: &str = "ttl 1";

/// What a part knows of itself: the bounds, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartExpiry {
    pub fingerprint: u64,
    pub bounds: ExpiryBounds,
    /// One for each rule about parts.
    pub latest: Vec<i64>,
    /// That of columns without one of their own, when a rule chose it.
    pub codec: Option<String>,
}

impl PartExpiry {
    pub fn to_text(&self) -> String {
        let ExpiryBounds {
            first,
            all_gone,
            joins,
        } = self.bounds;
        let mut text = format!(
            "{FORMAT}\nrules {:016x}\nfirst {first}\nall_gone {all_gone}\n",
            self.fingerprint
        );
        if joins != i64::MAX {
            text.push_str(&format!("joins {joins}\n"));
        }
        if !self.latest.is_empty() {
            let latest: Vec<String> = self.latest.iter().map(i64::to_string).collect();
            text.push_str(&format!("latest {}\n", latest.join(" ")));
        }
        if let Some(codec) = &self.codec {
            text.push_str(&format!("codec {codec}\n"));
        }
        text
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT) {
            return Err(format!("does not begin with `{FORMAT}`"));
        }
        let mut field = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.map(str::trim).ok_or_else(|| format!("no line `{name} …`"))
        };
        let not_a_number = |e: std::num::ParseIntError| e.to_string();
        let mut known = Self {
            fingerprint: u64::from_str_radix(field("rules")?, 16).map_err(not_a_number)?,
            bounds: ExpiryBounds {
                first: field("first")?.parse().map_err(not_a_number)?,
                all_gone: field("all_gone")?.parse().map_err(not_a_number)?,
                // Of a table where rows are not joined.
                joins: i64::MAX,
            },
            latest: Vec::new(),
            codec: None,
        };
        for line in lines {
            match line.split_once(' ') {
                Some(("joins", moment)) => {
                    known.bounds.joins = moment.trim().parse().map_err(not_a_number)?
                }
                Some(("latest", moments)) => {
                    let moments = moments.split_whitespace().map(str::parse);
                    known.latest = moments.collect::<Result<_, _>>().map_err(not_a_number)?;
                }
                Some(("codec", codec)) => known.codec = Some(codec.to_owned()),
                _ => {}
            }
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_knows_is_read_back() {
        for (first, all_gone, joins, latest, codec) in [
            (5, i64::MAX, -5, vec![], None),
            (
                i64::MAX,
                i64::MIN,
                i64::MAX,
                vec![NO_MOMENT, 7],
                Some("Delta(2), ZSTD(17)"),
            ),
            (-7, 0, 9, vec![3], None),
        ] {
            let known = PartExpiry {
                fingerprint: u64::MAX,
                bounds: ExpiryBounds {
                    first,
                    all_gone,
                    joins,
                },
                latest,
                codec: codec.map(str::to_owned),
            };
            assert_eq!(PartExpiry::parse(&known.to_text()), Ok(known));
        }
        for text in [
            "",
            "ttl 2",
            "ttl 1\nrules x",
            "ttl 1\nrules 0\nfirst 1\n",
            "ttl 1\nrules 0\nfirst 1\nall_gone 1\njoins x\n",
            "ttl 1\nrules 0\nfirst 1\nall_gone 1\nlatest 1 x\n",
        ] {
            assert!(PartExpiry::parse(text).is_err(), "{text}");
        }
    }
}
