//! Decides: a policy compiled for one question asked very often.
//!
//! Every resource that the policy names is a node of a trie; a decision walks from the type down to the asked path and
//! compares small numbers, without allocating and without looking at texts of subjects again. The nearest node that
//! says anything about one of the caller's subjects decides, and revoking wins on the same node.

mod build;
mod view;

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::{Permission, Pointer, ResourceType, SubjectId};

pub(crate) use build::Rule;

/// Who may do what, compiled from the effective entries of one policy.
///
/// Cheap to ask from many threads; immutable. Source: Ditto documentation, page "Policy", section "How enforcement works".
#[derive(Debug)]
pub struct Enforcer {
    nodes: Box<[Node]>,
    types: Box<[(ResourceType, NodeIndex)]>,
    permissions: Box<[Permission]>,
    classes: HashMap<SubjectId, Class>,
    class_count: u32,
}

/// Subjects that stand in exactly the same entries share a class, because nothing can tell them apart.
type Class = u32;
/// The classes of one caller.
type Classes = SmallVec<[Class; 8]>;
/// Classes in a verdict, most often a few.
type ClassList = SmallVec<[Class; 4]>;
type NodeIndex = u32;
type PermissionIndex = usize;

#[derive(Debug, Default)]
struct Node {
    /// Sorted by key.
    children: Vec<(Box<str>, NodeIndex)>,
    /// What is said here, by permission; absent ones say nothing.
    verdicts: Vec<(PermissionIndex, Verdict)>,
}

/// What one node, and what lies strictly below it, says about one permission. All lists are sorted.
#[derive(Debug, Default)]
struct Verdict {
    granted: ClassList,
    revoked: ClassList,
    /// Granted, and not revoked, at some node below.
    granted_below: ClassList,
    revoked_below: ClassList,
}

/// Who may see a change, for choosing the streams that get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readers {
    /// Each of these alone may read all of it.
    pub unrestricted: Vec<SubjectId>,
    /// Each of these alone may read parts of it.
    pub partial: Vec<SubjectId>,
}

/// Where a walk ended.
struct Position<'e> {
    /// The node of the asked path, if the policy names it or something below it.
    exact: Option<&'e Node>,
    allowed: bool,
}

impl Enforcer {
    /// Whether `permission` holds at `path` and is revoked from no subject of the caller anywhere below.
    pub fn unrestricted(
        &self,
        subjects: &[SubjectId],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: &Permission,
    ) -> bool {
        self.permission(permission).is_some_and(|permission| {
            self.is_unrestricted(&self.classes(subjects), resource_type, path, permission)
        })
    }

    /// Whether `permission` holds at `path` or at anything below.
    pub fn partial(
        &self,
        subjects: &[SubjectId],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: &Permission,
    ) -> bool {
        self.permission(permission).is_some_and(|permission| {
            self.is_partial(&self.classes(subjects), resource_type, path, permission)
        })
    }

    /// Whether `permission` holds at `path` itself, whatever is said below.
    pub fn holds(
        &self,
        subjects: &[SubjectId],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: &Permission,
    ) -> bool {
        self.permission(permission).is_some_and(|permission| {
            self.walk(&self.classes(subjects), resource_type, path, permission)
                .is_some_and(|position| position.allowed)
        })
    }

    /// Whether every one of `permissions` is [`Enforcer::unrestricted`]; false for none at all.
    pub fn unrestricted_all(
        &self,
        subjects: &[SubjectId],
        resource_type: &ResourceType,
        path: &Pointer,
        permissions: &[Permission],
    ) -> bool {
        !permissions.is_empty()
            && permissions
                .iter()
                .all(|permission| self.unrestricted(subjects, resource_type, path, permission))
    }

    /// The subjects that may read everything, or parts, of what stands at `path`.
    ///
    /// A caller with several subjects can see something only if one of them is named here; what exactly it sees is up to
    /// all its subjects together: ask [`Enforcer::unrestricted`] or [`Enforcer::view`].
    pub fn readers(&self, resource_type: &ResourceType, path: &Pointer) -> Readers {
        let mut readers = Readers::default();
        let Some(permission) = self.permission(&Permission::READ) else {
            return readers;
        };
        let degrees: Vec<(bool, bool)> = (0..self.class_count)
            .map(|class| {
                let class = [class];
                (
                    self.is_unrestricted(&class, resource_type, path, permission),
                    self.is_partial(&class, resource_type, path, permission),
                )
            })
            .collect();
        for (subject, class) in &self.classes {
            match usize::try_from(*class).ok().and_then(|at| degrees.get(at)) {
                Some((true, _)) => readers.unrestricted.push(subject.clone()),
                Some((false, true)) => readers.partial.push(subject.clone()),
                Some((false, false)) | None => {}
            }
        }
        readers
    }

    /// The subjects that hold `permission` at `path` itself, whatever is said below.
    pub fn effected(
        &self,
        resource_type: &ResourceType,
        path: &Pointer,
        permission: &Permission,
    ) -> Vec<SubjectId> {
        let Some(permission) = self.permission(permission) else {
            return Vec::new();
        };
        self.classes
            .iter()
            .filter(|(_, class)| {
                self.walk(&[**class], resource_type, path, permission)
                    .is_some_and(|position| position.allowed)
            })
            .map(|(subject, _)| subject.clone())
            .collect()
    }

    fn is_unrestricted(
        &self,
        classes: &[Class],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: PermissionIndex,
    ) -> bool {
        self.walk(classes, resource_type, path, permission)
            .is_some_and(|position| {
                let verdict = position.exact.and_then(|node| node.verdict(permission));
                position.allowed
                    && !verdict.is_some_and(|verdict| any(classes, &verdict.revoked_below))
            })
    }

    fn is_partial(
        &self,
        classes: &[Class],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: PermissionIndex,
    ) -> bool {
        self.walk(classes, resource_type, path, permission)
            .is_some_and(|position| {
                let verdict = position.exact.and_then(|node| node.verdict(permission));
                position.allowed
                    || verdict.is_some_and(|verdict| any(classes, &verdict.granted_below))
            })
    }

    /// Walks as far as the policy names resources; `None` if it names none of the type.
    fn walk(
        &self,
        classes: &[Class],
        resource_type: &ResourceType,
        path: &Pointer,
        permission: PermissionIndex,
    ) -> Option<Position<'_>> {
        let mut node = self.type_node(resource_type)?;
        let mut allowed = node.decide(classes, permission, false);
        for key in path.segments() {
            match self.child(node, key) {
                Some(child) => node = child,
                None => {
                    return Some(Position {
                        exact: None,
                        allowed,
                    });
                }
            }
            allowed = node.decide(classes, permission, allowed);
        }
        Some(Position {
            exact: Some(node),
            allowed,
        })
    }

    fn type_node(&self, resource_type: &ResourceType) -> Option<&Node> {
        let (_, index) = self.types.iter().find(|(each, _)| each == resource_type)?;
        self.node(*index)
    }

    fn child(&self, node: &Node, key: &str) -> Option<&Node> {
        let at = node
            .children
            .binary_search_by(|(each, _)| (**each).cmp(key))
            .ok()?;
        self.node(node.children.get(at)?.1)
    }

    fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(usize::try_from(index).ok()?)
    }

    fn permission(&self, permission: &Permission) -> Option<PermissionIndex> {
        self.permissions.iter().position(|each| each == permission)
    }

    fn classes(&self, subjects: &[SubjectId]) -> Classes {
        subjects
            .iter()
            .filter_map(|subject| self.classes.get(subject).copied())
            .collect()
    }
}

impl Node {
    fn verdict(&self, permission: PermissionIndex) -> Option<&Verdict> {
        self.verdicts
            .iter()
            .find(|(each, _)| *each == permission)
            .map(|(_, verdict)| verdict)
    }

    /// What holds here, given what holds at the parent: revoking wins, who is not named inherits.
    fn decide(&self, classes: &[Class], permission: PermissionIndex, inherited: bool) -> bool {
        match self.verdict(permission) {
            Some(verdict) if any(classes, &verdict.revoked) => false,
            Some(verdict) if any(classes, &verdict.granted) => true,
            Some(_) | None => inherited,
        }
    }
}

/// Whether one of `classes` is in the sorted list.
fn any(classes: &[Class], sorted: &[Class]) -> bool {
    !sorted.is_empty()
        && classes
            .iter()
            .any(|class| sorted.binary_search(class).is_ok())
}

#[cfg(test)]
mod tests;
