//! First start: one API key and one operator password, made once, shown once, stored as hashes only.
//!
//! Both are inactive as soon as the configuration names identities (the key) or operators (the password).

use std::{
    io,
    path::{Path, PathBuf},
};

use authentication::{
    api_key::{ApiKeyCredential, IdentitySettings, generate_with_pepper},
    password::{generate_password, hash_generated_password},
};
use secrecy::SecretString;

use crate::config::{
    Loaded,
    authentication::{Authentication, Provider},
    value::Secret,
};

mod endpoints;
mod files;
mod presentation;

pub use endpoints::Endpoints;
pub use presentation::Presentation;

use self::files::Stored;

/// The name of the identity that the first start makes.
const IDENTITY: &str = "first";

/// The first credentials: those in force, and those just made.
#[derive(Debug)]
pub struct Bootstrap {
    folder: PathBuf,
    stored: Stored,
    made: Made,
    key_in_force: bool,
    password_in_force: bool,
    /// What an operator should know about them, one sentence each, for the log at start-up.
    pub notices: Vec<String>,
}

/// Credentials that exist in this process only, until they have been handed over.
#[derive(Debug, Default)]
struct Made {
    api_key: Option<SecretString>,
    password: Option<SecretString>,
}

/// The first credentials cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// A file of theirs cannot be read or written.
    #[error("the first credentials: `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with their hashes is damaged.
    #[error("the first credentials: `{path}` is damaged ({reason}); remove it to make new ones")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Bootstrap {
    /// Reads what an earlier start made, and makes what this one needs; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`BootstrapError`] if the file with the hashes cannot be read.
    pub fn prepare(loaded: &Loaded) -> Result<Self, BootstrapError> {
        let config = &loaded.config;
        let folder = config.store.path.clone();
        let mut stored = Stored::read(&folder)?;
        let mut made = Made::default();
        let takes_keys = config.auth.providers().filter(|p| takes_first_key(p));
        if let (Some(providers), None, None) = (takes_keys, &loaded.file, &stored.api_key) {
            let (key, verifier) = make_key(providers);
            made.api_key = Some(key);
            stored.api_key = Some(verifier);
        }
        let takes_password = !config.devops.names_operator();
        if takes_password && stored.operator_password.is_none() {
            let password = generate_password();
            stored.operator_password = Some(hash_generated_password(&password));
            made.password = Some(password);
        }
        let mut bootstrap = Self {
            folder,
            key_in_force: takes_keys.is_some() && stored.api_key.is_some(),
            password_in_force: takes_password,
            stored,
            made,
            notices: Vec::new(),
        };
        bootstrap.notice_inactive();
        Ok(bootstrap)
    }

    /// The same without what only a start may make: nobody would ever see it.
    pub(crate) fn without_new(mut self) -> Self {
        let made = std::mem::take(&mut self.made);
        if made.api_key.is_some() {
            self.stored.api_key = None;
        }
        if made.password.is_some() {
            self.stored.operator_password = None;
            self.notices.push(
                "the configuration names no operator any more, so that none may enter; the next start makes a password"
                    .to_owned(),
            );
        }
        self
    }

    /// The identity that the first start made, while it is in force.
    pub fn identity(&self) -> Option<IdentitySettings> {
        let verifier = self.stored.api_key.clone().filter(|_| self.key_in_force)?;
        Some(IdentitySettings {
            name: IDENTITY.to_owned(),
            credentials: vec![ApiKeyCredential {
                verifier,
                ..ApiKeyCredential::default()
            }],
            permission_sets: vec!["full".to_owned()],
            ..IdentitySettings::default()
        })
    }

    /// The hash of the operator's password that the first start made, while it is in force.
    pub fn operator_password(&self) -> Option<Secret> {
        let hash = self.stored.operator_password.clone();
        hash.filter(|_| self.password_in_force).map(Secret::from)
    }

    /// Shows what was just made, then keeps the hashes; does nothing if nothing was made.
    ///
    /// Shown first: whoever sees a credential that could not be kept starts again, whoever does not see one
    /// that was kept is locked out.
    ///
    /// # Errors
    ///
    /// [`BootstrapError::File`] if showing or keeping fails.
    pub fn hand_over(
        self,
        endpoints: &Endpoints,
        presentation: Presentation<'_>,
    ) -> Result<(), BootstrapError> {
        if self.made.api_key.is_none() && self.made.password.is_none() {
            return Ok(());
        }
        files::create_folder(&self.folder)?;
        presentation.show(&self.made, endpoints, &self.folder)?;
        self.stored.write(&self.folder)
    }

    fn notice_inactive(&mut self) {
        let file = files::hashes_path(&self.folder);
        let file = file.display();
        if self.stored.api_key.is_some() && !self.key_in_force {
            self.notices.push(format!(
                "the API key that the first start made is not active, because the configuration says who may call; its hash in {file} may be removed"
            ));
        }
        if self.stored.operator_password.is_some() && !self.password_in_force {
            self.notices.push(format!(
                "the operator password that the first start made is not active, because the configuration names operators; its hash in {file} may be removed"
            ));
        }
    }
}

/// The first key is for those who have not said who may call.
fn takes_first_key(providers: &Authentication) -> bool {
    providers.identities.is_empty() && providers.chain().contains(&Provider::ApiKey)
}

fn make_key(providers: &Authentication) -> (SecretString, String) {
    let settings = &providers.api_keys;
    let pepper = settings.pepper.as_ref().map(Secret::secret_string);
    let made = generate_with_pepper(&settings.brand, settings.environment(), pepper.as_ref());
    (made.key, made.verifier)
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BootstrapError {
    move |source| BootstrapError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
