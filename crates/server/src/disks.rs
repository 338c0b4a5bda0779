//! `--disk` and `--storage-policy`: folders on other file systems for parts of the columnar store, and who may use them.

use std::path::PathBuf;

use clap::Args;

#[derive(Clone, Debug, Default, Args)]
pub struct DiskOptions {
    /// A folder, best on a file system of its own, for parts of the columnar store: `cold=/mnt/cold`. The data folder's own
    /// disk is `default`. A disk that parts were written to must be named at every start.
    #[arg(long = "disk", env = "GRANARY_DISKS", value_delimiter = ',', value_name = "NAME=PATH", value_parser = disk)]
    pub disks: Vec<DiskOption>,
    /// What `SETTINGS storage_policy = 'hot_cold'` of a table means: volumes in order, each with its disks:
    /// `hot_cold=hot:default;cold:cold1+cold2`. New parts go to the first.
    #[arg(long = "storage-policy", env = "GRANARY_STORAGE_POLICIES", value_delimiter = ',', value_name = "NAME=VOLUMES", value_parser = policy)]
    pub storage_policies: Vec<PolicyOption>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskOption {
    pub name: String,
    pub path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOption {
    pub name: String,
    /// Names of volumes, and of the disks of each.
    pub volumes: Vec<(String, Vec<String>)>,
}

fn disk(text: &str) -> Result<DiskOption, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(DiskOption {
            name: name.to_owned(),
            path: path.into(),
        }),
        _ => Err("a disk is `name=path`".to_owned()),
    }
}

fn policy(text: &str) -> Result<PolicyOption, String> {
    let (name, volumes) = text
        .split_once('=')
        .ok_or("a storage policy is `name=volume:disk+disk;volume:disk`")?;
    let volumes = volumes.split(';').map(|volume| {
        let (name, disks) = volume
            .split_once(':')
            .ok_or_else(|| format!("volume `{volume}` is not `name:disk+disk`"))?;
        Ok((name.to_owned(), disks.split('+').map(str::to_owned).collect()))
    });
    Ok(PolicyOption {
        name: name.to_owned(),
        volumes: volumes.collect::<Result<_, String>>()?,
    })
}

#[cfg(feature = "ee")]
impl DiskOptions {
    /// Hands them to the engine.
    pub fn configure(&self, config: &mut engine::EngineConfig) {
        config.disks = self
            .disks
            .iter()
            .map(|disk| engine::DiskConfig {
                name: disk.name.clone(),
                path: disk.path.clone(),
            })
            .collect();
        config.storage_policies = self
            .storage_policies
            .iter()
            .map(|policy| engine::StoragePolicy {
                name: policy.name.clone(),
                volumes: policy
                    .volumes
                    .iter()
                    .map(|(name, disks)| engine::Volume {
                        name: name.clone(),
                        disks: disks.clone(),
                    })
                    .collect(),
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_and_policies_are_read() {
        assert_eq!(
            disk("cold=/mnt/a=b"),
            Ok(DiskOption {
                name: "cold".to_owned(),
                path: "/mnt/a=b".into()
            })
        );
        assert_eq!(
            policy("hot_cold=hot:default;cold:a+b"),
            Ok(PolicyOption {
                name: "hot_cold".to_owned(),
                volumes: vec![
                    ("hot".to_owned(), vec!["default".to_owned()]),
                    ("cold".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
                ]
            })
        );
        for text in ["cold", "=x", "cold="] {
            assert!(disk(text).is_err(), "{text}");
        }
        for text in ["hot", "hot=default"] {
            assert!(policy(text).is_err(), "{text}");
        }
    }
}
