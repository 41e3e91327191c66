//! A signal on its way to devices: who may read it was decided once, and it is serialised once for all who need no copy of
//! their own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ::policies::{Enforcer, Permission, Pointer, ResourceType, SessionId, SubjectId};
use ::things::ThingId;
use bytes::Bytes;
use jiff::Timestamp;
use protocol::{Envelope, StreamKind};
use serde_json::{Map, Value};

use super::acknowledgement::{Acknowledgement, Label};
use super::pending::Awaited;
use crate::streaming::websocket::text_frame;

/// A message, a live command or a live event, for all sessions that subscribed to its kind and may read it.
pub(crate) struct LiveSignal {
    /// Tells this signal from every other of this process.
    pub(crate) number: u64,
    /// Which subscription it is for.
    pub(crate) kind: StreamKind,
    /// Which thing it is about.
    pub(crate) thing_id: ThingId,
    /// The session that sent it and must not receive it.
    pub(crate) origin: Option<SessionId>,
    /// When it was decided who may read it.
    pub(crate) decided_at: Timestamp,
    /// The envelope that subscribers get; without requests for acknowledgements.
    pub(crate) envelope: Envelope,
    /// What a subscriber must be able to read.
    pub(crate) reach: Reach,
    requested: Vec<Label>,
    awaited: Option<Arc<Awaited>>,
    frame: OnceLock<Bytes>,
}

/// Who may receive a signal.
pub(crate) struct Reach {
    pub(crate) enforcer: Arc<Enforcer>,
    pub(crate) resource_type: ResourceType,
    pub(crate) path: Pointer,
}

/// Who sent it, and to whom it goes.
pub(crate) struct Sent {
    pub(crate) kind: StreamKind,
    pub(crate) thing_id: ThingId,
    pub(crate) origin: Option<SessionId>,
    pub(crate) decided_at: Timestamp,
    pub(crate) reach: Reach,
}

impl LiveSignal {
    pub(crate) fn new(sent: Sent, envelope: Envelope) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let Sent {
            kind,
            thing_id,
            origin,
            decided_at,
            reach,
        } = sent;
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            kind,
            thing_id,
            origin,
            decided_at,
            envelope,
            reach,
            requested: Vec::new(),
            awaited: None,
            frame: OnceLock::new(),
        }
    }

    /// Asks for acknowledgements, which `awaited` collects.
    #[must_use]
    pub(crate) fn requesting(mut self, labels: Vec<Label>, awaited: Arc<Awaited>) -> Self {
        self.requested = labels;
        self.awaited = Some(awaited);
        self
    }

    /// The labels that are asked for and not built in.
    pub(crate) fn requested(&self) -> &[Label] {
        &self.requested
    }

    /// The subjects of whom one must be the caller's if it is to receive the signal.
    pub(crate) fn subjects(&self) -> Vec<SubjectId> {
        let Reach {
            enforcer,
            resource_type,
            path,
        } = &self.reach;
        let readers = enforcer.readers(resource_type, path);
        readers
            .unrestricted
            .into_iter()
            .chain(readers.partial)
            .collect()
    }

    /// The subject of a message.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.header("ditto-message-subject")
    }

    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.envelope.headers.as_ref()?.get(name)?.as_str()
    }

    /// Whether a caller with all of `subjects` may receive the signal, which is shown as a whole or not at all.
    ///
    /// A message is about its own subject, and not about those below; a command or event carries what lies below its path.
    pub(crate) fn is_visible_to(&self, subjects: &[SubjectId]) -> bool {
        let Reach {
            enforcer,
            resource_type,
            path,
        } = &self.reach;
        match self.kind {
            StreamKind::Messages => {
                enforcer.holds(subjects, resource_type, path, &Permission::READ)
            }
            StreamKind::LiveCommands
            | StreamKind::LiveEvents
            | StreamKind::Events
            | StreamKind::PolicyAnnouncements
            | StreamKind::SessionAnnouncements => {
                enforcer.unrestricted(subjects, resource_type, path, &Permission::READ)
            }
        }
    }

    /// The text frame of a WebSocket, with further fields of the thing if somebody asked for some, for a session that
    /// declared these labels: only they are asked of it.
    pub(crate) fn frame(&self, extra: Option<&Map<String, Value>>, declared: &[Label]) -> Bytes {
        let asked: Vec<&str> = self
            .requested
            .iter()
            .filter(|label| declared.contains(label))
            .map(|label| &**label)
            .collect();
        if asked.is_empty() && extra.is_none() {
            return self
                .frame
                .get_or_init(|| text_frame(&self.envelope.to_bytes()))
                .clone();
        }
        let mut envelope = self.envelope.clone();
        envelope.extra = extra.cloned();
        if !asked.is_empty() {
            let headers = envelope.headers.get_or_insert_default();
            headers.insert("requested-acks".to_owned(), Value::from(asked));
        }
        text_frame(&envelope.to_bytes())
    }

    /// Acknowledges what is asked of a session that does not get the signal.
    pub(crate) fn acknowledge_weakly(&self, declared: &[Label]) {
        let Some(awaited) = &self.awaited else {
            return;
        };
        let correlation_id = self.header("correlation-id").unwrap_or_default();
        for label in declared
            .iter()
            .filter(|label| self.requested.contains(label))
        {
            awaited.acknowledge(Acknowledgement::weak(label, correlation_id));
        }
    }
}
