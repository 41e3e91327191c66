//! An evaluator with weights, inheritance and both bottom-up passes written out, to compare the enforcer with.
//!
//! A node holds, per subject, how far away the rule is that grants or revokes, and everything is recomputed for every
//! question. Subjects, permissions, types and keys are numbers here; `random` gives them names.

mod decisions;
mod imports;
mod random;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use random::Entry;

/// The resource type, then the keys of the path.
type Address = Vec<u8>;
/// Weights by subject: 0 said here, negative inherited, positive from below.
type Weights = BTreeMap<u8, i32>;

/// What one entry says to one subject about one resource.
#[derive(Debug)]
struct Statement {
    subject: u8,
    address: Address,
    granted: Vec<u8>,
    revoked: Vec<u8>,
}

/// What some entries say about one permission.
#[derive(Clone, Copy)]
struct Naive<'s> {
    statements: &'s [Statement],
    permission: u8,
}

#[derive(Debug, Default, Clone)]
struct Index {
    granted: Weights,
    revoked: Weights,
}

/// What entries say to things of `namespace`; all of them count if it is none.
fn statements<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    namespace: Option<&str>,
) -> Vec<Statement> {
    let mut statements = Vec::new();
    for entry in entries.into_iter().filter(|it| it.is_about(namespace)) {
        for subject in &entry.subjects {
            for (address, (granted, revoked)) in &entry.resources {
                statements.push(Statement {
                    subject: *subject,
                    address: address.clone(),
                    granted: granted.iter().copied().collect(),
                    revoked: revoked.iter().copied().collect(),
                });
            }
        }
    }
    statements
}

impl Naive<'_> {
    /// Whether something is said at `address` or below it, so that the trie has the node; the root is always there.
    fn exists(&self, address: &[u8]) -> bool {
        let below = |statement: &Statement| statement.address.starts_with(address);
        address.is_empty() || self.statements.iter().any(below)
    }

    fn own(&self, address: &[u8]) -> Index {
        let mut index = Index::default();
        for statement in self.statements.iter().filter(|it| it.address == address) {
            if statement.granted.contains(&self.permission) {
                index.granted.insert(statement.subject, 0);
            }
            if statement.revoked.contains(&self.permission) {
                index.revoked.insert(statement.subject, 0);
            }
        }
        index
    }

    /// Top down: what the parent says, one step further away, unless the node says something about the same subject.
    fn inherited(&self, address: &[u8]) -> Index {
        let own = self.own(address);
        let mut index = match address.split_last() {
            Some((_, parent)) => self.inherited(parent),
            None => Index::default(),
        };
        for weight in index.granted.values_mut().chain(index.revoked.values_mut()) {
            *weight -= 1;
        }
        union_max(&mut index.granted, &own.granted, 0);
        index
            .granted
            .retain(|subject, _| !own.revoked.contains_key(subject));
        index
            .revoked
            .retain(|subject, _| !own.granted.contains_key(subject));
        union_max(&mut index.revoked, &own.revoked, 0);
        index
    }

    fn children(&self, address: &[u8]) -> BTreeSet<Address> {
        self.statements
            .iter()
            .filter(|it| it.address.starts_with(address))
            .filter_map(|it| it.address.get(..=address.len()))
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn with_revokes_below(&self, address: &[u8]) -> Index {
        let mut index = self.inherited(address);
        for child in self.children(address) {
            let below = self.with_revokes_below(&child);
            union_max(&mut index.revoked, &below.revoked, 1);
        }
        index
    }

    fn with_grants_below(&self, address: &[u8]) -> Index {
        let mut index = self.inherited(address);
        for child in self.children(address) {
            let below = self.with_grants_below(&child);
            union_max(&mut index.granted, &below.granted, 1);
        }
        index
            .revoked
            .retain(|subject, _| !index.granted.contains_key(subject));
        index
    }

    fn unrestricted(&self, callers: &[u8], address: &[u8]) -> bool {
        has(&self.unrestricted_index(address), callers)
    }

    fn partial(&self, callers: &[u8], address: &[u8]) -> bool {
        has(&self.partial_index(address), callers)
    }

    fn unrestricted_index(&self, address: &[u8]) -> Index {
        if self.exists(address) {
            self.with_revokes_below(address)
        } else {
            self.inherited(self.deepest(address))
        }
    }

    fn partial_index(&self, address: &[u8]) -> Index {
        if self.exists(address) {
            self.with_grants_below(address)
        } else {
            self.inherited(self.deepest(address))
        }
    }

    /// The deepest node there is on the way to `address`.
    fn deepest<'a>(&self, address: &'a [u8]) -> &'a [u8] {
        let lengths = (0..=address.len()).rev();
        lengths
            .map(|length| &address[..length])
            .find(|ancestor| self.exists(ancestor))
            .unwrap_or_default()
    }

    /// Who alone has the permission on all of it, who on parts, and who at the place itself.
    fn classified(&self, address: &[u8]) -> [BTreeSet<u8>; 3] {
        let index = self.unrestricted_index(address);
        let unrestricted: BTreeSet<u8> = index
            .granted
            .keys()
            .filter(|subject| !index.revoked.contains_key(subject))
            .copied()
            .collect();
        let somehow = self.partial_index(address).granted;
        let partial = somehow.into_keys().filter(|it| !unrestricted.contains(it));
        let partial = partial.collect();
        let effected = self.inherited(self.deepest(address)).granted;
        [unrestricted, partial, effected.into_keys().collect()]
    }
}

fn union_max(into: &mut Weights, from: &Weights, step: i32) {
    for (subject, weight) in from {
        let known = into.entry(*subject).or_insert(i32::MIN);
        *known = (*known).max(weight + step);
    }
}

fn has(index: &Index, callers: &[u8]) -> bool {
    let strongest = |weights: &Weights| {
        let known = callers.iter().filter_map(|caller| weights.get(caller));
        known.max().copied()
    };
    match (strongest(&index.granted), strongest(&index.revoked)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(granted), Some(revoked)) => revoked < granted,
    }
}
