//! Every key that counts, by its id, and what stands behind it.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use policies::{Credential, Principal, ProviderKind, SubjectId};

use super::hint::is_hint;
use super::memory::KeyMemory;
use super::news::KeyWatch;
use super::refusal::ApiKeyRefusal;
use super::settings::{ApiKeyCredential, ApiKeySettings, IdentitySettings};
use super::usage::{Caller, UseCell};
use super::verifier::KeyVerifier;
use crate::fingerprint::Fingerprint;
use crate::{PeerAddress, Scopes, SettingsError, TrustedPeer};

/// The keys of every identity.
pub(super) struct Index(HashMap<String, Arc<Entry>>);

/// One key.
pub(super) struct Entry {
    pub(super) identity: String,
    pub(super) verifier: KeyVerifier,
    pub(super) hint: Option<String>,
    pub(super) principal: Principal,
    /// `None` if the identity may do everything.
    pub(super) scopes: Option<Arc<Scopes>>,
    disabled: bool,
    is_elsewhere: bool,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    allow_from: Vec<TrustedPeer>,
    used: Arc<UseCell>,
}

/// Why a genuine key does not open anything now.
pub(super) enum Unfit {
    /// As the caller is told of any bad key.
    Refused(ApiKeyRefusal),
    /// Not from there.
    Source,
}

impl Index {
    pub(super) fn new(
        settings: &ApiKeySettings,
        memory: &KeyMemory,
    ) -> Result<Self, SettingsError> {
        let mut entries: HashMap<String, Arc<Entry>> = HashMap::new();
        for identity in &settings.identities {
            let shared = Shared::of(settings, identity)?;
            for (index, credential) in identity.credentials.iter().enumerate() {
                let entry = shared.entry((index, credential), settings, memory)?;
                let key_id = entry.verifier.key_id().to_owned();
                if let Some(first) = entries.insert(key_id.clone(), Arc::new(entry)) {
                    return Err(SettingsError::DuplicateCredential {
                        first: first.identity.clone(),
                        second: identity.name.clone(),
                        key_id,
                    });
                }
            }
        }
        Ok(Self(entries))
    }

    pub(super) fn get(&self, key_id: &str) -> Option<&Arc<Entry>> {
        self.0.get(key_id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys with slow hashes, in a stable order.
    pub(super) fn slow(&self) -> Vec<Arc<Entry>> {
        let slow = self.0.values().filter(|entry| entry.verifier.is_slow());
        let mut slow: Vec<_> = slow.cloned().collect();
        slow.sort_by(|one, other| one.verifier.key_id().cmp(other.verifier.key_id()));
        slow
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().map(|entry| &**entry)
    }
}

/// Tells one set of hashes from another.
pub(super) fn digest_of(entries: &[Arc<Entry>]) -> Fingerprint {
    let names: Vec<&str> = entries
        .iter()
        .map(|entry| entry.verifier.key_id())
        .collect();
    let digest = digest::digest(&digest::SHA256, names.join(" ").as_bytes());
    let mut short = Fingerprint::default();
    for (target, source) in short.iter_mut().zip(digest.as_ref()) {
        *target = *source;
    }
    short
}

/// What the keys of one identity have in common.
struct Shared<'a> {
    identity: &'a IdentitySettings,
    subjects: Vec<SubjectId>,
    scopes: Scopes,
}

impl<'a> Shared<'a> {
    fn of(
        settings: &ApiKeySettings,
        identity: &'a IdentitySettings,
    ) -> Result<Self, SettingsError> {
        let sets = identity.permission_sets.iter().map(|name| {
            settings
                .permission_sets
                .get(name)
                .ok_or_else(|| SettingsError::PermissionSet {
                    identity: identity.name.clone(),
                    set: name.clone(),
                })
        });
        Ok(Self {
            identity,
            subjects: subjects(settings, identity)?,
            scopes: Scopes::of(sets.collect::<Result<Vec<_>, _>>()?),
        })
    }

    fn entry(
        &self,
        (index, credential): (usize, &ApiKeyCredential),
        settings: &ApiKeySettings,
        memory: &KeyMemory,
    ) -> Result<Entry, SettingsError> {
        let identity = self.identity;
        let verifier = KeyVerifier::parse(&credential.verifier, settings.pepper.as_ref());
        let verifier = verifier.map_err(|source| SettingsError::Credential {
            identity: identity.name.clone(),
            position: index + 1,
            source,
        })?;
        if credential
            .hint
            .as_deref()
            .is_some_and(|hint| !is_hint(hint))
        {
            return Err(SettingsError::KeyHint {
                identity: identity.name.clone(),
                position: index + 1,
            });
        }
        let expires_at = [identity.expires_at, credential.expires_at];
        let expires_at = expires_at.into_iter().flatten().min();
        Ok(Entry {
            identity: identity.name.clone(),
            hint: credential.hint.clone(),
            principal: self.principal(verifier.key_id(), expires_at),
            scopes: (!self.scopes.is_full()).then(|| Arc::new(self.scopes.clone())),
            disabled: identity.disabled,
            is_elsewhere: identity.is_elsewhere,
            not_before: identity.not_before.max(credential.not_before),
            expires_at,
            allow_from: identity.allow_from.clone(),
            used: memory.uses().cell(verifier.key_id()),
            verifier,
        })
    }

    fn principal(&self, key_id: &str, expires_at: Option<Timestamp>) -> Principal {
        let sets = self.identity.permission_sets.iter();
        let described = Credential {
            name: Some(self.identity.name.as_str().into()),
            key_id: Some(key_id.into()),
            permission_sets: sets.map(|set| set.as_str().into()).collect(),
            ..Credential::default()
        };
        let subjects = self.subjects.clone();
        Principal::new(ProviderKind::ApiKey, subjects, expires_at, described)
    }
}

impl Entry {
    /// The principal, if the key counts now and from there.
    pub(super) fn admit(&self, caller: &Caller<'_>, watch: &KeyWatch) -> Result<Principal, Unfit> {
        let now = caller.now;
        if self.disabled {
            return Err(Unfit::Refused(ApiKeyRefusal::Disabled));
        }
        if self.is_elsewhere {
            return Err(Unfit::Refused(ApiKeyRefusal::NotOnThisServer));
        }
        if self.not_before.is_some_and(|start| now < start) {
            return Err(Unfit::Refused(ApiKeyRefusal::NotYetValid));
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(Unfit::Refused(ApiKeyRefusal::Expired));
        }
        let address = caller.client.map_or(PeerAddress::Unix, PeerAddress::Ip);
        let is_meant = |from: &TrustedPeer| from.is(address);
        if !self.allow_from.is_empty() && !self.allow_from.iter().any(is_meant) {
            return Err(Unfit::Source);
        }
        self.used.note((&self.principal, caller), watch);
        Ok(self.principal.clone())
    }
}

/// `<prefix>:<id>`, then what the configuration adds.
fn subjects(
    settings: &ApiKeySettings,
    identity: &IdentitySettings,
) -> Result<Vec<SubjectId>, SettingsError> {
    if settings.subject_prefix.is_empty() || settings.subject_prefix.contains(':') {
        return Err(SettingsError::SubjectIssuer {
            name: settings.subject_prefix.clone(),
        });
    }
    let id = identity.id.as_deref().unwrap_or(&identity.name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    if !(1..=128).contains(&id.len()) || !id.bytes().all(plain) {
        return Err(SettingsError::IdentityId {
            identity: identity.name.clone(),
            id: id.to_owned(),
        });
    }
    std::iter::once(format!("{}:{id}", settings.subject_prefix))
        .chain(identity.subjects.iter().cloned())
        .map(|text| {
            text.parse().map_err(|_| SettingsError::IdentitySubject {
                identity: identity.name.clone(),
                subject: text,
            })
        })
        .collect()
}
