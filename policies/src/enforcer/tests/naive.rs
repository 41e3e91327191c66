//! The enforcer against an evaluator with weights, inheritance and both bottom-up passes written out: a node holds, per
//! subject, how far away the rule is that grants or revokes, and everything is recomputed for every question.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::enforcer;
use crate::{Permission, Pointer, ResourceType, SubjectId};

/// One rule: subject, whether it grants, path below `thing:/`.
type Rule = (u8, bool, Vec<u8>);
/// Weights by subject: 0 said here, negative inherited, positive from below.
type Weights = BTreeMap<u8, i32>;

#[derive(Debug, Default, Clone)]
struct Index {
    granted: Weights,
    revoked: Weights,
}

/// Whether some rule stands at `path` or below it, so that the trie has the node.
fn exists(rules: &[Rule], path: &[u8]) -> bool {
    rules.iter().any(|(_, _, at)| at.starts_with(path))
}

fn own(rules: &[Rule], path: &[u8]) -> Index {
    let mut index = Index::default();
    for (subject, grants, _) in rules.iter().filter(|(_, _, at)| at == path) {
        let weights = if *grants {
            &mut index.granted
        } else {
            &mut index.revoked
        };
        weights.insert(*subject, 0);
    }
    index
}

/// Top down: what the parent says, one step further away, unless the node says something about the same subject.
fn inherited(rules: &[Rule], path: &[u8]) -> Index {
    let own = own(rules, path);
    let mut index = match path.split_last() {
        Some((_, parent)) => inherited(rules, parent),
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

fn union_max(into: &mut Weights, from: &Weights, step: i32) {
    for (subject, weight) in from {
        let known = into.entry(*subject).or_insert(i32::MIN);
        *known = (*known).max(weight + step);
    }
}

fn children(rules: &[Rule], path: &[u8]) -> Vec<Vec<u8>> {
    (0..KEYS)
        .map(|key| [path, &[key]].concat())
        .filter(|child| exists(rules, child))
        .collect()
}

fn with_revokes_below(rules: &[Rule], path: &[u8]) -> Index {
    let mut index = inherited(rules, path);
    for child in children(rules, path) {
        union_max(
            &mut index.revoked,
            &with_revokes_below(rules, &child).revoked,
            1,
        );
    }
    index
}

fn with_grants_below(rules: &[Rule], path: &[u8]) -> Index {
    let mut index = inherited(rules, path);
    for child in children(rules, path) {
        union_max(
            &mut index.granted,
            &with_grants_below(rules, &child).granted,
            1,
        );
    }
    index
        .revoked
        .retain(|subject, _| !index.granted.contains_key(subject));
    index
}

fn has(index: &Index, callers: &[u8]) -> bool {
    let strongest = |weights: &Weights| {
        callers
            .iter()
            .filter_map(|caller| weights.get(caller))
            .max()
            .copied()
    };
    match (strongest(&index.granted), strongest(&index.revoked)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(granted), Some(revoked)) => revoked < granted,
    }
}

fn expected(rules: &[Rule], callers: &[u8], path: &[u8]) -> (bool, bool) {
    if exists(rules, path) {
        return (
            has(&with_revokes_below(rules, path), callers),
            has(&with_grants_below(rules, path), callers),
        );
    }
    let deepest = (0..path.len())
        .rev()
        .map(|length| &path[..length])
        .find(|ancestor| exists(rules, ancestor));
    let allowed = deepest.is_some_and(|ancestor| has(&inherited(rules, ancestor), callers));
    (allowed, allowed)
}

const SUBJECTS: u8 = 4;
const KEYS: u8 = 3;

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..KEYS, 0..5)
}

fn pointer(path: &[u8]) -> Pointer {
    Pointer::from_segments(path.iter().map(|key| format!("k{key}")))
}

/// Every random policy is asked so many random questions, so that all together are 100 000.
const QUESTIONS: usize = 25;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decisions_equal_the_naive_ones(
        rules in prop::collection::vec((0..SUBJECTS, any::<bool>(), path()), 0..12),
        questions in prop::collection::vec(
            (prop::collection::vec(0..SUBJECTS, 0..4), path()),
            QUESTIONS,
        ),
    ) {
        let texts: Vec<String> = rules
            .iter()
            .map(|(subject, grants, path)| {
                let sign = if *grants { '+' } else { '-' };
                format!("s{subject} {sign}R thing:{}", pointer(path))
            })
            .collect();
        let enforcer = enforcer(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        for (callers, asked) in questions {
            let subjects: Vec<SubjectId> = callers
                .iter()
                .map(|caller| format!("t:s{caller}").parse().unwrap())
                .collect();
            let asked_at = pointer(&asked);
            let (kind, permission) = (&ResourceType::Thing, &Permission::READ);
            let found = (
                enforcer.unrestricted(&subjects, kind, &asked_at, permission),
                enforcer.partial(&subjects, kind, &asked_at, permission),
            );
            let expected = expected(&rules, &callers, &asked);
            prop_assert_eq!(found, expected, "{:?} {:?} {}", texts, callers, asked_at);
        }
    }
}
