//! The headers that choose a channel and ask for acknowledgements.

use std::sync::Arc;

use rql::Predicate;

use super::{Lookup, invalid};
use crate::error::DittoError;
use crate::live::{Label, parse_labels};

/// The header that names the condition.
const LIVE_CONDITION: &str = "live-channel-condition";

/// What a request says about devices and about those who acknowledge.
#[derive(Debug, Default)]
pub(crate) struct LiveHeaders {
    /// `channel: live`.
    pub(crate) is_live: bool,
    /// `live-channel-condition`: the device is asked if it holds for the twin.
    pub(crate) condition: Option<Arc<Predicate>>,
    /// `live-channel-timeout-strategy`.
    pub(crate) on_timeout: Option<OnTimeout>,
    /// `requested-acks`; `None` if the header is absent.
    pub(crate) requested_acks: Option<Vec<Label>>,
    /// `declared-acks`, which only the handshake of a WebSocket acts on.
    pub(crate) declared_acks: Vec<Label>,
}

/// What becomes of a retrieval that the device does not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnTimeout {
    /// It fails.
    Fail,
    /// The twin answers.
    UseTwin,
}

impl LiveHeaders {
    pub(super) fn read(lookup: &Lookup<'_, '_>) -> Result<Self, DittoError> {
        Ok(Self {
            is_live: lookup.get("channel").map_or(Ok(false), is_live)?,
            condition: lookup.get(LIVE_CONDITION).map(live_condition).transpose()?,
            on_timeout: lookup
                .get("live-channel-timeout-strategy")
                .map(on_timeout)
                .transpose()?,
            requested_acks: lookup.get("requested-acks").map(parse_labels).transpose()?,
            declared_acks: lookup
                .get("declared-acks")
                .map_or(Ok(Vec::new()), parse_labels)?,
        })
    }

    /// Whether the device may have to be asked.
    pub(crate) fn concerns_device(&self) -> bool {
        self.is_live || self.condition.is_some()
    }

    /// The header that concerns the device.
    pub(crate) fn name(&self) -> &'static str {
        if self.is_live {
            "channel"
        } else {
            LIVE_CONDITION
        }
    }

    /// Whether labels are requested, whichever.
    pub(super) fn requests_any(&self) -> bool {
        self.requested_acks
            .as_ref()
            .is_some_and(|labels| !labels.is_empty())
    }
}

/// Reads `live-channel-condition`.
pub(crate) fn live_condition(text: &str) -> Result<Arc<Predicate>, DittoError> {
    let condition = Predicate::parse_condition(text);
    Ok(condition
        .map(Arc::new)
        .map_err(|source| things::Error::ConditionInvalid {
            header: LIVE_CONDITION,
            source,
        })?)
}

fn is_live(channel: &str) -> Result<bool, DittoError> {
    let channel = channel.trim();
    if channel.eq_ignore_ascii_case("live") {
        Ok(true)
    } else if channel.eq_ignore_ascii_case("twin") {
        Ok(false)
    } else {
        Err(invalid("channel", "it is `twin` or `live`"))
    }
}

/// Reads `fail` or `use-twin`.
pub(crate) fn on_timeout(text: &str) -> Result<OnTimeout, DittoError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("fail") {
        Ok(OnTimeout::Fail)
    } else if text.eq_ignore_ascii_case("use-twin") {
        Ok(OnTimeout::UseTwin)
    } else {
        Err(invalid(
            "live-channel-timeout-strategy",
            "it is `fail` or `use-twin`",
        ))
    }
}
