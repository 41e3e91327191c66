//! One change on its way to its readers: decided and serialised once, shared by all sessions of all workers.

use std::sync::{Arc, OnceLock};

use ::policies::{Permission, ResourceType, SubjectId};
use ::things::{Delivery, ThingEvent};
use bytes::Bytes;
use jiff::Timestamp;
use journal::Position;
use protocol::Envelope;
use serde_json::{Map, Value};

use super::websocket::text_frame;
use crate::live::Label;

/// A thing's event with who may read it.
pub(crate) struct Published {
    pub(crate) position: Position,
    /// When it was decided who may read it.
    pub(crate) decided_at: Timestamp,
    pub(crate) event: Arc<ThingEvent>,
    pub(crate) delivery: Delivery,
    frame: OnceLock<Bytes>,
    thing: OnceLock<Value>,
    text: OnceLock<Option<Bytes>>,
}

/// What one session may see of an event.
pub(crate) enum Visible<'a> {
    /// All of it.
    Full(&'a Published),
    /// A copy of its own.
    Partial(Box<PartialEvent>),
}

/// What a partial reader sees.
pub(crate) struct PartialEvent {
    event: ThingEvent,
    thing: OnceLock<Value>,
}

impl Published {
    pub(crate) fn new(
        (position, decided_at): (Position, Timestamp),
        event: Arc<ThingEvent>,
        delivery: Delivery,
    ) -> Self {
        Self {
            position,
            decided_at,
            event,
            delivery,
            frame: OnceLock::new(),
            thing: OnceLock::new(),
            text: OnceLock::new(),
        }
    }

    /// What event streams without a selection of their own show of the whole event, made once.
    pub(crate) fn shared_text(&self, make: impl FnOnce() -> Option<Bytes>) -> &Option<Bytes> {
        self.text.get_or_init(make)
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
        let event = self.event.view_for(enforcer, subjects)?;
        Some(Visible::Partial(Box::new(PartialEvent {
            event,
            thing: OnceLock::new(),
        })))
    }
}

impl Visible<'_> {
    pub(crate) fn event(&self) -> &ThingEvent {
        match self {
            Self::Full(published) => &published.event,
            Self::Partial(partial) => &partial.event,
        }
    }

    /// The event as a partial thing, special members included.
    pub(crate) fn thing(&self) -> &Value {
        match self {
            Self::Full(published) => published
                .thing
                .get_or_init(|| published.event.to_thing_json()),
            Self::Partial(partial) => partial.thing.get_or_init(|| partial.event.to_thing_json()),
        }
    }

    /// The envelope as a text frame of a WebSocket, with further fields if somebody asked for some, for a session that
    /// declared these labels: only they are asked of it.
    pub(crate) fn frame(&self, extra: Option<&Map<String, Value>>, declared: &[Label]) -> Bytes {
        let requested = &self.event().headers.requested_acks;
        let asked: Vec<&str> = requested
            .iter()
            .map(String::as_str)
            .filter(|label| declared.iter().any(|declared| **declared == **label))
            .collect();
        if !asked.is_empty() {
            let envelope = Envelope::requesting_thing_event(self.event(), extra, &asked);
            return text_frame(&envelope);
        }
        if let Some(extra) = extra {
            return text_frame(&Envelope::enriched_thing_event(self.event(), extra));
        }
        match self {
            Self::Full(published) => published
                .frame
                .get_or_init(|| text_frame(&Envelope::thing_event(&published.event)))
                .clone(),
            Self::Partial(partial) => text_frame(&Envelope::thing_event(&partial.event)),
        }
    }
}
