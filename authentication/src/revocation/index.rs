//! Finds what names a principal, without looking at everything.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use policies::{Principal, ProviderKind, SubjectId};

use super::{Revocation, RevocationId, RevocationKind};

/// An immutable state: a change makes a new one.
#[derive(Default)]
pub(super) struct Index {
    all: BTreeMap<RevocationId, Arc<Revocation>>,
    token_ids: ByValue,
    keys: ByValue,
    subjects: ByValue,
    issuers: ByValue,
}

type ByValue = HashMap<Arc<str>, Arc<Revocation>>;

impl Index {
    pub(super) fn of(revocations: impl Iterator<Item = Arc<Revocation>>) -> Self {
        let mut index = Self::default();
        for revocation in revocations {
            let by_value = match revocation.kind {
                RevocationKind::Jti => &mut index.token_ids,
                RevocationKind::Key => &mut index.keys,
                RevocationKind::Subject => &mut index.subjects,
                RevocationKind::Issuer => &mut index.issuers,
            };
            by_value.insert(Arc::clone(&revocation.value), Arc::clone(&revocation));
            index.all.insert(revocation.id.clone(), revocation);
        }
        index
    }

    /// With these in place of those with their ids.
    pub(super) fn with(&self, changed: impl IntoIterator<Item = Arc<Revocation>>) -> Self {
        Self::of(self.all().cloned().chain(changed))
    }

    pub(super) fn without(&self, gone: &[&RevocationId]) -> Self {
        let gone: std::collections::HashSet<_> = gone.iter().collect();
        let kept = self.all().filter(|kept| !gone.contains(&&kept.id));
        Self::of(kept.cloned())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Revocation>> {
        self.all.values()
    }

    pub(super) fn of_id(&self, id: &RevocationId) -> Option<&Arc<Revocation>> {
        self.all.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What refuses this principal, if anything does.
    pub(super) fn find(&self, principal: &Principal) -> Option<&Arc<Revocation>> {
        let credential = principal.credential();
        let named = |by_value: &'_ ByValue, value: &Option<Arc<str>>| {
            let found = by_value.get(value.as_deref()?)?;
            found.refuses(principal).then(|| found.id.clone())
        };
        named(&self.token_ids, &credential.token_id)
            .or_else(|| named(&self.keys, &credential.key_id))
            .or_else(|| self.find_subject(principal))
            .or_else(|| self.find_issuer(principal))
            .and_then(|id| self.all.get(&id))
    }

    fn find_subject(&self, principal: &Principal) -> Option<RevocationId> {
        if self.subjects.is_empty() {
            return None;
        }
        let credential = principal.credential();
        let refusing = |value: &str| {
            let found = self.subjects.get(value)?;
            found.refuses(principal).then(|| found.id.clone())
        };
        // The templates for subjects may have left `sub` out; whoever revokes a person may know nothing else.
        let own = match (&credential.name, &credential.subject) {
            (Some(name), Some(subject)) => refusing(&format!("{name}:{subject}")),
            (_, None) | (None, _) => None,
        };
        let mut subjects = principal.subjects().iter().map(SubjectId::as_str);
        own.or_else(|| subjects.find_map(refusing))
    }

    fn find_issuer(&self, principal: &Principal) -> Option<RevocationId> {
        if self.issuers.is_empty() {
            return None;
        }
        let refusing = |value: &str| {
            let found = self.issuers.get(value)?;
            found.refuses(principal).then(|| found.id.clone())
        };
        let credential = principal.credential();
        let names = match principal.provider() {
            ProviderKind::Jwt => [credential.name.as_deref(), credential.issuer.as_deref()],
            ProviderKind::PreAuthenticated | ProviderKind::ApiKey | ProviderKind::DevMode => {
                [None; 2]
            }
        };
        let without_scheme = credential.issuer.as_deref().and_then(|issuer| {
            let (_, rest) = issuer.split_once("://")?;
            Some(rest)
        });
        names
            .into_iter()
            .chain([without_scheme])
            .flatten()
            .chain(principal.subjects().iter().map(SubjectId::issuer))
            .find_map(refusing)
    }
}
