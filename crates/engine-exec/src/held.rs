//! The memory that columns hold: every allocation counts once, however many columns share it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;

use engine_types::{Block, Column};

use crate::ExecError;
use crate::hash::hash_u64;
use crate::memory::{Memory, Reservation};

/// What one evaluation holds, lambdas and rows apart included: one reservation for all of it.
pub(crate) struct Usage {
    reservation: RefCell<Reservation>,
    bytes: Cell<usize>,
    peak: Cell<usize>,
}

impl Usage {
    pub(crate) fn new(memory: &Memory, what: &'static str) -> Self {
        Self {
            reservation: RefCell::new(memory.reserve(what)),
            bytes: Cell::new(0),
            peak: Cell::new(0),
        }
    }

    /// The most bytes held at once.
    pub(crate) fn peak(&self) -> usize {
        self.peak.get()
    }

    fn take(&self, more: usize) -> Result<(), ExecError> {
        let bytes = self.bytes.get().saturating_add(more);
        self.reservation.borrow_mut().set(bytes)?;
        self.bytes.set(bytes);
        self.peak.set(self.peak.get().max(bytes));
        Ok(())
    }

    fn give_back(&self, fewer: usize) {
        let bytes = self.bytes.get().saturating_sub(fewer);
        self.bytes.set(bytes);
        self.reservation.borrow_mut().shrink(bytes);
    }
}

/// Some columns of an evaluation; what they hold is given back when dropped.
pub(crate) struct Held<'a> {
    usage: &'a Usage,
    allocations: HashMap<usize, Allocation, BuildHasherDefault<OfAddress>>,
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Allocation {
    bytes: usize,
    /// How many of the columns share it; those that are counted elsewhere are never given back.
    columns: u32,
    elsewhere: bool,
}

impl<'a> Held<'a> {
    pub(crate) fn new(usage: &'a Usage) -> Self {
        Self {
            usage,
            allocations: HashMap::default(),
            bytes: 0,
        }
    }

    /// What these columns hold is counted elsewhere.
    pub(crate) fn counted_elsewhere(&mut self, columns: &[Column]) {
        for column in columns {
            column.allocations(&mut |address, _| {
                self.allocations.insert(
                    address,
                    Allocation {
                        bytes: 0,
                        columns: 0,
                        elsewhere: true,
                    },
                );
            });
        }
    }

    /// Counts what the column holds, unless it is `known` to be counted elsewhere.
    pub(crate) fn add(&mut self, column: &Column, known: &dyn Fn(usize) -> bool) -> Result<(), ExecError> {
        let mut more = 0;
        column.allocations(&mut |address, bytes| {
            let allocation = self.allocations.entry(address).or_insert_with(|| {
                let elsewhere = known(address);
                more += if elsewhere { 0 } else { bytes };
                Allocation {
                    bytes,
                    columns: 0,
                    elsewhere,
                }
            });
            allocation.columns += 1;
        });
        self.add_bytes(more)
    }

    /// Bytes that are no column's.
    pub(crate) fn add_bytes(&mut self, more: usize) -> Result<(), ExecError> {
        if more > 0 {
            self.usage.take(more)?;
            self.bytes += more;
        }
        Ok(())
    }

    /// The opposite of [`Self::add`].
    pub(crate) fn remove(&mut self, column: &Column) {
        let mut fewer = 0;
        column.allocations(&mut |address, _| {
            if let Some(allocation) = self.allocations.get_mut(&address)
                && !allocation.elsewhere
            {
                allocation.columns = allocation.columns.saturating_sub(1);
                if allocation.columns == 0 {
                    fewer += allocation.bytes;
                    self.allocations.remove(&address);
                }
            }
        });
        if fewer > 0 {
            self.bytes = self.bytes.saturating_sub(fewer);
            self.usage.give_back(fewer);
        }
    }

    /// Leaves what the columns hold to the usage.
    pub(crate) fn leave(&mut self) {
        self.bytes = 0;
    }

    pub(crate) fn contains(&self, address: usize) -> bool {
        self.allocations.contains_key(&address)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.usage.give_back(self.bytes);
        }
    }
}

/// The columns of an evaluation, and the memory they hold beside its input.
pub(crate) struct Evaluated {
    columns: Vec<Column>,
    /// The most bytes the evaluation held at once.
    pub(crate) peak: usize,
    _memory: Reservation,
}

impl Evaluated {
    /// Of an evaluation that has ended but for what its columns hold.
    pub(crate) fn new(columns: Vec<Column>, usage: Usage) -> Self {
        Self {
            columns,
            peak: usage.peak(),
            _memory: usage.reservation.into_inner(),
        }
    }

    /// Without the reservation: for those who count the columns themselves.
    pub(crate) fn into_columns(self) -> Vec<Column> {
        self.columns
    }
}

impl Deref for Evaluated {
    type Target = [Column];
    fn deref(&self) -> &[Column] {
        &self.columns
    }
}

/// A block on its way through a pipeline: what it holds beside the blocks that it was made of.
pub(crate) struct InFlight<'a> {
    before: Option<&'a InFlight<'a>>,
    allocations: HashSet<usize, BuildHasherDefault<OfAddress>>,
    _memory: Option<Reservation>,
}

impl<'a> InFlight<'a> {
    /// A block whose source counts what it holds.
    pub(crate) fn of_source(block: &Block) -> Self {
        let mut flight = Self {
            before: None,
            allocations: HashSet::default(),
            _memory: None,
        };
        for column in block.columns() {
            column.allocations(&mut |address, _| {
                flight.allocations.insert(address);
            });
        }
        flight
    }

    /// A block made of those before.
    pub(crate) fn behind(
        before: &'a InFlight<'a>,
        block: &Block,
        memory: &Memory,
    ) -> Result<Self, ExecError> {
        let mut flight = Self {
            before: Some(before),
            allocations: HashSet::default(),
            _memory: None,
        };
        let mut held = 0;
        for column in block.columns() {
            column.allocations(&mut |address, bytes| {
                if !before.contains(address) && flight.allocations.insert(address) {
                    held += bytes;
                }
            });
        }
        if held > 0 {
            let mut reservation = memory.reserve("blocks");
            reservation.set(held)?;
            flight._memory = Some(reservation);
        }
        Ok(flight)
    }

    fn contains(&self, address: usize) -> bool {
        self.allocations.contains(&address) || self.before.is_some_and(|before| before.contains(address))
    }
}

/// Addresses need no better hash.
#[derive(Default)]
pub(crate) struct OfAddress(u64);

impl Hasher for OfAddress {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = hash_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = hash_u64(address as u64);
    }
}
