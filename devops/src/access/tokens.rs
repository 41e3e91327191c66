//! Tokens of operators' own issuers, and whose of them open what.

use std::sync::Arc;

use authentication::jwt::JwtRefusal;
use authentication::{
    AuthenticationError, ErrorClass, IssuerHealth, JwtProvider, JwtSettings, Revocations,
    SettingsError,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Grant, GrantKind, Role};
use crate::surface::Surface;

/// The subjects that are admitted; `None` where passwords are asked for instead.
pub(super) struct Subjects {
    pub(super) devops: Option<Vec<String>>,
    pub(super) status: Option<Vec<String>>,
    pub(super) read_only: Vec<String>,
}

/// Verifies operators' tokens.
pub(crate) struct Tokens {
    subjects: Subjects,
    provider: JwtProvider,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    /// It is no good.
    Rejected {
        /// Ditto's code.
        code: &'static str,
        /// What is wrong with it; holds nothing secret.
        reason: String,
    },
    /// It was good, and is no longer.
    Over {
        /// An operator revoked it; else its time has passed.
        is_revoked: bool,
        /// As above.
        reason: String,
    },
    /// It is good, but of nobody who is admitted here.
    NotAdmitted,
    /// Nobody can say: the issuer's keys cannot be had.
    Unavailable,
}

impl Tokens {
    pub(super) fn new(subjects: Subjects, issuers: JwtSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            subjects,
            provider: JwtProvider::new(issuers)?,
        })
    }

    pub(super) fn are_taken_on(&self, surface: Surface) -> bool {
        self.admitted(surface).next().is_some()
    }

    pub(super) fn issuer_health(&self, now: Timestamp) -> Vec<IssuerHealth> {
        self.provider.issuer_health(now)
    }

    pub(super) async fn refresh_keys_if_due(&self, now: Timestamp) {
        self.provider.refresh_keys_if_due(now).await;
    }

    /// Whether the token behind `grant` was signed with a key that its issuer gave up.
    pub(crate) fn has_lost_key_of(&self, grant: &Grant, now: Timestamp) -> bool {
        let token = grant.token.as_ref();
        token.is_some_and(|token| self.provider.has_lost_key_of(token, now))
    }

    /// What `token` opens `surface` as.
    pub(crate) async fn verify(
        &self,
        token: &SecretString,
        surface: Surface,
        (now, revocations): (Timestamp, &Revocations),
    ) -> Result<Grant, TokenRefusal> {
        let principal = self
            .provider
            .verify_token(token.expose_secret(), now)
            .await
            .map_err(|error| refusal_of(&error))?;
        if revocations.revokes(&principal).is_some() {
            return Err(TokenRefusal::Over {
                is_revoked: true,
                reason: "it was revoked".to_owned(),
            });
        }
        let own: Vec<String> = principal
            .subjects()
            .iter()
            .map(ToString::to_string)
            .collect();
        let (operator, role) = self
            .role_of(&own, surface)
            .ok_or(TokenRefusal::NotAdmitted)?;
        Ok(Grant {
            kind: GrantKind::Token,
            operator: Arc::from(operator),
            role,
            token: Some(principal),
        })
    }

    /// A read-only subject restricts whatever else the token holds: who puts somebody on that list means it.
    fn role_of<'a>(&self, own: &'a [String], surface: Surface) -> Option<(&'a str, Role)> {
        let reader = own
            .iter()
            .find(|subject| self.subjects.read_only.contains(subject));
        if let Some(reader) = reader {
            return Some((reader, Role::Read));
        }
        own.iter()
            .find(|subject| {
                self.admitted(surface)
                    .any(|admitted| admitted.contains(subject))
            })
            .map(|subject| (subject.as_str(), Role::Write))
    }

    /// Whose tokens open `surface`: those of `/devops` open all.
    fn admitted(&self, surface: Surface) -> impl Iterator<Item = &Vec<String>> {
        let status = match surface {
            Surface::Status | Surface::Metrics => self.subjects.status.as_ref(),
            Surface::Devops => None,
        };
        status.into_iter().chain(self.subjects.devops.as_ref())
    }
}

fn refusal_of(error: &AuthenticationError) -> TokenRefusal {
    match error.class() {
        ErrorClass::Unavailable => TokenRefusal::Unavailable,
        ErrorClass::Unauthenticated
        | ErrorClass::BadRequest
        | ErrorClass::Throttled
        | ErrorClass::Forbidden
            if is_expired(error) =>
        {
            TokenRefusal::Over {
                is_revoked: false,
                reason: error.to_string(),
            }
        }
        ErrorClass::Unauthenticated
        | ErrorClass::BadRequest
        | ErrorClass::Throttled
        | ErrorClass::Forbidden => TokenRefusal::Rejected {
            code: code_of(error),
            reason: error.to_string(),
        },
    }
}

fn is_expired(error: &AuthenticationError) -> bool {
    let expired = JwtRefusal::Expired;
    matches!(error, AuthenticationError::JwtRefused { refusal } if *refusal == expired)
}

fn code_of(error: &AuthenticationError) -> &'static str {
    if matches!(error, AuthenticationError::JwtIssuerNotSupported { .. }) {
        "gateway:jwt.issuer.notsupported"
    } else if matches!(error, AuthenticationError::JwtConditionFailed { .. }) {
        "gateway:jwt.condition.failed"
    } else {
        "gateway:authentication.failed"
    }
}
