//! Keeps policies in the journal and lets nobody do what a policy does not grant.

mod announcements;
mod dump;
mod expiry;
mod explain;
mod history;
mod load;
mod permit;
mod resolved;
mod retrieve;
mod token_integration;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use journal::{Append, EntityLocks, Journal, Retention};

use self::expiry::Agenda;
pub use self::explain::{Explanation, Question, Saying};
pub use self::token_integration::{SubjectsOf, TokenIntegration};
use crate::stored::Compiled;
use crate::{
    CommandContext, Creation, CreationRules, Enforcer, Error, Granularity, NamespacePolicies,
    Policy, PolicyAction, PolicyCommand, PolicyId, PolicyResource, PolicyResponse, TagKey,
};

/// How large policies may be, and what is filled in for their writers.
#[derive(Debug, Clone)]
pub struct PolicyLimits {
    /// The largest policy, as compact JSON in UTF-16 units.
    pub policy_size_max: usize,
    /// How many other policies one may import.
    pub imports_max: usize,
    /// The namespace of policies that are created without one.
    pub default_namespace: String,
    /// To what `expiry` of subjects is rounded up.
    pub subject_expiry_granularity: Duration,
    /// To what `beforeExpiry` of announcements is rounded up.
    pub announcement_granularity: Duration,
}

impl Default for PolicyLimits {
    fn default() -> Self {
        let granularity = Granularity::default();
        Self {
            policy_size_max: 100 * 1024,
            imports_max: 10,
            default_namespace: "org.eclipse.ditto".to_owned(),
            subject_expiry_granularity: granularity.expiry,
            announcement_granularity: granularity.announcement,
        }
    }
}

/// The policies of one store.
pub struct Policies {
    journal: Arc<dyn Journal>,
    limits: PolicyLimits,
    namespace_policies: NamespacePolicies,
    retention: Retention,
    creation_rules: CreationRules,
    locks: EntityLocks,
    agenda: Agenda,
    compilations: AtomicU64,
    tag_key: TagKey,
}

/// A policy that may be created, ready to be appended together with the thing that it is for.
pub struct PreparedPolicy {
    /// The policy as it will be stored.
    pub policy: Arc<Policy>,
    /// What creates it.
    pub append: Append,
    /// Who may do what once it is there, to things of the policy's own namespace.
    pub enforcer: Arc<Enforcer>,
    compiled: Compiled,
    now: Timestamp,
}

impl PreparedPolicy {
    /// Who may do what once it is there, to things of `namespace`.
    pub fn enforcer_for(&self, namespace: &str) -> Arc<Enforcer> {
        self.compiled.enforcer(Some(namespace), self.now)
    }
}

impl Policies {
    /// The policies that `journal` keeps.
    pub fn new(journal: Arc<dyn Journal>, limits: PolicyLimits) -> Self {
        Self {
            tag_key: TagKey::new(journal.secret()),
            journal,
            limits,
            namespace_policies: NamespacePolicies::default(),
            retention: Retention::default(),
            creation_rules: CreationRules::default(),
            locks: EntityLocks::default(),
            agenda: Agenda::default(),
            compilations: AtomicU64::new(0),
        }
    }

    /// With root policies that add to every policy of a namespace.
    #[must_use]
    pub fn with_namespace_policies(mut self, namespace_policies: NamespacePolicies) -> Self {
        self.namespace_policies = namespace_policies;
        self
    }

    /// With rules on who may create what.
    #[must_use]
    pub fn with_creation_rules(mut self, creation_rules: CreationRules) -> Self {
        self.creation_rules = creation_rules;
        self
    }

    /// Whether the rules let the principal create this.
    pub fn may_create(&self, creation: &Creation<'_>) -> bool {
        self.creation_rules.allow(creation)
    }

    /// Does what `command` says if the principal may.
    ///
    /// # Errors
    ///
    /// The first [`Error`] met; then nothing was changed.
    pub async fn execute(
        &self,
        context: &CommandContext,
        command: PolicyCommand,
    ) -> Result<PolicyResponse, Error> {
        let PolicyCommand {
            policy_id,
            resource,
            action,
        } = command;
        match action {
            PolicyAction::Retrieve { fields } => {
                self.retrieve_at(context, (&policy_id, &resource), fields.as_ref(), None)
            }
            PolicyAction::Create(value) => {
                if resource != PolicyResource::Policy {
                    return Err(Error::ActionNotSupported {
                        resource: Box::new(resource),
                        action: "created",
                    });
                }
                self.create(context, policy_id, &value).await
            }
            PolicyAction::Modify(value) => self.modify(context, policy_id, resource, &value).await,
            PolicyAction::Delete => self.delete(context, policy_id, resource).await,
        }
    }

    /// An id for a policy whose creator names none.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] if the configured default namespace is none.
    pub fn generate_id(&self) -> Result<PolicyId, Error> {
        let name = uuid::Uuid::new_v4();
        crate::model::policy_id(&format!("{}:{name}", self.limits.default_namespace))
    }

    /// Who may do what to things of `namespace` that follow this policy; `None` if there is no such policy.
    ///
    /// Compiled once for every state of the policy and of what it imports, so what was acknowledged before the call is in
    /// force.
    ///
    /// # Errors
    ///
    /// [`Error::Store`], [`Error::Damaged`], or [`Error::InvalidImport`] if imports are nested too deep.
    pub fn enforcer(
        &self,
        policy_id: &PolicyId,
        namespace: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Enforcer>>, Error> {
        self.compiled_enforcer(policy_id, Some(namespace), now)
    }

    /// What makes the tags of parts of policies and things.
    pub fn tag_key(&self) -> &TagKey {
        &self.tag_key
    }

    /// How often a policy was compiled since the start: once for each state of it that is used.
    pub fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    /// Who may do what to the policy itself; namespaces of entries do not matter for it.
    ///
    /// # Errors
    ///
    /// As [`Policies::enforcer`].
    pub fn policy_enforcer(
        &self,
        policy_id: &PolicyId,
        now: Timestamp,
    ) -> Result<Option<Arc<Enforcer>>, Error> {
        self.compiled_enforcer(policy_id, None, now)
    }

    fn granularity(&self) -> Granularity {
        Granularity {
            expiry: self.limits.subject_expiry_granularity,
            announcement: self.limits.announcement_granularity,
        }
    }
}

#[cfg(test)]
mod tests;
