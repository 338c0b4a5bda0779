//! The contract that every event store fulfils: one atomic append, and the questions of the product.
//!
//! Same calls, same answers, whatever the store. A failure is an error, never an empty result.

mod rows;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use insights::{
    Actor, Condition, Correlation, CorrelationActorsQuery, CorrelationQuery, EventsQuery, FunnelActorsQuery,
    FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
    LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, PathActorsQuery, PathEdge, PathsQuery,
    PersonsQuery, PropertySource, RelatedQuery, RetentionActor, RetentionActorsQuery, RetentionCell,
    RetentionQuery, SessionLengths, SessionLengthsQuery, StickinessActorsQuery, StickinessPoint,
    StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery, ValuesQuery,
};
use model::{CohortId, GroupTypeIndex, ProjectId};
use uuid::Uuid;

pub use rows::{
    Append, DistinctIdRow, EventRecord, EventRow, GroupRow, Identity, LedgerCount, LedgerOutcome, LedgerRow,
    PersonRecord, PersonRow,
};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot take or answer this now; the same call may succeed later. Capture answers 503.
    #[error("the event store is unavailable: {0}")]
    Unavailable(String),
    /// The question is beyond a limit (memory, time, size).
    #[error("the query is beyond a limit: {0}")]
    Limit(String),
    /// The store refused what we asked: a bug in us, or a damaged store.
    #[error("the event store failed: {0}")]
    Failed(String),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// `columnar`, `clickhouse` or `postgres`.
    fn name(&self) -> &'static str;

    /// All rows or none (on ClickHouse: per table, repeatable by `token`), durable and visible to every later question.
    /// A repeated `token` changes nothing.
    async fn append(&self, append: Append) -> Result<()>;

    /// Which of these events are stored already.
    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Vec<Uuid>>;

    /// Mapping and person of each known distinct id (unknown ones are left out; deleted mappings carry no person).
    async fn identities(&self, project: ProjectId, distinct_ids: &[String]) -> Result<Vec<Identity>>;

    /// All distinct ids of these persons with their mapping version: (person, distinct id, version).
    async fn distinct_ids(&self, project: ProjectId, persons: &[Uuid]) -> Result<Vec<DistinctIdRow>>;

    /// Latest state of these groups; unknown ones are left out.
    async fn groups_by_key(
        &self,
        project: ProjectId,
        keys: &[(GroupTypeIndex, String)],
    ) -> Result<Vec<GroupRow>>;

    /// Groups of one type by key ascending, key containing `search`.
    async fn groups(
        &self,
        project: ProjectId,
        group_type: GroupTypeIndex,
        search: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<GroupRow>>;

    /// Sums of the ledger of a project.
    async fn ledger(&self, project: ProjectId) -> Result<Vec<LedgerCount>>;

    async fn trends(&self, query: &TrendsQuery) -> Result<Vec<TrendsPoint>>;
    /// Person uuids as text, or group keys; ordered by actor.
    async fn trend_actors(&self, query: &TrendActorsQuery) -> Result<Vec<String>>;
    async fn retention(&self, query: &RetentionQuery) -> Result<Vec<RetentionCell>>;
    /// By number of returns descending, then actor descending.
    async fn retention_actors(&self, query: &RetentionActorsQuery) -> Result<Vec<RetentionActor>>;
    /// Without a breakdown always one row. Else listed values first (most frequent first), `Other` last.
    async fn funnel(&self, query: &FunnelQuery) -> Result<Vec<FunnelSteps>>;
    async fn funnel_trends(&self, query: &FunnelTrendsQuery) -> Result<Vec<FunnelTrendsPoint>>;
    /// By second ascending.
    async fn funnel_times(&self, query: &FunnelTimesQuery) -> Result<Vec<FunnelTime>>;
    /// Person uuids as text, or group keys, ordered by actor: so in all `…_actors` below.
    async fn funnel_actors(&self, query: &FunnelActorsQuery) -> Result<Vec<String>>;
    /// Items by event, then key, then value ascending.
    async fn correlation(&self, query: &CorrelationQuery) -> Result<Correlation>;
    async fn correlation_actors(&self, query: &CorrelationActorsQuery) -> Result<Vec<String>>;
    /// By value descending, then source, then target ascending.
    async fn paths(&self, query: &PathsQuery) -> Result<Vec<PathEdge>>;
    async fn path_actors(&self, query: &PathActorsQuery) -> Result<Vec<String>>;
    async fn lifecycle(&self, query: &LifecycleQuery) -> Result<Vec<LifecyclePoint>>;
    async fn lifecycle_actors(&self, query: &LifecycleActorsQuery) -> Result<Vec<String>>;
    /// By number of intervals ascending.
    async fn stickiness(&self, query: &StickinessQuery) -> Result<Vec<StickinessPoint>>;
    async fn stickiness_actors(&self, query: &StickinessActorsQuery) -> Result<Vec<String>>;
    async fn session_lengths(&self, query: &SessionLengthsQuery) -> Result<Vec<SessionLengths>>;
    /// Persons first, then groups by type; ids ascending.
    async fn related(&self, query: &RelatedQuery) -> Result<Vec<Actor>>;
    async fn events(&self, query: &EventsQuery) -> Result<Vec<EventRecord>>;
    async fn event(&self, project: ProjectId, uuid: Uuid) -> Result<Option<EventRecord>>;
    async fn persons(&self, query: &PersonsQuery) -> Result<Vec<PersonRecord>>;
    /// (text form, number of events or persons), most frequent first, then text ascending.
    async fn property_values(&self, query: &ValuesQuery) -> Result<Vec<(String, u64)>>;

    /// Earliest event of the project at or after `since`.
    async fn earliest_event(&self, project: ProjectId, since: DateTime<Utc>)
    -> Result<Option<DateTime<Utc>>>;
    /// Adds persons to a static cohort (those already in it stay once).
    async fn add_to_static_cohort(
        &self,
        project: ProjectId,
        cohort: CohortId,
        persons: &[Uuid],
    ) -> Result<()>;

    /// Brings the members of a calculated cohort up to date: adds those that `condition` (on persons) holds for, removes the
    /// others, touches nobody else. Returns the number of members. Repeatable at any point.
    async fn recalculate_cohort(
        &self,
        project: ProjectId,
        timezone: chrono_tz::Tz,
        cohort: CohortId,
        condition: &Condition,
    ) -> Result<u64>;
    /// Number of live persons for whom the condition (on persons) holds.
    async fn count_persons(
        &self,
        project: ProjectId,
        timezone: chrono_tz::Tz,
        condition: &Condition,
    ) -> Result<u64>;
    /// Calculated and static cohorts that the person is in, by id.
    async fn cohorts_of_person(&self, project: ProjectId, person: Uuid) -> Result<Vec<CohortId>>;
    /// Keys of the latest properties of persons, or of groups of a type, with the number that has each: by number
    /// descending, then name. Not for events and sessions.
    async fn property_names(&self, project: ProjectId, source: PropertySource) -> Result<Vec<(String, u64)>>;

    /// Changes whenever an append, a cohort or a deletion may have changed an answer of the project; cheap to read.
    async fn data_version(&self, project: ProjectId) -> Result<String>;

    /// Cheap check that the store answers.
    async fn ready(&self) -> Result<()>;
    /// Flushes and stops background work.
    async fn close(&self) -> Result<()>;
}
