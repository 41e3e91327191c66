//! Compiles entries into the trie.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Class, Enforcer, Node, NodeIndex, PermissionIndex, Verdict};
use crate::{Permission, Permissions, ResourceKey, ResourceType, SubjectId};

/// One effective entry: these subjects have these permissions.
pub(crate) struct Rule<'p> {
    /// Who.
    pub(crate) subjects: Vec<&'p SubjectId>,
    /// What.
    pub(crate) resources: Vec<(&'p ResourceKey, &'p Permissions)>,
}

#[derive(Default)]
struct Builder {
    nodes: Vec<NodeDraft>,
    types: Vec<(ResourceType, usize)>,
    permissions: Vec<Permission>,
}

#[derive(Default)]
struct NodeDraft {
    children: BTreeMap<Box<str>, usize>,
    verdicts: BTreeMap<PermissionIndex, VerdictDraft>,
}

#[derive(Default)]
struct VerdictDraft {
    granted: BTreeSet<Class>,
    revoked: BTreeSet<Class>,
    granted_below: BTreeSet<Class>,
    revoked_below: BTreeSet<Class>,
}

impl Enforcer {
    /// Compiles effective entries; the order does not matter.
    pub(crate) fn compile(rules: &[Rule<'_>]) -> Self {
        let (classes, classes_of_rule) = classify(rules);
        let mut builder = Builder::default();
        for (rule, classes) in rules.iter().zip(&classes_of_rule) {
            for (key, permissions) in &rule.resources {
                builder.add(key, permissions, classes);
            }
        }
        builder.propagate();
        let class_count = classes.values().max().map_or(0, |greatest| greatest + 1);
        builder.finish(classes, class_count)
    }
}

/// Gives subjects that stand in the same rules the same class; also returns the classes of every rule.
fn classify(rules: &[Rule<'_>]) -> (HashMap<SubjectId, Class>, Vec<BTreeSet<Class>>) {
    let mut rules_of_subject = HashMap::<&SubjectId, Vec<usize>>::new();
    for (at, rule) in rules.iter().enumerate() {
        for subject in &rule.subjects {
            let rules = rules_of_subject.entry(subject).or_default();
            if rules.last() != Some(&at) {
                rules.push(at);
            }
        }
    }
    let mut class_of_rules = HashMap::<Vec<usize>, Class>::new();
    let mut classes_of_rule = vec![BTreeSet::new(); rules.len()];
    let mut classes = HashMap::new();
    for (subject, rules) in rules_of_subject {
        let next = Class::try_from(class_of_rules.len()).unwrap_or(Class::MAX);
        let class = *class_of_rules.entry(rules.clone()).or_insert(next);
        for at in rules {
            if let Some(classes) = classes_of_rule.get_mut(at) {
                classes.insert(class);
            }
        }
        classes.insert(subject.clone(), class);
    }
    (classes, classes_of_rule)
}

impl Builder {
    fn add(&mut self, key: &ResourceKey, permissions: &Permissions, classes: &BTreeSet<Class>) {
        let node = self.node_of(key);
        for permission in &permissions.granted {
            let verdict = self.verdict(node, permission);
            verdict.granted.extend(classes);
        }
        for permission in &permissions.revoked {
            let verdict = self.verdict(node, permission);
            verdict.revoked.extend(classes);
        }
    }

    /// The node of `key`, made if need be. Invariant: a node has a greater index than its parent.
    fn node_of(&mut self, key: &ResourceKey) -> usize {
        let known = self
            .types
            .iter()
            .find(|(each, _)| *each == key.resource_type);
        let mut at = match known {
            Some((_, at)) => *at,
            None => {
                self.types
                    .push((key.resource_type.clone(), self.nodes.len()));
                self.nodes.push(NodeDraft::default());
                self.nodes.len() - 1
            }
        };
        for segment in key.path.segments() {
            at = self.child_of(at, segment);
        }
        at
    }

    fn child_of(&mut self, parent: usize, key: &str) -> usize {
        let next = self.nodes.len();
        let children = self.nodes.get_mut(parent).map(|node| &mut node.children);
        let at = children.map_or(next, |children| *children.entry(key.into()).or_insert(next));
        if at == next {
            self.nodes.push(NodeDraft::default());
        }
        at
    }

    fn verdict(&mut self, node: usize, permission: &Permission) -> &mut VerdictDraft {
        let known = self.permissions.iter().position(|each| each == permission);
        let permission = known.unwrap_or_else(|| {
            self.permissions.push(permission.clone());
            self.permissions.len() - 1
        });
        let node = self.nodes.get_mut(node).expect("`node_of` made this node");
        node.verdicts.entry(permission).or_default()
    }

    /// Tells every node what is granted and revoked below it: children stand behind their parents, so one pass from the
    /// last to the first is enough.
    fn propagate(&mut self) {
        for parent in (0..self.nodes.len()).rev() {
            let (parents, children) = self.nodes.split_at_mut(parent + 1);
            let Some(parent_node) = parents.last_mut() else {
                return;
            };
            for child in parent_node.children.values() {
                let Some(child) = children.get(child - parent - 1) else {
                    continue;
                };
                for (permission, verdict) in &child.verdicts {
                    let above = parent_node.verdicts.entry(*permission).or_default();
                    above.granted_below.extend(verdict.granted_from_here());
                    above
                        .revoked_below
                        .extend(verdict.revoked.union(&verdict.revoked_below));
                }
            }
        }
    }

    fn finish(self, classes: HashMap<SubjectId, Class>, class_count: u32) -> Enforcer {
        Enforcer {
            nodes: self.nodes.into_iter().map(NodeDraft::finish).collect(),
            types: self
                .types
                .into_iter()
                .map(|(resource_type, at)| (resource_type, node_index(at)))
                .collect(),
            permissions: self.permissions.into(),
            classes,
            class_count,
        }
    }
}

impl VerdictDraft {
    /// Everyone to whom this node or one below it grants; a node that also revokes does not.
    fn granted_from_here(&self) -> impl Iterator<Item = Class> {
        self.granted
            .difference(&self.revoked)
            .chain(&self.granted_below)
            .copied()
    }
}

impl NodeDraft {
    fn finish(self) -> Node {
        let list = |classes: BTreeSet<Class>| classes.into_iter().collect();
        Node {
            children: self
                .children
                .into_iter()
                .map(|(key, at)| (key, node_index(at)))
                .collect(),
            verdicts: self
                .verdicts
                .into_iter()
                .map(|(permission, draft)| {
                    let verdict = Verdict {
                        granted: list(draft.granted),
                        revoked: list(draft.revoked),
                        granted_below: list(draft.granted_below),
                        revoked_below: list(draft.revoked_below),
                    };
                    (permission, verdict)
                })
                .collect(),
        }
    }
}

/// A policy is limited to far fewer nodes than this type counts; one that is not would find no node and grant nothing.
fn node_index(at: usize) -> NodeIndex {
    NodeIndex::try_from(at).unwrap_or(NodeIndex::MAX)
}
