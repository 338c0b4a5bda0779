//! Moving parts to other disks: copied aside, synced, renamed; then the manifest is told that the old folder goes. From the
//! rename on either copy is the part: they are equal, and a start that finds both takes one.

use std::sync::Arc;

use super::Storage;
use super::merge::Job;
use super::partition_verbs::PartSelection;
use super::place::is_at;
use crate::directory::on_disk;
use crate::disks::Place;
use crate::error::{Result, StorageError, io_at};
use crate::expiry::place_at;
use crate::manifest::ManifestRecord;
use crate::part::Part;
use crate::table_def::TableId;

/// Bytes that are copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// Seconds until a move that failed is tried again.
const RETRY_PAUSE: i64 = 60;

impl Storage {
    /// Moves parts to a disk or volume of the table's policy. Answers how many were somewhere else.
    pub fn move_parts(&self, table: TableId, selection: &PartSelection, place: &Place) -> Result<usize> {
        let mut moved = 0;
        for part in self.selected(table, selection)? {
            let Some(job) = self.take_part(table, &part)? else {
                continue;
            };
            let outcome = self.move_there(&job, &part, place);
            self.release(&job);
            moved += usize::from(outcome?);
        }
        Ok(moved)
    }

    /// Moves one part whose time for another place has come; answers whether there was one.
    pub(super) fn move_once(&self) -> Result<bool> {
        let Some((job, place, now)) = self.take_move() else {
            return Ok(false);
        };
        let Some(part) = job.parts.first() else {
            return Ok(false);
        };
        let outcome = self.move_there(&job, part, &place);
        self.release(&job);
        if let Err(error) = outcome {
            // Nothing else is to wait for a disk that is full.
            tracing::error!(
                part = %part.name,
                table = part.table,
                error = &error as &dyn std::error::Error,
                "cannot move a part to another disk; it will be tried again"
            );
            self.expiry_clock.lock().failed_moves.insert(part.uid, now);
        }
        Ok(true)
    }

    fn take_move(&self) -> Option<(Job, Place, i64)> {
        let mut merging = self.merging.lock();
        let clock = self.expiry_clock.lock();
        let now = clock.now?;
        let catalog = self.catalog.read();
        let found = catalog.tables.iter().find_map(|(id, table)| {
            let rules = table.def.expiry.as_ref()?.as_ref();
            let policy = self.policy(&table.def);
            let rests = |part: &Part| {
                let failed = clock.failed_moves.get(&part.uid);
                failed.is_some_and(|at| now < at.saturating_add(RETRY_PAUSE))
            };
            table.parts.iter().find_map(|part| {
                let place = place_at(rules, &part.latest(rules)?, now)?;
                // A place that the policy does not know was refused when the table was altered; then the policy changed.
                policy.disks_of(place)?;
                let is_due = !is_at(policy, part, place) && !merging.contains(&part.uid) && !rests(part);
                is_due.then(|| (Job::of(*id, table, vec![part.clone()]), place.clone()))
            })
        });
        let (job, place) = found?;
        merging.extend(job.parts.iter().map(|p| p.uid));
        Some((job, place, now))
    }

    /// `false` when the part is there already, or gone.
    fn move_there(&self, job: &Job, part: &Arc<Part>, place: &Place) -> Result<bool> {
        let policy = self.policy(&job.def);
        let Some(disks) = policy.disks_of(place) else {
            let (Place::Disk(name) | Place::Volume(name)) = place;
            return Err(StorageError::Disk {
                disk: name.clone(),
                problem: format!("storage policy `{}` has no such disk or volume", policy.name),
            });
        };
        if is_at(policy, part, place) {
            return Ok(false);
        }
        let table_folder = on_disk(self.in_turn(disks), &job.folder);
        self.make_place(&table_folder)?;
        let aside = format!("{table_folder}/tmp_move_{}", part.name);
        let to = format!("{table_folder}/{}", part.name);
        let moved = self
            .copy_folder(&part.folder, &aside)
            .and_then(|()| self.publish_move(job, part, &table_folder, &aside, &to));
        if moved.is_err() || matches!(moved, Ok(false)) {
            // Best effort; the next start removes what is left.
            let _ = self.directory.remove_folder(&aside);
        }
        moved
    }

    fn publish_move(
        &self,
        job: &Job,
        part: &Arc<Part>,
        table_folder: &str,
        aside: &str,
        to: &str,
    ) -> Result<bool> {
        // Held from the look to the record: nobody drops the part in between, and leaves a copy of it.
        let mut manifest = self.manifest.lock();
        let is_there = {
            let catalog = self.catalog.read();
            let table = catalog.tables.get(&job.table);
            table.is_some_and(|table| table.parts.iter().any(|p| p.uid == part.uid))
        };
        if !is_there {
            return Ok(false);
        }
        if self.directory.exists(to).map_err(io_at("open", to))? {
            return Err(StorageError::Disk {
                disk: crate::directory::split_disk(to).0.to_owned(),
                problem: format!("part `{}` was there before and is still being read", part.name),
            });
        }
        if manifest.state.dropped_folders.contains(to) {
            // Where it was before; the folder is gone, and the next start must not remove the new one.
            manifest.commit(&ManifestRecord::FolderGone {
                folder: to.to_owned(),
            })?;
        }
        self.directory.rename(aside, to).map_err(io_at("rename", aside))?;
        let opened = self.sync_folders(&[table_folder]).and_then(|()| {
            Part::open(
                &self.directory,
                &self.cache,
                self.part_uid(),
                &part.table,
                to,
                part.name.clone(),
                Some(part.summary),
            )
        });
        let new = match opened {
            Ok(new) => {
                new.set_age_of(part);
                Arc::new(new)
            }
            Err(error) => {
                let _ = self.directory.remove_folder(to);
                return Err(error);
            }
        };
        // From here on the old folder may go: should the record be durable although it failed, the next start needs the new.
        manifest.commit(&ManifestRecord::DroppedFolders {
            folders: vec![part.folder.clone()],
        })?;
        self.catalog
            .write()
            .table_mut(job.table)?
            .replace_parts(std::slice::from_ref(part), [new]);
        part.set_obsolete();
        Ok(true)
    }

    /// Copies a folder to another disk, durable.
    fn copy_folder(&self, from: &str, to: &str) -> Result<()> {
        let directory = self.directory.as_ref();
        if directory.exists(to).map_err(io_at("open", to))? {
            directory.remove_folder(to).map_err(io_at("remove folder", to))?;
        }
        directory.create_folder(to).map_err(io_at("create folder", to))?;
        for entry in directory.list(from).map_err(io_at("list", from))? {
            let (old, new) = (format!("{from}/{}", entry.name), format!("{to}/{}", entry.name));
            if entry.is_folder {
                self.copy_folder(&old, &new)?;
            } else {
                self.copy_file(&old, &new)?;
            }
        }
        self.sync_folders(&[to])
    }

    fn copy_file(&self, from: &str, to: &str) -> Result<()> {
        let source = self.directory.open(from).map_err(io_at("open", from))?;
        let size = source.size().map_err(io_at("read", from))?;
        let mut file = self.directory.create(to).map_err(io_at("create", to))?;
        let mut buffer = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < size {
            let piece = usize::try_from(size - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let piece = &mut buffer[..piece];
            source.read_at(at, piece).map_err(io_at("read", from))?;
            file.write_all(piece).map_err(io_at("write", to))?;
            at += piece.len() as u64;
        }
        file.sync().map_err(io_at("sync", to))
    }
}
