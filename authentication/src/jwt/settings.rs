//! Which issuers count, and how their tokens are read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything the token provider is told.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// What issuers are reached by, and what may stand before their names in `iss`.
    pub protocol: Protocol,
    /// Tolerance for `exp`, `nbf` and `iat`, either way.
    pub allowed_clock_skew: Duration,
    /// The longest time between `iat` (or now) and `exp`.
    pub max_token_lifetime: Duration,
    /// How keys are fetched and kept.
    pub keys: KeySettings,
    /// The issuers.
    pub issuers: Vec<IssuerSettings>,
    /// How many verified tokens are remembered.
    pub remembered_tokens_max: usize,
    /// Claims that a principal carries along, by the pointers that placeholders name them with: what rules evaluated
    /// later ask for, and no more.
    pub kept_claims: Vec<Arc<str>>,
}

impl Default for JwtSettings {
    fn default() -> Self {
        Self {
            protocol: Protocol::Https,
            allowed_clock_skew: Duration::from_secs(10),
            max_token_lifetime: Duration::from_secs(24 * 3600),
            keys: KeySettings::default(),
            issuers: Vec::new(),
            remembered_tokens_max: 100_000,
            kept_claims: Vec::new(),
        }
    }
}

/// What issuers are reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// With TLS.
    Https,
    /// Without: issuers on loopback only.
    Http,
}

impl Protocol {
    /// The scheme of a URL.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// How the keys of every issuer are fetched and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// How often they are fetched anew.
    pub refresh: Duration,
    /// The shortest time between two fetches from one issuer.
    pub cool_down: Duration,
    /// How long they are used while they cannot be fetched.
    pub max_stale: Duration,
    /// The largest document, in bytes.
    pub max_size: usize,
    /// How long one fetch may take, discovery included.
    pub timeout: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(600),
            cool_down: Duration::from_secs(1),
            max_stale: Duration::from_secs(24 * 3600),
            max_size: 256 * 1024,
            timeout: Duration::from_secs(5),
        }
    }
}

/// One entry of the configuration.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// First half of the subjects.
    pub name: String,
    /// Its `iss` values, without a scheme.
    pub issuers: Vec<String>,
    /// Whom its tokens must be made for.
    pub audience: Audience,
    /// Signature algorithms; empty for what a key allows. May only narrow that.
    pub algorithms: Vec<Algorithm>,
    /// Accepted `typ` values; empty for any but ID, logout and refresh tokens where they say so.
    pub token_types: Vec<String>,
    /// A file with the keys, instead of discovery.
    pub jwks_file: Option<PathBuf>,
    /// Hosts other than the issuer's that may serve the keys, `host` or `host:port`.
    pub jwks_hosts: Vec<String>,
    /// Templates of the subjects, without `<name>:`.
    pub auth_subjects: Vec<String>,
    /// Headers and the templates of their values.
    pub inject_claims_into_headers: Vec<(String, String)>,
    /// Templates of which each must give at least one value.
    pub prerequisite_conditions: Vec<String>,
}

impl IssuerSettings {
    /// An entry with one issuer and defaults for the rest.
    pub fn new(name: &str, issuer: &str, audience: Audience) -> Self {
        Self {
            name: name.to_owned(),
            issuers: vec![issuer.to_owned()],
            audience,
            algorithms: Vec::new(),
            token_types: Vec::new(),
            jwks_file: None,
            jwks_hosts: Vec::new(),
            auth_subjects: vec!["{{ jwt:sub }}".to_owned()],
            inject_claims_into_headers: Vec::new(),
            prerequisite_conditions: Vec::new(),
        }
    }
}

/// Whom a token must be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Anyone: `aud` is not looked at.
    Any,
    /// `aud` is, or holds, exactly one of these.
    OneOf(Vec<String>),
}

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). Symmetric ones and `none` cannot be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the registered ones")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this registered name.
    pub fn from_name(name: &str) -> Option<Self> {
        // RFC 9864 §2.2 names the only curve that `EdDSA` means here.
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }
}
