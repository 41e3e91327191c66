//! What the acceptance tests of Eclipse Ditto pin for policies, with a counterpart for each of its suites.
//!
//! | Suite of Ditto | Here |
//! |---|---|
//! | `PolicyIT` | [`documents`], [`super::codes`], [`super::expiry`] |
//! | `PolicyImportsIT` | [`imports`] |
//! | `PolicyImportTransitiveImportsIT` | [`transitive_imports`] |
//! | `PolicyEntryReferencesIT` | [`references::the_list_of_references_has_a_life_of_its_own`] |
//! | `PolicyEntryLocalReferencesIT` | [`references::entries_of_the_same_policy_lend_what_they_have`] |
//! | `PolicyEntryImportReferencesIT` | [`references::entries_of_an_imported_policy_are_templates`] |
//! | `PolicyEntryCombinedReferencesIT` | [`references::several_references_are_as_strict_as_the_strictest`] |
//! | `PolicyEntryImportableSubResourcesIT` | [`entry_parts::who_may_import_an_entry_and_what_may_be_added`] |
//! | `PolicyEntryNamespacesSubResourceIT` | [`entry_parts::an_entry_counts_in_its_namespaces`] |
//! | `CheckPermissionsIT` | [`checking`], [`crate::policy_services`] |
//! | `PolicyEnforcementIT` | [`enforcement`] |
//! | `ThingsWithImportedPoliciesIT` | [`things_with_imports`] |

mod checking;
mod documents;
mod enforcement;
mod entry_parts;
mod imports;
mod references;
mod things_with_imports;
mod transitive_imports;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestGateway};

/// A gateway to which requests and the expected answers are written in one line each.
pub(super) struct Talk {
    pub(super) gateway: TestGateway,
}

impl Talk {
    pub(super) async fn start() -> Self {
        let unlimited = json!({ "limits": { "per_source": false, "per_subject": false } });
        Self {
            gateway: TestGateway::start_with(unlimited).await,
        }
    }

    /// Sends `request`, e.g. `alice PUT a:p/entries/x`, and checks status and code, e.g. `404 policies:entry.notfound`.
    ///
    /// Paths are below `/api/2/policies/`, unless they start with a slash; then they are below `/api/2`.
    pub(super) async fn put(&self, request: &str, body: Value, expected: &str) -> Answer {
        let text = Some(body.to_string());
        self.send(request, "PUT", text, expected).await
    }

    /// As [`Talk::put`], with `POST`.
    pub(super) async fn post(&self, request: &str, body: Value, expected: &str) -> Answer {
        let text = Some(body.to_string());
        self.send(request, "POST", text, expected).await
    }

    /// As [`Talk::put`], without a body and with `DELETE`.
    pub(super) async fn delete(&self, request: &str, expected: &str) -> Answer {
        self.send(request, "DELETE", None, expected).await
    }

    /// As [`Talk::put`], for a read that is refused.
    pub(super) async fn get(&self, request: &str, expected: &str) -> Answer {
        self.send(request, "GET", None, expected).await
    }

    /// Reads JSON.
    pub(super) async fn read(&self, request: &str) -> Value {
        self.get(request, "200").await.json()
    }

    /// Checks what is read.
    pub(super) async fn reads(&self, request: &str, expected: Value) {
        assert_eq!(self.read(request).await, expected, "{request}");
    }

    /// `who path`, with a method.
    async fn send(
        &self,
        request: &str,
        method: &str,
        body: Option<String>,
        expected: &str,
    ) -> Answer {
        let (who, path) = request.split_once(' ').expect("who and path");
        let path = match path.strip_prefix('/') {
            Some(path) => format!("/api/2/{path}"),
            None => format!("/api/2/policies/{path}"),
        };
        let caller = self.gateway.as_subject(&format!("nginx:{who}"));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let json = [("content-type", "application/json")];
        let answer = caller.send(method.clone(), &path, &json, body).await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{who} {method} {path}: {}",
            answer.body
        );
        answer
    }
}

/// An entry for `who`, with rights like `+RW thing:/, -W thing:/features`.
pub(super) fn entry(who: &[&str], rights: &str) -> Value {
    let mut resources = json!({});
    for right in rights.split(", ").filter(|right| !right.is_empty()) {
        let (letters, resource) = right.split_once(' ').expect("permissions and a resource");
        let (sign, letters) = letters.split_at(1);
        let names: Vec<_> = letters.chars().map(permission).collect();
        if resources.get(resource).is_none() {
            resources[resource] = json!({ "grant": [], "revoke": [] });
        }
        resources[resource][if sign == "+" { "grant" } else { "revoke" }] = json!(names);
    }
    let subjects: serde_json::Map<_, _> = who
        .iter()
        .map(|who| (format!("nginx:{who}"), json!({ "type": "test" })))
        .collect();
    json!({ "subjects": subjects, "resources": resources })
}

fn permission(letter: char) -> &'static str {
    match letter {
        'R' => "READ",
        'W' => "WRITE",
        'X' => "EXECUTE",
        other => panic!("no permission {other}"),
    }
}

/// `entry` with further members.
pub(super) fn with(entry: Value, members: Value) -> Value {
    tests::merged(entry, members)
}

/// An entry that nobody can import, and that keeps a policy and its thing Alice's.
pub(super) fn owner() -> Value {
    let rights = "+RW policy:/, +RW thing:/, +RW message:/";
    with(entry(&["alice"], rights), json!({ "importable": "never" }))
}

/// A policy of Alice with further entries and with imports.
pub(super) fn policy(entries: Value, imports: Value) -> Value {
    let entries = with(json!({ "owner": owner() }), entries);
    json!({ "entries": entries, "imports": imports })
}
