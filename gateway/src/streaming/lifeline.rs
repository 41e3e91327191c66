//! When and why a session ends.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;

/// Why a session ended; on a WebSocket a close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Close code (RFC 6455 §7.4); SSE has none.
    pub(crate) code: u16,
    /// One word for metrics.
    pub(crate) kind: EndKind,
    /// A sentence for the client.
    pub(crate) reason: String,
}

/// The kinds of ends, few enough to label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndKind {
    Client,
    Expired,
    Refresh,
    SlowConsumer,
    TooLarge,
    Protocol,
    Shutdown,
}

impl EndKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Expired => "expired",
            Self::Refresh => "refresh",
            Self::SlowConsumer => "slow_consumer",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Shutdown => "shutdown",
        }
    }
}

impl End {
    pub(crate) fn new(code: u16, kind: EndKind, reason: impl Into<String>) -> Self {
        Self {
            code,
            kind,
            reason: reason.into(),
        }
    }

    pub(crate) fn expired() -> Self {
        Self::new(1000, EndKind::Expired, "The credential has expired.")
    }

    pub(crate) fn shutdown() -> Self {
        Self::new(
            1012,
            EndKind::Shutdown,
            "The gateway is restarting; connect again.",
        )
    }
}

/// Holds a session's expiry and its end, whichever comes first wins.
#[derive(Default)]
pub(crate) struct Lifeline {
    expires_at: Cell<Option<Timestamp>>,
    end: RefCell<Option<End>>,
    changed: Notify,
}

impl Lifeline {
    /// Timers are set anew at least this often, so that a jump of the wall clock is noticed.
    const CHECK_INTERVAL: Duration = Duration::from_secs(30);

    pub(crate) fn new(expires_at: Option<Timestamp>) -> Self {
        Self {
            expires_at: Cell::new(expires_at),
            ..Self::default()
        }
    }

    /// A refreshed credential moves the expiry.
    pub(crate) fn renew(&self, expires_at: Option<Timestamp>) {
        self.expires_at.set(expires_at);
        self.changed.notify_waiters();
    }

    /// Ends the session; only the first reason counts.
    pub(crate) fn cut(&self, end: End) {
        self.end.borrow_mut().get_or_insert(end);
        self.changed.notify_waiters();
    }

    /// The end, if the session was cut.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.borrow().clone()
    }

    /// Whether the session is over at `now`: the expiry counts even if no timer has noticed it.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        if self.remaining(now) == Some(Duration::ZERO) {
            self.cut(End::expired());
        }
        self.end.borrow().is_some()
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self, clock: &dyn Clock) -> End {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(end) = self.end() {
                return end;
            }
            match self.remaining(clock.now()) {
                None => changed.await,
                Some(Duration::ZERO) => self.cut(End::expired()),
                Some(remaining) => {
                    let _ =
                        tokio::time::timeout(remaining.min(Self::CHECK_INTERVAL), changed).await;
                }
            }
        }
    }

    fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.expires_at.get().map(|expires_at| {
            Duration::try_from(expires_at.duration_since(now)).unwrap_or(Duration::ZERO)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[actix_web::test]
    async fn an_expired_credential_ends_the_session_at_once() {
        let lifeline = Lifeline::new(Some(Timestamp::UNIX_EPOCH));
        assert_eq!(lifeline.ended(&SystemClock).await, End::expired());
    }

    #[actix_web::test]
    async fn the_first_reason_counts() {
        let lifeline = Lifeline::new(None);
        lifeline.cut(End::shutdown());
        lifeline.cut(End::expired());
        assert_eq!(lifeline.ended(&SystemClock).await, End::shutdown());
    }

    #[actix_web::test]
    async fn a_renewed_expiry_replaces_the_old_one() {
        let lifeline = Lifeline::new(Some(SystemClock.now() + Duration::from_secs(3600)));
        lifeline.renew(Some(Timestamp::UNIX_EPOCH));
        assert_eq!(lifeline.ended(&SystemClock).await, End::expired());
    }
}
