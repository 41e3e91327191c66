//! From events to the text of a stream.

use ::policies::{FieldSelector, Pointer, SubjectId};
use ::things::ThingId;
use bytes::Bytes;
use journal::Position;
use protocol::Envelope;
use serde_json::{Map, Value};

use crate::live::Label;
use crate::streaming::published::{Published, Visible};
use crate::streaming::session::Renderer;
use crate::streaming::subscription::{Extra, Subscription, with_extra};

/// What of which things a stream is about.
#[derive(Default)]
pub(super) struct Selection {
    /// Only these; empty means all.
    pub(super) thing_ids: Vec<ThingId>,
    /// Namespaces, filter and further fields.
    pub(super) subscription: Subscription,
    /// Only these members.
    pub(super) fields: Option<Box<FieldSelector>>,
    /// Only the bare value here.
    pub(super) pointer: Option<Box<Pointer>>,
}

/// The member that holds the event as the Ditto Protocol shows it, for those who name it.
const CONTEXT: &str = "_context";

/// Sends events as partial things.
pub(super) struct ThingRenderer {
    selection: Selection,
}

impl ThingRenderer {
    pub(super) fn new(selection: Selection) -> Self {
        Self { selection }
    }

    /// The whole event as text; `None` if the selection leaves nothing of it.
    fn text(&self, position: Position, visible: &Visible<'_>, extra: &Extra) -> Option<Bytes> {
        let is_plain = self.selection.pointer.is_none() && self.selection.fields.is_none();
        match visible {
            Visible::Full(published) if is_plain && extra.is_none() => {
                let text = published
                    .shared_text(|| self.data(visible, extra).map(|data| event(position, &data)));
                text.clone()
            }
            Visible::Full(_) | Visible::Partial(_) => {
                self.data(visible, extra).map(|data| event(position, &data))
            }
        }
    }

    /// The data of the event; `None` if the selection leaves nothing of it.
    fn data(&self, visible: &Visible<'_>, extra: &Extra) -> Option<Value> {
        let merged = extra
            .as_ref()
            .map(|extra| with_extra(extra, visible.thing()));
        let thing = merged.as_ref().unwrap_or_else(|| visible.thing());
        if let Some(pointer) = &self.selection.pointer {
            return pointer.resolve(thing).cloned();
        }
        let data = match &self.selection.fields {
            Some(fields) if fields.roots().any(|root| root == CONTEXT) => {
                fields.select(&with_context(thing, visible))
            }
            Some(fields) => fields.select(thing),
            None => without_hidden(thing),
        };
        (data != Value::Object(Map::new())).then_some(data)
    }
}

impl Renderer for ThingRenderer {
    fn is_about(&self, thing_id: &ThingId) -> bool {
        let Selection {
            thing_ids,
            subscription,
            ..
        } = &self.selection;
        (thing_ids.is_empty() || thing_ids.contains(thing_id))
            && subscription.wants_namespace(thing_id.namespace())
    }

    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        subjects: &[SubjectId],
        _declared: &[Label],
    ) -> Option<Bytes> {
        if !self.is_about(&published.event.thing_id) {
            return None;
        }
        let subscription = &self.selection.subscription;
        match subscription.admit(visible, subjects, published.decided_at) {
            Ok(None) => None,
            Ok(Some(extra)) => self.text(published.position, visible, &extra),
            Err(error) => Some(event(published.position, &error.to_json())),
        }
    }
}

/// Members that start with `_` are shown to those who ask for them.
fn without_hidden(thing: &Value) -> Value {
    let members = thing.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The thing with topic, path, value and headers of the event; all headers are text.
fn with_context(thing: &Value, visible: &Visible<'_>) -> Value {
    let envelope = Envelope::parse(&Envelope::thing_event(visible.event()));
    let Ok(envelope) = envelope else {
        return thing.clone();
    };
    let headers = envelope.headers.into_iter().flatten();
    let headers: Map<String, Value> = headers
        .map(|(name, value)| {
            let text = match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            };
            (name, Value::String(text))
        })
        .collect();
    let mut context = Map::new();
    context.insert("topic".to_owned(), envelope.topic.into());
    context.insert("path".to_owned(), envelope.path.into());
    if let Some(value) = envelope.value {
        context.insert("value".to_owned(), value);
    }
    context.insert("headers".to_owned(), headers.into());
    let mut thing = thing.clone();
    if let Some(members) = thing.as_object_mut() {
        members.insert(CONTEXT.to_owned(), context.into());
    }
    thing
}

fn event(position: Position, data: &Value) -> Bytes {
    Bytes::from(format!("id:{}\ndata:{data}\n\n", position.0))
}

/// The place of an event, as its text says.
pub(super) fn position_of(event: &[u8]) -> Option<Position> {
    let line = event
        .strip_prefix(b"id:")?
        .split(|byte| *byte == b'\n')
        .next()?;
    std::str::from_utf8(line).ok()?.parse().ok().map(Position)
}

/// The first lines of a stream: how soon to come back, and from where a client goes on that has seen nothing yet.
pub(super) fn hello(from: Option<Position>) -> Bytes {
    /// Milliseconds that a client waits before it connects again.
    const RETRY_MS: u32 = 2000;
    let id = from.map_or_else(String::new, |position| format!("id:{}\n", position.0));
    Bytes::from(format!("retry:{RETRY_MS}\n{id}:connected\n\n"))
}

/// A line that clients skip, and the place up to which nothing is missing if it has changed.
pub(super) fn heartbeat(reached: Option<Position>) -> Bytes {
    match reached {
        None => Bytes::from_static(b":alive\n\n"),
        Some(position) => Bytes::from(format!("id:{}\n:alive\n\n", position.0)),
    }
}

/// A named event about the stream itself, with a JSON object that says why.
pub(super) fn control(name: &str, reason: &str) -> Bytes {
    Bytes::from(format!("event:{name}\n{}", reason_lines(reason)))
}

/// Says that events are missing here; what follows is after `position`.
pub(super) fn gap(position: Position, reason: &str) -> Bytes {
    Bytes::from(format!(
        "id:{}\nevent:gap\n{}",
        position.0,
        reason_lines(reason)
    ))
}

fn reason_lines(reason: &str) -> String {
    format!("data:{}\n\n", serde_json::json!({ "reason": reason }))
}
