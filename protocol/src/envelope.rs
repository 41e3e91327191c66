//! The envelope: the JSON object that every signal travels in.

use bytes::Bytes;
use jiff::Timestamp;
use json_writer::ObjectWriter;
use serde_json::{Map, Value};

use crate::Error;

/// An envelope as it came in, or is about to leave: its members, not yet what they mean.
///
/// The topic is kept as text so that even an envelope with a bad one can be answered with its own headers.
/// Source: Ditto documentation, page "Protocol specification".
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// The topic, unchecked.
    pub topic: String,
    /// The headers as sent; `None` if the envelope has none.
    pub headers: Option<Map<String, Value>>,
    /// What is addressed within the entity, unchecked; `/` is the entity itself.
    pub path: String,
    /// The payload; `Some(Value::Null)` is a payload too.
    pub value: Option<Value>,
    /// Further fields of the thing that a subscriber asked for.
    pub extra: Option<Map<String, Value>>,
    /// The outcome; its presence makes the envelope a response.
    pub status: Option<u16>,
    /// The entity's revision after the change.
    pub revision: Option<u64>,
    /// When the change happened.
    pub timestamp: Option<Timestamp>,
    /// Metadata that the change carries.
    pub metadata: Option<Map<String, Value>>,
    /// Which fields to retrieve, unparsed.
    pub fields: Option<String>,
}

impl Envelope {
    /// Reads one text frame. Unknown members are ignored, a status outside 100-599 counts as none.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotAnObject`], [`Error::MissingField`] or [`Error::FieldType`].
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        if frame.is_empty() {
            return Err(Error::Empty);
        }
        let mut members: Map<String, Value> =
            serde_json::from_slice(frame).map_err(|_| Error::NotAnObject)?;
        Ok(Self {
            topic: text(&mut members, "topic")?.ok_or(Error::MissingField { field: "topic" })?,
            headers: object(&mut members, "headers")?,
            path: text(&mut members, "path")?.ok_or(Error::MissingField { field: "path" })?,
            value: members.remove("value"),
            extra: object(&mut members, "extra")?,
            status: status(&mut members)?,
            revision: revision(&mut members)?,
            timestamp: timestamp(&mut members)?,
            metadata: object(&mut members, "metadata")?,
            fields: text(&mut members, "fields")?,
        })
    }

    /// The envelope as one line of JSON, members in Ditto's order, headers as they are.
    pub fn to_bytes(&self) -> Bytes {
        let mut buffer = Vec::with_capacity(256);
        let mut envelope = ObjectWriter::begin(&mut buffer);
        envelope.member("topic", &self.topic);
        envelope.optional("headers", self.headers.as_ref());
        envelope.member("path", &self.path);
        envelope.optional("value", self.value.as_ref());
        envelope.optional("extra", self.extra.as_ref());
        envelope.optional("status", self.status.as_ref());
        envelope.optional("revision", self.revision.as_ref());
        envelope.optional("timestamp", self.timestamp.as_ref());
        envelope.optional("metadata", self.metadata.as_ref());
        envelope.optional("fields", self.fields.as_ref());
        envelope.end();
        buffer.into()
    }
}

/// Takes a member out; JSON null counts as absent.
fn take(members: &mut Map<String, Value>, field: &str) -> Option<Value> {
    members.remove(field).filter(|value| !value.is_null())
}

fn text(members: &mut Map<String, Value>, field: &'static str) -> Result<Option<String>, Error> {
    match take(members, field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::FieldType {
            field,
            expected: "a string",
        }),
    }
}

fn object(
    members: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<Map<String, Value>>, Error> {
    match take(members, field) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Error::FieldType {
            field,
            expected: "an object",
        }),
    }
}

fn status(members: &mut Map<String, Value>) -> Result<Option<u16>, Error> {
    let Some(value) = take(members, "status") else {
        return Ok(None);
    };
    let status = value.as_i64().ok_or(Error::FieldType {
        field: "status",
        expected: "an integer",
    })?;
    Ok(u16::try_from(status)
        .ok()
        .filter(|status| (100..600).contains(status)))
}

fn revision(members: &mut Map<String, Value>) -> Result<Option<u64>, Error> {
    take(members, "revision")
        .map(|value| {
            value.as_u64().ok_or(Error::FieldType {
                field: "revision",
                expected: "an integer that is not negative",
            })
        })
        .transpose()
}

fn timestamp(members: &mut Map<String, Value>) -> Result<Option<Timestamp>, Error> {
    text(members, "timestamp")?
        .map(|text| {
            text.parse().map_err(|_| Error::FieldType {
                field: "timestamp",
                expected: "an instant of RFC 3339",
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests;
