//! One constructor per kind of event.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Actor, Event, EventKind, Outcome, Permission, Reason};

impl Event {
    /// The process begins to serve.
    pub fn server_start(at: Timestamp, version: &str) -> Self {
        Self::new(at, EventKind::ServerStart, Outcome::Info).with("version", version)
    }

    /// The process ends.
    pub fn server_stop(at: Timestamp) -> Self {
        Self::new(at, EventKind::ServerStop, Outcome::Info)
    }

    /// A listener is open: which one, where, and whether it speaks TLS.
    pub fn server_listen(at: Timestamp, listener: &str, address: &str, tls: &str) -> Self {
        Self::new(at, EventKind::ServerListen, Outcome::Info)
            .with("listener", listener)
            .with("address", address)
            .with("tls", tls)
    }

    /// A configuration is in force; `digest` is that of its file.
    pub fn config_loaded(at: Timestamp, digest: Option<String>, warnings: &[String]) -> Self {
        let mut event = Self::new(at, EventKind::ConfigLoaded, Outcome::Info);
        event.digest = digest;
        if warnings.is_empty() {
            return event;
        }
        event.with("warnings", warnings)
    }

    /// A configuration could not be used, the one before it stays in force.
    pub fn config_rejected(at: Timestamp, digest: Option<String>, why: &str) -> Self {
        let mut event = Self::new(at, EventKind::ConfigRejected, Outcome::Error)
            .because(Reason::Invalid)
            .with("why", clipped(why));
        event.digest = digest;
        event
    }

    /// Nobody is asked for a credential; repeated every hour.
    pub fn config_dev_mode(at: Timestamp) -> Self {
        Self::new(at, EventKind::ConfigDevMode, Outcome::Info)
    }

    /// A listener uses another certificate from now on.
    pub fn tls_reloaded(at: Timestamp, listener: &str, not_after: Timestamp) -> Self {
        Self::new(at, EventKind::TlsReloaded, Outcome::Info)
            .with("listener", listener)
            .with("not_after", not_after.to_string())
    }

    /// A new certificate could not be used, the one before it stays in use.
    pub fn tls_rejected(at: Timestamp, listener: &str, why: &str) -> Self {
        Self::new(at, EventKind::TlsReloaded, Outcome::Error)
            .because(Reason::Invalid)
            .with("listener", listener)
            .with("why", clipped(why))
    }

    /// A certificate expires in `days`.
    pub fn tls_expiring(at: Timestamp, listener: &str, not_after: Timestamp, days: i64) -> Self {
        Self::new(at, EventKind::TlsExpiring, Outcome::Info)
            .with("listener", listener)
            .with("not_after", not_after.to_string())
            .with("days", days)
    }

    /// A credential was accepted; see [`crate::Auditor::wants_allow`].
    pub fn authentication_succeeded(at: Timestamp, actor: Actor) -> Self {
        Self::new(at, EventKind::AuthAllow, Outcome::Allow).by(actor)
    }

    /// A request has no principal.
    pub fn authentication_failed(at: Timestamp, reason: Reason, actor: Actor) -> Self {
        Self::new(at, EventKind::AuthDeny, Outcome::Deny)
            .because(reason)
            .by(actor)
    }

    /// It could not be found out who calls.
    pub fn authentication_unavailable(at: Timestamp, reason: Reason, actor: Actor) -> Self {
        Self::new(at, EventKind::AuthDeny, Outcome::Error)
            .because(reason)
            .by(actor)
    }

    /// Somebody known may not do that.
    pub fn permission_denied(at: Timestamp, actor: Actor, permission: Permission) -> Self {
        let mut event = Self::new(at, EventKind::AuthzDeny, Outcome::Deny)
            .because(Reason::NoPermission)
            .by(actor);
        event.permission = Some(permission);
        event
    }

    /// Nobody, or nobody with this credential, may ask from there.
    pub fn forbidden(at: Timestamp, reason: Reason, actor: Actor) -> Self {
        Self::new(at, EventKind::AuthzDeny, Outcome::Deny)
            .because(reason)
            .by(actor)
    }

    /// Somebody changed something, or tried to.
    pub fn write(at: Timestamp, actor: Actor, outcome: Outcome) -> Self {
        Self::new(at, EventKind::AccessWrite, outcome).by(actor)
    }

    /// Somebody read something, or tried to.
    pub fn read(at: Timestamp, actor: Actor, outcome: Outcome) -> Self {
        Self::new(at, EventKind::AccessRead, outcome).by(actor)
    }

    /// A stream is open; `stream` is `ws` or `sse`.
    pub fn stream_opened(at: Timestamp, actor: Actor, stream: &str) -> Self {
        Self::new(at, EventKind::StreamOpen, Outcome::Allow)
            .by(actor)
            .with("stream", stream)
    }

    /// A stream ended; `cause` is one word, e.g. `expired` or `revoked`, and `lost` how much it could not deliver.
    pub fn stream_closed(
        at: Timestamp,
        actor: Actor,
        (stream, cause, lost): (&str, &str, u64),
    ) -> Self {
        let event = Self::new(at, EventKind::StreamClose, Outcome::Info)
            .by(actor)
            .with("stream", stream)
            .with("cause", cause);
        match lost {
            0 => event,
            lost => event.with("lost", lost),
        }
    }

    /// A limit was reached.
    pub fn limit_hit(at: Timestamp, limit: &str, reason: Reason) -> Self {
        Self::new(at, EventKind::LimitHit, Outcome::Deny)
            .because(reason)
            .with("limit", limit)
    }

    /// A key was used that had never been used before.
    pub fn key_first_seen(at: Timestamp, actor: Actor) -> Self {
        Self::new(at, EventKind::KeyFirstSeen, Outcome::Info).by(actor)
    }

    /// An identity that had a key got another one.
    pub fn key_rotated(at: Timestamp, actor: Actor) -> Self {
        Self::new(at, EventKind::KeyRotated, Outcome::Info).by(actor)
    }

    /// Something is accepted no longer, because an operator said so: `what` is `jti`, `key`, `subject` or `issuer`.
    pub fn revoked(at: Timestamp, (what, value): (&str, &str)) -> Self {
        Self::new(at, EventKind::KeyRevoked, Outcome::Info)
            .with("what", what)
            .with("value", clipped(value))
    }

    /// A revocation is in force no longer: it was taken back, or had nothing left to refuse.
    pub fn revocation_removed(at: Timestamp, (what, value): (&str, &str)) -> Self {
        Self::revoked(at, (what, value)).with("removed", true)
    }

    /// A key is configured no longer.
    pub fn key_withdrawn(at: Timestamp, actor: Actor) -> Self {
        Self::new(at, EventKind::KeyRevoked, Outcome::Info)
            .by(actor)
            .with("what", "configuration")
    }

    /// A key has not been used since `last_used`.
    pub fn key_unused(at: Timestamp, actor: Actor, last_used: Option<Timestamp>) -> Self {
        let last_used = last_used.map_or(Value::Null, |last| last.to_string().into());
        Self::new(at, EventKind::KeyUnused, Outcome::Info)
            .by(actor)
            .with("last_used", last_used)
    }

    /// A key was used from `networks` different networks within an hour.
    pub fn key_shared(at: Timestamp, actor: Actor, networks: usize) -> Self {
        Self::new(at, EventKind::KeyShared, Outcome::Info)
            .by(actor)
            .with("networks", networks)
    }

    /// A key stood in a query: whoever logs addresses knows it.
    pub fn key_leaked_in_url(at: Timestamp, actor: Actor) -> Self {
        Self::new(at, EventKind::KeyLeakedInUrl, Outcome::Deny)
            .because(Reason::MalformedHeader)
            .by(actor)
    }

    /// One key opens two identities, of which it acts as the first.
    pub fn key_duplicate_secret(
        at: Timestamp,
        actor: Actor,
        (first, second): (&str, &str),
    ) -> Self {
        Self::new(at, EventKind::KeyDuplicateSecret, Outcome::Error)
            .because(Reason::Invalid)
            .by(actor)
            .with("identities", json!([first, second]))
    }

    /// Somebody who may not do so said who calls.
    pub fn preauth_header_dropped(at: Timestamp) -> Self {
        Self::new(at, EventKind::PreauthHeaderDropped, Outcome::Deny)
            .because(Reason::PreauthUntrustedPeer)
    }

    /// An operator's call; `command` is its name, e.g. `logging.modify`.
    pub fn operator_call(at: Timestamp, actor: Actor, (command, outcome): (&str, Outcome)) -> Self {
        Self::new(at, EventKind::DevopsAccess, outcome)
            .by(actor)
            .with("command", clipped(command))
    }

    /// An operator's call that was refused.
    pub fn operator_refused(
        at: Timestamp,
        actor: Actor,
        (command, reason): (&str, Reason),
    ) -> Self {
        Self::operator_call(at, actor, (command, Outcome::Deny)).because(reason)
    }

    /// `doctor` ran: findings by severity.
    pub fn doctor_run(at: Timestamp, findings: Value) -> Self {
        Self::new(at, EventKind::DoctorRun, Outcome::Info).with("findings", findings)
    }

    /// `lost` events were not recorded.
    pub(crate) fn gap(at: Timestamp, lost: u64, why: &str) -> Self {
        Self::new(at, EventKind::AuditGap, Outcome::Error)
            .because(Reason::Internal)
            .with("lost", lost)
            .with("why", why)
    }

    /// Another file is written to from now on.
    pub(crate) fn rotated(at: Timestamp, previous: &str, lines: u64) -> Self {
        Self::new(at, EventKind::AuditRotated, Outcome::Info)
            .with("previous", previous)
            .with("lines", lines)
    }
}

/// Details are for people; a record has a bounded length.
fn clipped(text: &str) -> String {
    crate::client_text::bounded(text, 1024).into_owned()
}
