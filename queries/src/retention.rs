//! Who came back, and when.

use event_store::Result;
use insights::{RetentionCell, RetentionKind, RetentionQuery};
use model::TimeRange;
use sql_builder::{
    Expr, Query, Select, and, array, cast, col, count, func, literal, of, param, star, subquery, table,
};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::postgres::execute::{get, get_count, get_index, rows};
use crate::postgres::stored_text::from_stored;
use crate::sessions::SessionRange;

pub(crate) async fn retention(pool: &PgPool, query: &RetentionQuery) -> Result<Vec<RetentionCell>> {
    let Some(select) = cells(query)? else {
        return Ok(Vec::new());
    };
    let mut cells = Vec::new();
    for row in rows(pool, &select).await? {
        let breakdown = if query.breakdown.is_some() {
            let parts: Vec<String> = get(&row, "part")?;
            Some(parts.into_iter().map(from_stored).collect())
        } else {
            None
        };
        cells.push(RetentionCell {
            breakdown,
            base: get_index(&row, "base")?,
            offset: get_index(&row, "after")?,
            count: get_count(&row, "actors")?,
        });
    }
    cells.sort_by(|a: &RetentionCell, b| {
        (&a.breakdown, a.base, a.offset).cmp(&(&b.breakdown, b.base, b.offset))
    });
    Ok(cells)
}

/// `None` for a question without intervals.
pub(crate) fn cells(query: &RetentionQuery) -> Result<Option<Select>> {
    let Some(range) = range(query) else {
        return Ok(None);
    };
    let split = query.breakdown.is_some();
    // With a breakdown everyone starts in row 0.
    let base = || {
        if split {
            cast(literal(0), "bigint")
        } else {
            of("t", "base")
        }
    };
    let keys = || {
        let part = split.then(|| of("t", "part"));
        part.into_iter().chain((!split).then(base)).collect::<Vec<_>>()
    };
    let columns = |mut select: Select, after: Expr| {
        if split {
            select = select.column(of("t", "part"), "part");
        }
        select
            .column(base(), "base")
            .column(after, "after")
            .column(count(), "actors")
    };
    let all = columns(
        Select::from(table("targets").alias("t")),
        cast(literal(0), "bigint"),
    );
    let after = || of("r", "at") - of("t", "base");
    let returned = columns(
        Select::from(
            table("targets")
                .alias("t")
                .inner_join(table("returns").alias("r"), came_back()),
        ),
        after(),
    );
    let grouped = |select: Select, more: Option<Expr>| {
        let keys: Vec<Expr> = keys().into_iter().chain(more).collect();
        if keys.is_empty() {
            // One group, and no row when there is nobody.
            select.having(count().gt(literal(0)))
        } else {
            select.group_by(keys)
        }
    };
    let cells = Query::union_all([grouped(all, None), grouped(returned, Some(after()))]);
    Ok(Some(
        Select::from(subquery(cells, "c"))
            .with("targets", targets(query, range)?)
            .with("returns", returns(query, range)?)
            .expr(star()),
    ))
}

/// First interval's start to last interval's end.
pub(crate) fn range(query: &RetentionQuery) -> Option<TimeRange> {
    Some(TimeRange {
        from: query.intervals.first()?.from,
        to: query.intervals.last()?.to,
    })
}

/// Of target `t` and return `r`: the same actor, in a later interval.
pub(crate) fn came_back() -> Expr {
    and([
        of("r", "actor").eq(of("t", "actor")),
        of("r", "at").gt(of("t", "base")),
    ])
}

/// Rows of (actor, base), and part with a breakdown: in which interval an actor starts.
///
/// Recurring actors start in every interval with a target event; with a breakdown, and first-time, in one.
pub(crate) fn targets(query: &RetentionQuery, range: TimeRange) -> Result<Select> {
    let within_range = match query.intervals.first() {
        // With a breakdown everyone is in row 0 already.
        Some(first) if query.first_interval_only && query.breakdown.is_none() => *first,
        Some(_) | None => range,
    };
    // The first event ever has no lower bound, and lies before the end if it lies within.
    let searched = match query.kind {
        RetentionKind::Recurring => SessionRange::around(within_range),
        RetentionKind::FirstTime => SessionRange::between(None, Some(within_range.to)),
    };
    let mut scope = Scope::events(query.project, query.timezone, searched);
    let condition = conditions::condition(&query.target, &mut scope)?;
    let Actor { id, present } = scope.actor(query.actor);
    let timestamp = || of("e", "timestamp");
    let bounded = |select: Select| match query.kind {
        RetentionKind::Recurring => select.filter(within(within_range)),
        RetentionKind::FirstTime => select.filter(timestamp().lt(param(within_range.to))),
    };
    let part = match &query.breakdown {
        None => None,
        Some(by) => {
            scope.require(by.source);
            let texts = by
                .keys
                .iter()
                .map(|key| Ok(func("coalesce", [scope.text(by.source, key)?, literal("")])));
            Some(cast(array(texts.collect::<Result<Vec<_>>>()?), "text[]"))
        }
    };
    let events = bounded(scope.select().filter(and([condition].into_iter().chain(present))));
    Ok(match (part, query.kind) {
        (None, RetentionKind::Recurring) => events
            .distinct()
            .column(id, "actor")
            .column(interval_of(timestamp(), query), "base"),
        (None, RetentionKind::FirstTime) => {
            let first = || func("min", [timestamp()]);
            events
                .column(id.clone(), "actor")
                .column(interval_of(first(), query), "base")
                .group_by([id])
                .having(first().ge(param(within_range.from)))
        }
        (Some(part), RetentionKind::Recurring | RetentionKind::FirstTime) => {
            let first = events
                .distinct_on([id.clone()])
                .column(id.clone(), "actor")
                .column(part.clone(), "part")
                .column(timestamp(), "at")
                .order_by([
                    id.asc(),
                    timestamp().asc(),
                    // Of simultaneous events the one with the smallest values.
                    part.op("COLLATE", col("C")).asc(),
                ]);
            Select::from(subquery(first, "f"))
                .column(col("actor"), "actor")
                .column(col("part"), "part")
                .column(interval_of(of("f", "at"), query), "base")
                .filter(of("f", "at").ge(param(within_range.from)))
        }
    })
}

/// Rows of (actor, at): the intervals with a returning event.
pub(crate) fn returns(query: &RetentionQuery, range: TimeRange) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(range));
    let condition = conditions::condition(&query.returning, &mut scope)?;
    let Actor { id, present } = scope.actor(query.actor);
    Ok(scope
        .select()
        .distinct()
        .filter(within(range))
        .filter(and([condition].into_iter().chain(present)))
        .column(id, "actor")
        .column(interval_of(of("e", "timestamp"), query), "at"))
}

/// Index of the interval of an instant within the range.
fn interval_of(instant: Expr, query: &RetentionQuery) -> Expr {
    let starts: Vec<_> = query.intervals.iter().map(|interval| interval.from).collect();
    cast(
        func("width_bucket", [instant, param(starts)]) - literal(1),
        "bigint",
    )
}
