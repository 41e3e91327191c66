//! One change on its way to its readers: decided and serialised once, shared by all sessions of all workers.

use std::sync::{Arc, OnceLock};

use ::policies::{Permission, ResourceType, SubjectId};
use ::things::{Delivery, ThingEvent};
use bytes::Bytes;
use journal::Position;
use protocol::Envelope;

/// A thing's event with who may read it.
pub(crate) struct Published {
    pub(crate) position: Position,
    pub(crate) event: Arc<ThingEvent>,
    pub(crate) delivery: Delivery,
    envelope: OnceLock<Bytes>,
}

/// What one session may see of an event.
pub(crate) enum Visible<'a> {
    /// All of it.
    Full(&'a Published),
    /// A copy of its own.
    Partial(Box<ThingEvent>),
}

impl Published {
    pub(crate) fn new(position: Position, event: Arc<ThingEvent>, delivery: Delivery) -> Self {
        Self {
            position,
            event,
            delivery,
            envelope: OnceLock::new(),
        }
    }

    /// Whoever may read at least a part of the event, full readers first.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &SubjectId> {
        self.delivery
            .readers
            .unrestricted
            .iter()
            .chain(&self.delivery.readers.partial)
    }

    /// What a session with these subjects may see; `None` if nothing.
    pub(crate) fn visible_to(&self, subjects: &[SubjectId]) -> Option<Visible<'_>> {
        let enforcer = self.delivery.enforcer.as_deref()?;
        if enforcer.unrestricted(
            subjects,
            &ResourceType::Thing,
            &self.event.path,
            &Permission::READ,
        ) {
            return Some(Visible::Full(self));
        }
        self.event
            .view_for(enforcer, subjects)
            .map(|event| Visible::Partial(Box::new(event)))
    }
}

impl Visible<'_> {
    pub(crate) fn event(&self) -> &ThingEvent {
        match self {
            Self::Full(published) => &published.event,
            Self::Partial(event) => event,
        }
    }

    /// The envelope as text frame.
    pub(crate) fn envelope(&self) -> Bytes {
        match self {
            Self::Full(published) => published
                .envelope
                .get_or_init(|| Envelope::thing_event(&published.event))
                .clone(),
            Self::Partial(event) => Envelope::thing_event(event),
        }
    }
}
