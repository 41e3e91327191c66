//! Compiles entries into the trie.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;

use super::{Class, ClassList, Enforcer, Node, NodeIndex, PermissionIndex, Verdict};
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
    nodes: Vec<Node>,
    types: Vec<(ResourceType, usize)>,
    permissions: Vec<Permission>,
}

/// In which rules a subject stands, ascending.
type RuleList = SmallVec<[usize; 4]>;

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

/// Gives subjects that stand in the same rules the same class; also returns the classes of every rule, each once.
fn classify(rules: &[Rule<'_>]) -> (HashMap<SubjectId, Class>, Vec<ClassList>) {
    let mut rules_of_subject = HashMap::<&SubjectId, RuleList>::new();
    for (at, rule) in rules.iter().enumerate() {
        for subject in &rule.subjects {
            let rules = rules_of_subject.entry(subject).or_default();
            if rules.last() != Some(&at) {
                rules.push(at);
            }
        }
    }
    let mut class_of_rules = HashMap::<RuleList, Class>::new();
    let mut classes_of_rule = vec![ClassList::new(); rules.len()];
    let mut classes = HashMap::with_capacity(rules_of_subject.len());
    for (subject, rules) in rules_of_subject {
        let next = Class::try_from(class_of_rules.len()).unwrap_or(Class::MAX);
        let class = match class_of_rules.entry(rules) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                for at in new.key() {
                    if let Some(classes) = classes_of_rule.get_mut(*at) {
                        classes.push(next);
                    }
                }
                *new.insert(next)
            }
        };
        classes.insert(subject.clone(), class);
    }
    (classes, classes_of_rule)
}

impl Builder {
    fn add(&mut self, key: &ResourceKey, permissions: &Permissions, classes: &[Class]) {
        let node = self.node_of(key);
        for permission in &permissions.granted {
            let verdict = self.verdict(node, permission);
            verdict.granted.extend_from_slice(classes);
        }
        for permission in &permissions.revoked {
            let verdict = self.verdict(node, permission);
            verdict.revoked.extend_from_slice(classes);
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
                self.nodes.push(Node::default());
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
        let at = children.map_or(next, |children| {
            match children.binary_search_by(|(each, _)| (**each).cmp(key)) {
                Ok(known) => {
                    let known = children.get(known).map(|(_, at)| *at);
                    known
                        .and_then(|at| usize::try_from(at).ok())
                        .unwrap_or(next)
                }
                Err(place) => {
                    children.insert(place, (key.into(), node_index(next)));
                    next
                }
            }
        });
        if at == next {
            self.nodes.push(Node::default());
        }
        at
    }

    fn verdict(&mut self, node: usize, permission: &Permission) -> &mut Verdict {
        let known = self.permissions.iter().position(|each| each == permission);
        let permission = known.unwrap_or_else(|| {
            self.permissions.push(permission.clone());
            self.permissions.len() - 1
        });
        let node = self.nodes.get_mut(node).expect("`node_of` made this node");
        verdict_of(&mut node.verdicts, permission)
    }

    /// Tells every node what is granted and revoked below it: children stand behind their parents, so one pass from the
    /// last to the first is enough.
    fn propagate(&mut self) {
        for parent in (0..self.nodes.len()).rev() {
            let (parents, behind) = self.nodes.split_at_mut(parent + 1);
            let Some(Node { children, verdicts }) = parents.last_mut() else {
                return;
            };
            let children = children.iter().filter_map(|(_, at)| {
                let at = usize::try_from(*at).ok()?;
                behind.get(at - parent - 1)
            });
            for (permission, verdict) in children.flat_map(|child| &child.verdicts) {
                let above = verdict_of(verdicts, *permission);
                above.granted_below.extend(verdict.granted_from_here());
                above.revoked_below.extend_from_slice(&verdict.revoked);
                above
                    .revoked_below
                    .extend_from_slice(&verdict.revoked_below);
            }
            for (_, verdict) in verdicts {
                verdict.settle();
            }
        }
    }

    fn finish(self, classes: HashMap<SubjectId, Class>, class_count: u32) -> Enforcer {
        Enforcer {
            nodes: self.nodes.into(),
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

impl Verdict {
    /// Everyone to whom this node or one below it grants; a node that also revokes does not. Only once it is settled.
    fn granted_from_here(&self) -> impl Iterator<Item = Class> {
        let is_revoked = |class: &&Class| self.revoked.binary_search(class).is_ok();
        self.granted
            .iter()
            .filter(move |class| !is_revoked(class))
            .chain(&self.granted_below)
            .copied()
    }

    /// Sorts the lists and leaves every class in them once.
    fn settle(&mut self) {
        let lists = [
            &mut self.granted,
            &mut self.revoked,
            &mut self.granted_below,
            &mut self.revoked_below,
        ];
        for list in lists {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// What is said about `permission`, made if nothing is yet.
fn verdict_of(
    verdicts: &mut Vec<(PermissionIndex, Verdict)>,
    permission: PermissionIndex,
) -> &mut Verdict {
    let known = verdicts.iter().position(|(each, _)| *each == permission);
    let at = known.unwrap_or_else(|| {
        verdicts.push((permission, Verdict::default()));
        verdicts.len() - 1
    });
    let (_, verdict) = verdicts.get_mut(at).expect("it is there, or was just made");
    verdict
}

/// A policy is limited to far fewer nodes than this type counts; one that is not would find no node and grant nothing.
fn node_index(at: usize) -> NodeIndex {
    NodeIndex::try_from(at).unwrap_or(NodeIndex::MAX)
}
