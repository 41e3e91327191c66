//! Recognises the keys of configured identities.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use policies::{Credential, Principal, ProviderKind};
use secrecy::SecretString;

use super::key::{Environment, NativeKey, is_brand};
use super::verifier::KeyVerifier;
use crate::bearer::Bearer;
use crate::guard::GuardedMethod;
use crate::{Attempt, AuthenticationError, AuthenticationProvider, RequestParts, SettingsError};

/// Which keys count, and whose they are.
#[derive(Debug, Clone)]
pub struct ApiKeySettings {
    /// The first word of every key.
    pub brand: String,
    /// Keys of the other environment are refused.
    pub environment: Environment,
    /// First half of the subjects, `edge` unless configured.
    pub subject_prefix: String,
    /// What the verifiers were made with.
    pub pepper: Option<SecretString>,
    /// Who may call.
    pub identities: Vec<IdentitySettings>,
}

/// One caller.
#[derive(Debug, Clone, Default)]
pub struct IdentitySettings {
    /// Its name in the configuration.
    pub name: String,
    /// Its id in subjects and audit; the name unless set.
    pub id: Option<String>,
    /// Its keys: several while one replaces another.
    pub credentials: Vec<ApiKeyCredential>,
    /// The names of its permission sets.
    pub permission_sets: Vec<String>,
    /// Further subjects, after its own.
    pub subjects: Vec<String>,
    /// Whether all its keys are refused.
    pub disabled: bool,
    /// From when its keys count.
    pub not_before: Option<Timestamp>,
    /// Until when its keys count.
    pub expires_at: Option<Timestamp>,
}

/// One key of an identity.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyCredential {
    /// What [`generate`](super::generate()) printed.
    pub verifier: String,
    /// From when it counts.
    pub not_before: Option<Timestamp>,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
}

/// Why a key is not good: for logs and audit, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// Not a key, or its checksum does not fit.
    #[error("malformed")]
    Malformed,
    /// A key of another brand.
    #[error("wrong brand")]
    WrongBrand,
    /// No identity has this key id.
    #[error("unknown key id")]
    UnknownKeyId,
    /// The key id exists, the secret is another.
    #[error("wrong secret")]
    WrongSecret,
    /// A test key where live keys count, or the reverse.
    #[error("wrong environment")]
    WrongEnvironment,
    /// The identity is switched off.
    #[error("disabled")]
    Disabled,
    /// It does not count yet.
    #[error("not yet valid")]
    NotYetValid,
    /// It counts no longer.
    #[error("expired")]
    Expired,
}

impl ApiKeyRefusal {
    /// A stable word for audit and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongBrand => "wrong_brand",
            Self::UnknownKeyId => "unknown_key_id",
            Self::WrongSecret => "wrong_secret",
            Self::WrongEnvironment => "wrong_env",
            Self::Disabled => "disabled",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }

    /// What a key that nobody was given fails by; `None` if only a genuine key fails like this.
    pub(crate) fn guessed_by(self) -> Option<GuardedMethod> {
        match self {
            Self::Malformed | Self::WrongBrand | Self::UnknownKeyId | Self::WrongSecret => {
                Some(GuardedMethod::ApiKey)
            }
            Self::WrongEnvironment | Self::Disabled | Self::NotYetValid | Self::Expired => None,
        }
    }
}

/// Recognises `Authorization: Bearer <brand>_…`.
pub struct ApiKeyProvider {
    brand: String,
    environment: Environment,
    entries: HashMap<String, Entry>,
    nobody: KeyVerifier,
}

struct Entry {
    identity: String,
    verifier: KeyVerifier,
    principal: Principal,
    disabled: bool,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl ApiKeyProvider {
    /// A provider for these identities.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a brand, id, subject or hash that cannot be used, and for a key that two identities share.
    pub fn new(settings: ApiKeySettings) -> Result<Self, SettingsError> {
        if !is_brand(&settings.brand) {
            return Err(SettingsError::Brand {
                brand: settings.brand,
            });
        }
        let mut entries: HashMap<String, Entry> = HashMap::new();
        for identity in &settings.identities {
            for (index, credential) in identity.credentials.iter().enumerate() {
                let verifier = KeyVerifier::parse(&credential.verifier, settings.pepper.as_ref())
                    .map_err(|source| SettingsError::Credential {
                    identity: identity.name.clone(),
                    position: index + 1,
                    source,
                })?;
                let key_id = verifier.key_id().to_owned();
                let entry = Entry::new(&settings, identity, credential, verifier)?;
                if let Some(first) = entries.insert(key_id.clone(), entry) {
                    return Err(SettingsError::DuplicateCredential {
                        first: first.identity,
                        second: identity.name.clone(),
                        key_id,
                    });
                }
            }
        }
        Ok(Self {
            brand: settings.brand,
            environment: settings.environment,
            entries,
            nobody: KeyVerifier::dummy(),
        })
    }

    fn verify(&self, text: &str, now: Timestamp) -> Result<Principal, AuthenticationError> {
        let refuse = |refusal, key_id: Option<&str>| AuthenticationError::ApiKeyRefused {
            refusal,
            key_id: key_id.map(Arc::from),
        };
        let key = NativeKey::parse(text).map_err(|_| refuse(ApiKeyRefusal::Malformed, None))?;
        if key.brand != self.brand {
            return Err(refuse(ApiKeyRefusal::WrongBrand, None));
        }
        let refuse = |refusal| refuse(refusal, Some(key.key_id));
        let Some(entry) = self.entries.get(key.key_id) else {
            let _equal_work = self.nobody.verify(text);
            return Err(refuse(ApiKeyRefusal::UnknownKeyId));
        };
        if !entry.verifier.verify(text) {
            return Err(refuse(ApiKeyRefusal::WrongSecret));
        }
        if key.environment != self.environment {
            return Err(refuse(ApiKeyRefusal::WrongEnvironment));
        }
        entry.check_state(now).map_err(refuse)?;
        Ok(entry.principal.clone())
    }

    fn key<'a>(request: &RequestParts<'a>) -> Option<&'a str> {
        match Bearer::of(request)? {
            Bearer::ApiKey(key) => Some(key),
            Bearer::Token(_) | Bearer::Malformed => None,
        }
    }
}

impl Entry {
    fn new(
        settings: &ApiKeySettings,
        identity: &IdentitySettings,
        credential: &ApiKeyCredential,
        verifier: KeyVerifier,
    ) -> Result<Self, SettingsError> {
        let not_before = identity.not_before.max(credential.not_before);
        let expires_at = [identity.expires_at, credential.expires_at]
            .into_iter()
            .flatten()
            .min();
        let described = Credential {
            name: Some(identity.name.as_str().into()),
            key_id: Some(verifier.key_id().into()),
            permission_sets: identity
                .permission_sets
                .iter()
                .map(|set| set.as_str().into())
                .collect(),
            ..Credential::default()
        };
        let subjects = subjects(settings, identity)?;
        Ok(Self {
            identity: identity.name.clone(),
            principal: Principal::new(ProviderKind::ApiKey, subjects, expires_at, described),
            verifier,
            disabled: identity.disabled,
            not_before,
            expires_at,
        })
    }

    fn check_state(&self, now: Timestamp) -> Result<(), ApiKeyRefusal> {
        if self.disabled {
            return Err(ApiKeyRefusal::Disabled);
        }
        if self.not_before.is_some_and(|start| now < start) {
            return Err(ApiKeyRefusal::NotYetValid);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(ApiKeyRefusal::Expired);
        }
        Ok(())
    }
}

/// `<prefix>:<id>`, then what the configuration adds.
fn subjects(
    settings: &ApiKeySettings,
    identity: &IdentitySettings,
) -> Result<Vec<policies::SubjectId>, SettingsError> {
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

impl AuthenticationProvider for ApiKeyProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::ApiKey
    }

    fn refuse(&self, request: &RequestParts<'_>) -> Result<(), AuthenticationError> {
        let burnt = request.query.contains('_')
            && url::form_urlencoded::parse(request.query.as_bytes())
                .any(|(_, value)| NativeKey::parse(&value).is_ok());
        if burnt {
            return Err(AuthenticationError::ApiKeyInQuery);
        }
        Ok(())
    }

    fn is_applicable(&self, request: &RequestParts<'_>) -> bool {
        Self::key(request).is_some()
    }

    fn authenticate<'a>(&'a self, request: &'a RequestParts<'a>) -> Attempt<'a> {
        Attempt::Ready(match Self::key(request) {
            Some(key) => self.verify(key, request.now).into(),
            None => crate::AuthenticationOutcome::NotApplicable,
        })
    }
}
