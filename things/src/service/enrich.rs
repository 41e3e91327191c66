//! Further fields of a thing, for those who receive its signals.

use jiff::Timestamp;
use policies::{FieldSelector, SubjectId};
use serde_json::Value;

use super::read::Reader;
use super::{Loaded, Things};
use crate::{Error, ThingId, ThingResource};

impl Things {
    /// What a caller with all of `subjects` may read now of `fields` of a thing; `None` if that is nothing.
    ///
    /// The policy in force at the call decides, not the one at an event.
    /// Source: Ditto documentation, page "Signal enrichment".
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] and [`Error::Store`].
    pub fn enrich(
        &self,
        thing_id: &ThingId,
        fields: &FieldSelector,
        subjects: &[SubjectId],
        now: Timestamp,
    ) -> Result<Option<Value>, Error> {
        let Loaded::Exists(stored) = self.load(thing_id)? else {
            return Ok(None);
        };
        let Some(enforcer) = self.enforcer(thing_id, stored.state.policy_id(), now)? else {
            return Ok(None);
        };
        let reader = Reader {
            subjects,
            thing_id,
            resource: &ThingResource::Thing,
            tag_key: self.policies.tag_key(),
        };
        let sight = match reader.look(stored, enforcer) {
            Err(Error::NotFound { .. }) => return Ok(None),
            sight => sight?,
        };
        let value = match sight.body(Some(fields)) {
            Err(Error::NotFound { .. }) => return Ok(None),
            body => body?.into_value(),
        };
        let value = value.map_err(super::listing::damaged)?;
        Ok(Some(value).filter(|value| value.as_object().is_none_or(|members| !members.is_empty())))
    }
}
