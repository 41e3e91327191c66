//! The namespaces that a client wants to hear of.

/// Exact names; none at all means every namespace.
#[derive(Default)]
pub(crate) struct Namespaces(Box<[String]>);

impl Namespaces {
    /// Looked up for every event, so they are sorted, and kept once.
    pub(crate) fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self(names.into())
    }

    /// Whether it is one of them.
    pub(crate) fn admit(&self, namespace: &str) -> bool {
        let found = || self.0.binary_search_by(|name| name.as_str().cmp(namespace));
        self.0.is_empty() || found().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], namespace: &str, expected: bool) {
        let names = names.iter().map(ToString::to_string).collect();
        let is_admitted = Namespaces::new(names).admit(namespace);
        assert_eq!(is_admitted, expected, "{namespace}");
    }

    #[test]
    fn no_name_means_all_and_any_other_itself() {
        check(&[], "org.acme", true);
        let names = ["org.acme", "org", "com.acme", "org.acme"];
        for name in names {
            check(&names, name, true);
        }
        check(&names, "org.acm", false);
        check(&names, "org.acme.x", false);
        assert_eq!(
            Namespaces::new(names.map(str::to_owned).to_vec()).0.len(),
            3
        );
    }
}
