//! Who gets an event, and how much of it.

use std::sync::Arc;

use policies::{Enforcer, Permission, Pointer, Readers, ResourceType, SubjectId};
use serde_json::{Map, Value};

use crate::{EventAction, ThingEvent, merge, view};

/// The readers of one event, and the enforcer that made them so.
#[derive(Debug)]
pub struct Delivery {
    /// Whose streams are worth asking.
    pub readers: Readers,
    /// The thing's policy as it is now; `None` if it is gone, so that there are no readers.
    pub enforcer: Option<Arc<Enforcer>>,
}

impl Delivery {
    pub(crate) fn new(event: &ThingEvent, enforcer: Option<Arc<Enforcer>>) -> Self {
        let readers = enforcer
            .as_ref()
            .map(|enforcer| enforcer.readers(&ResourceType::Thing, &event.path))
            .unwrap_or_default();
        Self { readers, enforcer }
    }
}

impl ThingEvent {
    /// Whether a caller with all of `subjects` may read the whole event, so that it needs no copy of its own.
    pub fn is_visible_to(&self, enforcer: &Enforcer, subjects: &[SubjectId]) -> bool {
        enforcer.unrestricted(
            subjects,
            &ResourceType::Thing,
            &self.path,
            &Permission::READ,
        )
    }

    /// The event as a caller with all of `subjects` may read it; `None` if nothing of it is left.
    ///
    /// Source: Ditto documentation, page "Policy", section "Partial access to events".
    pub fn view_for(&self, enforcer: &Enforcer, subjects: &[SubjectId]) -> Option<Self> {
        if self.is_visible_to(enforcer, subjects) {
            return Some(self.clone());
        }
        let Some(value) = &self.value else {
            // What was deleted may have had readable parts, whose readers must learn that they are gone.
            return view::is_partially_readable(enforcer, subjects, &self.path).then(|| Self {
                metadata: self.view_of_metadata(enforcer, subjects),
                ..self.without_value()
            });
        };
        let reader = Reader { enforcer, subjects };
        let (action, value) = match reader.value_of(self.action, &self.path, value) {
            Some(value) => (self.action, Some(value)),
            // Of what replaced it they may see nothing; that is how it looks to them in the thing, too.
            None if self.hides_parts(value) && reader.may_read_in(&self.path) => {
                (EventAction::Deleted, None)
            }
            None => return None,
        };
        Some(Self {
            action,
            value,
            metadata: self.view_of_metadata(enforcer, subjects),
            ..self.without_value()
        })
    }

    /// Whether parts may have been there where now is a `value` without any.
    fn hides_parts(&self, value: &Value) -> bool {
        self.action == EventAction::Modified && !value.is_object()
    }

    /// Metadata is read with what it is about.
    fn view_of_metadata(&self, enforcer: &Enforcer, subjects: &[SubjectId]) -> Option<Value> {
        let metadata = self.metadata.as_ref()?;
        let view = view::of_value(enforcer, subjects, &Pointer::root(), metadata)?;
        (!view.as_object().is_some_and(Map::is_empty)).then_some(view)
    }

    fn without_value(&self) -> Self {
        Self {
            thing_id: self.thing_id.clone(),
            policy_id: self.policy_id.clone(),
            action: self.action,
            path: self.path.clone(),
            value: None,
            metadata: None,
            revision: self.revision,
            timestamp: self.timestamp,
            headers: self.headers.clone(),
        }
    }
}

/// Somebody who may not read all of an event.
struct Reader<'r> {
    enforcer: &'r Enforcer,
    subjects: &'r [SubjectId],
}

impl Reader<'_> {
    /// What is left of what `action` wrote at `path`.
    fn value_of(&self, action: EventAction, path: &Pointer, value: &Value) -> Option<Value> {
        match action {
            EventAction::Merged | EventAction::Migrated => self.patch(path, value),
            EventAction::Created | EventAction::Modified | EventAction::Deleted => {
                self.value(path, value)
            }
        }
    }

    /// What is left of a new value at `path`; `None` if that is nothing, but for what was empty before.
    fn value(&self, path: &Pointer, value: &Value) -> Option<Value> {
        let Some(view) = self.view(path, value) else {
            // Whatever they saw is gone, and a null tells nothing else.
            return (value.is_null() && self.may_read_in(path)).then_some(Value::Null);
        };
        let is_emptied = view.as_object().is_some_and(Map::is_empty);
        let was_empty = value.as_object().is_some_and(Map::is_empty);
        (!is_emptied || was_empty).then_some(view)
    }

    /// What is left of a patch at `path`: its readable leaves, and a null for each that takes away readable parts.
    fn patch(&self, path: &Pointer, patch: &Value) -> Option<Value> {
        if !self.may_read_in(path) {
            return None;
        }
        match patch {
            Value::Object(changes) if changes.is_empty() => Some(patch.clone()),
            Value::Object(changes) => {
                let left: Map<String, Value> = changes
                    .iter()
                    .filter_map(|(key, change)| {
                        Some((key.clone(), self.change(path, key, change)?))
                    })
                    .collect();
                (!left.is_empty()).then_some(Value::Object(left))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => self.view(path, patch).or(Some(Value::Null)),
        }
    }

    /// What is left of one member of a patch at `path`.
    fn change(&self, path: &Pointer, key: &str, change: &Value) -> Option<Value> {
        if change.is_null() && merge::removal(key).is_some() {
            // It names what it takes away, which may be anything in this object.
            return self.may_read_all(path).then_some(Value::Null);
        }
        if path.is_root() && view::ALWAYS_VISIBLE.contains(&key) {
            return Some(change.clone());
        }
        self.patch(&path.child(key), change)
    }

    fn view(&self, path: &Pointer, value: &Value) -> Option<Value> {
        view::of_value(self.enforcer, self.subjects, path, value)
    }

    fn may_read_in(&self, path: &Pointer) -> bool {
        view::is_partially_readable(self.enforcer, self.subjects, path)
    }

    fn may_read_all(&self, path: &Pointer) -> bool {
        let (resource_type, read) = (&ResourceType::Thing, &Permission::READ);
        self.enforcer
            .unrestricted(self.subjects, resource_type, path, read)
    }
}

#[cfg(test)]
mod tests;
