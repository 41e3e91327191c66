//! Who a request acts as.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;

use crate::SubjectId;

/// Which kind of provider vouched for a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// A trusted proxy's header.
    PreAuthenticated,
    /// A JSON Web Token of a configured issuer.
    Jwt,
    /// An API key of a configured identity.
    ApiKey,
    /// Authentication is switched off, on loopback only.
    DevMode,
}

impl ProviderKind {
    /// The word that configuration, logs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreAuthenticated => "pre_authenticated",
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::DevMode => "dev_mode",
        }
    }
}

/// What a principal proved itself with, without its secret part: for revocation, audit and refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// Name of the configured issuer or identity.
    pub name: Option<Arc<str>>,
    /// The token's `iss`.
    pub issuer: Option<Arc<str>>,
    /// The token's `sub`.
    pub subject: Option<Arc<str>>,
    /// The token's `jti`.
    pub token_id: Option<Arc<str>>,
    /// The token's `kid`, or the public id of the API key.
    pub key_id: Option<Arc<str>>,
    /// The token's `iat`.
    pub issued_at: Option<Timestamp>,
    /// The names of the identity's permission sets.
    pub permission_sets: Arc<[Arc<str>]>,
    /// The verified claims that rules of the configuration ask for; no others are kept.
    pub claims: ClaimValues,
    /// What its verified claims put into headers, names in lower case.
    pub headers: HeaderValues,
}

/// Values of claims, by the JSON pointer that names them in a placeholder.
pub type ClaimValues = Arc<[(Arc<str>, Box<[String]>)]>;

/// Values of headers, by their names in lower case.
pub type HeaderValues = Arc<[(Arc<str>, Arc<str>)]>;

/// Who this request acts as: its subjects, in the order of the provider, and the provider that vouched.
///
/// Cloning is cheap. Two principals are equal if provider, subjects and expiry are.
#[derive(Debug, Clone)]
pub struct Principal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    subjects: Box<[SubjectId]>,
    provider: ProviderKind,
    expires_at: Option<Timestamp>,
    credential: Credential,
}

impl Principal {
    /// Only an authentication provider has a reason to call this.
    pub fn new(
        provider: ProviderKind,
        subjects: Vec<SubjectId>,
        expires_at: Option<Timestamp>,
        credential: Credential,
    ) -> Self {
        Self(Arc::new(Inner {
            subjects: subjects.into(),
            provider,
            expires_at,
            credential,
        }))
    }

    /// Every subject, possibly none: then no policy grants anything.
    pub fn subjects(&self) -> &[SubjectId] {
        &self.0.subjects
    }

    /// The first subject, which Ditto calls the default subject and names as originator.
    pub fn default_subject(&self) -> Option<&SubjectId> {
        self.0.subjects.first()
    }

    /// The kind of provider that vouched.
    pub fn provider(&self) -> ProviderKind {
        self.0.provider
    }

    /// When the credential stops being good; `None` if it does not expire.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// What it proved itself with.
    pub fn credential(&self) -> &Credential {
        &self.0.credential
    }

    /// Feeds what limits are counted by: provider and identity, or issuer and first subject.
    pub fn hash_limit_key<H: Hasher>(&self, hasher: &mut H) {
        self.0.provider.hash(hasher);
        match &self.0.credential {
            Credential {
                issuer: Some(issuer),
                ..
            } => {
                issuer.hash(hasher);
                self.default_subject().hash(hasher);
            }
            Credential {
                name: Some(name), ..
            } => name.hash(hasher),
            Credential { .. } => self.default_subject().hash(hasher),
        }
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.0.provider == other.0.provider
            && self.0.subjects == other.0.subjects
            && self.0.expires_at == other.0.expires_at
    }
}
