//! What comes with every command: who sends it, when, and with which headers.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{OutOfReach, Precondition, Principal, Purpose, Reach};

/// Names one streaming session, so that it does not receive the events it caused.
///
/// Internal and unguessable; never derived from a client's correlation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub u128);

/// What a writer wants when the value would not change; header `if-equal`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IfEqual {
    /// Write it all the same.
    #[default]
    Update,
    /// Refuse with a failed precondition.
    Skip,
    /// As `Skip`; a merge is reduced to what differs.
    SkipMinimizingMerge,
}

/// Which form of a policy a reader wants; header `policy-view`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolicyView {
    /// As it was written.
    #[default]
    Original,
    /// With the entries that it imports, references and gets from root policies.
    Resolved,
}

impl PolicyView {
    /// The view of this name, in any case; empty is the original.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "original" => Some(Self::Original),
            "resolved" => Some(Self::Resolved),
            _ => None,
        }
    }
}

/// The headers of a command that mean something below the edge, parsed and validated.
#[derive(Debug, Clone, Default)]
pub struct DittoHeaders {
    /// Ties a response or event to its command; never empty.
    pub correlation_id: Arc<str>,
    /// Whether the sender waits for a response; absent means yes.
    pub response_required: Option<bool>,
    /// `If-Match` and `If-None-Match`.
    pub precondition: Precondition,
    /// `if-equal`.
    pub if_equal: IfEqual,
    /// `allow-policy-lockout`.
    pub allow_policy_lockout: bool,
    /// `policy-view`.
    pub policy_view: PolicyView,
    /// `requested-acks` that are not built in, passed on with the event.
    pub requested_acks: Vec<String>,
    /// Headers that Ditto does not know, lower-case names, passed on with events to streams.
    pub custom: Vec<(Arc<str>, Arc<str>)>,
}

/// Everything about a command but the command.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// Who sends it.
    pub principal: Principal,
    /// Its headers.
    pub headers: DittoHeaders,
    /// When it arrived; the one notion of now while it is executed.
    pub now: Timestamp,
    /// The streaming session that it came in on, if any.
    pub origin: Option<SessionId>,
    /// What it may name besides what it is about; `None` for everything.
    pub reach: Option<Arc<dyn Reach>>,
}

impl CommandContext {
    /// Whether the sender may use what lies in `namespace` for this purpose, before any policy is asked.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`] if not.
    pub fn check_reach(&self, purpose: Purpose, namespace: &str) -> Result<(), OutOfReach> {
        self.reach
            .as_ref()
            .map_or(Ok(()), |reach| reach.check(purpose, namespace))
    }
}
