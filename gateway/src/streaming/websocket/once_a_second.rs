//! What a client may ask for as often as it likes, and is done once a second.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// When it was done last.
#[derive(Default)]
pub(super) struct OnceASecond(Cell<Option<Instant>>);

impl OnceASecond {
    const INTERVAL_MIN: Duration = Duration::from_secs(1);

    /// Whether it is to be done now; then it is taken for done.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let last = self.0.get();
        let is_due = last.is_none_or(|last| now.duration_since(last) >= Self::INTERVAL_MIN);
        if is_due {
            self.0.set(Some(now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_second() {
        let pace = OnceASecond::default();
        let start = Instant::now();
        assert!(pace.is_due(start));
        assert!(!pace.is_due(start + Duration::from_millis(999)));
        assert!(pace.is_due(start + Duration::from_millis(1000)));
    }
}
