//! Offsets of time zones, with a cursor that makes runs of near times cheap.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

const DAY: i64 = 86_400;
/// 1900-01-01 and 2300-01-01: what DateTime64 can hold. Outside the first or last offset is used.
const FIRST: i64 = -2_208_988_800;
const LAST: i64 = 10_413_792_000;
/// 1970-01-01 and 2040-01-01: between them transitions are looked for every day, outside every two weeks.
const DENSE_FIRST: i64 = 0;
const DENSE_LAST: i64 = 2_208_988_800;

/// `offsets[i]` seconds east of UTC holds from `starts[i]` to `starts[i + 1]`.
#[derive(Debug)]
struct Transitions {
    starts: Vec<i64>,
    offsets: Vec<i64>,
}

static TABLES: LazyLock<Mutex<HashMap<Tz, Arc<Transitions>>>> = LazyLock::new(Mutex::default);

fn offset_of(tz: Tz, utc: i64) -> i64 {
    chrono::DateTime::from_timestamp(utc, 0).map_or(0, |t| {
        i64::from(
            tz.offset_from_utc_datetime(&t.naive_utc())
                .fix()
                .local_minus_utc(),
        )
    })
}

impl Transitions {
    fn of(tz: Tz) -> Arc<Self> {
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        tables
            .entry(tz)
            .or_insert_with(|| Arc::new(Self::scan(tz)))
            .clone()
    }

    fn scan(tz: Tz) -> Self {
        let mut offset = offset_of(tz, FIRST);
        let (mut starts, mut offsets) = (vec![i64::MIN], vec![offset]);
        let mut at = FIRST;
        while at < LAST {
            let step = if (DENSE_FIRST..DENSE_LAST).contains(&at) {
                DAY
            } else {
                14 * DAY
            };
            let next = at + step;
            let there = offset_of(tz, next);
            if there != offset {
                let (mut low, mut high) = (at, next);
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if offset_of(tz, middle) == offset {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                starts.push(high);
                offsets.push(there);
                offset = there;
            }
            at = next;
        }
        Self { starts, offsets }
    }
}

/// A zone, and the span of constant offset that was asked last.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    table: Option<Arc<Transitions>>,
    from: i64,
    until: i64,
    offset: i64,
}

impl Zone {
    /// `None` is UTC.
    pub(crate) fn new(tz: Option<Tz>) -> Self {
        let mut zone = Self {
            table: None,
            from: i64::MIN,
            until: i64::MAX,
            offset: 0,
        };
        if let Some(tz) = tz.filter(|tz| *tz != Tz::UTC) {
            zone.table = Some(Transitions::of(tz));
            zone.until = i64::MIN;
        }
        zone
    }

    /// Seconds east of UTC at that instant.
    #[inline]
    pub(crate) fn offset_at(&mut self, utc: i64) -> i64 {
        if utc < self.from || utc >= self.until {
            self.seek(utc);
        }
        self.offset
    }

    #[cold]
    fn seek(&mut self, utc: i64) {
        if let Some(table) = &self.table {
            let at = table.starts.partition_point(|&s| s <= utc).max(1) - 1;
            self.from = table.starts[at];
            self.until = table.starts.get(at + 1).copied().unwrap_or(i64::MAX);
            self.offset = table.offsets[at];
        }
    }

    #[inline]
    pub(crate) fn local_of(&mut self, utc: i64) -> i64 {
        utc + self.offset_at(utc)
    }

    /// The instant of a wall-clock time: the first of two, and for a time that the clocks skip the one an hour before.
    pub(crate) fn utc_of(&mut self, local: i64) -> i64 {
        let (before, after) = match self.around(local) {
            Ok(utc) => return utc,
            Err(offsets) => offsets,
        };
        let early = local - before;
        if before == after || self.offset_at(early) == before {
            return early;
        }
        local - after
    }

    /// The first instant of a local day, also where midnight is skipped.
    pub(crate) fn day_start(&mut self, day: i64) -> i64 {
        let local = day * DAY;
        match self.around(local) {
            Ok(utc) => utc,
            Err((before, after)) => {
                let early = local - before;
                if self.offset_at(early) == before {
                    return early;
                }
                let late = local - after;
                if self.offset_at(late) == after {
                    late
                } else {
                    early
                }
            }
        }
    }

    /// The instant, when no transition is within a day; else the offsets a day before and a day after.
    #[inline]
    fn around(&mut self, local: i64) -> Result<i64, (i64, i64)> {
        let guess = local.saturating_sub(self.offset);
        if guess.saturating_sub(DAY) >= self.from && guess.saturating_add(DAY) < self.until {
            return Ok(guess);
        }
        Err((self.offset_at(local - DAY), self.offset_at(local + DAY)))
    }
}
