//! `system.disks` and `system.storage_policies`.

use engine_types::{DataType, Value};

use super::{Rows, SystemState, flag, number, text};

pub(super) fn disks(state: &SystemState<'_>) -> Rows {
    let schema = vec![
        ("name", DataType::String),
        ("path", DataType::String),
        ("type", DataType::String),
        ("is_encrypted", DataType::UInt8),
        ("is_read_only", DataType::UInt8),
        ("is_remote", DataType::UInt8),
    ];
    let rows = state.storage.disks().disks().iter().map(|disk| {
        vec![
            text(&disk.name),
            text(&disk.path),
            text("Local"),
            flag(false),
            flag(false),
            flag(false),
        ]
    });
    (schema, rows.collect())
}

pub(super) fn storage_policies(state: &SystemState<'_>) -> Rows {
    let schema = vec![
        ("policy_name", DataType::String),
        ("volume_name", DataType::String),
        ("volume_priority", DataType::UInt64),
        ("disks", DataType::Array(Box::new(DataType::String))),
    ];
    let mut rows = Vec::new();
    for policy in state.storage.disks().policies() {
        for (volume, priority) in policy.volumes.iter().zip(1u64..) {
            rows.push(vec![
                text(&policy.name),
                text(&volume.name),
                number(priority),
                Value::Array(volume.disks.iter().map(text).collect()),
            ]);
        }
    }
    (schema, rows)
}
