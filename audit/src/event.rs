//! What can be recorded: one constructor per kind of event, so that each carries what its readers expect.

mod actor;
mod constructors;
mod kind;
mod reason;
mod request;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use actor::{Actor, Method};
pub use kind::{EventKind, Outcome};
pub use reason::Reason;
pub use request::{Permission, Request, Response, Source};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) at: Timestamp,
    pub(crate) kind: EventKind,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) actor: Option<Actor>,
    pub(crate) source: Option<Source>,
    pub(crate) request: Option<Request>,
    pub(crate) response: Option<Response>,
    pub(crate) permission: Option<Permission>,
    pub(crate) digest: Option<String>,
    pub(crate) info: Map<String, Value>,
}

impl Event {
    pub(crate) fn new(at: Timestamp, kind: EventKind, outcome: Outcome) -> Self {
        Self {
            at,
            kind,
            outcome,
            reason: None,
            actor: None,
            source: None,
            request: None,
            response: None,
            permission: None,
            digest: None,
            info: Map::new(),
        }
    }

    /// What kind of event this is.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Whether a client can cause any number of these without a good credential: then most of them share a record.
    pub(crate) fn is_folded(&self) -> bool {
        let is_denied_access =
            self.kind == EventKind::DevopsAccess && self.outcome == Outcome::Deny;
        is_denied_access
            || matches!(
                self.kind,
                EventKind::AuthDeny
                    | EventKind::AuthzDeny
                    | EventKind::LimitHit
                    | EventKind::KeyLeakedInUrl
                    | EventKind::PreauthHeaderDropped
            )
    }

    /// Who did it.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Where it came from.
    #[must_use]
    pub fn from(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// What was asked for.
    #[must_use]
    pub fn asking(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }

    /// What was answered.
    #[must_use]
    pub fn answered(mut self, response: Response) -> Self {
        self.response = Some(response);
        self
    }

    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.info.insert(name.to_owned(), value.into());
        self
    }
}
