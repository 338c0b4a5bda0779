//! The event store on Postgres.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use event_store::{
    Append, DistinctIdRow, EventRecord, EventStore, GroupRow, Identity, LedgerCount, PersonRecord, Result,
    StoreError,
};
use insights::{
    Actor, Condition, Correlation, CorrelationActorsQuery, CorrelationQuery, EventsQuery, FunnelActorsQuery,
    FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
    LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, PathActorsQuery, PathEdge, PathsQuery,
    PersonsQuery, PropertySource, RelatedQuery, RetentionActor, RetentionActorsQuery, RetentionCell,
    RetentionQuery, SessionLengths, SessionLengthsQuery, StickinessActorsQuery, StickinessPoint,
    StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery, ValuesQuery,
};
use model::{CohortId, GroupTypeIndex, ProjectId};
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::postgres::execute::question;
use crate::postgres::failure::migrate_error;
use crate::{
    append, cohorts, correlation, correlation_actors, data_version, events, funnel, funnel_actors,
    funnel_times, funnel_trends, groups, identities, lifecycle, lifecycle_actors, path_actors, paths,
    persons, property_names, property_values, related, retention, retention_actors, session_lengths,
    stickiness, stickiness_actors, trend_actors, trends,
};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Metadata may live in the same database with migrations of its own.
const MIGRATIONS_TABLE: &str = "_event_store_migrations";

#[derive(Clone, Debug)]
pub struct Settings {
    pub connections_max: u32,
    /// How long a call waits for a free connection before the store counts as unavailable.
    pub acquire_timeout: Duration,
    /// A statement that runs longer is beyond the limit.
    pub statement_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 10,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
        }
    }
}

/// Events, persons and groups in a Postgres database. Cheap to clone: clones share their connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects with default [`Settings`]. The tables are made by [`PostgresStore::migrate`].
    pub async fn connect(database_url: &str) -> Result<Self> {
        Self::connect_with(database_url, &Settings::default()).await
    }

    pub async fn connect_with(database_url: &str, settings: &Settings) -> Result<Self> {
        let options = PgConnectOptions::from_str(database_url)
            // The address may hold a password: the error does not repeat it.
            .map_err(|error| StoreError::Failed(format!("the database address cannot be read: {error}")))?
            .application_name("granary")
            .options([
                (
                    "statement_timeout",
                    settings.statement_timeout.as_millis().to_string(),
                ),
                // Plans of insight queries are short-lived; compiling them costs more than it gains.
                ("jit", "off".to_owned()),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_max)
            .acquire_timeout(settings.acquire_timeout)
            .connect_with(options)
            .await
            .map_err(question)?;
        Ok(Self { pool })
    }

    /// Brings the tables up to date. Safe to run by several processes at once.
    pub async fn migrate(&self) -> Result<()> {
        let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
        migrator.run(&self.pool).await.map_err(migrate_error)
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn append(&self, append: Append) -> Result<()> {
        append::append(&self.pool, append).await
    }

    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Vec<Uuid>> {
        identities::known_events(&self.pool, project, uuids).await
    }

    async fn identities(&self, project: ProjectId, distinct_ids: &[String]) -> Result<Vec<Identity>> {
        identities::identities(&self.pool, project, distinct_ids).await
    }

    async fn distinct_ids(&self, project: ProjectId, persons: &[Uuid]) -> Result<Vec<DistinctIdRow>> {
        identities::distinct_ids(&self.pool, project, persons).await
    }

    async fn groups_by_key(
        &self,
        project: ProjectId,
        keys: &[(GroupTypeIndex, String)],
    ) -> Result<Vec<GroupRow>> {
        groups::groups_by_key(&self.pool, project, keys).await
    }

    async fn groups(
        &self,
        project: ProjectId,
        group_type: GroupTypeIndex,
        search: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<GroupRow>> {
        groups::groups(&self.pool, project, group_type, search, limit, offset).await
    }

    async fn ledger(&self, project: ProjectId) -> Result<Vec<LedgerCount>> {
        identities::ledger(&self.pool, project).await
    }

    async fn trends(&self, query: &TrendsQuery) -> Result<Vec<TrendsPoint>> {
        trends::trends(&self.pool, query).await
    }

    async fn trend_actors(&self, query: &TrendActorsQuery) -> Result<Vec<String>> {
        trend_actors::trend_actors(&self.pool, query).await
    }

    async fn retention(&self, query: &RetentionQuery) -> Result<Vec<RetentionCell>> {
        retention::retention(&self.pool, query).await
    }

    async fn retention_actors(&self, query: &RetentionActorsQuery) -> Result<Vec<RetentionActor>> {
        retention_actors::retention_actors(&self.pool, query).await
    }

    async fn funnel(&self, query: &FunnelQuery) -> Result<Vec<FunnelSteps>> {
        funnel::funnel(&self.pool, query).await
    }

    async fn funnel_trends(&self, query: &FunnelTrendsQuery) -> Result<Vec<FunnelTrendsPoint>> {
        funnel_trends::funnel_trends(&self.pool, query).await
    }

    async fn funnel_times(&self, query: &FunnelTimesQuery) -> Result<Vec<FunnelTime>> {
        funnel_times::funnel_times(&self.pool, query).await
    }

    async fn funnel_actors(&self, query: &FunnelActorsQuery) -> Result<Vec<String>> {
        funnel_actors::funnel_actors(&self.pool, query).await
    }

    async fn correlation(&self, query: &CorrelationQuery) -> Result<Correlation> {
        correlation::correlation(&self.pool, query).await
    }

    async fn correlation_actors(&self, query: &CorrelationActorsQuery) -> Result<Vec<String>> {
        correlation_actors::correlation_actors(&self.pool, query).await
    }

    async fn paths(&self, query: &PathsQuery) -> Result<Vec<PathEdge>> {
        paths::paths(&self.pool, query).await
    }

    async fn path_actors(&self, query: &PathActorsQuery) -> Result<Vec<String>> {
        path_actors::path_actors(&self.pool, query).await
    }

    async fn lifecycle(&self, query: &LifecycleQuery) -> Result<Vec<LifecyclePoint>> {
        lifecycle::lifecycle(&self.pool, query).await
    }

    async fn lifecycle_actors(&self, query: &LifecycleActorsQuery) -> Result<Vec<String>> {
        lifecycle_actors::lifecycle_actors(&self.pool, query).await
    }

    async fn stickiness(&self, query: &StickinessQuery) -> Result<Vec<StickinessPoint>> {
        stickiness::stickiness(&self.pool, query).await
    }

    async fn stickiness_actors(&self, query: &StickinessActorsQuery) -> Result<Vec<String>> {
        stickiness_actors::stickiness_actors(&self.pool, query).await
    }

    async fn session_lengths(&self, query: &SessionLengthsQuery) -> Result<Vec<SessionLengths>> {
        session_lengths::session_lengths(&self.pool, query).await
    }

    async fn related(&self, query: &RelatedQuery) -> Result<Vec<Actor>> {
        related::related(&self.pool, query).await
    }

    async fn events(&self, query: &EventsQuery) -> Result<Vec<EventRecord>> {
        events::events(&self.pool, query).await
    }

    async fn event(&self, project: ProjectId, uuid: Uuid) -> Result<Option<EventRecord>> {
        events::event(&self.pool, project, uuid).await
    }

    async fn persons(&self, query: &PersonsQuery) -> Result<Vec<PersonRecord>> {
        persons::persons(&self.pool, query).await
    }

    async fn property_values(&self, query: &ValuesQuery) -> Result<Vec<(String, u64)>> {
        property_values::property_values(&self.pool, query).await
    }

    async fn earliest_event(
        &self,
        project: ProjectId,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        sqlx::query_scalar("SELECT min(timestamp) FROM events WHERE team_id = $1 AND timestamp >= $2")
            .bind(project.0)
            .bind(since)
            .fetch_one(&self.pool)
            .await
            .map_err(question)
    }

    async fn add_to_static_cohort(
        &self,
        project: ProjectId,
        cohort: CohortId,
        persons: &[Uuid],
    ) -> Result<()> {
        cohorts::add_to_static(&self.pool, project, cohort, persons).await
    }

    async fn recalculate_cohort(
        &self,
        project: ProjectId,
        timezone: Tz,
        cohort: CohortId,
        condition: &Condition,
    ) -> Result<u64> {
        cohorts::recalculate(&self.pool, project, timezone, cohort, condition).await
    }

    async fn count_persons(&self, project: ProjectId, timezone: Tz, condition: &Condition) -> Result<u64> {
        cohorts::count_persons(&self.pool, project, timezone, condition).await
    }

    async fn cohorts_of_person(&self, project: ProjectId, person: Uuid) -> Result<Vec<CohortId>> {
        cohorts::of_person(&self.pool, project, person).await
    }

    async fn property_names(&self, project: ProjectId, source: PropertySource) -> Result<Vec<(String, u64)>> {
        property_names::property_names(&self.pool, project, source).await
    }

    async fn data_version(&self, project: ProjectId) -> Result<String> {
        data_version::data_version(&self.pool, project).await
    }

    async fn ready(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .execute(&self.pool)
            .await
            .map_err(question)?;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}
