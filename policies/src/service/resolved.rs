//! A policy as it holds in the end, for readers: with imported entries, resolved references and root policies.
//!
//! Source: Ditto documentation, page "Policy", section "Resolved view".

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Policies;
use super::load::Loaded;
use crate::{CommandContext, Error, Permission, Pointer, Policy, PolicyId, ResourceType};

impl Policies {
    /// The JSON of the policy with every entry that holds, less those that the principal may not see where they come from.
    pub(super) fn resolved(
        &self,
        context: &CommandContext,
        loaded: &Loaded,
        policy: &Policy,
    ) -> Result<Value, Error> {
        let mut entries = Map::new();
        for (label, entry) in self.entries_in_reach(context, &loaded.stored.policy)? {
            if self.is_visible_at_source(context, policy, &label)? {
                let mut entry = entry;
                Arc::make_mut(&mut entry)
                    .subjects
                    .retain(|_, subject| !subject.is_expired(context.now));
                entries.insert(label, entry.to_json());
            }
        }
        let mut value = policy.to_json();
        if let Some(members) = value.as_object_mut() {
            members.insert("entries".to_owned(), Value::Object(entries));
        }
        Ok(value)
    }

    /// Labels of entries from elsewhere name their policy; where names run into each other, every reading must be allowed.
    fn is_visible_at_source(
        &self,
        context: &CommandContext,
        policy: &Policy,
        label: &str,
    ) -> Result<bool, Error> {
        let roots = self.namespace_policies.roots_of(&policy.policy_id);
        let imported = policy.imports.keys().map(|id| ("imported", id));
        let sources = imported.chain(roots.iter().map(|id| ("nsimported", id)));
        for (prefix, source) in sources {
            let rest = label.strip_prefix(&format!("{prefix}-{source}-"));
            if let Some(original) = rest
                && !self.may_see_entry(context, source, original)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_see_entry(
        &self,
        context: &CommandContext,
        policy_id: &PolicyId,
        label: &str,
    ) -> Result<bool, Error> {
        let enforcer = self.policy_enforcer(policy_id, context.now)?;
        Ok(enforcer.is_some_and(|enforcer| {
            enforcer.partial(
                context.principal.subjects(),
                &ResourceType::Policy,
                &Pointer::from_segments(["entries", label]),
                &Permission::READ,
            )
        }))
    }
}
