//! Breakdown values: which there are, and in which line a row belongs.

use event_store::{Result, StoreError};
use insights::{Breakdown, Histogram, PropertySource, TrendsQuery};
use sql_builder::{Expr, Literal, Select, and, case, col, func, literal, of, param, subquery};

use super::{Key, measured, property, rows};
use crate::properties::texts;
use crate::row::Rows;

/// The lines of a breakdown.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// No breakdown.
    None,
    /// Every value is a line.
    All,
    /// These values are lines, the others together are one.
    Top(Vec<String>),
    /// Edges of bins, ascending; a value belongs to the bin it is in, other rows have no value.
    Bins(Vec<f64>),
}

impl Labels {
    /// `kind` (0 value, 1 other, 2 none) and `label` of a row with `breakdown`.
    pub(super) fn keys(&self) -> Vec<Key> {
        let value = || col("breakdown");
        let missing = |otherwise: Expr| func("if", [value().is_null(), literal(2), otherwise]);
        match self {
            Self::None => Vec::new(),
            Self::All => vec![
                (missing(literal(0)), "kind"),
                (func("ifNull", [value(), literal("")]), "label"),
            ],
            Self::Top(values) => {
                let known = || value().in_array(texts(values.iter().cloned()));
                vec![
                    (missing(func("if", [known(), literal(0), literal(1)])), "kind"),
                    (
                        func(
                            "ifNull",
                            [func("if", [known(), value(), literal("")]), literal("")],
                        ),
                        "label",
                    ),
                ]
            }
            Self::Bins(edges) if edges.len() < 2 => vec![(literal(2), "kind"), (literal(""), "label")],
            Self::Bins(edges) => {
                let bins = edges.windows(2).map(|edge| {
                    (
                        and([value().ge(param(edge[0])), value().lt(param(edge[1]))]),
                        param(format!("[{:?},{:?}]", edge[0], edge[1])),
                    )
                });
                let label = case(bins, Some(literal("")));
                let kind = func("if", [label.clone().eq(literal("")), literal(2), literal(0)]);
                vec![(kind, "kind"), (label, "label")]
            }
        }
    }
}

/// The column `breakdown` of the inner layer: a text, or a number for bins; NULL where there is none.
pub(super) fn value(breakdown: &Breakdown) -> Expr {
    let with_session = |value: Expr| {
        func(
            "if",
            [
                of("e", "$session_id").ne(literal("")),
                value,
                literal(Literal::Null),
            ],
        )
    };
    let of_session = breakdown.source == PropertySource::Session;
    let property = property(breakdown.source, &breakdown.key);
    if breakdown.histogram.is_some() {
        return if of_session {
            with_session(func("toFloat64", [of("s", "duration")]))
        } else {
            property.number()
        };
    }
    let text = if of_session {
        with_session(property.text())
    } else {
        property.nullable_text()
    };
    if !breakdown.normalize_url {
        return text;
    }
    let path = func("replaceRegexpOne", [text, literal("[?#].*$"), literal("")]);
    func("replaceRegexpOne", [path, literal("/+$"), literal("")])
}

/// The most frequent values, as `label`, one more than are lines.
pub fn top_values(query: &TrendsQuery, breakdown: &Breakdown) -> Result<Select> {
    let keys = vec![(func("assumeNotNull", [col("breakdown")]), "label")];
    let ranked = measured(&query.math, with_value(rows(query, looks_back(query))?), keys);
    Ok(ranked
        .order_by([col("value").desc(), col("label").asc()])
        .limit(u64::from(breakdown.limit) + 1))
}

/// A rolling series is ranked by all actors that any of its windows sees.
fn looks_back(query: &TrendsQuery) -> bool {
    matches!(query.math, insights::Math::Active { .. })
        && !matches!(query.shape, insights::TrendsShape::Single)
}

/// Only rows with a value.
fn with_value(rows: Select) -> Select {
    let mut columns = Select::from(subquery(rows.clone(), "valued"));
    for column in rows.columns {
        if let Some(name) = column.alias {
            columns = columns.expr(col(name));
        }
    }
    columns.filter(col("breakdown").is_not_null())
}

pub fn labels_from_top(breakdown: &Breakdown, answer: &Rows) -> Result<Labels> {
    let limit = usize::try_from(breakdown.limit).unwrap_or(usize::MAX);
    if answer.rows.len() <= limit {
        return Ok(Labels::All);
    }
    let top: Result<Vec<_>> = answer.iter().take(limit).map(|row| row.text("label")).collect();
    Ok(Labels::Top(top?))
}

/// One row: `e0`, `e1`, …: quantiles of the distinct values in equal steps from 0 to 1.
pub fn edges(query: &TrendsQuery, histogram: Histogram) -> Result<Select> {
    let rows = rows(query, looks_back(query))?;
    let distinct = Select::from(subquery(rows, "rows"))
        .expr(col("breakdown"))
        .filter(func("isFinite", [col("breakdown")]))
        .group_by([col("breakdown")]);
    let mut select = Select::from(subquery(distinct, "distinct_values"));
    let bins = histogram.bins.max(1);
    for edge in 0..=bins {
        let level = f64::from(edge) / f64::from(bins);
        let quantile = func("quantileExactInclusive", [col("breakdown")]).params([literal(level)]);
        select = select.column(quantile, format!("e{edge}"));
    }
    Ok(select)
}

/// Edges cut to two decimals, each once; the last bin is closed by raising its end by 0.01.
pub fn labels_from_edges(histogram: Histogram, answer: &Rows) -> Result<Labels> {
    let row = answer
        .iter()
        .next()
        .ok_or_else(|| StoreError::Failed("the edges of a histogram have no row".to_owned()))?;
    let mut edges: Vec<f64> = Vec::new();
    for edge in 0..=histogram.bins.max(1) {
        if let Some(value) = row.float(&format!("e{edge}"))?.filter(|value| value.is_finite()) {
            let cut = (value * 100.0).floor() / 100.0;
            if edges.last() != Some(&cut) {
                edges.push(cut);
            }
        }
    }
    let Some(&last) = edges.last() else {
        return Ok(Labels::Bins(Vec::new()));
    };
    // Through text, so that 40 + 0.01 is 40.01 and not its neighbour.
    let raised = format!("{:.2}", last + 0.01).parse().unwrap_or(last + 0.01);
    if edges.len() == 1 {
        edges.push(raised);
    } else if let Some(end) = edges.last_mut() {
        *end = raised;
    }
    Ok(Labels::Bins(edges))
}
