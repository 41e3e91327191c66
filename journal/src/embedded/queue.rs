//! Where appends wait for the writer, bounded, and are taken in groups.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes all that waits, up to a group's size; waits for some, at most until `deadline`.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Work {
        let mut waiting = self.waiting.lock();
        loop {
            if !waiting.jobs.is_empty() {
                return Work::Group(waiting.take_group());
            }
            if waiting.is_closed {
                return Work::Closed;
            }
            match deadline {
                None => self.arrived.wait(&mut waiting),
                Some(deadline) => {
                    if self.arrived.wait_until(&mut waiting, deadline).timed_out()
                        && waiting.jobs.is_empty()
                    {
                        return Work::Idle;
                    }
                }
            }
        }
    }

    /// Lets nothing more in; what waits is still served.
    pub(super) fn close(&self) {
        self.places.close();
        self.waiting.lock().is_closed = true;
        self.arrived.notify_all();
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
