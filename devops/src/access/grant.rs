//! What a credential turned out to be worth.

use std::sync::Arc;

use authentication::{Principal, Revocations};
use jiff::Timestamp;

/// What opened a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantKind {
    DevopsPassword,
    StatusPassword,
    MetricsToken,
    Token,
}

impl GrantKind {
    /// The word that log and audit events use.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::DevopsPassword => "devops_password",
            Self::StatusPassword => "status_password",
            Self::MetricsToken => "metrics_token",
            Self::Token => "token",
        }
    }
}

/// What an operator may do on a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// An operator who was let in.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) kind: GrantKind,
    /// `devops`, or the token's subject that counted.
    pub(crate) operator: Arc<str>,
    pub(crate) role: Role,
    /// Who the token is of; only tokens end by themselves or are revoked.
    pub(crate) token: Option<Principal>,
}

impl Grant {
    pub(super) fn of_password(kind: GrantKind) -> Self {
        Self {
            kind,
            operator: Arc::from("devops"),
            role: Role::Write,
            token: None,
        }
    }

    pub(super) fn of_metrics_token() -> Self {
        Self {
            kind: GrantKind::MetricsToken,
            operator: Arc::from("scraper"),
            role: Role::Read,
            token: None,
        }
    }

    /// Whether what was granted counts no longer.
    pub(crate) fn is_over(&self, revocations: &Revocations, now: Timestamp) -> bool {
        self.token.as_ref().is_some_and(|token| {
            token.expires_at().is_some_and(|end| end <= now) || revocations.revokes(token).is_some()
        })
    }
}
