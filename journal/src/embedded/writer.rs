//! The one thread that writes: takes a group, checks it, commits it with one sync, shows it, tells everybody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::Shared;
use super::group::Group;
use super::pace::Pace;
use super::queue::{Job, Work};
use super::watermark::{Mark, WatermarkFile};
use crate::{Position, Record, StoreError};

/// How long a durable record may go without being remembered in the watermark file.
const WATERMARK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    shared: Arc<Shared>,
    watermark: WatermarkFile,
    /// What the watermark file does not say yet, and when it must.
    due: Option<(Mark, Instant)>,
    pace: Pace,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, watermark: WatermarkFile) -> Self {
        Self {
            shared,
            watermark,
            due: None,
            pace: Pace::default(),
        }
    }

    /// Serves the queue until it is closed and empty, or a write fails.
    pub(super) fn run(mut self) {
        loop {
            let deadline = self.due.map(|(_, deadline)| deadline);
            match self.shared.queue.take(deadline, self.pace.next()) {
                Work::Group(jobs) => {
                    if let Err(StoreError::Closed) = self.append(jobs) {
                        return;
                    }
                }
                Work::Idle => {}
                Work::Closed => return self.finish(),
            }
            self.remember_if_due(Instant::now());
        }
    }

    /// Commits what of `jobs` fits; [`StoreError::Closed`] if the store failed and the writer must go.
    fn append(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let (start, size) = (Instant::now(), jobs.len());
        let head = Position(self.shared.head.load(Ordering::Relaxed));
        let mut group = Group::after(head);
        for job in jobs {
            group.admit(job, &|key| self.shared.entity(key));
        }
        let Some(last) = group.records.last().map(|record| record.position) else {
            group.reply_committed(); // Nobody, or those who appended nothing.
            return Ok(());
        };
        match self.shared.store.commit(&group) {
            Ok(checksum) => {
                self.count(&group);
                self.show(&group, last);
                self.schedule(Mark {
                    position: last,
                    checksum,
                });
                group.reply_committed();
                self.pace.note(size, start.elapsed());
                self.settle_if_full()
            }
            Err(failure) => Err(self.give_up(group, failure)),
        }
    }

    /// A store that cannot write rows cannot be trusted with records either.
    fn settle_if_full(&self) -> Result<(), StoreError> {
        if !self.shared.views.is_full() {
            return Ok(());
        }
        self.settle()
    }

    fn settle(&self) -> Result<(), StoreError> {
        self.shared
            .views
            .settle(&self.shared.store)
            .map_err(|failure| {
                error!(error = ?failure, "Writing to the store failed, it accepts no more writes");
                self.shared.queue.close();
                StoreError::Closed
            })
    }

    fn count(&self, group: &Group) {
        let records = group.records.len() as u64;
        self.shared.records.fetch_add(records, Ordering::Relaxed);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a durable group visible, and passes it on.
    fn show(&self, group: &Group, last: Position) {
        self.shared.views.note(group);
        for (key, entity) in &group.entities {
            self.shared.hot.put(key, Arc::clone(entity));
        }
        self.shared.head.store(last.0, Ordering::Release);
        self.publish(&group.records);
    }

    fn publish(&self, records: &[Arc<Record>]) {
        let subscribers = Arc::clone(&self.shared.subscribers.lock());
        for subscriber in subscribers.iter() {
            // What is committed stays committed, whatever a subscriber makes of it.
            if catch_unwind(AssertUnwindSafe(|| subscriber(records))).is_err() {
                error!("A subscriber of the journal panicked, its records are lost to it");
            }
        }
    }

    /// A store whose sync failed cannot be trusted with another: nothing is appended until it is opened anew.
    fn give_up(&self, group: Group, failure: StoreError) -> StoreError {
        error!(error = ?failure, "Appending to the journal failed, the store accepts no more writes");
        self.shared.queue.close();
        group.reply_failed(failure);
        StoreError::Closed
    }

    fn schedule(&mut self, mark: Mark) {
        let deadline = self.due.map_or_else(
            || Instant::now() + WATERMARK_INTERVAL,
            |(_, deadline)| deadline,
        );
        self.due = Some((mark, deadline));
    }

    fn remember_if_due(&mut self, now: Instant) {
        if let Some((mark, deadline)) = self.due
            && deadline <= now
        {
            self.remember(mark);
            // What fails here fails again when the next group is to be written, and that tells whoever waits.
            let _ = self.settle();
        }
    }

    fn remember(&mut self, mark: Mark) {
        self.due = None;
        // The journal itself is durable; only the check of the next start is weaker.
        match self.watermark.write(mark) {
            Ok(()) => {
                let position = mark.position.0;
                self.shared.remembered.store(position, Ordering::Release);
            }
            Err(failure) => {
                warn!(error = ?failure, "Writing the watermark of the journal failed");
            }
        }
    }

    fn finish(mut self) {
        if self.settle().is_err() {
            return;
        }
        if let Err(failure) = self.shared.store.sync() {
            error!(error = ?failure, "Syncing the journal at its end failed");
            return;
        }
        if let Some((mark, _)) = self.due {
            self.remember(mark);
        }
    }
}

impl Drop for Writer {
    /// However the writer ends, nobody waits for it in vain.
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.queue.refuse_waiting();
    }
}
