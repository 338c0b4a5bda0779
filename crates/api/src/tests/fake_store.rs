//! A store of canned answers, that notes what it was asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ::insights::{
    Actor, Condition, Correlation, CorrelationActorsQuery, CorrelationQuery, EventsQuery, FunnelActorsQuery,
    FunnelQuery, FunnelStep, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
    LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, PathActorsQuery, PathEdge, PathsQuery, PersonSet,
    PersonsQuery, PropertySource, RelatedQuery, RetentionActor, RetentionActorsQuery, RetentionCell,
    RetentionQuery, SessionLengths, SessionLengthsQuery, StickinessActorsQuery, StickinessPoint,
    StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery, ValuesQuery,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use event_store::{
    Append, DistinctIdRow, EventRecord, EventStore, GroupRow, Identity, LedgerCount, PersonRecord, PersonRow,
    Result, StoreError,
};
use model::{CohortId, GroupTypeIndex, ProjectId};
use parking_lot::Mutex;
use serde_json::Map;
use uuid::Uuid;

#[derive(Default)]
pub struct FakeStore {
    pub canned: Mutex<Canned>,
}

#[derive(Default)]
pub struct Canned {
    /// Names of the calls so far.
    pub asked: Vec<&'static str>,
    pub version: u64,
    /// The next question fails.
    pub fails: bool,
    pub value: f64,
    pub persons: Vec<PersonRecord>,
    pub groups: Vec<GroupRow>,
    /// All of whatever is asked about.
    pub actors: Vec<String>,
    pub related: Vec<Actor>,
    pub static_members: BTreeMap<CohortId, BTreeSet<Uuid>>,
    pub recalculated: Vec<(CohortId, Condition)>,
    /// How the next calculations go; empty: well.
    pub calculations: VecDeque<Calculation>,
    pub cohorts_of_person: Vec<CohortId>,
    pub persons_asked: Vec<PersonsQuery>,
}

pub enum Calculation {
    Fails,
    Panics,
    NeverEnds,
}

pub fn person(number: u128, distinct_id: &str) -> PersonRecord {
    PersonRecord {
        row: PersonRow {
            project: ProjectId(1),
            id: Uuid::from_u128(number),
            created_at: DateTime::UNIX_EPOCH,
            properties: Map::from_iter([("email".to_owned(), format!("{distinct_id}@x.example").into())]),
            is_identified: true,
            is_deleted: false,
            version: 1,
        },
        distinct_ids: vec![distinct_id.to_owned()],
    }
}

pub fn group(index: u8, key: &str) -> GroupRow {
    GroupRow {
        project: ProjectId(1),
        group_type: GroupTypeIndex::new(index).unwrap(),
        key: key.to_owned(),
        properties: Map::new(),
        created_at: DateTime::UNIX_EPOCH,
        version: 1,
    }
}

impl FakeStore {
    fn note(&self, call: &'static str) -> Result<()> {
        let mut canned = self.canned.lock();
        canned.asked.push(call);
        if std::mem::take(&mut canned.fails) {
            return Err(StoreError::Failed("told to".to_owned()));
        }
        Ok(())
    }

    fn actors(&self, call: &'static str, limit: u32, offset: u32) -> Result<Vec<String>> {
        self.note(call)?;
        let actors = &self.canned.lock().actors;
        let page = actors.iter().skip(offset as usize).take(limit as usize);
        Ok(page.cloned().collect())
    }
}

#[async_trait]
impl EventStore for FakeStore {
    fn name(&self) -> &'static str {
        "fake"
    }
    async fn append(&self, _: Append) -> Result<()> {
        self.note("append")
    }
    async fn known_events(&self, _: ProjectId, _: &[Uuid]) -> Result<Vec<Uuid>> {
        Ok(Vec::new())
    }
    async fn identities(&self, _: ProjectId, distinct_ids: &[String]) -> Result<Vec<Identity>> {
        let canned = self.canned.lock();
        let identity = |person: &PersonRecord| {
            let distinct_id = person.distinct_ids.iter().find(|id| distinct_ids.contains(id))?;
            Some(Identity {
                distinct_id: distinct_id.clone(),
                version: 1,
                person: Some(person.row.clone()),
            })
        };
        Ok(canned.persons.iter().filter_map(identity).collect())
    }
    async fn distinct_ids(&self, _: ProjectId, _: &[Uuid]) -> Result<Vec<DistinctIdRow>> {
        Ok(Vec::new())
    }
    async fn groups_by_key(&self, _: ProjectId, keys: &[(GroupTypeIndex, String)]) -> Result<Vec<GroupRow>> {
        let canned = self.canned.lock();
        let wanted = |group: &&GroupRow| keys.contains(&(group.group_type, group.key.clone()));
        Ok(canned.groups.iter().filter(wanted).cloned().collect())
    }
    async fn groups(
        &self,
        _: ProjectId,
        group_type: GroupTypeIndex,
        search: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<GroupRow>> {
        let canned = self.canned.lock();
        let wanted = |group: &&GroupRow| {
            group.group_type == group_type && group.key.contains(search.unwrap_or_default())
        };
        let groups = canned.groups.iter().filter(wanted);
        Ok(groups
            .skip(offset as usize)
            .take(limit as usize)
            .cloned()
            .collect())
    }
    async fn ledger(&self, _: ProjectId) -> Result<Vec<LedgerCount>> {
        Ok(Vec::new())
    }
    async fn trends(&self, _: &TrendsQuery) -> Result<Vec<TrendsPoint>> {
        self.note("trends")?;
        Ok(vec![TrendsPoint {
            group: None,
            tick: 0,
            value: self.canned.lock().value,
        }])
    }
    async fn trend_actors(&self, query: &TrendActorsQuery) -> Result<Vec<String>> {
        self.actors("trend_actors", query.limit, query.offset)
    }
    async fn retention(&self, _: &RetentionQuery) -> Result<Vec<RetentionCell>> {
        self.note("retention")?;
        Ok(Vec::new())
    }
    async fn retention_actors(&self, query: &RetentionActorsQuery) -> Result<Vec<RetentionActor>> {
        let actors = self.actors("retention_actors", query.limit, query.skip)?;
        let row = |actor| RetentionActor {
            actor,
            offsets: vec![0, 2],
        };
        Ok(actors.into_iter().map(row).collect())
    }
    async fn funnel(&self, query: &FunnelQuery) -> Result<Vec<FunnelSteps>> {
        self.note("funnel")?;
        Ok(vec![FunnelSteps {
            group: None,
            steps: vec![FunnelStep::default(); query.steps.len()],
        }])
    }
    async fn funnel_trends(&self, _: &FunnelTrendsQuery) -> Result<Vec<FunnelTrendsPoint>> {
        self.note("funnel_trends")?;
        Ok(Vec::new())
    }
    async fn funnel_times(&self, _: &FunnelTimesQuery) -> Result<Vec<FunnelTime>> {
        self.note("funnel_times")?;
        Ok(Vec::new())
    }
    async fn funnel_actors(&self, query: &FunnelActorsQuery) -> Result<Vec<String>> {
        self.actors("funnel_actors", query.limit, query.offset)
    }
    async fn correlation(&self, _: &CorrelationQuery) -> Result<Correlation> {
        self.note("correlation")?;
        Ok(Correlation {
            converted: 0,
            lost: 0,
            items: Vec::new(),
        })
    }
    async fn correlation_actors(&self, query: &CorrelationActorsQuery) -> Result<Vec<String>> {
        self.actors("correlation_actors", query.limit, query.offset)
    }
    async fn paths(&self, _: &PathsQuery) -> Result<Vec<PathEdge>> {
        self.note("paths")?;
        Ok(Vec::new())
    }
    async fn path_actors(&self, query: &PathActorsQuery) -> Result<Vec<String>> {
        self.actors("path_actors", query.limit, query.offset)
    }
    async fn lifecycle(&self, _: &LifecycleQuery) -> Result<Vec<LifecyclePoint>> {
        self.note("lifecycle")?;
        Ok(Vec::new())
    }
    async fn lifecycle_actors(&self, query: &LifecycleActorsQuery) -> Result<Vec<String>> {
        self.actors("lifecycle_actors", query.limit, query.offset)
    }
    async fn stickiness(&self, _: &StickinessQuery) -> Result<Vec<StickinessPoint>> {
        self.note("stickiness")?;
        Ok(Vec::new())
    }
    async fn stickiness_actors(&self, query: &StickinessActorsQuery) -> Result<Vec<String>> {
        self.actors("stickiness_actors", query.limit, query.offset)
    }
    async fn session_lengths(&self, _: &SessionLengthsQuery) -> Result<Vec<SessionLengths>> {
        self.note("session_lengths")?;
        Ok(Vec::new())
    }
    async fn related(&self, _: &RelatedQuery) -> Result<Vec<Actor>> {
        self.note("related")?;
        Ok(self.canned.lock().related.clone())
    }
    async fn events(&self, _: &EventsQuery) -> Result<Vec<EventRecord>> {
        Ok(Vec::new())
    }
    async fn event(&self, _: ProjectId, _: Uuid) -> Result<Option<EventRecord>> {
        Ok(None)
    }
    async fn persons(&self, query: &PersonsQuery) -> Result<Vec<PersonRecord>> {
        let mut canned = self.canned.lock();
        canned.persons_asked.push(query.clone());
        let wanted =
            |person: &&PersonRecord| query.ids.as_ref().is_none_or(|ids| ids.contains(&person.row.id));
        let persons = canned.persons.iter().filter(wanted);
        Ok(persons
            .skip(query.offset as usize)
            .take(query.limit as usize)
            .cloned()
            .collect())
    }
    async fn property_values(&self, _: &ValuesQuery) -> Result<Vec<(String, u64)>> {
        Ok(vec![("often".to_owned(), 3), ("less".to_owned(), 1)])
    }
    async fn earliest_event(&self, _: ProjectId, since: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(Some(since))
    }
    async fn add_to_static_cohort(&self, _: ProjectId, cohort: CohortId, persons: &[Uuid]) -> Result<()> {
        self.note("add_to_static_cohort")?;
        let members = &mut self.canned.lock().static_members;
        members.entry(cohort).or_default().extend(persons);
        Ok(())
    }
    async fn recalculate_cohort(
        &self,
        _: ProjectId,
        _: chrono_tz::Tz,
        cohort: CohortId,
        condition: &Condition,
    ) -> Result<u64> {
        let how = {
            let mut canned = self.canned.lock();
            canned.recalculated.push((cohort, condition.clone()));
            canned.calculations.pop_front()
        };
        match how {
            Some(Calculation::Fails) => Err(StoreError::Unavailable("told to".to_owned())),
            Some(Calculation::Panics) => panic!("told to"),
            Some(Calculation::NeverEnds) => std::future::pending().await,
            None => Ok(self.canned.lock().persons.len() as u64),
        }
    }
    async fn count_persons(&self, _: ProjectId, _: chrono_tz::Tz, condition: &Condition) -> Result<u64> {
        let Condition::Person(PersonSet::StaticCohort(id)) = condition else {
            return Err(StoreError::Failed(format!(
                "only static cohorts are counted, not {condition:?}"
            )));
        };
        let members = &self.canned.lock().static_members;
        Ok(members.get(id).map_or(0, BTreeSet::len) as u64)
    }
    async fn cohorts_of_person(&self, _: ProjectId, _: Uuid) -> Result<Vec<CohortId>> {
        Ok(self.canned.lock().cohorts_of_person.clone())
    }
    async fn property_names(&self, _: ProjectId, source: PropertySource) -> Result<Vec<(String, u64)>> {
        Ok(vec![(format!("{source:?}"), 2)])
    }
    async fn data_version(&self, _: ProjectId) -> Result<String> {
        Ok(self.canned.lock().version.to_string())
    }
    async fn ready(&self) -> Result<()> {
        Ok(())
    }
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
