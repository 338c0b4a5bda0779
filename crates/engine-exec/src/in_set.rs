//! The right side of IN as a table: prepared once, asked for every block.

use engine_types::{Column, DataType, Value};
use parking_lot::Mutex;

use crate::block_ops::split_nulls;
use crate::key_table::{ABSENT, CodeCache, KeyTable, NullKeys};

#[derive(Debug)]
pub(crate) struct PreparedSet {
    table: KeyTable,
    tuple: bool,
    /// Caches not in use; one for each thread that asks at the same time.
    caches: Mutex<Vec<CodeCache>>,
}

impl PreparedSet {
    /// An empty set for values of type `ty`.
    pub(crate) fn new(ty: &DataType) -> Self {
        let (types, tuple) = match ty.bare() {
            DataType::Tuple(elements) => (elements.iter().map(|(_, ty)| ty.clone()).collect(), true),
            other => (vec![other.clone()], false),
        };
        Self {
            table: KeyTable::new(&types, NullKeys::Skip),
            tuple,
            caches: Mutex::default(),
        }
    }

    pub(crate) fn of_values(ty: &DataType, values: &[Value]) -> Self {
        let mut set = Self::new(ty);
        let values: Vec<Value> = values.iter().filter(|v| !has_null(v)).cloned().collect();
        set.add(&Column::from_values(ty.bare(), &values));
        set
    }

    /// Adds every row of a column of the set's type (`Nullable` or not).
    pub(crate) fn add(&mut self, column: &Column) {
        let keys = self.keys(column);
        self.table
            .insert(&keys, column.len(), &mut Vec::new(), &mut Vec::new());
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.table.byte_size()
    }

    /// 0 not in, 1 in, 2 the row is NULL.
    pub(crate) fn test(&self, column: &Column) -> Vec<u8> {
        let mut cache = self.caches.lock().pop().unwrap_or_default();
        let mut groups = Vec::new();
        self.table
            .find(&self.keys(column), column.len(), &mut cache, &mut groups);
        self.caches.lock().push(cache);
        let mut out: Vec<u8> = groups.iter().map(|&g| u8::from(g != ABSENT)).collect();
        let mut mark = |nulls: &[u8]| {
            for (state, &null) in out.iter_mut().zip(nulls) {
                if null != 0 {
                    *state = 2;
                }
            }
        };
        match column {
            Column::Nullable(n) => mark(&n.nulls),
            Column::Const(_) | Column::Dict(_) | Column::Runs(_) => {
                if let (Some(nulls), _) = split_nulls(&column.flatten()) {
                    mark(nulls);
                }
            }
            _ => {}
        }
        out
    }

    fn keys(&self, column: &Column) -> Vec<Column> {
        if !self.tuple {
            return vec![column.clone()];
        }
        match column.flatten() {
            Column::Tuple(t) => t.elements,
            other => vec![other],
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Tuple(elements) => elements.iter().any(Value::is_null),
        _ => false,
    }
}
