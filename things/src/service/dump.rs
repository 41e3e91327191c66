//! All things, for operators: no principal asks, and nothing is left out.

use journal::EntityKind;
use serde_json::Value;

use super::{Stored, Things, special};
use crate::state::ThingState;
use crate::{Error, ThingId};

/// Things read at once.
const PORTION: usize = 256;

/// Members that a thing does not show by itself.
const SPECIAL: [&str; 4] = ["_revision", "_created", "_modified", special::METADATA];

impl Things {
    /// Some of the things whose ids sort after `after`, with members that begin with `_`, and where to go on if there are
    /// more.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn dump(&self, after: Option<&str>) -> Result<(Vec<Value>, Option<String>), Error> {
        let entities = self.journal.entities(EntityKind::Thing, after, PORTION)?;
        let mut things = Vec::with_capacity(entities.len());
        for (key, entity) in &entities {
            let Some(state) = ThingState::of_entity(entity)? else {
                continue;
            };
            let thing_id: ThingId = key.id.parse().map_err(super::listing::damaged)?;
            let stored = Stored {
                entity: std::sync::Arc::clone(entity),
                state,
            };
            things.push(whole(&thing_id, &stored)?);
        }
        let last = entities.last().filter(|_| entities.len() == PORTION);
        Ok((things, last.map(|(key, _)| key.id.to_string())))
    }
}

fn whole(thing_id: &ThingId, stored: &Stored) -> Result<Value, Error> {
    let mut thing = stored.state.document()?.clone();
    for name in SPECIAL {
        if let (Value::Object(members), Some(value)) =
            (&mut thing, special::member(name, thing_id, stored)?)
        {
            members.insert(name.to_owned(), value);
        }
    }
    Ok(thing)
}
