//! `windowFunnel` and `retention`.

use engine_types::{ArrayColumn, Column, DataType, Value};

use super::cells::ordered;
use super::state_bytes::{StateReader, put_number, put_u64};
use super::{Base, OnNull, State, illegal, maker};
use crate::FunctionError;
use crate::error::{ARGUMENT_COUNT, BAD_ARGUMENTS};
use crate::logic::truth;

#[derive(Clone, Copy, Default)]
struct Modes {
    strict_order: bool,
    strict_deduplication: bool,
    strict_increase: bool,
    /// A row counts for one step of a chain, though several of its conditions hold.
    strict_once: bool,
    /// With `strict_order`: steps that come too early are passed over.
    allow_reentry: bool,
}

/// A condition that held. In order of time; within a row the later steps come after the earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    time: u64,
    /// From 1; 0 marks a row without any condition, where the mode looks at those.
    step: u8,
    /// The row, for `strict_once`.
    row: u32,
}

struct WindowFunnel {
    events: Vec<Vec<Held>>,
    rows: u32,
    window: u64,
    steps: usize,
    modes: Modes,
}

impl State for WindowFunnel {
    fn resize(&mut self, groups: usize) {
        if groups > self.events.len() {
            self.events.resize_with(groups, Vec::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let times = ordered(&args[0], 0);
        let conditions = args[1..].iter().map(truth).collect::<Result<Vec<_>, _>>()?;
        for (i, &group) in groups.iter().enumerate() {
            let events = &mut self.events[group as usize];
            let (time, row) = (times[i], self.rows.wrapping_add(i as u32));
            let mut any = false;
            for (step, condition) in conditions.iter().enumerate() {
                if condition[i] != 0 {
                    any = true;
                    events.push(Held {
                        time,
                        step: step as u8 + 1,
                        row,
                    });
                }
            }
            if self.modes.strict_order && !any {
                events.push(Held { time, step: 0, row });
            }
        }
        self.rows = self.rows.wrapping_add(groups.len() as u32);
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (events, &group) in other.events.into_iter().zip(groups) {
            let renumbered = events.into_iter().map(|held| Held {
                row: held.row.wrapping_add(self.rows),
                ..held
            });
            self.events[group as usize].extend(renumbered);
        }
        self.rows = self.rows.wrapping_add(other.rows);
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let mut all = std::mem::take(&mut self.events);
        Ok(Column::UInt8(
            all.iter_mut()
                .map(|events| {
                    events.sort();
                    match self.modes.strict_once {
                        true => level_once(events, self.steps, self.window, self.modes),
                        false => level(events, self.steps, self.window, self.modes),
                    }
                })
                .collect(),
        ))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (events, out) in self.events.iter_mut().zip(out) {
            // Which rows are the same and which came first is all that their numbers say.
            let mut rows: Vec<u32> = events.iter().map(|held| held.row).collect();
            rows.sort_unstable();
            rows.dedup();
            put_number(out, events.len() as u64);
            for held in events.iter() {
                put_u64(out, held.time);
                out.push(held.step);
                let row = rows.binary_search(&held.row).unwrap_or_default();
                put_number(out, row as u64);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (events, input) in self.events.iter_mut().zip(input) {
            // Groups may become one: no row of two states may have the same number.
            let base = self.rows;
            *events = (0..input.count(10)?)
                .map(|_| {
                    Ok(Held {
                        time: input.u64()?,
                        // A step that the function does not have is none.
                        step: Some(input.u8()?)
                            .filter(|s| usize::from(*s) <= self.steps)
                            .unwrap_or(0),
                        row: base.wrapping_add(input.number()? as u32),
                    })
                })
                .collect::<Result<_, FunctionError>>()?;
            let rows = events.iter().map(|held| held.row.wrapping_add(1)).max();
            self.rows = rows.unwrap_or(base);
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.events
            .iter()
            .map(|e| 24 + size_of::<Held>() * e.capacity())
            .sum()
    }
}

/// The first step not reached, from 0: how many were in a row.
fn first_missing(reached: impl Iterator<Item = bool>) -> u8 {
    reached.take_while(|r| *r).count() as u8
}

/// The highest step reached, from 1.
fn highest(reached: impl DoubleEndedIterator<Item = bool> + ExactSizeIterator) -> u8 {
    let mut reached = reached;
    reached.rposition(|r| r).map_or(0, |i| i as u8 + 1)
}

/// Steps reached by sorted events. One chain is kept a step: a first step starts anew, a later one goes on from what
/// the step before it reached last.
fn level(events: &[Held], steps: usize, window: u64, modes: Modes) -> u8 {
    // Start of the chain that reached a step, and the time it did.
    let mut reached: Vec<Option<(u64, u64)>> = vec![None; steps];
    if !events.is_empty() && !modes.strict_order && steps == 1 {
        return 1;
    }
    for &Held { time, step, .. } in events {
        let started = reached[0].is_some();
        if step == 0 {
            if started {
                break;
            }
            continue;
        }
        let at = usize::from(step) - 1;
        if at == 0 {
            reached[0] = Some((time, time));
            continue;
        }
        if modes.strict_deduplication && reached[at].is_some() {
            break;
        }
        let Some((start, previous)) = reached[at - 1] else {
            if modes.strict_order && started && !modes.allow_reentry {
                return first_missing(reached.iter().map(Option::is_some));
            }
            continue;
        };
        let in_window = time <= start.saturating_add(window);
        let increases = !modes.strict_increase || time > previous;
        if in_window && increases {
            reached[at] = Some((start, time));
            if at + 1 == steps {
                return step;
            }
        }
    }
    highest(reached.iter().map(Option::is_some))
}

/// A chain of events, no row twice.
#[derive(Clone)]
struct Chain {
    start: u64,
    last: u64,
    rows: Vec<u32>,
}

/// Steps reached when a row counts once: every chain is followed, as a row with several conditions may go on any of
/// them. Chains whose window is over are dropped, all but the last of a step.
fn level_once(events: &[Held], steps: usize, window: u64, modes: Modes) -> u8 {
    let mut chains: Vec<Vec<Chain>> = vec![Vec::new(); steps];
    if !events.is_empty() && !modes.strict_order && steps == 1 {
        return 1;
    }
    for &Held { time, step, row } in events {
        let started = !chains[0].is_empty();
        if step == 0 {
            if started {
                break;
            }
            continue;
        }
        let at = usize::from(step) - 1;
        if at == 0 {
            chains[0].push(Chain {
                start: time,
                last: time,
                rows: vec![row],
            });
            continue;
        }
        if modes.strict_deduplication && !chains[at].is_empty() {
            break;
        }
        if chains[at - 1].is_empty() {
            if modes.strict_order && started && !modes.allow_reentry {
                return first_missing(chains.iter().map(|c| !c.is_empty()));
            }
            continue;
        }
        let before = &mut chains[at - 1];
        let in_window = |chain: &Chain| time <= chain.start.saturating_add(window);
        let mut left = before.len();
        before.retain(|chain| {
            let keep = in_window(chain) || left == 1;
            left -= usize::from(!keep);
            keep
        });
        let longer: Vec<Chain> = before
            .iter()
            .filter(|c| in_window(c) && !c.rows.contains(&row) && (!modes.strict_increase || c.last < time))
            .map(|chain| {
                let mut chain = chain.clone();
                chain.last = time;
                chain.rows.push(row);
                chain
            })
            .collect();
        if !longer.is_empty() && at + 1 == steps {
            return step;
        }
        chains[at].extend(longer);
    }
    highest(chains.iter().map(|c| !c.is_empty()))
}

fn check_conditions(function: &str, conditions: &[DataType]) -> Result<(), FunctionError> {
    if conditions.is_empty() || conditions.len() > 32 {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            format!("{function} takes 1 to 32 conditions, got {}", conditions.len()),
        ));
    }
    match conditions.iter().find(|c| !c.is_number()) {
        Some(other) => Err(illegal(function, other)),
        None => Ok(()),
    }
}

pub(super) fn window_funnel(params: &[Value], args: &[DataType]) -> Result<Base, FunctionError> {
    let window = match params.first() {
        Some(Value::UInt(v)) => *v,
        Some(Value::Int(v)) if *v >= 0 => *v as u64,
        _ => {
            return Err(FunctionError::new(
                BAD_ARGUMENTS,
                "windowFunnel needs its window as a parameter",
            ));
        }
    };
    let mut modes = Modes::default();
    for mode in &params[1..] {
        match mode {
            Value::String(s) if s == b"strict_order" => modes.strict_order = true,
            Value::String(s) if s == b"strict_deduplication" || s == b"strict" => {
                modes.strict_deduplication = true
            }
            Value::String(s) if s == b"strict_increase" => modes.strict_increase = true,
            Value::String(s) if s == b"strict_once" => modes.strict_once = true,
            Value::String(s) if s == b"allow_reentry" => modes.allow_reentry = true,
            other => {
                let text = crate::text::format_value(other, &DataType::String);
                return Err(FunctionError::new(
                    BAD_ARGUMENTS,
                    format!("Aggregate function windowFunnel doesn't support a parameter: {text}"),
                ));
            }
        }
    }
    if modes.allow_reentry && !modes.strict_order {
        return Err(FunctionError::new(
            BAD_ARGUMENTS,
            "allow_reentry option requires strict_order to be enabled in Aggregate function windowFunnel",
        ));
    }
    let Some((time, conditions)) = args.split_first() else {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            "windowFunnel needs a time and conditions",
        ));
    };
    if !matches!(time, DataType::Date | DataType::DateTime(_)) && !time.is_unsigned() {
        return Err(illegal("windowFunnel", time));
    }
    check_conditions("windowFunnel", conditions)?;
    let steps = conditions.len();
    Ok(Base {
        returns: DataType::UInt8,
        make: maker(move || WindowFunnel {
            events: Vec::new(),
            rows: 0,
            window,
            steps,
            modes,
        }),
        on_null: OnNull::Skip,
    })
}

/// A bit for every condition that held in some row.
struct Retention {
    seen: Vec<u32>,
    conditions: usize,
}

impl State for Retention {
    fn resize(&mut self, groups: usize) {
        if groups > self.seen.len() {
            self.seen.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (bit, condition) in args.iter().enumerate() {
            for (held, &group) in truth(condition)?.iter().zip(groups) {
                self.seen[group as usize] |= u32::from(*held != 0) << bit;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (seen, &group) in other.seen.iter().zip(groups) {
            self.seen[group as usize] |= seen;
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let seen = std::mem::take(&mut self.seen);
        let bits = seen.iter().flat_map(|&bits| {
            let first = bits & 1;
            (0..self.conditions).map(move |bit| (first & (bits >> bit)) as u8)
        });
        let values: Vec<u8> = bits.collect();
        Ok(Column::Array(ArrayColumn {
            offsets: (0..=seen.len())
                .map(|i| crate::operand::row(i * self.conditions))
                .collect(),
            values: Box::new(Column::UInt8(values.into())),
        }))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (seen, out) in self.seen.iter().zip(out) {
            put_number(out, u64::from(*seen));
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (seen, input) in self.seen.iter_mut().zip(input) {
            *seen = input.number()? as u32;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        4 * self.seen.capacity()
    }
}

pub(super) fn retention(args: &[DataType]) -> Result<Base, FunctionError> {
    check_conditions("retention", args)?;
    let conditions = args.len();
    Ok(Base {
        returns: DataType::Array(Box::new(DataType::UInt8)),
        make: maker(move || Retention {
            seen: Vec::new(),
            conditions,
        }),
        on_null: OnNull::Skip,
    })
}
