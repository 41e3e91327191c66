//! `devops`: the operators' listener and who may use it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    authentication::{Issuers, OAuthProtocol},
    server::{TlsConfig, loopback_networks},
    value::{Cidr, ListenAddress, Period, Secret, timestamp_schema},
};

/// The operators' listener and who may use it.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Devops {
    /// Where it listens.
    pub listen_addr: ListenAddress,
    /// Plain HTTP or a certificate.
    pub tls_config: TlsConfig,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether only HTTPS is served, with this listener or with a trusted proxy; probes are always answered.
    pub force_https: bool,
    /// Whether plain HTTP is redirected where people, not programs, come: to the console.
    pub redirect_to_https: bool,
    /// How long browsers are told to use nothing but HTTPS; absent: they are not.
    pub strict_transport_security: Option<Period>,
    /// How operators of `/devops` authenticate.
    pub devops_authentication_method: OperatorMethod,
    /// Password hashes of the user `devops`.
    pub devops_passwords: Vec<OperatorPassword>,
    /// Subjects that may use `/devops`; empty admits nobody.
    pub devops_oauth2_subjects: Vec<String>,
    /// How operators of `/status` authenticate.
    pub status_authentication_method: OperatorMethod,
    /// Further password hashes of the user `devops`, which open `/status` only.
    pub status_passwords: Vec<OperatorPassword>,
    /// Subjects that may use `/status`; empty admits nobody.
    pub status_oauth2_subjects: Vec<String>,
    /// Subjects that may look but not change.
    pub read_only_subjects: Vec<String>,
    /// The bearer token with which metrics are scraped, of at least 32 bytes.
    pub metrics_token: Option<Secret>,
    /// Issuers of operators' tokens; never those of `auth.oauth`.
    pub oauth: DevopsOAuth,
    /// The operators' page.
    pub console: Console,
}

impl Default for Devops {
    fn default() -> Self {
        Self {
            listen_addr: ListenAddress::Tcp {
                host: "127.0.0.1".to_owned(),
                port: 8081,
            },
            tls_config: TlsConfig::default(),
            trusted_proxies: loopback_networks(),
            force_https: false,
            redirect_to_https: false,
            strict_transport_security: None,
            devops_authentication_method: OperatorMethod::Basic,
            devops_passwords: Vec::new(),
            devops_oauth2_subjects: Vec::new(),
            status_authentication_method: OperatorMethod::Basic,
            status_passwords: Vec::new(),
            status_oauth2_subjects: Vec::new(),
            read_only_subjects: Vec::new(),
            metrics_token: None,
            oauth: DevopsOAuth::default(),
            console: Console::default(),
        }
    }
}

impl Devops {
    /// Whether it was said who may use `/devops`; tokens admit those that are listed, be it nobody.
    pub fn names_operator(&self) -> bool {
        !self.devops_passwords.is_empty()
            || self.devops_authentication_method == OperatorMethod::Oauth2
    }
}

/// How operators authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperatorMethod {
    /// With a password.
    Basic,
    /// With a token of an operators' issuer.
    Oauth2,
}

/// A password's hash: alone, or with an end.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OperatorPassword {
    /// The hash that `password hash` printed.
    Hash(Secret),
    /// The same with an end: rotation with overlap.
    Expiring(ExpiringPassword),
}

impl OperatorPassword {
    /// The hash.
    pub fn hash(&self) -> &Secret {
        match self {
            Self::Hash(hash) => hash,
            Self::Expiring(password) => &password.hash,
        }
    }

    /// The same in the words of the crate that verifies it.
    pub fn settings(&self) -> ::authentication::password::PasswordHashSettings {
        ::authentication::password::PasswordHashSettings {
            hash: self.hash().expose().to_owned(),
            expires_at: self.expires_at(),
        }
    }

    /// Until when it is accepted.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Hash(_) => None,
            Self::Expiring(password) => password.expires_at,
        }
    }
}

/// A password's hash with an end.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiringPassword {
    /// The hash that `password hash` printed.
    pub hash: Secret,
    /// Until when it is accepted.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Issuers of operators' tokens.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DevopsOAuth {
    /// How issuers are reached.
    pub protocol: OAuthProtocol,
    /// How far clocks may differ.
    pub allowed_clock_skew: Period,
    /// The longest lifetime of a token.
    pub max_token_lifetime: Period,
    /// The issuers, by the prefix of their subjects.
    pub openid_connect_issuers: Issuers,
}

impl Default for DevopsOAuth {
    fn default() -> Self {
        Self {
            protocol: OAuthProtocol::Https,
            allowed_clock_skew: Period::from_secs(10),
            max_token_lifetime: Period::from_secs(24 * 3600),
            openid_connect_issuers: Issuers::new(),
        }
    }
}

/// The operators' page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// Whether it is served.
    pub enabled: bool,
    /// The OpenID Connect client it logs in with.
    pub client_id: Option<String>,
    /// The scope that it asks for.
    pub scope: String,
    /// The resource that its token is for (RFC 8707); most issuers have no use for it.
    pub resource: Option<String>,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            enabled: true,
            client_id: None,
            scope: "openid".to_owned(),
            resource: None,
        }
    }
}
