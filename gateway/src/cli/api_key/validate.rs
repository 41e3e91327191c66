//! Checks a key against hashes.

use std::path::PathBuf;

use authentication::api_key::KeyVerifier;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::super::{Console, Failure};
use super::sources::{KeySource, configuration, identity, pepper};
use crate::config::Config;

/// What to check.
#[derive(Debug, Args)]
pub(in crate::cli) struct Validate {
    #[command(flatten)]
    key: KeySource,
    #[command(flatten)]
    hash: HashSource,
    /// The identity in that file; absent: any of them
    #[arg(long, requires = "config")]
    identity: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct HashSource {
    /// The hash
    #[arg(long)]
    hash: Option<String>,
    /// A configuration file with hashes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Validate {
    pub(super) fn run(self, console: &mut Console<'_>) -> Result<bool, Failure> {
        let (hashes, pepper) = self.hashes(console)?;
        let key = self.key.read(console)?;
        let mut valid = false;
        for hash in hashes {
            let verifier = verifier(&hash, pepper.as_ref())?;
            for remark in verifier.remarks() {
                writeln!(console.errors, "warning: {}: {remark}", remark.code())?;
            }
            valid |= verifier.verify(key.expose_secret());
        }
        let verdict = if valid {
            "Key is valid"
        } else {
            "Key is invalid"
        };
        writeln!(console.output, "{verdict}")?;
        Ok(valid)
    }

    fn hashes(
        &self,
        console: &Console<'_>,
    ) -> Result<(Vec<String>, Option<SecretString>), Failure> {
        let Some(file) = &self.hash.config else {
            return Ok((self.hash.hash.iter().cloned().collect(), None));
        };
        let config = configuration(file, console)?;
        let hashes = match &self.identity {
            Some(name) => hashes_of(&config, name)?,
            None => every_hash(&config),
        };
        if hashes.is_empty() {
            return Err(Failure::Usage("the file has no identity".to_owned()));
        }
        Ok((hashes, pepper(&config)))
    }
}

/// Reads a hash.
pub(super) fn verifier(hash: &str, pepper: Option<&SecretString>) -> Result<KeyVerifier, Failure> {
    KeyVerifier::parse(hash, pepper)
        .map_err(|error| Failure::Usage(format!("{}: {error}", error.code())))
}

/// The hashes of one identity.
pub(super) fn hashes_of(config: &Config, name: &str) -> Result<Vec<String>, Failure> {
    let credentials = identity(config, name)?.all_credentials();
    Ok(credentials
        .map(|credential| credential.api_key.expose().to_owned())
        .collect())
}

fn every_hash(config: &Config) -> Vec<String> {
    let identities = config.auth.providers().into_iter();
    identities
        .flat_map(|providers| providers.identities.values())
        .flat_map(|identity| identity.all_credentials())
        .map(|credential| credential.api_key.expose().to_owned())
        .collect()
}
