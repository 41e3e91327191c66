//! Migrations: another definition, and what changes with it, in one step.

use std::sync::Arc;

use policies::{CommandContext, Enforcer, EntityTag, Permission, Pointer, ResourceType};
use rql::Predicate;
use serde_json::{Map, Value};

use super::condition::Subject;
use super::{Loaded, Things};
use crate::change::{Change, Operation};
use crate::{Error, ResourceKind, ThingAction, ThingId, ThingResource, TwinHeaders, edit, merge};

/// What a migration did, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Migrated {
    /// Which thing.
    pub thing_id: ThingId,
    /// What was merged into it.
    pub patch: Value,
    /// Whether it was, or only would be.
    pub is_applied: bool,
    /// The tag of the thing now.
    pub etag: EntityTag,
    /// The revision of the thing now.
    pub revision: u64,
}

impl Migrated {
    /// The body of the answer.
    ///
    /// Source: Ditto documentation, page "WoT integration", section "Migrating a Thing Definition".
    pub fn to_json(&self) -> Value {
        let status = if self.is_applied {
            "APPLIED"
        } else {
            "DRY_RUN"
        };
        serde_json::json!({
            "thingId": self.thing_id.as_str(), "patch": self.patch, "mergeStatus": status,
        })
    }
}

/// The body of a migration.
struct Migration {
    url: String,
    payload: Map<String, Value>,
    conditions: Vec<(Pointer, Predicate)>,
}

impl Migration {
    fn parse(thing_id: &ThingId, body: Value) -> Result<Self, Error> {
        let wrong = |expected| Error::WrongType {
            kind: ResourceKind::Thing,
            expected,
        };
        let Value::Object(mut members) = body else {
            return Err(wrong("an object"));
        };
        let url = match members.shift_remove("thingDefinitionUrl") {
            Some(Value::String(url)) => url,
            Some(_) => return Err(wrong("an object with text in `thingDefinitionUrl`")),
            None => {
                return Err(Error::FieldMissing {
                    field: "thingDefinitionUrl",
                });
            }
        };
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(Error::DefinitionInvalid { text: url });
        }
        let wants_defaults = members.get("initializeMissingPropertiesFromDefaults");
        match wants_defaults {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => {
                return Err(Error::SkeletonUnavailable {
                    thing_id: thing_id.clone(),
                    url,
                });
            }
            Some(_) => {
                return Err(wrong(
                    "true or false in `initializeMissingPropertiesFromDefaults`",
                ));
            }
        }
        let payload = match members.shift_remove("migrationPayload") {
            None => Map::new(),
            Some(Value::Object(payload)) => payload,
            Some(_) => return Err(wrong("an object with an object in `migrationPayload`")),
        };
        let conditions = match members.shift_remove("patchConditions") {
            None => Vec::new(),
            Some(Value::Object(conditions)) => parse_conditions(conditions)?,
            Some(_) => return Err(wrong("an object with an object in `patchConditions`")),
        };
        Ok(Self {
            url,
            payload,
            conditions,
        })
    }
}

fn parse_conditions(conditions: Map<String, Value>) -> Result<Vec<(Pointer, Predicate)>, Error> {
    const NAME: &str = "patchConditions";
    let invalid = |rule| Error::MemberInvalid { name: NAME, rule };
    conditions
        .into_iter()
        .map(|(key, condition)| {
            let pointer = key
                .strip_prefix("thing:")
                .and_then(|pointer| pointer.parse().ok())
                .ok_or_else(|| invalid("its keys are resources like `thing:/attributes/a`"))?;
            let Value::String(text) = condition else {
                return Err(invalid("its values are conditions as text"));
            };
            let predicate =
                Predicate::parse_condition(&text).map_err(|source| Error::ConditionInvalid {
                    header: NAME,
                    source,
                })?;
            Ok((pointer, predicate))
        })
        .collect()
}

impl Things {
    /// Moves a thing to the definition that `body` names, merging its payload into the thing in the same step.
    ///
    /// The model behind the definition is not read, so nothing but the payload changes with it.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing has changed then, nor after a dry run.
    pub async fn migrate(
        &self,
        context: &CommandContext,
        thing_id: ThingId,
        (body, headers): (Value, Option<Arc<TwinHeaders>>),
    ) -> Result<Migrated, Error> {
        let migration = Migration::parse(&thing_id, body)?;
        let is_rehearsal = headers.as_ref().is_some_and(|headers| headers.is_dry_run());
        if let Some(headers) = &headers {
            headers.check_use_in_migration()?;
        }
        let patch = self.migration_patch(context, &thing_id, (migration, headers.as_deref()))?;
        let action = ThingAction::Merge(patch.clone());
        let change = Change::parse(
            thing_id.clone(),
            ThingResource::Thing,
            action,
            self.limits.thing_size_max,
        )?;
        let Some(change) = change else {
            unreachable!("a merge is a write");
        };
        let change = into_migration(change).with_headers(headers);
        let (etag, revision) = if is_rehearsal {
            self.rehearse(context, &change)?
        } else {
            let response = Box::pin(self.write(context, &change)).await?;
            let revision = response.revision();
            (EntityTag::Revision(revision), revision)
        };
        Ok(Migrated {
            thing_id,
            patch,
            is_applied: !is_rehearsal,
            etag,
            revision,
        })
    }

    /// The definition, and of the payload what its conditions let through, placeholders filled in.
    fn migration_patch(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        (migration, headers): (Migration, Option<&TwinHeaders>),
    ) -> Result<Value, Error> {
        let not_found = || Error::not_found(thing_id, &ThingResource::Thing);
        let Loaded::Exists(stored) = self.load(thing_id)? else {
            return Err(not_found());
        };
        let enforcer = self
            .enforcer(thing_id, stored.state.policy_id(), context.now)?
            .ok_or_else(|| Error::PolicyMissing {
                thing_id: thing_id.clone(),
                policy_id: stored.state.policy_id().clone(),
            })?;
        let subject = Subject {
            context,
            thing_id,
            stored: &stored,
        };
        if let Some(condition) = headers.and_then(|headers| headers.condition.as_ref()) {
            subject.check_readable(&enforcer, condition)?;
        }
        require_write(context, thing_id, &enforcer)?;
        let document = stored.state.document()?;
        let mut payload = Value::Object(migration.payload);
        fill_in(&mut payload, &|path| {
            let is_readable = enforcer.unrestricted(
                context.principal.subjects(),
                &ResourceType::Thing,
                path,
                &Permission::READ,
            );
            path.resolve(document).filter(|_| is_readable).cloned()
        })?;
        for (pointer, predicate) in &migration.conditions {
            subject.check_readable(&enforcer, predicate)?;
            if pointer.resolve(&payload).is_some() && !subject.holds(predicate)? {
                remove_and_prune(&mut payload, pointer.segments());
            }
        }
        let mut patch = serde_json::json!({ "definition": migration.url });
        merge::overlay(&mut patch, payload);
        edit::set(
            &mut patch,
            &Pointer::from_segments(["definition"]),
            migration.url.into(),
        );
        Ok(patch)
    }

    /// Does everything but append.
    fn rehearse(
        &self,
        context: &CommandContext,
        change: &Change,
    ) -> Result<(EntityTag, u64), Error> {
        let Loaded::Exists(stored) = self.load(&change.thing_id)? else {
            return Err(Error::not_found(&change.thing_id, &ThingResource::Thing));
        };
        self.plan_change(context, change, &stored)?;
        let revision = stored.entity.revision;
        Ok((EntityTag::Revision(revision), revision))
    }
}

fn require_write(
    context: &CommandContext,
    thing_id: &ThingId,
    enforcer: &Enforcer,
) -> Result<(), Error> {
    let may_write = enforcer.unrestricted(
        context.principal.subjects(),
        &ResourceType::Thing,
        &Pointer::root(),
        &Permission::WRITE,
    );
    may_write
        .then_some(())
        .ok_or_else(|| Error::not_modifiable(thing_id, &ThingResource::Thing))
}

/// The same merge, told as a migration.
fn into_migration(change: Change) -> Change {
    let operation = match change.operation {
        Operation::Merge { patch, .. } => Operation::Migrate(patch),
        other @ (Operation::Create(_)
        | Operation::Replace(_)
        | Operation::Put(_)
        | Operation::Migrate(_)
        | Operation::Delete) => other,
    };
    Change {
        operation,
        ..change
    }
}

/// Fills in `{{ thing-json:<path> }}`: alone it keeps its type, within a text it becomes text.
fn fill_in(value: &mut Value, lookup: &dyn Fn(&Pointer) -> Option<Value>) -> Result<(), Error> {
    match value {
        Value::Object(members) => members
            .values_mut()
            .try_for_each(|member| fill_in(member, lookup)),
        Value::Array(elements) => elements
            .iter_mut()
            .try_for_each(|element| fill_in(element, lookup)),
        Value::String(text) => {
            if let Some(filled) = filled(text, lookup)? {
                *value = filled;
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The value of a text with placeholders; `None` if it has none.
fn filled(text: &str, lookup: &dyn Fn(&Pointer) -> Option<Value>) -> Result<Option<Value>, Error> {
    let mut result = String::new();
    let mut rest = text;
    let mut has_placeholder = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, after)) = after.split_once("}}") else {
            break;
        };
        let unresolved = || Error::PlaceholderUnresolved {
            placeholder: format!("{{{{{inner}}}}}"),
        };
        let Some(path) = inner.trim().strip_prefix("thing-json:") else {
            if is_placeholder(inner) {
                return Err(unresolved());
            }
            result.push_str(before);
            result.push_str("{{");
            result.push_str(inner);
            result.push_str("}}");
            rest = after;
            continue;
        };
        let value = path.parse().ok().and_then(|path| lookup(&path));
        let value = value.ok_or_else(unresolved)?;
        if before.is_empty() && after.is_empty() && !has_placeholder && result.is_empty() {
            return Ok(Some(value));
        }
        has_placeholder = true;
        result.push_str(before);
        match value {
            Value::String(text) => result.push_str(&text),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => result.push_str(&other.to_string()),
        }
        rest = after;
    }
    result.push_str(rest);
    Ok(has_placeholder.then_some(Value::String(result)))
}

/// Whether what stands in braces is written like a placeholder, `prefix:name`; other templates belong to the thing.
fn is_placeholder(inner: &str) -> bool {
    inner.trim().split_once(':').is_some_and(|(prefix, name)| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !prefix.is_empty() && prefix.bytes().all(is_word) && !name.is_empty()
    })
}

/// Removes what is at a path, and the objects that this leaves empty.
fn remove_and_prune(value: &mut Value, path: &[String]) {
    let (Some((key, rest)), Value::Object(members)) = (path.split_first(), value) else {
        return;
    };
    if rest.is_empty() {
        members.shift_remove(key);
        return;
    }
    if let Some(member) = members.get_mut(key) {
        remove_and_prune(member, rest);
        if member.as_object().is_some_and(Map::is_empty) {
            members.shift_remove(key);
        }
    }
}
