//! What can be asked of a thing.

use policies::FieldSelector;
use serde_json::Value;

use crate::{ThingId, ThingResource};

/// One command to one thing.
///
/// Source: Ditto documentation, page "Protocol specification for Things".
#[derive(Debug, Clone)]
pub struct ThingCommand {
    /// Which thing.
    pub thing_id: ThingId,
    /// What of it.
    pub resource: ThingResource,
    /// What to do.
    pub action: ThingAction,
}

/// What a [`ThingCommand`] does.
#[derive(Debug, Clone)]
pub enum ThingAction {
    /// Creates the whole thing; a conflict if it exists.
    Create(Value),
    /// Reads the resource, reduced to `fields` if it is one that they apply to.
    Retrieve {
        /// Which members; `None` for those that are visible by default.
        fields: Option<FieldSelector>,
    },
    /// Replaces the resource, or creates it.
    Modify(Value),
    /// Merges a patch (RFC 7396) into the resource, or creates it.
    Merge(Value),
    /// Takes the resource away.
    Delete,
}
