//! `windowFunnel` and `retention`.

use engine_types::{ArrayColumn, Column, DataType, Value};

use super::cells::ordered;
use super::{Base, OnNull, State, illegal, maker};
use crate::FunctionError;
use crate::error::{ARGUMENT_COUNT, BAD_ARGUMENTS};
use crate::logic::truth;

#[derive(Clone, Copy, Default)]
struct Modes {
    strict_order: bool,
    strict_deduplication: bool,
    strict_increase: bool,
}

/// (time, step from 1) of every condition that held; step 0 marks a row without any, where the mode looks at those.
struct WindowFunnel {
    events: Vec<Vec<(u64, u8)>>,
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
            let mut any = false;
            for (step, condition) in conditions.iter().enumerate() {
                if condition[i] != 0 {
                    any = true;
                    events.push((times[i], step as u8 + 1));
                }
            }
            if self.modes.strict_order && !any {
                events.push((times[i], 0));
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
        Ok(Column::UInt8(
            all.iter_mut()
                .map(|events| {
                    events.sort();
                    level(events, self.steps, self.window, self.modes)
                })
                .collect(),
        ))
    }

    fn byte_size(&self) -> usize {
        self.events.iter().map(|e| 24 + 16 * e.capacity()).sum()
    }
}

/// Steps reached by sorted events: the walk of the contract, 11.7.20.
fn level(events: &[(u64, u8)], steps: usize, window: u64, modes: Modes) -> u8 {
    // Start of the chain that reached a step, and the time it did.
    let mut reached: Vec<Option<(u64, u64)>> = vec![None; steps];
    let mut started = false;
    let highest = |reached: &[Option<(u64, u64)>]| {
        reached
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |i| i as u8 + 1)
    };
    for &(time, step) in events {
        if step == 0 {
            if started {
                return highest(&reached);
            }
            continue;
        }
        let at = usize::from(step) - 1;
        if at == 0 {
            reached[0] = Some((time, time));
            started = true;
            if steps == 1 {
                return 1;
            }
            continue;
        }
        if modes.strict_deduplication && reached[at].is_some() {
            return step;
        }
        if modes.strict_order && started && reached[at - 1].is_none() {
            return highest(&reached);
        }
        let Some((start, previous)) = reached[at - 1] else {
            continue;
        };
        let in_window = time - start <= window;
        let increases = !modes.strict_increase || time > previous;
        if in_window && increases {
            reached[at] = Some((start, time));
            if at + 1 == steps {
                return step;
            }
        }
    }
    highest(&reached)
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
            other => {
                return Err(FunctionError::new(
                    BAD_ARGUMENTS,
                    format!("windowFunnel has no mode {other:?}"),
                ));
            }
        }
    }
    let Some((time, conditions)) = args.split_first() else {
        return Err(FunctionError::new(
            ARGUMENT_COUNT,
            "windowFunnel needs a time and conditions",
        ));
    };
    if !time.is_time() && !time.is_unsigned() {
        return Err(illegal("windowFunnel", time));
    }
    check_conditions("windowFunnel", conditions)?;
    let steps = conditions.len();
    Ok(Base {
        returns: DataType::UInt8,
        make: maker(move || WindowFunnel {
            events: Vec::new(),
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
