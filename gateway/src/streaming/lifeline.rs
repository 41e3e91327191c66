//! When and why a session ends. Any thread may end it.

mod end;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::clock::Clock;
pub(crate) use end::{End, EndKind};

/// Holds a session's expiry and its end, whichever comes first wins.
///
/// The expiry is watched by the wall clock, because tokens name instants of it, and by a monotonic one, so that setting the
/// wall clock back prolongs no session.
pub(crate) struct Lifeline {
    state: Mutex<State>,
    /// Asked for every event, so it must cost nothing.
    is_cut: AtomicBool,
    changed: Notify,
}

#[derive(Default)]
struct State {
    expiry: Option<Expiry>,
    end: Option<End>,
}

/// When a credential ends.
struct Expiry {
    at: Timestamp,
    /// The same by the monotonic clock; `None` if it is out of its range.
    deadline: Option<Instant>,
    /// How long before the end it is told.
    lead: Duration,
    is_told: bool,
}

/// What happens next in a session's life.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The credential ends soon; comes once for each credential.
    Expiring,
    /// The session is over.
    Ended(End),
}

impl Lifeline {
    /// Timers are set anew at least this often, so that a jump of the wall clock is noticed.
    pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(30);
    /// The coming end is told this long before, or after two thirds of a shorter life.
    const LEAD_MAX: Duration = Duration::from_secs(60);

    pub(crate) fn new(expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            state: Mutex::new(State {
                expiry: expires_at.map(|at| Expiry::new(at, now)),
                end: None,
            }),
            is_cut: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// A refreshed credential moves the expiry.
    pub(crate) fn renew(&self, expires_at: Option<Timestamp>, now: Timestamp) {
        self.state.lock().expiry = expires_at.map(|at| Expiry::new(at, now));
        self.changed.notify_waiters();
    }

    /// Ends the session; only the first reason counts.
    pub(crate) fn cut(&self, end: End) {
        self.state.lock().end.get_or_insert(end);
        self.is_cut.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Tells the coming end again, to somebody who was not listening.
    pub(crate) fn tell_again(&self) {
        if let Some(expiry) = &mut self.state.lock().expiry {
            expiry.is_told = false;
        }
        self.changed.notify_waiters();
    }

    /// Whether the session was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// The end, if the session was cut.
    pub(crate) fn end(&self) -> Option<End> {
        self.state.lock().end.clone()
    }

    /// Whether the session is over at `now`: the expiry counts even if no timer has noticed it.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        if !self.is_cut() && self.remaining(now) == Some(Duration::ZERO) {
            self.cut(End::expired());
        }
        self.is_cut()
    }

    /// When the credential ends.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.state.lock().expiry.as_ref().map(|expiry| expiry.at)
    }

    /// How long the credential is still good; `None` if it does not expire.
    pub(crate) fn remaining(&self, now: Timestamp) -> Option<Duration> {
        let state = self.state.lock();
        Some(state.expiry.as_ref()?.remaining(now, Instant::now()))
    }

    /// Waits until the end comes, or moves, from when this is called on.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self, clock: &dyn Clock) -> End {
        self.watch(clock, Self::end_or_wait).await
    }

    /// Waits for the end, or for the moment when the coming end is to be told.
    pub(crate) async fn next(&self, clock: &dyn Clock) -> Moment {
        self.watch(clock, Self::moment_or_wait).await
    }

    async fn watch<T>(
        &self,
        clock: &dyn Clock,
        look: impl Fn(&Self, Timestamp) -> Result<T, Option<Duration>>,
    ) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match look(self, clock.now()) {
                Ok(outcome) => return outcome,
                Err(None) => changed.await,
                Err(Some(wait)) => {
                    let _ = tokio::time::timeout(wait.min(Self::CHECK_INTERVAL), changed).await;
                }
            }
        }
    }

    /// The end, or how long to wait for it at most.
    pub(super) fn end_or_wait(&self, now: Timestamp) -> Result<End, Option<Duration>> {
        self.is_over(now);
        self.end().ok_or_else(|| self.remaining(now))
    }

    fn moment_or_wait(&self, now: Timestamp) -> Result<Moment, Option<Duration>> {
        let until_end = match self.end_or_wait(now) {
            Ok(end) => return Ok(Moment::Ended(end)),
            Err(None) => return Err(None),
            Err(Some(remaining)) => remaining,
        };
        let mut state = self.state.lock();
        match state.expiry.as_mut().filter(|expiry| !expiry.is_told) {
            None => Err(Some(until_end)),
            Some(expiry) => match until_end.checked_sub(expiry.lead) {
                Some(wait) if !wait.is_zero() => Err(Some(wait)),
                Some(_) | None => {
                    expiry.is_told = true;
                    Ok(Moment::Expiring)
                }
            },
        }
    }
}

impl Expiry {
    fn new(at: Timestamp, now: Timestamp) -> Self {
        let life = until(at, now);
        Self {
            at,
            deadline: Instant::now().checked_add(life),
            lead: Lifeline::LEAD_MAX.min(life / 3),
            is_told: false,
        }
    }

    fn remaining(&self, now: Timestamp, instant: Instant) -> Duration {
        let by_wall = until(self.at, now);
        self.deadline.map_or(by_wall, |deadline| {
            by_wall.min(deadline.saturating_duration_since(instant))
        })
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
