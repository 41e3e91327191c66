//! A thing as its events make it, one after the other: what its past is read from.

use bytes::Bytes;
use jiff::Timestamp;
use journal::{Record, Replayed, StoreError};
use policies::Pointer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apply::in_order;
use crate::metadata::{self, Written};
use crate::{Error, EventAction, ThingEvent, edit, merge};

/// A thing after one of its events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The default-visible JSON; `None` if it does not exist.
    pub(crate) document: Option<Value>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Value>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Replayed for Snapshot {
    fn encode(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("JSON and times serialise")
            .into()
    }

    fn decode(base: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(base).map_err(|error| StoreError::Damaged {
            reason: format!("what stands for forgotten events of a thing: {error}"),
        })
    }

    fn advance(&mut self, record: &Record) -> Result<(), StoreError> {
        match ThingEvent::of_record(record) {
            Ok(event) => {
                self.follow(&event);
                Ok(())
            }
            Err(Error::Store(source)) => Err(source),
            Err(error) => Err(StoreError::Damaged {
                reason: error.to_string(),
            }),
        }
    }
}

impl Snapshot {
    /// Goes on to what `event` made of the thing.
    fn follow(&mut self, event: &ThingEvent) {
        let before = self.document.take().unwrap_or_default();
        if event.path.is_root() && event.action == EventAction::Created {
            self.created = event.timestamp;
        }
        self.modified = event.timestamp;
        self.document = after(&before, event);
        let after = self.document.as_ref();
        self.metadata = after.and_then(|after| {
            let written = Written {
                pointer: &event.path,
                value: event.value.as_ref(),
                is_replacement: is_replacement(event.action),
                before: &before,
                after,
            };
            metadata::advance(self.metadata.as_ref(), event.metadata.as_ref(), &written)
        });
    }
}

/// Whether an event replaced what was at its path.
pub(crate) const fn is_replacement(action: EventAction) -> bool {
    match action {
        EventAction::Created | EventAction::Modified => true,
        EventAction::Merged | EventAction::Deleted | EventAction::Migrated => false,
    }
}

fn after(before: &Value, event: &ThingEvent) -> Option<Value> {
    let path: &Pointer = &event.path;
    if path.is_root() && is_replacement(event.action) {
        return event.value.clone();
    }
    let mut after = before.clone();
    match (event.action, &event.value) {
        (EventAction::Deleted, _) if path.is_root() => return None,
        (EventAction::Deleted, _) => {
            edit::remove(&mut after, path);
        }
        (EventAction::Created | EventAction::Modified, Some(value)) => {
            edit::set(&mut after, path, value.clone());
        }
        (EventAction::Merged | EventAction::Migrated, Some(patch)) => {
            merge::apply(&mut after, path, patch);
        }
        (
            EventAction::Created
            | EventAction::Modified
            | EventAction::Merged
            | EventAction::Migrated,
            None,
        ) => {}
    }
    Some(in_order(after))
}
