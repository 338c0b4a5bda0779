//! IN: constant lists become sets of the left side's type; sub-queries give one column of it.

use std::sync::Arc;

use engine_types::{DataType, Field, Value};

use super::{
    Binder,
    expr::{compare, logical},
    literal,
    scope::{BoundSubquery, Scope, find_with, same_with},
};
use crate::{
    ast::{self, InRight},
    error::{SqlError, code},
    fold,
    plan::{Aggregate, Expr, ExprKind, Plan, SetSource},
};

impl Binder<'_> {
    pub(super) fn in_set(
        &mut self,
        scope: &mut Scope,
        left: &ast::Expr,
        right: &InRight,
        negated: bool,
    ) -> Result<Expr, SqlError> {
        let arg = self.expr(scope, left)?;
        match right {
            InRight::Query(query) => {
                let plan = self.subquery(scope, query)?;
                in_subquery(arg, &plan, negated)
            }
            InRight::List(list) => {
                if let [ast::Expr::Subquery(query)] = list.as_slice() {
                    let plan = self.subquery(scope, query)?;
                    return in_subquery(arg, &plan, negated);
                }
                let items = self.exprs(scope, list)?;
                // `x IN ([1, 2])` and `x IN ((1, 2))` mean the elements, unless x is itself of that form.
                if let [only] = items.as_slice()
                    && is_collection(&only.ty)
                    && !is_collection(&arg.ty)
                {
                    return in_collection(
                        arg,
                        items.into_iter().next().unwrap_or_else(literal::null),
                        negated,
                    );
                }
                // A tuple on the left and a plain list of as many scalars on the right is one member.
                if let DataType::Tuple(types) = arg.ty.bare()
                    && items.len() == types.len()
                    && items.iter().all(|i| !matches!(i.ty.bare(), DataType::Tuple(_)))
                {
                    let tuple = fold::call_named("tuple", items)?;
                    return in_list(arg, vec![tuple], negated);
                }
                in_list(arg, items, negated)
            }
            InRight::Name(path) => self.in_name(scope, arg, path, negated),
            InRight::Expr(expr) => {
                let right = self.expr(scope, expr)?;
                in_collection(arg, right, negated)
            }
        }
    }

    /// `x IN name`: a WITH query, an alias or column, or a table.
    fn in_name(
        &mut self,
        scope: &mut Scope,
        arg: Expr,
        path: &[String],
        negated: bool,
    ) -> Result<Expr, SqlError> {
        let known_column = match path {
            [name] => scope.aliases.contains_key(name) || scope.find(None, name).is_some(),
            [qualifier, ..] => scope.has_qualifier(qualifier),
            [] => false,
        };
        let with_expr = matches!(path, [name] if find_with(&scope.with, name)
            .is_some_and(|node| matches!(node.body, ast::WithBody::Expr(_))));
        if known_column || with_expr {
            let right = self.expr(scope, &ast::Expr::Identifier(path.to_vec()))?;
            return match right.kind {
                ExprKind::ScalarSubquery(plan) => in_subquery(arg, &plan, negated),
                _ => in_collection(arg, right, negated),
            };
        }
        let name = match path {
            [table] => ast::ObjectName::new(None, table),
            [database, table] => ast::ObjectName::new(Some(database), table),
            _ => {
                return Err(SqlError::new(
                    code::UNKNOWN_TABLE,
                    format!("Unknown table {}", path.join(".")),
                ));
            }
        };
        let query = ast::Query::of(ast::Select {
            projection: vec![ast::Expr::Star(Box::default())],
            from: vec![ast::FromItem::Table(ast::TableRef::of(ast::TableSource::Table(
                name,
            )))],
            ..ast::Select::default()
        });
        let plan = self.subquery(scope, &query)?;
        in_subquery(arg, &plan, negated)
    }

    /// The plan of a sub-query of this SELECT. Aliases are bound wherever they are read; their sub-queries only once.
    fn subquery(&mut self, scope: &mut Scope, query: &ast::Query) -> Result<Arc<Plan>, SqlError> {
        let found = scope
            .subqueries
            .iter()
            .find(|s| same_with(&s.with, &scope.with) && s.query == *query);
        if let Some(found) = found {
            return Ok(found.plan.clone());
        }
        let plan = Arc::new(self.query(query, &scope.with.clone())?);
        scope.subqueries.push(BoundSubquery {
            query: query.clone(),
            with: scope.with.clone(),
            plan: plan.clone(),
        });
        Ok(plan)
    }

    /// `(SELECT …)` as a value: one column, or a tuple of several.
    pub(super) fn scalar_subquery(
        &mut self,
        scope: &mut Scope,
        query: &ast::Query,
    ) -> Result<Expr, SqlError> {
        let plan = one_column(&self.subquery(scope, query)?)?;
        let ty = plan.schema().first().map_or(DataType::Nothing, |f| f.ty.clone());
        // NULL where there is no row; types that cannot be NULL have their default there.
        let ty = match ty {
            DataType::Array(_) | DataType::Map(..) | DataType::Tuple(_) => ty,
            other => other.without_low_cardinality().clone().nullable(),
        };
        Ok(Expr {
            kind: ExprKind::ScalarSubquery(plan),
            ty,
        })
    }

    /// `EXISTS (SELECT …)`: whether the count of at most one row is 1.
    pub(super) fn exists(&mut self, scope: &mut Scope, query: &ast::Query) -> Result<Expr, SqlError> {
        let plan = self.subquery(scope, query)?;
        let function = engine_functions::aggregate("count", &[], &[])
            .ok_or_else(|| SqlError::not_implemented("EXISTS without the aggregate count"))??;
        let ty = function.return_type().clone();
        let counted = Plan::Aggregate {
            input: Box::new(Plan::Limit {
                input: Box::new((*plan).clone()),
                limit: Some(1),
                offset: 0,
            }),
            keys: Vec::new(),
            aggregates: vec![Aggregate {
                function: Arc::from(function),
                params: Vec::new(),
                args: Vec::new(),
            }],
            schema: vec![Field::new("count()", ty.clone())],
        };
        let count = Expr {
            kind: ExprKind::ScalarSubquery(Arc::new(counted)),
            ty,
        };
        fold::call_named("notEquals", vec![count, literal::unsigned(0)])
    }
}

fn is_collection(ty: &DataType) -> bool {
    matches!(ty.bare(), DataType::Tuple(_) | DataType::Array(_))
}

/// Several columns become one tuple.
fn one_column(plan: &Arc<Plan>) -> Result<Arc<Plan>, SqlError> {
    let schema = plan.schema();
    if schema.len() == 1 {
        return Ok(plan.clone());
    }
    let columns = schema
        .iter()
        .enumerate()
        .map(|(i, f)| Expr::column(i, f.ty.clone()))
        .collect();
    let tuple = fold::call_named("tuple", columns)?;
    Ok(Arc::new(Plan::Project {
        input: Box::new((**plan).clone()),
        schema: vec![Field::new("tuple", tuple.ty.clone())],
        exprs: vec![tuple],
    }))
}

fn in_type(arg: &Expr) -> DataType {
    if arg.ty.is_nullable() {
        DataType::UInt8.nullable()
    } else {
        DataType::UInt8
    }
}

fn in_subquery(arg: Expr, plan: &Arc<Plan>, negated: bool) -> Result<Expr, SqlError> {
    let columns = plan.schema().len();
    if let DataType::Tuple(types) = arg.ty.bare()
        && columns != types.len()
        && columns != 1
    {
        return Err(SqlError::new(
            20,
            format!(
                "Number of columns in section IN doesn't match. {} at left, {columns} at right",
                types.len()
            ),
        ));
    }
    if !matches!(arg.ty.bare(), DataType::Tuple(_)) && columns != 1 {
        return Err(SqlError::new(
            20,
            format!("Number of columns in section IN doesn't match. 1 at left, {columns} at right"),
        ));
    }
    let mut plan = one_column(plan)?;
    let have = plan.schema().first().map_or(DataType::Nothing, |f| f.ty.clone());
    let wanted = if have.is_nullable() {
        arg.ty.bare().clone().nullable()
    } else {
        arg.ty.bare().clone()
    };
    if have.bare() != wanted.bare() {
        let cast = fold::cast(Expr::column(0, have), &wanted)?;
        plan = Arc::new(Plan::Project {
            schema: vec![Field::new("set", cast.ty.clone())],
            input: Box::new((*plan).clone()),
            exprs: vec![cast],
        });
    }
    Ok(Expr {
        ty: in_type(&arg),
        kind: ExprKind::InSet {
            arg: Box::new(arg),
            set: SetSource::Subquery(plan),
            negated,
        },
    })
}

/// The right side is one expression: the elements of an array or tuple, or a single value.
fn in_collection(arg: Expr, right: Expr, negated: bool) -> Result<Expr, SqlError> {
    let elements = match (literal::constant(&right), right.ty.bare()) {
        (Some(Value::Array(items)), DataType::Array(ty)) if !matches!(arg.ty.bare(), DataType::Array(_)) => {
            Some(
                items
                    .iter()
                    .map(|v| Expr::literal(v.clone(), (**ty).clone()))
                    .collect::<Vec<_>>(),
            )
        }
        (Some(Value::Tuple(items)), DataType::Tuple(types)) => {
            // `(a, b) IN tuple(1, 2)` is one member; `(a, b) IN tuple((1, 2), (3, 4))` are two.
            let nested = types
                .iter()
                .all(|(_, ty)| matches!(ty.bare(), DataType::Tuple(_)));
            (!matches!(arg.ty.bare(), DataType::Tuple(_)) || nested).then(|| {
                items
                    .iter()
                    .zip(types)
                    .map(|(v, (_, ty))| Expr::literal(v.clone(), ty.clone()))
                    .collect()
            })
        }
        _ => None,
    };
    if let Some(elements) = elements {
        return in_list(arg, elements, negated);
    }
    // A column of arrays: membership per row.
    if matches!(right.ty.bare(), DataType::Array(_)) && literal::constant(&right).is_none() {
        let has = fold::call_named("has", vec![right, arg])?;
        return if negated {
            fold::call_named("not", vec![has])
        } else {
            Ok(has)
        };
    }
    in_list(arg, vec![right], negated)
}

fn in_list(arg: Expr, items: Vec<Expr>, negated: bool) -> Result<Expr, SqlError> {
    if items.iter().all(|item| literal::constant(item).is_some()) {
        let mut values = Vec::with_capacity(items.len());
        for item in &items {
            let Some(value) = literal::constant(item) else {
                continue;
            };
            if let Some(value) = literal::value_in_type(value, &item.ty, &arg.ty)? {
                values.push(value);
            }
        }
        values.sort();
        values.dedup();
        return Ok(Expr {
            ty: in_type(&arg),
            kind: ExprKind::InSet {
                arg: Box::new(arg),
                set: SetSource::Values(Arc::new(values)),
                negated,
            },
        });
    }
    // Not all constant: compared one by one.
    let function = if negated { "notEquals" } else { "equals" };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        list.push(compare(function, arg.clone(), item)?);
    }
    logical(list, negated)
}
