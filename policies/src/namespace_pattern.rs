//! Which namespaces something applies to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::entity_id;

/// An exact namespace, or `<namespace>.*` for everything below one, but not that namespace itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NamespacePattern {
    /// This namespace only.
    Exact(Arc<str>),
    /// Every namespace that starts with this text and a dot.
    Below(Arc<str>),
}

/// The text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a namespace pattern is a namespace, or a namespace followed by `.*`")]
pub struct NamespacePatternError;

impl NamespacePattern {
    /// Whether `namespace` is meant.
    pub fn matches(&self, namespace: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *namespace,
            Self::Below(prefix) => namespace
                .strip_prefix(&**prefix)
                .is_some_and(|rest| rest.starts_with('.')),
        }
    }
}

impl FromStr for NamespacePattern {
    type Err = NamespacePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, below) = match text.strip_suffix(".*") {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if namespace.is_empty() || !entity_id::is_namespace(namespace) {
            return Err(NamespacePatternError);
        }
        Ok(if below {
            Self::Below(namespace.into())
        } else {
            Self::Exact(namespace.into())
        })
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(namespace) => formatter.write_str(namespace),
            Self::Below(prefix) => write!(formatter, "{prefix}.*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, namespace: &str, expected: Option<bool>) {
        let pattern = pattern.parse::<NamespacePattern>().ok();
        assert_eq!(
            pattern.as_ref().map(|pattern| pattern.matches(namespace)),
            expected,
            "{pattern:?} against {namespace:?}"
        );
    }

    #[test]
    fn a_star_needs_a_segment_of_its_own() {
        check("acme", "acme", Some(true));
        check("acme", "acme.x", Some(false));
        check("acme.*", "acme.x", Some(true));
        check("acme.*", "acme.x.y", Some(true));
        check("acme.*", "acme", Some(false));
        check("acme.*", "acmex", Some(false));
    }

    #[test]
    fn other_wildcards_are_refused() {
        check("", "", None);
        check("*", "acme", None);
        check(".*", "acme", None);
        check("a.*.b", "a.x.b", None);
        check("a*", "ab", None);
    }
}
