//! What leaves: events, responses, errors and announcements, written straight into the bytes of their envelope.

use bytes::Bytes;
use json_writer::ObjectWriter;
use policies::PolicyEvent;
use serde_json::{Map, Value};
use things::{EventAction as Change, ThingEvent};

use crate::headers::{self, BUILT_IN_LABELS};
use crate::{Channel, Criterion, Envelope, EventAction, Group, TopicPath};

mod response;

/// The schema version, which every signal of an entity states.
const VERSION: u8 = 2;

impl Envelope {
    /// The envelope of an event: written once, then shared by all who may read all of it.
    ///
    /// It asks nobody for acknowledgements.
    pub fn thing_event(event: &ThingEvent) -> Bytes {
        write_event(event, None, &[])
    }

    /// The envelope of an event for a subscriber who asked for further fields of the thing.
    pub fn enriched_thing_event(event: &ThingEvent, extra: &Map<String, Value>) -> Bytes {
        write_event(event, Some(extra), &[])
    }

    /// The envelope of an event for a subscriber who is asked for these acknowledgements.
    pub fn requesting_thing_event(
        event: &ThingEvent,
        extra: Option<&Map<String, Value>>,
        labels: &[&str],
    ) -> Bytes {
        write_event(event, extra, labels)
    }

    /// The envelope of a change of a policy, for whoever reads its history.
    pub fn policy_event(event: &PolicyEvent) -> Bytes {
        let topic = TopicPath::new(
            event.policy_id.as_str(),
            Group::Policies,
            Criterion::Events(policy_action(event)),
        );
        let value = event.value.as_ref().map(|(member, value)| {
            // Of several entries at once: the member says what became of the subjects.
            if event.is_about_several() {
                Value::Object(Map::from_iter([((*member).to_owned(), value.clone())]))
            } else {
                value.clone()
            }
        });
        write(512, |envelope| {
            envelope.member("topic", &topic.to_string());
            envelope.object("headers", |writer| {
                writer.member("response-required", &false);
                writer.member("version", &VERSION);
            });
            envelope.member("path", &event.resource.pointer().to_string());
            envelope.optional("value", value.as_ref());
            envelope.member("revision", &event.revision);
            envelope.member("timestamp", &event.timestamp);
        })
    }

    /// The envelope that answers a failed command: `error` is the error JSON, `headers` are the command's.
    ///
    /// Without the topic of the command it is about things that nobody knows.
    pub fn error(
        command: Option<&TopicPath>,
        headers: &Map<String, Value>,
        status: u16,
        error: &Value,
    ) -> Bytes {
        let topic = command.map_or_else(
            || TopicPath::unknown_errors(Group::Things(Channel::Twin)),
            TopicPath::errors,
        );
        write(256, |envelope| {
            envelope.member("topic", &topic.to_string());
            envelope.object("headers", |writer| {
                write_headers(writer, headers, &["content-type"]);
                writer.member("content-type", "application/json");
            });
            envelope.member("path", "/");
            envelope.member("value", error);
            envelope.member("status", &status);
        })
    }

    /// The envelope of an announcement.
    pub fn announcement(topic: &TopicPath, headers: &Map<String, Value>, value: &Value) -> Bytes {
        write(256, |envelope| {
            envelope.member("topic", &topic.to_string());
            envelope.object("headers", |writer| {
                write_headers(writer, headers, &["version"]);
                writer.member("version", &VERSION);
            });
            envelope.member("path", "/");
            envelope.member("value", value);
        })
    }
}

fn write_event(event: &ThingEvent, extra: Option<&Map<String, Value>>, labels: &[&str]) -> Bytes {
    let topic = TopicPath::new(
        event.thing_id.as_str(),
        Group::Things(Channel::Twin),
        Criterion::Events(action(event.action)),
    );
    write(512, |envelope| {
        envelope.member("topic", &topic.to_string());
        envelope.object("headers", |writer| {
            write_event_headers(writer, event, labels)
        });
        envelope.member("path", &event.path.to_string());
        envelope.optional("value", event.value.as_ref());
        envelope.optional("extra", extra);
        envelope.member("revision", &event.revision);
        envelope.member("timestamp", &event.timestamp);
        envelope.optional("metadata", event.metadata.as_ref());
    })
}

fn policy_action(event: &PolicyEvent) -> EventAction {
    if event.is_about_several() {
        EventAction::Modified
    } else if event.value.is_none() {
        EventAction::Deleted
    } else if event.event_type.ends_with("Created") {
        EventAction::Created
    } else {
        EventAction::Modified
    }
}

const fn action(change: Change) -> EventAction {
    match change {
        Change::Created => EventAction::Created,
        Change::Modified => EventAction::Modified,
        Change::Merged => EventAction::Merged,
        Change::Deleted => EventAction::Deleted,
        Change::Migrated => EventAction::Migrated,
    }
}

fn write_event_headers(writer: &mut ObjectWriter<'_>, event: &ThingEvent, labels: &[&str]) {
    let headers = &event.headers;
    writer.member("correlation-id", &*headers.correlation_id);
    if let Some(originator) = &headers.originator {
        writer.member("ditto-originator", originator.as_str());
    }
    writer.member("response-required", &false);
    writer.member("version", &VERSION);
    if !labels.is_empty() {
        writer.member("requested-acks", labels);
    }
    for (name, value) in &headers.custom {
        if headers::is_custom(name) {
            writer.entry(name, &**value);
        }
    }
}

/// Repeats what clients may see of `headers`, except for those that are `replaced` by others.
fn write_headers(writer: &mut ObjectWriter<'_>, headers: &Map<String, Value>, replaced: &[&str]) {
    for (name, value) in headers {
        if !headers::is_emitted(name) || replaced.contains(&name.as_str()) {
            continue;
        }
        if name == "requested-acks" {
            write_requested_acks(writer, value);
        } else {
            writer.entry(name, value);
        }
    }
}

fn write_requested_acks(writer: &mut ObjectWriter<'_>, labels: &Value) {
    let labels: Vec<&str> = labels
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|label| !BUILT_IN_LABELS.contains(label))
        .collect();
    if !labels.is_empty() {
        writer.member("requested-acks", &labels);
    }
}

fn write(capacity: usize, members: impl FnOnce(&mut ObjectWriter<'_>)) -> Bytes {
    let mut buffer = Vec::with_capacity(capacity);
    let mut envelope = ObjectWriter::begin(&mut buffer);
    members(&mut envelope);
    envelope.end();
    buffer.into()
}

#[cfg(test)]
mod tests;
