//! Window functions over one block of all rows: sort by partition and order, then each row looks at its frame.

use engine_functions::AggregateFunction;
use engine_sql::plan::{FrameBound, WindowCall, WindowFunction};
use engine_types::{Block, Column};

use super::frame::{Partition, numbers};
use super::sliding::sliding;
use crate::program::Program;
use crate::sort_key::{Direction, SortKeys};
use crate::{ExecContext, ExecError};

/// Pairs of (row, row in its frame) fed to an aggregate at a time.
const PAIRS: usize = 65_536;

/// The input's columns, then one a call; rows in the order of the first call's window.
pub(crate) fn window(
    context: &ExecContext,
    block: Block,
    calls: &[WindowCall],
    programs: &[Program],
) -> Result<Block, ExecError> {
    let rows = block.rows();
    let mut columns = block.columns().to_vec();
    let mut first_order: Option<Vec<u32>> = None;
    let mut memory = context.memory.reserve("window");
    for (call, program) in calls.iter().zip(programs) {
        context.check()?;
        let evaluated = program.eval(block.columns(), rows)?;
        let (partition_by, rest) = evaluated.split_at(call.partition_by.len());
        let (order_by, args) = rest.split_at(call.order_by.len());
        let sorted = Sorted::new(call, partition_by, order_by, rows);
        memory.add(24 * rows)?;
        let args: Vec<Column> = args.iter().map(|a| a.gather(&sorted.order).flatten()).collect();
        let in_order = sorted.column(context, call, &args)?;
        // Back to the order of the input.
        let mut place = vec![0u32; rows];
        for (at, &row) in sorted.order.iter().enumerate() {
            place[row as usize] = at as u32;
        }
        columns.push(in_order.gather(&place));
        first_order.get_or_insert(sorted.order);
    }
    let block = Block::new(columns, rows);
    Ok(match first_order {
        Some(order) => block.gather(&order),
        None => block,
    })
}

/// All rows by partition and order; positions below are in this order.
struct Sorted {
    order: Vec<u32>,
    /// Where each partition starts, and the number of rows at the end.
    partitions: Vec<usize>,
    /// Bounds of the peer group of each row, relative to its partition.
    peer_start: Vec<usize>,
    peer_end: Vec<usize>,
    range_keys: Option<Vec<f64>>,
}

impl Sorted {
    fn new(call: &WindowCall, partition_by: &[Column], order_by: &[Column], rows: usize) -> Self {
        let plain = Direction {
            descending: false,
            nulls_first: false,
        };
        let partition_keys = SortKeys::new(partition_by, &vec![plain; partition_by.len()], rows);
        let directions: Vec<Direction> = call.order_by.iter().map(Direction::from).collect();
        let order_keys = SortKeys::new(order_by, &directions, rows);
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by(|&a, &b| {
            partition_keys
                .get(a)
                .cmp(partition_keys.get(b))
                .then_with(|| order_keys.get(a).cmp(order_keys.get(b)))
        });
        let mut partitions = vec![0];
        for at in 1..rows {
            if partition_keys.get(order[at]) != partition_keys.get(order[at - 1]) {
                partitions.push(at);
            }
        }
        partitions.push(rows);
        let (mut peer_start, mut peer_end) = (vec![0; rows], vec![0; rows]);
        for bounds in partitions.windows(2) {
            let (from, to) = (bounds[0], bounds[1]);
            let mut start = from;
            for at in from..to {
                if at > from && order_keys.get(order[at]) != order_keys.get(order[at - 1]) {
                    start = at;
                }
                peer_start[at] = start - from;
            }
            let mut end = to;
            for at in (from..to).rev() {
                if at + 1 < to && peer_start[at + 1] != peer_start[at] {
                    end = at + 1;
                }
                peer_end[at] = end - from;
            }
        }
        let range_keys = match (call.order_by.as_slice(), order_by) {
            ([key], [column]) => numbers(&column.gather(&order)).map(|mut numbers| {
                if key.descending {
                    numbers.iter_mut().for_each(|n| *n = -*n);
                }
                numbers
            }),
            _ => None,
        };
        Self {
            order,
            partitions,
            peer_start,
            peer_end,
            range_keys,
        }
    }

    fn rows(&self) -> usize {
        self.order.len()
    }

    fn partition(&self, from: usize, to: usize) -> Partition<'_> {
        Partition {
            peer_start: &self.peer_start[from..to],
            peer_end: &self.peer_end[from..to],
            range_keys: self.range_keys.as_ref().map(|k| &k[from..to]),
        }
    }

    fn partitions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.partitions
            .windows(2)
            .map(|w| (w[0], w[1]))
            .filter(|(from, to)| from < to)
    }

    /// The call's column; `args` are already in window order.
    fn column(&self, context: &ExecContext, call: &WindowCall, args: &[Column]) -> Result<Column, ExecError> {
        match &call.function {
            WindowFunction::RowNumber => Ok(self.counted(|_, from, at| (at - from) as u64 + 1)),
            WindowFunction::Rank => Ok(self.counted(|sorted, _, at| sorted.peer_start[at] as u64 + 1)),
            WindowFunction::DenseRank => {
                let mut rank = 0;
                Ok(self.counted(move |sorted, from, at| {
                    if at == from {
                        rank = 1;
                    } else if sorted.peer_start[at] != sorted.peer_start[at - 1] {
                        rank += 1;
                    }
                    rank
                }))
            }
            WindowFunction::FirstValue => self.picked(call, args, |frame, _, _| Some(frame.start)),
            WindowFunction::LastValue => self.picked(call, args, |frame, _, _| Some(frame.end - 1)),
            WindowFunction::NthValue => self.picked(call, args, |frame, _, n| {
                let at = frame.start + usize::try_from(n.unwrap_or(1)).ok()?.checked_sub(1)?;
                frame.contains(&at).then_some(at)
            }),
            WindowFunction::LagInFrame => self.picked(call, args, |frame, at, n| {
                let at = at.checked_sub(usize::try_from(n.unwrap_or(1)).ok()?)?;
                frame.contains(&at).then_some(at)
            }),
            WindowFunction::LeadInFrame => self.picked(call, args, |frame, at, n| {
                let at = at.checked_add(usize::try_from(n.unwrap_or(1)).ok()?)?;
                frame.contains(&at).then_some(at)
            }),
            WindowFunction::Aggregate(function) => self.aggregated(context, call, function.as_ref(), args),
        }
    }

    fn counted(&self, mut number: impl FnMut(&Self, usize, usize) -> u64) -> Column {
        let mut out = Vec::with_capacity(self.rows());
        for (from, to) in self.partitions() {
            out.extend((from..to).map(|at| number(self, from, at)));
        }
        Column::UInt64(out.into())
    }

    /// The value of one row of the frame. `pick` gets the frame, the row (both relative to the partition) and the second
    /// argument; `None` gives the third argument or the default of the type.
    fn picked(
        &self,
        call: &WindowCall,
        args: &[Column],
        pick: impl Fn(&std::ops::Range<usize>, usize, Option<i64>) -> Option<usize>,
    ) -> Result<Column, ExecError> {
        let Some(values) = args.first() else {
            return Err(ExecError::InvalidPlan(
                "a window function without its argument".to_owned(),
            ));
        };
        let rows = self.rows();
        let numbers = args.get(1).and_then(numbers);
        let value_type = call.args.first().map_or(&call.ty, |a| &a.ty);
        let mut parts = vec![crate::block_ops::widen_to_nullable(
            values.clone(),
            value_type,
            &call.ty,
        )];
        match (args.get(2), call.args.get(2)) {
            (Some(default), Some(expr)) => {
                parts.push(engine_functions::cast_column(default, &expr.ty, &call.ty)?.flatten());
            }
            _ => parts.push(Column::defaults(&call.ty, rows)),
        }
        let both = Column::concat(&parts.iter().collect::<Vec<_>>());
        let mut source = Vec::with_capacity(rows);
        for (from, to) in self.partitions() {
            let partition = self.partition(from, to);
            for row in 0..to - from {
                let frame = partition.frame(&call.frame, row)?;
                let n = numbers.as_ref().map(|n| n[from + row] as i64);
                let picked = if frame.is_empty() {
                    None
                } else {
                    pick(&frame, row, n)
                };
                source.push(match picked {
                    Some(at) => (from + at) as u32,
                    None => (rows + from + row) as u32,
                });
            }
        }
        Ok(both.gather(&source))
    }

    fn aggregated(
        &self,
        context: &ExecContext,
        call: &WindowCall,
        function: &dyn AggregateFunction,
        args: &[Column],
    ) -> Result<Column, ExecError> {
        let rows = self.rows();
        if self.partitions().next().is_none() {
            return Ok(Column::empty(&call.ty));
        }
        // Rows with the same frame share a state.
        let mut states: Vec<(usize, usize)> = Vec::new();
        let mut state_of = Vec::with_capacity(rows);
        for (from, to) in self.partitions() {
            let partition = self.partition(from, to);
            for row in 0..to - from {
                let frame = partition.frame(&call.frame, row)?;
                let frame = (from + frame.start, from + frame.end);
                if row == 0 || states.last() != Some(&frame) {
                    states.push(frame);
                }
                state_of.push(states.len() as u32 - 1);
            }
        }
        let growing = call.frame.start == FrameBound::UnboundedPreceding;
        let column = match sliding(&function.name(), args, &call.ty, &states, growing) {
            Some(column) => column,
            None => every_frame(context, function, args, &states)?,
        };
        Ok(column.gather(&state_of))
    }
}

/// Adds each row of each frame to the frame's state: work is the sum of the frames' lengths.
fn every_frame(
    context: &ExecContext,
    function: &dyn AggregateFunction,
    args: &[Column],
    states: &[(usize, usize)],
) -> Result<Column, ExecError> {
    let mut accumulator = function.accumulator();
    accumulator.resize(states.len());
    let (mut groups, mut rows): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut memory = context.memory.reserve("window");
    let mut flush = |groups: &mut Vec<u32>, rows: &mut Vec<u32>| -> Result<(), ExecError> {
        context.check()?;
        let args: Vec<Column> = args.iter().map(|a| a.gather(rows)).collect();
        accumulator.update(groups, &args)?;
        memory.set(accumulator.byte_size())?;
        groups.clear();
        rows.clear();
        Ok(())
    };
    for (state, &(from, to)) in states.iter().enumerate() {
        let mut at = from;
        while at < to {
            let end = to.min(at + PAIRS - rows.len());
            rows.extend(at as u32..end as u32);
            groups.resize(rows.len(), state as u32);
            at = end;
            if rows.len() == PAIRS {
                flush(&mut groups, &mut rows)?;
            }
        }
    }
    flush(&mut groups, &mut rows)?;
    Ok(accumulator.finish()?)
}
