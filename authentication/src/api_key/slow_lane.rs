//! Threads of their own for slow hashes, with a bounded queue: whatever is thrown at it, nothing else waits.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::settings::SlowLaneSettings;
use crate::SourcePrefix;
use crate::fingerprint::Fingerprint;

/// Whoever waited longer is told to come back: his answer would come too late.
const QUEUED_MAX: Duration = Duration::from_secs(2);
/// Requests that wait for one and the same key.
const WAITERS_MAX: usize = 256;

/// Runs slow work in the order it came, that of sources without failures first.
pub(super) struct SlowLane {
    shared: Arc<Shared>,
}

/// One piece of work.
pub(super) struct Work {
    /// What it is about: the same key is never hashed twice at once.
    pub(super) key: Fingerprint,
    /// Who asks: one source never fills the queue.
    pub(super) source: SourcePrefix,
    /// Whether that source has failed lately: it comes last.
    pub(super) is_suspect: bool,
    /// Finds the hash that the key fits.
    pub(super) run: Box<dyn FnOnce() -> Option<usize> + Send>,
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
    last: VecDeque<Queued>,
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
            std::thread::Builder::new()
                .name(format!("slow-lane-{number}"))
                .spawn(move || shared.work())?;
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
        let mut state = self.shared.state.lock();
        if let Some(waiters) = state.waiters.get_mut(&work.key) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.len() >= WAITERS_MAX {
                return Err(Busy);
            }
            waiters.push(sender);
            return Ok(receiver);
        }
        state.make_room_for(&work, self.shared.queue_max)?;
        *state.by_source.entry(work.source).or_default() += 1;
        state.waiters.insert(work.key, vec![sender]);
        let queued = Queued {
            since: Instant::now(),
            work,
        };
        if queued.work.is_suspect {
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
    fn make_room_for(&mut self, work: &Work, queue_max: usize) -> Result<(), Busy> {
        let share = (queue_max / 4).max(1);
        if self
            .by_source
            .get(&work.source)
            .copied()
            .unwrap_or_default()
            >= share
        {
            return Err(Busy);
        }
        if self.first.len() + self.last.len() < queue_max {
            return Ok(());
        }
        if work.is_suspect {
            return Err(Busy);
        }
        let outdone = self.last.pop_back().ok_or(Busy)?;
        self.conclude(&outdone.work, Err(Busy));
        Ok(())
    }

    fn conclude(&mut self, work: &Work, verdict: Verdict) {
        for waiter in self.waiters.remove(&work.key).unwrap_or_default() {
            // Whoever has gone does not wait for an answer.
            let _ = waiter.send(verdict);
        }
        if let Some(count) = self.by_source.get_mut(&work.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&work.source);
            }
        }
    }

    fn is_awaited(&self, key: &Fingerprint) -> bool {
        let waiters = self.waiters.get(key);
        waiters.is_some_and(|waiters| waiters.iter().any(|waiter| !waiter.is_closed()))
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.state.lock();
        while !state.is_closed {
            let next = state.first.pop_front();
            let Some(queued) = next.or_else(|| state.last.pop_front()) else {
                self.wake.wait(&mut state);
                continue;
            };
            let in_time = queued.since.elapsed() < QUEUED_MAX;
            if !in_time || !state.is_awaited(&queued.work.key) {
                state.conclude(&queued.work, Err(Busy));
                continue;
            }
            drop(state);
            let Work {
                key,
                source,
                is_suspect,
                run,
            } = queued.work;
            // A thread that died would leave everybody waiting.
            let verdict = catch_unwind(AssertUnwindSafe(run)).map_err(|_| Busy);
            state = self.state.lock();
            let done = Work {
                key,
                source,
                is_suspect,
                run: Box::new(|| None),
            };
            state.conclude(&done, verdict);
        }
        let left: Vec<_> = state.first.drain(..).collect();
        let left: Vec<_> = left.into_iter().chain(state.last.drain(..)).collect();
        for queued in left {
            state.conclude(&queued.work, Err(Busy));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn source(number: u8) -> SourcePrefix {
        SourcePrefix::of(Some([192, 0, 2, number].into()))
    }

    /// Work that says when it starts and waits to be let go on.
    fn work(
        (key, source_number): (u8, u8),
        run: impl FnOnce() -> Option<usize> + Send + 'static,
    ) -> Work {
        Work {
            key: [key; 16],
            source: source(source_number),
            is_suspect: false,
            run: Box::new(run),
        }
    }

    fn lane(queue: usize) -> SlowLane {
        SlowLane::start(SlowLaneSettings { threads: 1, queue }).unwrap()
    }

    /// Occupies the only thread until the returned sender speaks.
    fn occupied(lane: &SlowLane) -> (mpsc::Sender<()>, oneshot::Receiver<Verdict>) {
        let (started, has_started) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let receiver = lane.submit(work((0, 0), move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
            Some(7)
        }));
        has_started.recv().unwrap();
        (go_on, receiver.unwrap())
    }

    #[test]
    fn one_key_is_hashed_once_for_everybody_who_waits() {
        let lane = lane(4);
        let (go_on, first) = occupied(&lane);
        let second = lane
            .submit(work((0, 1), || panic!("hashed twice")))
            .unwrap();
        go_on.send(()).unwrap();
        assert_eq!(first.blocking_recv().unwrap(), Ok(Some(7)));
        assert_eq!(second.blocking_recv().unwrap(), Ok(Some(7)));
    }

    #[test]
    fn a_source_fills_no_more_than_its_share_and_nobody_more_than_the_queue() {
        let lane = lane(4);
        let (go_on, _first) = occupied(&lane);
        let mut receivers = Vec::new();
        for number in 1..=4 {
            receivers.push(lane.submit(work((number, number), || None)).unwrap());
        }
        assert_eq!(lane.submit(work((9, 1), || None)).err(), Some(Busy));
        assert_eq!(lane.submit(work((9, 9), || None)).err(), Some(Busy));
        go_on.send(()).unwrap();
        for receiver in receivers {
            assert_eq!(receiver.blocking_recv().unwrap(), Ok(None));
        }
    }

    #[test]
    fn who_has_failed_makes_room_for_who_has_not() {
        let lane = lane(1);
        let (go_on, _first) = occupied(&lane);
        let suspect = Work {
            is_suspect: true,
            ..work((1, 1), || None)
        };
        let suspect = lane.submit(suspect).unwrap();
        let clean = lane.submit(work((2, 2), || Some(1))).unwrap();
        assert_eq!(suspect.blocking_recv().unwrap(), Err(Busy));
        go_on.send(()).unwrap();
        assert_eq!(clean.blocking_recv().unwrap(), Ok(Some(1)));
    }

    #[test]
    fn work_that_nobody_waits_for_is_not_done() {
        let lane = lane(4);
        let (go_on, _first) = occupied(&lane);
        drop(
            lane.submit(work((1, 1), || panic!("nobody waits")))
                .unwrap(),
        );
        let last = lane.submit(work((2, 2), || Some(2))).unwrap();
        go_on.send(()).unwrap();
        assert_eq!(last.blocking_recv().unwrap(), Ok(Some(2)));
    }
}
