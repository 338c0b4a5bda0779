//! Disks and what is said about their use: a policy is a list of volumes, a volume a list of disks, a disk a directory.

use std::sync::Arc;

use crate::directory::Directory;

/// The disk of the log, the manifest, and of tables that ask for no other.
pub const DEFAULT_DISK: &str = "default";

/// The policy of tables that name none.
pub const DEFAULT_POLICY: &str = "default";

/// The directories that a storage lies in.
#[derive(Clone)]
pub struct Disks {
    default: Arc<dyn Directory>,
    disks: Vec<Disk>,
    default_policy: StoragePolicy,
    /// Also the default one.
    policies: Vec<StoragePolicy>,
}

#[derive(Clone)]
pub struct Disk {
    pub name: String,
    /// For people.
    pub path: String,
    pub(crate) directory: Arc<dyn Directory>,
}

/// Where the parts of a table may be: new ones on the first volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    pub name: String,
    pub volumes: Vec<Volume>,
}

/// Disks that take parts in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    pub disks: Vec<String>,
}

/// Where parts are to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Disk(String),
    Volume(String),
}

impl StoragePolicy {
    /// The disks of a place; `None` when the policy has no such disk or volume.
    #[must_use]
    pub fn disks_of(&self, place: &Place) -> Option<&[String]> {
        match place {
            Place::Disk(name) => {
                let mut disks = self.volumes.iter().flat_map(|volume| &volume.disks);
                disks.find(|disk| *disk == name).map(std::slice::from_ref)
            }
            Place::Volume(name) => {
                let mut volumes = self.volumes.iter();
                volumes.find(|volume| volume.name == *name).map(|v| &v.disks[..])
            }
        }
    }

    /// The number of the volume that has the disk.
    pub(crate) fn volume_of(&self, disk: &str) -> Option<usize> {
        let has = |volume: &Volume| volume.disks.iter().any(|d| d == disk);
        self.volumes.iter().position(has)
    }

    /// Why tables of `old` cannot have this policy: it may only have more volumes and disks.
    #[must_use]
    pub fn lacks(&self, old: &Self) -> Option<String> {
        for volume in &old.volumes {
            let Some(own) = self.volumes.iter().find(|own| own.name == volume.name) else {
                return Some(format!("volume `{}`", volume.name));
            };
            if let Some(disk) = volume.disks.iter().find(|disk| !own.disks.contains(disk)) {
                return Some(format!("disk `{disk}` in volume `{}`", volume.name));
            }
        }
        None
    }
}

impl Disks {
    /// One disk.
    pub fn new(directory: Arc<dyn Directory>, path: impl Into<String>) -> Self {
        let default_policy = StoragePolicy {
            name: DEFAULT_POLICY.to_owned(),
            volumes: vec![Volume {
                name: DEFAULT_DISK.to_owned(),
                disks: vec![DEFAULT_DISK.to_owned()],
            }],
        };
        Self {
            default: directory.clone(),
            disks: vec![Disk {
                name: DEFAULT_DISK.to_owned(),
                path: path.into(),
                directory,
            }],
            policies: vec![default_policy.clone()],
            default_policy,
        }
    }

    #[must_use]
    pub fn with_disk(
        mut self,
        name: impl Into<String>,
        path: impl Into<String>,
        directory: Arc<dyn Directory>,
    ) -> Self {
        self.disks.push(Disk {
            name: name.into(),
            path: path.into(),
            directory,
        });
        self
    }

    #[must_use]
    pub fn with_policy(mut self, policy: StoragePolicy) -> Self {
        self.policies.push(policy);
        self
    }

    /// The default directory, and the other disks.
    pub(crate) fn parts(&self) -> (Arc<dyn Directory>, &[Disk]) {
        (self.default.clone(), self.disks.get(1..).unwrap_or_default())
    }

    /// All, the default one first.
    pub fn disks(&self) -> &[Disk] {
        &self.disks
    }

    pub fn policies(&self) -> &[StoragePolicy] {
        &self.policies
    }

    pub fn policy(&self, name: &str) -> Option<&StoragePolicy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// That of tables whose own is not configured: they get along without other disks.
    pub(crate) fn policy_or_default(&self, name: &str) -> &StoragePolicy {
        self.policy(name).unwrap_or(&self.default_policy)
    }

    /// Why this makes no sense, if it does not.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        for (at, disk) in self.disks.iter().enumerate() {
            if !is_name(&disk.name) {
                return Some(format!(
                    "`{}` is not the name of a disk: letters, digits, _ and - are",
                    disk.name
                ));
            }
            if self.disks[..at].iter().any(|d| d.name == disk.name) {
                return Some(format!("disk `{}` is there twice", disk.name));
            }
        }
        for (at, policy) in self.policies.iter().enumerate() {
            let name = &policy.name;
            if self.policies[..at].iter().any(|p| p.name == *name) {
                return Some(format!("storage policy `{name}` is there twice"));
            }
            if policy.volumes.is_empty() {
                return Some(format!("storage policy `{name}` has no volumes"));
            }
            let mut seen: Vec<&str> = Vec::new();
            for (at, volume) in policy.volumes.iter().enumerate() {
                if policy.volumes[..at].iter().any(|v| v.name == volume.name) {
                    return Some(format!(
                        "volume `{}` of storage policy `{name}` is there twice",
                        volume.name
                    ));
                }
                if volume.disks.is_empty() {
                    return Some(format!(
                        "volume `{}` of storage policy `{name}` has no disks",
                        volume.name
                    ));
                }
                for disk in &volume.disks {
                    if !self.disks.iter().any(|d| d.name == *disk) {
                        return Some(format!(
                            "storage policy `{name}` names disk `{disk}`, which there is not"
                        ));
                    }
                    if seen.contains(&disk.as_str()) {
                        return Some(format!("storage policy `{name}` names disk `{disk}` twice"));
                    }
                    seen.push(disk);
                }
            }
        }
        None
    }
}
