//! The uuid that a distinct id gets on first sight.

use uuid::{Uuid, uuid};

use crate::ProjectId;

const NAMESPACE: Uuid = uuid!("932979b4-65c3-4424-8467-0b66ec27bc22");

/// UUIDv5 of `<project id>:<distinct id>`: the same on every run, so that a replay makes the same person.
pub fn person_uuid(project: ProjectId, distinct_id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{project}:{distinct_id}").as_bytes())
}
