//! `auth.oauth`: tokens of OpenID Connect issuers.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "OpenID Connect".

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Period, Size};

/// OpenID Connect issuers by the prefix of the subjects they vouch for.
pub type Issuers = BTreeMap<String, Issuer>;

/// Tokens of OpenID Connect issuers.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth {
    /// How issuers are reached.
    pub protocol: OAuthProtocol,
    /// How far clocks may differ.
    pub allowed_clock_skew: Period,
    /// The longest lifetime of a token.
    pub max_token_lifetime: Period,
    /// How signing keys are fetched and kept.
    pub keys: KeyFetching,
    /// The issuers, by the prefix of their subjects.
    pub openid_connect_issuers: Issuers,
    /// The subject that the policy action `activateTokenIntegration` adds.
    pub token_integration_subject: String,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            protocol: OAuthProtocol::Https,
            allowed_clock_skew: Period::from_secs(10),
            max_token_lifetime: Period::from_secs(24 * 3600),
            keys: KeyFetching::default(),
            openid_connect_issuers: Issuers::new(),
            token_integration_subject: "integration:{{policy-entry:label}}:{{jwt:aud}}".to_owned(),
        }
    }
}

/// How issuers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OAuthProtocol {
    /// With TLS.
    Https,
    /// Without, for issuers on this machine only.
    Http,
}

/// How signing keys are fetched and kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeyFetching {
    /// How often keys are fetched anew.
    pub refresh: Period,
    /// The shortest time between two fetches.
    pub cool_down: Period,
    /// How long keys stay in use while their issuer cannot be reached.
    pub max_stale: Period,
    /// The largest answer that is read.
    pub max_size: Size,
    /// How long a fetch may take.
    pub timeout: Period,
}

impl Default for KeyFetching {
    fn default() -> Self {
        Self {
            refresh: Period::from_secs(600),
            cool_down: Period::from_secs(1),
            max_stale: Period::from_secs(24 * 3600),
            max_size: Size::from_kibibytes(256),
            timeout: Period::from_secs(5),
        }
    }
}

/// One OpenID Connect issuer.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Issuer {
    /// The claim `iss` without its scheme.
    pub issuer: Option<String>,
    /// Several of them, for one that goes by several names.
    pub issuers: Vec<String>,
    /// The audiences of which a token must name one, or the word `any`.
    pub audience: Option<Audience>,
    /// Signature algorithms; may only narrow what the key allows.
    pub algorithms: Vec<String>,
    /// Accepted values of the header `typ`; empty: any but ID, logout and refresh tokens.
    pub token_types: Vec<String>,
    /// A file with the keys: nothing is fetched.
    pub jwks_file: Option<PathBuf>,
    /// Further hosts that the discovery document may name for the keys.
    pub jwks_hosts: Vec<String>,
    /// Templates of the subjects that a token gives.
    pub auth_subjects: Vec<String>,
    /// Claims that become headers of the request, by the header's name.
    pub inject_claims_into_headers: BTreeMap<String, String>,
    /// Templates that must all resolve for a token to be accepted.
    pub prerequisite_conditions: Vec<String>,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            issuer: None,
            issuers: Vec::new(),
            audience: None,
            algorithms: Vec::new(),
            token_types: Vec::new(),
            jwks_file: None,
            jwks_hosts: Vec::new(),
            auth_subjects: vec!["{{ jwt:sub }}".to_owned()],
            inject_claims_into_headers: BTreeMap::new(),
            prerequisite_conditions: Vec::new(),
        }
    }
}

impl Issuer {
    /// Every name it goes by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.issuer.iter().chain(&self.issuers).map(String::as_str)
    }
}

/// Whom a token must be meant for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Audience {
    /// Anybody.
    Word(AudienceWord),
    /// One of these.
    Names(Vec<String>),
}

/// The words that may stand for an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudienceWord {
    /// The claim is not looked at.
    Any,
}
