//! Which live signals a session asked for.

use std::cell::RefCell;
use std::rc::Rc;

use ::policies::{Principal, SubjectId};
use bytes::Bytes;
use protocol::StreamKind;

use super::acknowledgement::Label;
use super::signal::LiveSignal;
use crate::streaming::Subjects;

/// Turns a signal that a session may receive into what it is sent.
pub(crate) trait LiveRenderer {
    /// The frame for a session that declared these labels and acts as `subjects`; `None` if the subscription leaves the
    /// signal out.
    fn render(
        &self,
        signal: &LiveSignal,
        subjects: &[SubjectId],
        declared: &[Label],
    ) -> Option<Bytes>;
}

/// At most one subscription for each kind of signal, each with the subjects that it was made with, less those lost since.
#[derive(Default)]
pub(crate) struct LiveSubscriptions(RefCell<Vec<LiveSubscription>>);

struct LiveSubscription {
    kind: StreamKind,
    subjects: Subjects,
    renderer: Rc<dyn LiveRenderer>,
}

impl LiveSubscriptions {
    /// Begins a subscription, or replaces the one of that kind.
    pub(crate) fn start(
        &self,
        kind: StreamKind,
        (subjects, renderer): (Subjects, Rc<dyn LiveRenderer>),
    ) {
        self.stop(kind);
        self.0.borrow_mut().push(LiveSubscription {
            kind,
            subjects,
            renderer,
        });
    }

    pub(crate) fn stop(&self, kind: StreamKind) {
        self.0.borrow_mut().retain(|other| other.kind != kind);
    }

    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Forgets subjects that `principal` does not have.
    pub(crate) fn narrow(&self, principal: &Principal) {
        for subscription in self.0.borrow_mut().iter_mut() {
            subscription.subjects.narrow(principal);
        }
    }

    /// Every subject that something is matched against.
    pub(crate) fn subjects(&self) -> Vec<SubjectId> {
        let subscriptions = self.0.borrow();
        subscriptions
            .iter()
            .flat_map(|subscription| subscription.subjects.iter().cloned())
            .collect()
    }

    /// What is subscribed to, in words for operators.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let subscriptions = self.0.borrow();
        subscriptions
            .iter()
            .map(|subscription| name(subscription.kind))
            .collect()
    }

    /// The frame for a session that declared these labels; `None` if it does not get the signal.
    pub(crate) fn render(&self, signal: &LiveSignal, declared: &[Label]) -> Option<Bytes> {
        let subscriptions = self.0.borrow();
        let subscription = subscriptions
            .iter()
            .find(|subscription| subscription.kind == signal.kind)?;
        if !signal.is_visible_to(&subscription.subjects) {
            return None;
        }
        subscription
            .renderer
            .render(signal, &subscription.subjects, declared)
    }
}

fn name(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Events => "events",
        StreamKind::Messages => "messages",
        StreamKind::LiveCommands => "live-commands",
        StreamKind::LiveEvents => "live-events",
        StreamKind::PolicyAnnouncements => "policy-announcements",
        StreamKind::SessionAnnouncements => "session-announcements",
    }
}
