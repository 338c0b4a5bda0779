//! EXPLAIN: the statement as understood, or its plan with what each scan would read.

use engine_exec::{ScanRequest, TableSource};
use engine_sql::ast::{Explain, Statement};
use engine_sql::plan::Plan;
use engine_types::Schema;

use crate::binding;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;
use crate::result::QueryResult;
use crate::scan::{EngineSource, ScanRules, ScanSummary};

impl Engine {
    pub(crate) fn explain(&self, explain: &Explain, options: &QueryOptions) -> Result<QueryResult> {
        if matches!(explain.kind.as_deref(), Some("SYNTAX" | "AST")) {
            return Ok(QueryResult::of_lines("explain", [explain.statement.to_string()]));
        }
        let Statement::Query(query) = &*explain.statement else {
            return Err(EngineError::refused(
                48,
                "EXPLAIN of this statement is not supported",
            ));
        };
        let mut source = self.source()?;
        let (plan, settings) = self.bind(query, options, &source.catalogue)?;
        source.rules = ScanRules::of(&settings);
        let plan = source.planned(plan);
        let indexes = explain
            .options
            .iter()
            .any(|o| o.name == "indexes" && binding::setting_text(&o.value) != "0");
        let mut lines = Vec::new();
        describe(&plan, 0, &source, indexes, &mut lines)?;
        Ok(QueryResult::of_lines("explain", lines))
    }
}

fn names(schema: &Schema) -> String {
    schema
        .iter()
        .map(|f| f.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The steps that the filters could use, with what each left of what was there before it.
fn index_lines(scan: &ScanSummary, line: &mut dyn FnMut(String)) {
    let (mut parts, mut granules) = (scan.parts, scan.granules);
    for step in &scan.steps {
        if step.used {
            line(format!("    {}", step.kind));
            if let Some(name) = &step.name {
                line(format!("      Name: {name}"));
            }
            let title = if step.name.is_some() {
                "Description"
            } else {
                "Keys"
            };
            line(format!("      {title}: {}", step.description));
            line(format!("      Parts: {}/{parts}", step.parts));
            line(format!("      Granules: {}/{granules}", step.granules));
        }
        (parts, granules) = (step.parts, step.granules);
    }
}

fn describe(
    plan: &Plan,
    depth: usize,
    source: &EngineSource,
    indexes: bool,
    lines: &mut Vec<String>,
) -> Result<()> {
    let indent = "  ".repeat(depth);
    let mut line = |text: String| lines.push(format!("{indent}{text}"));
    let inputs: Vec<&Plan> = match plan {
        Plan::OneRow => {
            line("OneRow".to_owned());
            Vec::new()
        }
        Plan::Scan {
            table,
            columns,
            schema,
            filters,
            final_,
            cells,
        } => {
            let suffix = if *final_ { " FINAL" } else { "" };
            let name = match table.database.as_str() {
                "" => table.table.clone(),
                database => format!("{database}.{}", table.table),
            };
            line(format!("Scan {name}{suffix}"));
            line(format!("  Columns: {}", names(schema)));
            for filter in filters {
                line(format!("  Filter: {:?}", filter.kind));
            }
            // Without sub-queries in place: what EXPLAIN shows may prune less than the query itself.
            source.open(&ScanRequest {
                table,
                columns,
                schema,
                filters,
                final_: *final_,
                cells,
            })?;
            if let Some(scan) = source.scans.lock().last() {
                line(format!(
                    "  Parts: {}/{}, granules: {}/{}",
                    scan.parts_kept, scan.parts, scan.granules_kept, scan.granules
                ));
                if let Some((projection, parts)) = &scan.projection {
                    line(format!("  Projection: {projection}, parts: {parts}"));
                }
                if indexes {
                    line("  Indexes:".to_owned());
                    index_lines(scan, &mut line);
                }
            }
            Vec::new()
        }
        Plan::Numbers { offset, count } => {
            line(format!("Numbers {count} from {offset}"));
            Vec::new()
        }
        Plan::Values { rows, .. } => {
            line(format!("Values, {} rows", rows.len()));
            Vec::new()
        }
        Plan::Filter { input, predicate } => {
            line(format!("Filter {:?}", predicate.kind));
            vec![input]
        }
        Plan::Project { input, schema, .. } => {
            line(format!("Project {}", names(schema)));
            vec![input]
        }
        Plan::Aggregate {
            input,
            keys,
            aggregates,
            ..
        } => {
            let functions: Vec<String> = aggregates.iter().map(|a| a.function.name()).collect();
            line(format!(
                "Aggregate by {} keys: {}",
                keys.len(),
                functions.join(", ")
            ));
            vec![input]
        }
        Plan::Join {
            left,
            right,
            kind,
            strictness,
            on,
            residual,
            ..
        } => {
            let rest = if residual.is_some() {
                " and a condition"
            } else {
                ""
            };
            line(format!("Join {strictness:?} {kind:?} on {} keys{rest}", on.len()));
            vec![left, right]
        }
        Plan::ArrayJoin {
            input, columns, left, ..
        } => {
            let side = if *left { "Left " } else { "" };
            line(format!("{side}ArrayJoin of {} columns", columns.len()));
            vec![input]
        }
        Plan::Window { input, calls, .. } => {
            line(format!("Window, {} functions", calls.len()));
            vec![input]
        }
        Plan::Sort { input, keys, limit } => {
            let limit = limit.map_or(String::new(), |l| format!(", first {l}"));
            line(format!("Sort by {} keys{limit}", keys.len()));
            vec![input]
        }
        Plan::LimitBy {
            input, limit, offset, ..
        } => {
            line(format!("LimitBy {limit} offset {offset}"));
            vec![input]
        }
        Plan::Limit { input, limit, offset } => {
            let limit = limit.map_or("none".to_owned(), |l| l.to_string());
            line(format!("Limit {limit} offset {offset}"));
            vec![input]
        }
        Plan::Distinct { input } => {
            line("Distinct".to_owned());
            vec![input]
        }
        Plan::UnionAll { inputs, .. } => {
            line("UnionAll".to_owned());
            inputs.iter().collect()
        }
    };
    for input in inputs {
        describe(input, depth + 1, source, indexes, lines)?;
    }
    Ok(())
}
