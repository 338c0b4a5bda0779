//! Queries: WITH environments and set operations.

use std::rc::Rc;

use engine_functions::common_type;
use engine_types::{DataType, Field, Schema};

use super::{
    Binder,
    scope::{With, WithNode},
    setting_names::check_setting,
};
use crate::{
    ast::{self, SetExpr, SetOp},
    error::{SqlError, code},
    fold,
    plan::{Expr, JoinKind, JoinStrictness, Plan},
};

impl Binder<'_> {
    pub(super) fn query(&mut self, query: &ast::Query, env: &With) -> Result<Plan, SqlError> {
        for setting in &query.settings {
            check_setting(&setting.name)?;
        }
        self.set_expr(&query.body, env)
    }

    fn set_expr(&mut self, body: &SetExpr, env: &With) -> Result<Plan, SqlError> {
        match body {
            SetExpr::Select(select) => self.select(select, env),
            SetExpr::Operation { op, inputs } => {
                // The first branch's WITH counts for all of them.
                let env = extended(env, first_with(body))?;
                let mut plans = Vec::with_capacity(inputs.len());
                for input in inputs {
                    plans.push(self.set_expr(input, &env)?);
                }
                self.operation(*op, plans)
            }
        }
    }

    fn operation(&self, op: SetOp, plans: Vec<Plan>) -> Result<Plan, SqlError> {
        let op = match op {
            SetOp::Union => match self.setting("union_default_mode").to_ascii_uppercase().as_str() {
                "ALL" => SetOp::UnionAll,
                "DISTINCT" => SetOp::UnionDistinct,
                _ => {
                    return Err(SqlError::new(
                        code::UNION_MODE,
                        "Expected ALL or DISTINCT in UNION, because setting (union_default_mode) is empty",
                    ));
                }
            },
            other => other,
        };
        let plans = unified(plans)?;
        match op {
            SetOp::UnionAll | SetOp::Union => Ok(union_all(plans)),
            SetOp::UnionDistinct => Ok(Plan::Distinct {
                input: Box::new(union_all(plans)),
            }),
            SetOp::Intersect | SetOp::Except => filtered(plans, op == SetOp::Intersect),
            SetOp::IntersectDistinct | SetOp::ExceptDistinct => Ok(Plan::Distinct {
                input: Box::new(filtered(plans, op == SetOp::IntersectDistinct)?),
            }),
        }
    }
}

/// The environment with the items of a WITH clause in front, each seeing those before it.
pub(super) fn extended(env: &With, items: &[ast::With]) -> Result<With, SqlError> {
    let mut env = env.clone();
    for item in items {
        env = Some(Rc::new(WithNode {
            name: item.name.clone(),
            body: item.body.clone(),
            parent: env,
        }));
    }
    Ok(env)
}

fn first_with(body: &SetExpr) -> &[ast::With] {
    match body {
        SetExpr::Select(select) => &select.with,
        SetExpr::Operation { inputs, .. } => inputs.first().map_or(&[], first_with),
    }
}

/// All branches with the types that hold the values of each.
fn unified(plans: Vec<Plan>) -> Result<Vec<Plan>, SqlError> {
    let schemas: Vec<Schema> = plans.iter().map(Plan::schema).collect();
    let Some(first) = schemas.first() else {
        return Ok(plans);
    };
    if let Some(other) = schemas.iter().find(|s| s.len() != first.len()) {
        return Err(SqlError::new(
            code::UNION_COLUMNS_MISMATCH,
            format!(
                "Different number of columns in UNION elements: {} and {}",
                first.len(),
                other.len()
            ),
        ));
    }
    let mut common = Vec::with_capacity(first.len());
    for (i, field) in first.iter().enumerate() {
        let types: Vec<DataType> = schemas.iter().map(|s| s[i].ty.clone()).collect();
        common.push(Field::new(&field.name, common_type(&types)?));
    }
    plans
        .into_iter()
        .zip(schemas)
        .map(|(plan, schema)| {
            if schema.iter().zip(&common).all(|(a, b)| a.ty == b.ty) {
                return Ok(plan);
            }
            let exprs = schema
                .into_iter()
                .enumerate()
                .zip(&common)
                .map(|((i, field), wanted)| fold::cast(Expr::column(i, field.ty), &wanted.ty))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Plan::Project {
                input: Box::new(plan),
                exprs,
                schema: common.clone(),
            })
        })
        .collect()
}

fn union_all(plans: Vec<Plan>) -> Plan {
    let schema = plans.first().map(Plan::schema).unwrap_or_default();
    Plan::UnionAll {
        inputs: plans,
        schema,
    }
}

/// INTERSECT and EXCEPT: rows of the first that the others have, or have not.
fn filtered(plans: Vec<Plan>, keep: bool) -> Result<Plan, SqlError> {
    let mut plans = plans.into_iter();
    let Some(first) = plans.next() else {
        return Ok(Plan::OneRow);
    };
    plans.try_fold(first, |left, right| {
        let schema = left.schema();
        if schema.iter().any(|f| f.ty.is_nullable()) {
            return Err(SqlError::not_implemented(
                "INTERSECT and EXCEPT of Nullable columns",
            ));
        }
        let on = schema
            .iter()
            .enumerate()
            .map(|(i, f)| {
                let column = Expr::column(i, f.ty.clone());
                (column.clone(), column)
            })
            .collect();
        Ok(Plan::Join {
            left: Box::new(left),
            right: Box::new(right),
            kind: JoinKind::Left,
            strictness: if keep {
                JoinStrictness::Semi
            } else {
                JoinStrictness::Anti
            },
            on,
            residual: None,
            schema,
        })
    })
}
