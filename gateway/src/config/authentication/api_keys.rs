//! `auth.api_keys`: how API keys are recognised.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Period, Secret};

/// How API keys are recognised.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiKeys {
    /// What every key of this installation starts with.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]{1,7}$"))]
    pub brand: String,
    /// Which keys are accepted here.
    pub env: ApiKeyEnvironment,
    /// The issuer of the subjects that keys give.
    pub subject_prefix: String,
    /// A secret mixed into every verifier.
    pub pepper: Option<Secret>,
    /// How many slow hashes without a hint may exist: each costs every unknown key one run of the hash.
    pub max_unhinted_legacy: usize,
    /// Where slow hashes run.
    pub slow_lane: SlowLane,
    /// A key that was not used for so long is recorded as unused.
    pub unused_after: Period,
    /// A key that comes from more networks than this within an hour is recorded as shared.
    #[schemars(range(min = 1, max = 255))]
    pub shared_above: u8,
}

impl Default for ApiKeys {
    fn default() -> Self {
        Self {
            brand: "tww".to_owned(),
            env: ApiKeyEnvironment::Live,
            subject_prefix: "edge".to_owned(),
            pepper: None,
            max_unhinted_legacy: 16,
            slow_lane: SlowLane::default(),
            unused_after: Period::from_secs(90 * 24 * 3600),
            shared_above: 8,
        }
    }
}

/// The second part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyEnvironment {
    /// For real plants.
    Live,
    /// For trying things out.
    Test,
}

impl ApiKeyEnvironment {
    /// The word as it stands in a key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Where slow hashes run, so that they never hold up anything else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlowLane {
    /// How many run at once.
    #[schemars(range(min = 1))]
    pub threads: usize,
    /// How many may wait.
    pub queue: usize,
}

impl Default for SlowLane {
    fn default() -> Self {
        Self {
            threads: 1,
            queue: 16,
        }
    }
}
