//! What a caller may see of a document.

use serde_json::{Map, Value};

use super::{Class, Enforcer, Node, PermissionIndex};
use crate::policy_resource::key_pointer;
use crate::{Permission, Pointer, ResourceType, SubjectId};

/// Everything about a view that stays the same from member to member.
struct View<'e> {
    enforcer: &'e Enforcer,
    classes: &'e [Class],
    permission: PermissionIndex,
}

/// Where a member stands in the trie, and what holds there.
#[derive(Clone, Copy)]
struct Place<'e> {
    /// `None` below the last resource that the policy names: nothing can change the decision there.
    node: Option<&'e Node>,
    allowed: bool,
}

impl Enforcer {
    /// What the caller may READ of `value`, which stands at `path`; `{}` if that is nothing.
    ///
    /// Members are kept if something of them is left or they are readable themselves; the elements of an array are judged
    /// by what the policy says of the array. A scalar that is not readable becomes `{}` too.
    pub fn view(
        &self,
        subjects: &[SubjectId],
        resource_type: &ResourceType,
        path: &Pointer,
        value: &Value,
    ) -> Value {
        let classes = self.classes(subjects);
        let nothing = || Value::Object(Map::new());
        let Some(permission) = self.permission(&Permission::READ) else {
            return nothing();
        };
        let Some(position) = self.walk(&classes, resource_type, path, permission) else {
            return nothing();
        };
        let view = View {
            enforcer: self,
            classes: &classes,
            permission,
        };
        let place = Place {
            node: position.exact,
            allowed: position.allowed,
        };
        view.of(place, value).unwrap_or_else(nothing)
    }
}

impl<'e> View<'e> {
    /// What is left of `value`; `None` if it is to be left out.
    fn of(&self, place: Place<'e>, value: &Value) -> Option<Value> {
        match (place.node, value) {
            (None, value) => place.allowed.then(|| value.clone()),
            (Some(_), Value::Object(members)) => {
                let left: Map<String, Value> = members
                    .iter()
                    .filter_map(|(key, member)| {
                        Some((key.clone(), self.of(self.below(place, key), member)?))
                    })
                    .collect();
                (place.allowed || !left.is_empty()).then_some(Value::Object(left))
            }
            (Some(_), Value::Array(elements)) => {
                let left: Vec<Value> = elements
                    .iter()
                    .filter_map(|element| self.of(place, element))
                    .collect();
                (place.allowed || !left.is_empty()).then_some(Value::Array(left))
            }
            (Some(_), Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                place.allowed.then(|| value.clone())
            }
        }
    }

    fn below(&self, place: Place<'e>, key: &str) -> Place<'e> {
        if !key.contains('/') {
            return self.step(place, key);
        }
        key_pointer(key)
            .segments()
            .iter()
            .fold(place, |place, segment| self.step(place, segment))
    }

    fn step(&self, place: Place<'e>, key: &str) -> Place<'e> {
        let node = place.node.and_then(|node| self.enforcer.child(node, key));
        let allowed = node.map_or(place.allowed, |node| {
            node.decide(self.classes, self.permission, place.allowed)
        });
        Place { node, allowed }
    }
}
