//! Names of tables in a stored query: made whole with a database, and the one whose inserts a materialized view follows.

use crate::ast::{
    Expr, ExprPart, FromItem, GroupBy, InRight, JoinConstraint, NamePart, ObjectName, OrderBy, Query, Select,
    SetExpr, TableRef, TableSource, WithBody,
};

/// Writes `database` before every table name that has none, as it would be resolved now. Names of WITH queries stay.
/// `is_table` tells tables from aliases where only the catalogue can: `x IN name`.
pub fn qualify_tables(query: &mut Query, database: &str, is_table: &dyn Fn(&str) -> bool) {
    Qualifier {
        database,
        is_table,
        with: Vec::new(),
    }
    .query(query);
}

/// The table that the query reads first: the leftmost of its FROM, through sub-queries and WITH queries. `None` when it
/// reads none, or is a set operation.
pub fn leftmost_table(query: &Query) -> Option<&ObjectName> {
    leftmost(query, &[])
}

fn leftmost<'a>(query: &'a Query, outer: &[&'a Select]) -> Option<&'a ObjectName> {
    let SetExpr::Select(select) = &query.body else {
        return None;
    };
    let FromItem::Table(table) = select.from.first()? else {
        return None;
    };
    let mut around = outer.to_vec();
    around.push(select);
    match &table.source {
        TableSource::Query(inner) => leftmost(inner, &around),
        TableSource::Function { .. } => None,
        TableSource::Table(name) => {
            let Some((None, plain)) = name.plain() else {
                return Some(name);
            };
            for (depth, select) in around.iter().enumerate().rev() {
                let with = select.with.iter().find(|w| w.name == plain);
                if let Some(WithBody::Query(inner)) = with.map(|w| &w.body) {
                    // A WITH query does not see itself: what it names is outside.
                    return leftmost(inner, around.get(..depth).unwrap_or_default());
                }
            }
            Some(name)
        }
    }
}

struct Qualifier<'a> {
    database: &'a str,
    is_table: &'a dyn Fn(&str) -> bool,
    /// WITH queries in sight.
    with: Vec<String>,
}

impl Qualifier<'_> {
    fn query(&mut self, query: &mut Query) {
        self.set(&mut query.body);
    }

    fn set(&mut self, set: &mut SetExpr) {
        match set {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Operation { inputs, .. } => inputs.iter_mut().for_each(|input| self.set(input)),
        }
    }

    fn select(&mut self, select: &mut Select) {
        let outside = self.with.len();
        for with in &mut select.with {
            match &mut with.body {
                WithBody::Query(query) => {
                    self.query(query);
                    self.with.push(with.name.clone());
                }
                WithBody::Expr(expr) => self.expr(expr),
            }
        }
        self.list(&mut select.projection);
        for item in &mut select.from {
            match item {
                FromItem::Table(table) => self.table(table),
                FromItem::Join(join) => {
                    self.table(&mut join.table);
                    match &mut join.constraint {
                        JoinConstraint::On(expr) => self.expr(expr),
                        JoinConstraint::None | JoinConstraint::Using(_) => {}
                    }
                }
                FromItem::ArrayJoin(join) => self.list(&mut join.arrays),
            }
        }
        for expr in [
            &mut select.prewhere,
            &mut select.filter,
            &mut select.having,
            &mut select.qualify,
        ] {
            self.option(expr.as_mut());
        }
        match &mut select.group_by {
            None | Some(GroupBy::All) => {}
            Some(GroupBy::Exprs(list) | GroupBy::Rollup(list) | GroupBy::Cube(list)) => self.list(list),
            Some(GroupBy::Sets(sets)) => sets.iter_mut().for_each(|set| self.list(set)),
        }
        for window in &mut select.windows {
            window
                .spec
                .exprs_mut()
                .into_iter()
                .for_each(|expr| self.expr(expr));
        }
        self.order_by(&mut select.order_by);
        for item in select.interpolate.iter_mut().flatten() {
            self.option(item.expr.as_mut());
        }
        if let Some(limit_by) = &mut select.limit_by {
            self.list(&mut limit_by.by);
        }
        self.with.truncate(outside);
    }

    fn table(&mut self, table: &mut TableRef) {
        match &mut table.source {
            TableSource::Table(name) => {
                if let NamePart::Name(plain) = &name.name
                    && name.database.is_none()
                    && !self.with.contains(plain)
                {
                    name.database = Some(NamePart::Name(self.database.to_owned()));
                    // `t.a` still names the table's column: tables answer to their names without a database.
                }
            }
            TableSource::Function { args, .. } => self.list(args),
            TableSource::Query(query) => self.query(query),
        }
    }

    fn list(&mut self, list: &mut [Expr]) {
        list.iter_mut().for_each(|expr| self.expr(expr));
    }

    fn option(&mut self, expr: Option<&mut Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn order_by(&mut self, list: &mut [OrderBy]) {
        for item in list {
            self.expr(&mut item.expr);
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        for part in expr.parts_mut() {
            match part {
                ExprPart::Expr(expr) => self.expr(expr),
                ExprPart::Query(query) => self.query(query),
                ExprPart::RightOfIn(right) => {
                    if let InRight::Name(path) = right
                        && let [name] = path.as_slice()
                        && !self.with.contains(name)
                        && (self.is_table)(name)
                    {
                        path.insert(0, self.database.to_owned());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
