//! The tree as text with placeholders, and the values that belong to them.

use std::fmt::Write as _;

use crate::{
    Bound, Call, Column, Expr, Frame, From, JoinKind, Literal, Operator, Order, Query, Select, Set, Unit,
    Value, Window, quote,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    ClickHouse,
    Postgres,
}

/// SQL text with its parameters: `{p0:String}`, `{p1:…}`… in ClickHouse, `$1`, `$2`… in Postgres, in list order.
///
/// Equal values share a placeholder: Postgres only accepts `GROUP BY f($1)` for a selected `f($1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Value>,
}

impl std::fmt::Display for Statement {
    /// The text, then a line a parameter: for logs and snapshots.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sql)?;
        for (i, value) in self.params.iter().enumerate() {
            write!(f, "\n-- {i}: {value:?}")?;
        }
        Ok(())
    }
}

/// The dialect has no such construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub construct: &'static str,
    pub dialect: Dialect,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} has no {}", self.dialect, self.construct)
    }
}

impl std::error::Error for Unsupported {}

pub(crate) fn query_statement(query: &Query, dialect: Dialect) -> Result<Statement, Unsupported> {
    let mut printer = Printer::new(dialect);
    printer.query(query)?;
    Ok(printer.finish())
}

pub(crate) fn select_statement(select: &Select, dialect: Dialect) -> Result<Statement, Unsupported> {
    let mut printer = Printer::new(dialect);
    printer.select(select)?;
    Ok(printer.finish())
}

/// The same with every operand in parentheses: what the plain text must mean.
#[cfg(test)]
pub(crate) fn parenthesised(select: &Select, dialect: Dialect) -> Result<Statement, Unsupported> {
    let mut printer = Printer::new(dialect);
    printer.parenthesise = true;
    printer.select(select)?;
    Ok(printer.finish())
}

/// How tightly an expression holds together; a looser one inside a tighter one gets parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Lambda,
    Or,
    And,
    Not,
    Comparison,
    Named,
    Sum,
    Product,
    Atom,
}

fn strength(expr: &Expr) -> Strength {
    match expr {
        Expr::Or(operands) if operands.len() > 1 => Strength::Or,
        Expr::And(operands) if operands.len() > 1 => Strength::And,
        Expr::Or(operands) | Expr::And(operands) => operands.first().map_or(Strength::Atom, strength),
        Expr::Not(_) => Strength::Not,
        Expr::In {
            set: Set::List(items),
            ..
        } if items.is_empty() => Strength::Atom,
        Expr::IsNull { .. } | Expr::In { .. } => Strength::Comparison,
        Expr::Binary { operator, .. } => match operator {
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Like
            | Operator::ILike => Strength::Comparison,
            Operator::Named(_) => Strength::Named,
            Operator::Add | Operator::Subtract => Strength::Sum,
            Operator::Multiply | Operator::Divide => Strength::Product,
        },
        Expr::Lambda { .. } => Strength::Lambda,
        // A minus sign in front of a number must not meet another operator.
        Expr::Literal(Literal::Int(n)) if *n < 0 => Strength::Sum,
        Expr::Literal(Literal::Float(n)) if n.is_sign_negative() => Strength::Sum,
        Expr::Column { .. }
        | Expr::Param(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Exists(_)
        | Expr::Case(_)
        | Expr::Cast { .. }
        | Expr::Interval { .. }
        | Expr::Scalar(_)
        | Expr::Tuple(_)
        | Expr::Array(_)
        | Expr::Star(_) => Strength::Atom,
    }
}

struct Printer {
    dialect: Dialect,
    out: String,
    params: Vec<Value>,
    depth: usize,
    /// Put every operand in parentheses, needed or not.
    parenthesise: bool,
}

type Printed = Result<(), Unsupported>;

impl Printer {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            out: String::new(),
            params: Vec::new(),
            depth: 0,
            parenthesise: false,
        }
    }

    fn finish(self) -> Statement {
        Statement {
            sql: self.out,
            params: self.params,
        }
    }

    fn only(&self, dialect: Dialect, construct: &'static str) -> Printed {
        if self.dialect == dialect {
            Ok(())
        } else {
            Err(Unsupported {
                construct,
                dialect: self.dialect,
            })
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn name(&mut self, name: &str) {
        let quoted = quote(name, self.dialect);
        self.out.push_str(&quoted);
    }

    fn line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.depth {
            self.out.push_str("    ");
        }
    }

    /// `(`, the query on lines of its own, `)`.
    fn nested(&mut self, query: &Query) -> Printed {
        self.text("(");
        self.depth += 1;
        self.line();
        self.query(query)?;
        self.depth -= 1;
        self.line();
        self.text(")");
        Ok(())
    }

    fn query(&mut self, query: &Query) -> Printed {
        match query {
            Query::Select(select) => self.select(select),
            Query::UnionAll(branches) => {
                for (i, branch) in branches.iter().enumerate() {
                    if i > 0 {
                        self.line();
                        self.text("UNION ALL");
                        self.line();
                    }
                    match branch {
                        Query::Select(select)
                            if select.with.is_empty()
                                && select.order_by.is_empty()
                                && select.limit.is_none()
                                && select.offset.is_none() =>
                        {
                            self.select(select)?;
                        }
                        Query::Select(_) | Query::UnionAll(_) => self.nested(branch)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn select(&mut self, select: &Select) -> Printed {
        if !select.with.is_empty() {
            self.text("WITH ");
            for (i, cte) in select.with.iter().enumerate() {
                if i > 0 {
                    self.text(", ");
                }
                self.name(&cte.name);
                self.text(" AS ");
                if cte.materialized && self.dialect == Dialect::Postgres {
                    self.text("MATERIALIZED ");
                }
                self.nested(&cte.query)?;
            }
            self.line();
        }
        self.text("SELECT");
        if select.distinct {
            self.text(" DISTINCT");
        }
        if !select.distinct_on.is_empty() {
            self.only(Dialect::Postgres, "DISTINCT ON")?;
            self.text(" DISTINCT ON (");
            self.exprs(&select.distinct_on)?;
            self.text(")");
        }
        self.columns(&select.columns)?;
        if let Some(from) = &select.from {
            self.line();
            self.text("FROM ");
            self.from(from)?;
        }
        if !select.array_join.is_empty() {
            self.only(Dialect::ClickHouse, "ARRAY JOIN")?;
            self.line();
            self.text("ARRAY JOIN");
            self.columns(&select.array_join)?;
        }
        self.conditions("WHERE", &select.filters)?;
        if !select.group_by.is_empty() {
            self.line();
            self.text("GROUP BY ");
            self.exprs(&select.group_by)?;
        }
        self.conditions("HAVING", &select.having)?;
        if !select.order_by.is_empty() {
            self.line();
            self.text("ORDER BY ");
            self.orders(&select.order_by)?;
        }
        if let Some(limit_by) = &select.limit_by {
            self.only(Dialect::ClickHouse, "LIMIT BY")?;
            self.line();
            let _ = write!(self.out, "LIMIT {} BY ", limit_by.limit);
            self.exprs(&limit_by.by)?;
        }
        if let Some(limit) = select.limit {
            self.line();
            let _ = write!(self.out, "LIMIT {limit}");
        }
        if let Some(offset) = select.offset.filter(|&rows| rows > 0) {
            self.line();
            let _ = write!(self.out, "OFFSET {offset}");
        }
        Ok(())
    }

    fn columns(&mut self, columns: &[Column]) -> Printed {
        let one = columns.len() == 1;
        self.depth += 1;
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                self.text(",");
            }
            if one {
                self.text(" ");
            } else {
                self.line();
            }
            if one {
                self.depth -= 1;
            }
            self.expr(&column.expr)?;
            if one {
                self.depth += 1;
            }
            // `x AS x` says nothing.
            let bare = matches!(&column.expr, Expr::Column { table: None, name } if Some(name) == column.alias.as_ref());
            if let Some(alias) = column.alias.as_ref().filter(|_| !bare) {
                self.text(" AS ");
                self.name(alias);
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn conditions(&mut self, keyword: &str, conditions: &[Expr]) -> Printed {
        for (i, condition) in conditions.iter().enumerate() {
            if i == 0 {
                self.line();
                self.text(keyword);
                self.text(" ");
            } else {
                self.line();
                self.text("    AND ");
            }
            let alone = conditions.len() == 1;
            self.depth += 1;
            self.operand(condition, if alone { Strength::Lambda } else { Strength::And })?;
            self.depth -= 1;
        }
        Ok(())
    }

    fn from(&mut self, from: &From) -> Printed {
        match from {
            From::Table(table) => {
                self.name(&table.name);
                if let Some(alias) = &table.alias {
                    self.text(" AS ");
                    self.name(alias);
                }
                if table.final_ {
                    self.only(Dialect::ClickHouse, "FINAL")?;
                    self.text(" FINAL");
                }
                Ok(())
            }
            From::Query {
                query,
                alias,
                lateral,
            } => {
                self.lateral(*lateral)?;
                self.nested(query)?;
                self.text(" AS ");
                self.name(alias);
                Ok(())
            }
            From::Function {
                call,
                alias,
                columns,
                ordinality,
                lateral,
            } => {
                self.lateral(*lateral)?;
                self.expr(call)?;
                if *ordinality {
                    self.only(Dialect::Postgres, "WITH ORDINALITY")?;
                    self.text(" WITH ORDINALITY");
                }
                self.text(" AS ");
                self.name(alias);
                if !columns.is_empty() {
                    self.only(Dialect::Postgres, "column names after a table's alias")?;
                    self.text("(");
                    for (i, column) in columns.iter().enumerate() {
                        if i > 0 {
                            self.text(", ");
                        }
                        self.name(column);
                    }
                    self.text(")");
                }
                Ok(())
            }
            From::Join {
                left,
                right,
                kind,
                on,
            } => {
                self.from(left)?;
                self.line();
                let words = match kind {
                    JoinKind::Inner => "INNER JOIN ",
                    JoinKind::Left => "LEFT JOIN ",
                    JoinKind::Right => "RIGHT JOIN ",
                    JoinKind::Full => "FULL JOIN ",
                    JoinKind::Cross => "CROSS JOIN ",
                    JoinKind::Semi => "LEFT SEMI JOIN ",
                    JoinKind::Anti => "LEFT ANTI JOIN ",
                };
                if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                    self.only(Dialect::ClickHouse, "SEMI or ANTI JOIN")?;
                }
                self.text(words);
                if matches!(**right, From::Join { .. }) {
                    self.text("(");
                    self.from(right)?;
                    self.text(")");
                } else {
                    self.from(right)?;
                }
                for (i, condition) in on.iter().enumerate() {
                    self.text(if i == 0 { " ON " } else { " AND " });
                    let alone = on.len() == 1;
                    self.operand(condition, if alone { Strength::Lambda } else { Strength::And })?;
                }
                Ok(())
            }
        }
    }

    fn lateral(&mut self, lateral: bool) -> Printed {
        if lateral {
            self.only(Dialect::Postgres, "LATERAL")?;
            self.text("LATERAL ");
        }
        Ok(())
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Printed {
        for (i, expr) in exprs.iter().enumerate() {
            if i > 0 {
                self.text(", ");
            }
            self.expr(expr)?;
        }
        Ok(())
    }

    fn orders(&mut self, orders: &[Order]) -> Printed {
        for (i, order) in orders.iter().enumerate() {
            if i > 0 {
                self.text(", ");
            }
            self.expr(&order.expr)?;
            self.text(if order.descending { " DESC" } else { " ASC" });
            match order.nulls_first {
                Some(true) => self.text(" NULLS FIRST"),
                Some(false) => self.text(" NULLS LAST"),
                None => {}
            }
        }
        Ok(())
    }

    /// `expr` where only what holds tighter than `around` may stand bare.
    fn operand(&mut self, expr: &Expr, around: Strength) -> Printed {
        if !self.parenthesise && (strength(expr) > around || around == Strength::Lambda) {
            self.expr(expr)
        } else {
            self.text("(");
            self.expr(expr)?;
            self.text(")");
            Ok(())
        }
    }

    fn expr(&mut self, expr: &Expr) -> Printed {
        match expr {
            Expr::Column { table, name } => {
                if let Some(table) = table {
                    self.name(table);
                    self.text(".");
                }
                self.name(name);
                Ok(())
            }
            Expr::Param(value) => {
                self.param(value);
                Ok(())
            }
            Expr::Literal(literal) => {
                self.literal(*literal);
                Ok(())
            }
            Expr::Call(call) => self.call(call),
            Expr::Binary {
                operator,
                left,
                right,
            } => {
                let around = strength(expr);
                // `a - b - c` and `a / b / c` group to the left by themselves.
                let left_first = !self.parenthesise
                    && matches!(around, Strength::Sum | Strength::Product)
                    && strength(left) == around
                    && matches!(**left, Expr::Binary { .. });
                if left_first {
                    self.expr(left)?;
                } else {
                    self.operand(left, around)?;
                }
                self.text(" ");
                self.text(match operator {
                    Operator::Equal => "=",
                    Operator::NotEqual => "!=",
                    Operator::Less => "<",
                    Operator::LessOrEqual => "<=",
                    Operator::Greater => ">",
                    Operator::GreaterOrEqual => ">=",
                    Operator::Add => "+",
                    Operator::Subtract => "-",
                    Operator::Multiply => "*",
                    Operator::Divide => "/",
                    Operator::Like => "LIKE",
                    Operator::ILike => "ILIKE",
                    Operator::Named(text) => text,
                });
                self.text(" ");
                self.operand(right, around)
            }
            Expr::And(operands) => self.connected(operands, "AND", Strength::And, true),
            Expr::Or(operands) => self.connected(operands, "OR", Strength::Or, false),
            Expr::Not(operand) => {
                self.text("NOT ");
                self.operand(operand, Strength::Not)
            }
            Expr::IsNull { expr, negated } => {
                self.operand(expr, Strength::Comparison)?;
                self.text(if *negated { " IS NOT NULL" } else { " IS NULL" });
                Ok(())
            }
            Expr::In { expr, set, negated } => self.member(expr, set, *negated),
            Expr::Exists(query) => {
                self.text("EXISTS ");
                self.nested(query)
            }
            Expr::Case(case) => {
                self.text("CASE");
                for (when, then) in &case.whens {
                    self.text(" WHEN ");
                    self.expr(when)?;
                    self.text(" THEN ");
                    self.expr(then)?;
                }
                if let Some(otherwise) = &case.otherwise {
                    self.text(" ELSE ");
                    self.expr(otherwise)?;
                }
                self.text(" END");
                Ok(())
            }
            Expr::Cast { expr, ty } => {
                self.text("CAST(");
                self.expr(expr)?;
                self.text(" AS ");
                self.text(ty);
                self.text(")");
                Ok(())
            }
            Expr::Interval { count, unit } => {
                let unit = match unit {
                    Unit::Second => "SECOND",
                    Unit::Minute => "MINUTE",
                    Unit::Hour => "HOUR",
                    Unit::Day => "DAY",
                    Unit::Week => "WEEK",
                    Unit::Month => "MONTH",
                    Unit::Year => "YEAR",
                };
                let _ = match self.dialect {
                    Dialect::ClickHouse => write!(self.out, "INTERVAL {count} {unit}"),
                    Dialect::Postgres => write!(self.out, "INTERVAL '{count} {unit}'"),
                };
                Ok(())
            }
            Expr::Scalar(query) => self.nested(query),
            Expr::Tuple(items) => {
                let call = match self.dialect {
                    Dialect::ClickHouse => "tuple",
                    Dialect::Postgres => "ROW",
                };
                if items.len() < 2 {
                    self.text(call);
                }
                self.text("(");
                self.exprs(items)?;
                self.text(")");
                Ok(())
            }
            Expr::Array(items) => {
                self.text(match self.dialect {
                    Dialect::ClickHouse => "[",
                    Dialect::Postgres => "ARRAY[",
                });
                self.exprs(items)?;
                self.text("]");
                Ok(())
            }
            Expr::Lambda { params, body } => {
                self.only(Dialect::ClickHouse, "lambda")?;
                if params.len() != 1 {
                    self.text("(");
                }
                for (i, param) in params.iter().enumerate() {
                    if i > 0 {
                        self.text(", ");
                    }
                    self.name(param);
                }
                if params.len() != 1 {
                    self.text(")");
                }
                self.text(" -> ");
                self.expr(body)
            }
            Expr::Star(table) => {
                if let Some(table) = table {
                    self.name(table);
                    self.text(".");
                }
                self.text("*");
                Ok(())
            }
        }
    }

    fn connected(&mut self, operands: &[Expr], word: &str, around: Strength, empty: bool) -> Printed {
        match operands {
            [] => self.literal(Literal::Bool(empty)),
            [only] => self.expr(only)?,
            several => {
                for (i, operand) in several.iter().enumerate() {
                    if i > 0 {
                        self.text(" ");
                        self.text(word);
                        self.text(" ");
                    }
                    self.operand(operand, around)?;
                }
            }
        }
        Ok(())
    }

    fn member(&mut self, expr: &Expr, set: &Set, negated: bool) -> Printed {
        match set {
            Set::List(items) if items.is_empty() => {
                self.literal(Literal::Bool(negated));
                Ok(())
            }
            Set::List(items) => {
                self.operand(expr, Strength::Comparison)?;
                self.text(if negated { " NOT IN (" } else { " IN (" });
                self.exprs(items)?;
                self.text(")");
                Ok(())
            }
            Set::Array(array) => {
                self.operand(expr, Strength::Comparison)?;
                match self.dialect {
                    Dialect::ClickHouse => {
                        self.text(if negated { " NOT IN " } else { " IN " });
                        self.operand(array, Strength::Product)
                    }
                    Dialect::Postgres => {
                        self.text(if negated { " <> ALL(" } else { " = ANY(" });
                        self.expr(array)?;
                        self.text(")");
                        Ok(())
                    }
                }
            }
            Set::Query(query) => {
                self.operand(expr, Strength::Comparison)?;
                self.text(if negated { " NOT IN " } else { " IN " });
                self.nested(query)
            }
        }
    }

    fn call(&mut self, call: &Call) -> Printed {
        self.text(&call.name);
        if !call.params.is_empty() {
            self.only(Dialect::ClickHouse, "parametric aggregate")?;
            self.text("(");
            self.exprs(&call.params)?;
            self.text(")");
        }
        self.text("(");
        if call.distinct {
            self.text("DISTINCT ");
        }
        self.exprs(&call.args)?;
        if !call.order_by.is_empty() {
            self.only(Dialect::Postgres, "ORDER BY inside an aggregate")?;
            self.text(" ORDER BY ");
            self.orders(&call.order_by)?;
        }
        self.text(")");
        if !call.within_group.is_empty() {
            self.only(Dialect::Postgres, "WITHIN GROUP")?;
            self.text(" WITHIN GROUP (ORDER BY ");
            self.orders(&call.within_group)?;
            self.text(")");
        }
        if let Some(condition) = &call.filter {
            self.text(" FILTER (WHERE ");
            self.expr(condition)?;
            self.text(")");
        }
        if let Some(window) = &call.over {
            self.text(" OVER (");
            self.window(window)?;
            self.text(")");
        }
        Ok(())
    }

    fn window(&mut self, window: &Window) -> Printed {
        let mut space = "";
        if !window.partition_by.is_empty() {
            self.text("PARTITION BY ");
            self.exprs(&window.partition_by)?;
            space = " ";
        }
        if !window.order_by.is_empty() {
            self.text(space);
            self.text("ORDER BY ");
            self.orders(&window.order_by)?;
            space = " ";
        }
        if let Some(Frame { rows, start, end }) = window.frame {
            self.text(space);
            self.text(if rows { "ROWS BETWEEN " } else { "RANGE BETWEEN " });
            self.bound(start);
            self.text(" AND ");
            self.bound(end);
        }
        Ok(())
    }

    fn bound(&mut self, bound: Bound) {
        let _ = match bound {
            Bound::UnboundedPreceding => write!(self.out, "UNBOUNDED PRECEDING"),
            Bound::Preceding(rows) => write!(self.out, "{rows} PRECEDING"),
            Bound::CurrentRow => write!(self.out, "CURRENT ROW"),
            Bound::Following(rows) => write!(self.out, "{rows} FOLLOWING"),
            Bound::UnboundedFollowing => write!(self.out, "UNBOUNDED FOLLOWING"),
        };
    }

    fn param(&mut self, value: &Value) {
        let index = self
            .params
            .iter()
            .position(|known| known.same(value))
            .unwrap_or_else(|| {
                self.params.push(value.clone());
                self.params.len() - 1
            });
        let _ = match self.dialect {
            Dialect::ClickHouse => write!(self.out, "{{p{index}:{}}}", value.clickhouse_type()),
            Dialect::Postgres => write!(self.out, "${}", index + 1),
        };
    }

    fn literal(&mut self, literal: Literal) {
        let _ = match literal {
            Literal::Null => write!(self.out, "NULL"),
            Literal::Bool(value) => write!(self.out, "{value}"),
            Literal::Int(value) => write!(self.out, "{value}"),
            Literal::Float(value) if value.is_finite() => write!(self.out, "{value:?}"),
            Literal::Float(value) => {
                let (clickhouse, postgres) = if value.is_nan() {
                    ("nan", "NaN")
                } else if value > 0.0 {
                    ("inf", "Infinity")
                } else {
                    ("-inf", "-Infinity")
                };
                match self.dialect {
                    Dialect::ClickHouse => write!(self.out, "{clickhouse}"),
                    Dialect::Postgres => write!(self.out, "CAST('{postgres}' AS double precision)"),
                }
            }
            Literal::Text(text) => match self.dialect {
                Dialect::ClickHouse => {
                    write!(self.out, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
                }
                Dialect::Postgres => write!(self.out, "'{}'", text.replace('\'', "''")),
            },
        };
    }
}
