//! The JSON form of an event in the journal; private to it, unlike the Ditto Protocol's.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use json_writer::{ObjectWriter, scratch};
use policies::SubjectId;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{EventAction, EventHeaders, ThingEvent};

/// What [`decode`] reads. Members that are left out have their default.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    thing_id: Cow<'a, str>,
    #[serde(borrow)]
    policy_id: Cow<'a, str>,
    action: EventAction,
    path: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    metadata: Option<Value>,
    revision: u64,
    timestamp: Timestamp,
    correlation_id: Arc<str>,
    #[serde(borrow)]
    originator: Option<Cow<'a, str>>,
    #[serde(default)]
    requested_acks: Vec<String>,
    #[serde(default)]
    custom: Vec<(Arc<str>, Arc<str>)>,
}

/// A member that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The bytes of `event`, whose value is `value`.
pub(super) fn encode(event: &ThingEvent, value: Option<&[u8]>) -> Bytes {
    let write = |buffer: &mut Vec<u8>| {
        let mut wire = ObjectWriter::begin(buffer);
        write_members(&mut wire, event, value);
        wire.end();
    };
    scratch::in_scratch(write, Bytes::copy_from_slice)
}

fn write_members(wire: &mut ObjectWriter<'_>, event: &ThingEvent, value: Option<&[u8]>) {
    wire.member("thingId", event.thing_id.as_str());
    wire.member("policyId", event.policy_id.as_str());
    wire.member("action", event.action.as_str());
    wire.member("path", &event.path.to_string());
    if let Some(value) = value {
        wire.raw("value", value);
    }
    wire.optional("metadata", event.metadata.as_ref());
    wire.member("revision", &event.revision);
    wire.member("timestamp", &event.timestamp);
    let headers = &event.headers;
    wire.member("correlationId", &headers.correlation_id);
    wire.optional(
        "originator",
        headers.originator.as_ref().map(SubjectId::as_str),
    );
    if !headers.requested_acks.is_empty() {
        wire.member("requestedAcks", &headers.requested_acks);
    }
    if !headers.custom.is_empty() {
        let pairs: Vec<_> = headers
            .custom
            .iter()
            .map(|(name, value)| [name, value])
            .collect();
        wire.member("custom", &pairs);
    }
}

/// The event in `bytes`; otherwise what is wrong with them.
pub(super) fn decode(bytes: &[u8]) -> Result<ThingEvent, String> {
    let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let originator = wire.originator.map(|text| parse(&text)).transpose()?;
    Ok(ThingEvent {
        thing_id: parse(&wire.thing_id)?,
        policy_id: parse(&wire.policy_id)?,
        action: wire.action,
        path: parse(&wire.path)?,
        value: wire.value,
        metadata: wire.metadata,
        revision: wire.revision,
        timestamp: wire.timestamp,
        headers: EventHeaders {
            correlation_id: wire.correlation_id,
            originator,
            requested_acks: wire.requested_acks,
            custom: wire.custom,
            origin: None,
        },
    })
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}
