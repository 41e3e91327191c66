//! The JSON form of an event in the journal; private to it, unlike the Ditto Protocol's.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use policies::scratch;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{EventAction, EventHeaders, ThingEvent};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "V: Deserialize<'de>"))]
struct Wire<'a, V> {
    #[serde(borrow)]
    thing_id: Cow<'a, str>,
    #[serde(borrow)]
    policy_id: Cow<'a, str>,
    action: EventAction,
    path: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    value: Option<V>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Cow<'a, Value>>,
    revision: u64,
    timestamp: Timestamp,
    correlation_id: Arc<str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    originator: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    requested_acks: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "<[(Arc<str>, Arc<str>)]>::is_empty")]
    custom: Cow<'a, [(Arc<str>, Arc<str>)]>,
}

/// A member that is there, even if it is null.
fn present<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<V>, D::Error> {
    V::deserialize(deserializer).map(Some)
}

/// The bytes of `event`, whose value is `value`.
pub(super) fn encode(event: &ThingEvent, value: Option<&RawValue>) -> Bytes {
    let wire = Wire {
        thing_id: event.thing_id.as_str().into(),
        policy_id: event.policy_id.as_str().into(),
        action: event.action,
        path: event.path.to_string(),
        value,
        metadata: event.metadata.as_ref().map(Cow::Borrowed),
        revision: event.revision,
        timestamp: event.timestamp,
        correlation_id: Arc::clone(&event.headers.correlation_id),
        originator: event
            .headers
            .originator
            .as_ref()
            .map(|subject| subject.as_str().into()),
        requested_acks: event.headers.requested_acks.as_slice().into(),
        custom: event.headers.custom.as_slice().into(),
    };
    scratch::compact_json(&wire)
}

/// The event in `bytes`; otherwise what is wrong with them.
pub(super) fn decode(bytes: &[u8]) -> Result<ThingEvent, String> {
    let wire: Wire<'_, Value> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let originator = wire.originator.map(|text| parse(&text)).transpose()?;
    Ok(ThingEvent {
        thing_id: parse(&wire.thing_id)?,
        policy_id: parse(&wire.policy_id)?,
        action: wire.action,
        path: parse(&wire.path)?,
        value: wire.value,
        metadata: wire.metadata.map(Cow::into_owned),
        revision: wire.revision,
        timestamp: wire.timestamp,
        headers: EventHeaders {
            correlation_id: wire.correlation_id,
            originator,
            requested_acks: wire.requested_acks.into_owned(),
            custom: wire.custom.into_owned(),
            origin: None,
        },
    })
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}
