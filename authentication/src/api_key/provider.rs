//! Recognises the keys of configured identities.

use std::sync::Arc;

use policies::{Principal, ProviderKind};

use super::hint::adopted_key_id;
use super::index::{Entry, Index, Unfit};
use super::key::{Environment, NativeKey, is_brand};
use super::legacy::{LegacyKeys, Lookup};
use super::memory::KeyMemory;
use super::news::KeyWatch;
use super::refusal::ApiKeyRefusal;
use super::settings::ApiKeySettings;
use super::usage::Caller;
use super::verified::VerifiedKeys;
use super::verifier::KeyVerifier;
use crate::bearer::Bearer;
use crate::guard::Guard;
use crate::{
    Attempt, AuthenticationError, AuthenticationOutcome, AuthenticationProvider, RequestParts,
    Scopes, SettingsError,
};

/// The longest key worth looking at, in bytes.
const KEY_BYTES_MAX: usize = 512;

/// Recognises `Authorization: Bearer <brand>_…`, and base64 as Edge Server's keys are.
pub struct ApiKeyProvider {
    brand: String,
    environment: Environment,
    index: Index,
    legacy: Option<LegacyKeys>,
    verified: VerifiedKeys,
    nobody: KeyVerifier,
    memory: Arc<KeyMemory>,
    watch: KeyWatch,
    guard: Arc<Guard>,
}

impl ApiKeyProvider {
    /// A provider for these identities. `memory` is what an earlier one knew; `guard` is asked before slow hashes.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a brand, id, subject, permission set or hash that cannot be used, and for a key that two
    /// identities share.
    pub fn new(
        settings: ApiKeySettings,
        memory: Arc<KeyMemory>,
        guard: Arc<Guard>,
    ) -> Result<Self, SettingsError> {
        if !is_brand(&settings.brand) {
            return Err(SettingsError::Brand {
                brand: settings.brand,
            });
        }
        let index = Index::new(&settings, &memory)?;
        Ok(Self {
            legacy: LegacyKeys::new(&settings, &index)?,
            verified: VerifiedKeys::new(index.len()),
            index,
            brand: settings.brand,
            environment: settings.environment,
            nobody: KeyVerifier::dummy(),
            watch: KeyWatch {
                networks_max: settings.networks_max,
                observer: memory.observer(),
            },
            memory,
            guard,
        })
    }

    /// What an operator should know about these keys, one sentence each.
    pub fn notices(&self) -> Vec<String> {
        let remarks = self.index.entries().flat_map(|entry| {
            let remarks = entry.verifier.remarks().iter();
            remarks.map(|remark| {
                format!(
                    "identity `{}`: {} ({remark})",
                    entry.identity,
                    remark.code()
                )
            })
        });
        let powerless = self.index.entries().filter_map(|entry| {
            let reaches_nothing = entry
                .scopes
                .as_ref()
                .is_some_and(|scopes| scopes.is_empty());
            let name = &entry.identity;
            reaches_nothing
                .then(|| format!("identity `{name}` has no permissions: it may do nothing"))
        });
        let cost = self.legacy.as_ref().map(LegacyKeys::cost_per_unknown_key);
        let costs = cost.filter(|(runs, _)| *runs > 0).map(|(runs, cost)| {
            format!(
                "{runs} slow hashes have no hint: an unknown key costs as many runs, about {:.1} s of the processor in all; see `twinward api-key hint`",
                cost.as_secs_f64()
            )
        });
        remarks.chain(powerless).chain(costs).collect()
    }

    /// The hash of a key is computed once; whether the key counts is asked every time.
    fn verify_native(
        &self,
        text: &str,
        caller: &Caller<'_>,
    ) -> Result<Principal, AuthenticationError> {
        if text.len() > KEY_BYTES_MAX {
            return Err(refused(ApiKeyRefusal::Malformed, None));
        }
        let (fingerprint, known) = self.verified.recall(text);
        if let Some(entry) = known {
            return self.admit(&entry, caller);
        }
        let key = NativeKey::parse(text).map_err(|_| refused(ApiKeyRefusal::Malformed, None))?;
        if key.brand != self.brand {
            return Err(refused(ApiKeyRefusal::WrongBrand, None));
        }
        let refuse = |refusal| refused(refusal, Some(key.key_id));
        let Some(entry) = self.index.get(key.key_id) else {
            let _equal_work = self.nobody.verify(text);
            return Err(refuse(ApiKeyRefusal::UnknownKeyId));
        };
        if !entry.verifier.verify(text) {
            return Err(refuse(ApiKeyRefusal::WrongSecret));
        }
        if key.environment != self.environment {
            return Err(refuse(ApiKeyRefusal::WrongEnvironment));
        }
        self.verified.remember(fingerprint, entry);
        self.admit(entry, caller)
    }

    fn verify_legacy<'a>(&'a self, key: &'a str, caller: Caller<'a>) -> Attempt<'a> {
        let unknown = || Err(refused(ApiKeyRefusal::UnknownLegacyKey, None));
        let (verified, known) = self.verified.recall(key);
        if let Some(entry) = known {
            return Attempt::Ready(self.admit(&entry, &caller).into());
        }
        let adopted = self.index.get(&adopted_key_id(key));
        if let Some(entry) = adopted.filter(|entry| entry.verifier.verify(key)) {
            self.verified.remember(verified, entry);
            return Attempt::Ready(self.admit(entry, &caller).into());
        }
        let Some(legacy) = &self.legacy else {
            return Attempt::Ready(unknown().into());
        };
        let (fingerprint, known) = legacy.look_up(key, (&self.memory, &self.index, caller.now));
        match known {
            Lookup::Known(entry) => {
                self.verified.remember(verified, &entry);
                Attempt::Ready(self.admit(&entry, &caller).into())
            }
            Lookup::Bogus => Attempt::Ready(unknown().into()),
            Lookup::Candidates(candidates) => Attempt::Pending(Box::pin(async move {
                let work = (key, fingerprint, candidates);
                let services = (&*self.memory, &self.watch);
                let found = legacy.hash(work, services, (&self.guard, &caller)).await;
                found
                    .and_then(|entry| {
                        self.verified.remember(verified, &entry);
                        self.admit(&entry, &caller)
                    })
                    .into()
            })),
        }
    }

    /// What the entry's identity acts as; a key that does not count now fails like any bad key.
    fn admit(&self, entry: &Entry, caller: &Caller<'_>) -> Result<Principal, AuthenticationError> {
        let key_id = entry.verifier.key_id();
        let admitted = entry.admit(caller, &self.watch);
        admitted.map_err(|unfit| match unfit {
            Unfit::Refused(refusal) => refused(refusal, Some(key_id)),
            Unfit::Source => AuthenticationError::ApiKeySource {
                key_id: key_id.into(),
            },
        })
    }
}

fn refused(refusal: ApiKeyRefusal, key_id: Option<&str>) -> AuthenticationError {
    AuthenticationError::ApiKeyRefused {
        refusal,
        key_id: key_id.map(Arc::from),
    }
}

impl AuthenticationProvider for ApiKeyProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::ApiKey
    }

    fn refuse(&self, request: &RequestParts<'_>) -> Result<(), AuthenticationError> {
        if !request.query.contains('_') {
            return Ok(());
        }
        let mut parameters = url::form_urlencoded::parse(request.query.as_bytes());
        let burnt = parameters
            .find_map(|(_, value)| Some(Arc::from(NativeKey::parse(&value).ok()?.key_id)));
        burnt.map_or(Ok(()), |key_id| {
            Err(AuthenticationError::ApiKeyInQuery { key_id })
        })
    }

    fn is_applicable(&self, request: &RequestParts<'_>) -> bool {
        matches!(
            Bearer::of(request),
            Some(Bearer::ApiKey(_) | Bearer::LegacyKey(_))
        )
    }

    fn authenticate<'a>(&'a self, request: &'a RequestParts<'a>) -> Attempt<'a> {
        match Bearer::of(request) {
            Some(Bearer::ApiKey(key)) => {
                Attempt::Ready(self.verify_native(key, &Caller::of(request)).into())
            }
            Some(Bearer::LegacyKey(key)) => self.verify_legacy(key, Caller::of(request)),
            Some(Bearer::Token(_) | Bearer::Malformed) | None => {
                Attempt::Ready(AuthenticationOutcome::NotApplicable)
            }
        }
    }

    fn scopes(&self, principal: &Principal) -> Option<Arc<Scopes>> {
        let key_id = principal.credential().key_id.as_deref();
        match key_id.and_then(|key_id| self.index.get(key_id)) {
            Some(entry) => entry.scopes.clone(),
            // Configured no longer: whoever still has it may do nothing.
            None => Some(Arc::default()),
        }
    }
}
