//! Tables, rows and readers that the tests share.

use std::sync::Arc;

use engine_storage::directory::SimulatedDirectory;
use engine_storage::{
    ColumnCodec, ColumnDef, Compression, KeyCondition, KeyExprs, LocalDirectory, MergeRule, Partitions,
    Snapshot, Storage, StorageOptions, TableDef, TableId, VerticalMerges, WideFrom,
};
use engine_types::{Block, Column, DataType, Value};

pub type Row = Vec<Value>;

pub const ALWAYS_WIDE: WideFrom = WideFrom { bytes: 0, rows: 0 };
pub const NEVER_WIDE: WideFrom = WideFrom {
    bytes: u64::MAX,
    rows: 0,
};

/// Sorting key = some columns; partition = a numeric column divided.
#[derive(Clone)]
pub struct ColumnKeys {
    pub sort_by: Vec<usize>,
    pub partition_by: Option<(usize, u64)>,
}

impl KeyExprs for ColumnKeys {
    fn sorting_key(&self, block: &Block) -> Result<Vec<Column>, String> {
        Ok(self.sort_by.iter().map(|c| block.column(*c).clone()).collect())
    }

    fn sorting_key_inputs(&self) -> Option<Vec<usize>> {
        Some(self.sort_by.clone())
    }

    fn partition(&self, block: &Block) -> Result<Partitions, String> {
        let Some((column, width)) = self.partition_by else {
            return Ok(Partitions::unpartitioned(block.rows()));
        };
        let mut out = Partitions {
            ids: Vec::new(),
            rows: Vec::new(),
        };
        for row in 0..block.rows() {
            let Value::UInt(value) = block.column(column).value(row) else {
                return Err("the partition column is unsigned".to_owned());
            };
            let id = (value / width).to_string();
            let at = out.ids.iter().position(|have| *have == id).unwrap_or_else(|| {
                out.ids.push(id);
                out.ids.len() - 1
            });
            out.rows.push(at as u32);
        }
        Ok(out)
    }
}

fn columns(list: &[(&str, &str, Compression)]) -> Vec<ColumnDef> {
    list.iter()
        .map(|(name, ty, compression)| ColumnDef {
            name: (*name).to_owned(),
            ty: DataType::parse(ty).unwrap(),
            codec: ColumnCodec::of(*compression),
            json: false,
        })
        .collect()
}

fn table(name: &str, columns: Vec<ColumnDef>, keys: ColumnKeys) -> TableDef {
    let types = keys.sort_by.iter().map(|c| columns[*c].ty.clone()).collect();
    let mut def = TableDef::new("db", name, columns, types, Arc::new(keys));
    def.definition = name.as_bytes().to_vec();
    def
}

/// Partitioned by 1000 seconds, all forms of columns, look-up by (team, uuid).
pub fn events() -> TableDef {
    let columns = columns(&[
        ("team", "Int64", Compression::Lz4),
        ("uuid", "UUID", Compression::None),
        ("at", "DateTime('UTC')", Compression::Lz4),
        ("event", "LowCardinality(String)", Compression::Lz4),
        ("properties", "String", Compression::Zstd(1)),
        ("number", "Nullable(Float64)", Compression::Lz4),
        ("tags", "Array(String)", Compression::Lz4),
    ]);
    let keys = ColumnKeys {
        sort_by: vec![0, 2],
        partition_by: Some((2, 1000)),
    };
    let mut columns = columns;
    columns[4].json = true;
    let mut def = table("events", columns, keys);
    def.lookup_columns = vec![0, 1];
    // The other tables have small parts, which are compact, and whose rows are merged as a whole.
    def.wide_from = ALWAYS_WIDE;
    def.vertical = VerticalMerges {
        rows_min: 0,
        columns_min: 1,
        ..VerticalMerges::default()
    };
    def
}

/// Sorted by (team, id); greatest version wins; may be deleted.
pub fn mapping() -> TableDef {
    let columns = columns(&[
        ("team", "Int64", Compression::Lz4),
        ("id", "String", Compression::Lz4),
        ("version", "UInt64", Compression::Lz4),
        ("is_deleted", "UInt8", Compression::Lz4),
        ("person", "UUID", Compression::Lz4),
    ]);
    let keys = ColumnKeys {
        sort_by: vec![0, 1],
        partition_by: None,
    };
    let mut def = table("mapping", columns, keys);
    def.merge_rule = MergeRule::Replacing {
        version: Some(2),
        is_deleted: Some(3),
    };
    def
}

/// Sorted by key; rows of sign +1 and -1 cancel.
pub fn balance() -> TableDef {
    let columns = columns(&[
        ("key", "UInt32", Compression::Lz4),
        ("sign", "Int8", Compression::Lz4),
        ("amount", "Int64", Compression::Lz4),
    ]);
    let keys = ColumnKeys {
        sort_by: vec![0],
        partition_by: None,
    };
    let mut def = table("balance", columns, keys);
    def.merge_rule = MergeRule::Collapsing { sign: 1 };
    def
}

/// The tables above, with granules of `granule_rows`.
pub fn load(definition: &[u8], granule_rows: usize) -> Result<TableDef, String> {
    let mut def = match definition {
        b"events" => events(),
        b"mapping" => mapping(),
        b"balance" => balance(),
        other => return Err(format!("unknown definition {other:?}")),
    };
    def.granule_rows = granule_rows;
    Ok(def)
}

/// Small enough that everything happens in small tests.
pub fn small_options() -> StorageOptions {
    StorageOptions {
        wal_segment_bytes: 700,
        manifest_bytes: 2000,
        cache_bytes: 1 << 20,
        json_rows_min: 1,
        ..StorageOptions::default()
    }
}

pub fn open_simulated(directory: &SimulatedDirectory) -> engine_storage::Result<Storage> {
    Storage::open(Arc::new(directory.clone()), small_options(), &|d: &[u8]| {
        load(d, 4)
    })
}

pub fn open_local(path: &std::path::Path, granule_rows: usize) -> Storage {
    let directory = LocalDirectory::new(path).unwrap().without_sync();
    Storage::open(
        Arc::new(directory),
        StorageOptions::default(),
        &move |d: &[u8]| load(d, granule_rows),
    )
    .unwrap()
}

/// A storage in memory with one of the tables above.
pub fn with_table(def: TableDef, granule_rows: usize) -> (Storage, TableId) {
    with_codec(def, granule_rows, None)
}

/// As [`with_table`], all columns that allow it written with `codec`.
pub fn with_codec(def: TableDef, granule_rows: usize, codec: Option<ColumnCodec>) -> (Storage, TableId) {
    let storage = Storage::open(
        Arc::new(SimulatedDirectory::new()),
        StorageOptions {
            forced_codec: codec,
            json_rows_min: 1,
            ..StorageOptions::default()
        },
        &move |d: &[u8]| load(d, granule_rows),
    )
    .unwrap();
    let table = storage.create_table(TableDef { granule_rows, ..def }).unwrap();
    (storage, table)
}

pub fn block(def: &TableDef, rows: &[Row]) -> Block {
    let columns = def
        .columns
        .iter()
        .enumerate()
        .map(|(c, column)| {
            Column::from_values(&column.ty, &rows.iter().map(|r| r[c].clone()).collect::<Vec<_>>())
        })
        .collect();
    Block::new(columns, rows.len())
}

/// A repeatable event row.
pub fn event_row(seed: u64) -> Row {
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    vec![
        Value::Int((mixed >> 60) as i64 % 3 - 1),
        Value::Uuid(u128::from(mixed) << 64 | u128::from(seed)),
        Value::UInt((mixed >> 20) % 3000),
        Value::string(["sign up", "$pageview", "", "order"][(mixed >> 10) as usize % 4]),
        Value::string(format!(
            "{{\"n\":{seed},\"pad\":\"{}\"}}",
            "x".repeat((mixed >> 30) as usize % 50)
        )),
        if mixed.is_multiple_of(5) {
            Value::Null
        } else {
            Value::Float(seed as f64 / 8.0)
        },
        Value::Array((0..mixed % 3).map(|i| Value::string(format!("t{i}"))).collect()),
    ]
}

pub fn event_rows(seeds: std::ops::Range<u64>) -> Vec<Row> {
    seeds.map(event_row).collect()
}

pub fn rows_of(block: &Block) -> Vec<Row> {
    (0..block.rows())
        .map(|row| block.columns().iter().map(|c| c.value(row)).collect())
        .collect()
}

pub fn all_columns(snapshot: &Snapshot) -> Vec<usize> {
    (0..snapshot.def().columns.len()).collect()
}

/// Every stored row, sorted by value, by morsels of `target` rows.
pub fn scan(snapshot: &Snapshot, key: &KeyCondition, target: usize) -> Vec<Row> {
    let columns = all_columns(snapshot);
    let mut out: Vec<Row> = snapshot
        .morsels(key, target)
        .iter()
        .flat_map(|m| {
            let block = snapshot.read(m, &columns).unwrap();
            assert_eq!(block.rows(), m.rows());
            rows_of(&block)
        })
        .collect();
    out.sort();
    out
}

pub fn stored(storage: &Storage, table: TableId) -> Vec<Row> {
    scan(&storage.snapshot(table).unwrap(), &KeyCondition::all(), 65_536)
}

/// What `FINAL` shows, in its order.
pub fn final_rows(storage: &Storage, table: TableId, key: &KeyCondition) -> Vec<Row> {
    let snapshot = storage.snapshot(table).unwrap();
    let columns = all_columns(&snapshot);
    snapshot
        .scan_final(key, &columns)
        .unwrap()
        .flat_map(|b| rows_of(&b.unwrap()))
        .collect()
}

pub fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

/// What merges and mutations made and did not come to record is made again, not kept: it would have rows that are
/// deleted later.
pub fn assert_no_leftovers(storage: &Storage, context: &str) {
    let tables = storage.tables();
    for (table, _) in tables {
        for part in storage.detached_parts(table).unwrap() {
            let made = part
                .name
                .as_ref()
                .is_some_and(|n| n.level > 0 || n.mutation.is_some());
            assert!(!made, "{context}: {} is kept", part.path);
        }
    }
}
