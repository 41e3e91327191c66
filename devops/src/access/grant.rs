//! What a credential turned out to be worth.

use std::sync::Arc;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) kind: GrantKind,
    /// `devops`, or the token's subject that counted.
    pub(crate) operator: Arc<str>,
    pub(crate) role: Role,
    /// When the credential stops being good, as far as that is known.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Grant {
    pub(super) fn of_password(kind: GrantKind) -> Self {
        Self {
            kind,
            operator: Arc::from("devops"),
            role: Role::Write,
            expires_at: None,
        }
    }

    pub(super) fn of_metrics_token() -> Self {
        Self {
            kind: GrantKind::MetricsToken,
            operator: Arc::from("scraper"),
            role: Role::Read,
            expires_at: None,
        }
    }
}
