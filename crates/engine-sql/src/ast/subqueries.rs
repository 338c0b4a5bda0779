//! Sub-queries of an expression, to be looked at or replaced.

use super::{Expr, ExprPart, FromItem, InRight, ObjectName, Query, Select, SetExpr, TableRef, TableSource};

impl Expr {
    /// Calls `visit` with every sub-query directly in the expression (not with those inside of it), in the order of the
    /// text. `x IN name` counts, as `SELECT * FROM name`, when `is_column` says that the name is none of a column.
    pub fn visit_subqueries<E>(
        &mut self,
        is_column: &dyn Fn(&[String]) -> bool,
        visit: &mut dyn FnMut(&mut Query) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in self.parts_mut() {
            match part {
                ExprPart::Expr(expr) => expr.visit_subqueries(is_column, visit)?,
                ExprPart::Query(query) => visit(query)?,
                ExprPart::RightOfIn(right) => {
                    if let InRight::Name(path) = right
                        && !is_column(path)
                    {
                        let mut query = Box::new(Query::all_of(path));
                        visit(&mut query)?;
                        *right = InRight::Query(query);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Expr {
    /// The column `from` by its new name, wherever the expression names it; parameters of lambdas hide it.
    pub fn rename_column(&mut self, from: &str, to: &str) {
        match self {
            Self::Identifier(path) => {
                if let Some(last) = path.last_mut()
                    && last == from
                {
                    to.clone_into(last);
                }
            }
            Self::In {
                expr,
                right: InRight::Name(path),
                ..
            } => {
                expr.rename_column(from, to);
                if let [name] = path.as_mut_slice()
                    && name == from
                {
                    to.clone_into(name);
                }
            }
            Self::Lambda { params, .. } if params.iter().any(|p| p == from) => {}
            other => {
                for part in other.parts_mut() {
                    if let ExprPart::Expr(child) = part {
                        child.rename_column(from, to);
                    }
                }
            }
        }
    }
}

impl Query {
    /// `SELECT * FROM path`, of a table or of a database and a table.
    pub fn all_of(path: &[String]) -> Self {
        let name = match path {
            [database, table] => ObjectName::new(Some(database), table),
            other => ObjectName::new(None, &other.join(".")),
        };
        Self::of(Select {
            projection: vec![Expr::Star(Box::default())],
            from: vec![FromItem::Table(TableRef::of(TableSource::Table(name)))],
            ..Select::default()
        })
    }

    pub fn of(select: Select) -> Self {
        Self {
            body: SetExpr::Select(Box::new(select)),
            settings: Vec::new(),
            format: None,
        }
    }
}

impl TableRef {
    /// Without alias, FINAL or SAMPLE.
    pub fn of(source: TableSource) -> Self {
        Self {
            source,
            alias: None,
            column_aliases: Vec::new(),
            final_: false,
            sample: None,
            sample_offset: None,
        }
    }
}
