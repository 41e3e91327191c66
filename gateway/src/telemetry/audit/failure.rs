//! Failures of the chain in the words of the record.

use std::sync::Arc;

use actix_web::http::StatusCode;
use audit::{Actor, EventKind, Method, Reason};
use authentication::api_key::is_legacy_key_id;
use authentication::jwt::JwtRefusal;
use authentication::{ApiKeyRefusal, AuthenticationError};
use policies::ProviderKind;

/// Why the chain vouched for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) is_unavailable: bool,
    is_leaked: bool,
    method: Method,
    key_id: Option<Arc<str>>,
}

impl Failure {
    pub(super) fn of(error: &AuthenticationError) -> Self {
        let (method, reason) = words(error);
        let key_id = key_id(error);
        let is_legacy = key_id.as_deref().is_some_and(is_legacy_key_id);
        Self {
            reason,
            method: if method == Method::ApiKey && is_legacy {
                Method::ApiKeyLegacy
            } else {
                method
            },
            is_unavailable: error.is_unavailable(),
            is_leaked: matches!(error, AuthenticationError::ApiKeyInQuery { .. }),
            key_id,
        }
    }

    /// What is recorded of a request that was answered with `status`.
    pub(super) fn event_kind(&self, status: StatusCode) -> EventKind {
        if self.is_leaked {
            EventKind::KeyLeakedInUrl
        } else if status == StatusCode::FORBIDDEN {
            EventKind::AuthzDeny
        } else {
            EventKind::AuthDeny
        }
    }

    /// `fingerprint` stands for a credential without a public id.
    pub(super) fn actor(&self, fingerprint: impl FnOnce() -> Option<Arc<str>>) -> Actor {
        let actor = Actor::unknown(self.method);
        let is_shown = !matches!(self.method, Method::Anonymous | Method::PreAuth);
        let shown = is_shown
            .then(|| self.key_id.clone().or_else(fingerprint))
            .flatten();
        match shown {
            Some(key_id) => actor.key_id(key_id),
            None => actor,
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only keys have ids that may be shown"
)]
fn key_id(error: &AuthenticationError) -> Option<Arc<str>> {
    match error {
        AuthenticationError::ApiKeyRefused { key_id, .. } => key_id.clone(),
        AuthenticationError::ApiKeySource { key_id }
        | AuthenticationError::ApiKeyInQuery { key_id } => Some(key_id.clone()),
        AuthenticationError::Several { failures } => failures.iter().find_map(key_id),
        _ => None,
    }
}

fn words(error: &AuthenticationError) -> (Method, Reason) {
    match error {
        AuthenticationError::NoApplicableProvider => (Method::Anonymous, Reason::NoCredential),
        AuthenticationError::Conflicting { .. } => {
            (Method::Anonymous, Reason::ConflictingCredentials)
        }
        AuthenticationError::PreAuthenticatedQuery
        | AuthenticationError::PreAuthenticatedEmpty
        | AuthenticationError::PreAuthenticatedSeveral { .. }
        | AuthenticationError::PreAuthenticatedSubject { .. }
        | AuthenticationError::PreAuthenticatedIssuer { .. } => {
            (Method::PreAuth, Reason::PreauthMalformed)
        }
        AuthenticationError::JwtMalformed { .. } | AuthenticationError::JwtSeveral => {
            (Method::Jwt, Reason::MalformedHeader)
        }
        AuthenticationError::JwtIssuerNotSupported { .. } => (Method::Jwt, Reason::JwtIssuer),
        AuthenticationError::JwtRefused { refusal } => (Method::Jwt, token_reason(*refusal)),
        AuthenticationError::JwtConditionFailed { .. } => (Method::Jwt, Reason::JwtClaims),
        AuthenticationError::ApiKeyRefused { refusal, .. } => match refusal {
            ApiKeyRefusal::UnknownLegacyKey | ApiKeyRefusal::WrongLegacyKey => {
                (Method::ApiKeyLegacy, key_reason(*refusal))
            }
            ApiKeyRefusal::Malformed
            | ApiKeyRefusal::WrongBrand
            | ApiKeyRefusal::UnknownKeyId
            | ApiKeyRefusal::WrongSecret
            | ApiKeyRefusal::WrongEnvironment
            | ApiKeyRefusal::Disabled
            | ApiKeyRefusal::NotOnThisServer
            | ApiKeyRefusal::NotYetValid
            | ApiKeyRefusal::Expired => (Method::ApiKey, key_reason(*refusal)),
        },
        AuthenticationError::AssertionRefused { .. } => (Method::PreAuth, Reason::PreauthAssertion),
        AuthenticationError::ApiKeySource { .. } => (Method::ApiKey, Reason::SourceNotAllowed),
        AuthenticationError::SlowLaneFull => (Method::ApiKeyLegacy, Reason::SlowLaneFull),
        AuthenticationError::ApiKeyInQuery { .. } => (Method::ApiKey, Reason::MalformedHeader),
        AuthenticationError::Revoked { provider, .. } => {
            let method = match provider {
                ProviderKind::PreAuthenticated => Method::PreAuth,
                ProviderKind::Jwt => Method::Jwt,
                ProviderKind::ApiKey => Method::ApiKey,
                ProviderKind::DevMode => Method::DevMode,
            };
            (method, Reason::Revoked)
        }
        AuthenticationError::TooManyFailures { .. } => (Method::Anonymous, Reason::RateLimited),
        AuthenticationError::Unavailable { .. } => (Method::Jwt, Reason::BackendUnavailable),
        AuthenticationError::Several { failures } => failures
            .first()
            .map_or((Method::Anonymous, Reason::NoCredential), words),
    }
}

fn token_reason(refusal: JwtRefusal) -> Reason {
    match refusal {
        JwtRefusal::Signature => Reason::JwtSignature,
        JwtRefusal::Audience => Reason::JwtAudience,
        JwtRefusal::Expired => Reason::JwtExpired,
        JwtRefusal::Algorithm => Reason::JwtAlgorithm,
        JwtRefusal::UnknownKey => Reason::JwtKey,
        JwtRefusal::NotYetValid => Reason::NotYetValid,
        JwtRefusal::Member { .. }
        | JwtRefusal::Extension { .. }
        | JwtRefusal::Lifetime
        | JwtRefusal::TokenType
        | JwtRefusal::TooManySubjects
        | JwtRefusal::SubjectCharacters => Reason::JwtClaims,
    }
}

fn key_reason(refusal: ApiKeyRefusal) -> Reason {
    match refusal {
        // A key whose checksum fails has no public id that could be trusted.
        ApiKeyRefusal::Malformed => Reason::BadChecksum,
        ApiKeyRefusal::WrongBrand
        | ApiKeyRefusal::UnknownKeyId
        | ApiKeyRefusal::UnknownLegacyKey => Reason::UnknownKey,
        ApiKeyRefusal::WrongSecret | ApiKeyRefusal::WrongLegacyKey => Reason::BadSecret,
        ApiKeyRefusal::WrongEnvironment => Reason::WrongEnv,
        ApiKeyRefusal::Disabled => Reason::Disabled,
        ApiKeyRefusal::NotOnThisServer => Reason::IdentityNotOnServer,
        ApiKeyRefusal::NotYetValid => Reason::NotYetValid,
        ApiKeyRefusal::Expired => Reason::Expired,
    }
}
