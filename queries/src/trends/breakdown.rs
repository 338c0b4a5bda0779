//! Which value of a breakdown an event belongs to: first the values are found, then the events are told by their index.

use event_store::{Result, StoreError};
use insights::{Breakdown, GroupKey, Histogram, Math, TrendsQuery, TrendsShape};
use sql_builder::{Expr, Select, case, cast, col, func, literal, param, subquery};
use sqlx::PgPool;

use super::{Events, finite, select};
use crate::conditions::Scope;
use crate::postgres::execute::{get, get_text, rows};

/// Column `part` of the event rows.
pub(crate) enum Part<'a> {
    /// The value itself: NULL when absent.
    Value(&'a Breakdown),
    /// Its index in the groups.
    Group(&'a Breakdown, &'a Groups),
}

/// The answer's groups. Index 0 is `Other`, -1 is `Null`.
#[derive(Debug, PartialEq)]
pub(crate) enum Groups {
    Top(Vec<String>),
    Bins {
        /// Ascending; a bin ends where the next one begins.
        starts: Vec<f64>,
        labels: Vec<String>,
    },
}

impl Groups {
    pub(crate) fn key(&self, part: i64) -> Result<GroupKey> {
        let labels = match self {
            Self::Top(values) => values,
            Self::Bins { labels, .. } => labels,
        };
        match part {
            -1 => Ok(GroupKey::Null),
            0 => Ok(GroupKey::Other),
            _ => usize::try_from(part - 1)
                .ok()
                .and_then(|index| labels.get(index))
                .map(|label| GroupKey::Value(label.clone()))
                .ok_or_else(|| StoreError::Failed(format!("a breakdown has no value {part}"))),
        }
    }
}

impl Part<'_> {
    pub(crate) fn expr(&self, scope: &mut Scope) -> Result<Expr> {
        match self {
            Self::Value(by) => value(by, scope),
            Self::Group(by, Groups::Top(values)) => {
                let value = value(by, scope)?;
                let index = func("array_position", [param(values.as_slice()), value.clone()]);
                Ok(part(value, func("coalesce", [index, literal(0)])))
            }
            Self::Group(by, Groups::Bins { starts, .. }) => {
                scope.require(by.source);
                let number = scope.number(by.source, &by.key)?;
                if starts.is_empty() {
                    return Ok(cast(literal(-1), "bigint"));
                }
                let bin = func("width_bucket", [number.clone(), param(starts.clone())]);
                // The least number begins the first bin, unless a lesser one was stored since the bins were made.
                let bin = func("greatest", [bin, literal(1)]);
                let bin = case([(finite(number), bin)], Some(literal(-1)));
                Ok(cast(bin, "bigint"))
            }
        }
    }
}

fn part(value: Expr, index: Expr) -> Expr {
    cast(case([(value.is_null(), literal(-1))], Some(index)), "bigint")
}

fn value(by: &Breakdown, scope: &mut Scope) -> Result<Expr> {
    scope.require(by.source);
    let text = scope.text(by.source, &by.key)?;
    Ok(if by.normalize_url {
        let path = func("regexp_replace", [text, literal("[?#].*$"), literal("")]);
        func("rtrim", [path, literal("/")])
    } else {
        text
    })
}

pub(crate) async fn groups(pool: &PgPool, query: &TrendsQuery, by: &Breakdown) -> Result<Groups> {
    match by.histogram {
        None => {
            let values = rows(pool, &top(query, by)?).await?;
            Ok(Groups::Top(
                values
                    .iter()
                    .map(|row| get_text(row, "part"))
                    .collect::<Result<_>>()?,
            ))
        }
        Some(histogram) => {
            let found = rows(pool, &quantiles(query, by, histogram)?).await?;
            let edges: Option<Vec<f64>> = match found.first() {
                Some(row) => get(row, "edges")?,
                None => None,
            };
            Ok(bins(edges.unwrap_or_default()))
        }
    }
}

/// The values with the greatest aggregate of the series over the whole range.
pub(crate) fn top(query: &TrendsQuery, by: &Breakdown) -> Result<Select> {
    let mut whole = query.clone();
    whole.shape = TrendsShape::Single;
    if let Math::Active { actor, days } = query.math
        && query.shape != TrendsShape::Single
    {
        whole.math = Math::UniqueActors(actor);
        whole.range = super::active::scanned(query, days);
    }
    let values = select(&whole, Some(Part::Value(by)))?;
    Ok(Select::from(subquery(values, "v"))
        .expr(col("part"))
        .filter(col("part").is_not_null())
        .order_by([col("value").desc(), col("part").op("COLLATE", col("C")).asc()])
        .limit(u64::from(by.limit)))
}

/// Quantiles of the distinct numbers, at 0, 1/n, …, 1.
pub(crate) fn quantiles(query: &TrendsQuery, by: &Breakdown, histogram: Histogram) -> Result<Select> {
    let bins = histogram.bins.max(1);
    let fractions: Vec<f64> = (0..=bins).map(|i| f64::from(i) / f64::from(bins)).collect();
    let mut events = Events::new(query, query.range, None)?;
    events.scope.require(by.source);
    let number = events.scope.number(by.source, &by.key)?;
    events.filters.push(finite(number.clone()));
    let numbers = events.select([(number, "x")]).distinct();
    Ok(Select::from(subquery(numbers, "r")).column(
        func("percentile_cont", [param(fractions)]).within_group([col("x").asc()]),
        "edges",
    ))
}

/// Bins between edges that are cut to two decimals; the last one takes in its upper edge.
fn bins(edges: Vec<f64>) -> Groups {
    let mut edges: Vec<f64> = edges
        .into_iter()
        .map(|edge| (edge * 100.0).floor() / 100.0)
        .collect();
    edges.dedup();
    // All numbers alike are one bin.
    if let [only] = edges[..] {
        edges.push(only);
    }
    if let Some(last) = edges.last_mut() {
        *last = ((*last + 0.01) * 100.0).round() / 100.0;
    }
    let bounds = edges.windows(2);
    let labels: Vec<String> = bounds.map(|bin| format!("[{:?},{:?}]", bin[0], bin[1])).collect();
    edges.pop();
    Groups::Bins {
        starts: edges,
        labels,
    }
}

#[cfg(test)]
mod tests {
    use super::{Groups, bins};

    #[test]
    fn edges_become_bins() {
        for (edges, starts, labels) in [
            (
                vec![10.0, 17.5, 25.0, 32.5, 40.0],
                vec![10.0, 17.5, 25.0, 32.5],
                vec!["[10.0,17.5]", "[17.5,25.0]", "[25.0,32.5]", "[32.5,40.01]"],
            ),
            (vec![1.0, 1.0, 1.009, 2.0], vec![1.0], vec!["[1.0,2.01]"]),
            (vec![3.0, 3.0], vec![3.0], vec!["[3.0,3.01]"]),
            (vec![], vec![], vec![]),
        ] {
            let labels = labels.into_iter().map(str::to_owned).collect();
            assert_eq!(bins(edges), Groups::Bins { starts, labels });
        }
    }
}
