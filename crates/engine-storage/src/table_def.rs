//! What the caller says about a table: columns, codecs, merge rule, and the expressions that storage cannot know.

use std::sync::Arc;

use engine_codec::ColumnCodec;
use engine_types::{Block, Column, DataType, Value};

use crate::disks::DEFAULT_POLICY;
use crate::skip_index::SkipIndexDef;

use crate::expiry::RowExpiry;
use crate::json_shred::{Derived, DerivedColumn};
use crate::mutation::RowChange;
use crate::row_fold::RowFold;

/// Names a table for ever; ids are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

impl std::fmt::Display for TableId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A stored column. `LowCardinality` types are stored as a dictionary per part.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: String,
    pub ty: DataType,
    /// How blocks of new parts are written.
    pub codec: ColumnCodec,
    /// A String column of JSON objects, the values of whose frequent keys are kept in columns of their own.
    pub json: bool,
}

impl ColumnDef {
    pub fn new(name: impl Into<String>, ty: DataType) -> Self {
        Self {
            name: name.into(),
            ty,
            codec: ColumnCodec::default(),
            json: false,
        }
    }
}

/// What merges (and `FINAL`) do with rows of equal sorting keys. Column numbers index [`TableDef::columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRule {
    /// Keep all.
    Plain,
    /// Keep the row of the greatest version; of equal ones, and without a version, the last inserted. A kept row
    /// whose `is_deleted` is not 0 is hidden by `FINAL`.
    Replacing {
        version: Option<usize>,
        is_deleted: Option<usize>,
    },
    /// Rows of sign +1 and -1 cancel.
    Collapsing { sign: usize },
    /// The same in any order of arrival; the version is the last column of the sorting key.
    VersionedCollapsing { sign: usize },
    /// All rows become one, by [`TableDef::fold`].
    Folding,
}

/// A part is wide from this many raw bytes and this many rows on, and compact below either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideFrom {
    pub bytes: u64,
    pub rows: u64,
}

impl WideFrom {
    pub(crate) fn is_wide(self, bytes: u64, rows: u64) -> bool {
        bytes >= self.bytes && rows >= self.rows
    }
}

impl Default for WideFrom {
    fn default() -> Self {
        Self {
            bytes: 10 << 20,
            rows: 0,
        }
    }
}

/// Which merges take the columns one after the other, so that they need less memory. ClickHouse's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerticalMerges {
    pub enabled: bool,
    /// Rows of the sources together.
    pub rows_min: u64,
    /// Columns beside those of the keys, those of shredded JSON columns counted.
    pub columns_min: usize,
    /// Raw bytes of the sources together.
    pub bytes_min: u64,
}

impl Default for VerticalMerges {
    fn default() -> Self {
        Self {
            enabled: true,
            rows_min: 16 * 8192,
            columns_min: 11,
            bytes_min: 0,
        }
    }
}

/// When inserts into a partition with many parts wait, or fail. ClickHouse's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPressure {
    /// From this many parts on, an insert waits: longer the more there are …
    pub delay_from: usize,
    /// … and from this many on it is refused. 0 = never.
    pub refuse_from: usize,
    /// The longest an insert waits.
    pub delay_ms_max: u64,
}

impl Default for PartPressure {
    fn default() -> Self {
        Self {
            delay_from: 1000,
            refuse_from: 3000,
            delay_ms_max: 1000,
        }
    }
}

/// A table as storage sees it.
#[derive(Clone)]
pub struct TableDef {
    pub database: String,
    pub name: String,
    pub columns: Vec<ColumnDef>,
    /// Types of what [`KeyExprs::sorting_key`] answers; empty = insertion order.
    pub sorting_key_types: Vec<DataType>,
    pub merge_rule: MergeRule,
    /// How [`MergeRule::Folding`] joins rows.
    pub fold: Option<Arc<dyn RowFold>>,
    /// Which rows and values merges drop because their time is over.
    pub expiry: Option<Arc<dyn RowExpiry>>,
    /// Columns of the exact look-up index behind `Storage::contains`; empty = none.
    pub lookup_columns: Vec<usize>,
    pub granule_rows: usize,
    pub granule_bytes: usize,
    /// Parts that have been seen for so long are merged in any case, and deleted rows leave them; `None` = whenever it is
    /// worth it.
    pub merge_after_ms: Option<u64>,
    /// Opaque to storage; handed back at open, e.g. the CREATE statement.
    pub definition: Vec<u8>,
    pub keys: Arc<dyn KeyExprs>,
    /// What the last of `columns` are computed from; storage adds such columns to definitions of its own.
    pub derived: Vec<DerivedColumn>,
    pub wide_from: WideFrom,
    pub pressure: PartPressure,
    pub projections: Vec<Projection>,
    /// Columns whose least and greatest values are kept for each granule.
    pub granule_ranges: Vec<usize>,
    /// Written with every part.
    pub skip_indexes: Vec<SkipIndexDef>,
    pub vertical: VerticalMerges,
    /// How columns without a codec of their own are written.
    pub default_codec: ColumnCodec,
    /// The name of the policy that says on which disks parts may be.
    pub storage_policy: String,
}

/// A hidden part inside every part: some columns of the same rows in another order, or rows that are made of them.
#[derive(Clone)]
pub struct Projection {
    pub name: String,
    /// Columns, order and granules of the hidden parts. Its `definition` tells them from those of an older projection of
    /// the same name.
    pub def: Arc<TableDef>,
    /// The columns of the table that the columns of `def` are, or are made of.
    pub columns: Vec<usize>,
    /// `None`: the rows are those of the part.
    pub rows: Option<Arc<dyn ProjectionRows>>,
}

/// What the rows of hidden parts are made of: groups with states of aggregates, for one.
pub trait ProjectionRows: Send + Sync {
    /// The hidden rows of some rows of the part, given the projection's columns of these. Hidden rows of all pieces of a
    /// part, merged by the rule of the hidden table, stand for the part.
    ///
    /// # Errors
    ///
    /// A text that says why; the part goes without the hidden one.
    fn rows(&self, block: &Block) -> Result<Block, String>;
}

impl TableDef {
    /// A table that keeps all rows, unpartitioned unless `keys` says otherwise, with ClickHouse's granule sizes.
    pub fn new(
        database: impl Into<String>,
        name: impl Into<String>,
        columns: Vec<ColumnDef>,
        sorting_key_types: Vec<DataType>,
        keys: Arc<dyn KeyExprs>,
    ) -> Self {
        Self {
            database: database.into(),
            name: name.into(),
            columns,
            sorting_key_types,
            merge_rule: MergeRule::Plain,
            fold: None,
            expiry: None,
            lookup_columns: Vec::new(),
            granule_rows: 8192,
            granule_bytes: 10 << 20,
            merge_after_ms: None,
            definition: Vec::new(),
            keys,
            derived: Vec::new(),
            wide_from: WideFrom::default(),
            pressure: PartPressure::default(),
            projections: Vec::new(),
            granule_ranges: Vec::new(),
            skip_indexes: Vec::new(),
            vertical: VerticalMerges::default(),
            default_codec: ColumnCodec::Auto,
            storage_policy: DEFAULT_POLICY.to_owned(),
        }
    }

    /// The same, hidden parts too, with another [`Self::default_codec`].
    pub(crate) fn with_default_codec(&self, codec: &ColumnCodec) -> Self {
        let mut def = self.clone();
        def.default_codec = codec.clone();
        for projection in &mut def.projections {
            projection.def = Arc::new(projection.def.with_default_codec(codec));
        }
        def
    }

    /// How `column` is written.
    pub(crate) fn codec_of(&self, column: &ColumnDef) -> ColumnCodec {
        match (&column.codec, &self.default_codec) {
            (ColumnCodec::Auto, ColumnCodec::Auto) => ColumnCodec::Auto,
            (ColumnCodec::Auto, codec) if codec.check(&column.ty).is_ok() => codec.clone(),
            // What is for other types is left out.
            (ColumnCodec::Auto, codec) => ColumnCodec::of(codec.compression()),
            (own, _) => own.clone(),
        }
    }

    /// What column `index` is computed from, when it is no column proper.
    pub(crate) fn derived_at(&self, index: usize) -> Option<&Derived> {
        let first = self.columns.len() - self.derived.len();
        Some(&self.derived.get(index.checked_sub(first)?)?.0)
    }

    /// Whether parts have the rest of column `index` in its place.
    pub(crate) fn is_taken_apart(&self, index: usize) -> bool {
        self.rest_of(index).is_some()
    }

    fn rest_of(&self, index: usize) -> Option<usize> {
        let of_index = |d: &DerivedColumn| matches!(&d.0, Derived::Rest { column, .. } if *column == index);
        let at = self.derived.iter().position(of_index)?;
        Some(self.columns.len() - self.derived.len() + at)
    }

    /// The columns of a part, in its order: those proper, a rest in place of its text, then cells.
    pub(crate) fn written_order(&self) -> Vec<usize> {
        let proper = self.columns.len() - self.derived.len();
        let cells = (proper..self.columns.len())
            .filter(|c| matches!(self.derived_at(*c), Some(Derived::Cells { .. })));
        let columns = (0..proper).map(|c| self.rest_of(c).unwrap_or(c));
        columns.chain(cells).collect()
    }

    /// `database.name`, for messages.
    pub fn full_name(&self) -> String {
        format!("`{}`.`{}`", self.database, self.name)
    }

    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// Hash of column names and types: the shape that rows in the log must have.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut text = String::new();
        for column in &self.columns {
            text.push_str(&column.name);
            text.push('\0');
            text.push_str(&column.ty.to_string());
            text.push('\0');
        }
        engine_codec::hash64(text.as_bytes())
    }
}

impl std::fmt::Debug for TableDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableDef")
            .field("database", &self.database)
            .field("name", &self.name)
            .field("columns", &self.columns)
            .field("merge_rule", &self.merge_rule)
            .finish_non_exhaustive()
    }
}

/// Rows by partition: `ids[rows[i]]` is the partition of row `i`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// Distinct ids, e.g. `202111`.
    pub ids: Vec<String>,
    pub rows: Vec<u32>,
}

impl Partitions {
    /// All rows in the partition `all`.
    pub fn unpartitioned(rows: usize) -> Self {
        Self {
            ids: vec!["all".to_owned()],
            rows: vec![0; rows],
        }
    }
}

/// Expressions of a table, computed by the caller. They must be pure: the same block gives the same answer for ever.
pub trait KeyExprs: Send + Sync {
    /// One column per sorting key expression, as long as the block, which has all columns of the table.
    fn sorting_key(&self, block: &Block) -> Result<Vec<Column>, String>;

    /// The columns [`Self::sorting_key`] looks at; others may be defaults in the block it gets. `None` = all.
    fn sorting_key_inputs(&self) -> Option<Vec<usize>> {
        None
    }

    fn partition(&self, block: &Block) -> Result<Partitions, String> {
        Ok(Partitions::unpartitioned(block.rows()))
    }

    /// The values of the partition key's elements behind a partition's id, where they can be told from it.
    fn partition_values(&self, id: &str) -> Vec<Option<Value>> {
        let _ = id;
        Vec::new()
    }

    /// The expressions of skip index `index` (of [`TableDef::skip_indexes`]) over a block of all columns of the table.
    fn skip_index(&self, index: usize, block: &Block) -> Result<Vec<Column>, String> {
        let _ = block;
        Err(format!("there is no skip index {index}"))
    }

    /// The columns [`Self::skip_index`] looks at; others may be defaults in the block it gets. `None` = all.
    fn skip_index_inputs(&self) -> Option<Vec<usize>> {
        None
    }

    /// Column `index` of rows in a part that was written before the column was added.
    fn missing_column(
        &self,
        index: usize,
        ty: &DataType,
        source: &dyn ColumnSource,
    ) -> Result<Column, String> {
        let _ = index;
        Ok(Column::defaults(ty, source.rows()))
    }

    /// The steps of a mutation, from the command that [`crate::Storage::add_mutation`] was given.
    fn row_changes(&self, command: &[u8]) -> Result<Vec<Arc<dyn RowChange>>, String> {
        let _ = command;
        Err("the table takes no mutations".to_owned())
    }
}

/// Other columns of the rows for which a default is computed.
pub trait ColumnSource {
    fn rows(&self) -> usize;
    fn column(&self, index: usize) -> Result<Column, String>;
}

/// Turns the persisted definition of a table into what storage works with.
pub trait DefinitionLoader {
    fn load(&self, definition: &[u8]) -> Result<TableDef, String>;
}

impl<F: Fn(&[u8]) -> Result<TableDef, String>> DefinitionLoader for F {
    fn load(&self, definition: &[u8]) -> Result<TableDef, String> {
        self(definition)
    }
}
