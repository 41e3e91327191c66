//! From events to the text of a stream.

use std::rc::Rc;

use ::policies::{FieldSelector, Pointer, SubjectId};
use ::things::ThingId;
use bytes::Bytes;
use journal::Position;
use serde_json::Value;

use crate::streaming::published::{Published, Visible};
use crate::streaming::session::Renderer;

/// What of which things a stream is about.
pub(super) struct Selection {
    /// Only these; empty means all.
    pub(super) thing_ids: Vec<ThingId>,
    /// Only these; empty means all.
    pub(super) namespaces: Vec<String>,
    /// Only these members.
    pub(super) fields: Option<FieldSelector>,
    /// Only the bare value here.
    pub(super) pointer: Option<Pointer>,
}

/// Sends events as partial things.
pub(super) struct ThingRenderer {
    selection: Selection,
}

impl ThingRenderer {
    pub(super) fn new(selection: Selection) -> Self {
        Self { selection }
    }

    /// The data of the event; `None` if the selection leaves nothing of it.
    fn data(&self, visible: &Visible<'_>) -> Option<Value> {
        let thing = visible.thing();
        if let Some(pointer) = &self.selection.pointer {
            return pointer.resolve(thing).cloned();
        }
        let data = match &self.selection.fields {
            Some(fields) => fields.select(thing),
            None => without_hidden(thing),
        };
        (data != Value::Object(serde_json::Map::new())).then_some(data)
    }
}

impl Renderer for Rc<ThingRenderer> {
    fn is_about(&self, thing_id: &ThingId) -> bool {
        let Selection {
            thing_ids,
            namespaces,
            ..
        } = &self.selection;
        (thing_ids.is_empty() || thing_ids.contains(thing_id))
            && (namespaces.is_empty()
                || namespaces
                    .iter()
                    .any(|namespace| namespace == thing_id.namespace()))
    }

    fn render(
        &self,
        published: &Published,
        visible: &Visible<'_>,
        _subjects: &[SubjectId],
    ) -> Option<Bytes> {
        if !self.is_about(&published.event.thing_id) {
            return None;
        }
        self.data(visible)
            .map(|data| event(published.position, &data))
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

fn event(position: Position, data: &Value) -> Bytes {
    Bytes::from(format!("id:{}\ndata:{data}\n\n", position.0))
}

/// A line that clients skip.
pub(super) fn comment(text: &str) -> Bytes {
    Bytes::from(format!(":{text}\n\n"))
}

/// A named event about the stream itself, with a JSON object that says why.
pub(super) fn control(name: &str, reason: &str) -> Bytes {
    Bytes::from(format!(
        "event:{name}\ndata:{}\n\n",
        serde_json::json!({ "reason": reason })
    ))
}
