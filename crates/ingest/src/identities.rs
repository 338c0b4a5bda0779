//! Persons and the distinct ids that lead to them: a bounded cache of the store, and the changes of one step.
//!
//! There is one writer, so what is cached is what is stored. After a failed append nothing is known and all is forgotten.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use event_store::{DistinctIdRow, EventStore, Identity, PersonRow, StoreError};
use model::{ProjectId, person_uuid};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::merge::Merge;
use crate::prepare::{PersonPart, Prepared};

/// What is known of a distinct id.
#[derive(Debug)]
struct Mapping {
    /// Of the greatest mapping row; `None` when there is none.
    version: Option<u64>,
    person: Option<Uuid>,
    /// The step that last looked.
    used: u64,
    /// Changed in this step, so listed in `changed_ids`.
    dirty: bool,
}

#[derive(Debug)]
struct Person {
    row: PersonRow,
    bytes: usize,
    dirty: bool,
}

#[derive(Debug, Default)]
struct ProjectIdentities {
    mappings: HashMap<String, Mapping>,
    persons: HashMap<Uuid, Person>,
    /// All distinct ids, of persons that this step may merge or has made. Emptied after each step.
    members: HashMap<Uuid, Vec<String>>,
    /// What this step has changed, in the order of first change.
    changed_ids: Vec<String>,
    changed_persons: Vec<Uuid>,
    /// Sum over `persons`.
    bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Identities {
    projects: HashMap<ProjectId, ProjectIdentities>,
    step: u64,
    limits: CacheLimits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheLimits {
    pub mappings_max: usize,
    pub bytes_max: usize,
}

/// Rows to append, each once, with its last version.
#[derive(Debug, Default)]
pub(crate) struct IdentityRows {
    pub persons: Vec<PersonRow>,
    pub distinct_ids: Vec<DistinctIdRow>,
}

impl Identities {
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            projects: HashMap::new(),
            step: 0,
            limits,
        }
    }

    pub fn clear(&mut self) {
        self.projects.clear();
    }

    /// Makes every distinct id of the events known, and all distinct ids of the persons that a merge may move.
    pub async fn load<'e>(
        &mut self,
        events: impl Iterator<Item = &'e Prepared> + Clone,
        store: &dyn EventStore,
    ) -> Result<(), StoreError> {
        self.step += 1;
        let mut missing: HashMap<ProjectId, HashSet<&str>> = HashMap::new();
        for event in events.clone() {
            let Some(person) = &event.person else { continue };
            let project = self.projects.entry(event.project).or_default();
            for id in ids_of(event, person) {
                match project.mappings.get_mut(id) {
                    Some(mapping) => mapping.used = self.step,
                    None => {
                        missing.entry(event.project).or_default().insert(id);
                    }
                }
            }
        }
        for (id, missing) in missing {
            let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
            let found = store.identities(id, &missing).await?;
            self.projects
                .entry(id)
                .or_default()
                .learn(missing, found, self.step);
        }

        let mut merged: HashMap<ProjectId, HashSet<Uuid>> = HashMap::new();
        for event in events {
            let Some(PersonPart {
                merge: Some(merge), ..
            }) = &event.person
            else {
                continue;
            };
            let project = self.projects.entry(event.project).or_default();
            let (into, other) = (
                project.person_of(&event.distinct_id),
                project.person_of(&merge.other),
            );
            // Persons never come apart within a step, so what is one person already stays one.
            if into != other {
                merged
                    .entry(event.project)
                    .or_default()
                    .extend(into.into_iter().chain(other));
            }
        }
        for (id, persons) in merged {
            let persons: Vec<Uuid> = persons.into_iter().collect();
            let rows = store.distinct_ids(id, &persons).await?;
            self.projects
                .entry(id)
                .or_default()
                .learn_members(&persons, rows, self.step);
        }
        Ok(())
    }

    /// What the event does to persons. Its ids must be loaded.
    pub fn apply(&mut self, event: &Prepared) {
        if let Some(person) = &event.person {
            self.projects
                .entry(event.project)
                .or_default()
                .apply(event, person, self.step);
        }
    }

    /// The rows that changed in this step.
    pub fn rows(&self) -> IdentityRows {
        let mut rows = IdentityRows::default();
        for (&id, project) in &self.projects {
            for person in &project.changed_persons {
                rows.persons
                    .extend(project.persons.get(person).map(|person| person.row.clone()));
            }
            for distinct_id in &project.changed_ids {
                if let Some(Mapping {
                    version: Some(version),
                    person: Some(person_id),
                    ..
                }) = project.mappings.get(distinct_id)
                {
                    rows.distinct_ids.push(DistinctIdRow {
                        project: id,
                        distinct_id: distinct_id.clone(),
                        person_id: *person_id,
                        is_deleted: false,
                        version: *version,
                    });
                }
            }
        }
        rows
    }

    /// After the append: nothing is dirty, and the cache is within its limits again.
    pub fn settle(&mut self) {
        let (mut count, mut bytes) = (0, 0);
        for project in self.projects.values_mut() {
            project.settle();
            count += project.mappings.len();
            bytes += project.bytes;
        }
        if count > self.limits.mappings_max || bytes > self.limits.bytes_max {
            self.evict();
        }
    }

    /// Drops the half that was used longest ago, so that the sweep costs O(1) per id on average.
    fn evict(&mut self) {
        let mut used: Vec<u64> = self
            .projects
            .values()
            .flat_map(|project| project.mappings.values().map(|m| m.used))
            .collect();
        let middle = used.len() / 2;
        let Some((_, &mut median, _)) = (!used.is_empty()).then(|| used.select_nth_unstable(middle)) else {
            return;
        };
        for project in self.projects.values_mut() {
            project.mappings.retain(|_, mapping| mapping.used > median);
            let alive: HashSet<Uuid> = project
                .mappings
                .values()
                .filter_map(|mapping| mapping.person)
                .collect();
            project.persons.retain(|id, _| alive.contains(id));
            project.bytes = project.persons.values().map(|person| person.bytes).sum();
        }
        self.projects.retain(|_, project| !project.mappings.is_empty());
    }
}

fn ids_of<'e>(event: &'e Prepared, person: &'e PersonPart) -> impl Iterator<Item = &'e str> {
    std::iter::once(event.distinct_id.as_str()).chain(person.merge.as_ref().map(|merge| merge.other.as_str()))
}

impl ProjectIdentities {
    fn learn(&mut self, asked: Vec<String>, found: Vec<Identity>, step: u64) {
        for distinct_id in asked {
            self.mappings.insert(
                distinct_id,
                Mapping {
                    version: None,
                    person: None,
                    used: step,
                    dirty: false,
                },
            );
        }
        for Identity {
            distinct_id,
            version,
            person,
        } in found
        {
            let id = person.as_ref().map(|person| person.id);
            if let Some(row) = person {
                // A cached person is as new as the stored one.
                if let Entry::Vacant(slot) = self.persons.entry(row.id) {
                    let bytes = person_bytes(&row);
                    self.bytes += bytes;
                    slot.insert(Person {
                        row,
                        bytes,
                        dirty: false,
                    });
                }
            }
            self.mappings.insert(
                distinct_id,
                Mapping {
                    version: Some(version),
                    person: id,
                    used: step,
                    dirty: false,
                },
            );
        }
    }

    fn learn_members(&mut self, persons: &[Uuid], rows: Vec<DistinctIdRow>, step: u64) {
        for &person in persons {
            self.members.insert(person, Vec::new());
        }
        for row in rows {
            if row.is_deleted {
                continue;
            }
            if let Some(members) = self.members.get_mut(&row.person_id) {
                members.push(row.distinct_id.clone());
            }
            self.mappings.entry(row.distinct_id).or_insert(Mapping {
                version: Some(row.version),
                person: Some(row.person_id),
                used: step,
                dirty: false,
            });
        }
    }

    fn person_of(&self, distinct_id: &str) -> Option<Uuid> {
        self.mappings.get(distinct_id).and_then(|mapping| mapping.person)
    }

    fn apply(&mut self, event: &Prepared, part: &PersonPart, step: u64) {
        let Some(merge) = &part.merge else {
            match self.person_of(&event.distinct_id) {
                Some(person) => self.update(person, part, false),
                None => {
                    let person = self.create(event, part, false);
                    self.assign(event.project, &event.distinct_id, person, step);
                }
            }
            return;
        };
        let Merge { other, force } = merge;
        match (self.person_of(&event.distinct_id), self.person_of(other)) {
            (None, None) => {
                let person = self.create(event, part, true);
                self.assign(event.project, &event.distinct_id, person, step);
                self.assign(event.project, other, person, step);
            }
            (Some(person), None) => {
                self.assign(event.project, other, person, step);
                self.update(person, part, true);
            }
            (None, Some(person)) => {
                self.assign(event.project, &event.distinct_id, person, step);
                self.update(person, part, true);
            }
            (Some(person), Some(same)) if person == same => self.update(person, part, true),
            (Some(into), Some(from)) => {
                let identified = self
                    .persons
                    .get(&from)
                    .is_some_and(|person| person.row.is_identified);
                if identified && !force {
                    tracing::warn!(
                        project = event.project.0,
                        event = event.event,
                        "The other id belongs to an identified person: not merged"
                    );
                } else {
                    self.take_in(event.project, into, from, step);
                }
                self.update(into, part, true);
            }
        }
    }

    /// A new person for the distinct id of the event.
    fn create(&mut self, event: &Prepared, part: &PersonPart, is_identified: bool) -> Uuid {
        let first = person_uuid(event.project, &event.distinct_id);
        // The id of a deleted person is never used again: its tombstone would win over the new row.
        let id = match self
            .mappings
            .get(&event.distinct_id)
            .and_then(|mapping| mapping.version)
        {
            None => first,
            Some(version) => Uuid::new_v5(&first, &version.to_be_bytes()),
        };
        let mut properties = part.changes.initial();
        properties.insert(
            "$creator_event_uuid".to_owned(),
            Value::String(event.uuid.to_string()),
        );
        let row = PersonRow {
            project: event.project,
            id,
            created_at: event.timestamp,
            properties,
            is_identified,
            is_deleted: false,
            version: 1,
        };
        let bytes = person_bytes(&row);
        self.bytes += bytes;
        self.persons.insert(
            id,
            Person {
                row,
                bytes,
                dirty: true,
            },
        );
        self.changed_persons.push(id);
        self.members.insert(id, Vec::new());
        id
    }

    /// Leads the distinct id to the person.
    fn assign(&mut self, project: ProjectId, distinct_id: &str, person: Uuid, step: u64) {
        tracing::trace!(project = project.0, %person, "A distinct id leads to a person");
        match self.mappings.get_mut(distinct_id) {
            Some(mapping) => {
                mapping.version = Some(mapping.version.map_or(1, |version| version + 1));
                mapping.person = Some(person);
                if !mapping.dirty {
                    mapping.dirty = true;
                    self.changed_ids.push(distinct_id.to_owned());
                }
            }
            None => {
                self.changed_ids.push(distinct_id.to_owned());
                let mapping = Mapping {
                    version: Some(1),
                    person: Some(person),
                    used: step,
                    dirty: true,
                };
                self.mappings.insert(distinct_id.to_owned(), mapping);
            }
        }
        if let Some(members) = self.members.get_mut(&person) {
            members.push(distinct_id.to_owned());
        }
    }

    /// Applies the changes of an event to its person; one new version at most.
    fn update(&mut self, person: Uuid, part: &PersonPart, identify: bool) {
        let id = person;
        let Some(person) = self.persons.get_mut(&id) else {
            return;
        };
        let changed = part.changes.apply(&mut person.row.properties);
        if changed || identify && !person.row.is_identified {
            person.row.is_identified |= identify;
            person.row.version += 1;
            self.mark_changed(id);
        }
    }

    /// All distinct ids of `from` move to `into`, and `from` ends.
    fn take_in(&mut self, project: ProjectId, into: Uuid, from: Uuid, step: u64) {
        for distinct_id in self.members.remove(&from).unwrap_or_default() {
            self.assign(project, &distinct_id, into, step);
        }
        let Some(other) = self.persons.get_mut(&from) else {
            return;
        };
        other.row.is_deleted = true;
        other.row.version += 1;
        let other_version = other.row.version;
        let other_created_at = other.row.created_at;
        let other_properties = other.row.properties.clone();
        self.mark_changed(from);
        let Some(survivor) = self.persons.get_mut(&into) else {
            return;
        };
        for (key, value) in other_properties {
            survivor.row.properties.entry(key).or_insert(value);
        }
        survivor.row.created_at = survivor.row.created_at.min(other_created_at);
        survivor.row.version = survivor.row.version.max(other_version) + 1;
        self.mark_changed(into);
    }

    fn mark_changed(&mut self, id: Uuid) {
        let Some(person) = self.persons.get_mut(&id) else {
            return;
        };
        let bytes = person_bytes(&person.row);
        self.bytes = self.bytes - person.bytes + bytes;
        person.bytes = bytes;
        if !person.dirty {
            person.dirty = true;
            self.changed_persons.push(id);
        }
    }

    fn settle(&mut self) {
        self.members.clear();
        for id in std::mem::take(&mut self.changed_ids) {
            if let Some(mapping) = self.mappings.get_mut(&id) {
                mapping.dirty = false;
            }
        }
        for id in std::mem::take(&mut self.changed_persons) {
            let Some(person) = self.persons.get_mut(&id) else {
                continue;
            };
            person.dirty = false;
            if person.row.is_deleted {
                self.bytes -= person.bytes;
                self.persons.remove(&id);
            }
        }
    }
}

/// Rough memory of a person; only the sum matters.
fn person_bytes(row: &PersonRow) -> usize {
    size_of::<Person>() + map_bytes(&row.properties)
}

/// Rough memory of a JSON object.
pub(crate) fn map_bytes(map: &Map<String, Value>) -> usize {
    map.iter()
        .map(|(key, value)| key.len() + 64 + value_bytes(value))
        .sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items
            .iter()
            .map(|item| size_of::<Value>() + value_bytes(item))
            .sum(),
        Value::Object(map) => map_bytes(map),
    }
}
