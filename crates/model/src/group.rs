//! Group types: up to five kinds of group (organisation, project, …) a project.

use serde::{Deserialize, Serialize};

pub const GROUP_TYPES_MAX: u8 = 5;

/// 0..=4: which of the project's group types, and which `$group_N` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupTypeIndex(u8);

impl GroupTypeIndex {
    pub fn new(index: u8) -> Option<Self> {
        (index < GROUP_TYPES_MAX).then_some(Self(index))
    }

    pub fn get(self) -> u8 {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupType {
    pub group_type: String,
    pub group_type_index: GroupTypeIndex,
}
