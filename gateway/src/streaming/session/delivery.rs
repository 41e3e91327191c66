//! What goes out of a session, and what is lost on the way.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::Session;
use crate::streaming::lifeline::End;
use crate::streaming::outbound::{Forgotten, Lost};
use crate::telemetry::metrics;

impl Session {
    /// Sends an event, or loses it and says so.
    pub(super) fn deliver(&self, frame: Bytes) {
        if let Err(Lost) = self.outbound.push_event(frame) {
            self.count_lost(1);
            self.end_if_too_slow();
        }
    }

    /// Whoever does not want to be told of losses is cut at the first one, others get time to catch up.
    pub(super) fn end_if_too_slow(&self) {
        let overflowing = self.outbound.overflowing_for().unwrap_or_default();
        if !self.is_announcing() || overflowing >= Self::OVERFLOW_MAX {
            self.lifeline().cut(End::slow_consumer());
        }
    }

    /// The next chunk for the connection, which counts as delivered; `None` once nothing is left and nothing more will come.
    pub(in crate::streaming) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.lifeline().is_cut() {
            self.withhold();
        }
        let chunk = self.outbound.poll_next(context);
        self.count_delivered();
        chunk
    }

    /// What waited when access was taken away goes out no more, however fast the connection is.
    fn withhold(&self) {
        let end = self.lifeline().end();
        if end.is_some_and(|end| end.kind.takes_access_away()) {
            self.give_up_events();
        }
    }

    /// Counts events that were taken as delivered; those that are never counted so are lost.
    pub(in crate::streaming) fn count_delivered(&self) {
        let taken = self.outbound.newly_taken();
        if taken > 0 {
            let delivered = &self.record.counts.delivered;
            delivered.fetch_add(taken, Ordering::Relaxed);
            metrics::delivered(self.kind(), taken);
        }
    }

    fn count_lost(&self, lost: u64) {
        if lost > 0 {
            self.record.counts.lost.fetch_add(lost, Ordering::Relaxed);
            metrics::streaming_messages(self.kind().as_str(), "dropped").increment(lost);
        }
    }

    /// Counts something that can be neither sent nor kept.
    pub(in crate::streaming) fn lose(&self, chunks: u64) {
        self.outbound.lose(chunks);
        self.count_lost(chunks);
    }

    /// Forgets what waits to be delivered; how much is lost in all that the client was not told of.
    pub(in crate::streaming) fn give_up_events(&self) -> u64 {
        self.lose(self.outbound.newly_taken());
        let Forgotten { events, untold } = self.outbound.forget_events();
        self.count_lost(events);
        untold
    }
}
