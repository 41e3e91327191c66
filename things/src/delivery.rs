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
        Some(Self {
            value: Some(self.view_of_value(enforcer, subjects, value)?),
            metadata: self.view_of_metadata(enforcer, subjects),
            ..self.without_value()
        })
    }

    fn view_of_value(
        &self,
        enforcer: &Enforcer,
        subjects: &[SubjectId],
        value: &Value,
    ) -> Option<Value> {
        let mut view = view::of_value(enforcer, subjects, &self.path, value);
        if matches!(self.action, EventAction::Merged | EventAction::Migrated) {
            let is_readable =
                |path: &Pointer| view::is_partially_readable(enforcer, subjects, path);
            view = with_deletions(value, &self.path, view, &is_readable);
        }
        let view = view?;
        let is_emptied = view.as_object().is_some_and(Map::is_empty);
        let was_empty = value.as_object().is_some_and(Map::is_empty);
        (!is_emptied || was_empty).then_some(view)
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

/// Adds the nulls of a patch that take away something of which the caller may read parts.
fn with_deletions(
    patch: &Value,
    path: &Pointer,
    view: Option<Value>,
    is_readable: &dyn Fn(&Pointer) -> bool,
) -> Option<Value> {
    let Value::Object(changes) = patch else {
        return view.or_else(|| (patch.is_null() && is_readable(path)).then_some(Value::Null));
    };
    let mut members = match view {
        Some(Value::Object(members)) => members,
        Some(_) | None => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() && merge::removal(key).is_some() {
            // What it removes is somewhere in this object.
            if is_readable(path) {
                members.insert(key.clone(), Value::Null);
            }
            continue;
        }
        let before = members.get(key).cloned();
        if let Some(after) = with_deletions(change, &path.child(key), before, is_readable) {
            members.insert(key.clone(), after);
        }
    }
    let is_kept = !members.is_empty() || changes.is_empty();
    is_kept.then_some(Value::Object(members))
}
