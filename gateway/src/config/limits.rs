//! `limits`: how much one caller may ask for, how large an entity may grow.

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Period, Size, Switchable};

/// How much one caller may ask for, how large an entity may grow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of one client address.
    pub per_source: Switchable<RateLimit>,
    /// Requests of one caller.
    pub per_subject: Switchable<RateLimit>,
    /// Open streams of one caller.
    pub streams_per_subject: Switchable<Count>,
    /// Open streams of one client address.
    pub streams_per_source: Switchable<Count>,
    /// Requests of one caller that wait for devices or acknowledgements.
    pub waiting_per_subject: Switchable<Count>,
    /// Requests of one client address that wait for devices or acknowledgements.
    pub waiting_per_source: Switchable<Count>,
    /// WebSocket handshakes of one client address.
    pub handshakes_per_source: Switchable<RateLimit>,
    /// The largest thing.
    pub thing_size: Size,
    /// The largest policy.
    pub policy_size: Size,
    /// The largest message.
    pub message_size: Size,
    /// How many policies one policy may import.
    pub policy_imports: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_source: Switchable::On(RateLimit::per_second(300, 600)),
            per_subject: Switchable::On(RateLimit::per_second(200, 400)),
            streams_per_subject: Switchable::On(Count(100)),
            streams_per_source: Switchable::On(Count(1000)),
            waiting_per_subject: Switchable::On(Count(500)),
            waiting_per_source: Switchable::On(Count(2000)),
            handshakes_per_source: Switchable::On(RateLimit::per_second(50, 200)),
            thing_size: Size::from_kibibytes(100),
            policy_size: Size::from_kibibytes(100),
            message_size: Size::from_kibibytes(250),
            policy_imports: 10,
        }
    }
}

/// So many requests in a window, and at most so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests pass in a window.
    #[schemars(range(min = 1))]
    pub requests: u32,
    /// The window.
    #[serde(default = "one_second")]
    pub window: Period,
    /// How many may come at once; absent: as many as in a window.
    pub burst: Option<u32>,
}

impl RateLimit {
    const fn per_second(requests: u32, burst: u32) -> Self {
        Self {
            requests,
            window: Period::from_secs(1),
            burst: Some(burst),
        }
    }

    /// How many may come at once.
    pub fn burst(&self) -> u32 {
        self.burst.unwrap_or(self.requests)
    }
}

/// How many of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Count(pub u32);

const fn one_second() -> Period {
    Period::from_secs(1)
}
