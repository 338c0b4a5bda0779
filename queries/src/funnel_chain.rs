//! The entrances of each actor, and how far each of them led: what all views of a funnel are counted from.
//!
//! Events that match a step, an exclusion, or (strict) what may not come in between, become marks: times in
//! microseconds since the start of the range. The sorted marks of an actor (and breakdown value) go through
//! `granary_funnel` as one array, so an event is read once, whatever the number of steps.

use chrono::{DateTime, Utc};
use event_store::{Result, StoreError};
use insights::{
    Attribution, Condition, ConversionWindow, FunnelBreakdown, FunnelGroup, FunnelOrder, FunnelQuery,
};
use sql_builder::{
    Expr, Literal, Select, and, array, case, cast, col, count, from_function, func, literal, of, or, param,
    subquery,
};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::postgres::execute::{get, rows};
use crate::postgres::stored_text::from_stored;
use crate::sessions::SessionRange;

/// The mark of a time is kept above its lowest 55 bits (1141 years).
const MARK_WIDTH: i64 = 1 << 55;

/// So many fit into what is left of a bigint.
const MARKS_MAX: usize = 250;

/// The values of a breakdown that are listed, most frequent first. Groups are numbered from 1, 0 is `Other`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values {
    values: Vec<Vec<String>>,
    /// What the same values are compared by in SQL: lists of texts can be elements of no array.
    keys: Vec<String>,
}

impl Values {
    pub(crate) fn group(&self, number: i64) -> Result<FunnelGroup> {
        if number == 0 {
            return Ok(FunnelGroup::Other);
        }
        usize::try_from(number - 1)
            .ok()
            .and_then(|index| self.values.get(index))
            .map(|value| FunnelGroup::Value(value.clone()))
            .ok_or_else(|| StoreError::Failed(format!("a funnel's breakdown has no value {number}")))
    }

    /// `None` for a value that is not listed.
    pub(crate) fn number(&self, group: &FunnelGroup) -> Option<i64> {
        match group {
            FunnelGroup::Other => Some(0),
            FunnelGroup::Value(value) => {
                let index = self.values.iter().position(|listed| listed == value)?;
                i64::try_from(index + 1).ok()
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(values: &[&str]) -> Self {
        Self {
            values: values.iter().map(|&value| vec![value.to_owned()]).collect(),
            keys: values.iter().map(|value| format!("{{{value}}}")).collect(),
        }
    }
}

/// `None` without a breakdown.
pub(crate) async fn values(pool: &PgPool, query: &FunnelQuery) -> Result<Option<Values>> {
    let Some(by) = &query.breakdown else {
        return Ok(None);
    };
    let mut values = Values::default();
    for row in rows(pool, &top(query, by)?).await? {
        let parts: Vec<String> = get(&row, "value")?;
        values.values.push(parts.into_iter().map(from_stored).collect());
        values.keys.push(get(&row, "key")?);
    }
    Ok(Some(values))
}

/// The most frequent values among the events that the attribution looks at.
pub(crate) fn top(query: &FunnelQuery, by: &FunnelBreakdown) -> Result<Select> {
    let steps: &[Condition] = match by.attribution {
        Attribution::FirstTouch | Attribution::LastTouch => &query.steps,
        Attribution::AllEvents => match query.order {
            FunnelOrder::Ordered | FunnelOrder::Strict => query.steps.get(..1).unwrap_or_default(),
            // Every step may be the entrance.
            FunnelOrder::Unordered => &query.steps,
        },
        Attribution::Step(step) => query.steps.get(step..=step).unwrap_or_default(),
    };
    let mut events = Events::new(query);
    let conditions = events.conditions(steps)?;
    let value = events.value(by)?;
    let events = events
        .select(or(conditions))
        .column(cast(value, "text[]"), "value");
    Ok(Select::from(subquery(events, "v"))
        .expr(col("value"))
        .column(cast(col("value"), "text"), "key")
        .group_by([col("value")])
        .order_by([count().desc(), bytes(col("value")).asc()])
        .limit(u64::from(by.limit)))
}

/// A row for each entrance that no exclusion discards: `actor`, `part` (the number of its breakdown value, 0 without a
/// breakdown), `reached` steps, `times` of these, `seconds` between them. No `values`: the breakdown has no say.
pub(crate) fn entrances(query: &FunnelQuery, values: Option<&Values>) -> Result<Select> {
    let by = query.breakdown.as_ref().zip(values);
    let several = matches!(
        by,
        Some((
            FunnelBreakdown {
                attribution: Attribution::Step(_),
                ..
            },
            _
        ))
    );
    let mut from = subquery(marks(query, by)?, "m");
    if several {
        from = from.cross_join(from_function(func("unnest", [of("m", "parts")]), "b", ["part"]).lateral());
    }
    let part = if several { of("b", "part") } else { of("m", "part") };
    let kind = match query.order {
        FunnelOrder::Ordered => "ordered",
        FunnelOrder::Strict => "strict",
        FunnelOrder::Unordered => "unordered",
    };
    let exclusions = |step: fn(&insights::FunnelExclusion) -> usize| {
        let steps: Result<Vec<i64>> = query.exclusions.iter().map(|one| number(step(one))).collect();
        Ok::<_, StoreError>(param(steps?))
    };
    let chains = func(
        "granary_funnel",
        [
            of("m", "marks"),
            literal(number(query.steps.len())?),
            literal(kind),
        ]
        .into_iter()
        .chain(window(query))
        .chain([
            exclusions(|exclusion| exclusion.from_step)?,
            exclusions(|exclusion| exclusion.to_step)?,
        ]),
    );
    let chains = from_function(chains, "f", ["reached", "times", "seconds"]).lateral();
    Ok(Select::from(from.cross_join(chains))
        .column(of("m", "actor"), "actor")
        .column(part, "part")
        .column(of("f", "reached"), "reached")
        .column(of("f", "times"), "times")
        .column(of("f", "seconds"), "seconds"))
}

/// Those entrances of each actor (and breakdown value) that reached its most.
pub(crate) fn best_entrances(query: &FunnelQuery, values: Option<&Values>) -> Result<Select> {
    let most = func("max", [col("reached")]).over(sql_builder::Window {
        partition_by: vec![col("actor"), col("part")],
        ..sql_builder::Window::default()
    });
    let compared = Select::from(subquery(entrances(query, values)?, "e"))
        .expr(sql_builder::star())
        .column(most, "most");
    let mut best = Select::from(subquery(compared, "c"));
    for name in ["actor", "part", "reached", "times", "seconds"] {
        best = best.expr(col(name));
    }
    Ok(best.filter(col("reached").eq(col("most"))))
}

/// A row for each actor: the chain of its earliest entrance among those that reached its most. (Only unordered entrances
/// at one time can differ: the one with the earlier steps counts.)
pub(crate) fn chains(query: &FunnelQuery) -> Result<Select> {
    Ok(Select::from(subquery(entrances(query, None)?, "e"))
        .distinct_on([col("actor")])
        .expr(col("actor"))
        .expr(col("reached"))
        .expr(col("times"))
        .order_by([col("actor").asc(), col("reached").desc(), col("times").asc()]))
}

/// The time of a step of a chain, counted from 0; NULL when it was not reached.
pub(crate) fn time_of(times: Expr, step: usize) -> Result<Expr> {
    Ok(func("granary_at", [times, literal(number(step + 1)?)]))
}

/// When the conversion window of something at `time` ends.
pub(crate) fn deadline(time: Expr, query: &FunnelQuery) -> Expr {
    func("granary_deadline", [time].into_iter().chain(window(query)))
}

/// An instant as microseconds since `origin`.
pub(crate) fn micros(instant: Expr, origin: DateTime<Utc>) -> Expr {
    func("granary_micros", [instant, param(origin)])
}

/// The same of an instant that is known.
pub(crate) fn micros_of(instant: DateTime<Utc>, origin: DateTime<Utc>) -> i64 {
    instant.timestamp_micros() - origin.timestamp_micros()
}

pub(crate) fn number(index: usize) -> Result<i64> {
    i64::try_from(index).map_err(|_| StoreError::Failed(format!("there is no step {index}")))
}

/// Ordered by bytes.
pub(crate) fn bytes(text: Expr) -> Expr {
    text.op("COLLATE", col("C"))
}

/// Any of the steps, of events in `scope`.
pub(crate) fn any_step(query: &FunnelQuery, scope: &mut Scope) -> Result<Expr> {
    let steps = query.steps.iter().map(|step| conditions::condition(step, scope));
    Ok(or(steps.collect::<Result<Vec<_>>>()?))
}

/// Microseconds or NULL, months or NULL, what times are relative to.
fn window(query: &FunnelQuery) -> [Expr; 3] {
    let [span, months] = match query.window {
        ConversionWindow::Span(span) => {
            // Longer than all time is all time.
            let micros = span.num_microseconds().unwrap_or(MARK_WIDTH).min(MARK_WIDTH);
            [literal(micros), literal(Literal::Null)]
        }
        ConversionWindow::Months(months) => [literal(Literal::Null), literal(i64::from(months))],
    };
    [span, months, param(query.range.from)]
}

/// A row for each actor with an entrance: `marks`, and `part` or (attributed to a step) `parts`.
fn marks(query: &FunnelQuery, by: Option<(&FunnelBreakdown, &Values)>) -> Result<Select> {
    let mark = || of("m", "mark");
    let steps = number(query.steps.len())?;
    let code = mark() * literal(MARK_WIDTH) + of("r", "t");
    let marked = subquery(marked_events(query, by)?, "r")
        .cross_join(from_function(func("unnest", [of("r", "marks")]), "m", ["mark"]).lateral());
    let is_entrance = match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => mark().eq(literal(0)),
        FunnelOrder::Unordered => mark().lt(literal(steps)),
    };
    let select = Select::from(marked)
        .column(of("r", "actor"), "actor")
        .column(func("array_agg", [code.clone()]).ordered([code.asc()]), "marks")
        .group_by([of("r", "actor")])
        .having(func("bool_or", [is_entrance]));
    let Some((by, values)) = by else {
        return Ok(select.column(cast(literal(0), "bigint"), "part"));
    };
    let part = || of("r", "part");
    let touch = |descending: bool| {
        let nothing = vec![String::new(); by.keys.len()];
        let other = values.number(&FunnelGroup::Value(nothing.clone())).unwrap_or(0);
        let mut order = [of("r", "t").asc(), bytes(of("r", "value")).asc()];
        for key in &mut order {
            key.descending = descending;
        }
        let has_text = of("r", "value").ne(param(nothing));
        let touch = func("granary_first", [part()])
            .ordered(order)
            .filter(and([mark().lt(literal(steps)), has_text]));
        func("coalesce", [touch, literal(other)])
    };
    Ok(match by.attribution {
        Attribution::FirstTouch => select.column(touch(false), "part"),
        Attribution::LastTouch => select.column(touch(true), "part"),
        Attribution::AllEvents => select.column(part(), "part").group_by([part()]),
        Attribution::Step(step) => {
            let parts = func("array_agg", [part()])
                .distinct()
                .filter(mark().eq(literal(number(step)?)));
            select.column(parts, "parts")
        }
    })
}

/// A row for each event that counts: `actor`, `t`, `marks`, and with a breakdown `value` and its number `part`.
fn marked_events(query: &FunnelQuery, by: Option<(&FunnelBreakdown, &Values)>) -> Result<Select> {
    let mut events = Events::new(query);
    let mut conditions = events.conditions(&query.steps)?;
    for exclusion in &query.exclusions {
        conditions.push(conditions::condition(&exclusion.condition, &mut events.scope)?);
    }
    if query.order == FunnelOrder::Strict {
        conditions.push(conditions::condition(&query.between, &mut events.scope)?);
    }
    if conditions.len() > MARKS_MAX {
        return Err(StoreError::Limit(format!(
            "a funnel of {} steps and exclusions, {MARKS_MAX} are possible",
            conditions.len()
        )));
    }
    let mut marks = Vec::with_capacity(conditions.len());
    for (mark, condition) in conditions.iter().enumerate() {
        marks.push(case([(condition.clone(), literal(number(mark)?))], None));
    }
    let marks = func("array_remove", [array(marks), literal(Literal::Null)]);
    let value = by.map(|(by, _)| events.value(by)).transpose()?;
    let time = micros(of("e", "timestamp"), query.range.from);
    let mut select = events
        .select(or(conditions))
        .column(time, "t")
        .column(marks, "marks");
    if let (Some(value), Some((_, values))) = (value, by) {
        let listed = func(
            "array_position",
            [param(values.keys.as_slice()), cast(value.clone(), "text")],
        );
        let part = func("coalesce", [listed, literal(0)]);
        select = select.column(value, "value").column(cast(part, "bigint"), "part");
    }
    Ok(select)
}

/// The events of actors in the range.
struct Events<'a> {
    query: &'a FunnelQuery,
    scope: Scope,
    actor: Actor,
}

impl<'a> Events<'a> {
    fn new(query: &'a FunnelQuery) -> Self {
        let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
        let actor = scope.actor(query.actor);
        Self { query, scope, actor }
    }

    fn conditions(&mut self, all: &[Condition]) -> Result<Vec<Expr>> {
        all.iter()
            .map(|one| conditions::condition(one, &mut self.scope))
            .collect()
    }

    /// The text forms of the keys as a list.
    fn value(&mut self, by: &FunnelBreakdown) -> Result<Expr> {
        self.scope.require(by.source);
        let texts = by
            .keys
            .iter()
            .map(|key| Ok(func("coalesce", [self.scope.text(by.source, key)?, literal("")])));
        Ok(cast(array(texts.collect::<Result<Vec<_>>>()?), "text[]"))
    }

    /// With `actor` as its first column.
    fn select(self, condition: Expr) -> Select {
        let Actor { id, present } = self.actor;
        self.scope
            .select()
            .column(id, "actor")
            .filter(within(self.query.range))
            .filter(and([condition].into_iter().chain(present)))
    }
}
