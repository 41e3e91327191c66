//! The kinds of events and what they say of the outcome.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words are described in docs/audit.md")]
pub enum EventKind {
    ServerStart,
    ServerStop,
    ServerListen,
    ConfigLoaded,
    ConfigRejected,
    ConfigDevMode,
    TlsReloaded,
    TlsExpiring,
    AuthAllow,
    AuthDeny,
    AuthzDeny,
    AccessWrite,
    AccessRead,
    StreamOpen,
    StreamClose,
    LimitHit,
    KeyFirstSeen,
    KeyRotated,
    KeyRevoked,
    KeyUnused,
    KeyShared,
    KeyLeakedInUrl,
    KeyDuplicateSecret,
    PreauthHeaderDropped,
    DevopsAccess,
    AuditGap,
    AuditRotated,
    DoctorRun,
}

impl EventKind {
    /// The word in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerStart => "server.start",
            Self::ServerStop => "server.stop",
            Self::ServerListen => "server.listen",
            Self::ConfigLoaded => "config.loaded",
            Self::ConfigRejected => "config.rejected",
            Self::ConfigDevMode => "config.dev_mode",
            Self::TlsReloaded => "tls.reloaded",
            Self::TlsExpiring => "tls.expiring",
            Self::AuthAllow => "auth.allow",
            Self::AuthDeny => "auth.deny",
            Self::AuthzDeny => "authz.deny",
            Self::AccessWrite => "access.write",
            Self::AccessRead => "access.read",
            Self::StreamOpen => "stream.open",
            Self::StreamClose => "stream.close",
            Self::LimitHit => "limit.hit",
            Self::KeyFirstSeen => "key.first_seen",
            Self::KeyRotated => "key.rotated",
            Self::KeyRevoked => "key.revoked",
            Self::KeyUnused => "key.unused",
            Self::KeyShared => "key.shared",
            Self::KeyLeakedInUrl => "key.leaked_in_url",
            Self::KeyDuplicateSecret => "key.duplicate_secret",
            Self::PreauthHeaderDropped => "preauth.header_dropped",
            Self::DevopsAccess => "devops.access",
            Self::AuditGap => "audit.gap",
            Self::AuditRotated => "audit.rotated",
            Self::DoctorRun => "doctor.run",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was granted.
    Allow,
    /// It was refused.
    Deny,
    /// It failed for a reason that is not the caller's.
    Error,
    /// Nothing was decided.
    Info,
}

impl Outcome {
    /// The word in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
            Self::Info => "info",
        }
    }
}
