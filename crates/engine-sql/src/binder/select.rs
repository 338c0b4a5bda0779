//! One SELECT: its clauses bound, then stacked as operators in ClickHouse's order.

use std::{collections::HashMap, rc::Rc};

use engine_types::{DataType, Field, Value};

use super::{
    Binder,
    column_name::column_name,
    expr::has_aggregate,
    from::appended,
    literal,
    lowering::Lowering,
    query::extended,
    scope::{AGGREGATE, ARRAY_JOIN, Scope, WINDOW, With},
    setting_names::check_setting,
};
use crate::{
    ast::{self, Distinct, GroupBy},
    error::{SqlError, code},
    fold,
    plan::{Aggregate, Expr, ExprKind, Plan, SortKey, WindowCall},
};

/// The clauses of a SELECT over the columns of its FROM; aggregates and the like are still numbers in the scope.
struct Clauses {
    items: Vec<(String, Expr)>,
    filter: Option<Expr>,
    keys: Option<Vec<Expr>>,
    having: Option<Expr>,
    qualify: Option<Expr>,
    order_by: Vec<SortKey>,
    limit_by: Option<Vec<Expr>>,
    distinct_on: Vec<Expr>,
}

/// `untuple(tuple)`, perhaps with an alias.
fn untuple(item: &ast::Expr) -> Option<(&ast::Expr, Option<&str>)> {
    match item {
        ast::Expr::Alias { expr, name } => untuple(expr).map(|(tuple, _)| (tuple, Some(name.as_str()))),
        ast::Expr::Function(call) if call.name == "untuple" => match call.args.as_slice() {
            [tuple] => Some((tuple, None)),
            _ => None,
        },
        _ => None,
    }
}

impl Binder<'_> {
    pub(super) fn select(&mut self, select: &ast::Select, env: &With) -> Result<Plan, SqlError> {
        refuse_unsupported(select)?;
        for setting in &select.settings {
            check_setting(&setting.name)?;
        }
        let mut scope = Scope::new(extended(env, &select.with)?);
        scope.aliases = self.collect_aliases(select)?;
        scope.named_windows = select
            .windows
            .iter()
            .map(|w| (w.name.clone(), Rc::new(w.spec.clone())))
            .collect::<HashMap<_, _>>();
        let plan = self.from(&mut scope, &select.from)?;
        let clauses = self.clauses(&mut scope, select)?;
        self.assemble(&scope, plan, clauses, select)
    }

    fn clauses(&mut self, scope: &mut Scope, select: &ast::Select) -> Result<Clauses, SqlError> {
        let mut items = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            match item {
                ast::Expr::Star(star) => items.extend(self.star(scope, star)?),
                other => match untuple(other) {
                    Some((tuple, alias)) => items.extend(self.untuple(scope, tuple, alias)?),
                    None => {
                        let bound = self.expr(scope, other)?;
                        items.push((column_name(other), bound));
                    }
                },
            }
        }
        let mut filters = Vec::new();
        for (clause, expr) in [("PREWHERE", &select.prewhere), ("WHERE", &select.filter)] {
            if let Some(expr) = expr {
                let bound = self.expr_without_aggregates(scope, expr, clause)?;
                filters.push(fold::predicate(bound)?);
            }
        }
        let keys = self.group_keys(scope, select, &items)?;
        let having = self.condition(scope, select.having.as_ref())?;
        let qualify = self.condition(scope, select.qualify.as_ref())?;
        let mut order_by = Vec::new();
        if select.order_by_all {
            order_by.extend(items.iter().map(|(_, expr)| SortKey {
                expr: expr.clone(),
                descending: false,
                nulls_first: false,
            }));
        }
        for order in &select.order_by {
            let expr = match position(&order.expr, &items)? {
                Some(expr) => expr,
                None => self.expr(scope, &order.expr)?,
            };
            order_by.push(SortKey {
                expr,
                descending: order.descending,
                nulls_first: order.nulls_first.unwrap_or(false),
            });
        }
        // A constant orders nothing.
        order_by.retain(|key| !matches!(key.expr.kind, ExprKind::Literal(_)));
        let limit_by = match &select.limit_by {
            None => None,
            Some(limit) => {
                let mut by = Vec::with_capacity(limit.by.len());
                for expr in &limit.by {
                    by.push(match position(expr, &items)? {
                        Some(expr) => expr,
                        None => self.expr(scope, expr)?,
                    });
                }
                Some(by)
            }
        };
        let distinct_on = match &select.distinct {
            Some(Distinct::On(list)) => self.exprs(scope, list)?,
            Some(Distinct::All) | None => Vec::new(),
        };
        Ok(Clauses {
            items,
            filter: fold::and(filters),
            keys,
            having,
            qualify,
            order_by,
            limit_by,
            distinct_on,
        })
    }

    /// The elements of a tuple as columns of their own.
    fn untuple(
        &mut self,
        scope: &mut Scope,
        tuple: &ast::Expr,
        alias: Option<&str>,
    ) -> Result<Vec<(String, Expr)>, SqlError> {
        let bound = self.expr(scope, tuple)?;
        let DataType::Tuple(elements) = &bound.ty else {
            return Err(SqlError::new(
                code::UNSUPPORTED_METHOD,
                format!(
                    "Function 'untuple' argument must have compound type. Actual type {}",
                    bound.ty
                ),
            ));
        };
        let elements = elements.iter().enumerate();
        elements
            .map(|(i, (name, _))| {
                let name = name.clone().unwrap_or_else(|| (i + 1).to_string());
                let name = match alias {
                    Some(alias) => format!("{alias}.{name}"),
                    None => format!("tupleElement({}, '{name}')", column_name(tuple)),
                };
                let element = fold::call_named(
                    "tupleElement",
                    vec![bound.clone(), literal::unsigned(i as u64 + 1)],
                )?;
                Ok((name, element))
            })
            .collect()
    }

    fn condition(&mut self, scope: &mut Scope, expr: Option<&ast::Expr>) -> Result<Option<Expr>, SqlError> {
        expr.map(|e| {
            let bound = self.expr(scope, e)?;
            fold::predicate(bound)
        })
        .transpose()
    }

    fn group_keys(
        &mut self,
        scope: &mut Scope,
        select: &ast::Select,
        items: &[(String, Expr)],
    ) -> Result<Option<Vec<Expr>>, SqlError> {
        let list = match &select.group_by {
            None => return Ok(None),
            Some(GroupBy::All) => {
                let keys = items
                    .iter()
                    .map(|(_, e)| e)
                    .filter(|e| !has_aggregate(e) && !matches!(e.kind, ExprKind::Literal(_)))
                    .cloned()
                    .collect();
                return Ok(Some(keys));
            }
            Some(GroupBy::Exprs(list)) => list,
            Some(GroupBy::Rollup(_) | GroupBy::Cube(_) | GroupBy::Sets(_)) => {
                return Err(SqlError::not_implemented("ROLLUP, CUBE and GROUPING SETS"));
            }
        };
        let mut keys: Vec<Expr> = Vec::with_capacity(list.len());
        for expr in list {
            let elements = match expr {
                // `GROUP BY (a, b)` is `GROUP BY a, b`; `GROUP BY ()` is one group.
                ast::Expr::Tuple(elements) => elements.as_slice(),
                other => std::slice::from_ref(other),
            };
            for element in elements {
                let key = match position(element, items)? {
                    Some(key) if has_aggregate(&key) => {
                        return Err(SqlError::new(
                            code::ILLEGAL_AGGREGATION,
                            format!("Aggregate function is found in GROUP BY (position {element})"),
                        ));
                    }
                    Some(key) => key,
                    None => self.expr_without_aggregates(scope, element, "GROUP BY")?,
                };
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        Ok(Some(keys))
    }

    fn assemble(
        &mut self,
        scope: &Scope,
        mut plan: Plan,
        clauses: Clauses,
        select: &ast::Select,
    ) -> Result<Plan, SqlError> {
        let Clauses {
            items,
            filter,
            keys,
            having,
            qualify,
            order_by,
            limit_by,
            distinct_on,
        } = clauses;
        let mut lowering = Lowering::default();
        if let Some(filter) = &filter {
            let needed = array_joins_of(scope, std::iter::once(filter));
            plan = apply_array_joins(scope, plan, &needed, &mut lowering)?;
            plan = Plan::Filter {
                predicate: lowering.lower(scope, filter)?,
                input: Box::new(plan),
            };
        }
        if keys.is_some() || !scope.aggregates.is_empty() || having.is_some() {
            let keys = keys.unwrap_or_default();
            let inputs = keys.iter().chain(scope.aggregates.iter().flat_map(|a| &a.args));
            let needed = array_joins_of(scope, inputs);
            plan = apply_array_joins(scope, plan, &needed, &mut lowering)?;
            (plan, lowering) = aggregate(scope, plan, keys, &lowering)?;
            if let Some(having) = &having {
                let needed = array_joins_of(scope, std::iter::once(having));
                plan = apply_array_joins(scope, plan, &needed, &mut lowering)?;
                plan = Plan::Filter {
                    predicate: lowering.lower(scope, having)?,
                    input: Box::new(plan),
                };
            }
        }
        let late = array_joins_of(
            scope,
            items
                .iter()
                .map(|(_, e)| e)
                .chain(order_by.iter().map(|k| &k.expr))
                .chain(limit_by.iter().flatten())
                .chain(&distinct_on)
                .chain(scope.windows.iter().flat_map(window_exprs)),
        );
        plan = apply_array_joins(scope, plan, &late, &mut lowering)?;
        plan = windows(scope, plan, &mut lowering)?;
        if let Some(qualify) = &qualify {
            plan = Plan::Filter {
                predicate: lowering.lower(scope, qualify)?,
                input: Box::new(plan),
            };
        }
        self.output(
            scope,
            plan,
            &lowering,
            select,
            Output {
                items,
                order_by,
                limit_by,
                distinct_on,
            },
        )
    }

    /// Project, DISTINCT, ORDER BY, LIMIT BY, LIMIT; what is only ordered by is dropped at the end.
    fn output(
        &mut self,
        scope: &Scope,
        plan: Plan,
        lowering: &Lowering,
        select: &ast::Select,
        output: Output,
    ) -> Result<Plan, SqlError> {
        let Output {
            items,
            order_by,
            limit_by,
            distinct_on,
        } = output;
        let width = items.len();
        let mut raw: Vec<Expr> = items.iter().map(|(_, e)| e.clone()).collect();
        let mut place = |expr: &Expr| -> Expr {
            let at = raw.iter().position(|have| have == expr).unwrap_or_else(|| {
                raw.push(expr.clone());
                raw.len() - 1
            });
            Expr::column(at, expr.ty.clone())
        };
        let sort_keys: Vec<SortKey> = order_by
            .iter()
            .map(|key| SortKey {
                expr: place(&key.expr),
                ..key.clone()
            })
            .collect();
        let limit_by: Option<Vec<Expr>> = limit_by.map(|by| by.iter().map(&mut place).collect());
        let distinct_on: Vec<Expr> = distinct_on.iter().map(&mut place).collect();
        let exprs = raw
            .iter()
            .map(|e| lowering.lower(scope, e))
            .collect::<Result<Vec<_>, _>>()?;
        let mut schema: Vec<Field> = items
            .into_iter()
            .map(|(name, e)| Field::new(name, e.ty))
            .collect();
        for extra in &exprs[width..] {
            schema.push(Field::new(format!("sort_{}", schema.len()), extra.ty.clone()));
        }
        let result: Vec<Field> = schema[..width].to_vec();
        let mut plan = Plan::Project {
            input: Box::new(plan),
            exprs,
            schema,
        };
        let input = Box::new;
        if select.distinct == Some(Distinct::All) {
            plan = if plan.schema().len() == width {
                Plan::Distinct { input: input(plan) }
            } else {
                // Ordered by something that is not selected: one row for each selected combination.
                Plan::LimitBy {
                    input: input(plan),
                    keys: columns(&result),
                    limit: 1,
                    offset: 0,
                }
            };
        }
        if !sort_keys.is_empty() {
            plan = Plan::Sort {
                input: input(plan),
                keys: sort_keys,
                limit: None,
            };
        }
        if !distinct_on.is_empty() {
            plan = Plan::LimitBy {
                input: input(plan),
                keys: distinct_on,
                limit: 1,
                offset: 0,
            };
        }
        if let (Some(by), Some(limit)) = (limit_by, &select.limit_by) {
            plan = Plan::LimitBy {
                input: input(plan),
                keys: by,
                limit: self.row_count(&limit.limit)?,
                offset: limit.offset.as_ref().map_or(Ok(0), |e| self.row_count(e))?,
            };
        }
        if let Some(limit) = &select.limit {
            plan = Plan::Limit {
                input: input(plan),
                limit: limit.limit.as_ref().map(|e| self.row_count(e)).transpose()?,
                offset: limit.offset.as_ref().map_or(Ok(0), |e| self.row_count(e))?,
            };
        }
        if plan.schema().len() > width {
            plan = Plan::Project {
                exprs: columns(&result),
                schema: result,
                input: input(plan),
            };
        }
        Ok(plan)
    }

    /// A constant number of rows.
    fn row_count(&mut self, expr: &ast::Expr) -> Result<u64, SqlError> {
        let bound = self.expr(&mut Scope::new(None), expr)?;
        match literal::constant(&bound) {
            Some(Value::UInt(count)) => Ok(*count),
            Some(Value::Int(count)) if *count >= 0 => Ok(count.unsigned_abs()),
            _ => Err(SqlError::new(
                code::INVALID_LIMIT,
                format!("The value {expr} of LIMIT expression is not representable as UInt64"),
            )),
        }
    }
}

struct Output {
    items: Vec<(String, Expr)>,
    order_by: Vec<SortKey>,
    limit_by: Option<Vec<Expr>>,
    distinct_on: Vec<Expr>,
}

fn refuse_unsupported(select: &ast::Select) -> Result<(), SqlError> {
    let fill = select.order_by.iter().any(|o| o.fill.is_some()) || select.interpolate.is_some();
    let collate = select.order_by.iter().any(|o| o.collate.is_some());
    let ties = select.limit.as_ref().is_some_and(|l| l.with_ties);
    for (used, what) in [
        (select.with_totals, "WITH TOTALS"),
        (select.recursive, "WITH RECURSIVE"),
        (fill, "ORDER BY … WITH FILL"),
        (collate, "COLLATE"),
        (ties, "LIMIT … WITH TIES"),
    ] {
        if used {
            return Err(SqlError::not_implemented(what));
        }
    }
    Ok(())
}

fn columns(schema: &[Field]) -> Vec<Expr> {
    schema
        .iter()
        .enumerate()
        .map(|(i, f)| Expr::column(i, f.ty.clone()))
        .collect()
}

/// `GROUP BY 1`, `ORDER BY 2`: the select item at that place.
fn position(expr: &ast::Expr, items: &[(String, Expr)]) -> Result<Option<Expr>, SqlError> {
    let ast::Expr::Literal(ast::Literal::Number(text)) = expr else {
        return Ok(None);
    };
    let Ok(at) = text.parse::<usize>() else {
        return Ok(None);
    };
    match at.checked_sub(1).and_then(|i| items.get(i)) {
        Some((_, expr)) => Ok(Some(expr.clone())),
        None => Err(SqlError::new(
            code::BAD_ARGUMENTS,
            format!(
                "Position {at} is out of bounds: the SELECT list has {} items",
                items.len()
            ),
        )),
    }
}

/// The arrayJoin results that the expressions read, those that these read included, in order.
fn array_joins_of<'e>(scope: &Scope, exprs: impl Iterator<Item = &'e Expr>) -> Vec<usize> {
    let mut needed = vec![false; scope.array_joins.len()];
    let mark = |expr: &Expr, needed: &mut Vec<bool>| {
        expr.each_column(&mut |c| {
            if (ARRAY_JOIN..WINDOW).contains(&c)
                && let Some(slot) = needed.get_mut(c - ARRAY_JOIN)
            {
                *slot = true;
            }
        });
    };
    for expr in exprs {
        mark(expr, &mut needed);
    }
    // An argument can only read results of smaller numbers.
    for i in (0..needed.len()).rev() {
        if needed[i] {
            mark(&scope.array_joins[i].0, &mut needed);
        }
    }
    (0..needed.len()).filter(|&i| needed[i]).collect()
}

/// Multiplies the rows for each result that has no place yet, unless it is a grouping key already.
fn apply_array_joins(
    scope: &Scope,
    mut plan: Plan,
    needed: &[usize],
    lowering: &mut Lowering,
) -> Result<Plan, SqlError> {
    for &index in needed {
        let (arg, element) = &scope.array_joins[index];
        let number = ARRAY_JOIN + index;
        if lowering.places.contains_key(&number) {
            continue;
        }
        let own = Expr::column(number, element.clone());
        if lowering.lower(scope, &own).is_ok() {
            continue;
        }
        let arg = match lowering.lower(scope, arg) {
            Ok(arg) => arg,
            // Behind GROUP BY the array may be gone while an expression over its elements is a key.
            Err(error) if lowering.keys.is_some() && error.code == code::NOT_AN_AGGREGATE => continue,
            Err(error) => return Err(error),
        };
        let place = plan.schema().len();
        plan = appended(plan, vec![arg], vec![format!("arrayJoin_{index}")]);
        let mut schema = plan.schema();
        schema[place].ty = element.clone();
        plan = Plan::ArrayJoin {
            input: Box::new(plan),
            columns: vec![place],
            left: false,
            schema,
        };
        lowering.places.insert(number, place);
    }
    Ok(plan)
}

fn aggregate(
    scope: &Scope,
    plan: Plan,
    keys: Vec<Expr>,
    below: &Lowering,
) -> Result<(Plan, Lowering), SqlError> {
    let mut lowering = Lowering::default();
    let mut schema = Vec::with_capacity(keys.len() + scope.aggregates.len());
    let mut lowered = Vec::with_capacity(keys.len());
    for (i, key) in keys.iter().enumerate() {
        let name = match key.kind {
            ExprKind::Column(c) => scope
                .columns
                .get(c)
                .map_or_else(|| format!("key_{i}"), |c| c.name.clone()),
            _ => format!("key_{i}"),
        };
        schema.push(Field::new(name, key.ty.clone()));
        lowered.push(below.lower(scope, key)?);
    }
    let mut aggregates = Vec::with_capacity(scope.aggregates.len());
    for (i, raw) in scope.aggregates.iter().enumerate() {
        lowering.places.insert(AGGREGATE + i, keys.len() + i);
        schema.push(Field::new(&raw.name, raw.function.return_type().clone()));
        aggregates.push(Aggregate {
            function: raw.function.clone(),
            params: raw.params.clone(),
            args: raw
                .args
                .iter()
                .map(|a| below.lower(scope, a))
                .collect::<Result<Vec<_>, _>>()?,
        });
    }
    lowering.keys = Some(keys);
    let plan = Plan::Aggregate {
        input: Box::new(plan),
        keys: lowered,
        aggregates,
        schema,
    };
    Ok((plan, lowering))
}

fn window_exprs(call: &WindowCall) -> impl Iterator<Item = &Expr> {
    call.args
        .iter()
        .chain(&call.partition_by)
        .chain(call.order_by.iter().map(|k| &k.expr))
}

fn windows(scope: &Scope, plan: Plan, lowering: &mut Lowering) -> Result<Plan, SqlError> {
    if scope.windows.is_empty() {
        return Ok(plan);
    }
    let mut schema = plan.schema();
    let width = schema.len();
    let mut calls = Vec::with_capacity(scope.windows.len());
    for (i, call) in scope.windows.iter().enumerate() {
        let list = |exprs: &[Expr]| {
            exprs
                .iter()
                .map(|e| lowering.lower(scope, e))
                .collect::<Result<Vec<_>, _>>()
        };
        let order_by = call
            .order_by
            .iter()
            .map(|key| {
                Ok(SortKey {
                    expr: lowering.lower(scope, &key.expr)?,
                    ..key.clone()
                })
            })
            .collect::<Result<Vec<_>, SqlError>>()?;
        calls.push(WindowCall {
            function: call.function.clone(),
            args: list(&call.args)?,
            partition_by: list(&call.partition_by)?,
            order_by,
            frame: call.frame,
            ty: call.ty.clone(),
        });
        schema.push(Field::new(format!("window_{i}"), call.ty.clone()));
    }
    for i in 0..calls.len() {
        lowering.places.insert(WINDOW + i, width + i);
    }
    Ok(Plan::Window {
        input: Box::new(plan),
        calls,
        schema,
    })
}
