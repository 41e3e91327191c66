//! What an operator can set about API keys: plain data, filled by whoever reads the configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::{PermissionSet, TrustedPeer};

/// Which keys count, and whose they are.
#[derive(Debug, Clone)]
pub struct ApiKeySettings {
    /// The first word of every key.
    pub brand: String,
    /// Keys of the other environment are refused.
    pub environment: super::Environment,
    /// First half of the subjects, `edge` unless configured.
    pub subject_prefix: String,
    /// What the verifiers were made with.
    pub pepper: Option<SecretString>,
    /// Who may call.
    pub identities: Vec<IdentitySettings>,
    /// What identities may reach, by the names they use.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// As many slow hashes may have no hint: each costs every unknown key one run of the hash.
    pub unhinted_max: usize,
    /// Where slow hashes run.
    pub slow_lane: SlowLaneSettings,
    /// From more networks than this within an hour, a key is said to be shared.
    pub networks_max: usize,
}

impl Default for ApiKeySettings {
    fn default() -> Self {
        Self {
            brand: "tww".to_owned(),
            environment: super::Environment::Live,
            subject_prefix: "edge".to_owned(),
            pepper: None,
            identities: Vec::new(),
            permission_sets: BTreeMap::new(),
            unhinted_max: 16,
            slow_lane: SlowLaneSettings::default(),
            networks_max: 8,
        }
    }
}

/// Where slow hashes run, so that they hold up nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowLaneSettings {
    /// As many run at once, each in up to 256 MiB.
    pub threads: usize,
    /// As many may wait.
    pub queue: usize,
}

impl Default for SlowLaneSettings {
    fn default() -> Self {
        Self {
            threads: 1,
            queue: 16,
        }
    }
}

/// One caller.
#[derive(Debug, Clone, Default)]
pub struct IdentitySettings {
    /// Its name in the configuration.
    pub name: String,
    /// Its id in subjects and audit; the name unless set.
    pub id: Option<String>,
    /// Its keys: several while one replaces another.
    pub credentials: Vec<ApiKeyCredential>,
    /// The names of its permission sets.
    pub permission_sets: Vec<String>,
    /// Further subjects, after its own.
    pub subjects: Vec<String>,
    /// Whether all its keys are refused.
    pub disabled: bool,
    /// Whether it may use another server only.
    pub is_elsewhere: bool,
    /// From when its keys count.
    pub not_before: Option<Timestamp>,
    /// Until when its keys count.
    pub expires_at: Option<Timestamp>,
    /// Where it may call from; empty for anywhere.
    pub allow_from: Vec<TrustedPeer>,
}

/// One key of an identity.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyCredential {
    /// What [`generate`](super::generate()) or Edge Server printed.
    pub verifier: String,
    /// What [`key_hint`](super::key_hint()) says of the key; only for slow hashes.
    pub hint: Option<String>,
    /// From when it counts.
    pub not_before: Option<Timestamp>,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
}
