//! Whether the process is about to end, for those who decide what is still begun.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// First no new work is welcome, then what is open is given up.
#[derive(Default)]
pub(crate) struct Closing {
    is_closing: AtomicBool,
    is_given_up: AtomicBool,
    giving_up: Notify,
}

impl Closing {
    /// New work goes elsewhere from now on.
    pub(super) fn begin(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// What is still waited for is answered without it.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::SeqCst);
        self.giving_up.notify_waiters();
    }

    /// Waits until what is open is given up.
    pub(crate) async fn given_up(&self) {
        let mut told = std::pin::pin!(self.giving_up.notified());
        told.as_mut().enable();
        if !self.is_given_up.load(Ordering::SeqCst) {
            told.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_told_and_whoever_comes_later_too() {
        let closing = Closing::default();
        assert!(!closing.has_begun());
        closing.begin();
        assert!(closing.has_begun());
        tokio::join!(closing.given_up(), async { closing.give_up() });
        closing.given_up().await;
    }
}
