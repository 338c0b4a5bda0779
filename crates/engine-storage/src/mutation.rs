//! Mutations: changes of rows that parts take one after the other, each in a new version.
//!
//! What a mutation does is computed by the table's owner: storage keeps its command as bytes, and gets a [`RowChange`]
//! for each of its steps from [`crate::KeyExprs::row_changes`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_types::{Block, Column};
use parking_lot::Mutex;

use crate::error::{Result, StorageError};
use crate::key_condition::KeyCondition;
use crate::part::PartName;
use crate::table_def::TableDef;

/// What happens to the rows that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEffect {
    /// They go: the part is written anew without them.
    Delete,
    /// They are hidden at once and go with the next merge.
    Hide,
    /// They get other values in these columns (numbers in the table); other columns stay as they are on disk.
    Update { columns: Vec<usize> },
}

/// One step of a mutation, ready to run. Blocks have all columns of the table; those that a function does not name as
/// its inputs may be defaults.
pub trait RowChange: Send + Sync {
    fn effect(&self) -> RowEffect;

    /// Whether a part with these columns is concerned at all; `has_column` takes numbers in the table.
    fn concerns(&self, has_column: &dyn Fn(usize) -> bool) -> bool {
        let _ = has_column;
        true
    }

    /// Rows outside of it do not match.
    fn condition(&self) -> KeyCondition {
        KeyCondition::all()
    }

    /// The columns that [`Self::matches`] looks at.
    fn match_inputs(&self) -> Vec<usize>;

    /// For each row whether it matches.
    fn matches(&self, rows: &Block) -> std::result::Result<Vec<bool>, String>;

    /// The columns that [`Self::updated`] looks at.
    fn update_inputs(&self) -> Vec<usize>;

    /// New values of the columns of [`RowEffect::Update`], in that order, for rows that all match.
    fn updated(&self, rows: &Block) -> std::result::Result<Vec<Column>, String>;
}

/// A mutation as callers see it.
#[derive(Clone, Debug)]
pub struct MutationStatus {
    /// Its number in the table; `mutation_<number>.txt`.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// As it was given; `Err`: its file is damaged.
    pub command: std::result::Result<Arc<[u8]>, String>,
    pub parts_to_do: Vec<PartName>,
    pub is_done: bool,
    /// The last part that it failed on, and why.
    pub failure: Option<(PartName, String)>,
}

/// The steps of a mutation.
pub(crate) type RowChanges = Arc<Vec<Arc<dyn RowChange>>>;

pub(crate) struct Mutation {
    pub number: u64,
    pub created_ms: u64,
    pub partition: Option<String>,
    /// `Err`: its file is damaged.
    pub command: std::result::Result<Arc<[u8]>, String>,
    done: AtomicBool,
    killed: AtomicBool,
    failure: Mutex<Option<Failure>>,
    /// With the definition that it was prepared for.
    prepared: Mutex<Option<(Arc<TableDef>, RowChanges)>>,
}

#[derive(Clone, Debug)]
struct Failure {
    part: PartName,
    uid: u64,
    reason: String,
    /// Not tried again for now.
    rests: bool,
}

impl Mutation {
    pub fn new(
        number: u64,
        created_ms: u64,
        partition: Option<String>,
        command: std::result::Result<Arc<[u8]>, String>,
        is_done: bool,
    ) -> Self {
        Self {
            number,
            created_ms,
            partition,
            command,
            done: AtomicBool::new(is_done),
            killed: AtomicBool::new(false),
            failure: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    pub fn set_done(&self) {
        self.done.store(true, Ordering::Release);
        *self.prepared.lock() = None;
    }

    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
    }

    /// Whether it is about the part's partition.
    pub fn concerns(&self, part: &PartName) -> bool {
        self.partition.as_ref().is_none_or(|p| *p == part.partition)
    }

    /// Its steps, prepared once for a definition: what is constant in them is computed once.
    pub fn changes(&self, def: &Arc<TableDef>) -> Result<RowChanges> {
        let mut prepared = self.prepared.lock();
        if let Some((of, changes)) = prepared.as_ref()
            && Arc::ptr_eq(of, def)
        {
            return Ok(changes.clone());
        }
        let failed = |problem: String| StorageError::Expression {
            table: def.full_name(),
            problem,
        };
        let command = self.command.clone().map_err(failed)?;
        let changes = Arc::new(def.keys.row_changes(&command).map_err(failed)?);
        *prepared = Some((def.clone(), changes.clone()));
        Ok(changes)
    }

    pub fn failure(&self) -> Option<(PartName, String)> {
        let failure = self.failure.lock();
        failure.as_ref().map(|f| (f.part.clone(), f.reason.clone()))
    }

    pub fn set_failure(&self, part: &PartName, uid: u64, reason: String) {
        *self.failure.lock() = Some(Failure {
            part: part.clone(),
            uid,
            reason,
            rests: true,
        });
    }

    /// After a part was changed: what failed before may have been mended.
    pub fn clear_failure(&self, uid: u64) {
        let mut failure = self.failure.lock();
        if failure.as_ref().is_some_and(|f| f.uid == uid) {
            *failure = None;
        }
    }

    /// Whether it failed and is not to be tried for now.
    pub fn rests(&self) -> bool {
        self.failure.lock().as_ref().is_some_and(|f| f.rests)
    }

    pub fn try_again(&self) {
        if let Some(failure) = self.failure.lock().as_mut() {
            failure.rests = false;
        }
    }
}
