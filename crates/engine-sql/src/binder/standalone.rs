//! Expressions outside of a SELECT: defaults, keys, TTL, mutations, and the rows of INSERT.

use engine_types::{DataType, Field, Value};

use super::{BindContext, Binder, Catalog, from::of_plan, literal, scope::Scope};
use crate::{
    ast,
    error::{SqlError, code},
    fold, optimizer,
    plan::{Expr, Plan},
};

/// The data type that a type name stands for; error 50 when there is none.
pub fn data_type(name: &ast::TypeName) -> Result<DataType, SqlError> {
    DataType::parse(&name.to_string()).map_err(|e| SqlError::new(code::UNKNOWN_TYPE, e.to_string()))
}

/// Binds an expression over the columns of `schema` (column `i` of the result is `schema[i]`), without aggregates,
/// arrayJoin and window functions. For DEFAULT, keys, TTL, CHECK, and UPDATE and DELETE of tables.
pub fn bind_expression(
    expr: &ast::Expr,
    schema: &[Field],
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SqlError> {
    let mut binder = Binder::new(catalog, context);
    let mut scope = Scope::new(None);
    scope.columns = of_plan(
        Plan::Values {
            schema: schema.to_vec(),
            rows: std::sync::Arc::default(),
        },
        Vec::new(),
    )
    .columns;
    let bound = binder.expr_without_aggregates(&mut scope, expr, "an expression of the table")?;
    if !scope.array_joins.is_empty() || !scope.windows.is_empty() {
        return Err(SqlError::new(
            code::BAD_ARGUMENTS,
            format!("`{expr}`: arrayJoin and window functions cannot be used here"),
        ));
    }
    Ok(optimizer::optimize_expression(bound, catalog))
}

/// The rows of `INSERT … VALUES` as values of `types`; `None` stands for the keyword DEFAULT.
pub fn bind_insert_rows(
    rows: &[Vec<ast::Expr>],
    types: &[DataType],
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Vec<Vec<Option<Value>>>, SqlError> {
    let mut binder = Binder::new(catalog, context);
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        if row.len() != types.len() {
            return Err(SqlError::new(
                code::SYNTAX_ERROR,
                format!(
                    "A row of VALUES has {} elements, {} are expected",
                    row.len(),
                    types.len()
                ),
            ));
        }
        // Each row is an expression list of its own.
        binder.nodes = 0;
        let mut values = Vec::with_capacity(row.len());
        for (expr, ty) in row.iter().zip(types) {
            values.push(binder.insert_value(expr, ty)?);
        }
        out.push(values);
    }
    Ok(out)
}

/// The query of `INSERT … SELECT`, its columns cast to `types` by position.
pub fn bind_insert_select(
    query: &ast::Query,
    types: &[DataType],
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<super::Bound, SqlError> {
    let mut bound = super::bind_unoptimized(query, catalog, context)?;
    let schema = bound.plan.schema();
    if schema.len() != types.len() {
        return Err(SqlError::new(
            20,
            format!(
                "Number of columns doesn't match: {} in the SELECT, {} in the table",
                schema.len(),
                types.len()
            ),
        ));
    }
    let exprs = schema
        .iter()
        .enumerate()
        .zip(types)
        .map(|((i, field), ty)| fold::cast(Expr::column(i, field.ty.clone()), ty))
        .collect::<Result<Vec<_>, _>>()?;
    bound.plan = Plan::Project {
        schema: schema
            .into_iter()
            .zip(types)
            .map(|(field, ty)| Field::new(field.name, ty.clone()))
            .collect(),
        exprs,
        input: Box::new(bound.plan),
    };
    bound.plan = optimizer::optimize(bound.plan, catalog);
    Ok(bound)
}

impl Binder<'_> {
    fn insert_value(&mut self, expr: &ast::Expr, ty: &DataType) -> Result<Option<Value>, SqlError> {
        if matches!(expr, ast::Expr::Identifier(path) if path.len() == 1 && path[0].eq_ignore_ascii_case("default"))
        {
            return Ok(None);
        }
        let bound = self.expr(&mut Scope::new(None), expr)?;
        let Some(value) = literal::constant(&bound) else {
            return Err(SqlError::new(
                code::BAD_ARGUMENTS,
                format!("`{expr}` in VALUES is not a constant"),
            ));
        };
        match value {
            // NULL into a column that has none is its default (`input_format_null_as_default`).
            Value::Null if !ty.is_nullable() => Ok(None),
            Value::String(text) if !ty.bare().is_string() => {
                literal::text_as(text, ty.without_low_cardinality()).map(Some)
            }
            value => literal::cast_value(value, &bound.ty, ty.without_low_cardinality()).map(Some),
        }
    }
}
