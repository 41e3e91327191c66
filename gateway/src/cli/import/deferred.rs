//! What was refused for lack of something that may come later in the input: tried again at its end.
//!
//! It waits on the disk; in memory are ids and places.

use std::collections::HashMap;
use std::io::{self, Write};

use policies::PolicyId;
use serde_json::Value;

use super::documents::{Item, Place};
use super::spool::Span;
use super::{AT_ONCE, Kind, Run, kind_of};

/// Everything that waits.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    items: Vec<Waiting>,
    /// Policies that wait, those that come with a thing included.
    policies: HashMap<PolicyId, Span>,
}

#[derive(Debug)]
struct Waiting {
    place: Place,
    span: Span,
    /// Whether it waits for a policy that its own policy imports, and not for its own.
    is_policy: bool,
}

impl Run<'_> {
    /// Keeps an item for later, and the policy that it is or brings if that is why.
    pub(super) fn defer(
        &mut self,
        place: Place,
        item: &Value,
        policy: Option<PolicyId>,
    ) -> io::Result<()> {
        let span = self.spool.push(item)?;
        self.deferred.items.push(Waiting {
            place,
            span,
            is_policy: policy.is_some(),
        });
        if let Some(policy_id) = policy {
            let span = match item.get("_policy") {
                Some(policy) => self.spool.push(policy)?,
                None => span,
            };
            self.deferred.policies.insert(policy_id, span);
        }
        Ok(())
    }

    /// Takes over what was kept, as far as it can be now; the rest has failed.
    pub(super) async fn adopt_deferred(&mut self, errors: &mut dyn Write) -> io::Result<()> {
        let Deferred { items, policies } = std::mem::take(&mut self.deferred);
        let lasting = self.lasting(policies).await;
        self.coming.extend(lasting);
        let (policies, things): (Vec<Waiting>, Vec<Waiting>) =
            items.into_iter().partition(|waiting| waiting.is_policy);
        for portion in policies.chunks(AT_ONCE).chain(things.chunks(AT_ONCE)) {
            let items = portion.iter().map(|waiting| self.taken_up(waiting));
            let items: Vec<(Kind, Item)> = items.collect::<io::Result<_>>()?;
            for (place, outcome) in self.try_all(items).await? {
                self.note(place, outcome, errors)?;
            }
        }
        Ok(())
    }

    fn taken_up(&self, waiting: &Waiting) -> io::Result<(Kind, Item)> {
        let value = self.spool.read(waiting.span)?;
        let place = waiting.place;
        let kind = kind_of(&value).unwrap_or(Kind::Thing);
        Ok((kind, Item { place, value }))
    }

    /// The most of these policies that hold if all of them are there: some may need one another.
    async fn lasting(&self, mut policies: HashMap<PolicyId, Span>) -> HashMap<PolicyId, Span> {
        loop {
            let mut refused = Vec::new();
            for (policy_id, span) in &policies {
                if !self.would_hold(policy_id, *span, &policies).await {
                    refused.push(policy_id.clone());
                }
            }
            if refused.is_empty() {
                return policies;
            }
            policies.retain(|policy_id, _| !refused.contains(policy_id));
        }
    }

    async fn would_hold(
        &self,
        policy_id: &PolicyId,
        span: Span,
        beside: &HashMap<PolicyId, Span>,
    ) -> bool {
        let Some(value) = self.kept(Some(&span)) else {
            return false;
        };
        let Ok(mut adoption) = self.adoption(&value) else {
            return false;
        };
        adoption.is_trial = true;
        let coming = |id: &PolicyId| self.kept(beside.get(id).or_else(|| self.coming.get(id)));
        let policies = &self.twins.policies;
        let outcome = policies.adopt(policy_id.clone(), &value, &adoption, &coming);
        outcome.await.is_ok()
    }
}
