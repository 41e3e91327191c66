//! The one source of time: everything else takes `now` as an argument.

use jiff::Timestamp;

/// Tells the time; a test moves its own.
pub(crate) trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the Clock that everyone else takes"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
