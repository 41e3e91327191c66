//! `auth.pre_authenticated`: a header that a trusted proxy sets.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{
    server::loopback_networks,
    value::{Cidr, Period, Secret},
};

/// The header `x-ditto-pre-authenticated` and whom it is believed from.
///
/// Source: Ditto documentation, page "Operating Ditto", section "Pre-authentication".
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreAuthenticated {
    /// Whether the header is read at all.
    pub enabled: bool,
    /// The peers it is believed from; `unix` for peers on a Unix socket.
    pub trusted_proxies: Vec<Cidr>,
    /// Prefixes that subjects in it must have; empty: any but an issuer's and the API keys'.
    pub subject_prefixes: Vec<String>,
    /// Whether it may name one subject only.
    pub single_subject: bool,
    /// A proof that the proxy wrote it.
    pub assertion: Assertion,
}

impl Default for PreAuthenticated {
    fn default() -> Self {
        Self {
            enabled: false,
            trusted_proxies: loopback_networks(),
            subject_prefixes: Vec::new(),
            single_subject: false,
            assertion: Assertion::default(),
        }
    }
}

/// A keyed proof over the header that expires.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Assertion {
    /// The secret shared with the proxy; absent: no proof is asked for.
    pub secret: Option<Secret>,
    /// How old a proof may be.
    pub max_age: Period,
}

impl Default for Assertion {
    fn default() -> Self {
        Self {
            secret: None,
            max_age: Period::from_secs(30),
        }
    }
}
