//! Who may create things and policies at all, whatever is in them.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Restricting entity creation".

use crate::wildcard::matches_wildcards;
use crate::{Principal, SubjectId};

/// What may be created: what a grant matches and no revoke does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationRules {
    /// One of these must match.
    pub grant: Vec<CreationRule>,
    /// None of these may match.
    pub revoke: Vec<CreationRule>,
}

/// Matches what all its lists match; an empty list matches everything. Texts may contain `*` and `?`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreationRule {
    /// What is created.
    pub kinds: Vec<CreatedKind>,
    /// In which namespace.
    pub namespaces: Vec<String>,
    /// By whom: one of the caller's subjects.
    pub subjects: Vec<String>,
    /// With which definition: a rule that names some is about things that have one.
    pub definitions: Vec<String>,
}

/// What can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreatedKind {
    /// A thing.
    Thing,
    /// A policy, also one that comes with a thing.
    Policy,
}

/// One creation that somebody wants.
#[derive(Debug, Clone, Copy)]
pub struct Creation<'c> {
    /// What is created.
    pub kind: CreatedKind,
    /// In which namespace.
    pub namespace: &'c str,
    /// By whom.
    pub principal: &'c Principal,
    /// The definition of a thing, if it has one.
    pub definition: Option<&'c str>,
}

impl Default for CreationRules {
    /// Everybody may create everything.
    fn default() -> Self {
        Self {
            grant: vec![CreationRule::default()],
            revoke: Vec::new(),
        }
    }
}

impl CreationRules {
    /// Whether this may be created.
    pub fn allow(&self, creation: &Creation<'_>) -> bool {
        let matches = |rules: &[CreationRule]| rules.iter().any(|rule| rule.matches(creation));
        matches(&self.grant) && !matches(&self.revoke)
    }
}

impl CreationRule {
    fn matches(&self, creation: &Creation<'_>) -> bool {
        let subjects = creation.principal.subjects();
        (self.kinds.is_empty() || self.kinds.contains(&creation.kind))
            && is_one_of(&self.namespaces, [creation.namespace])
            && is_one_of(&self.subjects, subjects.iter().map(SubjectId::as_str))
            && is_one_of(&self.definitions, creation.definition)
    }
}

fn is_one_of<'t>(patterns: &[String], texts: impl IntoIterator<Item = &'t str>) -> bool {
    patterns.is_empty()
        || texts.into_iter().any(|text| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| matches_wildcards(text, pattern))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credential, ProviderKind};

    fn rule(namespaces: &[&str], subjects: &[&str], definitions: &[&str]) -> CreationRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CreationRule {
            kinds: Vec::new(),
            namespaces: owned(namespaces),
            subjects: owned(subjects),
            definitions: owned(definitions),
        }
    }

    /// Whether `nginx:kim`, who is also `nginx:ops-1`, may create a thing of this namespace and definition.
    #[track_caller]
    fn check(rules: &CreationRules, (namespace, definition): (&str, Option<&str>), expected: bool) {
        let subjects = ["nginx:kim", "nginx:ops-1"].map(|id| id.parse().unwrap());
        let credential = Credential::default();
        let principal = Principal::new(ProviderKind::Jwt, subjects.to_vec(), None, credential);
        let creation = Creation {
            kind: CreatedKind::Thing,
            namespace,
            principal: &principal,
            definition,
        };
        assert_eq!(rules.allow(&creation), expected, "{rules:?} {creation:?}");
    }

    fn granting(grant: CreationRule) -> CreationRules {
        CreationRules {
            grant: vec![grant],
            revoke: Vec::new(),
        }
    }

    #[test]
    fn every_list_must_match() {
        check(&CreationRules::default(), ("acme", None), true);
        let rules = granting(rule(&["acme", "acme.*"], &["nginx:ops-?"], &[]));
        check(&rules, ("acme", None), true);
        check(&rules, ("acme.x.y", None), true);
        check(&rules, ("acmes", None), false);
        check(
            &granting(rule(&[], &["nginx:ops"], &[])),
            ("acme", None),
            false,
        );
        let defined = granting(rule(&[], &[], &["acme:*:1.0.0"]));
        check(&defined, ("acme", Some("acme:lamp:1.0.0")), true);
        check(&defined, ("acme", Some("acme:lamp:2.0.0")), false);
        check(&defined, ("acme", None), false);
    }

    #[test]
    fn a_revoke_wins_and_no_grant_means_no() {
        let mut rules = CreationRules::default();
        rules.revoke.push(rule(&["acme"], &[], &[]));
        check(&rules, ("acme", None), false);
        check(&rules, ("other", None), true);
        rules.revoke[0].kinds.push(CreatedKind::Policy);
        check(&rules, ("acme", None), true);
        rules.grant.clear();
        check(&rules, ("other", None), false);
    }
}
