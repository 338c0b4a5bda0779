//! The event store on anything that runs ClickHouse's SQL.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use event_store::{
    Append, DistinctIdRow, EventRecord, EventRow, EventStore, GroupRow, Identity, LedgerCount, PersonRecord,
    PersonRow, Result, StoreError,
};
use insights::{
    Actor, Condition, Correlation, CorrelationActorsQuery, CorrelationQuery, EventsQuery, FunnelActorsQuery,
    FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
    LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, PathActorsQuery, PathEdge, PathsQuery,
    PersonsQuery, PropertySource, RelatedQuery, RetentionActor, RetentionActorsQuery, RetentionCell,
    RetentionQuery, SessionLengths, SessionLengthsQuery, StickinessActorsQuery, StickinessPoint,
    StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery, TrendsShape, ValuesQuery,
};
use model::{CohortId, GroupTypeIndex, ProjectId};
use sql_builder::{Dialect, Select, col, func, literal, param, table};
use uuid::Uuid;

use crate::append::{inserts, memberships, outcome};
use crate::executor::Executor;
use crate::funnel_chain::{Listed, listed, listed_values};
use crate::row::{Row, Rows};
use crate::trends::Labels;
use crate::{
    cohorts, correlation, correlation_actors, data_version, events, funnel, funnel_actors, funnel_times,
    funnel_trends, groups, identities, lifecycle, lifecycle_actors, path_actors, paths, persons,
    property_names, property_values, related, retention, retention_actors, session_lengths, stickiness,
    stickiness_actors, trend_actors, trends,
};

/// Values of one statement at most.
const MAX_LIST: usize = 10_000;

/// `E` says where the SQL runs; what it says is the same.
#[derive(Debug)]
pub struct ClickHouseStore<E> {
    executor: E,
}

impl<E: Executor> ClickHouseStore<E> {
    /// The tables must be there: see [`crate::migrations`].
    pub fn new(executor: E) -> Self {
        Self { executor }
    }

    pub fn executor(&self) -> &E {
        &self.executor
    }

    async fn ask(&self, select: &Select) -> Result<Rows> {
        let statement = select
            .print(Dialect::ClickHouse)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        self.executor.query(statement).await
    }

    async fn persons_by_id(&self, project: ProjectId, ids: &[Uuid]) -> Result<HashMap<Uuid, PersonRow>> {
        let mut found = HashMap::new();
        for ids in ids.chunks(MAX_LIST) {
            let answer = self.ask(&persons::persons_by_id(project, ids)).await?;
            for row in answer.iter() {
                let person = persons::person_row(project, row)?;
                found.insert(person.id, person);
            }
        }
        Ok(found)
    }

    /// Adds to each person its distinct ids, ascending.
    async fn with_distinct_ids(&self, project: ProjectId, rows: Vec<PersonRow>) -> Result<Vec<PersonRecord>> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut distinct_ids: HashMap<Uuid, Vec<String>> = HashMap::new();
        for mapping in self.distinct_ids(project, &ids).await? {
            distinct_ids
                .entry(mapping.person_id)
                .or_default()
                .push(mapping.distinct_id);
        }
        Ok(rows
            .into_iter()
            .map(|row| {
                let mut distinct_ids = distinct_ids.remove(&row.id).unwrap_or_default();
                distinct_ids.sort_unstable();
                PersonRecord { row, distinct_ids }
            })
            .collect())
    }

    /// Adds to each event its person.
    async fn with_persons(&self, project: ProjectId, rows: Vec<EventRow>) -> Result<Vec<EventRecord>> {
        let distinct_ids: HashSet<_> = rows.iter().map(|row| row.distinct_id.clone()).collect();
        let distinct_ids: Vec<_> = distinct_ids.into_iter().collect();
        let mut person_of = HashMap::new();
        let mut persons: HashMap<Uuid, PersonRow> = HashMap::new();
        for identity in self.identities(project, &distinct_ids).await? {
            if let Some(person) = identity.person {
                person_of.insert(identity.distinct_id, person.id);
                persons.insert(person.id, person);
            }
        }
        let records: HashMap<_, _> = self
            .with_distinct_ids(project, persons.into_values().collect())
            .await?
            .into_iter()
            .map(|record| (record.row.id, record))
            .collect();
        Ok(rows
            .into_iter()
            .map(|row| {
                let person = person_of
                    .get(&row.distinct_id)
                    .and_then(|id| records.get(id))
                    .cloned();
                EventRecord { row, person }
            })
            .collect())
    }

    /// The breakdown values of a funnel that are lines of their own; none without a breakdown.
    async fn listed(&self, query: &FunnelQuery) -> Result<Listed> {
        match listed_values(query)? {
            Some(values) => listed(&self.ask(&values).await?),
            None => Ok(Listed::new()),
        }
    }

    async fn labels(&self, query: &TrendsQuery) -> Result<Labels> {
        let Some(breakdown) = &query.breakdown else {
            return Ok(Labels::None);
        };
        if let Some(histogram) = breakdown.histogram {
            let answer = self.ask(&trends::edges(query, histogram)?).await?;
            return trends::labels_from_edges(histogram, &answer);
        }
        let answer = self.ask(&trends::top_values(query, breakdown)?).await?;
        trends::labels_from_top(breakdown, &answer)
    }
}

#[async_trait]
impl<E: Executor> EventStore for ClickHouseStore<E> {
    fn name(&self) -> &'static str {
        self.executor.name()
    }

    async fn append(&self, append: Append) -> Result<()> {
        let inserts = inserts(&append)?;
        if inserts.is_empty() {
            return Ok(());
        }
        self.executor.insert(inserts, &append.token).await
    }

    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Vec<Uuid>> {
        if let Some(known) = self.executor.known_events(project, uuids).await? {
            return Ok(known);
        }
        let mut known = Vec::new();
        for uuids in uuids.chunks(MAX_LIST) {
            let select = Select::from(table("events"))
                .expr(col("uuid"))
                .filter(col("team_id").eq(param(project.0)))
                .filter(col("uuid").in_array(param(uuids)))
                .group_by([col("uuid")]);
            for row in self.ask(&select).await?.iter() {
                known.push(row.uuid("uuid")?);
            }
        }
        Ok(known)
    }

    async fn identities(&self, project: ProjectId, distinct_ids: &[String]) -> Result<Vec<Identity>> {
        let mut mappings = Vec::new();
        for distinct_ids in distinct_ids.chunks(MAX_LIST) {
            let answer = self.ask(&identities::mappings(project, distinct_ids)).await?;
            for row in answer.iter() {
                mappings.push(identities::mapping_row(project, row)?);
            }
        }
        let ids: HashSet<_> = mappings
            .iter()
            .filter(|m| !m.is_deleted)
            .map(|m| m.person_id)
            .collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let persons = self.persons_by_id(project, &ids).await?;
        Ok(mappings
            .into_iter()
            .map(|mapping| Identity {
                person: persons
                    .get(&mapping.person_id)
                    .filter(|person| !mapping.is_deleted && !person.is_deleted)
                    .cloned(),
                distinct_id: mapping.distinct_id,
                version: mapping.version,
            })
            .collect())
    }

    async fn distinct_ids(&self, project: ProjectId, persons: &[Uuid]) -> Result<Vec<DistinctIdRow>> {
        let mut rows = Vec::new();
        for persons in persons.chunks(MAX_LIST) {
            let answer = self.ask(&identities::mappings_to(project, persons)).await?;
            for row in answer.iter() {
                rows.push(identities::mapping_row(project, row)?);
            }
        }
        Ok(rows)
    }

    async fn groups_by_key(
        &self,
        project: ProjectId,
        keys: &[(GroupTypeIndex, String)],
    ) -> Result<Vec<GroupRow>> {
        let mut by_type: BTreeMap<GroupTypeIndex, Vec<String>> = BTreeMap::new();
        for (group_type, key) in keys {
            by_type.entry(*group_type).or_default().push(key.clone());
        }
        let mut rows = Vec::new();
        for (group_type, keys) in by_type {
            for keys in keys.chunks(MAX_LIST) {
                let answer = self
                    .ask(&groups::groups_by_key(project, group_type, keys))
                    .await?;
                for row in answer.iter() {
                    rows.push(groups::group_row(project, group_type, row)?);
                }
            }
        }
        Ok(rows)
    }

    async fn groups(
        &self,
        project: ProjectId,
        group_type: GroupTypeIndex,
        search: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<GroupRow>> {
        let answer = self
            .ask(&groups::groups(project, group_type, search, limit, offset))
            .await?;
        answer
            .iter()
            .map(|row| groups::group_row(project, group_type, row))
            .collect()
    }

    async fn ledger(&self, project: ProjectId) -> Result<Vec<LedgerCount>> {
        let select = Select::from(table("ingest_ledger"))
            .expr(col("outcome"))
            .expr(col("reason"))
            .column(func("sum", [col("count")]), "total")
            .filter(col("team_id").eq(param(project.0)))
            .group_by([col("outcome"), col("reason")])
            .order_by([col("outcome").asc(), col("reason").asc()]);
        let answer = self.ask(&select).await?;
        answer
            .iter()
            .map(|row| {
                Ok(LedgerCount {
                    outcome: outcome(&row.text("outcome")?, row.text("reason")?)?,
                    count: row.uint("total")?,
                })
            })
            .collect()
    }

    async fn trends(&self, query: &TrendsQuery) -> Result<Vec<TrendsPoint>> {
        if query.ticks.is_empty() && query.shape != TrendsShape::Single {
            return Ok(Vec::new());
        }
        let labels = self.labels(query).await?;
        let answer = self.ask(&trends::trends(query, &labels)?).await?;
        trends::points(query, &labels, &answer)
    }

    async fn trend_actors(&self, query: &TrendActorsQuery) -> Result<Vec<String>> {
        let answer = self.ask(&trend_actors::trend_actors(query)?).await?;
        answer.iter().map(|row| row.text("actor")).collect()
    }

    async fn retention(&self, query: &RetentionQuery) -> Result<Vec<RetentionCell>> {
        let answer = self.ask(&retention::retention(query)?).await?;
        retention::cells(query, &answer)
    }

    async fn retention_actors(&self, query: &RetentionActorsQuery) -> Result<Vec<RetentionActor>> {
        let answer = self.ask(&retention_actors::retention_actors(query)?).await?;
        retention_actors::actors(&answer)
    }

    async fn lifecycle(&self, query: &LifecycleQuery) -> Result<Vec<LifecyclePoint>> {
        if query.ticks.is_empty() {
            return Ok(Vec::new());
        }
        lifecycle::points(&self.ask(&lifecycle::lifecycle(query)?).await?)
    }

    async fn lifecycle_actors(&self, query: &LifecycleActorsQuery) -> Result<Vec<String>> {
        let answer = self.ask(&lifecycle_actors::lifecycle_actors(query)?).await?;
        answer.iter().map(|row| row.text("name")).collect()
    }

    async fn stickiness(&self, query: &StickinessQuery) -> Result<Vec<StickinessPoint>> {
        stickiness::points(&self.ask(&stickiness::stickiness(query)?).await?)
    }

    async fn stickiness_actors(&self, query: &StickinessActorsQuery) -> Result<Vec<String>> {
        let answer = self.ask(&stickiness_actors::stickiness_actors(query)?).await?;
        answer.iter().map(|row| row.text("name")).collect()
    }

    async fn session_lengths(&self, query: &SessionLengthsQuery) -> Result<Vec<SessionLengths>> {
        if query.ticks.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.ask(&session_lengths::session_lengths(query)?).await?;
        session_lengths::lengths(query, &answer)
    }

    async fn related(&self, query: &RelatedQuery) -> Result<Vec<Actor>> {
        related::actors(&self.ask(&related::related(query)).await?)
    }

    async fn funnel(&self, query: &FunnelQuery) -> Result<Vec<FunnelSteps>> {
        let listed = self.listed(query).await?;
        let answer = self.ask(&funnel::funnel(query, &listed)?).await?;
        funnel::steps(query, &listed, &answer)
    }

    async fn funnel_trends(&self, query: &FunnelTrendsQuery) -> Result<Vec<FunnelTrendsPoint>> {
        if query.ticks.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.listed(&query.funnel).await?;
        let answer = self.ask(&funnel_trends::funnel_trends(query, &listed)?).await?;
        funnel_trends::points(query, &listed, &answer)
    }

    async fn funnel_times(&self, query: &FunnelTimesQuery) -> Result<Vec<FunnelTime>> {
        let answer = self.ask(&funnel_times::funnel_times(query)?).await?;
        funnel_times::times(&answer)
    }

    async fn funnel_actors(&self, query: &FunnelActorsQuery) -> Result<Vec<String>> {
        let listed = self.listed(&query.funnel).await?;
        let answer = self.ask(&funnel_actors::funnel_actors(query, &listed)?).await?;
        answer.iter().map(|row| row.text("name")).collect()
    }

    async fn correlation(&self, query: &CorrelationQuery) -> Result<Correlation> {
        let answer = self.ask(&correlation::totals(query)?).await?;
        let (converted, lost) = correlation::total(&answer)?;
        let answer = self
            .ask(&correlation::correlation(query, converted + lost)?)
            .await?;
        correlation::items(query, (converted, lost), &answer)
    }

    async fn correlation_actors(&self, query: &CorrelationActorsQuery) -> Result<Vec<String>> {
        let answer = self.ask(&correlation_actors::correlation_actors(query)?).await?;
        answer.iter().map(|row| row.text("name")).collect()
    }

    async fn paths(&self, query: &PathsQuery) -> Result<Vec<PathEdge>> {
        let answer = self.ask(&paths::paths(query)?).await?;
        paths::edges(&answer)
    }

    async fn path_actors(&self, query: &PathActorsQuery) -> Result<Vec<String>> {
        let answer = self.ask(&path_actors::path_actors(query)?).await?;
        answer.iter().map(|row| row.text("name")).collect()
    }

    async fn events(&self, query: &EventsQuery) -> Result<Vec<EventRecord>> {
        let answer = self.ask(&events::events(query)?).await?;
        let rows: Result<Vec<_>> = answer
            .iter()
            .map(|row| events::event_row(query.project, row))
            .collect();
        self.with_persons(query.project, rows?).await
    }

    async fn event(&self, project: ProjectId, uuid: Uuid) -> Result<Option<EventRecord>> {
        let answer = self.ask(&events::event(project, uuid)).await?;
        let rows: Result<Vec<_>> = answer.iter().map(|row| events::event_row(project, row)).collect();
        Ok(self.with_persons(project, rows?).await?.pop())
    }

    async fn persons(&self, query: &PersonsQuery) -> Result<Vec<PersonRecord>> {
        let answer = self.ask(&persons::persons(query)?).await?;
        let rows: Result<Vec<_>> = answer
            .iter()
            .map(|row| persons::person_row(query.project, row))
            .collect();
        self.with_distinct_ids(query.project, rows?).await
    }

    async fn property_values(&self, query: &ValuesQuery) -> Result<Vec<(String, u64)>> {
        let answer = self.ask(&property_values::property_values(query)?).await?;
        answer
            .iter()
            .map(|row| Ok((row.text("value")?, row.uint("times")?)))
            .collect()
    }

    async fn earliest_event(
        &self,
        project: ProjectId,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        let select = Select::from(table("events"))
            .column(func("min", [col("timestamp")]), "earliest")
            .column(func("count", []), "total")
            .filter(col("team_id").eq(param(project.0)))
            .filter(col("timestamp").ge(param(since)));
        let answer = self.ask(&select).await?;
        match answer.iter().next() {
            Some(row) if row.uint("total")? > 0 => Ok(Some(row.time("earliest")?)),
            Some(_) | None => Ok(None),
        }
    }

    async fn add_to_static_cohort(
        &self,
        project: ProjectId,
        cohort: CohortId,
        persons: &[Uuid],
    ) -> Result<()> {
        if persons.is_empty() {
            return Ok(());
        }
        // The members name the step: the same list again is the same step, and would change nothing anyway.
        let names: Vec<u8> = persons.iter().flat_map(|person| *person.as_bytes()).collect();
        let token = format!(
            "static-cohort:{project}:{}:{}",
            cohort.0,
            Uuid::new_v5(&Uuid::nil(), &names)
        );
        self.executor
            .insert(vec![memberships(project, cohort, persons)], &token)
            .await
    }

    async fn recalculate_cohort(
        &self,
        project: ProjectId,
        timezone: Tz,
        cohort: CohortId,
        condition: &Condition,
    ) -> Result<u64> {
        let change = cohorts::recalculation(project, timezone, cohort, condition)?;
        let tally = cohorts::tally(project, cohort);
        let before = self.ask(&tally).await?;
        let before = one(&before)?;
        for _ in 0..cohorts::rounds(before.int("most")?, before.int("least")?) {
            self.executor.execute(change.clone()).await?;
        }
        one(&self.ask(&tally).await?)?.uint("members")
    }

    async fn count_persons(&self, project: ProjectId, timezone: Tz, condition: &Condition) -> Result<u64> {
        let select = cohorts::count_persons(project, timezone, condition)?;
        one(&self.ask(&select).await?)?.uint("persons")
    }

    async fn cohorts_of_person(&self, project: ProjectId, person: Uuid) -> Result<Vec<CohortId>> {
        let answer = self.ask(&cohorts::cohorts_of_person(project, person)).await?;
        answer
            .iter()
            .map(|row| Ok(CohortId(row.int("cohort")?)))
            .collect()
    }

    async fn property_names(&self, project: ProjectId, source: PropertySource) -> Result<Vec<(String, u64)>> {
        let answer = self
            .ask(&property_names::property_names(project, source)?)
            .await?;
        answer
            .iter()
            .map(|row| Ok((row.text("name")?, row.uint("owners")?)))
            .collect()
    }

    async fn data_version(&self, _project: ProjectId) -> Result<String> {
        if let Some(version) = self.executor.data_version().await? {
            return Ok(version);
        }
        let statement = data_version::data_version(self.executor.cluster());
        one(&self.executor.query(statement).await?)?.text("version")
    }

    async fn ready(&self) -> Result<()> {
        self.ask(&Select::default().column(literal(1), "one"))
            .await
            .map(|_| ())
    }

    async fn close(&self) -> Result<()> {
        self.executor.close().await
    }
}

/// The row of an answer that always has one.
fn one(answer: &Rows) -> Result<Row<'_>> {
    answer
        .iter()
        .next()
        .ok_or_else(|| StoreError::Failed("an aggregate has no row".to_owned()))
}
