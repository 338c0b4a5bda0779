//! `*`, `t.*`, `COLUMNS('re')` with EXCEPT, REPLACE and APPLY.

use super::{
    Binder,
    scope::{Scope, Visibility},
};
use crate::{
    ast::{self, Star, StarTransform},
    error::{SqlError, code},
    plan::Expr,
};

impl Binder<'_> {
    /// The columns a star stands for, with their names.
    pub(super) fn star(&mut self, scope: &mut Scope, star: &Star) -> Result<Vec<(String, Expr)>, SqlError> {
        let qualifier = (!star.qualifier.is_empty()).then(|| star.qualifier.join("."));
        if let Some(qualifier) = &qualifier
            && !scope.has_qualifier(qualifier)
        {
            return Err(SqlError::new(
                code::UNKNOWN_IDENTIFIER,
                format!("Unknown table `{qualifier}` of `{qualifier}.*`"),
            ));
        }
        let pattern = match &star.regexp {
            Some(text) => Some(regex::Regex::new(text).map_err(|e| {
                SqlError::new(
                    code::BAD_ARGUMENTS,
                    format!("Bad regular expression of COLUMNS: {e}"),
                )
            })?),
            None => None,
        };
        let materialized = self.setting_on("asterisk_include_materialized_columns");
        let chosen: Vec<usize> = (0..scope.columns.len())
            .filter(|&i| {
                let column = &scope.columns[i];
                let visible = match column.kind {
                    Visibility::Visible => true,
                    Visibility::Materialized => materialized,
                    Visibility::Alias => self.setting_on("asterisk_include_alias_columns"),
                    Visibility::Virtual => false,
                };
                visible
                    && match &qualifier {
                        Some(q) => column.qualifiers.iter().any(|have| have == q),
                        None => !column.shadowed,
                    }
                    && pattern.as_ref().is_none_or(|p| p.is_match(&column.name))
            })
            .collect();
        let mut out = Vec::with_capacity(chosen.len());
        for index in chosen {
            let column = &scope.columns[index];
            out.push((column.name.clone(), Expr::column(index, column.ty.clone())));
        }
        for transform in &star.transforms {
            match transform {
                StarTransform::Except(names) => {
                    for name in names {
                        if !out.iter().any(|(have, _)| have == name) && star.regexp.is_none() {
                            return Err(SqlError::new(
                                code::UNKNOWN_IDENTIFIER,
                                format!("Column `{name}` of EXCEPT is not in the table"),
                            ));
                        }
                    }
                    out.retain(|(name, _)| !names.contains(name));
                }
                StarTransform::Replace(list) => {
                    for (expr, name) in list {
                        let bound = self.expr(scope, expr)?;
                        match out.iter_mut().find(|(have, _)| have == name) {
                            Some(slot) => slot.1 = bound,
                            None => {
                                return Err(SqlError::new(
                                    code::UNKNOWN_IDENTIFIER,
                                    format!("Column `{name}` of REPLACE is not in the table"),
                                ));
                            }
                        }
                    }
                }
                StarTransform::Apply(function) => {
                    let (ast::Expr::Identifier(path), mut applied) = (&**function, Vec::new()) else {
                        return Err(SqlError::not_implemented(
                            "APPLY with anything but a function's name",
                        ));
                    };
                    let function = path.join(".");
                    for (name, _) in &out {
                        let call = ast::Expr::Function(Box::new(ast::Function {
                            name: function.clone(),
                            args: vec![ast::Expr::Identifier(vec![name.clone()])],
                            ..ast::Function::default()
                        }));
                        applied.push((format!("{function}({name})"), self.expr(scope, &call)?));
                    }
                    out = applied;
                }
            }
        }
        Ok(out)
    }
}
