//! TTL of rows and columns: bound expressions, and what of a block has expired.

use std::sync::Arc;

use engine_exec::CompiledExprs;
use engine_sql::ast::{self, TtlAction};
use engine_sql::plan;
use engine_storage::{ExpiryBounds, ExpiryStage, NO_MOMENT, PartRule, Place, RowExpiry};
use engine_types::{Block, Column, DataType, Field, Schema, Value};

use crate::binding::{self, setting_text};
use crate::column_codec::default_codec;
use crate::error::{EngineError, Result};
use crate::roll_up::{Open, RollUp};
use crate::shape::{Shape, TableColumn};

/// Seconds between rewriting merges of a table, unless its settings say otherwise.
const PAUSE: i64 = 86_400;

/// The same between merges of a partition for another codec.
const RECOMPRESSION_PAUSE: i64 = 14_400;

/// A moment of each row.
struct Moment {
    ty: DataType,
    compiled: CompiledExprs,
    /// Columns of the table that it reads in another type than theirs, and both types.
    widened: Vec<(usize, DataType, DataType)>,
}

struct RowRule {
    moment: Moment,
    /// Rows for which this does not hold stay.
    filter: Option<CompiledExprs>,
}

/// Rows that are joined, in the order of the clauses.
struct JoinRule {
    when: RowRule,
    roll_up: RollUp,
}

struct ColumnRule {
    moment: Moment,
    /// Positions among the stored columns and in the table.
    stored: usize,
    column: usize,
}

/// The TTLs of a table.
pub(crate) struct TableExpiry {
    shape: Arc<Shape>,
    rows: Vec<RowRule>,
    joins: Vec<JoinRule>,
    columns: Vec<ColumnRule>,
    reset: Vec<usize>,
    /// When the rules about parts are for a row.
    of_parts: Vec<Moment>,
    part_rules: Vec<PartRule>,
    /// Stored columns that `of_parts` read.
    latest_inputs: Vec<usize>,
    fingerprint: u64,
    pause: i64,
    recompression_pause: i64,
}

fn bad(message: impl Into<String>) -> EngineError {
    EngineError::refused(450, message)
}

/// A TTL expression over the table's columns.
fn bind(expr: &ast::Expr, schema: &Schema) -> Result<plan::Expr> {
    let bound = binding::bind_over(expr, schema)?;
    let mut columns = 0;
    binding::visit_columns(&bound, &mut |_| columns += 1);
    if columns == 0 {
        return Err(EngineError::refused(
            36,
            format!("TTL expression {expr} does not depend on any of the columns of the table."),
        ));
    }
    if !matches!(
        bound.ty,
        DataType::Date | DataType::DateTime(_) | DataType::DateTime64(..)
    ) {
        return Err(bad(format!(
            "TTL expression result column should have Date, Date32, DateTime or DateTime64 type, but has {}.",
            bound.ty
        )));
    }
    Ok(bound)
}

/// Refuses expressions over columns that are not stored: where rows are merged these have no values.
pub(crate) fn check_columns(shape: &Shape) -> Result<()> {
    let name = |column: &TableColumn| match column.stored {
        Some(_) => column.name.clone(),
        None => String::new(),
    };
    let columns = shape.columns.iter();
    let stored: Schema = columns.map(|c| Field::new(name(c), c.ty.clone())).collect();
    let create = shape.create()?;
    let of_rows = create.storage.ttl.iter();
    let of_rows = of_rows.flat_map(|item| std::iter::once(&item.expr).chain(&item.filter));
    for expr in of_rows.chain(create.columns.iter().filter_map(|c| c.ttl.as_ref())) {
        binding::bind_over(expr, &stored)?;
    }
    Ok(())
}

/// The type in which a TTL reads a column: times so wide that the end of a row's stay is never past their range, which
/// would come out as long ago.
fn widened(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Date => Some(DataType::DateTime64(0, None)),
        DataType::DateTime(zone) => Some(DataType::DateTime64(0, *zone)),
        _ => None,
    }
}

fn moment(expr: &ast::Expr, schema: &Schema) -> Result<Moment> {
    // As written, for what may be refused.
    bind(expr, schema)?;
    let wide: Schema = schema
        .iter()
        .map(|field| {
            Field::new(
                &field.name,
                widened(&field.ty).unwrap_or_else(|| field.ty.clone()),
            )
        })
        .collect();
    // What takes no wide times takes them as they are.
    let (bound, is_wide) = match bind(expr, &wide) {
        Ok(bound) => (bound, true),
        Err(_) => (bind(expr, schema)?, false),
    };
    let mut read = Vec::new();
    if is_wide {
        binding::visit_columns(&bound, &mut |c| {
            if let (Some(from), Some(to)) = (schema.get(c), wide.get(c))
                && from.ty != to.ty
            {
                read.push((c, from.ty.clone(), to.ty.clone()));
            }
        });
        read.sort_unstable_by_key(|(c, ..)| *c);
        read.dedup_by_key(|(c, ..)| *c);
    }
    Ok(Moment {
        widened: read,
        ty: bound.ty.clone(),
        compiled: CompiledExprs::new(std::slice::from_ref(&bound))?,
    })
}

fn first(columns: Vec<Column>) -> std::result::Result<Column, String> {
    let column = columns
        .into_iter()
        .next()
        .ok_or("an expression without a value")?;
    Ok(column.flatten())
}

impl Moment {
    /// Seconds since the epoch; `i64::MAX` where the epoch itself says that a row stays.
    fn seconds(&self, table: &Block) -> std::result::Result<Vec<i64>, String> {
        let mut columns = table.columns().to_vec();
        for (at, from, to) in &self.widened {
            let cast = engine_functions::cast_column(table.column(*at), from, to);
            columns[*at] = cast.map_err(|e| e.to_string())?.flatten();
        }
        let table = &Block::new(columns, table.rows());
        let column = first(self.compiled.eval(table).map_err(|e| e.to_string())?)?;
        let scale = match self.ty {
            DataType::DateTime64(precision, _) => 10i64.pow(u32::from(precision)),
            _ => 1,
        };
        let second = |row: usize| match column.value(row) {
            Value::UInt(days) if self.ty == DataType::Date => days as i64 * 86_400,
            Value::UInt(seconds) => seconds as i64,
            Value::Int(ticks) => ticks.div_euclid(scale),
            _ => 0,
        };
        let never = |seconds: i64| if seconds == 0 { i64::MAX } else { seconds };
        Ok((0..table.rows()).map(|row| never(second(row))).collect())
    }
}

impl TableExpiry {
    /// `None`: nothing expires. Refuses what ClickHouse refuses, and what is not supported.
    pub(crate) fn of(shape: &Arc<Shape>) -> Result<Option<Self>> {
        let create = shape.create()?;
        let schema = shape.schema();
        let (mut rows, mut joins) = (Vec::new(), Vec::new());
        let (mut of_parts, mut part_rules, mut latest_inputs) = (Vec::new(), Vec::new(), Vec::new());
        let mut text = String::new();
        let deletes_all = |item: &&ast::TtlItem| item.action == TtlAction::Delete && item.filter.is_none();
        if create.storage.ttl.iter().filter(deletes_all).count() > 1 {
            return Err(bad(
                "More than one DELETE TTL expression without WHERE expression is not allowed.",
            ));
        }
        for item in &create.storage.ttl {
            text.push_str(&format!("{item};"));
            let filter = match &item.filter {
                Some(filter) => {
                    let bound = binding::bind_over(filter, &schema)?;
                    Some(CompiledExprs::new(std::slice::from_ref(&bound))?)
                }
                None => None,
            };
            let when = || -> Result<RowRule> {
                Ok(RowRule {
                    moment: moment(&item.expr, &schema)?,
                    filter,
                })
            };
            match &item.action {
                TtlAction::Delete => rows.push(when()?),
                TtlAction::GroupBy { keys, set } => joins.push(JoinRule {
                    when: when()?,
                    roll_up: RollUp::new(shape, keys, set)?,
                }),
                TtlAction::ToDisk(_) | TtlAction::ToVolume(_) | TtlAction::Recompress(_) => {
                    of_parts.push(moment(&item.expr, &schema)?);
                    part_rules.push(match &item.action {
                        TtlAction::Recompress(codec) => PartRule::Recompress(default_codec(codec)?),
                        TtlAction::ToDisk(name) => PartRule::Move(Place::Disk(setting_text(name))),
                        TtlAction::ToVolume(name) => PartRule::Move(Place::Volume(setting_text(name))),
                        TtlAction::Delete | TtlAction::GroupBy { .. } => continue,
                    });
                    let bound = binding::bind_over(&item.expr, &schema)?;
                    binding::visit_columns(&bound, &mut |c| latest_inputs.extend(shape.columns[c].stored));
                }
            }
        }
        let mut keys = Vec::new();
        for expr in shape.sorting_key.iter().chain(&shape.partition_key) {
            binding::visit_columns(expr, &mut |c| keys.push(c));
        }
        let mut columns = Vec::new();
        for def in &create.columns {
            let (Some(ttl), Some(column)) = (&def.ttl, shape.column(&def.name)) else {
                continue;
            };
            if keys.contains(&column) {
                return Err(EngineError::refused(
                    44,
                    format!("Trying to set TTL for key column {}.", def.name),
                ));
            }
            text.push_str(&format!("{}:{ttl};", def.name));
            if let Some(stored) = shape.columns[column].stored {
                columns.push(ColumnRule {
                    moment: moment(ttl, &schema)?,
                    stored,
                    column,
                });
            }
        }
        if rows.is_empty() && joins.is_empty() && columns.is_empty() && part_rules.is_empty() {
            return Ok(None);
        }
        let pause = |name: &str| {
            create.storage.settings.iter().find_map(|s| {
                (s.name == name)
                    .then(|| s.value.to_string().trim_matches('\'').parse::<i64>().ok())
                    .flatten()
            })
        };
        latest_inputs.sort_unstable();
        latest_inputs.dedup();
        Ok(Some(Self {
            shape: shape.clone(),
            reset: columns
                .iter()
                .map(|c| c.stored)
                .chain(joins.iter().flat_map(|join| join.roll_up.set()))
                .collect(),
            rows,
            joins,
            columns,
            fingerprint: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes())
                .as_u64_pair()
                .0,
            pause: pause("merge_with_ttl_timeout").unwrap_or(PAUSE),
            recompression_pause: pause("merge_with_recompression_ttl_timeout").unwrap_or(RECOMPRESSION_PAUSE),
            of_parts,
            part_rules,
            latest_inputs,
        }))
    }

    fn table(&self, stored: &Block) -> Block {
        Block::new(self.shape.table_columns(stored), stored.rows())
    }

    /// For each row the moment from which on it is gone.
    fn row_ends(&self, table: &Block) -> std::result::Result<Vec<i64>, String> {
        let mut ends = vec![i64::MAX; table.rows()];
        for rule in &self.rows {
            for (end, moment) in ends.iter_mut().zip(rule.moments(table)?) {
                *end = moment.min(*end);
            }
        }
        Ok(ends)
    }

    fn without_expired(&self, block: Block, now: i64) -> std::result::Result<Block, String> {
        if self.rows.is_empty() {
            return Ok(block);
        }
        let ends = self.row_ends(&self.table(&block))?;
        let left: Vec<u32> = (0..)
            .zip(&ends)
            .filter(|(_, end)| **end > now)
            .map(|(row, _)| row)
            .collect();
        Ok(if left.len() == block.rows() {
            block
        } else {
            block.gather(&left)
        })
    }

    fn with_resets(&self, block: Block, now: i64) -> std::result::Result<Block, String> {
        if self.columns.is_empty() {
            return Ok(block);
        }
        let table = self.table(&block);
        let rows = block.rows();
        let mut columns = block.into_columns();
        for rule in &self.columns {
            let moments = rule.moment.seconds(&table)?;
            if moments.iter().all(|moment| *moment > now) {
                continue;
            }
            let picks: Vec<u32> = (0..rows as u32)
                .zip(&moments)
                .map(|(row, moment)| if *moment <= now { rows as u32 + row } else { row })
                .collect();
            let both = Column::concat(&[&columns[rule.stored].flatten(), &self.defaults(rule, &table)?]);
            columns[rule.stored] = both.gather(&picks);
        }
        Ok(Block::new(columns, rows))
    }

    /// What values of a column are reset to.
    fn defaults(&self, rule: &ColumnRule, table: &Block) -> std::result::Result<Column, String> {
        let column = &self.shape.columns[rule.column];
        let made = match &column.default {
            Some(default) => default
                .eval(table.columns(), table.rows(), &column.ty)
                .map_err(|e| e.to_string())?,
            None => Column::defaults(&column.ty, table.rows()),
        };
        Ok(made.flatten())
    }
}

impl RowRule {
    /// For each row the moment from which on the rule is for it.
    fn moments(&self, table: &Block) -> std::result::Result<Vec<i64>, String> {
        let mut moments = self.moment.seconds(table)?;
        let Some(filter) = &self.filter else {
            return Ok(moments);
        };
        let held = first(filter.eval(table).map_err(|e| e.to_string())?)?;
        for (row, moment) in moments.iter_mut().enumerate() {
            let holds = match held.value(row) {
                Value::UInt(v) => v != 0,
                Value::Int(v) => v != 0,
                Value::Float(v) => v != 0.0,
                _ => false,
            };
            if !holds {
                *moment = i64::MAX;
            }
        }
        Ok(moments)
    }
}

/// The rules at work in one merge.
struct Stage {
    rules: Arc<TableExpiry>,
    now: i64,
    /// One for each rule that joins rows.
    open: Vec<Option<Open>>,
}

impl ExpiryStage for Stage {
    fn next(&mut self, block: Option<Block>) -> std::result::Result<Block, String> {
        let is_last = block.is_none();
        let mut block = match block {
            Some(block) => Some(self.rules.without_expired(block, self.now)?),
            None => None,
        };
        for (rule, open) in self.rules.joins.iter().zip(&mut self.open) {
            block = block.filter(|block| block.rows() > 0);
            let expired: Vec<bool> = match &block {
                Some(block) => {
                    let moments = rule.when.moments(&self.rules.table(block))?;
                    moments.into_iter().map(|moment| moment <= self.now).collect()
                }
                None => Vec::new(),
            };
            block = rule.roll_up.joined(open, block.as_ref(), &expired, is_last)?;
        }
        match block.filter(|block| block.rows() > 0) {
            Some(block) => self.rules.with_resets(block, self.now),
            None => Ok(Block::new(Vec::new(), 0)),
        }
    }
}

impl RowExpiry for TableExpiry {
    fn stage(self: Arc<Self>, now: i64) -> Box<dyn ExpiryStage> {
        Box::new(Stage {
            open: self.joins.iter().map(|_| None).collect(),
            rules: self,
            now,
        })
    }

    fn bounds(&self, block: &Block, applied_at: Option<i64>) -> std::result::Result<ExpiryBounds, String> {
        let table = self.table(block);
        let ends = self.row_ends(&table)?;
        let mut bounds = ExpiryBounds {
            first: ends.iter().copied().min().unwrap_or(i64::MAX),
            all_gone: ends.iter().copied().max().unwrap_or(i64::MIN),
            joins: i64::MAX,
        };
        for rule in &self.joins {
            for moment in rule.when.moments(&table)? {
                bounds.joins = bounds.joins.min(moment);
                // Rows that were joined already have no work of their own.
                if applied_at.is_none_or(|applied| moment > applied) {
                    bounds.first = bounds.first.min(moment);
                }
            }
        }
        for rule in &self.columns {
            let moments = rule.moment.seconds(&table)?;
            let (values, defaults) = (block.column(rule.stored), self.defaults(rule, &table)?);
            for (row, moment) in moments.into_iter().enumerate() {
                // Values that are the default already are not in a hurry.
                if moment < bounds.first && values.value(row) != defaults.value(row) {
                    bounds.first = moment;
                }
            }
        }
        Ok(bounds)
    }

    fn reset_columns(&self) -> &[usize] {
        &self.reset
    }

    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn pause(&self) -> i64 {
        self.pause
    }

    fn changes_rows(&self) -> bool {
        !(self.rows.is_empty() && self.joins.is_empty() && self.columns.is_empty())
    }

    fn part_rules(&self) -> &[PartRule] {
        &self.part_rules
    }

    fn latest(&self, block: &Block) -> std::result::Result<Vec<i64>, String> {
        if self.of_parts.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.table(block);
        let latest = |moment: &Moment| {
            let moments = moment.seconds(&table)?.into_iter();
            Ok(moments.filter(|m| *m != i64::MAX).max().unwrap_or(NO_MOMENT))
        };
        self.of_parts.iter().map(latest).collect()
    }

    fn latest_inputs(&self) -> &[usize] {
        &self.latest_inputs
    }

    fn recompression_pause(&self) -> i64 {
        self.recompression_pause
    }
}
