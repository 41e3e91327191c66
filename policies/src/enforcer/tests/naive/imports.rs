//! Random policies that import and reference each other, resolved naively and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::random::{Entry, Question, entry, key, namespace, permission, question, subjects};
use super::{Naive, statements};
use crate::effective::{self, EffectiveEntries, PolicySource};
use crate::{Error, Placeholders, Policy, PolicyId};

const POLICIES: usize = 4;
const LABELS: usize = 3;
const ADDITIONS: [&str; 3] = ["subjects", "resources", "namespaces"];
/// Every random group of policies is asked so many random questions, so that all together are 25 000.
const QUESTIONS: usize = 25;
const GROUPS: u32 = 1_000;

/// An entry with what matters to others; a reference names a policy, or none for its own, and a label.
#[derive(Debug, Clone)]
struct Shared {
    entry: Entry,
    importable: &'static str,
    additions: Option<Vec<&'static str>>,
    references: Vec<(Option<usize>, usize)>,
}

#[derive(Debug, Clone)]
struct Import {
    of: usize,
    entries: Vec<usize>,
    transitive: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Importer {
    entries: Vec<Shared>,
    imports: Vec<Import>,
}

/// Entries by label, in any order.
type Merged = BTreeMap<String, Shared>;

/// Everything that holds for policy number `at`.
fn resolved(all: &[Importer], at: usize) -> Merged {
    let mut merged = own(&all[at]);
    for import in &all[at].imports {
        merged.extend(imported(all, import, &[]));
    }
    with_references(&all[at], merged)
}

fn own(policy: &Importer) -> Merged {
    let entries = policy.entries.iter().enumerate();
    entries
        .map(|(at, entry)| (label(at), entry.clone()))
        .collect()
}

/// What `import` brings in; `visited` are the policies that transitive imports have led to.
fn imported(all: &[Importer], import: &Import, visited: &[usize]) -> Merged {
    let policy = &all[import.of];
    let mut merged = own(policy);
    let further: Vec<usize> = import
        .transitive
        .iter()
        .filter(|id| !visited.contains(id))
        .copied()
        .collect();
    let visited = [visited, &further].concat();
    for next in policy.imports.iter().filter(|it| further.contains(&it.of)) {
        merged.extend(imported(all, next, &visited));
    }
    let listed: Vec<String> = import.entries.iter().copied().map(label).collect();
    let kept = with_references(policy, merged);
    let kept = kept.into_iter().filter(|(label, entry)| {
        entry.importable == "implicit" || entry.importable == "explicit" && listed.contains(label)
    });
    kept.map(|(label, mut entry)| {
        entry.references.clear();
        (format!("imported-{}-{label}", id(import.of)), entry)
    })
    .collect()
}

/// One level: what a reference leads to is taken as it was written.
fn with_references(policy: &Importer, merged: Merged) -> Merged {
    let resolve = |entry: &Shared| {
        let targets = entry.references.iter().filter_map(|(of, at)| match of {
            None => policy.entries.get(*at).cloned(),
            Some(of) => merged
                .get(&format!("imported-{}-{}", id(*of), label(*at)))
                .cloned(),
        });
        let targets: Vec<_> = targets.filter(|it| it.importable != "never").collect();
        if entry.references.is_empty() {
            return entry.clone();
        }
        with_targets(entry, &targets)
    };
    merged
        .iter()
        .map(|(label, entry)| (label.clone(), resolve(entry)))
        .collect()
}

fn with_targets(entry: &Shared, targets: &[Shared]) -> Shared {
    let declared: Vec<_> = targets
        .iter()
        .filter_map(|it| it.additions.as_ref())
        .collect();
    let allows = |addition: &&str| declared.iter().all(|each| each.contains(addition));
    let allowed = ADDITIONS.into_iter().filter(|it| allows(it)).collect();
    let mut merged = Entry {
        subjects: Vec::new(),
        resources: BTreeMap::new(),
        namespaces: None,
    };
    let everything = ADDITIONS.map(|_| true);
    for target in targets {
        add(&mut merged, &target.entry, everything);
    }
    let wanted = ADDITIONS.map(|it| allows(&it));
    add(&mut merged, &entry.entry, wanted);
    Shared {
        entry: merged,
        importable: entry.importable,
        additions: (!declared.is_empty()).then_some(allowed),
        references: entry.references.clone(),
    }
}

/// Adds subjects, resources and namespaces of `from`, as far as they are wanted.
fn add(merged: &mut Entry, from: &Entry, [subjects, resources, namespaces]: [bool; 3]) {
    for subject in from.subjects.iter().filter(|_| subjects) {
        if !merged.subjects.contains(subject) {
            merged.subjects.push(*subject);
        }
    }
    for (key, (granted, revoked)) in from.resources.iter().filter(|_| resources) {
        let rights = merged.resources.entry(key.clone()).or_default();
        rights.0.extend(granted);
        rights.1.extend(revoked);
    }
    if let Some(patterns) = from
        .namespaces
        .as_ref()
        .filter(|it| namespaces && !it.is_empty())
    {
        merged.namespaces.get_or_insert_default().extend(patterns);
    }
}

fn label(at: usize) -> String {
    format!("e{at}")
}

fn id(at: usize) -> PolicyId {
    format!("a:p{at}").parse().unwrap()
}

impl Shared {
    fn to_json(&self) -> Value {
        let references = self.references.iter().map(|(of, at)| match of {
            None => json!({ "entry": label(*at) }),
            Some(of) => json!({ "import": id(*of).as_str(), "entry": label(*at) }),
        });
        let mut entry = self.entry.to_json();
        entry["importable"] = json!(self.importable);
        entry["references"] = references.collect();
        if let Some(additions) = &self.additions {
            entry["allowedAdditions"] = json!(additions);
        }
        entry
    }
}

impl Importer {
    fn to_policy(&self, at: usize) -> Policy {
        let entries = self.entries.iter().enumerate();
        let entries: Map<_, _> = entries.map(|(at, it)| (label(at), it.to_json())).collect();
        let imports = self.imports.iter().map(|import| {
            let entries: Vec<_> = import.entries.iter().copied().map(label).collect();
            let transitive = import.transitive.iter().map(|of| id(*of).to_string());
            let transitive: Vec<_> = transitive.collect();
            let value = json!({ "entries": entries, "transitiveImports": transitive });
            (id(import.of).to_string(), value)
        });
        let imports: Map<_, _> = imports.collect();
        let value = json!({ "entries": entries, "imports": imports });
        Policy::from_json(id(at), &value, Placeholders::Keep).unwrap()
    }
}

/// The policies of a group.
struct Known(BTreeMap<String, Arc<Policy>>);

impl PolicySource for Known {
    fn policy(&mut self, policy_id: &PolicyId) -> Result<Option<Arc<Policy>>, Error> {
        Ok(self.0.get(policy_id.as_str()).cloned())
    }
}

/// Everything that holds for the first policy, as the enforcer is made of it.
fn effective(group: &[Importer]) -> EffectiveEntries {
    let policies = group.iter().enumerate();
    let policies = policies.map(|(at, it)| (id(at).to_string(), Arc::new(it.to_policy(at))));
    let mut known = Known(policies.collect());
    let first = Arc::clone(&known.0[id(0).as_str()]);
    effective::resolve(&first, &mut known).unwrap()
}

fn shared() -> impl Strategy<Value = Shared> {
    let importable = select(vec!["implicit", "implicit", "explicit", "never"]);
    let additions = prop::option::of(subsequence(ADDITIONS.to_vec(), 0..=3));
    let reference = (prop::option::of(0..POLICIES), 0..LABELS);
    let references = prop::collection::vec(reference, 0..3);
    (entry(), importable, additions, references).prop_map(
        |(entry, importable, additions, references)| Shared {
            entry,
            importable,
            additions,
            references,
        },
    )
}

/// Imports of others; nobody imports itself or names itself as a transitive import, which no writer may.
fn imports(at: usize) -> impl Strategy<Value = Vec<Import>> {
    let others: Vec<usize> = (0..POLICIES).filter(|other| *other != at).collect();
    let lists = (
        subsequence((0..LABELS).collect::<Vec<_>>(), 0..=LABELS),
        subsequence(others.clone(), 0..=others.len()),
    );
    let most = others.len();
    let lists = prop::collection::vec(lists, most);
    (subsequence(others, 0..=most), lists).prop_map(|(of, lists)| {
        let imports = of.into_iter().zip(lists);
        imports
            .map(|(of, (entries, transitive))| Import {
                of,
                entries,
                transitive,
            })
            .collect()
    })
}

fn importer(at: usize) -> impl Strategy<Value = Importer> {
    let entries = prop::collection::vec(shared(), 0..=LABELS);
    (entries, imports(at)).prop_map(|(entries, imports)| Importer { entries, imports })
}

fn group() -> impl Strategy<Value = Vec<Importer>> {
    (0..POLICIES).map(importer).collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: GROUPS, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn imports_and_references_equal_the_naive_ones(
        (group, namespace) in (group(), namespace()),
        questions in prop::collection::vec(question(), QUESTIONS),
    ) {
        let effective = effective(&group);
        let naively = resolved(&group, 0);
        prop_assert_eq!(
            effective.keys().collect::<BTreeSet<_>>(),
            naively.keys().collect()
        );
        let enforcer = effective::compile(&effective, namespace, jiff::Timestamp::UNIX_EPOCH);
        let statements = statements(naively.values().map(|it| &it.entry), namespace);
        for Question { callers, permissions, address } in questions {
            let (who, key) = (subjects(&callers), key(&address));
            let (kind, path) = (&key.resource_type, &key.path);
            for asked in permissions {
                let naive = Naive { statements: &statements, permission: asked };
                let what = permission(asked);
                let found = (
                    enforcer.unrestricted(&who, kind, path, &what),
                    enforcer.partial(&who, kind, path, &what),
                );
                let expected =
                    (naive.unrestricted(&callers, &address), naive.partial(&callers, &address));
                prop_assert_eq!(found, expected, "{:?} {} at {:?}", callers, what, address);
            }
        }
    }
}
