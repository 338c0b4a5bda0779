//! Tables in memory, plans over them, and the mix of settings every plan runs under.

use std::collections::HashMap;
use std::sync::Arc;

use engine_sql::plan::{Expr, Plan, TableName};
use engine_types::{Column, DataType, DictColumn, Field, RunsColumn, Schema, Value};
use proptest::prelude::*;

use crate::{ExecContext, ExecError, Scan, ScanRequest, TableSource, execute};

pub(super) type Row = Vec<Value>;

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) types: Vec<DataType>,
    pub(super) rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(types: &[&str], rows: Vec<Row>) -> Self {
        let types = types.iter().map(|t| DataType::parse(t).unwrap()).collect();
        Self { types, rows }
    }

    pub(super) fn schema(&self) -> Schema {
        self.types
            .iter()
            .enumerate()
            .map(|(i, ty)| Field::new(format!("c{i}"), ty.clone()))
            .collect()
    }

    pub(super) fn column(&self, i: usize) -> Expr {
        Expr::column(i, self.types[i].clone())
    }

    /// A scan of all columns of the table, registered as `name`.
    pub(super) fn scan(&self, name: &str) -> Plan {
        self.scan_where(name, Vec::new())
    }

    pub(super) fn scan_where(&self, name: &str, filters: Vec<Expr>) -> Plan {
        Plan::Scan {
            table: TableName {
                database: "default".to_owned(),
                table: name.to_owned(),
            },
            columns: (0..self.types.len()).collect(),
            schema: self.schema(),
            filters,
            final_: false,
            cells: Vec::new(),
        }
    }
}

/// How a table is cut and encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) morsel_rows: usize,
    /// Every second column as `Dict` over a dictionary with repeats and unused values.
    pub(super) dict: bool,
    /// Every column as `Runs`, of codes where `dict` makes it so. Equal neighbours are a run, which the seventh row cuts.
    pub(super) runs: bool,
}

pub(super) struct Tables {
    tables: HashMap<String, Table>,
    layout: Layout,
}

struct MemoryScan {
    columns: Vec<Column>,
    rows: usize,
    morsel_rows: usize,
}

impl TableSource for Tables {
    fn open(&self, request: &ScanRequest<'_>) -> Result<Arc<dyn Scan>, ExecError> {
        let table = &self.tables[&request.table.table];
        let columns = request
            .columns
            .iter()
            .map(|&c| {
                let values: Vec<Value> = table.rows.iter().map(|r| r[c].clone()).collect();
                let plain = Column::from_values(&table.types[c], &values);
                let encoded = if self.layout.dict && c % 2 == 0 {
                    let twice = Column::concat(&[&plain, &plain]);
                    let codes = (0..values.len() as u32)
                        .map(|i| i + if i % 2 == 0 { values.len() as u32 } else { 0 })
                        .collect();
                    Column::Dict(DictColumn {
                        codes,
                        values: Arc::new(twice),
                    })
                } else {
                    plain
                };
                if self.layout.runs {
                    in_runs(&encoded, &values)
                } else {
                    encoded
                }
            })
            .collect();
        Ok(Arc::new(MemoryScan {
            columns,
            rows: table.rows.len(),
            morsel_rows: self.layout.morsel_rows,
        }))
    }
}

fn in_runs(column: &Column, values: &[Value]) -> Column {
    if values.is_empty() {
        return column.clone();
    }
    let starts = (0..values.len()).filter(|&row| row % 7 == 0 || values[row] != values[row - 1]);
    let starts: Vec<u32> = starts.map(|row| row as u32).collect();
    let ends = starts[1..].iter().copied().chain([values.len() as u32]);
    Column::Runs(RunsColumn::new(ends.collect(), Arc::new(column.gather(&starts))))
}

impl Scan for MemoryScan {
    fn morsels(&self) -> usize {
        self.rows.div_ceil(self.morsel_rows)
    }

    fn rows(&self, morsel: usize) -> usize {
        self.morsel_rows.min(self.rows - morsel * self.morsel_rows)
    }

    fn read(&self, morsel: usize, columns: &[usize], rows: Option<&[u32]>) -> Result<Vec<Column>, ExecError> {
        Ok(columns
            .iter()
            .map(|&c| {
                let morsel = self.columns[c].slice(morsel * self.morsel_rows, self.rows(morsel));
                rows.map_or(morsel.clone(), |rows| morsel.gather(rows))
            })
            .collect())
    }
}

pub(super) fn tables(tables: &[(&str, &Table)], layout: Layout) -> Tables {
    Tables {
        tables: tables
            .iter()
            .map(|(name, table)| ((*name).to_owned(), (*table).clone()))
            .collect(),
        layout,
    }
}

pub(super) const LAYOUT: Layout = Layout {
    morsel_rows: 4,
    dict: false,
    runs: false,
};

pub(super) fn context(max_threads: usize, block_size: usize) -> ExecContext {
    ExecContext {
        max_threads,
        block_size,
        ..ExecContext::default()
    }
}

/// Runs the plan under all settings; asserts the same rows each time and answers them: in order when `ordered`, else sorted.
pub(super) fn run(plan: &Plan, data: &[(&str, &Table)], ordered: bool) -> Result<Vec<Row>, ExecError> {
    let mut first: Option<Vec<Row>> = None;
    for block_size in [1, 3, 2048, 8192] {
        for (threads, morsel_rows, dict, runs) in [
            (1, 4, false, false),
            (2, 2, true, false),
            (2, 1000, false, true),
            (1, 3, true, true),
            (1, 1000, true, false),
        ] {
            let layout = Layout {
                morsel_rows,
                dict,
                runs,
            };
            let source = tables(data, layout);
            let result = execute(plan, &source, &context(threads, block_size))?;
            assert_eq!(result.schema, plan.schema());
            for block in &result.blocks {
                assert_eq!(block.columns().len(), result.schema.len());
            }
            let mut rows = result.to_rows();
            if !ordered {
                rows.sort();
            }
            match &first {
                None => first = Some(rows),
                Some(first) => assert_eq!(
                    &rows, first,
                    "block size {block_size}, {threads} threads, {layout:?}"
                ),
            }
        }
    }
    Ok(first.expect("some settings"))
}

pub(super) fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

/// Values from a small domain, so that keys meet.
pub(super) fn value_of(ty: &DataType) -> BoxedStrategy<Value> {
    match ty {
        DataType::UInt8 | DataType::UInt64 => (0u64..4).prop_map(Value::UInt).boxed(),
        DataType::Int64 => (-2i64..3).prop_map(Value::Int).boxed(),
        DataType::Float64 => prop::sample::select(vec![0.5, -1.0, f64::NAN, 2.0])
            .prop_map(Value::Float)
            .boxed(),
        DataType::String => prop::sample::select(vec!["", "a", "ab", "a\0", "b"])
            .prop_map(Value::string)
            .boxed(),
        DataType::Uuid => (0u128..3).prop_map(|v| Value::Uuid(v << 100 | v)).boxed(),
        DataType::Nullable(inner) => prop_oneof![1 => Just(Value::Null), 3 => value_of(inner)].boxed(),
        DataType::LowCardinality(inner) => value_of(inner),
        DataType::Array(inner) => prop::collection::vec(value_of(inner), 0..3)
            .prop_map(Value::Array)
            .boxed(),
        DataType::Tuple(elements) => elements
            .iter()
            .map(|(_, ty)| value_of(ty))
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        other => panic!("no values for {other}"),
    }
}

/// Tables with these column types.
pub(super) fn table_of(types: Vec<&'static str>, rows: usize) -> impl Strategy<Value = Table> {
    let columns: Vec<DataType> = types.iter().map(|t| DataType::parse(t).unwrap()).collect();
    let row: Vec<BoxedStrategy<Value>> = columns.iter().map(value_of).collect();
    prop::collection::vec(row, 0..rows).prop_map(move |rows| Table {
        types: columns.clone(),
        rows,
    })
}

pub(super) fn literal(value: Value, ty: &str) -> Expr {
    Expr::literal(value, DataType::parse(ty).unwrap())
}
