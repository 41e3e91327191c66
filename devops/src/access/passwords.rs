//! The passwords of both surfaces.

use authentication::SettingsError;
use authentication::password::{PasswordHashSettings, PasswordVerifier};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Grant, GrantKind};
use crate::surface::Surface;

/// The passwords of both kinds; `None` where tokens are asked for instead.
pub(crate) struct Passwords {
    devops: Option<PasswordVerifier>,
    status: Option<PasswordVerifier>,
}

impl Passwords {
    pub(super) fn new(
        devops: Option<Vec<PasswordHashSettings>>,
        status: Option<Vec<PasswordHashSettings>>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            devops: devops.map(PasswordVerifier::new).transpose()?,
            status: status.map(PasswordVerifier::new).transpose()?,
        })
    }

    pub(super) fn are_taken_on(&self, surface: Surface) -> bool {
        self.opening(surface).next().is_some()
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
            .map(|(kind, _)| Grant::of_password(kind))
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
            .map(|(kind, _)| Grant::of_password(kind))
    }

    /// Whose passwords open `surface`: the devops passwords open all.
    fn opening(&self, surface: Surface) -> impl Iterator<Item = (GrantKind, &PasswordVerifier)> {
        let status = match surface {
            Surface::Status | Surface::Metrics => self.status.as_ref(),
            Surface::Devops => None,
        };
        let status = status.map(|verifier| (GrantKind::StatusPassword, verifier));
        let devops = self.devops.as_ref();
        status
            .into_iter()
            .chain(devops.map(|verifier| (GrantKind::DevopsPassword, verifier)))
    }
}
