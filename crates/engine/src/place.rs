//! On which disks parts of a table may be: its storage policy, `TO DISK` and `TO VOLUME`.

use engine_sql::ast::{AlterAction, CreateTable, PartitionVerb, TtlAction};
use engine_storage::{DEFAULT_POLICY, PartSelection, Place};

use crate::binding::setting_text;
use crate::catalogue::Table;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::shape::Shape;

/// The policy that the table's settings name.
pub(crate) fn storage_policy(create: &CreateTable) -> String {
    let settings = create.storage.settings.iter();
    let named = settings.rev().find(|setting| setting.name == "storage_policy");
    named.map_or_else(
        || DEFAULT_POLICY.to_owned(),
        |setting| setting_text(&setting.value),
    )
}

/// Whether the action only takes parts to other disks.
pub(crate) fn is_move(action: &AlterAction) -> bool {
    let AlterAction::Partition { verb, .. } = action else {
        return false;
    };
    matches!(
        verb,
        PartitionVerb::MoveToDisk(_) | PartitionVerb::MoveToVolume(_)
    )
}

impl Engine {
    /// Refuses policies that there are not, or that lack what the table may use already, and rules about other places.
    pub(crate) fn check_places(&self, shape: &Shape, old: Option<&Shape>) -> Result<()> {
        let create = shape.create()?;
        let disks = self.storage.disks();
        let name = storage_policy(create);
        let old = old.map(|old| old.create().map(storage_policy)).transpose()?;
        let Some(policy) = disks.policy(&name) else {
            // Tables that had it before go without, and can be altered.
            if old.is_some_and(|old| old == name) {
                return Ok(());
            }
            return Err(EngineError::refused(
                478,
                format!("Unknown storage policy `{name}`."),
            ));
        };
        if let Some(old) = old.and_then(|old| disks.policy(&old))
            && let Some(lacks) = policy.lacks(old)
        {
            return Err(EngineError::refused(
                36,
                format!(
                    "New storage policy `{name}` shall contain {lacks} of the old storage policy `{}`.",
                    old.name
                ),
            ));
        }
        for item in &create.storage.ttl {
            let (kind, place) = match &item.action {
                TtlAction::ToDisk(name) => ("disk", Place::Disk(setting_text(name))),
                TtlAction::ToVolume(name) => ("volume", Place::Volume(setting_text(name))),
                TtlAction::Delete | TtlAction::Recompress(_) | TtlAction::GroupBy { .. } => continue,
            };
            if policy.disks_of(&place).is_none() {
                let (Place::Disk(name) | Place::Volume(name)) = place;
                return Err(EngineError::refused(
                    450,
                    format!("No such {kind} `{name}` for given storage policy."),
                ));
            }
        }
        Ok(())
    }

    /// `MOVE PARTITION … TO DISK | VOLUME`.
    pub(crate) fn move_parts(&self, table: &Table, selection: &PartSelection, place: &Place) -> Result<()> {
        let name = storage_policy(table.shape.create()?);
        let policy = self.storage.disks().policy(&name);
        let is_known = policy.is_some_and(|policy| policy.disks_of(place).is_some());
        let (code, kind, to) = match place {
            Place::Disk(to) => (479, "disk", to),
            Place::Volume(to) => (548, "volume", to),
        };
        if !is_known {
            let message = format!("No such {kind} `{to}` in storage policy `{name}`.");
            return Err(EngineError::refused(code, message));
        }
        if self.storage.move_parts(table.id, selection, place)? == 0 {
            let what = match selection {
                PartSelection::All => "All parts are".to_owned(),
                PartSelection::Partition(id) => format!("All parts of partition '{id}' are"),
                PartSelection::Part(name) => format!("Part '{name}' is"),
            };
            return Err(EngineError::refused(
                479,
                format!("{what} already on {kind} '{to}'."),
            ));
        }
        Ok(())
    }
}
