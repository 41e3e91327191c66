//! Threads of their own for slow hashes, with a bounded queue: whatever is thrown at it, nothing else waits.
//!
//! Of each pair of threads one takes work and answers, the other one hashes while no other thread wants its core. Where the
//! cores are never idle, the first one hashes for sources that have not failed lately; those that have get nothing then, and
//! a quarter of a thread's time otherwise.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::idle_thread::{Compute, IdleThread, Unanswered};
use super::settings::SlowLaneSettings;
use crate::SourcePrefix;
use crate::fingerprint::Fingerprint;

/// Whoever waited longer is told to come back: his answer would come too late.
const QUEUED_MAX: Duration = Duration::from_secs(2);
/// Requests that wait for one and the same key.
const WAITERS_MAX: usize = 256;
/// How long a run of a hash may take on a thread that everybody else comes before; ten times what is usual.
const PATIENCE_PER_RUN: Duration = Duration::from_secs(2);
/// As many times as long as the hash for a suspect took do other suspects wait, up to [`QUEUED_MAX`].
const PAUSE_FACTOR: u32 = 3;

/// Runs slow work in the order it came, that of sources without failures first.
pub(super) struct SlowLane {
    shared: Arc<Shared>,
}

/// One piece of work.
pub(super) struct Work {
    /// Who asks, and about what.
    pub(super) about: About,
    /// How often a hash is run at most.
    pub(super) runs: u32,
    /// Finds the hash that the key fits.
    pub(super) search: Compute<Option<usize>>,
}

/// Who asks, and about what.
#[derive(Clone, Copy)]
pub(super) struct About {
    /// The same key is never hashed twice at once.
    pub(super) key: Fingerprint,
    /// One source never fills the queue.
    pub(super) source: SourcePrefix,
    /// Whether that source has failed lately: it comes last, and not often.
    pub(super) is_suspect: bool,
}

/// The place of the hash that fits; `Ok(None)` if none does.
pub(super) type Verdict = Result<Option<usize>, Busy>;

/// No room, or no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    queue_max: usize,
}

#[derive(Default)]
struct State {
    first: VecDeque<Queued>,
    /// Of suspects.
    last: VecDeque<Queued>,
    /// When the next suspect may be hashed for.
    suspects_from: Option<Instant>,
    by_source: HashMap<SourcePrefix, usize>,
    waiters: HashMap<Fingerprint, Vec<oneshot::Sender<Verdict>>>,
    is_closed: bool,
}

struct Queued {
    work: Work,
    since: Instant,
}

impl SlowLane {
    pub(super) fn start(settings: SlowLaneSettings) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            queue_max: settings.queue.max(1),
        });
        for number in 0..settings.threads.max(1) {
            let shared = Arc::clone(&shared);
            let hasher = IdleThread::start(&format!("slow-hash-{number}"))?;
            std::thread::Builder::new()
                .name(format!("slow-lane-{number}"))
                .spawn(move || shared.work(&hasher))?;
        }
        Ok(Self { shared })
    }

    /// Queues the work, or joins what is under way for the same key.
    ///
    /// # Errors
    ///
    /// [`Busy`] if there is no room for it.
    pub(super) fn submit(&self, work: Work) -> Result<oneshot::Receiver<Verdict>, Busy> {
        let (sender, receiver) = oneshot::channel();
        let about = work.about;
        let mut state = self.shared.state.lock();
        if let Some(waiters) = state.waiters.get_mut(&about.key) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.len() >= WAITERS_MAX {
                return Err(Busy);
            }
            waiters.push(sender);
            return Ok(receiver);
        }
        state.make_room_for(&about, self.shared.queue_max)?;
        *state.by_source.entry(about.source).or_default() += 1;
        state.waiters.insert(about.key, vec![sender]);
        let queued = Queued {
            since: Instant::now(),
            work,
        };
        if about.is_suspect {
            state.last.push_back(queued);
        } else {
            state.first.push_back(queued);
        }
        drop(state);
        self.shared.wake.notify_one();
        Ok(receiver)
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.wake.notify_all();
    }
}

impl State {
    /// A source has a quarter of the queue at most; who is not suspect takes the place of who is.
    fn make_room_for(&mut self, about: &About, queue_max: usize) -> Result<(), Busy> {
        let share = (queue_max / 4).max(1);
        if self
            .by_source
            .get(&about.source)
            .copied()
            .unwrap_or_default()
            >= share
        {
            return Err(Busy);
        }
        if self.first.len() + self.last.len() < queue_max {
            return Ok(());
        }
        if about.is_suspect {
            return Err(Busy);
        }
        let outdone = self.last.pop_back().ok_or(Busy)?;
        self.conclude(&outdone.work.about, Err(Busy));
        Ok(())
    }

    fn conclude(&mut self, about: &About, verdict: Verdict) {
        for waiter in self.waiters.remove(&about.key).unwrap_or_default() {
            // Whoever has gone does not wait for an answer.
            let _ = waiter.send(verdict);
        }
        if let Some(count) = self.by_source.get_mut(&about.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&about.source);
            }
        }
    }

    fn is_awaited(&self, key: &Fingerprint) -> bool {
        let waiters = self.waiters.get(key);
        waiters.is_some_and(|waiters| waiters.iter().any(|waiter| !waiter.is_closed()))
    }
}

impl Shared {
    fn work(&self, hasher: &IdleThread) {
        let mut state = self.state.lock();
        while let Some(queued) = self.next(&mut state) {
            let in_time = queued.since.elapsed() < QUEUED_MAX;
            if !in_time || !state.is_awaited(&queued.work.about.key) {
                state.conclude(&queued.work.about, Err(Busy));
                continue;
            }
            drop(state);
            let about = queued.work.about;
            let began = Instant::now();
            let verdict = hash(&queued.work, hasher);
            state = self.state.lock();
            if about.is_suspect {
                let pause = (began.elapsed() * PAUSE_FACTOR).min(QUEUED_MAX);
                state.suspects_from = Instant::now().checked_add(pause);
            }
            state.conclude(&about, verdict);
        }
        let left: Vec<_> = state.first.drain(..).collect();
        let left: Vec<_> = left.into_iter().chain(state.last.drain(..)).collect();
        for queued in left {
            state.conclude(&queued.work.about, Err(Busy));
        }
    }

    /// The next piece of work, once there is one whose turn it is; `None` at the end.
    fn next(&self, state: &mut MutexGuard<'_, State>) -> Option<Queued> {
        while !state.is_closed {
            if let Some(queued) = state.first.pop_front() {
                return Some(queued);
            }
            match state.suspects_from {
                _ if state.last.is_empty() => self.wake.wait(state),
                Some(turn) if turn > Instant::now() => {
                    self.wake.wait_until(state, turn);
                }
                Some(_) | None => return state.last.pop_front(),
            }
        }
        None
    }
}

fn hash(work: &Work, hasher: &IdleThread) -> Verdict {
    match hasher.run(&work.search, PATIENCE_PER_RUN.saturating_mul(work.runs)) {
        Ok(found) => Ok(found),
        Err(Unanswered::Late) if !work.about.is_suspect => {
            // A thread that died would leave everybody waiting.
            catch_unwind(AssertUnwindSafe(|| (work.search)())).map_err(|_| Busy)
        }
        Err(Unanswered::Late | Unanswered::Panicked) => Err(Busy),
    }
}

#[cfg(test)]
mod tests;
