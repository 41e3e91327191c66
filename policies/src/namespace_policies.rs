//! Policies of the operator that add to every policy of a namespace.

use std::str::FromStr;

use crate::{NamespacePattern, NamespacePatternError, PolicyId};

/// Which root policies add their implicit entries to the policies of which namespaces.
///
/// Source: Ditto documentation, page "Policy", section "Namespace root policies".
#[derive(Debug, Clone, Default)]
pub struct NamespacePolicies(Vec<(RootPattern, Vec<PolicyId>)>);

/// A [`NamespacePattern`], or `*` for every namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RootPattern {
    Every,
    Some(NamespacePattern),
}

impl NamespacePolicies {
    /// Reads what the operator configured: patterns, each with its root policies.
    ///
    /// # Errors
    ///
    /// A pattern is neither a namespace, nor one followed by `.*`, nor `*`.
    pub fn new(
        configured: impl IntoIterator<Item = (String, Vec<PolicyId>)>,
    ) -> Result<Self, NamespacePatternError> {
        let mut roots = configured
            .into_iter()
            .map(|(pattern, ids)| Ok((pattern.parse::<RootPattern>()?, ids)))
            .collect::<Result<Vec<_>, _>>()?;
        roots.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity()));
        Ok(Self(roots))
    }

    /// The root policies of `policy_id`, those of the most specific pattern first, each once, itself left out.
    pub(crate) fn roots_of(&self, policy_id: &PolicyId) -> Vec<PolicyId> {
        let mut roots = Vec::new();
        for (pattern, ids) in &self.0 {
            if pattern.matches(policy_id.namespace()) {
                for id in ids.iter().filter(|id| *id != policy_id) {
                    if !roots.contains(id) {
                        roots.push(id.clone());
                    }
                }
            }
        }
        roots
    }
}

impl RootPattern {
    fn matches(&self, namespace: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Some(pattern) => pattern.matches(namespace),
        }
    }

    fn specificity(&self) -> usize {
        match self {
            Self::Every => 0,
            Self::Some(NamespacePattern::Below(prefix)) => 1 + prefix.len(),
            Self::Some(NamespacePattern::Exact(_)) => usize::MAX,
        }
    }
}

impl FromStr for RootPattern {
    type Err = NamespacePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Every);
        }
        text.parse().map(Self::Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_pattern_comes_first() {
        let id = |text: &str| text.parse::<PolicyId>().unwrap();
        let policies = NamespacePolicies::new([
            ("*".to_owned(), vec![id("ops:all"), id("ops:root")]),
            ("acme.*".to_owned(), vec![id("ops:root")]),
            ("acme.x".to_owned(), vec![id("ops:exact")]),
            ("acme.x.*".to_owned(), vec![id("ops:below")]),
        ])
        .unwrap();
        let roots = |text: &str| policies.roots_of(&id(text));
        assert_eq!(
            roots("acme.x:p"),
            [id("ops:exact"), id("ops:root"), id("ops:all")]
        );
        assert_eq!(roots("acme.x.y:p")[0], id("ops:below"));
        assert_eq!(roots("acme:p"), [id("ops:all"), id("ops:root")]);
        assert_eq!(roots("ops:all"), [id("ops:root")]);
        assert!(NamespacePolicies::new([("a*".to_owned(), vec![])]).is_err());
    }
}
