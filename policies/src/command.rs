//! What can be asked of policies, and what is answered.

use serde_json::Value;

use crate::{EntityTag, FieldSelector, PolicyId, PolicyResource};

/// One thing to do with one policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyCommand {
    /// Which policy.
    pub policy_id: PolicyId,
    /// Which part of it.
    pub resource: PolicyResource,
    /// What.
    pub action: PolicyAction,
}

/// What to do with a part of a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyAction {
    /// Create it; only whole policies, and only if there is none.
    Create(Value),
    /// Read it.
    Retrieve {
        /// Which fields; all regular ones if absent.
        fields: Option<FieldSelector>,
    },
    /// Create or replace it.
    Modify(Value),
    /// Delete it.
    Delete,
}

/// What became of a [`PolicyCommand`].
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyResponse {
    /// Here is what the principal may see.
    Retrieved {
        /// The part.
        value: Value,
        /// Its tag, if such parts have one.
        etag: Option<EntityTag>,
        /// The policy's revision.
        revision: u64,
    },
    /// It did not exist before.
    Created {
        /// The part as it is stored.
        value: Value,
        /// Its tag, if such parts have one.
        etag: Option<EntityTag>,
        /// The policy's revision.
        revision: u64,
        /// The policy, its namespace filled in.
        policy_id: PolicyId,
    },
    /// It was replaced.
    Modified {
        /// Its tag, if such parts have one.
        etag: Option<EntityTag>,
        /// The policy's revision.
        revision: u64,
    },
    /// It is gone.
    Deleted {
        /// The tag of what is left where it was, if there is one.
        etag: Option<EntityTag>,
        /// The policy's revision.
        revision: u64,
    },
}
