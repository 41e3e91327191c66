//! What becomes of one item: stored, refused, or refused for as long as something else is missing.

use std::io;

use jiff::Timestamp;
use policies::{Adopted, Adoption, EntityIdError, Error, PolicyId};
use serde_json::Value;
use things::{AdoptionError, ThingId};

use super::spool::Span;
use super::{Kind, Run};
use crate::error::ErrorChain;

/// Policies and things that were made of one item, or why one was not.
pub(super) type Outcome = Result<Vec<(Kind, Adopted)>, Refusal>;

/// Why an item is not taken over.
pub(super) enum Refusal {
    /// Nothing helps.
    Failed(Kind, String),
    /// It may be once something else is there.
    Early {
        kind: Kind,
        item: Value,
        /// The policy that it is, or that comes with it, if that is what is refused.
        policy: Option<PolicyId>,
        reason: String,
    },
}

/// What came of an item, and what that means for others.
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    /// Policies that a trial would have stored.
    pub(super) tried: Vec<(PolicyId, Value)>,
    pub(super) unmet: Vec<Unmet>,
}

/// A policy that another imports, and that was not there.
pub(super) struct Unmet {
    pub(super) importer: PolicyId,
    pub(super) imported: PolicyId,
}

/// Why a policy is not taken over.
enum Refused {
    Failed(String),
    /// It imports others, and nobody could write it without them.
    Early(PolicyId, String),
}

impl Run<'_> {
    /// Takes over one item.
    pub(super) async fn adopt(&self, kind: Kind, value: Value) -> Attempt {
        let mut attempt = Attempt {
            outcome: Ok(Vec::new()),
            tried: Vec::new(),
            unmet: Vec::new(),
        };
        attempt.outcome = match kind {
            Kind::Policy => self.adopt_alone(value, &mut attempt).await,
            Kind::Thing => self.adopt_thing(value, &mut attempt).await,
        };
        attempt
    }

    async fn adopt_alone(&self, item: Value, attempt: &mut Attempt) -> Outcome {
        match self.adopt_policy(&item, attempt).await {
            Ok(adopted) => Ok(vec![(Kind::Policy, adopted)]),
            Err(refused) => Err(refused.of(item)),
        }
    }

    async fn adopt_policy(&self, value: &Value, attempt: &mut Attempt) -> Result<Adopted, Refused> {
        let text = value.get("policyId").and_then(Value::as_str);
        let name = text.unwrap_or_default();
        let because = |reason: String| format!("policy `{name}`: {reason}");
        let failed = |reason: String| Refused::Failed(because(reason));
        let policy_id: PolicyId = name
            .parse()
            .map_err(|error: EntityIdError| failed(error.to_string()))?;
        let adoption = self.adoption(value).map_err(failed)?;
        let adopted = self
            .twins
            .policies
            .adopt(policy_id.clone(), value, &adoption, &|id| {
                self.kept(self.coming.get(id))
            })
            .await
            .map_err(|error| {
                let reason = because(ErrorChain(&error).to_string());
                let is_early = matches!(error, Error::Lockout { .. }) && imports(value).count() > 0;
                if is_early {
                    Refused::Early(policy_id.clone(), reason)
                } else {
                    Refused::Failed(reason)
                }
            })?;
        if adopted != Adopted::Skipped {
            let unmet = imports(value).filter(|id| !self.is_there(id, attempt));
            let unmet: Vec<Unmet> = unmet
                .map(|imported| Unmet {
                    importer: policy_id.clone(),
                    imported,
                })
                .collect();
            attempt.unmet.extend(unmet);
            if self.is_trial {
                attempt.tried.push((policy_id, value.clone()));
            }
        }
        Ok(adopted)
    }

    async fn adopt_thing(&self, mut value: Value, attempt: &mut Attempt) -> Outcome {
        let text = value.get("thingId").and_then(Value::as_str);
        let name = text.unwrap_or_default().to_owned();
        let because = |reason: String| format!("thing `{name}`: {reason}");
        let failed = |reason: String| Refusal::Failed(Kind::Thing, because(reason));
        let thing_id: ThingId = name
            .parse()
            .map_err(|error: EntityIdError| failed(error.to_string()))?;
        if value.get("_copyPolicyFrom").is_some() {
            let reason = "`_copyPolicyFrom` is for creations through the API, not for imports";
            return Err(failed(reason.to_owned()));
        }
        let adoption = self.adoption(&value).map_err(failed)?;
        let mut adopted = Vec::new();
        if let Some(policy) = take_policy(&mut value, &thing_id) {
            match self.adopt_policy(&policy, attempt).await {
                Ok(outcome) => adopted.push((Kind::Policy, outcome)),
                Err(refused) => {
                    put_policy_back(&mut value, policy);
                    return Err(refused.of(value));
                }
            }
        }
        let named = value.get("policyId").and_then(Value::as_str);
        let named = named.and_then(|id| id.parse::<PolicyId>().ok());
        if let Some(policy_id) = named.filter(|id| !self.is_there(id, attempt)) {
            let reason = AdoptionError::PolicyUnknown { policy_id }.to_string();
            return Err(Refusal::Early {
                kind: Kind::Thing,
                item: value,
                policy: None,
                reason: because(reason),
            });
        }
        let things = &self.twins.things;
        let outcome = match things.adopt(thing_id, value, &adoption).await {
            // It was looked for before: a trial has stored none.
            Err(AdoptionError::PolicyUnknown { .. }) if self.is_trial => Adopted::Created,
            other => other.map_err(|error| failed(ErrorChain(&error).to_string()))?,
        };
        adopted.push((Kind::Thing, outcome));
        Ok(adopted)
    }

    /// Whether there is such a policy; one that cannot be read is there.
    fn is_there(&self, policy_id: &PolicyId, attempt: &Attempt) -> bool {
        let is_tried = || attempt.tried.iter().any(|(tried, _)| tried == policy_id);
        self.twins.policies.is_there(policy_id).unwrap_or(true)
            || self.is_trial && (self.coming.contains_key(policy_id) || is_tried())
    }

    /// What was kept there.
    pub(super) fn kept(&self, span: Option<&Span>) -> Option<Value> {
        let read: io::Result<Value> = self.spool.read(*span?);
        read.ok()
    }

    pub(super) fn adoption(&self, value: &Value) -> Result<Adoption, String> {
        Ok(Adoption {
            existing: self.existing,
            is_trial: self.is_trial,
            created: time(value, "_created")?,
            modified: time(value, "_modified")?,
            now: self.now,
        })
    }
}

impl Refused {
    /// The same of the item that is the policy or brought it.
    fn of(self, item: Value) -> Refusal {
        let kind = Kind::Policy;
        match self {
            Self::Failed(reason) => Refusal::Failed(kind, reason),
            Self::Early(policy_id, reason) => Refusal::Early {
                kind,
                item,
                policy: Some(policy_id),
                reason,
            },
        }
    }
}

/// What a policy imports.
fn imports(policy: &Value) -> impl Iterator<Item = PolicyId> {
    let imports = policy.get("imports").and_then(Value::as_object);
    let ids = imports.into_iter().flat_map(|imports| imports.keys());
    ids.filter_map(|id| id.parse().ok())
}

/// Undoes [`take_policy`].
fn put_policy_back(thing: &mut Value, policy: Value) {
    if let Some(members) = thing.as_object_mut() {
        members.insert("_policy".to_owned(), policy);
    }
}

/// The policy that comes with a thing, under the id that the thing names.
fn take_policy(thing: &mut Value, thing_id: &ThingId) -> Option<Value> {
    let members = thing.as_object_mut()?;
    let mut policy = members.shift_remove("_policy")?;
    let stated = members.get("policyId").cloned();
    let own = policy.get("policyId").cloned();
    let policy_id = stated
        .or(own)
        .unwrap_or_else(|| Value::from(thing_id.as_str()));
    members.insert("policyId".to_owned(), policy_id.clone());
    if let Some(policy) = policy.as_object_mut() {
        policy.entry("policyId").or_insert(policy_id);
    }
    Some(policy)
}

/// A time in a member that only readers see.
fn time(value: &Value, member: &str) -> Result<Option<Timestamp>, String> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(time) => time
            .as_str()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| format!("`{member}` is no RFC 3339 time")),
    }
}
