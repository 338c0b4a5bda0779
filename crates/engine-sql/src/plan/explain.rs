//! A plan as text: one operator a line, inputs indented below.

use std::fmt::Write as _;

use engine_types::{DataType, Value};

use super::{
    Aggregate, Expr, ExprKind, Frame, FrameBound, Plan, SetSource, SortKey, WindowCall, WindowFunction,
};

/// The plan as text. Columns are `#n`, with their names where the operator defines them.
pub fn explain(plan: &Plan) -> String {
    let mut out = String::new();
    write_plan(&mut out, plan, 0);
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

fn write_plan(out: &mut String, plan: &Plan, depth: usize) {
    let mut subplans: Vec<(&'static str, &Plan)> = Vec::new();
    let mut exprs: Vec<&Expr> = Vec::new();
    let text = match plan {
        Plan::OneRow => "OneRow".to_owned(),
        Plan::Scan {
            table,
            columns,
            schema,
            filters,
            final_,
            cells,
        } => {
            let positions = columns.iter().chain(cells.iter().map(|c| &c.column));
            let names: Vec<String> = positions
                .zip(schema)
                .map(|(position, f)| format!("{}@{position}: {}", f.name, f.ty))
                .collect();
            let mut text = format!("Scan {}.{}", table.database, table.table);
            if *final_ {
                text.push_str(" FINAL");
            }
            let _ = write!(text, " [{}]", names.join(", "));
            if !filters.is_empty() {
                let _ = write!(text, " where {}", list(filters));
            }
            exprs.extend(filters);
            text
        }
        Plan::Numbers { offset, count } => format!("Numbers offset {offset} count {count}"),
        Plan::Values { schema, rows } => {
            let names: Vec<String> = schema.iter().map(|f| format!("{}: {}", f.name, f.ty)).collect();
            format!("Values [{}] {} rows", names.join(", "), rows.len())
        }
        Plan::Filter { predicate, .. } => {
            exprs.push(predicate);
            format!("Filter {}", expr(predicate))
        }
        Plan::Project {
            exprs: items, schema, ..
        } => {
            exprs.extend(items);
            let items: Vec<String> = items
                .iter()
                .zip(schema)
                .map(|(e, f)| format!("{} := {}", f.name, expr(e)))
                .collect();
            format!("Project {}", items.join(", "))
        }
        Plan::Aggregate { keys, aggregates, .. } => {
            exprs.extend(keys);
            exprs.extend(aggregates.iter().flat_map(|a| &a.args));
            let aggregates: Vec<String> = aggregates.iter().map(aggregate).collect();
            format!(
                "Aggregate by [{}] compute [{}]",
                list(keys),
                aggregates.join(", ")
            )
        }
        Plan::Join {
            kind,
            strictness,
            on,
            residual,
            ..
        } => {
            exprs.extend(on.iter().flat_map(|(l, r)| [l, r]));
            exprs.extend(residual);
            let pairs: Vec<String> = on
                .iter()
                .map(|(l, r)| format!("{} = {}", expr(l), expr(r)))
                .collect();
            let mut text = format!("Join {kind:?} {strictness:?} on [{}]", pairs.join(", "));
            if let Some(residual) = residual {
                let _ = write!(text, " and {}", expr(residual));
            }
            text
        }
        Plan::ArrayJoin { columns, left, .. } => {
            format!("ArrayJoin{} {columns:?}", if *left { " Left" } else { "" })
        }
        Plan::Window { calls, .. } => {
            for call in calls {
                exprs.extend(&call.args);
                exprs.extend(&call.partition_by);
                exprs.extend(call.order_by.iter().map(|k| &k.expr));
            }
            let calls: Vec<String> = calls.iter().map(window).collect();
            format!("Window {}", calls.join(", "))
        }
        Plan::Sort { keys, limit, .. } => {
            exprs.extend(keys.iter().map(|k| &k.expr));
            let mut text = format!("Sort by [{}]", sort_keys(keys));
            if let Some(limit) = limit {
                let _ = write!(text, " first {limit}");
            }
            text
        }
        Plan::LimitBy {
            keys, limit, offset, ..
        } => {
            exprs.extend(keys);
            format!("LimitBy {limit} offset {offset} by [{}]", list(keys))
        }
        Plan::Limit { limit, offset, .. } => match limit {
            Some(limit) => format!("Limit {limit} offset {offset}"),
            None => format!("Limit all offset {offset}"),
        },
        Plan::Distinct { .. } => "Distinct".to_owned(),
        Plan::UnionAll { .. } => "UnionAll".to_owned(),
    };
    line(out, depth, &text);
    for expr in exprs {
        collect_subplans(expr, &mut subplans);
    }
    for (role, subplan) in subplans {
        line(out, depth + 1, role);
        write_plan(out, subplan, depth + 2);
    }
    for input in plan.inputs() {
        write_plan(out, input, depth + 1);
    }
}

fn collect_subplans<'p>(expr: &'p Expr, out: &mut Vec<(&'static str, &'p Plan)>) {
    match &expr.kind {
        ExprKind::ScalarSubquery(plan) => out.push(("(scalar)", plan)),
        ExprKind::InSet {
            set: SetSource::Subquery(plan),
            ..
        } => out.push(("(set)", plan)),
        ExprKind::HigherOrder { lambda, .. } => collect_subplans(&lambda.body, out),
        _ => {}
    }
    for child in expr.children() {
        collect_subplans(child, out);
    }
}

fn list(exprs: &[Expr]) -> String {
    exprs.iter().map(expr).collect::<Vec<_>>().join(", ")
}

/// An expression as text.
pub fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Column(column) => format!("#{column}"),
        ExprKind::Literal(value) => literal(value, &e.ty),
        ExprKind::Call { function, args } => format!("{}({})", function.name(), list(args)),
        ExprKind::And(items) => format!("and({})", list(items)),
        ExprKind::Or(items) => format!("or({})", list(items)),
        ExprKind::HigherOrder {
            function,
            lambda,
            arrays,
        } => format!(
            "{}([{}] -> {}, {})",
            function.name(),
            list(&lambda.captures),
            expr(&lambda.body),
            list(arrays)
        ),
        ExprKind::InSet { arg, set, negated } => {
            let word = if *negated { "not in" } else { "in" };
            match set {
                SetSource::Values(values) => {
                    let shown: Vec<String> = values.iter().map(|v| literal(v, arg.ty.bare())).collect();
                    format!("{} {word} ({})", expr(arg), shown.join(", "))
                }
                SetSource::Subquery(_) => format!("{} {word} (set)", expr(arg)),
            }
        }
        ExprKind::ScalarSubquery(_) => "(scalar)".to_owned(),
    }
}

fn literal(value: &Value, ty: &DataType) -> String {
    let text = engine_functions::format_value(value, ty);
    match ty.bare() {
        DataType::String | DataType::FixedString(_) if !value.is_null() => {
            let bytes = if let Value::String(bytes) = value {
                bytes.as_slice()
            } else {
                &[]
            };
            crate::printer::Quoted(bytes).to_string()
        }
        ty if (ty.is_time() || *ty == DataType::Uuid) && !value.is_null() => format!("'{text}'"),
        _ => text,
    }
}

fn aggregate(aggregate: &Aggregate) -> String {
    format!("{}({})", aggregate.function.name(), list(&aggregate.args))
}

fn sort_keys(keys: &[SortKey]) -> String {
    keys.iter()
        .map(|key| {
            let direction = if key.descending { " desc" } else { "" };
            let nulls = if key.nulls_first { " nulls first" } else { "" };
            format!("{}{direction}{nulls}", expr(&key.expr))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn window(call: &WindowCall) -> String {
    let name = match &call.function {
        WindowFunction::Aggregate(function) => function.name(),
        WindowFunction::RowNumber => "row_number".to_owned(),
        WindowFunction::Rank => "rank".to_owned(),
        WindowFunction::DenseRank => "dense_rank".to_owned(),
        WindowFunction::FirstValue => "first_value".to_owned(),
        WindowFunction::LastValue => "last_value".to_owned(),
        WindowFunction::NthValue => "nth_value".to_owned(),
        WindowFunction::LagInFrame => "lagInFrame".to_owned(),
        WindowFunction::LeadInFrame => "leadInFrame".to_owned(),
    };
    format!(
        "{name}({}) over (by [{}] order [{}] {})",
        list(&call.args),
        list(&call.partition_by),
        sort_keys(&call.order_by),
        frame(call.frame)
    )
}

fn frame(frame: Frame) -> String {
    let bound = |bound: FrameBound| match bound {
        FrameBound::UnboundedPreceding => "start".to_owned(),
        FrameBound::Preceding(n) => format!("{n} preceding"),
        FrameBound::CurrentRow => "current".to_owned(),
        FrameBound::Following(n) => format!("{n} following"),
        FrameBound::UnboundedFollowing => "end".to_owned(),
    };
    let unit = if frame.rows { "rows" } else { "range" };
    format!("{unit} {}..{}", bound(frame.start), bound(frame.end))
}
