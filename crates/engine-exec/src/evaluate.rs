//! Evaluates a [`Program`] on blocks: every node at most once a block, AND and OR only on the rows still undecided.

use std::sync::Arc;

use engine_functions::{FunctionError, LambdaCall, ScalarFunction, TypedColumn, eval_scalar};
use engine_types::{Column, ConstColumn, DataType, DictColumn, NullableColumn, RunsColumn, Value};

use crate::ExecError;
use crate::block_ops::truth;
use crate::error::MEMORY_LIMIT;
use crate::held::{Evaluated, Held, Usage};
use crate::in_set::PreparedSet;
use crate::program::{DictResult, DictState, Node, NodeKind, Program, Reads};

/// Dictionaries of one node to remember results for.
const CACHED_RESULTS: usize = 64;

/// The rows a filter keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Rows(Vec<u32>),
}

/// One evaluation of a program over some rows.
struct Frame<'a> {
    input: Input<'a>,
    rows: usize,
    memo: Vec<Option<Column>>,
    /// How often each node will still be asked for; only where the input is columns.
    uses: Vec<u32>,
    usage: &'a Usage,
    held: Held<'a>,
}

enum Input<'a> {
    Columns(&'a [Column]),
    /// Some rows of another frame of the same program.
    Selected {
        parent: &'a Frame<'a>,
        rows: &'a [u32],
    },
}

impl Input<'_> {
    /// Whether a frame above holds what is at that address.
    fn holds(&self, address: usize) -> bool {
        match self {
            Self::Columns(_) => false,
            Self::Selected { parent, .. } => parent.held.contains(address) || parent.input.holds(address),
        }
    }
}

impl<'a> Frame<'a> {
    fn new(program: &Program, columns: &'a [Column], rows: usize, usage: &'a Usage) -> Self {
        let mut held = Held::new(usage);
        held.counted_elsewhere(columns);
        Self {
            input: Input::Columns(columns),
            rows,
            memo: vec![None; program.nodes.len()],
            uses: program.uses.clone(),
            usage,
            held,
        }
    }

    fn selected(&'a self, rows: &'a [u32]) -> Self {
        Self {
            input: Input::Selected { parent: self, rows },
            rows: rows.len(),
            memo: vec![None; self.memo.len()],
            uses: Vec::new(),
            usage: self.usage,
            held: Held::new(self.usage),
        }
    }

    /// The node's column where it is an input or was already computed, here or above.
    fn known(&self, node: usize, kind: &NodeKind) -> Option<Column> {
        if let Some(column) = &self.memo[node] {
            return Some(column.clone());
        }
        match &self.input {
            Input::Columns(columns) => match kind {
                NodeKind::Column(i) => Some(columns[*i].clone()),
                _ => None,
            },
            Input::Selected { parent, rows } => parent.known(node, kind).map(|c| c.gather(rows)),
        }
    }

    /// The input column of that number, if it is encoded with a dictionary.
    fn dictionary(&self, i: usize) -> Option<DictColumn> {
        match &self.input {
            Input::Columns(columns) => match &columns[i] {
                Column::Dict(dict) => Some(dict.clone()),
                _ => None,
            },
            Input::Selected { parent, rows } => {
                let all = parent.dictionary(i)?;
                Some(DictColumn {
                    codes: rows.iter().map(|&row| all.codes[row as usize]).collect(),
                    values: all.values,
                })
            }
        }
    }

    /// The input column of that number, if it comes in runs.
    fn runs(&self, i: usize) -> Option<RunsColumn> {
        match &self.input {
            Input::Columns(columns) => match &columns[i] {
                Column::Runs(runs) => Some(runs.clone()),
                _ => None,
            },
            Input::Selected { parent, rows } => {
                match Column::Runs(parent.runs(i)?).gather(rows) {
                    Column::Runs(runs) => Some(runs),
                    // One run is left, which is a constant where it is asked for.
                    _ => None,
                }
            }
        }
    }

    /// Remembers the node's column for whoever asks next.
    fn remember(&mut self, node: usize, column: &Column) -> Result<(), ExecError> {
        let input = &self.input;
        self.held.add(column, &|address| input.holds(address))?;
        self.memo[node] = Some(column.clone());
        Ok(())
    }

    /// Forgets the inputs of a node that has been computed, where nobody else will ask for them. Of what other frames
    /// selected rows for, something may be left that was not asked for here: that stays to the end.
    fn forget_inputs(&mut self, kind: &NodeKind) {
        if self.uses.is_empty() {
            return;
        }
        for input in kind.inputs() {
            self.uses[input] = self.uses[input].saturating_sub(1);
            if self.uses[input] == 0
                && let Some(column) = self.memo[input].take()
            {
                self.held.remove(&column);
            }
        }
    }
}

impl Program {
    /// All outputs over a block of `rows` rows.
    pub(crate) fn eval(&self, columns: &[Column], rows: usize) -> Result<Evaluated, ExecError> {
        let usage = Usage::new(&self.memory, "expressions");
        let outputs = {
            let mut frame = Frame::new(self, columns, rows, &usage);
            let outputs = self.outputs_of(&mut frame)?;
            for column in &outputs {
                frame.held.add(column, &|_| false)?;
            }
            for column in std::mem::take(&mut frame.memo).into_iter().flatten() {
                frame.held.remove(&column);
            }
            // What the outputs hold goes with them.
            frame.held.leave();
            outputs
        };
        Ok(Evaluated::new(outputs, usage))
    }

    fn outputs_of(&self, frame: &mut Frame<'_>) -> Result<Vec<Column>, ExecError> {
        self.outputs.iter().map(|&node| self.node(node, frame)).collect()
    }

    /// Rows where the first output is true (neither false nor NULL).
    pub(crate) fn select(&self, columns: &[Column], rows: usize) -> Result<Selection, ExecError> {
        let usage = Usage::new(&self.memory, "expressions");
        let mut frame = Frame::new(self, columns, rows, &usage);
        let Some(&output) = self.outputs.first() else {
            return Ok(Selection::All);
        };
        let NodeKind::And(operands) = &self.nodes[output].kind else {
            let column = self.node(output, &mut frame)?;
            return Ok(selection_of(&column));
        };
        let mut kept: Option<Vec<u32>> = None;
        for &operand in operands {
            match &kept {
                None => {
                    if let Selection::Rows(rows) = selection_of(&self.node(operand, &mut frame)?) {
                        kept = Some(rows);
                    }
                }
                Some(rows) if rows.is_empty() => break,
                Some(rows) => {
                    let column = self.node(operand, &mut frame.selected(rows))?;
                    if let Selection::Rows(inner) = selection_of(&column) {
                        kept = Some(inner.iter().map(|&i| rows[i as usize]).collect());
                    }
                }
            }
        }
        Ok(kept.map_or(Selection::All, Selection::Rows))
    }

    fn node(&self, node: usize, frame: &mut Frame<'_>) -> Result<Column, ExecError> {
        let kind = &self.nodes[node].kind;
        if let Some(column) = frame.known(node, kind) {
            // Rows that were selected are worth remembering; a column that came in is there anyway.
            if frame.memo[node].is_none() && matches!(frame.input, Input::Selected { .. }) {
                frame.remember(node, &column)?;
            }
            return Ok(column);
        }
        let encoded = match self.on_runs(node, frame)? {
            None => self.on_dictionary(node, frame)?,
            some => some,
        };
        let column = match encoded {
            Some(column) => column,
            None => self.computed(node, frame)?,
        };
        debug_assert_eq!(column.len(), frame.rows, "rows of node {node}");
        frame.remember(node, &column)?;
        frame.forget_inputs(kind);
        Ok(column)
    }

    fn computed(&self, node: usize, frame: &mut Frame<'_>) -> Result<Column, ExecError> {
        let Node { kind, ty, .. } = &self.nodes[node];
        Ok(match kind {
            NodeKind::Column(i) => return Err(ExecError::InvalidPlan(format!("no input column {i}"))),
            NodeKind::Literal(value) => Column::Const(ConstColumn {
                value: value.clone(),
                len: frame.rows,
            }),
            NodeKind::Call { function, args } => match self.call(*function, args, ty, frame) {
                Ok(column) => column,
                Err(error) if error.code() == MEMORY_LIMIT => return Err(error),
                // A branch not taken may divide by zero or fail to parse: then each branch sees only its own rows.
                Err(error) => match function.name() {
                    "if" if args.len() == 3 => self.branches(&args[..2], args[2], ty, frame)?,
                    "multiIf" if args.len() % 2 == 1 => {
                        let (otherwise, pairs) = args.split_last().expect("an odd number is not zero");
                        self.branches(pairs, *otherwise, ty, frame)?
                    }
                    _ => return Err(error),
                },
            },
            NodeKind::And(operands) => self.logic(operands, ty, frame, 0)?,
            NodeKind::Or(operands) => self.logic(operands, ty, frame, 1)?,
            NodeKind::HigherOrder {
                function,
                captures,
                body,
                arrays,
                ..
            } => {
                let captures = captures
                    .iter()
                    .map(|&c| self.node(c, frame))
                    .collect::<Result<Vec<_>, _>>()?;
                let arrays = self.typed(arrays, frame)?;
                let lambda = Body {
                    program: body,
                    captures,
                    usage: frame.usage,
                };
                function.eval(&lambda, &arrays, ty, frame.rows)?
            }
            NodeKind::InSet { arg, set, negated } => in_set(&self.node(*arg, frame)?, set, *negated, ty),
        })
    }

    fn typed(&self, nodes: &[usize], frame: &mut Frame<'_>) -> Result<Vec<TypedColumn>, ExecError> {
        nodes
            .iter()
            .map(|&n| {
                Ok(TypedColumn {
                    ty: self.nodes[n].ty.clone(),
                    column: self.node(n, frame)?,
                })
            })
            .collect()
    }

    fn call(
        &self,
        function: &'static dyn ScalarFunction,
        args: &[usize],
        ty: &DataType,
        frame: &mut Frame<'_>,
    ) -> Result<Column, ExecError> {
        let args = self.typed(args, frame)?;
        Ok(eval_scalar(function, &args, ty, frame.rows)?)
    }

    /// The column that a node computes its values from, if it is the only one.
    fn only_input(&self, node: usize) -> Option<usize> {
        match &self.nodes[node] {
            Node {
                kind:
                    NodeKind::Call { .. }
                    | NodeKind::And(_)
                    | NodeKind::Or(_)
                    | NodeKind::HigherOrder { .. }
                    | NodeKind::InSet { .. },
                reads: Reads::One(column),
                ..
            } => Some(*column),
            _ => None,
        }
    }

    /// Evaluates a node that reads a single column once for each run of it.
    fn on_runs(&self, node: usize, frame: &Frame<'_>) -> Result<Option<Column>, ExecError> {
        let Some((column, runs)) = self.only_input(node).and_then(|c| Some((c, frame.runs(c)?))) else {
            return Ok(None);
        };
        let values = self.of_values(node, column, runs.values(), frame.usage)?;
        Ok(Some(runs.with_values(values)))
    }

    /// Evaluates a node that reads a single column once for each value of the dictionary that the column is encoded with,
    /// where enough rows have asked to make that cheaper than evaluating theirs.
    fn on_dictionary(&self, node: usize, frame: &Frame<'_>) -> Result<Option<Column>, ExecError> {
        let Some((column, dict)) = self
            .only_input(node)
            .and_then(|c| Some((c, frame.dictionary(c)?)))
        else {
            return Ok(None);
        };
        {
            let mut cache = self.dictionaries.lock();
            let found = cache
                .iter_mut()
                .find(|c| c.node == node && Arc::ptr_eq(&c.dictionary, &dict.values));
            match found {
                Some(entry) => {
                    entry.rows_asked += frame.rows;
                    match &entry.state {
                        DictState::Ready(values) => return Ok(Some(by_codes(values.clone(), &dict))),
                        DictState::Failed => return Ok(None),
                        DictState::Asked if entry.rows_asked < dict.values.len() => return Ok(None),
                        DictState::Asked => {}
                    }
                }
                None => {
                    if cache.len() >= CACHED_RESULTS {
                        cache.remove(0);
                    }
                    cache.push(DictResult {
                        node,
                        dictionary: dict.values.clone(),
                        rows_asked: frame.rows,
                        state: DictState::Asked,
                    });
                    if frame.rows < dict.values.len() {
                        return Ok(None);
                    }
                }
            }
        }
        let values = match self.of_values(node, column, &dict.values, frame.usage) {
            Ok(values) => Some(Arc::new(values.flatten())),
            Err(error) if error.code() == MEMORY_LIMIT => return Err(error),
            // Perhaps of a value that no row has.
            Err(_) => None,
        };
        let mut cache = self.dictionaries.lock();
        let entry = cache
            .iter_mut()
            .find(|c| c.node == node && Arc::ptr_eq(&c.dictionary, &dict.values));
        if let Some(entry) = entry {
            entry.state = values.clone().map_or(DictState::Failed, DictState::Ready);
        }
        let held = cache.iter().map(DictResult::byte_size).sum();
        self.dictionary_memory.lock().set(held)?;
        Ok(values.map(|values| by_codes(values, &dict)))
    }

    /// The node for each of `values`, in the place of the only column that it reads.
    fn of_values(
        &self,
        node: usize,
        column: usize,
        values: &Column,
        usage: &Usage,
    ) -> Result<Column, ExecError> {
        let rows = values.len();
        let unread = Column::constant(&DataType::UInt8, &Value::UInt(0), rows);
        let mut columns = vec![unread; column];
        columns.push(values.clone());
        let mut frame = Frame::new(self, &columns, rows, usage);
        self.node(node, &mut frame)
    }

    /// AND (`decided` 0) or OR (`decided` 1) in three-valued logic; an operand sees only rows not yet decided.
    fn logic(
        &self,
        operands: &[usize],
        ty: &DataType,
        frame: &mut Frame<'_>,
        decided: u8,
    ) -> Result<Column, ExecError> {
        let neutral = 1 - decided;
        let mut states = vec![neutral; frame.rows];
        let mut open: Option<Vec<u32>> = None;
        for &operand in operands {
            match &open {
                None => {
                    for (state, new) in states.iter_mut().zip(truth(&self.node(operand, frame)?)) {
                        if new != neutral {
                            *state = new;
                        }
                    }
                }
                Some(rows) => {
                    let column = self.node(operand, &mut frame.selected(rows))?;
                    for (&row, new) in rows.iter().zip(truth(&column)) {
                        if new != neutral {
                            states[row as usize] = new;
                        }
                    }
                }
            }
            if states.contains(&decided) {
                let rows: Vec<u32> = (0..frame.rows as u32)
                    .filter(|&row| states[row as usize] != decided)
                    .collect();
                if rows.is_empty() {
                    break;
                }
                open = Some(rows);
            }
        }
        Ok(of_states(&states, ty))
    }

    /// `pairs` are conditions and results in turn.
    fn branches(
        &self,
        pairs: &[usize],
        otherwise: usize,
        ty: &DataType,
        frame: &mut Frame<'_>,
    ) -> Result<Column, ExecError> {
        let mut open: Vec<u32> = (0..frame.rows as u32).collect();
        let mut parts: Vec<Column> = Vec::new();
        let mut order: Vec<u32> = Vec::with_capacity(frame.rows);
        let mut take = |node: usize, rows: &[u32], frame: &Frame<'_>| -> Result<(), ExecError> {
            if !rows.is_empty() {
                let column = self.node(node, &mut frame.selected(rows))?;
                parts.push(engine_functions::cast_column(&column, &self.nodes[node].ty, ty)?.flatten());
                order.extend_from_slice(rows);
            }
            Ok(())
        };
        for pair in pairs.chunks_exact(2) {
            if open.is_empty() {
                break;
            }
            let states = truth(&self.node(pair[0], &mut frame.selected(&open))?);
            let (mut yes, mut no) = (Vec::new(), Vec::new());
            for (&row, state) in open.iter().zip(states) {
                if state == 1 { &mut yes } else { &mut no }.push(row);
            }
            take(pair[1], &yes, frame)?;
            open = no;
        }
        take(otherwise, &open, frame)?;
        if parts.is_empty() {
            return Ok(Column::empty(ty));
        }
        let mut place = vec![0u32; order.len()];
        for (at, &row) in order.iter().enumerate() {
            place[row as usize] = at as u32;
        }
        Ok(Column::concat(&parts.iter().collect::<Vec<_>>()).gather(&place))
    }
}

fn by_codes(values: Arc<Column>, dict: &DictColumn) -> Column {
    Column::Dict(DictColumn {
        codes: dict.codes.clone(),
        values,
    })
}

/// A condition column of type `ty` from 0, 1 and 2 (NULL).
fn of_states(states: &[u8], ty: &DataType) -> Column {
    let values = Column::UInt8(states.iter().map(|&s| u8::from(s == 1)).collect());
    if ty.is_nullable() {
        Column::Nullable(NullableColumn {
            nulls: states.iter().map(|&s| u8::from(s == 2)).collect(),
            values: Box::new(values),
        })
    } else {
        values
    }
}

fn in_set(column: &Column, set: &PreparedSet, negated: bool, ty: &DataType) -> Column {
    if let Column::Const(c) = column {
        let one = in_set(&c.value, set, negated, ty);
        return Column::Const(ConstColumn {
            value: Arc::new(one),
            len: c.len,
        });
    }
    if let Column::Runs(runs) = column {
        return runs.with_values(in_set(runs.values(), set, negated, ty));
    }
    let mut states = set.test(column);
    if negated {
        for state in &mut states {
            if *state < 2 {
                *state = 1 - *state;
            }
        }
    }
    of_states(&states, ty)
}

/// Rows of a condition that are true.
fn selection_of(column: &Column) -> Selection {
    match column {
        Column::Const(c) => match truth(&c.value)[0] {
            1 => Selection::All,
            _ => Selection::Rows(Vec::new()),
        },
        Column::Runs(runs) => {
            let states = truth(runs.values());
            if states.iter().all(|&s| s == 1) {
                return Selection::All;
            }
            let kept = runs.ranges().zip(&states).filter(|(_, s)| **s == 1);
            Selection::Rows(
                kept.flat_map(|(rows, _)| rows.start as u32..rows.end as u32)
                    .collect(),
            )
        }
        other => {
            let states = truth(other);
            let kept = states.iter().filter(|&&s| s == 1).count();
            if kept == states.len() {
                return Selection::All;
            }
            let mut rows = Vec::with_capacity(kept);
            rows.extend(
                (0u32..)
                    .zip(&states)
                    .filter(|(_, s)| **s == 1)
                    .map(|(row, _)| row),
            );
            Selection::Rows(rows)
        }
    }
}

/// A lambda's body with the captured columns of the outer rows.
struct Body<'a> {
    program: &'a Program,
    captures: Vec<Column>,
    usage: &'a Usage,
}

impl LambdaCall for Body<'_> {
    fn result_type(&self) -> &DataType {
        &self.program.nodes[self.program.outputs[0]].ty
    }

    fn call(&self, params: &[TypedColumn], rows: usize, outer_row: &[u32]) -> Result<Column, FunctionError> {
        self.on_elements(params, rows, outer_row)
            .map_err(ExecError::into_function)?
            .ok_or_else(|| FunctionError::new(49, "a lambda without a body"))
    }
}

impl Body<'_> {
    fn on_elements(
        &self,
        params: &[TypedColumn],
        rows: usize,
        outer_row: &[u32],
    ) -> Result<Option<Column>, ExecError> {
        let mut held = Held::new(self.usage);
        held.add_bytes(size_of_val(outer_row))?;
        let mut columns: Vec<Column> = Vec::with_capacity(self.captures.len() + params.len());
        for capture in &self.captures {
            let gathered = capture.gather(outer_row);
            // A dictionary or a constant is the same as outside.
            match &gathered {
                Column::Const(_) => {}
                Column::Dict(dict) => held.add_bytes(size_of_val(&*dict.codes))?,
                plain => held.add(plain, &|_| false)?,
            }
            columns.push(gathered);
        }
        columns.extend(params.iter().map(|param| param.column.clone()));
        let mut frame = Frame::new(self.program, &columns, rows, self.usage);
        Ok(self.program.outputs_of(&mut frame)?.pop())
    }
}
