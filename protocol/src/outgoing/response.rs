//! The answers to commands that succeeded.

use bytes::Bytes;
use json_writer::ObjectWriter;
use policies::{EntityTag, PolicyResponse};
use serde_json::{Map, Value};
use things::{RetrievedBody, ThingResponse};

use super::{VERSION, write, write_headers};
use crate::{Envelope, TopicPath};

/// What every answer to a command says.
struct Outcome<'r> {
    status: u16,
    payload: Payload<'r>,
    etag: Option<EntityTag>,
    revision: Option<u64>,
    metadata: Option<&'r Value>,
}

/// A payload, serialised or not.
enum Payload<'r> {
    None,
    Json(&'r [u8]),
    Value(&'r Value),
    Values(&'r [Value]),
}

impl Envelope {
    /// The envelope that answers a command to one thing: topic and path are the command's, and so are the headers.
    pub fn thing_response(
        topic: &TopicPath,
        path: &str,
        headers: &Map<String, Value>,
        response: &ThingResponse,
    ) -> Bytes {
        write_response(topic, path, headers, &thing_outcome(response))
    }

    /// The envelope that answers the retrieval of several things.
    pub fn things_response(
        topic: &TopicPath,
        path: &str,
        headers: &Map<String, Value>,
        things: &[Value],
    ) -> Bytes {
        let outcome = Outcome {
            status: 200,
            payload: Payload::Values(things),
            etag: None,
            revision: None,
            metadata: None,
        };
        write_response(topic, path, headers, &outcome)
    }

    /// The envelope that answers a command to a policy.
    pub fn policy_response(
        topic: &TopicPath,
        path: &str,
        headers: &Map<String, Value>,
        response: &PolicyResponse,
    ) -> Bytes {
        write_response(topic, path, headers, &policy_outcome(response))
    }

    /// The envelope that answers a question with `value`, such as which permissions the sender has.
    pub fn answer(
        topic: &TopicPath,
        path: &str,
        headers: &Map<String, Value>,
        value: &Value,
    ) -> Bytes {
        let outcome = Outcome {
            status: 200,
            payload: Payload::Value(value),
            etag: None,
            revision: None,
            metadata: None,
        };
        write_response(topic, path, headers, &outcome)
    }
}

fn thing_outcome(response: &ThingResponse) -> Outcome<'_> {
    let (status, payload, etag, revision) = match response {
        ThingResponse::Retrieved {
            body,
            etag,
            revision,
            metadata: _,
        } => (200, body_payload(body), *etag, *revision),
        ThingResponse::Created {
            thing_id: _,
            value,
            etag,
            revision,
        } => (201, Payload::Value(value), *etag, *revision),
        ThingResponse::Modified { etag, revision } => (204, Payload::None, *etag, *revision),
        ThingResponse::Deleted { revision } => (204, Payload::None, None, *revision),
    };
    Outcome {
        status,
        payload,
        etag,
        revision: Some(revision),
        metadata: metadata_of(response),
    }
}

fn metadata_of(response: &ThingResponse) -> Option<&Value> {
    match response {
        ThingResponse::Retrieved { metadata, .. } => metadata.as_deref(),
        ThingResponse::Created { .. }
        | ThingResponse::Modified { .. }
        | ThingResponse::Deleted { .. } => None,
    }
}

fn body_payload(body: &RetrievedBody) -> Payload<'_> {
    match body {
        RetrievedBody::Json(json) => Payload::Json(json),
        RetrievedBody::Value(value) => Payload::Value(value),
    }
}

fn policy_outcome(response: &PolicyResponse) -> Outcome<'_> {
    let (status, payload, etag, revision) = match response {
        PolicyResponse::Retrieved {
            value,
            etag,
            revision,
        } => (200, Payload::Value(value), *etag, *revision),
        PolicyResponse::Created {
            policy_id: _,
            value,
            etag,
            revision,
        } => (201, Payload::Value(value), *etag, *revision),
        PolicyResponse::Modified { etag, revision } => (204, Payload::None, *etag, *revision),
        PolicyResponse::Deleted { etag, revision } => (204, Payload::None, *etag, *revision),
    };
    Outcome {
        status,
        payload,
        etag,
        revision: Some(revision),
        metadata: None,
    }
}

fn write_response(
    topic: &TopicPath,
    path: &str,
    headers: &Map<String, Value>,
    outcome: &Outcome<'_>,
) -> Bytes {
    write(outcome.payload.size_hint() + 512, |envelope| {
        envelope.member("topic", &topic.to_string());
        envelope.object("headers", |writer| {
            write_response_headers(writer, headers, outcome);
        });
        envelope.member("path", path);
        match outcome.payload {
            Payload::None => {}
            Payload::Json(json) => envelope.raw("value", json),
            Payload::Value(value) => envelope.member("value", value),
            Payload::Values(values) => envelope.member("value", values),
        }
        envelope.member("status", &outcome.status);
    })
}

impl Payload<'_> {
    fn size_hint(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::None | Self::Value(_) | Self::Values(_) => 0,
        }
    }
}

fn write_response_headers(
    writer: &mut ObjectWriter<'_>,
    headers: &Map<String, Value>,
    outcome: &Outcome<'_>,
) {
    write_headers(
        writer,
        headers,
        &[
            "content-type",
            "ditto-metadata",
            "entity-revision",
            "etag",
            "response-required",
            "version",
        ],
    );
    writer.member("response-required", &false);
    writer.member("version", &VERSION);
    if !matches!(outcome.payload, Payload::None) {
        writer.member("content-type", "application/json");
    }
    if let Some(etag) = outcome.etag {
        writer.member("etag", &etag.to_string());
    }
    writer.optional("entity-revision", outcome.revision.as_ref());
    writer.optional("ditto-metadata", outcome.metadata);
}

#[cfg(test)]
mod tests;
