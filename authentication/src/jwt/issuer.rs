//! One issuer: its keys, whom its tokens are for, and what subjects they make.

use std::sync::Arc;

use jiff::Timestamp;
use policies::{
    ClaimValues, Credential, HeaderValues, Principal, ProviderKind, SubjectId, SubjectIdError,
};
use serde_json::{Map, Value};
use tracing::debug;

use super::claims::{Claims, Header};
use super::fault::JwtRefusal;
use super::fetch::Discovery;
use super::key_store::KeyStore;
use super::placeholders::ClaimPlaceholders;
use super::settings::{Audience, IssuerSettings, JwtSettings, Protocol};
use super::token_type::is_access_token;
use crate::placeholder::{PlaceholderSource, Template, TooManyValues};
use crate::{AuthenticationError, SettingsError};

/// One `iss` value of one entry.
pub(super) struct Issuer {
    entry: Arc<Entry>,
    /// Without a scheme.
    pub(super) value: String,
    pub(super) keys: Arc<KeyStore>,
}

/// What all `iss` values of one entry share.
struct Entry {
    name: Arc<str>,
    audience: Audience,
    token_types: Vec<String>,
    conditions: Vec<Template>,
    subjects: Vec<Template>,
    injected: Vec<(Arc<str>, Template)>,
    kept_claims: Vec<Arc<str>>,
}

impl Issuer {
    /// One issuer per `iss` value of the entry.
    pub(super) fn of_entry(
        entry: &IssuerSettings,
        settings: &JwtSettings,
    ) -> Result<Vec<Self>, SettingsError> {
        let shared = Arc::new(Entry::new(entry, &settings.kept_claims)?);
        if entry.issuers.is_empty() {
            return Err(SettingsError::NoIssuer {
                name: entry.name.clone(),
            });
        }
        let issuers = entry.issuers.iter().map(|value| {
            Ok(Self {
                entry: Arc::clone(&shared),
                value: value.clone(),
                keys: Arc::new(key_store(entry, value, settings)?),
            })
        });
        issuers.collect()
    }

    /// The same issuer, with keys that are there already.
    pub(super) fn with_keys(&self, keys: &Arc<KeyStore>) -> Self {
        Self {
            entry: Arc::clone(&self.entry),
            value: self.value.clone(),
            keys: Arc::clone(keys),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.entry.name
    }

    /// The headers that claims of its tokens may set.
    pub(super) fn claimed_headers(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entry.injected.iter().map(|(header, _)| header)
    }

    /// Who a verified token speaks for.
    pub(super) fn principal(
        &self,
        header: &Header,
        claims: &Claims,
        all: &Map<String, Value>,
    ) -> Result<Principal, AuthenticationError> {
        let refused = |refusal| AuthenticationError::JwtRefused { refusal };
        if !self.entry.audience.admits(&claims.audience) {
            return Err(refused(JwtRefusal::Audience));
        }
        if !is_access_token(&self.entry.token_types, header.token_type.as_deref(), all) {
            return Err(refused(JwtRefusal::TokenType));
        }
        let source = ClaimPlaceholders(all);
        let too_many = |_: TooManyValues| refused(JwtRefusal::TooManySubjects);
        for condition in &self.entry.conditions {
            if condition
                .resolve(&source)
                .map_err(too_many)?
                .into_values()
                .is_empty()
            {
                return Err(AuthenticationError::JwtConditionFailed {
                    issuer: Arc::clone(self.name()),
                });
            }
        }
        let subjects = self.entry.subjects(&source).map_err(refused)?;
        let credential = Credential {
            claims: self.entry.kept(&source).map_err(too_many)?,
            headers: self.entry.injected(&source).map_err(too_many)?,
            ..self.credential(header, claims)
        };
        Ok(Principal::new(
            ProviderKind::Jwt,
            subjects,
            Some(claims.expires_at),
            credential,
        ))
    }

    fn credential(&self, header: &Header, claims: &Claims) -> Credential {
        Credential {
            name: Some(Arc::clone(self.name())),
            issuer: Some(claims.issuer.as_str().into()),
            subject: claims.subject.as_deref().map(Into::into),
            token_id: claims.token_id.as_deref().map(Into::into),
            key_id: Some(header.key_id.as_str().into()),
            issued_at: claims.issued_at,
            ..Credential::default()
        }
    }

    /// What operators want to know about its keys.
    pub(super) fn health(&self, now: Timestamp) -> IssuerHealth {
        let record = self.keys.record();
        IssuerHealth {
            name: self.name().to_string(),
            issuer: self.value.clone(),
            keys: self.keys.len(),
            usable: self.keys.is_usable(now),
            last_success: record.last_success,
            last_failure: record
                .last_failure
                .map(|(at, fault)| (at, fault.to_string())),
            successes: record.successes,
            failures: record.failures,
        }
    }
}

/// The state of one issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerHealth {
    /// The configured name.
    pub name: String,
    /// The `iss` value, without a scheme.
    pub issuer: String,
    /// How many keys are known.
    pub keys: usize,
    /// Whether they count: from a file, or fetched not too long ago.
    pub usable: bool,
    /// When they were last fetched.
    pub last_success: Option<Timestamp>,
    /// When that last failed, and why.
    pub last_failure: Option<(Timestamp, String)>,
    /// How many fetches succeeded.
    pub successes: u64,
    /// How many fetches failed.
    pub failures: u64,
}

impl IssuerSettings {
    /// Whether tokens of this issuer could be read with `settings`; its key file is looked at, the network is not.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], the first thing that stands in the way.
    pub fn check(&self, settings: &JwtSettings) -> Result<(), SettingsError> {
        Issuer::of_entry(self, settings).map(drop)
    }
}

impl Audience {
    fn admits(&self, audience: &[String]) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(accepted) => audience.iter().any(|audience| accepted.contains(audience)),
        }
    }
}

impl Entry {
    fn new(settings: &IssuerSettings, kept_claims: &[Arc<str>]) -> Result<Self, SettingsError> {
        let name = || settings.name.clone();
        if settings.name.is_empty() || settings.name.contains(':') {
            return Err(SettingsError::SubjectIssuer { name: name() });
        }
        let names_nobody = |accepted: &Vec<String>| accepted.iter().all(String::is_empty);
        if matches!(&settings.audience, Audience::OneOf(accepted) if names_nobody(accepted)) {
            return Err(SettingsError::NoAudience { name: name() });
        }
        let template = |text: &String| {
            Template::parse(text, &["jwt"]).map_err(|source| SettingsError::Template {
                name: name(),
                template: text.clone(),
                source,
            })
        };
        let injected = settings.inject_claims_into_headers.iter();
        Ok(Self {
            name: settings.name.as_str().into(),
            audience: settings.audience.clone(),
            token_types: settings.token_types.clone(),
            conditions: settings
                .prerequisite_conditions
                .iter()
                .map(template)
                .collect::<Result<_, _>>()?,
            subjects: settings
                .auth_subjects
                .iter()
                .map(template)
                .collect::<Result<_, _>>()?,
            injected: injected
                .map(|(header, text)| Ok((header.to_ascii_lowercase().into(), template(text)?)))
                .collect::<Result<_, SettingsError>>()?,
            kept_claims: kept_claims.to_vec(),
        })
    }

    /// What rules that are evaluated later ask for.
    fn kept(&self, source: &ClaimPlaceholders<'_>) -> Result<ClaimValues, TooManyValues> {
        let kept = self.kept_claims.iter().map(|name| {
            let values = source.values("jwt", name);
            if values.len() > Template::VALUES_MAX {
                return Err(TooManyValues);
            }
            Ok((Arc::clone(name), values.into()))
        });
        kept.collect()
    }

    /// In the order of the templates. A value that is empty or too long makes no subject and grants nothing; one with
    /// control characters is nobody's name, and its token is refused.
    fn subjects(&self, source: &ClaimPlaceholders<'_>) -> Result<Vec<SubjectId>, JwtRefusal> {
        let too_many = |_: TooManyValues| JwtRefusal::TooManySubjects;
        let mut subjects = Vec::new();
        for template in &self.subjects {
            for value in template.resolve(source).map_err(too_many)?.into_values() {
                match format!("{}:{value}", self.name).parse() {
                    Ok(subject) => subjects.push(subject),
                    Err(SubjectIdError::ControlCharacter) => {
                        return Err(JwtRefusal::SubjectCharacters);
                    }
                    Err(error @ (SubjectIdError::Shape | SubjectIdError::TooLong)) => {
                        debug!(subject.issuer = %self.name, "Left out a subject: {error}")
                    }
                }
            }
            if subjects.len() > Template::VALUES_MAX {
                return Err(JwtRefusal::TooManySubjects);
            }
        }
        Ok(subjects)
    }

    /// The first value of each template that has one and that can stand in a header.
    fn injected(&self, source: &ClaimPlaceholders<'_>) -> Result<HeaderValues, TooManyValues> {
        let mut headers = Vec::new();
        for (name, template) in &self.injected {
            let first = template.resolve(source)?.into_values().into_iter().next();
            if let Some(value) = first.filter(|value| !value.contains(char::is_control)) {
                headers.push((Arc::clone(name), value.into()));
            }
        }
        Ok(headers.into())
    }
}

fn key_store(
    entry: &IssuerSettings,
    issuer: &str,
    settings: &JwtSettings,
) -> Result<KeyStore, SettingsError> {
    let (name, text) = (|| entry.name.clone(), || issuer.to_owned());
    if issuer.contains("://") {
        return Err(SettingsError::IssuerScheme {
            name: name(),
            issuer: text(),
        });
    }
    let discovery =
        Discovery::new(settings.protocol, issuer, &entry.jwks_hosts).ok_or_else(|| {
            SettingsError::IssuerAddress {
                name: name(),
                issuer: text(),
            }
        })?;
    if settings.protocol == Protocol::Http && !discovery.is_loopback() {
        return Err(SettingsError::InsecureIssuer {
            name: name(),
            issuer: text(),
        });
    }
    let Some(file) = &entry.jwks_file else {
        return Ok(KeyStore::discovered(
            issuer,
            discovery,
            &entry.algorithms,
            &settings.keys,
        ));
    };
    let path = || file.display().to_string();
    let document = std::fs::read(file).map_err(|source| SettingsError::KeyFile {
        name: name(),
        path: path(),
        source,
    })?;
    KeyStore::fixed(issuer, &document, &entry.algorithms, &settings.keys).ok_or_else(|| {
        SettingsError::NoUsableKey {
            name: name(),
            path: path(),
        }
    })
}
