//! `TTL … GROUP BY … SET`: neighbouring rows of one group whose time is over, joined into one.

use std::cmp::Ordering;
use std::sync::Arc;

use engine_exec::CompiledExprs;
use engine_functions::{Accumulator, AggregateFunction};
use engine_sql::ast;
use engine_sql::code;
use engine_sql::plan::{self, Plan};
use engine_types::{Block, Column, DataType, Value};

use crate::binding;
use crate::error::{EngineError, Result};
use crate::shape::{Shape, TableColumn, key_list};

type Problem<T> = std::result::Result<T, String>;

/// What rows are joined by, and what becomes of their values.
pub(crate) struct RollUp {
    shape: Arc<Shape>,
    /// The elements of the sorting key that make a group, over the table's columns.
    group: CompiledExprs,
    setters: Vec<Setter>,
    /// Stored columns that the sorting key and the partition key read.
    of_keys: Vec<usize>,
    /// The whole sorting key, and the partition key; where a joined row might get another place by them.
    places: Option<(CompiledExprs, CompiledExprs)>,
}

/// `column = expression over aggregates`.
struct Setter {
    stored: usize,
    aggregates: Vec<Call>,
    /// Over the elements of the group and the aggregates.
    value: CompiledExprs,
}

struct Call {
    function: Arc<dyn AggregateFunction>,
    /// Over the table's columns.
    args: Option<CompiledExprs>,
}

/// A group that may go on in the next block.
pub(crate) struct Open {
    group: Vec<Value>,
    /// The elements of the group, and all stored columns as far as they are picked, in one row each.
    elements: Block,
    row: Block,
    /// Sorting key of the last row so far, where it counts.
    last_key: Vec<Value>,
    states: Vec<Box<dyn Accumulator>>,
}

/// Where a joined row comes from: rows of the block behind the open row, if there is one.
struct Run {
    first: u32,
    last: Option<usize>,
}

fn bad(message: impl Into<String>) -> EngineError {
    EngineError::refused(450, message)
}

/// Columns that are not stored cannot be read.
fn stored_columns(shape: &Shape) -> impl Iterator<Item = (usize, &TableColumn)> {
    let columns = shape.columns.iter().enumerate();
    columns.filter(|(_, column)| column.stored.is_some())
}

/// `SELECT CAST(expr AS ty) GROUP BY keys`.
fn grouped(expr: &ast::Expr, ty: &DataType, keys: &[ast::Expr]) -> Result<ast::Select> {
    Ok(ast::Select {
        projection: vec![ast::Expr::Cast {
            expr: Box::new(expr.clone()),
            ty: engine_sql::parse_type_name(ty.to_string())?,
        }],
        group_by: Some(ast::GroupBy::Exprs(keys.to_vec())),
        ..ast::Select::default()
    })
}

/// The expression with columns of the scan replaced by those of the table.
fn over_table(expr: &plan::Expr, scanned: &[usize]) -> plan::Expr {
    let mut expr = expr.clone();
    expr.map_columns(&|column| scanned.get(column).copied().unwrap_or(column));
    expr
}

fn setter(shape: &Shape, name: &str, expr: &ast::Expr, keys: &[ast::Expr]) -> Result<Setter> {
    let column = shape.column(name).map(|c| &shape.columns[c]);
    let Some((column, stored)) = column.and_then(|c| Some((c, c.stored?))) else {
        return Err(EngineError::refused(
            16,
            format!("There is no physical column {name} in table."),
        ));
    };
    let no_aggregate = |why: &str| {
        bad(format!(
            "Invalid expression for assignment of column {name}. Should contain an aggregate function{why}."
        ))
    };
    let select = grouped(expr, &column.ty, keys)?;
    let bound = binding::bind_over_rows(select, stored_columns(shape).map(|(_, column)| column));
    let bound = bound.map_err(|error| match error.code {
        code::NOT_AN_AGGREGATE => no_aggregate(&format!(": {}", error.message)),
        _ => error.into(),
    })?;
    let unsupported = || {
        EngineError::refused(
            48,
            format!("TTL … GROUP BY … SET {name} = {expr} is not supported"),
        )
    };
    let Plan::Project { input, exprs, .. } = bound else {
        return Err(unsupported());
    };
    let (
        [value],
        Plan::Aggregate {
            input,
            keys: bound_keys,
            aggregates,
            ..
        },
    ) = (exprs.as_slice(), *input)
    else {
        return Err(unsupported());
    };
    let Plan::Scan { columns, .. } = *input else {
        return Err(unsupported());
    };
    if bound_keys.len() != keys.len() {
        return Err(unsupported());
    }
    let mut has_aggregate = false;
    binding::visit_columns(value, &mut |c| has_aggregate |= c >= keys.len());
    if !has_aggregate {
        return Err(no_aggregate(""));
    }
    let of_table: Vec<usize> = stored_columns(shape).map(|(at, _)| at).collect();
    let scanned: Vec<usize> = columns.iter().filter_map(|c| of_table.get(*c).copied()).collect();
    let calls = aggregates.into_iter().map(|aggregate| {
        let args: Vec<plan::Expr> = aggregate.args.iter().map(|a| over_table(a, &scanned)).collect();
        Ok(Call {
            function: aggregate.function,
            args: match args.is_empty() {
                true => None,
                false => Some(CompiledExprs::new(&args)?),
            },
        })
    });
    Ok(Setter {
        stored,
        aggregates: calls.collect::<Result<_>>()?,
        value: CompiledExprs::new(std::slice::from_ref(value))?,
    })
}

impl RollUp {
    /// Refuses keys that are no prefix of the primary key, and what is not an aggregate.
    pub(crate) fn new(shape: &Arc<Shape>, keys: &[ast::Expr], set: &[(String, ast::Expr)]) -> Result<Self> {
        let storage = &shape.create()?.storage;
        let primary = key_list(storage.primary_key.as_ref().or(storage.order_by.as_ref()));
        let prefix = bad("TTL Expression GROUP BY key should be a prefix of primary key.");
        if !shape.kind.is_sorted() || keys.len() > primary.len() {
            return Err(prefix);
        }
        let schema = shape.schema();
        for (key, element) in keys.iter().zip(&shape.sorting_key) {
            if binding::bind_over(key, &schema)? != *element {
                return Err(prefix);
            }
        }
        for (at, (name, _)) in set.iter().enumerate() {
            if set[..at].iter().any(|(before, _)| before == name) {
                return Err(bad("Multiple aggregations set for one column in TTL Expression."));
            }
        }
        let setters = set
            .iter()
            .map(|(name, expr)| setter(shape, name, expr, keys))
            .collect::<Result<Vec<_>>>()?;
        let mut of_keys = Vec::new();
        for expr in shape.sorting_key.iter().chain(&shape.partition_key) {
            binding::visit_columns(expr, &mut |c| of_keys.extend(shape.columns[c].stored));
        }
        let places = match setters.iter().any(|setter| of_keys.contains(&setter.stored)) {
            true => Some((
                CompiledExprs::new(&shape.sorting_key)?,
                CompiledExprs::new(shape.partition_key.as_slice())?,
            )),
            false => None,
        };
        Ok(Self {
            shape: shape.clone(),
            group: CompiledExprs::new(&shape.sorting_key[..keys.len()])?,
            setters,
            of_keys,
            places,
        })
    }

    /// Stored columns whose values are computed.
    pub(crate) fn set(&self) -> impl Iterator<Item = usize> {
        self.setters.iter().map(|setter| setter.stored)
    }

    fn states(&self) -> Vec<Box<dyn Accumulator>> {
        let calls = self.setters.iter().flat_map(|setter| &setter.aggregates);
        calls.map(|call| call.function.accumulator()).collect()
    }

    fn table(&self, stored: &Block) -> Block {
        Block::new(self.shape.table_columns(stored), stored.rows())
    }

    /// The rows of the block, those of a group that follow each other and have `expired` as one. What the last group has
    /// so far is kept in `open`, unless no rows follow.
    pub(crate) fn joined(
        &self,
        open: &mut Option<Open>,
        block: Option<&Block>,
        expired: &[bool],
        is_last: bool,
    ) -> Problem<Option<Block>> {
        if open.is_none() && !expired.contains(&true) {
            return Ok(block.cloned());
        }
        let Some(block) = block else {
            return match open.take_if(|_| is_last) {
                Some(open) => self.closed(open).map(Some),
                None => Ok(None),
            };
        };
        let table = self.table(block);
        let elements = evaluated(&self.group, &table)?;
        let sorting = match &self.places {
            Some((sorting, _)) => evaluated(sorting, &table)?,
            None => Vec::new(),
        };
        let carried = open.take();
        let base = u32::from(carried.is_some());

        // Which rows stay as they are, and which are runs.
        let mut runs: Vec<Run> = Vec::new();
        let mut output: Vec<std::result::Result<u32, usize>> = Vec::new();
        let mut current: Option<Vec<Value>> = None;
        if let Some(carried) = &carried {
            runs.push(Run { first: 0, last: None });
            output.push(Err(0));
            current = Some(carried.group.clone());
        }
        let mut rows: Vec<u32> = Vec::new();
        let mut run_of: Vec<u32> = Vec::new();
        for (row, is_expired) in expired.iter().enumerate() {
            if !is_expired {
                current = None;
                output.push(Ok(base + row as u32));
                continue;
            }
            if !current
                .as_ref()
                .is_some_and(|group| is_equal(group, &elements, row))
            {
                current = Some(cells(&elements, row));
                output.push(Err(runs.len()));
                runs.push(Run {
                    first: base + row as u32,
                    last: None,
                });
            }
            if let Some(run) = runs.last_mut() {
                run.last = Some(row);
            }
            rows.push(row as u32);
            run_of.push(runs.len() as u32 - 1);
        }
        let goes_on = !is_last && current.is_some();
        let done = runs.len() - usize::from(goes_on);

        // Aggregates of the runs that are done, and of the last one.
        let expired_rows = table.gather(&rows);
        let split = run_of.partition_point(|run| (*run as usize) < done);
        let (mut states, mut going) = match carried.is_some() && done == 0 {
            true => (Vec::new(), None),
            false => (self.states(), Some(self.states())),
        };
        let (mut first_row, mut last_key, mut first_elements) = (None, Vec::new(), None);
        if let Some(carried) = carried {
            match done {
                0 => going = Some(carried.states),
                _ => states = carried.states,
            }
            first_row = Some(carried.row);
            last_key = carried.last_key;
            first_elements = Some(carried.elements);
        }
        self.update(&mut states, &expired_rows, 0..split, &run_of, 0, done)?;
        let all_rows = match &first_row {
            Some(first) => Block::concat(&[first.clone(), block.clone()]),
            None => block.clone(),
        };
        let elements = Block::new(elements, block.rows());
        let all_elements = match &first_elements {
            Some(first) => Block::concat(&[first.clone(), elements]),
            None => elements,
        };
        let key_at = |run: &Run, at: Option<usize>| match at {
            Some(row) => cells(&sorting, row),
            // Nothing came to the carried row.
            None if run.first == 0 => last_key.clone(),
            None => Vec::new(),
        };

        if let Some(run) = runs.last().filter(|_| goes_on) {
            output.pop_if(|out| *out == Err(done));
            let mut states = going.unwrap_or_default();
            self.update(
                &mut states,
                &expired_rows,
                split..rows.len(),
                &run_of,
                done as u32,
                1,
            )?;
            let row = self.picked(&all_rows, &[Err(done)], &runs, &rows, &run_of, base);
            let elements = all_elements.gather(&[run.first]);
            *open = Some(Open {
                group: cells(elements.columns(), 0),
                elements,
                row,
                last_key: key_at(run, run.last),
                states,
            });
        }
        let picked = self.picked(&all_rows, &output, &runs, &rows, &run_of, base);
        if done == 0 {
            return Ok(Some(picked));
        }
        let firsts: Vec<u32> = runs[..done].iter().map(|run| run.first).collect();
        let joined: Vec<Option<usize>> = output.iter().map(|out| out.err()).collect();
        let last_keys: Vec<Vec<Value>> = match self.places {
            Some(_) => runs[..done].iter().map(|run| key_at(run, run.last)).collect(),
            None => Vec::new(),
        };
        self.set_values(picked, &joined, all_elements.gather(&firsts), states, &last_keys)
            .map(Some)
    }

    /// The row of a group to which nothing came.
    fn closed(&self, open: Open) -> Problem<Block> {
        let last_keys = [open.last_key];
        self.set_values(open.row, &[Some(0)], open.elements, open.states, &last_keys)
    }

    /// Adds `range` of the expired rows, which are of runs from `from` on.
    fn update(
        &self,
        states: &mut [Box<dyn Accumulator>],
        expired: &Block,
        range: std::ops::Range<usize>,
        run_of: &[u32],
        from: u32,
        count: usize,
    ) -> Problem<()> {
        let groups: Vec<u32> = run_of[range.clone()].iter().map(|run| run - from).collect();
        let rows = expired.slice(range.start, range.len());
        let calls = self.setters.iter().flat_map(|setter| &setter.aggregates);
        for (call, state) in calls.zip(states) {
            state.resize(count);
            if groups.is_empty() {
                continue;
            }
            let args = match &call.args {
                Some(args) => args.eval(&rows).map_err(|e| e.to_string())?,
                None => Vec::new(),
            };
            state.update(&groups, &args).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Rows and, for runs, the value of `any` in each column: the first one, or the first that is not NULL. What keys
    /// are made of is the first row's.
    fn picked(
        &self,
        all: &Block,
        output: &[std::result::Result<u32, usize>],
        runs: &[Run],
        expired: &[u32],
        run_of: &[u32],
        base: u32,
    ) -> Block {
        let first = |out: &std::result::Result<u32, usize>| match out {
            Ok(row) => *row,
            Err(run) => runs[*run].first,
        };
        let firsts: Vec<u32> = output.iter().map(first).collect();
        let pick = |(at, column): (usize, &Column)| {
            let ty = self.shape.stored.get(at).map(|stored| &stored.ty);
            if !ty.is_some_and(DataType::is_nullable) || self.of_keys.contains(&at) {
                return column.gather(&firsts);
            }
            let picks: Vec<u32> = output
                .iter()
                .map(|out| {
                    let (Err(run), row) = (out, first(out)) else {
                        return first(out);
                    };
                    if !column.value(row as usize).is_null() {
                        return row;
                    }
                    let start = run_of.partition_point(|of| (*of as usize) < *run);
                    let end = run_of.partition_point(|of| (*of as usize) <= *run);
                    let known = expired[start..end].iter().map(|row| base + row);
                    known
                        .into_iter()
                        .find(|row| !column.value(*row as usize).is_null())
                        .unwrap_or(row)
                })
                .collect();
            column.gather(&picks)
        };
        let columns = all.columns().iter().enumerate().map(pick).collect();
        Block::new(columns, output.len())
    }

    /// Puts the aggregates of the runs into their rows. `joined`: the run of each row, if it is one; `elements` and
    /// `last_keys` are of the runs.
    fn set_values(
        &self,
        rows: Block,
        joined: &[Option<usize>],
        elements: Block,
        states: Vec<Box<dyn Accumulator>>,
        last_keys: &[Vec<Value>],
    ) -> Problem<Block> {
        let mut states = states.into_iter();
        let mut columns: Vec<Column> = rows.columns().to_vec();
        for setter in &self.setters {
            let mut inputs = elements.columns().to_vec();
            for mut state in states.by_ref().take(setter.aggregates.len()) {
                inputs.push(state.finish().map_err(|e| e.to_string())?);
            }
            let inputs = Block::new(inputs, elements.rows());
            let values = setter.value.eval(&inputs).map_err(|e| e.to_string())?;
            let value = values.first().ok_or("an assignment without a value")?.flatten();
            let before = &mut columns[setter.stored];
            *before = chosen(before, &value, joined.iter().copied());
        }
        let Some((sorting, partition)) = &self.places else {
            return Ok(Block::new(columns, rows.rows()));
        };
        // A row that would have to go elsewhere keeps what the keys are made of.
        let after = Block::new(columns, rows.rows());
        let (table_before, table_after) = (self.table(&rows), self.table(&after));
        let (key_before, key_after) = (
            evaluated(sorting, &table_before)?,
            evaluated(sorting, &table_after)?,
        );
        let (part_before, part_after) = (
            evaluated(partition, &table_before)?,
            evaluated(partition, &table_after)?,
        );
        let moves = |row: usize, run: usize| {
            let key = cells(&key_after, row);
            let last = last_keys.get(run).map_or(&[][..], Vec::as_slice);
            compare(&key, &cells(&key_before, row)) == Ordering::Less
                || compare(&key, last) == Ordering::Greater
                || compare(&cells(&part_before, row), &cells(&part_after, row)) != Ordering::Equal
        };
        let back: Vec<Option<usize>> = joined
            .iter()
            .enumerate()
            .map(|(row, run)| run.filter(|run| moves(row, *run)).map(|_| row))
            .collect();
        let mut columns = after.into_columns();
        if back.iter().any(Option::is_some) {
            for at in &self.of_keys {
                columns[*at] = chosen(&columns[*at], rows.column(*at), back.iter().copied());
            }
        }
        Ok(Block::new(columns, rows.rows()))
    }
}

/// The column with the given rows of `other` in place of its own.
fn chosen(column: &Column, other: &Column, rows: impl Iterator<Item = Option<usize>>) -> Column {
    let own = column.len() as u32;
    let picks: Vec<u32> = (0..)
        .zip(rows)
        .map(|(row, chosen)| chosen.map_or(row, |at| own + at as u32))
        .collect();
    Column::concat(&[&column.flatten(), &other.flatten()]).gather(&picks)
}

fn evaluated(exprs: &CompiledExprs, table: &Block) -> Problem<Vec<Column>> {
    let columns = exprs.eval(table).map_err(|e| e.to_string())?;
    Ok(columns.iter().map(Column::flatten).collect())
}

fn cells(columns: &[Column], row: usize) -> Vec<Value> {
    columns.iter().map(|column| column.value(row)).collect()
}

fn is_equal(group: &[Value], columns: &[Column], row: usize) -> bool {
    let pairs = group.iter().zip(columns);
    pairs
        .into_iter()
        .all(|(value, column)| value.total_cmp(&column.value(row)) == Ordering::Equal)
}

fn compare(a: &[Value], b: &[Value]) -> Ordering {
    let pairs = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    pairs
        .into_iter()
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}
