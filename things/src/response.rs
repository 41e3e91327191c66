//! What comes back from a command.

use bytes::Bytes;
use policies::EntityTag;
use serde_json::Value;

use crate::ThingId;

/// The outcome of a command that succeeded.
#[derive(Debug, Clone)]
pub enum ThingResponse {
    /// What was read.
    Retrieved {
        /// As far as the principal may see it.
        body: RetrievedBody,
        /// The tag of the whole resource.
        etag: Option<EntityTag>,
        /// The thing's revision.
        revision: u64,
        /// The metadata that was asked for besides, possibly none.
        metadata: Option<Box<Value>>,
    },
    /// The resource was not there before.
    Created {
        /// Which thing.
        thing_id: ThingId,
        /// The resource as it is now.
        value: Value,
        /// Its tag.
        etag: Option<EntityTag>,
        /// The thing's revision.
        revision: u64,
    },
    /// The resource was replaced, or a patch was merged into it.
    Modified {
        /// Its tag; `None` if a patch took it away.
        etag: Option<EntityTag>,
        /// The thing's revision.
        revision: u64,
    },
    /// The resource is gone.
    Deleted {
        /// The thing's revision.
        revision: u64,
    },
}

impl ThingResponse {
    /// The thing's revision.
    pub const fn revision(&self) -> u64 {
        match self {
            Self::Retrieved { revision, .. }
            | Self::Created { revision, .. }
            | Self::Modified { revision, .. }
            | Self::Deleted { revision } => *revision,
        }
    }
}

/// JSON that was read: already serialised if nothing had to be left out.
#[derive(Debug, Clone)]
pub enum RetrievedBody {
    /// The bytes as they are stored.
    Json(Bytes),
    /// A part, or what is left after filtering.
    Value(Value),
}

impl RetrievedBody {
    /// The compact JSON text.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Json(bytes) => bytes,
            Self::Value(value) => value.to_string().into(),
        }
    }

    /// The JSON, parsed if need be.
    ///
    /// # Errors
    ///
    /// If the stored bytes are damaged.
    pub fn into_value(self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Json(bytes) => serde_json::from_slice(&bytes),
            Self::Value(value) => Ok(value),
        }
    }
}
