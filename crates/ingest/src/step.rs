//! One step of the writer: the events of many requests, applied in order, appended at once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use event_store::{Append, EventStore, GroupRow, LedgerOutcome, LedgerRow, StoreError};
use model::{GroupTypeIndex, ProjectId};
use uuid::Uuid;

use crate::definitions::SeenDefinitions;
use crate::directory::{Directory, DirectoryError};
use crate::groups;
use crate::identities::{CacheLimits, Identities};
use crate::prepare::Prepared;
use crate::refusal::Refusal;
use crate::repeats::repeats;
use crate::rows::event_row;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("cannot reach the stored state of the events: {0}")]
    Read(#[source] StoreError),
    #[error("cannot append the step: {0}")]
    Append(#[source] StoreError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What the writer remembers between steps. All of it can be read again.
#[derive(Debug)]
pub(crate) struct Memory {
    identities: Identities,
    /// Index of each group type that has been looked up; `None`: the project has no room for it.
    group_types: HashMap<ProjectId, HashMap<String, Option<GroupTypeIndex>>>,
    definitions: SeenDefinitions,
    ingested: HashSet<ProjectId>,
}

/// Beyond this many names without an index, a project's look-ups are forgotten.
const GROUP_TYPE_NAMES_MAX: usize = 1000;

impl Memory {
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            identities: Identities::new(limits),
            group_types: HashMap::new(),
            definitions: SeenDefinitions::default(),
            ingested: HashSet::new(),
        }
    }

    /// A failed step may have been stored or not, in whole; nothing that is remembered may depend on which.
    pub fn forget(&mut self) {
        self.identities.clear();
        self.group_types.clear();
        self.definitions.clear();
        self.ingested.clear();
    }

    /// Stores the events and says of each, in order, whether it repeats a stored one. Metadata comes first: names that
    /// are recorded for events that then fail to be stored do no harm, the other way round they would stay unknown.
    pub async fn step(
        &mut self,
        events: Vec<Prepared>,
        refusals: &[Refusal],
        store: &dyn EventStore,
        directory: &dyn Directory,
    ) -> Result<Vec<bool>, StepError> {
        let repeated = repeats(&events, store).await.map_err(StepError::Read)?;
        let ledger = ledger(&events, &repeated, refusals);
        let mut fresh: Vec<Prepared> = events
            .into_iter()
            .zip(&repeated)
            .filter(|(_, repeats)| !**repeats)
            .map(|(event, _)| event)
            .collect();

        self.identities
            .load(fresh.iter(), store)
            .await
            .map_err(StepError::Read)?;
        self.load_group_types(&fresh, directory).await?;
        let mut group_rows = self.known_groups(&fresh, store).await.map_err(StepError::Read)?;
        let mut changed_groups = Vec::new();
        let mut definitions = Vec::new();
        let mut first_seen = Vec::new();
        let mut rows = Vec::with_capacity(fresh.len());
        for mut event in fresh.drain(..) {
            if self.ingested.insert(event.project) {
                first_seen.push(event.project);
            }
            self.identities.apply(&event);
            let indexes = self.group_types.get(&event.project);
            let index_of = |name: &str| indexes.and_then(|indexes| indexes.get(name).copied().flatten());
            let identified_type = event
                .group_identify
                .as_ref()
                .and_then(|identify| index_of(&identify.group_type));
            self.definitions
                .observe(&event, identified_type, &mut definitions);
            if let (Some(identify), Some(index)) = (event.group_identify.take(), identified_type) {
                let key = (event.project, index, identify.key.clone());
                let known = group_rows.get(&key);
                let now = event.received_at;
                if let Some(row) =
                    groups::identified(event.project, index, known, identify, event.timestamp, now)
                {
                    group_rows.insert(key.clone(), row);
                    changed_groups.push(key);
                }
            }
            let memberships = std::mem::take(&mut event.memberships);
            let memberships = memberships
                .into_iter()
                .filter_map(|(name, key)| Some((index_of(&name)?, key)))
                .collect();
            rows.push(event_row(event, memberships));
        }

        if !definitions.is_empty() {
            directory.record_definitions(definitions).await?;
        }
        for project in first_seen {
            directory.mark_ingested(project).await?;
        }
        let identity_rows = self.identities.rows();
        let mut written = HashSet::new();
        let groups = changed_groups
            .into_iter()
            .filter(|key| written.insert(key.clone()))
            .filter_map(|key| group_rows.remove(&key))
            .collect();
        let append = Append {
            events: rows,
            persons: identity_rows.persons,
            distinct_ids: identity_rows.distinct_ids,
            groups,
            ledger,
            token: Uuid::new_v4().to_string(),
        };
        if !append.ledger.is_empty() {
            store.append(append).await.map_err(StepError::Append)?;
        }
        self.identities.settle();
        Ok(repeated)
    }

    /// Gives an index to each type in order of first sight.
    async fn load_group_types(
        &mut self,
        events: &[Prepared],
        directory: &dyn Directory,
    ) -> Result<(), DirectoryError> {
        for event in events {
            let identified = event
                .group_identify
                .as_ref()
                .map(|identify| identify.group_type.as_str());
            for name in event
                .memberships
                .iter()
                .map(|(name, _)| name.as_str())
                .chain(identified)
            {
                let known = match self.group_types.entry(event.project) {
                    std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        let types = directory.group_types(event.project).await?;
                        slot.insert(
                            types
                                .into_iter()
                                .map(|known| (known.group_type, Some(known.group_type_index)))
                                .collect(),
                        )
                    }
                };
                if known.contains_key(name) {
                    continue;
                }
                if known.len() > GROUP_TYPE_NAMES_MAX {
                    known.retain(|_, index| index.is_some());
                }
                let index = directory.register_group_type(event.project, name).await?;
                known.insert(name.to_owned(), index);
            }
        }
        Ok(())
    }

    async fn known_groups(
        &self,
        events: &[Prepared],
        store: &dyn EventStore,
    ) -> Result<HashMap<(ProjectId, GroupTypeIndex, String), GroupRow>, StoreError> {
        let mut asked: HashMap<ProjectId, HashSet<(GroupTypeIndex, String)>> = HashMap::new();
        for event in events {
            if let Some(identify) = &event.group_identify
                && let Some(Some(index)) = self
                    .group_types
                    .get(&event.project)
                    .and_then(|types| types.get(&identify.group_type))
            {
                asked
                    .entry(event.project)
                    .or_default()
                    .insert((*index, identify.key.clone()));
            }
        }
        let mut known = HashMap::new();
        for (project, keys) in asked {
            let keys: Vec<_> = keys.into_iter().collect();
            for row in store.groups_by_key(project, &keys).await? {
                known.insert((project, row.group_type, row.key.clone()), row);
            }
        }
        Ok(known)
    }
}

/// One row per project and outcome: received = the sum of all.
fn ledger(events: &[Prepared], repeated: &[bool], refusals: &[Refusal]) -> Vec<LedgerRow> {
    let mut rows: Vec<LedgerRow> = Vec::new();
    let mut add = |project: ProjectId, outcome: LedgerOutcome, at: DateTime<Utc>| match rows
        .iter_mut()
        .find(|row| row.project == project && row.outcome == outcome)
    {
        Some(row) => {
            row.count += 1;
            row.at = row.at.max(at);
        }
        None => rows.push(LedgerRow {
            project,
            at,
            outcome,
            count: 1,
        }),
    };
    for (event, &repeats) in events.iter().zip(repeated) {
        let outcome = if repeats {
            LedgerOutcome::Repeated
        } else {
            LedgerOutcome::Stored
        };
        add(event.project, outcome, event.received_at);
    }
    for refusal in refusals {
        add(
            refusal.project,
            LedgerOutcome::Refused(refusal.reason.code().to_owned()),
            refusal.at,
        );
    }
    rows
}
