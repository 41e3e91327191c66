//! A thing as it is stored, parsed as far as somebody needed it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use journal::{Entity, Memo, StoreError};
use json_writer::{WriteJson as _, scratch};
use policies::PolicyId;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;

/// The state of a thing: the compact JSON of its default-visible members, which a read returns as it is.
///
/// Stored as one line, followed by a line of metadata if there is any.
#[derive(Debug)]
pub(crate) struct ThingState {
    policy_id: PolicyId,
    json: Bytes,
    document: OnceLock<Value>,
    metadata: Option<Metadata>,
}

#[derive(Debug)]
struct Metadata {
    json: Bytes,
    value: OnceLock<Value>,
}

/// Ends the line of the thing if metadata follows; compact JSON has no line breaks.
const SEPARATOR: u8 = b'\n';

/// The bytes to store.
pub(crate) fn encode(document: &Value, metadata: Option<&Value>) -> Bytes {
    let write = |stored: &mut Vec<u8>| {
        document.write_json(stored);
        if let Some(metadata) = metadata {
            stored.push(SEPARATOR);
            metadata.write_json(stored);
        }
    };
    scratch::in_scratch(write, Bytes::copy_from_slice)
}

impl ThingState {
    /// The state that `stored` holds.
    pub(crate) fn new(policy_id: PolicyId, stored: &Bytes) -> Self {
        let end = memchr::memchr(SEPARATOR, stored);
        let metadata = end.map(|end| Metadata {
            json: stored.slice(end + 1..),
            value: OnceLock::new(),
        });
        Self {
            policy_id,
            json: stored.slice(..end.unwrap_or(stored.len())),
            document: OnceLock::new(),
            metadata,
        }
    }

    /// The state of an entity; `None` if it is deleted.
    pub(crate) fn of_entity(entity: &Entity) -> Result<Option<Arc<Self>>, Error> {
        entity
            .state
            .as_ref()
            .map(|json| entity.memo.get_or_try_init(|| Self::parse(json)))
            .transpose()
    }

    /// The memo of this state, for the entity that it belongs to.
    pub(crate) fn into_memo(self) -> Memo {
        Memo::filled(Arc::new(self))
    }

    /// Reads no more than the policy id, which is all that an unrestricted reader needs.
    pub(crate) fn parse(stored: &Bytes) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            policy_id: String,
        }
        let end = memchr::memchr(SEPARATOR, stored).unwrap_or(stored.len());
        let line = stored.get(..end).unwrap_or_default();
        let head: Head = serde_json::from_slice(line).map_err(damaged)?;
        Ok(Self::new(head.policy_id.parse().map_err(damaged)?, stored))
    }

    /// The policy of the thing.
    pub(crate) fn policy_id(&self) -> &PolicyId {
        &self.policy_id
    }

    /// The stored bytes.
    pub(crate) fn json(&self) -> &Bytes {
        &self.json
    }

    /// The parsed JSON, kept as long as the state for the readers of parts and restricted views.
    pub(crate) fn document(&self) -> Result<&Value, Error> {
        if let Some(document) = self.document.get() {
            return Ok(document);
        }
        let document = serde_json::from_slice(&self.json).map_err(damaged)?;
        Ok(self.document.get_or_init(|| document))
    }

    /// The same for who changes it: what is about to be replaced is not kept.
    pub(crate) fn document_to_change(&self) -> Result<Cow<'_, Value>, Error> {
        match self.document.get() {
            Some(document) => Ok(Cow::Borrowed(document)),
            None => serde_json::from_slice(&self.json)
                .map(Cow::Owned)
                .map_err(damaged),
        }
    }

    /// The metadata, parsed and kept in the same way.
    pub(crate) fn metadata(&self) -> Result<Option<&Value>, Error> {
        let Some(metadata) = &self.metadata else {
            return Ok(None);
        };
        if let Some(value) = metadata.value.get() {
            return Ok(Some(value));
        }
        let value = serde_json::from_slice(&metadata.json).map_err(damaged)?;
        Ok(Some(metadata.value.get_or_init(|| value)))
    }
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Store(StoreError::Damaged {
        reason: format!("the state of a thing: {error}"),
    })
}
