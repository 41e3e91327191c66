//! The entries that hold for a policy in the end: its own with references resolved, imported ones, and those of root
//! policies of its namespace.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::enforcer::Rule;
use crate::{
    AllowedAddition, Enforcer, Error, Import, Importable, Policy, PolicyEntry, PolicyId, Reference,
};

/// Entries by label; imported ones have labels that name where they come from.
pub(crate) type EffectiveEntries = IndexMap<String, Arc<PolicyEntry>>;

/// Where the policies are found that a policy depends on.
pub(crate) trait PolicySource {
    /// The policy, if there is one.
    fn policy(&mut self, policy_id: &PolicyId) -> Result<Option<Arc<Policy>>, Error>;
}

/// How many hops an import may follow.
const DEPTH_MAX: usize = 10;
/// How many imports are followed for one policy, so that a lattice of imports cannot keep us busy.
const FOLLOWED_MAX: usize = 256;

/// What becomes of imports beyond the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// A write that makes them is refused.
    Refused,
    /// They bring in nothing. Whoever writes a policy further down can make a chain too long for its importers, and must
    /// not lock them out by that.
    LeftOut,
}

/// Follows imports, counting them.
struct Resolver<'s> {
    source: &'s mut dyn PolicySource,
    followed: usize,
    beyond: Beyond,
}

/// The entries of `policy` and of what it imports, as they count in decisions: imports that are nested too deep or are
/// too many bring in nothing.
pub(crate) fn resolve(
    policy: &Policy,
    source: &mut dyn PolicySource,
) -> Result<EffectiveEntries, Error> {
    Resolver::new(source, Beyond::LeftOut).policy(policy)
}

/// As [`resolve`], for a policy that somebody wants to write.
///
/// # Errors
///
/// [`Error::InvalidImport`] if imports are nested too deep or are too many.
pub(crate) fn resolve_strictly(
    policy: &Policy,
    source: &mut dyn PolicySource,
) -> Result<EffectiveEntries, Error> {
    Resolver::new(source, Beyond::Refused).policy(policy)
}

/// Adds the implicit entries of a root policy of the namespace.
pub(crate) fn add_root(
    entries: &mut EffectiveEntries,
    root: &Policy,
    source: &mut dyn PolicySource,
) -> Result<(), Error> {
    for (label, entry) in resolve(root, source)? {
        if entry.importable == Importable::Implicit {
            entries.insert(format!("nsimported-{}-{label}", root.policy_id), entry);
        }
    }
    Ok(())
}

impl<'s> Resolver<'s> {
    fn new(source: &'s mut dyn PolicySource, beyond: Beyond) -> Self {
        Self {
            source,
            followed: 0,
            beyond,
        }
    }

    fn policy(&mut self, policy: &Policy) -> Result<EffectiveEntries, Error> {
        let mut entries = own_entries(policy);
        for (imported, import) in &policy.imports {
            entries.extend(self.import(imported, import, 0, &HashSet::new())?);
        }
        Ok(resolve_references(policy, entries))
    }

    /// What `import` brings in, relabelled. `visited` are the policies that transitive imports led to so far.
    fn import(
        &mut self,
        imported: &PolicyId,
        import: &Import,
        depth: usize,
        visited: &HashSet<PolicyId>,
    ) -> Result<EffectiveEntries, Error> {
        self.followed += 1;
        if self.followed > FOLLOWED_MAX {
            return self.beyond(too_many());
        }
        let Some(policy) = self.source.policy(imported)? else {
            return Ok(EffectiveEntries::new());
        };
        let mut entries = own_entries(&policy);
        if !import.transitive_imports.is_empty() {
            if depth >= DEPTH_MAX {
                return self.beyond(too_deep());
            }
            let next: HashSet<PolicyId> = import
                .transitive_imports
                .iter()
                .filter(|id| !visited.contains(*id))
                .cloned()
                .collect();
            let visited = visited.union(&next).cloned().collect();
            for (id, import) in policy.imports.iter().filter(|(id, _)| next.contains(*id)) {
                entries.extend(self.import(id, import, depth + 1, &visited)?);
            }
        }
        Ok(resolve_references(&policy, entries)
            .into_iter()
            .filter(|(label, entry)| is_imported(label, entry, import))
            .map(|(label, mut entry)| {
                if !entry.references.is_empty() {
                    Arc::make_mut(&mut entry).references.clear();
                }
                (imported_label(imported, &label), entry)
            })
            .collect())
    }

    fn beyond(&self, error: Error) -> Result<EffectiveEntries, Error> {
        match self.beyond {
            Beyond::Refused => Err(error),
            Beyond::LeftOut => Ok(EffectiveEntries::new()),
        }
    }
}

fn too_many() -> Error {
    Error::InvalidImport {
        reason: format!("more than {FOLLOWED_MAX} imports would have to be followed"),
    }
}

fn too_deep() -> Error {
    Error::InvalidImport {
        reason: format!("transitive imports exceed the depth of {DEPTH_MAX}"),
    }
}

fn own_entries(policy: &Policy) -> EffectiveEntries {
    policy
        .entries
        .iter()
        .map(|(label, entry)| (label.to_string(), Arc::clone(entry)))
        .collect()
}

fn imported_label(imported: &PolicyId, label: &str) -> String {
    format!("imported-{imported}-{label}")
}

fn is_imported(label: &str, entry: &PolicyEntry, import: &Import) -> bool {
    match entry.importable {
        Importable::Implicit => true,
        Importable::Explicit => import.entries.iter().any(|each| each.as_str() == label),
        Importable::Never => false,
    }
}

/// Fills in references of `policy`'s own entries from the raw content of what they name: one level, no recursion.
fn resolve_references(policy: &Policy, entries: EffectiveEntries) -> EffectiveEntries {
    let resolved: Vec<(String, Arc<PolicyEntry>)> = policy
        .entries
        .iter()
        .filter(|(_, entry)| !entry.references.is_empty())
        .map(|(label, entry)| {
            let targets = targets(policy, &entries, &entry.references);
            (label.to_string(), Arc::new(with_targets(entry, &targets)))
        })
        .collect();
    let mut entries = entries;
    entries.extend(resolved);
    entries
}

fn targets<'e>(
    policy: &'e Policy,
    entries: &'e EffectiveEntries,
    references: &[Reference],
) -> Vec<&'e PolicyEntry> {
    references
        .iter()
        .filter_map(|reference| match &reference.import {
            None => policy.entries.get(&reference.entry),
            Some(import) => entries.get(&imported_label(import, reference.entry.as_str())),
        })
        .map(AsRef::as_ref)
        .filter(|target: &&PolicyEntry| target.importable != Importable::Never)
        .collect()
}

/// `entry` with the content of its targets, and with as much of its own as all targets allow.
fn with_targets(entry: &PolicyEntry, targets: &[&PolicyEntry]) -> PolicyEntry {
    let allowed = targets
        .iter()
        .filter_map(|target| target.allowed_additions.clone())
        .reduce(|left, right| {
            left.into_iter()
                .filter(|each| right.contains(each))
                .collect()
        });
    let allows = |addition| {
        allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&addition))
    };
    let mut merged = PolicyEntry {
        importable: entry.importable,
        references: entry.references.clone(),
        ..PolicyEntry::default()
    };
    for target in targets {
        add_subjects(&mut merged, target);
        add_resources(&mut merged, target);
        add_namespaces(&mut merged, target);
    }
    if allows(AllowedAddition::Subjects) {
        add_subjects(&mut merged, entry);
    }
    if allows(AllowedAddition::Resources) {
        add_resources(&mut merged, entry);
    }
    if allows(AllowedAddition::Namespaces) {
        add_namespaces(&mut merged, entry);
    }
    merged.allowed_additions = allowed;
    merged
}

fn add_subjects(merged: &mut PolicyEntry, from: &PolicyEntry) {
    for (id, subject) in &from.subjects {
        merged
            .subjects
            .entry(id.clone())
            .or_insert_with(|| subject.clone());
    }
}

fn add_resources(merged: &mut PolicyEntry, from: &PolicyEntry) {
    for (key, permissions) in &from.resources {
        merged
            .resources
            .entry(key.clone())
            .or_default()
            .merge(permissions);
    }
}

fn add_namespaces(merged: &mut PolicyEntry, from: &PolicyEntry) {
    for pattern in from.namespaces.iter().flatten() {
        let namespaces = merged.namespaces.get_or_insert_default();
        if !namespaces.contains(pattern) {
            namespaces.push(pattern.clone());
        }
    }
}

/// Compiles `entries` as they hold at `now`, for things of `namespace`, or for the policy itself if there is none.
pub(crate) fn compile(
    entries: &EffectiveEntries,
    namespace: Option<&str>,
    now: Timestamp,
) -> Enforcer {
    let rules: Vec<Rule<'_>> = entries
        .values()
        .filter(|entry| holds(entry, namespace))
        .map(|entry| Rule {
            subjects: entry
                .subjects
                .iter()
                .filter(|(_, subject)| !subject.is_expired(now))
                .map(|(id, _)| id)
                .collect(),
            resources: entry.resources.iter().collect(),
        })
        .filter(|rule| !rule.subjects.is_empty() && !rule.resources.is_empty())
        .collect();
    Enforcer::compile(&rules)
}

/// There are no other policies.
struct Alone;

impl PolicySource for Alone {
    fn policy(&mut self, _: &PolicyId) -> Result<Option<Arc<Policy>>, Error> {
        Ok(None)
    }
}

impl Enforcer {
    /// Who may do what by `policy` as it stands, in every namespace: nothing is imported, and nobody has expired yet.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidImport`] if there are far too many imports.
    pub fn of_policy(policy: &Policy) -> Result<Self, Error> {
        let entries = resolve(policy, &mut Alone)?;
        Ok(compile(&entries, None, Timestamp::MIN))
    }
}

/// Whether an entry is about things of `namespace`; all are about the policy itself.
pub(crate) fn holds(entry: &PolicyEntry, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|namespace| entry.applies_to(namespace))
}

/// When the next subject expires after `now`; until then a compilation holds.
pub(crate) fn next_expiry(entries: &EffectiveEntries, now: Timestamp) -> Option<Timestamp> {
    entries
        .values()
        .flat_map(|entry| entry.subjects.values())
        .filter_map(|subject| subject.expiry)
        .filter(|expiry| *expiry > now)
        .min()
}
