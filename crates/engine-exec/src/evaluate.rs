//! Evaluates a [`Program`] on blocks: every node at most once a block, AND and OR only on the rows still undecided.

use std::sync::Arc;

use engine_functions::{FunctionError, LambdaCall, TypedColumn, eval_scalar};
use engine_types::{Column, ConstColumn, DataType, DictColumn, NullableColumn};

use crate::ExecError;
use crate::block_ops::truth;
use crate::in_set::PreparedSet;
use crate::program::{DictResult, DictState, NodeKind, Program};

/// A function of columns of so many rows.
type Kernel<'a> = dyn Fn(&[Column], usize) -> Result<Column, ExecError> + 'a;

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
}

enum Input<'a> {
    Columns(&'a [Column]),
    /// Some rows of another frame of the same program.
    Selected {
        parent: &'a Frame<'a>,
        rows: &'a [u32],
    },
}

impl<'a> Frame<'a> {
    fn new(program: &Program, columns: &'a [Column], rows: usize) -> Self {
        Self {
            input: Input::Columns(columns),
            rows,
            memo: vec![None; program.nodes.len()],
        }
    }

    fn selected(&'a self, rows: &'a [u32]) -> Self {
        Self {
            input: Input::Selected { parent: self, rows },
            rows: rows.len(),
            memo: vec![None; self.memo.len()],
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
}

impl Program {
    /// All outputs over a block of `rows` rows.
    pub(crate) fn eval(&self, columns: &[Column], rows: usize) -> Result<Vec<Column>, ExecError> {
        let mut frame = Frame::new(self, columns, rows);
        self.outputs
            .iter()
            .map(|&node| self.node(node, &mut frame))
            .collect()
    }

    /// Rows where the first output is true (neither false nor NULL).
    pub(crate) fn select(&self, columns: &[Column], rows: usize) -> Result<Selection, ExecError> {
        let mut frame = Frame::new(self, columns, rows);
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
            frame.memo[node] = Some(column.clone());
            return Ok(column);
        }
        let ty = &self.nodes[node].ty;
        let column = match kind {
            NodeKind::Column(i) => return Err(ExecError::InvalidPlan(format!("no input column {i}"))),
            NodeKind::Literal(value) => Column::Const(ConstColumn {
                value: value.clone(),
                len: frame.rows,
            }),
            NodeKind::Call { function, args } => match self.call(node, args, ty, frame) {
                Ok(column) => column,
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
            } => {
                let captures = captures
                    .iter()
                    .map(|&c| self.node(c, frame))
                    .collect::<Result<Vec<_>, _>>()?;
                let arrays = self.typed(arrays, frame)?;
                let lambda = Body {
                    program: body,
                    captures,
                };
                function.eval(&lambda, &arrays, ty, frame.rows)?
            }
            NodeKind::InSet { arg, set, negated } => {
                let column = self.node(*arg, frame)?;
                self.on_dictionary(node, std::slice::from_ref(&column), frame.rows, &|args, _| {
                    Ok(in_set(&args[0], set, *negated, ty))
                })?
            }
        };
        debug_assert_eq!(column.len(), frame.rows, "rows of node {node}");
        frame.memo[node] = Some(column.clone());
        Ok(column)
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
        node: usize,
        args: &[usize],
        ty: &DataType,
        frame: &mut Frame<'_>,
    ) -> Result<Column, ExecError> {
        let NodeKind::Call { function, .. } = &self.nodes[node].kind else {
            unreachable!("only called for calls")
        };
        let columns = args
            .iter()
            .map(|&a| self.node(a, frame))
            .collect::<Result<Vec<_>, _>>()?;
        let eval = |columns: &[Column], rows: usize| -> Result<Column, ExecError> {
            let typed: Vec<TypedColumn> = args
                .iter()
                .zip(columns)
                .map(|(&a, column)| TypedColumn {
                    ty: self.nodes[a].ty.clone(),
                    column: column.clone(),
                })
                .collect();
            Ok(eval_scalar(*function, &typed, ty, rows)?)
        };
        if function.deterministic() {
            self.on_dictionary(node, &columns, frame.rows, &eval)
        } else {
            eval(&columns, frame.rows)
        }
    }

    /// Evaluates on the dictionary's values once, where exactly one argument is a `Dict` and the others are constant and
    /// enough rows have asked to make that cheaper than evaluating their values.
    fn on_dictionary(
        &self,
        node: usize,
        columns: &[Column],
        rows: usize,
        eval: &Kernel<'_>,
    ) -> Result<Column, ExecError> {
        let mut dict = None;
        for (i, column) in columns.iter().enumerate() {
            match column {
                Column::Const(_) => {}
                Column::Dict(d) if dict.is_none() => dict = Some((i, d)),
                _ => return eval(columns, rows),
            }
        }
        let Some((at, dict)) = dict else {
            return eval(columns, rows);
        };
        let plain = || {
            let mut columns = columns.to_vec();
            columns[at] = columns[at].flatten();
            eval(&columns, rows)
        };
        {
            let mut cache = self.dictionaries.lock();
            let found = cache
                .iter_mut()
                .find(|c| c.node == node && Arc::ptr_eq(&c.dictionary, &dict.values));
            match found {
                Some(entry) => {
                    entry.rows_asked += rows;
                    match &entry.state {
                        DictState::Ready(values) => return Ok(of_values(values.clone(), dict)),
                        DictState::Failed => {
                            drop(cache);
                            return plain();
                        }
                        DictState::Asked if entry.rows_asked < dict.values.len() => {
                            drop(cache);
                            return plain();
                        }
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
                        rows_asked: rows,
                        state: DictState::Asked,
                    });
                    if rows < dict.values.len() {
                        drop(cache);
                        return plain();
                    }
                }
            }
        }
        let len = dict.values.len();
        let mut on_values: Vec<Column> = columns
            .iter()
            .map(|c| match c {
                Column::Const(c) => Column::Const(ConstColumn {
                    value: c.value.clone(),
                    len,
                }),
                other => other.clone(),
            })
            .collect();
        on_values[at] = dict.values.as_ref().clone();
        let result = eval(&on_values, len).map(|c| Arc::new(c.flatten()));
        let mut cache = self.dictionaries.lock();
        let entry = cache
            .iter_mut()
            .find(|c| c.node == node && Arc::ptr_eq(&c.dictionary, &dict.values));
        match result {
            Ok(values) => {
                if let Some(entry) = entry {
                    entry.state = DictState::Ready(values.clone());
                }
                Ok(of_values(values, dict))
            }
            Err(_) => {
                if let Some(entry) = entry {
                    entry.state = DictState::Failed;
                }
                drop(cache);
                plain()
            }
        }
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

fn of_values(values: Arc<Column>, dict: &DictColumn) -> Column {
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
}

impl LambdaCall for Body<'_> {
    fn result_type(&self) -> &DataType {
        &self.program.nodes[self.program.outputs[0]].ty
    }

    fn call(&self, params: &[TypedColumn], rows: usize, outer_row: &[u32]) -> Result<Column, FunctionError> {
        let columns: Vec<Column> = self
            .captures
            .iter()
            .map(|c| c.gather(outer_row))
            .chain(params.iter().map(|p| p.column.clone()))
            .collect();
        let mut out = self
            .program
            .eval(&columns, rows)
            .map_err(ExecError::into_function)?;
        out.pop()
            .ok_or_else(|| FunctionError::new(49, "a lambda without a body"))
    }
}
