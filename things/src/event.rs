//! What happened to a thing: the signal that the journal keeps and streams hand on.

mod wire;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use journal::{Record, StoreError};
use json_writer::scratch::compact_json;
use policies::{Pointer, PolicyId, SessionId, SubjectId};
use serde_json::{Map, Value};

use crate::{Error, ThingId, edit};

/// How a thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventAction {
    /// What is at the path was not there before.
    Created,
    /// What is at the path was replaced.
    Modified,
    /// A patch was merged into what is at the path.
    Merged,
    /// What was at the path is gone.
    Deleted,
    /// The definition was replaced, and what depends on it with it.
    Migrated,
}

impl EventAction {
    /// The word at the end of a topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Merged => "merged",
            Self::Deleted => "deleted",
            Self::Migrated => "migrated",
        }
    }
}

/// One change of one thing.
///
/// Source: Ditto documentation, page "Protocol specification for Things", section "Event".
#[derive(Debug, Clone, PartialEq)]
pub struct ThingEvent {
    /// Which thing.
    pub thing_id: ThingId,
    /// Its policy after the change; after a deletion, the one it had.
    pub policy_id: PolicyId,
    /// How it changed.
    pub action: EventAction,
    /// Where it changed.
    pub path: Pointer,
    /// The new value at the path, or the patch; `None` for deletions.
    pub value: Option<Value>,
    /// The metadata that was written, from the thing's root down; null for what was deleted.
    pub metadata: Option<Value>,
    /// The thing's revision after the change.
    pub revision: u64,
    /// When it changed.
    pub timestamp: Timestamp,
    /// What the command said that caused it.
    pub headers: EventHeaders,
}

/// What an event inherits from its command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventHeaders {
    /// Ties the event to its command.
    pub correlation_id: Arc<str>,
    /// The first subject of who caused it.
    pub originator: Option<SubjectId>,
    /// Labels of the acknowledgements that the sender waits for; none that is built in.
    pub requested_acks: Vec<String>,
    /// Headers that Ditto does not know.
    pub custom: Vec<(Arc<str>, Arc<str>)>,
    /// The session that caused it and must not receive it; not stored, because sessions do not outlive the process.
    pub origin: Option<SessionId>,
}

impl ThingEvent {
    /// The event of a record, from its memo if it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the stored signal is no thing event.
    pub fn of_record(record: &Record) -> Result<Arc<Self>, Error> {
        record.signal_memo.get_or_try_init(|| {
            wire::decode(&record.signal).map_err(|reason| {
                Error::Store(StoreError::Damaged {
                    reason: format!("the signal of {}: {reason}", record.entity),
                })
            })
        })
    }

    /// The bytes that the journal keeps.
    pub(crate) fn encode(&self) -> Bytes {
        self.encode_with(self.value.as_ref().map(compact_json).as_deref())
    }

    /// The same, where the value was written already.
    pub(crate) fn encode_with(&self, value: Option<&[u8]>) -> Bytes {
        wire::encode(self, value)
    }

    /// The event turned into a partial thing: the changed part at its place, the id, and the members starting with `_`.
    ///
    /// A deletion shows what remains, often just the id.
    pub fn to_thing_json(&self) -> Value {
        let mut thing = Map::new();
        thing.insert("thingId".into(), self.thing_id.as_str().into());
        let mut thing = Value::Object(thing);
        match &self.value {
            Some(Value::Object(members)) if self.path.is_root() => {
                edit::as_object(&mut thing).extend(members.clone());
            }
            Some(value) if !self.path.is_root() => edit::set(&mut thing, &self.path, value.clone()),
            Some(_) | None => {}
        }
        self.add_special_members(edit::as_object(&mut thing));
        thing
    }

    fn add_special_members(&self, thing: &mut Map<String, Value>) {
        let timestamp = self.timestamp.to_string();
        thing.insert("_namespace".into(), self.thing_id.namespace().into());
        thing.insert("_revision".into(), self.revision.into());
        if self.path.is_root() && self.action == EventAction::Created {
            thing.insert("_created".into(), timestamp.clone().into());
        }
        thing.insert("_modified".into(), timestamp.into());
    }
}

#[cfg(test)]
mod tests;
