//! Who may enter the operator service: passwords or subjects of tokens, per surface, replaced as a whole while it runs.

mod grant;
mod passwords;
mod tokens;

use std::sync::Arc;

use arc_swap::ArcSwap;
use authentication::password::PasswordHashSettings;
use authentication::{IssuerHealth, JwtSettings, SettingsError};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::settings::ConsoleSettings;
use crate::surface::Surface;
pub(crate) use grant::{Grant, GrantKind, Role};
use passwords::Passwords;
pub(crate) use tokens::TokenRefusal;
use tokens::Tokens;

/// Who may enter.
#[derive(Debug, Clone, Default)]
pub struct AccessSettings {
    /// Who opens every route.
    pub devops: Admission,
    /// Who opens the routes that only show status.
    pub status: Admission,
    /// Subjects that may look at every route and change nothing, whatever else their token holds.
    pub read_only_subjects: Vec<String>,
    /// The issuers of operators' tokens: never those of the public edge.
    pub issuers: JwtSettings,
    /// Lets a scraper read `/metrics` with `Authorization: Bearer <token>`, and nothing else; never the empty string.
    pub metrics_token: Option<SecretString>,
    /// The operators' page; `None` serves none.
    pub console: Option<ConsoleSettings>,
}

/// How the operators of one surface prove themselves.
#[derive(Debug, Clone)]
pub enum Admission {
    /// By one of several passwords of the user `devops`; without any, nobody gets in.
    Passwords(Vec<PasswordHashSettings>),
    /// By a token that holds one of these subjects; without any, nobody gets in.
    Subjects(Vec<String>),
}

impl Default for Admission {
    fn default() -> Self {
        Self::Passwords(Vec::new())
    }
}

/// The credentials in force; a replacement decides from the next request on.
pub struct OperatorAccess(ArcSwap<Access>);

impl OperatorAccess {
    /// Puts these credentials in force.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a hash or an issuer that cannot be used.
    pub fn new(settings: AccessSettings) -> Result<Arc<Self>, SettingsError> {
        Ok(Arc::new(Self(ArcSwap::from_pointee(Access::new(
            settings,
        )?))))
    }

    /// Replaces the credentials, all at once; on an error the old ones stay.
    ///
    /// # Errors
    ///
    /// As [`OperatorAccess::new`].
    pub fn replace(&self, settings: AccessSettings) -> Result<(), SettingsError> {
        self.0.store(Arc::new(Access::new(settings)?));
        Ok(())
    }

    /// The state of the keys of the operators' issuers.
    pub fn issuer_health(&self, now: Timestamp) -> Vec<IssuerHealth> {
        self.0.load().tokens.issuer_health(now)
    }

    /// Fetches the keys of operators' issuers that are due; to be called often.
    pub async fn refresh_keys_if_due(&self, now: Timestamp) {
        let access = self.0.load_full();
        access.tokens.refresh_keys_if_due(now).await;
    }

    pub(crate) fn current(&self) -> Arc<Access> {
        self.0.load_full()
    }
}

/// One set of credentials.
pub(crate) struct Access {
    passwords: Passwords,
    tokens: Tokens,
    metrics_token: Option<SecretString>,
    console: Option<ConsoleSettings>,
}

impl Access {
    fn new(settings: AccessSettings) -> Result<Self, SettingsError> {
        let (devops_passwords, devops_subjects) = halves(settings.devops);
        let (status_passwords, status_subjects) = halves(settings.status);
        Ok(Self {
            passwords: Passwords::new(devops_passwords, status_passwords)?,
            tokens: Tokens::new(
                tokens::Subjects {
                    devops: devops_subjects,
                    status: status_subjects,
                    read_only: settings.read_only_subjects,
                },
                settings.issuers,
            )?,
            metrics_token: settings.metrics_token,
            console: settings.console,
        })
    }

    pub(crate) fn console(&self) -> Option<&ConsoleSettings> {
        self.console.as_ref()
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether `token` is the one of the scraper; only the metrics have one.
    pub(crate) fn recognise_metrics_token(
        &self,
        token: &SecretString,
        surface: Surface,
    ) -> Option<Grant> {
        let expected = self.metrics_token.as_ref()?.expose_secret().as_bytes();
        let is_same =
            !expected.is_empty() && bool::from(token.expose_secret().as_bytes().ct_eq(expected));
        (surface == Surface::Metrics && is_same).then(Grant::of_metrics_token)
    }

    /// Whether passwords open `surface`: tells a client how to ask.
    pub(crate) fn takes_passwords(&self, surface: Surface) -> bool {
        self.passwords.are_taken_on(surface)
    }

    /// Whether tokens open `surface`.
    pub(crate) fn takes_tokens(&self, surface: Surface) -> bool {
        self.tokens.are_taken_on(surface)
    }
}

/// Each half is `None` if the surface is opened by the other.
fn halves(admission: Admission) -> (Option<Vec<PasswordHashSettings>>, Option<Vec<String>>) {
    match admission {
        Admission::Passwords(passwords) => (Some(passwords), None),
        Admission::Subjects(subjects) => (None, Some(subjects)),
    }
}
