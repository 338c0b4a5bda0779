//! Running mutations: each part is changed on its own, in the order of the mutations, by a new version of it.

use std::sync::Arc;
use std::time::Duration;

use engine_codec::{Dictionary, hash128};
use engine_types::{Block, Column, DataType};

use super::Storage;
use super::expire::with_codec;
use super::hidden_part::HiddenPart;
use super::write_part::{dictionaries, is_worth_it};
use crate::changed_run::ChangedRun;
use crate::counters::ReadCounters;
use crate::directory::read_all;
use crate::error::{Result, StorageError, io_at};
use crate::json_shred::Reshredding;
use crate::lookup_index::{lookup_hash, lookup_keys};
use crate::manifest::{ManifestRecord, MutationEnd, MutationRecord};
use crate::merge_rule::RuleMode;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::mutation::{Mutation, MutationStatus, RowChange, RowChanges, RowEffect};
use crate::part::{NewVersion, Part, PartName, PartSummary, RowMask, used_values};
use crate::part_scan::read_part;
use crate::snapshot::Snapshot;
use crate::sorted_run::{CacheUse, widen};
use crate::table_def::{MergeRule, TableDef, TableId};
use crate::wal::{encode_entry, encode_group};

/// How long somebody waits for the part of another thread before looking again.
const PAUSE: Duration = Duration::from_millis(50);

/// Granules that are looked at together.
const STEP_GRANULES: usize = crate::part::SEGMENT_GRANULES;

/// One part and the mutation that is its turn.
struct Job {
    table: TableId,
    /// Of the table, on the disk of the part.
    folder: String,
    snapshot: Snapshot,
    part: Arc<Part>,
    mutation: Arc<Mutation>,
}

/// What a mutation makes of a part.
enum Outcome {
    /// No rows are left.
    Gone,
    /// The same rows in a new version.
    Same(Arc<Part>),
    Part(Arc<Part>),
}

/// The file of the table's folder that has the command.
pub(super) fn command_file(number: u64) -> String {
    format!("mutation_{number}.txt")
}

impl Storage {
    /// Records a change of all rows that are in the table now (or in one partition of it), and answers its number. It
    /// runs by [`Self::mutate_once`] or [`Self::wait_for_mutation`]; rows that are added later are not touched.
    /// `created_ms` is in milliseconds since the Unix epoch.
    pub fn add_mutation(
        &self,
        table: TableId,
        partition: Option<String>,
        command: &[u8],
        created_ms: u64,
    ) -> Result<u64> {
        let _no_appends = self.ddl.write();
        // What is in memory becomes parts, whose numbers say that they are older.
        self.flush_tables(&[table])?;
        let mut manifest = self.manifest.lock();
        let (folder, number) = {
            let catalog = self.catalog.read();
            let table = catalog.table(table)?;
            (table.folder.clone(), table.next_mutation())
        };
        self.write_command(&folder, number, command)?;
        manifest.commit(&ManifestRecord::AddMutation {
            id: table,
            number,
            mutation: MutationRecord {
                created_ms,
                partition: partition.clone(),
                command_hash: hash128(command),
                is_done: false,
            },
        })?;
        let mutation = Mutation::new(number, created_ms, partition, Ok(command.into()), false);
        self.catalog
            .write()
            .table_mut(table)?
            .add_mutation(Arc::new(mutation));
        Ok(number)
    }

    fn write_command(&self, folder: &str, number: u64, command: &[u8]) -> Result<()> {
        let path = format!("{folder}/{}", command_file(number));
        let aside = format!("{folder}/tmp_{}", command_file(number));
        let mut file = self.directory.create(&aside).map_err(io_at("create", &aside))?;
        file.write_all(command).map_err(io_at("write", &aside))?;
        file.sync().map_err(io_at("sync", &aside))?;
        self.directory
            .rename(&aside, &path)
            .map_err(io_at("rename", &aside))?;
        self.directory
            .sync_folder(folder)
            .map_err(io_at("sync folder", folder))
    }

    /// Changes one part by the mutation that is its turn, or notes that a mutation is done; answers whether there was
    /// something to do. Many threads may call it. A failure is remembered with the mutation, which then waits for
    /// [`Self::retry_mutations`].
    pub fn mutate_once(&self, only: Option<TableId>) -> Result<bool> {
        if let Some(job) = self.take_mutation(only) {
            let outcome = self.mutate(&job);
            self.merging.lock().remove(&job.part.uid);
            self.merge_done.notify_all();
            return match outcome {
                Ok(done) => {
                    job.mutation.clear_failure(job.part.uid);
                    Ok(done)
                }
                Err(error) => {
                    let reason = with_sources(&error);
                    job.mutation
                        .set_failure(job.part.name(), job.part.uid, reason.clone());
                    Err(StorageError::Mutation {
                        table: job.snapshot.def.full_name(),
                        number: job.mutation.number,
                        part: job.part.name().to_string(),
                        reason,
                    })
                }
            };
        }
        self.finish_mutations(only)
    }

    /// Runs what waits, as far as it goes: a failure stays with its mutation.
    pub(super) fn run_mutations(&self, table: TableId) -> Result<()> {
        loop {
            match self.mutate_once(Some(table)) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(StorageError::Mutation { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets mutations that failed run again.
    pub fn retry_mutations(&self) {
        let catalog = self.catalog.read();
        for mutation in catalog.tables.values().flat_map(|t| t.mutations.values()) {
            mutation.try_again();
        }
    }

    /// Runs mutations of the table until this one is done or killed, or until it, or one before it, fails (which is
    /// then tried again later). `cancelled` is asked now and then; when it says so, the mutation goes on without the
    /// caller.
    pub fn wait_for_mutation(&self, table: TableId, number: u64, cancelled: &dyn Fn() -> bool) -> Result<()> {
        loop {
            {
                let catalog = self.catalog.read();
                // A table or a mutation that is gone will not be waited for.
                let Some(state) = catalog.tables.get(&table) else {
                    return Ok(());
                };
                match state.mutations.get(&number) {
                    None => return Ok(()),
                    Some(mutation) if mutation.is_done() => return Ok(()),
                    Some(_) => {}
                }
                let before = state.mutations.range(..=number);
                let failed = before
                    .filter(|(_, mutation)| mutation.rests())
                    .find_map(|(number, mutation)| Some((*number, mutation.failure()?)));
                if let Some((number, (part, reason))) = failed {
                    return Err(StorageError::Mutation {
                        table: state.def.full_name(),
                        number,
                        part: part.to_string(),
                        reason,
                    });
                }
            }
            if cancelled() {
                return Ok(());
            }
            match self.mutate_once(Some(table)) {
                Ok(true) => {}
                // Seen above, when it is one that is waited for.
                Err(StorageError::Mutation { .. }) => {}
                Err(error) => return Err(error),
                Ok(false) => {
                    let mut merging = self.merging.lock();
                    self.merge_done.wait_for(&mut merging, PAUSE);
                }
            }
        }
    }

    /// Mutations of a table, oldest first: those under way, and the last that are done.
    pub fn mutations(&self, table: TableId) -> Result<Vec<MutationStatus>> {
        let catalog = self.catalog.read();
        let table = catalog.table(table)?;
        let status = |mutation: &Arc<Mutation>| MutationStatus {
            number: mutation.number,
            created_ms: mutation.created_ms,
            command: mutation.command.clone(),
            parts_to_do: table
                .parts
                .iter()
                .filter(|part| table.pending(part).any(|m| m.number == mutation.number))
                .map(|part| part.name.clone())
                .collect(),
            is_done: mutation.is_done(),
            failure: mutation.failure(),
        };
        Ok(table.mutations.values().map(status).collect())
    }

    /// Forgets a mutation that is not done. Parts that it has changed stay changed. Answers whether there was one.
    pub fn kill_mutation(&self, table: TableId, number: u64) -> Result<bool> {
        let mut manifest = self.manifest.lock();
        let (mutation, folder) = {
            let catalog = self.catalog.read();
            let table = catalog.table(table)?;
            match table.mutations.get(&number) {
                Some(mutation) if !mutation.is_done() => (mutation.clone(), table.folder.clone()),
                _ => return Ok(false),
            }
        };
        manifest.commit(&ManifestRecord::EndMutation {
            id: table,
            number,
            end: MutationEnd::Killed,
        })?;
        mutation.kill();
        self.catalog.write().table_mut(table)?.mutations.remove(&number);
        drop(manifest);
        self.remove_command(&folder, number);
        self.merge_done.notify_all();
        Ok(true)
    }

    /// The next start would do it too.
    fn remove_command(&self, folder: &str, number: u64) {
        let path = format!("{folder}/{}", command_file(number));
        if let Err(error) = self.directory.remove_file(&path) {
            tracing::warn!(path, %error, "cannot remove the command of a mutation that has ended");
        }
    }

    fn take_mutation(&self, only: Option<TableId>) -> Option<Job> {
        let mut merging = self.merging.lock();
        let catalog = self.catalog.read();
        let job = catalog
            .tables
            .iter()
            .filter(|(id, _)| only.is_none_or(|only| only == **id))
            .find_map(|(id, table)| {
                if table.mutations.values().all(|m| m.is_done()) {
                    return None;
                }
                let found = table.parts.iter().find_map(|part| {
                    let mutation = table.pending(part).next()?;
                    let free = !mutation.rests() && !merging.contains(&part.uid);
                    free.then(|| (part.clone(), mutation.clone()))
                });
                let (part, mutation) = found?;
                Some(Job {
                    table: *id,
                    folder: part.table_folder().to_owned(),
                    snapshot: catalog.snapshot(*id).ok()?,
                    part,
                    mutation,
                })
            })?;
        merging.insert(job.part.uid);
        Some(job)
    }

    /// Notes mutations that no part waits for.
    fn finish_mutations(&self, only: Option<TableId>) -> Result<bool> {
        let finished = || -> Vec<(TableId, u64)> {
            let catalog = self.catalog.read();
            let tables = catalog.tables.iter();
            tables
                .filter(|(id, _)| only.is_none_or(|only| only == **id))
                .flat_map(|(id, table)| {
                    let open = table.mutations.values().filter(|m| !m.is_done());
                    let waited = |m: &&Arc<Mutation>| {
                        let waits = |part: &Arc<Part>| table.pending(part).any(|p| p.number == m.number);
                        !table.parts.iter().any(waits)
                    };
                    open.filter(waited).map(|m| (*id, m.number)).collect::<Vec<_>>()
                })
                .collect()
        };
        if finished().is_empty() {
            return Ok(false);
        }
        let mut manifest = self.manifest.lock();
        // Again, now that no part can come or go.
        let finished = finished();
        for (id, number) in &finished {
            let before: Vec<u64> = known_mutations(&manifest, *id);
            manifest.commit(&ManifestRecord::EndMutation {
                id: *id,
                number: *number,
                end: MutationEnd::Done,
            })?;
            let after = known_mutations(&manifest, *id);
            let forgotten = before.into_iter().filter(|n| !after.contains(n));
            let mut catalog = self.catalog.write();
            let table = catalog.table_mut(*id)?;
            if let Some(mutation) = table.mutations.get(number) {
                mutation.set_done();
            }
            let folder = table.folder.clone();
            let forgotten: Vec<u64> = forgotten.collect();
            for number in &forgotten {
                table.mutations.remove(number);
            }
            drop(catalog);
            for number in forgotten {
                self.remove_command(&folder, number);
            }
        }
        self.merge_done.notify_all();
        Ok(!finished.is_empty())
    }

    /// `false` when the part was gone, or the mutation killed, before it was done.
    fn mutate(&self, job: &Job) -> Result<bool> {
        let (new, has_changed) = match self.new_version(job)? {
            Outcome::Gone => (None, true),
            Outcome::Same(part) => (Some(part), false),
            Outcome::Part(part) => (Some(part), true),
        };
        let old = std::slice::from_ref(&job.part);
        let done = self.replace_parts(job.table, old, new, || !job.mutation.is_killed())?;
        if done && has_changed {
            self.count_change();
        }
        Ok(done)
    }

    fn new_version(&self, job: &Job) -> Result<Outcome> {
        let (def, part) = (&job.snapshot.def, &job.part);
        let changes = job.mutation.changes(def)?;
        let counters = Arc::new(ReadCounters::default());
        let mut hits: Option<RowMask> = None;
        for change in changes.iter() {
            if let Some(found) = matching_rows(job, change.as_ref(), &counters)? {
                match &mut hits {
                    None => hits = Some(found),
                    Some(hits) => hits.add(&found),
                }
            }
        }
        let Some(hits) = hits else {
            // When no step matches a row as it is, none changes what the next one sees.
            let same = self.publish_version(job, |version| version.finish())?;
            return Ok(Outcome::Same(same));
        };
        let [change] = changes.as_slice() else {
            return self.rewrite(job, &changes, &counters);
        };
        match change.effect() {
            RowEffect::Delete | RowEffect::Hide if hits.count() == part.live_rows() => Ok(Outcome::Gone),
            RowEffect::Delete => self.write_without(job, hits),
            RowEffect::Hide => {
                let mut mask = hits;
                if let Some(before) = part.mask() {
                    mask.add(before);
                }
                let part = self.publish_version(job, |mut version| {
                    version.mask(&mask)?;
                    version.finish()
                })?;
                Ok(Outcome::Part(part))
            }
            RowEffect::Update { columns }
                if part.can_replace(
                    &columns
                        .iter()
                        .map(|c| def.columns[*c].name.as_str())
                        .collect::<Vec<_>>(),
                ) =>
            {
                let values = self.updated_columns(job, change.as_ref(), &columns, &hits, &counters)?;
                let part = self.publish_version(job, |version| {
                    self.write_columns(job, version, &columns, &values, &counters)
                })?;
                Ok(Outcome::Part(part))
            }
            RowEffect::Update { .. } => self.rewrite(job, &changes, &counters),
        }
    }

    /// Makes the folder of the new version aside by `write` and gives it its name.
    fn publish_version(
        &self,
        job: &Job,
        write: impl FnOnce(NewVersion<'_>) -> Result<PartSummary>,
    ) -> Result<Arc<Part>> {
        let name = job.part.name.mutated(job.mutation.number);
        let aside = format!("{}/tmp_{name}", job.folder);
        let folder = format!("{}/{name}", job.folder);
        let written = NewVersion::create(&job.part, aside.clone())
            .and_then(write)
            .and_then(|summary| {
                self.directory
                    .rename(&aside, &folder)
                    .map_err(io_at("rename", &aside))?;
                self.directory
                    .sync_folder(&job.folder)
                    .map_err(io_at("sync folder", &job.folder))?;
                Ok(summary)
            });
        let summary = match written {
            Ok(summary) => summary,
            Err(error) => {
                // Best effort; the next start removes what is left.
                let _ = self.directory.remove_folder(&aside);
                return Err(error);
            }
        };
        self.open_version(job, &folder, name, summary)
    }

    /// Takes a number of the log for a change that came by no append, so that what was computed before it is known to be
    /// old ([`Self::lsn`]), also after a restart.
    fn count_change(&self) {
        let mut wal = self.wal.lock();
        let logged = encode_entry(None, &[])
            .map_err(|error| StorageError::Commit(error.to_string()))
            .and_then(|entry| wal.append(&encode_group(&[&entry]), 1));
        match logged {
            Ok(lsn) => {
                let mut catalog = self.catalog.write();
                catalog.lsn = catalog.lsn.max(lsn);
            }
            // The change itself is done and durable.
            Err(error) => {
                tracing::error!(%error, "cannot number a change; answers from before it may live on")
            }
        }
    }

    fn open_version(
        &self,
        job: &Job,
        folder: &str,
        name: PartName,
        summary: PartSummary,
    ) -> Result<Arc<Part>> {
        let part = Part::open(
            &self.directory,
            &self.cache,
            self.part_uid(),
            &job.snapshot.def.full_name(),
            folder,
            name,
            Some(summary),
        )?;
        Ok(Arc::new(part))
    }

    /// Writes all columns anew, without the rows that are gone.
    fn rewrite(&self, job: &Job, changes: &RowChanges, counters: &Arc<ReadCounters>) -> Result<Outcome> {
        let part = &job.part;
        let moments = self.moments(&job.snapshot.def, std::slice::from_ref(part), counters)?;
        let def = &with_codec(&job.snapshot.def, moments.as_ref());
        let run = |columns: &[usize], dictionaries: &[Option<Arc<Dictionary>>]| -> Box<dyn SortedRun> {
            let run = ChangedRun::new(part, def, columns, changes.clone(), counters);
            Box::new(run.translated(dictionaries))
        };
        let all: Vec<usize> = (0..def.columns.len()).collect();
        let mut dictionaries = self.dictionaries_of(job, changes, &|columns| run(columns, &[]))?;
        let name = part.name.mutated(job.mutation.number);
        let hidden = def.projections.iter().map(HiddenPart::collecting).collect();
        let texts = |columns: &[usize]| run(&with_inputs(columns, changes), &[]);
        let rows: Box<dyn SortedRun> = run(&all, &dictionaries);
        let (def, rows) = match Reshredding::of(def, part.live_rows(), &self.options, &texts)? {
            None => (def.clone(), rows),
            Some(shredding) => {
                dictionaries.extend(shredding.dictionaries.iter().cloned());
                let rows: Box<dyn SortedRun> = Box::new(shredding.over(rows));
                (shredding.def, rows)
            }
        };
        let stream = MergeStream::new(vec![rows], MergeRule::Plain, RuleMode::Merge);
        let written = self.write_part(&def, &job.folder, name, stream, dictionaries, hidden)?;
        Ok(written.map_or(Outcome::Gone, Outcome::Part))
    }

    /// Writes the rows anew that stay: a merge of the part alone, so that what is stored apart stays so.
    fn write_without(&self, job: &Job, mut gone: RowMask) -> Result<Outcome> {
        let part = &job.part;
        if let Some(before) = part.mask() {
            gone.add(before);
        }
        let moments = self.moments(
            &job.snapshot.def,
            std::slice::from_ref(part),
            &Arc::new(ReadCounters::default()),
        )?;
        let def = with_codec(&job.snapshot.def, moments.as_ref());
        let rest = Arc::new(part.with_mask(gone));
        let name = part.name.mutated(job.mutation.number);
        let written = self.write_live_rows(job.table, &def, &job.folder, &rest, name);
        part.suspect_as(&rest);
        Ok(written?.map_or(Outcome::Gone, Outcome::Part))
    }

    /// Dictionaries of exactly the values that stay.
    fn dictionaries_of(
        &self,
        job: &Job,
        changes: &RowChanges,
        run: &dyn Fn(&[usize]) -> Box<dyn SortedRun>,
    ) -> Result<Vec<Option<Arc<Dictionary>>>> {
        let def = &job.snapshot.def;
        let is_low = |c: &usize| matches!(def.columns[*c].ty, DataType::LowCardinality(_));
        let low: Vec<usize> = (0..def.columns.len()).filter(is_low).collect();
        if low.is_empty() {
            return Ok(vec![None; def.columns.len()]);
        }
        let needed = with_inputs(&low, changes);
        let mut values: Vec<Vec<Column>> = vec![Vec::new(); def.columns.len()];
        let mut rows = 0;
        let mut run = run(&needed);
        while let Some((block, _)) = run.next()? {
            rows += block.rows();
            for column in &low {
                values[*column].push(used_values(block.column(*column)));
            }
        }
        dictionaries(def, rows, |column| Ok(Some(std::mem::take(&mut values[column]))))
    }

    /// The new values of the columns, for all rows of the part, granule by granule.
    fn updated_columns(
        &self,
        job: &Job,
        change: &dyn RowChange,
        columns: &[usize],
        hits: &RowMask,
        counters: &ReadCounters,
    ) -> Result<Vec<Vec<Column>>> {
        let (def, part) = (&job.snapshot.def, &job.part);
        let mut needed = columns.to_vec();
        needed.extend(
            change
                .update_inputs()
                .into_iter()
                .filter(|c| !columns.contains(c)),
        );
        let mut out: Vec<Vec<Column>> = vec![Vec::new(); columns.len()];
        for granules in steps(0..part.granules()) {
            let rows = part.index.start(granules.start)..part.index.start(granules.end);
            let read = read_part(def, part, granules.clone(), &needed, CacheUse::Bypass, counters)?;
            let matched: Vec<u32> = rows
                .clone()
                .filter(|row| hits.is_set(*row))
                .map(|row| (row - rows.start) as u32)
                .collect();
            let old: Vec<Column> = read.columns().iter().take(columns.len()).cloned().collect();
            let new = if matched.is_empty() {
                old
            } else {
                let full = widen(def, &read.gather(&matched), &needed);
                let values = updated(def, change, columns, &full)?;
                old.iter()
                    .zip(&values)
                    .map(|(old, new)| placed(old, new, &matched))
                    .collect()
            };
            for granule in granules {
                let start = (part.index.start(granule) - rows.start) as usize;
                let len = part.index.granule_rows(granule);
                for (out, column) in out.iter_mut().zip(&new) {
                    out.push(column.slice(start, len));
                }
            }
        }
        Ok(out)
    }

    /// Writes the columns, and the look-up index when it is over one of them.
    fn write_columns(
        &self,
        job: &Job,
        mut version: NewVersion<'_>,
        columns: &[usize],
        values: &[Vec<Column>],
        counters: &ReadCounters,
    ) -> Result<PartSummary> {
        let (def, part) = (&job.snapshot.def, &job.part);
        for (column, values) in columns.iter().zip(values) {
            let column = &def.columns[*column];
            let dictionary = if matches!(column.ty, DataType::LowCardinality(_)) {
                let used: Vec<Column> = values.iter().map(used_values).collect();
                let dictionary = Dictionary::of(&used.iter().collect::<Vec<_>>(), &column.ty);
                is_worth_it(&dictionary, part.rows() as usize).then(|| Arc::new(dictionary))
            } else {
                None
            };
            version.replace_column(def, column, dictionary, self.options.forced_codec.as_ref())?;
        }
        let new = |column: usize, granule: usize| values[column][granule].clone();
        for granule in 0..part.granules() {
            let rows: Vec<Column> = (0..values.len()).map(|column| new(column, granule)).collect();
            version.granule(&Block::new(rows, part.index.granule_rows(granule)))?;
        }
        if def.lookup_columns.iter().any(|c| columns.contains(c)) {
            let mut entries = Vec::new();
            for granule in 0..part.granules() {
                let read = read_part(
                    def,
                    part,
                    granule..granule + 1,
                    &def.lookup_columns,
                    CacheUse::Bypass,
                    counters,
                )?;
                let keys: Vec<Column> = def
                    .lookup_columns
                    .iter()
                    .zip(read.columns())
                    .map(|(c, old)| match columns.iter().position(|u| u == c) {
                        Some(at) => new(at, granule),
                        None => old.clone(),
                    })
                    .collect();
                let keys = lookup_keys(&keys);
                entries.extend(keys.iter().map(|key| (lookup_hash(key), granule as u32)));
            }
            version.lookup(entries)?;
        }
        version.finish()
    }
}

/// The columns, and those that the steps look at.
fn with_inputs(columns: &[usize], changes: &RowChanges) -> Vec<usize> {
    let mut needed = columns.to_vec();
    needed.extend(changes.iter().flat_map(|c| c.match_inputs()));
    needed.extend(changes.iter().flat_map(|c| c.update_inputs()));
    needed.sort_unstable();
    needed.dedup();
    needed
}

fn known_mutations(manifest: &crate::manifest::Manifest, table: TableId) -> Vec<u64> {
    let table = manifest.state.tables.get(&table);
    table.map_or_else(Vec::new, |t| t.mutations.keys().copied().collect())
}

/// Rows of the part that are not deleted and that the step matches; `None` when there are none.
fn matching_rows(job: &Job, change: &dyn RowChange, counters: &ReadCounters) -> Result<Option<RowMask>> {
    let (def, part) = (&job.snapshot.def, &job.part);
    let has_column = |c: usize| {
        let column = def.columns.get(c);
        column.is_some_and(|c| part.column_position(&c.name).is_some())
    };
    if !change.concerns(&has_column) {
        return Ok(None);
    }
    let inputs = change.match_inputs();
    let mut hits: Option<RowMask> = None;
    for run in job.snapshot.pruned(part, &change.condition()) {
        for granules in steps(run) {
            if job.mutation.is_killed() {
                return Ok(None);
            }
            let start = part.index.start(granules.start);
            let read = read_part(def, part, granules.clone(), &inputs, CacheUse::Bypass, counters)?;
            // Expressions never see what was deleted: they might fail on it.
            let live = part.live_in(&granules);
            let read = match &live {
                None => read,
                Some(live) => read.gather(live),
            };
            let matched = matches(def, change, &widen(def, &read, &inputs))?;
            for (row, _) in matched.iter().enumerate().filter(|(_, hit)| **hit) {
                let row = live.as_ref().map_or(row as u64, |live| u64::from(live[row]));
                hits.get_or_insert_with(|| RowMask::none(part.rows()))
                    .set(start + row);
            }
        }
    }
    Ok(hits)
}

pub(crate) fn matches(def: &TableDef, change: &dyn RowChange, rows: &Block) -> Result<Vec<bool>> {
    let failed = |problem: String| StorageError::Expression {
        table: def.full_name(),
        problem,
    };
    if rows.rows() == 0 {
        return Ok(Vec::new());
    }
    let matched = change.matches(rows).map_err(failed)?;
    if matched.len() == rows.rows() {
        Ok(matched)
    } else {
        Err(failed(format!(
            "{} answers for {} rows",
            matched.len(),
            rows.rows()
        )))
    }
}

/// New values of `columns` for rows that match, in the form of the columns.
pub(crate) fn updated(
    def: &TableDef,
    change: &dyn RowChange,
    columns: &[usize],
    rows: &Block,
) -> Result<Vec<Column>> {
    let failed = |problem: String| StorageError::Expression {
        table: def.full_name(),
        problem,
    };
    let values = change.updated(rows).map_err(failed)?;
    let fits = values.len() == columns.len()
        && values
            .iter()
            .zip(columns)
            .all(|(v, c)| v.len() == rows.rows() && engine_codec::has_form(v, &def.columns[*c].ty));
    if fits {
        Ok(values)
    } else {
        Err(failed("a new value is not of its column's type".to_owned()))
    }
}

/// `old` with `new` at the rows `at` (ascending).
pub(crate) fn placed(old: &Column, new: &Column, at: &[u32]) -> Column {
    let old_rows = old.len() as u32;
    if at.len() == old.len() {
        return new.clone();
    }
    let mut picks: Vec<u32> = (0..old_rows).collect();
    for (nth, row) in (0u32..).zip(at) {
        picks[*row as usize] = old_rows + nth;
    }
    Column::concat(&[&old.flatten(), &new.flatten()]).gather(&picks)
}

/// Granules a few at a time.
fn steps(run: std::ops::Range<usize>) -> impl Iterator<Item = std::ops::Range<usize>> {
    let end = run.end;
    run.clone()
        .step_by(STEP_GRANULES)
        .map(move |start| start..(start + STEP_GRANULES).min(end))
}

fn with_sources(error: &StorageError) -> String {
    let mut text = match error {
        // The table is named beside it.
        StorageError::Expression { problem, .. } => problem.clone(),
        other => other.to_string(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The mutations that the manifest knows of a table, with their commands.
pub(super) fn load_mutations(
    directory: &dyn crate::directory::Directory,
    folder: &str,
    records: &std::collections::BTreeMap<u64, MutationRecord>,
) -> Vec<Arc<Mutation>> {
    let load = |number: u64, record: &MutationRecord| {
        let path = format!("{folder}/{}", command_file(number));
        let bytes = read_all(directory, &path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
        if hash128(&bytes) == record.command_hash {
            Ok(bytes.into())
        } else {
            Err(format!("`{path}` is not the file that the manifest knows"))
        }
    };
    records
        .iter()
        .map(|(number, record)| {
            let command: std::result::Result<Arc<[u8]>, String> = load(*number, record);
            if let Err(problem) = &command {
                tracing::error!(folder, number, problem, "the command of a mutation is damaged");
            }
            let partition = record.partition.clone();
            let mutation = Mutation::new(*number, record.created_ms, partition, command, record.is_done);
            Arc::new(mutation)
        })
        .collect()
}
