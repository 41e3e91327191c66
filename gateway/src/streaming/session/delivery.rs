//! What goes out of a session, and what is lost on the way.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use journal::Position;

use super::Session;
use crate::streaming::lifeline::End;
use crate::streaming::outbound::{Forgotten, Lost};
use crate::telemetry::metrics;

impl Session {
    /// Sends an event, or loses it and says so.
    pub(in crate::streaming) fn deliver(&self, frame: Bytes) {
        if let Err(Lost) = self.outbound.push_event(frame) {
            if self.is_catching_up.get() {
                return self.fall_behind();
            }
            self.count_lost(1);
            self.end_if_too_slow();
        }
    }

    /// From now on nothing is lost: what finds no room is read from the journal, see [`Self::is_behind`].
    pub(in crate::streaming) fn fall_behind(&self) {
        self.is_catching_up.set(true);
        // Later than every event.
        self.delivered.set(Position(u64::MAX));
        self.outbound.discard_events();
    }

    /// Whether events pass it by, so that it has to read them from the journal.
    pub(in crate::streaming) fn is_behind(&self) -> bool {
        self.delivered.get() == Position(u64::MAX)
    }

    /// Takes events behind `after` again.
    pub(in crate::streaming) fn take_live(&self, after: Position) {
        self.delivered.set(after);
    }

    /// From now on an event that finds no room is lost.
    pub(in crate::streaming) fn catch_up(&self) {
        self.is_catching_up.set(false);
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
