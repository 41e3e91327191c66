//! How often somebody failed, and what follows from it.

use std::time::Duration;

use jiff::Timestamp;

use super::{GuardSettings, age};

/// The failures of one source or in the name of one identity.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    pub(super) fn record(&mut self, settings: &GuardSettings, now: Timestamp) {
        if self.is_over(settings, now) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
    }

    pub(super) fn wait(&self, settings: &GuardSettings, now: Timestamp) -> Option<Duration> {
        self.penalty(settings)
            .checked_sub(age(self.last, now))
            .filter(|wait| !wait.is_zero())
    }

    /// The wait that the latest failure began.
    fn penalty(&self, settings: &GuardSettings) -> Duration {
        match self.count.checked_sub(settings.failures.saturating_add(1)) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX))
                .min(settings.block),
        }
    }

    pub(super) fn is_over(&self, settings: &GuardSettings, now: Timestamp) -> bool {
        age(self.last, now) >= settings.window.max(self.penalty(settings))
    }
}
