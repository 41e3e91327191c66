//! The members of a thing that nobody writes, and that only those get to see who name them.

use serde_json::Value;

use super::Stored;
use crate::{Error, ThingId};

/// The member that holds metadata.
pub(crate) const METADATA: &str = "_metadata";

/// The special member with this name; `None` if there is none, or nothing in it.
pub(crate) fn member(
    name: &str,
    thing_id: &ThingId,
    stored: &Stored,
) -> Result<Option<Value>, Error> {
    let entity = &stored.entity;
    Ok(Some(match name {
        "_namespace" => thing_id.namespace().into(),
        "_revision" => entity.revision.into(),
        "_created" => entity.created.to_string().into(),
        "_modified" => entity.modified.to_string().into(),
        "__lifecycle" => "ACTIVE".into(),
        METADATA => return Ok(stored.state.metadata()?.cloned()),
        _ => return Ok(None),
    }))
}
