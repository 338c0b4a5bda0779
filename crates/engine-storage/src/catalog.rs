//! The tables as they are now: what snapshots copy and publications change, under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::memtable::MemTable;
use crate::mutation::Mutation;
use crate::part::Part;
use crate::snapshot::Snapshot;
use crate::table_def::{TableDef, TableId};

#[derive(Default)]
pub(crate) struct Catalog {
    pub tables: BTreeMap<TableId, Table>,
    /// The last published log entry.
    pub lsn: u64,
}

pub(crate) struct Table {
    pub def: Arc<TableDef>,
    pub folder: String,
    pub parts: Arc<Vec<Arc<Part>>>,
    pub memtable: MemTable,
    /// Counts changes.
    pub version: u64,
    /// Next block number of each partition.
    pub next_block: HashMap<String, u64>,
    /// Parts that were replaced while somebody read them.
    outdated: Vec<Weak<Part>>,
    /// By number: those under way, and the last that are done.
    pub mutations: BTreeMap<u64, Arc<Mutation>>,
    /// The last number of a mutation: later blocks of all partitions have greater ones.
    pub last_mutation: u64,
}

impl Table {
    pub fn new(def: Arc<TableDef>, folder: String, mut parts: Vec<Arc<Part>>) -> Self {
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut next_block: HashMap<String, u64> = HashMap::new();
        let last_mutation = parts.iter().filter_map(|part| part.name.mutation).max();
        for part in &parts {
            let next = next_block.entry(part.name.partition.clone()).or_insert(1);
            *next = (*next).max(part.name.max_block + 1);
        }
        Self {
            def,
            folder,
            parts: Arc::new(parts),
            memtable: MemTable::default(),
            version: 0,
            next_block,
            outdated: Vec::new(),
            mutations: BTreeMap::new(),
            last_mutation: last_mutation.unwrap_or(0),
        }
    }

    /// A number that no part of the partition has had since the start of the process.
    pub fn take_block_number(&mut self, partition: &str) -> u64 {
        let next = self.next_block.entry(partition.to_owned()).or_insert(1);
        *next = (*next).max(self.last_mutation + 1) + 1;
        *next - 1
    }

    /// Parts that are no longer active, but still read by somebody.
    pub fn outdated(&self) -> Vec<Arc<Part>> {
        self.outdated.iter().filter_map(Weak::upgrade).collect()
    }

    /// A number that is greater than those of all blocks there are.
    pub fn next_mutation(&self) -> u64 {
        let blocks = self.next_block.values().map(|next| next - 1).max();
        self.last_mutation.max(blocks.unwrap_or(0)) + 1
    }

    pub fn add_mutation(&mut self, mutation: Arc<Mutation>) {
        self.last_mutation = self.last_mutation.max(mutation.number);
        self.mutations.insert(mutation.number, mutation);
    }

    /// Mutations that are under way and that the part waits for, in their order.
    pub fn pending<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = &'a Arc<Mutation>> {
        let waiting = self.mutations.range(part.name.data_version() + 1..);
        waiting
            .map(|(_, mutation)| mutation)
            .filter(|mutation| !mutation.is_done() && mutation.concerns(&part.name))
    }

    pub fn replace_parts(&mut self, remove: &[Arc<Part>], add: impl IntoIterator<Item = Arc<Part>>) {
        let mut parts: Vec<Arc<Part>> = self
            .parts
            .iter()
            .filter(|p| !remove.iter().any(|r| r.uid == p.uid))
            .cloned()
            .collect();
        self.outdated.retain(|part| part.strong_count() > 0);
        self.outdated.extend(remove.iter().map(Arc::downgrade));
        parts.extend(add);
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        self.parts = Arc::new(parts);
        self.version += 1;
    }
}

impl Catalog {
    pub fn table(&self, id: TableId) -> Result<&Table> {
        self.tables.get(&id).ok_or(StorageError::UnknownTable(id))
    }

    pub fn table_mut(&mut self, id: TableId) -> Result<&mut Table> {
        self.tables.get_mut(&id).ok_or(StorageError::UnknownTable(id))
    }

    pub fn find(&self, database: &str, name: &str) -> Option<TableId> {
        self.tables
            .iter()
            .find(|(_, t)| t.def.database == database && t.def.name == name)
            .map(|(id, _)| *id)
    }

    pub fn snapshot(&self, id: TableId) -> Result<Snapshot> {
        let table = self.table(id)?;
        Ok(Snapshot {
            table: id,
            def: table.def.clone(),
            parts: table.parts.clone(),
            memory: table.memtable.blocks(),
            lsn: self.lsn,
            version: table.version,
            counters: Arc::new(ReadCounters::default()),
            around: Arc::default(),
        })
    }
}
