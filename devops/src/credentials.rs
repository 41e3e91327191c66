//! Decides whether the `Authorization` header of a request opens a surface.

use authentication::SettingsError;
use authentication::password::{PasswordHashSettings, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::surface::Surface;

/// The one user of basic authentication, on every surface.
const USER: &str = "devops";

/// Longest credential that is looked at, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 1024;

/// What a request presented.
#[derive(Debug)]
pub(crate) enum Presented {
    /// The password of the user `devops`.
    Password(SecretString),
    /// A bearer token.
    Token(SecretString),
    /// Something that opens nothing: another scheme or user, or a header that does not parse.
    Unusable,
}

/// What opened a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    DevopsPassword,
    StatusPassword,
    MetricsToken,
}

impl Grant {
    /// The word that log events use.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::DevopsPassword => "devops_password",
            Self::StatusPassword => "status_password",
            Self::MetricsToken => "metrics_token",
        }
    }
}

impl Presented {
    /// Reads the value of an `Authorization` header (RFC 7617 §2, RFC 6750 §2.1).
    pub(crate) fn parse(header: &[u8]) -> Self {
        std::str::from_utf8(header)
            .ok()
            .filter(|header| header.len() <= CREDENTIAL_BYTES_MAX)
            .and_then(|header| header.split_once(' '))
            .and_then(|(scheme, credential)| Self::of_scheme(scheme, credential.trim_matches(' ')))
            .unwrap_or(Self::Unusable)
    }

    fn of_scheme(scheme: &str, credential: &str) -> Option<Self> {
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
            let (user, password) = decoded.split_once(':')?;
            (user == USER).then(|| Self::Password(password.into()))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Some(Self::Token(credential.into()))
        } else {
            None
        }
    }
}

/// The passwords of both kinds.
pub(crate) struct Passwords {
    devops: PasswordVerifier,
    status: PasswordVerifier,
}

impl Passwords {
    pub(crate) fn new(
        devops: Vec<PasswordHashSettings>,
        status: Vec<PasswordHashSettings>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            devops: PasswordVerifier::new(devops)?,
            status: PasswordVerifier::new(status)?,
        })
    }

    /// What `password` opens `surface` as, if that is known without a hash.
    pub(crate) fn recognise(
        &self,
        password: &SecretString,
        surface: Surface,
        now: Timestamp,
    ) -> Option<Grant> {
        self.opening(surface)
            .find(|(_, verifier)| {
                verifier.verify_remembered(password.expose_secret(), now) == Some(true)
            })
            .map(|(grant, _)| grant)
    }

    /// What `password` opens `surface` as. May hash: only for threads that may block.
    pub(crate) fn verify(
        &self,
        password: &SecretString,
        surface: Surface,
        now: Timestamp,
    ) -> Option<Grant> {
        self.opening(surface)
            .find(|(_, verifier)| verifier.verify(password.expose_secret(), now))
            .map(|(grant, _)| grant)
    }

    /// Whose passwords open `surface`: the devops passwords open all.
    fn opening(&self, surface: Surface) -> impl Iterator<Item = (Grant, &PasswordVerifier)> {
        let status = match surface {
            Surface::Status | Surface::Metrics => Some((Grant::StatusPassword, &self.status)),
            Surface::Devops => None,
        };
        status
            .into_iter()
            .chain([(Grant::DevopsPassword, &self.devops)])
    }
}

/// Whether `token` is the one that opens `surface`; only the metrics have one.
pub(crate) fn recognise_token(
    token: &SecretString,
    surface: Surface,
    metrics_token: Option<&SecretString>,
) -> Option<Grant> {
    match surface {
        Surface::Metrics => metrics_token
            .is_some_and(|expected| is_same(token, expected))
            .then_some(Grant::MetricsToken),
        Surface::Status | Surface::Devops => None,
    }
}

fn is_same(presented: &SecretString, expected: &SecretString) -> bool {
    let expected = expected.expose_secret().as_bytes();
    !expected.is_empty() && bool::from(presented.expose_secret().as_bytes().ct_eq(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: &str) {
        let presented = match Presented::parse(header.as_bytes()) {
            Presented::Password(password) => format!("password {}", password.expose_secret()),
            Presented::Token(token) => format!("token {}", token.expose_secret()),
            Presented::Unusable => "unusable".to_owned(),
        };
        assert_eq!(presented, expected, "header: {header:?}");
    }

    fn basic(credential: &str) -> String {
        format!("Basic {}", STANDARD.encode(credential))
    }

    #[test]
    fn the_password_follows_the_first_colon() {
        check(&basic("devops:secret"), "password secret");
        check(&basic("devops:a:b"), "password a:b");
        check(&basic("devops:"), "password ");
        check(&basic("devops:pässword"), "password pässword");
    }

    #[test]
    fn schemes_are_compared_without_case() {
        check(&basic("devops:s").replace("Basic", "bAsIc"), "password s");
        check("BEARER abc", "token abc");
    }

    #[test]
    fn anything_else_is_unusable() {
        check(&basic("admin:secret"), "unusable");
        check(&basic("Devops:secret"), "unusable");
        check(&basic("devops"), "unusable");
        check("Basic devops:secret", "unusable");
        check("Basic", "unusable");
        check("", "unusable");
        check("Digest username=devops", "unusable");
        check(&basic(&format!("devops:{}", "x".repeat(2000))), "unusable");
        assert!(matches!(
            Presented::parse(b"Basic \xff"),
            Presented::Unusable
        ));
    }
}
