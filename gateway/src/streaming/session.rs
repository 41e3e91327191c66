//! One open stream, on the worker that serves its connection.

use std::cell::{Cell, RefCell};

use ::policies::{Principal, SessionId, SubjectId};
use bytes::Bytes;
use journal::Position;

use super::lifeline::{End, EndKind, Lifeline};
use super::outbound::{Lost, Outbound};
use super::published::{Published, Visible};
use crate::limits::StreamPermit;
use crate::telemetry::metrics;

/// Turns what a session may see into what it is sent.
pub(crate) trait Renderer {
    /// The kind of stream, for metrics: `ws` or `sse`.
    fn kind(&self) -> &'static str;
    /// The frame; `None` if the subscription leaves nothing of the event.
    fn render(&self, published: &Published, visible: &Visible<'_>) -> Option<Bytes>;
}

/// Who listens, to what, and what waits for it.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) outbound: Outbound,
    pub(crate) lifeline: Lifeline,
    principal: RefCell<Principal>,
    /// Subjects that events are matched against: those of the last subscription, less those lost since.
    subjects: RefCell<Vec<SubjectId>>,
    subscription: RefCell<Option<Box<dyn Renderer>>>,
    delivered: Cell<Position>,
    permit: Cell<Option<StreamPermit>>,
}

impl Session {
    pub(crate) fn new(
        principal: Principal,
        permit: StreamPermit,
        outbound_bytes_max: usize,
    ) -> Self {
        Self {
            id: SessionId(uuid::Uuid::new_v4().as_u128()),
            outbound: Outbound::new(outbound_bytes_max),
            lifeline: Lifeline::new(principal.expires_at()),
            subjects: RefCell::new(principal.subjects().to_vec()),
            principal: RefCell::new(principal),
            subscription: RefCell::new(None),
            delivered: Cell::new(Position::START),
            permit: Cell::new(Some(permit)),
        }
    }

    pub(crate) fn principal(&self) -> Principal {
        self.principal.borrow().clone()
    }

    pub(crate) fn subjects(&self) -> Vec<SubjectId> {
        self.subjects.borrow().clone()
    }

    /// From the next event on, `renderer` decides; everything up to `after` counts as delivered.
    pub(crate) fn subscribe(&self, renderer: Box<dyn Renderer>, after: Position) {
        *self.subjects.borrow_mut() = self.principal.borrow().subjects().to_vec();
        *self.subscription.borrow_mut() = Some(renderer);
        self.delivered.set(self.delivered.get().max(after));
    }

    pub(crate) fn unsubscribe(&self) {
        *self.subscription.borrow_mut() = None;
    }

    /// Gives back what it occupies, even if somebody still holds it.
    pub(super) fn release(&self) {
        self.unsubscribe();
        self.outbound.clear();
        self.permit.take();
    }

    /// Acts as `principal` from now on; delivery narrows at once, what is gained counts from the next subscription.
    pub(crate) fn refresh(&self, principal: Principal) {
        self.subjects
            .borrow_mut()
            .retain(|subject| principal.subjects().contains(subject));
        self.lifeline.renew(principal.expires_at());
        *self.principal.borrow_mut() = principal;
    }

    /// Sends what this session may see of an event, once, unless it caused the event itself.
    pub(crate) fn offer(&self, published: &Published) {
        if self.lifeline.end().is_some() || published.event.headers.origin == Some(self.id) {
            return;
        }
        if published.position
            <= self
                .delivered
                .replace(self.delivered.get().max(published.position))
        {
            return;
        }
        let subscription = self.subscription.borrow();
        let Some(renderer) = subscription.as_deref() else {
            return;
        };
        let Some(visible) = published.visible_to(&self.subjects.borrow()) else {
            return;
        };
        let Some(frame) = renderer.render(published, &visible) else {
            return;
        };
        match self.outbound.push_event(frame) {
            Ok(()) => metrics::streaming_messages(renderer.kind(), "out").increment(1),
            Err(Lost(count)) => {
                metrics::streaming_messages(renderer.kind(), "dropped").increment(1);
                self.lifeline.cut(End::new(
                    1013,
                    EndKind::SlowConsumer,
                    format!("Reading too slowly: {count} event lost. Connect again and read the current state."),
                ));
            }
        }
    }
}
