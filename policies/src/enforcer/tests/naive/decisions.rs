//! The enforcer of one policy against the naive evaluator: decisions, classification, views.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::Alone;
use super::random::{
    Entry, Question, document, entry, key, namespace, permission, question, subject, subjects,
};
use super::{Naive, Statement, statements};
use crate::{Enforcer, Permission, Placeholders, Policy, SubjectId, effective};

/// READ among the permissions of `random`.
const READ: u8 = 0;
/// Every random policy is asked so many random questions, so that all together are 100 000.
const QUESTIONS: usize = 25;
const POLICIES: u32 = 4_000;
/// Views take longer: these are 25 000.
const POLICIES_OF_VIEWS: u32 = 1_000;

/// Both evaluators of one policy, for things of one namespace.
struct Both {
    enforcer: Enforcer,
    statements: Vec<Statement>,
}

impl Both {
    fn new(entries: &[Entry], namespace: Option<&str>) -> Self {
        let members = entries.iter().enumerate();
        let members: Map<String, Value> = members
            .map(|(at, entry)| (format!("e{at}"), entry.to_json()))
            .collect();
        let (id, value) = ("a:p".parse().unwrap(), json!({ "entries": members }));
        let policy = Policy::from_json(id, &value, Placeholders::Keep).unwrap();
        let effective = effective::resolve(&policy, &mut Alone).unwrap();
        Self {
            enforcer: effective::compile(&effective, namespace, jiff::Timestamp::UNIX_EPOCH),
            statements: statements(entries, namespace),
        }
    }

    fn naive(&self, permission: u8) -> Naive<'_> {
        Naive {
            statements: &self.statements,
            permission,
        }
    }

    /// What both say to a question: each permission alone decides, all must hold.
    fn decisions(&self, question: &Question) -> [(bool, bool); 2] {
        let callers = subjects(&question.callers);
        let key = key(&question.address);
        let (kind, path) = (&key.resource_type, &key.path);
        let asked: Vec<Permission> = question
            .permissions
            .iter()
            .copied()
            .map(permission)
            .collect();
        let unrestricted = self.enforcer.unrestricted_all(&callers, kind, path, &asked);
        let partial = |it: &Permission| self.enforcer.partial(&callers, kind, path, it);
        let partial = asked.iter().all(partial);
        let naively = question.permissions.iter().map(|it| {
            let naive = self.naive(*it);
            let (callers, address) = (&question.callers, &question.address);
            (
                naive.unrestricted(callers, address),
                naive.partial(callers, address),
            )
        });
        let expected = naively.fold((true, true), |all, it| (all.0 && it.0, all.1 && it.1));
        [(unrestricted, partial), expected]
    }

    /// Whom both let have all of it, parts of it, and the place itself.
    fn classes(&self, question: &Question) -> [[BTreeSet<SubjectId>; 3]; 2] {
        let key = key(&question.address);
        let readers = self.enforcer.readers(&key.resource_type, &key.path);
        let read = &Permission::READ;
        let effected = self.enforcer.effected(&key.resource_type, &key.path, read);
        let found = [readers.unrestricted, readers.partial, effected];
        let expected = self.naive(READ).classified(&question.address);
        [
            found.map(|subjects| subjects.into_iter().collect()),
            expected.map(|numbers| numbers.into_iter().map(subject).collect()),
        ]
    }

    /// What both show of a document.
    fn views(&self, callers: &[u8], at: &[u8], document: &Value) -> [Value; 2] {
        let key = key(at);
        let found = self
            .enforcer
            .view(&subjects(callers), &key.resource_type, &key.path, document);
        [found, self.naive(READ).view(callers, at, document)]
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(entry(), 0..6)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(POLICIES))]

    #[test]
    fn decisions_equal_the_naive_ones(
        (entries, namespace) in (entries(), namespace()),
        questions in prop::collection::vec(question(), QUESTIONS),
    ) {
        let both = Both::new(&entries, namespace);
        for question in questions {
            let [found, expected] = both.decisions(&question);
            prop_assert_eq!(found, expected, "{:?}", question);
            let [found, expected] = both.classes(&question);
            prop_assert_eq!(found, expected, "{:?}", question);
        }
    }
}

proptest! {
    #![proptest_config(cases(POLICIES_OF_VIEWS))]

    #[test]
    fn views_equal_the_naive_ones(
        (entries, namespace) in (entries(), namespace()),
        documents in prop::collection::vec((question(), document()), QUESTIONS),
    ) {
        let both = Both::new(&entries, namespace);
        for (Question { callers, address, .. }, document) in documents {
            let [found, expected] = both.views(&callers, &address, &document);
            prop_assert_eq!(found, expected, "{:?} {:?} {}", callers, address, document);
        }
    }
}
