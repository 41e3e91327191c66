//! Makes who keeps guessing wait, before anything expensive is done and without ever sleeping.
//!
//! Failures are counted by source and method, and by method and claimed identity. Whoever proves to be genuine is never
//! asked: a cheap credential is verified first, and only its failure is answered with a wait. Successes count nothing.

mod failures;
mod source;
mod table;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::AuthenticationError;
use failures::Failures;
pub use source::{SourcePrefix, SourcePrefixError};
use table::Table;

/// When and for how long whoever fails has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// Failures that are free within a window.
    pub failures: u32,
    /// Without a failure for this long, a source is clean again.
    pub window: Duration,
    /// The longest wait; the first is one second, every further failure doubles it.
    pub block: Duration,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            window: Duration::from_secs(60),
            block: Duration::from_secs(60),
        }
    }
}

/// What kind of credential was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuardedMethod {
    /// The proof of a proxy that vouches for somebody.
    Assertion,
    /// A token.
    Jwt,
    /// An API key that one fast hash tells good from bad.
    ApiKey,
    /// An API key that needed a slow hash.
    SlowApiKey,
    /// A password or a token of the operator service.
    Operator,
}

impl GuardedMethod {
    /// The word that logs and operators see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::SlowApiKey => "api_key_legacy",
            Self::Operator => "operator",
        }
    }

    /// Slow hashes are what an attacker wants us to compute.
    fn free_failures(self, settings: &GuardSettings) -> u32 {
        match self {
            Self::SlowApiKey => settings.failures.min(SLOW_FAILURES_MAX),
            Self::Assertion | Self::Jwt | Self::ApiKey | Self::Operator => settings.failures,
        }
    }
}

impl fmt::Display for GuardedMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Failures of slow hashes that are free, at most.
const SLOW_FAILURES_MAX: u32 = 3;
/// Sources that are counted one by one, per method; about 60 bytes each.
const SOURCES_MAX: usize = 1 << 16;
/// Claimed identities that are counted one by one.
const IDENTITIES_MAX: usize = 1 << 14;
/// More of an identity's name is not kept, in bytes.
const IDENTITY_BYTES_MAX: usize = 64;
/// As many are listed for operators.
const LISTED_MAX: usize = 1000;

/// One try to get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess<'a> {
    /// Where it comes from.
    pub source: SourcePrefix,
    /// By what.
    pub method: GuardedMethod,
    /// As whom, if the credential says so in the open.
    pub identity: Option<&'a str>,
}

/// Counts failures and says who has to wait.
///
/// What no longer fits its bounded tables shares coarse counts, which slow nobody down before he has failed: a flood of
/// sources neither evicts a known offender nor locks a clean source out.
#[derive(Debug)]
pub struct Guard {
    settings: Option<GuardSettings>,
    by_source: Table<(SourcePrefix, GuardedMethod)>,
    by_identity: Table<(Box<str>, GuardedMethod)>,
}

/// Who has failed lately, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Where from, or as whom.
    pub who: SuspectName,
    /// By what.
    pub method: GuardedMethod,
    /// How often.
    pub failures: u32,
    /// The latest.
    pub last: Timestamp,
    /// How long it has to wait, if it has to.
    pub wait: Option<Duration>,
}

/// Whose failures were counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspectName {
    /// Those of a source.
    Source(SourcePrefix),
    /// Those that claimed an identity.
    Identity(Box<str>),
}

impl Guard {
    /// A guard with these settings; `None` never lets anyone wait.
    pub fn new(settings: Option<GuardSettings>) -> Self {
        Self {
            settings,
            by_source: Table::new(SOURCES_MAX),
            by_identity: Table::new(IDENTITIES_MAX),
        }
    }

    /// How long whoever tries this has to wait before something expensive is done for him; `None` if not at all.
    ///
    /// A source without a failure in the window never waits, whatever others have done in the same name.
    pub fn wait_of(&self, guess: &Guess<'_>, now: Timestamp) -> Option<Duration> {
        let settings = self.settings_for(guess.method)?;
        let source = self.by_source.find(&(guess.source, guess.method))?;
        if source.is_over(&settings, now) {
            return None;
        }
        let identity = guess.identity.and_then(|identity| {
            let identity = self.by_identity.find(&(kept(identity), guess.method))?;
            identity.wait(&settings, now)
        });
        source.wait(&settings, now).max(identity)
    }

    /// Whether this source has failed by this method within the window.
    pub(crate) fn has_failed(&self, guess: &Guess<'_>, now: Timestamp) -> bool {
        let failures = self.by_source.find(&(guess.source, guess.method));
        let settings = self.settings_for(guess.method);
        failures
            .zip(settings)
            .is_some_and(|(failures, settings)| !failures.is_over(&settings, now))
    }

    /// Counts a failure, unless whoever failed had to wait anyway; returns how long he has to wait now.
    pub fn record_failure(&self, guess: &Guess<'_>, now: Timestamp) -> Option<Duration> {
        let settings = self.settings_for(guess.method)?;
        if let Some(wait) = self.wait_of(guess, now) {
            return Some(wait);
        }
        let count = |failures: &mut Failures| {
            failures.record(&settings, now);
            failures.wait(&settings, now)
        };
        let is_over = |failures: &Failures| failures.is_over(&settings, now);
        let source = self
            .by_source
            .change((guess.source, guess.method), (now, &is_over), count);
        let identity = guess.identity.and_then(|identity| {
            self.by_identity
                .change((kept(identity), guess.method), (now, &is_over), count)
        });
        source.max(identity)
    }

    /// What the caller is to be told instead of `error`: who guesses too often is told to wait.
    #[must_use]
    pub fn judge(
        &self,
        error: AuthenticationError,
        source: SourcePrefix,
        now: Timestamp,
    ) -> AuthenticationError {
        told_to_wait(error, source, |guess| self.record_failure(guess, now))
    }

    /// What [`Guard::judge`] would say now, of a failure that does not count.
    #[must_use]
    pub fn foresee(
        &self,
        error: AuthenticationError,
        source: SourcePrefix,
        now: Timestamp,
    ) -> AuthenticationError {
        told_to_wait(error, source, |guess| self.wait_after(guess, now))
    }

    /// How long whoever fails with this would have to wait then.
    fn wait_after(&self, guess: &Guess<'_>, now: Timestamp) -> Option<Duration> {
        let settings = self.settings_for(guess.method)?;
        if let Some(wait) = self.wait_of(guess, now) {
            return Some(wait);
        }
        let after = |failures: Option<Failures>| {
            let mut failures = failures.unwrap_or_default();
            failures.record(&settings, now);
            failures.wait(&settings, now)
        };
        let source = after(self.by_source.find(&(guess.source, guess.method)));
        let identity = guess
            .identity
            .and_then(|identity| after(self.by_identity.find(&(kept(identity), guess.method))));
        source.max(identity)
    }

    /// Who has failed lately, whoever waits longest first.
    pub fn list(&self, now: Timestamp) -> Vec<Suspect> {
        let Some(settings) = self.settings else {
            return Vec::new();
        };
        let suspect = |who, method: GuardedMethod, failures: &Failures| Suspect {
            who,
            method,
            failures: failures.count(),
            last: failures.last(),
            wait: failures.wait(&of_method(settings, method), now),
        };
        let mut suspects = Vec::new();
        self.by_source.for_each(|(source, method), failures| {
            suspects.push(suspect(SuspectName::Source(*source), *method, failures));
        });
        self.by_identity.for_each(|(identity, method), failures| {
            suspects.push(suspect(
                SuspectName::Identity(identity.clone()),
                *method,
                failures,
            ));
        });
        suspects.retain(|suspect| age(suspect.last, now) < settings.window.max(settings.block));
        suspects.sort_by_key(|suspect| std::cmp::Reverse((suspect.wait, suspect.failures)));
        suspects.truncate(LISTED_MAX);
        suspects
    }

    /// Forgets the failures of a source; whether there were any.
    pub fn unblock_source(&self, source: SourcePrefix) -> bool {
        self.by_source.remove_if(|(known, _)| *known == source)
    }

    /// Forgets the failures in the name of an identity; whether there were any.
    pub fn unblock_identity(&self, identity: &str) -> bool {
        let identity = kept(identity);
        self.by_identity.remove_if(|(known, _)| *known == identity)
    }

    fn settings_for(&self, method: GuardedMethod) -> Option<GuardSettings> {
        self.settings.map(|settings| of_method(settings, method))
    }
}

/// `error`, unless it is a failed try and there is a wait after it.
fn told_to_wait(
    error: AuthenticationError,
    source: SourcePrefix,
    wait: impl FnOnce(&Guess<'_>) -> Option<Duration>,
) -> AuthenticationError {
    match guess_of(&error, source).and_then(|guess| wait(&guess)) {
        Some(retry_after) => AuthenticationError::TooManyFailures { retry_after },
        None => error,
    }
}

/// What `error` is a failed try at, if it is one.
fn guess_of(error: &AuthenticationError, source: SourcePrefix) -> Option<Guess<'_>> {
    let (method, identity) = error.guess()?;
    Some(Guess {
        source,
        method,
        identity,
    })
}

fn of_method(settings: GuardSettings, method: GuardedMethod) -> GuardSettings {
    GuardSettings {
        failures: method.free_failures(&settings),
        ..settings
    }
}

fn kept(identity: &str) -> Box<str> {
    let ends = (0..=identity.len().min(IDENTITY_BYTES_MAX)).rev();
    ends.filter_map(|end| identity.get(..end))
        .next()
        .unwrap_or_default()
        .into()
}

/// Time since `earlier`; none if the clock was set back.
fn age(earlier: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(earlier).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests;
