//! What of that which happens, or has happened, a session gets: its subscriptions, its subjects and the rules on namespaces say.

use ::policies::SubjectId;
use ::things::ThingId;
use authentication::NamespacedKind;
use bytes::Bytes;
use jiff::Timestamp;
use journal::Position;

use super::{Renderer, Session, Subscribed};
use crate::live::LiveSignal;
use crate::streaming::lifeline::End;
use crate::streaming::published::Published;

impl Session {
    /// Sends what this session may see of an event, once, unless it caused the event itself; whether anything was sent.
    pub(crate) fn offer(&self, published: &Published) -> bool {
        if published.event.headers.origin == Some(self.id) || !self.is_new(published.position) {
            return false;
        }
        let events = self.events.borrow();
        let Some(Subscribed { subjects, renderer }) = events.as_ref() else {
            return false;
        };
        if self.lifeline().is_over(published.decided_at) {
            return false;
        }
        let frame = self.seen(published, (subjects, renderer.as_ref()));
        let is_sent = frame.is_some();
        if let Some(frame) = frame {
            self.deliver(frame);
        }
        is_sent
    }

    /// As [`Self::offer`]; if nothing is sent, what the event asks of this session is acknowledged in its place.
    pub(crate) fn offer_or_acknowledge(&self, published: &Published) {
        if !self.offer(published)
            && let Some(declared) = self.declared()
        {
            declared.acknowledge_weakly(&published.event);
        }
    }

    /// Sends a live signal, once, if this session subscribed to its kind, may read it and did not send it.
    pub(crate) fn offer_live(&self, signal: &LiveSignal) {
        if self.live_considered.get().0 != signal.number {
            let is_delivered = self.try_live(signal);
            self.live_considered.set((signal.number, is_delivered));
        }
    }

    fn try_live(&self, signal: &LiveSignal) -> bool {
        if signal.origin == Some(self.id) || self.lifeline().is_over(signal.decided_at) {
            return false;
        }
        if !self.is_within_reach(&signal.thing_id) {
            return false;
        }
        let frame = self.live.render(signal, self.labels());
        let is_sent = frame.is_some();
        if let Some(frame) = frame {
            self.deliver(frame);
        }
        is_sent
    }

    /// Acknowledges what a live signal asks of this session, if the session did not get it.
    pub(crate) fn acknowledge_missed(&self, signal: &LiveSignal) {
        if self.live_considered.get() != (signal.number, true) {
            signal.acknowledge_weakly(self.labels());
        }
    }

    /// What this session, acting as these subjects, may see of an event of the past.
    pub(crate) fn view(
        &self,
        published: &Published,
        by: (&[SubjectId], &dyn Renderer),
    ) -> Option<Bytes> {
        self.seen(published, by)
    }

    /// Whether this session, acting as these subjects, may see any part of an event of the past.
    pub(crate) fn may_see(&self, published: &Published, subjects: &[SubjectId]) -> bool {
        self.is_within_reach(&published.event.thing_id) && published.visible_to(subjects).is_some()
    }

    fn seen(
        &self,
        published: &Published,
        (subjects, renderer): (&[SubjectId], &dyn Renderer),
    ) -> Option<Bytes> {
        if !self.is_within_reach(&published.event.thing_id) {
            return None;
        }
        let visible = published.visible_to(subjects)?;
        renderer.render(published, &visible, subjects, self.labels())
    }

    /// Whether the rules on namespaces let this session see anything of the thing.
    fn is_within_reach(&self, thing_id: &ThingId) -> bool {
        let namespace = thing_id.namespace();
        let fence = self.fence.as_ref();
        fence.is_none_or(|fence| fence.allows(NamespacedKind::Thing, namespace))
    }

    /// Whether the event at `position` was not considered before; it counts as considered now.
    fn is_new(&self, position: Position) -> bool {
        let is_new = position > self.delivered.get();
        if is_new {
            self.delivered.set(position);
        }
        is_new
    }

    /// Says that something about `thing_id` happened which cannot be delivered to anybody.
    pub(in crate::streaming) fn miss(&self, thing_id: Option<&ThingId>, now: Timestamp) {
        let is_concerned = self.events.borrow().as_ref().is_some_and(|stream| {
            thing_id.is_none_or(|thing_id| stream.renderer.is_about(thing_id))
        });
        if !is_concerned || self.is_behind() || self.lifeline().is_over(now) {
            return;
        }
        if !self.outbound.tell_loss() {
            self.lifeline().cut(End::undecided());
        }
    }
}
