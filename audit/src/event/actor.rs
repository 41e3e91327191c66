//! Who did it.

use std::sync::Arc;

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words are described in docs/audit.md")]
pub enum Method {
    ApiKey,
    ApiKeyLegacy,
    Jwt,
    PreAuth,
    DevopsBasic,
    DevopsOauth2,
    MetricsToken,
    DevMode,
    Anonymous,
}

impl Method {
    /// The word in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::ApiKeyLegacy => "api_key_legacy",
            Self::Jwt => "jwt",
            Self::PreAuth => "pre_auth",
            Self::DevopsBasic => "devops_basic",
            Self::DevopsOauth2 => "devops_oauth2",
            Self::MetricsToken => "metrics_token",
            Self::DevMode => "dev_mode",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who did it, as far as is known. Nothing in here is secret.
#[derive(Debug, Clone)]
pub struct Actor {
    pub(crate) id: Option<Arc<str>>,
    pub(crate) identity: Option<Arc<str>>,
    pub(crate) key_id: Option<Arc<str>>,
    pub(crate) method: Method,
    pub(crate) subjects: Vec<String>,
    pub(crate) token: Option<Token>,
}

/// What a record says of a token: never its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Token {
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) id: Option<Arc<str>>,
    pub(crate) expires_at: Option<jiff::Timestamp>,
}

impl Actor {
    /// Subjects beyond this number are not recorded.
    pub const SUBJECTS_MAX: usize = 8;

    /// Somebody of whom nothing is known but how they tried.
    pub fn unknown(method: Method) -> Self {
        Self {
            id: None,
            identity: None,
            key_id: None,
            method,
            subjects: Vec::new(),
            token: None,
        }
    }

    /// The name that people use, e.g. `plant-3/press-07`.
    #[must_use]
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The name in the configuration.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<Arc<str>>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// The public id of the key, or the fingerprint of what was presented instead
    /// ([`crate::Auditor::fingerprint`]); never a key or its hash.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<Arc<str>>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// The authorization subjects, of which the first [`Actor::SUBJECTS_MAX`] are recorded.
    #[must_use]
    pub fn subjects(mut self, subjects: impl IntoIterator<Item = String>) -> Self {
        self.subjects = subjects.into_iter().take(Self::SUBJECTS_MAX).collect();
        self
    }

    /// The token's `iss`, `sub` and `jti`.
    #[must_use]
    pub fn token(
        mut self,
        issuer: Option<Arc<str>>,
        subject: Option<Arc<str>>,
        id: Option<Arc<str>>,
    ) -> Self {
        let expires_at = self.token.and_then(|token| token.expires_at);
        self.token = Some(Token {
            issuer,
            subject,
            id,
            expires_at,
        });
        self
    }

    /// The token's `exp`.
    #[must_use]
    pub fn token_expires_at(mut self, expires_at: Option<jiff::Timestamp>) -> Self {
        self.token.get_or_insert_default().expires_at = expires_at;
        self
    }
}
