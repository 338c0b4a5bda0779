//! JOIN: conditions split into equal pairs and the rest; USING; what unmatched rows look like.

use engine_functions::common_type;
use engine_types::{DataType, Field, Schema};

use super::{
    Binder,
    from::{Relation, appended},
    literal,
    scope::{Scope, ScopeColumn},
};
use crate::{
    ast::{self, JoinConstraint, JoinSide},
    error::{SqlError, code},
    fold,
    plan::{Expr, ExprKind, JoinKind, JoinStrictness, Plan},
};

/// The two inputs and what is known of their condition so far.
struct Sides {
    left: Plan,
    right: Plan,
    on: Vec<(Expr, Expr)>,
    residual: Vec<Expr>,
}

impl Binder<'_> {
    /// Joins one more table to what the scope has.
    pub(super) fn join(&mut self, scope: &mut Scope, left: Plan, join: &ast::Join) -> Result<Plan, SqlError> {
        let Relation {
            plan: right,
            columns: right_columns,
        } = self.table_ref(&scope.with.clone(), &join.table)?;
        let strictness = self.strictness(join)?;
        let kind = match join.side {
            JoinSide::Inner => JoinKind::Inner,
            JoinSide::Left => JoinKind::Left,
            JoinSide::Right => JoinKind::Right,
            JoinSide::Full => JoinKind::Full,
            JoinSide::Cross | JoinSide::Comma => JoinKind::Cross,
            JoinSide::Paste => return Err(SqlError::not_implemented("PASTE JOIN")),
        };
        let left_columns = std::mem::take(&mut scope.columns);
        let width = left_columns.len();
        scope.columns = left_columns.iter().chain(&right_columns).cloned().collect();
        let mut sides = Sides {
            left,
            right,
            on: Vec::new(),
            residual: Vec::new(),
        };
        let mut using = Vec::new();
        match &join.constraint {
            JoinConstraint::None => {}
            JoinConstraint::On(condition) => {
                let outer = std::mem::replace(&mut scope.columns_first, true);
                let bound = self.expr_without_aggregates(scope, condition, "JOIN ON");
                scope.columns_first = outer;
                split_condition(fold::predicate(bound?)?, width, &mut sides)?;
            }
            JoinConstraint::Using(names) => {
                for name in names {
                    using.push(using_pair(name, &left_columns, &right_columns, &mut sides)?);
                }
            }
        }
        match strictness {
            JoinStrictness::Semi | JoinStrictness::Anti => {
                let swapped = kind == JoinKind::Right;
                semi(scope, sides, left_columns, right_columns, swapped, strictness)
            }
            JoinStrictness::All | JoinStrictness::Any => {
                self.outer_or_inner(scope, sides, kind, strictness, width, &using)
            }
        }
    }

    fn strictness(&self, join: &ast::Join) -> Result<JoinStrictness, SqlError> {
        Ok(match join.strictness {
            Some(ast::JoinStrictness::All) => JoinStrictness::All,
            Some(ast::JoinStrictness::Any) => JoinStrictness::Any,
            Some(ast::JoinStrictness::Semi) => JoinStrictness::Semi,
            Some(ast::JoinStrictness::Anti) => JoinStrictness::Anti,
            Some(ast::JoinStrictness::Asof) => return Err(SqlError::not_implemented("ASOF JOIN")),
            None if self
                .setting("join_default_strictness")
                .eq_ignore_ascii_case("any") =>
            {
                JoinStrictness::Any
            }
            None => JoinStrictness::All,
        })
    }

    /// Output: left columns, then right columns. `using` are (left, right) places of the USING columns.
    fn outer_or_inner(
        &mut self,
        scope: &mut Scope,
        sides: Sides,
        kind: JoinKind,
        strictness: JoinStrictness,
        width: usize,
        using: &[(usize, usize)],
    ) -> Result<Plan, SqlError> {
        let Sides {
            mut left,
            right,
            on,
            residual,
        } = sides;
        // FULL … USING takes the key from whichever side has it: the left input says so itself.
        let marked = kind == JoinKind::Full && !using.is_empty();
        if marked {
            left = appended(left, vec![literal::unsigned(1)], vec!["matched".to_owned()]);
        }
        let nulls = self.setting_on("join_use_nulls");
        let null_left = nulls && matches!(kind, JoinKind::Right | JoinKind::Full);
        let null_right = nulls && matches!(kind, JoinKind::Left | JoinKind::Full);
        for (i, column) in scope.columns.iter_mut().enumerate() {
            if if i < width { null_left } else { null_right } {
                column.ty = null_type(&column.ty);
            }
        }
        let mut schema: Schema = left
            .schema()
            .into_iter()
            .map(|f| {
                if null_left {
                    Field::new(f.name, null_type(&f.ty))
                } else {
                    f
                }
            })
            .collect();
        let right_start = schema.len();
        schema.extend(right.schema().into_iter().map(|f| {
            if null_right {
                Field::new(f.name, null_type(&f.ty))
            } else {
                f
            }
        }));
        let shift = usize::from(marked);
        let residual = fold::and(residual).map(|mut e| {
            e.map_columns(&|c| if c < width { c } else { c + shift });
            e
        });
        let inner_without_keys =
            on.is_empty() && kind == JoinKind::Inner && strictness == JoinStrictness::All;
        let joined = Plan::Join {
            left: Box::new(left),
            right: Box::new(right),
            kind: if inner_without_keys { JoinKind::Cross } else { kind },
            strictness,
            on,
            residual: if inner_without_keys {
                None
            } else {
                residual.clone()
            },
            schema: schema.clone(),
        };
        let joined = match residual {
            Some(predicate) if inner_without_keys => Plan::Filter {
                input: Box::new(joined),
                predicate,
            },
            _ => joined,
        };
        for &(_, right) in using {
            scope.columns[width + right].shadowed = true;
        }
        if using.is_empty() || !matches!(kind, JoinKind::Right | JoinKind::Full) {
            return Ok(joined);
        }
        // The left place of a USING column holds the value of the side that has it.
        let column = |i: usize| Expr::column(i, schema[i].ty.clone());
        let mut exprs: Vec<Expr> = (0..width).map(column).collect();
        exprs.extend((right_start..schema.len()).map(column));
        for &(l, r) in using {
            let right = column(right_start + r);
            let value = if marked {
                let mark = column(right_start - 1);
                let has_left = fold::call_named("equals", vec![mark, literal::unsigned(1)])?;
                let ty = common_type(&[schema[l].ty.clone(), right.ty.clone()])?;
                let values = vec![has_left, fold::cast(column(l), &ty)?, fold::cast(right, &ty)?];
                fold::call_named("if", values)?
            } else {
                right
            };
            scope.columns[l].ty = value.ty.clone();
            exprs[l] = value;
        }
        let schema = scope
            .columns
            .iter()
            .zip(&exprs)
            .map(|(c, e)| Field::new(&c.name, e.ty.clone()))
            .collect();
        Ok(Plan::Project {
            input: Box::new(joined),
            exprs,
            schema,
        })
    }
}

/// SEMI and ANTI keep the columns of one side; RIGHT ones are LEFT ones with the sides swapped.
fn semi(
    scope: &mut Scope,
    sides: Sides,
    left_columns: Vec<ScopeColumn>,
    right_columns: Vec<ScopeColumn>,
    swapped: bool,
    strictness: JoinStrictness,
) -> Result<Plan, SqlError> {
    let Sides {
        left,
        right,
        on,
        residual,
    } = sides;
    let (left_width, right_width) = (left_columns.len(), right_columns.len());
    let residual = fold::and(residual).map(|mut e| {
        if swapped {
            e.map_columns(&|c| {
                if c < left_width {
                    c + right_width
                } else {
                    c - left_width
                }
            });
        }
        e
    });
    let (left, right, on, columns) = if swapped {
        let on = on.into_iter().map(|(l, r)| (r, l)).collect();
        (right, left, on, right_columns)
    } else {
        (left, right, on, left_columns)
    };
    scope.columns = columns;
    Ok(Plan::Join {
        schema: left.schema(),
        left: Box::new(left),
        right: Box::new(right),
        kind: JoinKind::Left,
        strictness,
        on,
        residual,
    })
}

/// The type of a column that is NULL in unmatched rows; arrays and the like have their default there.
fn null_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Array(_) | DataType::Map(..) | DataType::Tuple(_) => ty.clone(),
        other => other.clone().nullable(),
    }
}

/// Conjuncts `l = r`, each side over one input, are keys; the rest is checked on joined rows.
fn split_condition(condition: Expr, width: usize, sides: &mut Sides) -> Result<(), SqlError> {
    let mut list = Vec::new();
    fold::conjuncts(condition, &mut list);
    for conjunct in list {
        if let ExprKind::Call { function, args } = &conjunct.kind
            && function.name() == "equals"
            && let [a, b] = args.as_slice()
        {
            let pair = match (side(a, width), side(b, width)) {
                (Some(false), Some(true)) => Some((a.clone(), b.clone())),
                (Some(true), Some(false)) => Some((b.clone(), a.clone())),
                _ => None,
            };
            if let Some((left, mut right)) = pair {
                right.map_columns(&|c| c - width);
                sides.on.push(common_pair(left, right)?);
                continue;
            }
        }
        // `ON 1` is no condition.
        if !matches!(literal::constant(&conjunct), Some(engine_types::Value::UInt(v)) if *v != 0) {
            sides.residual.push(conjunct);
        }
    }
    Ok(())
}

/// Which input the expression is over: `Some(true)` the right, `Some(false)` the left, `None` both or neither.
fn side(expr: &Expr, width: usize) -> Option<bool> {
    let (mut left, mut right) = (false, false);
    expr.each_column(&mut |c| {
        left |= c < width;
        right |= c >= width;
    });
    (left != right).then_some(right)
}

/// Both keys in one type.
fn common_pair(left: Expr, right: Expr) -> Result<(Expr, Expr), SqlError> {
    if left.ty.bare() == right.ty.bare() {
        return Ok((left, right));
    }
    let common = common_type(&[left.ty.bare().clone(), right.ty.bare().clone()])?;
    let cast = |e: Expr| {
        let ty = if e.ty.is_nullable() {
            common.clone().nullable()
        } else {
            common.clone()
        };
        fold::cast(e, &ty)
    };
    Ok((cast(left)?, cast(right)?))
}

fn using_pair(
    name: &str,
    left: &[ScopeColumn],
    right: &[ScopeColumn],
    sides: &mut Sides,
) -> Result<(usize, usize), SqlError> {
    let find = |columns: &[ScopeColumn], side: &str| {
        columns
            .iter()
            .position(|c| c.name == name && !c.shadowed)
            .ok_or_else(|| {
                SqlError::new(
                    code::UNKNOWN_IDENTIFIER,
                    format!("Missing column `{name}` of USING on the {side} side of the join"),
                )
            })
    };
    let (l, r) = (find(left, "left")?, find(right, "right")?);
    sides.on.push(common_pair(
        Expr::column(l, left[l].ty.clone()),
        Expr::column(r, right[r].ty.clone()),
    )?);
    Ok((l, r))
}
