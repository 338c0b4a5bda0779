//! `PROJECTION p (SELECT a, b ORDER BY b)`: a table of its own inside every part, in another order or of groups.
//!
//! Projections of columns and those with aggregates are kept; those with conditions or with other expressions are part of
//! the definition and have no effect.

use std::sync::Arc;

use engine_exec::ScanRequest;
use engine_sql::ast::{
    ColumnDef, CreateTable, EngineSpec, Expr, ObjectName, ProjectionDef, Select, Statement, Storage,
};
use engine_storage::TableDef;
use engine_types::DataType;

use crate::definition::Definition;
use crate::error::{EngineError, Result};
use crate::group_projection::Groups;
use crate::shape::{ColumnKind, Shape, TableColumn};

pub(crate) struct TableProjection {
    pub(crate) name: String,
    /// Of the hidden table.
    pub(crate) shape: Arc<Shape>,
    rows: Rows,
}

enum Rows {
    /// Those of the table: position there of each column of the hidden table.
    Columns(Vec<usize>),
    Groups(Groups),
}

const NOT_FOR_THIS_ENGINE: u32 = 344;

/// The projections of a definition that are kept. One that makes no sense (any more) is left out; [`check`] refuses it
/// where it is made.
pub(crate) fn projections(create: &CreateTable, columns: &[TableColumn]) -> Vec<TableProjection> {
    let kept = create.projections.iter();
    kept.filter_map(|p| projection(create, p, columns).ok().flatten())
        .collect()
}

/// Refuses projections that name unknown columns, and all of them where merges drop rows.
pub(crate) fn check(shape: &Shape) -> Result<()> {
    let create = shape.create()?;
    let engine = create
        .storage
        .engine
        .as_ref()
        .map_or("MergeTree", |e| e.name.as_str());
    let plain = matches!(
        engine
            .trim_start_matches("Replicated")
            .trim_start_matches("Shared"),
        "MergeTree"
    );
    if !plain && !create.projections.is_empty() {
        return Err(EngineError::refused(
            NOT_FOR_THIS_ENGINE,
            format!("projections are not supported by {engine}, whose merges drop rows"),
        ));
    }
    for (at, definition) in create.projections.iter().enumerate() {
        if create.projections[..at].iter().any(|p| p.name == definition.name) {
            return Err(EngineError::refused(
                583,
                format!("projection `{}` is there twice", definition.name),
            ));
        }
        projection(create, definition, &shape.columns)?;
    }
    Ok(())
}

/// `None`: one that has no effect.
fn projection(
    create: &CreateTable,
    definition: &ProjectionDef,
    columns: &[TableColumn],
) -> Result<Option<TableProjection>> {
    if let Some(groups) = Groups::of(create, definition, columns)? {
        return of_groups(create, definition, groups, columns);
    }
    let select = definition.select.as_ref();
    let unlike = Select {
        projection: Vec::new(),
        order_by: Vec::new(),
        ..select.clone()
    };
    if unlike != Select::default() {
        return Ok(None);
    }
    let unknown = |name: &str| {
        EngineError::refused(
            47,
            format!(
                "projection `{}` of {} names an unknown column `{name}`",
                definition.name, create.name
            ),
        )
    };
    let position = |name: &str| {
        let found = columns.iter().position(|c| c.name == name);
        found.ok_or_else(|| unknown(name))
    };
    let mut picked: Vec<usize> = Vec::new();
    let add = |picked: &mut Vec<usize>, at: usize| {
        if !picked.contains(&at) {
            picked.push(at);
        }
    };
    for item in &select.projection {
        match item {
            Expr::Star(star) if star.as_ref() == &engine_sql::ast::Star::default() => {
                for (at, column) in columns.iter().enumerate() {
                    if matches!(column.kind, ColumnKind::Ordinary | ColumnKind::Default) {
                        add(&mut picked, at);
                    }
                }
            }
            Expr::Identifier(path) if path.len() == 1 => add(&mut picked, position(&path[0])?),
            _ => return Ok(None),
        }
    }
    let order_by: Vec<Expr> = match select.order_by.as_slice() {
        [only] => crate::shape::key_list(Some(&only.expr)),
        list => list.iter().map(|o| o.expr.clone()).collect(),
    };
    // What the order is computed from is stored too.
    let schema: engine_types::Schema = columns
        .iter()
        .map(|c| engine_types::Field::new(&c.name, c.ty.clone()))
        .collect();
    for expr in &order_by {
        let bound = crate::binding::bind_over(expr, &schema)?;
        crate::binding::visit_columns(&bound, &mut |c| add(&mut picked, c));
    }
    if picked.iter().any(|&c| columns[c].stored.is_none()) {
        return Ok(None);
    }
    let of_hidden = picked
        .iter()
        .map(|&c| {
            let column = &columns[c];
            let codec = create.columns.iter().find(|d| d.name == column.name);
            Ok(ColumnDef {
                codec: codec.and_then(|d| d.codec.clone()),
                ..hidden_column(&column.name, &column.ty)?
            })
        })
        .collect::<Result<_>>()?;
    Ok(Some(TableProjection {
        name: definition.name.clone(),
        shape: hidden_shape(create, definition, of_hidden, "MergeTree", order_by)?,
        rows: Rows::Columns(picked),
    }))
}

/// Keys first, so that conditions on them prune, and rows of equal keys become one.
fn of_groups(
    create: &CreateTable,
    definition: &ProjectionDef,
    groups: Groups,
    columns: &[TableColumn],
) -> Result<Option<TableProjection>> {
    if groups.inputs().iter().any(|&c| columns[c].stored.is_none()) {
        return Ok(None);
    }
    let schema = groups.schema();
    let of_hidden = schema.iter().map(|field| hidden_column(&field.name, &field.ty));
    let of_hidden = of_hidden.collect::<Result<_>>()?;
    let keys = schema[..groups.keys()].iter();
    let order_by = keys
        .map(|field| Expr::Identifier(vec![field.name.clone()]))
        .collect();
    Ok(Some(TableProjection {
        name: definition.name.clone(),
        shape: hidden_shape(create, definition, of_hidden, "AggregatingMergeTree", order_by)?,
        rows: Rows::Groups(groups),
    }))
}

fn hidden_column(name: &str, ty: &DataType) -> Result<ColumnDef> {
    Ok(ColumnDef {
        name: name.to_owned(),
        ty: Some(engine_sql::parse_type_name(ty.to_string())?),
        null: None,
        default: None,
        comment: None,
        codec: None,
        ttl: None,
    })
}

fn hidden_shape(
    create: &CreateTable,
    definition: &ProjectionDef,
    columns: Vec<ColumnDef>,
    engine: &str,
    order_by: Vec<Expr>,
) -> Result<Arc<Shape>> {
    let hidden = CreateTable {
        attach: false,
        or_replace: false,
        temporary: false,
        if_not_exists: false,
        name: ObjectName::new(None, &definition.name),
        uuid: None,
        cluster: None,
        columns,
        indexes: Vec::new(),
        projections: Vec::new(),
        constraints: Vec::new(),
        storage: Storage {
            engine: Some(EngineSpec {
                name: engine.to_owned(),
                args: None,
            }),
            order_by: Some(Expr::Tuple(order_by)),
            settings: create.storage.settings.clone(),
            ..Storage::default()
        },
        as_table: None,
        as_query: None,
        empty: false,
        comment: None,
    };
    let shape = Shape::resolve(Definition::bare(Statement::CreateTable(Box::new(hidden))))?;
    Ok(Arc::new(shape))
}

impl TableProjection {
    /// What the storage is told; `table` is the table around it.
    pub(crate) fn storage_projection(
        &self,
        table: &Shape,
        database: &str,
        name: &str,
        granule_rows: Option<usize>,
    ) -> Result<engine_storage::Projection> {
        let picked = match &self.rows {
            Rows::Columns(columns) => columns,
            Rows::Groups(groups) => &groups.inputs(),
        };
        let columns: Vec<usize> = picked.iter().filter_map(|&c| table.columns[c].stored).collect();
        // Hidden parts hold what certain stored columns held, in a certain order: with others they are of no use.
        let mut identity = self
            .shape
            .create()?
            .storage
            .order_by
            .clone()
            .map_or_else(String::new, |e| e.to_string());
        let types: Vec<DataType> = columns.iter().map(|&c| table.stored[c].ty.clone()).collect();
        let rows = match &self.rows {
            Rows::Columns(_) => {
                for (hidden, stored) in self.shape.columns.iter().zip(&columns) {
                    let stored = &table.stored[*stored];
                    identity.push_str(&format!("\n{}\t{}\t{}", hidden.name, stored.name, stored.ty));
                }
                None
            }
            Rows::Groups(groups) => {
                for (column, stored) in picked.iter().zip(&columns) {
                    let stored = &table.stored[*stored];
                    identity.push_str(&format!("\n#{column}\t{}\t{}", stored.name, stored.ty));
                }
                identity.push_str(&groups.identity());
                Some(groups.rows(types))
            }
        };
        // CLEAR PROJECTION leaves the hidden parts that are there behind.
        if let Some(epoch) = table.definition.projection_epochs.get(&self.name) {
            identity.push_str(&format!("\ncleared {epoch}"));
        }
        Ok(engine_storage::Projection {
            name: self.name.clone(),
            def: Arc::new(TableDef {
                definition: identity.into_bytes(),
                ..self.shape.table_def(database, name, granule_rows)?
            }),
            columns,
            rows,
        })
    }

    /// The columns of a scan among those of the hidden table; `None` when it lacks one, or has other rows.
    pub(crate) fn columns_of(&self, request: &ScanRequest<'_>) -> Option<Vec<usize>> {
        let Rows::Columns(columns) = &self.rows else {
            return None;
        };
        let own = |c: &usize| columns.iter().position(|own| own == c);
        request.columns.iter().map(own).collect()
    }

    pub(crate) fn groups(&self) -> Option<&Groups> {
        match &self.rows {
            Rows::Columns(_) => None,
            Rows::Groups(groups) => Some(groups),
        }
    }
}
