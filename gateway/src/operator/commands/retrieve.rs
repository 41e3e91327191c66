//! Reading one entity past its policy, which `ditto-sudo` asks for.

use devops::Piggyback;
use journal::{EntityKey, EntityKind, Journal, StoreError};
use serde_json::{Map, Value};

use super::{Operator, refused, unknown_type};

/// What may be read, by the command's type.
struct Query {
    kind: EntityKind,
    /// The member that names the entity.
    id: &'static str,
    /// The member that holds it in the answer.
    entity: &'static str,
    response: &'static str,
    /// Whether the command says by its name that no policy is asked.
    is_sudo: bool,
}

impl Query {
    fn of(command_type: &str) -> Option<Self> {
        let thing = |response, is_sudo| Self {
            kind: EntityKind::Thing,
            id: "thingId",
            entity: "thing",
            response,
            is_sudo,
        };
        let policy = |response, is_sudo| Self {
            kind: EntityKind::Policy,
            id: "policyId",
            entity: "policy",
            response,
            is_sudo,
        };
        match command_type {
            "things.commands:retrieveThing" => Some(thing("things.responses:retrieveThing", false)),
            "things.sudo.commands:sudoRetrieveThing" => {
                Some(thing("things.sudo.responses:sudoRetrieveThing", true))
            }
            "policies.commands:retrievePolicy" => {
                Some(policy("policies.responses:retrievePolicy", false))
            }
            "policies.sudo.commands:sudoRetrievePolicy" => {
                Some(policy("policies.sudo.responses:sudoRetrievePolicy", true))
            }
            _ => None,
        }
    }

    fn not_accessible(&self) -> (&'static str, &'static str) {
        match self.kind {
            EntityKind::Policy => ("policies:policy.notfound", "no such policy is accessible"),
            EntityKind::Thing
            | EntityKind::Revocation
            | EntityKind::Erasure
            | EntityKind::Announcement => ("things:thing.notfound", "no such thing is accessible"),
        }
    }
}

impl Operator {
    /// Without `ditto-sudo` the command acts for nobody, to whom nothing is accessible.
    pub(super) fn retrieve(&self, command: &Piggyback) -> Value {
        let Some(query) = Query::of(&command.command_type) else {
            return unknown_type(command);
        };
        let Some(id) = command.command.get(query.id).and_then(Value::as_str) else {
            let reason = format!("it lacks `{}`", query.id);
            return refused(400, "json.field.missing", &reason);
        };
        let (code, reason) = query.not_accessible();
        if !query.is_sudo && !asks_for_sudo(&command.headers) {
            return refused(404, code, reason);
        }
        match self.entity(query.kind, id) {
            Ok(Some(entity)) => {
                let mut answer = Map::new();
                answer.insert("type".to_owned(), query.response.into());
                answer.insert("status".to_owned(), 200.into());
                answer.insert(query.id.to_owned(), id.into());
                answer.insert(query.entity.to_owned(), entity);
                answer.into()
            }
            Ok(None) => refused(404, code, reason),
            Err(error) => {
                tracing::error!(error = %crate::error::ErrorChain(&error), "An operator's command could not read the store");
                refused(
                    503,
                    "gateway:service.unavailable",
                    "the store could not be read",
                )
            }
        }
    }

    fn entity(&self, kind: EntityKind, id: &str) -> Result<Option<Value>, StoreError> {
        let stored = self.store.entity(&EntityKey::new(kind, id))?;
        let state = stored.and_then(|entity| entity.state.clone());
        state
            .map(|state| serde_json::from_slice(&state))
            .transpose()
            .map_err(|error| StoreError::Damaged {
                reason: format!("the state of `{id}`: {error}"),
            })
    }
}

/// Anything but `false` counts as said.
fn asks_for_sudo(headers: &Map<String, Value>) -> bool {
    match headers.get("ditto-sudo") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text == "true",
        Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
    }
}
