//! A thing as it is stored, parsed as far as somebody needed it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use journal::{Entity, Memo, StoreError};
use policies::PolicyId;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;

/// The state of a thing: the compact JSON of its default-visible members, which a read returns as it is.
#[derive(Debug)]
pub(crate) struct ThingState {
    policy_id: PolicyId,
    json: Bytes,
    document: OnceLock<Value>,
}

impl ThingState {
    /// The state whose JSON is `json`.
    pub(crate) fn new(policy_id: PolicyId, json: Bytes) -> Self {
        Self {
            policy_id,
            json,
            document: OnceLock::new(),
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
    fn parse(json: &Bytes) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            policy_id: String,
        }
        let head: Head = serde_json::from_slice(json).map_err(damaged)?;
        Ok(Self::new(
            head.policy_id.parse().map_err(damaged)?,
            json.clone(),
        ))
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
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Store(StoreError::Damaged {
        reason: format!("the state of a thing: {error}"),
    })
}
