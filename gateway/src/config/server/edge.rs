//! What only Edge Server's files contain of `http_server`.
//!
//! Source: Ditto Edge Server documentation, page "HTTP Server Reference".

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The HTTP API: a switch for all of it, or one per endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EdgeHttpApi {
    /// On or off as a whole.
    All(bool),
    /// By the name of the endpoint, e.g. `execute`.
    PerEndpoint(BTreeMap<String, EdgeSwitch>),
}

impl EdgeHttpApi {
    /// Whether there is an HTTP API at all.
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::All(enabled) => *enabled,
            Self::PerEndpoint(_) => true,
        }
    }
}

/// One endpoint: a switch, or its settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EdgeSwitch {
    /// On or off.
    Enabled(bool),
    /// With limits of its own.
    Settings(EdgeEndpoint),
}

/// The settings of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeEndpoint {
    /// Whether it answers.
    pub enabled: Option<bool>,
    /// The largest body, in MiB.
    pub max_body_size_mb: Option<u64>,
    /// How long a request may take, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Edge Server's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeLimits {
    /// How many connections may be open at once.
    pub max_connections: Option<usize>,
    /// The largest request header section, in bytes.
    pub max_header_bytes: Option<usize>,
    /// Throttling rules.
    pub throttle: Vec<EdgeThrottle>,
}

/// One throttling rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeThrottle {
    /// What is counted.
    pub scope: EdgeScope,
    /// The route, when routes are counted.
    pub route: Option<String>,
    /// How many requests pass in a window.
    pub max_requests: u32,
    /// The window, in seconds.
    pub window_secs: u32,
}

/// What a throttling rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeScope {
    /// Requests of one address.
    Ip,
    /// Requests with one key.
    ApiKey,
    /// Requests to one route.
    Route,
}
