//! Recognises tokens.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use policies::{Principal, ProviderKind};
use quick_cache::sync::Cache;

use super::claims::{Claims, Header};
use super::fault::{JwtFault, JwtRefusal};
use super::fetch::Fetcher;
use super::issuer::{Issuer, IssuerHealth};
use super::key_store::Missing;
use super::keys::PublicKey;
use super::settings::JwtSettings;
use super::unverified::{TOKEN_BYTES_MAX, UnverifiedJwt};
use crate::bearer::Bearer;
use crate::fingerprint::{Fingerprint, TokenFingerprinter};
use crate::{
    Attempt, AuthenticationError, AuthenticationOutcome, AuthenticationProvider, RequestKind,
    RequestParts, SettingsError,
};

/// How long a refused token is remembered.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// How many refused tokens are remembered: apart, so that they cannot push good ones out.
const REFUSED_MAX: usize = 4096;
/// How often [`JwtProvider::keep_keys_fresh`] looks, at most and at least.
const LOOK_EVERY: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30);

/// Recognises `Authorization: Bearer <token>` and, on WebSocket upgrades only, the query parameter `access_token`
/// (RFC 6750 §2.1, §2.3).
pub struct JwtProvider {
    settings: JwtSettings,
    /// By every form of `iss` that names them.
    issuers: HashMap<String, Arc<Issuer>>,
    claimed_headers: Vec<Arc<str>>,
    fetcher: Arc<Fetcher>,
    fingerprinter: TokenFingerprinter,
    verified: Cache<Fingerprint, Arc<Verified>>,
    refused: Cache<Fingerprint, Arc<Refused>>,
}

/// Keys that an issuer gave up: what they signed counts no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredKeys {
    /// The `iss` value, without a scheme.
    issuer: String,
    key_ids: Vec<String>,
}

impl RetiredKeys {
    /// Whether the token behind `principal` was signed with one of them.
    pub fn signed(&self, principal: &Principal) -> bool {
        let credential = principal.credential();
        let issuer = credential.issuer.as_deref().map(|issuer| {
            let bare = issuer.split_once("://").map(|(_, bare)| bare);
            bare.unwrap_or(issuer)
        });
        principal.provider() == ProviderKind::Jwt
            && issuer == Some(&self.issuer)
            && credential
                .key_id
                .as_deref()
                .is_some_and(|key_id| self.key_ids.iter().any(|retired| retired == key_id))
    }
}

/// A fact: this token was good. Counts until it expires or its key is gone, whichever comes first.
struct Verified {
    principal: Principal,
    issuer: Arc<Issuer>,
    key: Arc<PublicKey>,
    until: Timestamp,
}

/// A fact: this token was no good with the keys of then.
struct Refused {
    error: AuthenticationError,
    issuer: Arc<Issuer>,
    generation: u64,
    until: Timestamp,
}

/// A token that may be good: well-formed, of a configured issuer, in its time. Its signature is unchecked.
struct Candidate<'a> {
    token: UnverifiedJwt<'a>,
    header: Header,
    claims: Claims,
    issuer: Arc<Issuer>,
    fingerprint: Fingerprint,
}

impl JwtProvider {
    /// A provider for these issuers. Keys are fetched when first needed, or by [`JwtProvider::keep_keys_fresh`].
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for an issuer, a template or a key file that cannot be used.
    pub fn new(settings: JwtSettings) -> Result<Self, SettingsError> {
        let mut issuers = HashMap::new();
        for entry in &settings.issuers {
            for issuer in Issuer::of_entry(entry, &settings)? {
                let issuer = Arc::new(issuer);
                let with_scheme = format!("{}://{}", settings.protocol.scheme(), issuer.value);
                let known = issuers.insert(with_scheme, Arc::clone(&issuer)).is_some();
                if issuers
                    .insert(issuer.value.clone(), Arc::clone(&issuer))
                    .is_some()
                    || known
                {
                    return Err(SettingsError::DuplicateIssuer {
                        issuer: issuer.value.clone(),
                    });
                }
            }
        }
        let claimed = issuers.values().flat_map(|issuer| issuer.claimed_headers());
        let claimed: BTreeSet<Arc<str>> = claimed.cloned().collect();
        Ok(Self {
            claimed_headers: claimed.into_iter().collect(),
            issuers,
            fetcher: Arc::new(Fetcher::new(&settings)?),
            fingerprinter: TokenFingerprinter::new(),
            verified: Cache::new(settings.remembered_tokens_max),
            refused: Cache::new(REFUSED_MAX),
            settings,
        })
    }

    /// Verifies a token that came by another way than a request's header, e.g. within a WebSocket.
    ///
    /// # Errors
    ///
    /// As for a request: malformed, refused, or [`AuthenticationError::Unavailable`].
    pub async fn verify_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, AuthenticationError> {
        let outcome = match self.attempt(Cow::Borrowed(token), now) {
            Attempt::Ready(outcome) => outcome,
            Attempt::Pending(work) => work.await,
        };
        match outcome {
            AuthenticationOutcome::Authenticated(principal) => Ok(principal),
            AuthenticationOutcome::Failed(error) => Err(error),
            AuthenticationOutcome::NotApplicable => Err(AuthenticationError::NoApplicableProvider),
        }
    }

    /// A provider for other settings, which goes on with the keys that this one has where they come from the same
    /// place in the same way: a change of the configuration causes no outage and no storm of fetches.
    ///
    /// # Errors
    ///
    /// As [`JwtProvider::new`]; then this one is still as good as before.
    pub fn renewed(&self, settings: JwtSettings) -> Result<Self, SettingsError> {
        let mut renewed = Self::new(settings)?;
        for issuer in renewed.each_issuer() {
            let known = self.issuers.get(&issuer.value);
            if let Some(known) = known.filter(|known| !known.keys.is_same(&issuer.keys)) {
                issuer.keys.go_on_from(&known.keys);
            }
        }
        let mut taken_over = HashMap::new();
        for (form, issuer) in &renewed.issuers {
            let known = self.issuers.get(form);
            let issuer = match known.filter(|known| known.keys.is_same(&issuer.keys)) {
                Some(known) => Arc::new(issuer.with_keys(&known.keys)),
                None => Arc::clone(issuer),
            };
            taken_over.insert(form.clone(), issuer);
        }
        renewed.issuers = taken_over;
        Ok(renewed)
    }

    /// Calls `hook` when an issuer gives keys up, so that sessions opened with them can be ended. Once per provider;
    /// keys that were taken over keep their hook.
    pub fn on_keys_retired(&self, hook: &Arc<dyn Fn(&RetiredKeys) + Send + Sync>) {
        for issuer in self.each_issuer() {
            let (hook, value) = (Arc::clone(hook), issuer.value.clone());
            issuer.keys.watch(Box::new(move |key_ids| {
                let retired = RetiredKeys {
                    issuer: value.clone(),
                    key_ids: key_ids.to_vec(),
                };
                hook(&retired);
            }));
        }
    }

    /// Whether the token behind `principal` was signed with a key that is here no longer, or counts no longer.
    pub fn has_lost_key_of(&self, principal: &Principal, now: Timestamp) -> bool {
        let credential = principal.credential();
        let (Some(issuer), Some(key_id)) = (&credential.issuer, &credential.key_id) else {
            return false;
        };
        self.issuers
            .get(&**issuer)
            .is_none_or(|issuer| issuer.keys.current(key_id, now).is_none())
    }

    /// Whether the token behind `principal` was signed with a key that a file of keys held once and holds no longer: nobody
    /// hears of such a key but whoever replaces the provider.
    pub fn misses_key_in_file(&self, principal: &Principal, before: Option<&Self>) -> bool {
        let credential = principal.credential();
        let (Some(issuer), Some(key_id)) = (&credential.issuer, &credential.key_id) else {
            return false;
        };
        let before = before.and_then(|before| before.issuers.get(&**issuer));
        let before = before.map(|before| &*before.keys);
        let issuer = self.issuers.get(&**issuer);
        issuer.is_some_and(|issuer| {
            issuer.keys.is_fixed() && !issuer.keys.still_holds(key_id, before)
        })
    }

    /// The state of every issuer's keys, in the order of the names.
    pub fn issuer_health(&self, now: Timestamp) -> Vec<IssuerHealth> {
        let mut health: Vec<_> = self
            .each_issuer()
            .map(|issuer| issuer.health(now))
            .collect();
        health.sort_by(|one, other| (&one.name, &one.issuer).cmp(&(&other.name, &other.issuer)));
        health
    }

    /// Fetches the keys of every issuer whose keys are older than the refresh interval.
    pub async fn refresh_keys_if_due(&self, now: Timestamp) {
        let refreshes = self
            .each_issuer()
            .map(|issuer| issuer.keys.refresh_if_due(&self.fetcher, now));
        futures_util::future::join_all(refreshes).await;
    }

    /// Keeps all keys fresh for as long as it is polled; never returns. Run it once, in the background.
    pub async fn keep_keys_fresh(&self, now: impl Fn() -> Timestamp) {
        let pause = (self.settings.keys.refresh / 10).clamp(*LOOK_EVERY.start(), *LOOK_EVERY.end());
        loop {
            self.refresh_keys_if_due(now()).await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Each issuer once, not once per form of its name.
    fn each_issuer(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.issuers
            .iter()
            .filter(|(form, issuer)| **form == issuer.value)
            .map(|(_, issuer)| issuer)
    }

    fn attempt<'a>(&'a self, token: Cow<'a, str>, now: Timestamp) -> Attempt<'a> {
        if token.len() > TOKEN_BYTES_MAX {
            let fault = JwtFault::TooLong;
            return Attempt::Ready(AuthenticationOutcome::Failed(
                AuthenticationError::JwtMalformed { fault },
            ));
        }
        let fingerprint = self.fingerprinter.of(&token);
        if let Some(known) = self.recall(&fingerprint, now) {
            return Attempt::Ready(known.into());
        }
        let candidate = match self.examine(token, fingerprint, now) {
            Ok(candidate) => candidate,
            Err(error) => return Attempt::Ready(AuthenticationOutcome::Failed(error)),
        };
        match candidate.issuer.keys.current(&candidate.header.key_id, now) {
            Some(key) => Attempt::Ready(self.conclude(&candidate, key, now).into()),
            None => Attempt::Pending(Box::pin(
                async move { self.wait(candidate, now).await.into() },
            )),
        }
    }

    fn recall(
        &self,
        fingerprint: &Fingerprint,
        now: Timestamp,
    ) -> Option<Result<Principal, AuthenticationError>> {
        if let Some(verified) = self.recall_verified(fingerprint, now) {
            return Some(Ok(verified.principal.clone()));
        }
        let refused = self.refused.get(fingerprint)?;
        let counts = now < refused.until && refused.generation == refused.issuer.keys.generation();
        counts.then(|| Err(refused.error.clone()))
    }

    fn recall_verified(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Arc<Verified>> {
        self.verified.get(fingerprint).filter(|verified| {
            now < verified.until
                && !verified.key.is_retired()
                && verified.issuer.keys.is_usable(now)
        })
    }

    /// Everything that can be said without a key. Time comes before keys: an expired token causes no fetch.
    fn examine<'a>(
        &self,
        token: Cow<'a, str>,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Result<Candidate<'a>, AuthenticationError> {
        let refused = |refusal| AuthenticationError::JwtRefused { refusal };
        let token = UnverifiedJwt::parse(token)
            .map_err(|fault| AuthenticationError::JwtMalformed { fault })?;
        let header = Header::read(&token.header).map_err(refused)?;
        let claims = Claims::read(&token.claims).map_err(refused)?;
        let issuer = self.issuers.get(&claims.issuer).cloned().ok_or_else(|| {
            let issuer = claims
                .issuer
                .chars()
                .filter(|character| !character.is_control())
                .take(256)
                .collect();
            AuthenticationError::JwtIssuerNotSupported { issuer }
        })?;
        claims
            .check_time(
                now,
                self.settings.allowed_clock_skew,
                self.settings.max_token_lifetime,
            )
            .map_err(refused)?;
        Ok(Candidate {
            token,
            header,
            claims,
            issuer,
            fingerprint,
        })
    }

    async fn wait(
        &self,
        candidate: Candidate<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthenticationError> {
        let issuer = &candidate.issuer;
        match issuer
            .keys
            .wait_for(&self.fetcher, &candidate.header.key_id, now)
            .await
        {
            Ok(key) => self.conclude(&candidate, key, now),
            Err(Missing::Unknown) => {
                let error = AuthenticationError::JwtRefused {
                    refusal: JwtRefusal::UnknownKey,
                };
                self.remember_refused(&candidate, &error, now + self.settings.keys.cool_down);
                Err(error)
            }
            Err(Missing::Unavailable(fault)) => Err(AuthenticationError::Unavailable {
                issuer: Arc::clone(issuer.name()),
                fault,
            }),
        }
    }

    /// The one place where a signature is checked and a token becomes a principal.
    fn conclude(
        &self,
        candidate: &Candidate<'_>,
        key: Arc<PublicKey>,
        now: Timestamp,
    ) -> Result<Principal, AuthenticationError> {
        let Candidate {
            token,
            header,
            claims,
            issuer,
            fingerprint,
        } = candidate;
        let verdict = match key.verify(header.algorithm, token.message(), token.signature()) {
            Some(true) => issuer.principal(header, claims, &token.claims),
            Some(false) => Err(AuthenticationError::JwtRefused {
                refusal: JwtRefusal::Signature,
            }),
            None => Err(AuthenticationError::JwtRefused {
                refusal: JwtRefusal::Algorithm,
            }),
        };
        match verdict {
            Ok(principal) => {
                let until = claims.expires_at + self.settings.allowed_clock_skew;
                let verified = Verified {
                    principal: principal.clone(),
                    issuer: Arc::clone(issuer),
                    key,
                    until,
                };
                self.verified.insert(*fingerprint, Arc::new(verified));
                Ok(principal)
            }
            Err(error) => {
                self.remember_refused(candidate, &error, now + REFUSED_FOR);
                Err(error)
            }
        }
    }

    fn remember_refused(
        &self,
        candidate: &Candidate<'_>,
        error: &AuthenticationError,
        until: Timestamp,
    ) {
        let issuer = Arc::clone(&candidate.issuer);
        let refused = Refused {
            error: error.clone(),
            generation: issuer.keys.generation(),
            issuer,
            until,
        };
        self.refused
            .insert(candidate.fingerprint, Arc::new(refused));
    }

    /// The one token of the request.
    fn token<'a>(request: &RequestParts<'a>) -> Option<Result<Cow<'a, str>, AuthenticationError>> {
        let bearer = match Bearer::of(request) {
            Some(Bearer::Token(token)) => Some(Ok(Cow::Borrowed(token))),
            Some(Bearer::Malformed) => Some(Err(AuthenticationError::JwtMalformed {
                fault: JwtFault::Header,
            })),
            Some(Bearer::ApiKey(_) | Bearer::LegacyKey(_)) | None => None,
        };
        if request.kind != RequestKind::WebSocketUpgrade || request.query.is_empty() {
            return bearer;
        }
        let parameters = url::form_urlencoded::parse(request.query.as_bytes());
        let mut tokens = parameters
            .filter(|(name, _)| name == "access_token")
            .map(|(_, token)| Ok(token));
        match (bearer, tokens.next(), tokens.next()) {
            (Some(_), Some(_), _) | (_, _, Some(_)) => Some(Err(AuthenticationError::JwtSeveral)),
            (only, None, None) | (None, only, None) => only,
        }
    }
}

impl AuthenticationProvider for JwtProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Jwt
    }

    fn is_applicable(&self, request: &RequestParts<'_>) -> bool {
        Self::token(request).is_some()
    }

    fn authenticate<'a>(&'a self, request: &'a RequestParts<'a>) -> Attempt<'a> {
        match Self::token(request) {
            None => Attempt::Ready(AuthenticationOutcome::NotApplicable),
            Some(Err(error)) => Attempt::Ready(AuthenticationOutcome::Failed(error)),
            Some(Ok(token)) => self.attempt(token, request.now),
        }
    }

    fn claimed_headers(&self) -> &[Arc<str>] {
        &self.claimed_headers
    }
}

#[cfg(test)]
mod tests;
