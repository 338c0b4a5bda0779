//! Statements that change rows: ALTER … UPDATE and DELETE, DELETE FROM, KILL MUTATION.

use engine_sql::ast::{self, AlterAction, Delete, Kill, PartitionRef, PartitionVerb, Setting, Statement};
use engine_types::{Column, DataType, Value};

use crate::binding;
use crate::catalogue::{Object, Table};
use crate::ddl::resolve_name;
use crate::engine::Engine;
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::mutation_command::{MutationCommand, MutationStep, StepKind, SubqueryResult};
use crate::options::QueryOptions;
use crate::result::QueryResult;
use crate::row_change::row_changes;
use crate::shape::Shape;

/// What an ALTER asks of the rows, by partition: `None` = all.
type Steps = Vec<(Option<PartitionRef>, MutationStep)>;

/// Whether the statement is to wait for its mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    No,
    Yes,
}

/// The step that an action is, when it changes rows.
pub(crate) fn step_of(action: &AlterAction) -> Option<(Option<PartitionRef>, MutationStep)> {
    let (partition, kind) = match action {
        AlterAction::Update {
            set,
            partition,
            filter,
        } => (
            partition.clone(),
            StepKind::Update {
                set: set.clone(),
                filter: filter.clone(),
            },
        ),
        AlterAction::Delete { partition, filter } => (partition.clone(), StepKind::Delete(filter.clone())),
        AlterAction::MaterializeColumn { name, partition } => {
            (partition.clone(), StepKind::Materialize(name.clone()))
        }
        AlterAction::Partition {
            verb: PartitionVerb::ClearColumn(name),
            partition,
        } => (Some(partition.clone()), StepKind::Clear(name.clone())),
        _ => return None,
    };
    let text = format!("({action})");
    Some((partition, MutationStep { text, kind }))
}

impl Engine {
    /// Runs the steps as one mutation (one for each partition that they name).
    pub(crate) fn mutate(
        &self,
        name: &ast::ObjectName,
        steps: Steps,
        settings: &[Setting],
        options: &QueryOptions,
    ) -> Result<()> {
        let wait = wait(settings, options, "mutations_sync", Wait::No)?;
        self.add_steps(name, steps, wait, options)
    }

    /// `DELETE FROM`: rows are hidden when it returns, and leave with the next merge.
    pub(crate) fn delete(&self, delete: &Delete, options: &QueryOptions) -> Result<()> {
        let wait = wait(&delete.settings, options, "lightweight_deletes_sync", Wait::Yes)?;
        let mut text = "(UPDATE _row_exists = 0".to_owned();
        if let Some(partition) = &delete.partition {
            // Printed as ALTER prints it.
            let printed = AlterAction::Delete {
                partition: Some(partition.clone()),
                filter: delete.filter.clone(),
            };
            text.push_str(printed.to_string().trim_start_matches("DELETE"));
        } else {
            text.push_str(&format!(" WHERE {}", delete.filter));
        }
        text.push(')');
        let step = MutationStep {
            text,
            kind: StepKind::Hide(delete.filter.clone()),
        };
        self.add_steps(
            &delete.table,
            vec![(delete.partition.clone(), step)],
            wait,
            options,
        )
    }

    fn add_steps(
        &self,
        name: &ast::ObjectName,
        steps: Steps,
        wait: Wait,
        options: &QueryOptions,
    ) -> Result<()> {
        let (database, name) = resolve_name(name, options)?;
        let shape = self.mutable(&database, &name)?.shape.clone();
        let mut groups: Vec<(Option<String>, MutationCommand)> = Vec::new();
        for (partition, mut step) in steps {
            let partition = partition.map(|p| partition_of(&shape, &p)).transpose()?.flatten();
            if groups.last().is_none_or(|(p, _)| *p != partition) {
                groups.push((partition, empty_command(options)));
            }
            if let Some((_, command)) = groups.last_mut() {
                // Before any lock is taken: sub-queries may read this table.
                self.evaluate_subqueries(&shape, &mut step.kind, command, options)?;
                command.steps.push(step);
            }
        }
        let created_ms = u64::try_from(options.now.timestamp_millis()).unwrap_or(0);
        let mut added = Vec::new();
        let table = {
            let _definitions_stay = self.ddl.read();
            let table = self.mutable(&database, &name)?;
            for (_, command) in &groups {
                // Everything that can be known to be wrong is refused before it is recorded.
                row_changes(&table.shape, command)?;
            }
            for (partition, command) in groups {
                let bytes = command.encode();
                added.push(
                    self.storage
                        .add_mutation(table.id, partition, &bytes, created_ms)?,
                );
            }
            table.id
        };
        if wait == Wait::Yes {
            for number in added {
                self.wait_for_mutation(table, number, options)?;
            }
        }
        Ok(())
    }

    fn wait_for_mutation(
        &self,
        table: engine_storage::TableId,
        number: u64,
        options: &QueryOptions,
    ) -> Result<()> {
        let cancelled = || options.cancel.load(std::sync::atomic::Ordering::Relaxed);
        self.storage.wait_for_mutation(table, number, &cancelled)?;
        if cancelled() {
            return Err(engine_exec::ExecError::Cancelled.into());
        }
        Ok(())
    }

    /// Waits until nothing is left to do on the rows of a table: what its columns are may then change.
    pub(crate) fn finish_mutations(&self, table: &Table, options: &QueryOptions) -> Result<()> {
        let last = self
            .storage
            .mutations(table.id)?
            .iter()
            .rev()
            .find(|m| !m.is_done)
            .map(|m| m.number);
        match last {
            None => Ok(()),
            Some(number) => self.wait_for_mutation(table.id, number, options),
        }
    }

    fn mutable(&self, database: &str, name: &str) -> Result<std::sync::Arc<Table>> {
        let catalogue = self.catalogue();
        let Object::Table(table) = catalogue.get(database, name)? else {
            return Err(EngineError::refused(48, format!("`{name}` is a view")));
        };
        if matches!(table.shape.kind, EngineKind::Distributed { .. }) {
            return Err(EngineError::refused(
                48,
                format!("the rows of the Distributed table `{name}` are changed in its local table"),
            ));
        }
        Ok(table.clone())
    }

    /// Replaces sub-queries by their results.
    fn evaluate_subqueries(
        &self,
        shape: &Shape,
        step: &mut StepKind,
        command: &mut MutationCommand,
        options: &QueryOptions,
    ) -> Result<()> {
        let is_column = |path: &[String]| path.len() == 1 && shape.column(&path[0]).is_some();
        let mut evaluate = |query: &mut ast::Query| -> Result<()> {
            let answer = self.select(query, options)?;
            let rows = answer.rows();
            let result = SubqueryResult {
                types: answer.schema.iter().map(|f| f.ty.clone()).collect(),
                rows: std::sync::Arc::new(rows),
            };
            *query = command.stand_in();
            command.subqueries.push(result);
            Ok(())
        };
        match step {
            StepKind::Delete(filter) | StepKind::Hide(filter) => {
                filter.visit_subqueries(&is_column, &mut evaluate)
            }
            StepKind::Update { set, filter } => {
                for (_, expr) in set {
                    expr.visit_subqueries(&is_column, &mut evaluate)?;
                }
                filter.visit_subqueries(&is_column, &mut evaluate)
            }
            StepKind::Materialize(_) | StepKind::Clear(_) => Ok(()),
        }
    }

    /// `KILL MUTATION WHERE …`: what was killed, as ClickHouse lists it.
    pub(crate) fn kill(&self, kill: &Kill, options: &QueryOptions) -> Result<QueryResult> {
        if !kill.mutation {
            return Err(EngineError::refused(48, "KILL QUERY is not supported"));
        }
        let sql = format!(
            "SELECT database, table, mutation_id, any(command) FROM system.mutations \
             WHERE NOT is_done AND ({}) GROUP BY database, table, mutation_id ORDER BY 1, 2, 3",
            kill.filter
        );
        let Statement::Query(query) = engine_sql::parse_statement(sql)? else {
            return Err(EngineError::Internal(
                "the list of mutations is no query".to_owned(),
            ));
        };
        let found: Vec<Vec<Value>> = self.select(&query, options)?.rows();
        let test = kill.mode.as_deref() == Some("TEST");
        let text = |value: &Value| match value {
            Value::String(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let mut killed: Vec<Vec<Value>> = vec![Vec::new(); 5];
        let catalogue = self.catalogue();
        for row in found {
            let [database, name, id, _] = row.as_slice() else {
                continue;
            };
            let number = text(id)
                .strip_prefix("mutation_")
                .and_then(|id| id.strip_suffix(".txt")?.parse().ok());
            let (Some(number), Ok(Object::Table(table))) =
                (number, catalogue.get(&text(database), &text(name)))
            else {
                continue;
            };
            if test || self.storage.kill_mutation(table.id, number)? {
                let status = if test { "test" } else { "waiting" };
                for (column, value) in killed
                    .iter_mut()
                    .zip([Value::string(status)].into_iter().chain(row))
                {
                    column.push(value);
                }
            }
        }
        let names = ["kill_status", "database", "table", "mutation_id", "command"];
        let columns = names.into_iter().zip(killed).map(|(name, values)| {
            let column = Column::from_values(&DataType::String, &values);
            (name, DataType::String, column)
        });
        Ok(QueryResult::of_columns(columns.collect()))
    }
}

fn empty_command(options: &QueryOptions) -> MutationCommand {
    MutationCommand {
        steps: Vec::new(),
        now_micros: options.now.timestamp_micros(),
        parameters: binding::parameters(options).collect(),
        subqueries: Vec::new(),
    }
}

/// What the setting says: 0 = return at once, 1 and 2 = wait.
fn wait(settings: &[Setting], options: &QueryOptions, name: &str, otherwise: Wait) -> Result<Wait> {
    for setting in settings {
        binding::check_setting(&setting.name)?;
    }
    let given = settings
        .iter()
        .find(|s| s.name == name)
        .map(|s| binding::setting_text(&s.value))
        .or_else(|| options.settings.get(name).cloned());
    match given.as_deref() {
        None => Ok(otherwise),
        Some("0") => Ok(Wait::No),
        Some("1" | "2" | "3") => Ok(Wait::Yes),
        Some(other) => Err(EngineError::BadSetting {
            name: name.to_owned(),
            value: other.to_owned(),
            expected: "0, 1 or 2",
        }),
    }
}

/// The id of a partition; `None`: all of them.
fn partition_of(shape: &Shape, partition: &PartitionRef) -> Result<Option<String>> {
    match partition {
        PartitionRef::All => Ok(None),
        PartitionRef::Id(id) => Ok(Some(String::from_utf8_lossy(id).into_owned())),
        PartitionRef::Expr(expr) => {
            let Some(key) = &shape.partition_key else {
                return Err(EngineError::refused(248, "the table has no partition key"));
            };
            let bound = binding::bind_over(expr, &Vec::new())?;
            let value = engine_exec::evaluate_constant(&bound)?;
            let column = Column::from_values(&bound.ty, &[value]);
            let cast = engine_functions::cast_column(&column, &bound.ty, &key.ty)?;
            Ok(Some(crate::table_keys::partition_id(&cast.value(0), &key.ty)))
        }
        PartitionRef::Part(_) => Err(EngineError::refused(
            48,
            "rows of one part cannot be changed alone",
        )),
    }
}
