//! Everything that can go wrong while finding out who calls, without HTTP.

use std::sync::Arc;
use std::time::Duration;

use policies::{ProviderKind, SubjectIdError};

use crate::RevocationId;
use crate::api_key::ApiKeyRefusal;
use crate::guard::GuardedMethod;
use crate::jwt::{JwtFault, JwtRefusal};
use crate::pre_authenticated::AssertionRefusal;

/// Why a request has no principal.
///
/// Nothing in here is secret, but [`AuthenticationError::ApiKeyRefused`] is for logs and audit only: every such failure
/// must look the same to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// No provider of the chain found a credential of its kind.
    #[error("no credential of a configured kind")]
    NoApplicableProvider,
    /// Credentials of different kinds in one request.
    #[error("credentials of {} different kinds", .providers.len())]
    Conflicting {
        /// The kinds, in the order of the chain.
        providers: Vec<ProviderKind>,
    },
    /// The query names `x-ditto-pre-authenticated`, which is never an identity.
    #[error("a query parameter claims to be pre-authenticated")]
    PreAuthenticatedQuery,
    /// The pre-authenticated header holds no subject.
    #[error("the pre-authenticated header names no subject")]
    PreAuthenticatedEmpty,
    /// The pre-authenticated header holds several subjects where one is allowed.
    #[error("the pre-authenticated header names {count} subjects, one is allowed")]
    PreAuthenticatedSeveral {
        /// How many it names.
        count: usize,
    },
    /// The pre-authenticated header holds something that is no subject.
    #[error("the pre-authenticated header holds no valid subject")]
    PreAuthenticatedSubject {
        /// What is wrong with it.
        #[source]
        source: SubjectIdError,
    },
    /// The proxy may not vouch for this subject.
    #[error("the proxy may not vouch for subjects of `{issuer}`")]
    PreAuthenticatedIssuer {
        /// The first half of the subject.
        issuer: String,
    },
    /// The proxy has not proved that it vouches for anybody.
    #[error("the assertion of the proxy is refused: {refusal}")]
    AssertionRefused {
        /// Why, for logs and audit.
        refusal: AssertionRefusal,
    },
    /// The token is not one: wrong parts, encoding or JSON.
    #[error("malformed token: {fault}")]
    JwtMalformed {
        /// What is wrong with its form.
        fault: JwtFault,
    },
    /// Two tokens in one request.
    #[error("several tokens in one request")]
    JwtSeveral,
    /// No configured issuer has this name.
    #[error("issuer `{issuer}` is not configured")]
    JwtIssuerNotSupported {
        /// The token's `iss`.
        issuer: String,
    },
    /// The token was read and refused.
    #[error("token refused: {refusal}")]
    JwtRefused {
        /// Why.
        refusal: JwtRefusal,
    },
    /// A prerequisite condition of the issuer does not hold.
    #[error("a prerequisite condition of issuer `{issuer}` does not hold")]
    JwtConditionFailed {
        /// The configured name of the issuer.
        issuer: Arc<str>,
    },
    /// The API key is not good. Say no more than that.
    #[error("API key refused: {refusal}")]
    ApiKeyRefused {
        /// Why, for logs and audit.
        refusal: ApiKeyRefusal,
        /// The public id of the key, if it has one.
        key_id: Option<Arc<str>>,
    },
    /// The API key is good, and not from there.
    #[error("the API key `{key_id}` may not be used from this address")]
    ApiKeySource {
        /// Its public id.
        key_id: Arc<str>,
    },
    /// So many keys with slow hashes are being checked that this one was not.
    #[error("too many slow hashes at once")]
    SlowLaneFull,
    /// An API key stands in the query: whoever logged the address knows it now.
    #[error("an API key stands in the query")]
    ApiKeyInQuery {
        /// Its public id.
        key_id: Arc<str>,
    },
    /// The credential was good, and an operator took it back.
    #[error("revoked by {revocation}")]
    Revoked {
        /// The kind of credential: of an API key, say no more than of a bad one.
        provider: ProviderKind,
        /// By which revocation.
        revocation: RevocationId,
    },
    /// The keys of an issuer could not be had, so nothing is known about the token.
    #[error("the keys of issuer `{issuer}` are not available: {fault}")]
    Unavailable {
        /// The configured name of the issuer.
        issuer: Arc<str>,
        /// What is wrong there.
        fault: BackendFault,
    },
    /// Whoever asks has guessed too often: nothing more is said about the credential.
    #[error("too many failures, wait {} s", .retry_after.as_secs())]
    TooManyFailures {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Several providers applied and every one of them refused, in the order of the chain.
    #[error("{} providers refused", .failures.len())]
    Several {
        /// The failures, at least two.
        failures: Vec<AuthenticationError>,
    },
}

/// What is wrong with a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackendFault {
    /// It could not be reached, or what it sent cannot be read.
    #[error("unreachable or unreadable")]
    Unreachable,
    /// It answered with something else than success.
    #[error("unexpected answer")]
    UnexpectedAnswer,
    /// It did not answer in time.
    #[error("timeout")]
    Timeout,
}

/// How a failure is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The credential is missing or no good.
    Unauthenticated,
    /// The request itself is wrong.
    BadRequest,
    /// Nothing is known: a backend is missing.
    Unavailable,
    /// Whoever asks has to wait.
    Throttled,
    /// Who asks is known, and may not.
    Forbidden,
}

impl AuthenticationError {
    /// How this failure is to be told.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Conflicting { .. }
            | Self::PreAuthenticatedQuery
            | Self::PreAuthenticatedSeveral { .. }
            | Self::JwtMalformed { .. }
            | Self::ApiKeyInQuery { .. } => ErrorClass::BadRequest,
            Self::NoApplicableProvider
            | Self::PreAuthenticatedEmpty
            | Self::PreAuthenticatedSubject { .. }
            | Self::PreAuthenticatedIssuer { .. }
            | Self::AssertionRefused { .. }
            | Self::JwtSeveral
            | Self::JwtIssuerNotSupported { .. }
            | Self::JwtRefused { .. }
            | Self::JwtConditionFailed { .. }
            | Self::ApiKeyRefused { .. }
            | Self::Revoked { .. }
            | Self::Several { .. } => ErrorClass::Unauthenticated,
            Self::Unavailable { .. } | Self::SlowLaneFull => ErrorClass::Unavailable,
            Self::ApiKeySource { .. } => ErrorClass::Forbidden,
            Self::TooManyFailures { .. } => ErrorClass::Throttled,
        }
    }

    /// What was guessed at and in whose name, unless only a genuine credential fails like this.
    pub(crate) fn guess(&self) -> Option<(GuardedMethod, Option<&str>)> {
        match self {
            Self::JwtMalformed { .. } | Self::JwtIssuerNotSupported { .. } => {
                Some((GuardedMethod::Jwt, None))
            }
            Self::JwtRefused { refusal } => refusal
                .may_be_guessed()
                .then_some((GuardedMethod::Jwt, None)),
            Self::AssertionRefused { .. } => Some((GuardedMethod::Assertion, None)),
            Self::ApiKeyRefused { refusal, key_id } => refusal
                .guessed_by()
                .map(|method| (method, key_id.as_deref())),
            Self::Several { failures } => failures.iter().find_map(Self::guess),
            Self::NoApplicableProvider
            | Self::Conflicting { .. }
            | Self::PreAuthenticatedQuery
            | Self::PreAuthenticatedEmpty
            | Self::PreAuthenticatedSeveral { .. }
            | Self::PreAuthenticatedSubject { .. }
            | Self::PreAuthenticatedIssuer { .. }
            | Self::JwtSeveral
            | Self::JwtConditionFailed { .. }
            | Self::ApiKeySource { .. }
            | Self::SlowLaneFull
            | Self::ApiKeyInQuery { .. }
            | Self::Revoked { .. }
            | Self::Unavailable { .. }
            | Self::TooManyFailures { .. } => None,
        }
    }

    /// Whether the credential is missing or no good.
    pub fn is_unauthenticated(&self) -> bool {
        self.class() == ErrorClass::Unauthenticated
    }

    /// Whether the request itself is wrong.
    pub fn is_bad_request(&self) -> bool {
        self.class() == ErrorClass::BadRequest
    }

    /// Whether a backend is missing.
    pub fn is_unavailable(&self) -> bool {
        self.class() == ErrorClass::Unavailable
    }
}
