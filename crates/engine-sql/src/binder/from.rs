//! FROM: tables, views, WITH queries, sub-queries and what is joined to them.

use std::rc::Rc;

use engine_types::Field;

use super::{
    Binder,
    array_join::element_type,
    catalog::{ColumnKind, TableInfo},
    column_name::column_name,
    literal,
    sample_share::SampleShare,
    scope::{Scope, ScopeColumn, Visibility, With, find_with},
    suggestion::closest,
};
use crate::{
    ast::{self, FromItem, NamePart, TableRef, TableSource},
    error::{SqlError, code},
    fold,
    plan::{Expr, Plan},
};

/// How many rows one row of a sample stands for.
const SAMPLE_FACTOR: &str = "_sample_factor";

/// Whether a row is there: rows that were deleted are not read, so that it is 1.
pub(super) const ROW_EXISTS: &str = "_row_exists";

/// A plan and what its columns are called.
pub(super) struct Relation {
    pub plan: Plan,
    pub columns: Vec<ScopeColumn>,
}

impl Binder<'_> {
    /// Binds FROM; the scope then has its columns.
    pub(super) fn from(&mut self, scope: &mut Scope, items: &[FromItem]) -> Result<Plan, SqlError> {
        let mut plan = Plan::OneRow;
        for item in items {
            match item {
                FromItem::Table(table) => {
                    let relation = self.table_ref(&scope.with.clone(), table)?;
                    scope.columns = relation.columns;
                    plan = relation.plan;
                }
                FromItem::Join(join) => plan = self.join(scope, plan, join)?,
                FromItem::ArrayJoin(join) => plan = self.array_join_clause(scope, plan, join)?,
            }
        }
        Ok(plan)
    }

    pub(super) fn table_ref(&mut self, env: &With, table: &TableRef) -> Result<Relation, SqlError> {
        let mut relation = match &table.source {
            TableSource::Query(query) => {
                let plan = self.query(query, env)?;
                of_plan(plan, Vec::new())
            }
            TableSource::Function { name, args } => self.table_function(env, name, args)?,
            TableSource::Table(name) => self.table(env, name, table)?,
        };
        if let Some(alias) = &table.alias {
            let mut qualifiers: Option<Rc<Vec<String>>> = None;
            for column in &mut relation.columns {
                let shared = qualifiers.get_or_insert_with(|| {
                    let mut list = vec![alias.clone()];
                    list.extend(column.qualifiers.iter().cloned());
                    Rc::new(list)
                });
                column.qualifiers = shared.clone();
            }
        }
        if !table.column_aliases.is_empty() {
            if table.column_aliases.len() != relation.columns.len() {
                return Err(SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!(
                        "{} column names are given for {} columns",
                        table.column_aliases.len(),
                        relation.columns.len()
                    ),
                ));
            }
            for (column, name) in relation.columns.iter_mut().zip(&table.column_aliases) {
                column.name.clone_from(name);
            }
        }
        Ok(relation)
    }

    /// A name's text; parameters are looked up.
    pub(super) fn name_part(&self, part: &NamePart) -> Result<String, SqlError> {
        match part {
            NamePart::Name(name) => Ok(name.clone()),
            NamePart::Parameter(name) => match self.context.parameters.get(name) {
                Some(super::ParameterValue::Text(text)) => Ok(text.clone()),
                _ => Err(SqlError::new(
                    code::UNKNOWN_QUERY_PARAMETER,
                    format!("Substitution `{name}` is not set"),
                )),
            },
        }
    }

    fn table(&mut self, env: &With, name: &ast::ObjectName, table: &TableRef) -> Result<Relation, SqlError> {
        let database = name.database.as_ref().map(|d| self.name_part(d)).transpose()?;
        let name = self.name_part(&name.name)?;
        if database.is_none()
            && let Some(node) = find_with(env, &name)
            && let ast::WithBody::Query(query) = &node.body
        {
            let plan = self.expanding(|b| b.query(query, &node.parent))?;
            return Ok(of_plan(plan, vec![name]));
        }
        if let Some(info) = self.catalog.table(database.as_deref(), &name)? {
            let mut relation = self.stored_table(&info, table)?;
            answer_to(&mut relation, database.as_deref(), &name, &info);
            return Ok(relation);
        }
        if database.as_deref() == Some("system") {
            match name.as_str() {
                "one" => {
                    let plan = Plan::Project {
                        input: Box::new(Plan::OneRow),
                        exprs: vec![literal::unsigned(0)],
                        schema: vec![Field::new("dummy", engine_types::DataType::UInt8)],
                    };
                    return Ok(of_plan(plan, vec!["one".to_owned(), "system.one".to_owned()]));
                }
                "numbers" | "numbers_mt" => {
                    let plan = Plan::Numbers {
                        offset: 0,
                        count: u64::MAX,
                    };
                    return Ok(of_plan(plan, vec![name.clone(), format!("system.{name}")]));
                }
                _ => {}
            }
        }
        let names = self.catalog.table_names(database.as_deref());
        let hint = closest(&name, names.iter().map(String::as_str))
            .map_or(String::new(), |near| format!(". Maybe you meant {near}?"));
        let full = match database {
            Some(database) => format!("{database}.{name}"),
            None => name,
        };
        Err(SqlError::new(
            code::UNKNOWN_TABLE,
            format!("Table {full} does not exist{hint}"),
        ))
    }

    fn stored_table(&mut self, info: &TableInfo, table: &TableRef) -> Result<Relation, SqlError> {
        let full = format!("{}.{}", info.name.database, info.name.table);
        let qualifiers = vec![info.name.table.clone(), full];
        if let Some(view) = &info.view {
            let view = read_as(view, table);
            let plan = self.expanding(|b| b.query(&view, &None))?;
            return Ok(of_plan(plan, qualifiers));
        }
        let qualifiers = Rc::new(qualifiers);
        let mut scope = Scope::new(None);
        let (mut stored, mut schema) = (Vec::new(), Vec::new());
        for (position, column) in info.columns.iter().enumerate() {
            let kind = match &column.kind {
                ColumnKind::Ordinary => Visibility::Visible,
                ColumnKind::Materialized => Visibility::Materialized,
                ColumnKind::Alias(expr) => {
                    scope.aliases.insert(column.name.clone(), Rc::new(expr.clone()));
                    continue;
                }
            };
            stored.push(position);
            schema.push(Field::new(&column.name, column.ty.clone()));
            scope.columns.push(ScopeColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                qualifiers: qualifiers.clone(),
                kind,
                shadowed: false,
            });
        }
        let mut plan = match &info.rows {
            Some(rows) => Plan::Values {
                schema,
                rows: rows.clone(),
            },
            None => Plan::Scan {
                table: info.name.clone(),
                columns: stored,
                schema,
                filters: Vec::new(),
                final_: table.final_ || self.setting_on("final"),
                cells: Vec::new(),
            },
        };
        let mut factor = 1.0;
        if let Some(sample) = &table.sample {
            (plan, factor) = self.sample(&mut scope, plan, info, sample, table.sample_offset.as_ref())?;
        }
        plan = self.alias_columns(&mut scope, plan, info, &qualifiers)?;
        if self.with_row_exists && info.has_row_mask {
            let exists = Expr::literal(engine_types::Value::UInt(1), engine_types::DataType::UInt8);
            plan = virtual_column(&mut scope, plan, ROW_EXISTS, exists, &qualifiers);
        }
        if table.sample.is_some() {
            let factor = Expr::literal(
                engine_types::Value::Float(factor),
                engine_types::DataType::Float64,
            );
            plan = virtual_column(&mut scope, plan, SAMPLE_FACTOR, factor, &qualifiers);
        }
        Ok(Relation {
            plan,
            columns: scope.columns,
        })
    }

    /// ALIAS columns are computed behind the scan; those that nobody reads are pruned.
    fn alias_columns(
        &mut self,
        scope: &mut Scope,
        plan: Plan,
        info: &TableInfo,
        qualifiers: &Rc<Vec<String>>,
    ) -> Result<Plan, SqlError> {
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for column in &info.columns {
            let ColumnKind::Alias(expr) = &column.kind else {
                continue;
            };
            scope.expanding.push(column.name.clone());
            let bound = self.expr(scope, expr);
            scope.expanding.pop();
            exprs.push(fold::cast(bound?, &column.ty)?);
            columns.push(ScopeColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                qualifiers: qualifiers.clone(),
                kind: Visibility::Alias,
                shadowed: false,
            });
        }
        if exprs.is_empty() {
            return Ok(plan);
        }
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        scope.columns.extend(columns);
        Ok(appended(plan, exprs, names))
    }

    /// SAMPLE k OFFSET m: a range of the sampling key's values.
    fn sample(
        &mut self,
        scope: &mut Scope,
        plan: Plan,
        info: &TableInfo,
        sample: &ast::Expr,
        offset: Option<&ast::Expr>,
    ) -> Result<(Plan, f64), SqlError> {
        let Some(key) = &info.sampling_key else {
            return Err(SqlError::new(
                code::SAMPLING_NOT_SUPPORTED,
                format!(
                    "Table {}.{} has no SAMPLE BY",
                    info.name.database, info.name.table
                ),
            ));
        };
        let key = self.expr(scope, key)?;
        let bits = match key.ty.bare() {
            engine_types::DataType::UInt8 => 8,
            engine_types::DataType::UInt16 => 16,
            engine_types::DataType::UInt32 => 32,
            engine_types::DataType::UInt64 => 64,
            other => {
                return Err(SqlError::new(
                    code::SAMPLING_NOT_SUPPORTED,
                    format!("Invalid sampling column type: {other}. Must be an unsigned integer type"),
                ));
            }
        };
        let share = |b: &mut Self, expr: &ast::Expr| -> Result<SampleShare, SqlError> {
            let bound = b.expr(&mut Scope::new(None), expr)?;
            literal::constant(&bound)
                .and_then(|value| SampleShare::of(value, info.total_rows))
                .ok_or_else(|| SqlError::new(code::BAD_ARGUMENTS, "SAMPLE takes a share or a number of rows"))
        };
        let size = share(self, sample)?;
        let from = offset.map_or(Ok(SampleShare::NOTHING), |e| share(self, e))?;
        if from.of_range(bits) >= 1u128 << bits {
            return Err(SqlError::new(
                code::BAD_ARGUMENTS,
                "Sampling offset cannot be greater than 1",
            ));
        }
        let low = from.of_range(bits);
        let high = low.saturating_add(size.of_range(bits));
        let mut filters = Vec::new();
        let bound = |value: u128| {
            let value = u64::try_from(value).unwrap_or(u64::MAX);
            Expr::literal(engine_types::Value::UInt(value), key.ty.clone())
        };
        if low > 0 {
            filters.push(fold::call_named(
                "greaterOrEquals",
                vec![key.clone(), bound(low)],
            )?);
        }
        if high < 1u128 << bits {
            filters.push(fold::call_named("less", vec![key.clone(), bound(high)])?);
        }
        let factor = size.factor();
        Ok(match fold::and(filters) {
            Some(predicate) => (
                Plan::Filter {
                    input: Box::new(plan),
                    predicate,
                },
                factor,
            ),
            None => (plan, factor),
        })
    }

    fn array_join_clause(
        &mut self,
        scope: &mut Scope,
        plan: Plan,
        join: &ast::ArrayJoin,
    ) -> Result<Plan, SqlError> {
        let width = scope.columns.len();
        let (mut exprs, mut names, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let outer = std::mem::replace(&mut scope.columns_first, true);
        for array in &join.arrays {
            let (inner, name) = match array {
                ast::Expr::Alias { expr, name } => (&**expr, Some(name.clone())),
                other => (other, None),
            };
            let bound = self.expr_without_aggregates(scope, inner, "ARRAY JOIN")?;
            element_type(&bound.ty)?;
            match (&bound.kind, name) {
                // Without an alias the column itself becomes its elements.
                (crate::plan::ExprKind::Column(index), None) => places.push(*index),
                (_, name) => {
                    places.push(width + exprs.len());
                    names.push(name.unwrap_or_else(|| column_name(inner)));
                    exprs.push(bound);
                }
            }
        }
        scope.columns_first = outer;
        for (expr, name) in exprs.iter().zip(&names) {
            scope.columns.push(ScopeColumn {
                name: name.clone(),
                ty: expr.ty.clone(),
                qualifiers: Rc::default(),
                kind: Visibility::Visible,
                shadowed: false,
            });
        }
        // An alias of the array join stands for the element, not for the array it is written behind.
        for name in &names {
            scope.aliases.remove(name);
        }
        let plan = if exprs.is_empty() {
            plan
        } else {
            appended(plan, exprs, names)
        };
        let mut schema = plan.schema();
        for &place in &places {
            let element = element_type(&schema[place].ty)?;
            schema[place].ty = element.clone();
            scope.columns[place].ty = element;
        }
        Ok(Plan::ArrayJoin {
            input: Box::new(plan),
            columns: places,
            left: join.left,
            schema,
        })
    }
}

/// A table that stands for another (Distributed, a materialized view) answers to its own name too.
fn answer_to(relation: &mut Relation, database: Option<&str>, name: &str, info: &TableInfo) {
    if info.name.table == name {
        return;
    }
    let mut qualifiers: Option<Rc<Vec<String>>> = None;
    for column in &mut relation.columns {
        let shared = qualifiers.get_or_insert_with(|| {
            let mut list = vec![name.to_owned()];
            list.extend(database.map(|database| format!("{database}.{name}")));
            list.extend(column.qualifiers.iter().cloned());
            Rc::new(list)
        });
        column.qualifiers = shared.clone();
    }
}

/// The query of a view with the FINAL and SAMPLE of the place that names it, where it is no more than one table.
fn read_as<'q>(view: &'q ast::Query, table: &TableRef) -> std::borrow::Cow<'q, ast::Query> {
    let mut query = std::borrow::Cow::Borrowed(view);
    if !table.final_ && table.sample.is_none() {
        return query;
    }
    if let ast::SetExpr::Select(select) = &mut query.to_mut().body
        && let [FromItem::Table(inner)] = select.from.as_mut_slice()
    {
        inner.final_ |= table.final_;
        if inner.sample.is_none() {
            inner.sample.clone_from(&table.sample);
            inner.sample_offset.clone_from(&table.sample_offset);
        }
    }
    query
}

/// The columns of a plan under one set of qualifiers.
pub(super) fn of_plan(plan: Plan, qualifiers: Vec<String>) -> Relation {
    let qualifiers = Rc::new(qualifiers);
    let columns = plan
        .schema()
        .into_iter()
        .map(|field| ScopeColumn {
            name: field.name,
            ty: field.ty,
            qualifiers: qualifiers.clone(),
            kind: Visibility::Visible,
            shadowed: false,
        })
        .collect();
    Relation { plan, columns }
}

/// A column that is found by its name only, unless the table has one of that name.
fn virtual_column(
    scope: &mut Scope,
    plan: Plan,
    name: &str,
    value: Expr,
    qualifiers: &Rc<Vec<String>>,
) -> Plan {
    if scope.columns.iter().any(|c| c.name == name) {
        return plan;
    }
    scope.columns.push(ScopeColumn {
        name: name.to_owned(),
        ty: value.ty.clone(),
        qualifiers: qualifiers.clone(),
        kind: Visibility::Virtual,
        shadowed: false,
    });
    appended(plan, vec![value], vec![name.to_owned()])
}

/// The plan's columns and further ones computed from them.
pub(super) fn appended(plan: Plan, more: Vec<Expr>, names: Vec<String>) -> Plan {
    let mut schema = plan.schema();
    let mut exprs: Vec<Expr> = schema
        .iter()
        .enumerate()
        .map(|(i, f)| Expr::column(i, f.ty.clone()))
        .collect();
    for (expr, name) in more.into_iter().zip(names) {
        schema.push(Field::new(name, expr.ty.clone()));
        exprs.push(expr);
    }
    Plan::Project {
        input: Box::new(plan),
        exprs,
        schema,
    }
}
