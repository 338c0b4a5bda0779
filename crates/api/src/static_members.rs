//! Who goes into a static cohort: a list of distinct ids, the people of an insight, or the members of a cohort by rule.

use ::insights::{ActorKind, Insight, cohort_persons, funnels, which};
use event_store::StoreError;
use model::{CohortId, Project};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::actors_query::ActorsQuery;
use crate::insight_context::InsightContext;
use crate::{ApiError, ApiState};

/// Ids looked up, and persons added, at a time.
const LOOKED_UP: usize = 10_000;
/// People of an insight read at a time: each time is a query of its own.
const ACTORS_READ: u32 = 200_000;
/// Persons read at a time: these come with their properties.
const PERSONS_READ: u32 = 10_000;

/// Fields that only a request for an insight has.
const OF_INSIGHT: [&str; 8] = [
    "insight",
    "shown_as",
    "events",
    "actions",
    "entity_id",
    "entityId",
    "target_entity",
    "targetEntity",
];

/// Whether the request names a number of an insight, whose people are meant.
pub fn names_insight(request: &Map<String, Value>) -> bool {
    OF_INSIGHT
        .iter()
        .any(|field| request.get(*field).is_some_and(|value| !value.is_null()))
}

/// The persons of these distinct ids; an id that nobody has adds nobody.
pub async fn of_distinct_ids(
    state: &ApiState,
    project: &Project,
    distinct_ids: &[String],
) -> Result<Vec<Uuid>, ApiError> {
    let mut persons = Vec::new();
    for some in distinct_ids.chunks(LOOKED_UP) {
        let identities = state.store.identities(project.id, some).await?;
        persons.extend(
            identities
                .into_iter()
                .filter_map(|identity| Some(identity.person?.id)),
        );
    }
    Ok(distinct(persons))
}

/// All people of the number that the request names.
pub async fn of_insight(
    state: &ApiState,
    project: &Project,
    request: &Map<String, Value>,
) -> Result<Vec<Uuid>, ApiError> {
    let read = InsightContext::read(state, project, request).await?;
    let context = read.context();
    let insight = which(request)?;
    let of_correlation = [
        "funnel_correlation_person_entity",
        "funnel_correlation_property_values",
    ]
    .iter()
    .any(|field| request.contains_key(*field));
    let mut query = if insight == Insight::Funnels && of_correlation {
        ActorsQuery::Correlation(funnels::correlation_actors(request, &context)?)
    } else {
        ActorsQuery::parse(insight, request, &context)?
    };
    if query.actor() != ActorKind::Person {
        return Err(ApiError::validation(
            "not_supported",
            "A cohort holds persons, and this insight counts groups.",
            "aggregation_group_type_index",
        ));
    }
    let mut persons = Vec::new();
    let mut offset = 0;
    loop {
        query.set_page(ACTORS_READ, offset);
        let ids = query.ask(state.store.as_ref()).await?;
        for id in &ids {
            let id = id.parse().map_err(|_| {
                StoreError::Failed(format!("the store named the person {id:?}, which is no uuid"))
            })?;
            persons.push(id);
        }
        if ids.len() < ACTORS_READ as usize {
            return Ok(distinct(persons));
        }
        offset = offset.saturating_add(ACTORS_READ);
    }
}

/// The members, as of now, of a cohort by rule.
pub async fn of_cohort(state: &ApiState, project: &Project, id: CohortId) -> Result<Vec<Uuid>, ApiError> {
    let read = InsightContext::read(state, project, &Map::new()).await?;
    let mut query = cohort_persons(id, &Map::new(), &read.context())?;
    let mut persons = Vec::new();
    query.limit = PERSONS_READ;
    loop {
        query.offset = u32::try_from(persons.len()).unwrap_or(u32::MAX);
        let found = state.store.persons(&query).await?;
        persons.extend(found.iter().map(|person| person.row.id));
        if found.len() < PERSONS_READ as usize {
            return Ok(distinct(persons));
        }
    }
}

pub async fn add(
    state: &ApiState,
    project: &Project,
    cohort: CohortId,
    persons: &[Uuid],
) -> Result<(), ApiError> {
    for some in persons.chunks(LOOKED_UP) {
        state.store.add_to_static_cohort(project.id, cohort, some).await?;
    }
    Ok(())
}

fn distinct(mut persons: Vec<Uuid>) -> Vec<Uuid> {
    persons.sort_unstable();
    persons.dedup();
    persons
}
