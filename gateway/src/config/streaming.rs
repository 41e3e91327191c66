//! `streaming`: WebSocket and server-sent events.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Period, Size};

/// WebSocket and server-sent events.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Streaming {
    /// WebSocket connections.
    pub websocket: WebSocket,
    /// Server-sent events.
    pub sse: Sse,
}

/// WebSocket connections.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocket {
    /// How many frames one connection may send.
    pub throttling: WebSocketThrottling,
    /// The largest frame that is read.
    pub max_frame_size: Size,
    /// How much may wait for a slow reader.
    pub outbound_buffer: Size,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            throttling: WebSocketThrottling::default(),
            max_frame_size: Size::from_kibibytes(1024),
            outbound_buffer: Size::from_kibibytes(256),
        }
    }
}

/// How many frames one WebSocket connection may send.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketThrottling {
    /// Whether it is in force.
    pub enabled: bool,
    /// The interval that `limit` counts in.
    pub interval: Period,
    /// How many frames pass in an interval.
    #[schemars(range(min = 1))]
    pub limit: u32,
    /// Beyond `limit` times this, frames are refused instead of delayed.
    #[schemars(range(min = 1))]
    pub rejection_factor: f64,
}

impl Default for WebSocketThrottling {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: Period::from_secs(1),
            limit: 100,
            rejection_factor: 1.25,
        }
    }
}

/// Server-sent events.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sse {
    /// How many events one stream may carry.
    pub throttling: SseThrottling,
    /// How much may wait for a slow reader.
    pub outbound_buffer: Size,
    /// How often a quiet stream says that it lives.
    pub heartbeat: Period,
}

impl Default for Sse {
    fn default() -> Self {
        Self {
            throttling: SseThrottling::default(),
            outbound_buffer: Size::from_kibibytes(256),
            heartbeat: Period::from_secs(15),
        }
    }
}

/// How many events one stream may carry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SseThrottling {
    /// Whether it is in force.
    pub enabled: bool,
    /// The interval that `limit` counts in.
    pub interval: Period,
    /// How many events pass in an interval.
    #[schemars(range(min = 1))]
    pub limit: u32,
}

impl Default for SseThrottling {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: Period::from_secs(1),
            limit: 100,
        }
    }
}
