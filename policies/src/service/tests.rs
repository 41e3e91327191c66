//! Commands against a real store: what is answered, what is refused, and when it is in force.

mod adoption;
mod announcements;
mod conditions;
mod creation;
mod crowd;
mod decision_tables;
mod events;
mod expiry;
mod history;
mod importers;
mod imports;
mod parts;
mod permissions;
mod resolved;
mod shared;
mod token_integration;
mod validation;

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Append, Embedded, EmbeddedOptions, EntityKey, EntityKind, Journal, Memo};
use serde_json::{Value, json};

use crate::{
    CommandContext, Credential, DittoHeaders, Error, NamespacePolicies, Permission, Policies,
    PolicyAction, PolicyCommand, PolicyLimits, PolicyResource, PolicyResponse, Precondition,
    Principal, ProviderKind, ResourceKey,
};

struct Fixture {
    policies: Arc<Policies>,
    journal: Arc<Embedded>,
    now: Timestamp,
    headers: DittoHeaders,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with_limits(PolicyLimits::default())
    }

    fn with_limits(limits: PolicyLimits) -> Self {
        Self::at(tempfile::tempdir().unwrap(), limits)
    }

    /// The same store, opened again by another process.
    fn reopened(self) -> Self {
        let Self {
            policies,
            journal,
            now,
            headers,
            _folder: folder,
        } = self;
        let limits = PolicyLimits::clone(&policies.limits);
        let left = Arc::downgrade(&journal);
        drop((policies, journal));
        while left.strong_count() > 0 {
            std::thread::yield_now();
        }
        Self {
            now,
            headers,
            ..Self::at(folder, limits)
        }
    }

    fn at(folder: tempfile::TempDir, limits: PolicyLimits) -> Self {
        let journal = Embedded::open(folder.path(), EmbeddedOptions::default()).unwrap();
        Self {
            policies: Arc::new(Policies::new(
                Arc::clone(&journal) as Arc<dyn Journal>,
                limits,
            )),
            journal,
            now: "2030-06-15T12:00:00Z".parse().unwrap(),
            headers: DittoHeaders::default(),
            _folder: folder,
        }
    }

    fn with_roots(mut self, pattern: &str, root: &str) -> Self {
        let roots = NamespacePolicies::new([(pattern.to_owned(), vec![root.parse().unwrap()])]);
        let journal = Arc::clone(&self.journal) as Arc<dyn Journal>;
        let policies = Policies::new(journal, PolicyLimits::default());
        self.policies = Arc::new(policies.with_namespace_policies(roots.unwrap()));
        self
    }

    /// Stores a policy as it is, however unwise; `entries` may be followed by imports.
    async fn given(&self, id: &str, entries: Value, imports: Value) {
        let append = self.stored(id, entries, imports);
        self.journal.append(vec![append]).await.unwrap();
    }

    /// What stores a policy as it is.
    fn stored(&self, id: &str, entries: Value, imports: Value) -> Append {
        let state = json!({ "policyId": id, "imports": imports, "entries": entries }).to_string();
        let key = EntityKey::new(EntityKind::Policy, id);
        let revision = self
            .journal
            .entity(&key)
            .unwrap()
            .map_or(0, |it| it.revision);
        Append {
            entity: key,
            expected_revision: revision,
            timestamp: self.now,
            signal: "{}".into(),
            signal_memo: Memo::default(),
            state: Some(state.into()),
            state_memo: Memo::default(),
        }
    }

    fn context(&self, subject: &str) -> CommandContext {
        let subjects = vec![subject.parse().unwrap()];
        let credential = Credential::default();
        CommandContext {
            principal: Principal::new(ProviderKind::Jwt, subjects, None, credential),
            headers: self.headers.clone(),
            now: self.now,
            origin: None,
            reach: None,
        }
    }

    async fn execute(
        &self,
        subject: &str,
        path: &str,
        action: PolicyAction,
    ) -> Result<PolicyResponse, Error> {
        let mut segments: Vec<&str> = path.split('/').collect();
        let policy_id = segments.remove(0).parse().unwrap();
        let command = PolicyCommand {
            policy_id,
            resource: PolicyResource::parse(&segments)?.unwrap(),
            action,
        };
        self.policies.execute(&self.context(subject), command).await
    }

    async fn get(&self, subject: &str, path: &str) -> String {
        let action = PolicyAction::Retrieve { fields: None };
        outcome(self.execute(subject, path, action).await)
    }

    async fn put(&self, subject: &str, path: &str, value: Value) -> String {
        let action = PolicyAction::Modify(value);
        outcome(self.execute(subject, path, action).await)
    }

    async fn delete(&self, subject: &str, path: &str) -> String {
        outcome(self.execute(subject, path, PolicyAction::Delete).await)
    }

    /// Which of READ and WRITE `subject` has on all of `resource` of things that follow the policy.
    fn rights(&self, subject: &str, policy_id: &str, namespace: &str, resource: &str) -> String {
        let policy_id = policy_id.parse().unwrap();
        let enforcer = self.policies.enforcer(&policy_id, namespace, self.now);
        let enforcer = enforcer.unwrap().unwrap();
        let key: ResourceKey = resource.parse().unwrap();
        let subjects = [subject.parse().unwrap()];
        let has = |permission| {
            enforcer.unrestricted(&subjects, &key.resource_type, &key.path, permission)
        };
        [(Permission::READ, "R"), (Permission::WRITE, "W")]
            .iter()
            .filter(|(permission, _)| has(permission))
            .map(|(_, letter)| *letter)
            .collect()
    }

    fn if_match(&mut self, tags: &str) {
        self.headers.precondition = Precondition {
            if_match: Some(tags.parse().unwrap()),
            if_none_match: None,
        };
    }

    fn if_none_match(&mut self, tags: &str) {
        self.headers.precondition = Precondition {
            if_match: None,
            if_none_match: Some(tags.parse().unwrap()),
        };
    }
}

/// The answer in a few words: the value that was read, or what happened, or which rule was broken.
fn outcome(result: Result<PolicyResponse, Error>) -> String {
    match result {
        Ok(PolicyResponse::Retrieved { value, .. }) => value.to_string(),
        Ok(PolicyResponse::Created { .. }) => "created".to_owned(),
        Ok(PolicyResponse::Modified { .. }) => "modified".to_owned(),
        Ok(PolicyResponse::Deleted { .. }) => "deleted".to_owned(),
        Err(Error::NotFound { resource, .. }) => format!("{}.notfound", resource.kind()),
        Err(Error::NotModifiable { resource, .. }) => format!("{}.notmodifiable", resource.kind()),
        Err(Error::Lockout { label, .. }) if label.is_some() => "Lockout of entry".to_owned(),
        Err(error) => {
            let text = format!("{error:?}");
            text.split([' ', '(']).next().unwrap_or_default().to_owned()
        }
    }
}

/// An entry for these subjects; `rights` like `+RW thing:/, -W thing:/features`.
fn entry(subjects: &[&str], rights: &str) -> Value {
    let names = |letters: &str| -> Vec<&str> {
        letters
            .chars()
            .map(|letter| if letter == 'R' { "READ" } else { "WRITE" })
            .collect()
    };
    let mut resources = serde_json::Map::new();
    for right in rights.split(", ").filter(|each| !each.is_empty()) {
        let (permissions, resource) = right.split_once(' ').unwrap();
        let (sign, letters) = permissions.split_at(1);
        let field = if sign == "+" { "grant" } else { "revoke" };
        let resource = resources
            .entry(resource)
            .or_insert_with(|| json!({"grant": [], "revoke": []}));
        resource[field] = json!(names(letters));
    }
    let subjects: serde_json::Map<String, Value> = subjects
        .iter()
        .map(|id| (format!("t:{id}"), json!({"type": "test"})))
        .collect();
    json!({"subjects": subjects, "resources": resources})
}

/// `entry` with further members.
fn with(mut entry: Value, members: Value) -> Value {
    let members = members.as_object().unwrap().clone();
    entry.as_object_mut().unwrap().extend(members);
    entry
}

/// An entry that keeps a policy writable by `t:admin`.
fn admin() -> Value {
    entry(&["admin"], "+RW policy:/")
}
