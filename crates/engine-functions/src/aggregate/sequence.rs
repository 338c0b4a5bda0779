//! `sequenceMatch` and `sequenceCount`: patterns over the events of a group in order of time.

use engine_types::{Column, DataType, Value};

use super::cells::ordered;
use super::state_bytes::{StateReader, put_number, put_u64};
use super::{Base, OnNull, State, illegal, maker};
use crate::FunctionError;
use crate::error::{ARGUMENT_COUNT, BAD_ARGUMENTS, SYNTAX_ERROR, TOO_FEW_ARGUMENTS, TOO_SLOW};
use crate::logic::truth;

/// Conditions a function takes.
const CONDITIONS_MAX: usize = 32;
/// Steps of one search through a group's events; beyond it the query is refused (error 160).
const STEPS_MAX: usize = 1_000_000;

/// One piece of a pattern. Times are in the unit of the time argument: seconds, days or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// `(?n)`: an event for which condition `n` (here from 0) holds.
    Event(usize),
    /// `.`
    AnyEvent,
    /// `.*`
    AnyEvents,
    /// `(?t op n)`: time since the event matched last.
    Time(TimeOp, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeOp {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
}

impl TimeOp {
    fn holds(self, time: u64, bound: u64) -> bool {
        match self {
            Self::LessOrEqual => time <= bound,
            Self::Less => time < bound,
            Self::GreaterOrEqual => time >= bound,
            Self::Greater => time > bound,
            Self::Equal => time == bound,
        }
    }

    /// A later event may hold where this one does not.
    fn may_hold_later(self) -> bool {
        match self {
            Self::LessOrEqual | Self::Less => false,
            Self::GreaterOrEqual | Self::Greater | Self::Equal => true,
        }
    }
}

/// A pattern that may start anywhere: its first piece is `.*`.
#[derive(Clone, Debug)]
struct Pattern {
    pieces: Vec<Piece>,
    /// Bits of the conditions named.
    conditions: u32,
    has_time: bool,
}

/// The unread end of a pattern.
struct Reader<'p> {
    text: &'p str,
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn number(&mut self) -> Result<u64, FunctionError> {
        let rest = &self.text[self.at..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits]
            .parse()
            .map_err(|_| self.error("Could not parse number"))?;
        self.at += digits;
        Ok(number)
    }

    fn error(&self, what: &str) -> FunctionError {
        FunctionError::new(
            SYNTAX_ERROR,
            format!("{what} '{}' at position {}", &self.text[self.at..], self.at),
        )
    }
}

fn parse(text: &str, conditions: usize) -> Result<Pattern, FunctionError> {
    let mut pattern = Pattern {
        pieces: vec![Piece::AnyEvents],
        conditions: 0,
        has_time: false,
    };
    let mut reader = Reader { text, at: 0 };
    while reader.at < text.len() {
        if reader.take("(?t") {
            let op = if reader.take("<=") {
                TimeOp::LessOrEqual
            } else if reader.take("<") {
                TimeOp::Less
            } else if reader.take(">=") {
                TimeOp::GreaterOrEqual
            } else if reader.take(">") {
                TimeOp::Greater
            } else if reader.take("==") {
                TimeOp::Equal
            } else {
                return Err(reader.error("Unknown time condition"));
            };
            let duration = reader.number()?;
            if matches!(pattern.pieces.last(), Some(Piece::Time(..))) {
                return Err(FunctionError::new(
                    BAD_ARGUMENTS,
                    "Temporal condition should be preceded by an event condition",
                ));
            }
            pattern.has_time = true;
            pattern.pieces.push(Piece::Time(op, duration));
        } else if reader.take("(?") {
            let number = reader.number()?;
            let condition = usize::try_from(number)
                .ok()
                .and_then(|n| n.checked_sub(1))
                .filter(|c| *c < conditions)
                .ok_or_else(|| {
                    FunctionError::new(BAD_ARGUMENTS, format!("Event number {number} is out of range"))
                })?;
            pattern.conditions |= 1 << condition;
            pattern.pieces.push(Piece::Event(condition));
        } else if reader.take(".*") {
            pattern.pieces.push(Piece::AnyEvents);
            continue;
        } else if reader.take(".") {
            pattern.pieces.push(Piece::AnyEvent);
            continue;
        } else {
            return Err(reader.error("Could not parse pattern, unexpected starting symbol"));
        }
        if !reader.take(")") {
            return Err(reader.error("Expected closing parenthesis, found"));
        }
    }
    Ok(pattern)
}

/// Time and the bits of the conditions that hold, at least one.
type Event = (u64, u32);

impl Pattern {
    /// Whether the pattern is somewhere in the events; without times. O(events × pieces).
    fn is_in(&self, events: &[Event]) -> bool {
        // Bit `i` is set when the pieces before `i` match some events that end here.
        let mut at = vec![false; self.pieces.len() + 1];
        at[0] = true;
        let through_stars = |at: &mut Vec<bool>| {
            for (i, piece) in self.pieces.iter().enumerate() {
                if at[i] && *piece == Piece::AnyEvents {
                    at[i + 1] = true;
                }
            }
        };
        through_stars(&mut at);
        for &(_, held) in events {
            if at[self.pieces.len()] {
                break;
            }
            let mut next = vec![false; at.len()];
            for (i, piece) in self.pieces.iter().enumerate().filter(|(i, _)| at[*i]) {
                match piece {
                    Piece::AnyEvents => next[i] = true,
                    Piece::AnyEvent => next[i + 1] = true,
                    Piece::Event(condition) => next[i + 1] |= held & (1 << condition) != 0,
                    Piece::Time(..) => {}
                }
            }
            at = next;
            through_stars(&mut at);
        }
        at[self.pieces.len()]
    }

    /// Looks for the pattern from event `start` on, shortest stars first. Answers whether it is there and the event to
    /// go on from.
    fn find(&self, events: &[Event], start: usize) -> Result<(bool, usize), FunctionError> {
        let (mut piece, mut at, mut base) = (0, start, start);
        // Places to try again one event later: piece, event, base.
        let mut retries: Vec<(usize, usize, usize)> = Vec::new();
        let mut steps = 0;
        while piece < self.pieces.len() && at < events.len() {
            let mut failed = false;
            match self.pieces[piece] {
                Piece::Event(condition) if events[at].1 & (1 << condition) == 0 => failed = true,
                Piece::Event(_) | Piece::AnyEvent => {
                    base = at;
                    piece += 1;
                    at += 1;
                }
                Piece::AnyEvents => {
                    retries.push((piece, at, base));
                    base = at;
                    piece += 1;
                }
                Piece::Time(op, duration) => {
                    if op.holds(events[at].0, events[base].0.saturating_add(duration)) {
                        retries.push((piece, at, base));
                        base = at;
                        piece += 1;
                    } else if op.may_hold_later() {
                        at += 1;
                        failed = at == events.len();
                    } else {
                        failed = true;
                    }
                }
            }
            if failed {
                let retry = std::iter::from_fn(|| retries.pop()).find(|(_, at, _)| at + 1 < events.len());
                let Some((p, a, b)) = retry else {
                    break;
                };
                (piece, at, base) = (p, a + 1, b);
            }
            steps += 1;
            if steps > STEPS_MAX {
                return Err(FunctionError::new(
                    TOO_SLOW,
                    format!(
                        "Pattern application proves too difficult, exceeding max iterations ({STEPS_MAX})"
                    ),
                ));
            }
        }
        // What is left may match nothing.
        while let Some(
            Piece::AnyEvents
            | Piece::Time(TimeOp::LessOrEqual | TimeOp::Less, _)
            | Piece::Time(TimeOp::GreaterOrEqual, 0),
        ) = self.pieces.get(piece)
        {
            piece += 1;
        }
        Ok((piece == self.pieces.len(), at.max(start + 1)))
    }

    fn matches(&self, events: &[Event]) -> Result<bool, FunctionError> {
        if self.has_time {
            Ok(self.find(events, 0)?.0)
        } else {
            Ok(self.is_in(events))
        }
    }

    /// How often the pattern follows itself without overlapping.
    fn count(&self, events: &[Event]) -> Result<u64, FunctionError> {
        let (mut count, mut at) = (0, 0);
        while at < events.len() {
            let (found, next) = self.find(events, at)?;
            if !found {
                break;
            }
            count += 1;
            at = next;
        }
        Ok(count)
    }
}

struct Sequences {
    events: Vec<Vec<Event>>,
    pattern: Pattern,
    counts: bool,
}

impl Sequences {
    /// The events of a group in order of time; empty when a condition of the pattern never held.
    fn sorted<'e>(&self, events: &'e mut [Event]) -> Option<&'e [Event]> {
        let held = events.iter().fold(0, |held, event| held | event.1);
        if held & self.pattern.conditions != self.pattern.conditions {
            return None;
        }
        events.sort_by_key(|event| event.0);
        Some(events)
    }
}

impl State for Sequences {
    fn resize(&mut self, groups: usize) {
        if groups > self.events.len() {
            self.events.resize_with(groups, Vec::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let times = ordered(&args[0], 0);
        let mut held = vec![0u32; groups.len()];
        for (bit, condition) in args[1..].iter().enumerate() {
            for (held, truth) in held.iter_mut().zip(truth(condition)?.iter()) {
                *held |= u32::from(*truth) << bit;
            }
        }
        for ((&group, time), held) in groups.iter().zip(times).zip(held) {
            if held != 0 {
                self.events[group as usize].push((time, held));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (events, &group) in other.events.into_iter().zip(groups) {
            self.events[group as usize].extend(events);
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let mut all = std::mem::take(&mut self.events);
        if self.counts {
            let counts = all.iter_mut().map(|events| {
                let events = self.sorted(events);
                events.map_or(Ok(0), |events| self.pattern.count(events))
            });
            return Ok(Column::UInt64(counts.collect::<Result<_, _>>()?));
        }
        let matches = all.iter_mut().map(|events| {
            let events = self.sorted(events);
            events.map_or(Ok(0), |events| self.pattern.matches(events).map(u8::from))
        });
        Ok(Column::UInt8(matches.collect::<Result<_, _>>()?))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (events, out) in self.events.iter().zip(out) {
            put_number(out, events.len() as u64);
            for (time, held) in events {
                put_u64(out, *time);
                put_number(out, u64::from(*held));
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (events, input) in self.events.iter_mut().zip(input) {
            *events = (0..input.count(9)?)
                .map(|_| Ok((input.u64()?, input.number()? as u32)))
                .collect::<Result<_, FunctionError>>()?;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.events.iter().map(|e| 24 + 16 * e.capacity()).sum()
    }
}

pub(super) fn build(name: &str, params: &[Value], args: &[DataType]) -> Result<Base, FunctionError> {
    let [Value::String(pattern)] = params else {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            format!("Aggregate function {name} requires exactly one parameter, a pattern."),
        ));
    };
    let Some((time, conditions)) = args.split_first().filter(|(_, c)| c.len() >= 2) else {
        return Err(FunctionError::new(
            TOO_FEW_ARGUMENTS,
            format!("Aggregate function {name} requires at least 3 arguments."),
        ));
    };
    if conditions.len() > CONDITIONS_MAX {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            format!("Aggregate function {name} supports up to {CONDITIONS_MAX} event arguments."),
        ));
    }
    if !matches!(time, DataType::Date | DataType::DateTime(_)) && !time.is_unsigned() {
        return Err(illegal(name, time));
    }
    if let Some(other) = conditions
        .iter()
        .find(|c| !matches!(c, DataType::UInt8 | DataType::Bool))
    {
        return Err(illegal(name, other));
    }
    let pattern = parse(&String::from_utf8_lossy(pattern), conditions.len())?;
    let counts = name == "sequenceCount";
    Ok(Base {
        returns: if counts { DataType::UInt64 } else { DataType::UInt8 },
        make: maker(move || Sequences {
            events: Vec::new(),
            pattern: pattern.clone(),
            counts,
        }),
        on_null: OnNull::Skip,
    })
}
