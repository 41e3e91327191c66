//! One session type for WebSocket and SSE: who (principal, expiry), what (subscription), a bounded outbound buffer.
//!
//! A change is decided and serialised once, by the publisher, and handed to each worker once; a worker's shard knows
//! which of its sessions a subject concerns.

mod announcement;
mod audited;
mod hub;
mod lifeline;
mod outbound;
mod policy_announcement;
mod published;
mod registry;
mod replay;
pub(crate) mod revocation;
mod session;
mod shard;
pub(crate) mod sse;
mod subjects;
mod subscription;
mod throttle;
pub(crate) mod websocket;

use std::time::Duration;

pub(crate) use hub::Hub;
pub(crate) use registry::{CutReason, SessionInfo, SessionKind};
pub(crate) use subjects::Subjects;
pub(crate) use subscription::{Signal, Subscription};

/// At most `limit` messages per `interval`, the rest waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throttling {
    /// The window.
    pub(crate) interval: Duration,
    /// Messages within one window.
    pub(crate) limit: u32,
    /// Beyond `limit` times this, inbound messages are refused.
    pub(crate) rejection_factor: f64,
}

/// What streams are allowed; see `docs/configuration.md`, section `streaming`.
#[derive(Debug, Clone)]
pub(crate) struct StreamingSettings {
    /// Inbound frames of one WebSocket.
    pub(crate) websocket_throttling: Option<Throttling>,
    /// The largest inbound frame or message, in bytes.
    pub(crate) websocket_frame_bytes_max: usize,
    /// What may wait for one WebSocket's reader, in bytes.
    pub(crate) websocket_outbound_bytes_max: usize,
    /// Events of one SSE stream.
    pub(crate) sse_throttling: Option<Throttling>,
    /// What may wait for one SSE stream's reader, in bytes.
    pub(crate) sse_outbound_bytes_max: usize,
    /// How often an idle SSE stream gets a comment line.
    pub(crate) sse_heartbeat: Duration,
}
