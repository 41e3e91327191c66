//! One open stream, on the worker that serves its connection.

mod delivery;
mod offers;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::policies::{Principal, SessionId, SubjectId};
use ::things::ThingId;
use authentication::NamespacedKind;
use bytes::Bytes;
use jiff::Timestamp;
use journal::Position;
use protocol::StreamKind;

use super::audited::Audited;
use super::lifeline::Lifeline;
use super::outbound::{Outbound, TellLoss};
use super::policy_announcement::{PolicyAnnouncement, PolicySubscription};
use super::published::{Published, Visible};
use super::registry::{SessionKind, SessionRecord};
use super::shard::Place;
use super::subjects::Subjects;
use crate::edge::Fence;
use crate::limits::StreamPermit;
use crate::live::{Declared, Label, LiveRenderer, LiveSubscriptions};

/// Turns what a session may see into what it is sent.
pub(crate) trait Renderer {
    /// Whether anything of this thing can be wanted.
    fn is_about(&self, thing_id: &ThingId) -> bool;
    /// The chunk for a session that declared these labels; `None` if the subscription leaves nothing of the event.
    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        subjects: &[SubjectId],
        declared: &[Label],
    ) -> Option<Bytes>;
}

/// Who listens, to what, and what waits for it.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) record: Arc<SessionRecord>,
    pub(crate) outbound: Outbound,
    /// What the rules on namespaces leave.
    fence: Option<Rc<Fence>>,
    events: RefCell<Option<Subscribed>>,
    live: LiveSubscriptions,
    /// The live signal that was considered last, and whether it was delivered.
    live_considered: Cell<(u64, bool)>,
    declared: OnceCell<Declared>,
    /// Few want these.
    policy_announcements: RefCell<Option<Box<PolicySubscription>>>,
    delivered: Cell<Position>,
    /// Live events are in the journal for it, too, as long as it reads there.
    is_catching_up: Cell<bool>,
    permit: Cell<Option<StreamPermit>>,
    audited: Cell<Option<Audited>>,
    /// Among the sessions of its worker, from when it enters until it leaves.
    place: RefCell<Option<Place>>,
}

/// A subscription and the subjects that it was made with, less those lost since.
struct Subscribed {
    subjects: Subjects,
    renderer: Rc<dyn Renderer>,
}

impl Session {
    /// A client that wants to read on after a loss must have taken everything that waits within this time.
    const OVERFLOW_MAX: Duration = Duration::from_secs(5);
    /// Pings go out after so many [`Session::tick`]s without anything else.
    const QUIET_TICKS: u8 = 6;
    /// How often a session is looked after.
    pub(super) const TICK: Duration = Duration::from_secs(5);

    pub(crate) fn new(
        record: SessionRecord,
        permit: StreamPermit,
        outbound_bytes_max: usize,
    ) -> Self {
        Self {
            id: record.id,
            record: Arc::new(record),
            outbound: Outbound::new(outbound_bytes_max),
            fence: None,
            events: RefCell::new(None),
            live: LiveSubscriptions::default(),
            live_considered: Cell::new((0, false)),
            declared: OnceCell::new(),
            policy_announcements: RefCell::new(None),
            delivered: Cell::new(Position::START),
            is_catching_up: Cell::new(false),
            permit: Cell::new(Some(permit)),
            audited: Cell::new(None),
            place: RefCell::new(None),
        }
    }

    /// The same session, reaching no further than the rules on namespaces allow.
    pub(crate) fn within(mut self, fence: Option<Rc<Fence>>) -> Self {
        self.fence = fence;
        self
    }

    pub(super) fn take_place(&self, place: Place) {
        *self.place.borrow_mut() = Some(place);
    }

    /// Follows a change of what it listens to, or as whom.
    pub(crate) fn reindex(self: &Rc<Self>) {
        if let Some(place) = self.place.borrow_mut().as_mut() {
            place.reindex(self);
        }
    }

    /// Follows another session's leaving, whose seat of this subject it took.
    pub(super) fn reseat(&self, subject: &SubjectId, at: usize) {
        if let Some(place) = self.place.borrow_mut().as_mut() {
            place.reseat(subject, at);
        }
    }

    /// How far its worker has come with the journal, if it has a place there.
    pub(super) fn progress(&self) -> Option<Position> {
        self.place.borrow().as_ref().map(Place::progress)
    }

    /// Gives up its place and what it occupies, once, even if somebody still holds it.
    pub(super) fn leave(&self) {
        let place = self.place.take();
        if let Some(place) = place {
            place.leave(self);
        }
    }

    pub(crate) fn kind(&self) -> SessionKind {
        self.record.kind
    }

    pub(crate) fn lifeline(&self) -> &Lifeline {
        &self.record.lifeline
    }

    pub(crate) fn principal(&self) -> Principal {
        self.record.principal()
    }

    /// The subjects that something is matched against.
    pub(crate) fn subjects(&self) -> Vec<SubjectId> {
        let events = self.events.borrow();
        let policies = self.policy_announcements.borrow();
        let mut subjects: Vec<SubjectId> = events
            .iter()
            .flat_map(|stream| stream.subjects.iter().cloned())
            .chain(self.live.subjects())
            .chain(policies.iter().flat_map(|it| it.subjects().cloned()))
            .collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// From the next event on, `renderer` decides. Whoever begins to listen has everything up to `after`; whoever did before
    /// misses nothing of what is on its way.
    pub(crate) fn subscribe(&self, renderer: Rc<dyn Renderer>, after: Position) {
        let subscribed = Subscribed {
            subjects: Subjects::of(self.principal()),
            renderer,
        };
        if self.events.replace(Some(subscribed)).is_none() {
            self.delivered.set(self.delivered.get().max(after));
        }
        self.note_subscriptions();
    }

    /// Listens to nothing, but counts as a subscriber of events to those who look at the session.
    pub(crate) fn subscribe_to_nothing(&self) {
        self.record.set_subscriptions(vec!["history"]);
    }

    pub(crate) fn unsubscribe(&self) {
        *self.events.borrow_mut() = None;
        self.note_subscriptions();
    }

    /// From the next live signal of this kind on, `renderer` decides.
    pub(crate) fn subscribe_live(&self, kind: StreamKind, renderer: Rc<dyn LiveRenderer>) {
        self.live
            .start(kind, (Subjects::of(self.principal()), renderer));
        self.note_subscriptions();
    }

    pub(crate) fn unsubscribe_live(&self, kind: StreamKind) {
        self.live.stop(kind);
        self.note_subscriptions();
    }

    /// Gives the session labels of acknowledgements, before it enters its shard.
    pub(crate) fn declare(&self, declared: Declared) {
        // Only the handshake does this, once.
        let _ = self.declared.set(declared);
    }

    pub(crate) fn declared(&self) -> Option<&Declared> {
        self.declared.get()
    }

    fn labels(&self) -> &[Label] {
        self.declared().map_or(&[], Declared::labels)
    }

    /// From now on, tells what subjects that it acts as are told by policies of these namespaces, or of any.
    pub(crate) fn listen_to_policies(&self, namespaces: Option<Vec<String>>) {
        let subscription = namespaces
            .map(|namespaces| PolicySubscription::new(Subjects::of(self.principal()), namespaces))
            .map(Box::new);
        *self.policy_announcements.borrow_mut() = subscription;
        self.note_subscriptions();
    }

    /// Passes on what a subject is told, if this session acts as it and wants to know.
    pub(super) fn tell(&self, told: &PolicyAnnouncement, now: Timestamp) {
        let announcement = &told.announcement;
        let subscription = self.policy_announcements.borrow();
        let is_wanted = subscription
            .as_ref()
            .is_some_and(|subscription| subscription.wants(announcement));
        let namespace = announcement.policy_id.namespace();
        let fence = self.fence.as_ref();
        let is_within = fence.is_none_or(|it| it.allows(NamespacedKind::Policy, namespace));
        if is_wanted && is_within && !self.lifeline().is_over(now) {
            self.deliver(told.frame(self.labels()));
        }
    }

    fn note_subscriptions(&self) {
        let events = self.events.borrow().is_some().then_some("events");
        let announcements = self
            .outbound
            .tells_losses()
            .then_some("session-announcements");
        let policies = self.policy_announcements.borrow().is_some();
        let policies = policies.then_some("policy-announcements");
        self.record.set_subscriptions(
            events
                .into_iter()
                .chain(self.live.names())
                .chain(announcements)
                .chain(policies)
                .collect(),
        );
    }

    /// From now on losses are told in place by `loss`, and the end of the session before it comes.
    pub(crate) fn announce(&self, loss: Option<TellLoss>) {
        self.outbound.tell_losses(loss);
        self.note_subscriptions();
    }

    /// Whether the client wants to know what happens to its session.
    pub(crate) fn is_announcing(&self) -> bool {
        self.outbound.tells_losses()
    }

    /// Gives back what it occupies.
    pub(super) fn release(&self) {
        *self.events.borrow_mut() = None;
        *self.policy_announcements.borrow_mut() = None;
        self.live.clear();
        self.give_up_events();
        self.permit.take();
        self.audited.take();
    }

    /// From now on the session is in the record, until it ends.
    pub(super) fn keep_record(&self, audited: Audited) {
        self.audited.set(Some(audited));
    }

    /// Acts as `principal` from now on; delivery narrows at once, what is gained counts from the next subscription.
    pub(crate) fn refresh(&self, principal: Principal, now: Timestamp) {
        if let Some(stream) = self.events.borrow_mut().as_mut() {
            stream.subjects.narrow(&principal);
        }
        if let Some(policies) = self.policy_announcements.borrow_mut().as_mut() {
            policies.narrow(&principal);
        }
        if let Some(fence) = &self.fence {
            fence.renew(&principal);
        }
        self.live.narrow(&principal);
        self.lifeline().renew(principal.expires_at(), now);
        self.record.set_principal(principal);
    }

    /// Looks after itself, so that nothing waits for events that do not come; whether it is over and must leave.
    ///
    /// A WebSocket is read all the time, and leaves once it has said why.
    pub(super) fn tick(&self, now: Timestamp) -> bool {
        if self.outbound.lost() > 0 {
            self.end_if_too_slow();
        }
        match self.kind() {
            SessionKind::WebSocket => {
                if self.outbound.is_quiet(Self::QUIET_TICKS) {
                    self.outbound.push_urgent(super::websocket::ping());
                }
                false
            }
            SessionKind::ServerSentEvents => self.lifeline().is_over(now),
        }
    }
}

#[cfg(test)]
mod tests;
