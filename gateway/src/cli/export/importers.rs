//! Policies that import others, in an order in which each comes after those that it imports, if there is one.

use indexmap::IndexMap;
use serde_json::Value;

/// What each of them imports.
#[derive(Debug, Default)]
pub(super) struct Importers(IndexMap<String, Vec<String>>);

/// How far one of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Begin,
    End,
}

impl Importers {
    /// Notes a policy if it imports others.
    pub(super) fn take(&mut self, policy: &Value) -> bool {
        let id = policy.get("policyId").and_then(Value::as_str);
        let imports = policy.get("imports").and_then(Value::as_object);
        let (Some(id), Some(imports)) = (id, imports.filter(|imports| !imports.is_empty())) else {
            return false;
        };
        let imports = imports.keys().cloned().collect();
        self.0.insert(id.to_owned(), imports);
        true
    }

    /// Their ids. Where they import each other in a circle, it is broken somewhere.
    pub(super) fn in_order(self) -> Vec<String> {
        let mut order = Vec::with_capacity(self.0.len());
        let mut begun = vec![false; self.0.len()];
        for first in 0..self.0.len() {
            // A chain of imports may be longer than a stack of calls.
            let mut steps = vec![(first, Step::Begin)];
            while let Some((at, step)) = steps.pop() {
                let (Some((id, imports)), Some(is_begun)) =
                    (self.0.get_index(at), begun.get_mut(at))
                else {
                    continue;
                };
                if step == Step::End {
                    order.push(id.clone());
                } else if !std::mem::replace(is_begun, true) {
                    steps.push((at, Step::End));
                    let imported = imports.iter().filter_map(|id| self.0.get_index_of(id));
                    steps.extend(imported.map(|at| (at, Step::Begin)));
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(policies: &[(&str, &[&str])], expected: &[&str]) {
        let mut importers = Importers::default();
        for (id, imports) in policies {
            let imports: serde_json::Map<String, Value> = imports
                .iter()
                .map(|id| ((*id).to_owned(), json!({})))
                .collect();
            let is_taken = importers.take(&json!({ "policyId": id, "imports": imports }));
            assert_eq!(is_taken, !imports.is_empty(), "{id}");
        }
        assert_eq!(importers.in_order(), expected);
    }

    #[test]
    fn who_imports_comes_after_what_it_imports() {
        check(&[("a", &[]), ("b", &["a"])], &["b"]);
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &["d"])],
            &["c", "b", "a"],
        );
        check(
            &[("a", &["c", "b"]), ("b", &["d"]), ("c", &["b"])],
            &["b", "c", "a"],
        );
    }

    #[test]
    fn circles_are_broken() {
        check(&[("a", &["b"]), ("b", &["a"])], &["b", "a"]);
        check(&[("a", &["a"])], &["a"]);
    }

    #[test]
    fn a_chain_may_be_long() {
        let ids: Vec<String> = (0..100_000).map(|number| format!("p{number}")).collect();
        let mut importers = Importers::default();
        for pair in ids.windows(2) {
            importers.take(&json!({ "policyId": pair[0], "imports": { &pair[1]: {} } }));
        }
        assert_eq!(importers.in_order().first(), Some(&ids[99_998]));
    }
}
