//! In-memory store and directory, for tests: maps, and failures on demand.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use event_store::{
    Append, DistinctIdRow, EventRecord, EventRow, EventStore, GroupRow, Identity, LedgerCount, LedgerOutcome,
    PersonRecord, PersonRow, Result, StoreError,
};
use insights::{
    Actor, Condition, Correlation, CorrelationActorsQuery, CorrelationQuery, EventsQuery, FunnelActorsQuery,
    FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
    LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, PathActorsQuery, PathEdge, PathsQuery,
    PersonsQuery, PropertySource, RelatedQuery, RetentionActor, RetentionActorsQuery, RetentionCell,
    RetentionQuery, SessionLengths, SessionLengthsQuery, StickinessActorsQuery, StickinessPoint,
    StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery, ValuesQuery,
};
use model::{CohortId, Definition, GROUP_TYPES_MAX, GroupType, GroupTypeIndex, ProjectId};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{Directory, DirectoryError};

/// Everything that has been appended, latest versions only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    pub events: Vec<EventRow>,
    pub persons: BTreeMap<(ProjectId, Uuid), PersonRow>,
    pub distinct_ids: BTreeMap<(ProjectId, String), DistinctIdRow>,
    pub groups: BTreeMap<(ProjectId, GroupTypeIndex, String), GroupRow>,
    pub ledger: BTreeMap<(ProjectId, LedgerOutcome), u64>,
    pub appends: usize,
    tokens: HashSet<String>,
}

/// How an append goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is stored.
    Before,
    /// All is stored, but the caller is told otherwise: what a crash before the answer looks like.
    After,
    Panic,
}

#[derive(Debug, Default)]
pub struct MemoryStore {
    stored: Mutex<Stored>,
    failures: Mutex<Vec<Failure>>,
}

impl MemoryStore {
    pub fn stored(&self) -> Stored {
        self.stored.lock().clone()
    }

    /// The next append goes wrong; may be called several times.
    pub fn fail_next(&self, failure: Failure) {
        self.failures.lock().insert(0, failure);
    }
}

fn not_offered<T>() -> Result<T> {
    Err(StoreError::Failed(
        "the in-memory store answers no queries".to_owned(),
    ))
}

#[async_trait]
impl EventStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn append(&self, append: Append) -> Result<()> {
        let failure = self.failures.lock().pop();
        if failure == Some(Failure::Before) {
            return Err(StoreError::Unavailable("asked to fail".to_owned()));
        }
        assert!(failure != Some(Failure::Panic), "asked to panic");
        let mut stored = self.stored.lock();
        let stored = &mut *stored;
        if stored.tokens.insert(append.token) {
            stored.appends += 1;
            stored.events.extend(append.events);
            for row in append.persons {
                let key = (row.project, row.id);
                if stored
                    .persons
                    .get(&key)
                    .is_none_or(|known| known.version < row.version)
                {
                    stored.persons.insert(key, row);
                }
            }
            for row in append.distinct_ids {
                let key = (row.project, row.distinct_id.clone());
                if stored
                    .distinct_ids
                    .get(&key)
                    .is_none_or(|known| known.version < row.version)
                {
                    stored.distinct_ids.insert(key, row);
                }
            }
            for row in append.groups {
                let key = (row.project, row.group_type, row.key.clone());
                if stored
                    .groups
                    .get(&key)
                    .is_none_or(|known| known.version < row.version)
                {
                    stored.groups.insert(key, row);
                }
            }
            for row in append.ledger {
                *stored.ledger.entry((row.project, row.outcome)).or_default() += row.count;
            }
        }
        match failure {
            Some(Failure::After) => Err(StoreError::Unavailable("asked to fail".to_owned())),
            Some(Failure::Before | Failure::Panic) | None => Ok(()),
        }
    }

    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Vec<Uuid>> {
        let uuids: HashSet<_> = uuids.iter().collect();
        let stored = self.stored.lock();
        let events = stored
            .events
            .iter()
            .filter(|row| row.project == project && uuids.contains(&row.uuid));
        Ok(events.map(|row| row.uuid).collect())
    }

    async fn identities(&self, project: ProjectId, distinct_ids: &[String]) -> Result<Vec<Identity>> {
        let stored = self.stored.lock();
        let rows = distinct_ids
            .iter()
            .filter_map(|id| stored.distinct_ids.get(&(project, id.clone())));
        Ok(rows
            .map(|row| Identity {
                distinct_id: row.distinct_id.clone(),
                version: row.version,
                person: stored
                    .persons
                    .get(&(project, row.person_id))
                    .filter(|person| !row.is_deleted && !person.is_deleted)
                    .cloned(),
            })
            .collect())
    }

    async fn distinct_ids(&self, project: ProjectId, persons: &[Uuid]) -> Result<Vec<DistinctIdRow>> {
        let stored = self.stored.lock();
        let rows = stored.distinct_ids.values();
        Ok(rows
            .filter(|row| row.project == project && persons.contains(&row.person_id))
            .cloned()
            .collect())
    }

    async fn groups_by_key(
        &self,
        project: ProjectId,
        keys: &[(GroupTypeIndex, String)],
    ) -> Result<Vec<GroupRow>> {
        let stored = self.stored.lock();
        Ok(keys
            .iter()
            .filter_map(|(index, key)| stored.groups.get(&(project, *index, key.clone())).cloned())
            .collect())
    }

    async fn groups(
        &self,
        _project: ProjectId,
        _group_type: GroupTypeIndex,
        _search: Option<&str>,
        _limit: u32,
        _offset: u32,
    ) -> Result<Vec<GroupRow>> {
        not_offered()
    }

    async fn ledger(&self, project: ProjectId) -> Result<Vec<LedgerCount>> {
        let stored = self.stored.lock();
        let rows = stored.ledger.iter().filter(|((of, _), _)| *of == project);
        Ok(rows
            .map(|((_, outcome), &count)| LedgerCount {
                outcome: outcome.clone(),
                count,
            })
            .collect())
    }

    async fn trends(&self, _query: &TrendsQuery) -> Result<Vec<TrendsPoint>> {
        not_offered()
    }

    async fn trend_actors(&self, _query: &TrendActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn retention(&self, _query: &RetentionQuery) -> Result<Vec<RetentionCell>> {
        not_offered()
    }

    async fn retention_actors(&self, _query: &RetentionActorsQuery) -> Result<Vec<RetentionActor>> {
        not_offered()
    }

    async fn funnel(&self, _query: &FunnelQuery) -> Result<Vec<FunnelSteps>> {
        not_offered()
    }

    async fn funnel_trends(&self, _query: &FunnelTrendsQuery) -> Result<Vec<FunnelTrendsPoint>> {
        not_offered()
    }

    async fn funnel_times(&self, _query: &FunnelTimesQuery) -> Result<Vec<FunnelTime>> {
        not_offered()
    }

    async fn funnel_actors(&self, _query: &FunnelActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn correlation(&self, _query: &CorrelationQuery) -> Result<Correlation> {
        not_offered()
    }

    async fn correlation_actors(&self, _query: &CorrelationActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn paths(&self, _query: &PathsQuery) -> Result<Vec<PathEdge>> {
        not_offered()
    }

    async fn path_actors(&self, _query: &PathActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn lifecycle(&self, _query: &LifecycleQuery) -> Result<Vec<LifecyclePoint>> {
        not_offered()
    }

    async fn lifecycle_actors(&self, _query: &LifecycleActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn stickiness(&self, _query: &StickinessQuery) -> Result<Vec<StickinessPoint>> {
        not_offered()
    }

    async fn stickiness_actors(&self, _query: &StickinessActorsQuery) -> Result<Vec<String>> {
        not_offered()
    }

    async fn session_lengths(&self, _query: &SessionLengthsQuery) -> Result<Vec<SessionLengths>> {
        not_offered()
    }

    async fn related(&self, _query: &RelatedQuery) -> Result<Vec<Actor>> {
        not_offered()
    }

    async fn events(&self, _query: &EventsQuery) -> Result<Vec<EventRecord>> {
        not_offered()
    }

    async fn event(&self, project: ProjectId, uuid: Uuid) -> Result<Option<EventRecord>> {
        let stored = self.stored.lock();
        let row = stored
            .events
            .iter()
            .find(|row| row.project == project && row.uuid == uuid);
        Ok(row.map(|row| EventRecord {
            row: row.clone(),
            person: None,
        }))
    }

    async fn persons(&self, _query: &PersonsQuery) -> Result<Vec<PersonRecord>> {
        not_offered()
    }

    async fn property_values(&self, _query: &ValuesQuery) -> Result<Vec<(String, u64)>> {
        not_offered()
    }

    async fn earliest_event(
        &self,
        project: ProjectId,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        let stored = self.stored.lock();
        Ok(stored
            .events
            .iter()
            .filter(|row| row.project == project && row.timestamp >= since)
            .map(|row| row.timestamp)
            .min())
    }

    async fn add_to_static_cohort(
        &self,
        _project: ProjectId,
        _cohort: CohortId,
        _persons: &[Uuid],
    ) -> Result<()> {
        not_offered()
    }

    async fn recalculate_cohort(
        &self,
        _project: ProjectId,
        _timezone: chrono_tz::Tz,
        _cohort: CohortId,
        _condition: &Condition,
    ) -> Result<u64> {
        not_offered()
    }

    async fn count_persons(
        &self,
        _project: ProjectId,
        _timezone: chrono_tz::Tz,
        _condition: &Condition,
    ) -> Result<u64> {
        not_offered()
    }

    async fn cohorts_of_person(&self, _project: ProjectId, _person: Uuid) -> Result<Vec<CohortId>> {
        not_offered()
    }

    async fn property_names(
        &self,
        _project: ProjectId,
        _source: PropertySource,
    ) -> Result<Vec<(String, u64)>> {
        not_offered()
    }

    async fn data_version(&self, _project: ProjectId) -> Result<String> {
        Ok(self.stored.lock().appends.to_string())
    }

    async fn ready(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default)]
pub struct MemoryDirectory {
    types: Mutex<BTreeMap<ProjectId, Vec<String>>>,
    definitions: Mutex<Vec<Definition>>,
    ingested: Mutex<Vec<ProjectId>>,
}

impl MemoryDirectory {
    /// In order of arrival.
    pub fn definitions(&self) -> Vec<Definition> {
        self.definitions.lock().clone()
    }

    pub fn ingested(&self) -> Vec<ProjectId> {
        self.ingested.lock().clone()
    }
}

fn index(position: usize) -> Option<GroupTypeIndex> {
    u8::try_from(position).ok().and_then(GroupTypeIndex::new)
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn group_types(&self, project: ProjectId) -> Result<Vec<GroupType>, DirectoryError> {
        let types = self.types.lock();
        let names = types.get(&project).into_iter().flatten().enumerate();
        Ok(names
            .filter_map(|(position, name)| {
                Some(GroupType {
                    group_type: name.clone(),
                    group_type_index: index(position)?,
                })
            })
            .collect())
    }

    async fn register_group_type(
        &self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<GroupTypeIndex>, DirectoryError> {
        let mut types = self.types.lock();
        let types = types.entry(project).or_default();
        let position = match types.iter().position(|known| known == name) {
            Some(position) => position,
            None if types.len() < usize::from(GROUP_TYPES_MAX) => {
                types.push(name.to_owned());
                types.len() - 1
            }
            None => return Ok(None),
        };
        Ok(index(position))
    }

    async fn record_definitions(&self, definitions: Vec<Definition>) -> Result<(), DirectoryError> {
        self.definitions.lock().extend(definitions);
        Ok(())
    }

    async fn mark_ingested(&self, project: ProjectId) -> Result<(), DirectoryError> {
        self.ingested.lock().push(project);
        Ok(())
    }
}
