//! Where appends wait for the writer, bounded, and are taken in groups.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::pace::Gathering;
use crate::{Append, AppendError, Committed, StoreError};

/// Appends that may wait at once; further callers wait for a place.
const WAITING_MAX: usize = 4096;
/// A group ends after the append that reaches this many bytes, so that one sync does not take seconds.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) type Reply = oneshot::Sender<Result<Committed, AppendError>>;

/// One call of `append`, waiting for its turn.
pub(super) struct Job {
    pub(super) appends: Vec<Append>,
    pub(super) reply: Reply,
    _place: OwnedSemaphorePermit,
}

impl Job {
    fn bytes(&self) -> usize {
        let of_one = |append: &Append| {
            append.signal.len() + append.state.as_ref().map_or(0, |state| state.len())
        };
        self.appends.iter().map(of_one).sum()
    }
}

/// What the writer found when it asked for work.
pub(super) enum Work {
    Group(Vec<Job>),
    /// Nothing came until the time was up.
    Idle,
    /// Nothing is left and nothing will come.
    Closed,
}

/// The queue between callers and the writer.
pub(super) struct Queue {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// How many jobs the writer sleeps for.
    wake_at: usize,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            waiting: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    /// Enters `appends` and waits for what became of them. A caller that gives up after entering has appended all the same.
    pub(super) async fn append(&self, appends: Vec<Append>) -> Result<Committed, AppendError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (reply, committed) = oneshot::channel();
        self.push(Job {
            appends,
            reply,
            _place: place,
        })?;
        committed.await.map_err(|_| StoreError::Closed)?
    }

    fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return Err(StoreError::Closed);
        }
        waiting.jobs.push_back(job);
        let is_awaited = waiting.jobs.len() >= waiting.wake_at;
        drop(waiting);
        if is_awaited {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Takes what waits, up to a group's size, once `gathering` is over; waits for a first job at most until `deadline`.
    pub(super) fn take(&self, deadline: Option<Instant>, gathering: Gathering) -> Work {
        let mut waiting = self.waiting.lock();
        waiting.wake_at = 1;
        while waiting.jobs.is_empty() {
            if waiting.is_closed {
                return Work::Closed;
            }
            if !self.wait(&mut waiting, deadline) {
                return Work::Idle;
            }
        }
        let patient_until = Instant::now() + gathering.patience;
        waiting.wake_at = gathering.jobs;
        while waiting.jobs.len() < gathering.jobs
            && !waiting.is_closed
            && self.wait(&mut waiting, Some(patient_until))
        {}
        waiting.wake_at = usize::MAX; // Nobody listens until the next call.
        Work::Group(waiting.take_group())
    }

    /// Whether something may have come; `false` when the time is up.
    fn wait(&self, waiting: &mut MutexGuard<'_, Waiting>, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            self.arrived.wait(waiting);
            return true;
        };
        !self.arrived.wait_until(waiting, deadline).timed_out()
    }

    /// Lets nothing more in; what waits is still served.
    pub(super) fn close(&self) {
        self.places.close();
        self.waiting.lock().is_closed = true;
        self.arrived.notify_all();
    }

    /// Whether appends are still let in.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting.lock().is_closed
    }

    /// Drops what waits, which tells its callers [`StoreError::Closed`].
    pub(super) fn refuse_waiting(&self) {
        self.waiting.lock().jobs.clear();
    }
}

impl Waiting {
    fn take_group(&mut self) -> Vec<Job> {
        let mut group = Vec::with_capacity(self.jobs.len());
        let mut bytes = 0;
        while bytes < GROUP_BYTES_MAX
            && let Some(job) = self.jobs.pop_front()
        {
            bytes += job.bytes();
            group.push(job);
        }
        group
    }
}
